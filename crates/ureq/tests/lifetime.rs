//! How attempts end: aborted, without room, with nobody waiting, or with their socket closed.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write;
use std::sync::mpsc::channel;

use renewd_core::{AttemptId, FailureKind as Kind, Sent, Span};
use renewd_driver::TokenEndpoint as _;
use renewd_ureq::{ProxyChoice, UreqOptions, Workers};
use support::{
    Rig, SENT, Server, assert_failed, failure, ok, poll_once_and_drop, read_head, report, request, take,
    until,
};

/// One thread, one place in the queue.
fn narrow() -> Rig {
    Rig::with(UreqOptions::default(), Workers::new(1, 1))
}

#[test]
fn an_abort_closes_the_socket_and_ends_the_future() {
    let (server, told) = Server::hanging();
    let rig = Rig::new();
    let answer = rig.start(5, request(&server.url()));
    assert_eq!(take(&told), "read");
    rig.endpoint.abort(AttemptId(5));
    assert_failed(&failure(take(&answer)), Kind::Aborted, Sent::Bytes);
    assert_eq!(take(&told), "gone");
}

#[test]
fn an_abort_concerns_its_attempt_only() {
    let (server, told) = Server::hanging();
    let rig = Rig::new();
    let (first, second) = (rig.start(1, request(&server.url())), rig.start(2, request(&server.url())));
    assert_eq!((take(&told), take(&told)), ("read", "read"));
    rig.endpoint.abort(AttemptId(3)); // Nobody's: nothing happens.
    rig.endpoint.abort(AttemptId(1));
    assert_failed(&failure(take(&first)), Kind::Aborted, Sent::Bytes);
    rig.clock.advance(Span::from_secs(30));
    assert_failed(&failure(take(&second)), Kind::Timeout, Sent::Bytes);
}

#[test]
fn an_abort_after_the_end_changes_nothing() {
    let server = Server::replying(ok("{}"));
    let rig = Rig::new();
    assert_eq!(rig.answer(&server.url()).status, 200);
    rig.endpoint.abort(SENT);
    assert_eq!(rig.answer(&server.url()).status, 200);
}

#[test]
fn a_full_queue_has_sent_nothing() {
    let (server, told) = Server::hanging();
    let rig = narrow();
    let first = rig.start(1, request(&server.url()));
    assert_eq!(take(&told), "read");
    let second = rig.start(2, request(&server.url()));
    until("one request waits", || rig.workers.waiting() == 1);
    assert_failed(&rig.fail(&server.url()), Kind::Overloaded, Sent::Nothing);
    rig.endpoint.abort(AttemptId(1));
    assert_failed(&failure(take(&first)), Kind::Aborted, Sent::Bytes);
    assert_eq!(take(&told), "gone");
    assert_eq!(take(&told), "read", "the request that waited has its turn");
    rig.endpoint.abort(AttemptId(2));
    assert_failed(&failure(take(&second)), Kind::Aborted, Sent::Bytes);
}

#[test]
fn an_abort_of_a_waiting_request_ends_it_at_once_and_frees_its_place() {
    let (server, told) = Server::hanging();
    let rig = narrow();
    let _first = rig.start(1, request(&server.url()));
    assert_eq!(take(&told), "read");
    let second = rig.start(2, request(&server.url()));
    until("one request waits", || rig.workers.waiting() == 1);
    rig.endpoint.abort(AttemptId(2));
    assert_failed(&failure(take(&second)), Kind::Aborted, Sent::Nothing);
    assert_eq!(rig.workers.waiting(), 0);
    rig.endpoint.abort(AttemptId(1));
}

#[test]
fn a_request_does_not_wait_for_a_thread_past_its_time() {
    let (server, told) = Server::hanging();
    let rig = narrow();
    let mut patient = request(&server.url());
    patient.timeout = Span::from_hours(1);
    let _first = rig.start(1, patient);
    assert_eq!(take(&told), "read");
    let second = rig.start(2, request(&server.url()));
    until("one request waits", || rig.workers.waiting() == 1);
    rig.clock.advance(Span::from_secs(30));
    assert_failed(&failure(take(&second)), Kind::Overloaded, Sent::Nothing);
    rig.endpoint.abort(AttemptId(1));
}

#[test]
fn endpoints_share_their_threads() {
    let (server, told) = Server::hanging();
    let workers = Workers::new(1, 0);
    let (one, other) = (
        Rig::with(UreqOptions::default(), workers.clone()),
        Rig::with(UreqOptions::default(), workers.clone()),
    );
    let _hangs = one.start(1, request(&server.url()));
    assert_eq!(take(&told), "read");
    assert_failed(&other.fail(&server.url()), Kind::Overloaded, Sent::Nothing);
    assert_eq!(workers.threads(), 1);
    one.endpoint.abort(AttemptId(1));
}

#[test]
fn no_thread_runs_before_the_first_request() {
    assert_eq!(Rig::new().workers.threads(), 0);
}

#[test]
fn a_dropped_future_does_not_cancel_its_request() {
    // The proxy grants the connection only after the future is gone; what comes then was not cancelled.
    let (tell, told) = report();
    let (go, gone) = channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let proxy = Server::start(move |mut stream| {
        tell(read_head(&mut stream).starts_with("CONNECT"));
        gone.lock().unwrap().recv().unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        tell(read_head(&mut stream).starts_with("POST /token"));
    });
    let options = UreqOptions {
        proxy: ProxyChoice::Url(format!("http://{}", proxy.address)),
        allow_insecure_http: true,
        ..UreqOptions::default()
    };
    let rig = Rig::with(options, Workers::default());
    poll_once_and_drop(rig.endpoint.send(AttemptId(1), request("http://as.example/token")));
    assert!(take(&told));
    go.send(()).unwrap();
    assert!(take(&told), "the request came although nobody waits for its answer");
}

#[test]
fn many_requests_at_once_are_all_answered() {
    let server = Server::replying(ok("{}"));
    let rig = Rig::with(UreqOptions::default(), Workers::new(4, 100));
    let answers: Vec<_> = (0..100).map(|id| rig.start(id, request(&server.url()))).collect();
    for answer in answers {
        assert_eq!(support::response(take(&answer)).status, 200);
    }
    assert!(rig.workers.threads() <= 4);
}
