use super::*;
use crate::fs::FileSystem as _;
use crate::sys::System;
use renewd_core::{CommitFailure, GrantMaterial, Identity, Loaded, Now, Record, Settings};
use renewd_driver::Expect;

fn name() -> CredentialName {
    "x".parse().unwrap()
}

fn record() -> Record {
    Record::new(1, Identity::default(), Settings::default(), GrantMaterial::default(), Now::default())
}

fn opened(state: &Path) -> FileStore {
    let mut options = FileStoreOptions::new(state);
    options.key = crate::key::KeyChoice::key_file(state);
    FileStore::open(options).unwrap()
}

/// The store as a forked child finds it.
fn forked(store: FileStore) -> FileStore {
    let mut inner = Arc::into_inner(store.inner).unwrap();
    inner.pid = inner.pid.wrapping_add(1);
    FileStore { inner: Arc::new(inner) }
}

#[test]
fn a_fork_may_read_but_neither_claim_nor_write() {
    let temp = crate::fixtures::private_dir();
    let store = opened(temp.path());
    assert!(store.put_blocking(&name(), &record(), Expect::Absent).is_ok());
    let child = forked(store);
    assert!(matches!(child.load_blocking(&name()), Loaded::Record(_)));
    let claim = child.try_claim_blocking(&name()).err().unwrap();
    let Err(CommitFailure::Fault(write)) = child.put_blocking(&name(), &record(), Expect::Absent) else {
        panic!("a fork wrote")
    };
    for fault in [claim, write] {
        assert_eq!(fault.kind, StoreFaultKind::Denied);
        assert!(fault.message.contains("open it anew after a fork"), "{}", fault.message);
    }
}

#[test]
fn a_fork_leaves_its_parents_room_alone() {
    let temp = crate::fixtures::private_dir();
    let store = opened(temp.path());
    let first = record();
    assert!(store.put_blocking(&name(), &first, Expect::Absent).is_ok());
    let fence = renewd_core::Fence { epoch: 1, generation: 0, attempt: None };
    assert!(store.mark_blocking(&name(), &first, &fence).is_ok());
    let rooms = || {
        let dir = System.open_folder(&temp.path().join("credentials")).unwrap();
        dir.entries().unwrap().iter().filter(|file| file.contains(".tmp-")).count()
    };
    assert_eq!(rooms(), 1);
    drop(forked(store));
    assert_eq!(rooms(), 1);
}

#[test]
fn whoever_meets_a_damaged_record_later_learns_as_much_as_whoever_found_it() {
    let temp = crate::fixtures::private_dir();
    let store = opened(temp.path());
    assert!(store.put_blocking(&name(), &record(), Expect::Absent).is_ok());
    let path = temp.path().join("credentials/x.record");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    for _ in 0..2 {
        let Loaded::Fault(fault) = store.load_blocking(&name()) else { panic!("it was read") };
        assert!(fault.message.contains("damaged (its seal does not hold)"), "{}", fault.message);
    }
}
