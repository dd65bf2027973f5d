//! The data that all states share, and the outputs derived from it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use statig::blocking::IntoStateMachine;

use crate::attempt::{AttemptId, BootId, Fence};
use crate::client::Client;
use crate::command::{Command, Hint, RefreshReason, Report, Ticket};
use crate::input::{Input, StoreFault};
use crate::jitter::Jitter;
use crate::lifecycle::commit::Pending;
use crate::lifecycle::in_flight::InFlight;
use crate::lifecycle::other::{Other, Target};
use crate::lifecycle::overdue::{Overdue, Patience};
use crate::lifecycle::setup::Setup;
use crate::lifecycle::state::State;
use crate::lifecycle::superstate::Superstate;
use crate::record::{Identity, Record, Stamp};
use crate::server_clock::ServerClock;
use crate::time::{Boot, Now, Span, Wall};
use crate::view::{Cause, Phase, Status};

/// What the machine is fed.
pub(crate) enum Event {
    /// From outside.
    Input(Input),
    /// The input before was handled and led to this phase: outputs may be derived.
    Settled(Phase),
}

/// Where effects go: handlers return only an outcome.
pub(crate) struct Cx<'a> {
    pub(crate) now: Now,
    pub(crate) commands: &'a mut VecDeque<Command>,
}

impl Cx<'_> {
    pub(crate) fn push(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    pub(crate) fn report(&mut self, report: Report) {
        self.commands.push_back(Command::Report(report));
    }
}

/// Where the claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Claim {
    None,
    Pending,
    Held,
}

/// Reading the record.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) struct Loads {
    /// A load is under way.
    pub(crate) pending: bool,
    /// The record changed while one was: it may have been read before the change.
    pub(crate) again: bool,
    /// The last one failed; the next is due then.
    pub(crate) retry: Option<Boot>,
}

/// The short retry.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct ShortRetry {
    pub(crate) began: Boot,
    pub(crate) tries: u32,
}

/// The request on the wire.
#[derive(Clone, Hash)]
pub(crate) struct Exchange {
    pub(crate) attempt: AttemptId,
    pub(crate) sent: Now,
    /// Where it went: what it brings belongs to no login at another server.
    pub(crate) token_endpoint: String,
    /// The time that its signed proofs name; none where it has no such.
    pub(crate) proved_at: Option<Wall>,
    /// The nonce that was known when it was made.
    pub(crate) nonce: Option<String>,
    /// Who asked: a new configuration must not keep the old secret in the evidence.
    pub(crate) client: Arc<Client>,
    /// What was asked for.
    pub(crate) target: Target,
    /// How long an answer is waited for.
    pub(crate) patience: Patience,
}

impl Exchange {
    /// Whether that is the server it went to.
    pub(crate) fn is_to(&self, identity: &Identity) -> bool {
        self.token_endpoint == identity.token_endpoint
    }
}

/// The write under way.
#[derive(Clone, Hash)]
pub(crate) struct Writing {
    pub(crate) ticket: Ticket,
    pub(crate) record: Box<Record>,
    pub(crate) fence: Fence,
    pub(crate) then: Pending,
}

/// What was last published, so that nothing is published twice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Published {
    Nothing,
    Token { version: (u64, u64), until_boot: Boot, until_wall: Wall },
    Unavailable { status: Status, cause: Option<Cause>, next: Option<Boot> },
}

#[derive(Clone, Hash)]
pub(crate) struct Machine {
    pub(crate) setup: Setup,
    pub(crate) jitter: Jitter,
    /// The clocks at the last input.
    pub(crate) now: Now,
    /// What is known, committed or (in `Unsaved`) not yet.
    pub(crate) record: Option<Box<Record>>,
    /// No answer to the first load came yet.
    pub(crate) loading: bool,
    pub(crate) loads: Loads,
    pub(crate) claim: Claim,
    /// When to try the claim again, and how long the wait was.
    pub(crate) claim_poll: Option<(Boot, Span)>,
    pub(crate) tickets: u32,
    pub(crate) writing: Option<Box<Writing>>,
    pub(crate) exchange: Option<Exchange>,
    /// An attempt that was given up while on the wire, with the record it spent: should it bring tokens, they are
    /// revoked.
    pub(crate) abandoned: Option<(AttemptId, Box<Record>)>,
    /// An attempt that was given up because no answer came.
    pub(crate) overdue: Option<Box<Overdue>>,
    /// The last request of this process that ended without a complete answer.
    pub(crate) in_flight: Option<InFlight>,
    /// A refresh that somebody asked for and that has not begun.
    pub(crate) want: Option<RefreshReason>,
    /// Why the current attempt is made.
    pub(crate) reason: RefreshReason,
    /// What the current attempt is for.
    pub(crate) target: Target,
    /// What is wanted of other keys than the identity's own, or was said of them.
    pub(crate) others: Vec<Other>,
    /// When the next attempt is due, outside `Fresh`.
    pub(crate) next_attempt: Option<Boot>,
    /// When it was last pulled forward by a resume or a network change, and to when.
    pub(crate) pulled: Option<(Boot, Boot)>,
    /// The attempt whose intent stands in the store without the outcome that is known here.
    pub(crate) unwritten: Option<AttemptId>,
    pub(crate) short: Option<ShortRetry>,
    /// Jitter of the current token's refresh.
    pub(crate) refresh_jitter: Span,
    /// Proactive refreshes that are due at the first load are spread: not before this.
    pub(crate) start_hold: Option<Boot>,
    /// The token of this version was rejected and is not served.
    pub(crate) rejected: Option<(u64, u64)>,
    /// The token of this version came from a refresh that a 401 had asked for, and how many such in a row.
    pub(crate) rejection_streak: u32,
    /// The rejections that the record in the store told of when it was last read or written.
    pub(crate) rejections_told: u64,
    /// A token was rejected right after it was minted.
    pub(crate) rejected_when_new: bool,
    pub(crate) rejections_passed: u64,
    pub(crate) late_answers: u64,
    /// After a reboot with a wall clock in the past: refresh before serving.
    pub(crate) distrusted: bool,
    /// The record was rolled back; the greatest version ever committed.
    pub(crate) rolled_back: Option<(u64, u64)>,
    /// The greatest time at which a record that was known here had been written.
    pub(crate) wall_seen: Wall,
    /// The claim is wanted only to write again what is known here and no longer stands in the store.
    pub(crate) writing_again: bool,
    pub(crate) retried_immediately: bool,
    /// An attempt was repeated at once because the server's clock had become known.
    pub(crate) retried_for_clock: bool,
    /// The nonce that the server gave last (RFC 9449 §8).
    pub(crate) dpop_nonce: Option<String>,
    /// What time it is there.
    pub(crate) server_clock: ServerClock,
    pub(crate) advised: Option<Hint>,
    pub(crate) settle_until: Option<Boot>,
    pub(crate) save_retry: Option<(Boot, Span)>,
    pub(crate) store_fault: Option<StoreFault>,
    /// Reading works; what fails is writing, so that a read proves nothing.
    pub(crate) store_fault_is_writing: bool,
    pub(crate) store_retry: Span,
    /// Shutting down; the point at which waiting ends.
    pub(crate) stopping: Option<Boot>,
    /// Since when the status is what it is.
    pub(crate) since: Option<Wall>,
    pub(crate) announced: Status,
    pub(crate) published: Published,
}

impl Machine {
    pub(crate) fn new(setup: Setup, seed: u64) -> Self {
        Self {
            setup,
            jitter: Jitter::new(seed),
            now: Now::default(),
            record: None,
            loading: true,
            loads: Loads { pending: true, ..Loads::default() },
            claim: Claim::None,
            claim_poll: None,
            tickets: 0,
            writing: None,
            exchange: None,
            abandoned: None,
            overdue: None,
            in_flight: None,
            want: None,
            reason: RefreshReason::Proactive,
            target: None,
            others: Vec::new(),
            next_attempt: None,
            pulled: None,
            unwritten: None,
            short: None,
            refresh_jitter: Span::ZERO,
            start_hold: None,
            rejected: None,
            rejection_streak: 0,
            rejections_told: 0,
            rejected_when_new: false,
            rejections_passed: 0,
            late_answers: 0,
            distrusted: false,
            rolled_back: None,
            wall_seen: Wall::default(),
            writing_again: false,
            retried_immediately: false,
            retried_for_clock: false,
            dpop_nonce: None,
            server_clock: ServerClock::default(),
            advised: None,
            settle_until: None,
            save_retry: None,
            store_fault: None,
            store_fault_is_writing: false,
            store_retry: Span::ZERO,
            stopping: None,
            since: None,
            announced: Status::Running,
            published: Published::Nothing,
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    pub(crate) fn record(&self) -> Option<&Record> {
        self.record.as_deref()
    }

    pub(crate) fn boot_id(&self) -> BootId {
        self.setup.owner.boot_id
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp::new(self.now, self.boot_id())
    }

    pub(crate) fn version(&self) -> Option<(u64, u64)> {
        self.record.as_ref().map(|r| r.version())
    }

    /// What names the identity's own access token: only a refresh that is made for it changes it.
    pub(crate) fn token_version(&self) -> Option<(u64, u64)> {
        let record = self.record.as_ref()?;
        Some((record.epoch, record.access().map_or(record.generation, |access| record.generation_of(access))))
    }

    pub(crate) fn ticket(&mut self) -> Ticket {
        self.tickets = self.tickets.wrapping_add(1);
        Ticket(self.tickets)
    }
}

impl IntoStateMachine for Machine {
    type Event<'e> = Event;
    type Context<'c> = Cx<'c>;
    type State = State;
    type Superstate<'s> = Superstate;

    fn initial() -> State {
        State::Absent
    }
}
