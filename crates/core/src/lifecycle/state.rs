//! The leaf states: what each does itself and what it leaves to its superstate.
//!
//! Matches over inputs have no wildcard, so that a new input must be decided in every state.

use statig::Outcome::{self, Handled, Super, Transition};

use crate::command::RefreshReason;
use crate::input::Input;
use crate::lifecycle::machine::{Cx, Event, Machine};
use crate::lifecycle::superstate::Superstate;
use crate::view::Phase;

/// A leaf state. Its data lives in the [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    Fresh,
    Backoff,
    AuthRetrying,
    Settling,
    Unsaved,
    Claiming,
    Marking,
    Exchanging,
    Committing,
    Unauthenticated,
    Stopped,
}

pub(crate) type Out = Outcome<State>;

impl State {
    pub(crate) const fn phase(self) -> Phase {
        match self {
            Self::Absent => Phase::Absent,
            Self::Fresh => Phase::Fresh,
            Self::Backoff => Phase::Backoff,
            Self::AuthRetrying => Phase::AuthRetrying,
            Self::Settling => Phase::Settling,
            Self::Unsaved => Phase::Unsaved,
            Self::Claiming => Phase::Claiming,
            Self::Marking => Phase::Marking,
            Self::Exchanging => Phase::Exchanging,
            Self::Committing => Phase::Committing,
            Self::Unauthenticated => Phase::Unauthenticated,
            Self::Stopped => Phase::Stopped,
        }
    }
}

impl statig::blocking::State<Machine> for State {
    fn call_handler(&mut self, m: &mut Machine, event: &Event, cx: &mut Cx<'_>) -> Out {
        let input = match event {
            Event::Settled(phase) => {
                m.settled(*phase, cx);
                return Handled;
            }
            Event::Input(input) => input,
        };
        m.now = cx.now;
        if *self != Self::Stopped {
            m.mind_loads(input, cx);
        }
        match self {
            Self::Absent => absent(m, input, cx),
            Self::Fresh => fresh(m, input, cx),
            Self::Backoff | Self::AuthRetrying => waiting(m, input, cx),
            Self::Settling => settling(m, input, cx),
            Self::Unsaved => unsaved(m, input, cx),
            Self::Claiming => claiming(m, input, cx),
            Self::Marking => marking(m, input, cx),
            Self::Exchanging => exchanging(m, input, cx),
            Self::Committing => committing(m, input, cx),
            Self::Unauthenticated => unauthenticated(m, input, cx),
            Self::Stopped => stopped(m, input, cx),
        }
    }

    fn superstate(&mut self) -> Option<Superstate> {
        match self {
            Self::Fresh | Self::Backoff | Self::AuthRetrying | Self::Settling | Self::Unsaved => {
                Some(Superstate::Granted)
            }
            Self::Claiming | Self::Marking | Self::Exchanging | Self::Committing => {
                Some(Superstate::Refreshing)
            }
            Self::Absent | Self::Unauthenticated | Self::Stopped => None,
        }
    }
}

/// No grant is known: the first load is under way, found nothing, or failed.
fn absent(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Loaded(loaded) => m.on_loaded(loaded, cx),
        Input::StoreChanged | Input::Refresh => {
            m.request_load(cx);
            Handled
        }
        Input::LoggedIn(record) | Input::LoggedOut(record) => m.replace(record, cx),
        Input::Shutdown => m.stop_now(cx),
        Input::PolicyChanged(setup) => m.set_up(setup),
        Input::ClaimGranted { .. } => m.return_claim(cx),
        Input::ClaimDenied(_) => m.forget_claim(),
        Input::Answer { attempt, answer } => m.late_answer(*attempt, answer, cx),
        Input::Tick
        | Input::Demand { .. }
        | Input::Resumed
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::Rejected { .. }
        | Input::Revoked
        | Input::NetworkChanged => Handled,
    }
}

/// A grant stands; nothing to do until the next refresh is due.
fn fresh(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.begin_when_due(cx),
        Input::Demand { min_validity } => {
            m.note_demand(*min_validity);
            m.begin_when_due(cx)
        }
        Input::Rejected { epoch, generation } => {
            m.note_rejection(*epoch, *generation, cx);
            m.begin_when_due(cx)
        }
        Input::Refresh => {
            m.want = Some(RefreshReason::Forced);
            m.begin_when_due(cx)
        }
        Input::Loaded(_)
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Answer { .. }
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::NetworkChanged
        | Input::PolicyChanged(_)
        | Input::Shutdown => Super,
    }
}

/// Between attempts, at the short or the long cadence.
fn waiting(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick => m.retry_when_due(cx),
        Input::Refresh => {
            m.want = Some(RefreshReason::Forced);
            m.retry_now(cx)
        }
        Input::Rejected { epoch, generation } => {
            if m.note_rejection(*epoch, *generation, cx) {
                m.retry_now(cx)
            } else {
                Handled
            }
        }
        Input::Resumed | Input::NetworkChanged => {
            m.pull_forward();
            m.retry_when_due(cx)
        }
        // The old token is served while it is valid; without one a caller waits or fails fast, and never hurries.
        Input::Demand { .. } => m.retry_when_due(cx),
        Input::Loaded(_)
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Answer { .. }
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::PolicyChanged(_)
        | Input::Shutdown => Super,
    }
}

/// Waiting out a request that may still land. Nothing shortens it.
fn settling(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.settle_when_due(cx),
        Input::Demand { .. }
        | Input::Refresh
        | Input::NetworkChanged
        | Input::Loaded(_)
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Answer { .. }
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::Rejected { .. }
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::PolicyChanged(_)
        | Input::Shutdown => Super,
    }
}

/// New tokens in memory, the store failing: they are served, and saving goes on.
fn unsaved(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.save_when_due(cx),
        // A person cannot have a newer token before this one is saved.
        Input::Refresh => m.save_now(cx),
        Input::Shutdown => m.stop_gently(cx),
        // What the store holds is older than what is in memory, until the save succeeds.
        Input::Loaded(loaded) => m.on_loaded_unsaved(loaded, cx),
        Input::Demand { .. }
        | Input::StoreChanged
        | Input::NetworkChanged
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Answer { .. }
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::Rejected { .. }
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::PolicyChanged(_) => Super,
    }
}

/// Waiting for the right to spend.
fn claiming(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.claim_when_due(cx),
        Input::ClaimGranted { loaded, attempt } => m.on_claim_granted(loaded, *attempt, cx),
        Input::ClaimDenied(fault) => m.on_claim_denied(fault.as_ref(), cx),
        Input::Demand { .. }
        | Input::Refresh
        | Input::NetworkChanged
        | Input::Loaded(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Answer { .. }
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::Rejected { .. }
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::PolicyChanged(_)
        | Input::Shutdown => Super,
    }
}

/// Writing the intent.
fn marking(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Marked(ticket) => m.on_marked(*ticket, cx),
        Input::MarkFailed(ticket, failure) => m.on_mark_failed(*ticket, failure, cx),
        Input::Tick => m.stop_when_due(cx),
        Input::Shutdown => m.stop_gently(cx),
        Input::Demand { .. }
        | Input::Refresh
        | Input::Resumed
        | Input::NetworkChanged
        | Input::Loaded(_)
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Answer { .. }
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::Rejected { .. }
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::PolicyChanged(_) => Super,
    }
}

/// The request is on the wire.
fn exchanging(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Answer { attempt, answer } => m.on_answer(*attempt, answer, cx),
        Input::Tick => m.stop_when_due(cx),
        Input::Shutdown => m.stop_gently(cx),
        Input::Demand { .. }
        | Input::Refresh
        | Input::Resumed
        | Input::NetworkChanged
        | Input::Loaded(_)
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::Rejected { .. }
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::PolicyChanged(_) => Super,
    }
}

/// Writing the outcome.
fn committing(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Committed(ticket) => m.on_committed(*ticket, cx),
        Input::CommitFailed(ticket, failure) => m.on_commit_failed(*ticket, failure, cx),
        Input::Tick => m.stop_when_due(cx),
        Input::Shutdown => m.stop_gently(cx),
        Input::Demand { .. }
        | Input::Refresh
        | Input::Resumed
        | Input::NetworkChanged
        | Input::Loaded(_)
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Answer { .. }
        | Input::StoreChanged
        | Input::Rejected { .. }
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::PolicyChanged(_) => Super,
    }
}

/// A login is needed. Nothing is sent until a new epoch or a newer record; a person may probe after the ceiling.
fn unauthenticated(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Loaded(loaded) => m.on_loaded(loaded, cx),
        Input::StoreChanged => {
            m.request_load(cx);
            Handled
        }
        Input::Refresh => m.probe_after_ceiling(cx),
        Input::Rejected { epoch, generation } => {
            m.note_rejection(*epoch, *generation, cx);
            Handled
        }
        Input::LoggedIn(record) | Input::LoggedOut(record) => m.replace(record, cx),
        Input::Shutdown => m.stop_now(cx),
        Input::PolicyChanged(setup) => m.set_up(setup),
        Input::ClaimGranted { .. } => m.return_claim(cx),
        Input::ClaimDenied(_) => m.forget_claim(),
        Input::Answer { attempt, answer } => m.late_answer(*attempt, answer, cx),
        Input::Tick | Input::Resumed => m.revive(),
        Input::Demand { .. }
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::Revoked
        | Input::NetworkChanged => Handled,
    }
}

/// Shut down: nothing leads out of here.
fn stopped(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::ClaimGranted { .. } => m.return_claim(cx),
        Input::ClaimDenied(_) => m.forget_claim(),
        Input::Answer { attempt, answer } => m.late_answer(*attempt, answer, cx),
        Input::Tick
        | Input::Loaded(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::Demand { .. }
        | Input::Rejected { .. }
        | Input::Refresh
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::Revoked
        | Input::Resumed
        | Input::NetworkChanged
        | Input::PolicyChanged(_)
        | Input::Shutdown => Handled,
    }
}

/// Goes there.
pub(crate) fn to(state: State) -> Out {
    Transition(state)
}
