//! What reached the protected API, without a token and without a body.

use crate::model::{AccessCheck, LOG_ENTRIES, SeenIds};
use std::collections::VecDeque;

/// Counts over the life of a [`ProtectedApi`](super::ProtectedApi).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiTotals {
    /// Requests whose head arrived.
    pub requests: u64,
    /// Of these, those with an accepted token.
    pub authorized: u64,
    /// Of these, those answered 401.
    pub unauthorized: u64,
    /// Of these, those that presented an expired token.
    pub expired_tokens: u64,
    /// Of these, those that presented a revoked token.
    pub revoked_tokens: u64,
    /// Requests served to their end. The rest is being served, or its client went away.
    pub finished: u64,
    /// Bytes of request bodies.
    pub body_bytes: u64,
    /// Server-sent events sent.
    pub events: u64,
    /// Requests with a DPoP proof that held.
    pub proofs: u64,
    /// Requests refused for their DPoP proof: missing, wrong, or without the nonce.
    pub proofs_refused: u64,
    /// Of these, those that only wanted the nonce.
    pub nonces_asked: u64,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiEntry {
    /// Counts requests from 1, in the order they were logged: when their body was read.
    pub number: u64,
    /// Milliseconds of the authorization server's time.
    pub at_ms: u64,
    /// HTTP method.
    pub method: String,
    /// Path with its query.
    pub target: String,
    /// The status answered.
    pub status: u16,
    /// What the check of the token said; `None`: no bearer token was presented.
    pub token: Option<AccessCheck>,
    /// Length of the request body.
    pub body_bytes: u64,
    /// [`checksum`] of the request body.
    pub checksum: u64,
    /// The scheme of `Authorization`, in lower case.
    pub scheme: Option<String>,
    /// The thumbprint of the key that the request's DPoP proof was made with, where it held.
    pub jkt: Option<String>,
}

/// All that changes.
#[derive(Default)]
pub(crate) struct ApiState {
    pub(crate) totals: ApiTotals,
    pub(crate) log: VecDeque<ApiEntry>,
    pub(crate) refuse_always: bool,
    pub(crate) refuse_next: u64,
    /// The nonce that proofs must carry (RFC 9449 section 9), by how often it was changed; none is asked for at 0.
    pub(crate) nonce: u64,
    pub(crate) seen_proofs: SeenIds,
    /// Whether a 401 names the metadata (RFC 9728 section 5.1).
    pub(crate) announces: bool,
    logged: u64,
}

impl ApiState {
    /// Whether a test wants this request refused.
    pub(crate) fn refuses(&mut self) -> bool {
        let next = self.refuse_next > 0;
        self.refuse_next -= u64::from(next);
        next || self.refuse_always
    }

    /// The nonce in force.
    pub(crate) fn nonce_text(&self) -> Option<String> {
        (self.nonce > 0).then(|| format!("resource-nonce-{}", self.nonce))
    }

    pub(crate) fn push(&mut self, mut entry: ApiEntry) {
        self.logged += 1;
        entry.number = self.logged;
        self.totals.body_bytes += entry.body_bytes;
        if self.log.len() == LOG_ENTRIES {
            self.log.pop_front();
        }
        self.log.push_back(entry);
    }
}

/// FNV-1a with 64 bits: tells bodies apart in a test, nothing more.
pub fn checksum(bytes: &[u8]) -> u64 {
    let mut sum = Checksum::default();
    sum.add(bytes);
    sum.value()
}

/// A checksum in the making, for bodies that stream.
pub(crate) struct Checksum {
    value: u64,
    pub(crate) bytes: u64,
}

impl Default for Checksum {
    fn default() -> Self {
        Self { value: 0xcbf2_9ce4_8422_2325, bytes: 0 }
    }
}

impl Checksum {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.value = bytes
            .iter()
            .fold(self.value, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    }

    pub(crate) fn value(&self) -> u64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_fnv_1a() {
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
