//! No logger gets to see a token. A binary of its own, since a logger is for a whole process.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{Level, LevelFilter, Log, Metadata, Record};
use renewd_core::{Answer, FailureKind, Secret, Sent, TokenRequest};
use renewd_testkit::{AsConfig, AuthorizationServer, Canaries, Fault};
use support::{Rig, Server, assert_failed, ok, request, response};

/// Keeps every record; of these crates, trace records only when told to.
struct Keeper {
    /// The HTTP engine, `ureq_proto`.
    engine: AtomicBool,
    /// `ureq` itself.
    client: AtomicBool,
    lines: Mutex<Vec<String>>,
}

static KEEPER: Keeper =
    Keeper { engine: AtomicBool::new(true), client: AtomicBool::new(true), lines: Mutex::new(Vec::new()) };

impl Log for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let taken = match metadata.target().split("::").next() {
            Some("ureq_proto") => &self.engine,
            Some("ureq") => &self.client,
            _ => return true,
        };
        metadata.level() < Level::Trace || taken.load(Ordering::Acquire)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.lines.lock().unwrap().push(format!("{} {}", record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

#[test]
fn nothing_is_sent_while_a_logger_would_print_it_and_the_rest_of_the_log_holds_no_secret() {
    log::set_logger(&KEEPER).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let server = Server::replying(ok(r#"{"access_token":"answer-canary"}"#));

    for limited in [&KEEPER.engine, &KEEPER.client] {
        let failed = Rig::new().fail(&server.url());
        assert_failed(&failed, FailureKind::Configuration, Sent::Nothing);
        assert!(failed.message.contains("ureq=debug,ureq_proto=debug"), "{failed:?}");
        assert_eq!(server.connections(), 0);
        limited.store(false, Ordering::Release);
    }
    assert_eq!(Rig::new().answer(&server.url()).status, 200);
    let lines = KEEPER.lines.lock().unwrap();
    assert!(!lines.is_empty(), "ureq logs at trace level");
    for line in lines.iter() {
        assert!(!line.contains("canary"), "{line}");
    }
    drop(lines);
    a_refresh_failures_and_a_replay_show_no_token();
}

/// With tokens that nobody could know, and answers that repeat them. Part of the test above: a logger is for a whole process.
fn a_refresh_failures_and_a_replay_show_no_token() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let token = server.mint_grant().refresh_token;
    let rig = Rig::new();
    let send = || {
        let form = format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={token}");
        rig.send(TokenRequest {
            body: Secret::from_string(form),
            headers: form_headers(),
            ..request(&server.token_url())
        })
    };
    let mut told = String::new();
    for fault in [
        Fault::ResetBeforeRead,
        Fault::Raw(format!("HTTP/1.1 nonsense {token}\r\nX {token}\r\n\r\n").into_bytes()),
        Fault::Redirect { location: format!("http://127.0.0.1:1/{token}") },
        Fault::Status { code: 500, retry_after: None, body: token.clone() },
    ] {
        server.push_fault(fault);
        match send() {
            Answer::Failed(failure) => told += &format!("{failure:?}"),
            Answer::Response(response) => told += &response.status.to_string(),
        }
    }
    let statuses = [(); 2].map(|()| response(send()).status);
    assert_eq!(statuses, [200, 400], "one refresh, and one replay of what it spent");
    let mut canaries = Canaries::default();
    canaries.learn_issued();
    assert!(canaries.len() >= 4);
    assert_eq!(canaries.found_in(told.as_bytes()), []);
    assert_eq!(canaries.found_in(KEEPER.lines.lock().unwrap().join("\n").as_bytes()), []);
}

fn form_headers() -> Vec<(String, Secret)> {
    vec![("Content-Type".into(), Secret::from("application/x-www-form-urlencoded"))]
}
