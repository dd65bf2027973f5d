//! The life of one process: whether its code runs, stands still, or will never run again.
//!
//! Everything that is a process's own is a task inside of [`Life::keep`]. A kill may come in the middle of a poll, from
//! a port that the process has called: from then on its ports do nothing, and the task is dropped when the poll ends.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use renewd_core::Boot;
use renewd_store::testing::SimProcess;

use super::machine::Machine;

/// Clones are the same life.
#[derive(Clone)]
pub(super) struct Life {
    state: Arc<Mutex<State>>,
    machine: Machine,
    /// Which process of the scenario, from 1.
    pub(super) number: u32,
    /// Which of all that ever ran, from 1.
    pub(super) id: u64,
}

struct State {
    run: Run,
    wakers: Vec<Option<Waker>>,
    /// When it last stood still, or the machine slept, by true time.
    stood_still: Option<Boot>,
    /// What it is to the disk.
    on_disk: Option<SimProcess>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Runs,
    Paused,
    Over,
}

impl Life {
    pub(super) fn new(machine: &Machine, number: u32, id: u64) -> Self {
        let state = State { run: Run::Runs, wakers: Vec::new(), stood_still: None, on_disk: None };
        Self { state: Arc::new(Mutex::new(state)), machine: machine.clone(), number, id }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().run == Run::Over
    }

    /// Whether its code runs just now.
    pub(super) fn runs(&self) -> bool {
        self.lock().run == Run::Runs && !self.machine.is_asleep()
    }

    /// Whether it stood still at some time since then.
    pub(super) fn stood_still_since(&self, then: Boot) -> bool {
        self.lock().stood_still.is_some_and(|at| at >= then)
    }

    /// It uses the disk as this: that ends with it.
    pub(super) fn holds(&self, process: &SimProcess) {
        self.lock().on_disk = Some(process.clone());
    }

    /// No code of it runs any more. Its locks are free before anything that it holds is dropped.
    pub(super) fn end(&self) {
        let on_disk = {
            let mut state = self.lock();
            state.run = Run::Over;
            state.on_disk.take()
        };
        if let Some(process) = on_disk {
            process.kill();
        }
        self.wake();
    }

    pub(super) fn pause(&self) {
        let mut state = self.lock();
        if state.run == Run::Runs {
            state.run = Run::Paused;
        }
    }

    pub(super) fn resume(&self) {
        {
            let mut state = self.lock();
            if state.run == Run::Paused {
                state.run = Run::Runs;
            }
        }
        self.wake();
    }

    /// Its tasks look anew whether they may run.
    pub(super) fn wake(&self) {
        let mut state = self.lock();
        state.stood_still = Some(self.machine.true_time());
        let wakers: Vec<_> = state.wakers.iter_mut().filter_map(Option::take).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A task of this process.
    pub(super) fn keep<F: Future<Output = ()>>(&self, task: F) -> Kept<F> {
        let mut state = self.lock();
        state.wakers.push(None);
        let place = state.wakers.len() - 1;
        drop(state);
        Kept { life: self.clone(), place, task: Some(Box::pin(task)) }
    }
}

/// See [`Life::keep`].
pub(super) struct Kept<F> {
    life: Life,
    place: usize,
    task: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = ()>> Future for Kept<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !this.life.is_over() && this.life.runs() {
            let ended = this.task.as_mut().is_none_or(|task| task.as_mut().poll(cx).is_ready());
            if ended {
                this.task = None;
            }
        }
        if this.task.is_none() || this.life.is_over() {
            this.task = None;
            this.life.lock().wakers[this.place] = None;
            return Poll::Ready(());
        }
        this.life.lock().wakers[this.place] = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Now, Span};
    use renewd_driver::testing::{VirtualClock, VirtualExecutor};
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_paused_process_goes_on_where_it_stood_and_a_dead_one_never() {
        let truth = VirtualClock::new(Now::default());
        let mut executor = VirtualExecutor::new(&truth);
        let machine = Machine::new(&truth);
        let life = Life::new(&machine, 1, 1);
        let count = Arc::new(AtomicU32::new(0));
        let (counts, clock) = (Arc::clone(&count), truth.clone());
        executor.spawn(life.keep(async move {
            loop {
                clock.sleep(Span::from_secs(1)).await;
                counts.fetch_add(1, Ordering::Relaxed);
            }
        }));
        executor.run_for(Span::from_millis(2_500));
        assert_eq!(count.load(Ordering::Relaxed), 2);
        life.pause();
        executor.run_for(Span::from_secs(100));
        assert_eq!(count.load(Ordering::Relaxed), 2);
        life.resume();
        executor.run_for(Span::from_millis(500));
        assert_eq!(count.load(Ordering::Relaxed), 3, "the sleep that ended meanwhile ends now");
        life.end();
        executor.run_for(Span::from_secs(100));
        assert_eq!(
            (count.load(Ordering::Relaxed), Arc::strong_count(&count)),
            (3, 1),
            "what it held is dropped"
        );
    }
}
