//! Why a store cannot be opened.

use std::fmt;
use std::path::PathBuf;

use renewd_core::{StoreFault, StoreFaultKind};

use crate::fault::shown;

/// The setting of the key source.
pub(crate) const SETTING_KEY: &str = "store.key";

/// The setting of the store's kind.
pub(crate) const SETTING_KIND: &str = "store.kind";

/// Why a store cannot be opened.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The configuration says otherwise than what the store was made with (exit 6 of the command).
    Contradiction(Contradiction),
    /// A setting cannot be read (exit 6 of the command).
    Setting(String),
    /// Nothing says where the key shall be kept, and no keyring answers (exit 5 of the command). Says why, and what to
    /// do.
    NoKeySource(String),
    /// The store or its key fails (exit 5 of the command).
    Fault(StoreFault),
}

/// A setting that differs from what `store.toml` remembers.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The setting: `store.kind` or `store.key`.
    pub setting: &'static str,
    /// What the configuration says.
    pub configured: String,
    /// What the store was made with.
    pub remembered: String,
    /// The `store.toml` that says so.
    pub path: PathBuf,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contradiction(Contradiction { setting: SETTING_KEY, configured, remembered, path }) => {
                write!(
                    f,
                    "{SETTING_KEY} is {configured:?}, but the store was made with {remembered:?} ({}); set {SETTING_KEY} to \
                 {remembered:?} or remove it, or seal the records with that key: `renewd rekey --key {configured}`",
                    shown(path)
                )
            }
            Self::Contradiction(Contradiction { setting, configured, remembered, path }) => write!(
                f,
                "{setting} is {configured:?}, but the store was made with {remembered:?} ({}); set {setting} to \
                 {remembered:?} or remove it, or begin a new store with another store.path and log in there",
                shown(path)
            ),
            Self::Setting(message) | Self::NoKeySource(message) => f.write_str(message),
            Self::Fault(fault) => f.write_str(&fault.message),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreFault> for StoreError {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for StoreFault {
    /// For callers that know only faults. A contradiction becomes a key that cannot be had.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fault(fault) => fault,
            other => Self { kind: StoreFaultKind::KeyUnavailable, message: other.to_string() },
        }
    }
}
