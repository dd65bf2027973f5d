//! The Secret Service backend and a real GNOME Keyring: open, locked, killed, not there.

#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};
use renewd_keyring::testing::{Desktop, Provider};
use renewd_keyring::{Interaction, KeyringOptions, platform};

/// Of a call that has to succeed, on a machine that does much else.
const PATIENT: KeyringOptions = KeyringOptions::new(Duration::from_secs(60), Interaction::Never);
const MAY_ASK: KeyringOptions = KeyringOptions::new(Duration::from_secs(60), Interaction::Allowed);
const HASTY: KeyringOptions = KeyringOptions::new(Duration::from_millis(300), Interaction::Never);

fn item() -> ItemName {
    "3f9c0a/key-1".parse().expect("a name")
}

fn failure<T>(outcome: Result<T, KeyringError>) -> KeyringError {
    outcome.err().expect("it fails")
}

/// Every call fails in that way, and its words hold these.
fn all_fail(keyring: &dyn Keyring, kind: KeyringErrorKind, words: &[&str]) {
    let errors = [
        failure(keyring.get(&item())),
        failure(keyring.set(&item(), &Secret::from("new"))),
        failure(keyring.delete(&item())),
        failure(keyring.probe()),
    ];
    for error in errors {
        assert_eq!(error.kind, kind, "{error}");
        for part in words {
            assert!(error.message.contains(part), "{part:?} is not in: {error}");
        }
    }
}

fn holds(keyring: &dyn Keyring, value: &[u8]) {
    assert!(keyring.get(&item()).expect("it answers").expect("it is there").same_as(value));
}

#[test]
fn other_programs_see_that_renewd_made_it_and_no_more() {
    let Some(desktop) = Desktop::start() else { return };
    desktop.keyring(PATIENT).set(&item(), &Secret::from("a value")).unwrap();
    let seen = desktop.with_service(async |service| {
        let collection = service.get_default_collection().await.unwrap();
        let items = collection.get_all_items().await.unwrap();
        assert_eq!(items.len(), 1);
        (items[0].get_label().await.unwrap(), items[0].get_attributes().await.unwrap())
    });
    let (label, mut attributes) = seen;
    assert_eq!(label, "renewd");
    // Which GNOME Keyring adds to every item without one.
    attributes.retain(|name, value| (&**name, &**value) != ("xdg:schema", "org.freedesktop.Secret.Generic"));
    let ours =
        [("application", "renewd"), ("item", "3f9c0a/key-1")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(attributes, HashMap::from(ours));
}

#[test]
fn of_items_with_one_name_the_last_written_counts_and_the_next_write_leaves_one() {
    let Some(desktop) = Desktop::start() else { return };
    let keyring = desktop.keyring(PATIENT);
    keyring.set(&item(), &Secret::from("ours")).unwrap();
    let doubled = || {
        desktop.with_service(async |service| {
            let collection = service.get_default_collection().await.unwrap();
            // More attributes than ours: a search for ours finds it, and replacing ours leaves it.
            let item = item();
            let theirs = HashMap::from([("application", "renewd"), ("item", item.as_str()), ("more", "x")]);
            collection.create_item("theirs", theirs, b"theirs", false, "text/plain").await.unwrap();
        });
    };
    let count = || {
        desktop.with_service(async |service| {
            service.get_default_collection().await.unwrap().get_all_items().await.unwrap().len()
        })
    };
    doubled();
    assert_eq!(count(), 2);
    holds(&*keyring, b"theirs");
    keyring.set(&item(), &Secret::from("ours again")).unwrap();
    assert_eq!(count(), 1);
    holds(&*keyring, b"ours again");
    doubled();
    assert!(keyring.delete(&item()).unwrap());
    assert_eq!(count(), 0);
}

#[test]
fn a_locked_collection_is_an_error_and_not_an_empty_one() {
    let Some(desktop) = Desktop::start() else { return };
    let keyring = desktop.keyring(PATIENT);
    keyring.set(&item(), &Secret::from("kept")).unwrap();
    desktop.lock();
    all_fail(&*keyring, KeyringErrorKind::Locked, &["is locked", "unlock it"]);
    all_fail(&*desktop.keyring(PATIENT), KeyringErrorKind::Locked, &["is locked"]);
    desktop.unlock();
    holds(&*keyring, b"kept");
}

#[test]
fn asking_a_person_where_there_is_no_screen_is_a_prompt_that_was_dismissed() {
    let Some(desktop) = Desktop::start() else { return };
    desktop.keyring(PATIENT).set(&item(), &Secret::from("kept")).unwrap();
    desktop.lock();
    let error = failure(desktop.keyring(MAY_ASK).get(&item()));
    assert_eq!(error.kind, KeyringErrorKind::Dismissed, "{error}");
    let error = failure(desktop.keyring(MAY_ASK).probe());
    assert_eq!(error.kind, KeyringErrorKind::Locked, "a probe asked: {error}");
}

#[test]
fn a_keyring_that_was_killed_is_absent_and_serves_again_when_it_is_back() {
    let Some(desktop) = Desktop::start() else { return };
    let keyring = desktop.keyring(PATIENT);
    keyring.set(&item(), &Secret::from("kept")).unwrap();
    desktop.kill_provider();
    all_fail(&*keyring, KeyringErrorKind::Absent, &["no program provides the Secret Service", "start one"]);
    desktop.start_provider();
    holds(&*keyring, b"kept");
}

#[test]
fn a_keyring_that_is_killed_in_the_middle_of_a_write_leaves_the_old_value_or_the_new() {
    let Some(desktop) = Desktop::start() else { return };
    let keyring = desktop.keyring(PATIENT);
    keyring.set(&item(), &Secret::from("old")).unwrap();
    let outcome = desktop.kill_provider_at("SetSecret", || keyring.set(&item(), &Secret::from("new")));
    if let Err(error) = &outcome {
        assert_eq!(error.kind, KeyringErrorKind::Absent, "{error}");
    }
    desktop.start_provider();
    let value = keyring.get(&item()).unwrap().expect("it is there");
    assert!(value.same_as(b"new") || (outcome.is_err() && value.same_as(b"old")), "it holds something else");
}

#[test]
fn a_keyring_that_stands_still_is_given_up_at_the_deadline_and_serves_when_it_goes_on() {
    let Some(desktop) = Desktop::start() else { return };
    desktop.keyring(PATIENT).set(&item(), &Secret::from("kept")).unwrap();
    desktop.freeze_provider();
    let hasty = desktop.keyring(HASTY);
    for _ in 0..6 {
        assert_eq!(failure(hasty.get(&item())).kind, KeyringErrorKind::TimedOut);
    }
    desktop.thaw_provider();
    holds(&*desktop.keyring(PATIENT), b"kept");
}

#[test]
fn a_bus_without_a_provider_is_absent() {
    let Some(desktop) = Desktop::start_with(Provider::None) else { return };
    let words = ["no program provides the Secret Service", "start one"];
    all_fail(&*desktop.keyring(PATIENT), KeyringErrorKind::Absent, &words);
}

#[test]
fn a_bus_that_is_gone_is_absent() {
    let Some(desktop) = Desktop::start() else { return };
    let keyring = desktop.keyring(PATIENT);
    keyring.set(&item(), &Secret::from("x")).unwrap();
    drop(desktop);
    all_fail(&*keyring, KeyringErrorKind::Absent, &["bus cannot be reached", "log in to the desktop again"]);
}

/// What [`platform`] finds in an environment is tried in a process that has it.
fn in_a_session(env: &[(&'static str, String)], test: &str) {
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(["--exact", test, "--nocapture"]).envs(env.iter().cloned()).env(INSIDE, "1");
    let output = child.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{test} is no test");
}

/// Set in that process.
const INSIDE: &str = "RENEWD_TEST_INSIDE_A_SESSION";

fn inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

#[test]
fn without_a_session_the_platforms_keyring_is_absent_and_starts_nothing() {
    if inside() {
        let keyring = platform(PATIENT);
        assert_eq!(keyring.backend(), "secret-service");
        all_fail(&*keyring, KeyringErrorKind::Absent, &["DBUS_SESSION_BUS_ADDRESS is not set", "within one"]);
        return;
    }
    in_a_session(
        &Desktop::no_bus_env(),
        "without_a_session_the_platforms_keyring_is_absent_and_starts_nothing",
    );
    let autolaunch = [("DBUS_SESSION_BUS_ADDRESS", "autolaunch:".to_owned())];
    in_a_session(&autolaunch, "an_address_that_would_start_a_bus_is_not_followed");
}

#[test]
fn an_address_that_would_start_a_bus_is_not_followed() {
    if inside() {
        all_fail(&*platform(PATIENT), KeyringErrorKind::Absent, &["names no socket of this machine"]);
        return;
    }
    let exec = [("DBUS_SESSION_BUS_ADDRESS", "unixexec:path=/bin/false".to_owned())];
    in_a_session(&exec, "an_address_that_would_start_a_bus_is_not_followed");
}

#[test]
fn in_a_session_the_platforms_keyring_is_the_sessions_own() {
    if inside() {
        platform(PATIENT).set(&item(), &Secret::from("from the inside")).unwrap();
        return;
    }
    let Some(desktop) = Desktop::start() else { return };
    in_a_session(&desktop.env(), "in_a_session_the_platforms_keyring_is_the_sessions_own");
    holds(&*desktop.keyring(PATIENT), b"from the inside");
    // As a login without a variable has it: the socket in the runtime folder.
    let runtime: Vec<_> = desktop.env().into_iter().filter(|(name, _)| *name == "XDG_RUNTIME_DIR").collect();
    desktop.keyring(PATIENT).delete(&item()).unwrap();
    let empty = [("DBUS_SESSION_BUS_ADDRESS", String::new())];
    let env: Vec<_> = runtime.into_iter().chain(empty).collect();
    in_a_session(&env, "in_a_session_the_platforms_keyring_is_the_sessions_own");
    holds(&*desktop.keyring(PATIENT), b"from the inside");
}

/// How many programs know of that folder.
fn programs_in(folder: &str) -> usize {
    let environment =
        |entry: std::fs::DirEntry| std::fs::read(entry.path().join("environ")).unwrap_or_default();
    let mentions = |environment: &Vec<u8>| String::from_utf8_lossy(environment).contains(folder);
    let all = std::fs::read_dir("/proc").expect("the programs that run").filter_map(Result::ok);
    all.map(environment).filter(mentions).count()
}

#[test]
fn the_programs_of_a_session_end_with_it() {
    let Some(desktop) = Desktop::start() else { return };
    let folder = desktop.folder();
    let text = folder.to_str().unwrap();
    assert_eq!(programs_in(text), 4, "the bus and the provider, each on its leash");
    drop(desktop);
    assert_eq!(programs_in(text), 0, "a program is left");
    assert!(!folder.exists());
}

#[test]
fn the_programs_of_a_session_end_with_a_test_that_dies() {
    if inside() {
        let desktop = Desktop::start().expect("it started a moment ago");
        println!("\nfolder={}", desktop.folder().display());
        std::process::abort();
    }
    if Desktop::start().is_none() {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "the_programs_of_a_session_end_with_a_test_that_dies", "--nocapture"])
        .env(INSIDE, "1");
    let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
    let folder = output.lines().find_map(|line| line.strip_prefix("folder=")).expect("it started a session");
    let (_never, waits) = std::sync::mpsc::channel::<()>();
    let mut waited = Duration::ZERO;
    while programs_in(folder) > 0 {
        assert!(waited < PATIENT.deadline, "a program is left");
        let pause = Duration::from_millis(20);
        let _ = waits.recv_timeout(pause);
        waited += pause;
    }
    std::fs::remove_dir_all(folder).expect("nobody was there to do it");
}
