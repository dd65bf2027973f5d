//! One input into one machine, and everything that follows from it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use renewd_core::{Cause, Command, Hint, Input, Publication, Report, Span, Status};

use crate::ports::{Event, Step};
use crate::snapshot::Snapshot;

use super::calls::{Caller, abort, is_current};
use super::clocks::MarginClass;
use super::machine::Machine;
use super::ops::{GateKind, Op};
use super::{EventLoop, Slot, World};

/// How long a machine that has drained waits for its last store command. A write that takes longer than this after
/// `shutdown.grace` hangs.
const LAST_WRITE_MAX: Span = Span::from_secs(5);

/// What the commands of one input told, as far as waiting callers care.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
    /// There was a command at all.
    pub(super) any: bool,
    /// A 401 was passed through.
    pub(super) passed: bool,
    /// An attempt ended: with newer tokens, or without.
    pub(super) attempt: Option<bool>,
}

impl News {
    /// What two inputs in a row told.
    pub(super) fn and(self, then: Self) -> Self {
        Self {
            any: self.any || then.any,
            passed: self.passed || then.passed,
            attempt: then.attempt.or(self.attempt),
        }
    }
}

impl EventLoop {
    /// Feeds one input to the machine in that slot, if there is one.
    pub(super) fn feed(&mut self, slot: Slot, input: Input) {
        if let Some(machine) = self.machines.get_mut(slot as usize) {
            let news = self.world.feed(slot, machine, input);
            self.world.answer_waiters(machine, news);
            self.after(slot);
            self.readmit(slot);
        }
    }

    /// What follows every change of a machine: its next store command, its next deadline, its end.
    pub(super) fn after(&mut self, slot: Slot) {
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        self.world.pump(slot, machine, None);
        if self.world.has_ended(machine) {
            self.bury(slot);
        } else {
            self.world.rearm(slot, machine);
            machine.rest();
        }
    }

    fn bury(&mut self, slot: Slot) {
        let Some(mut machine) = self.machines.try_remove(slot as usize) else { return };
        machine.cell.set_slot(None);
        self.world.bury(&mut machine);
    }
}

fn step_of(command: &Command) -> Option<Step> {
    match command {
        Command::Claim => Some(Step::Claim),
        Command::Mark { .. } => Some(Step::Mark),
        Command::Send { .. } => Some(Step::Send),
        Command::Commit { .. } => Some(Step::Commit),
        _ => None,
    }
}

impl World {
    pub(super) fn feed(&mut self, slot: Slot, machine: &mut Machine, input: Input) -> News {
        machine.lifecycle.handle(self.now, input);
        self.carry_out(slot, machine)
    }

    /// Drains the commands.
    pub(super) fn carry_out(&mut self, slot: Slot, machine: &mut Machine) -> News {
        let mut news = News::default();
        let caller = Caller { slot, birth: machine.birth };
        while let Some(command) = machine.lifecycle.poll_command() {
            news.any = true;
            if let Some(step) = step_of(&command) {
                self.tell_step(machine, step);
            }
            match command {
                Command::Load => machine.busy().ops.push_back(Op::Load),
                Command::Claim => machine.busy().ops.push_back(Op::Claim),
                Command::Mark { ticket, record, fence } => {
                    machine.busy().ops.push_back(Op::Mark(ticket, record, fence));
                }
                Command::Commit { ticket, record, fence } => {
                    machine.busy().ops.push_back(Op::Commit(ticket, record, fence));
                }
                Command::Release => machine.busy().ops.push_back(Op::Release),
                Command::Send { attempt, request } => {
                    let busy = machine.busy();
                    // With the right gone, it is as if the request had been aborted before it left.
                    let lost = busy.claim.as_deref().is_some_and(|claim| !is_current(claim));
                    if lost {
                        tracing::warn!(credential = %machine.cell.name, "the claim was lost after the mark; nothing is sent");
                    }
                    let aborted = Arc::new(AtomicBool::new(lost));
                    machine.busy().sends.push((attempt, Arc::clone(&aborted)));
                    self.calls.push(caller.send(&self.ports, attempt, *request, aborted));
                }
                Command::Abort { attempt } => {
                    if let Some((_, flag)) = machine.busy().sends.iter().find(|(id, _)| *id == attempt) {
                        flag.store(true, Ordering::Relaxed);
                    }
                    abort(&*self.ports.endpoint, attempt);
                }
                Command::Revoke { requests } => self.calls.push(caller.revoke(&self.ports, requests)),
                Command::Publish(publication) => self.publish(machine, publication),
                Command::Changed { from, to, cause } => self.changed(slot, machine, from, to, cause),
                Command::Advise(hint) => self.advise(machine, hint),
                Command::Report(report) => {
                    match &report {
                        Report::RejectionPassed { .. } => news.passed = true,
                        Report::Refreshed { key: None, .. } | Report::Adopted { .. } => {
                            news.attempt = Some(true);
                        }
                        // A later success in the same drain counts more, an earlier one too.
                        Report::AttemptFailed { .. } => news.attempt = news.attempt.or(Some(false)),
                        _ => {}
                    }
                    self.announce(machine, &Event::Report(report));
                }
                Command::Drained { lost } => {
                    let give_up = self.now.boot + LAST_WRITE_MAX;
                    let busy = machine.busy();
                    busy.ops.retain(Op::outlives_its_machine);
                    // What may have waited at a gate is gone.
                    busy.op_gated = false;
                    busy.end.get_or_insert_default().drained = Some((lost, give_up));
                }
            }
        }
        news
    }

    fn publish(&mut self, machine: &mut Machine, publication: Publication) {
        let (snapshot, margin) = match &publication {
            Publication::Token(token) => {
                let snapshot = Snapshot::published(token.clone(), self.now, self.boot_id);
                let margin = MarginClass::of(snapshot.margin());
                (Arc::new(snapshot), margin)
            }
            Publication::Unavailable(_) => (Arc::clone(&self.registry.vacant), MarginClass::NONE),
        };
        machine.cell.published.store(snapshot);
        self.clocks.margin_changed(machine.margin, margin);
        machine.margin = margin;
        self.announce(machine, &Event::Published(publication));
    }

    fn changed(&mut self, slot: Slot, machine: &mut Machine, from: Status, to: Status, cause: Option<Cause>) {
        tracing::info!(credential = %machine.cell.name, from = from.name(), to = to.name(), cause = cause.map(Cause::name), "status");
        self.watch.status_changed(slot, machine.birth, &mut machine.watched, to);
        self.announce(machine, &Event::Changed { from, to, cause });
    }

    fn advise(&mut self, machine: &mut Machine, hint: Hint) {
        tracing::warn!(credential = %machine.cell.name, "{}", hint.text());
        self.announce(machine, &Event::Advise(hint));
    }

    fn tell_step(&self, machine: &Machine, step: Step) {
        let observe = || self.ports.observer.step(&machine.cell.name, self.now, step);
        if catch_unwind(AssertUnwindSafe(observe)).is_err() {
            tracing::error!(credential = %machine.cell.name, "the observer panicked");
        }
    }

    /// Tells the observer and whoever listens.
    fn announce(&self, machine: &mut Machine, event: &Event) {
        let observe = || self.ports.observer.observe(&machine.cell.name, self.now, event);
        if catch_unwind(AssertUnwindSafe(observe)).is_err() {
            tracing::error!(credential = %machine.cell.name, "the observer panicked");
        }
        if let Some(busy) = &mut machine.busy {
            // A full queue loses the event, not the listener.
            busy.listeners.retain_mut(|listener| {
                listener.try_send(event.clone()).err().is_none_or(|e| !e.is_disconnected())
            });
        }
    }

    /// Puts the machine's next deadline on the agenda, unless an earlier entry will come by anyway.
    pub(super) fn rearm(&mut self, slot: Slot, machine: &mut Machine) {
        if let Some(due) = machine.due()
            && machine.armed.is_none_or(|armed| due < armed)
        {
            machine.armed = Some(due);
            self.agenda.push(due, slot, ());
        }
    }

    pub(super) fn has_ended(&self, machine: &Machine) -> bool {
        machine.busy.as_ref().is_some_and(|busy| {
            let drained = busy.end.as_ref().and_then(|e| e.drained.as_ref());
            drained.is_some_and(|(_, give_up)| {
                (busy.ops.is_empty() && !busy.op_running) || *give_up <= self.now.boot
            })
        })
    }

    /// The end of a machine: its callers are told by the drop of their waiters.
    fn bury(&mut self, machine: &mut Machine) {
        machine.cell.published.store(Arc::clone(&self.registry.vacant));
        self.clocks.margin_changed(machine.margin, MarginClass::NONE);
        self.watch.forgotten(&machine.watched);
        let Some(busy) = machine.busy.take() else { return };
        self.waiting = self.waiting.saturating_sub(busy.waiters.len());
        if busy.refreshing {
            self.leave(GateKind::Refreshes);
        }
        let Some(end) = busy.end else { return };
        let lost = end.drained.and_then(|(lost, _)| lost);
        if let (Some(lost), Some(all)) = (&lost, &mut self.shutdown) {
            all.drained.lost.push((machine.cell.name.clone(), lost.clone()));
        }
        for asked in end.asked_by {
            // Whoever asked may have gone.
            let _ = asked.send(lost.clone());
        }
    }
}
