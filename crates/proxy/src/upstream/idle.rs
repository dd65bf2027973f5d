//! Connections that are kept for the next request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::link::Link;
use super::moment::Moment;
use super::shared::{Lease, SharedLink};

/// Idle connections kept for one upstream; more are closed as they come back. A burst of a thousand requests must not
/// leave a thousand sockets behind.
const IDLE_LINKS_MAX: usize = 64;

/// The connections of one upstream that can take a request: those that wait, and those that are shared.
pub(crate) struct KeptLinks {
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of HTTP/1.1, oldest first.
    idle: VecDeque<Waiting>,
    /// Of HTTP/2. One that is taken out serves its streams to their end, and no further one.
    shared: Vec<Arc<SharedLink>>,
    sweeping: bool,
}

struct Waiting {
    link: Link,
    since: Moment,
}

impl KeptLinks {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, state: Mutex::default() }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The one used last, if it can still be used: the others may come to their end unused.
    pub(crate) fn take(&self) -> Option<Link> {
        let now = Moment::now();
        let mut state = self.lock();
        while let Some(waiting) = state.idle.pop_back() {
            if waiting.link.is_ready() && !waiting.since.is_older_than(self.timeout, now) {
                return Some(waiting.link);
            }
        }
        None
    }

    /// A place on a shared connection: on the first that has one, so that those opened for a rush come to their end.
    pub(crate) fn lease(&self) -> Option<Lease> {
        let mut state = self.lock();
        if state.shared.is_empty() {
            return None;
        }
        let now = Moment::now();
        state.shared.retain(|link| link.is_alive(self.timeout, now));
        state.shared.iter().find_map(SharedLink::lease)
    }

    /// Takes one back. True when sweeping must begin.
    pub(crate) fn put(&self, link: Link) -> bool {
        let since = Moment::now();
        let mut state = self.lock();
        if state.idle.len() == IDLE_LINKS_MAX {
            state.idle.pop_front();
        }
        state.idle.push_back(Waiting { link, since });
        !std::mem::replace(&mut state.sweeping, true)
    }

    /// Takes a new shared one. True when sweeping must begin.
    pub(crate) fn share(&self, link: Arc<SharedLink>) -> bool {
        let mut state = self.lock();
        state.shared.push(link);
        !std::mem::replace(&mut state.sweeping, true)
    }

    /// No further request goes to the connection of this lease.
    pub(crate) fn retire(&self, lease: &Lease) {
        self.lock().shared.retain(|link| !lease.is_on(link));
    }

    /// Closes what waited too long. False when none is left: sweeping ends.
    pub(crate) fn sweep(&self) -> bool {
        let now = Moment::now();
        let mut state = self.lock();
        state.idle.retain(|w| w.link.is_ready() && !w.since.is_older_than(self.timeout, now));
        state.shared.retain(|link| link.is_alive(self.timeout, now));
        state.sweeping = !(state.idle.is_empty() && state.shared.is_empty());
        state.sweeping
    }

    /// How many wait and can be used.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().idle.iter().filter(|waiting| waiting.link.is_ready()).count()
    }

    /// Closes all that serve nothing; the others end with what they serve. (Whoever sweeps finds none, and ends.)
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.idle.clear();
        state.shared.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
