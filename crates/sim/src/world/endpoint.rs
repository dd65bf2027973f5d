//! The token endpoint as one process reaches it: the driver's transport.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use renewd_core::{Answer, AttemptId, Failure, FailureKind, Response, Secret, Sent, Span, TokenRequest};
use renewd_driver::TokenEndpoint;
use renewd_testkit::{AsReply, Delivery, TokenForm};

use super::life::Life;
use super::machine::Machine;
use super::oracle::Oracle;
use super::wire::{Outside, Request, Socket};
use crate::scenario::Network;

/// Where the refresh token goes.
pub(super) const TOKEN_URL: &str = "https://as.example/token";
/// Where revocations go.
pub(super) const REVOKE_URL: &str = "https://as.example/revoke";

/// The body limit of the real transport.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// A failure that is known on this machine takes so long.
const LOCAL_FAILURE: Span = Span::from_millis(5);

pub(super) struct Endpoint {
    pub(super) outside: Outside,
    pub(super) machine: Machine,
    pub(super) life: Life,
    pub(super) oracle: Oracle,
    pub(super) open: Mutex<BTreeMap<AttemptId, Socket>>,
}

impl Endpoint {
    pub(super) fn new(outside: &Outside, machine: &Machine, life: &Life, oracle: &Oracle) -> Self {
        Self {
            outside: outside.clone(),
            machine: machine.clone(),
            life: life.clone(),
            oracle: oracle.clone(),
            open: Mutex::new(BTreeMap::new()),
        }
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, BTreeMap<AttemptId, Socket>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why no connection comes about.
    fn unconnected(&self) -> Option<FailureKind> {
        match self.outside.lock().network {
            Network::Down => Some(FailureKind::Unreachable),
            Network::Refused => Some(FailureKind::Refused),
            Network::Dns => Some(FailureKind::Dns),
            Network::Portal => Some(FailureKind::Tls),
            Network::Up | Network::Changed | Network::BlackHole => None,
        }
    }

    async fn exchange(&self, attempt: AttemptId, request: TokenRequest, form: TokenForm) -> Answer {
        let id = self.outside.next_request();
        let (socket, answer) = Socket::open();
        self.sockets().insert(attempt, socket.clone());
        // Closed when the attempt ends, and when its process does.
        let guard =
            Open { outside: self.outside.clone(), oracle: self.oracle.clone(), socket: socket.clone(), id };
        let sent = Request { id, life: self.life.clone(), form, socket };
        self.oracle.sent(&sent, attempt);
        self.outside.dispatch(sent, &self.oracle);
        let timeout = std::pin::pin!(self.machine.sleep(request.timeout));
        let answer = match select(answer, timeout).await {
            Either::Left((Ok(delivery), timeout)) => {
                let answer = self.receive(delivery);
                match select(std::pin::pin!(answer), timeout).await {
                    Either::Left((answer, _)) => answer,
                    Either::Right(_) => failed(FailureKind::Timeout, Sent::Bytes),
                }
            }
            // Taken away: by an abort.
            Either::Left((Err(_), _)) => failed(FailureKind::Aborted, Sent::Bytes),
            Either::Right(_) => failed(FailureKind::Timeout, Sent::Bytes),
        };
        self.sockets().remove(&attempt);
        drop(guard);
        self.oracle.answered(id, &self.life, &answer);
        answer
    }

    async fn receive(&self, delivery: Delivery) -> Answer {
        match delivery {
            Delivery::Answer(reply) => response(reply),
            Delivery::Drip { reply, interval_ms } => {
                self.machine.sleep(Span::from_millis(interval_ms).times(reply.body.len() as u64)).await;
                response(reply)
            }
            Delivery::Nothing => std::future::pending().await,
            Delivery::Reset => failed(FailureKind::Reset, Sent::Bytes),
            Delivery::Raw(_) => failed(FailureKind::Protocol, Sent::Bytes),
            Delivery::Truncated(_) => failed(FailureKind::Body, Sent::Bytes),
            Delivery::Closed => failed(FailureKind::Closed, Sent::Bytes),
            _ => failed(FailureKind::Other, Sent::Bytes),
        }
    }

    async fn revoke(&self, form: Option<TokenForm>) -> Answer {
        self.machine.sleep(LOCAL_FAILURE).await;
        match (form, self.unconnected()) {
            (_, Some(kind)) => failed(kind, Sent::Nothing),
            (Some(form), None) => response(self.outside.lock().model.revocation_request(&form)),
            (None, None) => failed(FailureKind::Protocol, Sent::Bytes),
        }
    }
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    async fn send(&self, attempt: AttemptId, request: TokenRequest) -> Answer {
        let form = form(&request);
        if request.url == REVOKE_URL {
            return self.revoke(form).await;
        }
        if request.url != TOKEN_URL {
            self.oracle.broken(11, &format!("a token request went to {}", request.url));
        }
        if self.outside.triggers.reach(&self.life, "send.before") {
            return std::future::pending().await;
        }
        if let Some(kind) = self.unconnected() {
            self.machine.sleep(LOCAL_FAILURE).await;
            return failed(kind, Sent::Nothing);
        }
        let Some(form) = form else { return failed(FailureKind::Protocol, Sent::Bytes) };
        let answer = self.exchange(attempt, request, form).await;
        if self.outside.triggers.reach(&self.life, "send.after") {
            return std::future::pending().await;
        }
        answer
    }

    fn abort(&self, attempt: AttemptId) {
        if let Some(socket) = self.sockets().get(&attempt) {
            self.outside.close(socket);
        }
    }
}

/// A socket that is closed when nobody holds it any more.
struct Open {
    outside: Outside,
    oracle: Oracle,
    socket: Socket,
    id: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.outside.close(&self.socket);
        self.oracle.closed(self.id);
    }
}

fn form(request: &TokenRequest) -> Option<TokenForm> {
    let authorization = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .and_then(|(_, value)| value.expose_str());
    TokenForm::parse(request.body.expose(), authorization).ok()
}

fn response(reply: AsReply) -> Answer {
    let mut body = reply.body;
    let truncated = body.len() > BODY_BYTES_MAX;
    body.truncate(BODY_BYTES_MAX);
    Answer::Response(Response {
        status: reply.status,
        headers: reply.headers,
        body: Secret::new(body),
        truncated,
    })
}

fn failed(kind: FailureKind, sent: Sent) -> Answer {
    Answer::Failed(Failure { kind, sent, closed: true, message: kind.name().into() })
}
