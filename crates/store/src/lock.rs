//! Locks that the kernel keeps: one holder among all open files of a name, given back when the holder dies.
//!
//! A lock lies on a file of its own in which nothing readable lives, and which is never unlinked: a lock on a file
//! that is replaced by renaming would be a lock on the past. Descriptors are close-on-exec. A process that was forked
//! off shares the lock of its parent without having taken it; it is told apart by its process id.

use std::fs::TryLockError;
use std::time::Duration;

use renewd_core::{StoreFault, StoreFaultKind};

use crate::fault::{fault, io_fault, shown};
use crate::fs::{Dir, FileSystem, OpenFile};

/// Whoever holds *write* is between a read and a rename: milliseconds, or as long as an `fsync` takes on a busy disk.
/// After 5 s the caller gets a fault and tries again by its own schedule.
const WRITE_WAIT_MILLIS: u64 = 5_000;

/// Making a store takes several syncs, and happens once: nobody has a schedule by which to try that again.
const FIRST_USE_WAIT_MILLIS: u64 = 30_000;

const POLL_MILLIS: u64 = 25;

/// A lock file that somebody keeps replacing is no lock file.
const REOPENS_MAX: u32 = 8;

/// A held lock. Dropping it gives it back.
pub(crate) struct Lock {
    file: Box<dyn OpenFile>,
    pid: u32,
}

impl Lock {
    /// Tries once; `None` when another holds it.
    pub(crate) fn try_take(dir: &Dir, name: &str) -> Result<Option<Self>, StoreFault> {
        for _ in 0..REOPENS_MAX {
            let file = dir.open_lock(name)?;
            match file.try_lock() {
                Ok(()) if is_current(dir, name, file.as_ref()) => {
                    return Ok(Some(Self { file, pid: std::process::id() }));
                }
                Ok(()) => {} // replaced between open and lock
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(io_fault("lock", &dir.path_of(name), &error)),
            }
        }
        let path = dir.path_of(name);
        Err(fault(StoreFaultKind::Io, format!("{} is replaced again and again by somebody", shown(&path))))
    }

    /// Whether that name still leads to the locked file. Where it does not, somebody removed or replaced the file, and
    /// another process may hold a lock under the same name.
    pub(crate) fn is_current(&self, dir: &Dir, name: &str) -> bool {
        is_current(dir, name, self.file.as_ref())
    }

    /// Waits for it, at most 5 s.
    pub(crate) fn take(machine: &dyn FileSystem, dir: &Dir, name: &str) -> Result<Self, StoreFault> {
        Self::wait(machine, dir, name, WRITE_WAIT_MILLIS)
    }

    /// Waits for it, at most 30 s: for what is done once.
    pub(crate) fn take_patiently(
        machine: &dyn FileSystem,
        dir: &Dir,
        name: &str,
    ) -> Result<Self, StoreFault> {
        Self::wait(machine, dir, name, FIRST_USE_WAIT_MILLIS)
    }

    fn wait(machine: &dyn FileSystem, dir: &Dir, name: &str, millis: u64) -> Result<Self, StoreFault> {
        // Counted, not measured: a suspended machine has not waited.
        for _ in 0..millis / POLL_MILLIS {
            if let Some(lock) = Self::try_take(dir, name)? {
                return Ok(lock);
            }
            if !machine.pause(Duration::from_millis(POLL_MILLIS)) {
                break;
            }
        }
        let message = format!(
            "another process has held {} for {} s; it may be stopped (`fuser {0}` names it)",
            shown(&dir.path_of(name)),
            millis / 1000
        );
        Err(fault(StoreFaultKind::Io, message))
    }
}

/// Whether that name leads to that open file.
fn is_current(dir: &Dir, name: &str, open: &dyn OpenFile) -> bool {
    open.id().is_some_and(|id| dir.id_of(name) == Some(id))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that was forked and not yet executed shares the open file, and would keep
        // the lock. A child that drops its copy must not take the lock away from its parent, though.
        if self.pid == std::process::id() {
            let _ = self.file.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::private_dir;
    use crate::sys::System;

    #[test]
    fn one_holds_it_and_dropping_gives_it_back() {
        let temp = private_dir();
        let dir = System.open_folder(temp.path()).unwrap();
        let held = Lock::try_take(dir.as_ref(), "a.claim").unwrap();
        assert!(held.is_some());
        assert!(Lock::try_take(dir.as_ref(), "a.claim").unwrap().is_none());
        assert!(Lock::try_take(dir.as_ref(), "b.claim").unwrap().is_some());
        drop(held);
        assert!(Lock::try_take(dir.as_ref(), "a.claim").unwrap().is_some());
    }

    #[test]
    fn a_copy_dropped_by_a_forked_child_leaves_the_lock_with_its_parent() {
        let temp = private_dir();
        let dir = System.open_folder(temp.path()).unwrap();
        let parents = std::fs::File::create(temp.path().join("a.claim")).unwrap();
        crate::fixtures::set_mode(&temp.path().join("a.claim"), 0o600);
        parents.try_lock().unwrap();
        let childs = Lock { file: crate::sys::open_file(parents.try_clone().unwrap()), pid: 0 };
        drop(childs);
        assert!(Lock::try_take(dir.as_ref(), "a.claim").unwrap().is_none());
    }
}
