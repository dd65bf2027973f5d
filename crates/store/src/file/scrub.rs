//! What a logout takes from the folder besides the record.
//!
//! A tombstone in the place of the record is not all: what was damaged and set aside, what a process left that died while
//! it wrote, and what was prepared for a login hold material of the same login, sealed with the same key.

use renewd_core::StoreFault;
use renewd_driver::CredentialName;

use super::{Inner, names};
use crate::disk::{remove_if_dead, temp_stem};
use crate::fault::io_fault;
use crate::fs::Dir;

impl Inner {
    /// Removes it. The caller holds *write*, and a tombstone stands. A temporary file of a process that lives stays: it is
    /// room for an outcome that will not be written any more, and goes with its claim.
    pub(super) fn scrub(&self, dir: &Dir, name: &CredentialName) -> Result<(), StoreFault> {
        self.remove_prepared(dir, name)?;
        let mut removed = false;
        for file in dir.entries()? {
            if names::damaged_number(&file, name).is_some() {
                removed |= remove(dir, &file)?;
            } else if temp_stem(&file) == Some(name.as_str()) {
                remove_if_dead(dir, &file);
            }
        }
        if removed {
            dir.sync().map_err(|error| io_fault("sync the folder", dir.path(), &error))?;
        }
        Ok(())
    }
}

/// Removes a file; `false` where there was none.
pub(super) fn remove(dir: &Dir, file: &str) -> Result<bool, StoreFault> {
    match dir.remove(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_fault("remove", &dir.path_of(file), &error)),
    }
}
