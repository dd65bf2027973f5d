//! The file behind `--file`: the newest token, whole or not at all, and no file once the last token has expired.
//!
//! It lies in a folder of its own that nobody else can enter, and goes with the child. What a killed `renewd run` left
//! behind is swept by the next one: each folder is locked for as long as its owner lives.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use renewd_core::Publication;
use renewd_driver::system::{SystemClock, SystemEntropy};
use renewd_driver::{Clock as _, CredentialName, Entropy as _, Lease};
use tokio::sync::watch;

use crate::app::App;
use crate::commands::token::Format;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::input::file::plain;
use crate::obtain::Obtained;
use crate::token_file::{Standing, Step, WholeFile, content, step};

/// Folders of ours begin so; the rest is a random number.
const FOLDER_PREFIX: &str = "run-";

/// The file in it.
const FILE: &str = "token";

/// Held while a folder is made or swept, so that nobody sweeps one that is being made.
const GUARD: &str = "run.lock";

/// In each folder; locked while its owner lives.
const OWNER: &str = "owner.lock";

/// An expiry is noticed so late at most, also after a suspend that the timer did not see.
const LOOK: Duration = Duration::from_secs(30);

/// Nobody else's.
const MODE: u32 = 0o600;

/// After a failed write.
const PAUSE: Duration = Duration::from_secs(1);

/// A token file and its folder. Dropping it removes both.
pub(super) struct TokenFile {
    folder: PathBuf,
    _owner: File,
}

impl TokenFile {
    /// Makes the folder, and sweeps those of the dead.
    ///
    /// # Errors
    /// When there is no private place for it.
    pub(super) fn make(config: &Config) -> Result<Self, Failure> {
        let base = base(config)?;
        let made = private_base(&base).and_then(|()| Self::make_in(&base));
        made.map_err(|e| {
            Failure::new(
                Exit::Store,
                format!("a token file cannot be made in {}: {}", base.display(), plain(&e)),
            )
            .advise("mend the folder, set XDG_RUNTIME_DIR to one of your own, or use --proxy")
        })
    }

    fn make_in(base: &Path) -> io::Result<Self> {
        let guard = lock_file(&base.join(GUARD))?;
        guard.lock()?;
        sweep(base);
        let folder = base.join(format!("{FOLDER_PREFIX}{:032x}", SystemEntropy.attempt_id().0));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let owner = lock_file(&folder.join(OWNER))?;
        owner.lock()?;
        Ok(Self { folder, _owner: owner })
    }

    /// Where the token stands.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Puts this token in the place of the old one, in one step: a reader sees one or the other.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn write(&self, name: &CredentialName, token: &Obtained) -> io::Result<()> {
        let bytes = content(name, token, Format::Raw).map_err(|failure| io::Error::other(failure.message))?;
        self.whole().write(&bytes)
    }

    fn remove(&self) -> io::Result<()> {
        self.whole().remove().map(drop)
    }

    fn whole(&self) -> WholeFile {
        WholeFile::new(self.path(), MODE)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(kind = ?error.kind(), "the token file's folder stays behind until the next run sweeps it");
        }
    }
}

/// Keeps the file fresh, until its future is dropped or the credential is no longer kept.
pub(super) async fn keep_fresh(
    file: &TokenFile,
    name: &CredentialName,
    first: &Lease,
    mut published: watch::Receiver<Option<Publication>>,
    app: &App,
) {
    let mut held = Some(Standing::from(first));
    // What was published since the first token was taken counts too.
    published.mark_changed();
    loop {
        let look = held.as_ref().map_or(LOOK, |h| LOOK.min(h.left(SystemClock.now()).into()));
        tokio::select! {
            changed = published.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(look), if held.is_some() => {}
        }
        let newest = published.borrow_and_update().clone();
        let kept = match step(held.as_ref(), newest.as_ref(), SystemClock.now()) {
            Step::Keep => Ok(()),
            Step::Write(standing) => file.write(name, &standing.token).map(|()| held = Some(*standing)),
            Step::Remove => {
                held = None;
                file.remove()
            }
        };
        if let Err(error) = kept {
            app.output.warn(&format!("the token file {}: {}", file.path().display(), plain(&error)));
            // The disk is given time; what is published next would wake this at once anyway.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The user's own runtime folder where there is one (it is memory, and goes at logout), else the state folder.
fn base(config: &Config) -> Result<PathBuf, Failure> {
    let socket = config.places().socket()?;
    Ok(socket.parent().map_or_else(|| socket.clone(), Path::to_owned))
}

/// Others must not be able to put a folder of theirs in the place of ours, nor to write in it.
fn private_base(base: &Path) -> io::Result<()> {
    renewd_store::make_shared_folder(base).map_err(|fault| io::Error::other(fault.message))?;
    let meta = fs::metadata(base)?;
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != me {
        let words = format!("it belongs to uid {}, and renewd runs as uid {me}", meta.uid());
        return Err(io::Error::other(words));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(io::Error::other(format!("others can write to it: `chmod 700 {}`", base.display())));
    }
    Ok(())
}

fn lock_file(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Removes the folders whose owners are gone. What cannot be removed stays for the next one.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().and_then(|n| n.strip_prefix(FOLDER_PREFIX)).is_some_and(is_random);
        if !ours || !entry.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        let folder = entry.path();
        let free = lock_file(&folder.join(OWNER)).is_ok_and(|owner| owner.try_lock().is_ok());
        if free && let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(kind = ?error.kind(), "a folder that a killed run left behind cannot be removed");
        }
    }
}

fn is_random(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::Secret;
    use std::os::unix::fs::PermissionsExt as _;

    fn token(text: &str) -> Obtained {
        Obtained::bearer(Secret::from(text))
    }

    fn name() -> CredentialName {
        "work".parse().unwrap()
    }

    fn folders(base: &Path) -> usize {
        fs::read_dir(base).unwrap().flatten().filter(|e| e.path().is_dir()).count()
    }

    #[test]
    fn the_file_is_private_replaced_whole_and_gone_at_the_end() {
        let base = tempfile::tempdir().unwrap();
        let file = TokenFile::make_in(base.path()).unwrap();
        file.write(&name(), &token("at-1")).unwrap();
        let first = fs::metadata(file.path()).unwrap();
        file.write(&name(), &token("at-2")).unwrap();
        let second = fs::metadata(file.path()).unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), b"at-2");
        assert_ne!(first.ino(), second.ino(), "renamed over, not written into");
        assert_eq!(second.permissions().mode() & 0o777, 0o600);
        let folder = file.path().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        drop(file);
        assert!(!folder.exists());
    }

    #[test]
    fn a_dead_owners_folder_is_swept_and_a_living_ones_is_not() {
        let base = tempfile::tempdir().unwrap();
        let living = TokenFile::make_in(base.path()).unwrap();
        let dead = TokenFile::make_in(base.path()).unwrap();
        dead.write(&name(), &token("at-1")).unwrap();
        let left_behind = dead.folder.clone();
        // Its lock goes as the kernel takes it from a killed process; the folder stays.
        let TokenFile { _owner: owner, .. } = &dead;
        owner.unlock().unwrap();
        std::mem::forget(dead);
        fs::create_dir(base.path().join("run-of-somebody-else")).unwrap();
        let newest = TokenFile::make_in(base.path()).unwrap();
        assert!(!left_behind.exists() && living.folder.exists() && newest.folder.exists());
        assert_eq!(folders(base.path()), 3);
    }

    #[test]
    fn a_base_that_others_can_write_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(private_base(base.path()).unwrap_err().to_string().contains("every user can write"));
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o700)).unwrap();
        private_base(base.path()).unwrap();
    }
}
