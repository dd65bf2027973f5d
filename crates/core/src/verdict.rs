//! What an answer means for the credential.

use alloc::borrow::Cow;
use alloc::string::String;

/// The verdict on one attempt (`docs/answers` in the book; RFC 6749 §5.2 names only a part of what comes).
#[expect(
    clippy::exhaustive_enums,
    reason = "the lifecycle must decide on each; a new verdict is a breaking change"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// A usable access token came.
    Success,
    /// Keep the grant, back off.
    Transient,
    /// Keep the grant, wait as long as the server says.
    RateLimited,
    /// The grant is refused: a login is needed.
    PermanentGrant,
    /// The client or the configuration is refused: keep the grant, tell the operator once, probe slowly.
    PermanentClient,
    /// A 2xx or other shape that may have rotated the refresh token: in doubt.
    ProtocolErrorTransient,
    /// Send again at once, once, with a changed input (a nonce, another connection).
    RetryImmediately,
}

impl Verdict {
    /// The name in JSON, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Transient => "transient",
            Self::RateLimited => "rate_limited",
            Self::PermanentGrant => "permanent_grant",
            Self::PermanentClient => "permanent_client",
            Self::ProtocolErrorTransient => "protocol_error_transient",
            Self::RetryImmediately => "retry_immediately",
        }
    }

    /// The verdict of that [name](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Success,
            Self::Transient,
            Self::RateLimited,
            Self::PermanentGrant,
            Self::PermanentClient,
            Self::ProtocolErrorTransient,
            Self::RetryImmediately,
        ]
        .into_iter()
        .find(|v| v.name() == name)
    }
}

/// What a failure looked like, cleaned for people and logs: no secret that was sent, no control or bidi characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// The HTTP status; none when no answer came.
    pub http_status: Option<u16>,
    /// The media type, lower-case, without parameters, at most 64 bytes.
    pub content_type: Option<String>,
    /// The OAuth error code found in the body, at most 64 bytes.
    pub oauth_error: Option<String>,
    /// One line in plain words, at most 200 bytes.
    pub message: Option<String>,
    /// The rule that decided, by its stable name (`client-error-without-oauth-code`).
    pub rule: Cow<'static, str>,
}
