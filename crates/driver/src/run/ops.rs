//! The store commands of one machine, in their order, one at a time; and the gates that bound how many machines read
//! or refresh at once.

use std::collections::VecDeque;

use renewd_core::{Fence, Record, Ticket};

use super::calls::Caller;
use super::machine::Machine;
use super::{Slot, World};

/// A store command.
pub(super) enum Op {
    Load,
    Claim,
    Mark(Ticket, Box<Record>, Fence),
    Commit(Ticket, Box<Record>, Fence),
    Release,
}

impl Op {
    /// Whether a machine that has nothing more to say still needs it done.
    pub(super) fn outlives_its_machine(&self) -> bool {
        match self {
            Self::Mark(..) | Self::Commit(..) | Self::Release => true,
            Self::Load | Self::Claim => false,
        }
    }
}

/// Which gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GateKind {
    Loads,
    Refreshes,
}

/// Lets so many through at a time; the others stand in line. A place that is given back goes to the next in line.
pub(super) struct Gate {
    max: usize,
    inside: usize,
    line: VecDeque<(Slot, u32)>,
}

impl Gate {
    pub(super) fn new(max: usize) -> Self {
        // None at all would be no driver.
        Self { max: max.max(1), inside: 0, line: VecDeque::new() }
    }

    /// True when it may go in; else it stands in line, in front when somebody waits for it.
    fn enter(&mut self, slot: Slot, birth: u32, urgent: bool) -> bool {
        if self.inside < self.max {
            self.inside += 1;
            return true;
        }
        if urgent {
            self.line.push_front((slot, birth));
        } else {
            self.line.push_back((slot, birth));
        }
        false
    }

    /// A caller came for one that stands in line. Its entry further back is passed over when its turn comes.
    fn let_forward(&mut self, slot: Slot, birth: u32) {
        self.line.push_front((slot, birth));
    }

    /// Gives a place back, or rather on: to whom.
    fn leave(&mut self) -> Option<(Slot, u32)> {
        let next = self.line.pop_front();
        if next.is_none() {
            self.inside = self.inside.saturating_sub(1);
            self.line.shrink_to(64);
        }
        next
    }
}

/// A machine whose turn at a gate has come.
#[derive(Clone, Copy)]
pub(super) struct Unblocked {
    pub(super) slot: Slot,
    pub(super) birth: u32,
    pub(super) gate: GateKind,
}

impl World {
    /// Begins the next store command of a machine, if none is running. `admitted` tells that a gate let it in.
    pub(super) fn pump(&mut self, slot: Slot, machine: &mut Machine, mut admitted: Option<GateKind>) {
        let urgent = machine.has_waiters();
        let birth = machine.birth;
        let caller = Caller { slot, birth };
        let name = machine.cell.name.clone();
        let Some(busy) = machine.busy.as_deref_mut() else { return };
        if admitted.is_some() {
            busy.op_gated = false;
            busy.op_urgent = false;
        }
        while !busy.op_running && !busy.op_gated {
            let through = match busy.ops.front() {
                None => break,
                Some(Op::Load) => {
                    admitted.take() == Some(GateKind::Loads) || self.loads.enter(slot, birth, urgent)
                }
                Some(Op::Claim) if busy.refreshing => true,
                Some(Op::Claim) => {
                    let through = admitted.take() == Some(GateKind::Refreshes)
                        || self.refreshes.enter(slot, birth, urgent);
                    busy.refreshing = through;
                    through
                }
                Some(Op::Mark(..) | Op::Commit(..) | Op::Release) => true,
            };
            if !through {
                busy.op_gated = true;
                busy.op_urgent = urgent;
                break;
            }
            let store = std::sync::Arc::clone(&self.ports.store);
            let call = match busy.ops.pop_front() {
                None => break,
                Some(Op::Release) => {
                    busy.claim = None;
                    self.listener.claim_given_back(self.now.boot, slot, birth, &mut machine.watched.told);
                    if std::mem::take(&mut busy.refreshing) {
                        self.leave(GateKind::Refreshes);
                    }
                    continue;
                }
                Some(Op::Load) => caller.load(store, name.clone()),
                Some(Op::Claim) => caller.claim(store, name.clone()),
                Some(Op::Mark(t, r, f)) => caller.mark(store, name.clone(), (t, r, f)),
                Some(Op::Commit(t, r, f)) => caller.commit(store, name.clone(), (t, r, f)),
            };
            busy.op_running = true;
            self.calls.push(call);
        }
        if let Some(unused) = admitted {
            self.leave(unused);
        }
    }

    /// A caller came: its machine need not stand in line behind those that nobody waits for.
    pub(super) fn hurry(&mut self, slot: Slot, machine: &mut Machine) {
        let birth = machine.birth;
        let Some(busy) = machine.busy.as_deref_mut().filter(|b| b.op_gated && !b.op_urgent) else { return };
        busy.op_urgent = true;
        match busy.ops.front() {
            Some(Op::Load) => self.loads.let_forward(slot, birth),
            Some(Op::Claim) => self.refreshes.let_forward(slot, birth),
            Some(Op::Mark(..) | Op::Commit(..) | Op::Release) | None => {}
        }
    }

    /// A place at a gate is free again.
    pub(super) fn leave(&mut self, gate: GateKind) {
        let next = match gate {
            GateKind::Loads => self.loads.leave(),
            GateKind::Refreshes => self.refreshes.leave(),
        };
        if let Some((slot, birth)) = next {
            self.unblocked.push_back(Unblocked { slot, birth, gate });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_given_back_goes_to_the_one_who_waits_and_the_urgent_wait_in_front() {
        let mut gate = Gate::new(1);
        assert!(gate.enter(1, 0, false));
        assert!(!gate.enter(2, 0, false));
        assert!(!gate.enter(3, 0, true));
        assert_eq!(gate.leave(), Some((3, 0)));
        assert!(!gate.enter(4, 0, false), "the place was passed on, not freed");
        assert_eq!(gate.leave(), Some((2, 0)));
        assert_eq!(gate.leave(), Some((4, 0)));
        assert_eq!(gate.leave(), None);
        assert!(gate.enter(5, 0, false));
    }
}
