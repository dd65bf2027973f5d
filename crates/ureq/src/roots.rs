//! Which certificates are trusted.
//!
//! The TLS configuration is made once and kept; a CA file is read again when its time or length changes, since
//! companies replace theirs under running programs.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::options::{ConfigurationError, Roots, UreqOptions};

/// The largest CA file that is read: ten times the size of all public roots.
const CA_FILE_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The TLS configuration of one endpoint.
#[derive(Default)]
pub(crate) struct Trust(Mutex<Option<Kept>>);

struct Kept {
    version: Option<FileVersion>,
    config: Arc<ClientConfig>,
}

/// What tells one version of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileVersion {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl Trust {
    /// The configuration, made now if there is none or the CA file changed.
    pub(crate) fn config(&self, options: &UreqOptions) -> Result<Arc<ClientConfig>, ConfigurationError> {
        let version = options.ca_file.as_deref().map(version_of).transpose()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref().filter(|k| k.version == version) {
            return Ok(Arc::clone(&kept.config));
        }
        let config = Arc::new(build(options)?);
        *kept = Some(Kept { version, config: Arc::clone(&config) });
        Ok(config)
    }
}

fn build(options: &UreqOptions) -> Result<ClientConfig, ConfigurationError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| ConfigurationError::new(format!("TLS cannot be set up: {e}")))?;
    // rfc: 6749-10.9 8414-6.1 every certificate is checked, against these roots and the host's name
    let mut config = match (&options.ca_file, options.roots) {
        (Some(path), _) => builder.with_root_certificates(read_ca_file(path)?).with_no_client_auth(),
        (None, Roots::Webpki) => builder
            .with_root_certificates(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
            .with_no_client_auth(),
        (None, Roots::Platform) => builder
            .dangerous()
            .with_custom_certificate_verifier(platform_verifier(provider)?)
            .with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(feature = "platform-roots")]
fn platform_verifier(
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::client::danger::ServerCertVerifier>, ConfigurationError> {
    match rustls_platform_verifier::Verifier::new(provider) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(e) => Err(ConfigurationError::new(format!(
            "the system's trust store cannot be used ({e}); install its certificates, or choose roots = \"webpki\" or a CA file"
        ))),
    }
}

#[cfg(not(feature = "platform-roots"))]
fn platform_verifier(
    _provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::client::danger::ServerCertVerifier>, ConfigurationError> {
    Err(ConfigurationError::new(
        "this program is built without the system's trust store (feature `platform-roots`); choose roots = \"webpki\" or a CA file",
    ))
}

fn version_of(path: &Path) -> Result<FileVersion, ConfigurationError> {
    let metadata = std::fs::metadata(path).map_err(|e| unusable(path, &e.to_string()))?;
    if !metadata.is_file() {
        return Err(unusable(path, "it is not a file"));
    }
    Ok(FileVersion { modified: metadata.modified().ok(), bytes: metadata.len() })
}

/// Reads every certificate of a PEM file. One that cannot be used is an error, not left out: a trust store that
/// silently lacks a root is found by an outage.
fn read_ca_file(path: &Path) -> Result<RootCertStore, ConfigurationError> {
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(CA_FILE_MAX_BYTES + 1).read_to_end(&mut pem))
        .map_err(|e| unusable(path, &e.to_string()))?;
    if pem.len() as u64 > CA_FILE_MAX_BYTES {
        return Err(unusable(path, &format!("it is larger than {CA_FILE_MAX_BYTES} bytes")));
    }
    let mut roots = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let number = index + 1;
        let certificate =
            certificate.map_err(|e| unusable(path, &format!("certificate {number} is no PEM: {e}")))?;
        roots.add(certificate).map_err(|e| unusable(path, &format!("certificate {number}: {e}")))?;
    }
    if roots.is_empty() {
        return Err(unusable(
            path,
            "there is no certificate in it (a block BEGIN CERTIFICATE … END CERTIFICATE)",
        ));
    }
    Ok(roots)
}

fn unusable(path: &Path, why: &str) -> ConfigurationError {
    ConfigurationError::new(format!("CA file {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::path::PathBuf;
    use tempfile::{NamedTempFile, tempdir};

    fn certificate() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(vec!["ca.example".into()]).unwrap().self_signed(&key).unwrap().pem()
    }

    fn file(text: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn with(path: impl Into<PathBuf>) -> UreqOptions {
        UreqOptions { ca_file: Some(path.into()), ..UreqOptions::default() }
    }

    fn error(path: impl Into<PathBuf>) -> String {
        Trust::default().config(&with(path)).unwrap_err().to_string()
    }

    #[test]
    fn a_ca_file_that_cannot_be_used_says_which_file_and_why() {
        let empty = file("no certificate here\n");
        let text = error(empty.path());
        assert!(
            text.contains("no certificate in it") && text.contains(&empty.path().display().to_string()),
            "{text}"
        );
        assert!(error(tempdir().unwrap().path().join("none.pem")).contains("CA file"));
        assert!(error(tempdir().unwrap().path().parent().unwrap()).contains("not a file"));
        let broken = file("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
        assert!(error(broken.path()).contains("certificate 1"));
        let second =
            file(&format!("{}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", certificate()));
        assert!(error(second.path()).contains("certificate 2"));
    }

    #[test]
    fn a_ca_file_is_read_again_when_it_changes_and_only_then() {
        let mut file = file(&certificate());
        let trust = Trust::default();
        let options = with(file.path());
        let first = trust.config(&options).unwrap();
        assert!(Arc::ptr_eq(&first, &trust.config(&options).unwrap()));
        file.write_all(certificate().as_bytes()).unwrap();
        assert!(!Arc::ptr_eq(&first, &trust.config(&options).unwrap()));
        file.as_file().set_len(0).unwrap();
        assert!(trust.config(&options).is_err());
    }

    #[test]
    fn no_session_is_resumed_and_no_early_data_sent() {
        let config = build(&UreqOptions::default()).unwrap();
        assert!(!config.enable_early_data);
        assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    }

    #[cfg(not(feature = "platform-roots"))]
    #[test]
    fn platform_roots_that_are_not_built_in_are_a_configuration_error() {
        let options = UreqOptions { roots: Roots::Platform, ..UreqOptions::default() };
        assert!(Trust::default().config(&options).unwrap_err().to_string().contains("platform-roots"));
    }
}
