//! What lies between the machine and the authorization server: sockets, packets on their way, and what becomes of them.
//!
//! A request that has left goes its way whatever becomes of its process. What its socket still holds dies with it,
//! as the product's sockets do (reset on close), unless the scenario says that they linger.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use futures_channel::{mpsc, oneshot};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use renewd_core::{Boot, Span};
use renewd_driver::Clock;
use renewd_driver::testing::VirtualClock;
use renewd_testkit::{AsModel, Delivery, Fault, LogEntry, Script, TokenForm};

use super::life::Life;
use super::oracle::Oracle;
use super::triggers::Triggers;
use crate::scenario::{Action, ApiMode, Network, Scenario, WireFault};

/// Nothing wanders about in the network for longer than this after its socket was closed, nor for longer than a
/// request may take: the settle time is that and a little.
const PACKET_LIFE_MAX: Span = Span::from_secs(30);

/// The world outside of the machine. Clones are the same world.
#[derive(Clone)]
pub(super) struct Outside {
    state: Arc<Mutex<State>>,
    truth: VirtualClock,
    /// How long a packet may still arrive after its socket was closed.
    pub(super) packet_life: Span,
    jobs: mpsc::UnboundedSender<BoxFuture<'static, ()>>,
    pub(super) triggers: Triggers,
}

pub(super) struct State {
    pub(super) model: AsModel,
    pub(super) script: Script,
    pub(super) latency: Span,
    pub(super) network: Network,
    pub(super) reject_all: bool,
    pub(super) linger: bool,
    /// Waiting for the next request.
    pub(super) wire_faults: VecDeque<WireFault>,
    requests: u64,
    wakers: Vec<Waker>,
}

impl State {
    /// Whether packets get through.
    fn passable(&self) -> bool {
        !matches!(self.network, Network::Down | Network::BlackHole)
    }
}

/// One request and its socket.
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) life: Life,
    pub(super) form: TokenForm,
    pub(super) socket: Socket,
}

/// One connection, used once. Clones are the same.
#[derive(Clone)]
pub(super) struct Socket {
    state: Arc<Mutex<SocketState>>,
}

struct SocketState {
    closed: Option<Boot>,
    answer: Option<oneshot::Sender<Delivery>>,
}

impl Socket {
    pub(super) fn open() -> (Self, oneshot::Receiver<Delivery>) {
        let (sender, answer) = oneshot::channel();
        let state = SocketState { closed: None, answer: Some(sender) };
        (Self { state: Arc::new(Mutex::new(state)) }, answer)
    }

    fn lock(&self) -> MutexGuard<'_, SocketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> Option<Boot> {
        self.lock().closed
    }
}

impl Outside {
    /// The world, and the task that carries its packets.
    pub(super) fn new(scenario: &Scenario, truth: &VirtualClock) -> (Self, impl Future<Output = ()> + use<>) {
        let state = State {
            model: AsModel::new(scenario.server.clone()),
            script: Script::new(Fault::Ok),
            latency: scenario.latency,
            network: Network::Up,
            reject_all: false,
            linger: scenario.sockets_linger,
            wire_faults: VecDeque::new(),
            requests: 0,
            wakers: Vec::new(),
        };
        let (jobs, incoming) = mpsc::unbounded();
        let outside = Self {
            state: Arc::new(Mutex::new(state)),
            truth: truth.clone(),
            packet_life: PACKET_LIFE_MAX.min(scenario.policy.request.timeout),
            jobs,
            triggers: Triggers::default(),
        };
        (outside, carry(incoming))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The true time, in milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        self.truth.now().boot.as_millis()
    }

    /// What happens to the server or the network, where it is that. True where nothing else need be done.
    pub(super) fn suffer(&self, action: &Action) -> bool {
        let mut state = self.lock();
        match action {
            Action::Server(fault) => state.script.set(fault.clone()),
            Action::Next(fault) => state.script.push(fault.clone()),
            Action::Latency(span) => state.latency = *span,
            Action::Wire(fault) => state.wire_faults.push_back(*fault),
            Action::Api(ApiMode::Ok) => state.reject_all = false,
            Action::Api(ApiMode::RejectAll) => state.reject_all = true,
            Action::Network(Network::Changed) => return false,
            Action::Network(network) => {
                state.network = *network;
                drop(state);
                self.changed();
            }
            _ => return false,
        }
        true
    }

    /// The faults of the network and the server are over.
    pub(super) fn heal(&self) {
        {
            let mut state = self.lock();
            state.script = Script::new(Fault::Ok);
            state.network = Network::Up;
            state.reject_all = false;
            state.wire_faults.clear();
        }
        self.changed();
    }

    pub(super) fn close(&self, socket: &Socket) {
        {
            let mut state = socket.lock();
            state.closed = state.closed.or(Some(self.truth.now().boot));
            state.answer = None;
        }
        self.changed();
    }

    fn changed(&self) {
        let wakers = std::mem::take(&mut self.lock().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn next_request(&self) -> u64 {
        let mut state = self.lock();
        state.requests += 1;
        state.requests
    }

    /// Puts a request on its way.
    pub(super) fn dispatch(&self, request: Request, oracle: &Oracle) {
        let fault = self.lock().wire_faults.pop_front();
        let (outside, oracle) = (self.clone(), oracle.clone());
        // The task that carries packets ends with the world, not before.
        let _ =
            self.jobs.unbounded_send(Box::pin(async move { outside.travel(request, fault, oracle).await }));
    }

    async fn travel(self, request: Request, fault: Option<WireFault>, oracle: Oracle) {
        let half = self.lock().latency.fraction(1, 2);
        self.truth.sleep(half).await;
        if let Some(WireFault::Late(by)) = fault {
            self.truth.sleep(by).await;
        }
        if fault == Some(WireFault::LoseRequest) || !self.gets_through(&request.socket, true).await {
            return oracle.never_arrives(request.id);
        }
        self.triggers.reach(&request.life, "server.received");
        let (delivery, entry) = self.serve(&request.form);
        oracle.arrived(&request, entry.as_ref(), self.now_ms(), false);
        if entry.as_ref().is_some_and(|e| e.verdict.is_some()) {
            self.triggers.reach(&request.life, "server.rotated");
        }
        if let Some(WireFault::Duplicate(by)) = fault {
            self.truth.sleep(by).await;
            let (_, entry) = self.serve(&request.form);
            return oracle.arrived(&request, entry.as_ref(), self.now_ms(), true);
        }
        self.truth.sleep(half.fraction(1, 2)).await;
        self.triggers.reach(&request.life, "server.answering");
        self.truth.sleep(half.saturating_sub(half.fraction(1, 2))).await;
        if fault != Some(WireFault::LoseAnswer) && self.gets_through(&request.socket, false).await {
            let sender = request.socket.lock().answer.take();
            if let Some(sender) = sender {
                // Nobody listens any more: the answer is lost.
                let _ = sender.send(delivery);
            }
        }
    }

    fn serve(&self, form: &TokenForm) -> (Delivery, Option<LogEntry>) {
        let now_ms = self.now_ms();
        let mut state = self.lock();
        let fault = state.script.take();
        let delivery = fault.apply(&mut state.model, now_ms, form);
        let entry = state.model.log().last().cloned();
        (delivery, entry)
    }

    /// Waits until the network lets packets through. False when nothing comes of it: the socket's end, which resets
    /// or forgets what was under way.
    async fn gets_through(&self, socket: &Socket, request: bool) -> bool {
        std::future::poll_fn(|cx| {
            let mut state = self.lock();
            if state.passable() {
                return Poll::Ready(());
            }
            let kept = request && state.linger;
            if socket.closed().is_some() && !kept {
                return Poll::Ready(());
            }
            state.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
        let state = self.lock();
        let kept = request && state.linger;
        let young = socket.closed().is_none_or(|at| self.truth.now().boot.since(at) <= self.packet_life);
        state.passable() && (kept || young)
    }
}

/// Carries what is on its way, for as long as the world stands.
async fn carry(mut incoming: mpsc::UnboundedReceiver<BoxFuture<'static, ()>>) {
    let mut under_way = FuturesUnordered::new();
    std::future::poll_fn(|cx| {
        while let Poll::Ready(Some(job)) = incoming.poll_next_unpin(cx) {
            under_way.push(job);
        }
        while let Poll::Ready(Some(())) = under_way.poll_next_unpin(cx) {}
        Poll::<()>::Pending
    })
    .await;
}
