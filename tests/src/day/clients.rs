//! The clients: one through each proxy, one that reads each token file, and commands that ask for a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Day;
use super::world::{PROXIES, World};
use crate::door::Door;
use crate::run::Running;
use crate::wait::{Stopwatch, pause};

/// How often each asks, in seconds of the story.
const EVERY_S: u64 = 60;

/// And in milliseconds here: a machine of two cores has other work too.
const EVERY_LEAST_MS: u64 = 20;

/// How a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    Proxy,
    File,
    Command,
}

/// One request, on the world's clock.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) means: Means,
    /// Whose token it wanted.
    pub(super) login: usize,
    pub(super) begun: u64,
    pub(super) ended: u64,
    /// Why it was not served.
    pub(super) failed: Option<String>,
}

/// All requests of one client.
pub(super) struct Served {
    pub(super) who: String,
    pub(super) asked: Vec<Asked>,
}

pub(super) struct Clients {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Served>>,
}

impl Clients {
    pub(super) fn start(world: &World, day: Day) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let every = Duration::from_millis(day.here(EVERY_S).max(EVERY_LEAST_MS));
        let mut threads = Vec::new();
        let mut begin = |who: String,
                         (means, login): (Means, usize),
                         every: Duration,
                         ask: Box<dyn Fn() -> Result<(), String> + Send>| {
            let (over, clock) = (Arc::clone(&over), world.clock);
            threads.push(std::thread::spawn(move || client(who, (means, login), every, &over, clock, &ask)));
        };
        for n in 0..PROXIES {
            let door = world.door(n);
            begin(format!("proxy {n}"), (Means::Proxy, n), every, Box::new(move || by_proxy(&door)));
        }
        for (n, path) in world.sinks.iter().enumerate() {
            let (path, api) = (path.clone(), Door::Tcp(world.logins[PROXIES + n].api_address));
            let by_file = move || {
                let token =
                    std::fs::read_to_string(&path).map_err(|error| format!("the token file: {error}"))?;
                let header = format!("Bearer {token}");
                answered(api.request_of_server("GET", "/x", &[("Authorization", &header)], b""))
            };
            begin(format!("token file {n}"), (Means::File, PROXIES + n), every, Box::new(by_file));
        }
        for (n, login) in world.logins.iter().enumerate() {
            // A process each: less often.
            let command = |name: &str| world.home.command(["token", name, "--timeout", "3s"]);
            let template = command(login.name);
            let ask = move || {
                let ran = Running::start(copy(&template), b"").finish();
                if ran.code == Some(0) { Ok(()) } else { Err(format!("exit {:?}: {}", ran.code, ran.stderr)) }
            };
            begin(format!("renewd token {}", login.name), (Means::Command, n), every * 10, Box::new(ask));
        }
        Self { over, threads }
    }

    /// Everything that they asked, and what came of it.
    pub(super) fn end(self) -> Vec<Served> {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("a client ends")).collect()
    }
}

fn client(
    who: String,
    (means, login): (Means, usize),
    every: Duration,
    over: &AtomicBool,
    clock: Stopwatch,
    ask: &dyn Fn() -> Result<(), String>,
) -> Served {
    let mut asked = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let begun = clock.ms();
        let failed = ask().err();
        asked.push(Asked { means, login, begun, ended: clock.ms(), failed });
        pause(every);
    }
    Served { who, asked }
}

fn by_proxy(door: &Door) -> Result<(), String> {
    answered(door.request("POST", "/x", &[], b"some work"))
}

fn answered(answer: std::io::Result<renewd_testkit::HttpAnswer>) -> Result<(), String> {
    match answer {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(format!("HTTP {}: {}", answer.status, answer.text())),
        Err(error) => Err(format!("no answer: {error}")),
    }
}

/// Commands can be run once only.
fn copy(command: &std::process::Command) -> std::process::Command {
    let mut copy = std::process::Command::new(command.get_program());
    copy.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            copy.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        copy.current_dir(folder);
    }
    copy
}
