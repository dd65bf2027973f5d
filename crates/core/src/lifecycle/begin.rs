//! From the wish to refresh to the request on the wire: claim, settle, mark, send.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use statig::Outcome::Handled;

use crate::attempt::{AttemptId, Fence};
use crate::budget::Budget;
use crate::command::{Command, RefreshReason, Ticket};
use crate::input::{CommitFailure, Loaded, StoreFault, StoreFaultKind};
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Claim, Cx, Exchange, Machine, Writing};
use crate::lifecycle::state::{Out, State, to};
use crate::record::{Intent, Orphaned, RECORD_FORMAT, Record, RecordState, RefusedCause};
use crate::request::TokenRequest;
use crate::time::{Boot, Span};

/// A held claim is tried again after this, doubling…
const CLAIM_POLL_MIN: Span = Span::from_millis(50);
/// …up to this.
const CLAIM_POLL_MAX: Span = Span::from_secs(1);
/// A failing store is tried again after this, doubling up to `retry.max`.
pub(crate) const STORE_RETRY_MIN: Span = Span::from_secs(1);

/// What an intent found under the claim asks for.
enum Standing {
    /// Nothing stands, or what stands is settled.
    Clear { doubt: bool },
    /// A request may still be on the wire until then.
    Unsettled(Boot),
    /// Somebody died; the wait for settling has not begun.
    Orphan,
    /// Another machine's, unsettled.
    Foreign(String),
}

impl Machine {
    /// Begins an attempt with the claim.
    pub(crate) fn begin(&mut self, reason: RefreshReason, cx: &mut Cx<'_>) -> Out {
        self.want = None;
        if !self.can_refresh() {
            return if self.token_valid(self.now) { Handled } else { to(State::Unauthenticated) };
        }
        self.reason = reason;
        self.claim_poll = None;
        if self.claim == Claim::Held {
            self.release(cx);
        }
        if self.claim == Claim::None {
            self.claim = Claim::Pending;
            cx.push(Command::Claim);
        }
        to(State::Claiming)
    }

    pub(crate) fn probe_after_ceiling(&mut self, cx: &mut Cx<'_>) -> Out {
        let ceiling = self
            .record
            .as_ref()
            .is_some_and(|r| matches!(r.state, RecordState::Refused { cause: RefusedCause::Ceiling, .. }));
        if ceiling && self.can_refresh() && self.allowed_at() <= self.now.boot {
            self.begin(RefreshReason::Forced, cx)
        } else {
            Handled
        }
    }

    pub(crate) fn claim_when_due(&mut self, cx: &mut Cx<'_>) -> Out {
        if self.claim == Claim::None && self.claim_poll.is_none_or(|(at, _)| at <= self.now.boot) {
            self.claim = Claim::Pending;
            cx.push(Command::Claim);
        }
        Handled
    }

    pub(crate) fn on_claim_denied(&mut self, fault: Option<&StoreFault>, cx: &mut Cx<'_>) -> Out {
        if self.claim == Claim::Pending {
            self.claim = Claim::None;
        }
        match fault {
            Some(fault) => self.store_trouble(fault, cx),
            None => {
                let wait =
                    self.claim_poll.map_or(CLAIM_POLL_MIN, |(_, last)| last.times(2).min(CLAIM_POLL_MAX));
                let half = wait.fraction(1, 2);
                self.claim_poll = Some((self.now.boot + half + self.jitter.up_to(half), wait));
                Handled
            }
        }
    }

    pub(crate) fn on_claim_granted(&mut self, loaded: &Loaded, attempt: AttemptId, cx: &mut Cx<'_>) -> Out {
        self.claim = Claim::Held;
        self.claim_poll = None;
        let fence = match self.read_under_claim(loaded, cx) {
            Ok(fence) => fence,
            Err(out) => return out,
        };
        let Some(record) = self.record.clone() else { return to(State::Absent) };
        if let Some(out) = self.refuse_to_spend(&record, fence, cx) {
            return out;
        }
        match self.standing(&record) {
            Standing::Clear { doubt } => {
                let doubt = doubt || self.rolled_back.is_some();
                self.mark(record, fence, attempt, doubt, cx)
            }
            Standing::Unsettled(until) => {
                self.release(cx);
                self.settle_until = Some(until);
                to(State::Settling)
            }
            Standing::Orphan => {
                let mut record = record;
                let orphaned = Orphaned { boot_id: self.boot_id(), boot: self.now.boot };
                if let Some(intent) = &mut record.intent {
                    intent.orphaned = Some(orphaned);
                }
                let until = self.now.boot + self.settle_time();
                self.commit(record, fence, Pending::Orphan { until }, cx)
            }
            Standing::Foreign(host) => {
                let message = alloc::format!(
                    "machine {host} has announced that it is about to spend this refresh token, and nobody here can \
                     tell whether it lives; set refresh.accept_foreign_intents if it is gone for good"
                );
                self.store_trouble(&StoreFault { kind: StoreFaultKind::NotShared, message }, cx)
            }
        }
    }

    /// Takes what was read under the claim as the truth, or ends the attempt. Gives what stands in the store.
    fn read_under_claim(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Result<(u64, u64), Out> {
        let mine = self.version();
        match loaded {
            Loaded::Record(r) if mine.is_none_or(|m| r.version() > m) => Err(self.adopt(r, cx)),
            Loaded::Record(r) => {
                // Below mine: rolled back under a living process, which holds the newest and writes it again.
                if Some(r.version()) == mine {
                    self.take_over(r);
                }
                self.store_works(cx);
                Ok(r.version())
            }
            Loaded::RolledBack { record, greatest } => {
                if mine.is_none_or(|m| m < *greatest) {
                    self.take_over(record);
                    self.rolled_back = Some(*greatest);
                }
                self.store_works(cx);
                Ok(record.version())
            }
            Loaded::Absent => {
                let message =
                    "the record is gone from the store; nothing is spent until it is back or somebody \
                               logs in again"
                        .to_string();
                Err(self.store_trouble(&StoreFault { kind: StoreFaultKind::Damaged, message }, cx))
            }
            Loaded::Fault(fault) => Err(self.store_trouble(fault, cx)),
        }
    }

    /// Everything but an intent that forbids spending now.
    fn refuse_to_spend(&mut self, record: &Record, fence: (u64, u64), cx: &mut Cx<'_>) -> Option<Out> {
        let probing = self.reason == RefreshReason::Forced;
        match record.state {
            RecordState::Active => {}
            RecordState::Refused { cause: RefusedCause::Ceiling, .. } if probing => {}
            RecordState::Refused { .. } | RecordState::Tombstone { .. } => {
                self.release(cx);
                return Some(to(State::Unauthenticated));
            }
        }
        if record.format > RECORD_FORMAT {
            let message = alloc::format!(
                "the record has format {}, this version writes {RECORD_FORMAT}: it is read-only here; use the newer \
                 version",
                record.format
            );
            return Some(self.store_trouble(&StoreFault { kind: StoreFaultKind::NewerFormat, message }, cx));
        }
        if record.grant.refresh_token.is_none() {
            self.release(cx);
            let valid = self.token_valid(self.now);
            return Some(to(if valid { State::Fresh } else { State::Unauthenticated }));
        }
        if self.refresh_token_expired(record) {
            let mut record = Box::new(record.clone());
            record.state =
                RecordState::Refused { cause: RefusedCause::RefreshTokenExpired, at: self.now.wall };
            record.window = None;
            return Some(self.commit(record, fence, Pending::GiveUp { attempt: None, hint: None }, cx));
        }
        if self.allowed_at() > self.now.boot {
            self.release(cx);
            if self.short.is_some() || record.window.is_some() {
                self.next_attempt = Some(self.next_attempt.unwrap_or(self.now.boot).max(self.allowed_at()));
            }
            self.want = (self.reason != RefreshReason::Proactive).then_some(self.reason);
            return Some(to(match record.state {
                RecordState::Active => self.resting(),
                RecordState::Refused { .. } | RecordState::Tombstone { .. } => State::Unauthenticated,
            }));
        }
        None
    }

    /// Both clocks must agree, within one boot: a stepped wall clock alone must not end a login. Otherwise the
    /// server is asked once more and says it itself.
    fn refresh_token_expired(&self, record: &Record) -> bool {
        record.grant.rt_expiry.is_some_and(|e| {
            e.issued.boot_id == self.boot_id()
                && self.now.boot >= e.issued.boot + e.lifetime
                && self.now.wall >= e.issued.wall + e.lifetime
        })
    }

    pub(crate) fn settle_time(&self) -> Span {
        self.setup.profile.settle(self.setup.policy.settle())
    }

    fn standing(&self, record: &Record) -> Standing {
        let Some(intent) = &record.intent else { return Standing::Clear { doubt: false } };
        if intent.generation != record.generation {
            // Of a generation that is over: whatever it did, it cannot touch this one.
            return Standing::Clear { doubt: false };
        }
        if intent.settled {
            return Standing::Clear { doubt: intent.doubt };
        }
        let owner = &self.setup.owner;
        let foreign = intent.owner.host != owner.host && intent.owner.boot_id != owner.boot_id;
        if foreign && !self.setup.policy.accept_foreign_intents {
            return Standing::Foreign(intent.owner.host.clone());
        }
        match intent.orphaned {
            Some(o) if o.boot_id == self.boot_id() => {
                let until = o.boot + self.settle_time();
                if self.now.boot >= until {
                    Standing::Clear { doubt: true }
                } else {
                    Standing::Unsettled(until)
                }
            }
            Some(_) | None => Standing::Orphan,
        }
    }

    /// Writes the intent. Nothing is spent before it is durable.
    fn mark(
        &mut self,
        mut record: Box<Record>,
        fence: (u64, u64),
        attempt: AttemptId,
        doubt: bool,
        cx: &mut Cx<'_>,
    ) -> Out {
        let policy = &self.setup.policy;
        let budget = record
            .budget
            .map_or_else(
                || Budget::full(&policy.retry, self.now, self.boot_id()),
                |b| b.grown(&policy.retry, self.now, self.boot_id(), policy.auth_retrying.interval),
            )
            .charged();
        record.budget = Some(budget);
        record.max_wall_seen = record.max_wall_seen.max(self.now.wall);
        record.intent = Some(Intent {
            attempt,
            generation: record.generation,
            owner: (*self.setup.owner).clone(),
            marked: self.stamp(),
            settled: false,
            doubt,
            orphaned: None,
        });
        let ticket = self.ticket();
        let fence = Fence { epoch: fence.0, generation: fence.1, attempt: None };
        self.writing =
            Some(Box::new(Writing { ticket, record: record.clone(), fence, then: Pending::Send(attempt) }));
        cx.push(Command::Mark { ticket, record, fence });
        to(State::Marking)
    }

    pub(crate) fn on_marked(&mut self, ticket: Ticket, cx: &mut Cx<'_>) -> Out {
        let Some(writing) = self.take_writing(ticket) else { return Handled };
        self.store_works(cx);
        self.record = Some(writing.record);
        let Pending::Send(attempt) = writing.then else { return Handled };
        if self.stopping.is_some() {
            return self.unmark(attempt, cx);
        }
        let Some(record) = &self.record else { return Handled };
        let Some(refresh_token) = &record.grant.refresh_token else { return Handled };
        let request = TokenRequest::refresh(
            &record.identity,
            &self.setup.client,
            refresh_token,
            &self.setup.policy.request,
        );
        self.exchange = Some(Exchange { attempt, sent: self.now });
        cx.push(Command::Send { attempt, request: Box::new(request) });
        to(State::Exchanging)
    }

    /// Shutting down between mark and send: nothing was sent, so nobody need wait for it to settle.
    fn unmark(&mut self, attempt: AttemptId, cx: &mut Cx<'_>) -> Out {
        let Some(mut record) = self.record.clone() else { return self.stop_now(cx) };
        let version = record.version();
        record.intent = record.intent.take().filter(|i| i.doubt).map(|i| Intent { settled: true, ..i });
        self.commit_attempt(record, version, Some(attempt), Pending::Unmark, cx)
    }

    pub(crate) fn on_mark_failed(&mut self, ticket: Ticket, failure: &CommitFailure, cx: &mut Cx<'_>) -> Out {
        if self.take_writing(ticket).is_none() {
            return Handled;
        }
        match failure {
            CommitFailure::Fault(fault) => self.store_trouble(fault, cx),
            CommitFailure::Fenced(Loaded::Record(r)) if self.version().is_none_or(|m| r.version() > m) => {
                self.adopt(r, cx)
            }
            CommitFailure::Fenced(_) => {
                let message =
                    "the record changed while an intent was being written; reading it again".to_string();
                self.store_trouble(&StoreFault { kind: StoreFaultKind::Io, message }, cx)
            }
        }
    }

    /// The store cannot be read or written: nothing has been spent; try again later. Never a verdict on the grant.
    pub(crate) fn store_trouble(&mut self, fault: &StoreFault, cx: &mut Cx<'_>) -> Out {
        self.store_failed(fault, cx);
        self.release(cx);
        if self.stopping.is_some() {
            return self.stop_now(cx);
        }
        let max = self.setup.policy.retry.max.max(STORE_RETRY_MIN);
        self.store_retry =
            if self.store_retry.is_zero() { STORE_RETRY_MIN } else { self.store_retry.times(2).min(max) };
        let wait = self.store_retry;
        self.next_attempt =
            Some(self.now.boot + wait.fraction(1, 2) + self.jitter.up_to(wait.fraction(1, 2)));
        let refused = self.record.as_ref().is_some_and(|r| r.state != RecordState::Active);
        to(if refused { State::Unauthenticated } else { self.resting() })
    }
}
