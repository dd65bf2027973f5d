//! The states, and who handles what in them: each leaf state some inputs itself, its superstate the rest.
//!
//! Matches over inputs have no wildcard, so that a new input must be decided in every state.

use statig::Outcome::{self, Handled, Transition};

use crate::lifecycle::machine::{Cx, Event, Machine};
use crate::lifecycle::refreshing::{claiming, committing, exchanging, marking};
use crate::lifecycle::resting::{absent, fresh, settling, stopped, unauthenticated, unsaved, waiting};
use crate::lifecycle::superstate::Superstate;
use crate::view::Phase;

/// A leaf state. Its data lives in the [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// Goes there.
pub(crate) fn to(state: State) -> Out {
    Transition(state)
}
