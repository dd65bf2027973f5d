//! The contract suite over every store.

use crate::contract::Store;
use crate::keyring_home::{BIG, KeyringHome, SMALL, TINY};
use renewd_store::testing::SimDisk;
use renewd_store::{Faulty, FileStore, MemoryStore};

fn memory_pair() -> ((), Store, Store) {
    let store = MemoryStore::new();
    ((), Box::new(store.clone()), Box::new(store))
}

fn file_pair() -> (tempfile::TempDir, Store, Store) {
    let temp = tempfile::tempdir().unwrap();
    let open = || FileStore::open(crate::contract::with_key_file(temp.path().join("state"))).unwrap();
    let (a, b) = (open(), open());
    (temp, Box::new(a), Box::new(b))
}

/// The file store on a simulated disk, opened by two simulated processes.
fn simulated_pair() -> ((), Store, Store) {
    let disk = SimDisk::new(1);
    let open = || disk.process().open().unwrap();
    ((), Box::new(open()), Box::new(open()))
}

/// A wrapper that is told to fail nowhere must not be noticed.
fn quiet_faulty_pair() -> ((), Store, Store) {
    let store = MemoryStore::new();
    ((), Box::new(Faulty::new(store.clone())), Box::new(Faulty::new(store)))
}

/// Records in a keyring of such items, as two event loops have them.
fn keyring_pair(item_bytes_max: usize) -> (KeyringHome, Store, Store) {
    let home = KeyringHome::new(item_bytes_max);
    let (a, b) = (home.open_for_a_loop(), home.open_for_a_loop());
    (home, Box::new(a), Box::new(b))
}

fn big_items_pair() -> (KeyringHome, Store, Store) {
    keyring_pair(BIG)
}

fn small_items_pair() -> (KeyringHome, Store, Store) {
    keyring_pair(SMALL)
}

fn tiny_items_pair() -> (KeyringHome, Store, Store) {
    keyring_pair(TINY)
}

mod memory {
    contract!(super::memory_pair);
}

mod file {
    contract!(super::file_pair);
}

mod simulated {
    contract!(super::simulated_pair);
}

mod faulty {
    contract!(super::quiet_faulty_pair);
}

mod keyring_of_big_items {
    contract!(super::big_items_pair);
}

mod keyring_of_small_items {
    contract!(super::small_items_pair);
}

mod keyring_of_tiny_items {
    contract!(super::tiny_items_pair);
}

#[test]
fn a_store_without_a_keyring_does_its_work_in_place() {
    use futures_util::FutureExt as _;
    let x = crate::contract::name("x");
    let (_kept, file, _) = file_pair();
    for store in [memory_pair().1, file, simulated_pair().1, quiet_faulty_pair().1] {
        assert!(store.load(&x).now_or_never().is_some());
        assert!(store.list().now_or_never().is_some());
        assert!(store.try_claim(&x).now_or_never().is_some());
    }
}
