//! From the wish to refresh to the right to: the claim, and what reading under it says.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::mem;

use statig::Outcome::Handled;

use crate::answer::plain_line;
use crate::attempt::AttemptId;
use crate::command::{Command, RefreshReason};
use crate::input::{Loaded, StoreFault, StoreFaultKind};
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Claim, Cx, Machine};
use crate::lifecycle::mark::Standing;
use crate::lifecycle::other::Target;
use crate::lifecycle::state::{Out, State, to};
use crate::record::{Orphaned, RECORD_FORMAT, Record, RecordState, RefusedCause, Window};
use crate::time::Span;

/// A held claim is tried again after this, doubling…
const CLAIM_POLL_MIN: Span = Span::from_millis(50);
/// …up to this.
const CLAIM_POLL_MAX: Span = Span::from_secs(1);

/// The longest name of a host (RFC 1035 §2.3.4), as a message repeats it.
const HOST_MAX_BYTES: usize = 253;

impl Machine {
    /// Begins an attempt for the identity's own token with the claim.
    pub(crate) fn begin(&mut self, reason: RefreshReason, cx: &mut Cx<'_>) -> Out {
        self.begin_for(None, reason, cx)
    }

    /// Begins an attempt with the claim.
    pub(crate) fn begin_for(&mut self, target: Target, reason: RefreshReason, cx: &mut Cx<'_>) -> Out {
        if target.is_none() {
            self.want = None;
        }
        self.target = target;
        self.writing_again = false;
        if !self.can_refresh() {
            self.forget_plans();
            return to(if self.token_valid(self.now) { State::Fresh } else { State::Unauthenticated });
        }
        self.reason = reason;
        // One held from before was read under before: what it said may be old.
        self.release(cx);
        self.claim_poll = None;
        if self.claim == Claim::None {
            self.claim = Claim::Pending;
            cx.push(Command::Claim);
        }
        to(State::Claiming)
    }

    /// A person may try once more after the ceiling: the refresh token was kept for that.
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
        if self.claim != Claim::Pending {
            return Handled;
        }
        self.claim = Claim::None;
        if let Some(fault) = fault {
            self.writing_again = false;
            return self.read_trouble(fault, cx);
        }
        let wait = self.claim_poll.map_or(CLAIM_POLL_MIN, |(_, last)| last.times(2).min(CLAIM_POLL_MAX));
        let half = wait.fraction(1, 2);
        self.claim_poll = Some((self.now.boot + half + self.jitter.up_to(half), wait));
        Handled
    }

    pub(crate) fn on_claim_granted(&mut self, loaded: &Loaded, attempt: AttemptId, cx: &mut Cx<'_>) -> Out {
        if self.claim != Claim::Pending {
            return Handled;
        }
        self.claim = Claim::Held;
        self.claim_poll = None;
        let writing_again = mem::take(&mut self.writing_again);
        let fence = match self.read_under_claim(loaded, cx) {
            Ok(fence) => fence,
            Err(out) => return out,
        };
        if let Some(out) = self.use_late_answer(cx) {
            return out;
        }
        let Some(record) = self.record.clone() else { return to(State::Absent) };
        if writing_again {
            return self.write_again(record, fence, cx);
        }
        if let Some(out) = self.refuse_to_spend(&record, fence, cx) {
            return out;
        }
        match self.standing_here(&record) {
            Standing::Clear { doubt } => {
                let rolled_back =
                    self.rolled_back.is_some() && record.settings.grant_type.spends_refresh_token();
                let doubt = doubt || rolled_back;
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
                let host = plain_line(&host, HOST_MAX_BYTES);
                let message = alloc::format!(
                    "machine {host} has announced that it is about to spend this refresh token, and nobody here can \
                     tell whether it lives; set refresh.accept_foreign_intents if it is gone for good"
                );
                self.write_trouble(&StoreFault { kind: StoreFaultKind::NotShared, message }, cx)
            }
        }
    }

    /// Writes what is known here over an older record. Nothing is sent.
    fn write_again(&mut self, record: Box<Record>, fence: (u64, u64), cx: &mut Cx<'_>) -> Out {
        if fence < record.version() {
            return self.commit(record, fence, Pending::Saved, cx);
        }
        // Somebody else did.
        self.release(cx);
        to(self.resting())
    }

    /// Takes what was read under the claim as the truth, or ends the attempt. Gives what stands in the store.
    fn read_under_claim(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Result<(u64, u64), Out> {
        let mine = self.version();
        match loaded {
            Loaded::Record(r) if mine.is_none_or(|m| r.version() > m) => Err(self.adopt(r, cx)),
            Loaded::Record(r) => {
                self.store_reads(cx);
                // Below mine: rolled back under a living process, which holds the newest and writes it again.
                if Some(r.version()) == mine {
                    let theirs = self.tried_by_others(r);
                    self.take_over(r);
                    if let Some(window) = theirs
                        && let Some(out) = self.join_their_cadence(&window, cx)
                    {
                        return Err(out);
                    }
                }
                Ok(r.version())
            }
            Loaded::RolledBack { record, greatest } => {
                self.store_reads(cx);
                self.roll_back(record, *greatest, cx);
                Ok(record.version())
            }
            Loaded::Absent => {
                let message =
                    "the record is gone from the store; nothing is spent until it is back or somebody logs in again"
                        .to_string();
                Err(self.read_trouble(&StoreFault { kind: StoreFaultKind::Damaged, message }, cx))
            }
            Loaded::Fault(fault) => Err(self.read_trouble(fault, cx)),
        }
    }

    /// The window as another process left it, where it made attempts in it that are news here.
    pub(crate) fn tried_by_others(&self, theirs: &Record) -> Option<Window> {
        let known = self.record.as_ref().and_then(|r| r.window.as_ref()).map(|w| w.attempts);
        theirs.window.as_ref().filter(|w| known.is_none_or(|known| w.attempts > known)).cloned()
    }

    /// Another process has just tried and failed: one cadence for all, unless somebody here has asked.
    fn join_their_cadence(&mut self, window: &Window, cx: &mut Cx<'_>) -> Option<Out> {
        let pause = self.window_pause(window);
        let asked = matches!(self.reason, RefreshReason::Forced | RefreshReason::Rejected);
        if asked || pause.is_zero() || self.record.as_ref().is_none_or(|r| r.state != RecordState::Active) {
            return None;
        }
        self.release(cx);
        self.short = None;
        self.next_attempt = Some(self.now.boot + pause);
        Some(to(State::AuthRetrying))
    }

    /// Everything but an intent that forbids spending now.
    fn refuse_to_spend(&mut self, record: &Record, fence: (u64, u64), cx: &mut Cx<'_>) -> Option<Out> {
        let probing = self.reason == RefreshReason::Forced;
        match record.state {
            RecordState::Active => {}
            RecordState::Refused { cause: RefusedCause::Ceiling, .. } if probing => {}
            RecordState::Refused { .. } | RecordState::Tombstone { .. } => {
                self.release(cx);
                self.next_attempt = None;
                return Some(to(State::Unauthenticated));
            }
        }
        if record.format > RECORD_FORMAT {
            let message = alloc::format!(
                "the record has format {}, this version writes {RECORD_FORMAT}: it is read-only here; use the newer \
                 version",
                record.format
            );
            return Some(self.write_trouble(&StoreFault { kind: StoreFaultKind::NewerFormat, message }, cx));
        }
        if !record.is_renewable() {
            self.release(cx);
            let valid = self.token_valid(self.now);
            return Some(to(if valid { State::Fresh } else { State::Unauthenticated }));
        }
        if self.refresh_token_expired(record) {
            let mut record = Box::new(record.clone());
            self.refuse(&mut record, RefusedCause::RefreshTokenExpired);
            return Some(self.commit(record, fence, Pending::GiveUp { attempt: None, hint: None }, cx));
        }
        (self.allowed_at() > self.now.boot).then(|| self.hold_back(cx))
    }

    /// The server or the budget wants a pause that was not known before the claim.
    fn hold_back(&mut self, cx: &mut Cx<'_>) -> Out {
        self.release(cx);
        let retrying = self.short.is_some() || self.record.as_ref().is_some_and(|r| r.window.is_some());
        if retrying {
            self.next_attempt = Some(self.next_attempt.unwrap_or(self.now.boot).max(self.allowed_at()));
        }
        if self.target.is_none() {
            self.want = (self.reason != RefreshReason::Proactive).then_some(self.reason);
        }
        to(self.resting())
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
}
