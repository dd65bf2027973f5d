//! One test for each kind of failure without TLS: what it is called, and whether bytes left.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use renewd_core::{Answer, FailureKind as Kind, Sent, Span};
#[cfg(target_os = "linux")]
use socket2::{Domain, SockAddr, Socket, Type};
use support::{Rig, Server, assert_failed, failure, read_head, read_request, report, request, reset, take};

#[test]
fn a_name_that_does_not_resolve() {
    let failed = Rig::new().fail("https://as.invalid/token");
    assert_failed(&failed, Kind::Dns, Sent::Nothing);
    assert!(failed.message.contains("as.invalid"), "{failed:?}");
}

#[test]
fn a_refused_connection() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_failed(&Rig::new().fail(&format!("http://{address}/token")), Kind::Refused, Sent::Nothing);
}

/// A listener whose queue is full: the kernel drops further attempts without an answer, as a black hole does.
#[cfg(target_os = "linux")]
struct FullListener {
    address: SockAddr,
    _listener: Socket,
    _waiting: Vec<Socket>,
}

#[cfg(target_os = "linux")]
impl FullListener {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        loop {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            if socket.connect_timeout(&address, Duration::from_secs(2)).is_err() {
                return Self { address, _listener: listener, _waiting: waiting };
            }
            waiting.push(socket);
            assert!(waiting.len() < 1000, "the queue never fills");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_never_stands() {
    let full = FullListener::new();
    let rig = Rig::new();
    let answer = rig.start(1, request(&format!("http://{}/token", full.address.as_socket().unwrap())));
    rig.clock.wait_until_watched();
    rig.clock.advance(Span::from_secs(10));
    assert_failed(&failure(take(&answer)), Kind::ConnectTimeout, Sent::Nothing);
}

#[cfg(target_os = "linux")]
#[test]
fn an_abort_while_the_connection_does_not_stand() {
    use renewd_driver::TokenEndpoint as _;
    let full = FullListener::new();
    let rig = Rig::new();
    let answer = rig.start(7, request(&format!("http://{}/token", full.address.as_socket().unwrap())));
    rig.clock.wait_until_watched();
    rig.endpoint.abort(renewd_core::AttemptId(7));
    assert_failed(&failure(take(&answer)), Kind::Aborted, Sent::Nothing);
}

#[test]
fn a_reset_of_a_connection_that_received_bytes_and_read_none() {
    let server = Server::start(|stream| {
        stream.peek(&mut [0]).unwrap();
        reset(stream);
    });
    assert_failed(&Rig::new().fail(&server.url()), Kind::Reset, Sent::Bytes);
}

#[test]
fn a_reset_at_once_claims_nothing_sent_only_when_no_byte_could_arrive() {
    // Whether the reset or the request is first is chance; what is claimed must be true either way.
    for _ in 0..50 {
        let (tell, told) = report();
        let server = Server::start(move |stream| {
            stream.set_nonblocking(true).unwrap();
            let arrived = matches!(stream.peek(&mut [0]), Ok(bytes) if bytes > 0);
            tell(arrived);
            reset(stream);
        });
        let failed = Rig::new().fail(&server.url());
        assert_eq!(failed.kind, Kind::Reset, "{failed:?}");
        assert!(!take(&told) || failed.sent == Sent::Bytes, "bytes arrived, and it claims that none left");
    }
}

#[test]
fn a_reset_after_byte_one() {
    let server = Server::start(|mut stream| {
        stream.read_exact(&mut [0]).unwrap();
        reset(stream);
    });
    assert_failed(&Rig::new().fail(&server.url()), Kind::Reset, Sent::Bytes);
}

#[test]
fn a_reset_in_the_middle_of_the_answer() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
        reset(stream);
    });
    let failed = Rig::new().fail(&server.url());
    assert!(matches!(failed.kind, Kind::Reset), "{failed:?}");
    assert_eq!(failed.sent, Sent::Bytes);
}

#[test]
fn a_server_that_never_answers() {
    let (server, told) = Server::hanging();
    let rig = Rig::new();
    let answer = rig.start(1, request(&server.url()));
    assert_eq!(take(&told), "read");
    rig.clock.advance(Span::from_secs(30));
    assert_failed(&failure(take(&answer)), Kind::Timeout, Sent::Bytes);
    assert_eq!(take(&told), "gone");
}

#[test]
fn a_suspend_of_eight_hours_counts_towards_the_time_out() {
    let (server, told) = Server::hanging();
    let rig = Rig::new();
    let answer = rig.start(1, request(&server.url()));
    assert_eq!(take(&told), "read");
    rig.clock.advance(Span::from_hours(8));
    assert_failed(&failure(take(&answer)), Kind::Timeout, Sent::Bytes);
}

#[test]
fn a_server_that_drips_a_byte_at_a_time_does_not_outlive_the_time_out() {
    let (tell, told) = report();
    let dripping = AtomicBool::new(true);
    let server = Server::start(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n").unwrap();
        while stream.write_all(b"x").is_ok() {
            if dripping.swap(false, Ordering::AcqRel) {
                tell("dripping");
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        tell("gone");
    });
    let rig = Rig::new();
    let answer = rig.start(1, request(&server.url()));
    assert_eq!(take(&told), "dripping");
    rig.clock.advance(Span::from_secs(30));
    assert_failed(&failure(take(&answer)), Kind::Timeout, Sent::Bytes);
    assert_eq!(take(&told), "gone");
}

#[test]
fn a_connection_closed_without_an_answer() {
    let server = Server::replying("");
    assert_failed(&Rig::new().fail(&server.url()), Kind::Closed, Sent::Bytes);
}

#[test]
fn a_connection_closed_before_the_promised_length() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        let server = Server::replying(cut);
        assert_failed(&Rig::new().fail(&server.url()), Kind::Closed, Sent::Bytes);
    }
}

#[test]
fn an_answer_that_is_not_http() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n0123456789".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(40_000)),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: 1\r\n".repeat(200)),
    ] {
        let server = Server::replying(answer);
        assert_failed(&Rig::new().fail(&server.url()), Kind::Protocol, Sent::Bytes);
    }
}

#[test]
fn a_server_that_sends_interim_answers_for_ever() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        while stream.write_all(&b"HTTP/1.1 102 Processing\r\n\r\n".repeat(100)).is_ok() {}
    });
    assert_failed(&Rig::new().fail(&server.url()), Kind::Protocol, Sent::Bytes);
}

#[test]
fn plain_http_to_another_machine_is_refused_without_a_lookup() {
    let failed = Rig::new().fail("http://as.example/token");
    assert_failed(&failed, Kind::Configuration, Sent::Nothing);
    assert!(failed.message.contains("https://"), "{failed:?}");
}

#[test]
fn a_request_that_comes_too_late_to_be_sent_is_not_sent() {
    let server = Server::start(|mut stream| drop(read_head(&mut stream)));
    let mut late = request(&server.url());
    late.timeout = Span::ZERO;
    assert_failed(&failure(Rig::new().send(late)), Kind::Timeout, Sent::Nothing);
    assert_eq!(server.connections(), 0);
}

#[test]
fn messages_hold_neither_path_nor_query() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Answer::Failed(failed) = Rig::new().send(request(&format!("http://{address}/p-canary?q=canary")))
    else {
        panic!("nobody listens there");
    };
    assert!(failed.message.contains(&address.to_string()), "{failed:?}");
    assert!(!failed.message.contains("canary"), "{failed:?}");
}
