//! Threads on which calls are made that may hang.
//!
//! A keyring answers in a millisecond, or asks a person first. An event loop waits for neither: the calls of one
//! credential stand in one lane and are made one after the other, in their order; a lane has a thread while there is
//! something to do. What was begun is ended, whoever still waits for it: a write is not cancelled half-way.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use renewd_driver::CredentialName;

/// Lanes for credentials. One that waits for another process's lock holds up a quarter of the others; the keyring
/// behind them makes one call at a time in any case.
const LANES: usize = 4;

/// Calls that may wait in a lane. A loop has a handful under way for each credential; of more than these none would
/// have its turn within a keyring's deadline.
const QUEUE_MAX: usize = 1024;

/// How long a thread without work waits for some before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// A call, and what is to be done with its outcome.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// All lanes. Dropped, they take no more calls; those that wait are still made.
pub(super) struct Lanes {
    lanes: [Arc<Lane>; LANES],
    /// For calls that are about no credential, or about all.
    common: Arc<Lane>,
}

#[derive(Default)]
struct Lane {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// A thread serves the lane.
    served: bool,
    closed: bool,
}

impl Default for Lanes {
    fn default() -> Self {
        Self { lanes: std::array::from_fn(|_| Arc::default()), common: Arc::default() }
    }
}

impl Lanes {
    /// Makes a call when its turn comes.
    ///
    /// # Errors
    /// Why it will not be made: the lane is full, or the system gives no thread.
    pub(super) fn submit(&self, name: Option<&CredentialName>, job: Job) -> Result<(), String> {
        let lane = name.and_then(|name| self.lanes.get(number(name) % LANES)).unwrap_or(&self.common);
        let mut state = lane.lock();
        if state.queue.len() >= QUEUE_MAX {
            return Err(format!("{QUEUE_MAX} calls to it wait already"));
        }
        if !state.served {
            let served = Arc::clone(lane);
            std::thread::Builder::new()
                .name("renewd-keyring-store".into())
                .spawn(move || served.serve())
                .map_err(|error| format!("the system refused a thread: {error}"))?;
            state.served = true;
        }
        state.queue.push_back(job);
        drop(state);
        lane.work.notify_one();
        Ok(())
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for lane in self.lanes.iter().chain([&self.common]) {
            lane.lock().closed = true;
            lane.work.notify_one();
        }
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each holder makes one change: a panic cannot leave it half made.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
            // Whoever waits for a call that panicked sees that its answer never comes; the lane goes on.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a call of the keyring store panicked");
            }
        }
    }

    /// The next call; none after a while without any, or when nobody can make one any more. The thread then ends.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if state.closed {
                state.served = false;
                return None;
            }
            let (back, wait) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = back;
            if wait.timed_out() && state.queue.is_empty() {
                state.served = false;
                return None;
            }
        }
    }
}

/// Spreads names over lanes: FNV-1a; nobody chooses its input to do harm but the user himself.
fn number(name: &CredentialName) -> usize {
    let hash = name
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    usize::try_from(hash).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn name(text: &str) -> CredentialName {
        text.parse().unwrap()
    }

    #[test]
    fn calls_of_one_credential_keep_their_order_and_a_panic_ends_no_lane() {
        let lanes = Lanes::default();
        let (tell, told) = mpsc::channel();
        for n in 0..100 {
            let tell = tell.clone();
            let job: Job = Box::new(move || {
                assert!(n % 10 != 3, "on purpose");
                tell.send(n).unwrap();
            });
            lanes.submit(Some(&name("x")), job).unwrap();
        }
        drop((tell, lanes));
        let made: Vec<_> = told.iter().collect();
        assert_eq!(made, (0..100).filter(|n| n % 10 != 3).collect::<Vec<_>>());
    }

    #[test]
    fn a_call_that_hangs_fills_its_lane_and_no_other_and_a_full_lane_says_so() {
        let lanes = Lanes::default();
        let (go, gone) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let hang: Job = Box::new(move || {
            begin.send(()).unwrap();
            let _ = gone.recv();
        });
        lanes.submit(Some(&name("x")), hang).unwrap();
        begun.recv_timeout(PATIENCE).unwrap();
        let (tell, told) = mpsc::channel();
        for n in 0..QUEUE_MAX {
            let tell = tell.clone();
            lanes.submit(Some(&name("x")), Box::new(move || tell.send(n).unwrap())).unwrap();
        }
        let full = lanes.submit(Some(&name("x")), Box::new(|| ())).unwrap_err();
        assert!(full.contains("1024 calls"), "{full}");
        // Another lane goes on: of these names some stand elsewhere.
        let (tell_other, told_other) = mpsc::channel();
        let elsewhere = ["a", "b", "c", "d", "e"].map(name);
        let other =
            elsewhere.iter().find(|other| number(other) % LANES != number(&name("x")) % LANES).unwrap();
        for at in [Some(other), None] {
            let tell = tell_other.clone();
            lanes.submit(at, Box::new(move || tell.send(()).unwrap())).unwrap();
            told_other.recv_timeout(PATIENCE).unwrap();
        }
        assert!(told.try_recv().is_err(), "the lane of the one that hangs waits");
        go.send(()).unwrap();
        for n in 0..QUEUE_MAX {
            assert_eq!(told.recv_timeout(PATIENCE).unwrap(), n);
        }
    }
}
