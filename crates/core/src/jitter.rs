//! Deterministic jitter. Splitmix64: one word of state, good enough to spread retries, never used for an identifier.

use crate::time::Span;

#[derive(Clone, Debug, Hash)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from zero to `most`, both included.
    pub(crate) fn up_to(&mut self, most: Span) -> Span {
        let r = self.next_u64();
        let n = u128::from(most.as_millis()) + 1;
        Span::from_millis(((u128::from(r) * n) >> 64) as u64)
    }
}
