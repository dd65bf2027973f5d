//! A file that says itself whether it is still as it was written.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::exit::{Exit, Failure};
use crate::input::file::plain;

/// Stands in a text where its digest will.
pub(super) const SEAL: &str = "sha256:@@";

/// What stands before the digest in a file.
const PREFIX: &str = "sha256:";

/// Hexadecimal digits of a digest.
const DIGITS: usize = 64;

/// No file of ours is near it.
const FILE_BYTES_MAX: usize = 64 << 10;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing.
    Absent,
    /// This very text.
    Same,
    /// Another text of ours, as it was written.
    Ours,
    /// Something that somebody else wrote or changed.
    Changed,
}

/// What a removal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is gone now.
    Removed,
    /// It was not there.
    Absent,
}

impl Written {
    /// Looks at a path where `text` belongs.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn at(path: &Path, text: &str) -> Result<Self, Failure> {
        let about = |e: &io::Error| failure(path, "read", e);
        let kind = match fs::symlink_metadata(path) {
            Ok(found) => found.file_type(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(e) => return Err(about(&e)),
        };
        // A link is an arrangement of somebody's: a masked unit, or files that are kept elsewhere.
        if !kind.is_file() {
            return Ok(Self::Changed);
        }
        let found = fs::read(path).map_err(|e| about(&e))?;
        Ok(match std::str::from_utf8(&found) {
            Ok(found) if found == sealed(text) => Self::Same,
            Ok(found) if found.len() <= FILE_BYTES_MAX && is_unchanged(found) => Self::Ours,
            _ => Self::Changed,
        })
    }
}

/// The text with its digest in the place of [`SEAL`].
pub(super) fn sealed(text: &str) -> String {
    text.replacen(SEAL, &format!("{PREFIX}{}", digest(text)), 1)
}

/// Whether the digest in it is its own.
fn is_unchanged(found: &str) -> bool {
    let Some((before, after)) = found.split_once(PREFIX) else { return false };
    let Some((said, rest)) = after.split_at_checked(DIGITS) else { return false };
    digest(&format!("{before}{SEAL}{rest}")) == said
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of folders, and of files: to be read by everybody, and changed by nobody else whatever the umask is. What stands in a
/// unit is started.
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// Writes it whole or not at all.
///
/// # Errors
/// Where the folder or the file cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let about = |e: io::Error| failure(path, "written", &e);
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(about)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Neither systemd nor launchd reads a file of such a name.
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let done = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(sealed(text).as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    done.map_err(|e| {
        // It may not even have been made.
        let _ = fs::remove_file(&beside);
        about(e)
    })
}

/// Removes it.
///
/// # Errors
/// Where it is there and cannot be removed.
pub(super) fn remove(path: &Path) -> Result<Removal, Failure> {
    match fs::remove_file(path) {
        Ok(()) => Ok(Removal::Removed),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Removal::Absent),
        Err(e) => Err(failure(path, "removed", &e)),
    }
}

fn failure(path: &Path, done: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Configuration, format!("{} cannot be {done}: {}", path.display(), plain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# written, sha256:@@\na = 1\n";

    fn at(path: &Path, text: &str) -> Written {
        Written::at(path, text).unwrap()
    }

    #[test]
    fn a_file_is_known_as_the_same_as_an_older_one_of_ours_or_as_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/renewd.service");
        assert_eq!(at(&path, TEXT), Written::Absent);
        write(&path, TEXT).unwrap();
        assert_eq!(at(&path, TEXT), Written::Same);
        assert_eq!(at(&path, "# newer, sha256:@@\n"), Written::Ours);
        let text = fs::read_to_string(&path).unwrap();
        for other in [text.replace("a = 1", "a = 2"), text.replace("sha256:", "sha256:0"), "mine\n".into()] {
            fs::write(&path, other).unwrap();
            assert_eq!(at(&path, TEXT), Written::Changed);
        }
        write(&path, TEXT).unwrap();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        assert_eq!(remove(&path).unwrap(), Removal::Removed);
        assert_eq!(remove(&path).unwrap(), Removal::Absent);
    }

    #[test]
    fn a_masked_unit_and_a_file_that_is_kept_elsewhere_are_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("renewd.service");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert_eq!(at(&path, TEXT), Written::Changed);
    }

    #[test]
    fn what_cannot_be_written_is_named_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
        let failure = write(&path, TEXT).unwrap_err();
        assert!(failure.message.contains("taken cannot be written"), "{failure}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
