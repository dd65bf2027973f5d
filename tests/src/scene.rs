//! One login at a server of one class, in a home of its own, and what came of it in six numbers.
//!
//! A test plays a fault over it; the scene then says what a caller came home with, and searches everything that was
//! printed or written for every secret that the server issued.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use renewd_testkit::{AsClass, AsConfig, AsModel, AuthorizationServer, Numbers, TokenForm};
use serde_json::Value;

use crate::home::{Home, QUICK_RETRY};
use crate::run::{Ran, Running};
use crate::wait::Stopwatch;

/// The classes that a credential survives at, as far as it can at all.
pub const CLASSES: [AsClass; 5] = [AsClass::P0, AsClass::P1, AsClass::P2, AsClass::P3, AsClass::P4];

/// Quick retries, and a settle time that is over in a moment: the requests of a process that a test killed are done
/// with before another one begins, because the test sees to it.
const QUICK_SETTLE: &str = "[refresh]\nsettle = \"250ms\"\nmin_interval = \"0s\"\n";

/// What a replay may be late at a server of class P3, and is told to renewd.
const GRACE: &str = "[credential.work]\nas_class = \"P3\"\ngrace = \"30s\"\n";

/// So much of a token, from either end, is a leak.
const FRAGMENT: usize = 16;

/// A login and all that is known of it.
pub struct Scene {
    /// The server.
    pub server: AuthorizationServer,
    /// The home, with the credential `work`.
    pub home: Home,
    /// How the server treats a spent refresh token.
    pub class: AsClass,
    seed: u64,
    heard: Mutex<Vec<(String, String)>>,
}

/// What a caller came home with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Served {
    /// A token that the server takes.
    Fresh(String),
    /// One that it does not take any more, as it said: expired, revoked or unknown.
    Spoilt(&'static str),
    /// Somebody has to log in again, and whether that was told as the loss of a rotated token.
    LoginNeeded {
        /// `rotation_lost` was named as the cause.
        told_lost: bool,
    },
    /// Nothing by its deadline (exit 124).
    TimedOut,
    /// Nothing, with another exit code; `None` where a signal ended it.
    Nothing(Option<i32>),
}

impl Scene {
    /// A login at a server of that class, with [quick retries](QUICK_RETRY) and a quick settle time.
    ///
    /// # Panics
    /// When no server can be started or nothing imported.
    #[track_caller]
    pub fn begin(class: AsClass) -> Self {
        Self::with(class, "")
    }

    /// The same, with more configuration.
    ///
    /// # Panics
    /// As [`begin`](Self::begin).
    #[track_caller]
    pub fn with(class: AsClass, more: &str) -> Self {
        Self::bare(class, &format!("{QUICK_RETRY}{QUICK_SETTLE}{more}"))
    }

    /// The same, with that configuration alone (and, at P3, what it needs to know of the grace).
    ///
    /// # Panics
    /// As [`begin`](Self::begin).
    #[track_caller]
    pub fn bare(class: AsClass, configuration: &str) -> Self {
        Self::at([127, 0, 0, 1].into(), class, configuration)
    }

    /// The same, with the server on another address of this machine.
    ///
    /// # Panics
    /// As [`begin`](Self::begin).
    #[track_caller]
    pub fn at(address: std::net::IpAddr, class: AsClass, configuration: &str) -> Self {
        let seed = RandomState::new().build_hasher().finish();
        let config = AsConfig { class, seed, ..AsConfig::default() };
        let server =
            AuthorizationServer::start_on((address, 0).into(), config).expect("a server can be started");
        let grace = if class == AsClass::P3 { GRACE } else { "" };
        let home = Home::with(&format!("{configuration}{grace}"));
        home.import_with("work", &server, &["--as-class", class.name()]);
        Self { server, home, class, seed, heard: Mutex::default() }
    }

    /// Somebody who wants a token, and waits a minute for it.
    pub fn token(&self) -> Command {
        self.home.command(["token", "work", "--timeout", "60s"])
    }

    /// Runs a command to its end, and remembers what it said.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn run(&self, command: Command) -> Ran {
        let ran = Running::start(command, b"").finish();
        self.heard(&ran);
        ran
    }

    /// Remembers what a command said. A token on standard output is what it was asked for; anything else there is
    /// searched too.
    pub fn heard(&self, ran: &Ran) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(("stderr".into(), ran.stderr.clone()));
        let is_token = ran.line().len() <= 64 && ran.line().starts_with("at_");
        if !is_token {
            heard.push(("stdout".into(), ran.stdout.clone()));
        }
    }

    /// What a caller of `renewd token` came home with.
    pub fn served(&self, ran: &Ran) -> Served {
        match ran.code {
            Some(0) => {
                let check = self.server.with_model(|model, now_ms| model.check_access(now_ms, ran.line()));
                if check.is_valid() {
                    Served::Fresh(ran.line().to_owned())
                } else {
                    Served::Spoilt(check.name())
                }
            }
            Some(3) => Served::LoginNeeded { told_lost: ran.stderr.contains("rotation_lost") },
            Some(124) => Served::TimedOut,
            other => Served::Nothing(other),
        }
    }

    /// Runs somebody who wants a token.
    ///
    /// # Panics
    /// When the command does not end.
    #[track_caller]
    pub fn ask(&self) -> Served {
        self.served(&self.run(self.token()))
    }

    /// Somebody wants a token after a fault: counted, with the time until there is one.
    ///
    /// # Panics
    /// When the command does not end.
    #[track_caller]
    pub fn heal(&self, row: &mut Numbers) -> Served {
        let watch = Stopwatch::start();
        let served = self.ask();
        if matches!(served, Served::Fresh(_)) {
            row.heal_ms = row.heal_ms.max(Some(watch.ms()));
        }
        count(row, &served);
        row.rounds += 1;
        served
    }

    /// The credential as `renewd status` sees it.
    ///
    /// # Panics
    /// When the command fails.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.home.status("work")
    }

    /// A new login in the place of the old one.
    ///
    /// # Panics
    /// When it cannot be imported.
    #[track_caller]
    pub fn log_in_again(&self) {
        self.home.import_with("work", &self.server, &["--as-class", self.class.name(), "--replace"]);
    }

    /// Ends it: what the server counted and what was given away goes into the row.
    pub fn close(self, row: &mut Numbers) {
        let totals = self.server.totals();
        row.token_requests += totals.token_requests;
        row.reuse_trips += totals.reuse_trips;
        let tokens = 2 * (totals.grants_minted + totals.successes) as usize;
        let needles = secrets(self.seed, tokens);
        let mut texts = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        files(self.home.path(), &mut texts);
        for (place, text) in &texts {
            if needles.iter().any(|needle| text.contains(needle.as_str())) {
                println!("a secret in {place}");
                row.leaks += 1;
            }
        }
    }
}

/// Prints the rows of each class and variant together, and holds them to what no fault may lead to: a secret given
/// away, an expired token served, a login needed without being told why.
///
/// # Panics
/// When one did, or a row cannot be kept.
#[track_caller]
pub fn report(parts: impl IntoIterator<Item = Numbers>) {
    let mut rows: Vec<Numbers> = Vec::new();
    for part in parts {
        match rows.iter_mut().find(|row| (&row.class, &row.variant) == (&part.class, &part.variant)) {
            Some(row) => add(row, &part),
            None => rows.push(part),
        }
    }
    for row in rows {
        row.report().expect("a row can be kept");
        assert_eq!((row.leaks, row.expired_served), (0, 0), "{row}");
        assert_eq!(row.forced_logins, row.told_lost, "{row}");
    }
}

/// Counts what a caller came home with.
pub fn count(row: &mut Numbers, served: &Served) {
    match served {
        Served::Fresh(_) | Served::TimedOut | Served::Nothing(_) => {}
        Served::Spoilt(_) => row.expired_served += 1,
        Served::LoginNeeded { told_lost } => {
            row.forced_logins += 1;
            row.told_lost += u64::from(*told_lost);
        }
    }
}

/// Adds what another scene led to. The time to heal is the longest.
fn add(row: &mut Numbers, part: &Numbers) {
    row.rounds += part.rounds;
    row.token_requests += part.token_requests;
    row.reuse_trips += part.reuse_trips;
    row.forced_logins += part.forced_logins;
    row.told_lost += part.told_lost;
    row.expired_served += part.expired_served;
    row.heal_ms = row.heal_ms.max(part.heal_ms);
    row.leaks += part.leaks;
}

/// The beginnings and ends of the first tokens that a server of that seed issues: every class draws them from the same
/// source, in the same order.
fn secrets(seed: u64, tokens: usize) -> Vec<String> {
    let mut model = AsModel::new(AsConfig { seed, ..AsConfig::default() });
    let login = model.mint_grant(0);
    let mut all = vec![login.refresh_token.clone(), login.access_token];
    let mut refresh_token = login.refresh_token;
    while all.len() < tokens {
        let form = TokenForm::refresh(&refresh_token).client("testkit-client");
        let answer = crate::json(&String::from_utf8_lossy(&model.token_request(0, &form).body));
        let text = |key: &str| answer[key].as_str().expect("the model issues tokens").to_owned();
        refresh_token = text("refresh_token");
        all.extend([refresh_token.clone(), text("access_token")]);
    }
    let ends = |token: &String| {
        let body = token.split_once('_').map_or(token.as_str(), |(_, body)| body);
        [body[..FRAGMENT].to_owned(), body[body.len() - FRAGMENT..].to_owned()]
    };
    all.iter().flat_map(ends).collect()
}

/// Everything that stands in files below that folder; a socket holds nothing.
fn files(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, texts),
            Ok(kind) if kind.is_file() => {
                let bytes = fs::read(&path).unwrap_or_default();
                texts.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_looked_for_are_those_that_every_class_issues() {
        for class in AsClass::ALL {
            let mut model = AsModel::new(AsConfig { class, seed: 7, ..AsConfig::default() });
            let login = model.mint_grant(0);
            let form = TokenForm::refresh(&login.refresh_token).client("testkit-client");
            let answer = String::from_utf8_lossy(&model.token_request(0, &form).body).into_owned();
            let needles = secrets(7, 4);
            let hit = |text: &str| needles.iter().any(|needle| text.contains(needle.as_str()));
            assert!(hit(&login.refresh_token) && hit(&login.access_token) && hit(&answer), "{class}");
            assert!(!hit("nothing here"));
        }
    }
}
