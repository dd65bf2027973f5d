//! Gets keys, makes them, and takes them away: the one place that knows all sources.

use std::path::PathBuf;
use std::sync::Arc;

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::keyring::Keyring;

use super::file::SHARED_FILE;
use super::keyring::KeyItems;
use super::passphrase::{self, Derivation};
use super::{
    KeyFile, KeyMaterial, KeyRef, KeySource, PassphraseAsk, PassphraseCost, PassphrasePurpose,
    PassphraseSource, systemd,
};
use crate::crypt::{KEY_ID_BYTES, Keys, NONCE_BYTES};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::fault::{fault, shown};
use crate::fs::Dir;
use crate::remembered::Remembered;

/// What the sources of one store are reached with.
#[derive(Clone)]
pub(crate) struct KeyAccess {
    pub(crate) disk: Disk,
    pub(crate) state_dir: PathBuf,
    /// Whether the store's folder is the state folder's own: then the key file there is this store's, and its alone unless
    /// another one was noted.
    pub(crate) own_state: bool,
    pub(crate) keyring: Option<Arc<dyn Keyring>>,
    pub(crate) passphrase: Option<Arc<dyn PassphraseSource>>,
    pub(crate) passphrase_cost: PassphraseCost,
    pub(crate) credentials_dir: Option<PathBuf>,
}

/// A key, and how to get it again.
pub(crate) struct Made {
    pub(crate) keys: Keys,
    pub(crate) key: KeyRef,
}

/// What became of a key that is used no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Retired {
    /// It is gone from where renewd had put it.
    Removed,
    /// It is where it was, because somebody else put it there.
    Left(String),
}

impl KeyAccess {
    /// The same for moments at which nobody may be asked.
    pub(crate) fn unattended(&self) -> Self {
        let passphrase = self.passphrase.clone().filter(|source| !source.asks_a_person());
        Self { passphrase, ..self.clone() }
    }

    /// The source that `store.toml` names.
    ///
    /// # Errors
    /// Where a later version wrote it.
    pub(crate) fn source_of(&self, dir: &Dir, key: &KeyRef) -> Result<KeySource, StoreFault> {
        KeySource::from_setting(&key.setting, &self.state_dir).map_err(|_| {
            let message = format!(
                "{} names the key source {:?}, which this version does not know: upgrade renewd",
                shown(&Remembered::path_in(dir)),
                key.setting
            );
            fault(StoreFaultKind::KeyUnavailable, message)
        })
    }

    /// Where a key of that source is kept, for people.
    pub(crate) fn place(&self, source: &KeySource) -> String {
        match source {
            KeySource::Keyring => {
                self.keyring.as_ref().map_or("the keyring".into(), |keyring| keyring.place())
            }
            KeySource::File(file) => file.place(),
            KeySource::Passphrase => "the passphrase".into(),
            KeySource::Systemd(name) => systemd::place(self.credentials_dir.as_deref(), name),
        }
    }

    /// The keys that `store.toml` names. Nothing is made here: a missing key is never replaced by a new one.
    ///
    /// # Errors
    /// Where the source cannot be asked, and where what it gives is not the key of that id.
    pub(crate) fn keys_of(
        &self,
        dir: &Dir,
        wanted: &KeyRef,
        purpose: PassphrasePurpose,
    ) -> Result<Keys, StoreFault> {
        let source = self.source_of(dir, wanted)?;
        let machine = self.disk.machine.as_ref();
        let right =
            |material: &KeyMaterial| Some(Keys::derive(material.expose())).filter(|k| k.id() == wanted.id);
        let keys = match &source {
            KeySource::Keyring => {
                let items = KeyItems::of(self.keyring.as_ref(), wanted.keyring.as_deref())?;
                let material = items.fetch(&wanted.id)?;
                right(&material.ok_or_else(|| key_gone(dir, &items.place(&wanted.id)))?)
            }
            KeySource::File(file) => {
                // During a rotation and until its last step, the key may still lie beside its place; looked at in this
                // order, it cannot slip through when it is moved meanwhile.
                let next = file.is_own().then(|| file.next());
                let found =
                    [next.and_then(|next| next.fetch_on(machine).ok().flatten()), file.fetch_on(machine)?];
                if found.iter().all(Option::is_none) {
                    return Err(key_gone(dir, &file.place()));
                }
                found.iter().flatten().find_map(right)
            }
            KeySource::Systemd(name) => {
                let material = systemd::fetch(machine, self.credentials_dir.as_deref(), name)?;
                right(&material.ok_or_else(|| systemd::missing(name))?)
            }
            KeySource::Passphrase => self.unlock(dir, wanted, purpose, right)?,
        };
        let mut keys = keys.ok_or_else(|| self.other_key(dir, &source))?;
        match &wanted.digest_key {
            Some(sealed) if !keys.open_digest_key(sealed) => Err(crate::remembered::damaged(
                &Remembered::path_in(dir),
                "its digest_key was not written with its key",
            )),
            _ => Ok(keys),
        }
    }

    /// The key that is there already, for a store without a `store.toml`; `None` where there is none. `ids` are the
    /// keys that its files name.
    pub(crate) fn existing(
        &self,
        source: &KeySource,
        ids: &[[u8; KEY_ID_BYTES]],
    ) -> Result<Option<Made>, StoreFault> {
        let machine = self.disk.machine.as_ref();
        let material = match source {
            KeySource::Keyring if ids.is_empty() => None,
            KeySource::Keyring => {
                let items = KeyItems::of(self.keyring.as_ref(), None)?;
                let mut found = None;
                for id in ids {
                    found = found.or(items.fetch(id)?);
                }
                found
            }
            KeySource::File(file) => {
                let material = file.fetch_on(machine)?;
                if material.is_some() {
                    file.settle_on(machine)?;
                }
                material
            }
            KeySource::Systemd(name) => systemd::fetch(machine, self.credentials_dir.as_deref(), name)?,
            KeySource::Passphrase => None,
        };
        Ok(material.map(|material| self.made(source, &material, None)))
    }

    /// Makes a key where there is none.
    ///
    /// # Errors
    /// Where the source cannot be written, or is one in which others put keys.
    pub(crate) fn make(&self, dir: &Dir, source: &KeySource) -> Result<Made, StoreFault> {
        let machine = self.disk.machine.as_ref();
        match source {
            KeySource::Keyring => {
                let items = KeyItems::of(self.keyring.as_ref(), None)?;
                let material = KeyMaterial::random_of(machine)?;
                let made = self.made(source, &material, None);
                items.keep(&made.key.id, &material)?;
                Ok(made)
            }
            KeySource::File(file) => Ok(self.made(source, &file.create_with(&self.disk)?, None)),
            KeySource::Systemd(name) => Err(systemd::missing(name)),
            KeySource::Passphrase => {
                let passphrase = passphrase::choose(self.asked()?, dir.path().to_owned())?;
                let derivation = Derivation::fresh(machine, self.passphrase_cost)?;
                Ok(self.made(source, &derivation.key_of(&passphrase)?, Some(derivation)))
            }
        }
    }

    /// Gets or makes the key that shall follow `current`, whose digests it goes on with. What a rotation left behind
    /// that never began is made anew; where files are sealed with it (`store.toml` was lost on the way) it is the one.
    ///
    /// # Errors
    /// [`StoreError::Setting`] where the source cannot have two keys; otherwise as [`make`](Self::make).
    pub(crate) fn successor(
        &self,
        dir: &Dir,
        source: &KeySource,
        current: &KeyRef,
        keys: &Keys,
    ) -> Result<Made, StoreError> {
        let same = source.setting() == current.setting;
        let mut made = match source {
            KeySource::File(file) if same && self.is_ours_alone(file)? => {
                let (next, machine) = (file.next(), self.disk.machine.as_ref());
                let left = next.fetch_on(machine)?.map(|material| Keys::derive(material.expose()).id());
                if !left.is_some_and(|id| crate::file::is_sealed_with(dir, &id)) {
                    next.remove(machine)?;
                }
                let material = next.create_with(&self.disk)?;
                next.settle_on(machine)?;
                self.made(source, &material, None)
            }
            KeySource::File(_) | KeySource::Systemd(_) if same => {
                let message = format!(
                    "the key at {} is not this store's to replace: put a new one in another place and name that \
                     (`renewd rekey --key file:PATH`)",
                    self.place(source)
                );
                return Err(StoreError::Setting(message));
            }
            KeySource::Keyring | KeySource::Passphrase => self.make(dir, source)?,
            KeySource::File(_) | KeySource::Systemd(_) => match self.existing(source, &[])? {
                Some(made) => made,
                None => self.make(dir, source)?,
            },
        };
        made.keys.inherit_digests(keys);
        let mut nonce = [0; NONCE_BYTES];
        self.disk.machine.fill_random(&mut nonce)?;
        made.key.digest_key = made.keys.sealed_digest_key(&nonce);
        Ok(made)
    }

    /// Takes away a key that no file is sealed with any more, where it was renewd that put it there and this store was
    /// sealed with it: both make the same digests. Whoever can write `store.toml`, in a backup say, could name another
    /// store's key otherwise. `keys` are those of `new`. May be repeated.
    ///
    /// # Errors
    /// Where the source cannot be asked: the key may still be there.
    pub(crate) fn retire(
        &self,
        dir: &Dir,
        old: &KeyRef,
        new: &KeyRef,
        keys: &Keys,
    ) -> Result<Retired, StoreFault> {
        let machine = self.disk.machine.as_ref();
        let source = self.source_of(dir, old)?;
        let left = || Ok(Retired::Left(self.place(&source)));
        match &source {
            _ if old.id == new.id && old.setting == new.setting => Ok(Retired::Removed),
            // The same key somewhere else, which may be the same file by another path.
            _ if old.id == new.id => left(),
            KeySource::Keyring => {
                let items = KeyItems::of(self.keyring.as_ref(), old.keyring.as_deref())?;
                match items.fetch(&old.id)? {
                    Some(found) if !was_ours(old, &found, keys) => {
                        return Ok(Retired::Left(items.place(&old.id)));
                    }
                    Some(_) => items.remove(&old.id)?,
                    None => false,
                };
                Ok(Retired::Removed)
            }
            KeySource::File(file) if self.is_ours_alone(file)? => {
                let id_of = |file: &KeyFile| -> Result<_, StoreFault> {
                    Ok(file.fetch_on(machine)?.map(|material| Keys::derive(material.expose()).id()))
                };
                let _lock = file.lock_sharing(machine)?;
                if file.is_shared(machine)? {
                    return self.shared(file, old, new);
                }
                let found = file.fetch_on(machine)?;
                let stands = found.as_ref().map(|material| Keys::derive(material.expose()).id());
                if stands == Some(old.id) && found.is_some_and(|found| !was_ours(old, &found, keys)) {
                    return left();
                }
                if old.setting == new.setting && id_of(&file.next())? == Some(new.id) {
                    file.give_way(machine)?;
                } else if stands == Some(old.id) {
                    file.remove(machine)?;
                } else {
                    // Whoever did it may have died before it was durable, and `store.toml` is about to forget it.
                    file.settle_on(machine)?;
                }
                Ok(Retired::Removed)
            }
            KeySource::Passphrase => Ok(Retired::Removed),
            KeySource::File(file) => self.shared(file, old, new),
            KeySource::Systemd(_) => left(),
        }
    }

    /// What becomes of a key file that is not this store's alone. It stays; and where its successor was to lie in its place,
    /// that cannot be.
    fn shared(&self, file: &KeyFile, old: &KeyRef, new: &KeyRef) -> Result<Retired, StoreFault> {
        if old.setting != new.setting || !self.own_state {
            return Ok(Retired::Left(file.place()));
        }
        let message = format!(
            "a store in another folder has come to use {}: give that one a key of its own (`renewd rekey`), then remove {}",
            file.place(),
            shown(&self.state_dir.join(SHARED_FILE))
        );
        Err(fault(StoreFaultKind::Denied, message))
    }

    /// Whether that is the state folder's key file, and no other store has it.
    fn is_ours_alone(&self, file: &KeyFile) -> Result<bool, StoreFault> {
        Ok(file.is_own() && self.own_state && !file.is_shared(self.disk.machine.as_ref())?)
    }

    /// Notes beside the state folder's key file that a store in another folder has it: the store that lies there would
    /// take its key away. Comes before `store.toml` names that key.
    ///
    /// # Errors
    /// Where that cannot be noted, and where the key was taken away before it was.
    pub(crate) fn note_use(&self, dir: &Dir, remembered: &Remembered) -> Result<(), StoreFault> {
        let own = KeyFile::in_state_dir(&self.state_dir);
        let uses = |key: &&KeyRef| key.setting == own.setting();
        let keys = [Some(&remembered.current), remembered.next.as_ref()];
        if self.own_state || !keys.into_iter().flatten().any(|key| uses(&key)) {
            return Ok(());
        }
        match own.note_shared(&self.disk, dir.path()) {
            // Where nothing can be written nothing is taken away.
            Err(fault) if fault.kind != StoreFaultKind::ReadOnly => return Err(fault),
            _ => {}
        }
        // From here on it stays; it may have gone since it was looked at.
        match Some(remembered.newest()).filter(uses) {
            Some(newest) => self.keys_of(dir, newest, PassphrasePurpose::Open).map(drop),
            None => Ok(()),
        }
    }

    fn made(&self, source: &KeySource, material: &KeyMaterial, derivation: Option<Derivation>) -> Made {
        let keys = Keys::derive(material.expose());
        let keyring = self.keyring.as_ref().filter(|_| *source == KeySource::Keyring);
        let key = KeyRef {
            setting: source.setting(),
            keyring: keyring.map(|keyring| keyring.backend().to_owned()),
            id: keys.id(),
            derivation,
            digest_key: None,
        };
        Made { keys, key }
    }

    fn unlock(
        &self,
        dir: &Dir,
        wanted: &KeyRef,
        purpose: PassphrasePurpose,
        right: impl Fn(&KeyMaterial) -> Option<Keys>,
    ) -> Result<Option<Keys>, StoreFault> {
        let Some(derivation) = &wanted.derivation else {
            let path = Remembered::path_in(dir);
            return Err(crate::remembered::damaged(&path, "the salt of the passphrase is missing"));
        };
        let ask = PassphraseAsk { purpose, attempt: 1, store: dir.path().to_owned() };
        let keys = passphrase::unlock(self.asked()?, derivation, ask, right)?;
        if keys.is_some() {
            return Ok(keys);
        }
        let message = format!(
            "that is not the passphrase of the store at {}; nothing was read and nothing was written",
            shown(dir.path())
        );
        Err(fault(StoreFaultKind::KeyUnavailable, message))
    }

    fn asked(&self) -> Result<&dyn PassphraseSource, StoreFault> {
        self.passphrase.as_deref().ok_or_else(|| {
            let message = "the store's key comes from a passphrase, and nobody here can be asked for it: run renewd at \
                           a terminal, or give it an open file (--passphrase-fd, RENEWD_STORE_PASSPHRASE_FD)";
            fault(StoreFaultKind::KeyUnavailable, message)
        })
    }

    /// The key is there and opens nothing.
    pub(crate) fn other_key(&self, dir: &Dir, source: &KeySource) -> StoreFault {
        let message = format!(
            "the key at {} is not the one that sealed the records in {}: restore the right one from a backup",
            self.place(source),
            shown(dir.path())
        );
        fault(StoreFaultKind::KeyUnavailable, message)
    }
}

fn key_gone(dir: &Dir, place: &str) -> StoreFault {
    let empty = match dir.entries() {
        Ok(entries) => !entries.iter().any(|file| crate::file::is_evidence(file)),
        Err(fault) => return fault,
    };
    let way_out = if empty {
        format!("no record is sealed with it yet: remove {} to begin anew", shown(&Remembered::path_in(dir)))
    } else {
        "without it no record can be read: restore it from a backup, or begin a new store with another store.path \
         and log in there"
            .to_owned()
    };
    let message = format!("the key of the store at {} is gone ({place}); {way_out}", shown(dir.path()));
    fault(StoreFaultKind::KeyUnavailable, message)
}

/// Whether a key that was found as `old` is one that the store of `keys` was sealed with before: a store's keys all make
/// the same digests, and nobody who had only one of two could make the other so.
fn was_ours(old: &KeyRef, found: &KeyMaterial, keys: &Keys) -> bool {
    let mut found = Keys::derive(found.expose());
    let opened = old.digest_key.as_ref().is_none_or(|sealed| found.open_digest_key(sealed));
    opened && found.id() == old.id && found.same_digests(keys)
}
