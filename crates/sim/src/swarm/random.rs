//! A stream of choices from a seed.

use renewd_store::testing::Chance;

/// The simulated disk's own generator, with what drawing a scenario wants beside it.
pub(super) struct Random(Chance);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds must not give neighbouring streams.
        let mut chance = Chance::new(seed ^ 0x05ee_d0fa_57a2_f00d);
        chance.next_u64();
        Self(chance)
    }

    /// Any number below `n`; zero for none.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    /// Any number from the one to the other.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.0.one_in(n)
    }

    /// One of these.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        let at = usize::try_from(self.below(all.len() as u64)).unwrap_or(0);
        all[at]
    }
}
