//! The end of a server, as something every waiting thread can notice.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Deadline;

/// Set once; wakes everything that pauses on it.
#[derive(Default)]
pub(crate) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(crate) fn set(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until the end; returns whether it is still on.
    pub(crate) fn pause(&self, wait: Duration) -> bool {
        let deadline = Deadline::after(wait);
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let Some(left) = deadline.left() else { return true };
            let woken = self.changed.wait_timeout(stopped, left);
            stopped = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}
