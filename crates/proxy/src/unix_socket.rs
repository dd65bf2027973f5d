//! A Unix socket that is this user's own: made private before anybody can connect, and put in place of a stale one
//! without ever taking a living one away.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout};

use crate::peer::own_uid;

/// Pending connections that the kernel holds: a thousand clients at once are one of the cases served.
#[cfg(target_os = "linux")]
const BACKLOG: i32 = 1024;
/// A living listener answers at once; with a full queue it may take a moment.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// Two processes that start at once wait for each other so long.
const TURN_WAIT: Duration = Duration::from_secs(5);
/// May do everything anyway.
const ROOT: u32 = 0;
const TURN_POLL: Duration = Duration::from_millis(20);

/// Removes the socket's file when dropped, if it is still the same file.
#[derive(Debug)]
pub struct SocketGuard {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Drop for SocketGuard {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode))
        {
            // Nothing can be done about a failure, and the next start replaces a stale socket anyway.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens on a Unix socket of mode 0600, or 0666 for `everyone`. A socket that is left over, ours, and answered by
/// nobody is replaced.
///
/// # Errors
/// When something answers there, when what is there is no socket of ours, when others may write to the directory, or
/// when the system refuses. The text says what to do.
pub async fn bind_unix(path: &Path, everyone: bool) -> io::Result<(UnixListener, SocketGuard)> {
    let _turn = take_turn(path).await?;
    clear_the_place(path).await?;
    let mode = if everyone { 0o666 } else { 0o600 };
    let listener = listen(path, mode)?;
    let file = fs::symlink_metadata(path)?;
    let guard = SocketGuard { path: path.to_owned(), device: file.dev(), inode: file.ino() };
    if file.permissions().mode() & 0o777 != mode || file.uid() != own_uid() {
        return Err(refused("the file system does not keep the socket's permissions; use another directory"));
    }
    listener.set_nonblocking(true)?;
    Ok((UnixListener::from_std(listener)?, guard))
}

/// Holds the directory, so that two processes do not clear the same place. Where it cannot be locked they do without.
async fn take_turn(path: &Path) -> io::Result<Option<File>> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let about = fs::metadata(parent).map_err(|error| explained(error, "its directory"))?;
    if is_loose(about.permissions().mode(), about.uid(), own_uid()) {
        return Err(refused("others may write to its directory; use one of your own, of mode 0700"));
    }
    let Ok(directory) = File::open(parent) else { return Ok(None) };
    let deadline = Instant::now() + TURN_WAIT;
    loop {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(directory)),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK && Instant::now() < deadline => {
                sleep(TURN_POLL).await;
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(refused("another process holds its directory's lock; try again"));
            }
            Err(_) => return Ok(None),
        }
    }
}

/// Others may replace there what is ours: they may write and no sticky bit keeps them from it, or it belongs to one of
/// them, whom no sticky bit keeps from anything.
fn is_loose(mode: u32, owner: u32, me: u32) -> bool {
    let foreign = owner != me && owner != ROOT;
    foreign || (mode & 0o022 != 0 && mode & 0o1000 == 0)
}

async fn clear_the_place(path: &Path) -> io::Result<()> {
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !file.file_type().is_socket() {
        return Err(refused("something that is no socket stands there; remove it or use another path"));
    }
    if file.uid() != own_uid() {
        return Err(refused("another user's socket stands there; use another path"));
    }
    let answer = timeout(ANSWER_WAIT, UnixStream::connect(path)).await;
    match answer {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(refused("another process serves this socket; stop it or use another path")),
    }
}

/// On Linux the mode of the descriptor becomes that of the file, so the process's umask is left alone.
#[cfg(target_os = "linux")]
fn listen(path: &Path, mode: u32) -> io::Result<std::os::unix::net::UnixListener> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::fs::fchmod(&socket, mode.into())?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    if mode & 0o066 != 0 {
        // The umask was taken off it.
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Elsewhere the umask is the only way to make it private from the start. It belongs to the whole process: files made
/// by other threads in this moment come out more private than usual, never less.
#[cfg(not(target_os = "linux"))]
fn listen(path: &Path, mode: u32) -> io::Result<std::os::unix::net::UnixListener> {
    use std::sync::{Mutex, PoisonError};
    static UMASK: Mutex<()> = Mutex::new(());
    let listener = {
        let _one_at_a_time = UMASK.lock().unwrap_or_else(PoisonError::into_inner);
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = std::os::unix::net::UnixListener::bind(path);
        rustix::process::umask(before);
        listener?
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

fn refused(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, problem)
}

fn explained(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_is_private_from_the_start_and_goes_with_its_guard() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let (listener, guard) = bind_unix(&path, false).await.unwrap();
        assert_eq!(mode_of(&path), 0o600);
        drop((listener, guard));
        assert!(!path.exists());
        let _shared = bind_unix(&path, true).await.unwrap();
        assert_eq!(mode_of(&path), 0o666);
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let living = bind_unix(&path, false).await.unwrap();
        let error = bind_unix(&path, false).await.unwrap_err();
        assert!(error.to_string().contains("another process serves this socket"), "{error}");
        drop(living);
    }

    #[tokio::test]
    async fn a_guard_leaves_a_successors_socket_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let (_old, guard) = bind_unix(&path, false).await.unwrap();
        fs::rename(&path, dir.path().join("moved")).unwrap();
        let _new = bind_unix(&path, false).await.unwrap();
        drop(guard);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_of_ours_is_never_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "precious").unwrap();
        let error = bind_unix(&path, false).await.unwrap_err();
        assert!(error.to_string().contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(bind_unix(&link, false).await.is_err());
        assert!(link.is_symlink());
    }

    #[test]
    fn a_directory_is_loose_by_its_owner_and_by_its_mode() {
        for (mode, owner, me, loose) in [
            (0o700, 1000, 1000, false),
            (0o755, 0, 1000, false),
            (0o1777, 0, 1000, false),
            (0o1777, 1000, 1000, false),
            (0o777, 1000, 1000, true),
            (0o770, 0, 1000, true),
            (0o700, 1001, 1000, true),
            (0o1777, 1001, 1000, true),
            (0o1777, 1001, 0, true),
        ] {
            assert_eq!(is_loose(mode, owner, me), loose, "{mode:o} of {owner}, seen by {me}");
        }
    }

    #[tokio::test]
    async fn a_directory_that_others_may_write_to_is_refused_and_a_missing_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = bind_unix(&dir.path().join("s"), false).await.unwrap_err();
        assert!(error.to_string().contains("others may write"), "{error}");
        let error = bind_unix(&dir.path().join("missing/s"), false).await.unwrap_err();
        assert!(error.to_string().contains("its directory"), "{error}");
    }
}
