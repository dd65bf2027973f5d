//! What can be seen of a credential. Status and health are derived, never stored.

use alloc::string::String;
use alloc::vec::Vec;

use crate::input::StoreFault;
use crate::record::{Access, AccessKey, LastAttempt};
use crate::time::{Boot, Span, Wall};

/// The public status.
#[expect(clippy::exhaustive_enums, reason = "the four statuses are the specification")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// A grant stands.
    Running,
    /// The short retry is exhausted; attempts go on at the long cadence.
    AuthRetrying,
    /// A login is needed.
    Unauthenticated,
    /// Shut down.
    Stopped,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::AuthRetrying, Self::Unauthenticated, Self::Stopped];

    /// The name in JSON, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::AuthRetrying => "auth_retrying",
            Self::Unauthenticated => "unauthenticated",
            Self::Stopped => "stopped",
        }
    }

    /// The sign that stands before the name.
    pub const fn sign(self) -> char {
        match self {
            Self::Running => '●',
            Self::AuthRetrying => '◐',
            Self::Unauthenticated => '✗',
            Self::Stopped => '○',
        }
    }

    /// The health of a credential in this status about which nothing else is known to be wrong.
    pub const fn health(self) -> Health {
        match self {
            Self::Running => Health::Healthy,
            Self::AuthRetrying => Health::Degraded,
            Self::Unauthenticated | Self::Stopped => Health::Unhealthy,
        }
    }
}

/// How well it is. The worst of several is the greatest.
#[expect(clippy::exhaustive_enums, reason = "the three healths are the specification")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Health {
    /// All is well.
    Healthy,
    /// It works, or will without help.
    Degraded,
    /// Somebody must do something.
    Unhealthy,
}

impl Health {
    /// The name in JSON, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }

    /// Whether a readiness probe passes.
    pub const fn ready(self) -> bool {
        !matches!(self, Self::Unhealthy)
    }

    /// The worst of several; healthy for none.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or(Self::Healthy)
    }
}

/// Why a credential is not simply running.
#[expect(clippy::exhaustive_enums, reason = "the causes are the specification")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nobody logged in.
    NoGrant,
    /// The authorization server refused the grant.
    GrantRefused,
    /// The refresh token had been rotated and the answer lost.
    RotationLost,
    /// The ceiling of `auth_retrying`, and one more failed attempt.
    Ceiling,
    /// The refresh token's known expiry passed.
    RefreshTokenExpired,
    /// There is no refresh token.
    NoRefreshToken,
    /// Logged out.
    LoggedOut,
    /// The authorization server refuses the client or its configuration; the grant is kept.
    ClientRefused,
    /// The authorization server cannot be reached or answers nothing usable.
    Outage,
    /// The server asked to be left alone.
    RateLimited,
    /// The local store or its key fails.
    StoreUnavailable,
    /// The server gives no token for this scope, resource or audience; the credential itself is well. Only who asked
    /// for it is told.
    AudienceRefused,
}

impl Cause {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoGrant => "no_grant",
            Self::GrantRefused => "grant_refused",
            Self::RotationLost => "rotation_lost",
            Self::Ceiling => "ceiling",
            Self::RefreshTokenExpired => "refresh_token_expired",
            Self::NoRefreshToken => "no_refresh_token",
            Self::LoggedOut => "logged_out",
            Self::ClientRefused => "client_refused",
            Self::Outage => "outage",
            Self::RateLimited => "rate_limited",
            Self::StoreUnavailable => "store_unavailable",
            Self::AudienceRefused => "audience_refused",
        }
    }
}

/// The machine's own state.
#[expect(clippy::exhaustive_enums, reason = "generated tables and the table test list every state")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// No grant.
    Absent,
    /// A grant, nothing to do until the next refresh is due.
    Fresh,
    /// Short retry.
    Backoff,
    /// Long cadence.
    AuthRetrying,
    /// Waiting out a request that may still land.
    Settling,
    /// New tokens in memory, the store failing.
    Unsaved,
    /// Waiting for the right to spend.
    Claiming,
    /// Writing the intent.
    Marking,
    /// The request is on the wire.
    Exchanging,
    /// Writing the outcome.
    Committing,
    /// A login is needed.
    Unauthenticated,
    /// Shut down.
    Stopped,
}

impl Phase {
    /// All of them, in the order of the chart.
    pub const ALL: [Self; 12] = [
        Self::Absent,
        Self::Fresh,
        Self::Backoff,
        Self::AuthRetrying,
        Self::Settling,
        Self::Unsaved,
        Self::Claiming,
        Self::Marking,
        Self::Exchanging,
        Self::Committing,
        Self::Unauthenticated,
        Self::Stopped,
    ];

    /// The name in JSON, snake_case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Fresh => "fresh",
            Self::Backoff => "backoff",
            Self::AuthRetrying => "auth_retrying",
            Self::Settling => "settling",
            Self::Unsaved => "unsaved",
            Self::Claiming => "claiming",
            Self::Marking => "marking",
            Self::Exchanging => "exchanging",
            Self::Committing => "committing",
            Self::Unauthenticated => "unauthenticated",
            Self::Stopped => "stopped",
        }
    }
}

/// When to call [`handle`](crate::Lifecycle::handle) with a tick at the latest, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wake {
    /// On the boot clock.
    pub at: Boot,
    /// For what: `refresh`, `retry`, `settle`, `claim`, `save`, `expiry`, `mandatory`, `shutdown`, `pulled`.
    pub why: &'static str,
}

/// Why there is no token, truthfully.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unavailable {
    /// `auth_retrying` or `unauthenticated`; `running` while the first answer is awaited; `stopped`.
    pub status: Status,
    /// Why.
    pub cause: Option<Cause>,
    /// Since when, where known.
    pub since: Option<Wall>,
    /// When the next attempt is due, where one is.
    pub next_attempt: Option<Boot>,
    /// The last failure.
    pub last_attempt: Option<LastAttempt>,
}

/// What a caller gets right now.
#[expect(clippy::exhaustive_enums, reason = "a caller is served, waits, or is refused")]
pub enum Serve<'a> {
    /// A valid token.
    Token {
        /// The token.
        access: &'a Access,
        /// Its epoch.
        epoch: u64,
        /// Its generation.
        generation: u64,
        /// What is left of it.
        remaining: Span,
        /// It lives shorter than was asked for, and nothing longer can be had now.
        short: bool,
    },
    /// Wait: an attempt is under way or soon due. Ask again after the next command.
    Wait,
    /// None, and none soon.
    Unavailable(Unavailable),
}

/// What is seen of a token for another scope, resource or audience.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherToken {
    /// What it is for.
    pub key: AccessKey,
    /// When it expires.
    pub expires: Wall,
    /// Whether it can be handed out.
    pub valid: bool,
}

/// Everything that `status --json` shows of one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Public status.
    pub status: Status,
    /// Health.
    pub health: Health,
    /// Why it is not simply running.
    pub cause: Option<Cause>,
    /// The machine's state.
    pub phase: Phase,
    /// Login count.
    pub epoch: u64,
    /// Refresh count of this login.
    pub generation: u64,
    /// When the access token expires.
    pub token_expires: Option<Wall>,
    /// Whether it can be handed out.
    pub token_valid: bool,
    /// The tokens that are kept for other scopes, resources and audiences.
    pub others: Vec<OtherToken>,
    /// When the next attempt is due.
    pub next_attempt: Option<Boot>,
    /// Since when the status is what it is.
    pub since: Option<Wall>,
    /// Since when `auth_retrying`.
    pub auth_retrying_since: Option<Wall>,
    /// When the ceiling will have been reached.
    pub ceiling_at: Option<Boot>,
    /// Attempts in the running window.
    pub window_attempts: u32,
    /// False while new tokens are in memory only.
    pub saved: bool,
    /// Whether an attempt of unknown outcome stands.
    pub in_doubt: bool,
    /// The last attempt.
    pub last_attempt: Option<LastAttempt>,
    /// Successful refreshes of this login.
    pub refreshes: u64,
    /// 401s of resource servers.
    pub rejections: u64,
    /// 401s passed through rather than answered by a refresh, since this process began.
    pub rejections_passed: u64,
    /// Answers that nobody waited for any more.
    pub late_answers: u64,
    /// The hint that was given, if one was.
    pub advice: Option<String>,
    /// The store's failure, while it lasts.
    pub store_fault: Option<StoreFault>,
    /// Attempts left in the budget.
    pub budget_left: u32,
}
