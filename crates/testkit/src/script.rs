//! Which fault comes next: a standing one, and a queue that goes before it.

use crate::fault::Fault;
use std::collections::VecDeque;

/// The order of faults of a server: first the queued ones, one for each token request, then the standing one for ever.
///
/// ```
/// use renewd_testkit::{Fault, Script};
/// let mut script = Script::new(Fault::Ok);
/// script.next(2, Fault::WafBlock);
/// assert_eq!([script.take(), script.take(), script.take()], [Fault::WafBlock, Fault::WafBlock, Fault::Ok]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    standing: Fault,
    queue: VecDeque<Fault>,
}

impl Script {
    /// A script that plays the same for ever.
    pub fn new(standing: Fault) -> Self {
        Self { standing, queue: VecDeque::new() }
    }

    /// Changes what is played when nothing is queued.
    pub fn set(&mut self, standing: Fault) {
        self.standing = standing;
    }

    /// Queues one fault.
    pub fn push(&mut self, fault: Fault) {
        self.queue.push_back(fault);
    }

    /// Queues the same fault for the next `n` requests that have none yet.
    pub fn next(&mut self, n: usize, fault: Fault) {
        self.queue.extend(std::iter::repeat_n(fault, n));
    }

    /// Forgets what is queued.
    pub fn clear(&mut self) {
        self.queue.clear();
    }

    /// The fault the next request will meet.
    pub fn peek(&self) -> &Fault {
        self.queue.front().unwrap_or(&self.standing)
    }

    /// The fault for this request.
    pub fn take(&mut self) -> Fault {
        self.queue.pop_front().unwrap_or_else(|| self.standing.clone())
    }

    /// How many queued faults were not played yet.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }
}
