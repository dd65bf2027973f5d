//! An executor that jumps to the next deadline when nothing can run.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use renewd_core::Span;

use super::clock::VirtualClock;
use super::lock;
use crate::ports::Clock;

/// Polls of one task in a row, without time passing, that count as a loop without end.
const POLLS_WITHOUT_TIME_MAX: u64 = 50_000_000;

/// Runs tasks on one thread, in the order in which they were woken. When none can run, the clock jumps to the next
/// deadline. The same tasks always run in the same order.
pub struct VirtualExecutor {
    clock: VirtualClock,
    tasks: Vec<Option<Task>>,
    ready: Arc<Ready>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Arc<TaskWaker>,
}

#[derive(Default)]
struct Ready {
    queue: Mutex<VecDeque<usize>>,
}

struct TaskWaker {
    task: usize,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            lock(&self.ready.queue).push_back(self.task);
        }
    }
}

/// The task number of the future that `run_until` waits for.
const MAIN: usize = usize::MAX;

impl VirtualExecutor {
    /// An executor whose time is this clock.
    pub fn new(clock: &VirtualClock) -> Self {
        Self { clock: clock.clone(), tasks: Vec::new(), ready: Arc::default() }
    }

    /// Adds a task. It runs whenever one of the `run_*` methods does.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        let task = self.tasks.len();
        let waker =
            Arc::new(TaskWaker { task, queued: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        waker.wake_by_ref();
        self.tasks.push(Some(Task { future: Box::pin(future), waker }));
    }

    /// Runs until this future has ended, at most for `limit` of virtual time. None when time is over before it, or
    /// when nothing sleeps and nothing can run.
    pub fn run_until<T>(&mut self, limit: Span, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let main = Arc::new(TaskWaker {
            task: MAIN,
            queued: AtomicBool::new(false),
            ready: Arc::clone(&self.ready),
        });
        main.wake_by_ref();
        let waker = Waker::from(Arc::clone(&main));
        let end = self.clock.now().boot + limit;
        loop {
            let mut polls = 0;
            while let Some(task) = self.next_ready() {
                polls += 1;
                assert!(polls < POLLS_WITHOUT_TIME_MAX, "tasks wake each other without end");
                if task != MAIN {
                    self.poll_task(task);
                    continue;
                }
                main.queued.store(false, Ordering::Release);
                if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Some(value);
                }
            }
            let left = end.since(self.clock.now().boot);
            let step = self.clock.next_due()?;
            if step > left {
                self.clock.advance(left);
                return None;
            }
            self.clock.advance(step);
        }
    }

    /// Lets so much time pass.
    pub fn run_for(&mut self, span: Span) {
        let sleep = self.clock.sleep(span);
        self.run_until(Span::MAX, sleep);
        self.run_ready();
    }

    /// Runs what can run without time passing.
    pub fn run_ready(&mut self) {
        self.run_until(Span::ZERO, std::future::pending::<()>());
    }

    fn next_ready(&self) -> Option<usize> {
        lock(&self.ready.queue).pop_front()
    }

    fn poll_task(&mut self, id: usize) {
        let Some(Some(task)) = self.tasks.get_mut(id) else { return };
        task.waker.queued.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&task.waker));
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
            && let Some(slot) = self.tasks.get_mut(id)
        {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Boot, Now};

    #[test]
    fn time_jumps_from_deadline_to_deadline() {
        let clock = VirtualClock::new(Now::default());
        let mut executor = VirtualExecutor::new(&clock);
        let log = Arc::new(Mutex::new(Vec::new()));
        for (name, seconds) in [("slow", 3600), ("quick", 5)] {
            let (clock, log) = (clock.clone(), Arc::clone(&log));
            executor.spawn(async move {
                clock.sleep(Span::from_secs(seconds)).await;
                lock(&log).push((name, clock.now().boot));
            });
        }
        assert_eq!(executor.run_until(Span::from_mins(1), std::future::pending::<()>()), None);
        assert_eq!(clock.now().boot, Boot::from_millis(60_000));
        executor.run_for(Span::from_hours(2));
        assert_eq!(
            *lock(&log),
            [("quick", Boot::from_millis(5_000)), ("slow", Boot::from_millis(3_600_000))]
        );
    }

    #[test]
    fn a_suspend_holds_a_sleep_up() {
        let clock = VirtualClock::new(Now::default());
        let mut executor = VirtualExecutor::new(&clock);
        let sleep = clock.sleep_until(Boot::from_millis(30_000));
        clock.suspend(Span::from_hours(8));
        assert_eq!(executor.run_until(Span::from_hours(1), sleep), Some(()));
        assert_eq!(clock.now().boot, Boot::from_millis(8 * 3_600_000 + 30_000));
    }
}
