//! One login at a server of one class, in a home of its own, and what came of it in six numbers.
//!
//! A test plays a fault over it; the scene then says what a caller came home with, and searches everything that was
//! printed or written for every secret that the server issued.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

use renewd_testkit::{AsClass, AsConfig, AuthorizationServer, Numbers};
use serde_json::Value;

use crate::disclosure;
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

/// A login and all that is known of it.
pub struct Scene {
    /// The server.
    pub server: AuthorizationServer,
    /// The home, with the credential `work`.
    pub home: Home,
    /// How the server treats a spent refresh token.
    pub class: AsClass,
    heard: Mutex<Vec<(&'static str, String)>>,
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
        let config = AsConfig { class, ..AsConfig::default() };
        let server =
            AuthorizationServer::start_on((address, 0).into(), config).expect("a server can be started");
        let grace = if class == AsClass::P3 { GRACE } else { "" };
        let home = Home::with(&format!("{configuration}{grace}"));
        home.import_with("work", &server, &["--as-class", class.name()]);
        Self { server, home, class, heard: Mutex::default() }
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

    /// Remembers what a command said. An access token on standard output is what it was asked for.
    pub fn heard(&self, ran: &Ran) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(("stderr of renewd token", ran.stderr.clone()));
        heard.push(("stdout of renewd token", ran.stdout.clone()));
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
        let mut leaks = disclosure::leaks_below(self.home.path());
        for (place, text) in self.heard.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let found = disclosure::leaks_in(&[place], text.as_bytes());
            leaks.extend(found.iter().map(|one| format!("{place}: {one}")));
        }
        leaks.iter().for_each(|leak| println!("a secret in {leak}"));
        row.leaks += leaks.len() as u64;
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
