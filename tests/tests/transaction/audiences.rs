//! Two audiences of one rotating login live beside each other: through `kill -9` at the points of a refresh, in races of
//! processes, and behind the agent's proxies.

#![cfg(unix)]

use std::process::Command;

use renewd_e2e::testkit::{AsClass, AsConfig, AuthorizationServer, Fault, Numbers, ProtectedApi, Tier};
use renewd_e2e::{
    Agent, Door, Home, Left, PATIENCE, QUICK_RETRY, Running, Scene, Served, Stopwatch, finish_all, is_lost,
    left_at, meet, report, spread, wait_for,
};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Scenes that are played side by side: each is waiting for most of its time.
const AT_ONCE: usize = 8;

const A: &str = "https://a.example/";
const B: &str = "https://b.example/";
const C: &str = "https://c.example/";

/// Points at which the process dies that fetches the second audience's token: one of each kind.
const KILLED_AT: &[&str] = &[
    "claim.taken",
    "mark.rename",
    "mark.done",
    "send.before",
    "send.after",
    "commit.rename",
    "commit.mark-file.rename",
];

fn asks_for(home: &Home, resource: &str) -> Command {
    home.command(["token", "work", "--resource", resource, "--timeout", "60s"])
}

fn facts(server: &AuthorizationServer, token: &str) -> Vec<String> {
    server.access_facts(token).expect("a token of this server's").resource
}

/// A valid token for exactly that resource.
#[track_caller]
fn assert_serves(scene: &Scene, resource: &str) {
    let served = scene.served(&scene.run(asks_for(&scene.home, resource)));
    let Served::Fresh(token) = served else { panic!("{} {resource}: {served:?}", scene.class) };
    assert_eq!(facts(&scene.server, &token), [resource], "{}", scene.class);
}

#[test]
fn killed_while_one_audience_is_fetched_the_login_and_both_audiences_live_on() {
    let classes = [AsClass::P0, AsClass::P2, AsClass::P3];
    let cases: Vec<_> = KILLED_AT.iter().flat_map(|point| classes.map(|class| (*point, class))).collect();
    report(spread(&cases, AT_ONCE, |&(point, class)| {
        let mut row =
            Numbers::new(Tier::Processes, "kill-at-step", class.name(), 2).variant("another audience");
        let scene = Scene::begin(class);
        let own = scene.ask();
        assert!(matches!(own, Served::Fresh(_)), "{own:?}");
        assert_serves(&scene, A);
        let before = scene.server.totals().token_requests;
        let killed = meet(&scene, asks_for(&scene.home, B), point, "kill").finish();
        scene.heard(&killed);
        assert_eq!(killed.code, None, "{point}: the process passes it: {killed:?}");
        if is_lost(class, left_at(point)) {
            // The dead process took the rotated refresh token along: as with the login's own, and told just so.
            let served = scene.served(&scene.run(asks_for(&scene.home, B)));
            assert_eq!(served, Served::LoginNeeded { told_lost: true }, "{class} {point}");
            assert_eq!(scene.status()["cause"], "rotation_lost");
        } else {
            let watch = Stopwatch::start();
            assert_serves(&scene, B);
            row.heal_ms = Some(watch.ms());
            assert_serves(&scene, A);
            assert_eq!(scene.ask(), own, "{class} {point}: the login's own token is what it was");
            let requests = scene.server.totals().token_requests - before;
            let expected = if left_at(point) == Left::Unsaved { 2 } else { 1 };
            assert_eq!(requests, expected, "{class} {point}");
            assert_eq!(scene.server.totals().reuse_trips, 0, "{class} {point}");
        }
        row.rounds += 1;
        // What the server sees after a loss that nobody could have prevented is not what this row is about.
        let mut closing = row.clone();
        scene.close(&mut closing);
        row.token_requests = closing.token_requests;
        row.leaks = closing.leaks;
        row
    }));
}

#[test]
fn processes_that_want_three_audiences_at_once_make_one_request_for_each_and_trip_nothing() {
    let scene = Scene::begin(AsClass::P2);
    assert!(matches!(scene.ask(), Served::Fresh(_)));
    let wanted: Vec<&str> = [A, B, C].into_iter().cycle().take(12).collect();
    let all: Vec<Running> =
        wanted.iter().map(|resource| Running::start(asks_for(&scene.home, resource), b"")).collect();
    for (ran, resource) in finish_all(all).iter().zip(&wanted) {
        scene.heard(ran);
        let Served::Fresh(token) = scene.served(ran) else { panic!("{resource}: {ran:?}") };
        assert_eq!(facts(&scene.server, &token), [*resource]);
    }
    let totals = scene.server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (4, 0), "{totals:?}");
    assert_eq!(scene.server.max_in_flight(), 1, "strictly one after the other");
    let mut row = Numbers::new(Tier::Processes, "race", "P2", 2);
    scene.close(&mut row);
    assert_eq!(row.leaks, 0);
}

#[test]
fn an_audience_that_the_server_does_not_know_is_refused_and_nothing_else_is() {
    let scene = Scene::begin(AsClass::P2);
    scene.server.configure(|config| config.login.targets = Some(vec![A.into()]));
    assert!(matches!(scene.ask(), Served::Fresh(_)));
    let refused =
        scene.run(scene.home.command(["token", "work", "--resource", C, "--format", "json"])).failed(4);
    let error = &refused.json()["error"];
    assert_eq!((&error["code"], &error["cause"]), (&json!("audience_refused"), &json!("audience_refused")));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(C) && message.contains("invalid_target"), "{message}");
    let seen = scene.status();
    assert_eq!((&seen["status"], &seen["health"]), (&json!("running"), &json!("healthy")));
    assert_serves(&scene, A);
    let history = scene.run(scene.home.command(["history", "work", "--events"])).succeeded();
    assert!(history.stdout.contains(&format!("no token for resource {C}")), "{}", history.stdout);
    assert!(history.stdout.contains(&format!("token for resource {A} refreshed")), "{}", history.stdout);
    scene.run(scene.home.command(["token", "work", "--resource", "no address"])).failed(2);
    assert_eq!(scene.server.totals().reuse_trips, 0);
}

#[test]
fn the_token_document_names_what_the_token_is_for() {
    let scene = Scene::begin(AsClass::P2);
    scene.server.configure(|config| config.login.echo_scope = true);
    let args =
        ["token", "work", "--scope", "read write", "--resource", A, "--audience", "a", "--format", "json"];
    let document = scene.run(scene.home.command(args)).succeeded().json();
    assert_eq!(
        (&document["scope"], &document["resource"], &document["audience"]),
        (&json!("read write"), &json!(A), &json!("a"))
    );
    let own = scene.run(scene.home.command(["token", "work", "--format", "json"])).succeeded().json();
    assert_eq!((own.get("resource"), own.get("audience")), (None, None));
    assert_ne!(own["access_token"], document["access_token"]);
}

#[test]
fn a_profile_that_wants_the_scope_named_on_each_refresh_gets_it_and_another_resource_beside_it() {
    let scene = Scene::bare(
        AsClass::P2,
        &format!(
            "{QUICK_RETRY}[profile.strict]\nas_class = \"P2\"\n[profile.strict.refresh]\nscope = true\n"
        ),
    );
    let grant = scene.server.mint_grant();
    let endpoint = scene.server.token_url();
    let args = [
        "import",
        "strict",
        "--token-endpoint",
        &endpoint,
        "--client-id",
        "testkit-client",
        "--profile",
        "strict",
        "--scope",
        "read",
        "--resource",
        A,
    ];
    let import = Running::start(scene.home.command(args), grant.refresh_token.as_bytes());
    import.finish().succeeded();
    let token = |more: &[&str]| {
        let args = ["token", "strict", "--timeout", "60s"].iter().chain(more);
        scene.run(scene.home.command(args)).succeeded().line().to_owned()
    };
    let facts = |token: &str| {
        let facts = scene.server.access_facts(token).expect("a token of this server's");
        (facts.scope, facts.resource, facts.audience)
    };
    assert_eq!(facts(&token(&[])), (Some("read".into()), vec![A.into()], None));
    assert_eq!(facts(&token(&["--resource", B])), (Some("read".into()), vec![B.into()], None));
    assert_eq!(
        facts(&token(&["--audience", "the api", "--scope", "write"])),
        (Some("write".into()), vec![], Some("the api".into()))
    );
    assert_eq!(facts(&token(&["--scope", "write"])), (Some("write".into()), vec![A.into()], None));
    assert_eq!(scene.server.totals().reuse_trips, 0);
}

fn agent_with_two_proxies(server: &AuthorizationServer, api: &ProtectedApi) -> (Home, Agent, [Door; 2]) {
    let home = Home::with(QUICK_RETRY);
    let doors = ["a", "b"].map(|name| home.path().join(format!("{name}.sock")));
    let entries: String = [A, B]
        .iter()
        .zip(&doors)
        .map(|(resource, door)| {
            format!(
                "[[proxy]]\nlisten = \"unix:{}\"\nupstream = \"{}\"\ncredential = \"work\"\nresource = \"{resource}\"\n",
                door.display(),
                api.url()
            )
        })
        .collect();
    home.configure(&format!("{QUICK_RETRY}{entries}"));
    home.import("work", server);
    let agent = Agent::start(&home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    (home, agent, doors.map(Door::Unix))
}

#[test]
fn two_proxies_of_one_login_use_an_audience_each_and_a_401_renews_that_one_alone() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let (_home, agent, [a, b]) = agent_with_two_proxies(&server, &api);
    for _ in 0..3 {
        assert_eq!((a.get("/a").status, b.get("/b").status), (200, 200));
    }
    assert_eq!(server.totals().token_requests, 3, "the login's own, and one for each");
    let used = |path: &str| {
        let log = api.log();
        let entries = log.iter().filter(|entry| entry.target == path);
        entries
            .map(|entry| entry.token.expect("a token").ordinal().expect("one of this server's"))
            .collect::<Vec<_>>()
    };
    let ask = |resource: &str| -> Value {
        let answer = agent.socket().post("/v1/credentials/work/token", &json!({ "resource": resource }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let ordinal = |token: &str| {
        server.with_model(|model, now_ms| model.check_access(now_ms, token)).ordinal().expect("this server's")
    };
    let [of_a, of_b] = [A, B].map(|resource| ask(resource)["access_token"].as_str().unwrap().to_owned());
    assert_eq!((facts(&server, &of_a), facts(&server, &of_b)), (vec![A.to_owned()], vec![B.to_owned()]));
    assert!(used("/a").iter().all(|one| *one == ordinal(&of_a)));
    assert!(used("/b").iter().all(|one| *one == ordinal(&of_b)));
    // The upstream refuses the one; the other stays what it is.
    assert!(server.with_model(|model, _| model.revoke_access(&of_a)));
    assert_eq!((a.get("/a").status, b.get("/b").status), (200, 200));
    assert_eq!(server.totals().token_requests, 4);
    let renewed = ask(A);
    assert_ne!(renewed["access_token"], of_a);
    assert_eq!(ask(B)["access_token"], of_b);
    let rejected = json!({"epoch": 1, "generation": renewed["generation"], "resource": A});
    let passed = agent.socket().post("/v1/credentials/work/rejected", &rejected);
    assert_eq!(
        passed.json()["result"],
        "passed",
        "minted for a 401 a moment ago: another would be refused too"
    );
    assert_eq!(server.totals().reuse_trips, 0);
    agent.stop().succeeded();
}

#[test]
fn an_agent_killed_while_one_audience_is_fetched_leaves_both_to_the_next() {
    let scene = Scene::begin(AsClass::P3);
    let agent = Agent::start(&scene.home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    assert_serves(&scene, A);
    scene.server.hold_answers();
    let waiting = Running::start(asks_for(&scene.home, B), b"");
    scene.server.wait_held(1, PATIENCE).unwrap();
    agent.signal(Signal::KILL);
    agent.finish();
    scene.server.release();
    scene.server.wait_idle(PATIENCE).unwrap();
    // Whoever waited goes on without the agent, waits the dead one's request out, and is served.
    let ran = waiting.finish();
    scene.heard(&ran);
    let Served::Fresh(token) = scene.served(&ran) else { panic!("{ran:?}") };
    assert_eq!(facts(&scene.server, &token), [B]);
    let agent = Agent::start(&scene.home);
    agent.wait_status("work", "running");
    assert_serves(&scene, B);
    assert_serves(&scene, A);
    assert!(matches!(scene.ask(), Served::Fresh(_)));
    agent.stop().succeeded();
    assert_eq!(scene.server.totals().reuse_trips, 0);
}

#[test]
fn an_outage_of_one_audience_s_attempt_heals_by_itself() {
    let scene = Scene::begin(AsClass::P2);
    assert!(matches!(scene.ask(), Served::Fresh(_)));
    scene.server.push_fault(Fault::status(503));
    assert_serves(&scene, A);
    let totals = scene.server.totals();
    assert_eq!(
        (totals.token_requests, totals.reuse_trips),
        (4, 0),
        "the retry was the login's own: {totals:?}"
    );
}

#[test]
fn two_proxies_on_any_free_port_are_two() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let entry = |resource: &str| {
        format!(
            "[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\nresource = \"{resource}\"\n",
            api.url()
        )
    };
    let home = Home::with(&format!("{QUICK_RETRY}{}{}", entry(A), entry(B)));
    home.import("work", &server);
    let agent = Agent::start(&home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    agent.proxy();
    wait_for("both proxies to be told", || (agent.said().matches("proxy on ").count() == 2).then_some(()));
    agent.stop().succeeded();
}
