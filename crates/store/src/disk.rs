//! The one way in which a file is written: whole, durably, and visible at once or not at all.
//!
//! A temporary file in the same folder (created exclusively, mode 0600) is written and synced, renamed over the old
//! one, and the folder is synced. A sync that failed is not retried on the same file: the kernel may have dropped the
//! pages and call the next sync a success. A retry begins with a new file.
//!
//! Every step asks an [`IoHook`] first, so that tests can fail the n-th step, or end the process there.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use renewd_core::{StoreFault, StoreFaultKind};

use crate::fault::{entropy_fault, fault, io_fault, shown};
use crate::sys::{Dir, preallocate};

/// Between the stem of a temporary file's name and its 16 random hexadecimal digits.
const TEMP_INFIX: &str = ".tmp-";

/// A step of writing a file, in the order in which they come.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoStep {
    /// The temporary file is created.
    CreateTemp,
    /// Room is taken for a commit to come.
    Preallocate,
    /// The bytes are written.
    Write,
    /// The temporary file is synced.
    SyncFile,
    /// It is renamed over the old one.
    Rename,
    /// The folder is synced.
    SyncDir,
    /// The file is read back and compared.
    ReadBack,
}

/// Hears of every step of writing before it is made. For tests: an error takes the place of the step, and a hook that
/// ends the process is a crash at that step.
pub trait IoHook: Send + Sync + 'static {
    /// `step` is about to be made for `file` (a name without its folder).
    ///
    /// # Errors
    /// What the step shall fail with.
    fn before(&self, step: IoStep, file: &str) -> io::Result<()>;
}

/// Writes files, asking the hook.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    pub(crate) hook: Option<Arc<dyn IoHook>>,
}

/// A temporary file with room for a commit. Its lock says that its process lives.
pub(crate) struct Room {
    file: File,
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
    pub(crate) fn reserve(&self, dir: &Dir, stem: &str, length: u64) -> Result<Room, StoreFault> {
        let room = self.create_temp(dir, stem)?;
        let path = temp_shown(dir, stem);
        let done = self.step(IoStep::Preallocate, stem).and_then(|()| preallocate(&room.file, length));
        match done {
            Ok(()) => Ok(Room { length, ..room }),
            Err(error) => {
                discard(dir, room);
                Err(io_fault("take room for the next commit in", &path, &error))
            }
        }
    }

    /// Replaces `file` by `bytes`, durably. Uses `room` where there is some. Afterwards the file is read back.
    pub(crate) fn replace(
        &self,
        dir: &Dir,
        stem: &str,
        file: &str,
        bytes: &[u8],
        room: Option<Room>,
    ) -> Result<(), StoreFault> {
        let temp = self.fill(dir, stem, bytes, room)?;
        let renamed = self.step(IoStep::Rename, file).and_then(|()| dir.rename(&temp, file));
        self.settle(dir, &temp, file, renamed)?;
        self.read_back(dir, file, bytes)
    }

    /// Writes `file`, durably, only where there is none; `false` where there is one.
    pub(crate) fn create(&self, dir: &Dir, file: &str, bytes: &[u8]) -> Result<bool, StoreFault> {
        let temp = self.fill(dir, file, bytes, None)?;
        let renamed = self.step(IoStep::Rename, file).and_then(|()| dir.rename_new(&temp, file));
        if matches!(&renamed, Err(error) if error.kind() == io::ErrorKind::AlreadyExists) {
            let _ = dir.remove(&temp);
            return Ok(false);
        }
        self.settle(dir, &temp, file, renamed)?;
        Ok(true)
    }

    fn settle(&self, dir: &Dir, temp: &str, file: &str, renamed: io::Result<()>) -> Result<(), StoreFault> {
        if let Err(error) = renamed {
            let _ = dir.remove(temp);
            return Err(io_fault("replace", &dir.path_of(file), &error));
        }
        self.step(IoStep::SyncDir, file)
            .and_then(|()| dir.sync())
            .map_err(|error| io_fault("sync the folder", dir.path(), &error))
    }

    /// Writes and syncs a temporary file and gives its name.
    fn fill(&self, dir: &Dir, stem: &str, bytes: &[u8], room: Option<Room>) -> Result<String, StoreFault> {
        let mut room = match room {
            Some(room) => room,
            None => self.create_temp(dir, stem)?,
        };
        match self.write_synced(stem, &mut room.file, bytes) {
            Ok(()) => Ok(room.temp), // closed here: Windows renames no open file that is locked
            Err(error) => {
                discard(dir, room);
                Err(io_fault("write", &temp_shown(dir, stem), &error))
            }
        }
    }

    fn write_synced(&self, stem: &str, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.step(IoStep::Write, stem)?;
        file.rewind()?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        self.step(IoStep::SyncFile, stem)?;
        file.sync_all()
    }

    fn read_back(&self, dir: &Dir, file: &str, bytes: &[u8]) -> Result<(), StoreFault> {
        let path = dir.path_of(file);
        self.step(IoStep::ReadBack, file).map_err(|error| io_fault("read back", &path, &error))?;
        match dir.read(file, bytes.len())? {
            Some(read) if *read == bytes => Ok(()),
            _ => Err(fault(
                StoreFaultKind::Io,
                format!("{} does not hold what was written to it", shown(&path)),
            )),
        }
    }

    fn create_temp(&self, dir: &Dir, stem: &str) -> Result<Room, StoreFault> {
        let nonce = getrandom::u64().map_err(entropy_fault)?;
        let temp = format!(".{stem}{TEMP_INFIX}{nonce:016x}");
        let created = self.step(IoStep::CreateTemp, stem).and_then(|()| dir.create_new(&temp));
        let file = created.map_err(|error| io_fault("create", &temp_shown(dir, stem), &error))?;
        // Best effort: without the lock another process may clear this file away as a dead one's, and the rename
        // then fails, before anything is lost.
        let _ = file.try_lock();
        Ok(Room { file, temp, length: 0 })
    }

    fn step(&self, step: IoStep, file: &str) -> io::Result<()> {
        match &self.hook {
            Some(hook) => hook.before(step, file),
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

/// Takes room on a file system that cannot promise it: by using it.
#[cfg_attr(windows, expect(dead_code, reason = "NTFS takes room by setting the length"))]
pub(crate) fn write_zeros(mut file: &File, length: u64) -> io::Result<()> {
    let zeros = [0; 16 * 1024];
    let mut left = length;
    while left > 0 {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..n).unwrap_or_default())?;
        left -= n as u64;
    }
    file.rewind()
}
