//! What was told already: a small file for each credential that is not well, in the state folder.
//!
//! Whoever makes the file tells of the event; whoever removes it tells of the recovery. Making and removing are one step
//! of the file system, so of many processes one does it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use renewd_driver::CredentialName;
use renewd_store::PrivateFolder;

use super::Happening;

/// What stands behind a name. The one is about a login that is needed, the other about a server that is waited for.
const KINDS: [Happening; 2] = [Happening::Unauthenticated, Happening::AuthRetrying];

/// The folder of what was raised.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    folder: PathBuf,
}

impl Raised {
    /// In that state folder. Nothing is made before something is raised.
    pub(super) fn new(state: &Path) -> Self {
        Self { folder: state.join("raised") }
    }

    /// Raises it. False where somebody did already, or where that cannot be known: a person who is told in a loop is
    /// served worse than one who is not told.
    pub(super) fn raise(&self, name: &CredentialName, what: Happening) -> bool {
        let made = PrivateFolder::create(&self.folder).map_err(|fault| fault.message).and_then(|folder| {
            let path = folder.path_of(&file(name, what));
            match new_file(&path) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(format!("{}: {}", path.display(), crate::input::file::plain(&error))),
            }
        });
        // A login that is needed takes the place of the wait before it: one recovery ends both.
        if what == Happening::Unauthenticated && matches!(made, Ok(true)) {
            self.remove(name, Happening::AuthRetrying);
        }
        made.unwrap_or_else(|why| {
            tracing::warn!(credential = %name, why, "what was told cannot be remembered: hooks are not run");
            false
        })
    }

    /// Takes back what was raised. True where there was something.
    pub(super) fn lower(&self, name: &CredentialName) -> bool {
        // Each is taken back, whatever became of the other.
        let lowered = KINDS.map(|what| self.remove(name, what));
        lowered.contains(&true)
    }

    fn remove(&self, name: &CredentialName, what: Happening) -> bool {
        std::fs::remove_file(self.folder.join(file(name, what))).is_ok()
    }
}

fn file(name: &CredentialName, what: Happening) -> String {
    format!("{name}.{}", what.name())
}

fn new_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(b"told\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_one_raises_and_of_many_one_lowers() {
        let state = tempfile::tempdir().unwrap();
        let name: CredentialName = "work".parse().unwrap();
        let (a, b) = (Raised::new(state.path()), Raised::new(state.path()));
        assert!(!a.lower(&name), "nothing was raised yet");
        assert!(a.raise(&name, Happening::Unauthenticated));
        assert!(!b.raise(&name, Happening::Unauthenticated));
        assert!(b.lower(&name));
        assert!(!a.lower(&name));
        assert!(a.raise(&name, Happening::Unauthenticated), "the next time is another one");
    }

    #[test]
    fn one_recovery_ends_the_wait_and_the_login_that_it_became() {
        let state = tempfile::tempdir().unwrap();
        let (raised, name) = (Raised::new(state.path()), "work".parse().unwrap());
        assert!(raised.raise(&name, Happening::AuthRetrying));
        assert!(raised.raise(&name, Happening::Unauthenticated));
        assert!(raised.lower(&name));
        assert!(!raised.lower(&name));
    }

    #[test]
    fn where_nothing_can_be_remembered_nothing_is_told() {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("raised"), "").unwrap();
        assert!(!Raised::new(state.path()).raise(&"work".parse().unwrap(), Happening::Unauthenticated));
    }
}
