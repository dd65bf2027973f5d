//! A home whose commands run in one desktop session, or in none, and seal their records with a key of its choice.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use renewd_testkit::AuthorizationServer;

use crate::home::{Home, QUICK_RETRY};
use crate::run::{Ran, Running};

/// How long one call of a keyring may take in these tests. Those that wait for its end wait so long; a keyring that
/// answers does it in milliseconds.
pub const KEYRING_TIMEOUT: &str = "3s";

/// Such a home.
pub struct Session {
    /// The home.
    pub home: Home,
    env: Vec<(String, String)>,
    passphrase: Option<PathBuf>,
}

impl Session {
    /// With that `store.kind` and `store.key`, and no keyring. An empty key says nothing of it.
    ///
    /// # Panics
    /// When no home can be made.
    pub fn new(kind: &str, key: &str) -> Self {
        let home = Home::with(QUICK_RETRY);
        let env = vec![
            ("RENEWD_STORE_KIND".into(), kind.into()),
            ("RENEWD_STORE_KEY".into(), key.into()),
            ("RENEWD_STORE_KEYRING_TIMEOUT".into(), KEYRING_TIMEOUT.into()),
        ];
        Self { home, env, passphrase: None }
    }

    /// On that session bus.
    #[must_use]
    pub fn on_bus(mut self, address: &str) -> Self {
        self.set("DBUS_SESSION_BUS_ADDRESS", address);
        self
    }

    /// Sets a variable of its commands, in place of an earlier value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), value.into()));
    }

    /// What its commands read as the passphrase, over a descriptor; nothing any more where it is `None`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn passphrase(&mut self, text: Option<&str>) {
        self.passphrase = text.map(|text| self.home.private_file("passphrase", text));
    }

    /// The command, in this session.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.home.command(args);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        let Some(file) = &self.passphrase else { return command };
        // Only a shell opens a descriptor of a given number without further ado.
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg("exec 3<\"$1\"; shift; exec \"$@\"").arg("sh").arg(file);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("RENEWD_STORE_PASSPHRASE_FD", "3");
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        shell
    }

    /// The command, which does not find the agent: it does everything itself.
    pub fn alone<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.command(args);
        command.env("XDG_RUNTIME_DIR", self.home.path().join("home"));
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

    /// Logs in at the server, without a browser, and imports the refresh token as `work`.
    ///
    /// # Panics
    /// When the command does not end.
    #[track_caller]
    pub fn import(&self, server: &AuthorizationServer) -> Ran {
        let (endpoint, revocation) = (server.token_url(), server.revocation_url());
        let args = ["import", "work", "--token-endpoint", &endpoint, "--client-id", "testkit-client"];
        let args = args.into_iter().chain(["--revocation-endpoint", &revocation]);
        Running::start(self.command(args), server.mint_grant().refresh_token.as_bytes()).finish()
    }

    /// A token, or why there is none.
    ///
    /// # Panics
    /// When the command does not end.
    #[track_caller]
    pub fn token(&self) -> Ran {
        self.run(["token", "work"])
    }

    /// What a command told a person, with nothing in it that differs from run to run: folders have names, and numbers
    /// that were drawn are dots.
    pub fn said(&self, ran: &Ran) -> String {
        self.steady(ran.stderr.trim_end())
    }

    /// A text with nothing in it that differs from run to run, as [`said`](Self::said).
    pub fn steady(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let real = fs::canonicalize(self.home.path()).unwrap_or_default();
        for home in [self.home.path().to_owned(), real] {
            let state = home.join("state/renewd");
            text = text.replace(&*state.to_string_lossy(), "STATE").replace(&*home.to_string_lossy(), "HOME");
        }
        dotted(&text)
    }
}

/// Every run of hexadecimal digits that is no word is replaced by dots.
fn dotted(text: &str) -> String {
    const DRAWN: usize = 12;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (digits, behind) = rest.split_at(run);
        out += if run >= DRAWN { "…" } else { digits };
        let next = behind.chars().next().map_or(0, char::len_utf8);
        out += behind.get(..next).unwrap_or_default();
        rest = behind.get(next..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn drawn_numbers_are_dots_and_words_stay() {
        assert_eq!(dotted("renewd/3f9c0a3f9c0a3f9c/key: dead beef"), "renewd/…/key: dead beef");
        assert_eq!(dotted("exit 5 – déjà"), "exit 5 – déjà");
    }
}
