//! The keyring of the very system that the tests run on: a real Keychain, a real Credential Manager, whatever answers as
//! Secret Service.
//!
//! It may be somebody's own, so it is met only where the environment says so: `RENEWD_SYSTEM_KEYRING=1` for one that is
//! open, `RENEWD_SYSTEM_KEYRING=locked` for one that was locked. The items that the tests make they take away.

use std::process::Command;
use std::time::Duration;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, KeyringErrorKind};
use renewd_keyring::testing::contract::Subject;
use renewd_keyring::{Interaction, KeyringOptions, keyring_contract, platform};

const SWITCH: &str = "RENEWD_SYSTEM_KEYRING";

/// Far more than a call takes on a slow machine; a call that hangs still ends the test.
const DEADLINE: Duration = Duration::from_secs(60);

fn options() -> KeyringOptions {
    KeyringOptions::new(DEADLINE, Interaction::Never)
}

fn is(state: &str) -> bool {
    let is = std::env::var(SWITCH).is_ok_and(|value| value == state);
    if !is {
        println!("SKIPPED, nothing was tested: the system's own keyring is met only where {SWITCH}={state}");
    }
    is
}

keyring_contract!(open, || is("1").then(|| Subject::new(|| platform(options()))));

#[test]
fn a_locked_one_says_so_and_takes_nothing() {
    if !is("locked") {
        return;
    }
    let keyring = platform(options());
    let item = format!("renewd-contract/{}/locked", std::process::id()).parse().unwrap();
    assert_eq!(keyring.probe().unwrap_err().kind, KeyringErrorKind::Locked);
    let error = keyring.set(&item, &Secret::from("value")).unwrap_err();
    assert_eq!(error.kind, KeyringErrorKind::Locked, "{error}");
}

/// Names the item that the second process looks for.
const CHILD: &str = "RENEWD_TEST_ITEM_OF_PARENT";

#[test]
fn another_process_of_the_user_sees_what_was_written_and_writes_what_is_seen() {
    let Ok(item) = std::env::var(CHILD).map(|name| name.parse().unwrap()) else {
        return with_another_process();
    };
    let keyring = platform(options());
    assert!(keyring.get(&item).unwrap().unwrap().same_as(b"of the first"));
    keyring.set(&item, &Secret::from("of the second")).unwrap();
}

/// This very test once more, as a process of its own.
fn with_another_process() {
    if !is("1") {
        return;
    }
    let keyring = platform(options());
    let item: ItemName = format!("renewd-contract/{}/two", std::process::id()).parse().expect("a name");
    keyring.set(&item, &Secret::from("of the first")).expect("it takes it");
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "another_process_of_the_user_sees_what_was_written_and_writes_what_is_seen"])
        .env(CHILD, item.as_str())
        .output()
        .expect("the second process starts");
    let seen = keyring.get(&item).expect("it answers");
    keyring.delete(&item).expect("it lets go");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(seen.expect("it is there").same_as(b"of the second"));
}
