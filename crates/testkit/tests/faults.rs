//! Every fault, as a client sees it on a real socket.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use renewd_testkit::{
    AsConfig, AuthorizationServer, Fault, HttpAnswer, MintedGrant, RefreshStanding, Script, TokenVerdict,
    http_request,
};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn server() -> (AuthorizationServer, MintedGrant) {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let login = server.mint_grant();
    (server, login)
}

fn form(refresh_token: &str) -> String {
    format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={refresh_token}")
}

fn refresh(server: &AuthorizationServer, refresh_token: &str) -> io::Result<HttpAnswer> {
    http_request(server.addr(), "POST", "/token", &[FORM], form(refresh_token).as_bytes())
}

fn standing(server: &AuthorizationServer, refresh_token: &str) -> RefreshStanding {
    server.with_model(|model, now_ms| model.standing(now_ms, refresh_token))
}

/// Plays one fault on one request, and checks on which side of the rotation it struck.
fn play(fault: Fault) -> (io::Result<HttpAnswer>, AuthorizationServer, MintedGrant) {
    let (server, login) = server();
    server.push_fault(fault.clone());
    let answer = refresh(&server, &login.refresh_token);
    server.wait_for(|totals| totals.token_requests + totals.faults >= 1, DEADLINE).unwrap();
    let wanted = if fault.processes() { RefreshStanding::Superseded } else { RefreshStanding::Current };
    assert_eq!(standing(&server, &login.refresh_token), wanted, "{fault}");
    (answer, server, login)
}

fn answered(fault: Fault) -> HttpAnswer {
    let name = fault.to_string();
    let answer = play(fault).0.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(answer.complete, "{name}");
    answer
}

fn failed(fault: Fault) -> ErrorKind {
    let name = fault.to_string();
    match play(fault).0 {
        Err(error) => error.kind(),
        Ok(answer) => panic!("{name} was answered: {answer:?}"),
    }
}

#[test]
fn ok_answers_with_rotated_tokens_that_must_not_be_cached() {
    let answer = answered(Fault::Ok);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["expires_in"], 3600);
    assert!(answer.json()["refresh_token"].is_string());
}

#[test]
fn a_waf_block_is_a_403_with_an_html_page_and_no_oauth_code() {
    let answer = answered(Fault::WafBlock);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.text().starts_with("<!DOCTYPE html>") && !answer.text().contains("error"));
}

#[test]
fn statuses_come_with_retry_after_and_body_as_scripted() {
    let answer = answered(Fault::status(500));
    assert_eq!((answer.status, answer.header("retry-after"), answer.body.len()), (500, None, 0));
    let answer = answered(Fault::parse("429 retry-after=120").unwrap());
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("120")));
    let answer = answered(Fault::oauth_error(503, "temporarily_unavailable"));
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn refusals_can_be_played_without_being_meant() {
    let answer = answered(Fault::InvalidGrant);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
    let answer = answered(Fault::InvalidClient);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")));
}

#[test]
fn captive_portals_empty_answers_and_redirects_are_answers_without_tokens() {
    let answer = answered(Fault::Html200);
    assert_eq!((answer.status, answer.text().contains("<html>")), (200, true));
    let answer = answered(Fault::Empty200);
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let answer = answered(Fault::Redirect { location: "http://127.0.0.1:1/login".into() });
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://127.0.0.1:1/login")));
}

#[test]
fn tokens_arrive_under_a_wrong_content_type() {
    let answer = answered(Fault::WrongContentType);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.json()["access_token"].is_string());
}

#[test]
fn a_huge_body_has_its_tokens_after_the_padding() {
    let answer = answered(Fault::HugeBody { bytes: 3_000_000 });
    assert!(answer.body.len() > 3_000_000);
    assert!(answer.text().find("access_token") > Some(3_000_000));
    assert!(answer.json()["refresh_token"].is_string());
}

#[test]
fn gzip_comes_unasked_and_a_bomb_is_small_on_the_wire() {
    let unpack = |answer: &HttpAnswer| {
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        let deflated = &answer.body[10..answer.body.len() - 8];
        miniz_oxide::inflate::decompress_to_vec(deflated).unwrap()
    };
    let json: serde_json::Value = serde_json::from_slice(&unpack(&answered(Fault::Gzip))).unwrap();
    assert!(json["access_token"].is_string());
    let bomb = answered(Fault::GzipBomb);
    assert!(bomb.body.len() < 1_000_000);
    assert!(unpack(&bomb).len() > 64 * 1024 * 1024);
}

#[test]
fn a_truncated_body_announces_more_than_it_sends() {
    let (answer, ..) = play(Fault::TruncatedBody);
    let answer = answer.unwrap();
    let announced: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert!(!answer.complete && answer.body.len() == announced / 2);
}

#[test]
fn raw_bytes_come_as_they_are() {
    assert_eq!(failed(Fault::Raw(b"SSH-2.0-nope\r\n".to_vec())), ErrorKind::InvalidData);
}

#[test]
fn a_drop_closes_in_order_without_an_answer() {
    assert_eq!(failed(Fault::Drop), ErrorKind::UnexpectedEof);
    assert_eq!(failed(Fault::DropAfterRotate), ErrorKind::UnexpectedEof);
}

#[test]
fn resets_are_real_resets_on_either_side_of_the_rotation() {
    for fault in
        [Fault::ResetAfterRead, Fault::ResetAfterRotate, Fault::AfterRotate(Box::new(Fault::ResetAfterRead))]
    {
        assert_eq!(failed(fault.clone()), ErrorKind::ConnectionReset, "{fault}");
    }
    // Here the client may still be writing, and then sees the other name of the same thing.
    for fault in [Fault::ResetBeforeRead, Fault::ResetOnAccept] {
        let kind = failed(fault.clone());
        assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{fault}: {kind}");
    }
}

#[test]
fn any_answer_can_be_played_after_the_rotation() {
    let (answer, server, login) = play(Fault::parse("after-rotate 502").unwrap());
    assert_eq!(answer.unwrap().status, 502);
    let entry = server.log().remove(0);
    assert_eq!(
        (entry.fault.as_deref(), entry.verdict),
        (Some("after-rotate 502"), Some(TokenVerdict::Rotated))
    );
    assert_eq!(refresh(&server, &login.refresh_token).unwrap().status, 400, "P2: the replay is reuse");
    assert_eq!(server.totals().reuse_trips, 1);
}

#[test]
fn a_hang_never_answers_and_ends_when_the_client_leaves() {
    for (fault, standing_after) in [
        (Fault::Hang, RefreshStanding::Current),
        (Fault::AfterRotate(Box::new(Fault::Hang)), RefreshStanding::Superseded),
    ] {
        let (server, login) = server();
        server.push_fault(fault);
        let mut tcp = begin(&server, &form(&login.refresh_token));
        server.wait_for(|totals| totals.token_requests == 1, DEADLINE).unwrap();
        tcp.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let kind = tcp.read(&mut [0]).unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{kind}");
        assert_eq!(server.in_flight(), 1);
        assert_eq!(standing(&server, &login.refresh_token), standing_after);
        drop(tcp);
        server.wait_idle(DEADLINE).unwrap();
    }
}

#[test]
fn a_slow_drip_sends_the_whole_answer_byte_by_byte() {
    assert!(answered(Fault::SlowDrip { interval_ms: 1 }).json()["access_token"].is_string());
    let (server, login) = server();
    server.push_fault(Fault::SlowDrip { interval_ms: 3_600_000 });
    let mut tcp = begin(&server, &form(&login.refresh_token));
    let mut first = [0; 4096];
    assert_eq!(tcp.read(&mut first).unwrap(), 1, "the next byte is an hour away");
    assert_eq!((first[0], server.in_flight()), (b'H', 1));
}

#[test]
fn a_script_plays_queued_faults_before_the_standing_one() {
    let (server, login) = server();
    server.set_fault(Fault::status(500));
    server.next_faults(2, Fault::WafBlock);
    server.push_fault(Fault::status_retry_after(429, "1"));
    let statuses: Vec<u16> = (0..5).map(|_| refresh(&server, &login.refresh_token).unwrap().status).collect();
    assert_eq!(statuses, [403, 403, 429, 500, 500]);
    server.set_fault(Fault::Ok);
    assert_eq!(refresh(&server, &login.refresh_token).unwrap().status, 200);
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.unprocessed, totals.faults, totals.successes), (6, 5, 5, 1));
}

#[test]
fn a_script_takes_the_place_of_the_one_before_with_all_that_was_queued() {
    let (server, login) = server();
    server.next_faults(5, Fault::WafBlock);
    let mut script = Script::new(Fault::Ok);
    script.push(Fault::status(500));
    server.set_script(script);
    let statuses = [(); 2].map(|()| refresh(&server, &login.refresh_token).unwrap().status);
    assert_eq!(statuses, [500, 200]);
}

#[test]
fn a_request_that_breaks_off_spends_nothing() {
    let (server, login) = server();
    let body = form(&login.refresh_token);
    let mut tcp = TcpStream::connect(server.addr()).unwrap();
    let head = format!("POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    tcp.write_all(head.as_bytes()).unwrap();
    tcp.write_all(&body.as_bytes()[..10]).unwrap();
    drop(tcp);
    let totals = server.wait_for(|totals| totals.token_requests == 1, DEADLINE).unwrap();
    assert_eq!((totals.unprocessed, totals.successes), (1, 0));
    assert_eq!(standing(&server, &login.refresh_token), RefreshStanding::Current);
}

/// Sends a token request and leaves the answer to the caller.
fn begin(server: &AuthorizationServer, body: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(server.addr()).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        FORM.1,
        body.len()
    );
    tcp.write_all(head.as_bytes()).unwrap();
    tcp.write_all(body.as_bytes()).unwrap();
    tcp
}
