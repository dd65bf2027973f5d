//! The Secret Service backend and a real KeePassXC, where it differs from GNOME Keyring: it prompts for more, and a prompt
//! that nobody answers never ends.

#![cfg(target_os = "linux")]

use std::time::Duration;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, KeyringErrorKind};
use renewd_keyring::testing::{Desktop, Provider};
use renewd_keyring::{Interaction, KeyringOptions};

/// Of a call that has to succeed, on a machine that does much else.
const LONG: Duration = Duration::from_secs(60);
/// Of a call that hangs.
const SHORT: Duration = Duration::from_millis(300);

fn item() -> ItemName {
    "3f9c0a/key-1".parse().expect("a name")
}

#[test]
fn it_makes_and_removes_no_item_unless_it_may_prompt_and_replaces_one() {
    let Some(desktop) = Desktop::start_with(Provider::KeePassXc) else { return };
    let silent = desktop.keyring(KeyringOptions::new(LONG, Interaction::Never));
    let asking = desktop.keyring(KeyringOptions::new(LONG, Interaction::Allowed));
    silent.probe().unwrap();
    let error = silent.set(&item(), &Secret::from("made in silence")).expect_err("it made one");
    assert_eq!(error.kind, KeyringErrorKind::Locked, "{error}");
    assert!(error.message.contains("wants to ask a person"), "{error}");
    assert!(silent.get(&item()).unwrap().is_none(), "it made one");
    asking.set(&item(), &Secret::from("made with a prompt")).unwrap();
    silent.set(&item(), &Secret::from("replaced in silence")).unwrap();
    assert_eq!(silent.delete(&item()).expect_err("it removed it").kind, KeyringErrorKind::Locked);
    assert!(asking.get(&item()).unwrap().expect("it is there").same_as(b"replaced in silence"));
    assert!(asking.delete(&item()).unwrap());
}

#[test]
fn its_prompt_that_nobody_sees_ends_at_the_deadline_every_time() {
    let Some(desktop) = Desktop::start_with(Provider::KeePassXc) else { return };
    let asking = desktop.keyring(KeyringOptions::new(SHORT, Interaction::Allowed));
    let silent = desktop.keyring(KeyringOptions::new(LONG, Interaction::Never));
    desktop.lock();
    for _ in 0..6 {
        let error = asking.get(&item()).err().expect("it is locked");
        assert_eq!(error.kind, KeyringErrorKind::TimedOut, "{error}");
    }
    assert_eq!(silent.get(&item()).err().expect("it is locked").kind, KeyringErrorKind::Locked);
}
