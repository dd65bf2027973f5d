//! Where the store's secret comes from.
//!
//! A source is named by a setting (`store.key`, remembered in `store.toml`). It gives the same secret for ever, until
//! the store's records are sealed with another one. Whatever is made anew is made once and never in the place of a
//! secret that is missing: without the old secret the records are lost, and a new one would only hide that.

mod access;
mod file;
mod keyring;
mod passphrase;
mod systemd;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renewd_core::{Secret, StoreFault};
use zeroize::Zeroizing;

use crate::crypt::KEY_ID_BYTES;
use crate::error::StoreError;
use crate::fs::FileSystem;
use crate::sys::System;

pub(crate) use access::{KeyAccess, Made, Retired};
pub(crate) use file::{DEFAULT_FILE, NEXT_FILE, SHARED_FILE};
pub(crate) use passphrase::Derivation;

pub use file::KeyFile;
pub use passphrase::{PassphraseAsk, PassphraseCost, PassphrasePurpose, PassphraseSource};

/// A key of 256 bits, as XChaCha20 takes it.
const KEY_BYTES: usize = 32;

/// A key is one line; whatever is longer is something else, named by mistake.
const KEY_TEXT_BYTES_MAX: usize = 4096;

/// Less than this is no secret. It is less than [`KEY_BYTES`] because a raw random key may end in bytes that look
/// like a line end.
const KEY_TEXT_BYTES_MIN: usize = 24;

/// The secret that seals every record of a store. Overwritten when dropped; it cannot be printed.
pub struct KeyMaterial(Secret);

impl KeyMaterial {
    /// Takes a secret over; at least 24 bytes, best 32 random ones.
    pub fn new(secret: Secret) -> Option<Self> {
        (secret.len() >= KEY_TEXT_BYTES_MIN).then_some(Self(secret))
    }

    /// A fresh random secret.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self, StoreFault> {
        Self::random_of(&System)
    }

    /// Text: it survives copying by hand, from a keyring into a file and back.
    fn random_of(machine: &dyn FileSystem) -> Result<Self, StoreFault> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        machine.fill_random(&mut *bytes)?;
        // No spare room in which a copy would stay behind.
        let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES.div_ceil(3) * 4));
        STANDARD.encode_string(bytes.as_slice(), &mut text);
        Ok(Self(Secret::copy_of(text.as_bytes())))
    }

    /// What stands in a key file, a keyring's item or a mounted secret; line ends behind it are none of the key's.
    fn read(bytes: &[u8]) -> Option<Self> {
        let fits = bytes.len() <= KEY_TEXT_BYTES_MAX;
        Self::new(Secret::copy_of(bytes.trim_ascii_end())).filter(|_| fits)
    }

    /// The bytes. Do not print, log or keep them.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

/// A place that keeps the store's secret.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The operating system's keyring.
    Keyring,
    /// A file.
    File(KeyFile),
    /// A passphrase that a person knows; the key is derived from it.
    Passphrase,
    /// A systemd credential of this name: a file in `$CREDENTIALS_DIRECTORY`.
    Systemd(String),
}

impl KeySource {
    /// Reads the setting `store.key`: `keyring`, `file` (the key file in the state folder), `file:PATH`, `passphrase`,
    /// `systemd:NAME`.
    ///
    /// # Errors
    /// [`StoreError::Setting`] for anything else.
    pub fn from_setting(setting: &str, state_dir: &Path) -> Result<Self, StoreError> {
        if let Some(file) = KeyFile::from_setting(setting, state_dir) {
            return Ok(Self::File(file));
        }
        match (setting, setting.strip_prefix("systemd:")) {
            ("keyring", _) => Ok(Self::Keyring),
            ("passphrase", _) => Ok(Self::Passphrase),
            (_, Some(name)) if systemd::is_name(name) => Ok(Self::Systemd(name.to_owned())),
            (_, Some(name)) => Err(StoreError::Setting(format!(
                "store.key names the systemd credential {name:?}: a name is 1 to 255 printable ASCII characters \
                 without `/` and `:`, as LoadCredential= takes it"
            ))),
            _ => Err(StoreError::Setting(format!(
                "store.key is {setting:?}; it is one of `keyring`, `file` (the key file in the state folder), \
                 `file:PATH`, `passphrase` and `systemd:NAME`"
            ))),
        }
    }

    /// The setting that names it, as `store.toml` remembers it.
    pub fn setting(&self) -> String {
        match self {
            Self::Keyring => "keyring".into(),
            Self::File(file) => file.setting(),
            Self::Passphrase => "passphrase".into(),
            Self::Systemd(name) => format!("systemd:{name}"),
        }
    }
}

/// Which key a store is opened with.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub enum KeyChoice {
    /// Nothing is configured: the one that `store.toml` remembers, else the keyring.
    #[default]
    Remembered,
    /// This one; an error where `store.toml` remembers another.
    Source(KeySource),
}

impl KeyChoice {
    /// Reads the setting `store.key`, as [`KeySource::from_setting`].
    ///
    /// # Errors
    /// [`StoreError::Setting`] where it names no source.
    pub fn from_setting(setting: &str, state_dir: &Path) -> Result<Self, StoreError> {
        KeySource::from_setting(setting, state_dir).map(Self::Source)
    }

    /// The key file in the state folder.
    pub fn key_file(state_dir: &Path) -> Self {
        Self::Source(KeySource::File(KeyFile::in_state_dir(state_dir)))
    }
}

/// A key, as `store.toml` remembers it: everything that is needed to get it again, and nothing of the key itself.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// The source's setting: `keyring`, `file`, `file:/path`, `passphrase`, `systemd:name`.
    pub setting: String,
    /// Which backend keeps it, where that is a keyring: `secret-service`, …
    pub keyring: Option<String>,
    pub(crate) id: [u8; KEY_ID_BYTES],
    /// How it is derived, where it is a passphrase's.
    pub(crate) derivation: Option<Derivation>,
    /// The key of the digests that stand in records, sealed with this key, where it is an earlier key's.
    pub(crate) digest_key: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_a_setting_that_names_it_again() {
        let state = std::env::temp_dir();
        for setting in ["keyring", "file", "passphrase", "systemd:renewd-key", "systemd:a.b"] {
            let source = KeySource::from_setting(setting, &state).unwrap();
            assert_eq!(source.setting(), setting);
        }
    }

    #[test]
    fn what_names_no_source_is_told_with_what_does() {
        let state = std::env::temp_dir();
        for wrong in ["", "Keyring", "file:", "passphrase:x", "fd:3"] {
            let error = KeySource::from_setting(wrong, &state).unwrap_err().to_string();
            assert!(error.contains("systemd:NAME") && error.contains("file:PATH"), "{error}");
        }
        for escape in ["", ".", "..", "../x", "a/b", "a:b", "a b\n", "é", &"x".repeat(256)] {
            let error = KeySource::from_setting(&format!("systemd:{escape}"), &state).unwrap_err();
            assert!(error.to_string().contains("LoadCredential"), "{error}");
        }
    }

    #[test]
    fn a_fresh_key_is_text_of_256_bits_and_no_two_are_alike() {
        let (a, b) = (KeyMaterial::random().unwrap(), KeyMaterial::random().unwrap());
        assert_ne!(a.expose(), b.expose());
        assert_eq!(STANDARD.decode(a.expose()).unwrap().len(), KEY_BYTES);
    }
}
