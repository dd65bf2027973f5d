//! The keys of an open store: one, or two while its files are re-sealed.
//!
//! A key can be replaced while other processes have the store open. What they seal must be sealed with the newest key,
//! or the old one could never be given up; so each write looks first whether `store.toml` is still the one that the
//! keys were taken from. That look is one `stat`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use renewd_core::StoreFault;

use crate::crypt::{KEY_ID_BYTES, Keys, Purpose};
use crate::envelope::{self, Opened, Sealed};
use crate::fault::io_fault;
use crate::fs::Dir;
use crate::key::{KeyAccess, KeyRef, PassphrasePurpose};
use crate::remembered::Remembered;

/// What tells one `store.toml` from the one that replaced it.
type Stamp = Option<[u64; 5]>;

/// The keys that one `store.toml` names.
pub(crate) struct KeySet {
    /// Everything new is sealed with this one.
    newest: Arc<Keys>,
    /// While files are re-sealed: what the others are still sealed with, or why that key cannot be had.
    older: Option<Older>,
    stamp: Stamp,
    /// Whether the `store.toml` that names them is known to outlive a power cut.
    durable: AtomicBool,
}

/// A key that files are still sealed with.
struct Older {
    id: [u8; KEY_ID_BYTES],
    keys: Result<Arc<Keys>, StoreFault>,
}

impl KeySet {
    /// One key.
    pub(crate) fn of(keys: Keys, dir: &Dir) -> Self {
        Self { newest: Arc::new(keys), older: None, stamp: dir.stamp(Remembered::FILE), durable: true.into() }
    }

    /// The keys that `store.toml` names. The newest must be there; a file that is sealed with an older one that is not
    /// there says so when it is read.
    ///
    /// # Errors
    /// Why the newest key cannot be had.
    pub(crate) fn fetch(
        dir: &Dir,
        remembered: &Remembered,
        access: &KeyAccess,
        stamp: Stamp,
        held: &[Arc<Keys>],
    ) -> Result<Self, StoreFault> {
        let had = |wanted: &KeyRef, purpose| match held.iter().find(|keys| keys.id() == wanted.id) {
            Some(keys) => Ok(Arc::clone(keys)),
            None => access.keys_of(dir, wanted, purpose).map(Arc::new),
        };
        let Some(next) = &remembered.next else {
            return Ok(Self {
                newest: had(&remembered.current, PassphrasePurpose::Open)?,
                older: None,
                stamp,
                // The one before it, to which a power cut may take it back, named this key, too.
                durable: true.into(),
            });
        };
        let newest = had(next, PassphrasePurpose::Open)?;
        let older = &remembered.current;
        let keys = || had(older, PassphrasePurpose::Former);
        let older = (older.id != next.id).then(|| Older { id: older.id, keys: keys() });
        // Whoever can write this file and has no key could otherwise have every record sealed with one of his own.
        match &older {
            Some(Older { keys: Ok(keys), .. }) if !keys.same_digests(&newest) => Err(foreign(dir, next)),
            _ => Ok(()),
        }?;
        Ok(Self { newest, older, stamp, durable: false.into() })
    }

    /// What everything new is sealed with.
    pub(crate) fn newest(&self) -> &Arc<Keys> {
        &self.newest
    }

    /// Makes durable what names a new key, once, before anything is sealed with it: whoever put it there may not have come
    /// to that yet, and after a power cut nobody would know what opens the file.
    pub(crate) fn settle(&self, dir: &Dir) -> Result<(), StoreFault> {
        if !self.durable.load(Ordering::Acquire) {
            dir.sync().map_err(|error| io_fault("sync the folder", dir.path(), &error))?;
            self.durable.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Opens a file with the key that it was sealed with.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        name: &str,
        file: &[u8],
    ) -> Result<(Opened, Arc<Keys>), Sealed> {
        match (envelope::open(&self.newest, purpose, name, file), &self.older) {
            (Ok(opened), _) => Ok((opened, Arc::clone(&self.newest))),
            (Err(Sealed::OtherKey), Some(Older { keys: Ok(keys), .. })) => {
                envelope::open(keys, purpose, name, file).map(|opened| (opened, Arc::clone(keys)))
            }
            (Err(Sealed::OtherKey), Some(Older { id, keys: Err(fault) }))
                if envelope::key_id(file) == Some(*id) =>
            {
                Err(Sealed::NoKey(fault.clone()))
            }
            (Err(why), _) => Err(why),
        }
    }

    /// Why the key that files may still be sealed with cannot be had.
    pub(crate) fn older_fault(&self) -> Option<&StoreFault> {
        self.older.as_ref()?.keys.as_ref().err()
    }

    /// The keys that are there.
    fn held(&self) -> Vec<Arc<Keys>> {
        let older = self.older.iter().filter_map(|older| older.keys.as_ref().ok());
        older.chain([&self.newest]).map(Arc::clone).collect()
    }
}

/// Why the newest key cannot be had.
pub(crate) struct Unrenewed {
    pub(crate) fault: StoreFault,
    /// Files are being re-sealed, and the key that is at hand is the one that they were sealed with until now: whoever
    /// keeps the re-sealing from a file may still seal it with that one.
    pub(crate) old_is_good: bool,
}

/// The keys of an open store, kept up with its `store.toml`.
pub(crate) struct StoreKeys {
    set: Mutex<Arc<KeySet>>,
    access: KeyAccess,
}

impl StoreKeys {
    pub(crate) fn new(set: KeySet, access: KeyAccess) -> Self {
        Self { set: Mutex::new(Arc::new(set)), access }
    }

    /// Whether the next look at the keys may take long: `store.toml` was replaced, and a keyring is asked for the new
    /// key, or it is derived from a passphrase.
    pub(crate) fn may_take_long(&self, dir: impl FnOnce() -> Option<Box<Dir>>) -> bool {
        if self.access.keyring.is_none() && self.access.passphrase.is_none() {
            return false;
        }
        let stamp = dir().and_then(|dir| dir.stamp(Remembered::FILE));
        stamp.is_some() && stamp != self.now().stamp
    }

    /// The keys that are there.
    pub(crate) fn held(&self) -> Vec<Arc<Keys>> {
        self.now().held()
    }

    /// Goes on with these.
    pub(crate) fn adopt(&self, set: KeySet) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }

    pub(crate) fn access(&self) -> &KeyAccess {
        &self.access
    }

    /// The keys as they were last taken.
    pub(crate) fn now(&self) -> Arc<KeySet> {
        Arc::clone(&self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys that `store.toml` names now. A `store.toml` that somebody removed names no others.
    ///
    /// # Errors
    /// When the newest key cannot be had. The store goes on with the keys that it has, for reading.
    pub(crate) fn renewed(&self, dir: &Dir) -> Result<Arc<KeySet>, Unrenewed> {
        let set = self.now();
        let stamp = dir.stamp(Remembered::FILE);
        if stamp.is_none() || stamp == set.stamp {
            return Ok(set);
        }
        let failed = |fault| Unrenewed { fault, old_is_good: false };
        let Some(remembered) = Remembered::read_in(dir).map_err(failed)? else { return Ok(set) };
        match KeySet::fetch(dir, &remembered, &self.access.unattended(), stamp, &set.held()) {
            Ok(newer) => {
                let newer = Arc::new(newer);
                *self.set.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&newer);
                Ok(newer)
            }
            Err(why) => {
                let old_is_good = remembered.next.is_some() && remembered.current.id == set.newest.id();
                Err(Unrenewed { fault: renewal_fault(&remembered, &why), old_is_good })
            }
        }
    }
}

/// What is said of a new key that nobody made who had the old one.
fn foreign(dir: &Dir, next: &KeyRef) -> StoreFault {
    let why = format!("the new key in it ({}) was not made by this store", next.setting);
    crate::remembered::damaged(&Remembered::path_in(dir), &why)
}

/// What a running process says that has the old key only.
fn renewal_fault(remembered: &Remembered, why: &StoreFault) -> StoreFault {
    let key = remembered.next.as_ref().unwrap_or(&remembered.current);
    let message = format!(
        "this store's records are sealed with a new key ({}), which this process cannot get: {}; start it anew with \
         that key",
        key.setting, why.message
    );
    StoreFault { kind: why.kind, message }
}
