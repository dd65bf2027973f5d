//! What the machine asks its caller to do.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::attempt::{AttemptId, Fence};
use crate::input::StoreFault;
use crate::record::{Access, AccessKey, LastAttempt, Record};
use crate::request::TokenRequest;
use crate::secret::Secret;
use crate::time::{Boot, Span, Wall};
use crate::view::{Cause, Status, Unavailable};

/// Numbers the writes of one machine, so that a late outcome of an older one is told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u32);

/// A command of [`Lifecycle::poll_command`](crate::Lifecycle::poll_command).
///
/// The store's commands (`Load`, `Claim`, `Mark`, `Commit`, `Release`) of one machine are executed in the order in
/// which they come, one at a time. Everything else may run at once.
#[expect(clippy::exhaustive_enums, reason = "a host must carry out each; a new one is a breaking change")]
#[derive(Clone, Hash)]
pub enum Command {
    /// Read the record. Answered by [`Input::Loaded`](crate::Input::Loaded).
    Load,
    /// Try the claim once, without waiting, and read under it. Answered by
    /// [`Input::ClaimGranted`](crate::Input::ClaimGranted) or [`Input::ClaimDenied`](crate::Input::ClaimDenied).
    Claim,
    /// Write this record durably, if `fence` holds, and make room for the commit that follows. Answered by
    /// [`Input::Marked`](crate::Input::Marked) or [`Input::MarkFailed`](crate::Input::MarkFailed).
    Mark {
        /// Comes back with the outcome.
        ticket: Ticket,
        /// The record with its intent.
        record: Box<Record>,
        /// What must stand in the store.
        fence: Fence,
    },
    /// Send one token request, once: no redirect, no hidden retry. Answered by
    /// [`Input::Answer`](crate::Input::Answer) when its socket is closed.
    Send {
        /// Names it.
        attempt: AttemptId,
        /// What to send.
        request: Box<TokenRequest>,
    },
    /// Close that attempt's socket. It still ends with an [`Input::Answer`](crate::Input::Answer).
    Abort {
        /// Which.
        attempt: AttemptId,
    },
    /// Write this record durably, if `fence` holds, and read it back. Answered by
    /// [`Input::Committed`](crate::Input::Committed) or [`Input::CommitFailed`](crate::Input::CommitFailed).
    Commit {
        /// Comes back with the outcome.
        ticket: Ticket,
        /// The record.
        record: Box<Record>,
        /// What must stand in the store.
        fence: Fence,
    },
    /// Give the claim back. No answer.
    Release,
    /// This is what callers get from now on. No answer.
    Publish(Publication),
    /// The status changed; announce it. No answer.
    Changed {
        /// Before.
        from: Status,
        /// After.
        to: Status,
        /// Why.
        cause: Option<Cause>,
    },
    /// Tell the operator, once. No answer.
    Advise(Hint),
    /// Something happened that journals, metrics and logs want. No answer.
    Report(Report),
    /// Revoke these at the authorization server, as best it can be (RFC 7009). Answered by
    /// [`Input::Revoked`](crate::Input::Revoked).
    Revoke {
        /// Ready to send, refresh tokens first; empty requests are never made.
        requests: Vec<TokenRequest>,
    },
    /// Now you may exit. `lost` names what could not be saved, if anything.
    Drained {
        /// A sentence for people; none when nothing was lost.
        lost: Option<String>,
    },
}

/// What callers get.
#[expect(clippy::exhaustive_enums, reason = "there is a token or there is none")]
#[derive(Clone, Hash)]
pub enum Publication {
    /// This token.
    Token(PublishedToken),
    /// None.
    Unavailable(Unavailable),
}

/// A token as callers get it.
#[derive(Clone, Hash)]
pub struct PublishedToken {
    /// The token.
    pub access: Access,
    /// Its epoch.
    pub epoch: u64,
    /// Its generation.
    pub generation: u64,
    /// The key it is bound to (RFC 9449): whoever uses it must prove possession. None: a bearer token.
    pub proof_key: Option<Secret>,
    /// Hand it out on the fast path until this point of the boot clock…
    pub until_boot: Boot,
    /// …and until this point of the wall clock, whichever comes first. Afterwards ask the machine.
    pub until_wall: Wall,
}

/// Advice for the operator.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The server refused for good and a client id is known: a dynamic registration may have been dropped there.
    StaleClient {
        /// The client id.
        client_id: String,
        /// The code that came.
        oauth_error: String,
        /// The server made this client at a login (RFC 7591).
        registered: bool,
    },
}

impl Hint {
    /// One sentence for people.
    pub fn text(&self) -> String {
        match self {
            Self::StaleClient { client_id, oauth_error, registered: true } => alloc::format!(
                "the server answered {oauth_error}: it made client {client_id} at a login and may have removed it since; \
                 log in with --register, and it makes another"
            ),
            Self::StaleClient { client_id, oauth_error, registered: false } => alloc::format!(
                "the server answered {oauth_error}: if client {client_id} was registered dynamically, the server may \
                 have dropped the registration; register it again and log in"
            ),
        }
    }
}

/// Why a refresh was made.
#[expect(clippy::exhaustive_enums, reason = "the four reasons are part of the output contract")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefreshReason {
    /// Its window came.
    Proactive,
    /// A resource server said 401.
    Rejected,
    /// A caller needed one.
    Demand,
    /// A person asked.
    Forced,
}

impl RefreshReason {
    /// `proactive`, `rejected`, `demand` or `forced`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proactive => "proactive",
            Self::Rejected => "rejected",
            Self::Demand => "demand",
            Self::Forced => "forced",
        }
    }
}

/// Something that happened.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// A refresh succeeded and is saved (or, in `Unsaved`, is not yet).
    Refreshed {
        /// Why it was made.
        reason: RefreshReason,
        /// What it was made for; none: the identity's own.
        key: Option<AccessKey>,
        /// The new epoch.
        epoch: u64,
        /// The new generation.
        generation: u64,
        /// When the new access token expires.
        expires: Wall,
        /// Whether the refresh token was rotated.
        rotated: bool,
        /// From sending the request to its answer.
        took: Span,
    },
    /// An attempt ended without success.
    AttemptFailed {
        /// What it looked like.
        attempt: LastAttempt,
        /// When the next one is due, where one is.
        next: Option<Boot>,
    },
    /// The server gives no token for this scope, resource or audience. The credential itself is well.
    AudienceRefused {
        /// What was asked for.
        key: AccessKey,
        /// What the answer looked like.
        attempt: LastAttempt,
    },
    /// `auth_retrying` ended with a success.
    Recovered {
        /// How long it had lasted.
        after: Span,
        /// How many attempts it took.
        attempts: u32,
    },
    /// A newer record of another process, or a new login, was taken over.
    Adopted {
        /// Its epoch.
        epoch: u64,
        /// Its generation.
        generation: u64,
    },
    /// The record in the store is older than one that was committed before: a restored backup. The newest that is left
    /// is tried, in doubt; a login may be needed.
    RolledBack {
        /// (epoch, generation) of what is left.
        found: (u64, u64),
        /// The greatest (epoch, generation) ever committed.
        greatest: (u64, u64),
    },
    /// A resource server answered 401 to a token, for the first time: it is not served any more, and another is asked for
    /// where that can be. Once for each token, however often it is refused.
    Rejected {
        /// What the token was made for; none: the identity's own.
        key: Option<AccessKey>,
        /// The epoch of the token.
        epoch: u64,
        /// Its generation.
        generation: u64,
    },
    /// A 401 was passed through rather than answered by another refresh.
    RejectionPassed {
        /// The generation that was rejected.
        generation: u64,
    },
    /// An answer came that nobody waits for any more.
    LateAnswer,
    /// The store failed.
    StoreFailed(StoreFault),
    /// The store works again.
    StoreHealed,
}
