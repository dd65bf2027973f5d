//! A service manager, as far as the agent knows one: it binds listeners, hands them over (`sd_listen_fds(3)`), keeps them
//! over restarts, and hears what it is told (`sd_notify(3)`).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

use crate::wait::PATIENCE;

/// The first number that is handed over.
const FIRST: i32 = 3;

/// Where descriptors wait whose numbers would be in the way of those that are handed over.
const ASIDE: i32 = 200;

/// Longest message that is heard.
const MESSAGE_BYTES_MAX: usize = 4096;

/// Holds listeners and hears messages.
#[derive(Debug)]
pub struct ServiceManager {
    handed: Vec<(String, OwnedFd)>,
    notices: UnixDatagram,
    place: PathBuf,
    watchdog: Option<u64>,
}

impl ServiceManager {
    /// One that hears at that path.
    ///
    /// # Panics
    /// When no socket can be made there.
    pub fn at(place: &Path) -> Self {
        // One before it may have been there.
        let _ = std::fs::remove_file(place);
        let notices = UnixDatagram::bind(place).expect("a socket can be made in one's own folder");
        notices.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        Self { handed: Vec::new(), notices, place: place.to_owned(), watchdog: None }
    }

    /// Gives the process up when it says nothing for so many microseconds.
    #[must_use]
    pub fn with_watchdog(self, micros: u64) -> Self {
        Self { watchdog: Some(micros), ..self }
    }

    /// Hands over a listener on any free port of the loopback address, under that name.
    ///
    /// # Panics
    /// When there is none.
    pub fn tcp(&mut self, name: &str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        self.hand(name, listener.into());
        address
    }

    /// Hands over a Unix socket of that mode, under that name.
    ///
    /// # Panics
    /// When none can be made there.
    pub fn unix(&mut self, name: &str, path: &Path, mode: u32) {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder can be made in one's own");
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        }
        let listener = UnixListener::bind(path).expect("a socket can be made in one's own folder");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode can be set");
        self.hand(name, listener.into());
    }

    /// Hands over anything.
    ///
    /// # Panics
    /// When there are too many descriptors.
    pub fn hand(&mut self, name: &str, fd: OwnedFd) {
        let aside = fcntl_dupfd_cloexec(fd.as_fd(), ASIDE).expect("a descriptor can be duplicated");
        self.handed.push((name.to_owned(), aside));
    }

    /// The command, with everything handed over to it.
    pub fn command(&self, command: &Command) -> Command {
        // The shell knows its own number, which is that of what it becomes.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "LISTEN_PID=$$; export LISTEN_PID; exec \"$@\"", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        shell.env("NOTIFY_SOCKET", &self.place);
        if let Some(micros) = self.watchdog {
            shell.env("WATCHDOG_USEC", micros.to_string());
        }
        let names: Vec<&str> = self.handed.iter().map(|(name, _)| name.as_str()).collect();
        shell.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
        let fds: Vec<OwnedFd> =
            self.handed.iter().map(|(_, fd)| fd.try_clone().expect("a duplicate")).collect();
        let place = move || fds.iter().zip(FIRST..).try_for_each(|(fd, number)| as_number(fd, number));
        #[expect(
            unsafe_code,
            reason = "between fork and exec descriptors get the numbers that the protocol wants"
        )]
        // SAFETY: the closure makes system calls and nothing else; it allocates nothing and takes no lock.
        unsafe {
            shell.pre_exec(place)
        };
        shell
    }

    /// The next message; lines of status and pings are passed over.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn heard(&self) -> String {
        loop {
            let said = self.next();
            if !said.starts_with("STATUS=") && said != "WATCHDOG=1" {
                return said;
            }
        }
    }

    /// The next message, whatever it is.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn next(&self) -> String {
        let mut buffer = [0; MESSAGE_BYTES_MAX];
        let n = self.notices.recv(&mut buffer).expect("the agent tells its service manager");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    }

    /// Waits for a message that begins so.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn wait(&self, beginning: &str) -> String {
        loop {
            let said = self.next();
            if said.starts_with(beginning) {
                return said;
            }
        }
    }
}

/// Gives an open descriptor that number, in a process that is about to become another program.
fn as_number(fd: &OwnedFd, number: i32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "a number is to become a descriptor")]
    // SAFETY: whatever stood at that number is none of this process's any more: it is about to become another program. The
    // value is forgotten, not closed.
    let mut target = std::mem::ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
    rustix::io::dup2(fd, &mut target)?;
    fcntl_setfd(target.as_fd(), FdFlags::empty())?;
    Ok(())
}
