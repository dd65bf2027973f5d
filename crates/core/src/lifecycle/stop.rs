//! Shutting down: finish what is on its way, save what is new, then let go.

use alloc::string::String;

use statig::Outcome::Handled;

use crate::command::Command;
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Cx, Loads, Machine};
use crate::lifecycle::overdue::ANSWER_MARGIN;
use crate::lifecycle::state::{Out, State, to};
use crate::time::Span;

/// A grace that ended so long ago, unseen, ended while the machine slept or the process stood still: an answer may lie
/// in our hands, and nobody has looked yet. Below it lies load.
const UNSEEN_MIN: Span = Span::from_secs(1);

impl Machine {
    /// Nothing is under way: stop. The store keeps what was true, so a shutdown in a retry changes no status.
    pub(crate) fn stop_now(&mut self, cx: &mut Cx<'_>) -> Out {
        let lost = self.lost();
        self.writing = None;
        // What still comes is too late: nothing leads out of here.
        self.overdue = None;
        self.release(cx);
        self.stopping = None;
        self.forget_plans();
        self.loads = Loads::default();
        cx.push(Command::Drained { lost });
        to(State::Stopped)
    }

    /// Something is under way: give it `shutdown.grace`.
    pub(crate) fn stop_gently(&mut self, cx: &mut Cx<'_>) -> Out {
        if self.stopping.is_none() {
            self.stopping = Some(self.now.boot + self.setup.policy.shutdown_grace);
        }
        if let Some((at, _)) = &mut self.save_retry {
            *at = self.now.boot.min(*at);
        }
        self.stop_when_due(cx)
    }

    /// Past the grace: leave the intent where it is; whoever comes next waits it out.
    pub(crate) fn stop_when_due(&mut self, cx: &mut Cx<'_>) -> Out {
        let Some(at) = self.stopping.filter(|at| *at <= self.now.boot) else { return Handled };
        if self.exchange.is_some() && self.now.boot.since(at) > UNSEEN_MIN {
            self.stopping = Some(self.now.boot + ANSWER_MARGIN);
            return Handled;
        }
        if let Some(exchange) = self.exchange.take() {
            cx.push(Command::Abort { attempt: exchange.attempt });
        }
        self.stop_now(cx)
    }

    /// Names new tokens that exist only in this process.
    fn lost(&self) -> Option<String> {
        if self.late_tokens() {
            return Some(String::from(
                "tokens came long after their request had been given up and could not be saved; if the server rotates, \
                 a login is needed",
            ));
        }
        let writing = self.writing.as_ref()?;
        if !writing.then.holds_new_tokens() {
            return None;
        }
        let why = self.store_fault.as_ref().map_or("the save did not end in time", |f| f.message.as_str());
        Some(alloc::format!(
            "the refresh token of generation {} could not be saved ({why}); if the server rotates, a login is needed",
            writing.record.generation
        ))
    }

    /// Whether new tokens exist only in this process.
    pub(crate) fn unsaved(&self) -> bool {
        self.writing.as_ref().is_some_and(|w| matches!(w.then, Pending::Saved))
    }
}
