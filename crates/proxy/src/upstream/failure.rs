//! Why nothing usable came from the upstream. The texts are shown to clients: they hold names, addresses and kinds of
//! failure, never a header or a body.

use std::io;

/// One failed try.
#[derive(Clone)]
pub(crate) struct SendFailure {
    pub(crate) kind: FailureKind,
    pub(crate) detail: String,
    /// The connection had served before and died without one byte of an answer: most likely the upstream had closed
    /// it in the same moment (RFC 9112 §9.3.1).
    pub(crate) was_stale: bool,
    /// The upstream says that it did nothing with the request (RFC 9113 §8.7): another connection may have it, whatever
    /// it asks for.
    pub(crate) is_unprocessed: bool,
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
        Self {
            kind: FailureKind::Unreachable,
            detail: detail.into(),
            was_stale: false,
            is_unprocessed: false,
        }
    }

    pub(crate) fn timed_out(detail: impl Into<String>) -> Self {
        Self { kind: FailureKind::TimedOut, detail: detail.into(), was_stale: false, is_unprocessed: false }
    }

    /// hyper's own words are fixed sentences; of its source only the kind of an I/O error is shown, or the name of an
    /// HTTP/2 error code. `had_served`: whether the connection had answered before.
    pub(crate) fn of_exchange(authority: &str, error: &hyper::Error, had_served: bool) -> Self {
        let source = std::error::Error::source(error);
        let io = source.and_then(|source| source.downcast_ref::<io::Error>());
        let h2 = source.and_then(|source| source.downcast_ref::<h2::Error>());
        let io = io.or_else(|| h2.and_then(h2::Error::get_io));
        let reason = h2.and_then(h2::Error::reason);
        let detail = match (io, reason) {
            (Some(io), _) => format!("{authority}: {error}: {}", io.kind()),
            (None, Some(reason)) => format!("{authority}: {error}: {}", reason.description()),
            (None, None) => format!("{authority}: {error}"),
        };
        let ours = h2.is_some_and(|h2| h2.is_reset() && !h2.is_remote());
        let kind = if error.is_user() || ours { FailureKind::ClientGone } else { FailureKind::Unreachable };
        let broken =
            error.is_incomplete_message() || error.is_closed() || error.is_canceled() || io.is_some();
        Self {
            kind,
            was_stale: had_served && broken && kind == FailureKind::Unreachable,
            is_unprocessed: h2.is_some_and(was_not_processed),
            ..Self::unreachable(detail)
        }
    }
}

/// REFUSED_STREAM says so itself; a GOAWAY ends only the streams after the last one that was or will be looked at, the
/// others go on (RFC 9113 §6.8).
fn was_not_processed(error: &h2::Error) -> bool {
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    let told_to_go = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    error.is_remote() && (refused || told_to_go)
}
