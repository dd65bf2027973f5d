//! Requests on their way. Assumed: one that was sent reaches the server at most once; and it takes effect while its
//! socket is open, or less than `settle` after it was closed, or never.

use crate::process::{Answer, Process};
use crate::record::{Attempt, Token};
use crate::setting::Setting;
use crate::world::{Step, World};

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// On its way.
    Sent,
    /// It will never arrive; its sender does not know.
    Lost,
    /// An answer is on its way back.
    Answered(Answer),
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) attempt: Attempt,
    pub(crate) token: Token,
    /// Who sent it.
    pub(crate) from: usize,
    /// Its sender's socket is open.
    pub(crate) open: bool,
    /// Since it was sent, up to past the deadline; or since its socket was closed.
    pub(crate) age: u8,
    pub(crate) stage: Stage,
}

impl Request {
    /// Whether it may still take effect.
    pub(crate) fn unsettled(&self) -> bool {
        self.stage == Stage::Sent
    }
}

impl<P: Process> World<P> {
    pub(crate) fn travels(&self, setting: &Setting, n: usize, request: &Request, steps: &mut Vec<Step>) {
        let reader = request.open && self.slots[request.from].awake().is_some();
        match request.stage {
            Stage::Sent => steps.push(Step::Deliver(n)),
            Stage::Answered(_) if reader => steps.push(Step::Answer(n)),
            Stage::Answered(_) | Stage::Lost => {}
        }
        // Whoever stood still past the deadline meets both an answer and a deadline, in either order.
        let late = request.age > setting.deadline || request.stage == Stage::Lost;
        if reader && late && request.age >= setting.deadline {
            steps.push(Step::Timeout(n));
        }
    }

    /// Closes the sockets of a process: what is on its way may still arrive, and no answer will.
    pub(crate) fn close_sockets(&mut self, which: impl Fn(&Request) -> bool) {
        for request in self.wire.iter_mut().filter(|r| r.open && which(r)) {
            request.open = false;
            request.age = 0;
        }
        self.wire.retain(|r| r.open || r.stage == Stage::Sent);
    }

    pub(crate) fn elapse_wire(&mut self, setting: &Setting) {
        for request in &mut self.wire {
            let most = if request.open { setting.deadline + 1 } else { setting.settle };
            request.age = most.min(request.age + 1);
        }
        self.wire.retain(|r| r.open || r.age < setting.settle);
    }
}
