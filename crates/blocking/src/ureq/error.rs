//! Why a request got no answer.

use std::fmt;

use renewd_core::Span;
use renewd_driver::TokenError;
use ureq::http::Uri;

/// Why a request was not sent. ureq hands it on as [`ureq::Error::Other`]; [`of`](TokenMiddlewareError::of) finds it there.
#[non_exhaustive]
#[derive(Debug)]
pub enum TokenMiddlewareError {
    /// There is no token, or after a refusal no other: it says whether somebody must log in.
    NoToken(TokenError),
    /// The request goes to an origin, or leaves a base path, that the middleware was not told of.
    Foreign {
        /// Where it would have gone.
        origin: String,
    },
    /// The token is bound to a key, and no proof could be made; a sentence for people.
    NoProof(String),
    /// The token holds bytes that no header can carry.
    TokenUnusable,
}

impl TokenMiddlewareError {
    /// What is behind an error of ureq's, where it is one of these.
    pub fn of(error: &ureq::Error) -> Option<&Self> {
        match error {
            ureq::Error::Other(inner) => inner.downcast_ref(),
            _ => None,
        }
    }

    /// How long until the next attempt to get a token, where one is due: what a `Retry-After` is made of, rounded up.
    pub fn retry_after(&self) -> Option<Span> {
        match self {
            Self::NoToken(why) => why.retry_after(),
            _ => None,
        }
    }

    pub(super) fn foreign(uri: &Uri) -> Self {
        // Without a user and a password, which a URL may hold.
        let host = uri.host().unwrap_or("a relative address");
        let scheme = uri.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
        Self::Foreign { origin: format!("{scheme}{host}") }
    }
}

impl fmt::Display for TokenMiddlewareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken(why) => write!(f, "no access token: {why}"),
            Self::Foreign { origin } => {
                write!(f, "{origin} is none of the origins that this token is for; nothing was sent")
            }
            Self::NoProof(why) => f.write_str(why),
            Self::TokenUnusable => {
                f.write_str("the access token holds bytes that may not stand in an Authorization header")
            }
        }
    }
}

impl std::error::Error for TokenMiddlewareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoToken(why) => Some(why),
            Self::Foreign { .. } | Self::NoProof(_) | Self::TokenUnusable => None,
        }
    }
}

impl From<TokenMiddlewareError> for ureq::Error {
    fn from(error: TokenMiddlewareError) -> Self {
        Self::Other(Box::new(error))
    }
}

/// What was given is no place that a token may go to; half a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOrigin(pub(super) &'static str);

impl fmt::Display for NoOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the origin {}", self.0)
    }
}

impl std::error::Error for NoOrigin {}
