//! Listens to the agent's events and to the API's refusals, each on a thread of its own.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use renewd_testkit::ProtectedApi;

use super::news::News;
use crate::exit::Failure;
use crate::input::file::plain;

/// A connection that says nothing for so long before its first line is broken.
const FIRST_LINE: Duration = Duration::from_secs(10);

/// How often somebody who waits for the API looks whether it should still wait.
const LOOK: Duration = Duration::from_millis(200);

/// A request is counted a moment before it is logged.
const LOGGED: Duration = Duration::from_millis(2);

/// The agent's event stream. Dropping it ends the listening.
pub(super) struct AgentEvents(UnixStream);

impl AgentEvents {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub(super) fn listen(socket: &Path, news: Sender<News>) -> Result<Self, Failure> {
        let failed =
            |e: io::Error| Failure::internal(format!("the agent's events cannot be had: {}", plain(&e)));
        let mut stream = UnixStream::connect(socket).map_err(failed)?;
        stream.set_read_timeout(Some(FIRST_LINE)).map_err(failed)?;
        // HTTP/1.0: its answers are not chunked, so that events can be read line by line.
        stream.write_all(b"GET /v1/events HTTP/1.0\r\nHost: localhost\r\n\r\n").map_err(failed)?;
        let mut lines = BufReader::new(stream.try_clone().map_err(failed)?);
        let mut status = String::new();
        lines.read_line(&mut status).map_err(failed)?;
        if status.split(' ').nth(1) != Some("200") {
            return Err(failed(io::Error::other(format!("it answers {:?}", status.trim_end()))));
        }
        stream.set_read_timeout(None).map_err(failed)?;
        let listen = move || {
            for line in lines.lines().map_while(Result::ok) {
                let event = line.strip_prefix("data: ").and_then(|data| serde_json::from_str(data).ok());
                if let Some(entry) = event
                    && news.send(News::Agent(Box::new(entry))).is_err()
                {
                    return;
                }
            }
            // Nobody listening any more is no error.
            let _ = news.send(News::AgentGone);
        };
        std::thread::Builder::new().name("events".into()).spawn(listen).map_err(failed)?;
        Ok(Self(stream))
    }
}

impl Drop for AgentEvents {
    fn drop(&mut self) {
        // One that is closed already has ended already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// The API's log. Dropping it ends the watching.
pub(super) struct ApiRefusals(Arc<AtomicBool>);

impl ApiRefusals {
    /// Watches from now on.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn watch(api: Arc<ProtectedApi>, news: Sender<News>) -> Result<Self, Failure> {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let watch = move || {
            let (mut counted, mut logged) = (0, 0);
            while !told.load(Ordering::Relaxed) {
                if api.wait_for(|t| t.unauthorized > counted, LOOK).is_err() {
                    continue;
                }
                let refused = api.log().into_iter().filter(|e| e.status == 401 && e.number > logged);
                let refused: Vec<_> = refused.collect();
                counted += refused.len() as u64;
                logged = refused.last().map_or(logged, |e| e.number);
                if refused.is_empty() {
                    let _ = api.wait_for(|_| false, LOGGED);
                }
                for entry in refused {
                    if news.send(News::Refused(Box::new(entry))).is_err() {
                        return;
                    }
                }
            }
        };
        std::thread::Builder::new()
            .name("api log".into())
            .spawn(watch)
            .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
        Ok(Self(over))
    }
}

impl Drop for ApiRefusals {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
