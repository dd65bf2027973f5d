//! What a program that uses the library leaves in its memory, once it has let everything go: nothing.

#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use renewd_e2e::memory::Search;
use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ClientAuth, issued_after};

/// The program, `src/bin/memory-subject.rs`. Dropping it ends it.
struct Subject {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Subject {
    fn start(argument: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_memory-subject"))
            .arg(argument)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let stdin = child.stdin.take().expect("it is a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { child, stdin, stdout }
    }

    fn tell(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).expect("it listens");
    }

    #[track_caller]
    fn expect(&mut self, word: &str) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it speaks");
        assert_eq!(line.trim_end(), word);
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nothing_is_left(argument: &str) {
    let secret = format!(
        "c/s+{}=&",
        AuthorizationServer::start(AsConfig::default()).unwrap().mint_grant().access_token
    );
    let server = AuthorizationServer::start(AsConfig {
        client_secret: Some(secret.clone()),
        client_auth: ClientAuth::Basic,
        ..AsConfig::default()
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut subject = Subject::start(argument);
    subject.expect("ready");
    subject.tell(folder.path().join("state").to_str().unwrap());
    subject.tell(&server.token_url());
    subject.tell(&server.mint_grant().refresh_token);
    subject.tell(&secret);
    subject.expect("held");

    let issued = issued_after(0);
    let mut search = Search::new().with("the client secret", secret.as_bytes());
    for (number, issued) in issued.iter().enumerate() {
        if issued.text != secret {
            search = search.with(&format!("{:?} {number}", issued.kind), issued.text.as_bytes());
        }
    }
    let held = search.in_process(subject.child.id()).expect("a child's memory can be read");
    let last = |start: &str| {
        let at = issued.iter().rposition(|i| i.text.starts_with(start)).expect("it was issued");
        format!("{:?} {at}", issued[at].kind)
    };
    for label in [last("at_"), last("rt_"), "the client secret".into()] {
        assert!(held.holds(&label), "{label} is held and was not found: the search sees nothing\n{held:?}");
    }

    subject.tell("go on");
    subject.expect("dropped");
    let left = search.in_process(subject.child.id()).expect("a child's memory can be read");
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn on_the_heap_nothing_is_left_of_any_secret_once_all_is_dropped() {
    nothing_is_left("heap");
}

#[test]
fn in_locked_memory_nothing_is_left_of_any_secret_once_all_is_dropped() {
    nothing_is_left("locked");
}
