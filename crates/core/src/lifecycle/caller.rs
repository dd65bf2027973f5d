//! What callers and operators ask: demands, 401s, a new configuration.

use alloc::sync::Arc;

use statig::Outcome::Handled;

use crate::command::{RefreshReason, Report};
use crate::lifecycle::machine::{Cx, Machine};
use crate::lifecycle::setup::Setup;
use crate::lifecycle::state::Out;
use crate::record::Record;
use crate::time::Span;

/// However often a resource server refuses fresh tokens, one of its 401s in this time is answered by a refresh.
const REJECTION_HOLD_MAX: Span = Span::from_mins(15);

impl Machine {
    /// A caller found no token on the fast path, or one that lives too short for it.
    pub(crate) fn note_demand(&mut self, min_validity: Span) {
        if self.want.is_some() || !self.can_refresh() {
            return;
        }
        let remaining = self.remaining(self.now);
        let needed = !self.token_valid(self.now) || remaining <= self.mandatory();
        let longer = remaining < min_validity
            // A lifetime shorter than the wish altogether: no refresh would ever fulfil it.
            && min_validity < self.lifetime()
            && self.since_success().is_none_or(|s| {
                s >= self.setup.min_interval_for(self.lifetime())
            });
        if needed || longer {
            self.want = Some(RefreshReason::Demand);
        }
    }

    /// A resource server said 401. True when the token counts as rejected from now on, for the first time.
    ///
    /// The first 401 of a generation forces a refresh. One that follows right after a refresh that a 401 had asked
    /// for is passed through: another refresh would give another token of the same kind, and rotate for nothing.
    /// Each further one in a row is held twice as long.
    pub(crate) fn note_rejection(&mut self, epoch: u64, generation: u64, cx: &mut Cx<'_>) -> bool {
        let version = (epoch, generation);
        if self.token_version() != Some(version) && self.version().is_some_and(|mine| mine.0 == epoch) {
            self.note_other_rejection(generation, cx);
            return false;
        }
        if self.token_version() != Some(version) || self.rejected == Some(version) || self.access().is_none()
        {
            return false;
        }
        if let Some(record) = &mut self.record {
            record.rejections = record.rejections.saturating_add(1);
        }
        if Self::rejection_held(self.rejection_streak, self.lifetime(), self.since_success()) {
            self.rejections_passed = self.rejections_passed.saturating_add(1);
            self.rejected_when_new = true;
            cx.report(Report::RejectionPassed { generation });
            return false;
        }
        self.rejected = Some(version);
        cx.report(Report::Rejected { key: None, epoch, generation });
        if self.can_refresh() && self.want != Some(RefreshReason::Forced) {
            self.want = Some(RefreshReason::Rejected);
        }
        true
    }

    /// Whether a record holds the token that was refused: it stays refused under another version.
    pub(crate) fn refuses(&self, record: &Record) -> bool {
        self.holds_own_token_of(record) && self.rejected.is_some() && self.rejected == self.token_version()
    }

    /// Whether the identity's own token is the same in both.
    pub(crate) fn holds_own_token_of(&self, record: &Record) -> bool {
        self.access().zip(record.access()).is_some_and(|(a, b)| a.token.same_as(b.token.expose()))
    }

    /// Whether a 401 is passed through: the token came `since`, from the last of so many refreshes in a row that 401s
    /// had asked for.
    pub(crate) fn rejection_held(streak: u32, lifetime: Span, since: Option<Span>) -> bool {
        let Some(doublings) = streak.checked_sub(1) else { return false };
        // The default of `min_interval`, also where the user switched it off: that is for refreshes nobody needs.
        let base = Span::from_secs(30).min(lifetime.fraction(1, 4)).max(Span::from_millis(1));
        let hold = base.times(1u64 << doublings.min(20)).min(REJECTION_HOLD_MAX);
        since.is_some_and(|since| since < hold)
    }

    /// A new configuration counts from now on: what is planned comes no later than it would under the new one. A
    /// refused client is tried at once, since this may be what mends it.
    pub(crate) fn set_up(&mut self, setup: &Setup) -> Out {
        // Who this process is cannot change, or its boot-clock times would lose their boot.
        self.setup = Setup { owner: Arc::clone(&self.setup.owner), ..setup.clone() };
        let pause = match self.record.as_ref().and_then(|r| r.window.as_ref()) {
            Some(window) if window.client_refused => Span::ZERO,
            Some(window) => self.window_pause(window),
            None => self.setup.policy.retry.max,
        };
        self.next_attempt = self.next_attempt.map(|at| at.min(self.now.boot + pause));
        Handled
    }
}
