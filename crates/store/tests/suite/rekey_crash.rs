//! Sealing records with another key on a simulated disk: every crash, every moment for another process' write, every
//! failing keyring call.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use renewd_core::{Loaded, Secret};
use renewd_driver::Expect;
use renewd_driver::keyring::{Keyring, KeyringErrorKind};
use renewd_driver::testing::{FakeKeyring, KeyringFate};
use renewd_store::testing::{Fate, SimDisk, SimProcess};
use renewd_store::{FileStore, FileStoreOptions, KeyChoice, KeySource, RekeyRequest, Rekeyed, rekey};

use crate::contract::{kind_of, name, version};
use crate::home::put;
use crate::keys::keyring;
use crate::prepared::{at as server, whole};
use crate::records::login;

/// Options of a process on a simulated disk that has this keyring.
pub(crate) fn on(process: &SimProcess, keyring: &FakeKeyring) -> FileStoreOptions {
    let mut options = process.options("/state");
    options.key = KeyChoice::Remembered;
    options.keyring = Some(Arc::new(keyring.clone()) as Arc<dyn Keyring>);
    options
}

pub(crate) fn made(seed: u64, keyring: &FakeKeyring, from: &str) -> SimDisk {
    let disk = SimDisk::new(seed);
    let mut options = on(&disk.process(), keyring);
    options.key = KeyChoice::from_setting(from, Path::new("/state")).unwrap();
    let store = FileStore::open(options).unwrap();
    put(&store, &name("a"), &login(1, "rt-a"), Expect::Absent);
    let first = login(1, "rt-b");
    put(&store, &name("b"), &first, Expect::Absent);
    put(&store, &name("b"), &login(2, "rt-c"), version(&first));
    // For the first login of another, of which nothing else is there.
    store.prepare_blocking(&name("new"), &whole("one")).unwrap();
    disk
}

pub(crate) fn request(to: &str) -> RekeyRequest {
    RekeyRequest::new(Some(KeySource::from_setting(to, Path::new("/state")).unwrap()))
}

/// Opens the store, reads everything, finishes what was begun, and reads everything again.
fn judge(disk: &SimDisk, keyring: &FakeKeyring, told: &str) {
    let whole = |when: &str| {
        let store =
            FileStore::open(on(&disk.process(), keyring)).unwrap_or_else(|e| panic!("{told}, {when}: {e}"));
        for (text, expected) in [("a", (1, 0)), ("b", (2, 0))] {
            match store.load_blocking(&name(text)) {
                Loaded::Record(record) => assert_eq!(record.version(), expected, "{told}, {when}"),
                other => panic!("{told}, {when}: {text} is {}", kind_of(&other)),
            }
        }
        let kept = store.prepared_blocking(&name("new"), &server("one"));
        let kept = kept.unwrap_or_else(|fault| panic!("{told}, {when}: {}", fault.message));
        assert!(kept.is_some(), "{told}, {when}: what was prepared is gone");
        let spent = store.holder_of_blocking(&Secret::from("rt-b"), None);
        assert_eq!(spent.ok().flatten(), Some(name("b")), "{told}, {when}");
    };
    whole("opened");
    let folder = Path::new("/state/credentials");
    let begun = |disk: &SimDisk| {
        let text = String::from_utf8(disk.read(&folder.join("store.toml")).unwrap()).unwrap();
        text.contains("[next]")
    };
    if begun(disk) {
        let done = rekey(on(&disk.process(), keyring), &RekeyRequest::new(None));
        assert!(done.unwrap_or_else(|e| panic!("{told}: {e}")).is_finished(), "{told}");
        whole("finished");
    }
    assert!(!begun(disk), "{told}");
    let keys: BTreeSet<_> = ["a.record", "a.mark", "b.record", "b.mark", "new.prepared"]
        .iter()
        .map(|file| disk.read(&folder.join(file)).unwrap().get(12..28).unwrap().to_vec())
        .collect();
    assert_eq!(keys.len(), 1, "{told}: two keys seal one store");
    // A key that never came to seal anything is cleared away by the next change.
    let done = rekey(on(&disk.process(), keyring), &RekeyRequest::new(None));
    assert!(done.unwrap_or_else(|e| panic!("{told}: {e}")).is_finished(), "{told}");
    whole("sealed once more");
    let own = disk.names(Path::new("/state")).into_iter().filter(|file| file.contains("key")).count();
    assert!(own <= 1 && own + keyring.items().len() <= 2, "{told}: keys are left behind");
    let names = ["/state", "/state/credentials"].iter().flat_map(|folder| disk.names(Path::new(folder)));
    let left: Vec<_> = names.filter(|file| file.contains(".tmp-")).collect();
    assert!(left.is_empty(), "{told}: {left:?} is left behind");
}

/// How many operations it takes.
fn operations(from: &str, to: &str) -> u64 {
    let keyring = keyring();
    let disk = made(0, &keyring, from);
    let before = disk.counts();
    assert!(rekey(on(&disk.process(), &keyring), &request(to)).unwrap().is_finished());
    disk.counts().since(&before).all()
}

pub(crate) const CHANGES: [(&str, &str); 4] =
    [("file", "file"), ("file", "keyring"), ("keyring", "file"), ("keyring", "keyring")];

#[test]
fn killed_at_any_operation_it_leaves_a_store_that_opens_is_whole_and_can_be_finished() {
    for (from, to) in CHANGES {
        let all = operations(from, to);
        assert!(all > 60, "{from} to {to} is only {all} operations long");
        for n in 1..=all {
            let keyring = keyring();
            let disk = made(n, &keyring, from);
            let process = disk.process();
            process.at_operation(n, Fate::Kill);
            let done = rekey(on(&process, &keyring), &request(to));
            assert!(!process.is_alive(), "operation {n} of {all} was not reached: {done:?}");
            judge(&disk, &keyring, &format!("{from} to {to}, killed at operation {n}"));
        }
    }
}

#[test]
fn the_power_cut_at_any_operation_leaves_a_store_that_opens_is_whole_and_can_be_finished() {
    for (from, to) in CHANGES {
        for n in 1..=operations(from, to) {
            for seed in 0..4 {
                let keyring = keyring();
                let disk = made(n, &keyring, from);
                let process = disk.process();
                process.at_operation(n, Fate::PowerCut(seed));
                let _ = rekey(on(&process, &keyring), &request(to));
                assert!(!process.is_alive(), "operation {n} was not reached");
                judge(&disk, &keyring, &format!("{from} to {to}, power cut {seed} at operation {n}"));
            }
        }
    }
}

#[test]
fn killed_again_while_it_is_finished_it_is_finished_all_the_same() {
    let (from, to) = ("file", "file");
    let all = operations(from, to);
    for n in (1..=all).step_by(7) {
        for m in (1..=all).step_by(7) {
            let keyring = keyring();
            let disk = made(n, &keyring, from);
            for at in [n, m] {
                let process = disk.process();
                process.at_operation(at, Fate::Kill);
                let _ = rekey(on(&process, &keyring), &RekeyRequest::new(None));
            }
            disk.power_cut(m);
            judge(&disk, &keyring, &format!("killed at operation {n}, then at {m}, then a power cut"));
        }
    }
}

#[test]
fn what_whoever_opens_next_puts_away_stays_away_after_a_power_cut() {
    for (from, to) in [("file", "file"), ("file", "keyring")] {
        let all = operations(from, to);
        // What is taken away is taken away at the end.
        for n in all - 40..=all {
            for seed in 0..16 {
                let keyring = keyring();
                let disk = made(n, &keyring, from);
                let process = disk.process();
                process.at_operation(n, Fate::Kill);
                let _ = rekey(on(&process, &keyring), &request(to));
                assert!(!process.is_alive(), "operation {n} was not reached");
                assert!(FileStore::open(on(&disk.process(), &keyring)).is_ok(), "operation {n}");
                disk.power_cut(seed);
                judge(&disk, &keyring, &format!("{from} to {to}, killed at {n}, opened, power cut {seed}"));
            }
        }
    }
}

#[test]
fn a_login_or_an_import_at_whatever_moment_is_neither_lost_nor_sealed_with_the_old_key() {
    let mut saved = 0;
    for (from, to) in [("file", "keyring"), ("file", "file")] {
        for n in 1..=operations(from, to) {
            let keyring = keyring();
            let disk = made(n, &keyring, from);
            let person = FileStore::open(on(&disk.process(), &keyring)).unwrap();
            let (process, outcome) = (disk.process(), Arc::new(Mutex::new((false, false))));
            let told = Arc::clone(&outcome);
            process.at_operation(
                n,
                Fate::Meanwhile(Box::new(move || {
                    let new = person.put_blocking(&name("c"), &login(1, "rt-d"), Expect::Absent).is_ok();
                    let over = Expect::Version { epoch: 1, generation: 0 };
                    let again = person.put_blocking(&name("a"), &login(2, "rt-e"), over).is_ok();
                    *told.lock().unwrap() = (new, again);
                })),
            );
            let done = rekey(on(&process, &keyring), &request(to)).unwrap();
            assert!(done.is_finished() && done.left.is_empty(), "operation {n}: {done:?}");
            let (new, again) = *outcome.lock().unwrap();
            saved += usize::from(new) + usize::from(again);
            let store = FileStore::open(on(&disk.process(), &keyring)).unwrap();
            let expected = |yes: bool, version: (u64, u64)| yes.then_some(version);
            let stands = |text: &str| match store.load_blocking(&name(text)) {
                Loaded::Record(record) => Some(record.version()),
                Loaded::Absent => None,
                other => panic!("operation {n}: {text} is {}", kind_of(&other)),
            };
            assert_eq!(stands("c"), expected(new, (1, 0)), "operation {n}");
            assert_eq!(stands("a"), Some(if again { (2, 0) } else { (1, 0) }), "operation {n}");
            assert_eq!(stands("b"), Some((2, 0)), "operation {n}");
        }
    }
    assert!(saved > 100, "only {saved} logins came through");
}

#[test]
fn a_writer_that_was_stopped_before_the_change_and_goes_on_after_it_began_loses_nothing() {
    // The writer stands at each operation of its own write; meanwhile the key is replaced.
    let mut waited = 0;
    for n in 1.. {
        let keyring = keyring();
        let disk = made(n, &keyring, "file");
        let (process, other) = (disk.process(), disk.process());
        let writer = FileStore::open(on(&process, &keyring)).unwrap();
        let outcome: Arc<Mutex<Option<Rekeyed>>> = Arc::default();
        let (told, ring) = (Arc::clone(&outcome), keyring.clone());
        process.at_operation(
            n,
            Fate::Meanwhile(Box::new(move || {
                *told.lock().unwrap() = rekey(on(&other, &ring), &request("keyring")).ok();
            })),
        );
        let wrote = writer.put_blocking(&name("c"), &login(1, "rt-d"), Expect::Absent).is_ok();
        let Some(done) = outcome.lock().unwrap().take() else { break };
        if !done.is_finished() {
            waited += 1;
            assert!(rekey(on(&disk.process(), &keyring), &RekeyRequest::new(None)).unwrap().is_finished());
        }
        let store = FileStore::open(on(&disk.process(), &keyring)).unwrap();
        match store.load_blocking(&name("c")) {
            Loaded::Record(record) => assert_eq!(record.version(), (1, 0), "operation {n}"),
            Loaded::Absent => assert!(!wrote, "operation {n}: it was acknowledged and is gone"),
            other => panic!("operation {n}: {}", kind_of(&other)),
        }
    }
    assert!(waited > 5, "only {waited} times the writer held its lock");
}

#[test]
fn whichever_call_of_a_keyring_fails_the_store_stays_whole_and_the_change_can_be_finished() {
    for (from, to) in [("file", "keyring"), ("keyring", "file"), ("keyring", "keyring")] {
        let calls = {
            let keyring = keyring();
            let disk = made(1, &keyring, from);
            let before = keyring.calls();
            assert!(rekey(on(&disk.process(), &keyring), &request(to)).unwrap().is_finished());
            keyring.calls() - before
        };
        assert!(calls >= 2, "{from} to {to}: only {calls} calls");
        for n in 1..=calls {
            for kind in [KeyringErrorKind::TimedOut, KeyringErrorKind::Locked, KeyringErrorKind::Changed] {
                for fate in [KeyringFate::Fails(kind), KeyringFate::DoneButFails(kind)] {
                    let keyring = keyring();
                    let disk = made(n, &keyring, from);
                    let at = keyring.calls() + n;
                    keyring.plan(move |number, _, _| if number == at { fate } else { KeyringFate::Done });
                    let done = rekey(on(&disk.process(), &keyring), &request(to));
                    keyring.heal();
                    let told = format!("{from} to {to}, call {n}, {fate:?}, {:?}", done.as_ref().err());
                    judge(&disk, &keyring, &told);
                    // Whoever opened it has taken away what was left to take away.
                    let again = rekey(on(&disk.process(), &keyring), &request("keyring")).unwrap();
                    assert!(again.is_finished(), "{told}");
                    assert_eq!(keyring.items().len(), 1, "{told}: keys are left in the keyring");
                    let key =
                        disk.names(Path::new("/state")).into_iter().find(|file| file.starts_with("key"));
                    assert_eq!(key, None, "{told}");
                }
            }
        }
    }
}
