//! Making an outcome durable, and what follows when it is.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use statig::Outcome::Handled;

use crate::attempt::{AttemptId, Fence};
use crate::command::{Command, Hint, RefreshReason, Report, Ticket};
use crate::input::{CommitFailure, Loaded, StoreFault};
use crate::lifecycle::begin::STORE_RETRY_MIN;
use crate::lifecycle::machine::{Claim, Cx, Machine, Writing};
use crate::lifecycle::state::{Out, State, to};
use crate::record::{LastAttempt, Record};
use crate::request::{TokenRequest, TokenTypeHint};
use crate::time::{Boot, Span};

/// An unsaved record is written again at least this often.
const SAVE_RETRY_MAX: Span = Span::from_secs(30);

/// What a write is for.
pub(crate) enum Pending {
    /// The mark: then send.
    Send(AttemptId),
    /// A success: then serve it.
    Success { rotated: bool, took: Span, recovered: Option<(Span, u32)> },
    /// The same, saved late.
    Saved,
    /// A failed attempt: then wait.
    Failed { state: State, attempt: LastAttempt, hint: Option<Hint> },
    /// The verdict is final: then tell.
    GiveUp { attempt: Option<LastAttempt>, hint: Option<Hint> },
    /// Ask again at once.
    Again,
    /// The wait for somebody's request to settle has begun.
    Orphan { until: Boot },
    /// The mark is taken back: then stop.
    Unmark,
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
        self.record = Some(writing.record);
        let state = match writing.then {
            Pending::Success { rotated, took, recovered } => {
                self.succeeded(rotated, took, recovered, cx);
                self.release(cx);
                State::Fresh
            }
            Pending::Saved => {
                self.release(cx);
                State::Fresh
            }
            Pending::Failed { state, attempt, hint } => {
                self.release(cx);
                self.after_failure(state, attempt, hint, cx)
            }
            Pending::GiveUp { attempt, hint } => {
                self.release(cx);
                self.give_up(attempt, hint, cx);
                State::Unauthenticated
            }
            Pending::Again => {
                self.release(cx);
                if self.stopping.is_none() {
                    return self.begin(self.reason, cx);
                }
                State::Fresh
            }
            Pending::Orphan { until } => {
                self.release(cx);
                self.settle_until = Some(until);
                State::Settling
            }
            Pending::Send(_) | Pending::Unmark => {
                self.release(cx);
                State::Fresh
            }
        };
        if self.stopping.is_some() { self.stop_now(cx) } else { to(state) }
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
        match writing.then {
            Pending::Success { .. } | Pending::Saved => self.keep_unsaved(writing, fault, cx),
            Pending::Failed { state, attempt, hint } => {
                // Bookkeeping only. The intent on disk stays, and makes everybody wait it out: safe, if slow.
                self.store_failed(fault, cx);
                self.record = Some(writing.record);
                self.release(cx);
                let state = self.after_failure(state, attempt, hint, cx);
                if self.stopping.is_some() { self.stop_now(cx) } else { to(state) }
            }
            // A final verdict counts only when the store has confirmed that it is about what stands there.
            Pending::GiveUp { attempt, .. } => {
                if let Some(attempt) = attempt {
                    cx.report(Report::AttemptFailed { attempt, next: None });
                }
                self.store_trouble(fault, cx)
            }
            Pending::Again | Pending::Orphan { .. } | Pending::Send(_) | Pending::Unmark => {
                self.store_trouble(fault, cx)
            }
        }
    }

    fn commit_fenced(&mut self, mut writing: Writing, loaded: &Loaded, cx: &mut Cx<'_>) -> Out {
        let newer = match loaded {
            Loaded::Record(r) => {
                let landed = r.version() == writing.record.version();
                let fenced_at = (writing.fence.epoch, writing.fence.generation);
                let success = matches!(writing.then, Pending::Success { .. } | Pending::Saved);
                if success && landed && r.epoch == writing.record.epoch {
                    // Our own write stands there although it was reported as failed: write it again, durably.
                    writing.fence = Fence { epoch: r.epoch, generation: r.generation, attempt: None };
                    None
                } else if r.version() > fenced_at {
                    Some(r)
                } else {
                    writing.fence = Fence { epoch: r.epoch, generation: r.generation, attempt: None };
                    None
                }
            }
            Loaded::Absent | Loaded::RolledBack { .. } | Loaded::Fault(_) => None,
        };
        if let Some(newer) = newer {
            self.discard(&writing, cx);
            let stopping = self.stopping.is_some();
            let out = self.adopt(newer, cx);
            return if stopping { self.stop_now(cx) } else { out };
        }
        let fault = match loaded {
            Loaded::Fault(fault) => fault.clone(),
            Loaded::Absent | Loaded::Record(_) | Loaded::RolledBack { .. } => StoreFault {
                kind: crate::input::StoreFaultKind::Io,
                message: String::from(
                    "the record in the store is older than the one held here; writing it again",
                ),
            },
        };
        self.commit_faulted(writing, &fault, cx)
    }

    /// The new tokens exist only here: serve them, refresh nothing more, go on saving.
    fn keep_unsaved(&mut self, mut writing: Writing, fault: &StoreFault, cx: &mut Cx<'_>) -> Out {
        self.store_failed(fault, cx);
        self.record = Some(writing.record.clone());
        if let Pending::Success { rotated, took, recovered } = writing.then {
            self.succeeded(rotated, took, recovered, cx);
        }
        writing.then = Pending::Saved;
        let wait = self.save_retry.map_or(STORE_RETRY_MIN, |(_, last)| last.times(2).min(SAVE_RETRY_MAX));
        let wait = if self.stopping.is_some() { STORE_RETRY_MIN } else { wait };
        self.save_retry = Some((self.now.boot + wait, wait));
        writing.ticket = Ticket(u32::MAX);
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
        if self.save_retry.is_some_and(|(at, _)| at > self.now.boot) {
            return Handled;
        }
        let Some(mut writing) = self.writing.take() else { return to(State::Fresh) };
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
        self.rejection_streak =
            if reason == RefreshReason::Rejected { self.rejection_streak.saturating_add(1) } else { 0 };
        self.settle_into_token();
        let (epoch, generation) = self.version().unwrap_or_default();
        let expires = self.access().map_or(self.now.wall, |a| a.expires_wall());
        if let Some((after, attempts)) = recovered {
            cx.report(Report::Recovered { after, attempts });
        }
        cx.report(Report::Refreshed { reason, epoch, generation, expires, rotated, took });
    }

    /// Whatever was pending for an older token is over.
    pub(crate) fn settle_into_token(&mut self) {
        let window = self.setup.policy.refresh.window_for(self.lifetime());
        self.refresh_jitter = self.jitter.up_to(window.fraction(1, 10));
        self.want = None;
        self.short = None;
        self.next_attempt = None;
        self.pulled = None;
        self.start_hold = None;
        self.rejected = None;
        self.rejected_when_new = false;
        self.distrusted = false;
        self.rolled_back = None;
        self.retried_immediately = false;
        self.settle_until = None;
    }

    fn after_failure(
        &mut self,
        state: State,
        attempt: LastAttempt,
        hint: Option<Hint>,
        cx: &mut Cx<'_>,
    ) -> State {
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
        self.short = None;
        self.next_attempt = None;
        self.want = None;
        self.settle_until = None;
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

    /// Tokens of an epoch that is over never become durable; they are revoked as best it can be.
    pub(crate) fn discard(&mut self, writing: &Writing, cx: &mut Cx<'_>) {
        if !matches!(writing.then, Pending::Success { .. } | Pending::Saved) {
            return;
        }
        let requests = revocations(&writing.record, self);
        if !requests.is_empty() {
            cx.push(Command::Revoke { requests });
        }
    }

    /// The claim is given back whatever it was.
    pub(crate) fn drop_write(&mut self, cx: &mut Cx<'_>) {
        if let Some(writing) = self.writing.take() {
            self.discard(&writing, cx);
        }
        self.save_retry = None;
        if self.claim == Claim::Held {
            self.release(cx);
        }
    }
}

/// The requests that revoke a record's tokens, refresh token first; none where the server has no endpoint for it.
pub(crate) fn revocations(record: &Record, machine: &Machine) -> Vec<TokenRequest> {
    let mut requests = Vec::new();
    let setup = &machine.setup;
    let tokens = record
        .grant
        .refresh_token
        .iter()
        .map(|t| (t, TokenTypeHint::RefreshToken))
        .chain(record.grant.access.iter().map(|a| (&a.token, TokenTypeHint::AccessToken)));
    for (token, hint) in tokens {
        if let Some(request) =
            TokenRequest::revocation(&record.identity, &setup.client, token, hint, &setup.policy.request)
        {
            requests.push(request);
        }
    }
    requests
}
