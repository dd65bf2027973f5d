//! What the answers of macOS mean, against functions that answer as its own do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use renewd_driver::keyring::Keyring;

use super::*;
use crate::bounded::Bounded;
use crate::testing::contract::Subject;
use crate::{KeyringOptions, keyring_contract};

// Of SecKeychain.h; the backend asks for no more than to read.
const WRITABLE: u32 = 4;

/// What a person does with a question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Person {
    Unlocks,
    Cancels,
    TypesAWrongPassword,
}

/// A macOS in memory.
#[derive(Clone)]
struct FakeMac(Arc<Mutex<State>>);

struct State {
    /// None: there is no default keychain. Else the bits of its status.
    status: Option<u32>,
    person: Person,
    may_ask: bool,
    asked: usize,
    items: BTreeMap<String, Secret>,
    /// Made by another program, which alone may read it unless a person is asked.
    of_others: Vec<String>,
    /// What every call on an item fails with.
    fails: Option<i32>,
    /// Another process adds the item between our looking and our adding.
    raced: Option<Secret>,
}

impl FakeMac {
    fn open() -> Self {
        Self(Arc::new(Mutex::new(State {
            status: Some(UNLOCKED | READABLE | WRITABLE),
            person: Person::Unlocks,
            may_ask: true,
            asked: 0,
            items: BTreeMap::new(),
            of_others: Vec::new(),
            fails: None,
            raced: None,
        })))
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.0.lock().unwrap());
        self
    }

    fn locked() -> Self {
        Self::open().with(|s| s.status = Some(READABLE | WRITABLE))
    }

    fn keyring(&self, interaction: Interaction) -> Bounded {
        let functions = self.clone();
        let options = KeyringOptions::new(Duration::from_secs(60), interaction);
        Bounded::new(DESCRIPTION, options, move || Box::new(Keychain { functions: functions.clone() }))
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    fn items(&self) -> Vec<String> {
        self.0.lock().unwrap().items.keys().cloned().collect()
    }
}

impl State {
    fn keychain(&self) -> Result<u32, i32> {
        if let Some(code) = self.fails {
            return Err(code);
        }
        self.status.ok_or(NO_DEFAULT_KEYCHAIN)
    }

    /// The content of items takes an open keychain.
    fn unlocked(&mut self) -> Result<(), i32> {
        let status = self.keychain()?;
        if status & UNLOCKED == 0 {
            self.ask()?;
            self.status = Some(status | UNLOCKED);
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), i32> {
        if !self.may_ask {
            return Err(INTERACTION_NOT_ALLOWED);
        }
        self.asked += 1;
        match self.person {
            Person::Unlocks => Ok(()),
            Person::Cancels => Err(USER_CANCELLED),
            Person::TypesAWrongPassword => Err(AUTH_FAILED),
        }
    }

    fn writable(&mut self) -> Result<(), i32> {
        self.unlocked()?;
        if self.keychain()? & WRITABLE == 0 { Err(WRITE_PERMISSION) } else { Ok(()) }
    }

    /// Names can be searched in a locked keychain too.
    fn item(&self, account: &str) -> Result<Secret, i32> {
        self.keychain()?;
        self.items.get(account).cloned().ok_or(ITEM_NOT_FOUND)
    }
}

impl Functions for FakeMac {
    fn allow_interaction(&self, allowed: bool) -> Result<(), i32> {
        self.0.lock().unwrap().may_ask = allowed;
        Ok(())
    }

    fn status(&self) -> Result<u32, i32> {
        self.0.lock().unwrap().keychain()
    }

    fn find(&self, account: &str) -> Result<Secret, i32> {
        let mut state = self.0.lock().unwrap();
        let value = state.item(account)?;
        state.unlocked()?;
        if state.of_others.iter().any(|name| name == account) {
            state.ask()?;
        }
        Ok(value)
    }

    fn add(&self, account: &str, value: &[u8]) -> Result<(), i32> {
        let mut state = self.0.lock().unwrap();
        if let Some(theirs) = state.raced.take() {
            state.items.insert(account.to_owned(), theirs);
        }
        state.writable()?;
        if state.items.contains_key(account) {
            return Err(DUPLICATE_ITEM);
        }
        state.items.insert(account.to_owned(), Secret::copy_of(value));
        Ok(())
    }

    fn replace(&self, account: &str, value: &[u8]) -> Result<(), i32> {
        self.find(account)?;
        let mut state = self.0.lock().unwrap();
        state.writable()?;
        state.items.insert(account.to_owned(), Secret::copy_of(value));
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<(), i32> {
        let mut state = self.0.lock().unwrap();
        state.item(account)?;
        state.writable()?;
        state.items.remove(account);
        Ok(())
    }
}

keyring_contract!(contract, || {
    let mac = FakeMac::open();
    Some(Subject::new(move || Arc::new(mac.keyring(Interaction::Never))))
});

fn item(name: &str) -> ItemName {
    name.parse().unwrap()
}

fn kind<T>(outcome: Result<T, KeyringError>) -> KeyringErrorKind {
    outcome.err().unwrap().kind
}

#[test]
fn a_locked_keychain_says_so_and_asks_nobody_where_nobody_may_be_asked() {
    let mac = FakeMac::locked().with(|s| drop(s.items.insert("a".into(), Secret::from("old"))));
    let keyring = mac.keyring(Interaction::Never);
    let error = keyring.get(&item("a")).err().unwrap();
    assert_eq!(error.kind, KeyringErrorKind::Locked);
    for part in ["the macOS Keychain", "security unlock-keychain", "OSStatus -25308"] {
        assert!(error.message.contains(part), "{part:?} not in {error}");
    }
    assert_eq!(kind(keyring.set(&item("a"), &Secret::from("new"))), KeyringErrorKind::Locked);
    assert_eq!(kind(keyring.set(&item("b"), &Secret::from("new"))), KeyringErrorKind::Locked);
    assert_eq!(kind(keyring.delete(&item("a"))), KeyringErrorKind::Locked);
    assert_eq!(kind(keyring.probe()), KeyringErrorKind::Locked);
    assert_eq!((mac.asked(), mac.items()), (0, vec!["a".to_owned()]));
}

#[test]
fn a_person_who_may_be_asked_unlocks_it() {
    let mac = FakeMac::locked();
    let keyring = mac.keyring(Interaction::Allowed);
    keyring.set(&item("a"), &Secret::from("new")).unwrap();
    assert!(keyring.get(&item("a")).unwrap().unwrap().same_as(b"new"));
    assert_eq!(mac.asked(), 1);
}

#[test]
fn a_question_that_is_cancelled_is_asked_once() {
    let mac = FakeMac::locked().with(|s| s.person = Person::Cancels);
    let keyring = mac.keyring(Interaction::Allowed);
    assert_eq!(kind(keyring.set(&item("a"), &Secret::from("new"))), KeyringErrorKind::Dismissed);
    assert_eq!(mac.asked(), 1);
    let wrong = FakeMac::locked().with(|s| s.person = Person::TypesAWrongPassword);
    assert_eq!(
        kind(wrong.keyring(Interaction::Allowed).set(&item("a"), &Secret::from("new"))),
        KeyringErrorKind::Denied
    );
}

#[test]
fn a_probe_asks_nobody_whatever_is_allowed() {
    let mac = FakeMac::locked();
    assert_eq!(kind(mac.keyring(Interaction::Allowed).probe()), KeyringErrorKind::Locked);
    assert_eq!(mac.asked(), 0);
    let unreadable = FakeMac::open().with(|s| s.status = Some(UNLOCKED));
    assert_eq!(kind(unreadable.keyring(Interaction::Allowed).probe()), KeyringErrorKind::Denied);
}

#[test]
fn an_item_of_another_program_is_not_read_without_asking() {
    let mac = FakeMac::open().with(|s| {
        s.items.insert("a".into(), Secret::from("old"));
        s.of_others.push("a".into());
    });
    let error = mac.keyring(Interaction::Never).get(&item("a")).err().unwrap();
    assert_eq!(error.kind, KeyringErrorKind::Locked);
    assert!(error.message.contains("Always Allow"), "{error}");
    assert!(mac.keyring(Interaction::Allowed).get(&item("a")).unwrap().unwrap().same_as(b"old"));
}

#[test]
fn a_keychain_that_can_be_read_and_not_written_is_read() {
    let mac = FakeMac::open().with(|s| {
        s.status = Some(UNLOCKED | READABLE);
        s.items.insert("a".into(), Secret::from("old"));
    });
    let keyring = mac.keyring(Interaction::Never);
    keyring.probe().unwrap();
    assert!(keyring.get(&item("a")).unwrap().unwrap().same_as(b"old"));
    for name in ["a", "b"] {
        let error = keyring.set(&item(name), &Secret::from("new")).unwrap_err();
        assert_eq!(error.kind, KeyringErrorKind::Denied);
        assert!(error.message.contains("it can be read and not written"), "{error}");
    }
    assert_eq!(kind(keyring.delete(&item("a"))), KeyringErrorKind::Denied);
}

#[test]
fn an_item_that_another_process_makes_meanwhile_is_replaced() {
    let mac = FakeMac::open().with(|s| s.raced = Some(Secret::from("theirs")));
    let keyring = mac.keyring(Interaction::Never);
    keyring.set(&item("a"), &Secret::from("ours")).unwrap();
    assert!(keyring.get(&item("a")).unwrap().unwrap().same_as(b"ours"));
}

#[test]
fn every_error_of_macos_has_its_kind_and_says_what_to_do() {
    for (code, kind, word) in [
        (INTERACTION_NOT_ALLOWED, KeyringErrorKind::Locked, "unlock-keychain"),
        (INTERACTION_REQUIRED, KeyringErrorKind::Locked, "unlock-keychain"),
        (IN_DARK_WAKE, KeyringErrorKind::Locked, "unlock-keychain"),
        (AUTH_FAILED, KeyringErrorKind::Denied, "Access Control"),
        (AUTHORIZATION_DENIED, KeyringErrorKind::Denied, "Access Control"),
        (NO_ACCESS_FOR_ITEM, KeyringErrorKind::Denied, "Access Control"),
        (READ_ONLY, KeyringErrorKind::Denied, "not written"),
        (WRITE_PERMISSION, KeyringErrorKind::Denied, "not written"),
        (DATA_NOT_MODIFIABLE, KeyringErrorKind::Denied, "not written"),
        (MISSING_ENTITLEMENT, KeyringErrorKind::Denied, "signed"),
        (USER_CANCELLED, KeyringErrorKind::Dismissed, "again"),
        (AUTHORIZATION_CANCELLED, KeyringErrorKind::Dismissed, "again"),
        (NO_DEFAULT_KEYCHAIN, KeyringErrorKind::Absent, "renewd init"),
        (NO_SUCH_KEYCHAIN, KeyringErrorKind::Absent, "renewd init"),
        (NOT_AVAILABLE, KeyringErrorKind::Absent, "renewd init"),
        (DATA_TOO_LARGE, KeyringErrorKind::TooLarge, "store.kind"),
        (DISK_FULL, KeyringErrorKind::Failed, "make room"),
        (INVALID_KEYCHAIN, KeyringErrorKind::Failed, "damaged"),
        (-1, KeyringErrorKind::Failed, "security error"),
    ] {
        let mac = FakeMac::open().with(|s| s.fails = Some(code));
        let keyring = mac.keyring(Interaction::Never);
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
            for part in ["the macOS Keychain", word, &format!("OSStatus {code}")] {
                assert!(error.message.contains(part), "{part:?} not in {error}");
            }
            assert!(!error.message.contains("a-secret-value"), "{error}");
        }
    }
}

#[test]
fn where_there_is_no_keychain_nothing_is_there_and_that_is_an_error() {
    let mac = FakeMac::open().with(|s| s.status = None);
    let keyring = mac.keyring(Interaction::Never);
    assert_eq!(kind(keyring.get(&item("a"))), KeyringErrorKind::Absent);
    assert_eq!(kind(keyring.probe()), KeyringErrorKind::Absent);
}
