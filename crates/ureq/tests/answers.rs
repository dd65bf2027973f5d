//! Complete answers come back as they came.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write;

use renewd_core::{FailureKind, Secret, Sent};
use support::{
    REFRESH_TOKEN, Rig, Server, assert_failed, failure, header, ok, read_request, report, request, reset,
    response, take, wait_for_end,
};

const LIMIT_BYTES: usize = 64 * 1024;

// rfc-test: 6749-3.2 6749-3.2-3
#[test]
fn the_request_is_one_plain_post() {
    let (tell, told) = report();
    let server = Server::start(move |mut stream| {
        tell(read_request(&mut stream));
        let _gone = stream.write_all(ok("{}").as_bytes());
    });
    let rig = Rig::new();
    rig.answer(&format!("{}?tenant=1", server.url()));
    let sent = take(&told);
    assert!(sent.starts_with("POST /token?tenant=1 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.ends_with(&format!("\r\n\r\ngrant_type=refresh_token&refresh_token={REFRESH_TOKEN}")));
    assert_eq!(header(&sent, "host"), Some(server.address.to_string().as_str()));
    assert_eq!(header(&sent, "content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(header(&sent, "authorization"), Some("Basic client-canary"));
    assert_eq!(header(&sent, "connection"), Some("close"));
    assert!(header(&sent, "user-agent").is_some_and(|v| v.starts_with("renewd/")));
    for unasked in ["accept", "accept-encoding", "transfer-encoding", "expect"] {
        assert_eq!(header(&sent, unasked), None, "{unasked}");
    }
}

#[test]
fn an_answer_comes_with_status_headers_and_body() {
    let server = Server::replying(ok(r#"{"access_token":"at"}"#));
    let answer = Rig::new().answer(&server.url());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert!(answer.body.same_as(br#"{"access_token":"at"}"#));
    assert!(!answer.truncated);
}

#[test]
fn an_error_status_is_an_answer_like_any_other() {
    for status in
        ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "429 Too Many", "500 Oops", "503 Busy"]
    {
        let html = "<!DOCTYPE html>";
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{html}", html.len());
        let answer = Rig::new().answer(&Server::replying(text).url());
        assert_eq!(Some(answer.status.to_string().as_str()), status.split(' ').next());
        assert!(answer.body.same_as(html.as_bytes()));
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::replying(ok("{}"));
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.url();
        let text =
            format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let answer = Rig::new().answer(&Server::replying(text).url());
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("location"), Some(location.as_str()));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn what_is_gzip_stays_gzip() {
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3];
    let mut text = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 13\r\n\r\n".to_vec();
    text.extend(packed);
    let answer = Rig::new().answer(&Server::replying(text).url());
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.same_as(&packed));
}

#[test]
fn a_chunked_body_is_put_together() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n5\r\n-done\r\n0\r\n\r\n";
    assert!(Rig::new().answer(&Server::replying(text).url()).body.same_as(b"half-done"));
}

#[test]
fn a_body_may_end_with_the_connection() {
    let answer = Rig::new().answer(&Server::replying("HTTP/1.0 200 OK\r\n\r\nall of it").url());
    assert!(answer.body.same_as(b"all of it"));
}

#[test]
fn a_body_that_should_end_with_the_connection_does_not_end_with_a_reset() {
    let (tell, told) = report();
    let server = Server::start(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhalf of it").unwrap();
        tell(());
        reset(stream);
    });
    let failed = failure(Rig::new().send(request(&server.url())));
    take(&told);
    assert_failed(&failed, FailureKind::Reset, Sent::Bytes);
}

#[test]
fn an_answer_without_a_body_is_complete() {
    let answer = Rig::new().answer(&Server::replying("HTTP/1.1 204 No Content\r\n\r\n").url());
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    let text = format!("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{}", ok("{}"));
    assert_eq!(Rig::new().answer(&Server::replying(text).url()).status, 200);
}

#[test]
fn a_body_is_cut_after_64_kib() {
    for (length, kept, truncated) in [
        (LIMIT_BYTES, LIMIT_BYTES, false),
        (LIMIT_BYTES + 1, LIMIT_BYTES, true),
        (10 * LIMIT_BYTES, LIMIT_BYTES, true),
    ] {
        let answer = Rig::new().answer(&Server::replying(ok(&"x".repeat(length))).url());
        assert_eq!((answer.body.len(), answer.truncated), (kept, truncated), "{length}");
    }
}

#[test]
fn a_body_without_end_is_cut_after_64_kib() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let answer = Rig::new().answer(&server.url());
    assert_eq!((answer.body.len(), answer.truncated), (LIMIT_BYTES, true));
}

#[test]
fn the_connection_is_closed_after_an_answer_that_would_keep_it() {
    let (tell, told) = report();
    let server = Server::start(move |mut stream| {
        read_request(&mut stream);
        let _gone =
            stream.write_all(ok("{}").replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n").as_bytes());
        wait_for_end(&mut stream);
        tell("gone");
    });
    let rig = Rig::new();
    for attempt in 1..=2 {
        rig.answer(&server.url());
        assert_eq!(take(&told), "gone");
        assert_eq!(server.connections(), attempt, "each request has a connection of its own");
    }
}

#[test]
fn a_request_with_an_empty_body_says_so() {
    let (tell, told) = report();
    let server = Server::start(move |mut stream| {
        tell(read_request(&mut stream));
        let _gone = stream.write_all(ok("{}").as_bytes());
    });
    let mut empty = request(&server.url());
    empty.body = Secret::new(Vec::new());
    assert_eq!(response(Rig::new().send(empty)).status, 200);
    assert_eq!(header(&take(&told), "content-length"), Some("0"));
}

#[test]
fn a_large_request_arrives_whole() {
    let (tell, told) = report();
    let server = Server::start(move |mut stream| {
        tell(read_request(&mut stream).len());
        let _gone = stream.write_all(ok("{}").as_bytes());
    });
    let mut large = request(&server.url());
    large.body = Secret::from_string("x".repeat(300_000));
    assert_eq!(response(Rig::new().send(large)).status, 200);
    assert!(take(&told) > 300_000);
}
