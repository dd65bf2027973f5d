//! The leaf states in which no attempt is under way.

use statig::Outcome::{Handled, Super};

use crate::command::RefreshReason;
use crate::input::Input;
use crate::lifecycle::machine::{Cx, Machine};
use crate::lifecycle::state::Out;

/// No grant is known: the first load is under way, found nothing, or failed.
pub(super) fn absent(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
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
        Input::Answer { attempt, answer, sent } => m.late_answer(*attempt, answer, sent, cx),
        Input::Tick
        | Input::Demand { .. }
        | Input::DemandFor { .. }
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
pub(super) fn fresh(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.begin_when_due(cx),
        Input::Demand { min_validity } => {
            m.note_demand(*min_validity);
            m.begin_when_due(cx)
        }
        Input::DemandFor { key, min_validity } => {
            m.note_demand_for(key, *min_validity);
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
pub(super) fn waiting(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
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
        Input::DemandFor { key, min_validity } => {
            m.note_demand_for(key, *min_validity);
            m.retry_when_due(cx)
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
        | Input::PolicyChanged(_)
        | Input::Shutdown => Super,
    }
}

/// Waiting out a request that may still land. Nothing shortens it.
pub(super) fn settling(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.settle_when_due(cx),
        Input::Demand { .. }
        | Input::DemandFor { .. }
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
pub(super) fn unsaved(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.save_when_due(cx),
        // A person cannot have a newer token before this one is saved.
        Input::Refresh => m.save_now(cx),
        Input::Shutdown => m.stop_gently(cx),
        // What the store holds is older than what is in memory, until the save succeeds.
        Input::Loaded(loaded) => m.on_loaded_unsaved(loaded, cx),
        Input::Demand { .. }
        | Input::DemandFor { .. }
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

/// A login is needed. Nothing is sent until a new epoch or a newer record; a person may probe after the ceiling.
pub(super) fn unauthenticated(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
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
        Input::Answer { attempt, answer, sent } => m.late_answer(*attempt, answer, sent, cx),
        Input::Tick | Input::Resumed => m.revive(),
        Input::Demand { .. }
        | Input::DemandFor { .. }
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::Revoked
        | Input::NetworkChanged => Handled,
    }
}

/// Shut down: nothing leads out of here.
pub(super) fn stopped(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::ClaimGranted { .. } => m.return_claim(cx),
        Input::ClaimDenied(_) => m.forget_claim(),
        Input::Answer { attempt, answer, sent } => m.late_answer(*attempt, answer, sent, cx),
        Input::Tick
        | Input::Loaded(_)
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::StoreChanged
        | Input::Demand { .. }
        | Input::DemandFor { .. }
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
