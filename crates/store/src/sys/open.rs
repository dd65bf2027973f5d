//! Opens on Unix: by a name in an open folder, over no link, and with the mode that was meant whatever the umask is.
//!
//! Where the kernel has openat2 (Linux 5.6) it is told that no link may stand anywhere on the way, not even one that it
//! makes itself below `/proc`; `O_NOFOLLOW` alone speaks of the last part. An older kernel, and a sandbox that knows the
//! call by no name, say that there is none, and get the call that there was before.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// No link is followed, no descriptor reaches a child, and a planted pipe does not hang the open.
const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// What files are made with. The umask can only take away from it.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);

/// Two processes that make and remove one file alternately are not ours; three looks settle it among ours.
const LOOKS_MAX: u32 = 3;

/// Opens a folder by a path in which no link is left.
pub(super) fn folder(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(answer) = without_links(rustix::fs::CWD, path, flags, Mode::empty(), Below::Anything) {
        return answer;
    }
    rustix::fs::open(path, flags, Mode::empty())
}

/// Opens a file of a folder.
pub(super) fn file(dir: impl AsFd, name: &str, access: OFlags) -> Result<OwnedFd, Errno> {
    at(dir.as_fd(), name, access | SAFE, Mode::empty())
}

/// Makes a file in a folder that has none of that name.
pub(super) fn new(dir: impl AsFd, name: &str, access: OFlags) -> Result<OwnedFd, Errno> {
    let fd = at(dir.as_fd(), name, access | OFlags::CREATE | OFlags::EXCL | SAFE, OWN)?;
    // An umask can take the owner's own rights, and the next process would stand before a file that it cannot open.
    if !Mode::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode).contains(OWN) {
        rustix::fs::fchmod(&fd, OWN)?;
    }
    Ok(fd)
}

/// Opens a file of a folder, making it where there is none.
pub(super) fn or_create(dir: impl AsFd, name: &str, access: OFlags) -> Result<OwnedFd, Errno> {
    let mut looks = 0;
    loop {
        match file(dir.as_fd(), name, access) {
            Err(Errno::NOENT) => {}
            done => return done,
        }
        looks += 1;
        match new(dir.as_fd(), name, access) {
            Err(Errno::EXIST) if looks < LOOKS_MAX => {}
            done => return done,
        }
    }
}

fn at(dir: impl AsFd, name: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(answer) = without_links(dir.as_fd(), Path::new(name), flags, mode, Below::TheFolder) {
        return answer;
    }
    rustix::fs::openat(dir, name, flags, mode)
}

/// Where openat2 may lead.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    Anything,
    TheFolder,
}

/// What openat2 says; nothing where there is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn without_links(
    dir: impl AsFd,
    path: &Path,
    flags: OFlags,
    mode: Mode,
    below: Below,
) -> Option<Result<OwnedFd, Errno>> {
    use rustix::fs::ResolveFlags;
    let mut resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    if below == Below::TheFolder {
        resolve |= ResolveFlags::BENEATH;
    }
    match rustix::fs::openat2(dir, path, flags, mode, resolve) {
        // A kernel without it; a filter that does not know it (some say EPERM); flags that it does not take; a rename
        // somewhere that kept it from being sure. The older call says what else there is to say.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::TOOBIG | Errno::AGAIN) => None,
        answer => Some(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn no_link_is_followed_at_any_part_of_a_way() {
        let home = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(home.path()).unwrap().join("real");
        fs::create_dir_all(real.join("in")).unwrap();
        symlink(&real, real.with_file_name("link")).unwrap();
        assert!(folder(&real.join("in")).is_ok());
        assert!(folder(&real.with_file_name("link")).is_err());
        #[cfg(target_os = "linux")]
        if without_links(
            rustix::fs::CWD,
            &real,
            OFlags::RDONLY | OFlags::DIRECTORY,
            Mode::empty(),
            Below::Anything,
        )
        .is_some()
        {
            assert_eq!(folder(&real.with_file_name("link").join("in")).err(), Some(Errno::LOOP));
        }
        let dir = folder(&real).unwrap();
        fs::write(real.join("file"), "").unwrap();
        symlink("file", real.join("name")).unwrap();
        assert!(file(&dir, "file", OFlags::RDONLY).is_ok());
        assert!(file(&dir, "name", OFlags::RDONLY).is_err());
        assert!(or_create(&dir, "name", OFlags::RDWR).is_err());
        assert_eq!(new(&dir, "name", OFlags::RDWR).err(), Some(Errno::EXIST));
    }

    #[test]
    fn a_file_is_made_once_and_opened_from_then_on() {
        let home = tempfile::tempdir().unwrap();
        let dir = folder(&fs::canonicalize(home.path()).unwrap()).unwrap();
        let first = rustix::fs::fstat(or_create(&dir, "lock", OFlags::RDWR).unwrap()).unwrap();
        let again = rustix::fs::fstat(or_create(&dir, "lock", OFlags::RDWR).unwrap()).unwrap();
        assert_eq!(first.st_ino, again.st_ino);
        let mode = fs::metadata(home.path().join("lock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
