//! TLS: what is trusted, and what its failures are called.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write;

use renewd_core::{Answer, FailureKind as Kind, Sent, Span};
use renewd_driver::{Reach, Web, WebRequest};
use renewd_ureq::{UreqOptions, UreqWeb, Workers};
use support::tls::{Identity, close, url};
use support::{
    HandClock, Rig, Server, assert_failed, block_on, failure, ok, read_head, read_request, report, request,
    reset, take, wait_for_end,
};

fn trusting(identity: &Identity) -> Rig {
    Rig::with(identity.trusted(), Workers::default())
}

#[test]
fn a_certificate_of_the_ca_file_is_trusted() {
    let identity = Identity::new(&["localhost"]);
    let (tell, told) = report();
    let server = identity.serve(move |mut stream| {
        tell(read_request(&mut stream));
        stream.write_all(ok(r#"{"access_token":"at"}"#).as_bytes()).unwrap();
        close(stream);
    });
    let answer = trusting(&identity).answer(&url(&server));
    assert!(answer.body.same_as(br#"{"access_token":"at"}"#));
    assert!(take(&told).contains("grant_type=refresh_token"));
}

#[test]
fn an_address_can_bear_a_certificate() {
    let identity = Identity::new(&["127.0.0.1"]);
    let server = identity.serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(ok("{}").as_bytes()).unwrap();
        close(stream);
    });
    assert_eq!(trusting(&identity).answer(&format!("https://{}/token", server.address)).status, 200);
}

// rfc-test: 6749-10.9
#[test]
fn a_certificate_that_nobody_vouches_for() {
    let identity = Identity::new(&["localhost"]);
    let (tell, told) = report();
    let server = identity.serve(move |mut stream| tell(read_request(&mut stream)));
    let failed = Rig::with(UreqOptions::default(), Workers::default()).fail(&url(&server));
    assert_failed(&failed, Kind::Tls, Sent::Nothing);
    assert_eq!(take(&told), "", "the server read nothing");
}

#[test]
fn a_ca_file_replaces_the_public_roots() {
    let (trusted, other) = (Identity::new(&["localhost"]), Identity::new(&["localhost"]));
    let server = other.serve(|mut stream| drop(read_request(&mut stream)));
    assert_failed(&trusting(&trusted).fail(&url(&server)), Kind::Tls, Sent::Nothing);
}

#[test]
fn a_certificate_for_another_host() {
    let identity = Identity::new(&["elsewhere.example"]);
    let server = identity.serve(|mut stream| drop(read_request(&mut stream)));
    let failed = trusting(&identity).fail(&url(&server));
    assert_failed(&failed, Kind::Tls, Sent::Nothing);
    assert!(failed.message.contains("localhost"), "{failed:?}");
}

#[test]
fn a_server_that_does_not_speak_tls() {
    let server = Server::start(|mut stream| {
        stream.peek(&mut [0]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        wait_for_end(&mut stream);
    });
    assert_failed(&Rig::new().fail(&url(&server)), Kind::Tls, Sent::Nothing);
}

#[test]
fn a_handshake_that_is_never_answered() {
    let (tell, told) = report();
    let server = Server::start(move |mut stream| {
        tell(stream.peek(&mut [0]).unwrap());
        wait_for_end(&mut stream);
    });
    let rig = Rig::new();
    let answer = rig.start(1, request(&url(&server)));
    assert_eq!(take(&told), 1);
    rig.clock.advance(Span::from_secs(10));
    assert_failed(&failure(take(&answer)), Kind::ConnectTimeout, Sent::Nothing);
}

#[test]
fn a_handshake_that_is_reset() {
    let server = Server::start(|stream| {
        stream.peek(&mut [0]).unwrap();
        reset(stream);
    });
    assert_failed(&Rig::new().fail(&url(&server)), Kind::Reset, Sent::Nothing);
}

#[test]
fn a_handshake_that_is_closed() {
    let server = Server::start(|mut stream| {
        stream.peek(&mut [0]).unwrap();
        let mut hello = [0; 4096];
        let _some = std::io::Read::read(&mut stream, &mut hello);
    });
    assert_failed(&Rig::new().fail(&url(&server)), Kind::Closed, Sent::Nothing);
}

#[test]
fn a_server_that_never_answers_has_received_bytes() {
    let identity = Identity::new(&["localhost"]);
    let (tell, told) = report();
    let server = identity.serve(move |mut stream| {
        tell(read_request(&mut stream).is_empty());
        wait_for_end(&mut stream);
    });
    let rig = trusting(&identity);
    let answer = rig.start(1, request(&url(&server)));
    assert!(!take(&told));
    rig.clock.advance(Span::from_secs(30));
    assert_failed(&failure(take(&answer)), Kind::Timeout, Sent::Bytes);
}

#[test]
fn an_answer_cut_off_below_tls_is_not_complete() {
    let identity = Identity::new(&["localhost"]);
    let server = identity.serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\naccess_token=cut-o").unwrap();
        stream.flush().unwrap(); // And no end of TLS.
    });
    assert_failed(&trusting(&identity).fail(&url(&server)), Kind::Closed, Sent::Bytes);
}

#[test]
fn an_answer_that_ends_with_tls_is_complete() {
    let identity = Identity::new(&["localhost"]);
    let server = identity.serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\naccess_token=whole").unwrap();
        close(stream);
    });
    assert!(trusting(&identity).answer(&url(&server)).body.same_as(b"access_token=whole"));
}

#[test]
fn a_ca_file_that_cannot_be_used_stops_the_request_and_the_check() {
    let missing = tempfile::tempdir().unwrap().path().join("none.pem");
    let options = UreqOptions { ca_file: Some(missing.clone()), ..UreqOptions::default() };
    let rig = Rig::with(options, Workers::default());
    let server = Server::replying("");
    let failed = rig.fail(&url(&server));
    assert_failed(&failed, Kind::Configuration, Sent::Nothing);
    assert!(failed.message.contains(&missing.display().to_string()), "{failed:?}");
    assert_eq!(server.connections(), 0);
    assert!(rig.endpoint.check().unwrap_err().to_string().contains("none.pem"));
    assert!(Rig::new().endpoint.check().is_ok());
}

/// A document of this server, fetched with these options.
fn fetched(server: &Server, options: UreqOptions) -> Answer {
    let web = UreqWeb::new(options, Workers::default(), HandClock::new());
    let seconds = Span::from_secs;
    let request = WebRequest::get(url(server), seconds(30), seconds(10), Reach::Anywhere);
    block_on(web.exchange(request)).answer
}

// rfc-test: 8414-6.1
#[test]
fn documents_come_from_whoever_has_the_certificate() {
    let identity = Identity::new(&["localhost"]);
    let server = || {
        identity.serve(|mut stream| {
            if !read_head(&mut stream).is_empty() {
                stream.write_all(ok("{}").as_bytes()).unwrap();
                close(stream);
            }
        })
    };
    match fetched(&server(), identity.trusted()) {
        Answer::Response(response) => assert_eq!(response.status, 200),
        Answer::Failed(failure) => panic!("{}", failure.message),
    }
    match fetched(&server(), UreqOptions::default()) {
        Answer::Response(_) => panic!("a certificate that nobody vouches for was taken"),
        Answer::Failed(failure) => assert_eq!(failure.kind, Kind::Tls, "{}", failure.message),
    }
}
