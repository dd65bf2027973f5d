//! Reads the files a user names: configuration and secrets.
//!
//! They may be symbolic links, as secret mounts are. What counts is the file at the end of the link, looked at *after*
//! it is open: one that others can write could have been written by them, and is refused. So is one in a folder, or
//! behind a link, that others can change: they could have put it there.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// Largest configuration file. A thousand credentials fit ten times.
pub(crate) const CONFIG_BYTES_MAX: usize = 4 << 20;

/// Largest secret. The longest refresh tokens seen are a tenth of it.
pub(crate) const SECRET_BYTES_MAX: usize = 32 << 10;

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum FileError {
    /// There is none.
    Absent,
    /// Half a sentence for people, to stand behind the path.
    Refused(String),
}

impl FileError {
    /// As half a sentence, to stand behind the path.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Absent => "does not exist",
            Self::Refused(why) => why,
        }
    }
}

/// Reads a whole file of at most `limit` bytes that nobody else can write.
///
/// # Errors
/// [`FileError`].
pub(crate) fn read_checked(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open_checked(path)?;
    if let Some(why) = renewd_store::loose_way(path) {
        return Err(FileError::Refused(format!("is in no safe place: {why}")));
    }
    read_limited(file, limit).map_err(FileError::Refused)
}

/// Reads at most `limit` bytes from anything.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn read_limited(source: impl io::Read, limit: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    // Room for everything at once: a buffer that grows leaves copies of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit.saturating_add(1).min(SECRET_BYTES_MAX + 1)));
    match source.take(limit as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > limit => Err(format!("is longer than {limit} bytes")),
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("cannot be read: {}", plain(&error))),
    }
}

/// The system's words without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// Opens it without waiting: what another user planted as a pipe would keep us waiting for its writer for ever.
#[cfg(unix)]
fn open_checked(path: &Path) -> Result<File, FileError> {
    use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| unopened(&error))?;
    if !check(&file, path)?.file_type().is_fifo() {
        return Ok(file);
    }
    // A pipe of ours, from a shell's `<(…)` perhaps. It is not opened once more: its writer may have written and gone
    // meanwhile, and an open would wait for another one for ever.
    wait_for_writer(&file).map_err(|error| unopened(&error.into()))?;
    Ok(file)
}

/// Waits until somebody wrote to the pipe, or had it open for writing and closed it; from then on it is read as a file is.
#[cfg(unix)]
fn wait_for_writer(pipe: &File) -> rustix::io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(pipe, PollFlags::IN)], None))?;
    let flags = rustix::fs::fcntl_getfl(pipe)?;
    rustix::fs::fcntl_setfl(pipe, flags - rustix::fs::OFlags::NONBLOCK)
}

#[cfg(not(unix))]
fn open_checked(path: &Path) -> Result<File, FileError> {
    let file = File::open(path).map_err(|error| unopened(&error))?;
    check(&file, path)?;
    Ok(file)
}

fn unopened(error: &io::Error) -> FileError {
    match error.kind() {
        io::ErrorKind::NotFound => FileError::Absent,
        _ => FileError::Refused(format!("cannot be opened: {}", plain(error))),
    }
}

#[cfg(unix)]
fn check(file: &File, path: &Path) -> Result<std::fs::Metadata, FileError> {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    let meta =
        file.metadata().map_err(|e| FileError::Refused(format!("cannot be looked at: {}", plain(&e))))?;
    let kind = meta.file_type();
    if kind.is_dir() {
        return Err(FileError::Refused("is a folder".into()));
    }
    if !kind.is_file() && !kind.is_fifo() {
        return Err(FileError::Refused("is no regular file".into()));
    }
    let me = rustix::process::geteuid().as_raw();
    match writable_by_others(meta.mode(), meta.uid(), meta.gid(), me) {
        Some((why, command)) => Err(FileError::Refused(format!("{why}: `{command} {}`", path.display()))),
        None if meta.mode() & 0o020 != 0 && has_access_list(file) => Err(FileError::Refused(format!(
            "can be written by others (it has an access list): `setfacl -b {}`",
            path.display()
        ))),
        None => Ok(meta),
    }
}

/// A list's widest entry shows in the group's bits (acl(5)): a group of the user's own is then not all that they mean.
#[cfg(target_os = "linux")]
fn has_access_list(file: &File) -> bool {
    let mut first = [0; 1];
    let asked = rustix::fs::fgetxattr(file, "system.posix_acl_access", &mut first[..]);
    matches!(asked, Err(rustix::io::Errno::RANGE) | Ok(1..))
}

/// Elsewhere the lists are kept in ways of their own, and are not looked at.
#[cfg(all(unix, not(target_os = "linux")))]
fn has_access_list(_: &File) -> bool {
    false
}

#[cfg(not(unix))]
fn check(file: &File, _: &Path) -> Result<(), FileError> {
    match file.metadata() {
        Ok(meta) if meta.is_file() => Ok(()),
        Ok(_) => Err(FileError::Refused("is no regular file".into())),
        Err(error) => Err(FileError::Refused(format!("cannot be looked at: {}", plain(&error)))),
    }
}

/// Why others could have written a file of that mode and owner, and the command that mends it; nothing when they could
/// not.
#[cfg(unix)]
fn writable_by_others(mode: u32, uid: u32, gid: u32, me: u32) -> Option<(String, String)> {
    if uid != me && uid != 0 {
        let why = format!("belongs to another user (uid {uid}), who could change it; if you trust it");
        return Some((why, format!("chown {me}")));
    }
    // Where each user has a group of the same number, that group is the user alone.
    let private_group = gid == uid;
    let others = if private_group { 0o002 } else { 0o022 };
    let why = || format!("can be written by others (mode {:04o})", mode & 0o7777);
    (mode & others != 0).then(|| (why(), "chmod go-w".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_told_by_mode_owner_and_group() {
        for (mode, uid, gid, me, refused) in [
            (0o600, 1000, 1000, 1000, false),
            (0o644, 0, 0, 1000, false),
            (0o664, 1000, 1000, 1000, false),
            (0o664, 1000, 50, 1000, true),
            (0o606, 1000, 1000, 1000, true),
            (0o666, 0, 0, 0, true),
            (0o600, 1001, 1001, 1000, true),
            (0o600, 1001, 1001, 0, true),
        ] {
            let found = writable_by_others(mode, uid, gid, me);
            assert_eq!(found.is_some(), refused, "{mode:o} {uid} {gid} {me}: {found:?}");
        }
    }

    #[test]
    fn more_than_the_limit_is_refused_and_not_cut() {
        assert_eq!(read_limited(&b"12345"[..], 5).unwrap().as_slice(), b"12345");
        assert!(read_limited(&b"123456"[..], 5).unwrap_err().contains("longer than 5 bytes"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_folders_and_devices_refused() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        std::fs::write(&target, "x").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert_eq!(read_checked(&link, 10).unwrap().as_slice(), b"x");
        for (path, why) in [
            (dir.path(), "is a folder"),
            (Path::new("/dev/null"), "no regular file"),
            (&dir.path().join("none"), "does not exist"),
        ] {
            assert!(read_checked(path, 10).unwrap_err().text().contains(why), "{path:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_good_file_where_others_could_put_another_is_refused_and_so_is_a_link_to_one() {
        use rustix::fs::{Mode, chmod};
        let dir = tempfile::tempdir().unwrap();
        let loose = dir.path().join("loose");
        std::fs::create_dir(&loose).unwrap();
        std::fs::write(loose.join("file"), "x").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(loose.join("file"), &link).unwrap();
        chmod(&loose, Mode::from_raw_mode(0o777)).unwrap();
        for path in [&loose.join("file"), &link] {
            let refused = read_checked(path, 10).unwrap_err();
            let mend = format!("`chmod go-w {}`", std::fs::canonicalize(&loose).unwrap().display());
            assert!(refused.text().contains(&mend), "{}", refused.text());
        }
        // As a secret's mount is, and /tmp.
        chmod(&loose, Mode::from_raw_mode(0o1777)).unwrap();
        assert_eq!(read_checked(&link, 10).unwrap().as_slice(), b"x");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_where_it_is_ones_own_and_refused_unopened_where_others_could_write_to_it() {
        use rustix::fs::{Mode, chmod};
        use std::os::unix::fs::OpenOptionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        // The program that POSIX names: macOS has no system call that the crate in use here knows.
        let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status().unwrap();
        assert!(made.success());
        let writer = {
            let pipe = pipe.clone();
            std::thread::spawn(move || std::fs::write(pipe, "x"))
        };
        assert_eq!(read_checked(&pipe, 10).unwrap().as_slice(), b"x");
        writer.join().unwrap().unwrap();

        // The writer came and went before anybody read: what it wrote is there, and nobody else is waited for.
        let kept = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(&pipe)
            .unwrap();
        std::fs::write(&pipe, "y").unwrap();
        assert_eq!(read_checked(&pipe, 10).unwrap().as_slice(), b"y");
        drop(kept);

        // Nobody writes now: to wait for a writer would be to wait for ever.
        chmod(&pipe, Mode::from_raw_mode(0o666)).unwrap();
        let refused = read_checked(&pipe, 10).unwrap_err();
        assert!(refused.text().contains("written by others"), "{}", refused.text());
    }
}
