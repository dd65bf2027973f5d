//! Entries that wait for a process to reach a point of the transaction.
//!
//! What must strike at that very instruction (a kill, a disk that fills) is done at once, from inside the port that the
//! process has called; the rest is queued and done when the tasks that can run have run, no time having passed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::life::Life;
use crate::scenario::{On, PointRule};

/// Does what must be done at once; given the entry and the process that reached the point.
type AtOnce = Box<dyn Fn(usize, &Life) + Send>;

/// Clones are the same triggers.
#[derive(Clone, Default)]
pub(super) struct Triggers {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    armed: Vec<Armed>,
    happened: VecDeque<Happened>,
    at_once: Option<AtOnce>,
    waker: Option<Waker>,
}

/// What the world is to hear of at once.
pub(super) enum Happened {
    /// This process set this entry off.
    Fired(usize, Life),
    /// This process has ended in order.
    Ended(Life),
}

struct Armed {
    entry: usize,
    on: On,
    rule: PointRule,
}

impl Triggers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_at_once(&self, act: impl Fn(usize, &Life) + Send + 'static) {
        self.lock().at_once = Some(Box::new(act));
    }

    /// From now on this entry waits for its point.
    pub(super) fn arm(&self, entry: usize, on: On, rule: &PointRule) {
        self.lock().armed.push(Armed { entry, on, rule: rule.clone() });
    }

    /// Nothing waits any more. Gives the points that were not reached.
    pub(super) fn disarm(&self) -> Vec<String> {
        self.lock().armed.drain(..).map(|armed| armed.rule.name).collect()
    }

    /// The process has reached this point. True when it is dead now.
    pub(super) fn reach(&self, life: &Life, point: &str) -> bool {
        if life.is_over() {
            return true;
        }
        let mut state = self.lock();
        let mut struck = Vec::new();
        state.armed.retain_mut(|armed| {
            if armed.rule.name != point || !armed.on.includes(life.number) {
                return true;
            }
            let now = armed.rule.skip == 0;
            armed.rule.skip = armed.rule.skip.saturating_sub(1);
            if now {
                struck.push(armed.entry);
            }
            !now
        });
        for entry in &struck {
            if let Some(act) = &state.at_once {
                act(*entry, life);
            }
            state.happened.push_back(Happened::Fired(*entry, life.clone()));
        }
        let waker = if struck.is_empty() { None } else { state.waker.take() };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        life.is_over()
    }

    /// This process has ended in order.
    pub(super) fn ended(&self, life: &Life) {
        let waker = {
            let mut state = self.lock();
            state.happened.push_back(Happened::Ended(life.clone()));
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends when there is something to hear of.
    pub(super) async fn happened(&self) -> Happened {
        std::future::poll_fn(|cx| {
            let mut state = self.lock();
            match state.happened.pop_front() {
                Some(happened) => Poll::Ready(happened),
                None => {
                    state.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}
