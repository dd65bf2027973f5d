//! A folder beside a keyring to try things in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use renewd_core::Secret;
use renewd_driver::keyring::ItemName;
use renewd_driver::testing::FakeKeyring;
use renewd_store::testing::SimDisk;
use renewd_store::{FileStore, FileStoreOptions, KeyChoice, KeyringStore, StoreError, StoreKind};

/// Items as large as nobody's records.
pub(crate) const BIG: usize = 4 << 20;

/// The smallest items of all keyrings: those of Windows.
pub(crate) const SMALL: usize = 2560;

/// Items in which every record has many parts.
pub(crate) const TINY: usize = 96;

/// A store whose records lie in a keyring. The folder is removed when dropped.
pub(crate) struct KeyringHome {
    folder: Folder,
    pub(crate) keyring: FakeKeyring,
}

/// Where the rest of the store lies.
enum Folder {
    /// On this machine's disk.
    Real(tempfile::TempDir),
    /// On a disk that costs nothing, for what is tried a thousand times.
    Simulated(SimDisk),
}

impl KeyringHome {
    pub(crate) fn new(item_bytes_max: usize) -> Self {
        let folder = Folder::Real(tempfile::tempdir().unwrap());
        Self { folder, keyring: FakeKeyring::new(item_bytes_max) }
    }

    pub(crate) fn simulated(item_bytes_max: usize) -> Self {
        Self { folder: Folder::Simulated(SimDisk::new(1)), keyring: FakeKeyring::new(item_bytes_max) }
    }

    pub(crate) fn options(&self) -> FileStoreOptions {
        let mut options = match &self.folder {
            Folder::Real(temp) => FileStoreOptions::new(temp.path().join("state")),
            Folder::Simulated(disk) => disk.process().options("/state"),
        };
        options.kind = Some(StoreKind::Keyring);
        options.key = KeyChoice::Remembered;
        options.keyring = Some(Arc::new(self.keyring.clone()));
        options
    }

    pub(crate) fn try_open(&self) -> Result<FileStore, StoreError> {
        FileStore::open(self.options())
    }

    /// Opens the store, as another process would.
    pub(crate) fn open(&self) -> FileStore {
        self.try_open().unwrap()
    }

    /// Opens it for an event loop.
    pub(crate) fn open_for_a_loop(&self) -> KeyringStore {
        KeyringStore::new(self.open())
    }

    /// A file of the records' folder, on this machine's disk.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        match &self.folder {
            Folder::Real(temp) => temp.path().join("state/credentials").join(name),
            Folder::Simulated(_) => panic!("a simulated disk has no paths here"),
        }
    }

    pub(crate) fn files(&self) -> Vec<String> {
        match &self.folder {
            Folder::Real(temp) => {
                let entries = std::fs::read_dir(temp.path().join("state/credentials")).unwrap();
                let mut names: Vec<_> =
                    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
                names.sort();
                names
            }
            Folder::Simulated(disk) => disk.names(Path::new("/state/credentials")),
        }
    }

    /// The items of records: their names, and what they hold.
    pub(crate) fn items(&self) -> Vec<(ItemName, Secret)> {
        let of_a_record = |(name, _): &(ItemName, Secret)| !name.as_str().starts_with("renewd/key/");
        self.keyring.items().into_iter().filter(of_a_record).collect()
    }

    /// The items of records in which parts lie.
    pub(crate) fn parts(&self) -> Vec<ItemName> {
        let parts = self.items().into_iter().map(|(name, _)| name);
        parts.filter(|name| name.as_str().split('/').count() == 4).collect()
    }

    /// The only record's index.
    pub(crate) fn index(&self) -> ItemName {
        let mut indexes: Vec<_> = self.items().into_iter().map(|(name, _)| name).collect();
        indexes.retain(|name| name.as_str().split('/').count() == 3);
        assert_eq!(indexes.len(), 1, "{indexes:?}");
        indexes.remove(0)
    }
}
