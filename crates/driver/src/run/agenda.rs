//! One heap of deadlines for everything, with lazy deletion.
//!
//! An entry is never searched for: whoever pops one asks whether it still means something. So that abandoned entries
//! cannot pile up, the heap is rebuilt from the living ones when they are the lesser half.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use renewd_core::Boot;

use super::Slot;

/// Below this many entries a rebuild is not worth its pass.
const REBUILD_MIN: usize = 64;

/// Deadlines of machines. `K` tells several of one machine apart.
pub(super) struct Agenda<K> {
    heap: BinaryHeap<Reverse<(Boot, Slot, K)>>,
}

impl<K: Ord + Copy> Agenda<K> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new() }
    }

    pub(super) fn push(&mut self, at: Boot, slot: Slot, key: K) {
        self.heap.push(Reverse((at, slot, key)));
    }

    /// The earliest entry, dead ones included.
    pub(super) fn next(&self) -> Option<Boot> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes an entry that is due.
    pub(super) fn pop_due(&mut self, now: Boot) -> Option<(Boot, Slot, K)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Whether dead entries are the greater half, given how many can be alive.
    pub(super) fn crowded(&self, alive: usize) -> bool {
        self.heap.len() > REBUILD_MIN && self.heap.len() / 2 > alive
    }

    /// Drops the dead entries.
    pub(super) fn retain(&mut self, mut alive: impl FnMut(Boot, Slot, K) -> bool) {
        self.heap.retain(|Reverse((at, slot, key))| alive(*at, *slot, *key));
        self.heap.shrink_to(self.heap.len().saturating_mul(2));
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_order_of_time_and_not_before_it() {
        let mut agenda = Agenda::new();
        for (at, slot) in [(30, 1), (10, 2), (20, 3)] {
            agenda.push(Boot::from_millis(at), slot, ());
        }
        assert_eq!(agenda.pop_due(Boot::from_millis(9)), None);
        assert_eq!(agenda.pop_due(Boot::from_millis(25)).map(|e| e.1), Some(2));
        assert_eq!(agenda.pop_due(Boot::from_millis(25)).map(|e| e.1), Some(3));
        assert_eq!(agenda.pop_due(Boot::from_millis(25)), None);
        assert_eq!(agenda.next(), Some(Boot::from_millis(30)));
    }

    #[test]
    fn dead_entries_do_not_pile_up() {
        let mut agenda = Agenda::new();
        for at in 0..1000 {
            agenda.push(Boot::from_millis(at), 0, ());
            if agenda.crowded(1) {
                agenda.retain(|e, _, ()| e == Boot::from_millis(at));
            }
        }
        assert!(agenda.len() <= REBUILD_MIN + 1, "{}", agenda.len());
    }
}
