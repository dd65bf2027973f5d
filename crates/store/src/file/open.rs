//! Opening a store: folders, `store.toml`, the key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::CredentialName;

use super::{FileStore, Inner, names};
use crate::crypt::{Keys, Purpose};
use crate::disk::{Disk, remove_if_dead, temp_stem};
use crate::envelope::{self, FILE_BYTES_MAX};
use crate::error::{Contradiction, StoreError};
use crate::fault::{fault, shown};
use crate::fs::{Dir, Machine};
use crate::key::{DEFAULT_FILE, KeyChoice, KeyFile, KeySource};
use crate::lock::Lock;
use crate::point::IoHook;
use crate::remembered::{KIND, Remembered};
use crate::sys::System;

/// The lock under which a store is made: of two first processes one makes it.
const STORE_LOCK: &str = "store.lock";

/// The records' folder inside the state folder.
const RECORDS: &str = "credentials";

/// How to open a store.
#[non_exhaustive]
#[derive(Clone)]
pub struct FileStoreOptions {
    /// The folder of the records. Default: `credentials` in the state folder.
    pub dir: PathBuf,
    /// The state folder, where the default key file lies.
    pub state_dir: PathBuf,
    /// The key.
    pub key: KeyChoice,
    /// Claim even where the file system's locks may not be shared between all of its users. A login may be lost when
    /// two machines spend the same refresh token.
    pub accept_unshared_locks: bool,
    /// Hears of every step of writing. For tests.
    pub hook: Option<Arc<dyn IoHook>>,
    /// The machine that the store is kept on; another one than this in tests only.
    pub(crate) machine: Machine,
}

impl FileStoreOptions {
    /// The defaults for a state folder (`$XDG_STATE_HOME/renewd`).
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        let state_dir = state_dir.into();
        Self {
            dir: state_dir.join(RECORDS),
            state_dir,
            key: KeyChoice::Remembered,
            accept_unshared_locks: false,
            hook: None,
            machine: System::machine(),
        }
    }
}

impl FileStore {
    /// Opens the store, making what is missing: the folders (mode 0700), `store.toml`, the key.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] where the options say otherwise than `store.toml`; [`StoreError::Fault`] where
    /// a folder or file is not this user's alone, the key is missing although there is a store, the key is another
    /// one than the records', or the disk fails.
    pub fn open(options: FileStoreOptions) -> Result<Self, StoreError> {
        let disk = Disk { machine: Arc::clone(&options.machine), hook: options.hook.clone() };
        disk.machine.create_folder(&options.state_dir)?;
        let dir = disk.machine.create_folder(&options.dir)?;
        let dir = dir.as_ref();
        // First of all: a process may have died between giving a file its name and taking its temporary one away.
        sweep(dir);
        let keys = match Remembered::read_in(dir)? {
            Some(remembered) => known_keys(&options, dir, &disk, &remembered)?,
            None => first_use(&options, dir, &disk)?,
        };
        let inner = Inner {
            dir: options.dir,
            keys,
            disk,
            accept_unshared_locks: options.accept_unshared_locks,
            pid: std::process::id(),
            rooms: Mutex::new(BTreeMap::new()),
            claims: Mutex::new(BTreeMap::new()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// The keys of a store that exists. Nothing is made here: a missing key is never replaced by a new one.
fn known_keys(
    options: &FileStoreOptions,
    dir: &Dir,
    disk: &Disk,
    remembered: &Remembered,
) -> Result<Keys, StoreError> {
    let path = Remembered::path_in(dir);
    if remembered.kind != KIND {
        return Err(contradiction("store.kind", KIND, &remembered.kind, &path));
    }
    let source = source_for(options, disk, remembered, &path)?;
    let Some(material) = source.fetch()? else {
        return Err(key_gone(dir, source.as_ref())?.into());
    };
    let keys = Keys::derive(material.expose());
    if keys.id() != remembered.key_id {
        return Err(other_key(dir, source.as_ref()).into());
    }
    Ok(keys)
}

/// The configured source, if it is the remembered one; the remembered one, if none is configured.
fn source_for(
    options: &FileStoreOptions,
    disk: &Disk,
    remembered: &Remembered,
    path: &Path,
) -> Result<Arc<dyn KeySource>, StoreError> {
    let remembered_file = KeyFile::from_setting(&remembered.key, &options.state_dir);
    match (&options.key, remembered_file) {
        (KeyChoice::Source(source), file) => {
            let setting = source.setting();
            let same_file = file.is_some() && KeyFile::from_setting(&setting, &options.state_dir) == file;
            if same_file || setting == remembered.key {
                Ok(Arc::clone(source))
            } else {
                Err(contradiction("store.key", &setting, &remembered.key, path))
            }
        }
        (KeyChoice::Remembered, Some(file)) => Ok(file.on(disk)),
        (KeyChoice::Remembered, None) => {
            let message = format!(
                "{} names the key source {:?}, which this version does not know: upgrade renewd",
                shown(path),
                remembered.key
            );
            Err(fault(StoreFaultKind::KeyUnavailable, message).into())
        }
    }
}

/// Makes the store, under a lock: of two that come first, the second finds the first's work.
fn first_use(options: &FileStoreOptions, dir: &Dir, disk: &Disk) -> Result<Keys, StoreError> {
    let _lock = Lock::take_patiently(disk.machine.as_ref(), dir, STORE_LOCK)?;
    if let Some(remembered) = Remembered::read_in(dir)? {
        return known_keys(options, dir, disk, &remembered);
    }
    let source: Arc<dyn KeySource> = match &options.key {
        KeyChoice::Source(source) => Arc::clone(source),
        KeyChoice::Remembered => KeyFile::in_state_dir(&options.state_dir).on(disk),
    };
    let evidence: Vec<_> = dir.entries()?.iter().filter_map(|file| names::evident(file)).collect();
    // Another process may have made the folders or the key, and died before they were durable.
    for folder in [&options.state_dir, &options.dir] {
        disk.machine.sync_parent(folder)?;
    }
    clear_key_folder(options, disk);
    let keys = match source.fetch()? {
        Some(material) => {
            source.settle()?;
            Keys::derive(material.expose())
        }
        None if evidence.is_empty() => Keys::derive(source.create()?.expose()),
        None => {
            let message = format!(
                "there are records in {}, but neither store.toml nor the key ({}): restore the key from a backup, or \
                 name it with store.key (RENEWD_STORE_KEY)",
                shown(dir.path()),
                source.place()
            );
            return Err(fault(StoreFaultKind::KeyUnavailable, message).into());
        }
    };
    if !evidence.is_empty() && !opens_any(dir, &keys, &evidence) {
        return Err(other_key(dir, source.as_ref()).into());
    }
    Remembered { kind: KIND.into(), key: source.setting(), key_id: keys.id() }.write_in(dir, disk)?;
    Ok(keys)
}

/// Removes what a process left in the state folder that died while it made the key. The caller holds the lock under
/// which keys are made.
fn clear_key_folder(options: &FileStoreOptions, disk: &Disk) {
    let Ok(dir) = disk.machine.open_folder(&options.state_dir) else { return };
    for temp in dir.entries().unwrap_or_default() {
        if temp_stem(&temp) == Some(DEFAULT_FILE) {
            remove_if_dead(dir.as_ref(), &temp);
        }
    }
}

/// Whether the key opens a record or a mark of the folder.
fn opens_any(dir: &Dir, keys: &Keys, evidence: &[CredentialName]) -> bool {
    let opens = |purpose, name: &CredentialName, file: &str| {
        let read = dir.read(file, FILE_BYTES_MAX).ok().flatten();
        read.is_some_and(|bytes| envelope::open(keys, purpose, name.as_str(), &bytes).is_ok())
    };
    evidence.iter().any(|name| {
        opens(Purpose::Record, name, &names::record(name)) || opens(Purpose::Mark, name, &names::mark(name))
    })
}

/// Removes what processes left behind that died while writing.
fn sweep(dir: &Dir) {
    let Ok(entries) = dir.entries() else { return };
    for temp in entries {
        let Some(stem) = temp_stem(&temp) else { continue };
        // Temporary files are made under this lock and are themselves locked while their process lives.
        let lock = match stem.parse::<CredentialName>() {
            _ if stem == Remembered::FILE => STORE_LOCK.to_owned(),
            Ok(name) => names::write(&name),
            Err(_) => continue,
        };
        if let Ok(Some(_held)) = Lock::try_take(dir, &lock) {
            remove_if_dead(dir, &temp);
        }
    }
}

fn contradiction(setting: &'static str, configured: &str, remembered: &str, path: &Path) -> StoreError {
    StoreError::Contradiction(Contradiction {
        setting,
        configured: configured.to_owned(),
        remembered: remembered.to_owned(),
        path: path.to_owned(),
    })
}

fn key_gone(dir: &Dir, source: &dyn KeySource) -> Result<StoreFault, StoreFault> {
    let empty = !dir.entries()?.iter().any(|file| names::evident(file).is_some());
    let way_out = if empty {
        format!("no record is sealed with it yet: remove {} to begin anew", shown(&Remembered::path_in(dir)))
    } else {
        "without it no record can be read: restore it from a backup, or begin a new store with another store.path \
         and log in there"
            .to_owned()
    };
    let message =
        format!("the key of the store at {} is gone ({}); {way_out}", shown(dir.path()), source.place());
    Ok(fault(StoreFaultKind::KeyUnavailable, message))
}

fn other_key(dir: &Dir, source: &dyn KeySource) -> StoreFault {
    let message = format!(
        "the key at {} is not the one that sealed the records in {}: restore the right one from a backup",
        source.place(),
        shown(dir.path())
    );
    fault(StoreFaultKind::KeyUnavailable, message)
}
