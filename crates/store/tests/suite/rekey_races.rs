//! Another key for records that stand, next to what a store does not see: another process between two of its steps, a
//! power cut between two processes, another store with the same key, and a keyring that forgets for a moment.

use std::path::Path;
use std::sync::Arc;

use renewd_core::{Loaded, Secret};
use renewd_driver::Expect;
use renewd_driver::testing::FakeKeyring;
use renewd_store::testing::{Damage, Fate, SimDisk};
use renewd_store::{FileStore, KeyChoice, OldKey, RekeyRequest, StoreKind, rekey};

use crate::contract::{kind_of, name, record_of};
use crate::home::{Home, put};
use crate::keys::keyring;
use crate::records::login;
use crate::rekey_crash::{CHANGES, made, on, request};

#[test]
fn whoever_opens_the_store_while_its_key_is_replaced_gets_it_open() {
    for (from, to) in CHANGES {
        for n in 1.. {
            let keyring = keyring();
            let disk = made(n, &keyring, from);
            let (process, other, ring) = (disk.process(), disk.process(), keyring.clone());
            let change = move || assert!(rekey(on(&other, &ring), &request(to)).unwrap().is_finished());
            process.at_operation(n, Fate::Meanwhile(Box::new(change)));
            let told = format!("{from} to {to}, at operation {n} of opening");
            let store =
                FileStore::open(on(&process, &keyring)).unwrap_or_else(|error| panic!("{told}: {error}"));
            if process.forget_plans() {
                assert!(n > 7, "opening is only {n} operations long");
                break;
            }
            for text in ["a", "b"] {
                let loaded = store.load_blocking(&name(text));
                assert!(matches!(loaded, Loaded::Record(_)), "{told}: {text} is {}", kind_of(&loaded));
            }
        }
    }
}

#[test]
fn whoever_slept_through_one_change_and_reads_during_the_next_reads_the_record() {
    for (from, to) in CHANGES {
        for n in 1.. {
            let keyring = keyring();
            let disk = made(n, &keyring, from);
            let process = disk.process();
            let store = FileStore::open(on(&process, &keyring)).unwrap();
            assert!(rekey(on(&disk.process(), &keyring), &request(to)).unwrap().is_finished());
            let (other, ring) = (disk.process(), keyring.clone());
            let change =
                move || assert!(rekey(on(&other, &ring), &RekeyRequest::new(None)).unwrap().is_finished());
            process.at_operation(n, Fate::Meanwhile(Box::new(change)));
            let loaded = store.load_blocking(&name("b"));
            let told = format!("{from} to {to} and again, at operation {n} of reading");
            assert!(matches!(loaded, Loaded::Record(_)), "{told}: {}", kind_of(&loaded));
            if process.forget_plans() {
                assert!(n > 4, "reading is only {n} operations long");
                break;
            }
        }
    }
}

#[test]
fn the_power_cut_while_another_process_seals_with_a_new_key_leaves_that_key_known() {
    for (from, to) in CHANGES {
        for n in 1.. {
            let mut cut = false;
            for seed in 0..6 {
                let keyring = keyring();
                let disk = made(n, &keyring, from);
                let (writer, process) = (disk.process(), disk.process());
                let store = FileStore::open(on(&writer, &keyring)).unwrap();
                // The new store.toml has its name, and whether it keeps it nobody has asked the disk yet.
                let others = move || {
                    writer.at_operation(n, Fate::PowerCut(seed));
                    let over = Expect::Version { epoch: 1, generation: 0 };
                    let _ = store.put_blocking(&name("a"), &login(2, "rt-e"), over);
                };
                process.at_point("rekey.store-file.sync-dir", 1, Fate::Meanwhile(Box::new(others)));
                let _ = rekey(on(&process, &keyring), &request(to));
                cut |= !process.is_alive();
                let told =
                    format!("{from} to {to}, the power cut at operation {n} of another's write ({seed})");
                let store = FileStore::open(on(&disk.process(), &keyring))
                    .unwrap_or_else(|error| panic!("{told}: {error}"));
                let loaded = store.load_blocking(&name("a"));
                assert!(matches!(loaded, Loaded::Record(_)), "{told}: a is {}", kind_of(&loaded));
                assert!(
                    rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished()
                );
                assert_eq!(record_of(store.load_blocking(&name("b"))).version(), (2, 0), "{told}");
            }
            if !cut {
                assert!(n > 10, "a write is only {n} operations long");
                break;
            }
        }
    }
}

#[test]
fn a_key_file_elsewhere_that_a_killed_process_made_outlives_a_power_cut_before_it_is_used() {
    let to = "file:/elsewhere/own";
    for n in 1.. {
        let keyring = keyring();
        let disk = made(n, &keyring, "file");
        // Makes the folder.
        FileStore::open(disk.process().options("/elsewhere")).unwrap();
        let process = disk.process();
        process.at_operation(n, Fate::Kill);
        let _ = rekey(on(&process, &keyring), &request(to));
        let was_killed = !process.is_alive();
        if was_killed {
            // Whoever killed it tries again at once.
            let again = rekey(on(&disk.process(), &keyring), &request(to));
            assert!(again.is_ok_and(|done| done.is_finished()) || n > 60, "killed at operation {n}");
        }
        for seed in 0..8 {
            let disk = disk.clone_of_now();
            disk.power_cut(seed);
            let store = FileStore::open(on(&disk.process(), &keyring))
                .unwrap_or_else(|error| panic!("killed at operation {n}, power cut {seed}: {error}"));
            assert_eq!(record_of(store.load_blocking(&name("b"))).version(), (2, 0), "operation {n}");
        }
        if !was_killed {
            assert!(n > 60, "only {n} operations");
            break;
        }
    }
}

#[test]
fn a_store_toml_that_is_removed_in_the_middle_of_a_change_takes_no_new_key_with_it() {
    let mut healed = 0;
    for n in 1.. {
        let keyring = keyring();
        let disk = made(n, &keyring, "file");
        let process = disk.process();
        process.at_operation(n, Fate::Kill);
        let _ = rekey(on(&process, &keyring), &RekeyRequest::new(None));
        if process.is_alive() {
            break;
        }
        let store_toml = Path::new("/state/credentials/store.toml");
        let damage = disk.damage(store_toml, &Damage::Removed);
        assert!(damage.is_ok(), "{damage:?}");
        if FileStore::open(on(&disk.process(), &keyring)).is_err() {
            // No record is sealed with the key at its place any more: a person can put the other one there.
            assert!(disk.names(Path::new("/state")).iter().any(|file| file == "key.next"), "operation {n}");
            continue;
        }
        assert!(rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished());
        healed += 1;
        let store = FileStore::open(on(&disk.process(), &keyring)).unwrap();
        for (text, expected) in [("a", (1, 0)), ("b", (2, 0))] {
            let loaded = store.load_blocking(&name(text));
            assert!(
                matches!(&loaded, Loaded::Record(record) if record.version() == expected),
                "killed at operation {n}: {text} is {}",
                kind_of(&loaded)
            );
        }
    }
    assert!(healed > 20, "only {healed} changes went on");
}

#[test]
fn a_key_that_a_store_elsewhere_uses_too_is_not_taken_from_it() {
    for to in [None, Some("keyring"), Some("file:other")] {
        let (home, keyring) = (Home::new(), keyring());
        put(&home.open(), &name("mine"), &login(1, "rt-1"), Expect::Absent);
        let mut elsewhere = home.options();
        elsewhere.dir = home.state().join("elsewhere");
        let store = FileStore::open(elsewhere.clone()).unwrap();
        put(&store, &name("theirs"), &login(1, "rt-2"), Expect::Absent);
        drop(store);

        let mut options = home.options();
        options.keyring = Some(Arc::new(keyring.clone()));
        let to = to.map(|to| to.replace("other", &home.state().join("other").display().to_string()));
        let source = to.as_deref().map(|to| KeyChoice::from_setting(to, &home.state()).unwrap());
        let source = source.map(|choice| match choice {
            KeyChoice::Source(source) => source,
            _ => panic!("{to:?} names no source"),
        });
        match rekey(options, &RekeyRequest::new(source)) {
            Ok(done) => assert_eq!(
                done.old_key,
                OldKey::Left(home.state().join("key").display().to_string()),
                "{to:?}"
            ),
            Err(error) => assert!(to.is_none() && error.to_string().contains("--key file:PATH"), "{error}"),
        }
        let store = FileStore::open(elsewhere).unwrap_or_else(|error| panic!("{to:?}: {error}"));
        assert_eq!(record_of(store.load_blocking(&name("theirs"))).version(), (1, 0), "{to:?}");
    }
}

#[test]
fn the_same_key_under_another_path_is_not_removed_as_the_old_one() {
    let home = Home::new();
    put(&home.open(), &name("a"), &login(1, "rt-1"), Expect::Absent);
    let alias = home.state().parent().unwrap().join("alias");
    std::os::unix::fs::symlink(home.state(), &alias).unwrap();
    let there = KeyChoice::from_setting(&format!("file:{}", alias.join("key").display()), &home.state());
    let KeyChoice::Source(there) = there.unwrap() else { panic!("a path is a source") };
    let done = rekey(home.options(), &RekeyRequest::new(Some(there))).unwrap();
    assert!(done.is_finished() && done.old_key != OldKey::Removed, "{done:?}");
    let mut options = home.options();
    options.key = KeyChoice::Remembered;
    let store = FileStore::open(options).unwrap();
    assert_eq!(record_of(store.load_blocking(&name("a"))).version(), (1, 0));
}

/// A store whose records lie in a keyring, with one record.
fn in_keyring(disk: &SimDisk, keyring: &FakeKeyring) -> FileStore {
    let mut options = on(&disk.process(), keyring);
    options.kind = Some(StoreKind::Keyring);
    let store = FileStore::open(options).unwrap();
    put(&store, &name("a"), &login(1, "rt-1"), Expect::Absent);
    store
}

/// The item of the only record.
fn item(keyring: &FakeKeyring) -> (renewd_driver::keyring::ItemName, Secret) {
    let items = keyring.items();
    items.into_iter().find(|(item, _)| !item.as_str().starts_with("renewd/key/")).unwrap()
}

/// The version of the only record, for a new process.
fn stands(disk: &SimDisk, keyring: &FakeKeyring) -> (u64, u64) {
    let store = FileStore::open(on(&disk.process(), keyring)).unwrap();
    record_of(store.load_blocking(&name("a"))).version()
}

#[test]
fn a_record_that_a_keyring_forgets_for_a_moment_keeps_its_key() {
    let (keyring, disk) = (keyring(), SimDisk::new(1));
    in_keyring(&disk, &keyring);
    let (index, value) = item(&keyring);
    keyring.meddle(&index, None);
    let done = rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap();
    assert!(!done.is_finished(), "{done:?}");
    keyring.meddle(&index, Some(value));
    assert!(rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished());
    assert_eq!(stands(&disk, &keyring), (1, 0));
}

#[test]
fn a_record_of_which_a_keyring_answers_with_one_of_three_keys_ago_keeps_its_key() {
    let (keyring, disk) = (keyring(), SimDisk::new(1));
    in_keyring(&disk, &keyring);
    let (index, ancient) = item(&keyring);
    assert!(rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished());
    let (_, newest) = item(&keyring);
    keyring.meddle(&index, Some(ancient));
    let done = rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap();
    assert!(!done.is_finished(), "{done:?}");
    keyring.meddle(&index, Some(newest));
    assert!(rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished());
    assert_eq!(stands(&disk, &keyring), (1, 0));
}

#[test]
fn what_was_set_aside_does_not_keep_an_old_key_for_ever() {
    let (keyring, disk) = (keyring(), SimDisk::new(1));
    let store = in_keyring(&disk, &keyring);
    let (index, value) = item(&keyring);
    let mut damaged = value.expose().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    keyring.meddle(&index, Some(Secret::new(damaged)));
    assert!(matches!(store.load_blocking(&name("a")), Loaded::Fault(_)), "it was set aside");
    let done = rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap();
    assert!(done.is_finished(), "{done:?}");
    assert_eq!(keyring.items().len(), 1, "the old key is gone");
    put(&store, &name("a"), &login(2, "rt-2"), Expect::Absent);
    assert_eq!(stands(&disk, &keyring), (2, 0));
}

#[test]
fn a_login_over_what_a_keyring_forgot_lets_the_change_be_finished() {
    let (keyring, disk) = (keyring(), SimDisk::new(1));
    let store = in_keyring(&disk, &keyring);
    keyring.meddle(&item(&keyring).0, None);
    assert!(!rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished());
    put(&store, &name("a"), &login(2, "rt-2"), Expect::Absent);
    assert!(rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished());
    assert_eq!(stands(&disk, &keyring), (2, 0));
}
