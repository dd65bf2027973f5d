//! The contract suite over every store.

use crate::contract::Store;
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

mod faulty {
    contract!(super::quiet_faulty_pair);
}
