//! Folders and files on Unix, reached relative to an open folder.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::open;
use super::way::{self, Astray, Last};
use crate::fault::{fault, io_fault, shown};
use crate::fs::{FileId, Folder, OpenFile};

/// Group and others may do nothing.
const FOREIGN: Mode = Mode::RWXG.union(Mode::RWXO);

/// Nobody else may write a key that the configuration names, and not everybody may read it.
const FOREIGN_TO_KEY: Mode = Mode::WGRP.union(Mode::RWXO);

/// An open folder that belongs to this user alone.
pub(crate) struct SystemDir {
    fd: OwnedFd,
    path: PathBuf,
}

impl SystemDir {
    pub(crate) fn create(path: &Path) -> Result<Self, StoreFault> {
        make(path, Last::Own)?;
        Self::open(path)
    }

    pub(crate) fn open(path: &Path) -> Result<Self, StoreFault> {
        let way = way::walk(path, Last::Own).map_err(|astray| astray.into_fault(path))?;
        let fd = open::folder(&way.end()).map_err(|errno| match errno {
            Errno::LOOP | Errno::MLINK => way::linked(path),
            errno => io_fault("open the folder", path, &errno.into()),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| io_fault("look at", path, &errno.into()))?;
        check_owner(&stat, path, "700")?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// A file for adding to its end, made where it is missing.
    pub(crate) fn append(&self, file: &str) -> Result<File, StoreFault> {
        let path = self.path_of(file);
        let fd = open::or_create(&self.fd, file, OFlags::WRONLY | OFlags::APPEND)
            .map_err(|errno| open_fault("open", &path, errno))?;
        check_file(&fd, &path)?;
        Ok(File::from(fd))
    }

    /// A file to be read; nothing where there is none.
    pub(crate) fn existing(&self, file: &str) -> Result<Option<File>, StoreFault> {
        let path = self.path_of(file);
        let fd = match open::file(&self.fd, file, OFlags::RDONLY) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(open_fault("read", &path, errno)),
        };
        check_file(&fd, &path)?;
        Ok(Some(File::from(fd)))
    }

    pub(super) fn open_shared(path: &Path) -> Result<Self, StoreFault> {
        let way = way::walk(path, Last::Shared).map_err(|astray| astray.into_fault(path))?;
        let fd =
            open::folder(&way.end()).map_err(|errno| io_fault("open the folder", path, &errno.into()))?;
        Ok(Self { fd, path: path.to_owned() })
    }
}

/// Makes what is missing of a way that nobody else can change.
fn make(path: &Path, last: Last) -> Result<(), StoreFault> {
    let way = way::walk(path, last).map_err(|astray| astray.into_fault(path))?;
    let mut folder = way.standing.clone();
    for part in &way.missing {
        folder.push(part);
        match rustix::fs::mkdir(&folder, Mode::RWXU) {
            Ok(()) => {
                as_made(&folder).map_err(|errno| io_fault("create the folder", path, &errno.into()))?;
                // A folder is as durable as its name in the one above it.
                sync_parent(&folder)?;
            }
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(io_fault("create the folder", path, &errno.into())),
        }
    }
    Ok(())
}

/// Makes a folder that holds what is looked at by itself, a socket or folders with names nobody guesses: one like /tmp
/// will do.
pub(super) fn make_shared(path: &Path) -> Result<(), StoreFault> {
    make(path, Last::Shared)?;
    way::walk(path, Last::Shared).map(drop).map_err(|astray| astray.into_fault(path))
}

/// Refuses a way to a folder on which another user could put another one.
pub(super) fn check_way(folder: &Path) -> Result<(), StoreFault> {
    way::walk(folder, Last::Own).map(drop).map_err(|astray| astray.into_fault(folder))
}

/// Why another user could put something else at that path, and the command that mends it.
pub(super) fn loose_way(file: &Path) -> Option<String> {
    match way::walk(file, Last::File) {
        Err(Astray::Loose { why, mend }) => {
            Some(mend.map_or_else(
                || format!("{why}, who could put another there"),
                |mend| format!("{why}; {mend}"),
            ))
        }
        // What cannot be walked cannot be opened either, and says so itself.
        Err(Astray::Fault(_)) | Ok(_) => None,
    }
}

/// Gives a folder that was just made the rights that were asked for, where the umask took some away from its owner.
fn as_made(folder: &Path) -> Result<(), Errno> {
    let stat = rustix::fs::lstat(folder)?;
    if mode_of(&stat).contains(Mode::RWXU) {
        return Ok(());
    }
    rustix::fs::chmod(folder, Mode::RWXU)
}

impl Folder for SystemDir {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, file: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
        let path = self.path_of(file);
        let fd = match open::file(&self.fd, file, OFlags::RDONLY) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(open_fault("read", &path, errno)),
        };
        let stat = check_file(&fd, &path)?;
        read_bounded(File::from(fd), &stat, limit).map(Some).map_err(|error| io_fault("read", &path, &error))
    }

    fn open_lock(&self, file: &str) -> Result<Box<dyn OpenFile>, StoreFault> {
        let path = self.path_of(file);
        let fd = open::or_create(&self.fd, file, OFlags::RDWR)
            .map_err(|errno| open_fault("open the lock", &path, errno))?;
        check_file(&fd, &path)?;
        Ok(Box::new(SystemFile(File::from(fd))))
    }

    fn id_of(&self, file: &str) -> Option<FileId> {
        rustix::fs::statat(&self.fd, file, AtFlags::SYMLINK_NOFOLLOW).ok().as_ref().map(id)
    }

    fn create_new(&self, file: &str) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(SystemFile(File::from(open::new(&self.fd, file, OFlags::RDWR)?))))
    }

    fn open_existing(&self, file: &str) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(SystemFile(File::from(open::file(&self.fd, file, OFlags::RDWR)?))))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        match rustix::fs::renameat_with(&self.fd, from, &self.fd, to, rustix::fs::RenameFlags::NOREPLACE) {
            // The file system does not know the flag: a hard link fails on a taken name as well.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
        rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())?;
        self.remove(from)
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, file, AtFlags::empty())?)
    }

    fn sync(&self) -> io::Result<()> {
        sync_all(&File::from(self.fd.try_clone()?))
    }

    fn entries(&self) -> Result<Vec<String>, StoreFault> {
        let failed = |errno: Errno| io_fault("list", &self.path, &errno.into());
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn stamp(&self, file: &str) -> Option<[u64; 5]> {
        let stat = rustix::fs::statat(&self.fd, file, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let fields = [
            stat.st_dev as u64,
            stat.st_ino as u64,
            (stat.st_mtime as u64).wrapping_mul(1_000_000_000).wrapping_add(stat.st_mtime_nsec as u64),
            (stat.st_ctime as u64).wrapping_mul(1_000_000_000).wrapping_add(stat.st_ctime_nsec as u64),
            stat.st_size as u64,
        ];
        Some(fields)
    }

    fn unshared_locks(&self) -> Result<Option<&'static str>, StoreFault> {
        unshared(&self.fd).map_err(|errno| io_fault("ask for the file system of", &self.path, &errno.into()))
    }
}

/// An open file.
pub(super) struct SystemFile(pub(super) File);

impl OpenFile for SystemFile {
    fn try_lock(&self) -> Result<(), TryLockError> {
        self.0.try_lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }

    fn id(&self) -> Option<FileId> {
        rustix::fs::fstat(&self.0).ok().as_ref().map(id)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_vendor = "apple",
            target_os = "freebsd"
        ))]
        match rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::empty(), 0, length) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            done => return Ok(done?),
        }
        write_zeros(&self.0, length)
    }

    fn write_whole(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.rewind()?;
        self.0.write_all(bytes)?;
        self.0.set_len(bytes.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        sync_all(&self.0)
    }
}

fn id(stat: &Stat) -> FileId {
    [wide(stat.st_dev), wide(stat.st_ino)]
}

/// The systems give these numbers in different types.
fn wide(number: impl Into<i128>) -> u64 {
    number.into() as u64
}

/// Makes a file or folder durable; on Apple systems through `F_FULLFSYNC`, as std does it, because `fsync` alone leaves
/// the data in the drive's cache there.
fn sync_all(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // Not every file system knows F_FULLFSYNC; its fsync is then the most there is.
        #[cfg(target_vendor = "apple")]
        Err(error)
            if matches!(Errno::from_io_error(&error), Some(Errno::NOTSUP | Errno::INVAL | Errno::NOTTY)) =>
        {
            Ok(rustix::fs::fsync(file)?)
        }
        done => done,
    }
}

/// Makes the name of a folder durable, in the folder above it. One that this user may not read is its owner's matter.
pub(super) fn sync_parent(path: &Path) -> Result<(), StoreFault> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(fd) = rustix::fs::open(parent, flags, Mode::empty()) else { return Ok(()) };
    sync_all(&File::from(fd)).map_err(|error| io_fault("sync the folder", parent, &error))
}

/// Takes room on a file system that cannot promise it: by using it.
fn write_zeros(mut file: &File, length: u64) -> io::Result<()> {
    let zeros = [0; 16 * 1024];
    let mut left = length;
    while left > 0 {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..n).unwrap_or_default())?;
        left -= n as u64;
    }
    file.rewind()
}

/// A key file that the configuration names. It may be a link and belong to root, as mounted secrets do; nobody else
/// may write it, and not everybody may read it.
pub(super) fn read_shared_key(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(io_fault("read the key", path, &errno.into())),
    };
    if let Some(why) = loose_way(path) {
        return Err(fault(StoreFaultKind::Denied, format!("{} is in no safe place: {why}", shown(path))));
    }
    let stat = stat_regular(&fd, path)?;
    let me = rustix::process::geteuid().as_raw();
    if stat.st_uid != me && stat.st_uid != 0 {
        return Err(wrong_owner(&stat, path));
    }
    if mode_of(&stat).intersects(FOREIGN_TO_KEY) {
        return Err(loose(&stat, path, "600"));
    }
    read_bounded(File::from(fd), &stat, limit)
        .map(Some)
        .map_err(|error| io_fault("read the key", path, &error))
}

fn read_bounded(file: File, stat: &Stat, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = limit.saturating_add(1);
    let size = usize::try_from(stat.st_size).unwrap_or(most).min(most);
    // One byte more than the file is long, or `read_to_end` would grow the buffer to find the end.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
    file.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check_file(fd: impl AsFd, path: &Path) -> Result<Stat, StoreFault> {
    let stat = stat_regular(fd, path)?;
    check_owner(&stat, path, "600")?;
    // None at all is a file that was replaced after the open: still what was committed then.
    if stat.st_nlink > 1 {
        return Err(planted(path, "also known under another name (a hard link); remove the other name"));
    }
    Ok(stat)
}

fn stat_regular(fd: impl AsFd, path: &Path) -> Result<Stat, StoreFault> {
    let stat = rustix::fs::fstat(fd).map_err(|errno| io_fault("look at", path, &errno.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(planted(path, "no regular file; remove it"));
    }
    Ok(stat)
}

fn check_owner(stat: &Stat, path: &Path, mode: &str) -> Result<(), StoreFault> {
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(wrong_owner(stat, path));
    }
    if mode_of(stat).intersects(FOREIGN) {
        return Err(loose(stat, path, mode));
    }
    Ok(())
}

fn mode_of(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode)
}

fn open_fault(doing: &str, path: &Path, errno: Errno) -> StoreFault {
    // FreeBSD says EMLINK where POSIX says ELOOP.
    if errno == Errno::LOOP || errno == Errno::MLINK {
        return planted(
            path,
            "a symbolic link; put the file that it leads to in its place if the link is yours, else remove it",
        );
    }
    io_fault(doing, path, &errno.into())
}

fn planted(path: &Path, what: &str) -> StoreFault {
    fault(StoreFaultKind::Denied, format!("{} is {what}", shown(path)))
}

fn wrong_owner(stat: &Stat, path: &Path) -> StoreFault {
    let me = rustix::process::geteuid().as_raw();
    let message = format!(
        "{} belongs to uid {}, and renewd runs as uid {me}: run it as that user, or `chown {me}` it if you trust it",
        shown(path),
        stat.st_uid
    );
    fault(StoreFaultKind::Denied, message)
}

fn loose(stat: &Stat, path: &Path, mode: &str) -> StoreFault {
    let message = format!(
        "{0} is open to other users (mode {1:o}): `chmod {mode} {0}`",
        shown(path),
        mode_of(stat).as_raw_mode()
    );
    fault(StoreFaultKind::Denied, message)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unshared(fd: &OwnedFd) -> Result<Option<&'static str>, Errno> {
    let stat = rustix::fs::fstatfs(fd)?;
    Ok(super::magic::unshared(stat.f_type as u32))
}

#[cfg(target_vendor = "apple")]
fn unshared(fd: &OwnedFd) -> Result<Option<&'static str>, Errno> {
    /// `MNT_LOCAL` of sys/mount.h: stored on this machine.
    const MNT_LOCAL: u32 = 0x1000;
    let stat = rustix::fs::fstatfs(fd)?;
    Ok((stat.f_flags & MNT_LOCAL == 0).then_some("network file system"))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn unshared(_: &OwnedFd) -> Result<Option<&'static str>, Errno> {
    Ok(None)
}
