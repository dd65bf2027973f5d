//! `renewd agent`, for as long as a test needs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use renewd_testkit::SecretKind;
use rustix::process::Signal;
use serde_json::Value;

use crate::disclosure;
use crate::door::Door;
use crate::home::Home;
use crate::run::{Ran, Running};
use crate::wait::wait_for;

/// What stands before each proxy's URL in what an agent says at its start.
const PROXY_LINE: &str = "renewd: proxy on ";

/// A running agent. Dropping it kills it; [`stop`](Self::stop) ends it in order.
pub struct Agent {
    running: Running,
    socket: Door,
    status: Option<Door>,
}

impl Agent {
    /// Starts it in that home and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start(home: &Home) -> Self {
        Self::start_at(home.command(["agent"]), &home.socket())
    }

    /// The same for a command of one's own and the socket that it will listen on.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn start_at(command: Command, socket: &Path) -> Self {
        let mut running = Running::start(command, b"");
        let description = socket.with_file_name("agent.json");
        let door = Door::Unix(socket.to_owned());
        let status = wait_for(format!("an agent on {door}"), || {
            assert!(running.is_running(), "the agent ended: {}", running.stderr());
            let text = fs::read_to_string(&description).ok()?;
            let description: Value = serde_json::from_str(&text).ok()?;
            // One that was killed left its description behind.
            if description["pid"] != running.pid() {
                return None;
            }
            learn_path_secrets(&description);
            let alive = door.request("GET", "/healthz", &[], b"").ok()?;
            (alive.status == 200).then(|| description["status_addr"].as_str().map(str::to_owned))
        });
        let status = status.map(|address| Door::Tcp(address.parse().expect("status_addr is an address")));
        Self { running, socket: door, status }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Its socket.
    pub fn socket(&self) -> &Door {
        &self.socket
    }

    /// Its status address.
    ///
    /// # Panics
    /// When the configuration named none.
    pub fn status_address(&self) -> &Door {
        self.status.as_ref().expect("the configuration names a status address")
    }

    /// Its only proxy on TCP.
    ///
    /// # Panics
    /// When it never says that there is one.
    #[track_caller]
    pub fn proxy(&self) -> Door {
        self.wait_line(|line| Door::of_url(line.strip_prefix(PROXY_LINE)?))
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        self.running.stderr()
    }

    /// Waits until it says that, and gives the whole line.
    ///
    /// # Panics
    /// When it never says so.
    #[track_caller]
    pub fn wait_said(&self, text: &str) -> String {
        wait_for(format!("the agent to say {text:?}"), || {
            self.said().lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    #[track_caller]
    fn wait_line<T>(&self, read: impl Fn(&str) -> Option<T>) -> T {
        wait_for("a line of the agent", || self.said().lines().find_map(&read))
    }

    /// A credential as the agent sees it.
    ///
    /// # Panics
    /// When the agent does not answer with one.
    #[track_caller]
    pub fn credential(&self, name: &str) -> Value {
        let answer = self.socket.get(&format!("/v1/credentials/{name}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Waits until a credential is as wanted, and gives what was seen.
    ///
    /// # Panics
    /// When it never is.
    #[track_caller]
    pub fn wait_credential(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(format!("{name}: {what}"), || Some(self.credential(name)).filter(&wanted))
    }

    /// Waits until a credential has that status.
    ///
    /// # Panics
    /// When it never has.
    #[track_caller]
    pub fn wait_status(&self, name: &str, status: &str) -> Value {
        self.wait_credential(name, status, |seen| seen["status"] == status)
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.running.is_running()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn finish(self) -> Ran {
        self.running.finish()
    }

    /// Tells it to stop, and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn stop(self) -> Ran {
        self.signal(Signal::TERM);
        self.finish()
    }
}

/// A proxy, or a status page, that wants a path before every target says which in the agent's private description alone.
fn learn_path_secrets(description: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let page = (format!("http://{}", text(&description["status_addr"])), text(&description["status_url"]));
    let proxies = description["proxies"].as_array().into_iter().flatten();
    for (listen, url) in proxies.map(|proxy| (text(&proxy["listen"]), text(&proxy["url"]))).chain([page]) {
        let path = url.strip_prefix(&listen).map(|path| path.trim_matches(['/', '~']));
        if let Some(path) = path.filter(|path| !path.is_empty()) {
            disclosure::learn(SecretKind::PathSecret, path);
        }
    }
}
