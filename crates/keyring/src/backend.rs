//! What an operating system's keyring has to do here: the least there is.
//!
//! A backend is a thin layer over the system's own functions. It may hang, and it may believe what it is told: that every
//! call ends, that what was written was read back, that a value fits, is seen to in one place for all of them,
//! [`crate::bounded`].

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, KeyringError, KeyringErrorKind};

use crate::Interaction;

/// A system's keyring. It is made on the thread that makes its calls, one after another, and stays there.
pub(crate) trait Backend {
    /// What an item holds; `None` where there is no such item.
    fn get(&mut self, item: &ItemName, call: &Call) -> Result<Option<Secret>, KeyringError>;

    /// Makes an item, or replaces what it holds.
    fn set(&mut self, item: &ItemName, value: &Secret, call: &Call) -> Result<(), KeyringError>;

    /// Removes an item; `false` where there was none.
    fn delete(&mut self, item: &ItemName, call: &Call) -> Result<bool, KeyringError>;

    /// Looks whether it could be read, changing nothing. It asks nobody, whatever the call would allow.
    fn probe(&mut self, call: &Call) -> Result<(), KeyringError>;
}

/// What is the same for all items of a backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Description {
    /// The stable name that `store.toml` remembers.
    pub(crate) name: &'static str,
    /// Where it is, for people.
    pub(crate) place: &'static str,
    /// Most bytes that one item can hold.
    pub(crate) item_bytes_max: usize,
}

/// What a backend may know of the call that it serves.
pub(crate) struct Call {
    until: Instant,
    interaction: Interaction,
    /// Its other end is dropped when the caller stops waiting.
    caller: Receiver<()>,
}

impl Call {
    pub(crate) fn new(until: Instant, interaction: Interaction, caller: Receiver<()>) -> Self {
        Self { until, interaction, caller }
    }

    /// Time until nobody waits for it any more.
    #[cfg_attr(
        not(all(unix, not(target_vendor = "apple"))),
        expect(dead_code, reason = "only the Secret Service passes deadlines on")
    )]
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(now())
    }

    /// May a person be asked?
    #[cfg_attr(all(not(unix), not(test)), expect(dead_code, reason = "the Credential Manager asks nobody"))]
    pub(crate) fn interaction(&self) -> Interaction {
        self.interaction
    }

    /// Asked between two steps, so that a call which hung for a while does not go on to write when its caller has left.
    ///
    /// # Errors
    /// [`KeyringErrorKind::TimedOut`] when nobody waits any more.
    #[cfg_attr(
        all(not(unix), not(test)),
        expect(dead_code, reason = "the Credential Manager writes in one step")
    )]
    pub(crate) fn wanted(&self) -> Result<(), KeyringError> {
        self.pause(Duration::ZERO)
    }

    /// Waits so long, or as long as somebody waits for the call.
    ///
    /// # Errors
    /// [`KeyringErrorKind::TimedOut`] when nobody waits any more.
    pub(crate) fn pause(&self, pause: Duration) -> Result<(), KeyringError> {
        match self.caller.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) | Ok(()) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                Err(KeyringError::new(KeyringErrorKind::TimedOut, "nobody waits for this call any more"))
            }
        }
    }
}

/// The clock of the deadlines. A suspend stops it: a person who closed the lid on a prompt has the rest of the time.
#[expect(
    clippy::disallowed_methods,
    reason = "an adapter that bounds calls to the system; no token's time is decided by it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
