//! What an answer changes (`docs/refresh-transaction`, step 5).

use alloc::boxed::Box;

use statig::Outcome::Handled;

use crate::answer::{Answer, Grant, Judgement, RequestContext, Sent, judge};
use crate::attempt::AttemptId;
use crate::budget::Budget;
use crate::command::{Command, Hint, Report};
use crate::lifecycle::commit::{Pending, revocations};
use crate::lifecycle::machine::{Cx, Exchange, Machine, ShortRetry};
use crate::lifecycle::state::{Out, State};
use crate::record::{
    Access, AccessKey, Intent, LastAttempt, NotBefore, Orphaned, Record, RecordState, RefusedCause, RtExpiry,
    Window,
};
use crate::time::Span;
use crate::verdict::Verdict;

/// A lifetime longer than this is taken for a mistake and held to it; the token is renewed long before.
const LIFETIME_MAX: Span = Span::from_hours(24 * 365);

/// A server's wish to be left alone is honoured up to this: a mistaken `Retry-After` of years must not end a login.
const RETRY_AFTER_MAX: Span = Span::from_hours(1);

impl Machine {
    pub(crate) fn on_answer(&mut self, attempt: AttemptId, answer: &Answer, cx: &mut Cx<'_>) -> Out {
        if self.exchange.as_ref().is_none_or(|x| x.attempt != attempt) {
            return self.late_answer(attempt, answer, cx);
        }
        let (Some(exchange), Some(record)) = (self.exchange.take(), self.record.clone()) else {
            return Handled;
        };
        let judgement = self.judge(answer, &record);
        let unsettled = match answer {
            Answer::Response(_) => false,
            Answer::Failed(failure) => failure.sent == Sent::Bytes || !failure.closed,
        };
        match (judgement.verdict, &judgement.grant) {
            (Verdict::Success, Some(grant)) => self.on_success(record, grant, &judgement, &exchange, cx),
            _ => self.on_failure(record, judgement, unsettled, &exchange, cx),
        }
    }

    fn judge(&self, answer: &Answer, record: &Record) -> Judgement {
        let context = RequestContext {
            sent_refresh_token: record.grant.refresh_token.as_ref(),
            client_secret: match &self.setup.client.auth {
                crate::client::ClientAuth::None => None,
                crate::client::ClientAuth::Basic(s) | crate::client::ClientAuth::Post(s) => Some(s),
            },
            now: self.now.wall,
            profile: &self.setup.profile,
        };
        judge(answer, &context)
    }

    fn on_success(
        &mut self,
        mut record: Box<Record>,
        grant: &Grant,
        judgement: &Judgement,
        exchange: &Exchange,
        cx: &mut Cx<'_>,
    ) -> Out {
        let fence = record.version();
        let recovered = record.window.as_ref().map(|w| {
            // By the boot clock within one boot; people are told no more than what was counted.
            (w.accumulated + self.window_since_counted(w), w.attempts.saturating_add(1))
        });
        self.next_version(&mut record);
        self.take_tokens(&mut record, grant, judgement, exchange);
        record.state = RecordState::Active;
        record.intent = None;
        record.window = None;
        record.not_before = None;
        record.budget = Some(Budget::full(&self.setup.policy.retry, self.now, self.boot_id()));
        record.last_refresh = Some(self.stamp());
        // A success is the best proof there is that this clock is the one to go by from now on.
        record.max_wall_seen = self.now.wall;
        record.last_attempt = Some(self.last_attempt(judgement));
        let took = self.now.boot.since(exchange.sent.boot);
        let rotated = judgement.refresh_token.is_some();
        let then = Pending::Success { rotated, took, recovered };
        self.commit_attempt(record, fence, Some(exchange.attempt), then, cx)
    }

    /// The next generation; above everything ever committed where the record had been rolled back.
    fn next_version(&self, record: &mut Record) {
        if let Some((epoch, generation)) = self.rolled_back {
            if epoch > record.epoch {
                record.epoch = epoch;
                record.generation = generation;
            } else {
                record.generation = record.generation.max(generation);
            }
        }
        record.generation = record.generation.saturating_add(1);
    }

    fn take_tokens(&self, record: &mut Record, grant: &Grant, judgement: &Judgement, exchange: &Exchange) {
        let issued = crate::record::Stamp::new(exchange.sent, self.boot_id());
        if let Some(token) = &judgement.refresh_token {
            record.grant.refresh_token = Some(token.clone());
            record.grant.rt_expiry = None;
        }
        if let Some(seconds) =
            grant.refresh_token_expires_in.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0)
        {
            record.grant.rt_expiry = Some(RtExpiry { issued, lifetime: Span::from_secs(seconds) });
        }
        if let Some(id_token) = &grant.id_token {
            record.grant.id_token = Some(id_token.clone());
        }
        // Zero and less mean "never" at some servers and nothing at others: the default is assumed, and a 401 mends
        // the rest.
        let given = grant.expires_in.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
        let lifetime = given.map_or(self.setup.policy.lifetime_default, Span::from_secs).min(LIFETIME_MAX);
        let key = AccessKey {
            scope: grant.scope.clone().or_else(|| record.settings.scope.clone()),
            resource: record.identity.resource.clone(),
        };
        let access = Access {
            key,
            token: grant.access_token.clone(),
            token_type: grant.token_type.clone(),
            issued,
            lifetime,
            lifetime_given: given.is_some(),
        };
        if record.grant.access.is_empty() {
            record.grant.access.push(access);
        } else {
            record.grant.access[0] = access;
        }
    }

    fn on_failure(
        &mut self,
        mut record: Box<Record>,
        judgement: Judgement,
        unsettled: bool,
        exchange: &Exchange,
        cx: &mut Cx<'_>,
    ) -> Out {
        let fence = record.version();
        let doubt_before = record.intent.as_ref().is_some_and(|i| i.doubt);
        let attempt = self.last_attempt(&judgement);
        record.last_attempt = Some(attempt.clone());
        record.max_wall_seen = record.max_wall_seen.max(self.now.wall);
        if let Some(token) = &judgement.refresh_token {
            // An answer that is useless but for the one thing that must not be lost.
            self.next_version(&mut record);
            record.grant.refresh_token = Some(token.clone());
            record.grant.rt_expiry = None;
            record.intent = None;
        } else {
            let doubt = doubt_before || unsettled || judgement.may_have_rotated;
            self.leave_intent(&mut record, doubt, unsettled);
        }
        let hint = self.hint(&judgement);
        let then = if judgement.verdict == Verdict::PermanentGrant {
            let cause = if doubt_before {
                RefusedCause::RotationLost
            } else if self.rt_expiry_passed(&record) {
                RefusedCause::RefreshTokenExpired
            } else {
                RefusedCause::GrantRefused
            };
            self.refuse(&mut record, cause);
            record.intent = None;
            Pending::GiveUp { attempt: Some(attempt), hint }
        } else if judgement.verdict == Verdict::RetryImmediately && !self.retried_immediately {
            self.retried_immediately = true;
            self.dpop_nonce.clone_from(&judgement.dpop_nonce);
            Pending::Again
        } else {
            if let Some(wait) = judgement.retry_after {
                record.not_before = Some(NotBefore { from: self.stamp(), wait: wait.min(RETRY_AFTER_MAX) });
            }
            self.schedule_failure(&mut record, &judgement, exchange, attempt, hint, unsettled)
        };
        self.commit_attempt(record, fence, Some(exchange.attempt), then, cx)
    }

    /// What of the intent stays: none when it is certain that nothing was rotated.
    fn leave_intent(&self, record: &mut Record, doubt: bool, unsettled: bool) {
        let orphaned = unsettled.then(|| Orphaned { boot_id: self.boot_id(), boot: self.now.boot });
        record.intent = record.intent.take().filter(|_| doubt).map(|intent| Intent {
            settled: !unsettled,
            doubt,
            orphaned,
            ..intent
        });
    }

    /// Decides on the state after a failure and on the next attempt.
    fn schedule_failure(
        &mut self,
        record: &mut Record,
        judgement: &Judgement,
        exchange: &Exchange,
        attempt: LastAttempt,
        hint: Option<Hint>,
        unsettled: bool,
    ) -> Pending {
        if record.state != RecordState::Active {
            // A person's probe after the ceiling: it changes nothing when it fails.
            return Pending::Failed { state: State::Unauthenticated, attempt, hint };
        }
        let refused = judgement.verdict == Verdict::PermanentClient;
        if record.window.is_some() {
            if self.count_window(record, refused, exchange) {
                self.refuse(record, RefusedCause::Ceiling);
                // Never the hint on the ceiling.
                return Pending::GiveUp { attempt: Some(attempt), hint: None };
            }
        } else if refused || !self.short_retry(judgement.retry_after) {
            self.short = None;
            record.window = Some(Window {
                accumulated: Span::ZERO,
                counted: self.stamp(),
                since: self.now.wall,
                attempts: 0,
                last_attempt_at: self.stamp(),
                client_refused: refused,
            });
        }
        let state = match &record.window {
            Some(window) => {
                self.next_attempt = Some(self.now.boot + self.window_pause(window));
                State::AuthRetrying
            }
            None => State::Backoff,
        };
        if unsettled {
            self.settle_until = Some(self.now.boot + self.settle_time());
            return Pending::Failed { state: State::Settling, attempt, hint };
        }
        Pending::Failed { state, attempt, hint }
    }

    /// One more failed attempt in the window. True when it was made past the ceiling.
    fn count_window(&self, record: &mut Record, refused: bool, exchange: &Exchange) -> bool {
        let ceiling = self.setup.policy.auth_retrying.ceiling;
        let now = self.stamp();
        let Some(window) = &mut record.window else { return false };
        let counted = self.window_since_counted(window);
        let in_flight = self.now.boot.since(exchange.sent.boot);
        let when_sent = window.accumulated + counted.saturating_sub(in_flight);
        let past = when_sent >= ceiling && !window.client_refused && !refused;
        if !window.client_refused {
            window.accumulated = window.accumulated + counted;
        }
        window.counted = now;
        window.last_attempt_at = now;
        window.attempts = window.attempts.saturating_add(1);
        window.client_refused = refused;
        past
    }

    /// Time in the window that is not yet in `accumulated`.
    pub(crate) fn window_since_counted(&self, window: &Window) -> Span {
        window.counted.elapsed(self.now, self.boot_id(), self.setup.policy.auth_retrying.interval)
    }

    /// From now to the window's next attempt: one interval, or the moment of the ceiling if that comes before.
    pub(crate) fn window_pause(&self, window: &Window) -> Span {
        let policy = &self.setup.policy.auth_retrying;
        let since = window.last_attempt_at.elapsed(self.now, self.boot_id(), policy.interval);
        let pause = policy.interval.saturating_sub(since);
        let to_ceiling =
            policy.ceiling.saturating_sub(window.accumulated + self.window_since_counted(window));
        if window.client_refused || to_ceiling.is_zero() { pause } else { pause.min(to_ceiling) }
    }

    /// Takes one more try of the short retry; false when it is exhausted, or none would fit.
    fn short_retry(&mut self, retry_after: Option<Span>) -> bool {
        let retry = &self.setup.policy.retry;
        let now = self.now.boot;
        let short = self.short.unwrap_or(ShortRetry { began: now, tries: 0 });
        if short.tries >= retry.tries {
            return false;
        }
        let most = retry.initial.times(1u64 << short.tries.min(32)).min(retry.max);
        let delay = self.jitter.up_to(most).max(retry.initial.fraction(1, 10));
        let wait = delay.max(retry_after.unwrap_or(Span::ZERO).min(RETRY_AFTER_MAX));
        if now + wait > short.began + retry.elapsed {
            return false;
        }
        self.short = Some(ShortRetry { began: short.began, tries: short.tries.saturating_add(1) });
        self.next_attempt = Some(now + wait);
        true
    }

    fn refuse(&self, record: &mut Record, cause: RefusedCause) {
        record.state = RecordState::Refused { cause, at: self.now.wall };
        record.window = None;
    }

    fn rt_expiry_passed(&self, record: &Record) -> bool {
        record.grant.rt_expiry.is_some_and(|e| self.now.wall >= e.issued.wall + e.lifetime)
    }

    fn hint(&self, judgement: &Judgement) -> Option<Hint> {
        let permanent = matches!(judgement.verdict, Verdict::PermanentGrant | Verdict::PermanentClient);
        let client_id = &self.setup.client.id;
        match &judgement.evidence.oauth_error {
            Some(code) if permanent && !client_id.is_empty() => {
                Some(Hint::StaleClient { client_id: client_id.clone(), oauth_error: code.clone() })
            }
            _ => None,
        }
    }

    fn last_attempt(&self, judgement: &Judgement) -> LastAttempt {
        LastAttempt { at: self.now.wall, verdict: judgement.verdict, evidence: judgement.evidence.clone() }
    }

    /// An answer that nobody waits for: counted and ignored, but for tokens in it, which are revoked.
    pub(crate) fn late_answer(&mut self, attempt: AttemptId, answer: &Answer, cx: &mut Cx<'_>) -> Out {
        self.late_answers = self.late_answers.saturating_add(1);
        cx.report(Report::LateAnswer);
        if self.abandoned.as_ref().is_some_and(|(a, _)| *a == attempt)
            && let Some((_, mut record)) = self.abandoned.take()
        {
            let judgement = self.judge(answer, &record);
            record.grant.access.clear();
            record.grant.refresh_token = judgement.refresh_token;
            if let Some(grant) = judgement.grant {
                record.grant.access.push(Access {
                    key: AccessKey::default(),
                    token: grant.access_token,
                    token_type: grant.token_type,
                    issued: self.stamp(),
                    lifetime: Span::ZERO,
                    lifetime_given: false,
                });
            }
            let requests = revocations(&record, self);
            if !requests.is_empty() {
                cx.push(Command::Revoke { requests });
            }
        }
        Handled
    }
}
