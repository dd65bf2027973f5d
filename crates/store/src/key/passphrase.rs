//! A key that is derived from a passphrase (Argon2id, RFC 9106).
//!
//! What a person can remember can be guessed, so that each guess must cost. The salt and the cost stand in `store.toml`;
//! they are no secrets, but without them the passphrase gives no key. Neither the passphrase nor what Argon2 worked on
//! stays in memory.

use std::path::PathBuf;

use argon2::{Algorithm, Argon2, Params, Version};
use renewd_core::{Secret, StoreFault, StoreFaultKind};
use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyMaterial};
use crate::fault::fault;
use crate::fs::FileSystem;

/// Less is guessed whatever a guess costs (NIST SP 800-63B asks for as much).
const PASSPHRASE_BYTES_MIN: usize = 8;

/// Longer is a file, named by mistake.
const PASSPHRASE_BYTES_MAX: usize = 1024;

/// How often a person is asked for the passphrase of a store.
const TRIES_MAX: u32 = 3;

/// RFC 9106 §3.1: 16 bytes are recommended.
pub(crate) const SALT_BYTES: usize = 16;

/// Whoever can write `store.toml` could otherwise have us take all memory of the machine: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;

/// And all of its time.
const PASSES_MAX: u32 = 16;

/// More lanes than any machine of one user has use for.
const LANES_MAX: u32 = 64;

/// What a guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassphraseCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl PassphraseCost {
    /// A cost of one's own: KiB of memory (at most 1 GiB), passes over it (at most 16), lanes (at most 64). `None` where
    /// it is out of bounds, or Argon2 cannot work with it.
    ///
    /// Less than the default is for tests and for small machines: OWASP asks for 19 MiB, two passes and one lane at
    /// least.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let bounded = memory_kib <= MEMORY_KIB_MAX && passes <= PASSES_MAX && lanes <= LANES_MAX;
        let cost = Self { memory_kib, passes, lanes };
        (bounded && cost.params().is_some()).then_some(cost)
    }

    /// Memory in KiB, passes, lanes.
    pub(crate) fn parts(self) -> [u32; 3] {
        [self.memory_kib, self.passes, self.lanes]
    }

    fn params(self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES)).ok()
    }
}

impl Default for PassphraseCost {
    /// The second choice of RFC 9106 §4: 64 MiB, three passes, four lanes. It is above what OWASP asks for, and any
    /// machine that runs an agent has as much.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

/// How a passphrase becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Derivation {
    pub(crate) cost: PassphraseCost,
    pub(crate) salt: [u8; SALT_BYTES],
}

impl Derivation {
    /// With a salt of its own.
    pub(super) fn fresh(machine: &dyn FileSystem, cost: PassphraseCost) -> Result<Self, StoreFault> {
        let mut salt = [0; SALT_BYTES];
        machine.fill_random(&mut salt)?;
        Ok(Self { cost, salt })
    }

    /// The key of a passphrase.
    pub(super) fn key_of(&self, passphrase: &[u8]) -> Result<KeyMaterial, StoreFault> {
        let failed = |why: &str| {
            fault(StoreFaultKind::KeyUnavailable, format!("no key can be derived from the passphrase: {why}"))
        };
        let params = self.cost.params().ok_or_else(|| failed("its cost is out of bounds"))?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, &self.salt, &mut *key)
            .map_err(|error| failed(&error.to_string()))?;
        KeyMaterial::new(Secret::copy_of(&*key)).ok_or_else(|| failed("it is too short"))
    }
}

/// What a passphrase is wanted for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphrasePurpose {
    /// To open a store that was sealed with it.
    Open,
    /// To seal a store with from now on: a person types it twice.
    New,
    /// To open what is still sealed with the passphrase of before, while a change to another key is not finished.
    Former,
}

/// A question for a passphrase.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassphraseAsk {
    /// What it is wanted for.
    pub purpose: PassphrasePurpose,
    /// Which time the question is put, from 1: greater than 1 after a wrong answer.
    pub attempt: u32,
    /// The folder of the store that it is for.
    pub store: PathBuf,
}

impl PassphraseAsk {
    /// A question, for tests of whoever answers.
    pub fn new(purpose: PassphrasePurpose, attempt: u32, store: impl Into<PathBuf>) -> Self {
        Self { purpose, attempt, store: store.into() }
    }
}

/// Whoever knows the passphrase: a person at a terminal, or an open file. Never an argument or the environment, which
/// other processes can read.
pub trait PassphraseSource: Send + Sync + 'static {
    /// The passphrase, without a line end. It blocks while a person is asked.
    ///
    /// # Errors
    /// When there is none to be had: no terminal, a person who declines, an empty file.
    fn passphrase(&self, ask: &PassphraseAsk) -> Result<Zeroizing<Vec<u8>>, StoreFault>;

    /// Whether a person answers. A person is asked again after a wrong answer, and never in the middle of a write.
    fn asks_a_person(&self) -> bool {
        false
    }
}

/// Asks for a passphrase until it gives the wanted key, as often as it makes sense; `None` where it never does.
pub(super) fn unlock<K>(
    source: &dyn PassphraseSource,
    derivation: &Derivation,
    mut ask: PassphraseAsk,
    wanted: impl Fn(&KeyMaterial) -> Option<K>,
) -> Result<Option<K>, StoreFault> {
    loop {
        let passphrase = source.passphrase(&ask)?;
        // Longer than any can be: that one was never taken, and need not be tried.
        let key = match passphrase.len() {
            0..=PASSPHRASE_BYTES_MAX => wanted(&derivation.key_of(&passphrase)?),
            _ => None,
        };
        if key.is_some() || !source.asks_a_person() || ask.attempt >= TRIES_MAX {
            return Ok(key);
        }
        ask.attempt += 1;
    }
}

/// Asks for a new passphrase.
pub(super) fn choose(
    source: &dyn PassphraseSource,
    store: PathBuf,
) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let ask = PassphraseAsk { purpose: PassphrasePurpose::New, attempt: 1, store };
    let passphrase = source.passphrase(&ask)?;
    if (PASSPHRASE_BYTES_MIN..=PASSPHRASE_BYTES_MAX).contains(&passphrase.len()) {
        return Ok(passphrase);
    }
    let message = format!(
        "a passphrase is {PASSPHRASE_BYTES_MIN} to {PASSPHRASE_BYTES_MAX} bytes long, best several words; this one is \
         not: choose another"
    );
    Err(fault(StoreFaultKind::KeyUnavailable, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(memory_kib: u32, passes: u32, lanes: u32) -> Derivation {
        let cost = PassphraseCost::new(memory_kib, passes, lanes).unwrap();
        Derivation { cost, salt: *b"0123456789abcdef" }
    }

    #[test]
    fn argon2id_is_the_one_that_everybody_means() {
        // Computed with libargon2, the reference implementation.
        let key = small(64, 2, 1).key_of(b"correct horse battery staple").unwrap();
        let hex = crate::remembered::to_hex(key.expose());
        assert_eq!(hex, "800c095b9bf1e62b67d95f4a1e51148f2502ae90d880ac907f480c6871b1d61e");
    }

    #[test]
    fn each_of_passphrase_salt_and_cost_makes_another_key() {
        let one = small(64, 1, 1);
        let key = |derivation: Derivation, text: &str| derivation.key_of(text.as_bytes()).unwrap();
        let same = key(one, "eight bytes");
        assert!(same.0.same_as(key(one, "eight bytes").expose()));
        for other in [
            key(one, "eight bytez"),
            key(Derivation { salt: [1; 16], ..one }, "eight bytes"),
            key(small(72, 1, 1), "eight bytes"),
            key(small(64, 2, 1), "eight bytes"),
            key(small(64, 1, 2), "eight bytes"),
        ] {
            assert!(!same.0.same_as(other.expose()));
        }
    }

    #[test]
    fn no_cost_beyond_the_bounds_is_taken() {
        for (memory, passes, lanes) in [
            (MEMORY_KIB_MAX + 1, 1, 1),
            (64, PASSES_MAX + 1, 1),
            (1 << 15, 1, LANES_MAX + 1),
            (0, 1, 1),
            (64, 0, 1),
            (64, 1, 0),
            (8, 1, 4),
        ] {
            assert_eq!(PassphraseCost::new(memory, passes, lanes), None, "{memory} {passes} {lanes}");
        }
        let [memory, passes, lanes] = PassphraseCost::default().parts();
        assert_eq!(PassphraseCost::new(memory, passes, lanes), Some(PassphraseCost::default()));
    }
}
