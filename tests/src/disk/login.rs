//! One login, and everything that a test of a damaged disk does with it: run commands, look at what they say, count.

use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use renewd_testkit::{AccessCheck, AsClass, AsConfig, AuthorizationServer, MintedGrant, Numbers, Tier};
use serde_json::Value;

use crate::agent::Agent;
use crate::disclosure;
use crate::disk::{Namespaces, SmallDisk};
use crate::fleet::{TEST_POINT_LOG, at_point};
use crate::home::Home;
use crate::run::{Ran, Running};
use crate::wait::{PATIENCE, wait_for};

/// The credential.
pub const NAME: &str = "work";

/// A short retry and waits that are over in moments, for tests that want to see what comes after.
pub const QUICK: &str = r#"
[refresh]
min_interval = "0s"
settle = "300ms"
[retry]
initial = "50ms"
max = "1s"
tries = 2
elapsed = "30s"
budget = 1000
budget_refill = "1s"
[shutdown]
grace = "400ms"
[request]
timeout = "1m"
"#;

/// The user `nobody`, by convention; it need not exist.
pub const SOMEBODY: u32 = 65_534;

/// A home with one login at a server, perhaps on a disk of its own.
pub struct Login {
    /// The server.
    pub server: AuthorizationServer,
    /// Where the command looks for everything.
    pub home: Home,
    /// The disk of the state folder, where it has one.
    pub disk: Option<SmallDisk>,
    class: AsClass,
    /// The user that commands run as, where that is not this process's.
    user: Option<u32>,
    said: RefCell<String>,
    expired: Cell<u64>,
    broken_until_ms: Cell<u64>,
    heal_ms: Cell<Option<u64>>,
}

impl Login {
    /// A login at a server of that class, on the machine's own disk.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn at(class: AsClass) -> Self {
        let login = Self::nobody(class);
        login.log_in();
        login
    }

    /// The same on a disk of `bytes`; `None`, and a line that says why, where none can be mounted here.
    ///
    /// # Panics
    /// When the login cannot be made.
    pub fn on_small_disk(class: AsClass, bytes: u64) -> Option<Self> {
        let mut login = Self::nobody(class);
        login.disk = Some(SmallDisk::mount_or_say(&login.home.path().join("state"), bytes)?);
        login.log_in();
        Some(login)
    }

    /// One of a user whom file modes hold back. Root is not, so root runs the commands as somebody else.
    ///
    /// # Panics
    /// When the login cannot be made.
    pub fn of_plain_user(class: AsClass) -> Self {
        let mut login = Self::nobody(class);
        if rustix::process::geteuid().is_root() {
            // Where the binary was built may be closed to others.
            fs::copy(crate::binary::renewd(), login.home.path().join("renewd")).expect("a copy can be made");
            give(login.home.path(), SOMEBODY);
            login.user = Some(SOMEBODY);
        }
        login.log_in();
        login
    }

    /// Everything but the login.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn nobody(class: AsClass) -> Self {
        let config = AsConfig { class, grace_ms: 600_000, ..AsConfig::default() };
        Self {
            server: AuthorizationServer::start(config).expect("a server can be started"),
            home: Home::with(QUICK),
            disk: None,
            class,
            user: None,
            said: RefCell::default(),
            expired: Cell::default(),
            broken_until_ms: Cell::default(),
            heal_ms: Cell::default(),
        }
    }

    /// Logs in for the first time.
    #[track_caller]
    pub fn log_in(&self) {
        self.import(NAME, &[]).succeeded();
    }

    /// Imports a new grant's refresh token under a name.
    #[track_caller]
    pub fn import(&self, name: &str, more: &[&str]) -> Ran {
        let grant: MintedGrant = self.server.mint_grant();
        let (endpoint, class) = (self.server.token_url(), self.class.name());
        let mut args = vec!["import", name, "--token-endpoint", &endpoint, "--client-id", "testkit-client"];
        args.extend(["--as-class", class]);
        args.extend(more);
        self.heard(Running::start(self.command(&args), grant.refresh_token.as_bytes()).finish())
    }

    /// The command, where this login lives.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        if let Some(user) = self.user {
            let mut as_user = Command::new(self.home.path().join("renewd"));
            as_user.args(command.get_args()).current_dir(self.home.path()).env_clear().uid(user).gid(user);
            as_user.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = as_user;
        }
        match &self.disk {
            Some(disk) => disk.namespaces().command(&command),
            None => command,
        }
    }

    /// The command in namespaces of somebody else, over the same folder.
    pub fn command_in(&self, namespaces: &Namespaces, args: &[&str]) -> Command {
        namespaces.command(&self.home.command(args))
    }

    /// Runs it there to its end.
    #[track_caller]
    pub fn run_in(&self, namespaces: &Namespaces, args: &[&str]) -> Ran {
        self.heard(Running::start(self.command_in(namespaces, args), b"").finish())
    }

    /// Runs the command to its end.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        self.heard(self.start(args).finish())
    }

    /// Starts the command.
    pub fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args), b"")
    }

    /// Runs the command with that plan of failures, at the named points of the transaction, and says which points it
    /// passed, as `POINT N`.
    ///
    /// # Panics
    /// When the binary has no points: a release build.
    #[track_caller]
    pub fn run_failing(&self, plan: &str, args: &[&str]) -> (Ran, Vec<String>) {
        let (command, log) = self.failing(plan, args);
        let ran = self.heard(Running::start(command, b"").finish());
        (ran, passed(&log))
    }

    /// Starts an agent with that plan of failures, and says where it tells the points that it passes.
    #[track_caller]
    pub fn agent_failing(&self, plan: &str) -> (Agent, PathBuf) {
        let (command, log) = self.failing(plan, &["agent"]);
        (Agent::start_at(command, &self.home.socket()), log)
    }

    /// The command with a plan of failures, and a new log of the points that it passes.
    fn failing(&self, plan: &str, args: &[&str]) -> (Command, PathBuf) {
        let log = self.home.path().join("points");
        // There is one of the command before, if any.
        let _ = fs::remove_file(&log);
        let mut command = at_point(self.command(args), plan);
        command.env(TEST_POINT_LOG, &log);
        (command, log)
    }

    /// Starts an agent.
    #[track_caller]
    pub fn agent(&self) -> Agent {
        Agent::start_at(self.command(&["agent"]), &self.home.socket())
    }

    /// Remembers what a command said, for [`numbers`](Self::numbers).
    pub fn heard(&self, ran: Ran) -> Ran {
        self.said.borrow_mut().push_str(&ran.stderr);
        ran
    }

    /// `renewd token`. A token that is given must be one that is not over.
    #[track_caller]
    pub fn token(&self) -> Ran {
        let ran = self.run(&["token", NAME, "--timeout", "30s"]);
        self.given(&ran);
        ran
    }

    /// Looks at the token that a command printed.
    pub fn given(&self, ran: &Ran) {
        if ran.line().is_empty() {
            return;
        }
        let checked = self.server.with_model(|model, now| model.check_access(now, ran.line()));
        if matches!(checked, AccessCheck::Expired(_)) {
            self.expired.set(self.expired.get() + 1);
        }
    }

    /// `renewd status --json`, whatever its exit code: the one credential.
    #[track_caller]
    pub fn status(&self) -> Value {
        let mut document = self.run(&["status", NAME, "--json"]).json();
        document["credentials"][0].take()
    }

    /// A file of the records' folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.state().join("credentials").join(name)
    }

    /// The state folder, as this process reaches it.
    pub fn state(&self) -> PathBuf {
        match &self.disk {
            Some(disk) => disk.namespaces().outside(&self.home.state()),
            None => self.home.state(),
        }
    }

    /// Waits until the server holds a request, or its answer.
    ///
    /// # Panics
    /// When nothing comes.
    #[track_caller]
    pub fn wait_held(&self) {
        self.server.wait_held(1, PATIENCE).expect("a token request comes");
    }

    /// The fault is over; from here the time to heal counts.
    pub fn mended(&self) {
        self.broken_until_ms.set(self.server.now_ms());
    }

    /// A fresh token was had again. Only the longest time counts.
    pub fn healed(&self) {
        let took = self.server.now_ms().saturating_sub(self.broken_until_ms.get());
        self.heal_ms.set(self.heal_ms.get().max(Some(took)));
    }

    /// Asks until a command gives a token whose generation is not the one before.
    #[track_caller]
    pub fn wait_refreshed(&self) {
        wait_for("a refresh to succeed", || {
            let ran = self.run(&["refresh", NAME, "--timeout", "5s"]);
            (ran.code == Some(0)).then_some(())
        });
        self.healed();
    }

    /// What there is to count at the end of `rounds` of a fault. Somebody who has to log in again is counted by what
    /// the status says.
    ///
    /// # Panics
    /// When the row cannot be kept.
    #[track_caller]
    pub fn numbers(&self, fault: &str, variant: &str, processes: u32, rounds: u64) -> Numbers {
        let totals = self.server.totals();
        let seen = self.status();
        let lost = seen["status"] == "unauthenticated";
        let told = seen["cause"] == "rotation_lost" || self.said.borrow().contains("could not be saved");
        let mut row = Numbers::new(Tier::Processes, fault, self.class.name(), processes).variant(variant);
        row.rounds = rounds;
        row.token_requests = totals.token_requests;
        row.reuse_trips = totals.reuse_trips;
        row.forced_logins = u64::from(lost);
        row.told_lost = u64::from(lost && told);
        row.expired_served = self.expired.get();
        row.heal_ms = self.heal_ms.get();
        row.leaks = self.leaks();
        row.report().expect("the row can be kept");
        assert_eq!((row.expired_served, row.leaks), (0, 0), "{row}");
        row
    }

    /// How often a secret stands in what was said, in the journal, or openly in the store.
    fn leaks(&self) -> u64 {
        let said = disclosure::leaks_in(&["what was said"], self.said.borrow().as_bytes());
        said.iter().for_each(|one| println!("a secret in what was said: {one}"));
        let folders = ["credentials", "journal"].map(|name| self.state().join(name));
        let files: Vec<String> = folders.iter().flat_map(|folder| disclosure::leaks_below(folder)).collect();
        files.iter().for_each(|leak| println!("a secret in {leak}"));
        (said.len() + files.len()) as u64
    }
}

/// Gives a folder and everything in it to a user.
fn give(path: &Path, user: u32) {
    let given = Command::new("chown").args(["-R", &format!("{user}:{user}")]).arg(path).status();
    assert!(given.expect("chown can be run").success());
}

/// The points that a process has told, as `POINT N`.
///
/// # Panics
/// When it told none: it is a release build, which has none.
#[track_caller]
pub fn passed(log: &Path) -> Vec<String> {
    let text =
        fs::read_to_string(log).expect("a build with debug assertions tells the points that it passes");
    text.lines().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect()
}
