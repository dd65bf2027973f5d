//! The port to the machine: folders, files and their locks, and the two other things a store takes from it, random
//! bytes and a short wait.
//!
//! The real system is behind it ([`crate::sys`]), and a simulated disk for tests: what this crate promises after a power
//! cut cannot be tried on a real one. Whatever must be checked on the way (owner, mode, links) is checked behind the
//! port, so that no caller can forget it. A call through a trait object costs nanoseconds; what is behind it are system
//! calls.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use renewd_core::StoreFault;
use renewd_driver::StoreWatch;
use zeroize::Zeroizing;

use crate::watch::Recorded;

/// A machine that a store is kept on.
pub(crate) type Machine = Arc<dyn FileSystem>;

/// A folder. Everything in it is reached through it.
pub(crate) type Dir = dyn Folder;

/// What tells one open file from every other of the machine: device and file number.
pub(crate) type FileId = [u64; 2];

/// A machine's files.
pub(crate) trait FileSystem: Send + Sync {
    /// Opens the folder, creating it and its parents with mode 0700 where it is missing.
    fn create_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault>;

    /// Opens the folder and checks who owns it and who may enter.
    fn open_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault>;

    /// Opens a folder that may be anybody's, to make a file in it that must not exist.
    fn open_shared_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault>;

    /// Makes the name of a folder durable, in the folder above it, as far as this user may.
    fn sync_parent(&self, path: &Path) -> Result<(), StoreFault>;

    /// A key file that the configuration names. It may be a link and belong to root, as mounted secrets do; nobody
    /// else may write it, and not everybody may read it.
    fn read_shared_key(&self, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault>;

    /// Fresh random bytes.
    fn fill_random(&self, bytes: &mut [u8]) -> Result<(), StoreFault>;

    /// Hears of what is written in a folder; `None` where this machine has no way to tell.
    fn watch(&self, path: &Path, recorded: Recorded) -> Result<Option<Box<dyn StoreWatch>>, StoreFault>;

    /// Waits for another process to go on; `false` where none can go on meanwhile, and waiting is in vain.
    fn pause(&self, lasting: Duration) -> bool;
}

/// An open folder.
pub(crate) trait Folder {
    /// Where the folder stands.
    fn path(&self) -> &Path;

    /// Where a file of this folder stands.
    fn path_of(&self, file: &str) -> PathBuf {
        self.path().join(file)
    }

    /// Reads at most `limit` bytes and one more, so that a longer file is seen to be longer; `None` where there is no
    /// such file. The buffer is never reallocated and is overwritten when dropped: it may hold a key.
    fn read(&self, file: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault>;

    /// Opens a lock file, creating it where it is missing. It stays empty.
    fn open_lock(&self, file: &str) -> Result<Box<dyn OpenFile>, StoreFault>;

    /// Which file that name leads to now.
    fn id_of(&self, file: &str) -> Option<FileId>;

    /// Creates a file that must not exist, mode 0600, for reading and writing.
    fn create_new(&self, file: &str) -> io::Result<Box<dyn OpenFile>>;

    /// Opens a file of ours for a look at its lock.
    fn open_existing(&self, file: &str) -> io::Result<Box<dyn OpenFile>>;

    /// Replaces `to` by `from`, at once for every reader.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives `from` the name `to` and fails where that name is taken.
    fn rename_new(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, file: &str) -> io::Result<()>;

    /// Makes the names in this folder durable.
    fn sync(&self) -> io::Result<()>;

    /// The names in this folder that are text; others are none of ours.
    fn entries(&self) -> Result<Vec<String>, StoreFault>;

    /// What changes whenever the file is replaced: which file it is, its times, its length.
    fn stamp(&self, file: &str) -> Option<[u64; 5]>;

    /// The name of the file system where its locks are not known to be shared between all of its users.
    fn unshared_locks(&self) -> Result<Option<&'static str>, StoreFault>;
}

/// An open file. It is no child process' to inherit.
pub(crate) trait OpenFile: Send + Sync {
    /// Tries once to lock it against every other open file of that name.
    fn try_lock(&self) -> Result<(), TryLockError>;

    /// Gives the lock back. Closing does so too, but for a child that was forked off meanwhile.
    fn unlock(&self) -> io::Result<()>;

    /// Which file this is.
    fn id(&self) -> Option<FileId>;

    /// Takes so many bytes of disk for it.
    fn preallocate(&self, length: u64) -> io::Result<()>;

    /// Makes `bytes` its whole content.
    fn write_whole(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes its content durable.
    fn sync(&self) -> io::Result<()>;
}
