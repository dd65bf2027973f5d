//! The store as seen from here: loads, the claim, and its failures. None of them is a verdict on the grant.

use statig::Outcome::Handled;

use crate::command::{Command, Report};
use crate::input::{Input, Loaded, StoreFault};
use crate::lifecycle::machine::{Claim, Cx, Loads, Machine};
use crate::lifecycle::state::{Out, State, to};
use crate::record::RecordState;
use crate::time::Span;

/// A failing store is tried again after this, doubling up to `retry.max`.
pub(crate) const STORE_RETRY_MIN: Span = Span::from_secs(1);

impl Machine {
    /// Asks for the record. While one is being read, it is read once more afterwards: nobody knows whether it was read
    /// before or after the change.
    pub(crate) fn request_load(&mut self, cx: &mut Cx<'_>) {
        if self.loads.pending {
            self.loads.again = true;
        } else {
            self.loads = Loads { pending: true, ..Loads::default() };
            cx.push(Command::Load);
        }
    }

    /// What every state does about loads: a failed one is tried again, and one that came too early is repeated.
    pub(crate) fn mind_loads(&mut self, input: &Input, cx: &mut Cx<'_>) {
        if let Input::Loaded(loaded) = input {
            let again = self.loads.again;
            let retry = match loaded {
                Loaded::Fault(_) => Some(self.now.boot + self.store_pause()),
                Loaded::Absent | Loaded::Record(_) | Loaded::RolledBack { .. } => None,
            };
            self.loads = Loads { retry, ..Loads::default() };
            if again {
                self.request_load(cx);
            }
        } else if self.loads.retry.is_some_and(|at| at <= self.now.boot) {
            self.request_load(cx);
        }
    }

    /// Gives the claim back, if it is held.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>) {
        if self.claim == Claim::Held {
            self.claim = Claim::None;
            cx.push(Command::Release);
        }
        self.claim_poll = None;
    }

    /// A claim came that nobody wants any more. One that nobody asked for changes nothing.
    pub(crate) fn return_claim(&mut self, cx: &mut Cx<'_>) -> Out {
        if self.claim == Claim::Pending {
            self.claim = Claim::Held;
            self.release(cx);
        }
        Handled
    }

    /// The claim was not to be had, and nobody wants it any more.
    pub(crate) fn forget_claim(&mut self) -> Out {
        if self.claim == Claim::Pending {
            self.claim = Claim::None;
        }
        Handled
    }

    /// The store could not be read.
    pub(crate) fn reading_failed(&mut self, fault: &StoreFault, cx: &mut Cx<'_>) {
        let writing = self.store_fault_is_writing && self.store_fault.is_some();
        self.store_failed(fault, writing, cx);
    }

    /// The store could not be written, or what stands there forbids it: only a write that succeeds will prove that
    /// this is over.
    pub(crate) fn writing_failed(&mut self, fault: &StoreFault, cx: &mut Cx<'_>) {
        self.store_failed(fault, true, cx);
    }

    fn store_failed(&mut self, fault: &StoreFault, writing: bool, cx: &mut Cx<'_>) {
        if self.store_fault.as_ref() != Some(fault) {
            cx.report(Report::StoreFailed(fault.clone()));
        }
        self.store_fault = Some(fault.clone());
        self.store_fault_is_writing = writing;
    }

    /// The record was read.
    pub(crate) fn store_reads(&mut self, cx: &mut Cx<'_>) {
        if !self.store_fault_is_writing {
            self.store_works(cx);
        }
    }

    /// A record was written, here or by somebody else.
    pub(crate) fn store_works(&mut self, cx: &mut Cx<'_>) {
        self.store_retry = Span::ZERO;
        self.store_fault_is_writing = false;
        if self.store_fault.take().is_some() {
            cx.report(Report::StoreHealed);
        }
    }

    /// How long to leave a failing store alone: longer each time.
    pub(crate) fn store_pause(&mut self) -> Span {
        let max = self.setup.policy.retry.max.max(STORE_RETRY_MIN);
        self.store_retry =
            if self.store_retry.is_zero() { STORE_RETRY_MIN } else { self.store_retry.times(2).min(max) };
        let half = self.store_retry.fraction(1, 2);
        half + self.jitter.up_to(half)
    }

    /// The store cannot be read under the claim: nothing has been spent; try again later.
    pub(crate) fn read_trouble(&mut self, fault: &StoreFault, cx: &mut Cx<'_>) -> Out {
        self.reading_failed(fault, cx);
        self.rest_for_store(cx)
    }

    /// The store cannot be written: nothing more is spent; try again later.
    pub(crate) fn write_trouble(&mut self, fault: &StoreFault, cx: &mut Cx<'_>) -> Out {
        self.writing_failed(fault, cx);
        self.rest_for_store(cx)
    }

    fn rest_for_store(&mut self, cx: &mut Cx<'_>) -> Out {
        self.release(cx);
        if self.stopping.is_some() {
            return self.stop_now(cx);
        }
        if self.record.as_ref().is_some_and(|r| r.state != RecordState::Active) {
            // A person's probe that could not be made.
            self.next_attempt = None;
            return to(State::Unauthenticated);
        }
        self.next_attempt = Some(self.now.boot + self.store_pause());
        to(self.resting())
    }
}
