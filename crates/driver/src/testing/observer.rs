//! Ports that remember.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use renewd_core::{AttemptId, Now};

use super::lock;
use crate::CredentialName;
use crate::ports::{Entropy, Event, Observer, Step};

/// Remembers every event.
#[derive(Default)]
pub struct RecordingObserver {
    events: Mutex<Vec<(CredentialName, Now, Event)>>,
    steps: Mutex<Vec<(CredentialName, Now, Step)>>,
}

impl RecordingObserver {
    /// What happened since this was last asked.
    pub fn take(&self) -> Vec<(CredentialName, Now, Event)> {
        std::mem::take(&mut *lock(&self.events))
    }

    /// The steps of attempts since this was last asked.
    pub fn take_steps(&self) -> Vec<(CredentialName, Now, Step)> {
        std::mem::take(&mut *lock(&self.steps))
    }
}

impl Observer for RecordingObserver {
    fn observe(&self, name: &CredentialName, now: Now, event: &Event) {
        lock(&self.events).push((name.clone(), now, event.clone()));
    }

    fn step(&self, name: &CredentialName, now: Now, step: Step) {
        lock(&self.steps).push((name.clone(), now, step));
    }
}

/// Attempt ids in a row: the same in each run. Give each virtual process a prefix of its own.
#[derive(Debug, Default)]
pub struct CountedEntropy {
    prefix: u64,
    next: AtomicU64,
}

impl CountedEntropy {
    /// Ids that begin with `prefix`.
    pub fn new(prefix: u64) -> Self {
        Self { prefix, next: AtomicU64::new(1) }
    }
}

impl Entropy for CountedEntropy {
    fn attempt_id(&self) -> AttemptId {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        AttemptId(u128::from(self.prefix) << 64 | u128::from(n))
    }
}
