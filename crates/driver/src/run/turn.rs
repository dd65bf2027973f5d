//! One turn of the loop.

use std::task::{Context, Poll};

use futures_util::{FutureExt, StreamExt};
use renewd_core::{Boot, Input};

use super::EventLoop;
use super::sweep::Round;

/// Messages, outcomes and deadlines taken in one turn, of each. Enough to be cheap, few enough that the clocks are read
/// again within a millisecond or so and no source starves the others.
const BATCH: usize = 256;

impl EventLoop {
    /// One turn: takes what has come, a batch of each kind, then sleeps until something comes or is due.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.look_at_clocks();
            let mut more = self.take_messages(cx);
            more |= self.listen(cx);
            more |= self.take_due();
            self.sweep();
            self.look_at_records();
            self.let_in();
            // Last, because a call that was begun in this turn is polled here for the first time.
            more |= self.take_outcomes(cx);
            more |= !self.world.sweep.is_idle() || !self.world.unblocked.is_empty();
            self.tidy_agendas();
            if self.has_finished() {
                return Poll::Ready(());
            }
            if more {
                // Others on this executor have their turn too.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.sleep(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Reads both clocks; a step or a suspend concerns every machine.
    fn look_at_clocks(&mut self) {
        let world = &mut self.world;
        world.now = world.ports.clock.now();
        let wanted = world.sleep.as_ref().map(|(at, _)| *at);
        let noticed = world.clocks.look(world.now, world.ports.clock.awake(), wanted);
        if noticed.stepped {
            // At once for all: until then a caller might get a token that the boot clock says is over.
            for (_, machine) in &self.machines {
                machine.cell.published.load().fold_clocks(world.now);
            }
            world.sweep.begin(Round::Tick);
        }
        if noticed.resumed {
            // The timer was set before the suspend and does not know of it.
            world.sleep = None;
            world.sweep.begin(Round::Resumed);
        }
    }

    fn take_messages(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BATCH {
            if self.unheard {
                return false;
            }
            match self.messages.poll_next_unpin(cx) {
                Poll::Ready(Some(message)) => self.take_in(message),
                Poll::Ready(None) => {
                    self.unheard = true;
                    self.shut_down(None);
                }
                Poll::Pending => return false,
            }
        }
        true
    }

    fn take_outcomes(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BATCH {
            match self.world.calls.poll_next_unpin(cx) {
                Poll::Ready(Some(done)) => self.finish(done),
                Poll::Ready(None) | Poll::Pending => return false,
            }
        }
        true
    }

    fn take_due(&mut self) -> bool {
        let now = self.world.now.boot;
        for _ in 0..BATCH {
            let Some((at, slot, ())) = self.world.agenda.pop_due(now) else { break };
            self.tick(slot, at);
        }
        for _ in 0..BATCH {
            let Some((_, slot, waiter)) = self.world.patience.pop_due(now) else { break };
            self.expire(slot, waiter);
        }
        let next = self.world.agenda.next().into_iter().chain(self.world.patience.next()).min();
        next.is_some_and(|at| at <= now)
    }

    /// An entry of the agenda came up.
    fn tick(&mut self, slot: u32, at: Boot) {
        let Some(machine) = self.machines.get_mut(slot as usize) else { return };
        if machine.armed != Some(at) {
            return;
        }
        machine.armed = None;
        // Perhaps it came up for the end of what is published.
        machine.cell.published.load().fold_clocks(self.world.now);
        if machine.due().is_some_and(|due| due <= self.world.now.boot) {
            self.feed(slot, Input::Tick);
        } else {
            self.after(slot);
        }
    }

    /// Machines whose turn at a gate has come.
    fn let_in(&mut self) {
        for _ in 0..BATCH {
            let Some(next) = self.world.unblocked.pop_front() else { return };
            match self.machines.get_mut(next.slot as usize).filter(|m| m.birth == next.birth) {
                Some(machine) => {
                    self.world.pump(next.slot, machine, Some(next.gate));
                    self.after(next.slot);
                }
                None => self.world.leave(next.gate),
            }
        }
    }

    fn has_finished(&mut self) -> bool {
        if !self.machines.is_empty() || !self.world.sweep.is_idle() {
            return false;
        }
        let Some(end) = &mut self.world.shutdown else { return false };
        for asked in std::mem::take(&mut end.asked_by) {
            let _ = asked.send(end.drained.clone());
        }
        true
    }

    /// Sleeps until the next deadline. Ready when it has come already.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(wake) = self.next_wake() else {
            self.world.sleep = None;
            return Poll::Pending;
        };
        let world = &mut self.world;
        // A timer that comes too early costs one turn; only one that would come too late is set anew.
        if world.sleep.as_ref().is_none_or(|(at, _)| *at > wake) {
            let timer = std::sync::Arc::clone(&world.ports.timer);
            world.sleep = Some((wake, async move { timer.sleep_until(wake).await }.boxed()));
        }
        let Some((_, timer)) = &mut world.sleep else { return Poll::Pending };
        let slept = timer.poll_unpin(cx);
        if slept.is_ready() {
            world.sleep = None;
        }
        slept
    }

    fn next_wake(&self) -> Option<Boot> {
        let world = &self.world;
        let clocks = (!self.machines.is_empty()).then(|| world.now.boot + world.clocks.longest_sleep());
        [world.agenda.next(), world.patience.next(), world.watch.next(), world.listener.next(), clocks]
            .into_iter()
            .flatten()
            .min()
    }
}
