//! A TLS server with a certificate of its own.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use renewd_ureq::UreqOptions;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::NamedTempFile;

use super::Server;

pub(crate) type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// A certificate that signs itself, its key, and the CA file that trusts it.
pub(crate) struct Identity {
    config: Arc<ServerConfig>,
    pub(crate) ca_file: NamedTempFile,
}

impl Identity {
    /// For these names.
    pub(crate) fn new(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let mut ca_file = NamedTempFile::new().unwrap();
        ca_file.write_all(certificate.pem().as_bytes()).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self { config: Arc::new(config), ca_file }
    }

    /// Options that trust it.
    pub(crate) fn trusted(&self) -> UreqOptions {
        UreqOptions { ca_file: Some(self.ca_file.path().into()), ..UreqOptions::default() }
    }

    /// A server that speaks TLS before it handles a connection. A handshake that fails shows at the first read.
    pub(crate) fn serve(&self, handle: impl Fn(TlsStream) + Send + Sync + 'static) -> Server {
        let config = Arc::clone(&self.config);
        Server::start(move |stream| {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            handle(StreamOwned::new(tls, stream));
        })
    }
}

/// Ends TLS and the connection, in this order.
pub(crate) fn close(mut stream: TlsStream) {
    stream.conn.send_close_notify();
    let _gone = stream.flush();
}

/// `https://localhost:PORT/token`.
pub(crate) fn url(server: &Server) -> String {
    format!("https://localhost:{}/token", server.address.port())
}
