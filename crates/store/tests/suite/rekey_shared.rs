//! The state folder's key where a store in another folder has it too: whoever comes first, none of the two is left without
//! a key.

use std::path::Path;
use std::sync::{Arc, Mutex};

use renewd_driver::Expect;
use renewd_driver::testing::FakeKeyring;
use renewd_store::testing::{Fate, SimDisk, SimProcess};
use renewd_store::{FileStore, FileStoreOptions, KeyChoice, RekeyRequest, StoreError, rekey};

use crate::contract::{name, record_of};
use crate::home::put;
use crate::keys::keyring;
use crate::records::login;
use crate::rekey_crash::{made, on, request};

/// Options of the store in the other folder, with this key.
fn elsewhere(process: &SimProcess, keyring: &FakeKeyring, key: Option<&str>) -> FileStoreOptions {
    let mut options = on(process, keyring);
    options.dir = "/elsewhere".into();
    if let Some(key) = key {
        options.key = KeyChoice::from_setting(key, Path::new("/state")).unwrap();
    }
    options
}

/// Both open, and what was put into the one elsewhere is there.
fn both_open(disk: &SimDisk, keyring: &FakeKeyring, told: &str) {
    FileStore::open(on(&disk.process(), keyring)).unwrap_or_else(|e| panic!("{told}, its own: {e}"));
    let other = FileStore::open(elsewhere(&disk.process(), keyring, None));
    let other = other.unwrap_or_else(|e| panic!("{told}, elsewhere: {e}"));
    assert_eq!(record_of(other.load_blocking(&name("e"))).version(), (1, 0), "{told}");
}

/// A login in the store elsewhere, which is made with the state folder's key.
fn log_in_elsewhere(process: &SimProcess, keyring: &FakeKeyring) -> Result<(), StoreError> {
    let store = FileStore::open(elsewhere(process, keyring, Some("file")))?;
    put(&store, &name("e"), &login(1, "rt-e"), Expect::Absent);
    Ok(())
}

type Outcome<T> = Arc<Mutex<Option<Result<T, StoreError>>>>;

#[test]
fn a_store_that_comes_to_use_the_key_at_any_moment_of_its_replacement_keeps_it_or_is_not_made() {
    for to in ["file", "keyring"] {
        let (mut came, mut n) = (0, 0);
        loop {
            n += 1;
            let keyring = keyring();
            let disk = made(n, &keyring, "file");
            let (process, other, ring) = (disk.process(), disk.process(), keyring.clone());
            let outcome: Outcome<()> = Arc::default();
            let told = Arc::clone(&outcome);
            let come = move || *told.lock().unwrap() = Some(log_in_elsewhere(&other, &ring));
            process.at_operation(n, Fate::Meanwhile(Box::new(come)));
            let done = rekey(on(&process, &keyring), &request(to));
            let told = format!("to {to}, at operation {n}: {:?}", done.as_ref().err());
            let Some(outcome) = outcome.lock().unwrap().take() else { break };
            came += u32::from(outcome.is_ok());
            if outcome.is_err() {
                // It was refused whole: the next try makes it.
                assert!(log_in_elsewhere(&disk.process(), &keyring).is_ok(), "{told}");
            }
            both_open(&disk, &keyring, &told);
        }
        assert!(n > 60 && came > 40, "to {to}: {came} of {n}");
    }
}

#[test]
fn a_key_that_is_replaced_at_any_moment_of_another_stores_first_use_stays_or_is_not_used() {
    for (first, to) in [("file", "file"), ("file", "keyring"), ("keyring", "file"), ("keyring", "keyring")] {
        let mut n = 0;
        loop {
            n += 1;
            let keyring = keyring();
            let disk = made(n, &keyring, "file");
            if first == "keyring" {
                // The store elsewhere stands, and takes the state folder's key in place of its own.
                let store = FileStore::open(elsewhere(&disk.process(), &keyring, Some("keyring"))).unwrap();
                put(&store, &name("e"), &login(1, "rt-e"), Expect::Absent);
            }
            let (process, other, ring) = (disk.process(), disk.process(), keyring.clone());
            let reached = Arc::new(Mutex::new(false));
            let told = Arc::clone(&reached);
            let replace = move || {
                *told.lock().unwrap() = true;
                let _ = rekey(on(&other, &ring), &request(to));
            };
            process.at_operation(n, Fate::Meanwhile(Box::new(replace)));
            let took = match first {
                "file" => log_in_elsewhere(&process, &keyring),
                _ => rekey(elsewhere(&process, &keyring, None), &request("file")).map(drop),
            };
            let told = format!("from {first}, to {to}, at operation {n}: {:?}", took.as_ref().err());
            if !*reached.lock().unwrap() {
                break;
            }
            if took.is_err() && first == "file" {
                assert!(log_in_elsewhere(&disk.process(), &keyring).is_ok(), "{told}");
            }
            both_open(&disk, &keyring, &told);
            // What was begun can be ended.
            let ended = rekey(elsewhere(&disk.process(), &keyring, None), &RekeyRequest::new(None));
            let ended = ended.map(|done| done.is_finished());
            assert!(matches!(ended, Ok(true) | Err(StoreError::Setting(_))), "{told}: {ended:?}");
        }
        assert!(n > 20, "from {first}, to {to}: {n}");
    }
}
