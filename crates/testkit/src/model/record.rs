//! What happened, in numbers and in order, without a token in it: tests assert on these.

use super::{AccessOrdinal, GrantId};
use std::collections::VecDeque;
use std::fmt;

/// How many entries a log keeps; older ones are dropped and counted. Enough for hours of a busy test.
pub const LOG_ENTRIES: usize = 10_000;

/// Counts over the life of an [`AsModel`](crate::AsModel). They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Token requests that reached the server, whatever became of them.
    pub token_requests: u64,
    /// Of these, those the server took no notice of, because a fault stood in the way.
    pub unprocessed: u64,
    /// Token requests or connections for which a fault other than `ok` was played.
    pub faults: u64,
    /// Token requests granted (whether or not the answer arrived).
    pub successes: u64,
    /// Of these, those that issued a new refresh token.
    pub rotations: u64,
    /// Of these, those that were replays of a superseded refresh token and still answered (P1, P3 to P6).
    pub replays: u64,
    /// Superseded refresh tokens presented where the class forbids it.
    pub reuse_trips: u64,
    /// Grants revoked, by reuse or on request.
    pub families_revoked: u64,
    /// `invalid_grant` answers, reuse included.
    pub invalid_grants: u64,
    /// `invalid_client` answers.
    pub invalid_clients: u64,
    /// Other refused requests: malformed, missing or unsupported parameters.
    pub invalid_requests: u64,
    /// Revocations asked for: RFC 7009 requests and calls.
    pub revocations: u64,
    /// Grants made without a browser.
    pub grants_minted: u64,
    /// Access tokens checked.
    pub access_checks: u64,
    /// Of these, those that were not valid.
    pub access_refused: u64,
    /// Refresh and access tokens killed by the cap of P6.
    pub evictions: u64,
    /// Of the successes, those of grants other than `refresh_token`.
    pub grants_run: u64,
    /// Polls of a device before anybody decided.
    pub pending: u64,
    /// DPoP proofs refused, missing ones and those without the nonce included.
    pub proofs_refused: u64,
    /// Of these, those that only wanted the server's nonce.
    pub nonces_asked: u64,
}

impl Totals {
    /// Name and value of every count, in a stable order.
    pub fn entries(&self) -> [(&'static str, u64); 20] {
        [
            ("token_requests", self.token_requests),
            ("unprocessed", self.unprocessed),
            ("faults", self.faults),
            ("successes", self.successes),
            ("rotations", self.rotations),
            ("replays", self.replays),
            ("reuse_trips", self.reuse_trips),
            ("families_revoked", self.families_revoked),
            ("invalid_grants", self.invalid_grants),
            ("invalid_clients", self.invalid_clients),
            ("invalid_requests", self.invalid_requests),
            ("revocations", self.revocations),
            ("grants_minted", self.grants_minted),
            ("access_checks", self.access_checks),
            ("access_refused", self.access_refused),
            ("evictions", self.evictions),
            ("grants_run", self.grants_run),
            ("pending", self.pending),
            ("proofs_refused", self.proofs_refused),
            ("nonces_asked", self.nonces_asked),
        ]
    }
}

/// What the server decided about one token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenVerdict {
    /// A new access token; the refresh token stays (P0).
    Refreshed,
    /// A new access token and a new refresh token.
    Rotated,
    /// A replay that was granted another, equally valid refresh token (P1, P3, P6).
    Sibling,
    /// A replay that was granted the same successor again (P4).
    Repeated,
    /// A replay that was granted an older refresh token (P5).
    Stale,
    /// A superseded refresh token: the family is revoked.
    Reuse,
    /// The grant was revoked before.
    RevokedGrant,
    /// The refresh token's own lifetime is over.
    ExpiredGrant,
    /// The refresh token was killed by the cap of P6.
    Evicted,
    /// No such refresh token was ever issued.
    UnknownToken,
    /// Client authentication failed.
    ClientRefused,
    /// A parameter is missing, repeated, malformed or unsupported.
    Malformed,
    /// Tokens for a grant other than `refresh_token`.
    Granted,
    /// A device's poll before anybody decided.
    Pending,
    /// What was to be exchanged is not accepted: a code, a device code, an assertion, another's token.
    GrantRefused,
    /// The DPoP proof is missing, or does not hold.
    ProofRefused,
    /// The DPoP proof must carry the server's nonce.
    NonceAsked,
}

impl TokenVerdict {
    /// Whether tokens were issued.
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Self::Refreshed | Self::Rotated | Self::Sibling | Self::Repeated | Self::Stale | Self::Granted
        )
    }

    /// Whether this was a superseded refresh token that was answered all the same.
    pub fn is_replay(self) -> bool {
        matches!(self, Self::Sibling | Self::Repeated | Self::Stale)
    }

    /// The name in snake_case, as logs and the control routes show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refreshed => "refreshed",
            Self::Rotated => "rotated",
            Self::Sibling => "sibling",
            Self::Repeated => "repeated",
            Self::Stale => "stale",
            Self::Reuse => "reuse",
            Self::RevokedGrant => "revoked_grant",
            Self::ExpiredGrant => "expired_grant",
            Self::Evicted => "evicted",
            Self::UnknownToken => "unknown_token",
            Self::ClientRefused => "client_refused",
            Self::Malformed => "malformed",
            Self::Granted => "granted",
            Self::Pending => "pending",
            Self::GrantRefused => "grant_refused",
            Self::ProofRefused => "proof_refused",
            Self::NonceAsked => "nonce_asked",
        }
    }
}

impl fmt::Display for TokenVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which refresh token something is about, without the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefreshOrdinal {
    /// The grant it belongs to.
    pub grant: GrantId,
    /// Counts the refresh tokens of the grant from 1 in the order they were issued.
    pub ordinal: u64,
    /// Counts rotations from 1; siblings share a generation.
    pub generation: u64,
}

/// One token request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Counts token requests from 1 in the order they arrived.
    pub number: u64,
    /// When it arrived, in milliseconds of the model's time.
    pub at_ms: u64,
    /// The fault that was played, as [`Fault`](crate::Fault) prints it; `None`: none.
    pub fault: Option<String>,
    /// What was decided; `None`: the server took no notice of the request.
    pub verdict: Option<TokenVerdict>,
    /// The refresh token presented, where it was a known one.
    pub presented: Option<RefreshOrdinal>,
    /// The refresh token in the answer, if there was one.
    pub issued: Option<RefreshOrdinal>,
    /// Names of the parameters sent.
    pub parameters: Vec<String>,
    /// Whether HTTP Basic was used.
    pub basic: bool,
    /// `grant_type`.
    pub grant_type: Option<String>,
    /// The thumbprint of the key that the request's proof was made with, where it held.
    pub jkt: Option<String>,
    /// [`checksum`](crate::checksum) of the `subject_token` or `assertion`: which one it was, and not what it is.
    pub subject: Option<u64>,
}

/// One revocation that a client asked for (RFC 7009), without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// The client.
    pub client: String,
    /// `token_type_hint`.
    pub hint: Option<String>,
    /// The refresh token, where it was one.
    pub refresh: Option<RefreshOrdinal>,
    /// The access token, where it was one.
    pub access: Option<AccessOrdinal>,
}

/// A bounded list of [`LogEntry`].
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
}

impl Log {
    pub(crate) fn push(&mut self, entry: LogEntry) {
        if self.entries.len() == LOG_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &LogEntry> {
        self.entries.iter()
    }
}
