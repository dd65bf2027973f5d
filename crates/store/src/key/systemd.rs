//! A key that systemd hands to its service (`LoadCredential=`, `LoadCredentialEncrypted=`, `SetCredential=`).
//!
//! It is a file in a folder of the service's own that nobody can write to; both are made by systemd before the service
//! starts and are gone when it ends. The same checks as for any mounted secret hold for it.

use std::path::{Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};

use super::KeyMaterial;
use super::file::KeyFile;
use crate::fault::fault;
use crate::fs::FileSystem;

/// Longest name, as of a file.
const NAME_BYTES_MAX: usize = 255;

/// Whether systemd would take it for a credential's name. It is one component of a path.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |b: u8| (b' '..=b'~').contains(&b) && !matches!(b, b'/' | b':');
    !matches!(name, "" | "." | "..") && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain)
}

/// Where it stands, for people.
pub(super) fn place(dir: Option<&Path>, name: &str) -> String {
    match dir {
        Some(dir) => dir.join(name).display().to_string(),
        None => format!("the systemd credential {name}"),
    }
}

/// The key; `None` where systemd handed over others, and not this one.
pub(super) fn fetch(
    machine: &dyn FileSystem,
    dir: Option<&Path>,
    name: &str,
) -> Result<Option<KeyMaterial>, StoreFault> {
    let Some(dir) = dir.filter(|dir| dir.is_absolute() && is_name(name)) else {
        let message = format!(
            "the key is the systemd credential {name:?}, and this process was given none (CREDENTIALS_DIRECTORY is not \
             set): run it as the service that has `LoadCredential={name}:PATH`"
        );
        return Err(fault(StoreFaultKind::KeyUnavailable, message));
    };
    let path: PathBuf = dir.join(name);
    KeyFile::at(&path).fetch_on(machine)
}

/// What is said where there is no such credential: one is never made.
pub(super) fn missing(name: &str) -> StoreFault {
    let message = format!(
        "there is no systemd credential {name:?} in CREDENTIALS_DIRECTORY: add `LoadCredential={name}:PATH` (or \
         LoadCredentialEncrypted=) to the unit, with a file that holds 32 random bytes in base64"
    );
    fault(StoreFaultKind::KeyUnavailable, message)
}
