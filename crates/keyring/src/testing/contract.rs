//! What every keyring has to pass, whichever it is: in memory, on a private bus, the system's own.
//!
//! A keyring's tests say `keyring_contract!(name, || Some(Subject::new(…)))` and get a test for each rule.

use std::any::Any;
use std::sync::Arc;
use std::thread;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, Keyring, KeyringErrorKind};

/// A keyring under test, opened as often as one likes.
pub struct Subject {
    open: Box<dyn Fn() -> Arc<dyn Keyring>>,
    _kept: Box<dyn Any>,
}

impl Subject {
    /// Each call of `open` gives a handle on the same keyring, as another process would have it.
    pub fn new(open: impl Fn() -> Arc<dyn Keyring> + 'static) -> Self {
        Self::keeping((), open)
    }

    /// The same, and what has to live as long.
    pub fn keeping(kept: impl Any, open: impl Fn() -> Arc<dyn Keyring> + 'static) -> Self {
        Self { open: Box::new(open), _kept: Box::new(kept) }
    }

    fn open(&self) -> Arc<dyn Keyring> {
        (self.open)()
    }
}

/// A test for each rule of the contract, in a module of that name. `$subject` gives an `Option<Subject>`; `None` says why
/// by itself, and nothing is tested.
#[macro_export]
macro_rules! keyring_contract {
    ($module:ident, $subject:expr) => {
        $crate::keyring_contract!(@rules $module, $subject;
            an_item_that_is_not_there_is_none_and_no_error
            an_item_is_made_read_replaced_and_removed
            bytes_come_back_as_they_are_zeros_included
            an_empty_value_is_a_value
            a_short_value_leaves_nothing_of_a_long_one
            the_largest_value_fits
            a_value_one_byte_too_large_is_refused_and_changes_nothing
            two_handles_see_what_the_other_writes
            every_character_of_a_name_counts
            threads_that_write_at_once_each_write
            a_probe_changes_nothing
            it_says_what_it_is
        );
    };
    (@rules $module:ident, $subject:expr; $($rule:ident)*) => {
        mod $module {
            use super::*;
            $(
                #[test]
                fn $rule() {
                    let subject: Option<$crate::testing::contract::Subject> = ($subject)();
                    if let Some(subject) = subject {
                        $crate::testing::contract::$rule(&subject);
                    }
                }
            )*
        }
    };
}

fn item(name: &str) -> ItemName {
    format!("renewd-contract/{}/{name}", std::process::id()).parse().expect("a name")
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec())
}

/// Sets it, and takes it away at the end: a keyring under test may be somebody's own.
fn with_item(keyring: &dyn Keyring, item: &ItemName, value: &[u8], check: impl FnOnce()) {
    keyring.set(item, &secret(value)).expect("it takes the value");
    check();
    assert!(keyring.delete(item).expect("it lets go"), "{item} was not there any more");
}

fn holds(keyring: &dyn Keyring, item: &ItemName, value: &[u8]) {
    let found = keyring.get(item).expect("it answers").unwrap_or_else(|| panic!("{item} is not there"));
    assert_eq!(found.len(), value.len(), "another length was read");
    assert!(found.same_as(value), "other bytes were read");
}

fn holds_nothing(keyring: &dyn Keyring, item: &ItemName) {
    assert!(keyring.get(item).expect("it answers").is_none(), "{item} is there");
}

/// "Not there" is an answer.
pub fn an_item_that_is_not_there_is_none_and_no_error(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("absent"));
    holds_nothing(&*keyring, &item);
    assert!(!keyring.delete(&item).expect("it answers"));
}

/// Its whole life.
pub fn an_item_is_made_read_replaced_and_removed(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("life"));
    with_item(&*keyring, &item, b"one", || {
        holds(&*keyring, &item, b"one");
        keyring.set(&item, &secret(b"two")).expect("it takes another value");
        holds(&*keyring, &item, b"two");
    });
    holds_nothing(&*keyring, &item);
    assert!(!keyring.delete(&item).expect("it answers"));
}

/// Keys are bytes, not text.
pub fn bytes_come_back_as_they_are_zeros_included(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("bytes"));
    let every: Vec<u8> = (0..=255).chain([0, 0, 0xff, 0]).collect();
    with_item(&*keyring, &item, &every, || holds(&*keyring, &item, &every));
}

/// An item that holds nothing is there.
pub fn an_empty_value_is_a_value(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("empty"));
    with_item(&*keyring, &item, b"", || holds(&*keyring, &item, b""));
}

/// An item is replaced whole.
pub fn a_short_value_leaves_nothing_of_a_long_one(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("shorter"));
    with_item(&*keyring, &item, &[7; 1500], || {
        keyring.set(&item, &secret(b"x")).expect("it takes a shorter value");
        holds(&*keyring, &item, b"x");
    });
}

/// What it says that it can hold.
pub fn the_largest_value_fits(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("largest"));
    let value: Vec<u8> = (0..keyring.item_bytes_max()).map(|n| (n % 251) as u8).collect();
    with_item(&*keyring, &item, &value, || holds(&*keyring, &item, &value));
}

/// And no more.
pub fn a_value_one_byte_too_large_is_refused_and_changes_nothing(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("too-large"));
    let value = vec![1; keyring.item_bytes_max() + 1];
    let refused = |when: &str| {
        let error =
            keyring.set(&item, &secret(&value)).err().unwrap_or_else(|| panic!("it was taken {when}"));
        assert_eq!(error.kind, KeyringErrorKind::TooLarge, "{error}");
    };
    refused("where nothing was");
    holds_nothing(&*keyring, &item);
    with_item(&*keyring, &item, b"old", || {
        refused("in place of another");
        holds(&*keyring, &item, b"old");
    });
}

/// No handle answers from what it remembers.
pub fn two_handles_see_what_the_other_writes(subject: &Subject) {
    let (one, other, item) = (subject.open(), subject.open(), item("shared"));
    with_item(&*one, &item, b"first", || {
        holds(&*other, &item, b"first");
        other.set(&item, &secret(b"second")).expect("the other writes too");
        holds(&*one, &item, b"second");
    });
    holds_nothing(&*other, &item);
}

/// Names of every allowed character, and names that differ little.
pub fn every_character_of_a_name_counts(subject: &Subject) {
    let keyring = subject.open();
    let names: Vec<ItemName> =
        ["a.b", "a-b", "a/b", "ab", "aB", "Ab", "a.b.", "0123456789", "abcdefghijklmnopqrstuvwxyz"]
            .into_iter()
            .chain(["ABCDEFGHIJKLMNOPQRSTUVWXYZ.only"])
            .map(item)
            .collect();
    for name in &names {
        keyring.set(name, &secret(name.as_str().as_bytes())).expect("it takes the name");
    }
    for name in &names {
        holds(&*keyring, name, name.as_str().as_bytes());
    }
    for name in &names {
        assert!(keyring.delete(name).expect("it lets go"), "{name} was not there any more");
    }
}

/// Calls are made one after another, and none is lost.
pub fn threads_that_write_at_once_each_write(subject: &Subject) {
    let keyring = subject.open();
    thread::scope(|scope| {
        for number in 0..4u8 {
            let keyring = &keyring;
            scope.spawn(move || {
                let item = item(&format!("thread-{number}"));
                with_item(&**keyring, &item, &[number; 40], || holds(&**keyring, &item, &[number; 40]));
            });
        }
    });
}

/// It looks, and no more.
pub fn a_probe_changes_nothing(subject: &Subject) {
    let (keyring, item) = (subject.open(), item("probe"));
    keyring.probe().expect("a keyring that can be used says so");
    with_item(&*keyring, &item, b"kept", || {
        keyring.probe().expect("a keyring that can be used says so");
        holds(&*keyring, &item, b"kept");
    });
}

/// For `store.toml`, and for people.
pub fn it_says_what_it_is(subject: &Subject) {
    let keyring = subject.open();
    assert!(!keyring.place().is_empty());
    assert_eq!(keyring.backend(), subject.open().backend(), "the name is the same each time");
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'-';
    assert!(keyring.backend().bytes().all(plain), "{:?} is no stable name", keyring.backend());
}
