//! Listeners that a service manager bound and handed over (`sd_listen_fds(3)`): it holds them while the agent is
//! stopped or restarted, so that whoever connects meanwhile waits instead of being refused.
//!
//! They are recognised by their addresses: the agent's socket, its status address and the `listen` of each `[[proxy]]` are
//! looked for among them before anything is bound. A proxy may name one instead (`listen = "fd:NAME"`, after
//! `FileDescriptorName=`). Each is looked at first: what is no listening stream socket, or one that is open to more users
//! than its service wants, is refused. Their files are their maker's and stay in the end.
//!
//! launchd hands its sockets over by a call of its own, which names neither their number nor their addresses beforehand;
//! there the agent binds its sockets itself.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use renewd_proxy::{Listen, Passed};
use rustix::net::{SocketType, sockopt};

use crate::environment::Environment;
use crate::exit::Failure;

/// The first descriptor that is handed over.
const FIRST: RawFd = 3;

/// More are a mistake, or no service manager's.
const MOST: u32 = 256;

/// Read and write for group and others: connecting to a Unix socket takes the right to write.
const OPEN_TO_OTHERS: u32 = 0o066;

/// Variables by which a service manager speaks to this process and to none that it starts.
pub(crate) const VARIABLES: [&str; 6] =
    ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// What was handed over.
#[derive(Debug, Default)]
pub(crate) struct Activation {
    handed: Vec<Handed>,
    /// Which of them somebody listens on.
    used: Mutex<Vec<usize>>,
}

#[derive(Debug)]
struct Handed {
    name: String,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl Activation {
    /// Takes what the environment says was handed to this process. To be called once, before anything else opens
    /// descriptors that it might close.
    ///
    /// # Errors
    /// Something else than a listening stream socket was handed over.
    pub(crate) fn take(env: &Environment) -> Result<Self, Failure> {
        let number = |name| env.text(name).and_then(|text| text.trim().parse::<u32>().ok());
        let (Some(pid), Some(count)) = (number("LISTEN_PID"), number("LISTEN_FDS")) else {
            return Ok(Self::default());
        };
        // Inherited from a process that they were meant for.
        if pid != std::process::id() || count > MOST {
            return Ok(Self::default());
        }
        let names = env.text("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut handed = Vec::new();
        for fd in (FIRST..).take(count as usize) {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
            let socket = own(fd).and_then(looked_at).map_err(|why| {
                Failure::configuration(format!("descriptor {fd} ({name}), which was handed over, {why}"))
                    .advise("in the .socket unit say ListenStream= with an address or a path, and Accept=no")
            })?;
            handed.push(Handed { name, socket });
        }
        Ok(Self { handed, used: Mutex::default() })
    }

    fn using(&self, index: usize) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains(&index) {
            used.push(index);
        }
    }

    fn find(&self, is_it: impl Fn(&Handed) -> bool) -> Option<&Handed> {
        let index = self.handed.iter().position(is_it)?;
        self.using(index);
        self.handed.get(index)
    }

    /// The listener of the agent's own socket.
    ///
    /// # Errors
    /// It is open to other users, or belongs to one; the system's errors.
    pub(crate) fn agent(&self, path: &Path) -> Result<Option<UnixListener>, Failure> {
        let found = self.find(|h| matches!(&h.socket, Socket::Unix(_, bound) if same_file(bound, path)));
        let Some(Handed { socket: Socket::Unix(listener, bound), .. }) = found else {
            return match self.handed.iter().find(|h| h.name == "agent") {
                None => Ok(None),
                Some(_) => Err(Failure::configuration(format!(
                    "the socket named agent that was handed over is not {}, where clients look for the agent",
                    path.display()
                ))
                .advise("make ListenStream= and agent.socket the same path")),
            };
        };
        private(bound).map_err(Failure::configuration)?;
        listener.try_clone().map(Some).map_err(|error| again(&error))
    }

    /// The listener of the status address.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn status(&self, address: SocketAddr) -> Result<Option<TcpListener>, Failure> {
        match self.find(|h| matches!(&h.socket, Socket::Tcp(_, bound) if *bound == address)) {
            Some(Handed { socket: Socket::Tcp(listener, _), .. }) => {
                listener.try_clone().map(Some).map_err(|error| again(&error))
            }
            _ => Ok(None),
        }
    }

    /// The listener of a proxy, where one was handed over, and where it listens. `name` goes before the address.
    ///
    /// # Errors
    /// None of that name was handed over; it is open to more users than the proxy is; the system's errors.
    pub(crate) fn proxy(
        &self,
        name: Option<&str>,
        listen: &Listen,
        any_user: bool,
    ) -> Result<Option<(Passed, Listen)>, String> {
        let found = match name {
            Some(name) => Some(self.find(|h| h.name == name).ok_or_else(|| {
                format!("no socket called {name} was handed over; say FileDescriptorName={name} in its .socket unit")
            })?),
            None => self.find(|h| match (&h.socket, listen) {
                (Socket::Tcp(_, bound), Listen::Tcp(address)) => bound == address,
                (Socket::Unix(_, bound), Listen::Unix(path)) => same_file(bound, path),
                _ => false,
            }),
        };
        let Some(handed) = found else { return Ok(None) };
        let again = |error: std::io::Error| format!("the socket that was handed over: {error}");
        Ok(Some(match &handed.socket {
            Socket::Tcp(listener, bound) => {
                (Passed::Tcp(listener.try_clone().map_err(again)?), Listen::Tcp(*bound))
            }
            Socket::Unix(listener, bound) => {
                if !any_user {
                    private(bound)?;
                }
                (Passed::Unix(listener.try_clone().map_err(again)?), Listen::Unix(bound.clone()))
            }
        }))
    }

    /// What was handed over and nothing listens on: clients would wait there for ever.
    pub(crate) fn unused(&self) -> Vec<String> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = self.handed.iter().enumerate().filter(|(index, _)| !used.contains(index));
        unused
            .map(|(_, handed)| match &handed.socket {
                Socket::Tcp(_, bound) => format!("{} ({bound})", handed.name),
                Socket::Unix(_, bound) => format!("{} ({})", handed.name, bound.display()),
            })
            .collect()
    }
}

/// The descriptor of that number, as ours; programs that are started do not get it.
fn own(fd: RawFd) -> Result<OwnedFd, String> {
    use std::os::fd::BorrowedFd;
    #[expect(unsafe_code, reason = "a descriptor that is handed over has a number and nothing else")]
    // SAFETY: the number is not -1; it is only used for calls that find out whether it is open. The service manager gave it
    // to this process (LISTEN_PID), and nothing here closes descriptors that it did not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let ours = borrowed.try_clone_to_owned().map_err(|_| "is not open".to_owned())?;
    // The duplicate is closed in programs that are started. So must be the one that came.
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC)
        .map_err(|_| "cannot be kept from the programs that are started".to_owned())?;
    Ok(ours)
}

fn looked_at(fd: OwnedFd) -> Result<Socket, String> {
    let no = || "is no listening stream socket".to_owned();
    if sockopt::socket_type(fd.as_fd()).ok() != Some(SocketType::STREAM)
        || sockopt::socket_acceptconn(fd.as_fd()).ok() != Some(true)
    {
        return Err(no());
    }
    let address = rustix::net::getsockname(fd.as_fd()).map_err(|_| no())?;
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return Ok(Socket::Tcp(TcpListener::from(fd), address));
    }
    let listener = UnixListener::from(fd);
    let bound = listener.local_addr().map_err(|_| no())?;
    match bound.as_pathname() {
        Some(path) => {
            let path = path.to_owned();
            Ok(Socket::Unix(listener, path))
        }
        None => Err("is a socket without a path, which any user can connect to".into()),
    }
}

/// Nobody else may connect, and nobody else could have put it there.
fn private(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let meta = std::fs::symlink_metadata(path)
        .map_err(|_| format!("the socket {shown} that was handed over has no file any more"))?;
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != me && meta.uid() != 0 {
        return Err(format!("the socket {shown} that was handed over belongs to another user"));
    }
    if meta.mode() & OPEN_TO_OTHERS != 0 {
        return Err(format!(
            "the socket {shown} that was handed over is open to other users; say SocketMode=0600 in its .socket unit"
        ));
    }
    match renewd_store::loose_way(path) {
        None => Ok(()),
        Some(why) => Err(format!("the socket {shown} that was handed over is in no safe place: {why}")),
    }
}

/// By different ways perhaps: /var/run is a link to /run.
fn same_file(bound: &Path, path: &Path) -> bool {
    let id = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    bound == path || id(bound).is_some_and(|bound| id(path) == Some(bound))
}

fn again(error: &std::io::Error) -> Failure {
    Failure::internal(format!("a socket that was handed over: {}", crate::input::file::plain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_was_handed_to_another_process_is_left_alone() {
        for (pid, count) in [("1", "1"), ("x", "1"), ("", "")] {
            let env = Environment::of(&[("LISTEN_PID", pid), ("LISTEN_FDS", count)]);
            assert!(Activation::take(&env).unwrap().handed.is_empty());
        }
        let me = std::process::id().to_string();
        let env = Environment::of(&[("LISTEN_PID", &me), ("LISTEN_FDS", "4000000000")]);
        assert!(Activation::take(&env).unwrap().handed.is_empty());
    }

    fn handed(name: &str, fd: &impl AsRawFd) -> Result<Activation, String> {
        let socket = own(fd.as_raw_fd()).and_then(looked_at)?;
        Ok(Activation { handed: vec![Handed { name: name.into(), socket }], used: Mutex::default() })
    }

    #[test]
    fn a_listener_is_found_by_its_address_or_its_name_and_told_where_nobody_uses_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let elsewhere: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let activation = handed("api", &listener).unwrap();
        assert!(activation.status(elsewhere).unwrap().is_none());
        assert_eq!(activation.unused(), [format!("api ({address})")]);
        let found = activation.proxy(None, &Listen::Tcp(address), false).unwrap().unwrap();
        assert_eq!(found.1, Listen::Tcp(address));
        assert!(activation.unused().is_empty());
        let named = activation.proxy(Some("api"), &Listen::Tcp(elsewhere), false).unwrap().unwrap();
        assert_eq!(named.1, Listen::Tcp(address));
        let error = activation.proxy(Some("other"), &Listen::Tcp(elsewhere), false).unwrap_err();
        assert!(error.contains("FileDescriptorName=other"), "{error}");
        assert!(
            rustix::io::fcntl_getfd(&listener).unwrap().contains(rustix::io::FdFlags::CLOEXEC),
            "no program that is started gets it"
        );
    }

    #[test]
    fn what_does_not_listen_is_refused() {
        let file = tempfile::tempfile().unwrap();
        assert!(handed("x", &file).unwrap_err().contains("no listening stream socket"));
        let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(handed("x", &datagrams).unwrap_err().contains("no listening stream socket"));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connected = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(handed("x", &connected).unwrap_err().contains("no listening stream socket"));
        assert!(own(60_000).unwrap_err().contains("not open"));
    }

    #[test]
    fn the_agents_socket_must_be_private_and_where_clients_look() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let activation = handed("agent", &listener).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let error = activation.agent(&path).unwrap_err().to_string();
        assert!(error.contains("SocketMode=0600"), "{error}");
        assert!(activation.proxy(None, &Listen::Unix(path.clone()), true).unwrap().is_some());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(activation.agent(&path).unwrap().is_some());
        let error = activation.agent(&dir.path().join("other.sock")).unwrap_err().to_string();
        assert!(error.contains("where clients look"), "{error}");
    }
}
