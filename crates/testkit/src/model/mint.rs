//! Tokens from a seed: a replayed run hands out the same tokens, and no entropy is needed.

/// A stream of opaque token texts, determined by its seed (SplitMix64). Not for anything that must be unguessable.
pub(crate) struct Mint {
    state: u64,
}

impl Mint {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next token: the prefix says the kind to a person reading a capture, the rest is 128 bits of hex.
    pub(crate) fn token(&mut self, prefix: &str) -> String {
        format!("{prefix}{:016x}{:016x}", self.word(), self.word())
    }

    fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
