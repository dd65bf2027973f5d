//! One machine in the slab, small while nothing is under way for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_channel::{mpsc, oneshot};
use renewd_core::{AttemptId, Boot, Lifecycle};

use crate::cell::Cell;
use crate::message::Waiter;
use crate::ports::{Claim, Event};

use super::clocks::MarginClass;
use super::ops::Op;
use super::watch::Watched;

/// A machine at rest: its lifecycle, its slot for callers, one deadline.
pub(super) struct Machine {
    pub(super) lifecycle: Lifecycle,
    pub(super) cell: Arc<Cell>,
    /// The entry of the agenda that counts.
    pub(super) armed: Option<Boot>,
    /// Tells this machine from an earlier one in the same slot.
    pub(super) birth: u32,
    pub(super) margin: MarginClass,
    /// The first load has ended. Callers that come earlier are not told to the lifecycle before: it could neither
    /// refresh for them nor tell them anything.
    pub(super) loaded: bool,
    pub(super) watched: Watched,
    /// What is under way. None for most of a million machines, most of the time.
    pub(super) busy: Option<Box<Busy>>,
}

/// What is under way for a machine.
#[derive(Default)]
pub(super) struct Busy {
    /// Store commands that have not begun, in their order.
    pub(super) ops: VecDeque<Op>,
    /// One has begun and has not ended.
    pub(super) op_running: bool,
    /// The first one waits at a gate.
    pub(super) op_gated: bool,
    /// It was let to the front of the line, for a caller.
    pub(super) op_urgent: bool,
    /// The right to spend, while it is held.
    pub(super) claim: Option<Box<dyn Claim>>,
    /// A place among the refreshes of this process is held.
    pub(super) refreshing: bool,
    /// Requests on the wire, each with the flag that keeps it from leaving.
    pub(super) sends: Vec<(AttemptId, Arc<AtomicBool>)>,
    pub(super) waiters: Vec<Waiter>,
    pub(super) listeners: Vec<mpsc::Sender<Event>>,
    pub(super) end: Option<End>,
}

/// A machine that is shutting down.
#[derive(Default)]
pub(super) struct End {
    pub(super) asked_by: Vec<oneshot::Sender<Option<String>>>,
    /// What the lifecycle said when it was done, and until when its last store command is waited for.
    pub(super) drained: Option<(Option<String>, Boot)>,
}

impl Busy {
    fn is_idle(&self) -> bool {
        self.ops.is_empty()
            && !self.op_running
            && self.claim.is_none()
            && !self.refreshing
            && self.sends.is_empty()
            && self.waiters.is_empty()
            && self.listeners.is_empty()
            && self.end.is_none()
    }
}

impl Machine {
    pub(super) fn new(lifecycle: Lifecycle, cell: Arc<Cell>, birth: u32, watched: Watched) -> Self {
        Self {
            lifecycle,
            cell,
            armed: None,
            birth,
            margin: MarginClass::NONE,
            loaded: false,
            watched,
            busy: None,
        }
    }

    pub(super) fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    /// Gives back what an idle machine does not need.
    pub(super) fn rest(&mut self) {
        if self.busy.as_ref().is_some_and(|b| b.is_idle()) {
            self.busy = None;
        }
    }

    pub(super) fn has_waiters(&self) -> bool {
        self.busy.as_ref().is_some_and(|b| !b.waiters.is_empty())
    }

    pub(super) fn is_ending(&self) -> bool {
        self.busy.as_ref().is_some_and(|b| b.end.is_some())
    }

    /// When the loop must come back to it.
    pub(super) fn due(&self) -> Option<Boot> {
        let drained = self.busy.as_ref().and_then(|b| b.end.as_ref()).and_then(|e| e.drained.as_ref());
        match drained {
            Some((_, give_up)) => Some(*give_up),
            None => {
                let own = self.lifecycle.poll_timeout().map(|wake| wake.at);
                let published = self.cell.published.load().ends();
                own.into_iter().chain(published).min()
            }
        }
    }
}
