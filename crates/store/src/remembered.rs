//! `store.toml`: what a store was made with.
//!
//! It is written once, at first use. A configuration that says otherwise later is an error rather than a second,
//! empty store beside the first, and a key that is not the one of the records is known before it is used on them.

use std::path::{Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};
use serde::{Deserialize, Serialize};

use crate::crypt::KEY_ID_BYTES;
use crate::disk::{Disk, Target};
use crate::fault::{fault, shown};
use crate::fs::{Dir, FileSystem as _};
use crate::point::IoAct;
use crate::sys::System;

/// The layout of `store.toml` and of the folder around it.
const STORE_FORMAT: u32 = 1;

/// The kind of this store.
pub(crate) const KIND: &str = "file";

/// Four lines; whatever is longer is no `store.toml`.
const FILE_BYTES_MAX: usize = 16 * 1024;

const HEAD: &str = "# What this store was made with. Written once by renewd, at first use.\n";

/// What a store was made with.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The kind of store: `file`.
    pub kind: String,
    /// The key source's setting: `file`, `file:/path`.
    pub key: String,
    pub(crate) key_id: [u8; KEY_ID_BYTES],
}

#[derive(Serialize, Deserialize)]
struct Layout {
    format: u32,
    kind: String,
    key: String,
    key_id: String,
}

/// For a look at the format alone: a newer layout need have nothing else in common.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
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
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => Self::read_in(System.open_folder(dir)?.as_ref()),
        }
    }

    pub(crate) fn read_in(dir: &Dir) -> Result<Option<Self>, StoreFault> {
        let Some(bytes) = dir.read(Self::FILE, FILE_BYTES_MAX)? else { return Ok(None) };
        let path = Self::path_in(dir);
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged(&path, "it is not text"))?;
        let FormatOnly { format } = toml::from_str(text).map_err(|error| damaged(&path, error.message()))?;
        if format > STORE_FORMAT {
            let message = format!(
                "{} has format {format}, written by a newer version; this one reads up to {STORE_FORMAT}: upgrade \
                 renewd",
                shown(&path)
            );
            return Err(fault(StoreFaultKind::NewerFormat, message));
        }
        let layout: Layout = toml::from_str(text).map_err(|error| damaged(&path, error.message()))?;
        let key_id = from_hex(&layout.key_id).ok_or_else(|| damaged(&path, "key_id is no key's id"))?;
        Ok(Some(Self { kind: layout.kind, key: layout.key, key_id }))
    }

    /// Writes it where there is none, and gives what stands there afterwards.
    pub(crate) fn write_in(&self, dir: &Dir, disk: &Disk) -> Result<(), StoreFault> {
        let layout = Layout {
            format: STORE_FORMAT,
            kind: self.kind.clone(),
            key: self.key.clone(),
            key_id: to_hex(&self.key_id),
        };
        let path = Self::path_in(dir);
        let body = toml::to_string(&layout)
            .map_err(|error| fault(StoreFaultKind::Io, format!("cannot write {}: {error}", shown(&path))))?;
        let target =
            Target { act: IoAct::Open, part: Some("store-file"), stem: Self::FILE, file: Self::FILE };
        disk.create(dir, &target, format!("{HEAD}{body}").as_bytes()).map(|_| ())
    }

    pub(crate) fn path_in(dir: &Dir) -> PathBuf {
        dir.path_of(Self::FILE)
    }
}

fn damaged(path: &Path, why: &str) -> StoreFault {
    let message = format!(
        "{} is damaged: {}; restore it from a backup, or remove it: it is written anew where the key opens the \
         records",
        shown(path),
        why.lines().next().unwrap_or_default()
    );
    fault(StoreFaultKind::Damaged, message)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; KEY_ID_BYTES]> {
    let whole = text.len() == 2 * KEY_ID_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok()?;
    whole.then_some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::private_dir;

    #[test]
    fn what_is_written_is_read_and_the_first_to_write_wins() {
        let temp = private_dir();
        assert_eq!(Remembered::read(temp.path()).unwrap(), None);
        let dir = System.open_folder(temp.path()).unwrap();
        let disk = Disk { machine: System::machine(), hook: None };
        let first = Remembered { kind: KIND.into(), key: "file:/a \"b\"".into(), key_id: [0xa5; 16] };
        first.write_in(dir.as_ref(), &disk).unwrap();
        Remembered { key: "file".into(), ..first.clone() }.write_in(dir.as_ref(), &disk).unwrap();
        assert_eq!(Remembered::read(temp.path()).unwrap(), Some(first));
        assert_eq!(Remembered::read(&temp.path().join("nowhere")).unwrap(), None);
    }

    #[test]
    fn a_newer_layout_is_told_apart_from_a_damaged_one() {
        for (text, kind) in [
            ("format = 2\nnew = true\n", StoreFaultKind::NewerFormat),
            ("format = 1\n", StoreFaultKind::Damaged),
            ("form", StoreFaultKind::Damaged),
            ("", StoreFaultKind::Damaged),
            ("format = 1\nkind = \"file\"\nkey = \"file\"\nkey_id = \"+123\"\n", StoreFaultKind::Damaged),
        ] {
            let temp = private_dir();
            std::fs::write(temp.path().join(Remembered::FILE), text).unwrap();
            crate::fixtures::set_mode(&temp.path().join(Remembered::FILE), 0o600);
            let fault = Remembered::read(temp.path()).unwrap_err();
            assert_eq!(fault.kind, kind, "{}", fault.message);
            assert!(fault.message.contains(Remembered::FILE));
        }
    }
}
