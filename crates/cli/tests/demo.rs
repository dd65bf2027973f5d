//! `renewd demo`: that it tells the whole story, that the accounts agree, and that it leaves nothing behind.
#![cfg(all(unix, feature = "demo"))]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// A machine with nothing on it: an empty home, and a folder for what is temporary.
struct World {
    home: tempfile::TempDir,
    temporary: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        // Short: a socket's path must fit.
        let temporary = tempfile::Builder::new().prefix("rd").tempdir_in("/tmp").unwrap();
        Self { home: tempfile::tempdir().unwrap(), temporary }
    }

    fn demo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
        command.arg("demo").args(args).env_clear().env("HOME", self.home.path());
        command.env("TMPDIR", self.temporary.path()).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let left = |path: &Path| {
            std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>()
        };
        assert!(left(self.home.path()).is_empty(), "{:?}", left(self.home.path()));
        assert!(left(self.temporary.path()).is_empty(), "{:?}", left(self.temporary.path()));
    }
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// The agent's process, as the opening tells it.
fn agent(text: &str) -> Option<Pid> {
    let (_, rest) = text.split_once("process ")?;
    Pid::from_raw(rest.split_whitespace().next()?.parse().ok()?)
}

#[test]
fn it_tells_the_whole_story_and_everybody_agrees() {
    let world = World::new();
    let mut demo = world.demo(&["--speed", "400"]);
    // Whoever plays it may have settings of their own; they are not the demonstration's.
    demo.env("RENEWD_AUTH_RETRYING_INTERVAL", "7m").env("RENEWD_STORE_KIND", "memory");
    demo.env("XDG_RUNTIME_DIR", world.home.path());
    let output = demo.output().unwrap();
    let (out, err) = text(&output);
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let mut rest = out.as_str();
    for line in [
        "400 times faster",
        "A token is renewed before it expires",
        "token refreshed (proactive)",
        "The token is revoked",
        "401, the token is revoked",
        "200, sent again with the same",
        "A firewall blocks the token endpoint",
        "refresh failed: HTTP 403 text/html",
        "auth_retrying (outage)",
        "503 after ",
        "Retry-After: ",
        "lets it through again",
        "refresh tokens reused: 0",
        "logins needed: 0",
        "agree.",
    ] {
        let at =
            rest.find(line).unwrap_or_else(|| panic!("{line:?} is missing, or in another order:\n{out}"));
        rest = &rest[at..];
    }
    // Agent and client tell of the recovery each by itself: either may be heard first.
    let (_, recovery) = out.split_once("lets it through again").unwrap();
    assert!(recovery.contains("recovered after ") && recovery.contains("200 again"), "{out}");
    assert!(!out.contains('\u{1b}') && !out.contains('\r'), "plain text where nobody looks");
    assert!(err.is_empty(), "{err}");
    world.assert_untouched();
    assert!(test_kill_process(agent(&out).unwrap()).is_err(), "the agent has ended");
}

#[test]
fn a_speed_out_of_bounds_is_refused_with_the_bounds() {
    let world = World::new();
    for speed in ["0", "9", "601", "-1", "fast", ""] {
        let output = world.demo(&["--once", &format!("--speed={speed}")]).output().unwrap();
        let (out, err) = text(&output);
        assert_eq!(output.status.code(), Some(2), "{speed}: {err}");
        assert!(err.contains("--speed") && out.is_empty(), "{speed}: {err}");
        assert!(
            err.contains("10..=600")
                || err.contains("invalid digit")
                || err.contains("value is required")
                || err.contains("empty"),
            "{err}"
        );
    }
    world.assert_untouched();
}

#[test]
fn ended_early_it_leaves_nothing_behind() {
    let world = World::new();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut demo =
            world.demo(&["--speed", "10"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap());
        let mut opening = String::new();
        while !opening.contains("the proxy adds a token") {
            assert_ne!(lines.read_line(&mut opening).unwrap(), 0, "{opening}");
        }
        let agent = agent(&opening).unwrap();
        assert!(test_kill_process(agent).is_ok());
        kill_process(Pid::from_child(&demo), signal).unwrap();
        let status = demo.wait().unwrap();
        let mut err = String::new();
        demo.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(status.code(), Some(130), "{err}");
        assert!(err.contains("ended early; nothing was left behind"), "{err}");
        assert!(test_kill_process(agent).is_err(), "the agent has ended");
        world.assert_untouched();
    }
}

#[test]
fn a_reader_that_goes_away_ends_it() {
    let world = World::new();
    let mut demo =
        world.demo(&["--speed", "10"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut opening = String::new();
    BufReader::new(demo.stdout.take().unwrap()).read_line(&mut opening).unwrap();
    assert!(opening.starts_with("renewd demo"), "{opening}");
    assert_eq!(demo.wait().unwrap().code(), Some(0), "as a pager that was left");
    world.assert_untouched();
}

#[test]
fn without_a_place_for_its_folder_it_says_so() {
    let world = World::new();
    let output = world.demo(&["--once"]).env("TMPDIR", world.home.path().join("none")).output().unwrap();
    let (_, err) = text(&output);
    assert_eq!(output.status.code(), Some(5), "{err}");
    assert!(err.contains("no folder can be made at") && err.contains("TMPDIR"), "{err}");
}
