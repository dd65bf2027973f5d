//! The contract suite over every store.

use crate::contract::Store;
use renewd_store::testing::SimDisk;
use renewd_store::{Faulty, FileStore, FileStoreOptions, MemoryStore};

fn memory_pair() -> ((), Store, Store) {
    let store = MemoryStore::new();
    ((), Box::new(store.clone()), Box::new(store))
}

fn file_pair() -> (tempfile::TempDir, Store, Store) {
    let temp = tempfile::tempdir().unwrap();
    let open = || FileStore::open(FileStoreOptions::new(temp.path().join("state"))).unwrap();
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
