//! A user's home, made for one test: folders, configuration, environment.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use renewd_testkit::{AuthorizationServer, MintedGrant};
use tempfile::TempDir;

use crate::binary::renewd;
use crate::disclosure;
use crate::run::{Ran, Running};

/// A short retry that is over in moments, and a budget that no test exhausts: for the configuration of tests that want
/// to see what comes after.
pub const QUICK_RETRY: &str = r#"
[retry]
initial = "50ms"
max = "100ms"
tries = 2
elapsed = "30s"
budget = 100000
budget_refill = "1s"
"#;

/// A home folder with everything that the command looks for in one, and nothing else of the machine's.
pub struct Home {
    dir: TempDir,
}

/// What stands in it at the end is searched for secrets.
impl Drop for Home {
    fn drop(&mut self) {
        if disclosure::is_on() {
            disclosure::learn_key(&self.state());
            disclosure::check_below(self.path());
        }
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// An empty one.
    ///
    /// # Panics
    /// When no folder can be made.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("renewd-e2e-").tempdir().expect("a folder can be made");
        for name in ["home", "config/renewd", "state", "runtime"] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir.path().join(name))
                .expect("a folder can be made in one's own");
        }
        Self { dir }
    }

    /// One with that configuration.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn with(configuration: &str) -> Self {
        let home = Self::new();
        home.configure(configuration);
        home
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.path().join("state/renewd")
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.path().join("config/renewd/config.toml")
    }

    /// The agent's socket, where the configuration names none.
    pub fn socket(&self) -> PathBuf {
        self.path().join("runtime/renewd/agent.sock")
    }

    /// Writes the configuration, renamed into place as an editor would.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn configure(&self, text: &str) {
        let file = self.configuration();
        let beside = file.with_extension("new");
        fs::write(&beside, text).expect("the configuration can be written");
        fs::rename(&beside, &file).expect("the configuration can be put in place");
    }

    /// Writes a private file beside the configuration and says where.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn private_file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join("config/renewd").join(name);
        fs::write(&path, content).expect("a file can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its mode can be set");
        disclosure::input(&path);
        path
    }

    /// The command, in this home and with nothing else of this process's environment.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(renewd());
        if disclosure::is_on() {
            // Everything that could give something away is said, and then searched.
            command.args(["--log", "trace"]);
        }
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path().join("home"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_RUNTIME_DIR", self.path().join("runtime"))
            // Said in so many words: the default is this machine's keyring, which is nobody's business here.
            .env("RENEWD_STORE_KEY", "file")
            .env("RUST_BACKTRACE", if disclosure::is_on() { "full" } else { "0" })
            .env("TZ", "UTC")
            .current_dir(self.path().join("home"));
        command
    }

    /// Runs the command to its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        Running::start(self.command(args), b"").finish()
    }

    /// Starts the command.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        Running::start(self.command(args), b"")
    }

    /// Logs in at the server, without a browser, and imports the refresh token under that name.
    ///
    /// # Panics
    /// When the import fails.
    #[track_caller]
    pub fn import(&self, name: &str, server: &AuthorizationServer) -> MintedGrant {
        self.import_with(name, server, &[])
    }

    /// The same with more arguments.
    ///
    /// # Panics
    /// When the import fails.
    #[track_caller]
    pub fn import_with(&self, name: &str, server: &AuthorizationServer, more: &[&str]) -> MintedGrant {
        let grant = server.mint_grant();
        let (endpoint, revocation) = (server.token_url(), server.revocation_url());
        let mut args = vec!["import", name, "--token-endpoint", &endpoint, "--client-id", "testkit-client"];
        args.extend(["--revocation-endpoint", &revocation]);
        args.extend(more);
        Running::start(self.command(args), grant.refresh_token.as_bytes()).finish().succeeded();
        grant
    }

    /// `renewd status NAME --json`: the one credential.
    ///
    /// # Panics
    /// When the command fails.
    #[track_caller]
    pub fn status(&self, name: &str) -> serde_json::Value {
        let mut document = self.run(["status", name, "--json"]).succeeded().json();
        document["credentials"][0].take()
    }
}
