//! TLS for the authorization server, with certificates made on the spot: good ones, and each kind of bad one.

use crate::http::{Plain, Stream, Wrap};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fmt;
use std::sync::Arc;

/// A server certificate with the authority that signed it.
///
/// A client trusts it by trusting [`TlsIdentity::ca_pem`]; one that does not sees an unknown authority.
pub struct TlsIdentity {
    ca_pem: String,
    config: Arc<ServerConfig>,
}

impl TlsIdentity {
    /// A good certificate for `localhost` and `127.0.0.1`.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn localhost() -> Result<Self, TlsError> {
        Self::make(&["localhost", "127.0.0.1"], None)
    }

    /// A certificate for the same names that expired in the year 2000.
    ///
    /// # Errors
    /// As [`localhost`](Self::localhost).
    pub fn expired() -> Result<Self, TlsError> {
        Self::make(&["localhost", "127.0.0.1"], Some(2000))
    }

    /// A good certificate for another host.
    ///
    /// # Errors
    /// As [`localhost`](Self::localhost).
    pub fn wrong_host() -> Result<Self, TlsError> {
        Self::make(&["elsewhere.invalid"], None)
    }

    /// The certificate of the authority, in PEM, for the client's list of roots.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    fn make(names: &[&str], last_year: Option<i32>) -> Result<Self, TlsError> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate()?;
        // Each authority its own name, so that a client takes a strange one for unknown, not for forged.
        let public_key = authority_key.public_key_raw();
        let mark: String = public_key.iter().rev().take(8).map(|byte| format!("{byte:02x}")).collect();
        authority.distinguished_name.push(DnType::CommonName, format!("renewd testkit authority {mark}"));
        let ca_pem = authority.self_signed(&authority_key)?.pem();
        let authority = Issuer::new(authority, authority_key);

        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        if let Some(year) = last_year {
            params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Self { ca_pem, config: Arc::new(config) })
    }

    /// Puts TLS around an accepted socket; the handshake comes with the first read.
    pub(crate) fn wrap(&self) -> Arc<Wrap> {
        let config = Arc::clone(&self.config);
        Arc::new(move |plain| {
            let session = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            Ok(Box::new(StreamOwned::new(session, plain)))
        })
    }
}

impl Stream for StreamOwned<ServerConnection, Plain> {
    fn finish(&mut self) {
        self.conn.send_close_notify();
        let _ = self.conn.complete_io(&mut self.sock);
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

/// A certificate could not be made or used; the text says why.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot make a test certificate: {}", self.0)
    }
}

impl std::error::Error for TlsError {}

impl From<rcgen::Error> for TlsError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}
