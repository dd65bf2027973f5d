//! Whom to trust when the upstream speaks TLS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::config::UpstreamHttp2;

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

/// What is offered to an upstream by ALPN (RFC 7301).
pub(crate) struct Tls {
    /// For requests of any kind.
    pub(crate) any: Arc<ClientConfig>,
    /// For those that only HTTP/1.1 can carry: a WebSocket.
    pub(crate) http1: Arc<ClientConfig>,
}

/// TLS 1.2 and 1.3 with ring. With a `ca_file` its certificates are trusted and no others; without one, Mozilla's list
/// as compiled in.
pub(crate) fn client_config(ca_file: Option<&Path>, http2: UpstreamHttp2) -> Result<Tls, TrustError> {
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
    let (h2, http1) = (b"h2".to_vec(), b"http/1.1".to_vec());
    config.alpn_protocols = vec![http1.clone()];
    let only_http1 = Arc::new(config.clone());
    config.alpn_protocols = match http2 {
        UpstreamHttp2::Auto => vec![h2, http1],
        UpstreamHttp2::PriorKnowledge => vec![h2],
        UpstreamHttp2::Off => vec![http1],
    };
    Ok(Tls { any: Arc::new(config), http1: only_http1 })
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

    fn refused(file: &Path) -> TrustError {
        let Err(error) = client_config(Some(file), UpstreamHttp2::Auto) else { panic!("it is trusted") };
        error
    }

    #[test]
    fn a_ca_file_that_cannot_serve_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing.pem");
        assert!(refused(&missing).to_string().contains("missing.pem"));
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here\n").unwrap();
        assert!(refused(&empty).to_string().contains("holds no certificate"));
        let junk = dir.path().join("junk.pem");
        std::fs::write(&junk, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(refused(&junk).to_string().contains("junk.pem"));
    }

    #[test]
    fn without_a_ca_file_the_compiled_in_list_is_trusted_and_http_2_offered_first() {
        for (http2, offered) in [
            (UpstreamHttp2::Auto, vec!["h2", "http/1.1"]),
            (UpstreamHttp2::PriorKnowledge, vec!["h2"]),
            (UpstreamHttp2::Off, vec!["http/1.1"]),
        ] {
            let Ok(tls) = client_config(None, http2) else { panic!("no TLS") };
            let offered: Vec<_> = offered.into_iter().map(|name| name.as_bytes().to_vec()).collect();
            assert_eq!(tls.any.alpn_protocols, offered);
            assert_eq!(tls.http1.alpn_protocols, [b"http/1.1".to_vec()]);
        }
    }
}
