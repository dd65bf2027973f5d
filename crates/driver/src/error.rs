//! Why a caller got no token, with everything a problem body or a person needs, and no secret.

use std::fmt;

use renewd_core::{AccessKey, Cause, LastAttempt, Now, Span, Status, StoreFault, Unavailable, View, Wall};

use crate::CredentialName;

/// The truth about a credential that has no token to give.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoToken {
    /// Which credential.
    pub name: CredentialName,
    /// Its status.
    pub status: Status,
    /// Why.
    pub cause: Option<Cause>,
    /// Since when the status is what it is, where known.
    pub since: Option<Wall>,
    /// When the next attempt is due, where one is.
    pub next_attempt_at: Option<Wall>,
    /// The same as a span from when this was said: what `Retry-After` is made of, rounded up.
    pub retry_after: Option<Span>,
    /// The last failed attempt.
    pub last_attempt: Option<LastAttempt>,
    /// What the token should have been for; none: the login's own.
    pub wanted: Option<AccessKey>,
}

impl NoToken {
    pub(crate) fn from_unavailable(name: CredentialName, u: Unavailable, now: Now) -> Self {
        Self {
            name,
            status: u.status,
            cause: u.cause,
            since: u.since,
            next_attempt_at: u.next_attempt.map(|at| now.wall_at(at)),
            retry_after: u.next_attempt.map(|at| at.since(now.boot)),
            last_attempt: u.last_attempt,
            wanted: None,
        }
    }

    pub(crate) fn from_view(name: CredentialName, view: &View, now: Now) -> Self {
        let unavailable = Unavailable {
            status: view.status,
            cause: view.cause,
            since: view.since,
            next_attempt: view.next_attempt,
            last_attempt: view.last_attempt.clone(),
        };
        Self::from_unavailable(name, unavailable, now)
    }

    pub(crate) fn wanted_for(self, key: Option<&AccessKey>) -> Self {
        Self { wanted: key.cloned(), ..self }
    }
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credential {} is {}", self.name, self.status.name())?;
        match (&self.wanted, self.cause) {
            (Some(key), Some(Cause::AudienceRefused)) => {
                write!(f, ", but the server gives no token for {key}")?;
            }
            (_, Some(cause)) => write!(f, " ({})", cause.name())?,
            (_, None) => {}
        }
        if let Some(attempt) = &self.last_attempt {
            write!(f, ": {}", attempt.evidence)?;
        }
        match self.retry_after {
            Some(wait) => write!(f, "; next attempt in {}s", wait.as_secs_ceil()),
            None if self.status == Status::Unauthenticated => f.write_str("; log in again"),
            None => Ok(()),
        }
    }
}

/// Why a caller got no token.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// There is none, and none soon: `auth_retrying` or `unauthenticated`.
    Unavailable(Box<NoToken>),
    /// None came within the time the caller gave.
    Timeout {
        /// How long it waited.
        waited: Span,
        /// What is known meanwhile.
        state: Box<NoToken>,
    },
    /// The local store or its key fails, and no token is in memory.
    Store {
        /// How.
        fault: StoreFault,
        /// What else is known.
        state: Box<NoToken>,
    },
    /// Too many callers wait for this credential already.
    Overloaded {
        /// How many.
        waiters: u32,
    },
    /// A complaint of a token that was never given out for what it names: nothing is renewed for it.
    NeverGiven {
        /// Of which credential.
        name: CredentialName,
        /// The epoch that was named.
        epoch: u64,
        /// The generation that was named.
        generation: u64,
    },
    /// The driver has stopped, or the credential was removed.
    Stopped,
}

impl TokenError {
    /// What is known of the credential, where the loop could say.
    pub fn state(&self) -> Option<&NoToken> {
        match self {
            Self::Unavailable(state) | Self::Timeout { state, .. } | Self::Store { state, .. } => Some(state),
            Self::Overloaded { .. } | Self::NeverGiven { .. } | Self::Stopped => None,
        }
    }

    /// How long until it makes sense to ask again, where an attempt is due.
    pub fn retry_after(&self) -> Option<Span> {
        self.state().and_then(|s| s.retry_after)
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(state) => state.fmt(f),
            Self::Timeout { waited, state } => {
                // A timer fires a little late; nobody wants to read of its milliseconds.
                let seconds = Span::from_secs(waited.as_secs());
                let waited = if seconds.is_zero() { *waited } else { seconds };
                write!(f, "no token came within {waited}: {state}")
            }
            Self::Store { fault, state } => {
                write!(
                    f,
                    "credential {}: the store fails ({}): {}",
                    state.name,
                    fault.kind.name(),
                    fault.message
                )
            }
            Self::Overloaded { waiters } => {
                write!(f, "{waiters} callers wait for this credential already; try again later")
            }
            Self::NeverGiven { name, epoch, generation } => {
                write!(
                    f,
                    "credential {name}: no such token of epoch {epoch}, generation {generation} was given out here"
                )
            }
            Self::Stopped => f.write_str("the keeper of this credential has stopped"),
        }
    }
}

impl std::error::Error for TokenError {}
