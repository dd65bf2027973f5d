//! A throw-away home and the binary in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A secret that no output may ever show.
pub(crate) const CANARY: &str = "rt-canary-51c39e";

/// A home of its own.
pub(crate) struct World {
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// How a call ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// One more variable for every call.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn path(&self, under: &str) -> PathBuf {
        self.home.path().join(under)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path(".local/state/renewd")
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        let path = self.path(".config/renewd/config.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The binary with nothing but this home in its environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("RENEWD_STORE_KEY", "file")
            .env("TZ", "UTC")
            .current_dir(self.home.path());
        command.envs(self.variables.iter().map(|(k, v)| (k, v)));
        command
    }

    /// Runs with nothing on stdin.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.feed(args, b"")
    }

    /// Runs with this on stdin.
    pub(crate) fn feed(&self, args: &[&str], stdin: &[u8]) -> Ended {
        finish(self.command(args), stdin)
    }

    /// Imports a refresh token under that name.
    pub(crate) fn import(&self, name: &str, token_endpoint: &str, token: &str, more: &[&str]) -> Ended {
        let mut args =
            vec!["import", name, "--token-endpoint", token_endpoint, "--client-id", "testkit-client"];
        args.extend(more);
        self.feed(&args, format!("{token}\n").as_bytes())
    }
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command, stdin: &[u8]) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that fails early reads nothing: the pipe breaks, and that is its right.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    let ended = Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    for (what, text) in [("stdout", &ended.out), ("stderr", &ended.err)] {
        assert!(!text.contains(CANARY), "a secret on {what}: {text}");
        assert!(!text.contains("panicked") && !text.contains("internal error at"), "a bug on {what}: {text}");
    }
    ended
}

impl Ended {
    /// Asserts the exit code, and that stderr holds all these words.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not on stderr: {}", self.err);
        }
        self
    }

    /// Stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// Makes a folder read-only, or writable again. False where that changes nothing, as for root.
pub(crate) fn set_writable(path: &Path, writable: bool) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if writable { 0o700 } else { 0o500 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let probe = path.join(".probe");
    let possible = std::fs::write(&probe, "").is_ok();
    let _ = std::fs::remove_file(&probe);
    possible == writable
}

/// A process of a test's, ended with it.
pub(crate) struct Leashed(pub(crate) std::process::Child);

impl Drop for Leashed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Longer than anything here takes on a busy machine.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

/// Waits until it is so.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "real processes are waited for, on the real clock")]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !so() {
        assert!(began.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

impl World {
    /// An agent of this home, once it answers.
    pub(crate) fn agent(&self, env: &[(&str, &str)]) -> Leashed {
        let mut command = self.command(&["agent", "--log", "info"]);
        command.envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
        command
            .stderr(std::fs::File::options().create(true).append(true).open(self.path("agent.log")).unwrap());
        let agent = Leashed(command.spawn().unwrap());
        let socket = self.state().join("run/agent.sock");
        until("the agent listens", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        agent
    }

    /// What `status --json` says of a credential.
    pub(crate) fn status(&self, name: &str) -> serde_json::Value {
        self.run(&["status", name, "--json"]).json()["credentials"][0].take()
    }
}
