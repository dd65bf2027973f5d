//! TCP as a link of ureq's chain: opens our own sockets, and counts.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use renewd_core::FailureKind;
use renewd_driver::Reach;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport};

use crate::attempt::{Attempt, Phase};
use crate::buffers::WipedBuffers;
use crate::failure::Ended;
use crate::reach;
use crate::socket::{self, Readiness};

/// Opens the socket, unless a tunnel through a proxy stands already.
pub(crate) struct TcpConnector {
    pub(crate) attempt: Arc<Attempt>,
    /// The connection is one to the proxy, which the user named.
    pub(crate) proxied: bool,
}

impl<In: Transport> Connector<In> for TcpConnector {
    type Out = Either<In, TcpTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        if let Some(tunnel) = chained {
            return Ok(Some(Either::A(tunnel)));
        }
        let attempt = Arc::clone(&self.attempt);
        attempt.enter(Phase::Connecting);
        let reach = if self.proxied { Reach::Anywhere } else { attempt.reach() };
        let stream = reach::within(reach, &details.addrs)
            .inspect_err(|_| attempt.put_out_of_reach())
            .and_then(|addresses| socket::connect(&addresses, &attempt))
            .map_err(|ended| attempt.fail(ended))?;
        if let (false, Ok(peer)) = (self.proxied, stream.peer_addr()) {
            attempt.met(peer.ip());
        }
        Ok(Some(Either::B(TcpTransport { stream, attempt, buffers: WipedBuffers::new() })))
    }
}

impl fmt::Debug for TcpConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TcpConnector")
    }
}

/// One connection.
pub(crate) struct TcpTransport {
    stream: Arc<TcpStream>,
    attempt: Arc<Attempt>,
    buffers: WipedBuffers,
}

impl TcpTransport {
    /// Reads once into the input; false at the peer's end.
    ///
    /// The deadline ends waiting, not taking: a process that was stopped, or slept with its machine, finds an answer
    /// that came in time after its own time is over, and at a server that rotates, the login depends on it.
    fn read(&mut self) -> Result<bool, Ended> {
        let room = self.buffers.input_append_buf();
        if room.is_empty() {
            return Err(Ended::new(
                FailureKind::Protocol,
                "the server's answer does not fit in the input buffer",
            ));
        }
        let mut over = None;
        loop {
            self.attempt.unless_aborted()?;
            match (&*self.stream).read(room) {
                Ok(0) => {
                    self.attempt.unless_aborted()?; // An abort shows as an end, too.
                    return Ok(false);
                }
                Ok(bytes) => {
                    self.attempt.received(bytes)?;
                    self.buffers.input_appended(bytes);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match over.take() {
                    Some(ended) => return Err(ended),
                    None => over = socket::wait(&self.stream, Readiness::Read, &self.attempt).err(),
                },
                Err(error) => {
                    retry(&self.stream, &self.attempt, &error, Readiness::Read, "reading the answer")?
                }
            }
        }
    }

    /// Writes the first `amount` bytes of the output.
    fn write(&self, amount: usize) -> Result<(), Ended> {
        let mut rest = self.buffers.pending(amount);
        while !rest.is_empty() {
            self.attempt.left()?;
            match (&*self.stream).write(rest) {
                Ok(0) => return Err(Ended::new(FailureKind::Closed, "the connection takes no more bytes")),
                Ok(bytes) => {
                    self.attempt.wrote(bytes);
                    rest = rest.get(bytes..).unwrap_or_default();
                }
                Err(error) => {
                    retry(&self.stream, &self.attempt, &error, Readiness::Write, "sending the request")?
                }
            }
        }
        Ok(())
    }
}

/// Waits where waiting helps; otherwise says what the error means.
fn retry(
    stream: &TcpStream,
    attempt: &Attempt,
    error: &io::Error,
    readiness: Readiness,
    what: &str,
) -> Result<(), Ended> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock => socket::wait(stream, readiness, attempt),
        _ => {
            attempt.left()?; // An abort breaks the socket; then the abort is the reason.
            Err(Ended::from_io(what, error, attempt.phase() != Phase::Requesting))
        }
    }
}

impl Transport for TcpTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.write(amount).map_err(|ended| self.attempt.fail(ended))
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, ureq::Error> {
        self.read().map_err(|ended| self.attempt.fail(ended))
    }

    fn is_open(&mut self) -> bool {
        false // Never pooled: one connection for one request.
    }
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TcpTransport")
    }
}

/// The last link: from here on every byte that the kernel takes is a byte of the request.
///
/// What was written before (a proxy's CONNECT, the TLS handshake) is none. With TLS the request's plain text is not
/// even made before this, and its records are counted when the kernel takes them.
pub(crate) struct StandingConnector {
    pub(crate) attempt: Arc<Attempt>,
    /// The endpoint is reached through a proxy: the chain then also runs for the connection to the proxy itself.
    pub(crate) proxied: bool,
}

impl<In: Transport> Connector<In> for StandingConnector {
    type Out = In;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<In>, ureq::Error> {
        // The run for the connection to the proxy has the proxy taken out of its configuration.
        let to_the_proxy = self.proxied && details.config.proxy().is_none();
        if chained.is_some() && !to_the_proxy {
            self.attempt.enter(Phase::Requesting);
        }
        Ok(chained)
    }
}

impl fmt::Debug for StandingConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandingConnector")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HandClock, request, reset};
    use renewd_core::Sent;
    use std::net::TcpListener;

    fn connected() -> (TcpTransport, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let attempt = Arc::new(Attempt::new(HandClock::new(), &request("http://127.0.0.1:1/token")));
        attempt.enter(Phase::Connecting);
        let stream = socket::connect(&[listener.local_addr().unwrap()], &attempt).unwrap();
        attempt.enter(Phase::Requesting);
        let (peer, _) = listener.accept().unwrap();
        (TcpTransport { stream, attempt, buffers: WipedBuffers::new() }, peer)
    }

    #[test]
    fn a_connection_reset_before_byte_zero_has_sent_nothing() {
        let (mut transport, peer) = connected();
        reset(peer);
        socket::wait(&transport.stream, Readiness::Read, &transport.attempt).unwrap(); // The reset is here.
        transport.buffers.output()[..4].copy_from_slice(b"POST");
        transport.transmit_output(4, NextTimeout::default()).unwrap_err();
        assert_eq!(transport.attempt.reason().unwrap().kind, FailureKind::Reset);
        assert_eq!(transport.attempt.sent(), Sent::Nothing);
    }

    #[test]
    fn a_connection_reset_after_byte_one_has_sent_bytes() {
        let (mut transport, mut peer) = connected();
        transport.buffers.output()[..1].copy_from_slice(b"P");
        transport.transmit_output(1, NextTimeout::default()).unwrap();
        peer.read_exact(&mut [0]).unwrap();
        reset(peer);
        transport.await_input(NextTimeout::default()).unwrap_err();
        assert_eq!(transport.attempt.reason().unwrap().kind, FailureKind::Reset);
        assert_eq!(transport.attempt.sent(), Sent::Bytes);
    }

    /// A transport whose time is over, and the other end.
    fn past_its_deadline() -> (TcpTransport, TcpStream) {
        let (mut transport, peer) = connected();
        let clock = HandClock::new();
        let attempt = Arc::new(Attempt::new(clock.clone(), &request("http://127.0.0.1:1/token")));
        attempt.enter(Phase::Requesting);
        transport.attempt = attempt;
        clock.advance(renewd_core::Span::from_secs(30));
        (transport, peer)
    }

    #[test]
    fn an_answer_that_is_here_already_is_taken_after_the_deadline_and_waited_for_no_longer() {
        let (mut transport, mut peer) = past_its_deadline();
        peer.write_all(b"HTTP/1.1 200 OK").unwrap();
        poll_until_readable(&transport.stream);
        assert!(transport.await_input(NextTimeout::default()).unwrap());
        assert_eq!(transport.buffers.input(), b"HTTP/1.1 200 OK");
        transport.await_input(NextTimeout::default()).unwrap_err();
        assert_eq!(transport.attempt.reason().unwrap().kind, FailureKind::Timeout);
    }

    #[test]
    fn the_end_of_an_answer_that_is_here_already_is_seen_after_the_deadline() {
        let (mut transport, peer) = past_its_deadline();
        drop(peer);
        poll_until_readable(&transport.stream);
        assert!(!transport.await_input(NextTimeout::default()).unwrap());
    }

    #[test]
    fn an_aborted_attempt_takes_nothing_that_is_here_already() {
        let (mut transport, mut peer) = past_its_deadline();
        peer.write_all(b"HTTP/1.1 200 OK").unwrap();
        poll_until_readable(&transport.stream);
        transport.attempt.abort();
        transport.await_input(NextTimeout::default()).unwrap_err();
        assert_eq!(transport.attempt.reason().unwrap().kind, FailureKind::Aborted);
    }

    /// By another attempt, which has its time.
    fn poll_until_readable(stream: &TcpStream) {
        let patient = Attempt::new(HandClock::new(), &request("http://127.0.0.1:1/token"));
        patient.enter(Phase::Requesting);
        socket::wait(stream, Readiness::Read, &patient).unwrap();
    }

    #[test]
    fn nothing_is_written_after_the_deadline() {
        let (mut transport, mut peer) = past_its_deadline();
        transport.transmit_output(4, NextTimeout::default()).unwrap_err();
        assert_eq!(transport.attempt.reason().unwrap().kind, FailureKind::Timeout);
        assert_eq!(transport.attempt.sent(), Sent::Nothing);
        drop(transport);
        assert!(peer.read(&mut [0]).is_err(), "the peer sees a reset and no byte");
    }
}
