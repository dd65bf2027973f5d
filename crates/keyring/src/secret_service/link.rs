//! A connection to the bus, with the session that encrypts values on it.
//!
//! A bus is trusted with everything: it says who answers to a name, and a provider of its owner's would be given keys and
//! records. The session's bus is this user's own, so another user's is refused, wherever the environment leads: after `su`
//! or `sudo` to the bus of whoever was there before, or to an address that somebody took over.
//!
//! It lives on a runtime of its own on the thread of the calls: nothing runs between two calls, a call can be given up in
//! the middle, and closing it leaves no thread behind.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secret_service::{EncryptionType, SecretService};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use zbus::address::Transport;
use zbus::address::transport::UnixSocket;
use zbus::{Address, Connection};

use super::trouble::Trouble;

/// Whose bus could have been anybody's all the same.
const ROOT: u32 = 0;

pub(super) struct Link {
    // Dropped before the runtime on which it stands.
    session: Session,
    runtime: Runtime,
}

/// What a call works with.
pub(super) struct Session {
    pub(super) service: SecretService<'static>,
    pub(super) bus: Connection,
}

impl Link {
    /// Connects to the bus at that address and agrees with the provider on a key.
    pub(super) fn connect(address: &str, deadline: Duration) -> Result<Self, Trouble> {
        let runtime = runtime()
            .map_err(|e| Trouble::Broken(format!("no event loop ({e}); look at the limit on files")))?;
        let connect = async {
            let socket = own_bus(address).await?;
            let bus = zbus::connection::Builder::unix_stream(socket).build().await?;
            let service = SecretService::connect_with_existing(EncryptionType::Dh, bus.clone()).await?;
            Ok(Session { service, bus })
        };
        let session =
            runtime.block_on(async { timeout(deadline, connect).await }).unwrap_or(Err(Trouble::TimedOut))?;
        Ok(Self { session, runtime })
    }

    /// Does one call of ours on it.
    pub(super) fn run<T>(
        &self,
        deadline: Duration,
        what: impl AsyncFn(&Session) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let call = async { timeout(deadline, what(&self.session)).await };
        self.runtime.block_on(call).unwrap_or(Err(Trouble::TimedOut))
    }
}

/// Connects to the socket of that address, where this user or root listens on it.
async fn own_bus(address: &str) -> Result<UnixStream, Trouble> {
    let address: Address = address.parse()?;
    let path = match address.transport() {
        Transport::Unix(unix) => path_of(unix.path()),
        _ => None,
    };
    let Some(path) = path else {
        return Err(zbus::Error::Address("it names no socket of this machine".into()).into());
    };
    let socket = UnixStream::connect(path).await;
    let socket = socket.map_err(|error| zbus::Error::Connection(Arc::new(error), address))?;
    let owner = socket.peer_cred().map_err(zbus::Error::from)?.uid();
    let me = rustix::process::geteuid().as_raw();
    if owner == me || owner == ROOT { Ok(socket) } else { Err(Trouble::ForeignBus { owner, me }) }
}

/// As the event loop spells it: an abstract name begins with a zero byte.
fn path_of(socket: &UnixSocket) -> Option<PathBuf> {
    match socket {
        UnixSocket::File(path) => Some(path.clone()),
        #[cfg(target_os = "linux")]
        UnixSocket::Abstract(name) => {
            let mut path = std::ffi::OsString::from("\0");
            path.push(name);
            Some(path.into())
        }
        _ => None,
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
