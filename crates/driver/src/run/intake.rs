//! What comes into the loop: messages of handles and keepers, and port calls that ended.

use std::sync::Arc;

use futures_channel::oneshot;
use renewd_core::{AttemptId, Input, Lifecycle, Setup, StoreFault};

use crate::cell::{Cell, NO_SLOT};
use crate::keeper::Seen;
use crate::message::Message;

use super::calls::{Done, Granted, Outcome};
use super::machine::Machine;
use super::ops::GateKind;
use super::sweep::Round;
use super::{EndOfAll, EventLoop, Slot};

impl EventLoop {
    pub(super) fn take_in(&mut self, message: Message) {
        match message {
            Message::Add { cell, setup, seed } => self.add(cell, setup, seed),
            Message::Remove { cell, done } => {
                if let Some(slot) = slot_of(&cell) {
                    self.end(slot, Some(done));
                }
            }
            Message::Wait { cell, waiter } => {
                if let Some(slot) = slot_of(&cell) {
                    self.admit(slot, waiter);
                }
            }
            Message::Forget { cell, waiter } => {
                if let Some(slot) = slot_of(&cell) {
                    self.forget(slot, waiter);
                }
            }
            Message::View { cell, reply, permit } => {
                if let Some(machine) = cell.slot().and_then(|slot| self.machines.get(slot)) {
                    let now = self.world.now;
                    let _ = reply.send(Seen::new(machine.lifecycle.view(now), now));
                }
                drop(permit);
            }
            Message::PolicyChanged { cell, setup } => self.feed_cell(&cell, Input::PolicyChanged(setup)),
            Message::LoggedIn { cell, record } => self.feed_cell(&cell, Input::LoggedIn(record)),
            Message::LoggedOut { cell, record } => self.feed_cell(&cell, Input::LoggedOut(record)),
            Message::StoreChanged { cell } => {
                cell.take_store_change();
                self.feed_cell(&cell, Input::StoreChanged);
            }
            Message::Subscribe { cell, events } => {
                if let Some(machine) = cell.slot().and_then(|slot| self.machines.get_mut(slot)) {
                    let listeners = &mut machine.busy().listeners;
                    listeners.retain(|l| !l.is_closed());
                    listeners.push(events);
                }
            }
            Message::NetworkChanged => self.world.sweep.begin(Round::NetworkChanged),
            Message::Resumed => self.world.sweep.begin(Round::Resumed),
            Message::Shutdown { done } => self.shut_down(Some(done)),
        }
    }

    fn feed_cell(&mut self, cell: &Cell, input: Input) {
        if let Some(slot) = slot_of(cell) {
            self.feed(slot, input);
        }
    }

    fn add(&mut self, cell: Arc<Cell>, setup: Setup, seed: u64) {
        let vacant = self.machines.vacant_key();
        let slot = match Slot::try_from(vacant) {
            Ok(slot) if slot != NO_SLOT && self.world.shutdown.is_none() => slot,
            // Without a slot every question about it is answered `Stopped`.
            _ => return,
        };
        let world = &mut self.world;
        world.births = world.births.wrapping_add(1);
        let birth = world.births;
        let watched = world.watch.begin(&*world.ports.store, &cell.name, slot, birth);
        cell.set_slot(Some(slot));
        self.machines.insert(Machine::new(Lifecycle::new(setup, seed), cell, birth, watched));
        if let Some(machine) = self.machines.get_mut(vacant) {
            // A new lifecycle has its first command ready before any input.
            self.world.carry_out(slot, machine);
        }
        self.after(slot);
    }

    /// Begins the end of one machine.
    pub(super) fn end(&mut self, slot: Slot, asked_by: Option<oneshot::Sender<Option<String>>>) {
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        let first = !machine.is_ending();
        let busy = machine.busy();
        busy.end.get_or_insert_default().asked_by.extend(asked_by);
        // Callers are told now: dropping their replies says `Stopped`.
        self.world.waiting = self.world.waiting.saturating_sub(busy.waiters.len());
        busy.waiters.clear();
        if first {
            self.feed(slot, Input::Shutdown);
        }
    }

    pub(super) fn shut_down(&mut self, asked_by: Option<oneshot::Sender<crate::Drained>>) {
        if self.world.shutdown.is_none() {
            self.world.sweep.begin(Round::Shutdown);
        }
        self.world.shutdown.get_or_insert_with(EndOfAll::default).asked_by.extend(asked_by);
    }

    pub(super) fn finish(&mut self, done: Done) {
        let Done { slot, birth, outcome } = done;
        if matches!(outcome, Outcome::Loaded(_)) {
            self.world.leave(GateKind::Loads);
        }
        // An outcome of a machine that is gone concerns nobody; a claim among it is given back by its drop.
        let Some(machine) = self.machines.get_mut(slot as usize).filter(|m| m.birth == birth) else { return };
        let input = match outcome {
            Outcome::Loaded(loaded) => {
                machine.busy().op_running = false;
                if !machine.loaded {
                    self.admit_early_callers(slot, loaded);
                } else {
                    self.looked(slot, loaded);
                }
                return;
            }
            Outcome::Claimed(claimed) => self.claimed(slot, claimed),
            Outcome::Marked(ticket, result) => {
                machine.busy().op_running = false;
                match result {
                    Ok(()) => Input::Marked(ticket),
                    Err(failure) => Input::MarkFailed(ticket, failure),
                }
            }
            Outcome::Committed(ticket, result) => {
                machine.busy().op_running = false;
                match result {
                    Ok(()) => Input::Committed(ticket),
                    Err(failure) => Input::CommitFailed(ticket, failure),
                }
            }
            Outcome::Answered { attempt, answer, sent } => {
                machine.busy().sends.retain(|(id, _)| *id != attempt);
                Input::Answer { attempt, answer, sent }
            }
            Outcome::Revoked => Input::Revoked,
        };
        self.feed(slot, input);
    }

    fn claimed(&mut self, slot: Slot, claimed: Result<Option<Granted>, StoreFault>) -> Input {
        let attempt = self.world.attempt_id();
        let Some(machine) = self.machines.get_mut(slot as usize) else { return Input::Tick };
        let birth = machine.birth;
        let contended = matches!(claimed, Ok(None));
        self.world.watch.contended(slot, birth, &mut machine.watched, contended);
        let busy = machine.busy();
        busy.op_running = false;
        match claimed {
            Ok(Some(Granted { claim, loaded })) => {
                busy.claim = Some(claim);
                Input::ClaimGranted { loaded, attempt }
            }
            denied => {
                // Asked again later; meanwhile another machine may refresh.
                if std::mem::take(&mut busy.refreshing) {
                    self.world.leave(GateKind::Refreshes);
                }
                Input::ClaimDenied(denied.err())
            }
        }
    }
}

impl super::World {
    fn attempt_id(&self) -> AttemptId {
        self.ports.entropy.attempt_id()
    }
}

fn slot_of(cell: &Cell) -> Option<Slot> {
    cell.slot().and_then(|slot| Slot::try_from(slot).ok())
}
