//! The data that all states share, and the outputs derived from it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;

use statig::blocking::IntoStateMachine;

use crate::attempt::{AttemptId, BootId, Fence};
use crate::command::{Command, Hint, Publication, RefreshReason, Report, Ticket};
use crate::input::{Input, StoreFault};
use crate::jitter::Jitter;
use crate::lifecycle::commit::Pending;
use crate::lifecycle::setup::Setup;
use crate::lifecycle::state::State;
use crate::lifecycle::superstate::Superstate;
use crate::record::{Record, Stamp};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    None,
    Pending,
    Held,
}

/// The short retry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortRetry {
    pub(crate) began: Boot,
    pub(crate) tries: u32,
}

/// The request on the wire.
pub(crate) struct Exchange {
    pub(crate) attempt: AttemptId,
    pub(crate) sent: Now,
}

/// The write under way.
pub(crate) struct Writing {
    pub(crate) ticket: Ticket,
    pub(crate) record: Box<Record>,
    pub(crate) fence: Fence,
    pub(crate) then: Pending,
}

/// What was last published, so that nothing is published twice.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Published {
    Nothing,
    Token { version: (u64, u64), until_boot: Boot, until_wall: Wall },
    Unavailable { status: Status, cause: Option<Cause>, next: Option<Boot> },
}

pub(crate) struct Machine {
    pub(crate) setup: Setup,
    pub(crate) jitter: Jitter,
    /// The clocks at the last input.
    pub(crate) now: Now,
    /// What is known, committed or (in `Unsaved`) not yet.
    pub(crate) record: Option<Box<Record>>,
    /// No answer to the first load came yet.
    pub(crate) loading: bool,
    /// A load is under way.
    pub(crate) load_pending: bool,
    pub(crate) claim: Claim,
    /// When to try the claim again, and how long the wait was.
    pub(crate) claim_poll: Option<(Boot, Span)>,
    pub(crate) tickets: u32,
    pub(crate) writing: Option<Box<Writing>>,
    pub(crate) exchange: Option<Exchange>,
    /// An attempt that was given up while on the wire, with the record it spent: should it bring tokens, they are
    /// revoked.
    pub(crate) abandoned: Option<(AttemptId, Box<Record>)>,
    /// A refresh that somebody asked for and that has not begun.
    pub(crate) want: Option<RefreshReason>,
    /// Why the current attempt is made.
    pub(crate) reason: RefreshReason,
    /// When the next attempt is due, outside `Fresh`.
    pub(crate) next_attempt: Option<Boot>,
    /// When it was last pulled forward by a resume or a network change.
    pub(crate) pulled: Option<Boot>,
    pub(crate) short: Option<ShortRetry>,
    /// Jitter of the current token's refresh.
    pub(crate) refresh_jitter: Span,
    /// Proactive refreshes that are due at the first load are spread: not before this.
    pub(crate) start_hold: Option<Boot>,
    /// The token of this version was rejected and is not served.
    pub(crate) rejected: Option<(u64, u64)>,
    /// The token of this version came from a refresh that a 401 had asked for, and how many such in a row.
    pub(crate) rejection_streak: u32,
    /// A token was rejected right after it was minted.
    pub(crate) rejected_when_new: bool,
    pub(crate) rejections_passed: u64,
    pub(crate) late_answers: u64,
    /// After a reboot with a wall clock in the past: refresh before serving.
    pub(crate) distrusted: bool,
    /// The record was rolled back; the greatest version ever committed.
    pub(crate) rolled_back: Option<(u64, u64)>,
    pub(crate) retried_immediately: bool,
    pub(crate) dpop_nonce: Option<String>,
    pub(crate) advised: Option<Hint>,
    pub(crate) settle_until: Option<Boot>,
    pub(crate) save_retry: Option<(Boot, Span)>,
    pub(crate) store_fault: Option<StoreFault>,
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
            load_pending: true,
            claim: Claim::None,
            claim_poll: None,
            tickets: 0,
            writing: None,
            exchange: None,
            abandoned: None,
            want: None,
            reason: RefreshReason::Proactive,
            next_attempt: None,
            pulled: None,
            short: None,
            refresh_jitter: Span::ZERO,
            start_hold: None,
            rejected: None,
            rejection_streak: 0,
            rejected_when_new: false,
            rejections_passed: 0,
            late_answers: 0,
            distrusted: false,
            rolled_back: None,
            retried_immediately: false,
            dpop_nonce: None,
            advised: None,
            settle_until: None,
            save_retry: None,
            store_fault: None,
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

    pub(crate) fn ticket(&mut self) -> Ticket {
        self.tickets = self.tickets.wrapping_add(1);
        Ticket(self.tickets)
    }

    /// Asks for the record, unless that is under way already.
    pub(crate) fn request_load(&mut self, cx: &mut Cx<'_>) {
        if !self.load_pending {
            self.load_pending = true;
            cx.push(Command::Load);
        }
    }

    /// Gives the claim back, if it is held.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>) {
        if self.claim == Claim::Held {
            self.claim = Claim::None;
            cx.push(Command::Release);
        }
        self.claim_poll = None;
    }

    /// A claim came that nobody wants any more.
    pub(crate) fn return_claim(&mut self, cx: &mut Cx<'_>) {
        if self.claim == Claim::Pending {
            self.claim = Claim::Held;
        }
        self.release(cx);
    }

    pub(crate) fn store_failed(&mut self, fault: &StoreFault, cx: &mut Cx<'_>) {
        if self.store_fault.as_ref() != Some(fault) {
            cx.report(Report::StoreFailed(fault.clone()));
        }
        self.store_fault = Some(fault.clone());
    }

    pub(crate) fn store_works(&mut self, cx: &mut Cx<'_>) {
        self.store_retry = Span::ZERO;
        if self.store_fault.take().is_some() {
            cx.report(Report::StoreHealed);
        }
    }

    /// Announces what became visible: the status, and what callers get.
    pub(crate) fn settled(&mut self, phase: Phase, cx: &mut Cx<'_>) {
        let status = self.status(phase);
        // A shutdown announces nothing: what was true of the credential stays true in the store.
        if status != self.announced && status != Status::Stopped {
            let from = self.announced;
            self.announced = status;
            self.since = Some(cx.now.wall);
            cx.push(Command::Changed { from, to: status, cause: self.cause(phase) });
        } else if self.since.is_none() && !self.loading {
            self.since = Some(cx.now.wall);
        }
        if self.loading {
            return;
        }
        let token = self.published_token(phase);
        let published = match &token {
            Some(t) => Published::Token {
                version: (t.epoch, t.generation),
                until_boot: t.until_boot,
                until_wall: t.until_wall,
            },
            None => Published::Unavailable {
                status,
                cause: self.cause(phase),
                // While an attempt is under way its time is "now", which is not worth a publication at every step.
                next: self.next_attempt_at(phase).filter(|at| *at > self.now.boot),
            },
        };
        if published == self.published {
            return;
        }
        self.published = published;
        cx.push(Command::Publish(match token {
            Some(token) => Publication::Token(token),
            None => Publication::Unavailable(self.unavailable(phase)),
        }));
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
