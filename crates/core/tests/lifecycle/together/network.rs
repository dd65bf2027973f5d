//! Requests on their way: lost, late, cut off. The transport is a good one: it keeps its deadline, closes its socket,
//! and dies with its process. What it cannot help is a request that left before that and lands later.

use renewd_core::*;
use renewd_testkit::{AsModel, AsReply, TokenForm};

/// How long a request may still land after its socket was closed. Below every settle time of these tests: nothing
/// could be safe otherwise.
pub(crate) const LINGER_MAX_MS: u64 = 29_000;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// Answered after so many milliseconds.
    Answered(u64),
    /// It never arrives; the deadline ends it.
    RequestLost,
    /// It arrives after so long, and is answered at once.
    RequestLate(u64),
    /// The server acts on it, and its answer never arrives.
    AnswerLost,
    /// No byte leaves.
    Refused,
    /// Something on the way answers.
    Html(u16),
    /// The server breaks down before it does anything.
    Broken,
    /// The server acts on it and breaks down.
    BrokenAfter,
}

pub(crate) struct Wire {
    pub(crate) process: usize,
    /// Which life of the process sent it.
    pub(crate) life: u32,
    pub(crate) attempt: AttemptId,
    pub(crate) token: String,
    form: TokenForm,
    fate: Fate,
    sent_ms: u64,
    timeout_ms: u64,
    arrives_ms: Option<u64>,
    answers_ms: Option<u64>,
    answer: Option<Answer>,
    /// Its socket was closed then.
    pub(crate) closed_ms: Option<u64>,
    /// A complete answer came, or no byte had left.
    pub(crate) settled: bool,
}

impl Wire {
    pub(crate) fn new(
        process: (usize, u32),
        attempt: AttemptId,
        request: &TokenRequest,
        fate: Fate,
        now_ms: u64,
    ) -> Self {
        let form = TokenForm::parse(request.body.expose(), None).expect("a form");
        let body = request.body.expose_str().expect("a form is text");
        let token = body.split('&').find_map(|f| f.strip_prefix("refresh_token=")).expect("a refresh token");
        let (arrives, answers) = match fate {
            Fate::Answered(takes) => (Some(takes / 2), None),
            Fate::RequestLate(after) => (Some(after), None),
            Fate::AnswerLost | Fate::BrokenAfter => (Some(50), None),
            Fate::RequestLost => (None, None),
            Fate::Refused | Fate::Html(_) | Fate::Broken => (None, Some(100)),
        };
        Self {
            process: process.0,
            life: process.1,
            attempt,
            token: token.into(),
            form,
            fate,
            sent_ms: now_ms,
            timeout_ms: request.timeout.as_millis(),
            arrives_ms: arrives.map(|ms| now_ms + ms),
            answers_ms: answers.map(|ms| now_ms + ms),
            answer: canned(fate),
            closed_ms: None,
            settled: fate == Fate::Refused,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.closed_ms.is_none()
    }

    /// When something happens to it; `heard` tells whether its process can take anything in.
    pub(crate) fn due(&self, heard: bool) -> Option<u64> {
        let end = (self.is_open() && heard).then(|| {
            let deadline = self.sent_ms + self.timeout_ms;
            self.answers_ms.map_or(deadline, |at| at.min(deadline))
        });
        end.into_iter().chain(self.arrives_ms).min()
    }

    /// What is due happens; gives what its process hears, if anything.
    pub(crate) fn happen(&mut self, now_ms: u64, heard: bool, server: &mut AsModel) -> Option<Answer> {
        if self.arrives_ms.take_if(|at| *at <= now_ms).is_some()
            && self.closed_ms.is_none_or(|closed| now_ms < closed + LINGER_MAX_MS)
        {
            let reply = server.token_request(now_ms, &self.form);
            let takes = match self.fate {
                Fate::Answered(takes) => Some(takes - takes / 2),
                Fate::RequestLate(_) | Fate::BrokenAfter => Some(0),
                Fate::AnswerLost | Fate::RequestLost | Fate::Refused | Fate::Html(_) | Fate::Broken => None,
            };
            self.answers_ms = takes.map(|ms| now_ms + ms);
            if self.answer.is_none() {
                self.answer = Some(answer(reply));
            }
        }
        if !self.is_open() || !heard {
            return None;
        }
        if self.answers_ms.is_some_and(|at| at <= now_ms) {
            self.closed_ms = Some(now_ms);
            self.settled = true;
            return self.answer.take();
        }
        (self.sent_ms + self.timeout_ms <= now_ms).then(|| self.cut(FailureKind::Timeout, now_ms))
    }

    /// Closes the socket before an answer has come.
    pub(crate) fn cut(&mut self, kind: FailureKind, now_ms: u64) -> Answer {
        self.closed_ms = Some(now_ms);
        failed(kind, Sent::Bytes)
    }
}

fn failed(kind: FailureKind, sent: Sent) -> Answer {
    Answer::Failed(Failure { kind, sent, closed: true, message: kind.name().into() })
}

/// An answer that is not the server's own.
fn canned(fate: Fate) -> Option<Answer> {
    let page = |status, kind: &str| {
        Answer::Response(Response {
            status,
            headers: vec![("Content-Type".into(), kind.into())],
            body: Secret::from("<html>"),
            truncated: false,
        })
    };
    match fate {
        Fate::Refused => Some(failed(FailureKind::Refused, Sent::Nothing)),
        Fate::Html(status) => Some(page(status, "text/html")),
        Fate::Broken | Fate::BrokenAfter => Some(page(503, "text/plain")),
        Fate::Answered(_) | Fate::RequestLost | Fate::RequestLate(_) | Fate::AnswerLost => None,
    }
}

fn answer(reply: AsReply) -> Answer {
    Answer::Response(Response {
        status: reply.status,
        headers: reply.headers,
        body: Secret::new(reply.body),
        truncated: false,
    })
}
