//! What is to happen to a process, and when.

use std::io;

use super::State;
use crate::point::IoStep;

/// What happens to a simulated process in the middle of its work.
#[non_exhaustive]
pub enum Fate {
    /// It dies. What it wrote stays in the machine's memory, its locks are free.
    Kill,
    /// The machine dies; the seed says what of the unsynced is left.
    PowerCut(u64),
    /// The operation fails in this way and has no effect; a sync that fails loses what it was to make durable.
    Fail(io::ErrorKind),
    /// Others go on meanwhile, before the operation is made.
    Meanwhile(Box<dyn FnOnce() + Send>),
}

/// What a plan waits for.
pub(super) enum Trigger {
    Operation,
    Step(IoStep),
    Point(String),
}

/// Something that happens to a process.
pub(super) enum Event<'a> {
    Operation,
    Point(&'a str, IoStep),
}

/// A fate, and the event that it waits for.
pub(super) struct Plan {
    pub(super) trigger: Trigger,
    /// So many such events still, this one included.
    pub(super) left: u64,
    pub(super) fate: Fate,
}

impl Trigger {
    fn is(&self, event: &Event<'_>) -> bool {
        match (self, event) {
            (Self::Operation, Event::Operation) => true,
            (Self::Step(wanted), Event::Point(_, step)) => wanted == step,
            (Self::Point(wanted), Event::Point(point, _)) => wanted == point,
            (Self::Operation, Event::Point(..)) | (Self::Step(_) | Self::Point(_), Event::Operation) => false,
        }
    }
}

impl State {
    /// The fate that this event brings on.
    pub(super) fn due(&mut self, process: u64, event: &Event<'_>) -> Option<Fate> {
        let plans = &mut self.processes.get_mut(&process)?.plans;
        for plan in plans.iter_mut().filter(|plan| plan.trigger.is(event)) {
            plan.left = plan.left.saturating_sub(1);
        }
        let due = plans.iter().position(|plan| plan.left == 0)?;
        Some(plans.remove(due).fate)
    }
}
