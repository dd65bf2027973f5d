//! Everything that lives through the day: servers, the API, the home, the agent and the manager that holds its sockets.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use renewd_testkit::{AsClass, AsConfig, AuthorizationServer, ProtectedApi};
use rustix::process::Signal;

use super::excuse::Away;
use super::{Day, Report};
use crate::agent::Agent;
use crate::door::Door;
use crate::home::Home;
use crate::service_manager::ServiceManager;
use crate::wait::{PATIENCE, Stopwatch, wait_for};

/// How long a server of class P3 lets a superseded refresh token be replayed.
const GRACE_MS: u64 = 10_000;

/// The credentials: three of the strictest class, two that forgive a lost answer. Each has a server of its own, whose
/// log is about it alone.
const CLASSES: [(&str, AsClass); 5] = [
    ("alpha", AsClass::P2),
    ("bravo", AsClass::P2),
    ("charlie", AsClass::P3),
    ("delta", AsClass::P2),
    ("echo", AsClass::P3),
];

/// Those that a proxy serves; the others stand in token files.
pub(super) const PROXIES: usize = 3;

/// One credential with its server and its API.
pub(super) struct Login {
    pub(super) name: &'static str,
    pub(super) class: AsClass,
    pub(super) server: AuthorizationServer,
    pub(super) api: Option<ProtectedApi>,
    pub(super) api_address: SocketAddr,
    /// When its API was down, on the world's clock.
    pub(super) api_down: Vec<(u64, u64)>,
    /// When the token of the moment was revoked.
    pub(super) revoked: Vec<u64>,
    /// The world's clock when the server's stood at zero.
    pub(super) zero: i64,
}

pub(super) struct World {
    pub(super) clock: Stopwatch,
    pub(super) home: Home,
    pub(super) logins: Vec<Login>,
    pub(super) proxies: Vec<SocketAddr>,
    pub(super) sinks: Vec<PathBuf>,
    /// From when to when no agent was there: it was told to end or killed, and the next one answered.
    pub(super) away: Vec<Away>,
    manager: ServiceManager,
    agent: Option<Agent>,
    day: Day,
    reloads: u64,
}

impl World {
    pub(super) fn new(day: Day) -> Self {
        let clock = Stopwatch::start();
        let home = Home::new();
        let logins: Vec<Login> =
            CLASSES.into_iter().map(|(name, class)| login(name, class, day, clock)).collect();
        let mut manager = ServiceManager::at(&home.path().join("runtime/notify"));
        let proxies = (0..PROXIES).map(|n| manager.tcp(&format!("proxy{n}"))).collect();
        let folder = home.path().join("sinks");
        fs::create_dir(&folder).expect("a folder can be made in one's own");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("its mode can be set");
        let sinks = vec![folder.join("delta"), folder.join("echo")];
        let mut world = Self {
            clock,
            home,
            logins,
            proxies,
            sinks,
            away: Vec::new(),
            manager,
            agent: None,
            day,
            reloads: 0,
        };
        world.configure();
        for login in &world.logins {
            world.home.import_with(login.name, &login.server, &["--as-class", login.class.name()]);
        }
        // Not before: commands would wait for the agent behind it.
        world.manager.unix("agent", &world.home.socket(), 0o600);
        world.start_agent();
        let lost = world.recover();
        assert!(lost.is_empty(), "{lost:?}");
        // A login that runs says nothing of its file yet.
        for path in &world.sinks {
            wait_for(path.display(), || path.exists().then_some(()));
        }
        world
    }

    /// The configuration, another one each time.
    fn configure(&self) {
        let here = |seconds: u64| self.day.here(seconds);
        let n = self.reloads;
        let mut text = format!(
            "[refresh]\nwindow = \"{}ms\"\nmandatory = \"{}ms\"\nmin_interval = \"{}ms\"\nsettle = \"2500ms\"\n\
             [retry]\ninitial = \"{}ms\"\nmax = \"{}ms\"\nelapsed = \"{}ms\"\nbudget = 1000000\nbudget_refill = \"{}ms\"\n\
             [auth_retrying]\ninterval = \"{}ms\"\nceiling = \"{}ms\"\n[request]\ntimeout = \"2s\"\nconnect_timeout = \"1s\"\n\
             [shutdown]\ngrace = \"3s\"\n",
            self.day.lifetime_ms() / 3 + n % 5,
            mandatory_ms(self.day),
            here(30),
            here(10).max(10),
            here(120).max(50),
            here(300).max(200),
            here(180),
            here(600).max(100),
            here(86_400).max(60_000),
        );
        for (login, address) in self.logins.iter().zip(&self.proxies) {
            text += &format!(
                "[[proxy]]\nlisten = \"{address}\"\nupstream = \"http://{}\"\ncredential = \"{}\"\naccess = \"any-local-user\"\n\
                 demand_timeout = \"{}s\"\n",
                login.api_address,
                login.name,
                2 + n % 2
            );
        }
        for (login, path) in self.logins.iter().skip(PROXIES).zip(&self.sinks) {
            let path = path.display();
            text += &format!(
                "[[sink]]\ncredential = \"{}\"\npath = \"{path}\"\nmode = \"0{}\"\n",
                login.name,
                600 + n % 2 * 40
            );
        }
        self.home.configure(&text);
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.ms()
    }

    fn start_agent(&mut self) {
        let command: Command = self.manager.command(&self.home.command(["agent"]));
        self.agent = Some(Agent::start_at(command, &self.home.socket()));
    }

    /// Ends the agent in order and starts another.
    pub(super) fn restart_agent(&mut self) {
        let began = self.now();
        if let Some(agent) = self.agent.take() {
            agent.stop().succeeded();
        }
        self.next_agent(began, false);
    }

    /// Kills the agent and starts another. Where a lost answer costs the login, none is on its way: no program survives
    /// that, and it is not what is shown here.
    pub(super) fn kill_agent(&mut self) {
        let down: Vec<usize> =
            (0..self.logins.len()).filter(|n| self.logins[*n].class == AsClass::P2).collect();
        for n in &down {
            let server = &mut self.logins[*n].server;
            server.take_down();
            // A fault that never answers keeps its request for ever; it was not processed.
            let _ = server.wait_idle(std::time::Duration::from_secs(3));
        }
        let began = self.now();
        if let Some(agent) = self.agent.take() {
            agent.signal(Signal::KILL);
            drop(agent.finish());
        }
        for n in down {
            self.logins[n].server.bring_up().expect("its port is its own");
        }
        self.next_agent(began, true);
    }

    fn next_agent(&mut self, from: u64, killed: bool) {
        let gone = self.now();
        self.start_agent();
        self.away.push(Away { from, gone, to: self.now(), killed });
    }

    /// Has another configuration read anew, by signal or by command.
    pub(super) fn reload(&mut self) {
        self.reloads += 1;
        self.configure();
        if self.reloads.is_multiple_of(3)
            && let Some(agent) = &self.agent
        {
            agent.signal(Signal::HUP);
        } else {
            self.home.run(["agent", "reload"]).succeeded();
        }
    }

    /// Ends an API and starts another at its address.
    pub(super) fn restart_api(&mut self, n: usize) {
        let began = self.now();
        let login = &mut self.logins[n];
        login.api = None;
        let (address, server) = (login.api_address, &login.server);
        login.api = Some(wait_for("the API's address", || ProtectedApi::start_on(address, server).ok()));
        let ended = self.clock.ms();
        self.logins[n].api_down.push((began, ended));
    }

    /// Starts a command that asks for a token and kills it in the middle, wherever that is.
    pub(super) fn kill_command(&self, n: usize) {
        let asking = self.home.start(["token", self.logins[n].name]);
        crate::wait::pause(std::time::Duration::from_millis(self.now() % 7));
        // Dropped is killed.
        drop(asking);
    }

    /// Revokes the newest token of a credential that a proxy serves.
    pub(super) fn revoke(&mut self, n: usize) {
        let now = self.now();
        let login = &mut self.logins[n];
        login.revoked.push(now);
        login.server.revoke_latest_access();
    }

    /// Waits until every credential runs with a valid token. Names those that do not come back.
    pub(super) fn recover(&self) -> Vec<String> {
        let agent = self.agent.as_ref().expect("an agent runs");
        let deadline = crate::wait::deadline();
        let mut lost = Vec::new();
        for login in &self.logins {
            loop {
                let seen = agent.credential(login.name);
                if seen["status"] == "running" && seen["token_valid"] == true {
                    break;
                }
                if deadline.passed() || seen["status"] == "unauthenticated" {
                    lost.push(format!("{} does not come back: {seen}", login.name));
                    break;
                }
                crate::wait::pause(std::time::Duration::from_millis(20));
            }
        }
        lost
    }

    pub(super) fn door(&self, n: usize) -> Door {
        Door::Tcp(self.proxies[n])
    }

    /// Ends everything in order; what is wrong with that is in the report.
    pub(super) fn end(&mut self, report: &mut Report) {
        if let Some(agent) = self.agent.take() {
            let ran = agent.stop();
            if ran.code != Some(0) {
                report.broken.push(format!("the agent's last end: exit {:?}: {}", ran.code, ran.stderr));
            }
        }
        for login in &self.logins {
            let totals = login.server.totals();
            report.refreshes += totals.rotations;
            if login.class == AsClass::P2 && totals.reuse_trips > 0 {
                report.broken.push(format!("{}: a spent refresh token was presented", login.name));
            }
            if login.server.wait_idle(PATIENCE).is_err() {
                report.broken.push(format!("{}: a request was left behind", login.name));
            }
        }
    }
}

/// With less left, a caller waits for another token.
pub(super) fn mandatory_ms(day: Day) -> u64 {
    day.here(60).max(50)
}

fn login(name: &'static str, class: AsClass, day: Day, clock: Stopwatch) -> Login {
    let config =
        AsConfig { class, lifetime_ms: day.lifetime_ms(), grace_ms: GRACE_MS, ..AsConfig::default() };
    let server = AuthorizationServer::start(config).expect("a server can be started");
    let zero =
        i64::try_from(clock.ms()).unwrap_or_default() - i64::try_from(server.now_ms()).unwrap_or_default();
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let api_address = api.addr();
    Login {
        name,
        class,
        server,
        api: Some(api),
        api_address,
        api_down: Vec::new(),
        revoked: Vec::new(),
        zero,
    }
}
