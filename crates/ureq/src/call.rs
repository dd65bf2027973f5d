//! One request on its way through the queue and a thread, whichever port it came by.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot::Sender;
use renewd_core::{Answer, Failure, FailureKind, TokenRequest};
use renewd_driver::{WebAnswer, WebRequest};

use crate::attempt::Attempt;
use crate::failure::Ended;
use crate::http::{self, Outgoing};
use crate::settings::Settings;
use crate::workers::Job;

/// What a port is asked.
pub(crate) trait Question: Send + 'static {
    /// What it answers.
    type Reply: Send + 'static;

    fn outgoing(&self) -> Result<Outgoing<'_>, Ended>;

    fn reply(attempt: &Attempt, answer: Answer) -> Self::Reply;
}

impl Question for TokenRequest {
    type Reply = Answer;

    fn outgoing(&self) -> Result<Outgoing<'_>, Ended> {
        Outgoing::token_request(self)
    }

    fn reply(_: &Attempt, answer: Answer) -> Answer {
        answer
    }
}

impl Question for WebRequest {
    type Reply = WebAnswer;

    fn outgoing(&self) -> Result<Outgoing<'_>, Ended> {
        Ok(Outgoing::web_request(self))
    }

    fn reply(attempt: &Attempt, answer: Answer) -> WebAnswer {
        WebAnswer { answer, peer: attempt.peer(), out_of_reach: attempt.is_out_of_reach() }
    }
}

/// One request.
pub(crate) struct Call<Q: Question> {
    attempt: Arc<Attempt>,
    settings: Arc<Settings>,
    /// The request and who waits for its answer, until somebody takes them to see to it.
    open: Mutex<Option<Open<Q>>>,
}

struct Open<Q: Question> {
    request: Q,
    answer: Sender<Q::Reply>,
}

impl<Q: Question> Call<Q> {
    pub(crate) fn new(
        attempt: Attempt,
        request: Q,
        answer: Sender<Q::Reply>,
        settings: Arc<Settings>,
    ) -> Self {
        Self { attempt: Arc::new(attempt), settings, open: Mutex::new(Some(Open { request, answer })) }
    }

    fn open(&self) -> MutexGuard<'_, Option<Open<Q>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it: at once where it waits for a thread, else by closing its socket. True where it was still waiting.
    pub(crate) fn abort(&self) -> bool {
        self.attempt.abort();
        self.end_waiting(FailureKind::Aborted, "aborted before its turn came")
    }

    /// Ends it because there is no room for it.
    pub(crate) fn refuse(&self, why: &str) {
        self.end_waiting(FailureKind::Overloaded, why);
    }

    fn end_waiting(&self, kind: FailureKind, why: &str) -> bool {
        let waiting = self.open().take();
        let was_waiting = waiting.is_some();
        if let Some(open) = waiting {
            self.finish(open.answer, self.failed(Ended::new(kind, why)));
        }
        was_waiting
    }

    fn failed(&self, ended: Ended) -> Answer {
        Answer::Failed(Failure {
            kind: ended.kind,
            sent: self.attempt.sent(),
            closed: self.attempt.closed(),
            message: ended.message,
        })
    }

    fn finish(&self, to: Sender<Q::Reply>, answer: Answer) {
        // The caller may have dropped its future: the request was detached from it, and its answer goes nowhere.
        let _nobody_waits = to.send(Q::reply(&self.attempt, answer));
    }
}

impl<Q: Question> Job for Call<Q> {
    fn run(&self) {
        let Some(Open { request, answer }) = self.open().take() else { return };
        // The library below has assertions; one that fails must cost this request and not this thread.
        let result = catch_unwind(AssertUnwindSafe(|| {
            http::exchange(&self.attempt, &self.settings, &request.outgoing()?)
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

/// A thread ended without an answer, which only its death can cause: nothing is known.
pub(crate) fn unanswered() -> Answer {
    Answer::Failed(Failure {
        kind: FailureKind::Other,
        sent: renewd_core::Sent::Bytes,
        closed: false,
        message: "the request's thread ended without an answer".into(),
    })
}
