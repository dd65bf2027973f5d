//! Folders for what is no record: the journal, sockets, tokens for one program.
//!
//! They are looked at in the same way as a store's own, so that another user's link, pipe or folder is met once, here,
//! and not forgotten wherever a file is opened.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use renewd_core::StoreFault;

use crate::fault::io_fault;
use crate::fs::Folder as _;
use crate::sys::{self, SystemDir};

/// A folder of this user's alone: mode 0700, on a way that nobody else can change. Its files have mode 0600 and one
/// name; links are not followed.
pub struct PrivateFolder {
    dir: SystemDir,
}

impl PrivateFolder {
    /// Opens it, and makes it and what is missing above it.
    ///
    /// # Errors
    /// Where another user owns it, may enter it, or could put another one in its place; a link in its place; the
    /// system's errors. The message names the place and the command that mends it.
    pub fn create(path: &Path) -> Result<Self, StoreFault> {
        SystemDir::create(path).map(|dir| Self { dir })
    }

    /// Opens it; nothing where there is none.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn open(path: &Path) -> Result<Option<Self>, StoreFault> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_fault("look at", path, &error)),
            Ok(_) => SystemDir::open(path).map(|dir| Some(Self { dir })),
        }
    }

    /// Opens a file for adding to its end, making it where it is missing.
    ///
    /// # Errors
    /// A file that is not this user's alone, a link, a pipe, a second name; the system's errors.
    pub fn append(&self, file: &str) -> Result<File, StoreFault> {
        self.dir.append(file)
    }

    /// Opens a file to read it; nothing where there is none.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn read(&self, file: &str) -> Result<Option<BufReader<File>>, StoreFault> {
        Ok(self.dir.existing(file)?.map(BufReader::new))
    }

    /// Gives a file another name, in place of what has it.
    ///
    /// # Errors
    /// The system's.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), StoreFault> {
        self.dir.rename(from, to).map_err(|error| io_fault("rename", &self.path_of(from), &error))
    }

    /// Where a file of that name stands.
    pub fn path_of(&self, file: &str) -> PathBuf {
        self.dir.path_of(file)
    }
}

/// Makes a folder, and what is missing above it, with mode 0700. It may be one like `/tmp`, in which everybody may make
/// files and only their owners can move them.
///
/// # Errors
/// Where another user could put another folder in its place, or something else in the place of what is made in it.
pub fn make_shared_folder(path: &Path) -> Result<(), StoreFault> {
    sys::make_shared(path)
}

/// Why another user could put something else at the path of a file that the user named, and the command that mends it;
/// nothing where nobody could. Links on the way are followed, as mounted secrets want it. The file itself is not looked
/// at: its opener does that, once it is open.
pub fn loose_way(file: &Path) -> Option<String> {
    sys::loose_way(file)
}
