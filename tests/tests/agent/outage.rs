//! The authorization server fails: what callers, operators and the store see of it, and how it ends.
//!
//! The cases of change B: a firewall answers the token request with HTML after a VPN dropped, for longer than the
//! short retry. Nothing is lost, nobody waits in vain, and everything that is said about the next attempt is true.

#![cfg(unix)]

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, HttpAnswer, ProtectedApi};
use renewd_e2e::{Agent, Door, Home, PATIENCE, QUICK_RETRY, unix_seconds, unix_seconds_of, wait_for};
use serde_json::Value;

/// A server whose tokens live for seconds.
fn short_lived(seconds: u64) -> AuthorizationServer {
    AuthorizationServer::start(AsConfig { lifetime_ms: seconds * 1000, ..AsConfig::default() })
        .expect("a server can be started")
}

/// A home with a proxy to that API for the credential `work`, which counts for readiness, and a status address.
fn home(api: &ProtectedApi, auth_retrying: &str) -> Home {
    // A caller that waited for a token would wait for longer than the test's own patience.
    Home::with(&format!(
        "{QUICK_RETRY}\n[auth_retrying]\n{auth_retrying}\n[agent]\nstatus = \"127.0.0.1:0\"\n\
         [credential.work]\nrequired = true\n\
         [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\ndemand_timeout = \"1h\"\n",
        api.url()
    ))
}

/// Waits until attempts go on at the long cadence and the last token is over.
fn wait_outage(agent: &Agent) -> Value {
    agent.wait_credential("work", "auth_retrying without a valid token, between two attempts", |seen| {
        seen["status"] == "auth_retrying"
            && seen["token_valid"] == false
            && seen["next_attempt_at"].is_string()
    })
}

/// A request that fails fast, with a time for the next attempt (there is none while one is under way).
fn problem(proxy: &Door) -> (HttpAnswer, f64, f64) {
    wait_for("a 503 that names the next attempt", || {
        let before = unix_seconds();
        let answer = proxy.get("/anything");
        let after = unix_seconds();
        assert_eq!(answer.status, 503, "{}", answer.text());
        answer.json()["next_attempt_at"].is_string().then_some((answer, before, after))
    })
}

fn metric(text: &str, line: &str) -> bool {
    text.lines().any(|l| l == line)
}

#[test]
fn a_vpn_drop_is_seen_told_and_survived() {
    let server = short_lived(3);
    let api = ProtectedApi::start(&server).unwrap();
    let home = home(&api, "interval = \"2s\"\nceiling = \"1h\"");
    home.import("work", &server);
    let agent = Agent::start(&home);
    let proxy = agent.proxy();
    assert_eq!(proxy.get("/before").status, 200);

    server.set_fault(Fault::WafBlock);
    let seen = wait_outage(&agent);
    assert_eq!((&seen["health"], &seen["cause"]), (&"degraded".into(), &"outage".into()));
    assert_eq!(seen["last_attempt"]["http_status"], 403);
    assert_eq!(seen["last_attempt"]["content_type"], "text/html");
    assert!(seen["auth_retrying_since"].is_string() && seen["ceiling_at"].is_string(), "{seen}");
    assert_eq!(
        (&seen["advice"], &seen["login_command"]),
        (&Value::Null, &Value::Null),
        "an outage is no login matter"
    );
    let said = agent.wait_said("work: auth_retrying since");
    assert!(
        said.starts_with("! ") && said.contains("next attempt") && said.contains("HTTP 403 text/html"),
        "{said}"
    );

    let reached = api.totals().requests;
    let (answer, before, after) = problem(&proxy);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!(body["type"], "urn:renewd:auth-retrying");
    assert_eq!((&body["status"], &body["credential"]), (&503.into(), &"work".into()));
    assert_eq!((&body["cause"], &body["login_command"]), (&"outage".into(), &Value::Null));
    // Truthful: the answer was made between `before` and `after`, and both say the same moment, to the second.
    let wait: f64 = answer.header("retry-after").unwrap().parse().unwrap();
    let next = unix_seconds_of(body["next_attempt_at"].as_str().unwrap());
    assert!(
        wait >= 1.0 && before - 1.1 <= next - wait && next - wait <= after + 1.1,
        "{before} {after} {next} {wait}"
    );
    assert_eq!(api.totals().requests, reached, "nothing went upstream without a token");

    let status = agent.status_address();
    assert_eq!(status.get("/healthz").status, 200);
    let ready = status.get("/readyz");
    assert_eq!((ready.status, &ready.json()["health"]), (200, &"degraded".into()));
    let metrics = status.get("/metrics").text();
    assert!(metric(&metrics, r#"renewd_status{credential="work",status="auth_retrying"} 1"#), "{metrics}");
    assert!(metric(&metrics, r#"renewd_status{credential="work",status="running"} 0"#), "{metrics}");
    assert!(
        metric(&metrics, r#"renewd_refresh_total{credential="work",verdict="success"} "#.trim_end()) || {
            metrics.contains(r#"renewd_refresh_total{credential="work",verdict="transient"}"#)
        }
    );
    assert_eq!(home.run(["status", "--check"]).failed(4).stdout, "");
    let refused = home.run(["token", "work", "--format", "json"]).failed(4).json();
    assert_eq!((&refused["error"]["code"], &refused["error"]["exit"]), (&"auth_retrying".into(), &4.into()));

    server.set_fault(Fault::Ok);
    let seen = agent.wait_status("work", "running");
    assert_eq!((&seen["health"], &seen["auth_retrying_since"]), (&"healthy".into(), &Value::Null));
    agent.wait_said("✓ work: recovered after");
    assert_eq!(proxy.get("/after").status, 200);
    home.run(["status", "--check"]).succeeded();
    let history = home.run(["history", "work", "--events"]).succeeded().stdout;
    assert!(
        history.contains("running → auth_retrying (outage)") && history.contains("recovered"),
        "{history}"
    );
    let totals = server.totals();
    assert_eq!((totals.reuse_trips, totals.invalid_grants, server.max_in_flight()), (0, 0, 1), "{totals:?}");
    agent.stop().succeeded();
}

#[test]
fn callers_fail_fast_in_an_outage_and_cost_no_attempt() {
    let server = short_lived(2);
    let api = ProtectedApi::start(&server).unwrap();
    let home = home(&api, "interval = \"6h\"\nceiling = \"24h\"");
    home.import("work", &server);
    let agent = Agent::start(&home);
    let proxy = agent.proxy();
    assert_eq!(proxy.get("/before").status, 200);
    server.set_fault(Fault::WafBlock);
    wait_outage(&agent);

    let attempts = server.totals().token_requests;
    for _ in 0..50 {
        // It comes at all only because nobody waits: the next attempt is in six hours.
        let (answer, ..) = problem(&proxy);
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=6 * 3600).contains(&wait), "{wait}");
    }
    let said = home.run(["token", "work"]).failed(4).stderr;
    assert!(said.contains("auth_retrying (outage)") && said.contains("next attempt"), "{said}");
    assert_eq!(server.totals().token_requests, attempts, "callers make no attempts of their own");

    // A person need not wait for the next attempt.
    server.set_fault(Fault::Ok);
    home.run(["refresh", "work"]).succeeded();
    agent.wait_status("work", "running");
    assert_eq!(proxy.get("/after").status, 200);
    assert_eq!(server.totals().token_requests, attempts + 1);
}

#[test]
fn past_the_ceiling_a_login_is_asked_for_and_nothing_is_sent_until_a_person_tries() {
    let (server, witness) = (short_lived(2), short_lived(2));
    let api = ProtectedApi::start(&server).unwrap();
    let home = home(&api, "interval = \"200ms\"\nceiling = \"1s\"");
    let own_ceiling = "[credential.witness.auth_retrying]\nceiling = \"1h\"\n";
    home.configure(&(std::fs::read_to_string(home.configuration()).unwrap() + own_ceiling));
    home.import("work", &server);
    home.import("witness", &witness);
    let agent = Agent::start(&home);
    let proxy = agent.proxy();
    assert_eq!(proxy.get("/before").status, 200);
    server.set_fault(Fault::WafBlock);
    witness.set_fault(Fault::WafBlock);

    let seen = agent.wait_status("work", "unauthenticated");
    assert_eq!((&seen["cause"], &seen["health"]), (&"ceiling".into(), &"unhealthy".into()));
    assert_eq!(seen["advice"], Value::Null, "a ceiling is no sign of a stale client");
    assert!(seen["login_command"].as_str().unwrap().contains("work"), "{seen}");
    agent.wait_said("✗ work: login needed (ceiling)");
    agent.wait_credential("work", "no token left", |seen| seen["token_valid"] == false);

    let answer = proxy.get("/x");
    assert_eq!((answer.status, answer.header("retry-after")), (503, None), "there is no time to wait for");
    assert_eq!(answer.json()["type"], "urn:renewd:login-required");
    assert_eq!(answer.json()["login_command"], seen["login_command"]);
    assert_eq!(agent.status_address().get("/readyz").status, 503);
    home.run(["token", "work"]).failed(3);
    assert_eq!(home.run(["status", "--check"]).failed(3).stdout, "");

    // Another credential with the same interval shows how much time has passed.
    let (attempts, beats) = (server.totals().token_requests, witness.totals().token_requests);
    witness.wait_for(|totals| totals.token_requests >= beats + 10, PATIENCE).unwrap();
    assert_eq!(server.totals().token_requests, attempts, "nothing is sent by itself");

    server.set_fault(Fault::Ok);
    home.run(["refresh", "work"]).succeeded();
    assert_eq!(server.totals().token_requests, attempts + 1);
    agent.wait_status("work", "running");
    assert_eq!(proxy.get("/after").status, 200);
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn a_restart_in_auth_retrying_changes_no_status_and_makes_no_attempt() {
    let server = short_lived(2);
    let api = ProtectedApi::start(&server).unwrap();
    let home = home(&api, "interval = \"6h\"\nceiling = \"24h\"");
    home.import("work", &server);
    let agent = Agent::start(&home);
    assert_eq!(agent.proxy().get("/before").status, 200);
    server.set_fault(Fault::WafBlock);
    let before = wait_outage(&agent);
    let attempts = server.totals().token_requests;
    agent.stop().succeeded();

    // Without an agent the record says the same.
    let alone = home.status("work");
    assert_eq!((&alone["status"], &alone["cause"]), (&"auth_retrying".into(), &"outage".into()));
    home.run(["token", "work"]).failed(4);

    for _ in 0..3 {
        let agent = Agent::start(&home);
        let seen = agent.credential("work");
        assert_eq!((&seen["status"], &seen["cause"]), (&"auth_retrying".into(), &"outage".into()), "{seen}");
        assert_eq!(seen["auth_retrying_since"], before["auth_retrying_since"]);
        problem(&agent.proxy());
        agent.stop().succeeded();
    }
    assert_eq!(server.totals().token_requests, attempts, "a restart is no reason to try");
}

#[test]
fn a_refused_grant_is_given_up_at_once_and_a_new_login_is_taken_up() {
    let server = short_lived(3600);
    let api = ProtectedApi::start(&server).unwrap();
    let home = home(&api, "interval = \"200ms\"\nceiling = \"1h\"");
    let grant = home.import("work", &server);
    let agent = Agent::start(&home);
    let proxy = agent.proxy();
    assert_eq!(proxy.get("/before").status, 200);

    server.revoke_family(grant.grant);
    // The API refuses the token; renewing it shows that the whole login is gone.
    let answer = proxy.get("/revoked");
    assert_eq!((answer.status, &answer.json()["type"]), (503, &"urn:renewd:login-required".into()));
    let seen = agent.wait_status("work", "unauthenticated");
    assert_eq!(seen["cause"], "grant_refused");
    assert_eq!(seen["last_attempt"]["oauth_error"], "invalid_grant");
    agent.wait_said("✗ work: login needed (grant_refused): ");
    assert_eq!(server.totals().invalid_grants, 1, "once is enough to know");
    home.run(["token", "work"]).failed(3);

    home.import_with("work", &server, &["--replace"]);
    let seen = agent.wait_status("work", "running");
    assert_eq!(seen["epoch"], 2);
    let answer = wait_for("the proxy to serve the new login", || {
        Some(proxy.get("/after")).filter(|answer| answer.status == 200)
    });
    assert_eq!(answer.json()["token"]["grant"], 2);
    assert_eq!(server.totals().invalid_grants, 1);
}

#[test]
fn a_refused_client_keeps_the_login_and_heals_by_itself() {
    let server = short_lived(2);
    let api = ProtectedApi::start(&server).unwrap();
    let home = home(&api, "interval = \"300ms\"\nceiling = \"600ms\"");
    home.import("work", &server);
    let agent = Agent::start(&home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);

    server.refuse_client(true);
    let seen = agent.wait_status("work", "auth_retrying");
    assert_eq!((&seen["cause"], &seen["health"]), (&"client_refused".into(), &"unhealthy".into()));
    assert!(seen["advice"].as_str().unwrap().contains("testkit-client"), "{seen}");
    assert_eq!(agent.status_address().get("/readyz").status, 503);

    // Longer than the ceiling, which does not apply.
    server.wait_for(|totals| totals.invalid_clients >= 6, PATIENCE).unwrap();
    assert_eq!(agent.credential("work")["status"], "auth_retrying");
    let hints = agent.said().lines().filter(|line| line.contains("testkit-client")).count();
    assert_eq!(hints, 1, "the hint comes once:\n{}", agent.said());

    server.refuse_client(false);
    agent.wait_status("work", "running");
    assert_eq!(agent.status_address().get("/readyz").status, 200);
    assert_eq!(agent.proxy().get("/after").status, 200);
}
