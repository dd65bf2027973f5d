//! `renewd run`: what the command gets, for how long it holds, and how it ends.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use renewd_testkit::{AsConfig, AuthorizationServer, Fault, HttpAnswer, ProtectedApi, http_request};
use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// A home with one credential, `work`.
struct World {
    home: tempfile::TempDir,
    server: AuthorizationServer,
    api: ProtectedApi,
}

struct Ended {
    status: ExitStatus,
    out: String,
    err: String,
}

impl World {
    /// The server's tokens live so long.
    fn new(lifetime: Duration) -> Self {
        let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap();
        let server = AuthorizationServer::start(AsConfig { lifetime_ms, ..AsConfig::default() }).unwrap();
        let api = ProtectedApi::start(&server).unwrap();
        let world = Self { home: tempfile::tempdir().unwrap(), server, api };
        let (login, url) = (world.server.mint_grant(), world.server.token_url());
        let mut import = world.renewd();
        import.args(["import", "work", "--token-endpoint", &url, "--client-id", "testkit-client"]);
        finish(import, login.refresh_token.as_bytes()).expect(0, &["imported"]);
        world
    }

    fn path(&self, under: &str) -> PathBuf {
        self.home.path().join(under)
    }

    fn renewd(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("HOME", self.home.path()).env("TZ", "UTC").env("PATH", path);
        command.env("RENEWD_STORE_KEY", "file").current_dir(self.home.path());
        command
    }

    /// `renewd run work FLAGS -- COMMAND`.
    fn command(&self, flags: &[&str], command: &[&str]) -> Command {
        let mut run = self.renewd();
        run.args(["run", "work"]).args(flags).arg("--").args(command);
        run
    }

    fn run(&self, flags: &[&str], command: &[&str]) -> Ended {
        finish(self.command(flags, command), b"")
    }

    fn shell(&self, flags: &[&str], script: &str) -> Ended {
        self.run(flags, &["sh", "-c", script])
    }

    /// Starts a script that says one line once it runs.
    fn start(&self, flags: &[&str], script: &str) -> Running {
        Running::start(self.command(flags, &["sh", "-c", script]))
    }

    /// What the API says to this token.
    fn ask(&self, token: &str) -> HttpAnswer {
        let bearer = format!("Bearer {token}");
        http_request(self.api.addr(), "GET", "/x", &[("Authorization", &bearer)], b"").unwrap()
    }

    /// What runs left behind: folders, beside the lock that outlives them.
    fn left_behind(&self) -> Vec<OsString> {
        let entries = std::fs::read_dir(self.path(".local/state/renewd/run")).into_iter().flatten().flatten();
        entries.map(|e| e.file_name()).filter(|n| n != "run.lock").collect()
    }
}

fn finish(mut command: Command, stdin: &[u8]) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // What fails early reads nothing.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    Ended::of(child, String::new())
}

impl Ended {
    fn of(child: Child, mut out: String) -> Self {
        let output = child.wait_with_output().unwrap();
        out.push_str(std::str::from_utf8(&output.stdout).unwrap());
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("internal error at"), "{err}");
        Self { status: output.status, out, err }
    }

    #[track_caller]
    fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.status.code(), Some(code), "stdout: {}\nstderr: {}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not on stderr: {}", self.err);
        }
        self
    }
}

/// A command that runs.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    out: BufReader<ChildStdout>,
    /// The first line it printed.
    said: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        out.read_line(&mut said).unwrap();
        if said.is_empty() {
            let mut err = String::new();
            child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            panic!("it never ran: {err}");
        }
        Self { child, stdin, out, said: said.trim_end().into() }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Closes its stdin and waits for its end.
    fn end(mut self) -> Ended {
        drop(self.stdin.take());
        let mut out = String::new();
        self.out.read_to_string(&mut out).unwrap();
        Ended::of(self.child, out)
    }
}

/// Waits for something to come true.
#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let (_keep, never) = mpsc::channel::<()>();
    let mut left = DEADLINE;
    while !condition() {
        left = left.checked_sub(LOOK).unwrap_or_else(|| panic!("{what}: not within {DEADLINE:?}"));
        let _ = never.recv_timeout(LOOK);
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[test]
fn a_variable_holds_a_token_that_the_api_takes() {
    let world = World::new(Duration::from_secs(3600));
    let ended = world.shell(&["--env", "TOKEN"], "printf %s \"$TOKEN\"");
    let ended = ended.expect(0, &["the token in TOKEN is not renewed there; it expires ", "(in 59m)"]);
    assert_eq!(world.ask(&ended.out).status, 200);
    assert!(!ended.err.contains(&ended.out), "a token on stderr");
    assert_eq!(world.run(&["-q", "--env", "TOKEN"], &["true"]).expect(0, &[]).err, "");
}

#[test]
fn a_token_that_expires_in_its_variable_is_named_when_it_does() {
    let world = World::new(Duration::from_secs(2));
    let mut running = world.start(&["--env", "A", "--env", "B"], "echo ready; cat");
    let mut err = BufReader::new(running.child.stderr.take().unwrap()).lines();
    let told = err.find_map(|line| line.ok().filter(|line| line.contains("has expired")));
    assert_eq!(told.unwrap(), "warning: the token in A, B has expired; --proxy and --file stay fresh");
    running.end().expect(0, &[]);
}

#[test]
fn a_file_holds_a_valid_token_over_lifetimes_and_goes_at_the_end() {
    let world = World::new(Duration::from_secs(2));
    let running = world.start(&["--file", "TOKEN_FILE"], "echo \"$TOKEN_FILE\"; cat");
    let path = PathBuf::from(&running.said);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let mut seen = read(&path).unwrap();
    for _ in 0..3 {
        assert!(!seen.ends_with('\n'));
        assert_eq!(world.ask(&seen).status, 200);
        until("a newer token in the file", || {
            // Whoever reads at any moment reads a whole token.
            let now = read(&path).unwrap();
            assert_eq!(now.len(), seen.len());
            let newer = now != seen;
            seen = now;
            newer
        });
    }
    running.end().expect(0, &["token refreshed", "(proactive)"]);
    assert!(!path.exists());
    assert_eq!(world.left_behind(), Vec::<OsString>::new());
    assert_eq!(world.server.totals().reuse_trips, 0);
}

#[test]
fn a_file_holds_nothing_rather_than_an_expired_token_and_is_back_after_the_outage() {
    let world = World::new(Duration::from_secs(2));
    let mut run = world.command(&["--file", "TOKEN_FILE"], &["sh", "-c", "echo \"$TOKEN_FILE\"; cat"]);
    run.env("RENEWD_RETRY_INITIAL", "20ms").env("RENEWD_RETRY_ELAPSED", "200ms");
    run.env("RENEWD_AUTH_RETRYING_INTERVAL", "300ms").env("RENEWD_RETRY_BUDGET_REFILL", "20ms");
    let running = Running::start(run);
    let path = PathBuf::from(&running.said);
    world.server.set_fault(Fault::WafBlock);
    until("no file", || !path.exists());
    world.server.set_fault(Fault::Ok);
    until("the file is back", || path.exists());
    let token = read(&path);
    // It may have been renewed since it was read: its file says so.
    until("a token that the API takes", || read(&path).is_some_and(|t| world.ask(&t).status == 200));
    assert!(token.is_some());
    running.end().expect(0, &["auth_retrying since ", "recovered after "]);
}

#[test]
fn a_proxy_adds_the_token_and_replays_a_401_with_the_whole_body() {
    let world = World::new(Duration::from_secs(3600));
    let upstream = format!("API={}/base", world.api.url());
    let running = world.start(&["--proxy", &upstream], "echo \"$API\"; cat");
    let url = running.said.clone();
    let (authority, secret) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let addr = authority.parse().unwrap();
    assert!(secret.starts_with('~') && secret.len() >= 32, "a private URL");
    let post = |target: &str| http_request(addr, "POST", target, &[], b"the body").unwrap();
    assert_eq!(post(&format!("/{secret}/notes")).json()["target"], "/base/notes");
    world.api.revoke_current().unwrap();
    let answer = post(&format!("/{secret}/notes"));
    assert_eq!((answer.status, answer.json()["body"].as_str()), (200, Some("the body")));
    let log: Vec<u16> = world.api.log().iter().map(|entry| entry.status).collect();
    assert_eq!(log, [200, 401, 200]);
    assert_ne!(post("/notes").status, 200, "without the secret");
    running.end().expect(0, &["(rejected)"]);
    assert!(
        http_request(addr, "GET", &format!("/{secret}/"), &[], b"").is_err(),
        "it lives as long as the child"
    );
}

#[test]
fn a_proxy_starts_at_once_where_there_is_no_token_yet_and_a_variable_does_not() {
    let world = World::new(Duration::from_secs(3600));
    world.server.set_fault(Fault::InvalidGrant);
    let upstream = format!("API={}", world.api.url());
    world.shell(&["--env", "TOKEN"], "echo ran").expect(3, &["login needed (grant_refused)"]);
    world.shell(&["--file", "TOKEN"], "echo ran").expect(3, &["login needed (grant_refused)"]);
    let ran = world.shell(&["--proxy", &upstream], "echo ran").expect(0, &[]);
    assert_eq!(ran.out, "ran\n");
    assert_eq!(world.left_behind(), Vec::<OsString>::new());
}

#[test]
fn in_an_outage_a_variable_fails_with_the_next_attempt() {
    let world = World::new(Duration::from_secs(3600));
    world.server.set_fault(Fault::WafBlock);
    let mut run = world.command(&["--env", "TOKEN"], &["echo", "ran"]);
    run.env("RENEWD_RETRY_TRIES", "0").env("RENEWD_AUTH_RETRYING_INTERVAL", "10m");
    let ended = finish(run, b"").expect(4, &["auth_retrying", "HTTP 403 text/html", "next attempt"]);
    assert_eq!(ended.out, "");
}

#[test]
fn the_exit_code_and_the_streams_are_the_commands() {
    let world = World::new(Duration::from_secs(3600));
    let run = world.command(&["--env", "TOKEN"], &["sh", "-c", "cat; echo words >&2; exit 7"]);
    let ended = finish(run, b"from stdin").expect(7, &["words"]);
    assert_eq!(ended.out, "from stdin");
    world.shell(&["--env", "TOKEN"], "kill -9 $$").expect(137, &[]);
}

#[test]
fn what_cannot_be_run_is_126_and_what_is_not_there_127() {
    let world = World::new(Duration::from_secs(3600));
    std::fs::write(world.path("plain"), "not a program").unwrap();
    world.run(&["--env", "TOKEN"], &["./plain"]).expect(126, &["./plain cannot be run: permission denied"]);
    world
        .run(&["--env", "TOKEN"], &["no-such-command"])
        .expect(127, &["no-such-command cannot be run: no such file"]);
    assert_eq!(world.server.totals().token_requests, 1, "and the token is kept for the next time");
}

#[test]
fn signals_go_to_the_command() {
    let world = World::new(Duration::from_secs(3600));
    let script = "trap 'echo heard; exit 9' SIGNAL; echo ready; while :; do read -r _ || :; done";
    for (name, signal) in
        [("TERM", Signal::TERM), ("INT", Signal::INT), ("HUP", Signal::HUP), ("USR1", Signal::USR1)]
    {
        let running = world.start(&["--env", "TOKEN"], &script.replace("SIGNAL", name));
        running.signal(signal);
        let ended = running.end().expect(9, &[]);
        assert_eq!(ended.out, "heard\n", "{name}");
    }
    // Not `cat`: the end of its input could be quicker than the signal.
    let running = world.start(&["--env", "TOKEN"], "echo ready; exec sleep 60");
    running.signal(Signal::TERM);
    running.end().expect(143, &[]);
}

#[test]
fn a_signal_while_the_first_token_is_waited_for_ends_it() {
    let world = World::new(Duration::from_secs(3600));
    world.server.hold();
    let mut run = world.command(&["--env", "TOKEN"], &["echo", "ran"]);
    let child = run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    world.server.wait_held(1, DEADLINE).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    world.server.release();
    let ended = Ended::of(child, String::new()).expect(143, &[]);
    assert_eq!(ended.out, "");
    // The answer that was on its way was waited for and saved: the next call needs no request.
    world.shell(&["--env", "TOKEN"], "true").expect(0, &[]);
    assert_eq!(world.server.totals().token_requests, 1);
}

#[test]
fn the_command_gets_what_was_asked_for_and_nothing_else_of_ours() {
    let world = World::new(Duration::from_secs(3600));
    let mut run = world.command(&["--env", "TOKEN"], &["env"]);
    run.env("RENEWD_AUTH_RETRYING_INTERVAL", "5m").env("OTHER", "kept");
    let shown = finish(run, b"").expect(0, &[]).out;
    let names: Vec<&str> = shown.lines().filter_map(|l| l.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.contains(&"TOKEN") && names.contains(&"OTHER"), "{names:?}");
    assert!(!names.iter().any(|n| n.starts_with("RENEWD_")), "{names:?}");
    let descriptors = world.shell(&["--file", "TOKEN"], "ls /proc/self/fd | wc -l").expect(0, &[]).out;
    let without = finish(
        {
            let mut sh = Command::new("sh");
            sh.args(["-c", "ls /proc/self/fd | wc -l"]);
            sh
        },
        b"",
    )
    .out;
    assert_eq!(descriptors, without, "no descriptor of ours");
}

#[test]
fn a_wrong_call_says_what_is_wrong() {
    let world = World::new(Duration::from_secs(3600));
    world
        .run(&[], &["true"])
        .expect(2, &["nothing says how the command is to get its token", "--proxy VAR=UPSTREAM"]);
    world.run(&["--env", "A", "--file", "A"], &["true"]).expect(2, &["A is to be set twice"]);
    world.run(&["--env", "1A"], &["true"]).expect(2, &["letters, digits and _"]);
    world.run(&["--proxy", "API"], &["true"]).expect(2, &["VAR=UPSTREAM"]);
    world.run(&["--proxy", "API=http://api.example"], &["true"]).expect(2, &["https only"]);
    world.run(&["--env", "A"], &[]).expect(2, &["COMMAND"]);
    let mut unknown = world.renewd();
    unknown.args(["run", "wrok", "--env", "A", "--", "true"]);
    finish(unknown, b"").expect(3, &["no credential is called wrok", "did you mean work?"]);
    assert_eq!(world.server.totals().token_requests, 0);
}

#[test]
fn the_journal_tells_of_it_and_lines_come_as_json_where_asked() {
    let world = World::new(Duration::from_secs(3600));
    let ended = world.run(&["--log-format", "json", "--file", "TOKEN"], &["true"]).expect(0, &[]);
    let line = ended.err.lines().find(|l| l.starts_with('{')).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((line["credential"].as_str(), line["event"].as_str()), (Some("work"), Some("refreshed")));
    let mut history = world.renewd();
    history.args(["history", "work", "--events"]);
    assert!(finish(history, b"").expect(0, &[]).out.contains("token refreshed"));
}
