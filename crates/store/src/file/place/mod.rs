//! Where the sealed bytes of a record lie: in a file of the records' folder, or in items of a keyring.
//!
//! Everything else is the same for both and stays in the folder: the locks, the mark with the greatest version, what
//! was set aside, and the fences. What a keyring holds is sealed like a file: it is bound to its name, identity, epoch
//! and generation, and damage, swaps and older values are seen. A keyring has no rename and may answer with what it held
//! before; so each write there has a serial, which the mark remembers, too.

pub(crate) mod index;
mod items;

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::CredentialName;
use zeroize::Zeroizing;

use crate::disk::{Disk, Room, Target};
use crate::envelope::FILE_BYTES_MAX;
use crate::fault::{fault, io_fault, shown};
use crate::fs::Dir;
use crate::point::IoAct;
use crate::watch::Recorded;

use super::names;

pub(crate) use index::Lie;
pub(crate) use items::Items;

/// Where sealed records lie.
pub(crate) enum Place {
    /// In the folder, as `NAME.record`.
    Folder,
    /// In a keyring.
    Keyring(Items),
}

/// What lies where a record should.
pub(crate) enum Found {
    /// Nothing.
    Missing,
    /// A sealed record.
    Sealed { bytes: Zeroizing<Vec<u8>>, lie: Lie },
    /// Parts that do not belong together, for this reason. A file has no parts.
    Torn(String),
}

/// A record that was written.
pub(crate) struct Written {
    /// What its write counts as; 0 for a file.
    pub(crate) serial: u64,
    /// Why something of the record before is still there. This one stands all the same.
    pub(crate) left: Option<StoreFault>,
}

/// A file is replaced whole: it has no serial and no parts.
const FILE_LIE: Lie = Lie { serial: 0, parts: None };

impl Place {
    /// Reads what lies there.
    pub(crate) fn read(&self, dir: &Dir, name: &CredentialName) -> Result<Found, StoreFault> {
        match self {
            Self::Folder => Ok(match dir.read(&names::record(name), FILE_BYTES_MAX)? {
                Some(bytes) => Found::Sealed { bytes, lie: FILE_LIE },
                None => Found::Missing,
            }),
            Self::Keyring(items) => items.read(name),
        }
    }

    /// Replaces the record and reads it back. `before` says how the one before lies, `known` which serial was the
    /// greatest. The caller holds *write*.
    pub(crate) fn write(
        &self,
        disk: &Disk,
        dir: &Dir,
        act: IoAct,
        name: &CredentialName,
        bytes: &[u8],
        over: Over,
    ) -> Result<Written, StoreFault> {
        match self {
            Self::Folder => {
                let file = names::record(name);
                let target = Target { act, part: None, stem: name.as_str(), file: &file };
                disk.replace(dir, &target, bytes, over.room)?;
                Ok(Written { serial: 0, left: None })
            }
            Self::Keyring(items) => {
                let before = over.before.map_or(0, |lie| lie.serial);
                items.write(name, bytes, over.before, before.max(over.known).saturating_add(1))
            }
        }
    }

    /// Moves a damaged record out of the way, into a file. The caller holds *write*.
    pub(crate) fn set_aside(
        &self,
        disk: &Disk,
        dir: &Dir,
        name: &CredentialName,
        aside: &Aside<'_>,
    ) -> Result<(), StoreFault> {
        match self {
            Self::Folder => {
                let from = names::record(name);
                dir.rename_new(&from, aside.file)
                    .map_err(|error| io_fault("set aside the damaged", &dir.path_of(&from), &error))?;
                dir.sync().map_err(|error| io_fault("sync the folder", dir.path(), &error))
            }
            Self::Keyring(items) => {
                let remains = match (items.read(name)?, aside.damaged) {
                    (Found::Sealed { bytes, .. }, Some(damaged)) if *bytes == damaged => bytes,
                    (Found::Torn(why), None) => items.remains(name, &why)?,
                    _ => {
                        let message = format!(
                            "{} is damaged, and something else the next time it is read: it is left alone",
                            items.shown(name)
                        );
                        return Err(fault(StoreFaultKind::Io, message));
                    }
                };
                // A keyring that lets nothing be removed is met again by every reader: one file is enough.
                let kept = aside.last.and_then(|last| dir.read(last, remains.len()).ok().flatten());
                if kept.is_none_or(|kept| *kept != *remains) {
                    let target = Target {
                        act: IoAct::Load,
                        part: Some("damaged"),
                        stem: name.as_str(),
                        file: aside.file,
                    };
                    if !disk.create(dir, &target, &remains)? {
                        let message = format!("{} is there already", shown(&dir.path_of(aside.file)));
                        return Err(fault(StoreFaultKind::Io, message));
                    }
                }
                items.remove(name)
            }
        }
    }

    /// Where a record lies, for people.
    pub(crate) fn shown(&self, dir: &Dir, name: &CredentialName) -> String {
        match self {
            Self::Folder => shown(&dir.path_of(&names::record(name))).to_string(),
            Self::Keyring(items) => items.shown(name),
        }
    }

    /// The file that changes with every write of the record.
    pub(crate) fn signal(&self, name: &CredentialName) -> String {
        match self {
            Self::Folder => names::record(name),
            Self::Keyring(_) => names::mark(name),
        }
    }

    /// Which credential such a file is of.
    pub(crate) fn signalled(&self) -> Recorded {
        match self {
            Self::Folder => names::recorded,
            Self::Keyring(_) => names::marked,
        }
    }

    /// The keyring, where there is one.
    pub(crate) fn items(&self) -> Option<&Items> {
        match self {
            Self::Folder => None,
            Self::Keyring(items) => Some(items),
        }
    }
}

/// What a write goes over.
#[derive(Default)]
pub(crate) struct Over {
    /// How the record lies that stands there.
    pub(crate) before: Option<Lie>,
    /// The greatest serial that the mark knows.
    pub(crate) known: u64,
    /// Room on disk that was taken for it.
    pub(crate) room: Option<Room>,
}

/// Where a damaged record goes.
pub(crate) struct Aside<'a> {
    /// A name that is free.
    pub(crate) file: &'a str,
    /// The one that was set aside last.
    pub(crate) last: Option<&'a str>,
    /// What was read and is damaged; none where it could not be put together.
    pub(crate) damaged: Option<&'a [u8]>,
}

/// Why a record was set aside whose parts did not belong together: the file says it.
pub(crate) fn torn_reason(remains: &[u8]) -> Option<String> {
    let line = remains.strip_prefix(items::TORN.as_bytes())?.split(|byte| *byte == b'\n').next()?;
    let words = std::str::from_utf8(line).ok()?;
    (words.len() <= 120 && !words.chars().any(char::is_control)).then(|| words.to_owned())
}
