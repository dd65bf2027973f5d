//! What a test may choose about logins and about grants without a refresh token.

use std::fmt;

/// Everything that [`AsConfig`](crate::AsConfig) says beyond the refresh grant. All of it works without a word here; a test
/// names what it wants otherwise.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginConfig {
    /// The grant types that are served, by their values of `grant_type`; empty (the default): all of them.
    pub grant_types: Vec<String>,
    /// The public keys of the client (a JWK Set): where given, `private_key_jwt` is accepted (RFC 7523 section 2.2).
    pub client_keys: Option<String>,
    /// The public keys (a JWK Set) of those whose assertions are grants (RFC 7523 section 2.1); `None` (the default): any
    /// assertion is, signed or not.
    pub assertion_keys: Option<String>,
    /// How far the server's clock is from this machine's, in milliseconds: it shows in `Date` and in what is made of `iat` and
    /// `exp`. Default: 0.
    pub clock_offset_ms: i64,
    /// What is done with DPoP proofs (RFC 9449). Default: tokens are bound where a proof is there.
    pub dpop: Dpop,
    /// Whether a proof must carry the server's nonce (RFC 9449 section 8). Default: no.
    pub dpop_nonce: bool,
    /// Whether answers repeat the scope that was asked for. Default: no.
    pub echo_scope: bool,
    /// The scopes that are granted; others get `invalid_scope`. `None` (the default): all.
    pub scopes: Option<Vec<String>>,
    /// The values of `resource` and `audience` that are known; others get `invalid_target` (RFC 8707 section 2). `None` (the
    /// default): all.
    pub targets: Option<Vec<String>>,
    /// Whether grants that need none bring a refresh token too, as some servers do. Default: no.
    pub needless_refresh_token: bool,
    /// Redirect addresses of the client; of those to a loopback address the port does not count (RFC 8252 section 7.3). Empty
    /// (the default): any to `127.0.0.1` or `[::1]`.
    pub redirect_uris: Vec<String>,
    /// What the person at the authorization endpoint decides. Default: [`Consent::Approve`].
    pub consent: Consent,
    /// `iss` of the redirect (RFC 9207). Default: the issuer.
    pub redirect_issuer: Iss,
    /// How long an authorization code works, in milliseconds. Default: 60 s.
    pub code_lifetime_ms: u64,
    /// `interval` of the device grant, in seconds; `None`: not said, so that clients take 5 (RFC 8628 section 3.2). Default: 1.
    pub device_interval_s: Option<u64>,
    /// How long a device code works, in milliseconds. Default: ten minutes.
    pub device_lifetime_ms: u64,
    /// The person at the device page approves at this poll, from 1; `None` (the default): when told to, by
    /// `approve_device`, or by opening `verification_uri_complete`.
    pub device_approved_at_poll: Option<u32>,
    /// Whether clients may register (RFC 7591). Default: whoever asks.
    pub registration: Registration,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self {
            grant_types: Vec::new(),
            client_keys: None,
            assertion_keys: None,
            clock_offset_ms: 0,
            dpop: Dpop::Optional,
            dpop_nonce: false,
            echo_scope: false,
            scopes: None,
            targets: None,
            needless_refresh_token: false,
            redirect_uris: Vec::new(),
            consent: Consent::Approve,
            redirect_issuer: Iss::Right,
            code_lifetime_ms: 60_000,
            device_interval_s: Some(1),
            device_lifetime_ms: 600_000,
            device_approved_at_poll: None,
            registration: Registration::Open,
        }
    }
}

/// Shows what decides, and no key or secret.
impl fmt::Debug for LoginConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginConfig")
            .field("dpop", &self.dpop)
            .field("dpop_nonce", &self.dpop_nonce)
            .field("consent", &self.consent)
            .finish_non_exhaustive()
    }
}

/// What the token endpoint does with DPoP proofs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dpop {
    /// Looks at none: all tokens are bearer tokens.
    Ignored,
    /// A proof binds the token; without one it is a bearer token.
    #[default]
    Optional,
    /// Without a proof there is no token: `invalid_dpop_proof`.
    Required,
}

/// What the person at the authorization endpoint decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Consent {
    /// Yes, at once.
    #[default]
    Approve,
    /// No: this `error` goes back (RFC 6749 section 4.1.2.1).
    Deny(String),
}

/// What the redirect says of its issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Iss {
    /// The truth, as the metadata promises.
    #[default]
    Right,
    /// Nothing; the metadata promises nothing.
    Absent,
    /// Nothing, although the metadata promises it.
    Withheld,
    /// Another server.
    Wrong(String),
}

/// Who may register a client.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Registration {
    /// Nobody: there is no such endpoint.
    Closed,
    /// Whoever asks.
    #[default]
    Open,
    /// Who shows this token (RFC 7591 section 3).
    Token(String),
}
