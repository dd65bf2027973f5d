//! `store.toml`: what a store was made with.
//!
//! It is written at first use, and again only when the store's key is replaced. A configuration that says otherwise
//! later is an error rather than a second, empty store beside the first, and a key that is not the one of the records is
//! known before it is used on them.
//!
//! While records are sealed with a new key, both keys stand here: the new one is written down durably before the first
//! record is sealed with it, and the old one is struck out after the last.

mod layout;

use std::path::{Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};

use crate::disk::{Disk, Target};
use crate::fault::{fault, shown};
use crate::fs::{Dir, FileSystem as _};
use crate::key::KeyRef;
use crate::point::IoAct;
use crate::sys::{self, System};

pub(crate) use layout::to_hex;

/// A dozen lines; whatever is longer is no `store.toml`.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a store's own number.
const STORE_ID_BYTES: usize = 16;

/// Where a store keeps its records.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In sealed files.
    File,
    /// In the operating system's keyring.
    Keyring,
}

impl StoreKind {
    /// As the setting `store.kind` and `store.toml` say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Keyring => "keyring",
        }
    }
}

/// What a store was made with.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The kind of store: `file`, `keyring`.
    pub kind: String,
    /// A number of its own, 32 hexadecimal digits, drawn at random; nothing in stores of earlier versions.
    pub store_id: Option<String>,
    /// The key. While records are re-sealed, the one that they are sealed with no longer.
    pub current: KeyRef,
    /// The key that the records are being sealed with.
    pub next: Option<KeyRef>,
    /// A key that no record is sealed with any more, and that is still to be taken away.
    pub retired: Option<KeyRef>,
}

impl Remembered {
    /// The file's name.
    pub(crate) const FILE: &str = "store.toml";

    /// Reads the `store.toml` of a folder of records, without opening the store; `None` where there is no store yet.
    ///
    /// # Errors
    /// When the folder or the file cannot be read, is not private, or was written by a newer version.
    pub fn read(dir: &Path) -> Result<Option<Self>, StoreFault> {
        match std::fs::symlink_metadata(dir) {
            // Nobody ever made one, or somebody took it away: where others can do that, it is not told apart.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => sys::check_way(dir).map(|()| None),
            _ => Self::read_in(System.open_folder(dir)?.as_ref()),
        }
    }

    pub(crate) fn read_in(dir: &Dir) -> Result<Option<Self>, StoreFault> {
        let Some(bytes) = dir.read(Self::FILE, FILE_BYTES_MAX)? else { return Ok(None) };
        layout::parse(&bytes, &Self::path_in(dir)).map(Some)
    }

    /// Writes it where there is none.
    pub(crate) fn write_in(&self, dir: &Dir, disk: &Disk) -> Result<(), StoreFault> {
        let text = layout::text_of(self).map_err(|why| unwritten(dir, &why))?;
        disk.create(dir, &target(IoAct::Open), text.as_bytes()).map(|_| ())
    }

    /// Writes it over the one that stands there. The caller holds the store's lock.
    pub(crate) fn replace_in(&self, dir: &Dir, disk: &Disk) -> Result<(), StoreFault> {
        let text = layout::text_of(self).map_err(|why| unwritten(dir, &why))?;
        disk.replace(dir, &target(IoAct::Rekey), text.as_bytes(), None)
    }

    pub(crate) fn path_in(dir: &Dir) -> PathBuf {
        dir.path_of(Self::FILE)
    }

    /// The key that everything new is sealed with.
    pub(crate) fn newest(&self) -> &KeyRef {
        self.next.as_ref().unwrap_or(&self.current)
    }
}

/// A number for a new store.
pub(crate) fn fresh_store_id(disk: &Disk) -> Result<String, StoreFault> {
    let mut id = [0; STORE_ID_BYTES];
    disk.machine.fill_random(&mut id)?;
    Ok(to_hex(&id))
}

fn target(act: IoAct) -> Target<'static> {
    Target { act, part: Some("store-file"), stem: Remembered::FILE, file: Remembered::FILE }
}

fn unwritten(dir: &Dir, why: &str) -> StoreFault {
    fault(StoreFaultKind::Io, format!("cannot write {}: {why}", shown(&Remembered::path_in(dir))))
}

pub(crate) fn damaged(path: &Path, why: &str) -> StoreFault {
    let message = format!(
        "{} is damaged: {}; restore it from a backup; where the key is in a file or keyring, it may be removed instead: \
         it is written anew where the key opens the records",
        shown(path),
        why.lines().next().unwrap_or_default()
    );
    fault(StoreFaultKind::Damaged, message)
}

/// Takes any bytes for a `store.toml`: they are read as something that is written and read the same again, or refused;
/// and nothing that is read has a key derivation cost out of bounds.
///
/// # Panics
/// Where that does not hold.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn check_total(bytes: &[u8]) {
    let path = Path::new("/state/credentials/store.toml");
    let read = match layout::parse(bytes, path) {
        Ok(read) => read,
        Err(fault) => {
            let known = matches!(fault.kind, StoreFaultKind::Damaged | StoreFaultKind::NewerFormat);
            assert!(known && !fault.message.contains('\n'), "{}", fault.message);
            return;
        }
    };
    for key in [Some(&read.current), read.next.as_ref(), read.retired.as_ref()].into_iter().flatten() {
        if let Some(derivation) = key.derivation {
            let [memory, passes, lanes] = derivation.cost.parts();
            let bounded = crate::key::PassphraseCost::new(memory, passes, lanes).is_some();
            assert!(bounded, "a cost out of bounds was taken: {memory} {passes} {lanes}");
        }
    }
    let Ok(text) = layout::text_of(&read) else { panic!("what was read cannot be written") };
    assert_eq!(layout::parse(text.as_bytes(), path).ok(), Some(read), "{text}");
}

#[cfg(test)]
mod tests;
