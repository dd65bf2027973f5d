//! TLS as a link of ureq's chain.
//!
//! ureq has one of its own. This one exists because ours must keep plain text in buffers that are overwritten, report
//! what went wrong as a kind, never resume a session (a refresh must not depend on state of an earlier one, and 0-RTT
//! data can be replayed), and take its roots from the configuration without touching the process-wide default.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use renewd_core::FailureKind;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport, TransportAdapter,
};

use crate::attempt::Attempt;
use crate::buffers::WipedBuffers;
use crate::failure::Ended;
use crate::target;

/// Wraps the connection in TLS where the URL asks for it.
pub(crate) struct TlsConnector {
    pub(crate) attempt: Arc<Attempt>,
    /// None where neither the endpoint nor the proxy speaks TLS.
    pub(crate) config: Option<Arc<ClientConfig>>,
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let wire = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        let tls = self.handshake(details, wire).map_err(|ended| self.attempt.fail(ended))?;
        Ok(Some(Either::B(tls)))
    }
}

impl TlsConnector {
    fn handshake(
        &self,
        details: &ConnectionDetails<'_>,
        mut wire: TransportAdapter,
    ) -> Result<TlsTransport, Ended> {
        let Some(config) = &self.config else {
            return Err(Ended::new(FailureKind::Tls, "TLS was asked for and not prepared"));
        };
        let host = target::bare_host(details.uri);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Ended::new(FailureKind::Tls, format!("{host} is no name that a certificate can bear"))
        })?;
        let mut tls = ClientConnection::new(Arc::clone(config), name)
            .map_err(|e| Ended::new(FailureKind::Tls, format!("TLS to {host}: {e}")))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut wire).map_err(|error| handshake_failure(host, &error))?;
        }
        Ok(TlsTransport { tls, wire, attempt: Arc::clone(&self.attempt), buffers: WipedBuffers::new() })
    }
}

/// What a failed handshake means. A failure of the socket was noted where it happened; what is noted first stays.
fn handshake_failure(host: &str, error: &io::Error) -> Ended {
    match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(tls) => Ended::new(FailureKind::Tls, format!("TLS to {host}: {tls}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ended::new(FailureKind::Closed, format!("{host} closed the connection during the TLS handshake"))
        }
        None => Ended::from_io(&format!("TLS to {host}"), error, true),
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

/// One TLS connection.
pub(crate) struct TlsTransport {
    tls: ClientConnection,
    wire: TransportAdapter,
    attempt: Arc<Attempt>,
    buffers: WipedBuffers,
}

impl TlsTransport {
    /// Encrypts the first `amount` bytes of the output and writes them out.
    fn write(&mut self, amount: usize) -> Result<(), Ended> {
        let mut rest = self.buffers.pending(amount);
        while !rest.is_empty() {
            let taken = self.tls.writer().write(rest).map_err(|e| broken("sending the request", &e))?;
            rest = rest.get(taken..).unwrap_or_default();
            flush(&mut self.tls, &mut self.wire, "sending the request")?;
        }
        Ok(())
    }

    /// Decrypts what comes next into the input; false at an end that TLS itself announced.
    fn read(&mut self) -> Result<bool, Ended> {
        let room = self.buffers.input_append_buf();
        if room.is_empty() {
            return Err(Ended::new(
                FailureKind::Protocol,
                "the server's answer does not fit in the input buffer",
            ));
        }
        loop {
            match self.tls.reader().read(room) {
                Ok(bytes) => {
                    self.buffers.input_appended(bytes);
                    return Ok(bytes > 0);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // RFC 9112 §9.8: an answer that ends with the connection is incomplete without TLS's own end.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                    let text = "the server closed the connection without ending TLS: the answer may be cut";
                    return Err(Ended::new(FailureKind::Closed, text));
                }
                Err(e) => return Err(broken("reading the answer", &e)),
            }
            self.tls.read_tls(&mut self.wire).map_err(|e| broken("reading the answer", &e))?;
            if let Err(error) = self.tls.process_new_packets() {
                // The alert is a courtesy; the reason stands already.
                let _refused = self.tls.write_tls(&mut self.wire);
                return Err(Ended::new(
                    FailureKind::Tls,
                    format!("TLS broke while reading the answer: {error}"),
                ));
            }
            flush(&mut self.tls, &mut self.wire, "answering a TLS message")?;
        }
    }
}

fn flush(tls: &mut ClientConnection, wire: &mut TransportAdapter, what: &str) -> Result<(), Ended> {
    while tls.wants_write() {
        tls.write_tls(wire).map_err(|e| broken(what, &e))?;
    }
    Ok(())
}

/// A failure below TLS. It was noted where it happened, and what is noted first stays.
fn broken(what: &str, error: &io::Error) -> Ended {
    Ended::from_io(what, error, false)
}

impl Transport for TlsTransport {
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

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}
