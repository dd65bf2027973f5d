//! How long something has been so, asked of two clocks.
//!
//! The monotonic one stops while a laptop sleeps, the wall clock may be set. Whichever says "too long" is believed, for
//! a connection from before a suspend is as good as dead and a `POST` sent on it could not be repeated.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A point in time on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    #[expect(clippy::disallowed_methods, reason = "only to notice that a suspend lies between two requests")]
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether more than `span` lies between `self` and `now` by either clock.
    pub(crate) fn is_older_than(self, span: Duration, now: Self) -> bool {
        let by_wall = now.wall.duration_since(self.wall).ok();
        is_longer(now.monotonic.saturating_duration_since(self.monotonic), by_wall, span)
    }
}

/// `by_wall` is `None` where the wall clock was set back: nobody knows how long it was.
fn is_longer(by_monotonic: Duration, by_wall: Option<Duration>, span: Duration) -> bool {
    by_monotonic > span || by_wall.is_none_or(|waited| waited > span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_a_suspend_is_old_although_the_monotonic_clock_stood_still() {
        let secs = Duration::from_secs;
        assert!(!is_longer(secs(1), Some(secs(1)), secs(30)));
        assert!(is_longer(secs(1), Some(secs(8 * 3600)), secs(30)), "suspended");
        assert!(is_longer(secs(31), Some(secs(1)), secs(30)), "the wall clock was set back a little");
        assert!(is_longer(secs(1), None, secs(30)), "the wall clock was set back beyond it");
    }
}
