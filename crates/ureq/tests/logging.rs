//! No logger gets to see a token. A binary of its own, since a logger is for a whole process.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{LevelFilter, Log, Metadata, Record};
use renewd_core::{FailureKind, Sent};
use support::{Rig, Server, assert_failed, ok};

/// Keeps every record; takes those of the HTTP engine only when told to.
struct Keeper {
    engine: AtomicBool,
    lines: Mutex<Vec<String>>,
}

static KEEPER: Keeper = Keeper { engine: AtomicBool::new(true), lines: Mutex::new(Vec::new()) };

impl Log for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.engine.load(Ordering::Acquire) || !metadata.target().starts_with("ureq_proto")
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

    let failed = Rig::new().fail(&server.url());
    assert_failed(&failed, FailureKind::Configuration, Sent::Nothing);
    assert!(failed.message.contains("ureq_proto"), "{failed:?}");
    assert_eq!(server.connections(), 0);

    KEEPER.engine.store(false, Ordering::Release);
    assert_eq!(Rig::new().answer(&server.url()).status, 200);
    let lines = KEEPER.lines.lock().unwrap();
    assert!(!lines.is_empty(), "ureq logs at trace level");
    for line in lines.iter() {
        assert!(!line.contains("canary"), "{line}");
    }
}
