//! Access tokens: who holds which, until when, and what a check of one says.

use super::GrantId;
use std::collections::{BTreeMap, VecDeque};

/// How many access tokens are remembered before expired ones are forgotten, so that a run of days stays bounded.
const REMEMBERED_TOKENS: usize = 100_000;

/// What a check of an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessCheck {
    /// The token is good.
    Valid {
        /// The token.
        ordinal: AccessOrdinal,
        /// What is left of its life, in milliseconds.
        left_ms: u64,
    },
    /// Its lifetime is over.
    Expired(AccessOrdinal),
    /// It, or its grant, was revoked (or the cap of P6 killed it).
    Revoked(AccessOrdinal),
    /// Never issued here.
    Unknown,
}

impl AccessCheck {
    /// Whether a protected resource accepts the token.
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// Which token it is, where it is a known one.
    pub fn ordinal(self) -> Option<AccessOrdinal> {
        match self {
            Self::Valid { ordinal, .. } | Self::Expired(ordinal) | Self::Revoked(ordinal) => Some(ordinal),
            Self::Unknown => None,
        }
    }

    /// One word for logs: `valid`, `expired`, `revoked` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid { .. } => "valid",
            Self::Expired(_) => "expired",
            Self::Revoked(_) => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

/// Which access token something is about, without the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccessOrdinal {
    /// The grant it belongs to.
    pub grant: GrantId,
    /// Counts the access tokens of the grant from 1 in the order they were issued.
    pub ordinal: u64,
}

/// What an access token is for. A `Debug` of it shows no token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessFacts {
    /// The grant type that brought it; none: a login without a browser.
    pub grant_type: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// Whom it stands for, where that was said.
    pub subject: Option<String>,
    /// The scope that was asked for.
    pub scope: Option<String>,
    /// The resources that were named (RFC 8707).
    pub resource: Vec<String>,
    /// The audience that was named.
    pub audience: Option<String>,
    /// The thumbprint of the key that it is bound to (RFC 9449 section 6).
    pub jkt: Option<String>,
}

/// One access token that was issued.
pub(crate) struct AccessIssue {
    pub(crate) facts: AccessFacts,
    pub(crate) ordinal: AccessOrdinal,
    pub(crate) expires_ms: u64,
    /// The refresh token that came with it.
    pub(crate) came_with: usize,
    pub(crate) revoked: bool,
}

/// All access tokens, by their text.
#[derive(Default)]
pub(crate) struct AccessTable {
    issued: BTreeMap<String, AccessIssue>,
    /// In order of issue, for the cap of P6.
    order: VecDeque<String>,
}

impl AccessTable {
    pub(crate) fn insert(&mut self, now_ms: u64, token: String, issue: AccessIssue) {
        if self.issued.len() >= REMEMBERED_TOKENS {
            self.issued.retain(|_, issue| issue.expires_ms > now_ms);
        }
        self.issued.insert(token, issue);
    }

    pub(crate) fn find(&mut self, token: &str) -> Option<&mut AccessIssue> {
        self.issued.get_mut(token)
    }

    /// Notes the newest token under a cap, and revokes the oldest live ones above it; returns how many.
    pub(crate) fn cap(&mut self, now_ms: u64, cap: usize, newest: &str) -> u64 {
        self.order.push_back(newest.to_owned());
        let issued = &self.issued;
        let live = |token: &String| {
            issued.get(token).is_some_and(|issue| !issue.revoked && issue.expires_ms > now_ms)
        };
        self.order.retain(live);
        let mut evicted = 0;
        while self.order.len() > cap.max(1) {
            let oldest = self.order.pop_front().and_then(|token| self.issued.get_mut(&token));
            if let Some(issue) = oldest {
                issue.revoked = true;
                evicted += 1;
            }
        }
        evicted
    }
}
