//! Accepts connections and says who stands behind them.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::config::{Access, Listen, ProxyError};
use crate::peer;
#[cfg(unix)]
use crate::unix_socket::{SocketGuard, bind_unix};

/// Pending connections that the kernel holds: a thousand clients at once are one of the cases served.
const BACKLOG: u32 = 1024;

/// A bound address.
pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    /// With what removes its file in the end.
    Unix(UnixListener, #[expect(dead_code, reason = "held to be dropped")] SocketGuard),
}

/// What a connection is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An accepted connection of which nothing was read yet.
pub(crate) enum Accepted {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Listener {
    pub(crate) async fn bind(listen: &Listen, access: &Access) -> Result<Self, ProxyError> {
        let failed = |error: io::Error| ProxyError::Listen { listen: listen.clone(), problem: plain(&error) };
        match listen {
            Listen::Tcp(address) if !address.ip().is_loopback() => Err(ProxyError::NotLoopback(*address)),
            Listen::Tcp(address) => {
                if matches!(access, Access::SameUser) && !peer::is_tcp_owner_known() {
                    return Err(ProxyError::UserUnknown);
                }
                bind_tcp(*address).map(Self::Tcp).map_err(failed)
            }
            #[cfg(unix)]
            Listen::Unix(path) => {
                let everyone = matches!(access, Access::AnyLocalUser);
                let (listener, guard) = bind_unix(path, everyone).await.map_err(failed)?;
                Ok(Self::Unix(listener, guard))
            }
            #[cfg(not(unix))]
            Listen::Unix(_) => Err(ProxyError::NoUnixSockets),
        }
    }

    /// The TCP address, with the port that was found where any free one was asked for.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(..) => None,
        }
    }

    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| Accepted::Tcp(stream)),
            #[cfg(unix)]
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

/// What is likeliest, in the same words on every system.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the address is in use".into(),
        _ => error.to_string(),
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // On Windows the option would let another process take the address over.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Accepted {
    /// Whether whoever connected may use the proxy, as far as the connection tells. A path secret is asked for later.
    pub(crate) async fn is_admitted(&self, access: &Access) -> bool {
        match (self, access) {
            (_, Access::AnyLocalUser) | (Self::Tcp(_), Access::PathSecret(_)) => true,
            (Self::Tcp(stream), Access::SameUser) => peer::is_same_user_tcp(stream).await,
            #[cfg(unix)]
            (Self::Unix(stream), Access::SameUser | Access::PathSecret(_)) => peer::is_same_user_unix(stream),
        }
    }

    pub(crate) fn into_stream(self) -> Box<dyn Stream> {
        match self {
            Self::Tcp(stream) => {
                // Without it a small answer may wait for the client's acknowledgement.
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
            #[cfg(unix)]
            Self::Unix(stream) => Box::new(stream),
        }
    }
}
