//! One attempt on its way through the queue and a thread, and the table by which [`abort`](Exchange::abort) finds it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_channel::oneshot::Sender;
use renewd_core::{Answer, AttemptId, Failure, FailureKind, TokenRequest};

use crate::attempt::Attempt;
use crate::failure::Ended;
use crate::http::{self, Outgoing};
use crate::settings::Settings;
use crate::workers::Job;

/// Attempts that have not ended. Few, since threads and queue are bounded: a list will do.
#[derive(Default)]
pub(crate) struct Register(Mutex<Vec<Weak<Exchange>>>);

impl Register {
    fn attempts(&self) -> MutexGuard<'_, Vec<Weak<Exchange>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, exchange: &Arc<Exchange>) {
        self.attempts().push(Arc::downgrade(exchange));
    }

    pub(crate) fn find(&self, id: AttemptId) -> Vec<Arc<Exchange>> {
        self.attempts().iter().filter_map(Weak::upgrade).filter(|e| e.id == id).collect()
    }

    fn strike(&self, exchange: &Exchange) {
        self.attempts().retain(|entry| !std::ptr::eq(entry.as_ptr(), exchange));
    }
}

/// One attempt.
pub(crate) struct Exchange {
    id: AttemptId,
    attempt: Arc<Attempt>,
    settings: Arc<Settings>,
    register: Arc<Register>,
    /// The request and who waits for its answer, until somebody takes them to see to it.
    open: Mutex<Option<Open>>,
}

struct Open {
    request: TokenRequest,
    answer: Sender<Answer>,
}

impl Exchange {
    pub(crate) fn new(
        id: AttemptId,
        attempt: Attempt,
        request: TokenRequest,
        answer: Sender<Answer>,
        settings: Arc<Settings>,
        register: Arc<Register>,
    ) -> Self {
        Self {
            id,
            attempt: Arc::new(attempt),
            settings,
            register,
            open: Mutex::new(Some(Open { request, answer })),
        }
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it: at once where it waits for a thread, else by closing its socket.
    pub(crate) fn abort(&self) {
        self.attempt.abort();
        let waiting = self.open().take();
        if let Some(open) = waiting {
            self.finish(
                open.answer,
                self.failed(Ended::new(FailureKind::Aborted, "aborted before its turn came")),
            );
        }
    }

    /// Ends it because there is no room for it.
    pub(crate) fn refuse(&self, why: &str) {
        let waiting = self.open().take();
        if let Some(open) = waiting {
            self.finish(open.answer, self.failed(Ended::new(FailureKind::Overloaded, why)));
        }
    }

    fn failed(&self, ended: Ended) -> Answer {
        Answer::Failed(Failure {
            kind: ended.kind,
            sent: self.attempt.sent(),
            closed: self.attempt.closed(),
            message: ended.message,
        })
    }

    fn finish(&self, to: Sender<Answer>, answer: Answer) {
        self.register.strike(self);
        // The caller may have dropped its future: the request was detached from it, and its answer goes nowhere.
        let _nobody_waits = to.send(answer);
    }
}

impl Job for Exchange {
    fn run(&self) {
        let Some(Open { request, answer }) = self.open().take() else { return };
        // The library below has assertions; one that fails must cost this attempt and not this thread.
        let result = catch_unwind(AssertUnwindSafe(|| {
            http::exchange(&self.attempt, &self.settings, &Outgoing::token_request(&request)?)
        }));
        drop(request);
        let result = match result {
            Ok(Ok(response)) => Answer::Response(response),
            Ok(Err(ended)) => self.failed(ended),
            Err(_) => {
                self.failed(Ended::new(FailureKind::Other, "the HTTP library failed an assertion of its own"))
            }
        };
        self.finish(answer, result);
    }

    fn is_answered(&self) -> bool {
        self.open().is_none()
    }

    fn is_overdue(&self) -> bool {
        self.attempt.left().is_err()
    }

    fn give_up(&self) {
        self.refuse("its whole time passed while it waited for a thread");
    }
}
