//! The threads that requests run on.
//!
//! A token request blocks for up to its time-out, so it gets a thread; how many there are, and how many requests may
//! wait for one, is bounded. Threads start when they are needed and end when they are not.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::attempt::TICK;

/// Requests in flight at most. With all of them hanging for 30 s, still one every two seconds gets its turn.
const THREADS_MAX: usize = 16;
/// Requests waiting for a thread at most: more would only wait past their time-out.
const QUEUE_MAX: usize = 256;
/// How long an idle thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// A bounded set of threads, to be shared by all endpoints of a process. Cloning shares.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

struct Shared {
    threads_max: usize,
    queue_max: usize,
    state: Mutex<State>,
    work: Condvar,
    /// Never notified; the usher's pause.
    pause: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<dyn Job>>,
    threads: usize,
    idle: usize,
    usher: bool,
}

/// A piece of work that may have to wait.
pub(crate) trait Job: Send + Sync + 'static {
    /// Does it. Does nothing when it was answered already.
    fn run(&self);
    /// Whether it need not run any more.
    fn is_answered(&self) -> bool;
    /// Whether it has waited for too long.
    fn is_overdue(&self) -> bool;
    /// Answers it without doing it.
    fn give_up(&self);
}

impl Default for Workers {
    /// 16 threads, 256 places in the queue.
    fn default() -> Self {
        Self::new(THREADS_MAX, QUEUE_MAX)
    }
}

impl Workers {
    /// At most `threads_max` requests in flight (at least one), at most `queue_max` waiting. A request beyond that
    /// fails at once as [`Overloaded`](renewd_core::FailureKind::Overloaded), without a byte sent.
    pub fn new(threads_max: usize, queue_max: usize) -> Self {
        Self(Arc::new(Shared {
            threads_max: threads_max.max(1),
            queue_max,
            state: Mutex::default(),
            work: Condvar::new(),
            pause: Condvar::new(),
        }))
    }

    /// Threads alive now.
    pub fn threads(&self) -> usize {
        self.0.state().threads
    }

    /// Requests waiting for a thread now.
    pub fn waiting(&self) -> usize {
        let state = self.0.state();
        state.queue.len().saturating_sub(state.idle)
    }

    /// Gives a job to a thread or to the queue.
    ///
    /// # Errors
    /// A sentence saying why there is no room. The job is then not kept.
    pub(crate) fn submit(&self, job: Arc<dyn Job>) -> Result<(), String> {
        let mut state = self.0.state();
        if state.idle > state.queue.len() {
            state.queue.push_back(job);
            self.0.work.notify_one();
            return Ok(());
        }
        if state.threads < self.0.threads_max {
            self.start(&mut state)?;
            state.queue.push_back(job);
            return Ok(());
        }
        if state.queue.len().saturating_sub(state.idle) >= self.0.queue_max {
            return Err(format!(
                "{} requests are in flight and {} wait",
                self.0.threads_max, self.0.queue_max
            ));
        }
        state.queue.push_back(job);
        self.usher(&mut state);
        Ok(())
    }

    /// Frees the places of jobs that were answered while they waited.
    pub(crate) fn sweep(&self) {
        self.0.state().queue.retain(|job| !job.is_answered());
    }

    fn start(&self, state: &mut State) -> Result<(), String> {
        let shared = Arc::clone(&self.0);
        std::thread::Builder::new()
            .name("renewd-ureq".into())
            .spawn(move || shared.serve())
            .map_err(|e| format!("the system refused a thread: {e}"))?;
        state.threads += 1;
        Ok(())
    }

    /// Sees to it that a job does not wait past its time while every thread hangs.
    fn usher(&self, state: &mut State) {
        if state.usher {
            return;
        }
        let shared = Arc::clone(&self.0);
        // Without a thread for it overdue jobs are answered when their turn comes: later, but answered.
        state.usher =
            std::thread::Builder::new().name("renewd-ureq-usher".into()).spawn(move || shared.ush()).is_ok();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
            job.run();
        }
    }

    /// The next job; none after a while without any: the thread then no longer counts and must end.
    fn next(&self) -> Option<Arc<dyn Job>> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let (back, wait) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if wait.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }

    fn ush(&self) {
        let mut state = self.state();
        while !state.queue.is_empty() {
            let (overdue, waiting) = state.queue.drain(..).partition(|job| job.is_overdue());
            state.queue = waiting;
            drop(state);
            let overdue: VecDeque<Arc<dyn Job>> = overdue;
            overdue.iter().for_each(|job| job.give_up());
            let (back, _) =
                self.pause.wait_timeout(self.state(), TICK).unwrap_or_else(PoisonError::into_inner);
            state = back;
        }
        state.usher = false;
    }
}
