//! Why nothing usable came from the upstream. The texts are shown to clients: they hold names, addresses and kinds of
//! failure, never a header or a body.

use std::io;

/// One failed try.
pub(crate) struct SendFailure {
    pub(crate) kind: FailureKind,
    pub(crate) detail: String,
    /// The connection had served before and died without one byte of an answer: most likely the upstream had closed
    /// it in the same moment (RFC 9112 §9.3.1).
    pub(crate) was_stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    Unreachable,
    TimedOut,
    /// The client's body broke off: nobody waits for an answer any more.
    ClientGone,
}

impl SendFailure {
    pub(crate) fn unreachable(detail: impl Into<String>) -> Self {
        Self { kind: FailureKind::Unreachable, detail: detail.into(), was_stale: false }
    }

    pub(crate) fn timed_out(detail: impl Into<String>) -> Self {
        Self { kind: FailureKind::TimedOut, detail: detail.into(), was_stale: false }
    }

    /// hyper's own words are fixed sentences; of its source only the kind of an I/O error is shown.
    pub(crate) fn of_exchange(authority: &str, error: &hyper::Error) -> Self {
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
        let detail = match source {
            Some(io) => format!("{authority}: {error}: {}", io.kind()),
            None => format!("{authority}: {error}"),
        };
        let kind = if error.is_user() { FailureKind::ClientGone } else { FailureKind::Unreachable };
        Self { kind, ..Self::unreachable(detail) }
    }
}
