//! What several states do alike.

use statig::Outcome::{Handled, Super};

use crate::command::RefreshReason;
use crate::input::Input;
use crate::lifecycle::machine::{Cx, Event, Machine};
use crate::lifecycle::state::Out;

/// A superstate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Superstate {
    /// A grant stands.
    Granted,
    /// An attempt is under way.
    Refreshing,
}

impl statig::blocking::Superstate<Machine> for Superstate {
    fn call_handler(&mut self, m: &mut Machine, event: &Event, cx: &mut Cx<'_>) -> Out {
        let input = match event {
            Event::Settled(_) => return Handled,
            Event::Input(input) => input,
        };
        match self {
            Self::Granted => granted(m, input, cx),
            Self::Refreshing => refreshing(m, input, cx),
        }
    }

    fn superstate(&mut self) -> Option<Self> {
        match self {
            Self::Refreshing => Some(Self::Granted),
            Self::Granted => None,
        }
    }
}

fn granted(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Loaded(loaded) => m.on_loaded(loaded, cx),
        Input::StoreChanged => {
            m.request_load(cx);
            Handled
        }
        Input::Rejected { epoch, generation } => {
            m.note_rejection(*epoch, *generation, cx);
            Handled
        }
        Input::DemandFor { key, min_validity } => {
            m.note_demand_for(key, *min_validity);
            Handled
        }
        Input::LoggedIn(record) | Input::LoggedOut(record) => m.replace(record, cx),
        Input::PolicyChanged(setup) => m.set_up(setup),
        Input::Shutdown => m.stop_now(cx),
        Input::ClaimGranted { .. } => m.return_claim(cx),
        Input::ClaimDenied(_) => m.forget_claim(),
        Input::Answer { attempt, answer, sent } => m.late_answer(*attempt, answer, sent, cx),
        Input::Tick
        | Input::Demand { .. }
        | Input::Refresh
        | Input::Resumed
        | Input::NetworkChanged
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::Revoked => Handled,
    }
}

/// An attempt under way: a newer record met now is read again under the claim, or fenced off by the commit.
fn refreshing(m: &mut Machine, input: &Input, cx: &mut Cx<'_>) -> Out {
    match input {
        Input::Loaded(loaded) => m.on_loaded_refreshing(loaded, cx),
        // An attempt for something else fulfils nothing of what is asked of the login's own token.
        Input::Refresh if m.target.is_some() => {
            m.want = Some(RefreshReason::Forced);
            Handled
        }
        Input::Demand { min_validity } if m.target.is_some() => {
            m.note_demand(*min_validity);
            Handled
        }
        // A person's wish joins the attempt that is under way.
        Input::Refresh
        | Input::Tick
        | Input::Demand { .. }
        | Input::DemandFor { .. }
        | Input::Resumed
        | Input::NetworkChanged
        | Input::StoreChanged
        | Input::Rejected { .. }
        | Input::LoggedIn(_)
        | Input::LoggedOut(_)
        | Input::PolicyChanged(_)
        | Input::Shutdown
        | Input::ClaimGranted { .. }
        | Input::ClaimDenied(_)
        | Input::Answer { .. }
        | Input::Marked(_)
        | Input::MarkFailed(..)
        | Input::Committed(_)
        | Input::CommitFailed(..)
        | Input::Revoked => Super,
    }
}
