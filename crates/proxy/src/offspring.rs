//! The tasks that an HTTP/2 connection begins: one for itself, some for each stream.
//!
//! They must not outlive it. A connection that is closed (its client is gone, the login is over, the proxy stops) takes
//! with it whatever it was still doing.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use tokio::task::JoinSet;

/// Begins tasks for as long as the [`Brood`] lives.
#[derive(Clone)]
pub(crate) struct Offspring(Arc<Mutex<Option<JoinSet<()>>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Offspring {
    fn execute(&self, task: F) {
        if let Some(tasks) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // Those that have ended are forgotten here: a connection may serve for weeks.
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }
    }
}

/// Owns the tasks; dropping it ends them.
pub(crate) struct Brood(Offspring);

impl Brood {
    pub(crate) fn new() -> Self {
        Self(Offspring(Arc::new(Mutex::new(Some(JoinSet::new())))))
    }

    pub(crate) fn executor(&self) -> Offspring {
        self.0.clone()
    }
}

impl Drop for Brood {
    fn drop(&mut self) {
        // Taken out first: a task that is dropped here may want to begin another.
        let tasks = self.0.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(tasks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_end_with_their_owner_and_none_begins_after_it() {
        let brood = Brood::new();
        let executor = brood.executor();
        let (held, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        let again = held.clone();
        executor.execute(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(brood);
        executor.execute(async move {
            let _ = again.send(()).await;
        });
        assert_eq!(gone.recv().await, None, "both are dropped, and neither said anything");
    }
}
