//! Servers, clocks and a tiny executor for the tests of this crate.
//!
//! Time stands still unless a test moves it, so a slow machine never causes a time-out. What a test waits for, it
//! waits for with [`PATIENCE`].
#![expect(dead_code, reason = "each test binary uses a part")]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use renewd_core::{
    Answer, AttemptId, Boot, BootId, Failure, FailureKind, Now, Response, Secret, Sent, Span, TokenRequest,
    Wall,
};
use renewd_driver::{Clock, TokenEndpoint};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};

pub(crate) mod tls;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The attempt of a request that is sent and waited for.
pub(crate) const SENT: AttemptId = AttemptId(99);
/// The refresh token of every request here.
pub(crate) const REFRESH_TOKEN: &str = "rt-canary";

/// A clock that moves when a test says so, and counts how often it is read.
pub(crate) struct HandClock {
    boot: Mutex<Boot>,
    reads: AtomicUsize,
}

impl HandClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { boot: Mutex::new(Boot::from_millis(1_000_000)), reads: AtomicUsize::new(0) })
    }

    pub(crate) fn advance(&self, by: Span) {
        let mut now = self.boot.lock().unwrap();
        *now = *now + by;
    }

    /// Waits until somebody has been waiting on this clock for some time.
    pub(crate) fn wait_until_watched(&self) {
        let seen = self.reads.load(Ordering::Acquire);
        until("the clock is watched", || self.reads.load(Ordering::Acquire) > seen + 10);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        self.reads.fetch_add(1, Ordering::AcqRel);
        Now { boot: *self.boot.lock().unwrap(), wall: Wall::from_unix_millis(1_800_000_000_000) }
    }

    fn boot_id(&self) -> BootId {
        BootId(1)
    }
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let (_keep, never) = channel::<()>();
    for _ in 0..PATIENCE.as_millis() / 10 {
        if condition() {
            return;
        }
        let _elapsed = never.recv_timeout(Duration::from_millis(10));
    }
    panic!("waited in vain until {what}");
}

/// Takes what must come.
pub(crate) fn take<T>(from: &Receiver<T>) -> T {
    from.recv_timeout(PATIENCE).expect("it must come")
}

/// An endpoint with a clock that stands still.
pub(crate) struct Rig {
    pub(crate) clock: Arc<HandClock>,
    pub(crate) endpoint: Arc<UreqEndpoint>,
    pub(crate) workers: Workers,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(UreqOptions::default(), Workers::default())
    }

    pub(crate) fn with(options: UreqOptions, workers: Workers) -> Self {
        let clock = HandClock::new();
        let endpoint = Arc::new(UreqEndpoint::new(options, workers.clone(), clock.clone()));
        Self { clock, endpoint, workers }
    }

    /// Sends in the background.
    pub(crate) fn start(&self, id: u128, request: TokenRequest) -> Receiver<Answer> {
        let (sender, answer) = channel();
        let endpoint = Arc::clone(&self.endpoint);
        std::thread::spawn(move || {
            let _gone = sender.send(block_on(endpoint.send(AttemptId(id), request)));
        });
        answer
    }

    /// Sends and waits.
    pub(crate) fn send(&self, request: TokenRequest) -> Answer {
        take(&self.start(SENT.0, request))
    }

    /// Sends to that URL, which must fail.
    pub(crate) fn fail(&self, url: &str) -> Failure {
        failure(self.send(request(url)))
    }

    /// Sends to that URL, which must answer.
    pub(crate) fn answer(&self, url: &str) -> Response {
        response(self.send(request(url)))
    }
}

/// A refresh with the default time-outs of 30 s and 10 s.
pub(crate) fn request(url: &str) -> TokenRequest {
    TokenRequest {
        url: url.into(),
        headers: vec![
            ("Content-Type".into(), Secret::from("application/x-www-form-urlencoded")),
            ("Authorization".into(), Secret::from("Basic client-canary")),
        ],
        body: Secret::from_string(format!("grant_type=refresh_token&refresh_token={REFRESH_TOKEN}")),
        proofs: Vec::new(),
        timeout: Span::from_secs(30),
        connect_timeout: Span::from_secs(10),
    }
}

pub(crate) fn response(answer: Answer) -> Response {
    match answer {
        Answer::Response(response) => response,
        Answer::Failed(failure) => panic!("no answer: {failure:?}"),
    }
}

/// The failure; it must be closed and name no secret, as all of ours.
pub(crate) fn failure(answer: Answer) -> Failure {
    let Answer::Failed(failure) = answer else { panic!("it was answered") };
    assert!(failure.closed, "{failure:?}");
    for secret in ["canary", REFRESH_TOKEN] {
        assert!(!failure.message.contains(secret), "{failure:?}");
    }
    failure
}

/// Checks kind and bytes left in one line.
#[track_caller]
pub(crate) fn assert_failed(failure: &Failure, kind: FailureKind, sent: Sent) {
    assert_eq!((failure.kind, failure.sent), (kind, sent), "{failure:?}");
}

/// A server that handles each connection on a thread of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, handle) = (Arc::clone(&connections), Arc::new(handle));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                count.fetch_add(1, Ordering::AcqRel);
                let handle = Arc::clone(&handle);
                std::thread::spawn(move || handle(stream));
            }
        });
        Self { address, connections }
    }

    /// Reads a request, writes these bytes, closes.
    pub(crate) fn replying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut stream| {
            read_request(&mut stream);
            let _gone = stream.write_all(&bytes);
        })
    }

    /// Reads a request, tells so, and then says nothing until the other side is gone, which it tells too.
    pub(crate) fn hanging() -> (Self, Receiver<&'static str>) {
        let (tell, told) = channel();
        let server = Self::start(move |mut stream| {
            read_request(&mut stream);
            tell.send("read").unwrap();
            wait_for_end(&mut stream);
            let _over = tell.send("gone");
        });
        (server, told)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }
}

/// A complete 200 with this body.
pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads a head.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Reads a whole request, head and body.
pub(crate) fn read_request(stream: &mut impl Read) -> String {
    let mut text = read_head(stream);
    let length = header(&text, "content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).is_ok() {
        text.push_str(std::str::from_utf8(&body).unwrap());
    }
    text
}

/// The value of a header in a head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.trim())
}

/// Reads until the other side is gone.
pub(crate) fn wait_for_end(stream: &mut impl Read) {
    let mut rest = [0; 1024];
    while !matches!(stream.read(&mut rest), Ok(0) | Err(_)) {}
}

/// Closes with a reset.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// Runs a future on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Starts a future and drops it.
pub(crate) fn poll_once_and_drop<F: Future>(future: F) {
    let mut future = Box::pin(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// A channel whose sender can be used from a server's closure.
pub(crate) fn report<T: Send + 'static>() -> (impl Fn(T) + Send + Sync + 'static, Receiver<T>) {
    let (sender, receiver): (Sender<T>, _) = channel();
    let sender = Mutex::new(sender);
    (move |value| drop(sender.lock().unwrap().send(value)), receiver)
}
