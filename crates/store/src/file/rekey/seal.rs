//! One record and its mark, sealed anew under their locks.

use std::collections::BTreeSet;
use std::time::Duration;

use renewd_core::{Loaded, StoreFault};
use renewd_driver::{Claim, CredentialName};

use crate::crypt::{KEY_ID_BYTES, Purpose};
use crate::disk::Target;
use crate::envelope::{self, FILE_BYTES_MAX, Header};
use crate::file::place::{Found, Over, Place};
use crate::file::prepared::Unread;
use crate::file::read::{Mark, NoRecord};
use crate::file::{FileStore, Inner, names};
use crate::fs::Dir;
use crate::point::IoAct;

/// As often as another process may let go of it for a moment only.
const POLL: Duration = Duration::from_millis(10);

/// Why a record was not sealed anew.
pub(super) enum NotSealed {
    /// Nothing opens it: no more is lost without the old key.
    Left(String),
    /// It may be of use still.
    Waiting(String),
}

impl From<StoreFault> for NotSealed {
    fn from(problem: StoreFault) -> Self {
        Self::Waiting(problem.message)
    }
}

impl Inner {
    /// Every name under which something stands, or is being written for the first time.
    pub(super) fn names_to_seal(&self, dir: &Dir) -> Result<BTreeSet<CredentialName>, StoreFault> {
        let entries = dir.entries()?;
        let begun = entries.iter().filter_map(|file| names::begun(file));
        let prepared = entries.iter().filter_map(|file| names::prepared_for(file));
        Ok(self.names_in(dir)?.into_iter().chain(begun).chain(prepared).collect())
    }

    /// Seals the record and the mark of that name with the newest key, where it is the old one that seals them; gives how
    /// many of them.
    pub(super) fn seal_anew(
        &self,
        store: &FileStore,
        dir: &Dir,
        name: &CredentialName,
        old: [u8; KEY_ID_BYTES],
        patience: Duration,
    ) -> Result<usize, NotSealed> {
        let _claim = self.claim_patiently(store, name, patience)?;
        let _held = self.lock_write(dir, name)?;
        let record = self.seal_record_anew(dir, name, old);
        if let Err(NotSealed::Waiting(_)) = record {
            return record;
        }
        let mark = self.seal_mark_anew(dir, name, old)?;
        let prepared = self.seal_prepared_anew(dir, name, old);
        if let Err(NotSealed::Waiting(_)) = prepared {
            return prepared;
        }
        Ok(record? + mark + prepared?)
    }

    fn seal_prepared_anew(
        &self,
        dir: &Dir,
        name: &CredentialName,
        old: [u8; KEY_ID_BYTES],
    ) -> Result<usize, NotSealed> {
        let Some(bytes) = dir.read(&names::prepared(name), FILE_BYTES_MAX)? else { return Ok(0) };
        if envelope::key_id(&bytes) != Some(old) {
            return Ok(0);
        }
        match self.read_prepared(dir, name) {
            Ok(all) => {
                self.write_prepared(dir, name, self.keys.now().newest(), &all, IoAct::Rekey)?;
                Ok(1)
            }
            Err(Unread::Useless(why)) => Err(NotSealed::Left(self.prepared_aside(dir, name, &why).message)),
            Err(Unread::Fault(problem)) => Err(problem.into()),
        }
    }

    fn claim_patiently(
        &self,
        store: &FileStore,
        name: &CredentialName,
        patience: Duration,
    ) -> Result<Box<dyn Claim>, NotSealed> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(claim) = store.try_claim_blocking(name)? {
                return Ok(claim);
            }
            if waited >= patience || !self.disk.machine.pause(POLL) {
                let why = "another process is refreshing it: try again when it has done so";
                return Err(NotSealed::Waiting(why.into()));
            }
            waited += POLL;
        }
    }

    fn seal_record_anew(
        &self,
        dir: &Dir,
        name: &CredentialName,
        old: [u8; KEY_ID_BYTES],
    ) -> Result<usize, NotSealed> {
        let mark = self.read_mark(dir, name);
        let (sealed_with, lie) = match self.place.read(dir, name)? {
            Found::Missing => return self.check_forgotten(dir, name, mark).map(|()| 0),
            Found::Torn(why) => return Err(NotSealed::Waiting(why)),
            Found::Sealed { bytes, lie } => (envelope::key_id(&bytes), lie),
        };
        if lie.serial < mark.serial() {
            return Err(self.older(dir, name));
        }
        let other = sealed_with != Some(old);
        let (record, lie) = match self.read_record(dir, name) {
            Ok(_) if other => return Ok(0),
            Ok(read) => read,
            Err(NoRecord::Missing) => return Ok(0),
            // A third key's, or a newer version's with the new key: the old one is of no use to them.
            Err(NoRecord::Fault(problem)) if other => return Err(NotSealed::Left(problem.message)),
            Err(NoRecord::Fault(problem)) => return Err(problem.into()),
            // As whoever reads it: with the key id of before it would look like a stranger's, over which nobody can log in.
            Err(NoRecord::Damaged(..)) => {
                return Err(match self.stands(dir, name).standing.loaded {
                    Loaded::Fault(problem) => NotSealed::Left(problem.message),
                    _ => NotSealed::Waiting("it is damaged at one time and whole at another".into()),
                });
            }
        };
        let is_old = mark.is_above(record.version(), lie).is_some();
        if is_old && matches!(self.place, Place::Keyring(_)) {
            return Err(self.older(dir, name));
        }
        let over = Over { before: Some(lie), known: mark.serial(), room: None };
        let written = self.write_record(dir, name, &record, IoAct::Rekey, over)?;
        self.raise_mark(dir, name, mark, record.version(), written.serial, IoAct::Rekey)?;
        match written.left {
            Some(problem) => Err(problem.into()),
            None => Ok(1),
        }
    }

    /// A keyring may answer with the newest one next time: this one would be written over it, and its key be gone.
    fn older(&self, dir: &Dir, name: &CredentialName) -> NotSealed {
        NotSealed::Waiting(format!(
            "{} holds an older record than was saved there",
            self.place.shown(dir, name)
        ))
    }

    /// What a keyring has forgotten it may remember. What was set aside lies in a file.
    fn check_forgotten(&self, dir: &Dir, name: &CredentialName, mark: Mark) -> Result<(), NotSealed> {
        let gone = matches!(self.place, Place::Keyring(_)) && !matches!(mark, Mark::Missing | Mark::Others);
        if !gone || self.last_set_aside(dir, name)?.is_some() {
            return Ok(());
        }
        let place = self.place.shown(dir, name);
        Err(NotSealed::Waiting(format!("{place} is gone, though there was one: restore it, or log in again")))
    }

    /// The mark stays what it says, whatever the record is.
    fn seal_mark_anew(
        &self,
        dir: &Dir,
        name: &CredentialName,
        old: [u8; KEY_ID_BYTES],
    ) -> Result<usize, NotSealed> {
        let file = names::mark(name);
        let Some(bytes) = dir.read(&file, FILE_BYTES_MAX)? else { return Ok(0) };
        if envelope::key_id(&bytes) != Some(old) {
            return Ok(0);
        }
        let Ok((opened, _)) = self.open_sealed(dir, Purpose::Mark, name, &bytes) else {
            return match (self.read_mark(dir, name), self.read_record(dir, name)) {
                // What it said is not known any more. It is repaired as by any write.
                (Mark::Damaged, Ok((record, lie))) => {
                    self.raise_mark(dir, name, Mark::Damaged, record.version(), lie.serial, IoAct::Rekey)?;
                    Ok(1)
                }
                (Mark::Damaged, Err(_)) => Err(NotSealed::Left(format!("its mark {file} is damaged"))),
                _ => Err(NotSealed::Waiting(format!("its mark {file} cannot be read"))),
            };
        };
        let header = Header {
            purpose: Purpose::Mark,
            name: name.as_str(),
            version: opened.version,
            identity: opened.identity,
        };
        let sealed =
            envelope::seal(self.keys.now().newest(), &header, &self.nonce()?, &[]).unwrap_or_default();
        let target = Target { act: IoAct::Rekey, part: Some("mark-file"), stem: name.as_str(), file: &file };
        self.disk.replace(dir, &target, &sealed, None)?;
        Ok(1)
    }
}
