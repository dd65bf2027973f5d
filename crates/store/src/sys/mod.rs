//! What the platforms do differently: opening without following links, checking owner and mode, durable renames,
//! room on disk, and which file systems share their locks.
//!
//! Both sides are behind the port of [`crate::fs`], so that no check can be forgotten on one path.

mod magic;
#[cfg(unix)]
mod open;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod way;
#[cfg(windows)]
mod windows;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use renewd_core::StoreFault;
use renewd_driver::StoreWatch;
use zeroize::Zeroizing;

use crate::fault::entropy_fault;
use crate::fs::{Dir, FileSystem, Machine};
use crate::watch::{self, Recorded};

#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

/// The machine that this process runs on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct System;

impl System {
    /// As the port.
    pub(crate) fn machine() -> Machine {
        Arc::new(Self)
    }
}

impl FileSystem for System {
    fn create_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault> {
        SystemDir::create(path).map(boxed)
    }

    fn open_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault> {
        SystemDir::open(path).map(boxed)
    }

    fn open_shared_folder(&self, path: &Path) -> Result<Box<Dir>, StoreFault> {
        SystemDir::open_shared(path).map(boxed)
    }

    fn sync_parent(&self, path: &Path) -> Result<(), StoreFault> {
        platform::sync_parent(path)
    }

    fn read_shared_key(&self, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
        platform::read_shared_key(path, limit)
    }

    fn fill_random(&self, bytes: &mut [u8]) -> Result<(), StoreFault> {
        getrandom::fill(bytes).map_err(entropy_fault)
    }

    fn watch(&self, path: &Path, recorded: Recorded) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        watch::begin(path, recorded)
    }

    fn pause(&self, lasting: Duration) -> bool {
        #[expect(clippy::disallowed_methods, reason = "a short, bounded wait for another process' write")]
        std::thread::sleep(lasting);
        true
    }
}

/// As [`crate::PrivateFolder`].
pub(crate) use platform::SystemDir;

/// As [`crate::make_shared_folder`].
pub(crate) fn make_shared(path: &Path) -> Result<(), StoreFault> {
    platform::make_shared(path)
}

/// Refuses a way to a folder on which another user could put another one, whether there is one or not.
pub(crate) fn check_way(folder: &Path) -> Result<(), StoreFault> {
    platform::check_way(folder)
}

/// As [`crate::loose_way`].
pub(crate) fn loose_way(file: &Path) -> Option<String> {
    platform::loose_way(file)
}

/// A file that is open already, as the port.
#[cfg(test)]
pub(crate) fn open_file(file: std::fs::File) -> Box<dyn crate::fs::OpenFile> {
    Box::new(platform::SystemFile(file))
}

fn boxed(dir: SystemDir) -> Box<Dir> {
    Box::new(dir)
}
