//! A file that is replaced whole: a reader sees what stood there or what stands there now, and never a part, whatever
//! ends the writer half-way.
//!
//! The new one is written beside it, private until it is complete, then given its mode, made durable and renamed. All of
//! that happens in one folder that is held open, so that nobody can exchange it meanwhile.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use renewd_driver::Entropy as _;
use renewd_driver::system::SystemEntropy;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};

/// A token file is one line; the longest token that is read anywhere fits twice.
const BYTES_MAX: u64 = 64 << 10;

/// Ends the names of files that were written beside, and not put in place.
const BESIDE: &str = ".renewd";

/// Digits of the random number before it.
const RANDOM_DIGITS: usize = 32;

/// A file that is replaced whole.
#[derive(Debug)]
pub(crate) struct WholeFile {
    path: PathBuf,
    mode: Mode,
}

impl WholeFile {
    /// One of that mode. Nothing is made.
    pub(crate) fn new(path: PathBuf, mode: u32) -> Self {
        Self { path, mode: Mode::from_raw_mode(mode as rustix::fs::RawMode) }
    }

    /// Where it stands.
    #[cfg(test)]
    fn path(&self) -> &Path {
        &self.path
    }

    /// Puts these bytes in the place of what stands there.
    ///
    /// # Errors
    /// What stands there is no token file of this user's; the disk's.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let (folder, name) = self.open_folder()?;
        check(&folder, name)?;
        let beside = beside(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&folder, &beside, flags, Mode::RUSR | Mode::WUSR)?;
        let placed = self
            .fill(fd, bytes)
            .and_then(|()| rustix::fs::renameat(&folder, &beside, &folder, name).map_err(io::Error::from));
        if placed.is_err() {
            // What cannot be removed now is swept at the next start.
            let _ = rustix::fs::unlinkat(&folder, &beside, AtFlags::empty());
        }
        placed
    }

    /// Wide enough for others only once all of it is there.
    fn fill(&self, fd: OwnedFd, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::from(fd);
        file.write_all(bytes)?;
        rustix::fs::fchmod(&file, self.mode)?;
        // Else a crash of the machine could leave the name with nothing behind it.
        file.sync_all()
    }

    /// Takes it away. True where there was one.
    ///
    /// # Errors
    /// What stands there is no token file of this user's; the disk's.
    pub(crate) fn remove(&self) -> io::Result<bool> {
        let (folder, name) = match self.open_folder() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        if !check(&folder, name)? {
            return Ok(false);
        }
        rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
        Ok(true)
    }

    /// Whether something stands there.
    pub(crate) fn exists(&self) -> bool {
        rustix::fs::lstat(&self.path).is_ok()
    }

    /// Removes what a writer that was killed left beside it.
    pub(crate) fn sweep(&self) {
        let Ok((folder, name)) = self.open_folder() else { return };
        let Ok(entries) = rustix::fs::Dir::read_from(&folder) else { return };
        for entry in entries.flatten() {
            let file = entry.file_name().to_bytes();
            if is_beside(file, name)
                && let Ok(stat) = rustix::fs::statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                && is_own_file(&stat)
            {
                let _ = rustix::fs::unlinkat(&folder, entry.file_name(), AtFlags::empty());
            }
        }
    }

    fn open_folder(&self) -> io::Result<(OwnedFd, &OsStr)> {
        let name = self.path.file_name().ok_or_else(|| refused("names no file"))?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, folder, flags, Mode::empty()).map_err(|errno| {
            let error = io::Error::from(errno);
            io::Error::new(error.kind(), format!("its folder: {}", crate::input::file::plain(&error)))
        })?;
        Ok((fd, name))
    }
}

/// Looks at what is to be replaced or removed. True where something stands there.
fn check(folder: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(rustix::io::Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno.into()),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => return Err(refused("is a symbolic link; name the file itself")),
        _ => return Err(refused("is something else than a file; name another path")),
    }
    if !is_own_file(&stat) {
        return Err(refused("is another user's file; remove it or name another path"));
    }
    if !holds_one_line(folder, name, &stat)? {
        return Err(refused("holds something else than a token; move it away or name another path"));
    }
    Ok(true)
}

fn is_own_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && stat.st_uid == rustix::process::geteuid().as_raw()
}

/// Every format is one line. A path that was mistyped must not cost anybody a file: what has more lines is none of ours.
fn holds_one_line(folder: &OwnedFd, name: &OsStr, stat: &Stat) -> io::Result<bool> {
    if u64::try_from(stat.st_size).map_or(true, |bytes| bytes > BYTES_MAX) {
        return Ok(false);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(BYTES_MAX as usize + 1));
    File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?)
        .take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    Ok(bytes.len() as u64 <= BYTES_MAX && line.iter().all(|b| b.is_ascii_graphic() || *b == b' '))
}

fn beside(name: &OsStr) -> std::ffi::OsString {
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{:0width$x}{BESIDE}", SystemEntropy.attempt_id().0, width = RANDOM_DIGITS));
    beside
}

fn is_beside(file: &[u8], name: &OsStr) -> bool {
    let random = file
        .strip_prefix(b".")
        .and_then(|rest| rest.strip_prefix(name.as_encoded_bytes()))
        .and_then(|rest| rest.strip_prefix(b"."))
        .and_then(|rest| rest.strip_suffix(BESIDE.as_bytes()));
    random.is_some_and(|r| r.len() == RANDOM_DIGITS && r.iter().all(u8::is_ascii_hexdigit))
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    fn file(mode: u32) -> (tempfile::TempDir, WholeFile) {
        let dir = tempfile::tempdir().unwrap();
        let file = WholeFile::new(dir.path().join("token"), mode);
        (dir, file)
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let mut all: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        all.sort();
        all
    }

    #[test]
    fn it_has_its_mode_whatever_stood_there_and_is_renamed_over_and_not_written_into() {
        let (dir, file) = file(0o640);
        fs::write(file.path(), "old").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        let before = fs::metadata(file.path()).unwrap();
        file.write(b"at-1").unwrap();
        let after = fs::metadata(file.path()).unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), b"at-1");
        assert_eq!(after.permissions().mode() & 0o777, 0o640);
        assert_ne!(before.ino(), after.ino());
        assert_eq!(names(&dir), ["token"]);
        assert!(file.remove().unwrap() && !file.remove().unwrap());
        assert!(names(&dir).is_empty());
    }

    #[test]
    fn what_is_no_token_file_of_ours_is_neither_replaced_nor_removed() {
        let (dir, file) = file(0o600);
        let precious = dir.path().join("precious");
        let refusal = |words: &str| {
            for error in [file.write(b"at-1").unwrap_err(), file.remove().unwrap_err()] {
                assert!(error.to_string().contains(words), "{error}");
            }
        };
        fs::write(&precious, "one\ntwo\n").unwrap();
        symlink(&precious, file.path()).unwrap();
        refusal("symbolic link");
        fs::remove_file(file.path()).unwrap();
        fs::create_dir(file.path()).unwrap();
        refusal("something else than a file");
        fs::remove_dir(file.path()).unwrap();
        for content in [&b"[table]\nkey = 1\n"[..], b"\x7fELF\x02", &[b'a'; 70_000]] {
            fs::write(file.path(), content).unwrap();
            refusal("something else than a token");
            assert_eq!(fs::read(file.path()).unwrap(), content);
        }
        fs::write(file.path(), "").unwrap();
        file.write(b"at-1").unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_folder_that_is_missing_is_named_and_what_a_killed_writer_left_is_swept() {
        let (dir, file) = file(0o600);
        let error = WholeFile::new(dir.path().join("no/token"), 0o600).write(b"at-1").unwrap_err();
        assert!(error.to_string().contains("its folder"), "{error}");
        let left = dir.path().join(beside(OsStr::new("token")));
        fs::write(left, "at-0").unwrap();
        for other in [".token.renewd", "token.bak", ".token.xyz.renewd"] {
            fs::write(dir.path().join(other), "").unwrap();
        }
        file.sweep();
        assert_eq!(names(&dir), [".token.renewd", ".token.xyz.renewd", "token.bak"]);
    }
}
