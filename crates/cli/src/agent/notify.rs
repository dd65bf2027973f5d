//! Tells the service manager how it goes (sd_notify: one datagram to the socket in `NOTIFY_SOCKET`).

/// The agent listens and keeps.
pub(crate) const READY: &str = "READY=1";
/// The agent is stopping.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Says it, where somebody listens. A service manager that cannot be reached must not stop the agent.
#[cfg(target_os = "linux")]
pub(crate) fn say(state: &str) {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(&path),
        _ => return,
    };
    let said = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = said {
        tracing::warn!(kind = ?error.kind(), "the service manager cannot be told");
    }
}

/// There is no such service manager here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn say(_state: &str) {}
