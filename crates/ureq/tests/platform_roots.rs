//! The system's trust store, told apart from the compiled-in one by a certificate that only it holds.
#![cfg(feature = "platform-roots")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use renewd_core::{FailureKind, Sent};
use renewd_ureq::{Roots, UreqOptions, Workers};
use support::tls::{Identity, url};
use support::{Rig, read_request};

/// Names a token endpoint that the system of this process trusts.
const TRUSTED_URL: &str = "RENEWD_TEST_TRUSTED_URL";

fn rig() -> Rig {
    Rig::with(UreqOptions { roots: Roots::Platform, ..UreqOptions::default() }, Workers::default())
}

#[test]
fn platform_roots_trust_what_the_system_trusts_and_no_more() {
    if let Ok(url) = std::env::var(TRUSTED_URL) {
        rig().endpoint.check().unwrap();
        assert_eq!(rig().answer(&url).status, 200);
    }
    let stranger = Identity::new(&["localhost"]);
    let server = stranger.serve(|mut stream| drop(read_request(&mut stream)));
    let failed = rig().fail(&url(&server));
    assert_eq!(failed.sent, Sent::Nothing);
    // A machine without any certificate cannot even begin.
    assert!(matches!(failed.kind, FailureKind::Tls | FailureKind::Configuration), "{failed:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_certificate_of_the_system_is_trusted() {
    use std::io::Write as _;
    use std::process::Command;

    use support::ok;
    use support::tls::close;

    let identity = Identity::new(&["localhost"]);
    let server = identity.serve(|mut stream| {
        read_request(&mut stream);
        let _gone = stream.write_all(ok("{}").as_bytes());
        close(stream);
    });
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "platform_roots_trust_what_the_system_trusts_and_no_more", "--nocapture"])
        .env("SSL_CERT_FILE", identity.ca_file.path())
        .env_remove("SSL_CERT_DIR")
        .env(TRUSTED_URL, url(&server))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(server.connections(), 1);
}
