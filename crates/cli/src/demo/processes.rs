//! The real processes of the demonstration: this binary again, as anybody would call it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use renewd_core::Span;
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;
use rustix::process::{Pid, Signal, kill_process};

use crate::exit::Failure;
use crate::input::file::plain;
use crate::json::StatusDocument;

/// The credential of the demonstration.
pub(super) const CREDENTIAL: &str = "demo";

/// Last lines of the agent that are shown when it fails.
const LAST_LINES: usize = 8;

/// An agent on a busy machine listens within this.
const START: Duration = Duration::from_secs(30);

/// An agent ends in order within this: its own patience and a little more.
const END: Span = Span::from_secs(20);

/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// How this binary is called.
pub(super) struct Binary {
    exe: PathBuf,
    config: PathBuf,
    state: PathBuf,
}

impl Binary {
    /// With this configuration and this state folder.
    ///
    /// # Errors
    /// When the system does not say where this binary is.
    pub(super) fn new(config: PathBuf, state: PathBuf) -> Result<Self, Failure> {
        let exe = std::env::current_exe().map_err(|e| {
            Failure::internal(format!("the system does not say where this program is: {}", plain(&e)))
        })?;
        Ok(Self { exe, config, state })
    }

    /// The variables of whoever runs the demonstration are not its business: they would override its configuration.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.exe);
        command.env_clear().arg("--config").arg(&self.config).arg("--state-dir").arg(&self.state);
        command.args(["--color", "never"]).args(args);
        command
    }

    /// `renewd import`.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(super) fn import(
        &self,
        token_endpoint: &str,
        client_id: &str,
        refresh_token: &str,
    ) -> Result<(), Failure> {
        let args = ["import", CREDENTIAL, "--token-endpoint", token_endpoint, "--client-id", client_id];
        let mut command = self.command(&args);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| started("import", &e))?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that failed early reads nothing; it says why itself.
            let _ = stdin.write_all(refresh_token.as_bytes());
        }
        let output = child.wait_with_output().map_err(|e| started("import", &e))?;
        succeeded("import", output.status, &output.stderr)
    }

    /// `renewd status --json`.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(super) fn status(&self) -> Result<StatusDocument, Failure> {
        let output = self.command(&["status", "--json"]).stdin(Stdio::null()).output();
        let output = output.map_err(|e| started("status", &e))?;
        succeeded("status", output.status, &output.stderr)?;
        serde_json::from_slice(&output.stdout)
            .map_err(|e| Failure::internal(format!("renewd status --json: {e}")))
    }

    /// `renewd agent`, once it listens.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(super) fn agent(&self) -> Result<Agent, Failure> {
        let mut command = self.command(&["agent"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C at the terminal is for the demonstration, which then ends the agent in order.
        let mut child = command.process_group(0).spawn().map_err(|e| started("agent", &e))?;
        let stderr = child.stderr.take();
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let (greet, greeting) = channel();
        let (keep, mut agent) =
            (Arc::clone(&said), Agent { child, said, proxy: String::new(), status: String::new() });
        let read = move || {
            for line in stderr.into_iter().flat_map(|s| BufReader::new(s).lines()).map_while(Result::ok) {
                let mut said = keep.lock().unwrap_or_else(PoisonError::into_inner);
                if said.len() == LAST_LINES {
                    said.pop_front();
                }
                said.push_back(line.clone());
                // Nobody waits for the greeting any more once it is complete.
                let _ = greet.send(line);
            }
        };
        std::thread::Builder::new().name("agent".into()).spawn(read).map_err(|e| started("agent", &e))?;
        match agent.wait_for_greeting(&greeting) {
            Ok(()) => Ok(agent),
            Err(why) => Err(agent.failure(&why)),
        }
    }
}

/// The status address in a line of the greeting: the page's, or that of health and metrics alone.
fn status_address(line: &str) -> Option<&str> {
    let (_, rest) =
        line.split_once("status page on http://").or(line.split_once("health and metrics on http://"))?;
    rest.split(['/', ';', ' ']).next().filter(|address| !address.is_empty())
}

/// The URL of the first proxy in an `agent.json`.
fn first_proxy(description: &str) -> Result<String, String> {
    let text = std::fs::read(description).map_err(|e| format!("{description}: {}", plain(&e)))?;
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|e| format!("{description}: {e}"))?;
    let url = value.pointer("/proxies/0/url").and_then(serde_json::Value::as_str);
    url.map(String::from).ok_or_else(|| format!("{description} names no proxy"))
}

/// A running agent. Dropping it ends it, in order where it still can.
pub(super) struct Agent {
    child: Child,
    said: Arc<Mutex<VecDeque<String>>>,
    /// The proxy's URL.
    pub(super) proxy: String,
    /// `ADDRESS:PORT` of the status address.
    pub(super) status: String,
}

impl Agent {
    /// The process's number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// It says where it listens: the ports are the system's choice, and on some systems the proxy's URL holds a
    /// secret, which it only says in its private `agent.json`.
    fn wait_for_greeting(&mut self, lines: &Receiver<String>) -> Result<(), String> {
        let begun = SystemClock.now().boot;
        loop {
            // It goes on saying this and that for as long as it lives: the whole greeting has so long, not each line.
            let left = START.saturating_sub(SystemClock.now().boot.since(begun).into());
            let line = lines.recv_timeout(left).map_err(|_| "it did not come up".to_owned())?;
            if let Some((_, url)) = line.split_once("proxy on ") {
                self.proxy = match url.split_once(" stands in ") {
                    None => url.trim().into(),
                    Some((_, description)) => first_proxy(description.trim())?,
                };
            }
            if let Some(address) = status_address(&line) {
                self.status = address.into();
            }
            if !self.proxy.is_empty() && !self.status.is_empty() {
                return Ok(());
            }
        }
    }

    /// What is wrong, with its last words.
    pub(super) fn failure(&self, why: &str) -> Failure {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = Failure::internal(format!("the agent (process {}): {why}", self.pid()));
        if said.is_empty() {
            return failure;
        }
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        failure.advise(format!("it said: {}", said.join("\n           ")))
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it did not end well.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        match self.stop() {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.failure(&format!("it ended with {status}"))),
            None => Err(self.failure("it had to be killed")),
        }
    }

    /// How it ended; none when it had to be killed.
    fn stop(&mut self) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw)?;
        // One that ended meanwhile is not waited for yet: its number is still its own.
        let _ = kill_process(pid, Signal::TERM);
        let begun = SystemClock.now().boot;
        while SystemClock.now().boot.since(begun) < END {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                _ => std::thread::park_timeout(LOOK),
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
    }
}

fn started(what: &str, error: &std::io::Error) -> Failure {
    Failure::internal(format!("renewd {what} cannot be run: {}", plain(error)))
}

fn succeeded(what: &str, status: ExitStatus, stderr: &[u8]) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(stderr);
    Err(Failure::internal(format!("renewd {what} ended with {status}: {}", said.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_address_is_found_in_each_form_of_the_greeting() {
        for line in [
            "renewd: status page on http://127.0.0.1:9469/",
            "renewd: status page on http://127.0.0.1:9469; the URL with its secret stands in /run/agent.json",
            "renewd: health and metrics on http://127.0.0.1:9469",
        ] {
            assert_eq!(status_address(line), Some("127.0.0.1:9469"), "{line}");
        }
        assert_eq!(status_address("renewd: proxy on http://127.0.0.1:8787"), None);
    }
}
