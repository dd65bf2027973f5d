//! A token endpoint that answers by script.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use renewd_core::{
    Answer, AttemptId, Boot, Failure, FailureKind, Response, Secret, Sent, Span, TokenRequest,
};

use super::{VirtualClock, lock};
use crate::ports::{Clock, TokenEndpoint};

/// How a [`ScriptedEndpoint`] answers a request.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// New tokens; the access token lives so many seconds.
    Grant(i64),
    /// This status, media type and body.
    Status(u16, &'static str, String),
    /// No byte leaves: the connection is refused.
    Refused,
    /// The request leaves, and nothing comes back until it is aborted.
    Hang,
    /// The transport has a bug.
    Panic,
}

impl Reply {
    /// A firewall's page in place of an answer.
    pub fn firewall() -> Self {
        Self::Status(403, "text/html", "<!DOCTYPE html><title>Request blocked</title>".into())
    }

    /// An OAuth error (RFC 6749 §5.2).
    pub fn oauth_error(code: &str) -> Self {
        Self::Status(400, "application/json", format!(r#"{{"error":"{code}"}}"#))
    }
}

/// Answers each request by the next reply of its script, and by the last one when that is over.
pub struct ScriptedEndpoint {
    clock: VirtualClock,
    latency: Span,
    script: Mutex<VecDeque<Reply>>,
    minted: AtomicU64,
    counting_only: AtomicBool,
    requests: Mutex<Vec<(AttemptId, Boot)>>,
    hanging: Mutex<Vec<(AttemptId, oneshot::Sender<()>)>>,
}

impl ScriptedEndpoint {
    /// An endpoint that takes `latency` for each answer.
    pub fn new(clock: &VirtualClock, latency: Span, script: impl IntoIterator<Item = Reply>) -> Self {
        Self {
            clock: clock.clone(),
            latency,
            script: Mutex::new(script.into_iter().collect()),
            minted: AtomicU64::new(0),
            counting_only: AtomicBool::new(false),
            requests: Mutex::default(),
            hanging: Mutex::default(),
        }
    }

    /// From now on it answers by this script.
    pub fn rescript(&self, script: impl IntoIterator<Item = Reply>) {
        *lock(&self.script) = script.into_iter().collect();
    }

    /// When each request came, and which it was.
    pub fn requests(&self) -> Vec<(AttemptId, Boot)> {
        lock(&self.requests).clone()
    }

    /// How many requests came.
    pub fn count(&self) -> u64 {
        self.minted.load(Ordering::Relaxed)
    }

    /// Counts requests from now on instead of remembering each.
    pub fn count_only(&self) {
        self.counting_only.store(true, Ordering::Relaxed);
    }

    fn next_reply(&self) -> Reply {
        let mut script = lock(&self.script);
        let reply = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        reply.unwrap_or(Reply::Grant(3600))
    }

    async fn hang(&self, attempt: AttemptId, timeout: Span) -> Answer {
        let (abort, aborted) = oneshot::channel();
        lock(&self.hanging).push((attempt, abort));
        match select(aborted, self.clock.sleep(timeout)).await {
            Either::Left(_) => failed(FailureKind::Aborted, Sent::Bytes),
            Either::Right(_) => failed(FailureKind::Timeout, Sent::Bytes),
        }
    }
}

#[async_trait]
impl TokenEndpoint for ScriptedEndpoint {
    async fn send(&self, attempt: AttemptId, request: TokenRequest) -> Answer {
        let n = self.minted.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.counting_only.load(Ordering::Relaxed) {
            lock(&self.requests).push((attempt, self.clock.now().boot));
        }
        let reply = self.next_reply();
        self.clock.sleep(self.latency).await;
        match reply {
            Reply::Grant(expires_in) => response(
                200,
                "application/json",
                format!(
                    r#"{{"access_token":"at-{n}","token_type":"Bearer","expires_in":{expires_in},"refresh_token":"rt-{n}"}}"#
                ),
            ),
            Reply::Status(status, media_type, body) => response(status, media_type, body),
            Reply::Refused => failed(FailureKind::Refused, Sent::Nothing),
            Reply::Hang => self.hang(attempt, request.timeout).await,
            Reply::Panic => panic!("the test's endpoint panics"),
        }
    }

    fn abort(&self, attempt: AttemptId) {
        // Dropping the sender ends the wait.
        lock(&self.hanging).retain(|(id, _)| *id != attempt);
    }
}

fn response(status: u16, media_type: &str, body: String) -> Answer {
    Answer::Response(Response {
        status,
        headers: vec![("content-type".into(), media_type.into())],
        body: Secret::from_string(body),
        truncated: false,
    })
}

fn failed(kind: FailureKind, sent: Sent) -> Answer {
    Answer::Failed(Failure { kind, sent, closed: true, message: kind.name().into() })
}
