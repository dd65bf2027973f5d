//! Looks, again and again, on a thread of its own: at once when the agent says that something happened, else every two
//! seconds. A store or an agent that hangs leaves the screen and its keys alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use renewd_driver::Clock as _;
use renewd_driver::CredentialName;
use renewd_driver::system::SystemClock;

use super::scene::{Day, Scene, Source};
use crate::agent_client::{Agent, Heard, Listening};
use crate::commands::status::{Seen, look};
use crate::config::Config;
use crate::exit::Failure;
use crate::journal::Clock;

/// Without an agent that tells: how often it is looked.
const LOOK: Duration = Duration::from_secs(2);

/// Two of them are shown by one look: an event comes with others.
const TOGETHER: Duration = Duration::from_millis(30);

/// What came of a look.
pub(super) type Looked = Result<(Scene, Seen), Failure>;

/// The thread, as its reader has it. Dropping it ends the thread, within one look.
pub(super) struct Feed {
    pub(super) news: Receiver<Looked>,
    _end: Sender<()>,
}

/// Begins to look. Without `journals` for whoever draws no bar.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn begin(
    config: Arc<Config>,
    name: Option<CredentialName>,
    clock: Clock,
    journals: bool,
) -> std::io::Result<Feed> {
    // One that waits to be taken: a reader that is slow misses what is outdated, no more.
    let (tell, news) = sync_channel(1);
    let (end, ended) = channel();
    let mut looking = Looking { config, name, clock, journals, listening: None };
    std::thread::Builder::new().name("watch".into()).spawn(move || looking.go_on(&tell, &ended))?;
    Ok(Feed { news, _end: end })
}

struct Looking {
    config: Arc<Config>,
    name: Option<CredentialName>,
    clock: Clock,
    journals: bool,
    listening: Option<Listening>,
}

impl Looking {
    fn go_on(&mut self, tell: &SyncSender<Looked>, ended: &Receiver<()>) {
        loop {
            // First the ear, then the eye: what happens between them is heard.
            self.listen();
            if tell.send(self.look()).is_err() {
                return;
            }
            match ended.try_recv() {
                Err(std::sync::mpsc::TryRecvError::Empty) => {}
                _ => return,
            }
            if !self.wait(ended) {
                return;
            }
        }
    }

    /// Until there is something to look at. False where nobody looks any more.
    fn wait(&mut self, ended: &Receiver<()>) -> bool {
        let heard = self.listening.as_mut().map(|listening| listening.hear(LOOK));
        match heard {
            Some(Heard::News) => {
                let _ = ended.recv_timeout(TOGETHER);
                true
            }
            Some(Heard::Nothing) => true,
            Some(Heard::End) => {
                self.listening = None;
                // The agent is going: what it leaves is looked at a moment later.
                !matches!(ended.recv_timeout(TOGETHER), Err(RecvTimeoutError::Disconnected))
            }
            None => !matches!(ended.recv_timeout(LOOK), Err(RecvTimeoutError::Disconnected)),
        }
    }

    fn listen(&mut self) {
        if self.listening.is_none() {
            self.listening = Agent::find(&self.config).ok().and_then(|agent| agent.listen().ok());
        }
    }

    fn look(&mut self) -> Looked {
        let seen = look(self.name.as_ref(), false, &self.config)?;
        let source = match &seen.agent {
            Some(agent) => Source::Agent { pid: agent.description.pid, live: self.listening.is_some() },
            None => Source::Store,
        };
        let now = SystemClock.now().wall;
        let mut days = BTreeMap::new();
        if let (true, Ok(state)) = (self.journals, self.config.places().state()) {
            for c in &seen.document.credentials {
                days.insert(c.name.clone(), Day::read(state, &c.name, &self.clock, now));
            }
        }
        let scene = Scene {
            health: seen.document.health.clone(),
            credentials: seen.document.credentials.clone(),
            source,
            trouble: seen.closed.as_ref().map(ToString::to_string),
            days,
        };
        Ok((scene, seen))
    }
}
