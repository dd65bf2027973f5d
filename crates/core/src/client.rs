//! The OAuth client: who asks.

use alloc::string::String;

use crate::secret::Secret;

/// How the client proves itself at the token endpoint (RFC 6749 §2.3).
#[non_exhaustive]
#[derive(Clone, Hash)]
pub enum ClientAuth {
    /// A public client: `client_id` in the body (RFC 6749 §3.2.1).
    None,
    /// `client_secret_basic`: HTTP Basic, both parts form-encoded first (RFC 6749 §2.3.1).
    Basic(Secret),
    /// `client_secret_post`: in the body.
    Post(Secret),
}

impl ClientAuth {
    /// `none`, `basic` or `post`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic(_) => "basic",
            Self::Post(_) => "post",
        }
    }
}

/// The client and what it adds to every refresh.
#[derive(Clone, Hash)]
pub struct Client {
    /// `client_id`. Empty where the grant was given without one (the hint about a stale client is then withheld).
    pub id: String,
    /// How it proves itself.
    pub auth: ClientAuth,
    /// `scope` to ask for on refresh, where the provider wants one (RFC 6749 §6). Space-separated.
    pub scope: Option<String>,
    /// Extra form parameters for every refresh, in order.
    pub extra_parameters: alloc::vec::Vec<(String, String)>,
    /// Extra request headers for every refresh, in order. `Accept`, `Content-Type`, `Authorization`, `Host` and
    /// `Content-Length` are the core's own: they are ignored here, but for `Accept`, which replaces the default.
    pub extra_headers: alloc::vec::Vec<(String, String)>,
}

impl Client {
    /// A public client without a secret.
    pub fn public(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            auth: ClientAuth::None,
            scope: None,
            extra_parameters: alloc::vec::Vec::new(),
            extra_headers: alloc::vec::Vec::new(),
        }
    }
}
