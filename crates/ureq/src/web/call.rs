//! One request on its way through the queue and a thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot::Sender;
use renewd_core::{Answer, Failure, FailureKind};
use renewd_driver::{Clock, WebAnswer, WebRequest};

use crate::attempt::Attempt;
use crate::failure::Ended;
use crate::http::{self, Outgoing};
use crate::settings::Settings;
use crate::workers::Job;

/// One request.
pub(super) struct Call {
    attempt: Arc<Attempt>,
    settings: Arc<Settings>,
    /// The request and who waits for its answer, until somebody takes them to see to it.
    open: Mutex<Option<(WebRequest, Sender<WebAnswer>)>>,
}

impl Call {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        request: WebRequest,
        answer: Sender<WebAnswer>,
        settings: Arc<Settings>,
    ) -> Self {
        let attempt = Attempt::within(clock, request.timeout, request.connect_timeout, request.reach);
        Self { attempt: Arc::new(attempt), settings, open: Mutex::new(Some((request, answer))) }
    }

    fn open(&self) -> MutexGuard<'_, Option<(WebRequest, Sender<WebAnswer>)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it; whether it was still waiting for a thread.
    pub(super) fn abort(&self) -> bool {
        self.attempt.abort();
        self.open().take().is_some()
    }

    /// Ends it because there is no room for it.
    pub(super) fn refuse(&self, why: &str) {
        let waiting = self.open().take();
        if let Some((_, answer)) = waiting {
            self.finish(answer, self.failed(Ended::new(FailureKind::Overloaded, why)));
        }
    }

    fn finish(&self, to: Sender<WebAnswer>, answer: Answer) {
        let _nobody_waits = to.send(WebAnswer {
            answer,
            peer: self.attempt.peer(),
            out_of_reach: self.attempt.is_out_of_reach(),
        });
    }

    fn failed(&self, ended: Ended) -> Answer {
        Answer::Failed(Failure {
            kind: ended.kind,
            sent: self.attempt.sent(),
            closed: self.attempt.closed(),
            message: ended.message,
        })
    }
}

impl Job for Call {
    fn run(&self) {
        let Some((request, answer)) = self.open().take() else { return };
        // As with token requests: an assertion of the library's must not cost the thread.
        let result = catch_unwind(AssertUnwindSafe(|| {
            http::exchange(&self.attempt, &self.settings, &Outgoing::web_request(&request))
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
