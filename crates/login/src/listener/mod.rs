//! The listener that a browser brings the code to.
//!
//! It stands open for minutes on a machine where any process and, through the browser, any web page can reach it. One
//! thread serves it: sockets that never block, a place for so many connections, of which the oldest makes way when a
//! new one comes. So nobody can keep the real answer out by being slow, and nobody can make it cost more.
//!
//! It knows HTTP and no OAuth: what a request means is asked of [`Answering`].

mod connection;
mod page;
mod request;

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use renewd_core::{Boot, Span};
use renewd_driver::Clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::code::Loopback;
use crate::error::{LoginError, LoginErrorKind};
use connection::Connection;

pub(crate) use page::Page;

/// Connections at a time. A browser opens a handful.
const CONNECTIONS_MAX: usize = 64;
/// Connections that are accepted before those that stand are looked at.
const ACCEPTED_MAX: usize = 128;
/// The longest wait of the thread: how late it notices that it is over.
const TICK_NANOS: i64 = 100_000_000;
/// How long pages that are on their way have when it is over.
const GRACE: Span = Span::from_secs(1);
/// Ports that are tried for a name that has two addresses.
const PORT_TRIES_MAX: usize = 16;

/// Says what a request means.
pub(crate) trait Answering: Send + Sync + 'static {
    /// The page for a `GET` of this target (path and query).
    fn page(&self, target: &str) -> Page;

    /// Whether whoever made this connection may ask at all.
    fn admits(&self, _stream: &TcpStream) -> bool {
        true
    }
}

/// A listener that stands. Dropping it closes it, once pages on their way are delivered.
pub(crate) struct Listener {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Opens it.
    pub(crate) fn open(
        at: &Loopback,
        clock: Arc<dyn Clock>,
        answering: Arc<dyn Answering>,
    ) -> Result<Self, LoginError> {
        let sockets = bind(at)?;
        let port = sockets.first().and_then(|s| s.local_addr().ok()).map_or(0, |address| address.port());
        let over = Arc::new(AtomicBool::new(false));
        let serving =
            Serving { sockets, port, clock, answering, over: Arc::clone(&over), full_of_errors: false };
        let thread =
            std::thread::Builder::new().name("renewd-callback".into()).spawn(move || serving.run()).map_err(
                |e| LoginError::new(LoginErrorKind::System, format!("the system gives no thread: {e}")),
            )?;
        Ok(Self { port, over, thread: Some(thread) })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Listener {
    // rfc: 8252-8.3 it stands for one login and no longer
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // Bounded by its own grace. A panic there concerns nobody any more.
            let _ended = thread.join();
        }
    }
}

/// Binds all addresses of it to one port.
fn bind(at: &Loopback) -> Result<Vec<TcpListener>, LoginError> {
    let mut last = None;
    for _ in 0..PORT_TRIES_MAX {
        match bind_once(at) {
            Ok(sockets) => return Ok(sockets),
            Err((address, error)) => {
                let again = at.port().is_none() && error.kind() == io::ErrorKind::AddrInUse;
                last = Some((address, error));
                if !again {
                    break;
                }
            }
        }
    }
    let (address, error) = match last {
        Some((address, error)) => (address.to_string(), error.to_string()),
        None => ("this machine".to_owned(), "no port is free".to_owned()),
    };
    let text = format!("nothing can listen at {address} for the browser's answer: {error}");
    let advice = match at.port() {
        Some(_) => "end the program that uses this port, or register another redirect address",
        None => "use --device, or --no-browser and a redirect address elsewhere",
    };
    Err(LoginError::new(LoginErrorKind::System, text).advise(advice))
}

fn bind_once(at: &Loopback) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut port = at.port().unwrap_or(0);
    let mut failed = None;
    // rfc: 8252-7.3 on the loopback address alone, with a port that the system chooses
    for ip in at.addresses() {
        let address = SocketAddr::new(*ip, port);
        match listen(address) {
            Ok((socket, bound)) => {
                port = bound.port();
                sockets.push(socket);
            }
            // Somebody else on the other address of the name would get what the browser brings there.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse || !at.one_is_enough() => {
                return Err((address, error));
            }
            Err(error) => failed = Some((address, error)),
        }
    }
    match failed {
        Some(failure) if sockets.is_empty() => Err(failure),
        _ => Ok(sockets),
    }
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

/// What the thread works with.
struct Serving {
    sockets: Vec<TcpListener>,
    port: u16,
    clock: Arc<dyn Clock>,
    answering: Arc<dyn Answering>,
    over: Arc<AtomicBool>,
    /// The system gave no socket for a connection that waits: asking again at once would spin.
    full_of_errors: bool,
}

impl Serving {
    fn run(mut self) {
        let mut connections: VecDeque<Connection> = VecDeque::new();
        let mut ends_at: Option<Boot> = None;
        loop {
            let now = self.clock.now().boot;
            if self.over.load(Ordering::Acquire) && ends_at.is_none() {
                ends_at = Some(now + GRACE);
                self.sockets.clear();
                connections.retain(Connection::has_answer);
            }
            if ends_at.is_some_and(|end| now >= end || connections.is_empty()) {
                return;
            }
            self.wait(&connections);
            self.accept(&mut connections);
            let now = self.clock.now().boot;
            let (port, answering) = (self.port, &*self.answering);
            connections.retain_mut(|connection| connection.goes_on(now, port, answering));
        }
    }

    /// Until something can be read, written or accepted, or a tick has passed.
    fn wait(&mut self, connections: &VecDeque<Connection>) {
        let listening = if self.full_of_errors { &[][..] } else { &self.sockets[..] };
        let mut fds: Vec<PollFd<'_>> =
            listening.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        fds.extend(connections.iter().map(|c| PollFd::new(c.stream(), c.waits_for())));
        let timeout = Timespec { tv_sec: 0, tv_nsec: TICK_NANOS as _ };
        if poll(&mut fds, Some(&timeout)).is_err() {
            // Interrupted, or out of memory for a moment: a tick without hearing is the same as one without news.
            self.full_of_errors = false;
        }
    }

    /// Takes what waits. The oldest makes way: whoever came long ago and said nothing is no browser with an answer.
    fn accept(&mut self, connections: &mut VecDeque<Connection>) {
        self.full_of_errors = false;
        let now = self.clock.now().boot;
        for socket in &self.sockets {
            for _ in 0..ACCEPTED_MAX {
                match socket.accept() {
                    Ok((stream, peer)) if peer.ip().is_loopback() && self.answering.admits(&stream) => {
                        take(connections, stream, now);
                    }
                    // The socket is bound to loopback; a packet from elsewhere that got here all the same is not served.
                    Ok(_) => {}
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(e) if gone_again(&e) => {}
                    Err(_) => {
                        connections.pop_front();
                        self.full_of_errors = true;
                        break;
                    }
                }
            }
        }
    }
}

fn gone_again(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::Interrupted | K::ConnectionAborted | K::ConnectionReset)
}

fn take(connections: &mut VecDeque<Connection>, stream: TcpStream, now: Boot) {
    if stream.set_nonblocking(true).is_err() {
        return;
    }
    if connections.len() >= CONNECTIONS_MAX {
        let oldest = connections.iter().position(|c| !c.has_answer()).unwrap_or(0);
        connections.remove(oldest);
    }
    connections.push_back(Connection::new(stream, now));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Redirect;
    use renewd_core::Now;
    use renewd_driver::system::SystemClock;
    use renewd_driver::testing::VirtualClock;
    use std::io::{Read, Write};

    struct NotHere;

    impl Answering for NotHere {
        fn page(&self, _target: &str) -> Page {
            Page::not_here()
        }
    }

    fn open(redirect: &str) -> Result<Listener, LoginError> {
        let redirect = Redirect::parse(redirect).unwrap();
        Listener::open(redirect.loopback().unwrap(), Arc::new(SystemClock), Arc::new(NotHere))
    }

    fn asks(host: &str) -> String {
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn has_ipv6() -> bool {
        let has = TcpListener::bind("[::1]:0").is_ok();
        if !has {
            eprintln!("skipped in part: this machine has no IPv6");
        }
        has
    }

    #[test]
    fn a_name_is_served_at_both_of_its_addresses() {
        let listener = open("http://localhost/cb").unwrap();
        assert!(asks(&format!("127.0.0.1:{}", listener.port())).starts_with("HTTP/1.1 404"));
        if has_ipv6() {
            assert!(asks(&format!("[::1]:{}", listener.port())).starts_with("HTTP/1.1 404"));
        }
    }

    #[test]
    fn a_name_whose_other_address_is_somebody_elses_is_not_served_at_all() {
        if !has_ipv6() {
            return;
        }
        let others = TcpListener::bind("[::1]:0").unwrap();
        let port = others.local_addr().unwrap().port();
        let error = open(&format!("http://localhost:{port}/cb")).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), LoginErrorKind::System);
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }

    #[test]
    fn who_says_nothing_for_too_long_is_hung_up_on() {
        let clock = VirtualClock::new(Now::default());
        let redirect = Redirect::default();
        let at = redirect.loopback().unwrap();
        let listener = Listener::open(at, Arc::new(clock.clone()), Arc::new(NotHere)).unwrap();
        let mut silent = TcpStream::connect(("127.0.0.1", listener.port())).unwrap();
        // Served after it, so it was accepted.
        assert!(asks(&format!("127.0.0.1:{}", listener.port())).starts_with("HTTP/1.1 404"));
        clock.advance(Span::from_secs(20));
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn where_all_places_are_taken_the_oldest_makes_way_for_the_newest() {
        let listener = open("http://127.0.0.1/cb").unwrap();
        let host = format!("127.0.0.1:{}", listener.port());
        let mut silent: Vec<TcpStream> =
            (0..CONNECTIONS_MAX).map(|_| TcpStream::connect(&host).unwrap()).collect();
        assert!(asks(&host).starts_with("HTTP/1.1 404"));
        for stream in &silent {
            // A failure to be told, rather than a test that hangs.
            stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        }
        assert_eq!(silent[0].read(&mut [0]).unwrap(), 0, "the oldest was hung up on");
        let newest = silent.last_mut().unwrap();
        newest.set_nonblocking(true).unwrap();
        assert_eq!(newest.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    // rfc-test: 8252-8.3
    #[test]
    fn it_is_closed_when_it_is_dropped() {
        let listener = open("http://127.0.0.1/cb").unwrap();
        let port = listener.port();
        drop(listener);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
