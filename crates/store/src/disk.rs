//! The one way in which a file is written: whole, durably, and visible at once or not at all.
//!
//! A temporary file in the same folder (created exclusively, mode 0600) is written and synced, renamed over the old
//! one, and the folder is synced. A sync that failed is not retried on the same file: the kernel may have dropped the
//! pages and call the next sync a success. A retry begins with a new file.
//!
//! Every step asks an [`IoHook`] first, so that tests can fail the n-th step, or end the process there.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use renewd_core::{StoreFault, StoreFaultKind};

use crate::fault::{fault, io_fault, shown};
use crate::fs::{Dir, Machine, OpenFile};
use crate::point::{IoAct, IoHook, IoPoint, IoStep};

/// Between the stem of a temporary file's name and its 16 random hexadecimal digits.
const TEMP_INFIX: &str = ".tmp-";

/// Writes files, asking the hook.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) machine: Machine,
    pub(crate) hook: Option<Arc<dyn IoHook>>,
}

/// A file to write, and for what.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) act: IoAct,
    /// See [`IoPoint::part`].
    pub(crate) part: Option<&'a str>,
    /// What temporary files are named after: the credential, whose *write* lock is held.
    pub(crate) stem: &'a str,
    /// The file's own name.
    pub(crate) file: &'a str,
}

/// A temporary file with room for a commit. Its lock says that its process lives.
pub(crate) struct Room {
    file: Box<dyn OpenFile>,
    temp: String,
    length: u64,
}

impl Room {
    /// The temporary file's name.
    pub(crate) fn temp(&self) -> &str {
        &self.temp
    }

    /// How many bytes it holds room for.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }
}

impl Disk {
    /// Takes room for a file of at most `length` bytes.
    pub(crate) fn reserve(&self, dir: &Dir, target: &Target<'_>, length: u64) -> Result<Room, StoreFault> {
        let room = self.create_temp(dir, target)?;
        let path = temp_shown(dir, target.stem);
        let done =
            self.step(target, IoStep::Preallocate, target.stem).and_then(|()| room.file.preallocate(length));
        match done {
            Ok(()) => Ok(Room { length, ..room }),
            Err(error) => {
                discard(dir, room);
                Err(io_fault("take room for the next commit in", &path, &error))
            }
        }
    }

    /// Replaces a file by `bytes`, durably. Uses `room` where there is some. Afterwards the file is read back.
    pub(crate) fn replace(
        &self,
        dir: &Dir,
        target: &Target<'_>,
        bytes: &[u8],
        room: Option<Room>,
    ) -> Result<(), StoreFault> {
        let temp = self.fill(dir, target, bytes, room)?;
        let file = target.file;
        let renamed = self.step(target, IoStep::Rename, file).and_then(|()| dir.rename(&temp, file));
        self.settle(dir, target, &temp, renamed)?;
        self.read_back(dir, target, bytes)
    }

    /// Writes a file, durably, only where there is none; `false` where there is one.
    pub(crate) fn create(&self, dir: &Dir, target: &Target<'_>, bytes: &[u8]) -> Result<bool, StoreFault> {
        let temp = self.fill(dir, target, bytes, None)?;
        let file = target.file;
        let renamed = self.step(target, IoStep::Rename, file).and_then(|()| dir.rename_new(&temp, file));
        if matches!(&renamed, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
            let _ = dir.remove(&temp);
            return Ok(false);
        }
        self.settle(dir, target, &temp, renamed)?;
        Ok(true)
    }

    fn settle(
        &self,
        dir: &Dir,
        target: &Target<'_>,
        temp: &str,
        renamed: io::Result<()>,
    ) -> Result<(), StoreFault> {
        if let Err(error) = renamed {
            let _ = dir.remove(temp);
            return Err(io_fault("replace", &dir.path_of(target.file), &error));
        }
        self.step(target, IoStep::SyncDir, target.file)
            .and_then(|()| dir.sync())
            .map_err(|error| io_fault("sync the folder", dir.path(), &error))
    }

    /// Writes and syncs a temporary file and gives its name.
    fn fill(
        &self,
        dir: &Dir,
        target: &Target<'_>,
        bytes: &[u8],
        room: Option<Room>,
    ) -> Result<String, StoreFault> {
        let mut room = match room {
            Some(room) => room,
            None => self.create_temp(dir, target)?,
        };
        match self.write_synced(target, room.file.as_mut(), bytes) {
            Ok(()) => Ok(room.temp), // closed here: Windows renames no open file that is locked
            Err(error) => {
                discard(dir, room);
                Err(io_fault("write", &temp_shown(dir, target.stem), &error))
            }
        }
    }

    fn write_synced(&self, target: &Target<'_>, file: &mut dyn OpenFile, bytes: &[u8]) -> io::Result<()> {
        self.step(target, IoStep::Write, target.stem)?;
        file.write_whole(bytes)?;
        self.step(target, IoStep::SyncFile, target.stem)?;
        file.sync()
    }

    fn read_back(&self, dir: &Dir, target: &Target<'_>, bytes: &[u8]) -> Result<(), StoreFault> {
        let path = dir.path_of(target.file);
        self.step(target, IoStep::ReadBack, target.file)
            .map_err(|error| io_fault("read back", &path, &error))?;
        match dir.read(target.file, bytes.len())? {
            Some(read) if *read == bytes => Ok(()),
            _ => Err(fault(
                StoreFaultKind::Io,
                format!("{} does not hold what was written to it", shown(&path)),
            )),
        }
    }

    fn create_temp(&self, dir: &Dir, target: &Target<'_>) -> Result<Room, StoreFault> {
        let mut nonce = [0; 8];
        self.machine.fill_random(&mut nonce)?;
        let temp = format!(".{}{TEMP_INFIX}{:016x}", target.stem, u64::from_le_bytes(nonce));
        let created = self.step(target, IoStep::CreateTemp, target.stem).and_then(|()| dir.create_new(&temp));
        let file = created.map_err(|error| io_fault("create", &temp_shown(dir, target.stem), &error))?;
        // Best effort: without the lock another process may clear this file away as a dead one's, and the rename
        // then fails, before anything is lost.
        let _ = file.try_lock();
        Ok(Room { file, temp, length: 0 })
    }

    fn step(&self, target: &Target<'_>, step: IoStep, file: &str) -> io::Result<()> {
        match &self.hook {
            Some(hook) => hook.before(&IoPoint { act: target.act, part: target.part, step, file }),
            None => Ok(()),
        }
    }
}

/// A temporary file as it stands in messages: without its nonce, so that a store that fails for an hour gives one fault and
/// not a different one for each try.
fn temp_shown(dir: &Dir, stem: &str) -> PathBuf {
    dir.path_of(&format!(".{stem}{TEMP_INFIX}*"))
}

/// Gives a room back.
pub(crate) fn discard(dir: &Dir, room: Room) {
    let Room { file, temp, .. } = room;
    drop(file);
    let _ = dir.remove(&temp);
}

/// The stem of a temporary file of ours; `None` for any other file.
pub(crate) fn temp_stem(file: &str) -> Option<&str> {
    let (stem, nonce) = file.strip_prefix('.')?.rsplit_once(TEMP_INFIX)?;
    (nonce.len() == 16 && nonce.bytes().all(|b| b.is_ascii_hexdigit())).then_some(stem)
}

/// Removes a temporary file whose process is dead. The caller holds the lock under which such files are created.
pub(crate) fn remove_if_dead(dir: &Dir, temp: &str) {
    let Ok(file) = dir.open_existing(temp) else { return };
    if file.try_lock().is_ok() {
        drop(file);
        let _ = dir.remove(temp);
    }
}
