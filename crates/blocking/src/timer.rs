//! The timer port on a thread of its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{io, thread};

use async_trait::async_trait;
use renewd_core::{Boot, Span};
use renewd_driver::{Clock, Timer};

/// A condition variable's clock stops during suspend. So the thread never waits longer than this before it asks the
/// boot clock again: a resume is noticed half a minute later at most.
const WAIT_MAX: Span = Span::from_secs(30);

/// Wakes sleepers from one thread, by the boot clock. The thread ends when the timer is dropped.
pub struct ThreadTimer {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    sleeps: Mutex<Sleeps>,
    changed: Condvar,
}

#[derive(Default)]
struct Sleeps {
    by_time: BTreeMap<(Boot, u64), Waker>,
    next: u64,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Sleeps> {
        // Each holder makes one change to the map: a panic cannot leave it half made.
        self.sleeps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: wakes what is due, waits for what is next.
    fn run(&self) {
        let mut sleeps = self.lock();
        while !sleeps.closed {
            let now = self.clock.now().boot;
            let mut due = Vec::new();
            while let Some(first) = sleeps.by_time.first_entry() {
                if first.key().0 > now {
                    break;
                }
                due.push(first.remove());
            }
            if !due.is_empty() {
                // A waker may poll at once, and the poll wants the lock.
                drop(sleeps);
                due.into_iter().for_each(Waker::wake);
                sleeps = self.lock();
                continue;
            }
            let wait = match sleeps.by_time.first_key_value() {
                // Nobody sleeps: nothing to be late for.
                None => {
                    sleeps = self.changed.wait(sleeps).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                Some(((at, _), _)) => Duration::from(at.since(now).min(WAIT_MAX)),
            };
            sleeps = self.changed.wait_timeout(sleeps, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl ThreadTimer {
    /// A timer for this clock, with its thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(clock: Arc<dyn Clock>) -> io::Result<Self> {
        let shared = Arc::new(Shared { clock, sleeps: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("renewd-timer".into()).spawn(move || theirs.run())?;
        Ok(Self { shared })
    }
}

impl Drop for ThreadTimer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

#[async_trait]
impl Timer for ThreadTimer {
    async fn sleep_until(&self, at: Boot) {
        Sleep { shared: &self.shared, at, id: None }.await;
    }
}

struct Sleep<'a> {
    shared: &'a Shared,
    at: Boot,
    id: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.shared.clock.now().boot >= this.at {
            return Poll::Ready(());
        }
        let mut sleeps = this.shared.lock();
        let id = match this.id {
            Some(id) => id,
            None => {
                sleeps.next += 1;
                *this.id.insert(sleeps.next)
            }
        };
        let earliest = sleeps.by_time.first_key_value().is_none_or(|((first, _), _)| this.at < *first);
        sleeps.by_time.insert((this.at, id), cx.waker().clone());
        if earliest {
            this.shared.changed.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.lock().by_time.remove(&(self.at, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_on;
    use renewd_driver::system::SystemClock;

    #[test]
    fn sleepers_of_several_threads_all_wake_and_never_before_their_time() {
        let timer = Arc::new(ThreadTimer::new(Arc::new(SystemClock)).unwrap());
        let start = SystemClock.now().boot;
        let threads: Vec<_> = [120u64, 40, 80]
            .map(|millis| {
                let timer = Arc::clone(&timer);
                let at = start + Span::from_millis(millis);
                thread::spawn(move || {
                    block_on(timer.sleep_until(at));
                    SystemClock.now().boot >= at
                })
            })
            .into();
        for t in threads {
            assert!(t.join().unwrap());
        }
    }

    #[test]
    fn a_sleep_that_is_dropped_leaves_nothing_behind() {
        let timer = ThreadTimer::new(Arc::new(SystemClock)).unwrap();
        let far = SystemClock.now().boot + Span::from_hours(1);
        {
            let mut sleep = std::pin::pin!(timer.sleep_until(far));
            let waker = Waker::noop();
            assert!(sleep.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
            assert_eq!(timer.shared.lock().by_time.len(), 1);
        }
        assert_eq!(timer.shared.lock().by_time.len(), 0);
    }
}
