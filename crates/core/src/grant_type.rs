//! How a credential is renewed: by spending its refresh token, or by running its grant again.
//!
//! Core carries what a grant needs and decides when it is run. Keys are opaque to it: whoever signs parses them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::secret::Secret;
use crate::time::Span;

// rfc: 9700-2.4 there is no password grant here
/// The grant that is run for the next access token.
#[non_exhaustive]
#[derive(Clone, Default, Hash)]
pub enum GrantType {
    /// RFC 6749 §6. The authorization code and device grants end here too: they bring a refresh token.
    #[default]
    RefreshToken,
    /// RFC 6749 §4.4: the client itself is the owner.
    ClientCredentials,
    /// RFC 8693: another token is exchanged.
    TokenExchange(TokenExchange),
    /// RFC 7523 §2.1: an assertion is the grant.
    JwtBearer(JwtBearer),
}

impl GrantType {
    /// The value of `grant_type`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange(_) => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer(_) => "urn:ietf:params:oauth:grant-type:jwt-bearer",
        }
    }

    /// Whether it is renewed by a refresh token. Where not, nothing is spent: the same request may be sent again at any
    /// time, and no rotation can be lost.
    pub const fn spends_refresh_token(&self) -> bool {
        matches!(self, Self::RefreshToken)
    }

    /// Whether it is asked with nothing but what was told once, at login: refused once, it is refused for ever. Keys sign
    /// anew, files are kept fresh by somebody, and a client is mended where it is registered.
    pub const fn is_told_once(&self) -> bool {
        match self {
            Self::RefreshToken => true,
            Self::ClientCredentials | Self::JwtBearer(JwtBearer::Signed(_)) => false,
            Self::JwtBearer(JwtBearer::Given(source)) => !source.is_read_anew(),
            Self::TokenExchange(exchange) => !exchange.is_read_anew(),
        }
    }

    /// Whether it is asked with what lies in a file that somebody else keeps fresh.
    pub const fn is_read_anew(&self) -> bool {
        match self {
            Self::RefreshToken | Self::ClientCredentials | Self::JwtBearer(JwtBearer::Signed(_)) => false,
            Self::JwtBearer(JwtBearer::Given(source)) => source.is_read_anew(),
            Self::TokenExchange(exchange) => exchange.is_read_anew(),
        }
    }

    /// The tokens and assertions in it that are secrets, as they are sent.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Secret> {
        let (one, other) = match self {
            Self::TokenExchange(exchange) => {
                (Some(&exchange.subject), exchange.actor.as_ref().map(|(actor, _)| actor))
            }
            Self::JwtBearer(JwtBearer::Given(source)) => (Some(source), None),
            Self::RefreshToken | Self::ClientCredentials | Self::JwtBearer(JwtBearer::Signed(_)) => {
                (None, None)
            }
        };
        one.into_iter().chain(other).filter_map(|source| match source {
            TokenSource::Kept(token) => Some(token),
            TokenSource::File(_) => None,
        })
    }
}

/// What is exchanged (RFC 8693 §2.1).
#[derive(Clone, Hash)]
pub struct TokenExchange {
    /// `subject_token`.
    pub subject: TokenSource,
    /// `subject_token_type`: a URI of RFC 8693 §3.
    pub subject_type: String,
    /// `actor_token` and its type.
    pub actor: Option<(TokenSource, String)>,
    /// `requested_token_type`.
    pub requested_type: Option<String>,
}

/// Where a token of somebody else's comes from.
#[non_exhaustive]
#[derive(Clone, Hash)]
pub enum TokenSource {
    /// A file that somebody keeps fresh (a projected service account token, say): read anew for each request.
    File(String),
    /// Told once at login, and kept in the record.
    Kept(Secret),
}

impl TokenSource {
    const fn is_read_anew(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

impl TokenExchange {
    const fn is_read_anew(&self) -> bool {
        let actor = match &self.actor {
            Some((actor, _)) => actor.is_read_anew(),
            None => false,
        };
        self.subject.is_read_anew() || actor
    }
}

/// The assertion of a JWT bearer grant.
#[non_exhaustive]
#[derive(Clone, Hash)]
pub enum JwtBearer {
    /// Made by somebody else.
    Given(TokenSource),
    /// Signed anew for each request.
    Signed(AssertionClaims),
}

/// What is claimed in an assertion that is signed here (RFC 7523 §3). Times and `jti` are added when it is signed.
#[derive(Clone, Hash)]
pub struct AssertionClaims {
    /// Signs it.
    pub key: SigningKey,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`.
    pub audience: String,
    /// Further claims, as texts: Google's `scope`, say.
    pub claims: Vec<(String, String)>,
    /// From `iat` to `exp`.
    pub lifetime: Span,
}

/// A private key for signatures.
#[derive(Clone, Hash)]
pub struct SigningKey {
    /// A PEM block (PKCS #8, PKCS #1 or SEC 1) or a private JWK, as it was read.
    pub material: Secret,
    /// `kid`, where the server knows the key by one; a JWK names its own.
    pub key_id: Option<String>,
    /// `ES256`, `RS256` or `EdDSA`; none where the key leaves no choice.
    pub algorithm: Option<String>,
}
