//! A resource server refuses a token: change A's second half, with a body worth losing.

#![cfg(unix)]

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ProtectedApi, checksum};
use renewd_e2e::{Agent, Home, PATIENCE};

/// As much as the proxy keeps for a replay where nothing else is configured.
const MIB: usize = 1 << 20;

/// A body that a repeated, reordered or shortened piece would change.
fn body(bytes: usize) -> Vec<u8> {
    (0..bytes as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn start() -> (AuthorizationServer, ProtectedApi, Home, Agent) {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let home = Home::with(&format!(
        "[agent]\nstatus = \"127.0.0.1:0\"\n\
         [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        api.url()
    ));
    home.import("work", &server);
    let agent = Agent::start(&home);
    assert_eq!(agent.proxy().get("/warm-up").status, 200);
    (server, api, home, agent)
}

#[test]
fn a_post_of_one_mebibyte_is_replayed_once_with_the_same_body() {
    let (server, api, _home, agent) = start();
    let body = body(MIB);
    api.revoke_current();

    let answer = agent.proxy().request("POST", "/echo", &[], &body).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.complete && answer.body == body, "{} bytes came back", answer.body.len());

    let log = api.log();
    let sent: Vec<_> = log.iter().filter(|entry| entry.target == "/echo").collect();
    let seen: Vec<_> = sent.iter().map(|e| (e.status, e.body_bytes, e.checksum)).collect();
    let sum = checksum(&body);
    assert_eq!(
        seen,
        [(401, MIB as u64, sum), (200, MIB as u64, sum)],
        "refused, then accepted, byte for byte"
    );
    assert_eq!(server.totals().token_requests, 2, "the first token, and one more for the 401");
    let metrics = agent.status_address().get("/metrics").text();
    assert!(metrics.lines().any(|line| line == "renewd_replays_total 1"), "{metrics}");
    let seen = agent.credential("work");
    assert_eq!((&seen["rejections"], &seen["generation"]), (&1.into(), &2.into()));
    agent.wait_said("(rejected)");
}

#[test]
fn a_body_over_the_limit_is_not_replayed_and_the_token_is_renewed_all_the_same() {
    let (server, api, _home, agent) = start();
    api.revoke_current();

    let answer = agent.proxy().request("POST", "/echo", &[], &body(MIB + 1)).unwrap();
    assert_eq!(answer.status, 401, "the API's own answer comes through");
    assert!(answer.header("www-authenticate").is_some());
    server.wait_for(|totals| totals.token_requests == 2, PATIENCE).unwrap();
    agent.wait_credential("work", "the new token", |seen| seen["generation"] == 2);
    assert_eq!(agent.proxy().get("/after").status, 200);
    let sent = api.log().iter().filter(|entry| entry.target == "/echo").count();
    assert_eq!(sent, 1, "it was sent once");
    assert_eq!(server.totals().token_requests, 2);
}

#[test]
fn an_api_that_refuses_every_token_costs_one_refresh_and_no_loop() {
    let (server, api, _home, agent) = start();
    api.answer_401_always(true);
    let proxy = agent.proxy();
    for _ in 0..20 {
        assert_eq!(proxy.get("/refused").status, 401);
    }
    assert_eq!(server.totals().token_requests, 2, "the token minted for the first 401 is refused as well");
    let seen = agent.wait_credential("work", "the passed rejection", |seen| seen["health"] == "degraded");
    assert_eq!(seen["status"], "running");
    agent.wait_said("passed through");

    api.answer_401_always(false);
    assert_eq!(proxy.get("/after").status, 200);
}
