//! What the machine is told.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::answer::Answer;
use crate::attempt::AttemptId;
use crate::command::Ticket;
use crate::lifecycle::Setup;
use crate::record::{AccessKey, Record};
use crate::secret::Secret;
use crate::time::Span;

/// An input of [`Lifecycle::handle`](crate::Lifecycle::handle).
#[expect(
    clippy::exhaustive_enums,
    reason = "total over (state, input): a new input must be decided in every state"
)]
#[derive(Clone, Hash)]
pub enum Input {
    /// Time passed. A tick too many is a no-op.
    Tick,
    /// [`Command::Load`](crate::Command::Load) ended.
    Loaded(Loaded),
    /// [`Command::Claim`](crate::Command::Claim) succeeded; the record was read *under* the claim.
    ClaimGranted {
        /// What was read.
        loaded: Loaded,
        /// Fresh entropy to name the attempt that may follow.
        attempt: AttemptId,
    },
    /// The claim is held by somebody else, or the store failed; asked again later.
    ClaimDenied(Option<StoreFault>),
    /// [`Command::Mark`](crate::Command::Mark) is durable.
    Marked(Ticket),
    /// The mark was not written.
    MarkFailed(Ticket, CommitFailure),
    /// [`Command::Send`](crate::Command::Send) ended, and its socket is closed (or [`Failure`](crate::Failure) says
    /// that it is not).
    Answer {
        /// Which attempt.
        attempt: AttemptId,
        /// How it ended.
        answer: Answer,
        /// The secrets that the request showed and that core did not put in itself
        /// ([`TokenRequest::secrets`](crate::TokenRequest::secrets) after the signer): an answer may bring them back. Empty
        /// where the request asked for no proof.
        sent: Vec<Secret>,
    },
    /// [`Command::Commit`](crate::Command::Commit) is durable and was read back.
    Committed(Ticket),
    /// The commit was not written.
    CommitFailed(Ticket, CommitFailure),
    /// Somebody wrote the record.
    StoreChanged,
    /// A caller wants a token; ask [`Lifecycle::serve`](crate::Lifecycle::serve) what it gets.
    Demand {
        /// It should live at least so long.
        min_validity: Span,
    },
    /// A caller wants a token for another scope, resource or audience than the login's own (RFC 8707 §2.2); ask
    /// [`Lifecycle::serve_for`](crate::Lifecycle::serve_for) what it gets.
    DemandFor {
        /// What it should be for. What is not named is the login's.
        key: AccessKey,
        /// It should live at least so long.
        min_validity: Span,
    },
    /// A resource server answered 401 to this token (RFC 6750 §3.1). Each generation brings one token, so that it names
    /// one of those for other resources as well.
    Rejected {
        /// The token's epoch.
        epoch: u64,
        /// The token's generation.
        generation: u64,
    },
    /// A person asks for a refresh now, in spite of `min_interval`.
    Refresh,
    /// A login was written to the store.
    LoggedIn(Box<Record>),
    /// A tombstone was written to the store.
    LoggedOut(Box<Record>),
    /// [`Command::Revoke`](crate::Command::Revoke) ended, well or not.
    Revoked,
    /// The machine was suspended and runs again.
    Resumed,
    /// Routes or addresses changed.
    NetworkChanged,
    /// The configuration was read anew.
    PolicyChanged(Box<Setup>),
    /// Finish, save, and say [`Drained`](crate::Command::Drained).
    Shutdown,
}

/// What reading the store gave.
#[expect(clippy::exhaustive_enums, reason = "the lifecycle must decide on each")]
#[derive(Clone, Hash)]
pub enum Loaded {
    /// There is no record: nobody ever logged in.
    Absent,
    /// A record that was committed for this credential.
    Record(Box<Record>),
    /// A record below the greatest (epoch, generation) ever committed: a restored backup. Its refresh token may be
    /// spent already.
    RolledBack {
        /// What stands there.
        record: Box<Record>,
        /// The greatest (epoch, generation) ever committed.
        greatest: (u64, u64),
    },
    /// The store could not say.
    Fault(StoreFault),
}

/// Why a mark or commit did not become durable.
#[expect(clippy::exhaustive_enums, reason = "the lifecycle must decide on each")]
#[derive(Clone, Hash)]
pub enum CommitFailure {
    /// Another record stands there than the one it began from.
    Fenced(Loaded),
    /// The store failed.
    Fault(StoreFault),
}

/// A failure of the local store or keyring. Never a verdict on the grant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreFault {
    /// What kind.
    pub kind: StoreFaultKind,
    /// What, where, and what to do, in one line without secrets.
    pub message: String,
}

/// Kinds of store failure.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreFaultKind {
    /// I/O error.
    Io,
    /// No space.
    Full,
    /// Read-only file system.
    ReadOnly,
    /// Owner, mode or links are not what they must be; or access denied.
    Denied,
    /// The record is damaged; it was set aside.
    Damaged,
    /// Written by a newer version: read-only for this one.
    NewerFormat,
    /// Locks may not be shared between all users of this file system.
    NotShared,
    /// The key cannot be had.
    KeyUnavailable,
}

impl StoreFaultKind {
    /// A stable name, snake_case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Io => "io",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Denied => "denied",
            Self::Damaged => "damaged",
            Self::NewerFormat => "newer_format",
            Self::NotShared => "not_shared",
            Self::KeyUnavailable => "key_unavailable",
        }
    }
}
