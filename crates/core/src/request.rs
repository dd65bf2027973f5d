//! The requests to a token endpoint, one for each grant, and the one that takes a token back (RFC 7009). Built here,
//! sent elsewhere.
//!
//! Neither type nor body can be printed: the form holds tokens, and a header may hold the client's secret.

mod encode;
mod grants;
mod headers;
mod json;
mod secrets;

use alloc::string::String;
use alloc::vec::Vec;

use crate::grant_type::{AssertionClaims, SigningKey, TokenSource};
use crate::secret::Secret;
use crate::time::{Span, Wall};

pub(crate) use encode::push_base64;
pub use grants::AuthorizationCode;
pub use headers::{RESERVED_HEADERS, is_reserved_header};

/// A token request, complete but for its proofs.
#[derive(Clone, Hash)]
pub struct TokenRequest {
    /// The pinned token endpoint. The method is always POST.
    pub url: String,
    /// All headers but `Host` and `Content-Length`. Values may hold the client's secret.
    pub headers: Vec<(String, Secret)>,
    /// The form, or the JSON object.
    pub body: Secret,
    /// What the driver's signer must still add; core holds no keys.
    pub proofs: Vec<ProofSpec>,
    /// From DNS to the last byte of the answer.
    pub timeout: Span,
    /// Until the connection stands.
    pub connect_timeout: Span,
}

/// What the driver's signer adds to a request: whatever needs a key, entropy or a file. The order is that of the list;
/// parameters go into the body, which is a form or a JSON object as its `Content-Type` says.
#[non_exhaustive]
#[derive(Clone, Hash)]
pub enum ProofSpec {
    /// `client_assertion_type` and `client_assertion` (RFC 7523 §2.2).
    ClientAssertion {
        /// Signs it.
        key: SigningKey,
        /// Its `iss` and `sub`.
        client_id: String,
        /// Its `aud`.
        audience: String,
        /// Its `iat`: the server's clock, as far as it is known.
        at: Wall,
    },
    /// The parameter `assertion` of a JWT bearer grant (RFC 7523 §2.1).
    Assertion {
        /// What is claimed.
        claims: AssertionClaims,
        /// Its `iat`.
        at: Wall,
    },
    /// A token of somebody else's, as this parameter.
    Token {
        /// `subject_token`, `actor_token` or `assertion`.
        parameter: &'static str,
        /// Where it comes from.
        source: TokenSource,
    },
    /// A `DPoP` header (RFC 9449 §4).
    Dpop {
        /// The key.
        key: Secret,
        /// The nonce the server gave, if it did.
        nonce: Option<String>,
        /// Its `iat`.
        at: Wall,
    },
}

impl ProofSpec {
    /// What is missing, for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ClientAssertion { .. } => "a client assertion",
            Self::Assertion { .. } => "an assertion",
            Self::Token { .. } => "a token of somebody else's",
            Self::Dpop { .. } => "a DPoP proof",
        }
    }

    /// The time that it names, where it is signed.
    pub const fn signed_at(&self) -> Option<Wall> {
        match self {
            Self::ClientAssertion { at, .. } | Self::Assertion { at, .. } | Self::Dpop { at, .. } => {
                Some(*at)
            }
            Self::Token { .. } => None,
        }
    }

    /// The parameter that it fills in, where it is one alone.
    pub const fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::Assertion { .. } => Some("assertion"),
            Self::Token { parameter, .. } => Some(parameter),
            Self::ClientAssertion { .. } | Self::Dpop { .. } => None,
        }
    }
}

/// What kind of token is to be revoked (RFC 7009 §2.1).
#[expect(clippy::exhaustive_enums, reason = "core holds these two kinds")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenTypeHint {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`: the server ends the whole grant with it (RFC 7009 §2.1).
    RefreshToken,
}

impl TokenTypeHint {
    /// The value of `token_type_hint`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// What goes into the proofs of a request.
#[derive(Clone, Copy, Debug)]
pub struct Proving<'a> {
    /// Their `iat`: the server's clock, as far as it is known.
    pub at: Wall,
    /// The nonce that this server gave last, if it did (RFC 9449 §8).
    pub nonce: Option<&'a str>,
}

impl Proving<'_> {
    /// At that time, with no nonce.
    pub const fn at(at: Wall) -> Self {
        Self { at, nonce: None }
    }
}

#[cfg(test)]
mod tests;
