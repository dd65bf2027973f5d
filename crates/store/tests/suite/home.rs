//! A state folder to try things in.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use renewd_core::{CommitFailure, Loaded, Record, StoreFault, StoreFaultKind};
use renewd_driver::{CredentialName, Expect};
use renewd_store::{FileStore, FileStoreOptions, StoreError};

use crate::contract::kind_of;

/// A state folder, removed when dropped.
pub(crate) struct Home {
    temp: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.temp.path().join("state")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.state().join("credentials").join(name)
    }

    pub(crate) fn options(&self) -> FileStoreOptions {
        crate::contract::with_key_file(self.state())
    }

    pub(crate) fn open(&self) -> FileStore {
        FileStore::open(self.options()).unwrap()
    }

    pub(crate) fn open_fault(&self) -> StoreFault {
        match FileStore::open(self.options()) {
            Err(StoreError::Fault(fault)) => fault,
            Err(other) => panic!("not a fault: {other}"),
            Ok(_) => panic!("it opened"),
        }
    }

    /// The files of the records' folder, sorted, temporary ones included.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.state().join("credentials")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn temporary_files(&self) -> Vec<String> {
        self.files().into_iter().filter(|name| name.contains(".tmp-")).collect()
    }
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) fn put(store: &FileStore, name: &CredentialName, record: &Record, expect: Expect) {
    if let Err(failure) = store.put_blocking(name, record, expect) {
        panic!("{}", failure_of(&failure));
    }
}

pub(crate) fn failure_of(failure: &CommitFailure) -> String {
    match failure {
        CommitFailure::Fenced(loaded) => format!("fenced by {}", kind_of(loaded)),
        CommitFailure::Fault(fault) => format!("{}: {}", fault.kind.name(), fault.message),
    }
}

/// The fault that loading gives.
pub(crate) fn fault_of(loaded: Loaded) -> StoreFault {
    match loaded {
        Loaded::Fault(fault) => fault,
        other => panic!("no fault but {}", kind_of(&other)),
    }
}

/// The fault that a write gives.
pub(crate) fn write_fault(outcome: Result<(), CommitFailure>) -> StoreFault {
    match outcome {
        Err(CommitFailure::Fault(fault)) => fault,
        Err(fenced) => panic!("{}", failure_of(&fenced)),
        Ok(()) => panic!("written"),
    }
}

pub(crate) fn assert_kind(fault: &StoreFault, kind: StoreFaultKind, words: &[&str]) {
    assert_eq!(fault.kind, kind, "{}", fault.message);
    for word in words {
        assert!(fault.message.contains(word), "{word:?} is missing in: {}", fault.message);
    }
}
