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
    /// With what removes its file in the end, where that is ours to do.
    Unix(UnixListener, #[expect(dead_code, reason = "held to be dropped")] Option<SocketGuard>),
}

/// A listener that somebody else bound and handed over.
#[non_exhaustive]
#[derive(Debug)]
pub enum Passed {
    /// Of TCP.
    Tcp(std::net::TcpListener),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
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
                Ok(Self::Unix(listener, Some(guard)))
            }
            #[cfg(not(unix))]
            Listen::Unix(_) => Err(ProxyError::NoUnixSockets),
        }
    }

    /// One that was handed over: of the address that the configuration names, and none but a loopback one.
    pub(crate) fn adopt(passed: Passed, listen: &Listen, access: &Access) -> Result<Self, ProxyError> {
        let failed = |error: io::Error| ProxyError::Listen { listen: listen.clone(), problem: plain(&error) };
        let another = || ProxyError::Listen {
            listen: listen.clone(),
            problem: "the socket that was handed over listens elsewhere".into(),
        };
        match (passed, listen) {
            (Passed::Tcp(listener), Listen::Tcp(address)) => {
                let bound = listener.local_addr().map_err(failed)?;
                if !bound.ip().is_loopback() {
                    return Err(ProxyError::NotLoopback(bound));
                }
                if bound != *address {
                    return Err(another());
                }
                if matches!(access, Access::SameUser) && !peer::is_tcp_owner_known() {
                    return Err(ProxyError::UserUnknown);
                }
                listener.set_nonblocking(true).map_err(failed)?;
                TcpListener::from_std(listener).map(Self::Tcp).map_err(failed)
            }
            #[cfg(unix)]
            (Passed::Unix(listener), Listen::Unix(path)) => {
                let bound = listener.local_addr().map_err(failed)?;
                if bound.as_pathname() != Some(path) {
                    return Err(another());
                }
                listener.set_nonblocking(true).map_err(failed)?;
                UnixListener::from_std(listener).map(|listener| Self::Unix(listener, None)).map_err(failed)
            }
            #[cfg(unix)]
            (Passed::Tcp(_), Listen::Unix(_)) | (Passed::Unix(_), Listen::Tcp(_)) => Err(another()),
            #[cfg(not(unix))]
            (Passed::Tcp(_), Listen::Unix(_)) => Err(ProxyError::NoUnixSockets),
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
