//! Core: `lifecycle/commit.rs`.

use renewd_core::Phase;

use super::{Cx, Machine, PAUSE, Pending, Writing};
use crate::mutant::Mutant;
use crate::process::{Command, Failure, Fence};
use crate::record::{Intent, Record};

/// An unsaved record is written again at least this often.
const SAVE_RETRY_MAX: u8 = 30;

impl Machine {
    pub(super) fn take_writing(&mut self, ticket: u32) -> Option<Writing> {
        if self.writing.is_some_and(|w| w.ticket == ticket) { self.writing.take() } else { None }
    }

    /// Core: `commit` and `commit_attempt`.
    pub(super) fn write(&mut self, record: Record, fence: Fence, then: Pending, cx: &mut Cx<'_>) {
        self.writing = Some(Writing { ticket: 0, record, fence, then });
        cx.push(Command::Commit(0, record, fence));
        self.to(Phase::Committing);
    }

    pub(super) fn on_committed(&mut self, ticket: u32, cx: &mut Cx<'_>) {
        let Some(writing) = self.take_writing(ticket) else { return };
        self.save_retry = None;
        self.unwritten = None;
        self.record = Some(writing.record);
        self.release(cx);
        let phase = match writing.then {
            Pending::Success => {
                self.forget_plans();
                Phase::Fresh
            }
            Pending::Failed { state } => state,
            Pending::GiveUp => {
                self.forget_plans();
                Phase::Unauthenticated
            }
            Pending::Orphan { until } => {
                self.settle_until = Some(until);
                Phase::Settling
            }
            Pending::Saved | Pending::Send(_) | Pending::Unmark => self.resting(),
        };
        if self.stopping.is_some() { self.stop_now(cx) } else { self.to(phase) }
    }

    pub(super) fn on_commit_failed(&mut self, ticket: u32, failure: Failure<Record>, cx: &mut Cx<'_>) {
        let Some(writing) = self.take_writing(ticket) else { return };
        match failure {
            Failure::Fault => self.commit_faulted(writing, cx),
            Failure::Fenced(stands) => self.commit_fenced(writing, &stands, cx),
        }
    }

    fn commit_faulted(&mut self, writing: Writing, cx: &mut Cx<'_>) {
        if writing.then.holds_new_tokens() {
            if cx.is(Mutant::UnsavedDropped) {
                return self.rest_for_store(cx);
            }
            return self.keep_unsaved(writing, cx);
        }
        self.unwritten = writing.fence.attempt;
        match writing.then {
            Pending::Failed { state } => {
                self.record = Some(writing.record);
                self.release(cx);
                if self.stopping.is_some() { self.stop_now(cx) } else { self.to(state) }
            }
            Pending::GiveUp => {
                self.settle_intent(writing.record.intent);
                self.rest_for_store(cx);
            }
            Pending::Success
            | Pending::Saved
            | Pending::Orphan { .. }
            | Pending::Send(_)
            | Pending::Unmark => self.rest_for_store(cx),
        }
    }

    /// The attempt has ended, although its end is not written.
    fn settle_intent(&mut self, written: Option<Intent>) {
        if let Some(record) = &mut self.record {
            let doubt = record.intent.take().filter(|i| i.doubt).map(|i| Intent { settled: true, ..i });
            record.intent = written.or(doubt);
        }
    }

    fn commit_fenced(&mut self, mut writing: Writing, stands: &Record, cx: &mut Cx<'_>) {
        if self.is_newer_than_write(stands, &writing) {
            self.discard(&writing, stands, cx);
            return self.adopt(stands, cx);
        }
        writing.fence = Fence { epoch: stands.epoch, generation: stands.generation, attempt: None };
        self.commit_faulted(writing, cx);
    }

    /// Whether somebody else has written what a write found in its place.
    fn is_newer_than_write(&self, r: &Record, writing: &Writing) -> bool {
        let ours = writing.then.holds_new_tokens()
            && r.version() == writing.record.version()
            && r.refresh_token == writing.record.refresh_token;
        let known = self.version().unwrap_or_default().max((writing.fence.epoch, writing.fence.generation));
        r.version() > known && !ours
    }

    /// The new tokens exist only here: serve them, refresh nothing more, go on saving.
    fn keep_unsaved(&mut self, mut writing: Writing, cx: &mut Cx<'_>) {
        self.record = Some(writing.record);
        if writing.then == Pending::Success {
            self.forget_plans();
        }
        writing.then = Pending::Saved;
        let wait = match self.save_retry {
            Some((_, last)) if self.stopping.is_none() => (last * 2).min(SAVE_RETRY_MAX),
            Some(_) | None => PAUSE,
        };
        self.save_retry = Some((wait, wait));
        self.writing = Some(writing);
        if self.stopping == Some(0) {
            return self.stop_when_due(cx);
        }
        self.to(Phase::Unsaved);
    }

    pub(super) fn save_when_due(&mut self, cx: &mut Cx<'_>) {
        if self.stopping == Some(0) {
            return self.stop_when_due(cx);
        }
        if self.save_retry.is_none_or(|(left, _)| left == 0) {
            self.save_now(cx);
        }
    }

    pub(super) fn save_now(&mut self, cx: &mut Cx<'_>) {
        let Some(writing) = self.writing else { return self.to(self.resting()) };
        cx.push(Command::Commit(0, writing.record, writing.fence));
        self.to(Phase::Committing);
    }
}
