//! Where the store's secret comes from.
//!
//! A key source is named by a setting (`store.key`, remembered in `store.toml`) and gives the same secret for ever.
//! Today there are key files; the keyring, a passphrase and systemd credentials are further [`KeySource`]s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use renewd_core::{StoreFault, StoreFaultKind};
use zeroize::Zeroizing;

use crate::disk::{Disk, Target};
use crate::error::StoreError;
use crate::fault::{fault, shown};
use crate::fs::FileSystem;
use crate::point::IoAct;
use crate::sys::System;

/// The setting of the default source: the file `key` in the state folder.
const DEFAULT_SETTING: &str = "file";

/// The default key file's name.
pub(crate) const DEFAULT_FILE: &str = "key";

/// A key of 256 bits, as XChaCha20 takes it.
const KEY_BYTES: usize = 32;

/// A key file holds one line; whatever is longer is another file, named by mistake.
const KEY_FILE_BYTES_MAX: usize = 4096;

/// Less than this is no secret. It is less than [`KEY_BYTES`] because a raw random key may end in bytes that look
/// like a line end.
const KEY_FILE_BYTES_MIN: usize = 24;

/// The secret that seals every record of a store. Overwritten when dropped; it cannot be printed.
pub struct KeyMaterial(Zeroizing<Vec<u8>>);

impl KeyMaterial {
    /// Takes a secret over; at least 24 bytes, best 32 random ones.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        (bytes.len() >= KEY_FILE_BYTES_MIN).then_some(Self(bytes))
    }

    /// A fresh random secret.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random() -> Result<Self, StoreFault> {
        Self::random_of(&System)
    }

    fn random_of(machine: &dyn FileSystem) -> Result<Self, StoreFault> {
        let mut bytes = Zeroizing::new(vec![0; KEY_BYTES]);
        machine.fill_random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes. Do not print, log or keep them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// A place that keeps the store's secret.
pub trait KeySource: Send + Sync + 'static {
    /// The setting that names it, as `store.toml` remembers it: `file`, `file:/path`, `keyring`.
    fn setting(&self) -> String;

    /// Where that is, for people.
    fn place(&self) -> String;

    /// The secret; `None` where there is none yet.
    ///
    /// # Errors
    /// [`StoreFaultKind::KeyUnavailable`] or [`StoreFaultKind::Denied`] when the place cannot be asked, or what it
    /// holds is no key.
    fn fetch(&self) -> Result<Option<KeyMaterial>, StoreFault>;

    /// Makes a secret where there is none, and gives what stands there afterwards: of two that make one at the same
    /// time both get the same.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), and when the place cannot be written.
    fn create(&self) -> Result<KeyMaterial, StoreFault>;

    /// Makes durable what [`fetch`](Self::fetch) found. Called before records are sealed with a secret that another
    /// process made: it may have died before it did so itself.
    ///
    /// # Errors
    /// When the place cannot be written durably.
    fn settle(&self) -> Result<(), StoreFault> {
        Ok(())
    }
}

/// Which key a store is opened with.
#[non_exhaustive]
#[derive(Clone, Default)]
pub enum KeyChoice {
    /// Nothing is configured: the one that `store.toml` remembers, else the default key file.
    #[default]
    Remembered,
    /// This one; an error where `store.toml` remembers another.
    Source(Arc<dyn KeySource>),
}

impl KeyChoice {
    /// Reads the setting `store.key`: `file` or `file:PATH`.
    ///
    /// # Errors
    /// [`StoreError::Setting`] for anything else.
    pub fn from_setting(setting: &str, state_dir: &Path) -> Result<Self, StoreError> {
        match KeyFile::from_setting(setting, state_dir) {
            Some(file) => Ok(Self::Source(Arc::new(file))),
            None => Err(StoreError::Setting(format!(
                "store.key is {setting:?}; this version knows `file:PATH`, and `file` for the key file in the state \
                 folder"
            ))),
        }
    }
}

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

    fn parse(&self, bytes: &Zeroizing<Vec<u8>>) -> Result<KeyMaterial, StoreFault> {
        let text = bytes.trim_ascii_end();
        let fits = bytes.len() <= KEY_FILE_BYTES_MAX;
        KeyMaterial::new(Zeroizing::new(text.to_vec())).filter(|_| fits).ok_or_else(|| {
            let message = format!(
                "{} holds no key: a key is {KEY_FILE_BYTES_MIN} to {KEY_FILE_BYTES_MAX} bytes; restore it from a \
                 backup",
                shown(&self.path)
            );
            fault(StoreFaultKind::KeyUnavailable, message)
        })
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
}

impl KeySource for KeyFile {
    fn setting(&self) -> String {
        if self.default { DEFAULT_SETTING.into() } else { format!("file:{}", self.path.to_string_lossy()) }
    }

    fn place(&self) -> String {
        shown(&self.path).to_string()
    }

    fn fetch(&self) -> Result<Option<KeyMaterial>, StoreFault> {
        self.fetch_on(&System)
    }

    fn create(&self) -> Result<KeyMaterial, StoreFault> {
        self.create_with(&Disk { machine: System::machine(), hook: None })
    }

    fn settle(&self) -> Result<(), StoreFault> {
        self.settle_on(&System)
    }
}

impl KeyFile {
    fn fetch_on(&self, machine: &dyn FileSystem) -> Result<Option<KeyMaterial>, StoreFault> {
        let bytes = if self.default {
            machine.open_folder(self.folder())?.read(self.name()?, KEY_FILE_BYTES_MAX)?
        } else {
            machine.read_shared_key(&self.path, KEY_FILE_BYTES_MAX)?
        };
        bytes.map(|bytes| self.parse(&bytes)).transpose()
    }

    fn create_with(&self, disk: &Disk) -> Result<KeyMaterial, StoreFault> {
        let machine = disk.machine.as_ref();
        let fresh = KeyMaterial::random_of(machine)?;
        // Text: it survives copying by hand. One line end, and no spare room in which a copy would stay behind.
        let mut line = Zeroizing::new(String::with_capacity(KEY_BYTES.div_ceil(3) * 4 + 1));
        STANDARD.encode_string(fresh.expose(), &mut line);
        line.push('\n');
        let open = if self.default { FileSystem::open_folder } else { FileSystem::open_shared_folder };
        let file = self.name()?;
        let target = Target { act: IoAct::Open, part: Some("key"), stem: file, file };
        disk.create(open(machine, self.folder())?.as_ref(), &target, line.as_bytes())?;
        self.fetch_on(machine)?.ok_or_else(|| {
            let message = format!("{} was made and is gone again", shown(&self.path));
            fault(StoreFaultKind::KeyUnavailable, message)
        })
    }

    fn settle_on(&self, machine: &dyn FileSystem) -> Result<(), StoreFault> {
        // Somebody else's folder is for somebody else to make durable: the key was put there long before.
        if self.default { machine.sync_parent(&self.path) } else { Ok(()) }
    }

    /// This key file on the machine of that disk, whose hook hears of its making.
    pub(crate) fn on(self, disk: &Disk) -> Arc<dyn KeySource> {
        Arc::new(KeyFileOn { file: self, disk: disk.clone() })
    }
}

/// A key file on the machine that its store is kept on.
struct KeyFileOn {
    file: KeyFile,
    disk: Disk,
}

impl KeySource for KeyFileOn {
    fn setting(&self) -> String {
        self.file.setting()
    }

    fn place(&self) -> String {
        self.file.place()
    }

    fn fetch(&self) -> Result<Option<KeyMaterial>, StoreFault> {
        self.file.fetch_on(self.disk.machine.as_ref())
    }

    fn create(&self) -> Result<KeyMaterial, StoreFault> {
        self.file.create_with(&self.disk)
    }

    fn settle(&self) -> Result<(), StoreFault> {
        self.file.settle_on(self.disk.machine.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::private_dir;

    fn secret_of(source: &dyn KeySource) -> Vec<u8> {
        source.fetch().unwrap().unwrap().expose().to_vec()
    }

    #[test]
    fn a_key_that_was_made_is_the_key_that_is_read_and_is_never_replaced() {
        let state = private_dir();
        for source in [KeyFile::in_state_dir(state.path()), KeyFile::at(&state.path().join("own"))] {
            assert!(source.fetch().unwrap().is_none());
            let made = source.create().unwrap();
            assert_eq!(made.expose(), secret_of(&source));
            assert_eq!(
                source.create().unwrap().expose(),
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
        for content in [String::new(), "\n".repeat(64), "short".into(), "x".repeat(KEY_FILE_BYTES_MAX + 1)] {
            std::fs::write(state.path().join("own"), &content).unwrap();
            crate::fixtures::set_mode(&state.path().join("own"), 0o600);
            let fault = source.fetch().err().unwrap();
            assert_eq!(fault.kind, StoreFaultKind::KeyUnavailable);
            assert!(!fault.message.contains("short") && !fault.message.contains("xxx"), "{}", fault.message);
        }
    }
}
