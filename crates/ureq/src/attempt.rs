//! One attempt's deadlines, counters and socket.
//!
//! ureq keeps time with a clock that stops during suspend, and would let one byte a second keep a request alive as
//! long as the server likes. So time is kept here, on the boot clock: every wait of our resolver, socket and TLS asks
//! [`Attempt::left`] first and wakes at least every [`TICK`]. The same question notices an abort.

use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use renewd_core::{Boot, FailureKind, Sent, Span, TokenRequest};
use renewd_driver::{Clock, Reach};

use crate::failure::Ended;

/// The longest uninterrupted wait: how late a suspend or an abort can be noticed.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// The most bytes read for one answer, TLS and chunk framing included: sixteen times the largest body that is kept. A
/// server that sends more of what no body comes of (interim answers, chunk extensions) is cut off.
const RECEIVED_MAX_BYTES: u64 = 1024 * 1024;

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Looking the host up.
    Resolving,
    /// TCP, the proxy's CONNECT, TLS.
    Connecting,
    /// The connection stands: whatever is written from here on is the request.
    Requesting,
}

/// What threads must agree on about one attempt.
pub(crate) struct Attempt {
    clock: Arc<dyn Clock>,
    timeout: Span,
    connect_timeout: Span,
    deadline: Boot,
    connect_deadline: Boot,
    reach: Reach,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    aborted: bool,
    ended: Option<Ended>,
    socket: Weak<TcpStream>,
    peer: Option<IpAddr>,
    out_of_reach: bool,
    request_bytes: u64,
    received_bytes: u64,
}

impl Attempt {
    /// The clock starts now: time spent in the queue counts.
    pub(crate) fn new(clock: Arc<dyn Clock>, request: &TokenRequest) -> Self {
        Self::within(clock, request.timeout, request.connect_timeout, Reach::Anywhere)
    }

    /// One that may take so long, and connect there.
    pub(crate) fn within(clock: Arc<dyn Clock>, timeout: Span, connect_timeout: Span, reach: Reach) -> Self {
        let now = clock.now().boot;
        Self {
            clock,
            timeout,
            connect_timeout,
            deadline: now + timeout,
            connect_deadline: now + connect_timeout,
            reach,
            state: Mutex::new(State {
                phase: Phase::Resolving,
                aborted: false,
                ended: None,
                socket: Weak::new(),
                peer: None,
                out_of_reach: false,
                request_bytes: 0,
                received_bytes: 0,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Boot {
        self.clock.now().boot
    }

    pub(crate) fn timeout(&self) -> Span {
        self.timeout
    }

    /// Where it may connect to.
    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// Whether it was aborted by us.
    pub(crate) fn unless_aborted(&self) -> Result<(), Ended> {
        if self.state().aborted {
            return Err(Ended::new(FailureKind::Aborted, "aborted by this program"));
        }
        Ok(())
    }

    /// How much time is left, or how it ended: aborted by us, or past a deadline. Asked before every wait and before
    /// every write, so that nothing leaves after the deadline.
    pub(crate) fn left(&self) -> Result<Span, Ended> {
        self.unless_aborted()?;
        let phase = self.phase();
        let now = self.now();
        if now >= self.deadline {
            return Err(Ended::new(
                FailureKind::Timeout,
                format!("no complete answer within {}", self.timeout),
            ));
        }
        let total = self.deadline.since(now);
        match phase {
            Phase::Requesting => Ok(total),
            Phase::Resolving if now >= self.connect_deadline => Err(Ended::new(
                FailureKind::Dns,
                format!("the name did not resolve within {}", self.connect_timeout),
            )),
            Phase::Connecting if now >= self.connect_deadline => Err(Ended::new(
                FailureKind::ConnectTimeout,
                format!("the connection did not stand within {}", self.connect_timeout),
            )),
            Phase::Resolving | Phase::Connecting => Ok(total.min(self.connect_deadline.since(now))),
        }
    }

    /// Makes a socket known, so that [`abort`](Self::abort) can reach it. Gives it back unless already aborted.
    pub(crate) fn hold(&self, stream: TcpStream) -> Result<Arc<TcpStream>, Ended> {
        let stream = Arc::new(stream);
        let mut state = self.state();
        if state.aborted {
            drop(state);
            return Err(Ended::new(FailureKind::Aborted, "aborted by this program"));
        }
        state.socket = Arc::downgrade(&stream);
        Ok(stream)
    }

    /// The address of the connection that stands; none before, and none behind a proxy.
    pub(crate) fn peer(&self) -> Option<IpAddr> {
        self.state().peer
    }

    /// Whether no address of the host is allowed.
    pub(crate) fn is_out_of_reach(&self) -> bool {
        self.state().out_of_reach
    }

    /// No address of the host is allowed.
    pub(crate) fn put_out_of_reach(&self) {
        self.state().out_of_reach = true;
    }

    /// The connection to the server itself stands.
    pub(crate) fn met(&self, peer: IpAddr) {
        self.state().peer = Some(peer);
    }

    /// The kernel took `bytes`: they may leave at any time.
    pub(crate) fn wrote(&self, bytes: usize) {
        let mut state = self.state();
        if state.phase == Phase::Requesting {
            state.request_bytes = state.request_bytes.saturating_add(bytes as u64);
        }
    }

    /// `bytes` came in.
    pub(crate) fn received(&self, bytes: usize) -> Result<(), Ended> {
        let mut state = self.state();
        state.received_bytes = state.received_bytes.saturating_add(bytes as u64);
        if state.received_bytes > RECEIVED_MAX_BYTES {
            return Err(Ended::new(
                FailureKind::Protocol,
                format!("the server sent more than {RECEIVED_MAX_BYTES} bytes"),
            ));
        }
        Ok(())
    }

    /// Notes why it ended; the first reason stays. Returns what ureq must be told, of a kind that it does not take for
    /// the end of a body.
    pub(crate) fn fail(&self, ended: Ended) -> ureq::Error {
        let text = ended.message.clone();
        self.state().ended.get_or_insert(ended);
        ureq::Error::Io(std::io::Error::other(text))
    }

    /// The reason noted first.
    pub(crate) fn reason(&self) -> Option<Ended> {
        self.state().ended.clone()
    }

    /// Ends it: a blocked read or write returns at once, everything else within a [`TICK`].
    pub(crate) fn abort(&self) {
        let mut state = self.state();
        state.aborted = true;
        // Under the lock: `closed` must not look while this holds the socket open.
        if let Some(socket) = state.socket.upgrade() {
            // An error means that it is not connected yet, or no longer: there is nothing to interrupt.
            let _not_connected = socket.shutdown(Shutdown::Both);
        }
    }

    /// Whether a byte of the request was handed to the kernel.
    pub(crate) fn sent(&self) -> Sent {
        if self.state().request_bytes == 0 { Sent::Nothing } else { Sent::Bytes }
    }

    /// Whether its socket is closed, or never was open.
    pub(crate) fn closed(&self) -> bool {
        self.state().socket.strong_count() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HandClock, request};

    fn attempt() -> (Arc<HandClock>, Attempt) {
        let clock = HandClock::new();
        let attempt = Attempt::new(clock.clone(), &request("http://127.0.0.1:1/token"));
        (clock, attempt)
    }

    #[test]
    fn the_connect_deadline_ends_with_the_connection_standing() {
        let (clock, attempt) = attempt();
        clock.advance(Span::from_secs(10));
        assert_eq!(attempt.left().unwrap_err().kind, FailureKind::Dns);
        attempt.enter(Phase::Connecting);
        assert_eq!(attempt.left().unwrap_err().kind, FailureKind::ConnectTimeout);
        attempt.enter(Phase::Requesting);
        assert_eq!(attempt.left(), Ok(Span::from_secs(20)));
        clock.advance(Span::from_secs(20));
        assert_eq!(attempt.left().unwrap_err().kind, FailureKind::Timeout);
    }

    #[test]
    fn only_bytes_written_once_the_connection_stands_are_request_bytes() {
        let (_, attempt) = attempt();
        attempt.enter(Phase::Connecting);
        attempt.wrote(300);
        assert_eq!(attempt.sent(), Sent::Nothing);
        attempt.enter(Phase::Requesting);
        attempt.wrote(1);
        assert_eq!(attempt.sent(), Sent::Bytes);
    }

    #[test]
    fn the_first_reason_stays() {
        let (_, attempt) = attempt();
        attempt.fail(Ended::new(FailureKind::Reset, "reset"));
        attempt.fail(Ended::new(FailureKind::Closed, "closed"));
        assert_eq!(attempt.reason().unwrap().kind, FailureKind::Reset);
    }
}
