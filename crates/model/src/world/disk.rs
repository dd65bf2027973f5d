//! The store: what readers see, what a power cut leaves, and who may write.

use crate::mutant::Mutant;
use crate::process::Fence;
use crate::record::{RecordState, Stored};
use crate::setting::Setting;

/// The record's file.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Disk<R> {
    /// What a reader gets.
    pub(crate) seen: R,
    /// What a power cut leaves.
    pub(crate) durable: R,
}

impl<R: Stored> Disk<R> {
    pub(crate) fn new(record: R) -> Self {
        Self { durable: record.clone(), seen: record }
    }

    pub(crate) fn unsynced(&self) -> bool {
        self.seen != self.durable
    }

    pub(crate) fn sync(&mut self) {
        self.durable = self.seen.clone();
    }

    pub(crate) fn elapse(&mut self, setting: &Setting) {
        self.seen.elapse(setting);
        self.durable.elapse(setting);
    }

    /// Whether what stands there is what the writer began from.
    pub(crate) fn holds(&self, fence: Fence) -> bool {
        let stands = self.seen.view();
        let attempt = stands.intent.map(|i| i.attempt);
        stands.version() == (fence.epoch, fence.generation)
            && (fence.attempt.is_none() || fence.attempt == attempt)
    }

    /// Whether the store writes (the store's `admit`: fence, or the same content once more; and never back).
    pub(crate) fn admits(&self, setting: &Setting, record: &R, fence: Fence) -> bool {
        let refusal = matches!(record.view().state, RecordState::GrantRefused | RecordState::RotationLost);
        if setting.is(Mutant::NoFence) || (setting.is(Mutant::RefusalUnfenced) && refusal) {
            return true;
        }
        let fenced = self.holds(fence) || self.seen == *record;
        let back = record.view().version() < self.seen.view().version();
        fenced && !back
    }
}
