//! Connections that wait for their next request.
//!
//! How long one has waited is asked of two clocks: the monotonic one stops while a laptop sleeps, the wall clock may
//! be set. Whichever says "too long" is believed, for a connection from before a suspend is as good as dead and a
//! `POST` sent on it could not be repeated.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::link::Link;

/// Idle connections kept for one upstream; more are closed as they come back. A burst of a thousand requests must not
/// leave a thousand sockets behind.
const IDLE_LINKS_MAX: usize = 64;

/// The idle connections of one upstream, oldest first.
pub(crate) struct IdleLinks {
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    links: VecDeque<Waiting>,
    sweeping: bool,
}

struct Waiting {
    link: Link,
    since: Instant,
    since_wall: SystemTime,
}

impl IdleLinks {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, state: Mutex::default() }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The one used last that can still take a request.
    pub(crate) fn take(&self) -> Option<Link> {
        let (now, wall) = clocks();
        let mut state = self.lock();
        while let Some(waiting) = state.links.pop_back() {
            if waiting.link.is_ready() && !waiting.is_stale(now, wall, self.timeout) {
                return Some(waiting.link);
            }
        }
        None
    }

    /// Takes a connection in. True when the caller must start to sweep.
    pub(crate) fn put(&self, link: Link) -> bool {
        let (since, since_wall) = clocks();
        let mut state = self.lock();
        if state.links.len() == IDLE_LINKS_MAX {
            state.links.pop_front();
        }
        state.links.push_back(Waiting { link, since, since_wall });
        !std::mem::replace(&mut state.sweeping, true)
    }

    /// Closes what waited too long. False when none is left: sweeping ends.
    pub(crate) fn sweep(&self) -> bool {
        let (now, wall) = clocks();
        let mut state = self.lock();
        state.links.retain(|waiting| waiting.link.is_ready() && !waiting.is_stale(now, wall, self.timeout));
        state.sweeping = !state.links.is_empty();
        state.sweeping
    }

    /// Closes all of them. (Whoever sweeps finds none, and ends.)
    pub(crate) fn close(&self) {
        self.lock().links.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_stale(&self, now: Instant, wall: SystemTime, timeout: Duration) -> bool {
        let by_wall = wall.duration_since(self.since_wall).ok();
        is_stale(now.saturating_duration_since(self.since), by_wall, timeout)
    }
}

/// `by_wall` is `None` where the wall clock was set back: nobody knows how long it was.
fn is_stale(by_monotonic: Duration, by_wall: Option<Duration>, timeout: Duration) -> bool {
    by_monotonic > timeout || by_wall.is_none_or(|waited| waited > timeout)
}

#[expect(clippy::disallowed_methods, reason = "only to notice that a suspend lies between two requests")]
fn clocks() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_from_before_a_suspend_is_stale_although_the_monotonic_clock_stood_still() {
        let secs = Duration::from_secs;
        assert!(!is_stale(secs(1), Some(secs(1)), secs(30)));
        assert!(is_stale(secs(1), Some(secs(8 * 3600)), secs(30)), "suspended");
        assert!(is_stale(secs(31), Some(secs(1)), secs(30)), "the wall clock was set back a little");
        assert!(is_stale(secs(1), None, secs(30)), "the wall clock was set back beyond it");
    }
}
