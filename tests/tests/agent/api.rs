//! What the agent answers: on its socket everything, on the status address what is no secret.

#![cfg(unix)]

use std::io::{Read as _, Write as _};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, HttpAnswer};
use renewd_e2e::{Agent, Door, Home, PATIENCE, QUICK_RETRY, wait_for};
use serde_json::{Value, json};

struct World {
    server: AuthorizationServer,
    home: Home,
    agent: Agent,
}

/// An agent with a valid token of generation 1 for `work`.
fn world(configuration: &str) -> World {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = Home::with(&format!("{QUICK_RETRY}{configuration}"));
    home.import("work", &server);
    let agent = Agent::start(&home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    World { server, home, agent }
}

const LOCAL_STATUS: &str = "[agent]\nstatus = \"127.0.0.1:0\"\n";

#[track_caller]
fn ok(answer: &HttpAnswer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let value = answer.json();
    assert_eq!(value["schema"], 1, "{value}");
    value
}

#[test]
fn credentials_are_the_objects_of_status() {
    let world = world("");
    let socket = world.agent.socket();
    let all = ok(&socket.get("/v1/credentials"));
    assert_eq!((&all["health"], all["credentials"].as_array().map(Vec::len)), (&"healthy".into(), Some(1)));
    let one = ok(&socket.get("/v1/credentials/work"));
    let told = world.home.status("work");
    for (key, value) in told.as_object().unwrap() {
        assert_eq!((&one[key], &all["credentials"][0][key]), (value, value), "{key}");
    }
    let refused = socket.get("/v1/credentials/nobody");
    assert_eq!(refused.status, 404);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("nobody"), "{}", refused.text());
    assert_eq!(socket.get("/v1/credentials/%00").status, 400);
    assert_eq!(socket.get("/v2").status, 404);
    assert_eq!(socket.request("DELETE", "/v1/credentials/work", &[], b"").unwrap().status, 405);
}

#[test]
fn a_token_a_rejection_and_a_refresh() {
    let world = world("");
    let socket = world.agent.socket();
    let ask = |action: &str, body: &Value| ok(&socket.post(&format!("/v1/credentials/work/{action}"), body));

    let first = ask("token", &json!({}));
    assert_eq!(
        (&first["token_type"], &first["generation"], &first["epoch"]),
        (&"Bearer".into(), &1.into(), &1.into())
    );
    assert_eq!(first["access_token"], world.home.run(["token", "work"]).succeeded().line());
    assert_eq!(first.get("short"), None);
    // More than it lives altogether: given all the same, and said so.
    assert_eq!(ask("token", &json!({"min_validity_s": 86_400}))["short"], true);
    let sent = world.server.totals().token_requests;

    let renewed = ask("rejected", &json!({"epoch": 1, "generation": first["generation"]}));
    assert_eq!(renewed["result"], "renewed");
    let newer = renewed["token"]["generation"].as_u64().unwrap();
    assert_eq!(world.server.totals().token_requests, sent + 1);
    // Somebody else saw the same 401: the newer token is at hand.
    let again = ask("rejected", &json!({"epoch": 1, "generation": first["generation"]}));
    assert_eq!((&again["result"], &again["token"]["generation"]), (&"renewed".into(), &newer.into()));
    // The new one is refused as well: no loop.
    assert_eq!(ask("rejected", &json!({"epoch": 1, "generation": newer}))["result"], "passed");
    assert_eq!(world.server.totals().token_requests, sent + 1);

    let seen = ask("refresh", &json!({}));
    assert_eq!((&seen["name"], &seen["generation"]), (&"work".into(), &(newer + 1).into()));
    assert_eq!(world.server.totals().token_requests, sent + 2);

    let bad = socket.request("POST", "/v1/credentials/work/rejected", &[], b"{\"epoch\":\"x\"}").unwrap();
    assert_eq!((bad.status, &bad.json()["error"]["code"]), (400, &"usage".into()));
    assert_eq!(socket.post("/v1/credentials/work/dance", &json!({})).status, 404);
    let huge = vec![b' '; 64 << 10];
    assert_eq!(socket.request("POST", "/v1/credentials/work/token", &[], &huge).unwrap().status, 413);
}

#[test]
fn a_token_that_was_never_given_out_for_what_is_asked_is_refused_at_once() {
    let world = world("");
    let socket = world.agent.socket();
    let ask = |action: &str, body: &Value| socket.post(&format!("/v1/credentials/work/{action}"), body);
    let own = ok(&ask("token", &json!({})))["generation"].as_u64().unwrap();
    let first = ok(&ask("token", &json!({"scope": "read"})))["generation"].as_u64().unwrap();
    let second = ok(&ask("token", &json!({"scope": "write"})))["generation"].as_u64().unwrap();
    assert!(own < first && first < second, "{own} {first} {second}");
    let sent = world.server.totals().token_requests;
    // Nobody's; that of one scope for another; that of a scope for the login's own. None is waited for: an hour is not
    // what a test takes.
    let never = [
        json!({"epoch": 1, "generation": second + 1, "timeout_s": 3600}),
        json!({"epoch": 2, "generation": 0, "timeout_s": 3600}),
        json!({"epoch": 1, "generation": second + 1, "scope": "read", "timeout_s": 3600}),
        json!({"epoch": 1, "generation": second, "scope": "read", "timeout_s": 3600}),
        json!({"epoch": 1, "generation": second, "timeout_s": 3600}),
    ];
    for question in never {
        let answer = ask("rejected", &question);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (409, &"conflict".into()), "{question}");
    }
    assert_eq!(world.server.totals().token_requests, sent, "nothing was renewed for it");
    let renewed = ok(&ask("rejected", &json!({"epoch": 1, "generation": first, "scope": "read"})));
    assert_eq!(renewed["token"]["generation"], second + 1, "{renewed}");
}

#[test]
fn a_logout_ends_everything_here_and_at_the_server() {
    let world = world("[credential.work]\nrequired = true\n");
    let socket = world.agent.socket();
    assert_eq!(socket.get("/readyz").status, 200);
    assert_eq!(ok(&socket.post("/v1/credentials/work/logout", &json!({})))["done"], true);
    let seen = world.agent.wait_status("work", "unauthenticated");
    assert_eq!((&seen["cause"], &seen["token_valid"]), (&"logged_out".into(), &false.into()));
    world.server.wait_for(|totals| totals.families_revoked == 1, PATIENCE).unwrap();
    let refused = socket.post("/v1/credentials/work/token", &json!({}));
    assert_eq!((refused.status, &refused.json()["error"]["exit"]), (503, &3.into()));
    world.home.run(["token", "work"]).failed(3);
    assert_eq!(socket.get("/readyz").status, 503);
    assert_eq!(world.server.totals().token_requests, 1, "nothing is sent for a login that is over");
}

#[test]
fn readiness_is_about_what_is_required_or_asked_for() {
    let world = world("");
    let socket = world.agent.socket();
    assert_eq!(socket.get("/readyz?credential=work").status, 200);
    assert_eq!(socket.get("/readyz?credential=nobody").status, 404);
    ok(&socket.post("/v1/credentials/work/logout", &json!({})));
    world.agent.wait_status("work", "unauthenticated");
    assert_eq!(socket.get("/readyz").status, 200, "it is not required");
    let one = socket.get("/readyz?credential=work");
    assert_eq!(
        (one.status, &one.json()["ready"], &one.json()["health"]),
        (503, &false.into(), &"unhealthy".into())
    );
    assert_eq!(socket.get("/healthz").status, 200, "the agent runs");
}

#[test]
fn whoever_only_listens_leaves_room_for_who_wants_an_answer() {
    const LISTENERS_MAX: usize = 64;
    let world = world("");
    let socket = world.agent.socket();
    let listen = || {
        let mut stream = socket.connect().unwrap();
        stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (String::from_utf8_lossy(&status).into_owned(), stream)
    };
    let mut listeners: Vec<_> = (0..LISTENERS_MAX).map(|_| listen()).collect();
    assert!(listeners.iter().all(|(status, _)| status == "HTTP/1.1 200"));
    let refused = socket.get("/v1/events");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("64 listen already"), "{}", refused.text());
    ok(&socket.get("/v1/credentials"));
    // The place of one that goes is the next one's, once something was to be told.
    listeners.pop();
    ok(&socket.post("/v1/credentials/work/refresh", &json!({})));
    wait_for("a place to listen", || (listen().0 == "HTTP/1.1 200").then_some(()));
}

#[test]
fn events_are_told_as_they_happen() {
    let world = world("");
    let mut stream = world.agent.socket().connect().unwrap();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut heard = String::new();
    let mut hear_until = |end: &str| {
        let mut piece = [0; 4096];
        while !heard.contains(end) {
            let n = stream.read(&mut piece).expect("an event comes");
            assert_ne!(n, 0, "the stream ended: {heard}");
            heard.push_str(&String::from_utf8_lossy(&piece[..n]));
        }
        heard.clone()
    };
    let begun = hear_until("event: begin");
    assert!(
        begun.starts_with("HTTP/1.1 200") && begun.to_lowercase().contains("text/event-stream"),
        "{begun}"
    );

    world.home.run(["refresh", "work"]).succeeded();
    let heard = hear_until("\"reason\"");
    let data =
        heard.lines().skip_while(|line| *line != "event: refreshed").nth(2).expect("an event has data");
    let data = renewd_e2e::json(data.strip_prefix("data: ").expect("data: JSON"));
    assert_eq!((&data["credential"], &data["reason"]), (&"work".into(), &"forced".into()));
    assert_eq!(data["generation"], 2);

    ok(&world.agent.socket().post("/v1/credentials/work/logout", &json!({})));
    hear_until("event: status");
    assert!(hear_until("logged_out").contains("\"to\":\"unauthenticated\""));
}

/// `name{label="value",…} number`, or without labels.
fn sample(line: &str) -> Option<(&str, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let name = match series.split_once('{') {
        None => series,
        Some((name, labels)) => {
            let labels = labels.strip_suffix('}')?;
            let pairs = labels.split(',').map(|pair| pair.split_once('='));
            for pair in pairs {
                let (label, text) = pair?;
                let plain = |c: char| c.is_ascii_lowercase() || c == '_';
                (label.chars().all(plain) && text.starts_with('"') && text.ends_with('"')).then_some(())?;
            }
            name
        }
    };
    let known = |c: char| c.is_ascii_lowercase() || c == '_';
    (!name.is_empty() && name.chars().all(known)).then_some(())?;
    Some((name, value.parse().ok()?))
}

#[test]
fn metrics_are_prometheus_text() {
    let world = world(LOCAL_STATUS);
    let answer = world.agent.status_address().get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("NAME KIND");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            family = name.to_owned();
        } else if !line.starts_with("# HELP ") {
            let (name, _) = sample(line).unwrap_or_else(|| panic!("{line:?} is no sample"));
            assert!(name.starts_with(&family), "{name} stands among those of {family}");
        }
    }
    for line in [
        r#"renewd_refresh_total{credential="work",verdict="success"} 1"#,
        r#"renewd_status{credential="work",status="running"} 1"#,
        r#"renewd_status{credential="work",status="unauthenticated"} 0"#,
        r#"renewd_refresh_duration_seconds_count{credential="work"} 1"#,
        "renewd_replays_total 0",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    let expires = text
        .lines()
        .find_map(|l| l.strip_prefix(r#"renewd_token_expires_timestamp_seconds{credential="work"} "#));
    let told = world.home.status("work")["token_expires_at"].as_str().map(renewd_e2e::unix_seconds_of);
    assert_eq!(expires.and_then(|e| e.parse::<f64>().ok()).map(f64::floor), told);
}

#[test]
fn the_status_address_gives_no_token_and_changes_nothing() {
    let world = world(LOCAL_STATUS);
    let status = world.agent.status_address();
    let token = world.home.run(["token", "work"]).succeeded().line().to_owned();
    assert_eq!(ok(&status.get("/v1/credentials/work"))["status"], "running");
    for (method, target, expected) in [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/v1/credentials", 200),
        ("GET", "/v1/credentials/work/token", 405),
        ("POST", "/v1/credentials/work/token", 403),
        ("POST", "/v1/credentials/work/rejected", 403),
        ("POST", "/v1/credentials/work/refresh", 403),
        ("POST", "/v1/credentials/work/logout", 403),
        ("POST", "/v1/reload", 403),
    ] {
        let answer = status.request(method, target, &[], b"{}").unwrap();
        assert_eq!(answer.status, expected, "{method} {target}: {}", answer.text());
        assert!(!answer.text().contains(&token), "{method} {target} gives the token");
    }
    assert_eq!(world.agent.credential("work")["status"], "running");
    assert_eq!(world.server.totals().token_requests, 1);
}

#[test]
fn web_pages_and_foreign_names_get_nothing() {
    let world = world(LOCAL_STATUS);
    for door in [world.agent.socket(), world.agent.status_address()] {
        for headers in [
            [("Host", "evil.example"), ("Accept", "*/*")],
            [("Host", "evil.example:80"), ("Accept", "*/*")],
            [("Host", "localhost"), ("Origin", "http://evil.example")],
            [("Host", "localhost"), ("Sec-Fetch-Site", "cross-site")],
        ] {
            for target in ["/v1/credentials", "/metrics", "/readyz", "/v1/events"] {
                let answer = door.request("GET", target, &headers, b"").unwrap();
                assert_eq!(answer.status, 403, "{door} {target} {headers:?}");
                assert!(!answer.text().contains("work"), "{}", answer.text());
            }
        }
        assert_eq!(door.request("GET", "/v1/credentials", &[("Host", "[::1]:80")], b"").unwrap().status, 200);
    }
}

#[test]
fn on_a_network_there_are_health_and_metrics_only() {
    let world = world("[agent]\nstatus = \"0.0.0.0:0\"\n");
    let Door::Tcp(mut address) = world.agent.status_address().clone() else { panic!("it is TCP") };
    address.set_ip([127, 0, 0, 1].into());
    let door = Door::Tcp(address);
    for target in ["/healthz", "/readyz", "/metrics"] {
        // A probe uses whatever name the machine has.
        let answer = door.request("GET", target, &[("Host", "node-7.internal:9797")], b"").unwrap();
        assert_eq!(answer.status, 200, "{target}");
    }
    for target in ["/v1/credentials", "/v1/credentials/work", "/v1/events", "/"] {
        assert_eq!(door.get(target).status, 404, "{target}");
    }
    assert_eq!(door.post("/v1/credentials/work/token", &json!({})).status, 404);
}
