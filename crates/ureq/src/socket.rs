//! The TCP socket: its options, connecting it, waiting for it.
//!
//! The socket never blocks by itself; every wait is a `poll` of at most a [`TICK`], after which the boot clock and the
//! abort flag are asked again. That is what makes the time-outs count suspend.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use renewd_core::{Boot, FailureKind, Span};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::attempt::{Attempt, TICK};
use crate::failure::Ended;

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Read,
    Write,
}

/// Waits until the socket is ready (or broken, which the next call on it tells).
pub(crate) fn wait(stream: &TcpStream, readiness: Readiness, attempt: &Attempt) -> Result<(), Ended> {
    loop {
        let left = attempt.left()?;
        if poll_once(stream, readiness, left)? {
            return Ok(());
        }
    }
}

fn poll_once(stream: &TcpStream, readiness: Readiness, left: Span) -> Result<bool, Ended> {
    let flags = match readiness {
        Readiness::Read => PollFlags::IN,
        Readiness::Write => PollFlags::OUT,
    };
    let tick = TICK.min(Duration::from(left));
    let timeout = Timespec { tv_sec: 0, tv_nsec: tick.subsec_nanos() as _ };
    match poll(&mut [PollFd::new(stream, flags)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(Ended::from_io("waiting for the connection", &errno.into(), true)),
    }
}

/// Connects to the first address that answers. Each but the last gets half of the time that is left, so that one dead
/// address of a host does not use it all up.
pub(crate) fn connect(addresses: &[SocketAddr], attempt: &Attempt) -> Result<Arc<TcpStream>, Ended> {
    let mut last = Ended::new(FailureKind::Dns, "the name resolved to no address");
    for (index, address) in addresses.iter().enumerate() {
        let left = attempt.left()?;
        let share = if index + 1 == addresses.len() { left } else { left.fraction(1, 2) };
        match connect_one(*address, attempt, attempt.now() + share) {
            Ok(stream) => return Ok(stream),
            Err(ended) if moves_on(ended.kind) => last = ended,
            Err(ended) => return Err(ended),
        }
    }
    // Past the deadline the deadline is the reason, not the address that happened to be last.
    attempt.left()?;
    Err(last)
}

/// Whether a failure concerns this address only.
fn moves_on(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Refused | FailureKind::Unreachable | FailureKind::ConnectTimeout | FailureKind::Reset
    )
}

fn connect_one(address: SocketAddr, attempt: &Attempt, until: Boot) -> Result<Arc<TcpStream>, Ended> {
    let what = format!("connecting to {address}");
    let fail = |error: io::Error| Ended::from_io(&what, &error, true);
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map_err(fail)?;
    prepare(&socket, attempt.timeout()).map_err(fail)?;
    let stream = attempt.hold(TcpStream::from(socket))?;
    match SockRef::from(&*stream).connect(&address.into()) {
        Ok(()) => return Ok(stream),
        Err(error) if in_progress(&error) => {}
        Err(error) => return Err(fail(error)),
    }
    loop {
        let left = attempt.left()?;
        let now = attempt.now();
        if now >= until {
            let text = format!("{what}: no answer within its share of the time");
            return Err(Ended::new(FailureKind::ConnectTimeout, text));
        }
        poll_once(&stream, Readiness::Write, left.min(until.since(now)))?;
        if let Some(error) = stream.take_error().map_err(fail)? {
            return Err(fail(error));
        }
        if stands(&stream) {
            return not_ourselves(stream, &what);
        }
    }
}

/// The options that must hold before the first byte.
///
/// No lingering: closing the socket, by us or by the kernel when this process is killed, resets the connection and
/// throws away what was not sent yet; a dead process must not spend a refresh token. The user timeout does the same
/// for bytes that nobody acknowledges.
fn prepare(socket: &Socket, timeout: Span) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_tcp_nodelay(true)?;
    set_user_timeout(socket, timeout)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
fn set_user_timeout(socket: &Socket, timeout: Span) -> io::Result<()> {
    // Zero would mean the system's default of many minutes.
    socket.set_tcp_user_timeout(Some(Duration::from(timeout).max(Duration::from_millis(1))))
}

#[cfg(target_vendor = "apple")]
fn set_user_timeout(socket: &Socket, timeout: Span) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    /// `TCP_RXT_CONNDROPTIME` of `<netinet/tcp.h>`: seconds of retransmission after which the connection is dropped.
    const TCP_RXT_CONNDROPTIME: libc::c_int = 0x80;
    let seconds = libc::c_int::try_from(timeout.as_secs_ceil().max(1)).unwrap_or(libc::c_int::MAX);
    #[expect(unsafe_code, reason = "no safe wrapper knows this option")]
    // SAFETY: the descriptor is open for as long as `socket` is borrowed, and the pointer and size are those of a
    // live `c_int`, which is what this option takes.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            TCP_RXT_CONNDROPTIME,
            std::ptr::from_ref(&seconds).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(windows)]
fn set_user_timeout(socket: &Socket, timeout: Span) -> io::Result<()> {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{IPPROTO_TCP, TCP_MAXRT, WSAENOPROTOOPT, setsockopt};
    let seconds = i32::try_from(timeout.as_secs_ceil().max(1)).unwrap_or(i32::MAX);
    #[expect(unsafe_code, reason = "no safe wrapper knows this option")]
    // SAFETY: the socket is open for as long as `socket` is borrowed, and the pointer and size are those of a live
    // 32-bit integer, which is what TCP_MAXRT takes.
    let status = unsafe {
        setsockopt(
            socket.as_raw_socket() as usize,
            IPPROTO_TCP,
            TCP_MAXRT,
            std::ptr::from_ref(&seconds).cast(),
            size_of::<i32>() as i32,
        )
    };
    if status == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // Not every implementation of Windows knows it; no lingering still holds.
        error if error.raw_os_error() == Some(WSAENOPROTOOPT) => Ok(()),
        error => Err(error),
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "fuchsia",
    target_vendor = "apple",
    windows
)))]
fn set_user_timeout(_socket: &Socket, _timeout: Span) -> io::Result<()> {
    Ok(()) // No such option; no lingering still holds.
}

fn in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || Errno::from_io_error(error) == Some(Errno::INPROGRESS)
}

fn stands(stream: &TcpStream) -> bool {
    stream.peer_addr().is_ok()
}

/// A connection to a local port that nobody listens on can, by chance of port numbers, meet itself. The refresh token
/// would come back as the answer.
fn not_ourselves(stream: Arc<TcpStream>, what: &str) -> Result<Arc<TcpStream>, Ended> {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(peer)) if local == peer => {
            Err(Ended::new(FailureKind::Refused, format!("{what}: nobody listens there")))
        }
        _ => Ok(stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Phase;
    use crate::testing::{HandClock, request};
    use std::net::TcpListener;

    fn connecting() -> (Arc<HandClock>, Attempt) {
        let clock = HandClock::new();
        let attempt = Attempt::new(clock.clone(), &request("http://127.0.0.1:1/token"));
        attempt.enter(Phase::Connecting);
        (clock, attempt)
    }

    #[test]
    fn a_socket_neither_lingers_nor_retransmits_longer_than_the_request_may_take() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_, attempt) = connecting();
        let stream = connect(&[listener.local_addr().unwrap()], &attempt).unwrap();
        let socket = SockRef::from(&*stream);
        assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
        assert!(socket.tcp_nodelay().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn an_address_that_refuses_gives_way_to_the_next() {
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_, attempt) = connecting();
        let stream = connect(&[refusing, listener.local_addr().unwrap()], &attempt).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    }

    #[test]
    fn an_aborted_attempt_opens_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_, attempt) = connecting();
        attempt.abort();
        let ended = connect(&[listener.local_addr().unwrap()], &attempt).unwrap_err();
        assert_eq!(ended.kind, FailureKind::Aborted);
        assert!(attempt.closed());
    }

    #[test]
    fn a_suspend_while_connecting_counts() {
        let (clock, attempt) = connecting();
        clock.advance(Span::from_hours(8));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ended = connect(&[listener.local_addr().unwrap()], &attempt).unwrap_err();
        assert_eq!(ended.kind, FailureKind::Timeout);
    }
}
