//! The protected API on a real socket.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use renewd_testkit::{
    AccessCheck, AsConfig, AuthorizationServer, HttpAnswer, MintedGrant, ProtectedApi, checksum,
    http_request, read_answer,
};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

struct World {
    server: AuthorizationServer,
    api: ProtectedApi,
    login: MintedGrant,
}

fn world() -> World {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let login = server.mint_grant();
    World { server, api, login }
}

impl World {
    fn call(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpAnswer {
        let bearer = format!("Bearer {}", self.login.access_token);
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        http_request(self.api.addr(), method, target, &all, body).unwrap()
    }
}

#[test]
fn without_a_valid_token_every_route_answers_401_with_a_challenge() {
    let world = world();
    let answer = http_request(world.api.addr(), "GET", "/sse", &[], b"").unwrap();
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"testkit\"")));
    let headers = [("Authorization", "Bearer at_wrong")];
    let answer = http_request(world.api.addr(), "POST", "/echo", &headers, &[b'x'; 100_000]).unwrap();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"testkit\", error=\"invalid_token\""));
    let log = world.api.log();
    assert_eq!((log[0].token, log[1].token), (None, Some(AccessCheck::Unknown)));
    assert_eq!((log[1].body_bytes, log[1].status), (100_000, 401));
    assert_eq!(world.api.totals().unauthorized, 2);
}

#[test]
fn a_request_is_shown_with_everything_but_its_token() {
    let world = world();
    let answer = world.call("PATCH", "/any/path?q=1", &[("X-Mark", "m")], b"hello");
    let json = answer.json();
    assert_eq!((json["method"].as_str(), json["target"].as_str()), (Some("PATCH"), Some("/any/path?q=1")));
    assert_eq!((json["body"].as_str(), json["body_bytes"].as_u64()), (Some("hello"), Some(5)));
    assert_eq!(json["checksum"], format!("{:016x}", checksum(b"hello")));
    assert_eq!(json["token"]["ordinal"], 1);
    assert!(answer.text().contains("[\"X-Mark\",\"m\"]"));
    assert!(!answer.text().contains(&world.login.access_token));
    assert!(!format!("{:?}{:?}", world.api, world.api.log()).contains(&world.login.access_token));
}

#[test]
fn a_body_of_many_mebibytes_is_echoed_whole() {
    let world = world();
    let body: Vec<u8> = (0..8 * 1024 * 1024u32).map(|at| (at % 251) as u8).collect();
    let answer = world.call("POST", "/echo", &[("Content-Type", "application/x-test")], &body);
    assert!(answer.body == body);
    assert_eq!(answer.header("content-type"), Some("application/x-test"));
    let entry = world.api.log().remove(0);
    assert_eq!((entry.body_bytes, entry.checksum), (body.len() as u64, checksum(&body)));
}

#[test]
fn a_chunked_body_with_trailers_is_read() {
    let world = world();
    let body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n";
    let answer = world.call("POST", "/show", &[("Transfer-Encoding", "chunked")], body);
    assert_eq!(answer.json()["body"], "hello world");
    assert_eq!(answer.json()["trailers"], serde_json::json!([["X-Sum", "1"]]));
    let answer = world.call("POST", "/echo", &[("Transfer-Encoding", "chunked")], body);
    assert_eq!(answer.text(), "hello world");
}

#[test]
fn a_streamed_echo_comes_back_while_the_body_is_still_being_sent() {
    let world = world();
    let mut tcp = TcpStream::connect(world.api.addr()).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let head =
        "POST /echo/stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n";
    write!(tcp, "{head}Authorization: Bearer {}\r\n\r\n4\r\nping\r\n", world.login.access_token).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"4\r\nping\r\n") {
        let mut piece = [0; 512];
        let read = tcp.read(&mut piece).unwrap();
        assert!(read > 0, "closed early: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..read]);
    }
    assert!(seen.starts_with(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    tcp.write_all(b"4\r\npong\r\n0\r\n\r\n").unwrap();
    let answer = read_answer(&mut seen.as_slice().chain(&mut tcp), false).unwrap();
    assert_eq!((answer.text().as_str(), answer.complete), ("pingpong", true));
    assert_eq!(world.api.log()[0].checksum, checksum(b"pingpong"));
}

#[test]
fn server_sent_events_stream_one_by_one() {
    let world = world();
    let answer = world.call("GET", "/sse?n=3&interval_ms=5", &[], b"");
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    assert_eq!(world.api.totals().events, 3);
}

#[test]
fn an_endless_event_stream_ends_with_the_server() {
    let World { server, api, login } = world();
    let mut tcp = TcpStream::connect(api.addr()).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = "GET /sse?n=1000000&interval_ms=3600000 HTTP/1.1\r\nHost: x\r\n";
    write!(tcp, "{head}Authorization: Bearer {}\r\n\r\n", login.access_token).unwrap();
    api.wait_for(|totals| totals.events == 1, DEADLINE).unwrap();
    drop(api);
    assert!(!read_answer(&mut tcp, false).unwrap().complete);
    drop(server);
}

#[test]
fn statuses_heads_trailers_and_sizes_come_as_asked() {
    let world = world();
    let answer = world.call("GET", "/status/204", &[], b"");
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (204, None, 0));
    assert_eq!(world.call("DELETE", "/status/418", &[], b"").status, 418);
    let answer = world.call("HEAD", "/large?bytes=1000", &[], b"");
    assert_eq!((answer.header("content-length"), answer.body.len()), (Some("1000"), 0));
    assert_eq!(world.call("GET", "/large?bytes=1000", &[], b"").body.len(), 1000);
    let answer = world.call("POST", "/trailers", &[], b"abc");
    assert_eq!((answer.text().as_str(), answer.complete), ("body", true));
    let sum = format!("{:016x}", checksum(b"abc"));
    assert_eq!(answer.trailers, [("X-Checksum".to_owned(), sum), ("X-Length".to_owned(), "3".to_owned())]);
    assert_eq!(world.call("GET", "/slow?ms=10", &[], b"").status, 200);
}

#[test]
fn one_connection_serves_many_calls() {
    let world = world();
    let mut tcp = TcpStream::connect(world.api.addr()).unwrap();
    for call in 0..3 {
        let body = format!("call {call}");
        let head = format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n", body.len());
        write!(tcp, "{head}Authorization: Bearer {}\r\n\r\n{body}", world.login.access_token).unwrap();
        assert_eq!(read_answer(&mut tcp, false).unwrap().text(), body);
    }
}

#[test]
fn revoking_the_current_token_turns_200_into_401() {
    let world = world();
    assert_eq!(world.call("GET", "/", &[], b"").status, 200);
    assert_eq!(world.api.revoke_current().map(|token| token.ordinal), Some(1));
    assert_eq!(world.call("GET", "/", &[], b"").status, 401);
    assert_eq!(world.api.totals().revoked_tokens, 1);
}

#[test]
fn an_expired_token_is_refused_and_counted() {
    let world = world();
    world.server.advance(Duration::from_secs(3_600));
    assert_eq!(world.call("GET", "/", &[], b"").status, 401);
    assert_eq!(world.api.totals().expired_tokens, 1);
}

#[test]
fn valid_tokens_can_be_refused_for_a_while_or_always() {
    let world = world();
    world.api.answer_401_next(1);
    let statuses = [(); 2].map(|()| world.call("GET", "/", &[], b"").status);
    assert_eq!(statuses, [401, 200]);
    world.api.answer_401_always(true);
    let statuses = [(); 2].map(|()| world.call("GET", "/", &[], b"").status);
    assert_eq!(statuses, [401, 401]);
    world.api.answer_401_always(false);
    assert_eq!(world.call("GET", "/", &[], b"").status, 200);
    let totals = world.api.wait_for(|totals| totals.finished == 5, DEADLINE).unwrap();
    assert_eq!((totals.requests, totals.authorized, totals.unauthorized), (5, 2, 3));
}

#[test]
fn a_wait_that_fails_shows_the_counts() {
    let world = world();
    let error = world.api.wait_for(|totals| totals.requests > 0, Duration::from_millis(1)).unwrap_err();
    assert!(error.to_string().contains("requests: 0"), "{error}");
}
