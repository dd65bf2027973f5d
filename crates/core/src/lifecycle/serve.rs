//! What can be seen, and what a caller gets. Derived from the data, never stored.

use crate::command::PublishedToken;
use crate::lifecycle::machine::Machine;
use crate::record::{RecordState, RefusedCause};
use crate::time::{Boot, Now, Span, Wall};
use crate::verdict::Verdict;
use crate::view::{Cause, Health, Phase, Serve, Status, Unavailable, View};

/// The fast path never hands out a token with less than this part of the mandatory margin left, even while refreshes
/// fail: the clocks behind it are coarse.
const FAILING_MARGIN_DIVISOR: u64 = 10;

impl Machine {
    pub(crate) fn status(&self, phase: Phase) -> Status {
        match phase {
            Phase::Stopped => Status::Stopped,
            Phase::Unauthenticated => Status::Unauthenticated,
            Phase::Absent if self.loading => Status::Running,
            // A store that cannot be read says nothing about the login.
            Phase::Absent if self.store_fault.is_some() => Status::AuthRetrying,
            Phase::Absent => Status::Unauthenticated,
            Phase::Fresh
            | Phase::Backoff
            | Phase::AuthRetrying
            | Phase::Settling
            | Phase::Unsaved
            | Phase::Claiming
            | Phase::Marking
            | Phase::Exchanging
            | Phase::Committing => match &self.record {
                Some(r) if r.state != RecordState::Active => Status::Unauthenticated,
                Some(r) if r.window.is_some() => Status::AuthRetrying,
                _ => Status::Running,
            },
        }
    }

    pub(crate) fn cause(&self, phase: Phase) -> Option<Cause> {
        match self.status(phase) {
            Status::Running => self.store_fault.as_ref().map(|_| Cause::StoreUnavailable),
            Status::Stopped => None,
            Status::AuthRetrying => Some(match self.record.as_ref().and_then(|r| r.window.as_ref()) {
                Some(w) if w.client_refused => Cause::ClientRefused,
                Some(_) => self.outage(),
                None => Cause::StoreUnavailable,
            }),
            Status::Unauthenticated => Some(match self.record.as_ref().map(|r| r.state) {
                None => Cause::NoGrant,
                Some(RecordState::Tombstone { .. }) => Cause::LoggedOut,
                Some(RecordState::Active) => Cause::NoRefreshToken,
                Some(RecordState::Refused { cause, .. }) => match cause {
                    RefusedCause::GrantRefused => Cause::GrantRefused,
                    RefusedCause::RotationLost => Cause::RotationLost,
                    RefusedCause::Ceiling => Cause::Ceiling,
                    RefusedCause::RefreshTokenExpired => Cause::RefreshTokenExpired,
                    RefusedCause::NoRefreshToken => Cause::NoRefreshToken,
                },
            }),
        }
    }

    fn outage(&self) -> Cause {
        let limited = self
            .record
            .as_ref()
            .and_then(|r| r.last_attempt.as_ref())
            .is_some_and(|a| a.verdict == Verdict::RateLimited);
        if limited { Cause::RateLimited } else { Cause::Outage }
    }

    fn in_doubt(&self) -> bool {
        if self.record.as_ref().is_some_and(|r| !r.settings.grant_type.spends_refresh_token()) {
            return false;
        }
        self.rolled_back.is_some()
            || self.record.as_ref().and_then(|r| r.intent.as_ref()).is_some_and(|i| {
                // While an attempt of ours is under way its intent stands without anything being wrong.
                i.doubt || (!i.settled && i.orphaned.is_some())
            })
    }

    fn health(&self, phase: Phase) -> Health {
        let status = self.status(phase);
        let refused_client = self.cause(phase) == Some(Cause::ClientRefused);
        if status.health() == Health::Unhealthy || refused_client {
            return Health::Unhealthy;
        }
        let degraded =
            self.in_doubt() || self.unsaved() || self.store_fault.is_some() || self.rejected_when_new;
        status.health().max(if degraded { Health::Degraded } else { Health::Healthy })
    }

    /// When the next attempt is due, where one is.
    pub(crate) fn next_attempt_at(&self, phase: Phase) -> Option<Boot> {
        match phase {
            Phase::Fresh if self.can_refresh() => {
                self.wake(phase).filter(|w| w.why == "refresh").map(|w| w.at)
            }
            Phase::Backoff | Phase::AuthRetrying => {
                Some(self.next_attempt.unwrap_or(self.now.boot).max(self.allowed_at()))
            }
            Phase::Settling => {
                let after = self.next_attempt.unwrap_or(self.now.boot);
                self.settle_until.map(|until| until.max(after))
            }
            Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing => Some(self.now.boot),
            Phase::Absent => self.loads.retry,
            Phase::Fresh | Phase::Unsaved | Phase::Unauthenticated | Phase::Stopped => None,
        }
    }

    pub(crate) fn unavailable(&self, phase: Phase) -> Unavailable {
        let since = match self.record.as_ref() {
            Some(r) => match (r.state, &r.window) {
                (RecordState::Refused { at, .. } | RecordState::Tombstone { at }, _) => Some(at),
                (RecordState::Active, Some(w)) => Some(w.since),
                (RecordState::Active, None) => self.since,
            },
            None => self.since,
        };
        Unavailable {
            status: self.status(phase),
            cause: self.cause(phase),
            since,
            next_attempt: self.next_attempt_at(phase),
            last_attempt: self.record.as_ref().and_then(|r| r.last_attempt.clone()),
        }
    }

    /// Whether an attempt is under way, or about to begin, that a caller should wait for.
    fn attempt_is_near(&self, phase: Phase) -> bool {
        match phase {
            Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing => !self.unsaved(),
            Phase::Fresh => self.want.is_some() && self.allowed_at() <= self.now.boot,
            Phase::Absent
            | Phase::Backoff
            | Phase::AuthRetrying
            | Phase::Settling
            | Phase::Unsaved
            | Phase::Unauthenticated
            | Phase::Stopped => false,
        }
    }

    pub(crate) fn serve(&self, phase: Phase, now: Now, min_validity: Span) -> Serve<'_> {
        let status = self.status(phase);
        if status == Status::Stopped {
            return Serve::Unavailable(self.unavailable(phase));
        }
        if let Some(r) = &self.record
            && let Some(access) = r.access()
            && self.token_valid(now)
        {
            let remaining = self.remaining(now);
            let wanting =
                remaining <= self.mandatory() || (remaining < min_validity && min_validity < self.lifetime());
            // A first attempt is worth waiting for; once it has failed the old token is better than none.
            let hopeful = status == Status::Running && self.short.is_none() && self.attempt_is_near(phase);
            if wanting && hopeful {
                return Serve::Wait;
            }
            let (epoch, generation) = (r.epoch, r.generation_of(access));
            return Serve::Token { access, epoch, generation, remaining, short: remaining < min_validity };
        }
        match status {
            Status::Running if self.store_fault.is_some() => Serve::Unavailable(self.unavailable(phase)),
            Status::Running => Serve::Wait,
            Status::AuthRetrying | Status::Unauthenticated | Status::Stopped => {
                Serve::Unavailable(self.unavailable(phase))
            }
        }
    }

    /// Until when the fast path may hand the token out; none where it may not.
    pub(crate) fn published_until(&self, phase: Phase) -> Option<(Boot, Wall)> {
        if phase == Phase::Stopped || !self.token_valid(self.now) {
            return None;
        }
        let record = self.record.as_ref()?;
        if matches!(record.state, RecordState::Tombstone { .. }) {
            return None;
        }
        let access = record.access()?;
        let failing = self.short.is_some()
            || self.store_fault.is_some()
            || !self.can_refresh()
            || self.status(phase) != Status::Running;
        let mandatory = self.mandatory();
        let margin = if failing { mandatory.fraction(1, FAILING_MARGIN_DIVISOR) } else { mandatory };
        Some((access.issued.boot + access.lifetime - margin, access.expires_wall() - margin))
    }

    /// The token as the fast path gets it.
    pub(crate) fn published_token(&self, (until_boot, until_wall): (Boot, Wall)) -> Option<PublishedToken> {
        let record = self.record.as_ref()?;
        let access = record.access()?;
        Some(PublishedToken {
            access: access.clone(),
            epoch: record.epoch,
            generation: record.generation_of(access),
            proof_key: record.proof_key(access).cloned(),
            until_boot,
            until_wall,
        })
    }

    pub(crate) fn view(&self, phase: Phase, now: Now) -> View {
        let record = self.record.as_ref();
        let window = record.and_then(|r| r.window.as_ref());
        let policy = &self.setup.policy;
        let ceiling_at = window.filter(|w| !w.client_refused).map(|w| {
            let left =
                policy.auth_retrying.ceiling.saturating_sub(w.accumulated + self.window_since_counted(w));
            self.now.boot + left
        });
        let status = self.status(phase);
        View {
            status,
            health: self.health(phase),
            cause: self.cause(phase),
            phase,
            epoch: record.map_or(0, |r| r.epoch),
            generation: record.map_or(0, |r| r.generation),
            token_expires: record.and_then(|r| r.access()).map(|a| a.expires_wall()),
            token_valid: phase != Phase::Stopped && record.is_some() && self.token_valid(now),
            others: self.other_tokens(phase, now),
            next_attempt: self.next_attempt_at(phase),
            since: if status == Status::Running { self.since } else { self.unavailable(phase).since },
            auth_retrying_since: window.map(|w| w.since),
            ceiling_at,
            window_attempts: window.map_or(0, |w| w.attempts),
            saved: !self.unsaved(),
            in_doubt: self.in_doubt(),
            last_attempt: record.and_then(|r| r.last_attempt.clone()),
            refreshes: record.map_or(0, |r| r.generation),
            rejections: record.map_or(0, |r| r.rejections),
            rejections_passed: self.rejections_passed,
            late_answers: self.late_answers,
            advice: self.advised.as_ref().map(|h| h.text()),
            store_fault: self.store_fault.clone(),
            budget_left: record.and_then(|r| r.budget).map_or(policy.retry.budget, |b| {
                b.grown(&policy.retry, now, self.boot_id(), policy.auth_retrying.interval).left
            }),
        }
    }
}
