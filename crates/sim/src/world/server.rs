//! The authorization server and the network in front of it, as the driver's transport.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use renewd_core::{
    Answer, AttemptId, Boot, Failure, FailureKind, Response, Secret, Sent, Span, TokenRequest,
};
use renewd_driver::testing::VirtualClock;
use renewd_driver::{Clock, TokenEndpoint};
use renewd_testkit::{AsConfig, AsModel, AsReply, Delivery, Fault, Script, TokenForm};

/// The body limit of the real transport.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The world outside of the machine. It has a clock of its own: the server's time neither stops nor jumps.
#[derive(Clone)]
pub(super) struct Outside {
    state: Arc<Mutex<State>>,
    clock: VirtualClock,
}

pub(super) struct State {
    pub(super) model: AsModel,
    pub(super) script: Script,
    pub(super) latency: Span,
    pub(super) network_up: bool,
    pub(super) reject_all: bool,
    /// Time before the present boot.
    before_boot: Span,
    in_flight: u32,
    /// More than one request of this credential was on the wire.
    pub(super) overlapped: bool,
    aborted: HashSet<AttemptId>,
}

impl Outside {
    pub(super) fn new(config: AsConfig, latency: Span, clock: &VirtualClock) -> Self {
        let state = State {
            model: AsModel::new(config),
            script: Script::new(Fault::Ok),
            latency,
            network_up: true,
            reject_all: false,
            before_boot: Span::ZERO,
            in_flight: 0,
            overlapped: false,
            aborted: HashSet::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), clock: clock.clone() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The true time, in milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        self.lock().before_boot.as_millis() + self.clock.now().boot.as_millis()
    }

    /// The machine is about to reboot: its clock begins anew, the world's does not.
    pub(super) fn before_reboot(&self) {
        let boot = Span::from_millis(self.clock.now().boot.as_millis());
        let mut state = self.lock();
        state.before_boot = state.before_boot + boot;
        state.in_flight = 0;
    }

    async fn exchange(&self, attempt: AttemptId, request: &TokenRequest, sent: Boot) -> Answer {
        if !self.lock().network_up {
            self.clock.sleep(Span::from_millis(5)).await;
            return failed(FailureKind::Unreachable, Sent::Nothing);
        }
        let half = self.lock().latency.fraction(1, 2);
        self.clock.sleep(half).await;
        let delivery = {
            let now_ms = self.now_ms();
            let mut state = self.lock();
            let fault = state.script.take();
            match form(request) {
                Some(form) => fault.apply(&mut state.model, now_ms, &form),
                None => Delivery::Closed,
            }
        };
        self.clock.sleep(half).await;
        // The answer of a request that outlived the network, or its own time-out, never arrives.
        let left = (sent + request.timeout).since(self.clock.now().boot);
        if !self.lock().network_up || left.is_zero() {
            self.clock.sleep(left).await;
            return failed(FailureKind::Timeout, Sent::Bytes);
        }
        if self.lock().aborted.remove(&attempt) {
            return failed(FailureKind::Aborted, Sent::Bytes);
        }
        match delivery {
            Delivery::Answer(reply) => response(reply),
            Delivery::Drip { reply, interval_ms } => {
                let takes = Span::from_millis(interval_ms).times(reply.body.len() as u64);
                self.clock.sleep(takes.min(left)).await;
                if takes < left { response(reply) } else { failed(FailureKind::Timeout, Sent::Bytes) }
            }
            Delivery::Nothing => {
                self.clock.sleep(left).await;
                failed(FailureKind::Timeout, Sent::Bytes)
            }
            Delivery::Reset => failed(FailureKind::Reset, Sent::Bytes),
            Delivery::Raw(_) => failed(FailureKind::Protocol, Sent::Bytes),
            Delivery::Truncated(_) | Delivery::Closed => failed(FailureKind::Closed, Sent::Bytes),
            _ => failed(FailureKind::Other, Sent::Bytes),
        }
    }
}

#[async_trait]
impl TokenEndpoint for Outside {
    async fn send(&self, attempt: AttemptId, request: TokenRequest) -> Answer {
        if request.url.ends_with("/revoke") {
            if let Some(form) = form(&request) {
                let _ = self.lock().model.revocation_request(&form);
            }
            return response(AsReply::new(200, "application/json", ""));
        }
        {
            let mut state = self.lock();
            state.in_flight += 1;
            state.overlapped |= state.in_flight > 1;
        }
        let answer = self.exchange(attempt, &request, self.clock.now().boot).await;
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        answer
    }

    fn abort(&self, attempt: AttemptId) {
        self.lock().aborted.insert(attempt);
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
