//! The port of [`crate::fs`] on a simulated disk.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::time::Duration;

use renewd_core::StoreFault;
use renewd_driver::StoreWatch;
use zeroize::Zeroizing;

use super::counts::Op;
use super::tree::{FileNode, Ino, Node};
use super::{Open, SimProcess, State, input_output_error};
use crate::fault::io_fault;
use crate::fs::{Dir, FileId, FileSystem, Folder, OpenFile};
use crate::watch::Recorded;

/// The device number of every simulated disk.
const DEVICE: u64 = 1;

/// An open folder.
struct SimFolder {
    process: SimProcess,
    ino: Ino,
    path: PathBuf,
}

/// An open file.
struct SimFile {
    process: SimProcess,
    ino: Ino,
    open: u64,
}

impl SimProcess {
    fn enter(&self, op: Op) -> io::Result<MutexGuard<'_, State>> {
        self.disk.enter(self.id, op)
    }

    fn folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault> {
        let found = self.enter(Op::Open).and_then(|state| state.tree.folder_at(path));
        let ino = found.map_err(|error| io_fault("open the folder", path, &error))?;
        Ok(Box::new(SimFolder { process: self.clone(), ino, path: path.to_owned() }))
    }

    /// Makes the names in a folder durable. A failure loses what was on its way, as it does on Linux.
    fn sync_folder(&self, ino: Ino) -> io::Result<()> {
        let entered = self.enter(Op::SyncFolder).map(drop);
        let mut state = self.disk.state();
        state.alive(self.id)?;
        let failed = entered.is_err() || state.weather.sync_fails();
        let folder = state.tree.folder_mut(ino)?;
        if failed {
            folder.changes.iter_mut().for_each(|change| change.lost = true);
            return entered.and(Err(input_output_error()));
        }
        folder.sync();
        state.forget();
        Ok(())
    }

    fn opened(&self, state: &mut State, ino: Ino) -> Box<dyn OpenFile> {
        let open = state.tree.number();
        state.opens.insert(open, Open { ino, process: self.id });
        Box::new(SimFile { process: self.clone(), ino, open })
    }
}

impl super::Weather {
    fn sync_fails(&mut self) -> bool {
        let fails = self.failing_syncs > 0;
        self.failing_syncs = self.failing_syncs.saturating_sub(1);
        fails
    }
}

impl FileSystem for SimProcess {
    fn create_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault> {
        let failed = |error| io_fault("create the folder", path, &error);
        let missing =
            self.enter(Op::Look).map(|state| state.tree.folder_at(path).is_err()).map_err(failed)?;
        if missing {
            let made = self.enter(Op::Create).and_then(|mut state| state.tree.make_folders(path));
            let (_, changed) = made.map_err(failed)?;
            for folder in changed {
                self.sync_folder(folder).map_err(failed)?;
            }
        }
        self.folder(path)
    }

    fn open_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault> {
        self.folder(path)
    }

    fn open_shared_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault> {
        self.folder(path)
    }

    fn sync_parent(&self, path: &Path) -> Result<(), StoreFault> {
        let Some(parent) = path.parent() else { return Ok(()) };
        let found = self.enter(Op::Open).and_then(|state| state.tree.folder_at(parent));
        let synced = found.and_then(|ino| self.sync_folder(ino));
        synced.map_err(|error| io_fault("sync the folder", parent, &error))
    }

    fn read_shared_key(&self, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
        let failed = |error| io_fault("read the key", path, &error);
        let state = self.enter(Op::Read).map_err(failed)?;
        let Ok(ino) = state.tree.file_at(path) else { return Ok(None) };
        state.tree.file(ino).map(|file| Some(bounded(file, limit))).map_err(failed)
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<(), StoreFault> {
        let mut state = self.disk.state();
        let process =
            state.alive(self.id).map_err(|error| io_fault("draw random bytes on", Path::new("/"), &error))?;
        for chunk in bytes.chunks_mut(8) {
            let random = process.chance.next_u64().to_le_bytes();
            chunk.iter_mut().zip(random).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }

    /// Virtual time is cheap: the loop's poll of fingerprints is enough.
    fn watch(&self, _: &Path, _: Recorded) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        Ok(None)
    }

    /// All simulated processes are on one thread: whoever waits for another waits for ever.
    fn pause(&self, _: Duration) -> bool {
        false
    }
}

impl Folder for SimFolder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, file: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
        let failed = |error| io_fault("read", &self.path_of(file), &error);
        let state = self.process.enter(Op::Read).map_err(failed)?;
        let Some(ino) = state.tree.entry(self.ino, file) else { return Ok(None) };
        state.tree.file(ino).map(|file| Some(bounded(file, limit))).map_err(failed)
    }

    fn open_lock(&self, file: &str) -> Result<Box<dyn OpenFile>, StoreFault> {
        let failed = |error| io_fault("open the lock", &self.path_of(file), &error);
        let mut state = self.process.enter(Op::OpenToWrite).map_err(failed)?;
        let ino = match state.tree.entry(self.ino, file) {
            Some(ino) => ino,
            None => state.tree.add(self.ino, file, Node::File(FileNode::default())).map_err(failed)?,
        };
        Ok(self.process.opened(&mut state, ino))
    }

    fn id_of(&self, file: &str) -> Option<FileId> {
        let state = self.process.enter(Op::Look).ok()?;
        state.tree.entry(self.ino, file).map(|ino| [DEVICE, ino])
    }

    fn create_new(&self, file: &str) -> io::Result<Box<dyn OpenFile>> {
        let mut state = self.process.enter(Op::Create)?;
        if state.tree.entry(self.ino, file).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let ino = state.tree.add(self.ino, file, Node::File(FileNode::default()))?;
        Ok(self.process.opened(&mut state, ino))
    }

    fn open_existing(&self, file: &str) -> io::Result<Box<dyn OpenFile>> {
        let mut state = self.process.enter(Op::OpenToWrite)?;
        let ino = state.tree.entry(self.ino, file).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.process.opened(&mut state, ino))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.process.enter(Op::Rename)?;
        let ino = state.tree.entry(self.ino, from).ok_or(io::ErrorKind::NotFound)?;
        state.tree.change(self.ino, vec![(from.to_owned(), None), (to.to_owned(), Some(ino))])
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.process.enter(Op::Rename)?;
        let ino = state.tree.entry(self.ino, from).ok_or(io::ErrorKind::NotFound)?;
        if state.tree.entry(self.ino, to).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.tree.change(self.ino, vec![(from.to_owned(), None), (to.to_owned(), Some(ino))])
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        let mut state = self.process.enter(Op::Remove)?;
        state.tree.entry(self.ino, file).ok_or(io::ErrorKind::NotFound)?;
        state.tree.change(self.ino, vec![(file.to_owned(), None)])
    }

    fn sync(&self) -> io::Result<()> {
        self.process.sync_folder(self.ino)
    }

    fn entries(&self) -> Result<Vec<String>, StoreFault> {
        let failed = |error| io_fault("list", &self.path, &error);
        let state = self.process.enter(Op::List).map_err(failed)?;
        Ok(state.tree.folder(self.ino).map_err(failed)?.entries.keys().cloned().collect())
    }

    fn stamp(&self, file: &str) -> Option<[u64; 5]> {
        let state = self.process.enter(Op::Look).ok()?;
        let ino = state.tree.entry(self.ino, file)?;
        let node = state.tree.file(ino).ok()?;
        Some([DEVICE, ino, node.version, node.version, node.bytes.len() as u64])
    }

    fn unshared_locks(&self) -> Result<Option<&'static str>, StoreFault> {
        let state = self.process.enter(Op::Look);
        state
            .map(|state| state.weather.unshared)
            .map_err(|error| io_fault("ask for the file system of", &self.path, &error))
    }
}

impl OpenFile for SimFile {
    fn try_lock(&self) -> Result<(), TryLockError> {
        let mut state = self.process.enter(Op::Lock).map_err(TryLockError::Error)?;
        match state.locks.get(&self.ino) {
            Some(holder) if *holder != self.open => Err(TryLockError::WouldBlock),
            _ => {
                state.locks.insert(self.ino, self.open);
                Ok(())
            }
        }
    }

    fn unlock(&self) -> io::Result<()> {
        let mut state = self.process.enter(Op::Unlock)?;
        if state.locks.get(&self.ino) == Some(&self.open) {
            state.locks.remove(&self.ino);
        }
        Ok(())
    }

    fn id(&self) -> Option<FileId> {
        self.process.enter(Op::Look).ok().map(|_| [DEVICE, self.ino])
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        let mut state = self.process.enter(Op::Preallocate)?;
        let mut grown = state.tree.file(self.ino)?.clone();
        let before = grown.takes();
        grown.reserved = length;
        state.fits(before, grown.takes())?;
        state.tree.file_mut(self.ino)?.reserved = length;
        Ok(())
    }

    fn write_whole(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.process.enter(Op::Write)?;
        let mut written = state.tree.file(self.ino)?.clone();
        let before = written.takes();
        written.write(bytes);
        state.fits(before, written.takes())?;
        *state.tree.file_mut(self.ino)? = written;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let entered = self.process.enter(Op::SyncFile).map(drop);
        let mut state = self.process.disk.state();
        state.alive(self.process.id)?;
        let failed = entered.is_err() || state.weather.sync_fails();
        let file = state.tree.file_mut(self.ino)?;
        let dirty = std::mem::take(&mut file.dirty);
        if failed {
            return entered.and(Err(input_output_error()));
        }
        if dirty {
            file.durable.clone_from(&file.bytes);
        }
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.process.disk.state().close(self.open);
    }
}

fn bounded(file: &FileNode, limit: usize) -> Zeroizing<Vec<u8>> {
    let length = file.bytes.len().min(limit.saturating_add(1));
    Zeroizing::new(file.bytes.get(..length).unwrap_or_default().to_vec())
}
