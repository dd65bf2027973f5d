//! The store of sealed files.

mod first_use;
mod keys;
mod leftovers;
mod names;
mod open;
pub(crate) mod place;
mod port;
mod prepared;
mod read;
pub(crate) mod rekey;
mod scrub;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::{Claim, CredentialName};

use crate::crypt::KEY_ID_BYTES;
use crate::disk::{Disk, Room, discard};
use crate::envelope::{self, FILE_BYTES_MAX};
use crate::fault::{fault, shown};
use crate::fs::Dir;
use crate::keyset::StoreKeys;
use crate::lock::Lock;
use crate::remembered::StoreKind;

use place::Place;

pub use open::FileStoreOptions;

/// Whether a file says that something was committed in its folder once.
pub(crate) fn is_evidence(file: &str) -> bool {
    names::evident(file).is_some()
}

/// Whether a sealed file of the folder names that key, or may.
pub(crate) fn is_sealed_with(dir: &Dir, id: &[u8; KEY_ID_BYTES]) -> bool {
    let Ok(entries) = dir.entries() else { return true };
    let evidence: Vec<_> = entries.iter().filter_map(|file| names::evident(file)).collect();
    first_use::key_ids(dir, &evidence).contains(id)
        || entries.iter().any(|file| is_prepared_with(dir, file, id))
}

fn is_prepared_with(dir: &Dir, file: &str, id: &[u8; KEY_ID_BYTES]) -> bool {
    let read = || dir.read(file, FILE_BYTES_MAX).ok().flatten();
    names::prepared_for(file).is_some() && read().is_some_and(|bytes| envelope::key_id(&bytes) == Some(*id))
}

/// Sealed records in a folder. A clone is the same store; so is every other one that is opened over the same folder,
/// in any process of the same user.
///
/// The methods that end in `_blocking` do the work. They touch a handful of small files and wait for a disk's
/// `fsync`, or at most 5 s for another process that is writing the same record just now. The asynchronous port
/// ([`CredentialStore`](renewd_driver::CredentialStore)) calls them in place.
#[derive(Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    keys: StoreKeys,
    place: Place,
    disk: Disk,
    accept_unshared_locks: bool,
    /// The process that opened the store. A fork of it shares its locks and must not use them.
    pid: u32,
    /// Room on disk for commits to come.
    rooms: Mutex<BTreeMap<CredentialName, Room>>,
    /// The claims that are held through this store.
    claims: Mutex<BTreeMap<CredentialName, Weak<Lock>>>,
}

impl FileStore {
    /// The folder of the records.
    pub fn path(&self) -> &Path {
        &self.inner.dir
    }

    /// Where the records lie.
    pub fn kind(&self) -> StoreKind {
        match self.inner.place {
            Place::Folder => StoreKind::File,
            Place::Keyring(_) => StoreKind::Keyring,
        }
    }

    /// Tries once to take the claim, without waiting; `None` when another holds it.
    ///
    /// # Errors
    /// [`StoreFaultKind::NotShared`] where the file system's locks are not known to be shared between all of its
    /// users and the options do not accept that; [`StoreFaultKind::Denied`] in a fork of the process that opened the
    /// store; otherwise what the system says of the lock file.
    pub fn try_claim_blocking(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.inner.check_process()?;
        let dir = self.inner.open_dir()?;
        let dir = dir.as_ref();
        if !self.inner.accept_unshared_locks
            && let Some(file_system) = dir.unshared_locks()?
        {
            let message = format!(
                "{} lies on {file_system}, whose locks may not be shared between all who use it: keep the store on a \
                 local disk (store.path), or accept the risk of a lost login (store.accept_unshared_locks)",
                shown(dir.path())
            );
            return Err(fault(StoreFaultKind::NotShared, message));
        }
        let Some(lock) = Lock::try_take(dir, &names::claim(name))?.map(Arc::new) else { return Ok(None) };
        self.inner.claims().insert(name.clone(), Arc::downgrade(&lock));
        Ok(Some(Box::new(FileClaim { inner: Arc::clone(&self.inner), name: name.clone(), lock })))
    }

    /// The claim that is held through this store: whoever has it holds it, too.
    pub(crate) fn held_claim(&self, name: &CredentialName) -> Option<Arc<Lock>> {
        self.inner.claims().get(name).and_then(Weak::upgrade)
    }

    /// Refuses to go on in a fork.
    pub(crate) fn check_process(&self) -> Result<(), StoreFault> {
        self.inner.check_process()
    }

    /// A number that changes whenever the record is written: its file is replaced, set aside or removed, or the mark
    /// beside a record in a keyring is.
    pub fn fingerprint_blocking(&self, name: &CredentialName) -> u64 {
        // FNV-1a: it tells changes apart; nobody chooses its input.
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let stamp = self.inner.open_dir().ok().and_then(|dir| dir.stamp(&self.inner.place.signal(name)));
        let bytes = stamp.into_iter().flatten().flat_map(u64::to_le_bytes);
        bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    }
}

impl Inner {
    fn open_dir(&self) -> Result<Box<Dir>, StoreFault> {
        self.disk.machine.open_folder(&self.dir)
    }

    fn lock_write(&self, dir: &Dir, name: &CredentialName) -> Result<Lock, StoreFault> {
        Lock::take(self.disk.machine.as_ref(), dir, &names::write(name))
    }

    /// Refuses to go on in a fork: it holds its parent's locks without having taken them.
    fn check_process(&self) -> Result<(), StoreFault> {
        if self.pid == std::process::id() {
            return Ok(());
        }
        let message = format!(
            "the store at {} was opened by process {}, and this is a fork of it: open it anew after a fork",
            shown(&self.dir),
            self.pid
        );
        Err(fault(StoreFaultKind::Denied, message))
    }

    /// Refuses to announce a request under a claim whose file somebody removed: another process may have claimed
    /// under a new one.
    fn check_claim(&self, dir: &Dir, name: &CredentialName) -> Result<(), StoreFault> {
        let held = self.claims().get(name).and_then(Weak::upgrade);
        let file = names::claim(name);
        if held.is_none_or(|lock| lock.is_current(dir, &file)) {
            return Ok(());
        }
        let message = format!(
            "{} was removed or replaced while it was held; lock files must stay where they are; nothing was written",
            shown(&dir.path_of(&file))
        );
        Err(fault(StoreFaultKind::Denied, message))
    }

    fn claims(&self) -> MutexGuard<'_, BTreeMap<CredentialName, Weak<Lock>>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rooms(&self) -> MutexGuard<'_, BTreeMap<CredentialName, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release_room(&self, name: &CredentialName) {
        if let Some(room) = self.rooms().remove(name)
            && self.check_process().is_ok()
            && let Ok(dir) = self.open_dir()
        {
            discard(dir.as_ref(), room);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let names: Vec<_> = self.rooms().keys().cloned().collect();
        for name in names {
            self.release_room(&name);
        }
    }
}

/// The right to spend, as a kernel lock on `NAME.claim`.
struct FileClaim {
    inner: Arc<Inner>,
    name: CredentialName,
    lock: Arc<Lock>,
}

impl Claim for FileClaim {
    fn is_current(&self) -> bool {
        let file = names::claim(&self.name);
        self.inner.check_process().is_ok()
            && self.inner.open_dir().is_ok_and(|dir| self.lock.is_current(dir.as_ref(), &file))
    }
}

impl Drop for FileClaim {
    fn drop(&mut self) {
        // Still under the lock: the next holder makes its own room.
        self.inner.release_room(&self.name);
        let mut claims = self.inner.claims();
        if Arc::strong_count(&self.lock) == 1 {
            claims.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests;
