//! What an answer means for the credential.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use core::fmt;

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

    /// Whether the same request would get the same answer.
    pub const fn is_permanent(self) -> bool {
        matches!(self, Self::PermanentGrant | Self::PermanentClient)
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

impl Evidence {
    /// What came, in a few words: `HTTP 403 text/html`, `HTTP 400 invalid_grant`. None where no answer came. A type that
    /// goes without saying is left out beside a code.
    pub fn answer(&self) -> Option<String> {
        let status = self.http_status?;
        let kind = self
            .content_type
            .as_deref()
            .filter(|kind| self.oauth_error.is_none() || *kind != "application/json");
        let mut text = String::from("HTTP ");
        text.push_str(&status.to_string());
        for part in kind.into_iter().chain(self.oauth_error.as_deref()) {
            text.push(' ');
            text.push_str(part);
        }
        Some(text)
    }
}

/// In one line for people: the answer and what it said, or the transport's own words.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.answer(), &self.message) {
            (Some(answer), Some(message)) => write!(f, "{answer} ({message})"),
            (Some(answer), None) => f.write_str(&answer),
            (None, Some(message)) => f.write_str(message),
            (None, None) => f.write_str(&self.rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_in_one_line_is_the_answer_and_its_words() {
        for (status, kind, code, message, line) in [
            (Some(403), Some("text/html"), None, Some("blocked"), "HTTP 403 text/html (blocked)"),
            (Some(400), Some("application/json"), Some("invalid_grant"), None, "HTTP 400 invalid_grant"),
            (
                Some(400),
                Some("text/html"),
                Some("invalid_grant"),
                Some("over"),
                "HTTP 400 text/html invalid_grant (over)",
            ),
            (Some(502), None, None, None, "HTTP 502"),
            (None, None, None, Some("connection refused"), "connection refused"),
            (None, None, None, None, "never-sent"),
        ] {
            let evidence = Evidence {
                http_status: status,
                content_type: kind.map(String::from),
                oauth_error: code.map(String::from),
                message: message.map(String::from),
                rule: Cow::Borrowed("never-sent"),
            };
            assert_eq!(evidence.to_string(), line);
        }
    }
}
