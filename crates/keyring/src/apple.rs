//! macOS Keychain: generic passwords in the user's default keychain, as a rule the login keychain.
//!
//! What its answers mean stands here, and is tested everywhere; [`functions`] holds the calls themselves. An item's
//! *service* is always `renewd`, its *account* the item's name.
//!
//! It is the keychain in a file: the one that every program may use. It is open from the login on, until it is locked or the
//! user leaves, and it never leaves the machine. The data protection keychain, where an item can say so itself, answers only to
//! programs that are signed with an entitlement, which none that was built from source is (docs/decisions/0030).

#[cfg(target_os = "macos")]
mod functions;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, KeyringError, KeyringErrorKind};

use crate::Interaction;
use crate::backend::{Backend, Call, Description};

/// Most bytes of one item. Apple names no limit; this is far more than a key or a record has, and what is longer does not
/// belong into a file that is written whole each time.
const ITEM_BYTES_MAX: usize = 64 * 1024;

pub(crate) const DESCRIPTION: Description =
    Description { name: "macos-keychain", place: "the macOS Keychain", item_bytes_max: ITEM_BYTES_MAX };

/// The keyring of this macOS.
#[cfg(target_os = "macos")]
pub(crate) fn open() -> Box<dyn Backend> {
    Box::new(Keychain { functions: functions::System })
}

/// The functions of macOS that it takes, all on the default keychain. A failure is an `OSStatus`.
pub(crate) trait Functions {
    /// `SecKeychainSetUserInteractionAllowed`: may a call open a window? For the whole process.
    fn allow_interaction(&self, allowed: bool) -> Result<(), i32>;
    /// `SecKeychainGetStatus`: the `kSec…Status` bits. It asks nobody.
    fn status(&self) -> Result<u32, i32>;
    /// `SecKeychainFindGenericPassword`.
    fn find(&self, account: &str) -> Result<Secret, i32>;
    /// `SecKeychainAddGenericPassword`: fails where there is one.
    fn add(&self, account: &str, value: &[u8]) -> Result<(), i32>;
    /// `SecKeychainItemModifyAttributesAndData`: fails where there is none.
    fn replace(&self, account: &str, value: &[u8]) -> Result<(), i32>;
    /// `SecItemDelete`.
    fn delete(&self, account: &str) -> Result<(), i32>;
}

// Of SecKeychain.h.
const UNLOCKED: u32 = 1;
const READABLE: u32 = 2;

// Of SecBase.h, Authorization.h and MacErrors.h.
const DISK_FULL: i32 = -34;
const WRITE_PERMISSION: i32 = -61;
const USER_CANCELLED: i32 = -128;
const NO_ACCESS_FOR_ITEM: i32 = -25243;
const NOT_AVAILABLE: i32 = -25291;
const READ_ONLY: i32 = -25292;
const AUTH_FAILED: i32 = -25293;
const NO_SUCH_KEYCHAIN: i32 = -25294;
const INVALID_KEYCHAIN: i32 = -25295;
const DUPLICATE_ITEM: i32 = -25299;
const ITEM_NOT_FOUND: i32 = -25300;
const DATA_TOO_LARGE: i32 = -25302;
const NO_DEFAULT_KEYCHAIN: i32 = -25307;
const INTERACTION_NOT_ALLOWED: i32 = -25308;
const INTERACTION_REQUIRED: i32 = -25315;
const DATA_NOT_MODIFIABLE: i32 = -25317;
const IN_DARK_WAKE: i32 = -25320;
const MISSING_ENTITLEMENT: i32 = -34018;
const AUTHORIZATION_DENIED: i32 = -60005;
const AUTHORIZATION_CANCELLED: i32 = -60006;

pub(crate) struct Keychain<F> {
    pub(crate) functions: F,
}

impl<F: Functions> Keychain<F> {
    /// Before each call: another keyring of the process may have said otherwise.
    fn set_interaction(&self, allowed: bool) -> Result<(), KeyringError> {
        let set = self.functions.allow_interaction(allowed);
        set.map_err(|code| failure(code, "telling it whether to ask"))
    }

    fn obey(&self, call: &Call) -> Result<(), KeyringError> {
        self.set_interaction(call.interaction() == Interaction::Allowed)
    }
}

impl<F: Functions> Backend for Keychain<F> {
    fn get(&mut self, item: &ItemName, call: &Call) -> Result<Option<Secret>, KeyringError> {
        self.obey(call)?;
        found(self.functions.find(item.as_str()), "reading an item")
    }

    fn set(&mut self, item: &ItemName, value: &Secret, call: &Call) -> Result<(), KeyringError> {
        self.obey(call)?;
        let (account, value) = (item.as_str(), value.expose());
        let mut written = self.functions.replace(account, value);
        if written == Err(ITEM_NOT_FOUND) {
            written = self.functions.add(account, value);
        }
        // Another process made it meanwhile.
        if written == Err(DUPLICATE_ITEM) {
            call.wanted()?;
            written = self.functions.replace(account, value);
        }
        written.map_err(|code| failure(code, "writing an item"))
    }

    fn delete(&mut self, item: &ItemName, call: &Call) -> Result<bool, KeyringError> {
        self.obey(call)?;
        Ok(found(self.functions.delete(item.as_str()), "deleting an item")?.is_some())
    }

    fn probe(&mut self, _: &Call) -> Result<(), KeyringError> {
        self.set_interaction(false)?;
        // A search for what is not there succeeds in a locked keychain too: only its state tells.
        let status = self.functions.status().map_err(|code| failure(code, "asking for its state"))?;
        if status & UNLOCKED == 0 {
            return Err(failure(INTERACTION_NOT_ALLOWED, "looking whether it is open"));
        }
        if status & READABLE == 0 {
            return Err(failure(NO_ACCESS_FOR_ITEM, "looking whether it can be read"));
        }
        Ok(())
    }
}

fn found<T>(answer: Result<T, i32>, doing: &str) -> Result<Option<T>, KeyringError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ITEM_NOT_FOUND) => Ok(None),
        Err(code) => Err(failure(code, doing)),
    }
}

fn failure(code: i32, doing: &str) -> KeyringError {
    let (kind, what) = meaning(code);
    KeyringError::new(kind, format!("{doing} in {}: {what} (OSStatus {code})", DESCRIPTION.place))
}

/// What an error of the keychain functions is, and what to do about it.
fn meaning(code: i32) -> (KeyringErrorKind, &'static str) {
    match code {
        INTERACTION_NOT_ALLOWED | INTERACTION_REQUIRED | IN_DARK_WAKE => (
            KeyringErrorKind::Locked,
            "it is locked, or would have to ask whether this program may read the item, and cannot ask (over SSH it never \
             can): run `security unlock-keychain`, or run renewd once on the desktop and choose \"Always Allow\"",
        ),
        AUTH_FAILED | AUTHORIZATION_DENIED | NO_ACCESS_FOR_ITEM => (
            KeyringErrorKind::Denied,
            "it refuses this program the item, or the password was wrong: in Keychain Access, open the item \"renewd\" and \
             add this program under Access Control",
        ),
        READ_ONLY | WRITE_PERMISSION | DATA_NOT_MODIFIABLE => (
            KeyringErrorKind::Denied,
            "it can be read and not written: see who owns the file that `security default-keychain` names, and whether it \
             is locked in Finder",
        ),
        MISSING_ENTITLEMENT => (
            KeyringErrorKind::Denied,
            "it answers only to programs that are signed for it, and this one is not: keep the key of a new \
             store elsewhere (`renewd init`), or use a renewd that is not sandboxed",
        ),
        USER_CANCELLED | AUTHORIZATION_CANCELLED => {
            (KeyringErrorKind::Dismissed, "the question was cancelled: run the command again and answer it")
        }
        NO_DEFAULT_KEYCHAIN | NO_SUCH_KEYCHAIN | NOT_AVAILABLE => (
            KeyringErrorKind::Absent,
            "this user has no default keychain here: `security default-keychain` shows it; a service without a login has \
             none, and keeps the key of a new store elsewhere (`renewd init`)",
        ),
        DATA_TOO_LARGE => (
            KeyringErrorKind::TooLarge,
            "it does not take an item of this size: keep a key there rather than a record (store.kind = \"file\")",
        ),
        DISK_FULL => (KeyringErrorKind::Failed, "the disk is full: make room and try again"),
        INVALID_KEYCHAIN => (
            KeyringErrorKind::Failed,
            "its file is damaged: restore it, or make a new one in Keychain Access",
        ),
        _ => (KeyringErrorKind::Failed, "it failed: `security error` with this number says more"),
    }
}

#[cfg(test)]
mod tests;
