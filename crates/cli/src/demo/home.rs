//! A folder for the demonstration's records, sockets and configuration: private, and gone at the end.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use renewd_driver::Entropy as _;
use renewd_driver::system::SystemEntropy;

use crate::exit::{Exit, Failure};
use crate::input::file::plain;

/// A temporary folder. Dropping it removes it.
pub(super) struct Home(PathBuf);

impl Home {
    /// Makes one that was not there before.
    ///
    /// # Errors
    /// When the system's temporary folder cannot be used.
    pub(super) fn make() -> Result<Self, Failure> {
        // Short, because a socket's path has about a hundred bytes.
        let number = SystemEntropy.attempt_id().0 as u32;
        let above = std::env::temp_dir();
        if !above.is_dir() {
            let what = format!("no folder can be made at {}: it does not exist", above.display());
            return Err(Failure::new(Exit::Store, what).advise("set TMPDIR to a folder of yours"));
        }
        renewd_store::make_shared_folder(&above).map_err(|fault| {
            Failure::new(Exit::Store, fault.message).advise("set TMPDIR to a folder of yours")
        })?;
        let path = above.join(format!("renewd-demo-{number:08x}"));
        DirBuilder::new().mode(0o700).create(&path).map_err(|e| {
            Failure::new(Exit::Store, format!("no folder can be made at {}: {}", path.display(), plain(&e)))
                .advise("set TMPDIR to a folder of yours")
        })?;
        Ok(Self(path))
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(kind = ?error.kind(), path = %self.0.display(), "the folder stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_home_is_private_and_goes_with_everything_in_it() {
        let home = Home::make().unwrap();
        let path = home.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(path.join("x"), "y").unwrap();
        drop(home);
        assert!(!path.exists());
    }
}
