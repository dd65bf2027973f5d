//! Temporary files of processes that died.
//!
//! Such a file is made under a lock, and is itself locked while its process lives: whoever gets both locks may remove it.

use renewd_driver::CredentialName;

use super::names;
use super::open::{FileStoreOptions, STORE_LOCK};
use crate::disk::{Disk, remove_if_dead, temp_stem};
use crate::fs::Dir;
use crate::key::{DEFAULT_FILE, NEXT_FILE, SHARED_FILE};
use crate::lock::Lock;
use crate::remembered::Remembered;

/// Removes what processes left behind that died while writing.
pub(super) fn sweep(dir: &Dir) {
    let Ok(entries) = dir.entries() else { return };
    for temp in entries {
        let Some(stem) = temp_stem(&temp) else { continue };
        // Temporary files are made under this lock and are themselves locked while their process lives.
        let lock = match stem.parse::<CredentialName>() {
            _ if stem == Remembered::FILE => STORE_LOCK.to_owned(),
            Ok(name) => names::write(&name),
            Err(_) => continue,
        };
        if let Ok(Some(_held)) = Lock::try_take(dir, &lock) {
            remove_if_dead(dir, &temp);
        }
    }
}

/// Removes what a process left in the state folder that died while it made the key. The caller holds the lock under
/// which keys are made.
pub(super) fn clear_key_folder(options: &FileStoreOptions, disk: &Disk) {
    let Ok(dir) = disk.machine.open_folder(&options.state_dir) else { return };
    for temp in dir.entries().unwrap_or_default() {
        if matches!(temp_stem(&temp), Some(DEFAULT_FILE | NEXT_FILE | SHARED_FILE)) {
            remove_if_dead(dir.as_ref(), &temp);
        }
    }
}
