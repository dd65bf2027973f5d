//! A server that nobody here wrote, a home, a desktop: what every login of these tests happens in.

#![cfg(unix)]

use std::process::Command;

use renewd_e2e::testkit::HttpAnswer;
use renewd_e2e::{Desktop, Home, Peer, Person, QUICK_RETRY, Ran, Running, Stranger, wait_for};
use serde_json::Value;

/// A lifetime that no test sees the end of.
const LIFETIME_S: u32 = 3600;

/// With these a login at oidc-provider gives a refresh token.
pub(crate) const SCOPE: [&str; 4] = ["--scope", "openid", "--scope", "offline_access"];

/// A home in which a refresh may follow another at once.
pub(crate) fn home() -> Home {
    Home::with(&format!("{QUICK_RETRY}\n[refresh]\nmin_interval = \"0s\"\n"))
}

pub(crate) struct World {
    pub(crate) peer: Peer,
    pub(crate) home: Home,
    pub(crate) desktop: Desktop,
}

/// Every secret that passed the server is looked for in everything that came out meanwhile.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.peer.stranger() == Stranger::OidcProvider {
            self.peer.overheard();
        }
    }
}

impl World {
    /// With a desktop that opens nothing.
    pub(crate) fn new(stranger: Stranger) -> Option<Self> {
        Self::on(stranger, || Some(Desktop::without_browser()))
    }

    /// With a desktop on which addresses are opened in Chromium.
    pub(crate) fn with_chromium(stranger: Stranger) -> Option<Self> {
        Self::on(stranger, Desktop::with_chromium)
    }

    fn on(stranger: Stranger, desktop: impl FnOnce() -> Option<Desktop>) -> Option<Self> {
        let (peer, desktop) = (stranger.start(LIFETIME_S)?, desktop()?);
        Some(Self { peer, home: home(), desktop })
    }

    /// A command of that home on that desktop.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        self.desktop.give_to(&mut command);
        command
    }

    /// `renewd login work` at the peer's issuer, with more arguments.
    pub(crate) fn start(&self, more: &[&str]) -> Running {
        let mut args = vec!["login", "work", "--issuer", self.peer.issuer()];
        args.extend(more);
        Running::start(self.command(&args), b"")
    }

    /// The same to its end.
    #[track_caller]
    pub(crate) fn login(&self, more: &[&str]) -> Ran {
        self.start(more).finish()
    }

    /// The same with somebody who agrees to everything that the server asks: how it ended, and the last page.
    #[track_caller]
    pub(crate) fn login_with_a_person(&self, more: &[&str]) -> (Ran, HttpAnswer) {
        let opened = self.desktop.opened().len();
        let login = self.start(more);
        let page = self.agree_after(opened);
        (login.finish(), page)
    }

    /// Once more has been opened than that many addresses, somebody agrees to it: the page that they come to at the end.
    #[track_caller]
    pub(crate) fn agree_after(&self, opened: usize) -> HttpAnswer {
        let address = wait_for("an address to be opened", || self.desktop.opened().get(opened).cloned());
        let mut person = Person::new();
        let back = person.agree(&address).address();
        person.open(&back)
    }

    /// `renewd token work`, which the server is then asked about.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.home.run(["token", "work"]).succeeded().line().to_owned()
    }

    /// The login is alive: its token is taken, it is refreshed, and the token of after that is taken too.
    #[track_caller]
    pub(crate) fn lives(&self) {
        let first = self.token();
        assert!(self.peer.accepts(&first), "the token of the login is taken");
        let before = self.peer.counts();
        self.home.run(["refresh", "work"]).succeeded();
        let counts = self.peer.counts();
        assert_eq!((counts.rotations, counts.replays), (before.rotations + 1, 0), "{counts:?}");
        let second = self.token();
        assert!(second != first && self.peer.accepts(&second), "the token of the refresh is taken");
        assert_eq!(self.status()["status"], "running");
    }

    pub(crate) fn status(&self) -> Value {
        self.home.status("work")
    }

    /// Nothing stands in the store: neither the name, nor anything else.
    #[track_caller]
    pub(crate) fn has_nothing(&self) {
        has_nothing(&self.home);
    }
}

/// No credential stands in that home.
#[track_caller]
pub(crate) fn has_nothing(home: &Home) {
    let all = home.run(["status", "--json"]).succeeded().json();
    assert_eq!(all["credentials"], Value::Array(Vec::new()), "nothing is stored");
}
