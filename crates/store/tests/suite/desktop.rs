//! Records in a real keyring: GNOME Keyring, on a desktop session of the test's own.

use std::path::Path;
use std::sync::Arc;

use renewd_core::{CommitFailure, Loaded, Record, StoreFaultKind};
use renewd_driver::keyring::Keyring;
use renewd_driver::{CredentialStore as _, Expect};
use renewd_keyring::KeyringOptions;
use renewd_keyring::testing::Desktop;
use renewd_store::{FileStore, FileStoreOptions, KeyringStore, StoreKind};

use crate::contract::{Store, fence, intending, kind_of, name, now, record_of, refreshed, version};
use crate::records::login;

fn open(state: &Path, keyring: &Arc<dyn Keyring>) -> FileStore {
    let mut options = FileStoreOptions::new(state);
    options.kind = Some(StoreKind::Keyring);
    options.keyring = Some(Arc::clone(keyring));
    FileStore::open(options).unwrap()
}

/// A store on that desktop as two processes have it, each with a connection of its own.
fn pair(desktop: &Desktop) -> (tempfile::TempDir, KeyringStore, KeyringStore) {
    let temp = tempfile::tempdir().unwrap();
    let state = temp.path().join("state");
    let store = || KeyringStore::new(open(&state, &desktop.keyring(KeyringOptions::default())));
    let (a, b) = (store(), store());
    (temp, a, b)
}

fn failed(outcome: Result<(), CommitFailure>) -> StoreFaultKind {
    match outcome {
        Err(CommitFailure::Fault(fault)) => fault.kind,
        Err(CommitFailure::Fenced(loaded)) => panic!("fenced by {}", kind_of(&loaded)),
        Ok(()) => panic!("written"),
    }
}

/// A record that no item of this keyring holds whole.
fn large(record: &Record) -> Record {
    let mut record = record.clone();
    record.grant.id_token = Some("i".repeat(150_000).into());
    record
}

#[test]
fn a_real_keyring_keeps_the_contract_of_every_store() {
    let Some(desktop) = Desktop::start() else { return };
    let two = || {
        let (kept, a, b) = pair(&desktop);
        (kept, Box::new(a) as Store, Box::new(b) as Store)
    };
    contract_in_one!(two);
}

#[test]
fn what_one_process_saves_in_a_real_keyring_another_hears_of_and_reads_in_one_item_or_in_parts() {
    let Some(desktop) = Desktop::start() else { return };
    let x = name("x");
    let (_kept, a, b) = pair(&desktop);
    let mut watch = b.watch().unwrap().expect("Linux watches folders");
    let first = login(1, "rt-0");
    let mut stands = first.clone();
    assert!(now(a.put(&x, &first, Expect::Absent)).is_ok());
    // In one item, then in parts, in parts again (the other set), and in one item again.
    for (n, weighed) in [false, true, true, false].into_iter().enumerate() {
        let before = b.fingerprint(&x);
        let claim = now(a.try_claim(&x)).unwrap();
        assert!(claim.is_some() && now(b.try_claim(&x)).unwrap().is_none());
        let marked = intending(&stands, 7);
        assert!(now(a.mark(&x, &marked, &fence(&stands, None))).is_ok());
        let next = refreshed(&stands, &format!("rt-{}", n + 1));
        let next = if weighed { large(&next) } else { Record { grant: first.grant.clone(), ..next } };
        assert!(now(a.commit(&x, &next, &fence(&stands, Some(7)))).is_ok());
        drop(claim);
        assert!(now(std::future::poll_fn(|cx| watch.poll_change(cx))).is_ok());
        assert_ne!(b.fingerprint(&x), before);
        let seen = record_of(now(b.load(&x)));
        assert_eq!(seen.version(), next.version());
        assert!(seen.grant.id_token.is_some() == weighed && seen.intent.is_none());
        let items = desktop.with_service(async |service| {
            let found = service.search_items(std::collections::HashMap::from([("application", "renewd")]));
            found.await.expect("a search").unlocked.len()
        });
        // The key, the index, and of a large record four parts of 64 KiB: what stood before is gone.
        assert_eq!(items, if weighed { 2 + 4 } else { 2 }, "write {n}");
        stands = next;
    }
}

#[test]
fn a_real_keyring_that_is_locked_or_dies_is_a_fault_and_the_record_stands_when_it_is_back() {
    let Some(desktop) = Desktop::start() else { return };
    let x = name("x");
    let (_kept, a, _) = pair(&desktop);
    let first = login(1, "rt-0");
    assert!(now(a.put(&x, &first, Expect::Absent)).is_ok());
    let fails = |why: &str| {
        match now(a.load(&x)) {
            Loaded::Fault(fault) => {
                assert_eq!(fault.kind, StoreFaultKind::KeyUnavailable, "{why}: {}", fault.message)
            }
            other => panic!("{why}: {}", kind_of(&other)),
        }
        let marked = intending(&first, 7);
        assert_eq!(
            failed(now(a.mark(&x, &marked, &fence(&first, None)))),
            StoreFaultKind::KeyUnavailable,
            "{why}"
        );
        assert_eq!(now(a.list()).unwrap(), std::slice::from_ref(&x), "{why}");
    };
    desktop.lock();
    fails("locked");
    desktop.unlock();
    assert_eq!(record_of(now(a.load(&x))).version(), (1, 0));
    desktop.kill_provider();
    fails("killed");
    desktop.start_provider();
    let stands = record_of(now(a.load(&x)));
    assert!(stands.version() == (1, 0) && stands.intent.is_none(), "nothing was spent");
    assert!(now(a.put(&x, &login(2, "rt-1"), version(&first))).is_ok());
    assert_eq!(record_of(now(a.load(&x))).version(), (2, 0));
}
