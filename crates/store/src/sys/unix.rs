//! Folders and files on Unix, reached relative to an open folder.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::fault::{fault, io_fault, shown};

/// Group and others may do nothing.
const FOREIGN: Mode = Mode::RWXG.union(Mode::RWXO);

/// Nobody else may write a key that the configuration names, and not everybody may read it.
const FOREIGN_TO_KEY: Mode = Mode::WGRP.union(Mode::RWXO);

/// Every open: no link is followed, no descriptor reaches a child, and a planted pipe does not hang the open.
const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// An open folder that belongs to this user alone.
pub(crate) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Opens the folder, creating it and its parents with mode 0700 where it is missing.
    pub(crate) fn create(path: &Path) -> Result<Self, StoreFault> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| io_fault("create the folder", path, &error))?;
        Self::open(path)
    }

    /// Opens the folder and checks who owns it and who may enter.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreFault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| {
            if std::fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink()) {
                return planted(
                    path,
                    "a symbolic link; name the folder it leads to instead (store.path), or remove it",
                );
            }
            io_fault("open the folder", path, &errno.into())
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| io_fault("look at", path, &errno.into()))?;
        check_owner(&stat, path, "700")?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Opens a folder that may be anybody's, to make a file in it that must not exist.
    pub(crate) fn open_shared(path: &Path) -> Result<Self, StoreFault> {
        let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| io_fault("open the folder", path, &errno.into()))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Where a file of this folder stands.
    pub(crate) fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Where the folder stands.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads at most `limit` bytes and one more, so that a longer file is seen to be longer; `None` where there is no
    /// such file. The buffer is never reallocated and is overwritten when dropped: it may hold a key.
    pub(crate) fn read(&self, file: &str, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
        let path = self.path_of(file);
        let flags = OFlags::RDONLY | SAFE;
        let fd = match rustix::fs::openat(&self.fd, file, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(open_fault("read", &path, errno)),
        };
        let stat = check_file(&fd, &path)?;
        read_bounded(File::from(fd), &stat, limit).map(Some).map_err(|error| io_fault("read", &path, &error))
    }

    /// Opens a lock file, creating it where it is missing. It stays empty.
    pub(crate) fn open_lock(&self, file: &str) -> Result<File, StoreFault> {
        let path = self.path_of(file);
        let flags = OFlags::RDWR | OFlags::CREATE | SAFE;
        let fd = rustix::fs::openat(&self.fd, file, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| open_fault("open the lock", &path, errno))?;
        check_file(&fd, &path)?;
        Ok(File::from(fd))
    }

    /// Whether that name still leads to that open file.
    pub(crate) fn is_current(&self, file: &str, open: &File) -> bool {
        match (rustix::fs::fstat(open), rustix::fs::statat(&self.fd, file, AtFlags::SYMLINK_NOFOLLOW)) {
            (Ok(a), Ok(b)) => a.st_dev == b.st_dev && a.st_ino == b.st_ino,
            _ => false,
        }
    }

    /// Creates a file that must not exist, mode 0600, for reading and writing.
    pub(crate) fn create_new(&self, file: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | SAFE;
        Ok(File::from(rustix::fs::openat(&self.fd, file, flags, Mode::RUSR | Mode::WUSR)?))
    }

    /// Opens a file of ours for a look at its lock.
    pub(crate) fn open_existing(&self, file: &str) -> io::Result<File> {
        Ok(File::from(rustix::fs::openat(&self.fd, file, OFlags::RDWR | SAFE, Mode::empty())?))
    }

    /// Replaces `to` by `from`, at once for every reader.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Gives `from` the name `to` and fails where that name is taken.
    pub(crate) fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        match rustix::fs::renameat_with(&self.fd, from, &self.fd, to, rustix::fs::RenameFlags::NOREPLACE) {
            // The file system does not know the flag: a hard link fails on a taken name as well.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
        rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())?;
        self.remove(from)
    }

    /// Removes a file.
    pub(crate) fn remove(&self, file: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, file, AtFlags::empty())?)
    }

    /// Makes the names in this folder durable (on Apple systems through `F_FULLFSYNC`, as std does it).
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::from(self.fd.try_clone()?).sync_all()
    }

    /// The names in this folder that are text; others are none of ours.
    pub(crate) fn entries(&self) -> Result<Vec<String>, StoreFault> {
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

    /// What changes whenever the file is replaced: device, inode, both times in nanoseconds, length.
    pub(crate) fn stamp(&self, file: &str) -> Option<[u64; 5]> {
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

    /// The name of the file system where its locks are not known to be shared between all of its users.
    pub(crate) fn unshared_locks(&self) -> Result<Option<&'static str>, StoreFault> {
        unshared(&self.fd).map_err(|errno| io_fault("ask for the file system of", &self.path, &errno.into()))
    }
}

/// Takes `length` bytes of disk for a file.
pub(crate) fn preallocate(file: &File, length: u64) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple", target_os = "freebsd"))]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
        done => return Ok(done?),
    }
    crate::disk::write_zeros(file, length)
}

/// A key file that the configuration names. It may be a link and belong to root, as mounted secrets do; nobody else
/// may write it, and not everybody may read it.
pub(crate) fn read_shared_key(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(io_fault("read the key", path, &errno.into())),
    };
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
        return planted(path, "a symbolic link; remove it");
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

/// `statfs` magic numbers of file systems that are served from elsewhere (linux/magic.h and the file systems' own
/// headers). virtiofs shows itself as FUSE.
#[cfg(any(target_os = "linux", target_os = "android"))]
const REMOTE: [(u32, &str); 12] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB 2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE or virtiofs"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x786f_4256, "VirtualBox shared folder"),
    (0x7c7c_6673, "Parallels shared folder"),
];

#[cfg(any(target_os = "linux", target_os = "android"))]
fn unshared(fd: &OwnedFd) -> Result<Option<&'static str>, Errno> {
    let stat = rustix::fs::fstatfs(fd)?;
    let magic = stat.f_type as u32;
    Ok(REMOTE.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name))
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
