//! A key in a file: one line of text that nobody else may read.

use std::path::{Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};
use zeroize::Zeroizing;

use super::{KEY_TEXT_BYTES_MAX, KEY_TEXT_BYTES_MIN, KeyMaterial};
use crate::disk::{Disk, Target};
use crate::fault::{fault, io_fault, shown};
use crate::fs::FileSystem;
use crate::lock::Lock;
use crate::point::IoAct;

/// The setting of the key file in the state folder.
const DEFAULT_SETTING: &str = "file";

/// That file's name.
pub(crate) const DEFAULT_FILE: &str = "key";

/// Where its successor lies while records are sealed with both.
pub(crate) const NEXT_FILE: &str = "key.next";

/// Says that a store in another folder has that key, too.
pub(crate) const SHARED_FILE: &str = "key.shared";

/// Held while that is said, and while the key is taken away because nobody said so.
const SHARING_LOCK: &str = "sharing.lock";

/// A key in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
    default: bool,
}

impl KeyFile {
    /// The default key file: `key` in the state folder, mode 0600, made at first use.
    pub fn in_state_dir(state_dir: &Path) -> Self {
        Self { path: state_dir.join(DEFAULT_FILE), default: true }
    }

    /// A key file somewhere else. It may be a link, and may belong to root, as mounted secrets do. Made at first use
    /// where its folder exists.
    pub fn at(path: &Path) -> Self {
        Self { path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), default: false }
    }

    /// The source that a setting names; `None` where it is not a key file.
    pub fn from_setting(setting: &str, state_dir: &Path) -> Option<Self> {
        let default = Self::in_state_dir(state_dir);
        match setting.strip_prefix("file:") {
            None => (setting == DEFAULT_SETTING).then_some(default),
            Some("") => None,
            Some(path) => {
                let named = Self::at(Path::new(path));
                Some(if Self::at(&default.path) == named { default } else { named })
            }
        }
    }

    /// Whether it is the file of the state folder, which is renewd's own.
    pub(super) fn is_own(&self) -> bool {
        self.default
    }

    /// The setting that names it.
    pub(super) fn setting(&self) -> String {
        if self.default { DEFAULT_SETTING.into() } else { format!("file:{}", self.path.to_string_lossy()) }
    }

    /// Where it stands, for people.
    pub(super) fn place(&self) -> String {
        shown(&self.path).to_string()
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The file's name; a path without one is no key file.
    fn name(&self) -> Result<&str, StoreFault> {
        self.path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            fault(StoreFaultKind::KeyUnavailable, format!("{} names no key file", shown(&self.path)))
        })
    }

    fn parse(&self, bytes: &Zeroizing<Vec<u8>>) -> Result<KeyMaterial, StoreFault> {
        KeyMaterial::read(bytes).ok_or_else(|| {
            let message = format!(
                "{} holds no key: a key is {KEY_TEXT_BYTES_MIN} to {KEY_TEXT_BYTES_MAX} bytes; restore it from a \
                 backup",
                shown(&self.path)
            );
            fault(StoreFaultKind::KeyUnavailable, message)
        })
    }

    /// Whether there is such a file.
    pub(crate) fn stands_on(&self, machine: &dyn FileSystem) -> Result<bool, StoreFault> {
        Ok(self.fetch_on(machine)?.is_some())
    }

    /// The key; `None` where there is no such file.
    pub(super) fn fetch_on(&self, machine: &dyn FileSystem) -> Result<Option<KeyMaterial>, StoreFault> {
        let bytes = if self.default {
            machine.open_folder(self.folder())?.read(self.name()?, KEY_TEXT_BYTES_MAX)?
        } else {
            machine.read_shared_key(&self.path, KEY_TEXT_BYTES_MAX)?
        };
        bytes.map(|bytes| self.parse(&bytes)).transpose()
    }

    /// Makes the file where there is none, and gives what stands there afterwards: of two that make one at the same
    /// time both get the same.
    pub(super) fn create_with(&self, disk: &Disk) -> Result<KeyMaterial, StoreFault> {
        let machine = disk.machine.as_ref();
        let fresh = KeyMaterial::random_of(machine)?;
        // One line, and no spare room in which a copy would stay behind.
        let mut line = Zeroizing::new(Vec::with_capacity(fresh.expose().len() + 1));
        line.extend_from_slice(fresh.expose());
        line.push(b'\n');
        let open = if self.default { FileSystem::open_folder } else { FileSystem::open_shared_folder };
        let file = self.name()?;
        let target = Target { act: IoAct::Open, part: Some("key"), stem: file, file };
        disk.create(open(machine, self.folder())?.as_ref(), &target, &line)?;
        self.fetch_on(machine)?.ok_or_else(|| {
            let message = format!("{} was made and is gone again", shown(&self.path));
            fault(StoreFaultKind::KeyUnavailable, message)
        })
    }

    /// Makes durable what [`fetch_on`](Self::fetch_on) found. Another process may have made it, and died before it did
    /// so itself. In somebody else's folder that is best effort: as a rule the key was put there long before.
    pub(super) fn settle_on(&self, machine: &dyn FileSystem) -> Result<(), StoreFault> {
        let synced = machine.sync_parent(&self.path);
        if self.default { synced } else { Ok(()) }
    }

    /// Whether a store in another folder was noted as one that has this key, too.
    pub(super) fn is_shared(&self, machine: &dyn FileSystem) -> Result<bool, StoreFault> {
        Ok(machine.open_folder(self.folder())?.stamp(SHARED_FILE).is_some())
    }

    /// Keeps the key where it is, or unshared, for as long as it is held.
    pub(super) fn lock_sharing(&self, machine: &dyn FileSystem) -> Result<Lock, StoreFault> {
        Lock::take(machine, machine.open_folder(self.folder())?.as_ref(), SHARING_LOCK)
    }

    /// Notes that the store in `records` has this key, too, and is lost without it.
    pub(super) fn note_shared(&self, disk: &Disk, records: &Path) -> Result<(), StoreFault> {
        if self.is_shared(disk.machine.as_ref())? {
            return Ok(());
        }
        let _lock = self.lock_sharing(disk.machine.as_ref())?;
        let text = format!(
            "The key in this folder is also that of the store in {}. `renewd rekey` leaves it here while this file is \
             here.\n",
            shown(records)
        );
        let target =
            Target { act: IoAct::Open, part: Some("key-note"), stem: SHARED_FILE, file: SHARED_FILE };
        let folder = disk.machine.open_folder(self.folder())?;
        disk.create(folder.as_ref(), &target, text.as_bytes()).map(drop)
    }

    /// The file in which the successor of this one lies during a rotation.
    pub(super) fn next(&self) -> Self {
        Self { path: self.path.with_file_name(NEXT_FILE), default: self.default }
    }

    /// Puts the successor in the place of this one.
    pub(super) fn give_way(&self, machine: &dyn FileSystem) -> Result<(), StoreFault> {
        let folder = machine.open_folder(self.folder())?;
        let (next, name) = (self.next(), self.name()?);
        let renamed = folder.rename(next.name()?, name).and_then(|()| folder.sync());
        renamed.map_err(|error| io_fault("replace", &self.path, &error))
    }

    /// Removes the file, where there is one, for good.
    pub(super) fn remove(&self, machine: &dyn FileSystem) -> Result<(), StoreFault> {
        let folder = machine.open_folder(self.folder())?;
        let removed = match folder.remove(self.name()?) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        removed.and_then(|()| folder.sync()).map_err(|error| io_fault("remove", &self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::private_dir;
    use crate::sys::System;

    fn disk() -> Disk {
        Disk { machine: System::machine(), hook: None }
    }

    fn secret_of(source: &KeyFile) -> Vec<u8> {
        source.fetch_on(&System).unwrap().unwrap().expose().to_vec()
    }

    #[test]
    fn a_key_that_was_made_is_the_key_that_is_read_and_is_never_replaced() {
        let state = private_dir();
        for source in [KeyFile::in_state_dir(state.path()), KeyFile::at(&state.path().join("own"))] {
            assert!(source.fetch_on(&System).unwrap().is_none());
            let made = source.create_with(&disk()).unwrap();
            assert_eq!(made.expose(), secret_of(&source));
            assert_eq!(
                source.create_with(&disk()).unwrap().expose(),
                made.expose(),
                "the second to make one gets the first's"
            );
        }
    }

    #[test]
    fn a_setting_names_the_file_it_says_and_the_default_under_either_of_its_names() {
        let state = private_dir();
        let default = KeyFile::in_state_dir(state.path());
        let long = format!("file:{}", state.path().join("key").display());
        assert_eq!(KeyFile::from_setting("file", state.path()), Some(default.clone()));
        assert_eq!(KeyFile::from_setting(&long, state.path()), Some(default));
        let elsewhere = format!("file:{}", state.path().join("secrets").join("k").display());
        let other = KeyFile::from_setting(&elsewhere, state.path()).unwrap();
        assert_eq!(other.setting(), elsewhere);
        for wrong in ["", "file:", "keyring", "passphrase", "files"] {
            assert_eq!(KeyFile::from_setting(wrong, state.path()), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_too_short_or_too_long_is_no_key_and_says_so_without_showing_it() {
        let state = private_dir();
        let source = KeyFile::at(&state.path().join("own"));
        for content in [String::new(), "\n".repeat(64), "short".into(), "x".repeat(KEY_TEXT_BYTES_MAX + 1)] {
            std::fs::write(state.path().join("own"), &content).unwrap();
            crate::fixtures::set_mode(&state.path().join("own"), 0o600);
            let fault = source.fetch_on(&System).err().unwrap();
            assert_eq!(fault.kind, StoreFaultKind::KeyUnavailable);
            assert!(!fault.message.contains("short") && !fault.message.contains("xxx"), "{}", fault.message);
        }
    }

    #[test]
    fn a_successor_takes_the_place_of_the_key_that_it_follows() {
        let state = private_dir();
        let own = KeyFile::in_state_dir(state.path());
        own.create_with(&disk()).unwrap();
        let next = own.next();
        assert!(next.is_own() && next.fetch_on(&System).unwrap().is_none());
        let made = next.create_with(&disk()).unwrap();
        assert_ne!(secret_of(&own), made.expose());
        own.give_way(&System).unwrap();
        assert_eq!(secret_of(&own), made.expose());
        assert!(next.fetch_on(&System).unwrap().is_none());
        own.remove(&System).unwrap();
        own.remove(&System).unwrap();
        assert!(own.fetch_on(&System).unwrap().is_none());
    }
}
