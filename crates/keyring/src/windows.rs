//! Windows Credential Manager: generic credentials of the user who is logged on.
//!
//! What its answers mean stands here, and is tested everywhere; [`functions`] holds the calls themselves. An item is a
//! *generic* credential, for only those give their bytes back to a program. It stays on this machine: a credential that
//! roams with the user's profile would take the key to machines where the record is not, and a profile that is written
//! back late would bring an old value.

#[cfg(windows)]
mod functions;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, KeyringError, KeyringErrorKind};

use crate::backend::{Backend, Call, Description};

/// Most bytes of one credential, `CRED_MAX_CREDENTIAL_BLOB_SIZE`: 5 · 512. Windows refuses more; Wine takes it.
pub(crate) const ITEM_BYTES_MAX: usize = 5 * 512;

pub(crate) const DESCRIPTION: Description = Description {
    name: "windows-credential-manager",
    place: "the Windows Credential Manager",
    item_bytes_max: ITEM_BYTES_MAX,
};

/// The keyring of this Windows.
#[cfg(windows)]
pub(crate) fn open() -> Box<dyn Backend> {
    Box::new(Credentials { functions: functions::System })
}

/// The functions of Windows that it takes. A failure is what `GetLastError` says; a name is UTF-16 and ends with a zero.
pub(crate) trait Functions {
    /// `CredReadW`.
    fn read(&self, target: &[u16]) -> Result<Secret, u32>;
    /// `CredWriteW`: makes it or replaces it whole.
    fn write(&self, target: &[u16], value: &[u8]) -> Result<(), u32>;
    /// `CredDeleteW`.
    fn delete(&self, target: &[u16]) -> Result<(), u32>;
}

// Of winerror.h.
const ERROR_ACCESS_DENIED: u32 = 5;
const ERROR_NOT_SUPPORTED: u32 = 50;
const ERROR_INVALID_PARAMETER: u32 = 87;
const ERROR_CALL_NOT_IMPLEMENTED: u32 = 120;
const ERROR_NOT_FOUND: u32 = 1168;
const ERROR_CANCELLED: u32 = 1223;
const ERROR_NO_SUCH_LOGON_SESSION: u32 = 1312;
const ERROR_PRIVILEGE_NOT_HELD: u32 = 1314;
const ERROR_LOGON_TYPE_NOT_GRANTED: u32 = 1385;
const ERROR_TIMEOUT: u32 = 1460;
const RPC_S_SERVER_UNAVAILABLE: u32 = 1722;
const RPC_X_BAD_STUB_DATA: u32 = 1783;

/// Of a name that no item has: what [`Backend::probe`] reads.
const NOBODYS_ITEM: &str = "renewd/probe-reads-what-is-not-there";

pub(crate) struct Credentials<F> {
    pub(crate) functions: F,
}

impl<F: Functions> Backend for Credentials<F> {
    fn get(&mut self, item: &ItemName, _: &Call) -> Result<Option<Secret>, KeyringError> {
        found(self.functions.read(&target(item.as_str())), "reading an item")
    }

    fn set(&mut self, item: &ItemName, value: &Secret, _: &Call) -> Result<(), KeyringError> {
        // Asked again here, beside the one call that may not be given more: Wine would store it.
        if value.len() > ITEM_BYTES_MAX {
            return Err(failure(RPC_X_BAD_STUB_DATA, "writing an item"));
        }
        let written = self.functions.write(&target(item.as_str()), value.expose());
        written.map_err(|code| failure(code, "writing an item"))
    }

    fn delete(&mut self, item: &ItemName, _: &Call) -> Result<bool, KeyringError> {
        Ok(found(self.functions.delete(&target(item.as_str())), "deleting an item")?.is_some())
    }

    fn probe(&mut self, _: &Call) -> Result<(), KeyringError> {
        found(self.functions.read(&target(NOBODYS_ITEM)), "looking for an item").map(drop)
    }
}

/// The name of a credential as Windows takes it: UTF-16 and a zero. It is all that other programs of the user see without
/// asking.
///
/// Windows takes `A` and `a` in it for the same, and the port does not: a capital is written `_a`, for no item's name has
/// a `_`.
fn target(name: &str) -> Vec<u16> {
    let mut target = Vec::new();
    for unit in name.bytes() {
        if unit.is_ascii_uppercase() {
            target.push(u16::from(b'_'));
        }
        target.push(u16::from(unit.to_ascii_lowercase()));
    }
    target.push(0);
    target
}

fn found<T>(answer: Result<T, u32>, doing: &str) -> Result<Option<T>, KeyringError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ERROR_NOT_FOUND) => Ok(None),
        Err(code) => Err(failure(code, doing)),
    }
}

fn failure(code: u32, doing: &str) -> KeyringError {
    let (kind, what) = meaning(code);
    KeyringError::new(kind, format!("{doing} in {}: {what} (Windows error {code})", DESCRIPTION.place))
}

/// What an error of the credential functions is, and what to do about it.
fn meaning(code: u32) -> (KeyringErrorKind, &'static str) {
    match code {
        ERROR_NO_SUCH_LOGON_SESSION => (
            KeyringErrorKind::Absent,
            "this logon session has no credentials, as one over the network (ssh with a key, a remote command) has \
             none: log on with a password, or keep the key of a new store elsewhere (`renewd init`)",
        ),
        ERROR_CALL_NOT_IMPLEMENTED | ERROR_NOT_SUPPORTED | RPC_S_SERVER_UNAVAILABLE => (
            KeyringErrorKind::Absent,
            "it does not answer on this system: keep the key of a new store elsewhere (`renewd init`)",
        ),
        ERROR_ACCESS_DENIED | ERROR_PRIVILEGE_NOT_HELD | ERROR_LOGON_TYPE_NOT_GRANTED => (
            KeyringErrorKind::Denied,
            "it refuses this program or this user; a policy may forbid to store credentials (\"Network access: Do not \
             allow storage of passwords and credentials\"): have it changed, or keep the key of a new store elsewhere (`renewd init`)",
        ),
        ERROR_CANCELLED => {
            (KeyringErrorKind::Dismissed, "the question was cancelled: run the command again and answer it")
        }
        ERROR_TIMEOUT => (KeyringErrorKind::TimedOut, "it did not answer in its time: run the command again"),
        RPC_X_BAD_STUB_DATA => (
            KeyringErrorKind::TooLarge,
            "an item holds at most 2560 bytes: keep a key there rather than a record (store.kind = \"file\")",
        ),
        ERROR_INVALID_PARAMETER => {
            (KeyringErrorKind::Failed, "it does not take the item; this is a defect of renewd: report it")
        }
        _ => {
            (KeyringErrorKind::Failed, "it failed: see whether Credential Manager in the Control Panel works")
        }
    }
}

#[cfg(test)]
mod tests;
