//! What a process is to the world around it: inputs in, commands out, as in core. The model's own machine and the real
//! `Lifecycle` are both one.

use std::fmt::Debug;
use std::hash::Hash;

use renewd_core::{Phase, Status};

use crate::record::{Attempt, Record, Stored, Token};
use crate::setting::Setting;

/// How an attempt ended, as its sender sees it (the table of step 5).
#[expect(clippy::exhaustive_enums, reason = "the rows of the table")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Tokens; a refresh token where the server rotates.
    Tokens(Option<Token>),
    /// `invalid_grant`.
    Refused,
    /// Complete and unclear: it may have rotated.
    Unclear,
    /// Complete, and nothing was accepted.
    Bounced,
    /// No byte of the request left.
    NeverSent,
    /// No complete answer after the first byte.
    Lost,
}

/// What a write must find (core: `Fence`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The epoch it began from.
    pub epoch: u8,
    /// The generation it began from.
    pub generation: u8,
    /// The attempt whose intent must stand there.
    pub attempt: Option<Attempt>,
}

/// Why a write did not become durable (core: `CommitFailure`).
#[expect(clippy::exhaustive_enums, reason = "as in core")]
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Failure<R> {
    /// Another record stands there.
    Fenced(R),
    /// The store failed.
    Fault,
}

/// What a process is told (core: `Input`).
#[expect(clippy::exhaustive_enums, reason = "as in core")]
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input<R> {
    /// Time passed.
    Tick,
    /// The record was read.
    Loaded(R),
    /// The claim is held, and this was read under it; none: it could not be read.
    ClaimGranted {
        /// What was read.
        record: Option<R>,
        /// A name for the attempt that may follow.
        attempt: Attempt,
    },
    /// The claim is held by another.
    ClaimDenied,
    /// The mark is durable.
    Marked(u32),
    /// It is not.
    MarkFailed(u32, Failure<R>),
    /// The attempt ended.
    Answer {
        /// Which.
        attempt: Attempt,
        /// How.
        answer: Answer,
    },
    /// The commit is durable.
    Committed(u32),
    /// It is not.
    CommitFailed(u32, Failure<R>),
    /// Somebody wrote the record.
    StoreChanged,
    /// A login or logout was written (core: `LoggedIn`, `LoggedOut`).
    Replaced(R),
    /// A person asks for a refresh.
    Refresh,
    /// Stop.
    Shutdown,
}

/// What a process asks for (core: `Command`).
#[expect(clippy::exhaustive_enums, reason = "as in core")]
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Command<R> {
    /// Read the record.
    Load,
    /// Try the claim once.
    Claim,
    /// Write a record with an intent.
    Mark(u32, R, Fence),
    /// Write an outcome.
    Commit(u32, R, Fence),
    /// Send that refresh token.
    Send(Attempt, Token),
    /// Close that attempt's socket.
    Abort(Attempt),
    /// Give the claim back.
    Release,
    /// Revoke those tokens' login.
    Revoke(Token),
    /// Exit.
    Drained,
}

/// What can be seen of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Where it is.
    pub phase: Phase,
    /// What it says.
    pub status: Status,
    /// What it knows, new tokens that are not yet saved included.
    pub record: Option<Record>,
}

/// One process.
pub trait Process: Clone + Debug + Hash + PartialEq + Send + Sync + 'static {
    /// What it keeps in the store.
    type Record: Stored;
    /// What tells it the time.
    type Clock: Clone + Debug + Default + Hash + PartialEq + Send + Sync + 'static;

    /// One unit of time passes for a clock.
    fn elapse_clock(clock: &mut Self::Clock);
    /// The machine starts again.
    fn reboot_clock(clock: &mut Self::Clock);
    /// A process that knows nothing yet; its first command is to read the record.
    fn start(setting: &Setting, clock: &Self::Clock, slot: usize) -> (Self, Vec<Command<Self::Record>>);
    /// Takes one input.
    fn handle(
        &mut self,
        setting: &Setting,
        clock: &Self::Clock,
        input: Input<Self::Record>,
    ) -> Vec<Command<Self::Record>>;
    /// One unit of time passes.
    fn elapse(&mut self, setting: &Setting);
    /// Whether a tick would lead somewhere now.
    fn due(&self, clock: &Self::Clock) -> bool;
    /// What can be seen.
    fn seen(&self, clock: &Self::Clock) -> Seen;
    /// The names of attempts that it still knows, as a set of bits.
    fn attempts(&self) -> u128;
    /// Where it is two that are held side by side: what they did differently first.
    fn differs(&self) -> Option<&str> {
        None
    }
}
