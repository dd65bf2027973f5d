//! The leaf states of an attempt, in their order.

use statig::Outcome::{Handled, Super};

use crate::command::RefreshReason;
use crate::input::Input;
use crate::lifecycle::machine::{Cx, Machine};
use crate::lifecycle::state::Out;

/// Waiting for the right to spend.
pub(super) fn claiming(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Tick | Input::Resumed => m.claim_when_due(cx),
        Input::ClaimGranted { loaded, attempt } => match m.raise_when_granted(loaded, cx) {
            Some(raising) => raising,
            None => m.on_claim_granted(loaded, *attempt, cx),
        },
        Input::ClaimDenied(fault) => m.on_claim_denied(fault.as_ref(), cx),
        // Nothing has been spent yet: whoever asks now has asked for this very attempt.
        Input::Refresh => {
            m.target = None;
            m.reason = RefreshReason::Forced;
            m.writing_again = false;
            Handled
        }
        Input::Rejected { epoch, generation } => {
            if m.note_rejection(*epoch, *generation, cx) {
                m.writing_again = false;
                m.target = None;
                if m.reason != RefreshReason::Forced {
                    m.reason = RefreshReason::Rejected;
                }
            }
            Handled
        }
        Input::Demand { .. }
        | Input::DemandFor { .. }
        | Input::NetworkChanged
        | Input::Loaded(_)
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

/// Writing the intent.
pub(super) fn marking(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Marked(ticket) => m.on_marked(*ticket, cx),
        Input::MarkFailed(ticket, failure) => m.on_mark_failed(*ticket, failure, cx),
        Input::Tick => m.stop_when_due(cx),
        Input::Shutdown => m.stop_gently(cx),
        Input::Demand { .. }
        | Input::DemandFor { .. }
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
pub(super) fn exchanging(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Answer { attempt, answer, sent } => m.on_answer(*attempt, answer, sent, cx),
        Input::Tick if m.stopping.is_some() => m.stop_when_due(cx),
        Input::Tick => m.answer_when_due(cx),
        Input::Resumed => m.answer_after_resume(),
        Input::Shutdown => m.stop_gently(cx),
        Input::Demand { .. }
        | Input::DemandFor { .. }
        | Input::Refresh
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
pub(super) fn committing(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Committed(ticket) => m.on_committed(*ticket, cx),
        Input::CommitFailed(ticket, failure) => m.on_commit_failed(*ticket, failure, cx),
        Input::Tick => m.stop_when_due(cx),
        Input::Shutdown => m.stop_gently(cx),
        Input::Demand { .. }
        | Input::DemandFor { .. }
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
