//! Accepting connections, and ending every one of them when the server ends.

use super::connection::{After, Connection, Plain, Stream, reset};
use super::head::Head;
use super::stop::Stop;
use crate::clock::Deadline;
use crate::model::AsReply;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many connections are served at once; more wait in the kernel's queue. Above the thousand that a stampede test
/// opens, below what a small machine has threads for.
const MAX_CONNECTIONS: usize = 2_048;

/// Length of the kernel's queue of connections not accepted yet.
const BACKLOG: i32 = 1_024;

/// Stack of a connection's thread: compressing needs some, thousands of threads should not need more.
const STACK_BYTES: usize = 1024 * 1024;

/// How long the end of a server waits for its connection threads; all their waits were ended before.
const JOIN_WAIT: Duration = Duration::from_secs(10);

/// Puts TLS, or nothing, around an accepted socket.
pub(crate) type Wrap = dyn Fn(Plain) -> io::Result<Box<dyn Stream>> + Send + Sync;

/// What a listener serves.
pub(crate) trait Service: Send + Sync + 'static {
    /// Whether a connection just accepted is kept; `false` resets it.
    fn keeps(&self) -> bool {
        true
    }

    /// Serves one request. An error ends the connection.
    fn serve(&self, connection: &mut Connection, head: &Head) -> io::Result<After>;
}

/// A bound address with a thread that accepts. Dropping it ends all connections.
pub(crate) struct Listener {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    service: Arc<dyn Service>,
    wrap: Option<Arc<Wrap>>,
    stop: Arc<Stop>,
    open: Mutex<Vec<Weak<TcpStream>>>,
    changed: Condvar,
}

impl Listener {
    /// Binds (port 0: any free one) and starts to accept.
    pub(crate) fn start(
        addr: SocketAddr,
        service: Arc<dyn Service>,
        wrap: Option<Arc<Wrap>>,
    ) -> io::Result<Self> {
        let socket = bind(addr)?;
        let addr = socket.local_addr()?;
        let shared = Arc::new(Shared {
            service,
            wrap,
            stop: Arc::default(),
            open: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepted = Arc::clone(&shared);
        let accepting = thread::Builder::new().name("testkit-accept".into());
        let accepting = accepting.spawn(move || accept(&socket, &accepted))?;
        Ok(Self { addr, shared, accepting: Some(accepting) })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Tells every thread to end; [`Drop`] waits for them. Separate, so that a service can end its own waits between.
    pub(crate) fn stop(&self) {
        self.shared.stop.set();
        for tcp in self.shared.open().iter().filter_map(Weak::upgrade) {
            let _ = tcp.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
        // Wakes the accepting thread, which then sees the stop. Where connecting fails it is not waiting.
        let _ = TcpStream::connect_timeout(&self.addr, Duration::from_secs(1));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.stop();
        let deadline = Deadline::after(JOIN_WAIT);
        let mut open = self.shared.open();
        while let (false, Some(left)) = (open.is_empty(), deadline.left()) {
            open = self.shared.changed.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, Vec<Weak<TcpStream>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, tcp: &Weak<TcpStream>) {
        self.open().retain(|other| !other.ptr_eq(tcp));
        self.changed.notify_all();
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(addr),
        socket2::Type::STREAM,
        Some(socket2::Protocol::TCP),
    )?;
    // On Unix this lets a server come up again on its old port at once; on Windows it would let two share one.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn accept(socket: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = socket.accept();
        if shared.stop.is_set() {
            return;
        }
        match accepted {
            Ok((tcp, _)) if !shared.service.keeps() => reset(&tcp),
            Ok((tcp, _)) => admit(Arc::new(tcp), shared),
            // Out of descriptors, or a client that left while waiting: go on, but do not spin.
            Err(_) => {
                shared.stop.pause(Duration::from_millis(10));
            }
        }
    }
}

/// Starts the thread of one connection, once there is room for it.
fn admit(tcp: Arc<TcpStream>, shared: &Arc<Shared>) {
    let weak = Arc::downgrade(&tcp);
    let mut open = shared.open();
    while open.len() >= MAX_CONNECTIONS && !shared.stop.is_set() {
        let wait = shared.changed.wait_timeout(open, Duration::from_millis(100));
        open = wait.unwrap_or_else(PoisonError::into_inner).0;
    }
    open.push(weak.clone());
    drop(open);
    let (served, weak_too) = (Arc::clone(shared), weak.clone());
    let thread = thread::Builder::new().name("testkit-connection".into()).stack_size(STACK_BYTES);
    let started = thread.spawn(move || {
        // Forgotten even if the thread panics, as the end of the server waits for it.
        let _forget = Forget { shared: &served, tcp: &weak_too };
        serve(tcp, &served);
    });
    if started.is_err() {
        shared.forget(&weak);
    }
}

struct Forget<'a> {
    shared: &'a Shared,
    tcp: &'a Weak<TcpStream>,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.forget(self.tcp);
    }
}

fn serve(tcp: Arc<TcpStream>, shared: &Shared) {
    // Without this the small pieces of event streams would wait for each other.
    let _ = tcp.set_nodelay(true);
    let plain = Plain(Arc::clone(&tcp));
    let stream = match &shared.wrap {
        Some(wrap) => wrap(plain),
        None => Ok(Box::new(plain) as Box<dyn Stream>),
    };
    let Ok(stream) = stream else { return };
    let mut connection = Connection::new(stream, tcp, Arc::clone(&shared.stop));
    while !shared.stop.is_set() {
        let served = match connection.read_head() {
            Ok(Some(head)) => shared.service.serve(&mut connection, &head),
            Ok(None) => return,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => refuse(&mut connection, &error),
            Err(_) => return,
        };
        match served {
            Ok(After::KeepAlive) => {}
            Ok(After::Close) => return connection.close(),
            Ok(After::Reset) => return connection.reset(),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let _ = refuse(&mut connection, &error);
                return connection.close();
            }
            Err(_) => return,
        }
    }
}

fn refuse(connection: &mut Connection, error: &io::Error) -> io::Result<After> {
    let reply = AsReply::new(400, "text/plain", format!("{error}\n"));
    connection.end_after_answer();
    connection.answer(&reply)
}
