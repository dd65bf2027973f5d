//! Opening a store: folders, `store.toml`, the key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::keyring::Keyring;

use super::first_use::first_use;
use super::leftovers::sweep;
use super::place::{Items, Place};
use super::{FileStore, Inner};
use crate::disk::Disk;
use crate::error::{Contradiction, SETTING_KEY, SETTING_KIND, StoreError};
use crate::fault::{fault, shown};
use crate::fs::{Dir, Machine};
use crate::key::{KeyAccess, KeyChoice, KeySource, PassphraseCost, PassphraseSource};
use crate::keyset::{KeySet, StoreKeys};
use crate::point::IoHook;
use crate::remembered::{Remembered, StoreKind};
use crate::sys::System;

/// The lock under which a store is made or gets another key: of two first processes one makes it.
pub(crate) const STORE_LOCK: &str = "store.lock";

/// A key is replaced by a person: to meet that twice in one opening is chance enough.
const LOOKS_MAX: u32 = 3;

/// The records' folder inside the state folder.
const RECORDS: &str = "credentials";

/// Where systemd says which folder it put a service's credentials in (systemd.exec(5)).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// How to open a store.
#[non_exhaustive]
#[derive(Clone)]
pub struct FileStoreOptions {
    /// The folder of the records. Default: `credentials` in the state folder.
    pub dir: PathBuf,
    /// The state folder, where the default key file lies.
    pub state_dir: PathBuf,
    /// Where the records lie; `None` for what `store.toml` remembers, else files.
    pub kind: Option<StoreKind>,
    /// The key.
    pub key: KeyChoice,
    /// The operating system's keyring, for keys and records that are kept there.
    pub keyring: Option<Arc<dyn Keyring>>,
    /// Who knows the passphrase, for keys that come from one.
    pub passphrase: Option<Arc<dyn PassphraseSource>>,
    /// What each guess at a passphrase costs that is chosen from now on.
    pub passphrase_cost: PassphraseCost,
    /// The folder in which systemd put the service's credentials. Default: `$CREDENTIALS_DIRECTORY`.
    pub credentials_dir: Option<PathBuf>,
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
            kind: None,
            key: KeyChoice::Remembered,
            keyring: None,
            passphrase: None,
            passphrase_cost: PassphraseCost::default(),
            credentials_dir: std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from),
            accept_unshared_locks: false,
            hook: None,
            machine: System::machine(),
        }
    }

    pub(crate) fn disk(&self) -> Disk {
        Disk { machine: Arc::clone(&self.machine), hook: self.hook.clone() }
    }

    pub(crate) fn access(&self) -> KeyAccess {
        KeyAccess {
            disk: self.disk(),
            state_dir: self.state_dir.clone(),
            own_state: self.dir == self.state_dir.join(RECORDS),
            keyring: self.keyring.clone(),
            passphrase: self.passphrase.clone(),
            passphrase_cost: self.passphrase_cost,
            credentials_dir: self.credentials_dir.clone(),
        }
    }
}

impl FileStore {
    /// Opens the store, making what is missing: the folders (mode 0700), `store.toml`, the key.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] where the options say otherwise than `store.toml`; [`StoreError::NoKeySource`]
    /// where neither says where the key is, and no keyring answers; [`StoreError::Fault`] where a folder or file is not
    /// this user's alone, the key is missing although there is a store, the key is another one than the records', or the
    /// disk or keyring fails.
    pub fn open(options: FileStoreOptions) -> Result<Self, StoreError> {
        let (disk, access) = (options.disk(), options.access());
        disk.machine.create_folder(&options.state_dir)?;
        let dir = disk.machine.create_folder(&options.dir)?;
        let dir = dir.as_ref();
        // First of all: a process may have died between giving a file its name and taking its temporary one away.
        sweep(dir);
        let (keys, remembered) = keys_at_hand(&options, dir, &access)?;
        access.note_use(dir, &remembered)?;
        if remembered.retired.is_some() {
            super::rekey::take_away(dir, &access, keys.newest());
        }
        let inner = Inner {
            place: place_of(&options, dir, &remembered)?,
            dir: options.dir,
            keys: StoreKeys::new(keys, access),
            disk,
            accept_unshared_locks: options.accept_unshared_locks,
            pid: std::process::id(),
            rooms: Mutex::new(BTreeMap::new()),
            claims: Mutex::new(BTreeMap::new()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// The keys, and what names them. A key that was not found may have been replaced since its name was read. A first use
/// that failed is looked at by the caller: what it made may not be durable.
fn keys_at_hand(
    options: &FileStoreOptions,
    dir: &Dir,
    access: &KeyAccess,
) -> Result<(KeySet, Remembered), StoreError> {
    for _ in 1..LOOKS_MAX {
        let stamp = dir.stamp(Remembered::FILE);
        let found = look_for_keys(options, dir, access);
        if found.is_ok() || stamp.is_none() || dir.stamp(Remembered::FILE) == stamp {
            return found;
        }
    }
    look_for_keys(options, dir, access)
}

fn look_for_keys(
    options: &FileStoreOptions,
    dir: &Dir,
    access: &KeyAccess,
) -> Result<(KeySet, Remembered), StoreError> {
    let stamp = dir.stamp(Remembered::FILE);
    match Remembered::read_in(dir)? {
        Some(remembered) => Ok((known_keys(options, dir, access, stamp, &remembered)?, remembered)),
        None => first_use(options, dir, access),
    }
}

/// Where the records lie.
fn place_of(options: &FileStoreOptions, dir: &Dir, remembered: &Remembered) -> Result<Place, StoreFault> {
    if remembered.kind == StoreKind::File.name() {
        return Ok(Place::Folder);
    }
    match (&options.keyring, &remembered.store_id) {
        (Some(keyring), Some(id)) => Ok(Place::Keyring(Items::new(Arc::clone(keyring), id))),
        (None, _) => {
            let message = "the records are kept in a keyring, and this program was given none to ask";
            Err(fault(StoreFaultKind::KeyUnavailable, message))
        }
        (_, None) => Err(crate::remembered::damaged(&Remembered::path_in(dir), "store_id is missing")),
    }
}

/// The keys of a store that exists. Nothing is made here: a missing key is never replaced by a new one.
pub(super) fn known_keys(
    options: &FileStoreOptions,
    dir: &Dir,
    access: &KeyAccess,
    stamp: Option<[u64; 5]>,
    remembered: &Remembered,
) -> Result<KeySet, StoreError> {
    check_kind(options, dir, remembered)?;
    if let KeyChoice::Source(source) = &options.key {
        check_source(source, dir, access, remembered)?;
    }
    let set = KeySet::fetch(dir, remembered, access, stamp, &[])?;
    match (&options.key, set.older_fault()) {
        // The configured one is not there to say whether the other follows it.
        (KeyChoice::Source(source), Some(fault))
            if *source != access.source_of(dir, remembered.newest())? =>
        {
            Err(fault.clone().into())
        }
        _ => Ok(set),
    }
}

fn check_kind(options: &FileStoreOptions, dir: &Dir, remembered: &Remembered) -> Result<(), StoreError> {
    let path = Remembered::path_in(dir);
    match options.kind.map(StoreKind::name) {
        Some(configured) if configured != remembered.kind => {
            return Err(contradiction(SETTING_KIND, configured, &remembered.kind, &path));
        }
        _ => {}
    }
    if [StoreKind::File, StoreKind::Keyring].iter().any(|kind| kind.name() == remembered.kind) {
        return Ok(());
    }
    let message = format!(
        "{} names the kind of store {:?}, which this version does not know: upgrade renewd",
        shown(&path),
        remembered.kind
    );
    Err(fault(StoreFaultKind::NewerFormat, message).into())
}

/// The configured source must be the remembered one; while records are re-sealed, either of the two will do.
fn check_source(
    source: &KeySource,
    dir: &Dir,
    access: &KeyAccess,
    remembered: &Remembered,
) -> Result<(), StoreError> {
    for key in [Some(&remembered.current), remembered.next.as_ref()].into_iter().flatten() {
        if access.source_of(dir, key)? == *source {
            return Ok(());
        }
    }
    if remembered.kind == StoreKind::Keyring.name() {
        return Err(key_elsewhere(source, ""));
    }
    let (configured, stands) = (source.setting(), &remembered.newest().setting);
    Err(contradiction(SETTING_KEY, &configured, stands, &Remembered::path_in(dir)))
}

/// The records lie in a keyring, and a setting has their key elsewhere.
pub(super) fn key_elsewhere(source: &KeySource, or: &str) -> StoreError {
    StoreError::Setting(format!(
        "{SETTING_KEY} is {:?}, but with {SETTING_KIND} = \"keyring\" the key lies in the keyring too: remove \
         {SETTING_KEY}{or}",
        source.setting()
    ))
}

fn contradiction(setting: &'static str, configured: &str, remembered: &str, path: &Path) -> StoreError {
    StoreError::Contradiction(Contradiction {
        setting,
        configured: configured.to_owned(),
        remembered: remembered.to_owned(),
        path: path.to_owned(),
    })
}
