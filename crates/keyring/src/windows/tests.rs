//! What the answers of Windows mean, against functions that answer as its own do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use renewd_driver::keyring::Keyring;

use super::*;
use crate::bounded::Bounded;
use crate::testing::contract::Subject;
use crate::{Interaction, KeyringOptions, keyring_contract};

/// `CRED_MAX_GENERIC_TARGET_NAME_LENGTH`, the closing zero included.
const TARGET_UNITS_MAX: usize = 32_767;

/// A Windows in memory.
#[derive(Clone, Default)]
struct FakeWindows(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    credentials: BTreeMap<String, Secret>,
    /// What every call fails with.
    fails: Option<u32>,
    /// Takes what is too large, as Wine does.
    limitless: bool,
    calls: usize,
}

impl FakeWindows {
    fn call<T>(
        &self,
        target: &[u16],
        done: impl FnOnce(&mut State, String) -> Result<T, u32>,
    ) -> Result<T, u32> {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        if let Some(code) = state.fails {
            return Err(code);
        }
        let Some((0, name)) = target.split_last() else { return Err(ERROR_INVALID_PARAMETER) };
        if name.is_empty() || target.len() > TARGET_UNITS_MAX {
            return Err(ERROR_INVALID_PARAMETER);
        }
        // As Windows compares them.
        done(&mut state, String::from_utf16(name).unwrap().to_lowercase())
    }

    fn keyring(&self) -> Bounded {
        let functions = self.clone();
        let options = KeyringOptions::new(Duration::from_secs(60), Interaction::Never);
        Bounded::new(DESCRIPTION, options, move || Box::new(Credentials { functions: functions.clone() }))
    }
}

impl Functions for FakeWindows {
    fn read(&self, target: &[u16]) -> Result<Secret, u32> {
        self.call(target, |state, name| state.credentials.get(&name).cloned().ok_or(ERROR_NOT_FOUND))
    }

    fn write(&self, target: &[u16], value: &[u8]) -> Result<(), u32> {
        self.call(target, |state, name| {
            if value.len() > ITEM_BYTES_MAX && !state.limitless {
                return Err(RPC_X_BAD_STUB_DATA);
            }
            state.credentials.insert(name, Secret::copy_of(value));
            Ok(())
        })
    }

    fn delete(&self, target: &[u16]) -> Result<(), u32> {
        self.call(target, |state, name| state.credentials.remove(&name).map(drop).ok_or(ERROR_NOT_FOUND))
    }
}

keyring_contract!(contract, || {
    let windows = FakeWindows::default();
    Some(Subject::new(move || Arc::new(windows.keyring())))
});

fn item(name: &str) -> ItemName {
    name.parse().unwrap()
}

#[test]
fn a_credential_is_named_as_its_item_and_by_nothing_else() {
    let windows = FakeWindows::default();
    windows.keyring().set(&item("renewd/3f9c/key"), &Secret::from("value")).unwrap();
    let names: Vec<String> = windows.0.lock().unwrap().credentials.keys().cloned().collect();
    assert_eq!(names, ["renewd/3f9c/key"]);
}

#[test]
fn names_that_differ_in_capitals_alone_are_two_items() {
    let keyring = FakeWindows::default().keyring();
    for name in ["key", "Key", "KEY", "k-ey"] {
        keyring.set(&item(name), &Secret::from(name)).unwrap();
    }
    for name in ["key", "Key", "KEY", "k-ey"] {
        assert!(keyring.get(&item(name)).unwrap().unwrap().same_as(name.as_bytes()), "{name}");
    }
}

#[test]
fn what_is_longer_than_a_credential_is_refused_before_windows_is_asked() {
    let windows = FakeWindows::default();
    windows.0.lock().unwrap().limitless = true;
    let keyring = windows.keyring();
    assert_eq!(keyring.item_bytes_max(), 2560);
    let error = keyring.set(&item("a"), &Secret::new(vec![b'x'; 2561])).unwrap_err();
    assert_eq!(error.kind, KeyringErrorKind::TooLarge);
    assert!(error.message.contains("2560"), "{error}");
    assert_eq!(windows.0.lock().unwrap().calls, 0);
    keyring.set(&item("a"), &Secret::new(vec![b'x'; 2560])).unwrap();
    assert_eq!(keyring.get(&item("a")).unwrap().unwrap().len(), 2560);
}

#[test]
fn the_backend_itself_gives_windows_nothing_that_is_too_long() {
    let windows = FakeWindows::default();
    windows.0.lock().unwrap().limitless = true;
    let functions = windows.clone();
    let roomy = Description { item_bytes_max: usize::MAX, ..DESCRIPTION };
    let options = KeyringOptions::new(Duration::from_secs(60), Interaction::Never);
    let keyring =
        Bounded::new(roomy, options, move || Box::new(Credentials { functions: functions.clone() }));
    let error = keyring.set(&item("a"), &Secret::new(vec![b'x'; 2561])).unwrap_err();
    assert_eq!(error.kind, KeyringErrorKind::TooLarge);
    assert_eq!(windows.0.lock().unwrap().calls, 0);
}

#[test]
fn every_error_of_windows_has_its_kind_and_says_what_to_do() {
    for (code, kind, word) in [
        (ERROR_NO_SUCH_LOGON_SESSION, KeyringErrorKind::Absent, "renewd init"),
        (ERROR_CALL_NOT_IMPLEMENTED, KeyringErrorKind::Absent, "renewd init"),
        (ERROR_NOT_SUPPORTED, KeyringErrorKind::Absent, "renewd init"),
        (RPC_S_SERVER_UNAVAILABLE, KeyringErrorKind::Absent, "renewd init"),
        (ERROR_ACCESS_DENIED, KeyringErrorKind::Denied, "policy"),
        (ERROR_PRIVILEGE_NOT_HELD, KeyringErrorKind::Denied, "policy"),
        (ERROR_LOGON_TYPE_NOT_GRANTED, KeyringErrorKind::Denied, "policy"),
        (ERROR_CANCELLED, KeyringErrorKind::Dismissed, "again"),
        (ERROR_TIMEOUT, KeyringErrorKind::TimedOut, "again"),
        (RPC_X_BAD_STUB_DATA, KeyringErrorKind::TooLarge, "store.kind"),
        (ERROR_INVALID_PARAMETER, KeyringErrorKind::Failed, "report"),
        (8, KeyringErrorKind::Failed, "Control Panel"),
    ] {
        let windows = FakeWindows::default();
        windows.0.lock().unwrap().fails = Some(code);
        let keyring = windows.keyring();
        let (name, value) = (item("a"), Secret::from("a-secret-value"));
        let errors = [
            keyring.get(&name).err(),
            keyring.set(&name, &value).err(),
            keyring.delete(&name).err(),
            keyring.probe().err(),
        ];
        for error in errors {
            let error = error.unwrap();
            assert_eq!(error.kind, kind, "{code}");
            for part in ["the Windows Credential Manager", word, &format!("Windows error {code}")] {
                assert!(error.message.contains(part), "{part:?} not in {error}");
            }
            assert!(!error.message.contains("a-secret-value"), "{error}");
        }
    }
}

#[test]
fn nothing_there_is_no_error() {
    let windows = FakeWindows::default();
    let keyring = windows.keyring();
    assert!(keyring.get(&item("a")).unwrap().is_none());
    assert!(!keyring.delete(&item("a")).unwrap());
    keyring.probe().unwrap();
    assert!(windows.0.lock().unwrap().credentials.is_empty());
}
