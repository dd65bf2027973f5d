//! The one place where the real servers read a clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Milliseconds since the server started, which tests may push forward to let tokens expire without waiting.
pub(crate) struct Clock {
    start: Instant,
    pushed_ms: AtomicU64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: monotonic(), pushed_ms: AtomicU64::new(0) }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        let passed = u64::try_from(monotonic().duration_since(self.start).as_millis()).unwrap_or(u64::MAX);
        passed.saturating_add(self.pushed_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.pushed_ms.fetch_add(by, Ordering::Relaxed);
    }
}

/// What is left of a wait.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(wait: Duration) -> Self {
        Self(monotonic() + wait)
    }

    /// `None` once it has passed.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.0.checked_duration_since(monotonic()).filter(|left| !left.is_zero())
    }
}

#[expect(clippy::disallowed_methods, reason = "a real server lives in real time; this is its only clock")]
fn monotonic() -> Instant {
    Instant::now()
}
