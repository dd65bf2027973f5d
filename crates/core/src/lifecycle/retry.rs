//! After a failure that is not final: the short retry, then the window of `auth_retrying` and its ceiling.

use crate::answer::Judgement;
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Exchange, Machine, ShortRetry};
use crate::lifecycle::state::State;
use crate::policy::RETRY_AFTER_MAX;
use crate::record::{Record, RecordState, RefusedCause, Window};
use crate::time::Span;
use crate::verdict::Verdict;

impl Machine {
    /// The state after a failure that is not final, and the next attempt.
    pub(crate) fn schedule_failure(
        &mut self,
        record: &mut Record,
        judgement: &Judgement,
        exchange: &Exchange,
        unsettled: bool,
    ) -> Pending {
        let attempt = self.last_attempt(judgement);
        let hint = self.hint(judgement);
        let salvaged = judgement.refresh_token.is_some();
        if record.state != RecordState::Active {
            // A person's probe after the ceiling: it changes nothing when it fails.
            return Pending::Failed { state: State::Unauthenticated, attempt, hint, salvaged };
        }
        let grant_type = &record.settings.grant_type;
        // Where a grant is refused that is asked for anew each time, somebody has to mend something, and then it goes on by
        // itself: as with a client that is refused. A file may be on its way to be: it is looked at again soon.
        let grant_refused =
            judgement.verdict == Verdict::PermanentGrant && !grant_type.spends_refresh_token();
        let refused = judgement.verdict == Verdict::PermanentClient || grant_refused;
        let soon = grant_refused && grant_type.is_read_anew();
        if record.window.is_some() {
            if self.count_window(record, refused, exchange) && !salvaged {
                self.refuse(record, RefusedCause::Ceiling);
                // Never the hint on the ceiling.
                return Pending::GiveUp { attempt: Some(attempt), hint: None };
            }
        } else if (refused && !soon) || !self.short_retry(judgement.retry_after) {
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
        let mut state = State::Backoff;
        if let Some(window) = &record.window {
            self.next_attempt = Some(self.now.boot + self.window_pause(window));
            state = State::AuthRetrying;
        }
        if unsettled {
            self.settle_until = Some(self.now.boot + self.settle_time());
            state = State::Settling;
        }
        Pending::Failed { state, attempt, hint, salvaged }
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
        let delay = self.jitter.up_to(retry.delay_max(short.tries)).max(retry.delay_min());
        let wait = delay.max(retry_after.unwrap_or(Span::ZERO).min(RETRY_AFTER_MAX));
        if now + wait > short.began + retry.elapsed {
            return false;
        }
        self.short = Some(ShortRetry { began: short.began, tries: short.tries.saturating_add(1) });
        self.next_attempt = Some(now + wait);
        true
    }
}
