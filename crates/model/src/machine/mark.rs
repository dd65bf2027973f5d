//! Core: `lifecycle/mark.rs`.

use renewd_core::Phase;

use super::{Cx, Machine, Pending, Writing};
use crate::mutant::Mutant;
use crate::process::{Command, Failure, Fence};
use crate::record::{Attempt, Intent, Record};

/// What an intent found under the claim asks for (core: `Standing`).
pub(super) enum Standing {
    Clear { doubt: bool },
    Unsettled(u8),
    Orphan,
}

impl Machine {
    pub(super) fn standing(&self, record: &Record, cx: &Cx<'_>) -> Standing {
        let Some(intent) = record.intent else { return Standing::Clear { doubt: false } };
        if intent.generation != record.generation || cx.is(Mutant::LockAroundIo) {
            return Standing::Clear { doubt: false };
        }
        if intent.settled {
            return Standing::Clear { doubt: intent.doubt };
        }
        let wait = cx.setting.settle_time();
        let waited = |age: u8| {
            if age >= wait { Standing::Clear { doubt: true } } else { Standing::Unsettled(wait - age) }
        };
        if cx.is(Mutant::SettleFromMark) {
            return waited(intent.marked);
        }
        match intent.orphaned {
            Some(_) if cx.is(Mutant::OrphanForEver) => Standing::Unsettled(wait),
            Some(o) if o.this_boot => waited(o.age),
            Some(_) if cx.is(Mutant::RebootSettles) => Standing::Clear { doubt: true },
            Some(_) | None => Standing::Orphan,
        }
    }

    /// Writes the intent.
    pub(super) fn mark(
        &mut self,
        mut record: Record,
        fence: (u8, u8),
        attempt: Attempt,
        doubt: bool,
        cx: &mut Cx<'_>,
    ) {
        record.budget = record.budget.saturating_sub(1);
        self.spent = if cx.is(Mutant::BudgetInMemory) { self.spent + 1 } else { 0 };
        record.intent = Some(Intent {
            attempt,
            generation: record.generation,
            settled: false,
            doubt,
            orphaned: None,
            marked: 0,
        });
        let fence = Fence { epoch: fence.0, generation: fence.1, attempt: None };
        let writing = Writing { ticket: 0, record, fence, then: Pending::Send(attempt) };
        self.writing = Some(writing);
        self.to(Phase::Marking);
        if cx.is(Mutant::NoIntent) {
            return self.on_marked(0, cx);
        }
        cx.push(Command::Mark(0, record, fence));
    }

    pub(super) fn on_marked(&mut self, ticket: u32, cx: &mut Cx<'_>) {
        let Some(writing) = self.take_writing(ticket) else { return };
        self.unwritten = None;
        self.record = Some(writing.record);
        let Pending::Send(attempt) = writing.then else { return self.end_attempt(cx) };
        if self.stopping.is_some() {
            return self.unmark(attempt, cx);
        }
        let Some(token) = writing.record.refresh_token else { return self.end_attempt(cx) };
        self.exchange = Some(attempt);
        if cx.is(Mutant::LockAroundIo) {
            self.release(cx);
        }
        cx.push(Command::Send(attempt, token));
        self.to(Phase::Exchanging);
    }

    fn end_attempt(&mut self, cx: &mut Cx<'_>) {
        self.release(cx);
        self.to(self.resting());
    }

    /// Shutting down between mark and send.
    fn unmark(&mut self, attempt: Attempt, cx: &mut Cx<'_>) {
        let Some(mut record) = self.record else { return self.stop_now(cx) };
        let (epoch, generation) = record.version();
        record.intent = record.intent.filter(|i| i.doubt).map(|i| Intent { settled: true, ..i });
        self.write(record, Fence { epoch, generation, attempt: Some(attempt) }, Pending::Unmark, cx);
    }

    pub(super) fn on_mark_failed(&mut self, ticket: u32, failure: Failure<Record>, cx: &mut Cx<'_>) {
        let Some(writing) = self.take_writing(ticket) else { return };
        match failure {
            Failure::Fault => {
                if let Pending::Send(attempt) = writing.then {
                    self.unwritten = Some(attempt);
                }
                self.rest_for_store(cx);
            }
            Failure::Fenced(r) if self.version().is_none_or(|m| r.version() > m) => self.adopt(&r, cx),
            Failure::Fenced(_) => self.rest_for_store(cx),
        }
    }
}
