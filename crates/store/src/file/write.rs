//! Writing: read, compare and rename under the *write* lock.

use renewd_core::{CommitFailure, Fence, Record, StoreFault, StoreFaultKind};
use renewd_driver::{CredentialName, Expect};

use super::read::Mark;
use super::{FileStore, Inner, names};
use crate::crypt::{NONCE_BYTES, Purpose};
use crate::disk::{Target, discard};
use crate::envelope::{self, FILE_BYTES_MAX, Header};
use crate::fault::fault;
use crate::fencing::{Write, admit};
use crate::fs::Dir;
use crate::lock::Lock;
use crate::payload::{self, Version};
use crate::point::IoAct;

/// By how much a commit may be larger than the mark before it: an answer of 64 KiB, in base64, with room to spare.
const ROOM_BYTES: u64 = 96 * 1024;

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
        let (standing, mark) = self.standing(dir, name);
        let next = admit(&standing, write, record, |token| self.keys.token_digest(token))?;
        let act = self.act_of(write, name, &next);
        self.write_record(dir, name, &next, act).map_err(CommitFailure::Fault)?;
        self.raise_mark(dir, name, mark, next.version(), act);
        Ok(())
    }

    fn begin(&self, name: &CredentialName) -> Result<(Box<Dir>, Lock), StoreFault> {
        self.check_process()?;
        let dir = self.open_dir()?;
        let held = self.lock_write(dir.as_ref(), name)?;
        Ok((dir, held))
    }

    fn write_record(
        &self,
        dir: &Dir,
        name: &CredentialName,
        record: &Record,
        act: IoAct,
    ) -> Result<(), StoreFault> {
        let bytes = self.sealed_record(name, record)?;
        let file = names::record(name);
        let target = Target { act, part: None, stem: name.as_str(), file: &file };
        let room = match act {
            IoAct::Mark => {
                self.make_room(dir, name, &target, bytes.len() as u64 + ROOM_BYTES)?;
                None
            }
            IoAct::Commit => self.rooms().remove(name),
            _ => None,
        };
        let written = self.disk.replace(dir, &target, &bytes, room);
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
        let header = Header {
            purpose: Purpose::Record,
            name: name.as_str(),
            version: record.version(),
            identity: self.keys.identity_digest(&payload::identity_bytes(&record.identity)),
        };
        envelope::seal(&self.keys, &header, &self.nonce()?, &payload).ok_or_else(too_large)
    }

    /// Room first, the intent afterwards: a full disk is met before anything says that a refresh token is about to
    /// be spent.
    fn make_room(
        &self,
        dir: &Dir,
        name: &CredentialName,
        target: &Target<'_>,
        length: u64,
    ) -> Result<(), StoreFault> {
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

    /// Brings `NAME.mark`, which says `mark`, up to `version`, never down. The caller holds *write*. A failure is told and not more: the
    /// record itself is durable, and the next write or reader repairs the mark.
    pub(super) fn raise_mark(
        &self,
        dir: &Dir,
        name: &CredentialName,
        mark: Mark,
        version: Version,
        act: IoAct,
    ) {
        match mark {
            Mark::Foreign => return,
            Mark::Version(greatest) if greatest >= version => return,
            Mark::Damaged => tracing::warn!(credential = %name, "a damaged mark is written anew"),
            Mark::Version(_) | Mark::Missing => {}
        }
        let header = Header { purpose: Purpose::Mark, name: name.as_str(), version, identity: [0; 16] };
        let file = names::mark(name);
        let target = Target { act, part: Some("mark-file"), stem: name.as_str(), file: &file };
        let written = self.nonce().and_then(|nonce| {
            let bytes = envelope::seal(&self.keys, &header, &nonce, &[]).unwrap_or_default();
            self.disk.replace(dir, &target, &bytes, None)
        });
        if let Err(fault) = written
            && fault.kind != StoreFaultKind::ReadOnly
        {
            tracing::warn!(credential = %name, problem = %fault.message, "the record's mark could not be written");
        }
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

    fn nonce(&self) -> Result<[u8; NONCE_BYTES], StoreFault> {
        let mut nonce = [0; NONCE_BYTES];
        self.disk.machine.fill_random(&mut nonce)?;
        Ok(nonce)
    }
}
