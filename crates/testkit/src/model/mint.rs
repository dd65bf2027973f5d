//! Tokens from a seed: a replayed run hands out the same tokens, and no entropy is needed.
//!
//! The texts are canaries: 40 characters drawn from 64. Any eight of them in a row are 48 bits that stand nowhere by
//! chance, so whoever searches megabytes of output for pieces of a token finds leaks and nothing else.

use crate::canary::SecretKind;
use crate::issued;

/// What a token may consist of (RFC 6749 appendix A.12 and RFC 6750 section 2.1 allow more): nothing that a form, JSON or a
/// shell writes in another way.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Words of a token, each of ten characters of six bits.
const WORDS: usize = 4;

/// A stream of opaque token texts, determined by its seed (SplitMix64). Not for anything that must be unguessable.
pub(crate) struct Mint {
    state: u64,
    /// Whether what is minted goes on the list of this process.
    noted: bool,
}

impl Mint {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, noted: false }
    }

    /// From now on everything goes on the list.
    pub(crate) fn note_all(&mut self) {
        self.noted = true;
    }

    /// The next access token.
    pub(crate) fn access_token(&mut self) -> String {
        self.token("at_", SecretKind::AccessToken)
    }

    /// The next refresh token.
    pub(crate) fn refresh_token(&mut self) -> String {
        self.token("rt_", SecretKind::RefreshToken)
    }

    /// The next authorization code.
    pub(crate) fn code(&mut self) -> String {
        self.token("ac_", SecretKind::AuthorizationCode)
    }

    /// The next device code.
    pub(crate) fn device_code(&mut self) -> String {
        self.token("dc_", SecretKind::DeviceCode)
    }

    /// The next secret of a client that registers.
    pub(crate) fn client_secret(&mut self) -> String {
        self.token("cs_", SecretKind::ClientSecret)
    }

    /// The next token of a registration.
    pub(crate) fn registration_token(&mut self) -> String {
        self.token("rg_", SecretKind::RegistrationToken)
    }

    /// What is no secret: a nonce, a `request_uri`, a seed.
    pub(crate) fn name(&mut self) -> String {
        format!("{:016x}{:016x}", self.word(), self.word())
    }

    /// What a person types (RFC 8628 section 6.1).
    pub(crate) fn user_code(&mut self) -> String {
        const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
        let word = self.word();
        let letter = |at: u32| char::from(LETTERS[(word >> (8 * at)) as usize % LETTERS.len()]);
        let half = |from: u32| (from..from + 4).map(letter).collect::<String>();
        format!("{}-{}", half(0), half(4))
    }

    /// The prefix says the kind to a person reading a capture, the rest is random.
    fn token(&mut self, prefix: &str, kind: SecretKind) -> String {
        let mut text = prefix.to_owned();
        for _ in 0..WORDS {
            let word = self.word();
            text.extend((0..10).map(|at| char::from(ALPHABET[(word >> (6 * at)) as usize % 64])));
        }
        if self.noted {
            issued::note(kind, &text);
        }
        text
    }

    fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
