//! Reading: a record that was committed for this credential, or a typed fault.
//!
//! A damaged record is set aside (`NAME.damaged-1`, …), never overwritten, and never taken for "logged out": as long
//! as no login replaced it, its own remains say that there was a record. A file of a newer version, one that was
//! sealed with another key, and one whose owner or mode is wrong are left where they are.

use std::collections::BTreeSet;

use renewd_core::{Loaded, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::CredentialName;
use zeroize::Zeroizing;

use super::place::{Aside, Found, Lie, torn_reason};
use super::{FileStore, Inner, names};
use crate::crypt::{Purpose, same_digest};
use crate::envelope::{FILE_BYTES_MAX, Sealed};
use crate::fault::{fault, shown};
use crate::fencing::{Standing, newer_format};
use crate::fs::Dir;
use crate::lock::Lock;
use crate::payload::{self, Version};

/// What reading `NAME.mark` gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// There is none.
    Missing,
    /// It cannot be read; a write repairs it.
    Damaged,
    /// It cannot be read, and must be left alone.
    Foreign,
    /// It belongs to a credential whose name differs in upper and lower case only: here one file has both names, while
    /// a keyring keeps two records.
    Others,
    /// The greatest version committed, and the greatest serial of a write to a keyring (0 for files).
    Version(Version, u64),
}

impl Mark {
    pub(super) fn version(self) -> Option<Version> {
        match self {
            Self::Version(version, _) => Some(version),
            Self::Missing | Self::Damaged | Self::Foreign | Self::Others => None,
        }
    }

    pub(super) fn serial(self) -> u64 {
        match self {
            Self::Version(_, serial) => serial,
            Self::Missing | Self::Damaged | Self::Foreign | Self::Others => 0,
        }
    }

    /// Whether a record was written before what the mark knows of.
    pub(super) fn is_above(self, version: Version, lie: Lie) -> Option<Version> {
        self.version().filter(|greatest| version < *greatest || lie.serial < self.serial())
    }
}

/// What stands in the store, read under *write*, and what must be known of it to write over it.
pub(super) struct Stands {
    pub(super) standing: Standing,
    pub(super) mark: Mark,
    /// How the record lies in a keyring.
    pub(super) lie: Option<Lie>,
}

/// Why there is no record to give.
pub(super) enum NoRecord {
    /// No file.
    Missing,
    /// What lies there is damaged, like this; its bytes, where they were put together.
    Damaged(String, Option<Zeroizing<Vec<u8>>>),
    /// A file that is left alone.
    Fault(StoreFault),
}

impl FileStore {
    /// Reads a record.
    pub fn load_blocking(&self, name: &CredentialName) -> Loaded {
        let dir = match self.inner.open_dir() {
            Ok(dir) => dir,
            Err(fault) => return Loaded::Fault(fault),
        };
        let dir = dir.as_ref();
        // The mark first: it is written after its record, so that a record read later is never the older one.
        let mark = self.inner.read_mark(dir, name);
        if mark == Mark::Others {
            return Loaded::Fault(other_case(dir, name));
        }
        match self.inner.read_record(dir, name) {
            Ok((record, lie)) if mark == Mark::Version(record.version(), lie.serial) => {
                Loaded::Record(record)
            }
            Ok((record, lie)) => self.inner.settle_mark(dir, name, mark, record, lie),
            Err(NoRecord::Missing) => self.inner.absent_or_gone(dir, name, mark),
            Err(NoRecord::Fault(fault)) => Loaded::Fault(fault),
            Err(NoRecord::Damaged(why, _)) => match self.inner.lock_write(dir, name) {
                Ok(_held) => self.inner.stands(dir, name).standing.loaded,
                Err(_) => Loaded::Fault(damaged_fault(&self.inner.place.shown(dir, name), &why)),
            },
        }
    }

    /// The names of all records, sorted: tombstones and damaged ones included.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list_blocking(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.inner.names_in(self.inner.open_dir()?.as_ref())
    }

    /// The credential, other than `except`, whose current or previous refresh token this is. Records that are damaged
    /// or of a newer version cannot be asked and are passed over.
    ///
    /// # Errors
    /// When the folder or a record cannot be read.
    pub fn holder_of_blocking(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        let dir = self.inner.open_dir()?;
        let dir = dir.as_ref();
        let wanted = self.inner.token_digest(refresh_token);
        for name in self.inner.names_in(dir)? {
            if except == Some(&name) {
                continue;
            }
            match self.inner.read_record(dir, &name) {
                Ok((record, _)) if self.inner.holds(&record, &wanted) => return Ok(Some(name)),
                Ok(_) | Err(NoRecord::Missing | NoRecord::Damaged(..)) => {}
                Err(NoRecord::Fault(fault)) if fault.kind == StoreFaultKind::NewerFormat => {}
                Err(NoRecord::Fault(fault)) => return Err(fault),
            }
        }
        Ok(None)
    }
}

impl Inner {
    /// The names of all records, sorted. Where they lie in a keyring, a process may have died before it wrote the mark
    /// beside the first: whoever began to write is asked for there.
    pub(super) fn names_in(&self, dir: &Dir) -> Result<Vec<CredentialName>, StoreFault> {
        let entries = dir.entries()?;
        let mut found: BTreeSet<_> = entries.iter().filter_map(|file| names::evident(file)).collect();
        if let Some(items) = self.place.items() {
            for name in entries.iter().filter_map(|file| names::begun(file)) {
                // A keyring that cannot be asked is no evidence that nothing is there.
                if !found.contains(&name) && items.is_begun(&name).unwrap_or(true) {
                    found.insert(name);
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// What stands there. The caller holds *write*; a damaged record is set aside.
    pub(super) fn stands(&self, dir: &Dir, name: &CredentialName) -> Stands {
        let mark = self.read_mark(dir, name);
        if mark == Mark::Others {
            let loaded = Loaded::Fault(other_case(dir, name));
            let standing = Standing { loaded, greatest: None, vacant: false };
            return Stands { standing, mark, lie: None };
        }
        let greatest = mark.version();
        let mut lies = None;
        let standing = match self.read_record(dir, name) {
            Ok((record, lie)) => {
                let version = record.version();
                lies = Some(lie);
                let loaded = match mark.is_above(version, lie) {
                    Some(greatest) => Loaded::RolledBack { record, greatest },
                    None => Loaded::Record(record),
                };
                Standing { loaded, greatest: greatest.max(Some(version)), vacant: false }
            }
            Err(NoRecord::Missing) => {
                Standing { loaded: self.absent_or_gone(dir, name, mark), greatest, vacant: true }
            }
            Err(NoRecord::Fault(fault)) => Standing { loaded: Loaded::Fault(fault), greatest, vacant: false },
            Err(NoRecord::Damaged(why, bytes)) => {
                let (fault, vacant) = match self.set_aside(dir, name, bytes.as_deref()) {
                    Ok(aside) => (damaged_fault(&aside, &why), true),
                    Err(fault) => (fault, false),
                };
                Standing { loaded: Loaded::Fault(fault), greatest, vacant }
            }
        };
        Stands { standing, mark, lie: lies }
    }

    pub(super) fn read_mark(&self, dir: &Dir, name: &CredentialName) -> Mark {
        let bytes = match dir.read(&names::mark(name), FILE_BYTES_MAX) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Mark::Missing,
            Err(fault) => {
                tracing::warn!(credential = %name, problem = %fault.message, "the record's mark cannot be read");
                return Mark::Foreign;
            }
        };
        match self.open_sealed(dir, Purpose::Mark, name, &bytes) {
            Ok((opened, _)) => Mark::Version(opened.version, serial_in(&opened.identity)),
            Err(Sealed::OtherName(other))
                if self.place.items().is_some() && other.eq_ignore_ascii_case(name.as_str()) =>
            {
                Mark::Others
            }
            Err(Sealed::Damaged(_) | Sealed::OtherName(_)) => Mark::Damaged,
            Err(Sealed::Newer(_) | Sealed::OtherKey | Sealed::NoKey(_)) => Mark::Foreign,
        }
    }

    /// A record beside a mark that does not say the same: rolled back, or a mark to repair. Decided under *write*,
    /// where no writer is between the two.
    fn settle_mark(
        &self,
        dir: &Dir,
        name: &CredentialName,
        mark: Mark,
        record: Box<Record>,
        lie: Lie,
    ) -> Loaded {
        let below = mark.is_above(record.version(), lie);
        let held = match below {
            Some(_) => self.lock_write(dir, name).map(Some),
            // A writer may be about to write the mark itself: no reason to wait for it.
            None => Lock::try_take(dir, &names::write(name)),
        };
        match (held, below) {
            (Ok(Some(_held)), _) => {
                let stands = self.stands(dir, name);
                if let (Loaded::Record(record), Ok(())) = (&stands.standing.loaded, self.check_process()) {
                    self.end_write(dir, name, &stands, record.version());
                }
                stands.standing.loaded
            }
            // Without the lock (a read-only disk, say) the careful reading counts.
            (_, Some(greatest)) => Loaded::RolledBack { record, greatest },
            (_, None) => Loaded::Record(record),
        }
    }

    fn absent_or_gone(&self, dir: &Dir, name: &CredentialName, mark: Mark) -> Loaded {
        let last = match self.last_set_aside(dir, name) {
            Ok(last) => last,
            Err(fault) => return Loaded::Fault(fault),
        };
        if let Some(number) = last {
            let aside = names::damaged(name, number);
            let why = self.damage_in(dir, name, &aside);
            return Loaded::Fault(damaged_fault(&shown(&dir.path_of(&aside)).to_string(), &why));
        }
        if mark == Mark::Missing {
            return Loaded::Absent;
        }
        let message = format!(
            "{} is gone, though {} says that there was one: restore it from a backup, or log in again",
            self.place.shown(dir, name),
            names::mark(name)
        );
        Loaded::Fault(fault(StoreFaultKind::Damaged, message))
    }

    /// The number of the damaged record that was set aside last.
    pub(super) fn last_set_aside(&self, dir: &Dir, name: &CredentialName) -> Result<Option<u32>, StoreFault> {
        Ok(dir.entries()?.iter().filter_map(|file| names::damaged_number(file, name)).max())
    }

    /// What is wrong with a file that was set aside: whoever comes later learns as much as whoever found it.
    fn damage_in(&self, dir: &Dir, name: &CredentialName, aside: &str) -> String {
        // What is left of a torn record may be larger than a record.
        let bytes = dir.read(aside, FILE_BYTES_MAX).ok().flatten();
        if let Some(why) = bytes.as_ref().and_then(|bytes| torn_reason(bytes)) {
            return why;
        }
        let opened = bytes.map(|bytes| self.open_sealed(dir, Purpose::Record, name, &bytes));
        match opened {
            Some(Err(Sealed::Damaged(why))) => why.to_owned(),
            Some(Err(Sealed::OtherName(other))) => format!("it is the record of {other:?}"),
            _ => "as was found before".to_owned(),
        }
    }

    pub(super) fn read_record(
        &self,
        dir: &Dir,
        name: &CredentialName,
    ) -> Result<(Box<Record>, Lie), NoRecord> {
        let (bytes, lie) = match self.place.read(dir, name).map_err(NoRecord::Fault)? {
            Found::Sealed { bytes, lie } => (bytes, lie),
            Found::Missing => return Err(NoRecord::Missing),
            Found::Torn(why) => return Err(NoRecord::Damaged(why, None)),
        };
        let place = self.place.shown(dir, name);
        let (opened, keys) = match self.open_sealed(dir, Purpose::Record, name, &bytes) {
            Ok(opened) => opened,
            Err(Sealed::Damaged(why)) => return Err(NoRecord::Damaged(why.to_owned(), Some(bytes))),
            Err(Sealed::Newer(format)) => {
                return Err(NoRecord::Fault(newer_format(&place, &format!("format {format}"))));
            }
            Err(Sealed::NoKey(fault)) => return Err(NoRecord::Fault(fault)),
            Err(Sealed::OtherKey) => {
                let message = format!("{place} was sealed with another key: restore the key, or the record");
                return Err(NoRecord::Fault(fault(StoreFaultKind::KeyUnavailable, message)));
            }
            Err(Sealed::OtherName(other)) if other.eq_ignore_ascii_case(name.as_str()) => {
                let message = format!(
                    "{place} is the record of {other:?}: this file system makes no difference \
                                       between upper and lower case; use another name"
                );
                return Err(NoRecord::Fault(fault(StoreFaultKind::Denied, message)));
            }
            Err(Sealed::OtherName(other)) => {
                return Err(NoRecord::Damaged(format!("it is the record of {other:?}"), Some(bytes)));
            }
        };
        let record = payload::decode(&opened.payload, opened.format, opened.version)
            .map_err(|what| NoRecord::Fault(newer_format(&place, &what)))?;
        if keys.identity_digest(&payload::identity_bytes(&record.identity)) != opened.identity {
            return Err(NoRecord::Fault(newer_format(&place, "its identity is written otherwise")));
        }
        Ok((Box::new(record), lie))
    }

    /// Moves a damaged record to the next free number, and says where it is. The caller holds *write*.
    fn set_aside(
        &self,
        dir: &Dir,
        name: &CredentialName,
        damaged: Option<&Vec<u8>>,
    ) -> Result<String, StoreFault> {
        self.check_process()?;
        let last = self.last_set_aside(dir, name)?;
        let file = names::damaged(name, last.unwrap_or(0).saturating_add(1));
        let last = last.map(|last| names::damaged(name, last));
        let damaged = damaged.map(Vec::as_slice);
        let aside = Aside { file: &file, last: last.as_deref(), damaged };
        self.place.set_aside(&self.disk, dir, name, &aside).map_err(damage_of)?;
        tracing::warn!(credential = %name, file = %file, "a damaged record was set aside");
        Ok(shown(&dir.path_of(&file)).to_string())
    }

    fn holds(&self, record: &Record, wanted: &[u8; 32]) -> bool {
        let current = record.grant.refresh_token.as_ref().map(|token| self.token_digest(token));
        [current, record.previous_digest].iter().flatten().any(|digest| same_digest(digest, wanted))
    }
}

/// The record is damaged, whatever else failed on the way.
fn damage_of(fault: StoreFault) -> StoreFault {
    StoreFault { kind: StoreFaultKind::Damaged, ..fault }
}

fn damaged_fault(place: &str, why: &str) -> StoreFault {
    let message = format!(
        "the record is damaged ({why}) and lies at {place}: restore it from a backup, or log in again"
    );
    fault(StoreFaultKind::Damaged, message)
}

fn other_case(dir: &Dir, name: &CredentialName) -> StoreFault {
    let message = format!(
        "{} is another credential's: this file system makes no difference between upper and lower case; use another \
         name",
        shown(&dir.path_of(&names::mark(name)))
    );
    fault(StoreFaultKind::Denied, message)
}

/// The serial that a mark carries where a file's header has the identity.
fn serial_in(identity: &[u8; 16]) -> u64 {
    identity.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
