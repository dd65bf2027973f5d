//! Why a login did not come about: one sentence for people, and a kind for exit codes and scripts.

use std::fmt;

use renewd_core::{Failure, plain_line};

use crate::protocol::{Reason, Refusal};

/// The longest part of a message that may come from somebody else, in bytes.
const FOREIGN_MAX_BYTES: usize = 300;

/// What kind of thing went wrong.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginErrorKind {
    /// What the user or the configuration said cannot work.
    Configuration,
    /// A document, a callback or a token was not what it must be.
    Refused,
    /// The server, or the person at it, said no.
    Denied,
    /// The network or the server is not well: the same may work later.
    Temporary,
    /// Nobody came back in time.
    TimedOut,
    /// Several authorization servers would do, and the user must choose.
    Ambiguous,
    /// This machine lacks what a login needs: a port, entropy, a thread.
    System,
}

impl LoginErrorKind {
    /// A stable name, snake_case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Temporary => "temporary",
            Self::TimedOut => "timed_out",
            Self::Ambiguous => "ambiguous",
            Self::System => "system",
        }
    }
}

/// A login that did not come about. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginError {
    kind: LoginErrorKind,
    message: String,
    reason: Option<&'static str>,
}

impl LoginError {
    pub(crate) fn new(kind: LoginErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), reason: None }
    }

    /// Something that was refused, with what it stands in.
    pub(crate) fn refused(place: &str, refusal: &Refusal) -> Self {
        let message = format!("{place}: {refusal}");
        Self { kind: LoginErrorKind::Refused, message, reason: Some(refusal.reason.name()) }
    }

    /// Something of the user's that was refused.
    pub(crate) fn mistaken(what: &str, refusal: &Refusal) -> Self {
        let message = format!("{what}: {refusal}");
        Self { kind: LoginErrorKind::Configuration, message, reason: Some(refusal.reason.name()) }
    }

    /// No answer came.
    pub(crate) fn no_answer(failure: &Failure) -> Self {
        use renewd_core::FailureKind as K;
        let kind = match failure.kind {
            K::Configuration => LoginErrorKind::Configuration,
            _ => LoginErrorKind::Temporary,
        };
        Self::new(kind, plain_line(&failure.message, FOREIGN_MAX_BYTES))
    }

    /// A document from outside led inside.
    pub(crate) fn out_of_reach(failure: &Failure) -> Self {
        let message = plain_line(&failure.message, FOREIGN_MAX_BYTES);
        Self { kind: LoginErrorKind::Refused, message, reason: Some(Reason::PrivateHost.name()) }
    }

    /// What kind.
    pub const fn kind(&self) -> LoginErrorKind {
        self.kind
    }

    /// The [name](crate::protocol::Reason::name) of the reason, where something was refused for one.
    pub const fn reason(&self) -> Option<&'static str> {
        self.reason
    }

    /// With what it happened to.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// With what to do.
    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.message = format!("{}; {advice}", self.message);
        self
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for LoginError {}
