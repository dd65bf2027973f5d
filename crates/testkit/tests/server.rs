//! The authorization server's routes and controls on a real socket.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use renewd_testkit::{
    AccessCheck, AsClass, AsConfig, AuthorizationServer, Fault, HttpAnswer, TokenVerdict, http_request,
    read_answer,
};
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn start(config: AsConfig) -> AuthorizationServer {
    AuthorizationServer::start(config).unwrap()
}

fn refresh(server: &AuthorizationServer, refresh_token: &str) -> HttpAnswer {
    let body = format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={refresh_token}");
    http_request(server.addr(), "POST", "/token", &[FORM], body.as_bytes()).unwrap()
}

fn control(server: &AuthorizationServer, route: &str, body: &str) -> HttpAnswer {
    let method = if matches!(route, "totals" | "log") { "GET" } else { "POST" };
    http_request(server.addr(), method, &format!("/_control/{route}"), &[], body.as_bytes()).unwrap()
}

#[test]
fn metadata_names_the_endpoints_at_both_well_known_places() {
    let server = start(AsConfig::default());
    for place in ["oauth-authorization-server", "openid-configuration"] {
        let answer = http_request(server.addr(), "GET", &format!("/.well-known/{place}"), &[], b"").unwrap();
        assert_eq!(answer.json()["issuer"], server.issuer());
        assert_eq!(answer.json()["token_endpoint"], server.token_url());
        assert_eq!(answer.json()["revocation_endpoint"], server.revocation_url());
    }
}

#[test]
fn one_connection_serves_many_requests() {
    let server = start(AsConfig { class: AsClass::P0, ..AsConfig::default() });
    let login = server.mint_grant();
    let body =
        format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={}", login.refresh_token);
    let mut tcp = TcpStream::connect(server.addr()).unwrap();
    for _ in 0..3 {
        let head = format!("POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\n", FORM.1);
        write!(tcp, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let answer = read_answer(&mut tcp, false).unwrap();
        assert_eq!((answer.status, answer.complete), (200, true));
    }
    assert_eq!(server.totals().successes, 3);
}

#[test]
fn a_chunked_token_request_is_read() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    let form =
        format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={}", login.refresh_token);
    let (first, second) = form.split_at(20);
    let body = format!("{:x}\r\n{first}\r\n{:x};ext=1\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let headers = [FORM, ("Transfer-Encoding", "chunked")];
    let answer = http_request(server.addr(), "POST", "/token", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200);
}

#[test]
fn basic_client_authentication_works_over_the_wire() {
    let server = start(AsConfig { client_secret: Some("s3cret".into()), ..AsConfig::default() });
    let login = server.mint_grant();
    let body = format!("grant_type=refresh_token&refresh_token={}", login.refresh_token);
    let post = |basic: &str| {
        let headers = [FORM, ("Authorization", basic)];
        http_request(server.addr(), "POST", "/token", &headers, body.as_bytes()).unwrap()
    };
    let refused = post("Basic dGVzdGtpdC1jbGllbnQ6d3Jvbmc=");
    assert_eq!((refused.status, refused.header("www-authenticate").is_some()), (401, true));
    assert_eq!(post("Basic dGVzdGtpdC1jbGllbnQ6czNjcmV0").status, 200);
    assert!(server.log()[1].basic);
}

#[test]
fn what_is_not_a_form_is_an_invalid_request() {
    let server = start(AsConfig::default());
    let answer =
        http_request(server.addr(), "POST", "/token", &[("Content-Type", "application/json")], b"{}")
            .unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")));
    assert_eq!(server.log()[0].verdict, Some(TokenVerdict::Malformed));
    let answer = http_request(server.addr(), "GET", "/token", &[], b"").unwrap();
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(http_request(server.addr(), "GET", "/nope", &[], b"").unwrap().status, 404);
    assert_eq!(
        http_request(server.addr(), "POST", "/token", &[("Content-Length", "x")], b"").unwrap().status,
        400
    );
    assert_eq!(server.totals().token_requests, 1);
}

#[test]
fn the_revocation_endpoint_ends_the_grant() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    let body = format!("client_id=testkit-client&token={}", login.refresh_token);
    let answer = http_request(server.addr(), "POST", "/revoke", &[FORM], body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(refresh(&server, &login.refresh_token).json()["error"], "invalid_grant");
    assert_eq!(server.totals().families_revoked, 1);
}

#[test]
fn time_can_be_pushed_forward_until_a_token_expires() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    let check = |server: &AuthorizationServer| {
        server.with_model(|model, now_ms| model.check_access(now_ms, &login.access_token))
    };
    assert!(check(&server).is_valid());
    server.advance(Duration::from_secs(3_600));
    assert!(matches!(check(&server), AccessCheck::Expired(_)));
}

#[test]
fn held_requests_are_not_processed_before_they_are_released() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    server.hold();
    thread::scope(|scope| {
        let client = scope.spawn(|| refresh(&server, &login.refresh_token));
        server.wait_held(1, DEADLINE).unwrap();
        assert_eq!((server.totals().token_requests, server.in_flight()), (0, 1));
        server.release();
        assert_eq!(client.join().unwrap().status, 200);
    });
    assert_eq!((server.totals().successes, server.held(), server.max_in_flight()), (1, 0, 1));
}

#[test]
fn held_answers_are_rotated_already() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    server.hold_answers();
    thread::scope(|scope| {
        let client = scope.spawn(|| refresh(&server, &login.refresh_token));
        server.wait_held(1, DEADLINE).unwrap();
        assert_eq!(server.totals().rotations, 1);
        server.release();
        assert_eq!(client.join().unwrap().status, 200);
    });
}

#[test]
fn a_held_request_lands_although_its_client_has_gone() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    server.hold();
    let body =
        format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={}", login.refresh_token);
    let mut tcp = TcpStream::connect(server.addr()).unwrap();
    let head = format!("POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\n", FORM.1);
    write!(tcp, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    server.wait_held(1, DEADLINE).unwrap();
    drop(tcp);
    server.release();
    server.wait_for(|totals| totals.rotations == 1, DEADLINE).unwrap();
}

#[test]
fn concurrent_reuse_of_one_refresh_token_trips_exactly_as_the_class_says() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    server.hold();
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..3).map(|_| scope.spawn(|| refresh(&server, &login.refresh_token))).collect();
        server.wait_held(3, DEADLINE).unwrap();
        server.release();
        let mut statuses: Vec<u16> =
            clients.into_iter().map(|client| client.join().unwrap().status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400, 400]);
    });
    let totals = server.totals();
    assert_eq!((totals.reuse_trips, totals.families_revoked, server.max_in_flight()), (1, 1, 3));
}

#[test]
fn a_delayed_answer_still_comes() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    server.set_delay(Duration::from_millis(50));
    assert_eq!(refresh(&server, &login.refresh_token).status, 200);
}

#[test]
fn a_server_taken_down_refuses_connections_and_comes_back_with_its_grants() {
    let mut server = start(AsConfig::default());
    let login = server.mint_grant();
    let hanging = TcpStream::connect(server.addr()).unwrap();
    server.take_down();
    assert!(TcpStream::connect(server.addr()).is_err());
    drop(hanging);
    server.bring_up().unwrap();
    assert_eq!(refresh(&server, &login.refresh_token).status, 200);
}

#[test]
fn dropping_a_server_ends_held_hanging_and_dripping_requests_and_frees_the_port() {
    let server = start(AsConfig::default());
    let login = server.mint_grant();
    let addr = server.addr();
    server.push_fault(Fault::Hang);
    server.push_fault(Fault::SlowDrip { interval_ms: 3_600_000 });
    thread::scope(|scope| {
        for requests in 1..=2 {
            scope.spawn(|| {
                let body = format!("grant_type=refresh_token&refresh_token={}", login.refresh_token);
                http_request(addr, "POST", "/token", &[FORM], body.as_bytes()).unwrap_err();
            });
            server.wait_for(|totals| totals.token_requests == requests, DEADLINE).unwrap();
        }
        server.hold();
        let held = scope.spawn(|| http_request(addr, "POST", "/token", &[FORM], b"a=b").unwrap_err());
        server.wait_held(1, DEADLINE).unwrap();
        drop(server);
        held.join().unwrap();
    });
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_wait_that_fails_shows_the_counts() {
    let server = start(AsConfig::default());
    let error = server.wait_for(|totals| totals.successes > 0, Duration::from_millis(1)).unwrap_err();
    assert!(error.to_string().contains("successes: 0"), "{error}");
    assert!(server.wait_held(1, Duration::from_millis(1)).is_err());
}

#[test]
fn other_processes_can_script_the_server_over_http() {
    let server = start(AsConfig::default());
    let login = control(&server, "mint", "").json();
    let refresh_token = login["refresh_token"].as_str().unwrap();
    assert_eq!(control(&server, "next", "1 waf-block").status, 200);
    assert_eq!(refresh(&server, refresh_token).status, 403);
    assert_eq!(control(&server, "fault", "503 retry-after=2").status, 200);
    assert_eq!(refresh(&server, refresh_token).header("retry-after"), Some("2"));
    assert_eq!(control(&server, "fault", "ok").status, 200);
    assert_eq!(refresh(&server, refresh_token).status, 200);
    assert_eq!(control(&server, "revoke", "").json()["revoked"], true);
    assert_eq!(control(&server, "advance", "1000").status, 200);
    let totals = control(&server, "totals", "").json();
    assert_eq!((totals["token_requests"].as_u64(), totals["revocations"].as_u64()), (Some(3), Some(1)));
    let log = control(&server, "log", "");
    assert_eq!(log.json()[2]["verdict"], "rotated");
    assert_eq!(log.json()[0]["fault"], "waf-block");
    assert!(!log.text().contains(refresh_token));
    assert!(server.now_ms() >= 1000);
}

#[test]
fn wrong_controls_are_told_what_is_known() {
    let server = start(AsConfig::default());
    for (route, body, status, hint) in [
        ("fault", "wafblock", 400, "waf-block"),
        ("next", "hang", 400, "N FAULT"),
        ("next", "70000 hang", 400, "65535"),
        ("advance", "soon", 400, "milliseconds"),
        ("nothing", "", 404, "GET totals"),
    ] {
        let answer = control(&server, route, body);
        assert_eq!(answer.status, status, "{route}");
        assert!(answer.text().contains(hint), "{route}: {}", answer.text());
    }
}
