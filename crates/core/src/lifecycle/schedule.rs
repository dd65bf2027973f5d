//! When: the next refresh, the next attempt, the next wake-up.

use alloc::boxed::Box;

use crate::command::RefreshReason;
use crate::lifecycle::machine::{Claim, Cx, Machine, Published};
use crate::lifecycle::state::{Out, State, to};
use crate::record::{Access, RecordState};
use crate::time::{Boot, Now, Span};
use crate::view::{Phase, Wake};
use statig::Outcome::Handled;

/// Two refreshes that nobody asked for are at least this far apart, whatever the lifetime and the configuration say:
/// a server that hands out tokens of no lifetime must not be asked without end.
const FLOOR: Span = Span::from_secs(1);

/// A resume or a network change pulls the next attempt forward to within this time: thousands of clients wake with
/// the same network.
const PULL_JITTER_MAX: Span = Span::from_secs(5);

impl Machine {
    pub(crate) fn access(&self) -> Option<&Access> {
        self.record.as_ref().and_then(|r| r.access())
    }

    /// What is left of the access token, whatever else is wrong with it.
    pub(crate) fn remaining(&self, now: Now) -> Span {
        self.access().map_or(Span::ZERO, |a| a.remaining(now, self.boot_id()))
    }

    /// Whether the access token may be handed out.
    pub(crate) fn token_valid(&self, now: Now) -> bool {
        !self.distrusted
            && (self.rejected.is_none() || self.rejected != self.token_version())
            && !self.remaining(now).is_zero()
    }

    pub(crate) fn can_refresh(&self) -> bool {
        self.record.as_ref().is_some_and(|r| r.is_renewable())
    }

    pub(crate) fn lifetime(&self) -> Span {
        self.access().map_or(self.setup.policy.lifetime_default, |a| a.lifetime)
    }

    pub(crate) fn mandatory(&self) -> Span {
        self.setup.policy.refresh.mandatory_for(self.lifetime())
    }

    /// How long ago the last success was; none when it was in another boot or never.
    pub(crate) fn since_success(&self) -> Option<Span> {
        let record = self.record.as_ref()?;
        // A refresh that was made for another key says nothing about this token.
        let last = match record.access().filter(|access| access.brought_by.is_some()) {
            Some(own) => own.issued,
            None => record.last_refresh?,
        };
        (last.boot_id == self.boot_id()).then(|| self.now.boot.since(last.boot))
    }

    /// Before this no attempt may be made: the server's wish, and the budget.
    pub(crate) fn allowed_at(&self) -> Boot {
        let Some(r) = &self.record else { return self.now.boot };
        let policy = &self.setup.policy;
        let cap = policy.auth_retrying.interval;
        let asked = r
            .not_before
            .map_or(Span::ZERO, |n| n.wait.saturating_sub(n.from.elapsed(self.now, self.boot_id(), n.wait)));
        let budget = r.budget.map_or(Span::ZERO, |b| {
            b.grown(&policy.retry, self.now, self.boot_id(), cap).wait(&policy.retry, self.now)
        });
        self.now.boot + asked.max(budget)
    }

    /// In `Fresh`: when the next refresh begins, and why. Without a refresh token: when the end is to be noticed.
    fn refresh_due(&self) -> (Boot, RefreshReason) {
        let now = self.now.boot;
        let remaining = self.remaining(self.now);
        let valid = self.token_valid(self.now);
        if !self.can_refresh() {
            return (if valid { now + remaining } else { now }, RefreshReason::Proactive);
        }
        let held = |since_success_at_least: Span| {
            self.since_success().map_or(now, |since| now + since_success_at_least.saturating_sub(since))
        };
        let (due, reason) = match self.want {
            Some(reason @ (RefreshReason::Forced | RefreshReason::Rejected)) => (now, reason),
            Some(reason) => (held(FLOOR), reason),
            None if !valid => (held(FLOOR).max(self.start_hold.unwrap_or(now)), RefreshReason::Proactive),
            None => {
                let policy = &self.setup.policy.refresh;
                let window = policy.window_for(self.lifetime());
                // Drawn for the window of then; a changed configuration may have made it smaller.
                let lead = window + self.refresh_jitter.min(window.fraction(1, 10));
                let at = now + remaining.saturating_sub(lead);
                let hold = held(self.setup.min_interval_for(self.lifetime()).max(FLOOR));
                (at.max(hold).max(self.start_hold.unwrap_or(now)), RefreshReason::Proactive)
            }
        };
        (due.max(self.allowed_at()), reason)
    }

    pub(crate) fn begin_when_due(&mut self, cx: &mut Cx<'_>) -> Out {
        let (at, reason) = self.refresh_due();
        if at <= self.now.boot {
            return self.begin(reason, cx);
        }
        match self.other_due() {
            Some((at, key, reason)) if at <= self.now.boot => {
                self.begin_for(Some(Box::new(key.clone())), reason, cx)
            }
            Some(_) | None => Handled,
        }
    }

    /// A token without a refresh token that seemed over may be valid once a wrong wall clock is set right.
    pub(crate) fn revive(&self) -> Out {
        let active = self.record.as_ref().is_some_and(|r| r.state == RecordState::Active);
        if active && self.token_valid(self.now) { to(State::Fresh) } else { Handled }
    }

    fn retry_at(&self) -> Boot {
        self.next_attempt.unwrap_or(self.now.boot).max(self.allowed_at())
    }

    pub(crate) fn retry_when_due(&mut self, cx: &mut Cx<'_>) -> Out {
        if self.retry_at() <= self.now.boot { self.begin(self.reason, cx) } else { Handled }
    }

    /// Somebody asks for an attempt now. The budget and the server's wish still hold.
    pub(crate) fn retry_now(&mut self, cx: &mut Cx<'_>) -> Out {
        self.reason = self.want.take().unwrap_or(self.reason);
        if self.allowed_at() <= self.now.boot { self.begin(self.reason, cx) } else { Handled }
    }

    /// The next attempt comes forward once; again only after the longest short-retry delay, or a flapping network
    /// would spend the budget.
    pub(crate) fn pull_forward(&mut self) {
        let retry = &self.setup.policy.retry;
        if self.pulled.is_some_and(|(when, _)| self.now.boot.since(when) < retry.max) {
            return;
        }
        let soon = self.now.boot + self.jitter.up_to(PULL_JITTER_MAX.min(retry.initial));
        if self.next_attempt.is_some_and(|next| soon < next) {
            self.next_attempt = Some(soon);
            self.pulled = Some((self.now.boot, soon));
        }
    }

    pub(crate) fn settle_when_due(&mut self, cx: &mut Cx<'_>) -> Out {
        if self.settle_until.is_some_and(|until| self.now.boot < until) {
            return Handled;
        }
        self.settle_until = None;
        match self.next_attempt {
            // Waited for before an attempt rather than after one.
            None => self.begin_for(self.target.clone(), self.reason, cx),
            Some(_) => to(self.resting()),
        }
    }

    /// The state between attempts.
    pub(crate) fn resting(&self) -> State {
        match &self.record {
            Some(r) if r.state != RecordState::Active => State::Unauthenticated,
            Some(r) if r.window.is_some() => State::AuthRetrying,
            _ if self.next_attempt.is_some() => State::Backoff,
            _ => State::Fresh,
        }
    }

    /// When to come back.
    pub(crate) fn wake(&self, phase: Phase) -> Option<Wake> {
        let expiry = match self.published {
            Published::Token { .. } => {
                Some(Wake { at: self.now.boot + self.remaining(self.now), why: "expiry" })
            }
            Published::Nothing | Published::Unavailable { .. } => None,
        };
        let own = match phase {
            Phase::Stopped | Phase::Unauthenticated | Phase::Absent => None,
            Phase::Fresh => {
                let (own, other) = (self.refresh_due().0, self.other_due());
                Some(Wake { at: other.map_or(own, |(at, ..)| at.min(own)), why: "refresh" })
            }
            Phase::Backoff | Phase::AuthRetrying => Some(Wake {
                at: self.retry_at(),
                why: if self.pulled.map(|(_, to)| to) == self.next_attempt { "pulled" } else { "retry" },
            }),
            Phase::Settling => self.settle_until.map(|at| Wake { at, why: "settle" }),
            Phase::Unsaved => self.save_retry.map(|(at, _)| Wake { at, why: "save" }),
            Phase::Claiming if self.claim == Claim::None => {
                self.claim_poll.map(|(at, _)| Wake { at, why: "claim" })
            }
            Phase::Exchanging if self.stopping.is_none() => {
                self.exchange.as_ref().map(|x| Wake { at: x.patience.until, why: "overdue" })
            }
            Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing => None,
        };
        // Cleared when the machine stops.
        let stopping = self.stopping.map(|at| Wake { at, why: "shutdown" });
        let load = self.loads.retry.map(|at| Wake { at, why: "load" });
        [own, expiry, stopping, load].into_iter().flatten().min_by_key(|w| w.at)
    }
}
