//! What goes into judging an answer, and what comes out.

use alloc::string::String;
use alloc::vec::Vec;

use crate::profile::Profile;
use crate::secret::Secret;
use crate::time::{Span, Wall};
use crate::verdict::{Evidence, Verdict};

/// How an attempt ended.
#[expect(clippy::exhaustive_enums, reason = "a complete response came or it did not")]
#[derive(Clone, Hash)]
pub enum Answer {
    /// A response came, whole or cut at the body limit.
    Response(Response),
    /// No complete response came.
    Failed(Failure),
}

/// An HTTP response.
#[derive(Clone, Hash)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers as they came; names in any case.
    pub headers: Vec<(String, String)>,
    /// The body as it came, at most 64 KiB on the wire.
    pub body: Secret,
    /// The body was longer than the limit and was cut.
    pub truncated: bool,
}

impl Response {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// A failure of the transport.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// Whether a byte of the request left.
    pub sent: Sent,
    /// Whether the socket is closed (or never was open): nothing more can leave.
    pub closed: bool,
    /// One line without secrets.
    pub message: String,
}

/// Whether a byte of the HTTP request left this machine. Counted by the transport, never guessed from an error.
#[expect(clippy::exhaustive_enums, reason = "none left, or some did")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// None: the refresh token is unspent.
    Nothing,
    /// Some: it may be spent.
    Bytes,
}

/// Kinds of transport failure.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The name did not resolve.
    Dns,
    /// The connection was refused.
    Refused,
    /// No route, network down.
    Unreachable,
    /// The connection did not stand in time.
    ConnectTimeout,
    /// TLS failed: certificate, name, protocol.
    Tls,
    /// The whole request did not end in time.
    Timeout,
    /// Reset by the peer.
    Reset,
    /// Closed before the head of an answer was complete.
    Closed,
    /// The head of an answer came, and then its body broke off: the server did its part.
    Body,
    /// Not HTTP.
    Protocol,
    /// Aborted by us.
    Aborted,
    /// The transport had no room; it was never tried.
    Overloaded,
    /// A proxy or CA file in the configuration cannot be used.
    Configuration,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// A stable name, snake_case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Body => "body",
            Self::Protocol => "protocol",
            Self::Aborted => "aborted",
            Self::Overloaded => "overloaded",
            Self::Configuration => "configuration",
            Self::Other => "other",
        }
    }
}

/// What judging needs to know besides the answer.
#[derive(Clone, Copy)]
pub struct RequestContext<'a> {
    /// The refresh token that was sent: tells a rotation, and is removed from evidence.
    pub sent_refresh_token: Option<&'a Secret>,
    /// The client secret that was sent: removed from evidence.
    pub client_secret: Option<&'a Secret>,
    /// Whatever else was sent and must not be shown: assertions, proofs, codes, verifiers, tokens of somebody else's.
    pub sent: &'a [Secret],
    /// The wall clock, for a `Retry-After` date without the answer's own `Date`.
    pub now: Wall,
    /// The provider's habits.
    pub profile: &'a Profile,
}

/// What a usable answer grants (RFC 6749 §5.1).
#[derive(Clone, Hash)]
pub struct Grant {
    /// The access token; checked to be usable in a header (RFC 6750 §2.1).
    pub access_token: Secret,
    /// As the server wrote it; `Bearer` where it gave none.
    pub token_type: String,
    /// Whether the server gave a type at all.
    pub token_type_given: bool,
    /// Seconds, as given: zero and negative included; none where absent or unreadable. What it means is
    /// [`Grant::lifetime`].
    pub expires_in: Option<i64>,
    /// The scope granted, where named.
    pub scope: Option<String>,
    /// The ID token.
    pub id_token: Option<Secret>,
    /// Seconds until the new refresh token ends, where given.
    pub refresh_token_expires_in: Option<i64>,
}

impl Grant {
    /// How long the access token lives; none where the server does not say. Zero and less say nothing: providers
    /// write them for tokens that do not expire, and none hands out tokens that are over.
    pub fn lifetime(&self) -> Option<Span> {
        let seconds = self.expires_in.and_then(|seconds| u64::try_from(seconds).ok());
        seconds.filter(|&seconds| seconds > 0).map(Span::from_secs)
    }
}

/// The judgement on one answer.
#[derive(Clone, Hash)]
pub struct Judgement {
    /// What it means.
    pub verdict: Verdict,
    /// What it looked like.
    pub evidence: Evidence,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Span>,
    /// Whether the server may have rotated the refresh token although this is no success.
    pub may_have_rotated: bool,
    /// The new refresh token of a 2xx, taken out before anything else was judged; none where it is absent, empty,
    /// null or equal to the one sent. Present with any verdict: it must be kept.
    pub refresh_token: Option<Secret>,
    /// What was granted; with [`Verdict::Success`] always there.
    pub grant: Option<Grant>,
    /// A `DPoP-Nonce` that came (RFC 9449 §8).
    pub dpop_nonce: Option<String>,
    /// The answer's `Date` (RFC 9110 §6.6.1).
    pub server_time: Option<Wall>,
}

impl Default for Judgement {
    fn default() -> Self {
        Self {
            verdict: Verdict::Transient,
            evidence: Evidence::default(),
            retry_after: None,
            may_have_rotated: false,
            refresh_token: None,
            grant: None,
            dpop_nonce: None,
            server_time: None,
        }
    }
}
