//! The few things that concern every machine: a stepped clock, a resume, another network, a shutdown. They go round a
//! batch at a time, so that with a million machines callers are still served in between.

use std::collections::VecDeque;

use renewd_core::Input;

use super::{EventLoop, Slot};

/// Slab places visited in one go.
const BATCH: usize = 512;

/// What goes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// The wall clock was set: deadlines by the boot clock alone do not show it.
    Tick,
    Resumed,
    NetworkChanged,
    Shutdown,
}

/// Rounds under way, one after the other.
pub(super) struct Sweep {
    rounds: VecDeque<(Round, usize)>,
}

impl Sweep {
    pub(super) fn new() -> Self {
        Self { rounds: VecDeque::new() }
    }

    /// Begins a round. One of the same kind that has not begun is the same; so there are never more than two of each.
    pub(super) fn begin(&mut self, round: Round) {
        if !self.rounds.contains(&(round, 0)) {
            self.rounds.push_back((round, 0));
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The next places to visit.
    fn next_batch(&mut self, places: usize) -> Option<(Round, std::ops::Range<usize>)> {
        let (round, at) = self.rounds.front_mut()?;
        let batch = *at..at.saturating_add(BATCH).min(places);
        let round = *round;
        *at = batch.end;
        if batch.end >= places {
            self.rounds.pop_front();
        }
        Some((round, batch))
    }
}

impl EventLoop {
    /// Goes on with the rounds under way.
    pub(super) fn sweep(&mut self) {
        let Some((round, places)) = self.world.sweep.next_batch(self.machines.capacity()) else { return };
        for place in places {
            if self.machines.contains(place) {
                self.visit(place as Slot, round);
            }
        }
    }

    fn visit(&mut self, slot: Slot, round: Round) {
        match round {
            Round::Tick => self.feed(slot, Input::Tick),
            Round::Resumed => self.feed(slot, Input::Resumed),
            Round::NetworkChanged => self.feed(slot, Input::NetworkChanged),
            Round::Shutdown => self.end(slot, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_visits_every_place_once_in_batches() {
        let mut sweep = Sweep::new();
        sweep.begin(Round::Tick);
        let mut visited = 0;
        while let Some((round, batch)) = sweep.next_batch(1300) {
            assert_eq!(round, Round::Tick);
            assert_eq!(batch.start, visited);
            assert!(batch.len() <= BATCH);
            visited = batch.end;
        }
        assert_eq!(visited, 1300);
        assert!(sweep.is_idle());
    }

    #[test]
    fn a_storm_of_the_same_round_is_at_most_two() {
        let mut sweep = Sweep::new();
        sweep.begin(Round::NetworkChanged);
        let _ = sweep.next_batch(5000);
        for _ in 0..100 {
            sweep.begin(Round::NetworkChanged);
        }
        assert_eq!(sweep.rounds.len(), 2);
    }
}
