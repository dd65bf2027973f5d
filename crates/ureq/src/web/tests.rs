//! Against sockets of this machine.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use super::*;
use crate::testing::HandClock;
use renewd_core::{Answer, Failure, FailureKind, Response, Secret, Sent, Span};
use renewd_driver::{Reach, WebMethod};

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

/// Answers one connection with these bytes, and gives what came.
fn serve(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, came) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            head.push(byte[0]);
        }
        sender.send(String::from_utf8(head).unwrap()).unwrap();
        answer(&mut stream);
    });
    (address, came)
}

/// Every name is at this address.
struct Everywhere(SocketAddr);

impl Lookup for Everywhere {
    fn lookup(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![self.0])
    }
}

fn web(at: SocketAddr, clock: &Arc<HandClock>) -> UreqWeb {
    let options = UreqOptions { allow_insecure_http: true, ..UreqOptions::default() };
    UreqWeb::with_lookup(options, Workers::default(), clock.clone(), Arc::new(Everywhere(at)))
}

fn get(url: &str, reach: Reach) -> WebRequest {
    WebRequest::get(url, Span::from_secs(30), Span::from_secs(10), reach)
}

fn response(answer: WebAnswer) -> Response {
    match answer.answer {
        Answer::Response(response) => response,
        Answer::Failed(failure) => panic!("no answer: {}", failure.message),
    }
}

fn failure(answer: WebAnswer) -> Failure {
    match answer.answer {
        Answer::Failed(failure) => failure,
        Answer::Response(response) => panic!("an answer: {}", response.status),
    }
}

fn never(_: IpAddr) -> bool {
    false
}

#[test]
fn a_document_is_fetched_with_get_and_without_a_body() {
    let (at, came) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}").unwrap();
    });
    let answer = wait(web(at, &HandClock::new()).exchange(get("http://as.example/a?b=c", Reach::Anywhere)));
    assert_eq!(answer.peer, Some(at.ip()));
    let response = response(answer);
    assert_eq!((response.status, response.body.expose(), response.truncated), (200, &b"{}"[..], false));
    assert_eq!(response.header("x-a"), Some("b"));
    let head = came.recv().unwrap().to_lowercase();
    assert!(head.starts_with("get /a?b=c http/1.1\r\n"), "{head}");
    assert!(head.contains("accept: application/json\r\n"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
}

#[test]
fn a_form_is_posted_as_it_stands() {
    let (at, came) = serve(|stream| {
        let mut body = [0; 3];
        stream.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"a=b");
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let mut request = get("http://as.example/register", Reach::Anywhere);
    request.method = WebMethod::Post;
    request.body = Secret::from("a=b");
    assert_eq!(response(wait(web(at, &HandClock::new()).exchange(request))).status, 201);
    assert!(came.recv().unwrap().starts_with("POST /register HTTP/1.1\r\n"));
}

#[test]
fn a_registration_is_taken_back_without_a_body() {
    let (at, came) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let mut request = get("http://as.example/register/c", Reach::Anywhere);
    request.method = WebMethod::Delete;
    request.headers.push(("Authorization".into(), Secret::from("Bearer manage")));
    assert_eq!(response(wait(web(at, &HandClock::new()).exchange(request))).status, 204);
    let head = came.recv().unwrap().to_lowercase();
    assert!(head.starts_with("delete /register/c http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer manage\r\n"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
}

#[test]
fn a_redirect_is_an_answer_like_any_other() {
    let (at, _came) = serve(|stream| {
        stream
            .write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    });
    let answer = wait(web(at, &HandClock::new()).exchange(get("http://as.example/", Reach::Anywhere)));
    let response = response(answer);
    assert_eq!((response.status, response.header("location")), (302, Some("http://127.0.0.1:9/")));
}

#[test]
fn a_body_beyond_its_limit_is_cut_and_said_to_be() {
    let (at, _came) = serve(|stream| {
        let _cut_off = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n");
        let _cut_off = stream.write_all(&[b' '; 9000]);
    });
    let mut request = get("http://as.example/", Reach::Anywhere);
    request.body_max_bytes = 100;
    let response = response(wait(web(at, &HandClock::new()).exchange(request)));
    assert_eq!((response.body.len(), response.truncated), (100, true));
}

#[test]
fn a_name_that_resolves_to_an_address_that_is_not_allowed_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let web = web(listener.local_addr().unwrap(), &HandClock::new());
    let answer = wait(web.exchange(get("http://as.example/", Reach::Only(never))));
    assert!(answer.out_of_reach);
    assert_eq!(answer.peer, None);
    let failure = failure(answer);
    assert_eq!((failure.kind, failure.sent), (FailureKind::Configuration, Sent::Nothing));
    assert!(failure.message.contains("private network"), "{}", failure.message);
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_document_that_drips_ends_with_its_time() {
    let (at, came) = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n").unwrap();
        let (_keep, never) = channel::<()>();
        // Until the other side hangs up: each byte alone is in time, all of them are not.
        while stream.write_all(b" ").is_ok() {
            let _a_pause = never.recv_timeout(std::time::Duration::from_millis(5));
        }
    });
    let clock = HandClock::new();
    let web = web(at, &clock);
    let ticking = std::thread::spawn(move || {
        came.recv().unwrap();
        clock.advance(Span::from_secs(30));
    });
    let failure = failure(wait(web.exchange(get("http://as.example/", Reach::Anywhere))));
    ticking.join().unwrap();
    assert_eq!(failure.kind, FailureKind::Timeout, "{}", failure.message);
}

#[test]
fn dropping_the_future_closes_the_connection() {
    let (closed, was_closed) = channel();
    let (at, came) = serve(move |stream| {
        let end = stream.read(&mut [0]);
        closed.send(matches!(end, Ok(0) | Err(_))).unwrap();
    });
    let web = web(at, &HandClock::new());
    {
        let mut future = pin!(web.exchange(get("http://as.example/", Reach::Anywhere)));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        came.recv().unwrap();
    }
    assert!(was_closed.recv().unwrap());
}
