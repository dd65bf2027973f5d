//! Sealing a store's records with another key, while others use it, and in spite of every crash.
//!
//! 1. The new key is put into its place.
//! 2. `store.toml` names both keys, durably. From now on whoever opens the store has both, and whoever has it open sees
//!    before its next write that `store.toml` is another one, and seals with the new key.
//! 3. Each record and mark, and what was prepared for a login, is sealed anew, under its *claim* (no request of its grant is on the wire, so that no answer
//!    is waiting to be saved with the old key) and its *write* lock. What a writer that knew only the old key was about to
//!    write at step 2 it writes under a lock that is waited for here: its lock file was there when they were listed.
//! 4. `store.toml` names the new key, and the old one as one to be taken away.
//! 5. The old key is taken away, and `store.toml` forgets it.
//!
//! Whoever is interrupted between two of these leaves a store that opens and is whole; `rekey` again goes on from there,
//! and step 5 is done by whoever opens the store next.

mod seal;

use std::sync::Arc;
use std::time::Duration;

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::CredentialName;

use super::leftovers::clear_key_folder;
use super::open::{FileStoreOptions, STORE_LOCK};
use super::{FileStore, Inner};
use crate::crypt::Keys;
use crate::error::StoreError;
use crate::fault::{fault, shown};
use crate::fs::Dir;
use crate::key::{KeyAccess, KeyChoice, KeySource, Made, Retired};
use crate::keyset::KeySet;
use crate::lock::Lock;
use crate::remembered::{Remembered, StoreKind, fresh_store_id};
use seal::NotSealed;

/// A refresh may take as long as its request's deadline; a claim that is held for longer is waited for by calling again.
const PATIENCE: Duration = Duration::from_secs(90);

/// Hears how far it is: records looked at so far, and of how many.
type Progress = Arc<dyn Fn(usize, usize) + Send + Sync>;

/// Which key to seal with from now on.
#[non_exhaustive]
#[derive(Clone)]
pub struct RekeyRequest {
    /// The source of the new key; `None` for a new key in the source of the old one, or to finish what was begun.
    pub to: Option<KeySource>,
    /// How long to wait for one record that another process holds. Default: 90 s.
    pub patience: Duration,
    /// Hears how far it is.
    pub progress: Option<Progress>,
}

impl RekeyRequest {
    /// A new key from that source; `None` as [`RekeyRequest::to`].
    pub fn new(to: Option<KeySource>) -> Self {
        Self { to, patience: PATIENCE, progress: None }
    }
}

/// What became of it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// The setting of the source that the records are sealed from now: what `store.key` must say, where it says
    /// something.
    pub setting: String,
    /// What somebody had begun before was finished first.
    pub resumed: bool,
    /// How many files (records, marks, what was prepared for logins) were sealed anew.
    pub sealed: usize,
    /// What no key opens, and was left as it is: damaged, or sealed with a third key.
    pub left: Vec<Unsealed>,
    /// What could not be sealed anew now and is not given up: both keys stay until the same call succeeds.
    pub waiting: Vec<Unsealed>,
    /// What became of the old key.
    pub old_key: OldKey,
}

impl Rekeyed {
    /// Whether the old key is of no use any more.
    pub fn is_finished(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// A record that was not sealed anew.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsealed {
    /// The credential.
    pub name: CredentialName,
    /// Why not.
    pub why: String,
}

/// What became of the old key.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OldKey {
    /// It is needed still.
    Needed,
    /// It is gone: removed from where renewd had put it, or in a person's memory alone.
    Removed,
    /// It opens nothing any more, and is still where somebody else had put it: there.
    Left(String),
    /// It opens nothing any more, and could not be removed, for this reason. Whoever opens the store tries again.
    NotRemoved(String),
}

/// Seals all records of a store with another key.
///
/// What is interrupted is finished by the same call, by any process. An interrupted change to another source than
/// `request.to` is finished first.
///
/// # Errors
/// As [`FileStore::open`]; [`StoreError::Setting`] where there is no store, or its source cannot have a new key beside the
/// old one; [`StoreError::Fault`] where another process is at it just now, or the new key cannot be made. The store is as
/// usable then as before.
pub fn rekey(options: FileStoreOptions, request: &RekeyRequest) -> Result<Rekeyed, StoreError> {
    let options = FileStoreOptions { key: KeyChoice::Remembered, ..options };
    if options.machine.open_folder(&options.dir)?.stamp(Remembered::FILE).is_none() {
        let place = shown(&options.dir).to_string();
        return Err(StoreError::Setting(format!(
            "there is no store at {place} yet: make one with `renewd init`"
        )));
    }
    let store = FileStore::open(options.clone())?;
    let inner = store.inner.as_ref();
    let dir = inner.open_dir()?;
    let dir = dir.as_ref();
    let Some(_lock) = Lock::try_take(dir, STORE_LOCK)? else {
        let message = format!(
            "another process seals the records in {} with a new key just now: wait until it has done so",
            shown(dir.path())
        );
        return Err(fault(StoreFaultKind::Io, message).into());
    };
    let mut resumed = false;
    loop {
        let mut remembered = stands(inner, dir)?;
        if let Some(next) = remembered.next.clone() {
            resumed = true;
            let done = seal_all(&store, dir, &mut remembered, request)?;
            let wanted = request.to.as_ref().is_none_or(|to| to.setting() == next.setting);
            if wanted || !done.is_finished() {
                return Ok(Rekeyed { resumed, ..done });
            }
        } else {
            begin(&options, inner, dir, &mut remembered, request)?;
            let done = seal_all(&store, dir, &mut remembered, request)?;
            return Ok(Rekeyed { resumed, ..done });
        }
    }
}

/// What `store.toml` says under the store's lock; the keys are those that it names.
fn stands(inner: &Inner, dir: &Dir) -> Result<Remembered, StoreError> {
    let gone = || {
        let message = format!("{} is gone", shown(&Remembered::path_in(dir)));
        StoreError::Fault(fault(StoreFaultKind::Damaged, message))
    };
    let mut remembered = Remembered::read_in(dir)?.ok_or_else(gone)?;
    let held = inner.keys.held();
    let set = KeySet::fetch(dir, &remembered, inner.keys.access(), dir.stamp(Remembered::FILE), &held)?;
    // Whoever began may have died before it was durable.
    set.settle(dir)?;
    inner.keys.adopt(set);
    if remembered.retired.is_some() {
        // Only one key can wait to be taken away.
        retire(dir, inner.keys.access(), &mut remembered, inner.keys.now().newest())?;
    }
    Ok(remembered)
}

/// Steps 1 and 2.
fn begin(
    options: &FileStoreOptions,
    inner: &Inner,
    dir: &Dir,
    remembered: &mut Remembered,
    request: &RekeyRequest,
) -> Result<(), StoreError> {
    let access = inner.keys.access();
    let source = match &request.to {
        Some(to) => to.clone(),
        None => access.source_of(dir, &remembered.current)?,
    };
    if remembered.kind == StoreKind::Keyring.name() && source != KeySource::Keyring {
        return Err(StoreError::Setting(format!(
            "the records of this store are kept in a keyring, and so is its key: it cannot be {:?}",
            source.setting()
        )));
    }
    clear_key_folder(options, &inner.disk);
    let set = inner.keys.now();
    let made = access.successor(dir, &source, &remembered.current, set.newest())?;
    if made.key.id == remembered.current.id && made.key.setting == remembered.current.setting {
        let place = access.place(&source);
        return Err(StoreError::Setting(format!("the records are sealed with the key at {place} already")));
    }
    if remembered.store_id.is_none() {
        remembered.store_id = Some(fresh_store_id(&inner.disk)?);
    }
    remembered.next = Some(made.key.clone());
    let named = access.note_use(dir, remembered).and_then(|()| remembered.replace_in(dir, &inner.disk));
    if let Err(problem) = named {
        give_up(dir, access, &made, set.newest());
        return Err(problem.into());
    }
    let mut held = inner.keys.held();
    held.push(Arc::new(made.keys));
    let set = KeySet::fetch(dir, remembered, access, dir.stamp(Remembered::FILE), &held)?;
    inner.keys.adopt(set);
    Ok(())
}

/// Takes a new key away again that nothing was sealed with. Where `store.toml` names it in spite of the failure it stays.
fn give_up(dir: &Dir, access: &KeyAccess, made: &Made, keys: &Keys) {
    if let Ok(Some(stands)) = Remembered::read_in(dir)
        && stands.next.is_none()
        && stands.current.id != made.key.id
        && made.key.keyring.is_some()
    {
        let _ = access.retire(dir, &made.key, &stands.current, keys);
    }
}

/// Steps 3 to 5.
fn seal_all(
    store: &FileStore,
    dir: &Dir,
    remembered: &mut Remembered,
    request: &RekeyRequest,
) -> Result<Rekeyed, StoreError> {
    let inner = store.inner.as_ref();
    let Some(next) = remembered.next.clone() else {
        return Err(fault(StoreFaultKind::Io, "there is no new key to seal with").into());
    };
    let old = remembered.current.clone();
    let mut done = Rekeyed {
        setting: next.setting.clone(),
        resumed: false,
        sealed: 0,
        left: Vec::new(),
        waiting: Vec::new(),
        old_key: OldKey::Needed,
    };
    let all = inner.names_to_seal(dir)?;
    for (looked_at, name) in all.iter().enumerate() {
        if let Some(progress) = &request.progress {
            progress(looked_at, all.len());
        }
        match inner.seal_anew(store, dir, name, old.id, request.patience) {
            Ok(sealed) => done.sealed += sealed,
            Err(NotSealed::Left(why)) => done.left.push(Unsealed { name: name.clone(), why }),
            Err(NotSealed::Waiting(why)) => done.waiting.push(Unsealed { name: name.clone(), why }),
        }
    }
    if let Some(progress) = &request.progress {
        progress(all.len(), all.len());
    }
    if !done.is_finished() {
        return Ok(done);
    }
    remembered.retired = Some(std::mem::replace(&mut remembered.current, next));
    remembered.next = None;
    remembered.replace_in(dir, &inner.disk)?;
    done.old_key = match retire(dir, inner.keys.access(), remembered, inner.keys.now().newest()) {
        Ok(Retired::Removed) => OldKey::Removed,
        Ok(Retired::Left(place)) => OldKey::Left(place),
        Err(problem) => OldKey::NotRemoved(problem.message),
    };
    let held = inner.keys.held();
    let set = KeySet::fetch(dir, remembered, inner.keys.access(), dir.stamp(Remembered::FILE), &held)?;
    inner.keys.adopt(set);
    Ok(done)
}

/// Step 5. The caller holds the store's lock; `keys` are those that everything is sealed with.
fn retire(
    dir: &Dir,
    access: &KeyAccess,
    remembered: &mut Remembered,
    keys: &Keys,
) -> Result<Retired, StoreFault> {
    let Some(old) = remembered.retired.clone() else { return Ok(Retired::Removed) };
    let retired = access.retire(dir, &old, remembered.newest(), keys)?;
    remembered.retired = None;
    remembered.replace_in(dir, &access.disk)?;
    if let Retired::Left(place) = &retired {
        tracing::info!(%place, "an old key was left where it is: this store did not put it there");
    }
    Ok(retired)
}

/// Takes a key away that a rotation left, for a process that opens the store with `keys`. What fails is tried by the next
/// one.
pub(super) fn take_away(dir: &Dir, access: &KeyAccess, keys: &Keys) {
    let Ok(Some(_lock)) = Lock::try_take(dir, STORE_LOCK) else { return };
    let Ok(Some(mut remembered)) = Remembered::read_in(dir) else { return };
    // Another process may have begun to replace the key since.
    if remembered.newest().id != keys.id() {
        return;
    }
    if let Err(problem) = retire(dir, access, &mut remembered, keys) {
        tracing::warn!(problem = %problem.message, "a key that is used no more could not be removed");
    }
}
