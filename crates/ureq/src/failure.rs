//! Why an exchange ended without a complete answer.
//!
//! Kinds are known where things go wrong (the resolver, the socket, TLS are ours), so nothing is guessed from an
//! error's text afterwards; ureq's own errors are left with HTTP itself and with the proxy.

use std::io;

use renewd_core::FailureKind;

use crate::options::ConfigurationError;

/// The longest message that is passed on, in characters: some of it may come from the peer.
const MESSAGE_CHARS: usize = 300;

/// The end of an exchange, before it is known whether bytes left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

impl Ended {
    pub(crate) fn new(kind: FailureKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: one_line(message.as_ref()) }
    }

    /// What a socket's error means. `connecting`: the connection does not stand yet.
    pub(crate) fn from_io(what: &str, error: &io::Error, connecting: bool) -> Self {
        use io::ErrorKind as K;
        let kind = match error.kind() {
            K::ConnectionRefused => FailureKind::Refused,
            K::HostUnreachable
            | K::NetworkUnreachable
            | K::NetworkDown
            | K::AddrNotAvailable
            | K::PermissionDenied => FailureKind::Unreachable,
            K::TimedOut if connecting => FailureKind::ConnectTimeout,
            K::TimedOut => FailureKind::Timeout,
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::NotConnected => FailureKind::Reset,
            _ if out_of_descriptors(error) => FailureKind::Overloaded,
            _ => FailureKind::Other,
        };
        Self::new(kind, format!("{what}: {error}"))
    }

    /// What an error means that ureq found by itself.
    pub(crate) fn from_ureq(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => Self::new(
                FailureKind::Closed,
                "the server closed the connection before its answer was complete",
            ),
            ureq::Error::Io(e) => Self::from_io("reading the answer", e, false),
            ureq::Error::BodyStalled => {
                Self::new(FailureKind::Closed, "the server's answer stopped before it was complete")
            }
            ureq::Error::LargeResponseHeader(..) => Self::new(
                FailureKind::Protocol,
                "the answer's headers are larger than any token endpoint needs",
            ),
            ureq::Error::ConnectProxyFailed(reason) => from_proxy(reason),
            ureq::Error::Protocol(e) => {
                Self::new(FailureKind::Protocol, format!("the answer is not HTTP/1.1: {e}"))
            }
            other => Self::new(FailureKind::Other, other.to_string()),
        }
    }
}

impl From<ConfigurationError> for Ended {
    fn from(error: ConfigurationError) -> Self {
        Self::new(FailureKind::Configuration, error.to_string())
    }
}

/// The process or the system has no file descriptor left.
fn out_of_descriptors(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    #[cfg(unix)]
    let full = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::NOBUFS];
    #[cfg(not(unix))]
    let full = [rustix::io::Errno::MFILE, rustix::io::Errno::NOBUFS];
    errno.is_some_and(|e| full.contains(&e))
}

/// A CONNECT that the proxy did not grant. Its status is all that ureq passes on.
fn from_proxy(reason: &str) -> Ended {
    if reason.contains("responded 407") {
        let text = "the proxy wants other credentials (407); check the user and password in the proxy's URL";
        return Ended::new(FailureKind::Configuration, text);
    }
    let kind = if reason.contains("did not respond") { FailureKind::Closed } else { FailureKind::Refused };
    Ended::new(kind, format!("no way through the proxy: {reason}"))
}

/// One line, bounded, without control characters: some of it may come from a hostile peer.
fn one_line(text: &str) -> String {
    let mut line: String =
        text.chars().take(MESSAGE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MESSAGE_CHARS).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_error_keeps_its_kind() {
        for (raw, connecting, kind) in [
            (io::ErrorKind::ConnectionRefused, true, FailureKind::Refused),
            (io::ErrorKind::NetworkUnreachable, true, FailureKind::Unreachable),
            (io::ErrorKind::TimedOut, true, FailureKind::ConnectTimeout),
            (io::ErrorKind::TimedOut, false, FailureKind::Timeout),
            (io::ErrorKind::BrokenPipe, false, FailureKind::Reset),
            (io::ErrorKind::InvalidData, false, FailureKind::Other),
        ] {
            assert_eq!(Ended::from_io("x", &raw.into(), connecting).kind, kind, "{raw:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_process_without_file_descriptors_is_overloaded_not_offline() {
        let error = io::Error::from(rustix::io::Errno::MFILE);
        assert_eq!(Ended::from_io("opening a socket", &error, true).kind, FailureKind::Overloaded);
    }

    #[test]
    fn a_proxy_that_wants_credentials_is_a_configuration_fault() {
        assert_eq!(from_proxy("proxy server responded 407/407").kind, FailureKind::Configuration);
        assert_eq!(from_proxy("proxy server responded 502/502").kind, FailureKind::Refused);
        assert_eq!(from_proxy("proxy server did not respond").kind, FailureKind::Closed);
    }

    #[test]
    fn a_message_is_one_bounded_line() {
        let ended = Ended::new(FailureKind::Tls, format!("a\r\n\x1b[31mb{}", "x".repeat(1000)));
        assert!(ended.message.starts_with("a   [31mb"));
        assert_eq!(ended.message.chars().count(), MESSAGE_CHARS + 1);
    }
}
