//! The rules of rotation for one grant: what a presented refresh token leads to in each class.
//!
//! Deciding is separate from doing, so that the whole table of classes stands in one function.

use super::class::AsClass;
use super::config::AsConfig;
use super::record::TokenVerdict;

/// One refresh token that was issued.
pub(crate) struct RefreshIssue {
    pub(crate) token: String,
    /// Counts rotations from 1; siblings share it.
    pub(crate) generation: u64,
    issued_ms: u64,
    /// The refresh token it was given in exchange for.
    parent: Option<usize>,
    /// The first refresh token given in exchange for it.
    successor: Option<usize>,
    /// When it was first used.
    superseded_ms: Option<u64>,
    /// Whether its successor, or an access token that came with it, was used (P4).
    acknowledged: bool,
    /// Killed by the cap of P6.
    pub(crate) evicted: bool,
}

impl RefreshIssue {
    fn expired(&self, now_ms: u64, config: &AsConfig) -> bool {
        config.rt_lifetime_ms.is_some_and(|lifetime| now_ms >= self.issued_ms.saturating_add(lifetime))
    }
}

/// One login: the family of refresh tokens that came from it.
#[derive(Default)]
pub(crate) struct Grant {
    /// Who may spend them, where the login named a client.
    pub(crate) client: Option<String>,
    /// The key that they are bound to: those of public clients that showed a proof (RFC 9449 section 5).
    pub(crate) jkt: Option<String>,
    /// Whom it stands for.
    pub(crate) subject: Option<String>,
    pub(crate) revoked: bool,
    pub(crate) issues: Vec<RefreshIssue>,
    /// The newest generation issued.
    pub(crate) newest: u64,
    /// Ordinal of the access token issued last.
    pub(crate) last_access: u64,
    /// Access tokens below this ordinal are dead (`access_dies_on_refresh`).
    pub(crate) access_floor: u64,
}

/// What a presented refresh token leads to.
pub(crate) enum Step {
    /// Only a new access token.
    Keep,
    /// A new access token and a new refresh token.
    Mint(TokenVerdict),
    /// A new access token and this refresh token, issued before.
    Hand(usize, TokenVerdict),
    /// `invalid_grant`.
    Refuse(TokenVerdict),
}

impl Grant {
    /// The table of classes (see [`AsClass`]); changes nothing.
    pub(crate) fn decide(&self, now_ms: u64, at: usize, config: &AsConfig) -> Step {
        let issue = &self.issues[at];
        if self.revoked {
            return Step::Refuse(TokenVerdict::RevokedGrant);
        }
        if issue.evicted {
            return Step::Refuse(TokenVerdict::Evicted);
        }
        if issue.expired(now_ms, config) {
            return Step::Refuse(TokenVerdict::ExpiredGrant);
        }
        if config.class == AsClass::P0 {
            return Step::Keep;
        }
        let Some(superseded_ms) = issue.superseded_ms else {
            return Step::Mint(TokenVerdict::Rotated);
        };
        let in_grace = now_ms < superseded_ms.saturating_add(config.grace_ms);
        match (config.class, issue.successor) {
            (AsClass::P1 | AsClass::P6, _) => Step::Mint(TokenVerdict::Sibling),
            (AsClass::P3, _) if in_grace && issue.generation + 1 == self.newest => {
                Step::Mint(TokenVerdict::Sibling)
            }
            (AsClass::P4, Some(successor)) if !issue.acknowledged => {
                Step::Hand(successor, TokenVerdict::Repeated)
            }
            (AsClass::P5, _) if in_grace => Step::Hand(issue.parent.unwrap_or(at), TokenVerdict::Stale),
            (AsClass::P0 | AsClass::P2 | AsClass::P3 | AsClass::P4 | AsClass::P5, _) => {
                Step::Refuse(TokenVerdict::Reuse)
            }
        }
    }

    /// Adds a refresh token given in exchange for `parent`, and returns its index.
    pub(crate) fn issue(&mut self, now_ms: u64, parent: Option<usize>, token: String) -> usize {
        let at = self.issues.len();
        let mut generation = 1;
        if let Some(old) = parent.and_then(|parent| self.issues.get_mut(parent)) {
            generation = old.generation + 1;
            old.superseded_ms.get_or_insert(now_ms);
            old.successor.get_or_insert(at);
        }
        self.newest = self.newest.max(generation);
        self.issues.push(RefreshIssue {
            token,
            generation,
            issued_ms: now_ms,
            parent,
            successor: None,
            superseded_ms: None,
            acknowledged: false,
            evicted: false,
        });
        at
    }

    /// A token that came with issue `at` was used: what it replaced is retired for good (P4).
    pub(crate) fn acknowledge(&mut self, at: usize) {
        let parent = self.issues.get(at).and_then(|issue| issue.parent);
        if let Some(parent) = parent.and_then(|parent| self.issues.get_mut(parent)) {
            parent.acknowledged = true;
        }
    }

    /// How this refresh token stands, in words for tests and simulators.
    pub(crate) fn standing(&self, now_ms: u64, at: usize, config: &AsConfig) -> RefreshStanding {
        let issue = &self.issues[at];
        if self.revoked {
            RefreshStanding::Revoked
        } else if issue.evicted {
            RefreshStanding::Evicted
        } else if issue.expired(now_ms, config) {
            RefreshStanding::Expired
        } else if issue.superseded_ms.is_some() {
            RefreshStanding::Superseded
        } else {
            RefreshStanding::Current
        }
    }
}

/// How a refresh token stands with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshStanding {
    /// Not used yet (or the server does not rotate): a refresh with it succeeds.
    Current,
    /// Used before; what a replay does depends on the class.
    Superseded,
    /// Its own lifetime is over.
    Expired,
    /// Killed by the cap of P6.
    Evicted,
    /// Its grant was revoked.
    Revoked,
    /// Never issued here.
    Unknown,
}
