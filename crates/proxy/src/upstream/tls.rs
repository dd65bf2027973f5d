//! Whom to trust when the upstream speaks TLS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why the trusted certificates could not be set up.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// The file cannot be read, or is no PEM.
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The TLS library refuses its own defaults.
    Tls(String),
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, problem } => {
                write!(f, "ca_file {}: {problem}; it must hold PEM certificates", path.display())
            }
            Self::Tls(problem) => write!(f, "TLS cannot be set up: {problem}"),
        }
    }
}

impl std::error::Error for TrustError {}

/// TLS 1.2 and 1.3 with ring, HTTP/1.1 by ALPN. With a `ca_file` its certificates are trusted and no others; without
/// one, Mozilla's list as compiled in.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let roots = match ca_file {
        Some(path) => roots_of(path)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots_of(path: &Path) -> Result<RootCertStore, TrustError> {
    let wrong = |problem: String| TrustError::File { path: path.to_owned(), problem };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("holds no certificate".into()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_that_cannot_serve_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing.pem");
        assert!(client_config(Some(&missing)).unwrap_err().to_string().contains("missing.pem"));
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here\n").unwrap();
        assert!(client_config(Some(&empty)).unwrap_err().to_string().contains("holds no certificate"));
        let junk = dir.path().join("junk.pem");
        std::fs::write(&junk, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(client_config(Some(&junk)).unwrap_err().to_string().contains("junk.pem"));
    }

    #[test]
    fn without_a_ca_file_the_compiled_in_list_is_trusted() {
        assert_eq!(client_config(None).unwrap().alpn_protocols, [b"http/1.1".to_vec()]);
    }
}
