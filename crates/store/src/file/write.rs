//! Writing: read, compare and rename under the *write* lock.

use std::sync::Arc;

use renewd_core::{CommitFailure, Fence, Loaded, Record, RecordState, StoreFault, StoreFaultKind};
use renewd_driver::{CredentialName, Expect};

use super::place::{Over, Place, Written};
use super::read::{Mark, Stands};
use super::{FileStore, Inner, names};
use crate::crypt::{NONCE_BYTES, Purpose};
use crate::disk::{Target, discard};
use crate::envelope::{self, FILE_BYTES_MAX, Header};
use crate::fault::{fault, io_fault};
use crate::fencing::{Write, admit};
use crate::fs::Dir;
use crate::lock::Lock;
use crate::payload::{self, Version};
use crate::point::IoAct;

/// By how much a commit may be larger than the mark before it: an answer of 64 KiB, in base64, with room to spare.
const ROOM_BYTES: usize = 96 * 1024;

impl FileStore {
    /// Writes a record with an intent and takes room on disk for the commit that follows.
    ///
    /// # Errors
    /// [`CommitFailure::Fenced`] where another record stands there than `fence` says; [`CommitFailure::Fault`] where
    /// the store fails. Nothing was written then, but for a folder that could not be synced.
    pub fn mark_blocking(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        self.inner.write(name, record, Write::Mark(fence))
    }

    /// Writes the outcome of an attempt and reads it back.
    ///
    /// # Errors
    /// As [`mark_blocking`](Self::mark_blocking). A commit that failed after its rename may be repeated as it is.
    pub fn commit_blocking(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        self.inner.write(name, record, Write::Commit(fence))
    }

    /// Writes the record of a login, logout or import and reads it back.
    ///
    /// The epoch is raised above the greatest that was ever committed, where the caller could not know it (the record
    /// was damaged, or rolled back): load the record afterwards rather than going on with the caller's copy.
    /// [`Expect::Absent`] also replaces a damaged record that was set aside.
    ///
    /// # Errors
    /// As [`mark_blocking`](Self::mark_blocking), with `expect` in the place of the fence.
    pub fn put_blocking(
        &self,
        name: &CredentialName,
        record: &Record,
        expect: Expect,
    ) -> Result<(), CommitFailure> {
        self.inner.write(name, record, Write::Put(expect))
    }
}

impl Inner {
    fn write(&self, name: &CredentialName, record: &Record, write: Write<'_>) -> Result<(), CommitFailure> {
        let (dir, _held) = self.begin(name).map_err(CommitFailure::Fault)?;
        let dir = dir.as_ref();
        if let Write::Mark(_) = write {
            self.check_claim(dir, name).map_err(CommitFailure::Fault)?;
        }
        self.sealing_keys(dir, name, Some(write)).map_err(CommitFailure::Fault)?;
        let stands = self.stands(dir, name);
        if !matches!(write, Write::Put(_)) {
            self.spend_nothing_over_an_old_answer(dir, name, &stands, write, record)
                .map_err(CommitFailure::Fault)?;
        }
        let next = admit(&stands.standing, write, record, |token| self.token_digest(token))?;
        let act = self.act_of(write, name, &next);
        let over = Over { before: stands.lie, known: stands.mark.serial(), room: None };
        let ends = matches!(next.state, RecordState::Tombstone { .. });
        if ends {
            // Before the tombstone, so that nobody who dies in between leaves it behind one.
            self.remove_prepared(dir, name).map_err(CommitFailure::Fault)?;
        }
        let mut written = self.write_record(dir, name, &next, act, over).map_err(CommitFailure::Fault)?;
        if let Write::Put(_) = write {
            let cleared = if ends { self.scrub(dir, name) } else { self.remove_prepared(dir, name) };
            written.left = written.left.or(cleared.err());
        }
        self.note(dir, name, stands.mark, &next, written, act).map_err(CommitFailure::Fault)
    }

    /// A file that is older than its mark was restored, and nothing newer will come: it is tried once more, in doubt. A
    /// keyring that answers with an older value may answer with the newest one next time; a refresh token that was
    /// replaced must not be spent meanwhile, and what was read must not be written over what is newer: dating the intent
    /// of a dead process would do that. New tokens are what nothing is newer than.
    fn spend_nothing_over_an_old_answer(
        &self,
        dir: &Dir,
        name: &CredentialName,
        stands: &Stands,
        write: Write<'_>,
        next: &Record,
    ) -> Result<(), StoreFault> {
        let newer = |greatest| matches!(write, Write::Commit(_)) && next.version() >= greatest;
        match (&stands.standing.loaded, &self.place) {
            (Loaded::RolledBack { record, greatest }, Place::Keyring(_)) if !newer(*greatest) => {
                let message = format!(
                    "{} holds an older record (epoch {}, generation {}) than was saved there (epoch {}, generation {}): \
                     nothing is spent over it; where the keyring was restored from a backup, log in again",
                    self.place.shown(dir, name),
                    record.epoch,
                    record.generation,
                    greatest.0,
                    greatest.1
                );
                Err(fault(StoreFaultKind::Io, message))
            }
            _ => Ok(()),
        }
    }

    /// Brings the mark up to what was written. It is told and not more where that fails: the record itself is durable,
    /// and the next write or reader repairs the mark.
    fn note(
        &self,
        dir: &Dir,
        name: &CredentialName,
        mark: Mark,
        record: &Record,
        written: Written,
        act: IoAct,
    ) -> Result<(), StoreFault> {
        let raised = self.raise_mark(dir, name, mark, record.version(), written.serial, act);
        match (raised, mark, &self.place) {
            // Of a record in a keyring only the mark says for good that there is one.
            (Err(fault), Mark::Missing, Place::Keyring(_)) => return Err(fault),
            (Err(fault), ..) if fault.kind != StoreFaultKind::ReadOnly => {
                tracing::warn!(credential = %name, problem = %fault.message, "the record's mark could not be written");
            }
            _ => {}
        }
        match (written.left, record.state) {
            (None, _) => Ok(()),
            // Whoever logs out is told when something of the login is still there; the same call again removes it.
            (Some(fault), RecordState::Tombstone { .. }) => Err(fault),
            (Some(fault), _) => {
                let problem = &fault.message;
                tracing::warn!(credential = %name, problem, "what was there before the record could not be removed");
                Ok(())
            }
        }
    }

    /// Ends a write that somebody began and did not live to end: its mark, and the parts it left over. The caller holds
    /// *write*.
    pub(super) fn end_write(&self, dir: &Dir, name: &CredentialName, stands: &Stands, version: Version) {
        if let Err(fault) = self.sealing_keys(dir, name, None) {
            tracing::warn!(credential = %name, problem = %fault.message, "the record's last write could not be ended");
            return;
        }
        let serial = stands.lie.map_or(0, |lie| lie.serial);
        let cleared = self.place.items().map_or(Ok(()), |items| items.clear(name, stands.lie));
        let raised = self.raise_mark(dir, name, stands.mark, version, serial, IoAct::Load);
        for fault in [cleared, raised].into_iter().filter_map(Result::err) {
            if fault.kind != StoreFaultKind::ReadOnly {
                tracing::warn!(credential = %name, problem = %fault.message, "the record's last write could not be ended");
            }
        }
    }

    pub(super) fn begin(&self, name: &CredentialName) -> Result<(Box<Dir>, Lock), StoreFault> {
        self.check_process()?;
        let dir = self.open_dir()?;
        let held = self.lock_write(dir.as_ref(), name)?;
        Ok((dir, held))
    }

    pub(super) fn write_record(
        &self,
        dir: &Dir,
        name: &CredentialName,
        record: &Record,
        act: IoAct,
        over: Over,
    ) -> Result<Written, StoreFault> {
        let bytes = self.sealed_record(name, record)?;
        let room = match act {
            IoAct::Mark => {
                self.make_room(dir, name, act, bytes.len() + ROOM_BYTES)?;
                None
            }
            IoAct::Commit => self.rooms().remove(name),
            _ => None,
        };
        if self.place.items().is_some() && over.known == 0 {
            // That somebody began to write must outlive a power cut: nothing else in the folder says so yet.
            dir.sync().map_err(|error| io_fault("sync the folder", dir.path(), &error))?;
        }
        let written = self.place.write(&self.disk, dir, act, name, &bytes, Over { room, ..over });
        if let (Err(_), IoAct::Mark) = (&written, act) {
            self.release_room(name);
        }
        written
    }

    fn sealed_record(&self, name: &CredentialName, record: &Record) -> Result<Vec<u8>, StoreFault> {
        let too_large = || {
            let message =
                format!("the record of {name} is larger than {FILE_BYTES_MAX} bytes and was not written");
            fault(StoreFaultKind::Io, message)
        };
        let payload = payload::encode(record).map_err(|_| too_large())?;
        let keys = Arc::clone(self.keys.now().newest());
        let header = Header {
            purpose: Purpose::Record,
            name: name.as_str(),
            version: record.version(),
            identity: keys.identity_digest(&payload::identity_bytes(&record.identity)),
        };
        envelope::seal_in(record.layout(), &keys, &header, &self.nonce()?, &payload).ok_or_else(too_large)
    }

    /// Room first, the intent afterwards: a full disk is met before anything says that a refresh token is about to
    /// be spent.
    fn make_room(
        &self,
        dir: &Dir,
        name: &CredentialName,
        act: IoAct,
        length: usize,
    ) -> Result<(), StoreFault> {
        if let Some(items) = self.place.items() {
            // A keyring gives no room in advance. Whether the outcome could be written at all is known, though.
            return items.parts_for(length.min(FILE_BYTES_MAX)).map(drop);
        }
        let length = length as u64;
        let file = names::record(name);
        let target = &Target { act, part: None, stem: name.as_str(), file: &file };
        let mut rooms = self.rooms();
        if let Some(room) = rooms.remove(name) {
            if room.length() >= length && dir.stamp(room.temp()).is_some() {
                rooms.insert(name.clone(), room);
                return Ok(());
            }
            discard(dir, room);
        }
        let room = self.disk.reserve(dir, target, length)?;
        rooms.insert(name.clone(), room);
        Ok(())
    }

    /// Brings `NAME.mark`, which says `mark`, up to `version` and `serial`, never down. The caller holds *write*.
    pub(super) fn raise_mark(
        &self,
        dir: &Dir,
        name: &CredentialName,
        mark: Mark,
        version: Version,
        serial: u64,
        act: IoAct,
    ) -> Result<(), StoreFault> {
        match mark {
            Mark::Foreign | Mark::Others => return Ok(()),
            Mark::Version(greatest, known) if greatest >= version && known >= serial => return Ok(()),
            Mark::Damaged => tracing::warn!(credential = %name, "a damaged mark is written anew"),
            Mark::Version(..) | Mark::Missing => {}
        }
        let version = mark.version().map_or(version, |greatest| greatest.max(version));
        let identity = identity_of(mark.serial().max(serial));
        let header = Header { purpose: Purpose::Mark, name: name.as_str(), version, identity };
        let file = names::mark(name);
        let target = Target { act, part: Some("mark-file"), stem: name.as_str(), file: &file };
        self.nonce().and_then(|nonce| {
            let bytes = envelope::seal(self.keys.now().newest(), &header, &nonce, &[]).unwrap_or_default();
            self.disk.replace(dir, &target, &bytes, None)
        })
    }

    /// What a write is called at the steps of its files.
    fn act_of(&self, write: Write<'_>, name: &CredentialName, record: &Record) -> IoAct {
        let orphaned = record.intent.as_ref().is_some_and(|intent| intent.orphaned.is_some());
        match write {
            Write::Mark(_) => IoAct::Mark,
            // Whoever marked has room for its outcome; without it, the intent is another's.
            Write::Commit(_) if orphaned && !self.rooms().contains_key(name) => IoAct::Orphan,
            Write::Commit(_) => IoAct::Commit,
            Write::Put(_) => IoAct::Put,
        }
    }

    pub(super) fn nonce(&self) -> Result<[u8; NONCE_BYTES], StoreFault> {
        let mut nonce = [0; NONCE_BYTES];
        self.disk.machine.fill_random(&mut nonce)?;
        Ok(nonce)
    }
}

/// A serial, where a file's header has the identity.
fn identity_of(serial: u64) -> [u8; 16] {
    let mut identity = [0; 16];
    identity.iter_mut().zip(serial.to_le_bytes()).for_each(|(to, from)| *to = from);
    identity
}
