//! Why a request got no answer.

use std::fmt;

use crate::token::NoBearer;

/// Why a request was not sent, or not answered.
#[non_exhaustive]
#[derive(Debug)]
pub enum LayerError<E> {
    /// There is no token, or after a refusal no other: the status says whether somebody must log in.
    NoToken(Box<NoBearer>),
    /// The request goes to an origin, or leaves a base path, that the layer was not told of. Nothing was sent.
    Foreign {
        /// Where it would have gone.
        origin: String,
    },
    /// The token is bound to a key, and no proof could be made; a sentence for people. Nothing was sent.
    NoProof(String),
    /// The token holds bytes that no header can carry. Nothing was sent.
    TokenUnusable,
    /// The service below failed.
    Inner(E),
}

impl<E: fmt::Display> fmt::Display for LayerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken(why) => write!(f, "no access token: {}", why.detail),
            Self::Foreign { origin } => {
                write!(f, "{origin} is none of the origins that this token is for; nothing was sent")
            }
            Self::NoProof(why) => f.write_str(why),
            Self::TokenUnusable => {
                f.write_str("the access token holds bytes that may not stand in an Authorization header")
            }
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for LayerError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Inner(error) => Some(error),
            Self::NoToken(_) | Self::Foreign { .. } | Self::NoProof(_) | Self::TokenUnusable => None,
        }
    }
}
