//! The token endpoint over TLS: a client that trusts the authority gets through, the bad certificates stop it.
#![cfg(feature = "tls")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use renewd_testkit::{AsConfig, AuthorizationServer, Fault, HttpAnswer, TlsIdentity, read_answer};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

fn refresh(server: &AuthorizationServer, roots: &str, refresh_token: &str) -> io::Result<HttpAnswer> {
    let mut store = RootCertStore::empty();
    store.add(CertificateDer::from_pem_slice(roots.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(store).with_no_client_auth();
    let session =
        ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    let mut tls = StreamOwned::new(session, TcpStream::connect(server.addr())?);
    let body = format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={refresh_token}");
    let head = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    write!(tls, "{head}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    read_answer(&mut tls, false)
}

#[test]
fn a_client_that_trusts_the_authority_refreshes_over_tls() {
    let identity = TlsIdentity::localhost().unwrap();
    let server = AuthorizationServer::start_tls(AsConfig::default(), &identity).unwrap();
    assert!(server.token_url().starts_with("https://127.0.0.1:"));
    let login = server.mint_grant();
    let answer = refresh(&server, identity.ca_pem(), &login.refresh_token).unwrap();
    assert_eq!((answer.status, answer.complete), (200, true));
    assert_eq!(server.totals().rotations, 1);
}

#[test]
fn bad_certificates_stop_the_client_before_a_request_byte() {
    let stranger = TlsIdentity::localhost().unwrap();
    let (expired, wrong_host) = (TlsIdentity::expired().unwrap(), TlsIdentity::wrong_host().unwrap());
    for (identity, roots, reason) in [
        (&expired, &expired, "Expired"),
        (&wrong_host, &wrong_host, "not valid for"),
        (&TlsIdentity::localhost().unwrap(), &stranger, "UnknownIssuer"),
    ] {
        let server = AuthorizationServer::start_tls(AsConfig::default(), identity).unwrap();
        let error = refresh(&server, roots.ca_pem(), "rt_x").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(reason) || text.contains(&reason.to_lowercase()), "{reason}: {text}");
        assert_eq!(server.totals().token_requests, 0);
    }
}

#[test]
fn faults_strike_over_tls_too() {
    let identity = TlsIdentity::localhost().unwrap();
    let server = AuthorizationServer::start_tls(AsConfig::default(), &identity).unwrap();
    let login = server.mint_grant();
    server.push_fault(Fault::WafBlock);
    server.push_fault(Fault::ResetAfterRotate);
    assert_eq!(refresh(&server, identity.ca_pem(), &login.refresh_token).unwrap().status, 403);
    let error = refresh(&server, identity.ca_pem(), &login.refresh_token).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(server.totals().rotations, 1);
}
