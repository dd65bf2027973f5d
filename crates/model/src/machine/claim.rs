//! Core: `lifecycle/claim.rs`.

use renewd_core::Phase;

use super::mark::Standing;
use super::{Claim, Cx, Machine, PAUSE, Pending};
use crate::mutant::Mutant;
use crate::process::{Command, Fence};
use crate::record::{Attempt, Orphaned, Record, RecordState};

impl Machine {
    /// Begins an attempt with the claim.
    pub(super) fn begin(&mut self, cx: &mut Cx<'_>) {
        self.want = false;
        if self.record.is_none_or(|r| r.refresh_token.is_none()) {
            self.forget_plans();
            return self.to(Phase::Unauthenticated);
        }
        self.release(cx);
        self.claim_poll = None;
        if self.claim == Claim::None {
            self.claim = Claim::Pending;
            cx.push(Command::Claim);
        }
        self.to(Phase::Claiming);
    }

    pub(super) fn claim_when_due(&mut self, cx: &mut Cx<'_>) {
        if self.claim == Claim::None && self.claim_poll.is_none_or(|left| left == 0) {
            self.claim = Claim::Pending;
            cx.push(Command::Claim);
        }
    }

    pub(super) fn on_claim_denied(&mut self) {
        if self.claim == Claim::Pending {
            self.claim = Claim::None;
            self.claim_poll = Some(PAUSE);
        }
    }

    pub(super) fn on_claim_granted(&mut self, read: Option<Record>, attempt: Attempt, cx: &mut Cx<'_>) {
        if self.claim != Claim::Pending {
            return;
        }
        self.claim = Claim::Held;
        self.claim_poll = None;
        let Some(fence) = self.read_under_claim(read, cx) else { return };
        let Some(record) = self.record else { return self.to(Phase::Absent) };
        if self.refuse_to_spend(&record, cx) {
            return;
        }
        match self.standing(&record, cx) {
            Standing::Clear { doubt } => self.mark(record, fence, attempt, doubt, cx),
            Standing::Unsettled(left) => {
                self.release(cx);
                self.settle_until = Some(left);
                self.to(Phase::Settling);
            }
            Standing::Orphan => {
                let mut record = record;
                if let Some(intent) = &mut record.intent {
                    intent.orphaned = Some(Orphaned { this_boot: true, age: 0 });
                }
                let fence = Fence { epoch: fence.0, generation: fence.1, attempt: None };
                let until = cx.setting.settle_time();
                self.write(record, fence, Pending::Orphan { until }, cx);
            }
        }
    }

    /// Takes what was read under the claim as the truth, or ends the attempt. Gives what stands in the store.
    fn read_under_claim(&mut self, read: Option<Record>, cx: &mut Cx<'_>) -> Option<(u8, u8)> {
        let Some(read) = read else {
            self.rest_for_store(cx);
            return None;
        };
        if cx.is(Mutant::NoReread) {
            let refresh_token = self.record.and_then(|mine| mine.refresh_token);
            self.record = Some(Record { refresh_token, ..read });
            return Some(read.version());
        }
        let mine = self.version();
        if mine.is_none_or(|m| read.version() > m) {
            self.adopt(&read, cx);
            return None;
        }
        if Some(read.version()) == mine {
            self.take_over(&read);
        }
        Some(read.version())
    }

    /// Everything but an intent that forbids spending now; true when something does.
    fn refuse_to_spend(&mut self, record: &Record, cx: &mut Cx<'_>) -> bool {
        if record.state != RecordState::Active && !cx.is(Mutant::RefusedTriesAgain) {
            self.release(cx);
            self.next_attempt = None;
            self.to(Phase::Unauthenticated);
            return true;
        }
        if self.allowed(cx) {
            return false;
        }
        self.hold_back(cx);
        true
    }

    fn hold_back(&mut self, cx: &mut Cx<'_>) {
        self.release(cx);
        self.want = true;
        self.to(self.resting());
    }
}
