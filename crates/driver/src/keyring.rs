//! The port to a keyring: the operating system's own place for secrets.
//!
//! A keyring may ask a person, hang, or lose what it was given, so the port promises what no keyring does by itself:
//! every call ends by a deadline, and what was set was read back. Its calls block for as long; an event loop makes them
//! on another thread.

use std::fmt;
use std::str::FromStr;

use renewd_core::{Secret, StoreFault, StoreFaultKind};

/// Longest name of an item, in bytes. Every keyring takes so much.
const ITEM_NAME_BYTES_MAX: usize = 128;

/// What an item is called in a keyring.
///
/// Other programs of the user can list these names without a prompt: they hold letters, digits, `-`, `.` and `/` alone,
/// and whoever makes one puts no issuer, user or credential in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemName(String);

impl ItemName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ItemName {
    type Err = InvalidItemName;

    fn from_str(text: &str) -> Result<Self, InvalidItemName> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/');
        let fits = !text.is_empty() && text.len() <= ITEM_NAME_BYTES_MAX && text.bytes().all(plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidItemName) }
    }
}

impl fmt::Display for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no item.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidItemName;

impl fmt::Display for InvalidItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an item's name is 1 to {ITEM_NAME_BYTES_MAX} letters, digits, `-`, `.` and `/`")
    }
}

impl std::error::Error for InvalidItemName {}

/// A keyring.
///
/// Calls block the calling thread and end by the keyring's deadline, whoever hangs behind it. An item is replaced whole;
/// two writers of one item are kept apart by the caller.
pub trait Keyring: Send + Sync + 'static {
    /// The backend's stable name, as `store.toml` remembers it: `secret-service`, `macos-keychain`,
    /// `windows-credential-manager`.
    fn backend(&self) -> &'static str;

    /// Where that is, for people: "the Secret Service (collection \"login\")".
    fn place(&self) -> String;

    /// Most bytes that one item can hold.
    fn item_bytes_max(&self) -> usize;

    /// What an item holds; `None` where there is no such item.
    ///
    /// # Errors
    /// When the keyring cannot be asked. That is never "there is no such item".
    fn get(&self, item: &ItemName) -> Result<Option<Secret>, KeyringError>;

    /// Makes `value` what the item holds, and reads it back before it returns.
    ///
    /// # Errors
    /// [`KeyringErrorKind::TooLarge`] before anything is sent; [`KeyringErrorKind::Changed`] when something else is read
    /// back; whatever the keyring says. After any other error than `TooLarge` the item holds the old value or the new.
    fn set(&self, item: &ItemName, value: &Secret) -> Result<(), KeyringError>;

    /// Removes an item; `false` where there was none.
    ///
    /// # Errors
    /// When the keyring cannot be asked, or does not let go of it.
    fn delete(&self, item: &ItemName) -> Result<bool, KeyringError>;

    /// Looks whether the keyring answers and can be read now, changing nothing and asking nobody.
    ///
    /// # Errors
    /// Why it cannot be used: absent, locked, denied, hanging.
    fn probe(&self) -> Result<(), KeyringError>;
}

/// Why a keyring call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyringError {
    /// What sort of failure.
    pub kind: KeyringErrorKind,
    /// What happened, where, and what to do about it. It holds no secret.
    pub message: String,
}

impl KeyringError {
    /// A failure with its words: what happened, where, and what to do.
    pub fn new(kind: KeyringErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for KeyringError {}

/// Kinds of keyring failure.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyringErrorKind {
    /// There is no keyring here: no bus, no provider, no session.
    Absent,
    /// It is locked, and nobody was there to unlock it.
    Locked,
    /// It refuses this program or this user.
    Denied,
    /// A person was asked and dismissed the prompt.
    Dismissed,
    /// It did not answer by the deadline.
    TimedOut,
    /// The value is larger than an item can be.
    TooLarge,
    /// Something else was read back than was written, or another program changed the item meanwhile.
    Changed,
    /// Anything else that it says.
    Failed,
}

impl KeyringErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Absent,
        Self::Locked,
        Self::Denied,
        Self::Dismissed,
        Self::TimedOut,
        Self::TooLarge,
        Self::Changed,
        Self::Failed,
    ];

    /// A stable name, snake_case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Locked => "locked",
            Self::Denied => "denied",
            Self::Dismissed => "dismissed",
            Self::TimedOut => "timed_out",
            Self::TooLarge => "too_large",
            Self::Changed => "changed",
            Self::Failed => "failed",
        }
    }
}

impl From<KeyringError> for StoreFault {
    /// A store that needs a keyring fails with it: nothing is read as "nobody ever logged in".
    fn from(error: KeyringError) -> Self {
        let kind = match error.kind {
            KeyringErrorKind::Denied => StoreFaultKind::Denied,
            KeyringErrorKind::TooLarge => StoreFaultKind::Full,
            KeyringErrorKind::Changed => StoreFaultKind::Io,
            KeyringErrorKind::Absent
            | KeyringErrorKind::Locked
            | KeyringErrorKind::Dismissed
            | KeyringErrorKind::TimedOut
            | KeyringErrorKind::Failed => StoreFaultKind::KeyUnavailable,
        };
        Self { kind, message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_items_name_is_plain_and_short() {
        for good in ["key", "renewd/3f9c0a/key-1", "a.b"] {
            assert_eq!(good.parse::<ItemName>().unwrap().as_str(), good);
        }
        for bad in ["", "with space", "naïve", "a\0", &"x".repeat(ITEM_NAME_BYTES_MAX + 1)] {
            assert!(bad.parse::<ItemName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = KeyringErrorKind::ALL.map(KeyringErrorKind::name).into();
        assert_eq!(names.len(), KeyringErrorKind::ALL.len());
    }
}
