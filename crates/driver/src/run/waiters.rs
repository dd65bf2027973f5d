//! Callers that wait, and what each gets.

use std::sync::Arc;

use renewd_core::{AccessKey, Cause, Input, Loaded, Phase, Serve, Span, Status, View};

use crate::error::{NoToken, TokenError};
use crate::keeper::Rejection;
use crate::message::{Waiter, Want};
use crate::snapshot::{Lease, Snapshot};

use super::feed::News;
use super::machine::Machine;
use super::ops::Op;
use super::{EventLoop, Slot, World};

type Answer = Result<Rejection, TokenError>;

impl EventLoop {
    /// A caller comes.
    pub(super) fn admit(&mut self, slot: Slot, waiter: Waiter) {
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        if machine.is_ending() {
            // Its reply is dropped with it, which says `Stopped`.
            return;
        }
        if !machine.loaded {
            self.world.enqueue(slot, machine, waiter);
            return;
        }
        let Some(waiter) = self.known_complaint(slot, waiter) else { return };
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        let input = match (waiter.want, &waiter.key) {
            (Want::Token { min_validity }, None) => Input::Demand { min_validity },
            (Want::Token { min_validity }, Some(key)) => Input::DemandFor { key: key.clone(), min_validity },
            (Want::Newer { epoch, generation }, _) => Input::Rejected { epoch, generation },
            (Want::Attempt, _) => Input::Refresh,
        };
        let mut news = self.world.feed(slot, machine, input);
        if let (Want::Newer { .. }, Some(key), false) = (waiter.want, &waiter.key, news.passed) {
            // What was refused may be kept no more: then there is nothing newer unless somebody wants it.
            let input = Input::DemandFor { key: key.clone(), min_validity: Span::ZERO };
            news = news.and(self.world.feed(slot, machine, input));
        }
        if news.passed && matches!(waiter.want, Want::Newer { .. }) {
            let _ = waiter.reply.send(Ok(Rejection::Passed));
            self.world.answer_waiters(machine, News { passed: false, ..news });
        } else {
            self.world.queue(slot, machine, waiter, news);
        }
        self.after(slot);
    }

    /// The first load has ended: who came before it comes now.
    pub(super) fn admit_early_callers(&mut self, slot: Slot, loaded: Loaded) {
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        machine.loaded = true;
        let early = machine.busy.as_mut().map(|b| std::mem::take(&mut b.waiters)).unwrap_or_default();
        self.world.waiting = self.world.waiting.saturating_sub(early.len());
        self.feed(slot, Input::Loaded(loaded));
        for waiter in early {
            self.admit(slot, waiter);
        }
    }

    /// A caller went away.
    pub(super) fn forget(&mut self, slot: Slot, id: u64) {
        if let Some(machine) = self.machines.get_mut(slot as usize)
            && let Some(busy) = &mut machine.busy
            && let Some(i) = busy.waiters.iter().position(|w| w.id == id)
        {
            busy.waiters.swap_remove(i);
            self.world.waiting = self.world.waiting.saturating_sub(1);
            machine.rest();
        }
    }

    /// A caller's time is over: it gets what there is, or the truth.
    pub(super) fn expire(&mut self, slot: Slot, id: u64) {
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        let Some(busy) = &mut machine.busy else { return };
        let Some(i) = busy.waiters.iter().position(|w| w.id == id) else { return };
        let waiter = busy.waiters.swap_remove(i);
        self.world.waiting = self.world.waiting.saturating_sub(1);
        let answer = self.world.last_answer(machine, &waiter);
        let _ = waiter.reply.send(answer);
        machine.rest();
    }

    /// Drops dead entries when they are the greater half.
    pub(super) fn tidy_agendas(&mut self) {
        let Self { machines, world, .. } = self;
        if world.agenda.crowded(machines.len()) {
            world
                .agenda
                .retain(|at, slot, ()| machines.get(slot as usize).is_some_and(|m| m.armed == Some(at)));
        }
        if world.patience.crowded(world.waiting) {
            world.patience.retain(|_, slot, id| {
                let busy = machines.get(slot as usize).and_then(|m| m.busy.as_ref());
                busy.is_some_and(|b| b.waiters.iter().any(|w| w.id == id))
            });
        }
    }
}

impl World {
    /// Answers a new caller at once if that can be done, else lets it wait.
    fn queue(&mut self, slot: Slot, machine: &mut Machine, waiter: Waiter, news: News) {
        if news.any {
            // What this caller set going may concern those who waited before.
            self.answer_waiters(machine, news);
        }
        match self.answer(machine, &waiter, news) {
            Some(answer) => {
                let _ = waiter.reply.send(answer);
            }
            None => self.enqueue(slot, machine, waiter),
        }
    }

    pub(super) fn enqueue(&mut self, slot: Slot, machine: &mut Machine, waiter: Waiter) {
        self.patience.push(waiter.deadline, slot, waiter.id);
        self.waiting += 1;
        machine.busy().waiters.push(waiter);
        self.hurry(slot, machine);
    }

    /// Something happened to a machine: answers every caller that can be answered now.
    pub(super) fn answer_waiters(&mut self, machine: &mut Machine, news: News) {
        if !machine.has_waiters() {
            return;
        }
        let mut waiters = std::mem::take(&mut machine.busy().waiters);
        let mut i = 0;
        while let Some(waiter) = waiters.get(i) {
            match self.answer(machine, waiter, news) {
                None => i += 1,
                Some(answer) => {
                    let waiter = waiters.swap_remove(i);
                    self.waiting = self.waiting.saturating_sub(1);
                    let _ = waiter.reply.send(answer);
                }
            }
        }
        machine.busy().waiters = waiters;
    }

    /// What a caller gets now; none: it waits on.
    fn answer(&self, machine: &Machine, waiter: &Waiter, news: News) -> Option<Answer> {
        // Where the store cannot say whether there was such a token, that may be the answer.
        if waiter.unseen && machine.lifecycle.view(self.now).store_fault.is_none() {
            return None;
        }
        let key = waiter.key.as_ref();
        match waiter.want {
            Want::Token { min_validity } => self.serve(machine, key, min_validity, None),
            Want::Newer { epoch, generation } => {
                self.serve(machine, key, Span::ZERO, Some((epoch, generation)))
            }
            Want::Attempt => self.attempt_outcome(machine, news),
        }
    }

    fn serve(
        &self,
        machine: &Machine,
        key: Option<&AccessKey>,
        min_validity: Span,
        newer_than: Option<(u64, u64)>,
    ) -> Option<Answer> {
        let served = match key {
            Some(key) => machine.lifecycle.serve_for(key, self.now, min_validity),
            None => machine.lifecycle.serve(self.now, min_validity),
        };
        match served {
            Serve::Token { access, epoch, generation, short, .. } => {
                if newer_than.is_some_and(|refused| (epoch, generation) <= refused) {
                    return None;
                }
                let published = machine.cell.published.load_full();
                let same = !published.is_vacant() && published.version() == (epoch, generation);
                let snapshot = if same {
                    published
                } else {
                    let proof_key = machine.lifecycle.record().and_then(|r| r.proof_key(access).cloned());
                    Arc::new(Snapshot::served(access.clone(), (epoch, generation), proof_key))
                };
                Some(Ok(Rejection::Renewed(Lease::shortened(snapshot, short))))
            }
            Serve::Wait => None,
            Serve::Unavailable(why) => {
                let store_fails = why.cause == Some(Cause::StoreUnavailable);
                let fault = if store_fails { machine.lifecycle.view(self.now).store_fault } else { None };
                let state = NoToken::from_unavailable(machine.cell.name.clone(), why, self.now);
                Some(Err(refusal(Box::new(state.wanted_for(key)), fault)))
            }
        }
    }

    /// What a person's refresh came to; none while it goes on.
    fn attempt_outcome(&self, machine: &Machine, news: News) -> Option<Answer> {
        if news.attempt == Some(true)
            && let Some(answer @ Ok(_)) = self.serve(machine, None, Span::ZERO, None)
        {
            return Some(answer);
        }
        let view = machine.lifecycle.view(self.now);
        if news.attempt.is_none() && under_way(&view, machine) {
            return None;
        }
        Some(Err(self.truth(machine, view)))
    }

    /// The answer to a caller whose time is over.
    fn last_answer(&self, machine: &Machine, waiter: &Waiter) -> Answer {
        let min_validity = match waiter.want {
            Want::Token { min_validity } => min_validity,
            Want::Newer { .. } | Want::Attempt => return Err(self.timeout(machine, waiter)),
        };
        // A valid token that lives shorter than asked is better than none.
        if let Some(key) = &waiter.key {
            return match machine.lifecycle.held_for(key, self.now) {
                Some(Serve::Token { access, epoch, generation, remaining, .. }) => {
                    let proof_key = machine.lifecycle.record().and_then(|r| r.proof_key(access).cloned());
                    let snapshot = Snapshot::served(access.clone(), (epoch, generation), proof_key);
                    Ok(Rejection::Renewed(Lease::shortened(Arc::new(snapshot), remaining < min_validity)))
                }
                _ => Err(self.timeout(machine, waiter)),
            };
        }
        if let Some(Ok(Rejection::Renewed(lease))) = self.serve(machine, None, Span::ZERO, None) {
            let short = lease.remaining(self.now, self.boot_id) < min_validity;
            return Ok(Rejection::Renewed(Lease::shortened(lease.into_snapshot(), short)));
        }
        let published = machine.cell.published.load_full();
        let left = published.remaining(self.now, self.boot_id);
        if left.is_zero() || !machine.lifecycle.view(self.now).token_valid {
            return Err(self.timeout(machine, waiter));
        }
        Ok(Rejection::Renewed(Lease::shortened(published, left < min_validity)))
    }

    fn timeout(&self, machine: &Machine, waiter: &Waiter) -> TokenError {
        let view = machine.lifecycle.view(self.now);
        let state = NoToken::from_view(machine.cell.name.clone(), &view, self.now);
        let state = Box::new(state.wanted_for(waiter.key.as_ref()));
        TokenError::Timeout { waited: self.now.boot.since(waiter.begun), state }
    }

    fn truth(&self, machine: &Machine, view: View) -> TokenError {
        let state = Box::new(NoToken::from_view(machine.cell.name.clone(), &view, self.now));
        refusal(state, view.store_fault)
    }
}

fn refusal(state: Box<NoToken>, fault: Option<renewd_core::StoreFault>) -> TokenError {
    match fault {
        _ if state.status == Status::Stopped => TokenError::Stopped,
        Some(fault) => TokenError::Store { fault, state },
        None => TokenError::Unavailable(state),
    }
}

/// Whether an attempt, or what must come before one, goes on.
fn under_way(view: &View, machine: &Machine) -> bool {
    match view.phase {
        Phase::Claiming | Phase::Marking | Phase::Exchanging | Phase::Committing | Phase::Settling => true,
        Phase::Absent
        | Phase::Fresh
        | Phase::Backoff
        | Phase::AuthRetrying
        | Phase::Unsaved
        | Phase::Unauthenticated
        | Phase::Stopped => machine.busy.as_ref().is_some_and(|b| {
            // A claim that is about to be given back decides nothing any more.
            b.op_running || b.ops.iter().any(|op| !matches!(op, Op::Release))
        }),
    }
}
