//! Making an outcome durable, and what follows when it is.

use alloc::boxed::Box;
use alloc::string::String;

use statig::Outcome::Handled;

use crate::attempt::{AttemptId, Fence};
use crate::command::{Command, Hint, RefreshReason, Report, Ticket};
use crate::input::{CommitFailure, Loaded, StoreFault, StoreFaultKind};
use crate::lifecycle::machine::{Cx, Machine, Writing};
use crate::lifecycle::revoke::same_tokens;
use crate::lifecycle::state::{Out, State, to};
use crate::lifecycle::store::STORE_RETRY_MIN;
use crate::record::{AccessKey, Intent, LastAttempt, Record};
use crate::time::{Boot, Span};

/// An unsaved record is written again at least this often.
const SAVE_RETRY_MAX: Span = Span::from_secs(30);

/// What a write is for.
#[derive(Clone, Hash)]
pub(crate) enum Pending {
    /// The mark: then send.
    Send(AttemptId),
    /// A success: then serve it.
    Success { rotated: bool, took: Span, recovered: Option<(Span, u32)> },
    /// New tokens that could not be saved at once: then go on from where the attempt had led.
    Saved,
    /// A failed attempt: then wait. It may have brought a refresh token all the same.
    Failed { state: State, attempt: LastAttempt, hint: Option<Hint>, salvaged: bool },
    /// The verdict is final: then tell.
    GiveUp { attempt: Option<LastAttempt>, hint: Option<Hint> },
    /// The server refused what was asked for, not who asks: then tell.
    Declined { key: Box<AccessKey>, attempt: LastAttempt },
    /// Ask again at once.
    Again,
    /// The wait for somebody's request to settle has begun.
    Orphan { until: Boot },
    /// A login that began below what is known here: then take it over.
    Raised,
    /// The mark is taken back: then stop.
    Unmark,
}

impl Pending {
    /// Whether the write holds tokens that exist nowhere else.
    pub(crate) const fn holds_new_tokens(&self) -> bool {
        match self {
            Self::Success { .. } | Self::Saved => true,
            Self::Failed { salvaged, .. } => *salvaged,
            Self::Send(_)
            | Self::GiveUp { .. }
            | Self::Declined { .. }
            | Self::Again
            | Self::Orphan { .. }
            | Self::Raised
            | Self::Unmark => false,
        }
    }
}

impl Machine {
    pub(crate) fn take_writing(&mut self, ticket: Ticket) -> Option<Writing> {
        if self.writing.as_ref().is_some_and(|w| w.ticket == ticket) {
            self.writing.take().map(|w| *w)
        } else {
            None
        }
    }

    /// Commits over what stands in the store.
    pub(crate) fn commit(
        &mut self,
        record: Box<Record>,
        fence: (u64, u64),
        then: Pending,
        cx: &mut Cx<'_>,
    ) -> Out {
        self.commit_attempt(record, fence, None, then, cx)
    }

    /// Commits over what stands in the store, which must hold that attempt's intent.
    pub(crate) fn commit_attempt(
        &mut self,
        record: Box<Record>,
        fence: (u64, u64),
        attempt: Option<AttemptId>,
        then: Pending,
        cx: &mut Cx<'_>,
    ) -> Out {
        let ticket = self.ticket();
        let fence = Fence { epoch: fence.0, generation: fence.1, attempt };
        self.writing = Some(Box::new(Writing { ticket, record: record.clone(), fence, then }));
        cx.push(Command::Commit { ticket, record, fence });
        to(State::Committing)
    }

    pub(crate) fn on_committed(&mut self, ticket: Ticket, cx: &mut Cx<'_>) -> Out {
        let Some(writing) = self.take_writing(ticket) else { return Handled };
        self.store_works(cx);
        self.save_retry = None;
        self.unwritten = None;
        if matches!(writing.then, Pending::Raised) {
            return self.adopt(&writing.record, cx);
        }
        self.know(writing.record);
        self.release(cx);
        let state = match writing.then {
            Pending::Success { rotated, took, recovered } => {
                self.succeeded(rotated, took, recovered, cx);
                State::Fresh
            }
            Pending::Failed { state, attempt, hint, .. } => self.after_failure(state, attempt, hint, cx),
            Pending::GiveUp { attempt, hint } => {
                self.give_up(attempt, hint, cx);
                State::Unauthenticated
            }
            Pending::Declined { key, attempt } => {
                cx.report(Report::AudienceRefused { key: *key, attempt });
                self.resting()
            }
            Pending::Again if self.stopping.is_none() => {
                return self.begin_for(self.target.clone(), self.reason, cx);
            }
            Pending::Orphan { until } => {
                self.settle_until = Some(until);
                State::Settling
            }
            Pending::Saved | Pending::Again | Pending::Send(_) | Pending::Raised | Pending::Unmark => {
                self.resting()
            }
        };
        if self.stopping.is_some() { self.stop_now(cx) } else { to(state) }
    }

    /// Takes over what this attempt has brought.
    fn know(&mut self, record: Box<Record>) {
        if self.refuses(&record) {
            self.rejected = record.access().map(|access| (record.epoch, record.generation_of(access)));
        }
        self.rejections_told = record.rejections;
        self.record = Some(record);
    }

    pub(crate) fn on_commit_failed(
        &mut self,
        ticket: Ticket,
        failure: &CommitFailure,
        cx: &mut Cx<'_>,
    ) -> Out {
        let Some(writing) = self.take_writing(ticket) else { return Handled };
        match failure {
            CommitFailure::Fault(fault) => self.commit_faulted(writing, fault, cx),
            CommitFailure::Fenced(loaded) => self.commit_fenced(writing, loaded, cx),
        }
    }

    fn commit_faulted(&mut self, writing: Writing, fault: &StoreFault, cx: &mut Cx<'_>) -> Out {
        if writing.then.holds_new_tokens() {
            return self.keep_unsaved(writing, fault, cx);
        }
        // What stands in the store is the intent of an attempt whose outcome is known here and nowhere else.
        self.unwritten = writing.fence.attempt;
        match writing.then {
            Pending::Failed { state, attempt, hint, .. } => {
                self.writing_failed(fault, cx);
                self.record = Some(writing.record);
                self.release(cx);
                let state = self.after_failure(state, attempt, hint, cx);
                if self.stopping.is_some() { self.stop_now(cx) } else { to(state) }
            }
            Pending::GiveUp { attempt, .. } => {
                // A final verdict counts only when the store has confirmed that it is about what stands there.
                self.settle_intent(writing.record.intent);
                if let Some(attempt) = attempt {
                    cx.report(Report::AttemptFailed { attempt, next: None });
                }
                self.write_trouble(fault, cx)
            }
            Pending::Declined { key, attempt } => {
                cx.report(Report::AudienceRefused { key: *key, attempt });
                self.record = Some(writing.record);
                self.write_trouble(fault, cx)
            }
            Pending::Again => {
                self.record = Some(writing.record);
                self.write_trouble(fault, cx)
            }
            Pending::Success { .. }
            | Pending::Saved
            | Pending::Orphan { .. }
            | Pending::Send(_)
            | Pending::Raised
            | Pending::Unmark => self.write_trouble(fault, cx),
        }
    }

    /// The attempt has ended, although its end is not written: nothing of it is left but what the write says, or the
    /// doubt from before.
    fn settle_intent(&mut self, written: Option<Intent>) {
        if let Some(record) = &mut self.record {
            let doubt = record.intent.take().filter(|i| i.doubt).map(|i| Intent { settled: true, ..i });
            record.intent = written.or(doubt);
        }
    }

    fn commit_fenced(&mut self, mut writing: Writing, loaded: &Loaded, cx: &mut Cx<'_>) -> Out {
        let mut stands = None;
        match loaded {
            Loaded::Record(r) if self.is_newer_than_write(r, &writing) => {
                self.discard(&writing, r, cx);
                return self.adopt(r, cx);
            }
            Loaded::Record(r) if self.began_anew(r) => {
                self.discard(&writing, &self.raised(r), cx);
                return self.raise(r, cx);
            }
            Loaded::Record(r) => stands = Some(r),
            Loaded::RolledBack { record, .. } => stands = Some(record),
            Loaded::Absent | Loaded::Fault(_) => {}
        }
        if let Some(r) = stands {
            writing.fence.epoch = r.epoch;
            writing.fence.generation = r.generation;
            writing.fence.attempt = None;
        }
        let standing = match loaded {
            Loaded::Fault(fault) => return self.commit_faulted(writing, fault, cx),
            Loaded::Absent => {
                "the record is gone from the store; only newer tokens bring it back, or a login"
            }
            Loaded::Record(_) | Loaded::RolledBack { .. } => {
                "the record in the store is older than the one held here; writing it again"
            }
        };
        let fault = StoreFault { kind: StoreFaultKind::Io, message: String::from(standing) };
        self.commit_faulted(writing, &fault, cx)
    }

    /// Whether somebody else has written what a write found in its place. Our own write may stand there although it
    /// was reported as failed: then it is written once more, durably.
    fn is_newer_than_write(&self, r: &Record, writing: &Writing) -> bool {
        let ours = writing.then.holds_new_tokens()
            && r.version() == writing.record.version()
            && same_tokens(&r.grant, &writing.record.grant);
        let known = self.version().unwrap_or_default().max((writing.fence.epoch, writing.fence.generation));
        r.version() > known && !ours
    }

    /// The new tokens exist only here: serve them, refresh nothing more, go on saving.
    fn keep_unsaved(&mut self, mut writing: Writing, fault: &StoreFault, cx: &mut Cx<'_>) -> Out {
        self.writing_failed(fault, cx);
        self.know(writing.record.clone());
        match core::mem::replace(&mut writing.then, Pending::Saved) {
            Pending::Success { rotated, took, recovered } => self.succeeded(rotated, took, recovered, cx),
            Pending::Failed { state, attempt, hint, .. } => {
                self.after_failure(state, attempt, hint, cx);
            }
            Pending::Saved
            | Pending::Send(_)
            | Pending::GiveUp { .. }
            | Pending::Declined { .. }
            | Pending::Again
            | Pending::Orphan { .. }
            | Pending::Raised
            | Pending::Unmark => {}
        }
        let wait = match self.save_retry {
            Some((_, last)) if self.stopping.is_none() => last.times(2).min(SAVE_RETRY_MAX),
            Some(_) | None => STORE_RETRY_MIN,
        };
        self.save_retry = Some((self.now.boot + wait, wait));
        self.writing = Some(Box::new(writing));
        if self.stopping.is_some_and(|at| at <= self.now.boot) {
            return self.stop_when_due(cx);
        }
        to(State::Unsaved)
    }

    pub(crate) fn save_when_due(&mut self, cx: &mut Cx<'_>) -> Out {
        if self.stopping.is_some_and(|at| at <= self.now.boot) {
            return self.stop_when_due(cx);
        }
        if self.save_retry.is_some_and(|(at, _)| at > self.now.boot) { Handled } else { self.save_now(cx) }
    }

    pub(crate) fn save_now(&mut self, cx: &mut Cx<'_>) -> Out {
        let Some(mut writing) = self.writing.take() else { return to(self.resting()) };
        writing.ticket = self.ticket();
        cx.push(Command::Commit {
            ticket: writing.ticket,
            record: writing.record.clone(),
            fence: writing.fence,
        });
        self.writing = Some(writing);
        to(State::Committing)
    }

    /// A success is known here, saved or not.
    fn succeeded(&mut self, rotated: bool, took: Span, recovered: Option<(Span, u32)>, cx: &mut Cx<'_>) {
        let reason = self.reason;
        let key = self.target.as_deref().cloned();
        let record = self.record.as_ref();
        let access = match &key {
            Some(key) => record.and_then(|r| r.other_access().find(|access| access.key == *key)),
            None => self.access(),
        };
        let expires = access.map_or(self.now.wall, |a| a.expires_wall());
        if let Some(key) = &key {
            self.succeeded_for(key);
        } else {
            self.rejection_streak =
                if reason == RefreshReason::Rejected { self.rejection_streak.saturating_add(1) } else { 0 };
            self.settle_into_token();
            self.distrusted = false;
        }
        let (epoch, generation) = self.version().unwrap_or_default();
        if let Some((after, attempts)) = recovered {
            cx.report(Report::Recovered { after, attempts });
        }
        cx.report(Report::Refreshed { reason, key, epoch, generation, expires, rotated, took });
    }

    /// Whatever was pending for an older token is over.
    pub(crate) fn settle_into_token(&mut self) {
        let window = self.setup.policy.refresh.window_for(self.lifetime());
        self.refresh_jitter = self.jitter.up_to(window.fraction(1, 10));
        self.forget_plans();
        self.pulled = None;
        self.start_hold = None;
        self.rejected = None;
        self.rejected_when_new = false;
        self.confirm_refusals();
        self.rolled_back = None;
        self.retried_immediately = false;
        self.retried_for_clock = false;
    }

    /// No attempt is planned any more.
    pub(crate) fn forget_plans(&mut self) {
        self.want = None;
        self.short = None;
        self.next_attempt = None;
        self.settle_until = None;
    }

    fn after_failure(
        &mut self,
        state: State,
        attempt: LastAttempt,
        hint: Option<Hint>,
        cx: &mut Cx<'_>,
    ) -> State {
        if self.reason == RefreshReason::Forced {
            // What a person asked for was this attempt; those that follow are nobody's wish.
            self.reason = RefreshReason::Proactive;
        }
        let next = if state == State::Unauthenticated {
            None
        } else {
            self.next_attempt.map(|at| at.max(self.allowed_at()).max(self.settle_until.unwrap_or_default()))
        };
        cx.report(Report::AttemptFailed { attempt, next });
        self.advise(hint, cx);
        state
    }

    fn give_up(&mut self, attempt: Option<LastAttempt>, hint: Option<Hint>, cx: &mut Cx<'_>) {
        self.forget_plans();
        if let Some(attempt) = attempt {
            cx.report(Report::AttemptFailed { attempt, next: None });
        }
        self.advise(hint, cx);
    }

    /// Once per lifetime of the process.
    fn advise(&mut self, hint: Option<Hint>, cx: &mut Cx<'_>) {
        if let Some(hint) = hint
            && self.advised.is_none()
        {
            self.advised = Some(hint.clone());
            cx.push(Command::Advise(hint));
        }
    }
}
