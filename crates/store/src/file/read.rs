//! Reading: a record that was committed for this credential, or a typed fault.
//!
//! A damaged record is set aside (`NAME.damaged-1`, …), never overwritten, and never taken for "logged out": as long
//! as no login replaced it, its own remains say that there was a record. A file of a newer version, one that was
//! sealed with another key, and one whose owner or mode is wrong are left where they are.

use renewd_core::{Loaded, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::CredentialName;

use super::{FileStore, Inner, names};
use crate::crypt::{Purpose, same_digest};
use crate::envelope::{self, FILE_BYTES_MAX, Sealed};
use crate::fault::{fault, io_fault, shown};
use crate::fencing::{Standing, newer_format};
use crate::fs::Dir;
use crate::lock::Lock;
use crate::payload::{self, Version};
use crate::point::IoAct;

/// What reading `NAME.mark` gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// There is none.
    Missing,
    /// It cannot be read; a write repairs it.
    Damaged,
    /// It cannot be read, and must be left alone.
    Foreign,
    /// The greatest version committed.
    Version(Version),
}

impl Mark {
    pub(super) fn version(self) -> Option<Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Missing | Self::Damaged | Self::Foreign => None,
        }
    }
}

/// Why there is no record to give.
enum NoRecord {
    /// No file.
    Missing,
    /// A file that is damaged, like this.
    Damaged(String),
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
        match self.inner.read_record(dir, name) {
            Ok(record) if mark.version() == Some(record.version()) => Loaded::Record(record),
            Ok(record) => self.inner.settle_mark(dir, name, mark, record),
            Err(NoRecord::Missing) => self.inner.absent_or_gone(dir, name, mark),
            Err(NoRecord::Fault(fault)) => Loaded::Fault(fault),
            Err(NoRecord::Damaged(why)) => match self.inner.lock_write(dir, name) {
                Ok(_held) => self.inner.standing(dir, name).0.loaded,
                Err(_) => Loaded::Fault(damaged_fault(dir, &names::record(name), &why)),
            },
        }
    }

    /// The names of all records, sorted: tombstones and damaged ones included.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list_blocking(&self) -> Result<Vec<CredentialName>, StoreFault> {
        let entries = self.inner.open_dir()?.entries()?;
        let mut found: Vec<_> = entries.iter().filter_map(|file| names::evident(file)).collect();
        found.sort();
        found.dedup();
        Ok(found)
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
        let wanted = self.inner.keys.token_digest(refresh_token);
        let mut recorded: Vec<_> = dir.entries()?.iter().filter_map(|file| names::recorded(file)).collect();
        recorded.sort();
        for name in recorded {
            if except == Some(&name) {
                continue;
            }
            match self.inner.read_record(dir, &name) {
                Ok(record) if self.inner.holds(&record, &wanted) => return Ok(Some(name)),
                Ok(_) | Err(NoRecord::Missing | NoRecord::Damaged(_)) => {}
                Err(NoRecord::Fault(fault)) if fault.kind == StoreFaultKind::NewerFormat => {}
                Err(NoRecord::Fault(fault)) => return Err(fault),
            }
        }
        Ok(None)
    }
}

impl Inner {
    /// What stands there, and what its mark says. The caller holds *write*; a damaged record is set aside.
    pub(super) fn standing(&self, dir: &Dir, name: &CredentialName) -> (Standing, Mark) {
        let mark = self.read_mark(dir, name);
        let greatest = mark.version();
        let standing = match self.read_record(dir, name) {
            Ok(record) => {
                let version = record.version();
                let loaded = match greatest {
                    Some(greatest) if version < greatest => Loaded::RolledBack { record, greatest },
                    _ => Loaded::Record(record),
                };
                Standing { loaded, greatest: greatest.max(Some(version)), vacant: false }
            }
            Err(NoRecord::Missing) => {
                Standing { loaded: self.absent_or_gone(dir, name, mark), greatest, vacant: true }
            }
            Err(NoRecord::Fault(fault)) => Standing { loaded: Loaded::Fault(fault), greatest, vacant: false },
            Err(NoRecord::Damaged(why)) => {
                let (fault, vacant) = match self.set_aside(dir, name) {
                    Ok(aside) => (damaged_fault(dir, &aside, &why), true),
                    Err(fault) => (fault, false),
                };
                Standing { loaded: Loaded::Fault(fault), greatest, vacant }
            }
        };
        (standing, mark)
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
        match envelope::open(&self.keys, Purpose::Mark, name.as_str(), &bytes) {
            Ok(opened) => Mark::Version(opened.version),
            Err(Sealed::Damaged(_) | Sealed::OtherName(_)) => Mark::Damaged,
            Err(Sealed::Newer(_) | Sealed::OtherKey) => Mark::Foreign,
        }
    }

    /// A record beside a mark that does not say the same: rolled back, or a mark to repair. Decided under *write*,
    /// where no writer is between the two.
    fn settle_mark(&self, dir: &Dir, name: &CredentialName, mark: Mark, record: Box<Record>) -> Loaded {
        let below = mark.version().filter(|greatest| record.version() < *greatest);
        let held = match below {
            Some(_) => self.lock_write(dir, name).map(Some),
            // A writer may be about to write the mark itself: no reason to wait for it.
            None => Lock::try_take(dir, &names::write(name)),
        };
        match (held, below) {
            (Ok(Some(_held)), _) => {
                let (standing, mark) = self.standing(dir, name);
                if let (Loaded::Record(record), Ok(())) = (&standing.loaded, self.check_process()) {
                    self.raise_mark(dir, name, mark, record.version(), IoAct::Load);
                }
                standing.loaded
            }
            // Without the lock (a read-only disk, say) the careful reading counts.
            (_, Some(greatest)) => Loaded::RolledBack { record, greatest },
            (_, None) => Loaded::Record(record),
        }
    }

    fn absent_or_gone(&self, dir: &Dir, name: &CredentialName, mark: Mark) -> Loaded {
        let entries = match dir.entries() {
            Ok(entries) => entries,
            Err(fault) => return Loaded::Fault(fault),
        };
        let last = entries.iter().filter_map(|file| names::damaged_number(file, name)).max();
        if let Some(number) = last {
            let aside = names::damaged(name, number);
            let why = self.damage_in(dir, name, &aside);
            return Loaded::Fault(damaged_fault(dir, &aside, &why));
        }
        if mark == Mark::Missing {
            return Loaded::Absent;
        }
        let message = format!(
            "{} is gone, though {} says that there was one: restore it from a backup, or log in again",
            shown(&dir.path_of(&names::record(name))),
            names::mark(name)
        );
        Loaded::Fault(fault(StoreFaultKind::Damaged, message))
    }

    /// What is wrong with a file that was set aside: whoever comes later learns as much as whoever found it.
    fn damage_in(&self, dir: &Dir, name: &CredentialName, aside: &str) -> String {
        let bytes = dir.read(aside, FILE_BYTES_MAX).ok().flatten();
        let opened = bytes.map(|bytes| envelope::open(&self.keys, Purpose::Record, name.as_str(), &bytes));
        match opened {
            Some(Err(Sealed::Damaged(why))) => why.to_owned(),
            Some(Err(Sealed::OtherName(other))) => format!("it is the record of {other:?}"),
            _ => "as was found before".to_owned(),
        }
    }

    fn read_record(&self, dir: &Dir, name: &CredentialName) -> Result<Box<Record>, NoRecord> {
        let file = names::record(name);
        let bytes = dir.read(&file, FILE_BYTES_MAX).map_err(NoRecord::Fault)?.ok_or(NoRecord::Missing)?;
        let place = shown(&dir.path_of(&file)).to_string();
        let opened = match envelope::open(&self.keys, Purpose::Record, name.as_str(), &bytes) {
            Ok(opened) => opened,
            Err(Sealed::Damaged(why)) => return Err(NoRecord::Damaged(why.to_owned())),
            Err(Sealed::Newer(format)) => {
                return Err(NoRecord::Fault(newer_format(&place, &format!("format {format}"))));
            }
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
                return Err(NoRecord::Damaged(format!("it is the record of {other:?}")));
            }
        };
        let record = payload::decode(&opened.payload, opened.format, opened.version)
            .map_err(|what| NoRecord::Fault(newer_format(&place, &what)))?;
        if self.keys.identity_digest(&payload::identity_bytes(&record.identity)) != opened.identity {
            return Err(NoRecord::Fault(newer_format(&place, "its identity is written otherwise")));
        }
        Ok(Box::new(record))
    }

    /// Moves a damaged record to the next free number. The caller holds *write*.
    fn set_aside(&self, dir: &Dir, name: &CredentialName) -> Result<String, StoreFault> {
        self.check_process()?;
        let from = names::record(name);
        let entries = dir.entries()?;
        let last = entries.iter().filter_map(|file| names::damaged_number(file, name)).max().unwrap_or(0);
        let aside = names::damaged(name, last.saturating_add(1));
        let doing = "set aside the damaged";
        dir.rename_new(&from, &aside)
            .map_err(|error| damage_of(io_fault(doing, &dir.path_of(&from), &error)))?;
        dir.sync().map_err(|error| damage_of(io_fault("sync the folder", dir.path(), &error)))?;
        tracing::warn!(credential = %name, file = %aside, "a damaged record was set aside");
        Ok(aside)
    }

    fn holds(&self, record: &Record, wanted: &[u8; 32]) -> bool {
        let current = record.grant.refresh_token.as_ref().map(|token| self.keys.token_digest(token));
        [current, record.previous_digest].iter().flatten().any(|digest| same_digest(digest, wanted))
    }
}

/// The record is damaged, whatever else failed on the way.
fn damage_of(fault: StoreFault) -> StoreFault {
    StoreFault { kind: StoreFaultKind::Damaged, ..fault }
}

fn damaged_fault(dir: &Dir, file: &str, why: &str) -> StoreFault {
    let message = format!(
        "the record is damaged ({why}) and lies at {}: restore it from a backup, or log in again",
        shown(&dir.path_of(file))
    );
    fault(StoreFaultKind::Damaged, message)
}
