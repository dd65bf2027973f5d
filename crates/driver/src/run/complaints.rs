//! Complaints of tokens that this process never saw.
//!
//! Whoever complains of a token waits for a newer one. Where there never was such a token, none comes for it, and its
//! caller would wait its whole patience; so that is found out first. A token that is newer than what is known here may
//! be another process's of a moment ago: the record is read, and the complaint then counts or is refused; where
//! the store fails, once it can be read again. Each token of a key has a greater version than the one before it: where
//! an older one is at hand than the one named, that one was another key's.

use renewd_core::{Input, Loaded, Record, Serve, Span};

use crate::error::TokenError;
use crate::message::{Waiter, Want};

use super::machine::Machine;
use super::ops::Op;
use super::{EventLoop, Slot, World};

type Version = (u64, u64);

/// What is known of the token that a caller complains of.
enum Standing {
    Given,
    NeverGiven,
    /// The store must say.
    Unseen,
}

fn refused(waiter: &Waiter) -> Option<Version> {
    match waiter.want {
        Want::Newer { epoch, generation } => Some((epoch, generation)),
        Want::Token { .. } | Want::Attempt => None,
    }
}

fn version(machine: &Machine) -> Option<Version> {
    machine.lifecycle.record().map(Record::version)
}

impl EventLoop {
    /// A new caller, unless it complains of a token that is not known: it is answered, or waits for the store.
    pub(super) fn known_complaint(&mut self, slot: Slot, mut waiter: Waiter) -> Option<Waiter> {
        let machine = self.machines.get_mut(slot as usize)?;
        match self.world.standing(machine, &waiter) {
            Standing::Given => return Some(waiter),
            Standing::NeverGiven => refuse(machine, waiter),
            Standing::Unseen => {
                waiter.unseen = true;
                self.world.enqueue(slot, machine, waiter);
                self.feed(slot, Input::StoreChanged);
            }
        }
        None
    }

    /// The record was read.
    pub(super) fn looked(&mut self, slot: Slot, loaded: Loaded) {
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        let found = match &loaded {
            Loaded::Absent => Some(None),
            Loaded::Record(record) => Some(Some(record.version())),
            Loaded::RolledBack { greatest, .. } => Some(Some(*greatest)),
            // It is read again, and says it then.
            Loaded::Fault(_) => None,
        };
        let news = self.world.feed(slot, machine, Input::Loaded(loaded));
        if let Some(found) = found {
            self.world.refuse_unseen(machine, found);
        }
        self.world.answer_waiters(machine, news);
        self.after(slot);
        self.readmit(slot);
    }

    /// Complaints of tokens that have come to be known meanwhile count from now on.
    pub(super) fn readmit(&mut self, slot: Slot) {
        let Some(machine) = self.machines.get_mut(slot as usize).filter(|m| m.has_waiters()) else { return };
        let known = version(machine);
        let seen = self.world.take_waiters(machine, |waiter| waiter.unseen && refused(waiter) <= known);
        for waiter in seen {
            self.admit(slot, Waiter { unseen: false, ..waiter });
        }
    }
}

impl World {
    fn standing(&self, machine: &Machine, waiter: &Waiter) -> Standing {
        let Some(refused) = refused(waiter) else { return Standing::Given };
        if version(machine) < Some(refused) {
            return Standing::Unseen;
        }
        let at_hand = match &waiter.key {
            Some(key) => machine.lifecycle.serve_for(key, self.now, Span::ZERO),
            None => machine.lifecycle.serve(self.now, Span::ZERO),
        };
        match at_hand {
            Serve::Token { epoch, generation, .. } if (epoch, generation) < refused => Standing::NeverGiven,
            _ => Standing::Given,
        }
    }

    /// The store knows no such token either, unless it is being read once more.
    fn refuse_unseen(&mut self, machine: &mut Machine, found: Option<Version>) {
        let reads_again =
            machine.busy.as_ref().is_some_and(|busy| busy.ops.iter().any(|op| matches!(op, Op::Load)));
        if reads_again || !machine.has_waiters() {
            return;
        }
        let known = version(machine).max(found);
        let never = self.take_waiters(machine, |waiter| waiter.unseen && refused(waiter) > known);
        for waiter in never {
            refuse(machine, waiter);
        }
    }

    fn take_waiters(&mut self, machine: &mut Machine, which: impl Fn(&Waiter) -> bool) -> Vec<Waiter> {
        let taken: Vec<Waiter> = machine.busy().waiters.extract_if(.., |waiter| which(waiter)).collect();
        self.waiting = self.waiting.saturating_sub(taken.len());
        taken
    }
}

fn refuse(machine: &Machine, waiter: Waiter) {
    let Some((epoch, generation)) = refused(&waiter) else { return };
    let name = machine.cell.name.clone();
    // Whoever asked may have gone.
    let _ = waiter.reply.send(Err(TokenError::NeverGiven { name, epoch, generation }));
}
