//! Authorization servers that nobody here wrote.
//!
//! Our own test server agrees with our own reading of the RFCs; a stranger's need not. A peer is a real server from a
//! package registry, run by a small script of ours in `tests/peers`, with a control beside it that logs a person in
//! without a browser and tells what the server's own events counted. `cargo xtask test` installs them.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use renewd_testkit::{HttpAnswer, Numbers, SecretKind, Tier};
use serde_json::Value;

use crate::disclosure;
use crate::door::Door;
use crate::home::Home;
use crate::run::{Running, json};
use crate::wait::PATIENCE;

/// The variable that names the folder with one folder for each installed peer.
const FOLDER_ENV: &str = "RENEWD_PEERS";

/// Where this is 1, a peer that is not at hand is a failure rather than a skipped test.
const REQUIRED_ENV: &str = "RENEWD_PEERS_REQUIRED";

/// What `cargo xtask peers` leaves in a peer's folder when it is whole.
const STAMP: &str = "installed";

/// How often one is started until it greets: node, as it is on some machines, now and then sleeps for ever while it starts.
const STARTS: u32 = 3;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "tests say for each peer what it does")]
pub enum Stranger {
    /// npm's oidc-provider with rotation on: a spent refresh token that comes back ends the login.
    OidcProvider,
    /// PyPI's canaille: rotates; a spent refresh token that comes back is refused, and the login lives on.
    Canaille,
}

impl Stranger {
    /// Its name, in rows and folders.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OidcProvider => "oidc-provider",
            Self::Canaille => "canaille",
        }
    }

    /// Starts it, with access tokens that live so many seconds. `None` where it is not installed: said, and the test
    /// has nothing to test.
    ///
    /// # Panics
    /// When it does not start; when it is not installed and `RENEWD_PEERS_REQUIRED` says that it must be.
    pub fn start(self, lifetime_s: u32) -> Option<Peer> {
        match self.installed() {
            Ok(folder) => Some(Peer::start(self, &folder, lifetime_s)),
            Err(why) => {
                let required = std::env::var_os(REQUIRED_ENV).is_some_and(|value| value == "1");
                assert!(!required, "{} is required ({REQUIRED_ENV}=1): {why}", self.name());
                println!("SKIPPED, nothing was tested: {why}");
                None
            }
        }
    }

    fn installed(self) -> Result<PathBuf, String> {
        let name = self.name();
        let folder = std::env::var_os(FOLDER_ENV).map(PathBuf::from).ok_or_else(|| {
            format!("{FOLDER_ENV} is not set: `cargo xtask test` installs {name} and sets it")
        })?;
        let folder = folder.join(name);
        if folder.join(STAMP).is_file() {
            Ok(folder)
        } else {
            Err(format!("{name} is not installed: `cargo xtask peers` installs it into {}", folder.display()))
        }
    }

    fn command(self, installed: &Path, lifetime_s: u32) -> Command {
        // Asked at run time first: a build folder may be shared between two checkouts.
        let here =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let scripts = Path::new(&here).join("peers").join(self.name());
        let mut command = match self {
            Self::OidcProvider => {
                let mut command = Command::new("node");
                command.arg(scripts.join("server.mjs")).arg(installed);
                command
            }
            Self::Canaille => {
                let mut command = Command::new(installed.join("bin/python"));
                command.arg(scripts.join("server.py"));
                command
            }
        };
        command.arg(lifetime_s.to_string());
        command
    }
}

/// What a peer's own events counted since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests at its token endpoint.
    pub token_requests: u64,
    /// The most of them at the same time.
    pub max_in_flight: u64,
    /// Refresh tokens that were spent for a new one.
    pub rotations: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Spent refresh tokens that came back.
    pub replays: u64,
    /// Logins that it ended because of one.
    pub families_revoked: u64,
}

/// A running peer. It ends with this value, and with the test's process.
pub struct Peer {
    stranger: Stranger,
    greeting: Value,
    child: Child,
}

impl Peer {
    fn start(stranger: Stranger, installed: &Path, lifetime_s: u32) -> Self {
        for _ in 1..STARTS {
            match Self::try_start(stranger, installed, lifetime_s) {
                Ok(peer) => return peer,
                Err(silent) => println!("{silent}; once more"),
            }
        }
        Self::try_start(stranger, installed, lifetime_s).unwrap_or_else(|silent| panic!("{silent}"))
    }

    /// Starts it; an error where it says nothing in its time.
    fn try_start(stranger: Stranger, installed: &Path, lifetime_s: u32) -> Result<Self, String> {
        let mut command = stranger.command(installed, lifetime_s);
        // Its standard input stays open with this value: a server that reads its end stops.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let (greeted, greeting) = channel();
        std::thread::spawn(move || {
            // It is read to its end: a server must not wait for a reader.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.starts_with('{') {
                    // Nobody listens any more after the first.
                    let _ = greeted.send(line);
                }
            }
        });
        match greeting.recv_timeout(PATIENCE / 2) {
            Ok(greeting) => Ok(Self { stranger, greeting: json(&greeting), child }),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("{command:?} does not greet; see its standard error"))
            }
        }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.greeting[key].as_str().unwrap_or_else(|| panic!("the greeting has no {key}: {}", self.greeting))
    }

    /// Which server it is.
    pub const fn stranger(&self) -> Stranger {
        self.stranger
    }

    /// Where refresh tokens are spent.
    pub fn token_endpoint(&self) -> &str {
        self.text("token_endpoint")
    }

    /// The client that it knows.
    pub fn client_id(&self) -> &str {
        self.text("client_id")
    }

    /// Where it listens.
    pub fn place(&self) -> Place {
        Place::of(self.token_endpoint())
    }

    /// What it serves to whoever has a valid access token.
    pub fn userinfo(&self) -> Place {
        Place::of(self.text("userinfo_endpoint"))
    }

    /// Logs in without a browser: a refresh token of a new login.
    ///
    /// # Panics
    /// When the control does not answer.
    pub fn mint(&self) -> String {
        let minted = self.control("POST", "/mint");
        let token = minted["refresh_token"].as_str().expect("a refresh token").to_owned();
        disclosure::learn_token(SecretKind::RefreshToken, &token);
        token
    }

    /// Ends every login, as an administrator would.
    ///
    /// # Panics
    /// When the control does not answer.
    pub fn revoke(&self) {
        self.control("POST", "/revoke");
    }

    /// What it counted.
    ///
    /// # Panics
    /// When the control does not answer.
    pub fn counts(&self) -> Counts {
        let counts = self.control("GET", "/counts");
        let number = |key: &str| counts[key].as_u64().unwrap_or_else(|| panic!("no {key} in {counts}"));
        Counts {
            token_requests: number("token_requests"),
            max_in_flight: number("max_in_flight"),
            rotations: number("rotations"),
            refused: number("refused"),
            replays: number("replays"),
            families_revoked: number("families_revoked"),
        }
    }

    pub(crate) fn control(&self, method: &str, target: &str) -> Value {
        let door = Door::of_url(self.text("control")).expect("the control is an address");
        let answer = door.request_of_server(method, target, &[], b"").expect("the control answers");
        assert_eq!(answer.status, 200, "{method} {target}: {}", answer.text());
        answer.json()
    }

    /// Whether the server takes that access token: asked at its userinfo endpoint, as an API would.
    ///
    /// # Panics
    /// When it answers neither yes nor no.
    pub fn accepts(&self, access_token: &str) -> bool {
        disclosure::learn_token(SecretKind::AccessToken, access_token);
        let bearer = format!("Bearer {access_token}");
        let answer = self.userinfo().request("GET", &[("Authorization", &bearer)], "");
        assert!(matches!(answer.status, 200 | 401), "userinfo: {answer:?} {}", answer.text());
        answer.status == 200
    }

    /// Presents a refresh token as somebody who stole it would.
    ///
    /// # Panics
    /// When nothing answers.
    pub fn present(&self, refresh_token: &str) -> HttpAnswer {
        let client = self.client_id();
        let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={refresh_token}");
        self.post("token_endpoint", &form)
    }

    /// Posts a form to an endpoint, named as in RFC 8414.
    ///
    /// # Panics
    /// When there is none of that name, or nothing answers.
    pub fn post(&self, endpoint: &str, form: &str) -> HttpAnswer {
        let fields = [("Content-Type", "application/x-www-form-urlencoded")];
        Place::of(self.text(endpoint)).request("POST", &fields, form)
    }

    /// Logs in and imports the refresh token, which is given back. `endpoint` says otherwise where token requests go.
    ///
    /// # Panics
    /// When the import fails.
    #[track_caller]
    pub fn import(&self, home: &Home, name: &str, endpoint: Option<&str>, more: &[&str]) -> String {
        let token = self.mint();
        let endpoint = endpoint.unwrap_or(self.token_endpoint());
        let mut args = vec!["import", name, "--token-endpoint", endpoint, "--client-id", self.client_id()];
        args.extend(more);
        Running::start(home.command(args), token.as_bytes()).finish().succeeded();
        token
    }

    /// A row of six numbers about this server and that home, with what was counted so far.
    ///
    /// # Panics
    /// When the home cannot be read.
    pub fn numbers(&self, home: &Home, fault: &str, processes: u32) -> Numbers {
        let counts = self.counts();
        let mut row = Numbers::new(Tier::Peer, fault, self.stranger.name(), processes);
        (row.rounds, row.token_requests, row.reuse_trips) =
            (1, counts.token_requests, counts.families_revoked);
        row.leaks = disclosure::leaks_below(home.path()).len() as u64;
        row
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stranger.name(), self.text("version"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // One that ended already cannot be killed, and needs not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A URL on loopback: where to connect, what to call the host, what to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// Where to connect.
    pub address: SocketAddr,
    /// The `Host` that the server knows itself by.
    pub host: String,
    /// The path.
    pub path: String,
}

impl Place {
    /// Reads it.
    ///
    /// # Panics
    /// When it is no HTTP URL on loopback.
    pub fn of(url: &str) -> Self {
        let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url} is not HTTP"));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address = host.replace("localhost", "127.0.0.1");
        let address = address.parse().unwrap_or_else(|_| panic!("{url} is not on loopback"));
        Self { address, host: host.to_owned(), path: format!("/{path}") }
    }

    pub(crate) fn request(&self, method: &str, fields: &[(&str, &str)], body: &str) -> HttpAnswer {
        let mut all = vec![("Host", self.host.as_str())];
        all.extend(fields);
        Door::Tcp(self.address)
            .request_of_server(method, &self.path, &all, body.as_bytes())
            .unwrap_or_else(|error| panic!("{method} {} at {}: {error}", self.path, self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_by_name_and_by_number_leads_to_the_same_place_with_the_host_that_it_says() {
        let named = Place::of("http://localhost:5001/oauth/token");
        let numbered = Place::of("http://127.0.0.1:5001/oauth/token");
        assert_eq!((named.address, &named.path), (numbered.address, &numbered.path));
        assert_eq!((named.host.as_str(), numbered.host.as_str()), ("localhost:5001", "127.0.0.1:5001"));
        assert_eq!(Place::of("http://127.0.0.1:1").path, "/");
    }
}
