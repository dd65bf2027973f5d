//! Core: `lifecycle/outcome.rs` and `lifecycle/retry.rs`.

use renewd_core::{AsClass, Phase};

use super::{Cx, Machine, PAUSE, Pending, tokens};
use crate::mutant::Mutant;
use crate::process::{Answer, Command, Fence};
use crate::record::{Attempt, Intent, Orphaned, Record, RecordState, Token};

impl Machine {
    pub(super) fn on_answer(&mut self, attempt: Attempt, answer: Answer, cx: &mut Cx<'_>) {
        let waits = self.phase == Phase::Exchanging && self.exchange == Some(attempt);
        let (true, Some(record)) = (waits, self.record) else {
            return self.late_answer(attempt, answer, cx);
        };
        self.exchange = None;
        match tokens(answer) {
            Some(token) => self.on_success(record, attempt, token, cx),
            None => self.on_failure(record, attempt, answer, cx),
        }
    }

    fn on_success(&mut self, mut record: Record, attempt: Attempt, token: Option<Token>, cx: &mut Cx<'_>) {
        let (epoch, generation) = record.version();
        record.generation += 1;
        record.refresh_token = token.or(record.refresh_token);
        record.state = RecordState::Active;
        record.not_before = straggler_hold(&record, cx);
        record.intent = None;
        record.budget = cx.setting.budget;
        self.spent = 0;
        self.write(record, Fence { epoch, generation, attempt: Some(attempt) }, Pending::Success, cx);
    }

    fn on_failure(&mut self, mut record: Record, attempt: Attempt, answer: Answer, cx: &mut Cx<'_>) {
        let (epoch, generation) = record.version();
        let fence = Fence { epoch, generation, attempt: Some(attempt) };
        let doubt_before = record.intent.is_some_and(|i| i.doubt);
        let unsettled = answer == Answer::Lost && !cx.is(Mutant::ResendAtOnce);
        let may_have_rotated = answer == Answer::Unclear || answer == Answer::Lost;
        let forgets = cx.is(Mutant::DoubtForgotten) && answer == Answer::Unclear;
        leave_intent(&mut record, (doubt_before || may_have_rotated) && !forgets, unsettled);
        if answer == Answer::Refused || (cx.is(Mutant::UnclearIsRefusal) && answer == Answer::Unclear) {
            record.state = refusal(doubt_before, cx.setting.class);
            record.intent = None;
            return self.write(record, fence, Pending::GiveUp, cx);
        }
        let state = self.schedule_failure(unsettled, cx);
        self.write(record, fence, Pending::Failed { state }, cx);
    }

    /// The state after a failure that is not final, and the next attempt.
    fn schedule_failure(&mut self, unsettled: bool, cx: &Cx<'_>) -> Phase {
        self.next_attempt = Some(PAUSE);
        if !unsettled {
            return Phase::Backoff;
        }
        self.settle_until = Some(cx.setting.settle_time());
        Phase::Settling
    }

    /// An answer that nobody waits for: ignored, but for tokens of a login that is over.
    fn late_answer(&mut self, attempt: Attempt, answer: Answer, cx: &mut Cx<'_>) {
        if self.abandoned.is_some_and(|(a, _)| a == attempt)
            && self.abandoned.take().is_some()
            && let Some(Some(token)) = tokens(answer)
        {
            cx.push(Command::Revoke(token));
        }
    }
}

/// A wait that was cut to stay inside a grace may have left a request on the wire: nothing is rotated on top before
/// it is settled.
fn straggler_hold(record: &Record, cx: &Cx<'_>) -> u8 {
    let rest = cx.setting.settle.saturating_sub(cx.setting.settle_time());
    let doubt = record.intent.is_some_and(|i| i.doubt);
    if doubt && !cx.is(Mutant::StragglerForgotten) && !cx.is(Mutant::SettleZero) { rest } else { 0 }
}

/// What of the intent stays: none when it is certain that nothing was rotated.
fn leave_intent(record: &mut Record, doubt: bool, unsettled: bool) {
    let orphaned = unsettled.then_some(Orphaned { this_boot: true, age: 0 });
    record.intent =
        record.intent.filter(|_| doubt).map(|i| Intent { settled: !unsettled, doubt, orphaned, ..i });
}

/// Why a refused grant is over.
const fn refusal(doubt_before: bool, class: AsClass) -> RecordState {
    match class {
        AsClass::P2 | AsClass::P3 | AsClass::P4 | AsClass::P5 | AsClass::P6 if doubt_before => {
            RecordState::RotationLost
        }
        AsClass::P0 | AsClass::P1 | AsClass::P2 | AsClass::P3 | AsClass::P4 | AsClass::P5 | AsClass::P6 => {
            RecordState::GrantRefused
        }
    }
}
