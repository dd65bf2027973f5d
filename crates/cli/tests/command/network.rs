//! Token and refresh against a real authorization server on loopback.

use std::time::Duration;

use crate::world::World;
use renewd_store::{FileStore, FileStoreOptions};
use renewd_testkit::{AsConfig, AuthorizationServer, ClientAuth, Fault};

/// A login at the server, imported as `a`.
fn logged_in(world: &World, server: &AuthorizationServer, more: &[&str]) {
    let grant = server.mint_grant();
    world.import("a", &server.token_url(), &grant.refresh_token, more).expect(0, &["imported"]);
}

fn server(config: AsConfig) -> AuthorizationServer {
    AuthorizationServer::start(config).unwrap()
}

/// Durations of a test rather than of a working day.
const QUICK: &str = "[retry]\ninitial = \"200ms\"\nmax = \"400ms\"\ntries = 1\nelapsed = \"2s\"\n[request]\ntimeout = \"3s\"\nconnect_timeout = \"2s\"\n";

#[test]
fn the_first_token_costs_a_request_and_the_second_none() {
    let (world, server) =
        (World::new(), server(AsConfig { scope: Some("repo".into()), ..AsConfig::default() }));
    logged_in(&world, &server, &[]);
    let first = world.run(&["token", "a"]).expect(0, &[]);
    assert!(first.err.is_empty(), "{}", first.err);
    assert_eq!(first.out.lines().count(), 1);
    let second = world.run(&["token", "a"]).expect(0, &[]);
    assert_eq!(first.out, second.out);
    assert_eq!(server.totals().token_requests, 1);
    let token = first.out.trim_end();
    let json = world.run(&["token", "a", "--format", "json"]).expect(0, &[]).json();
    assert_eq!((&json["schema"], &json["access_token"]), (&1.into(), &token.into()));
    assert_eq!(
        (&json["token_type"], &json["epoch"], &json["generation"]),
        (&"Bearer".into(), &1.into(), &1.into())
    );
    assert_eq!(json["scope"], "repo");
    let header = world.run(&["token", "a", "--format", "header"]).out;
    assert_eq!(header, format!("Authorization: Bearer {token}\n"));
    assert_eq!(world.run(&["token", "a", "--format", "env"]).out, format!("A_TOKEN='{token}'\n"));
    assert_eq!(world.run(&["helper", "api-key", "a"]).out, format!("{token}\n"));
    let headers = world.run(&["helper", "headers", "a"]).json();
    assert_eq!(headers, serde_json::json!({"Authorization": format!("Bearer {token}")}));
    assert_eq!(server.totals().token_requests, 1);
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["credentials"][0]["token_valid"], true);
    assert_eq!(status["credentials"][0]["refreshes"], 1);
    assert_eq!(status["credentials"][0]["token_expires_at"], json["expires_at"]);
}

#[test]
fn the_tokens_for_other_resources_and_scopes_stand_in_the_status_of_their_login() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &[]);
    world.run(&["token", "a"]).expect(0, &[]);
    let alone = world.run(&["status", "--json"]).json();
    assert_eq!(alone["credentials"][0].get("other_tokens"), None, "{alone}");
    let other = ["token", "a", "--resource", "https://other.example/", "--format", "json"];
    let other = world.run(&other).expect(0, &[]).json();
    let status = world.run(&["status", "a", "--json"]).expect(0, &[]).json();
    assert_eq!(
        status["credentials"][0]["other_tokens"],
        serde_json::json!([{
            "scope": null, "resource": "https://other.example/", "audience": null,
            "expires_at": other["expires_at"], "valid": true,
        }])
    );
    let seen = world.run(&["status", "a"]).expect(0, &[]).out;
    let line = seen.lines().find(|line| line.starts_with("another token")).unwrap_or_default();
    assert!(
        line.contains("valid until ") && line.ends_with(", for resource https://other.example/"),
        "{seen}"
    );
    for said in [&seen, &status.to_string()] {
        assert!(!said.contains(other["access_token"].as_str().unwrap()), "a token is shown");
    }
}

#[test]
fn the_id_token_is_given_when_asked_for_and_its_absence_is_told() {
    let config = AsConfig { id_token: Some("header.payload.signature".into()), ..AsConfig::default() };
    let (world, with) = (World::new(), server(config));
    logged_in(&world, &with, &[]);
    assert_eq!(world.run(&["token", "a", "--id-token"]).expect(0, &[]).out, "header.payload.signature\n");
    let (world, without) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &without, &[]);
    assert!(world.run(&["token", "a", "--id-token"]).expect(3, &["no ID token", "openid"]).out.is_empty());
}

#[test]
fn a_refresh_happens_now_and_rotates() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &[]);
    let first = world.run(&["token", "a"]).expect(0, &[]).out;
    let refreshed = world.run(&["refresh", "a"]).expect(0, &["token refreshed", "valid until", "(forced)"]);
    assert!(refreshed.out.is_empty());
    assert_ne!(world.run(&["token", "a"]).out, first);
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.rotations, totals.reuse_trips), (2, 2, 0));
}

#[test]
fn a_longer_validity_renews_first_and_one_that_cannot_be_is_noted() {
    let (world, server) = (World::new(), server(AsConfig { lifetime_ms: 600_000, ..AsConfig::default() }));
    world.configure("[refresh]\nmin_interval = \"0s\"\n");
    logged_in(&world, &server, &[]);
    world.run(&["token", "a"]).expect(0, &[]);
    world.run(&["token", "a", "--min-validity", "599999ms"]).expect(0, &[]);
    assert_eq!(server.totals().token_requests, 2);
    let ended = world.run(&["token", "a", "--min-validity", "2h"]).expect(0, &["less than the 2h asked for"]);
    assert_eq!(ended.out.lines().count(), 1);
}

#[test]
fn a_confidential_client_proves_itself_by_the_chosen_method() {
    for (method, accepted) in [("basic", ClientAuth::Basic), ("post", ClientAuth::Post)] {
        let config =
            AsConfig { client_secret: Some("s3cret".into()), client_auth: accepted, ..AsConfig::default() };
        let (world, server) = (World::new(), server(config));
        let secret = world.file("cs", "s3cret\n");
        logged_in(
            &world,
            &server,
            &["--client-secret-file", secret.to_str().unwrap(), "--client-auth", method],
        );
        world.run(&["token", "a"]).expect(0, &[]);
    }
}

#[test]
fn a_refused_grant_is_exit_3_and_says_how_to_log_in() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &[]);
    server.set_fault(Fault::InvalidGrant);
    let ended = world
        .run(&["token", "a", "--format", "json"])
        .expect(3, &["login needed (grant_refused)", "HTTP 400 invalid_grant", "renewd login a"]);
    let error = &ended.json()["error"];
    assert_eq!(
        (&error["code"], &error["exit"], &error["cause"]),
        (&"unauthenticated".into(), &3.into(), &"grant_refused".into())
    );
    assert_eq!(error["login_command"], "renewd login a");
    let requests = server.totals().token_requests;
    world.run(&["token", "a"]).expect(3, &[]);
    world.run(&["status", "--check"]).expect(3, &[]);
    assert_eq!(server.totals().token_requests, requests, "nothing is sent for a grant that was refused");
    server.set_fault(Fault::Ok);
    let grant = server.mint_grant();
    world.feed(&["import", "a", "--replace"], grant.refresh_token.as_bytes()).expect(0, &[]);
    world.run(&["token", "a"]).expect(0, &[]);
}

#[test]
fn an_outage_is_exit_4_with_the_next_attempt() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    world.configure(QUICK);
    logged_in(&world, &server, &[]);
    server.set_fault(Fault::WafBlock);
    let ended = world
        .run(&["token", "a", "--format", "json"])
        .expect(4, &["auth_retrying (outage) since", "HTTP 403 text/html", "next attempt"]);
    let error = &ended.json()["error"];
    assert_eq!((&error["code"], &error["exit"]), (&"auth_retrying".into(), &4.into()));
    assert!(error["retry_after_s"].as_u64().is_some_and(|s| s > 0 && s <= 600), "{error}");
    assert!(error["next_attempt_at"].is_string() && error["login_command"].is_null(), "{error}");
    let requests = server.totals().token_requests;
    world.run(&["token", "a"]).expect(4, &["next attempt"]);
    assert_eq!(server.totals().token_requests, requests, "callers fail fast");
    let check = world.run(&["status", "--check"]).expect(4, &[]);
    assert!(check.out.is_empty() && check.err.is_empty());
    let table = world.run(&["status"]).out;
    assert!(table.contains("◐ auth_retrying") && table.contains("HTTP 403 text/html"), "{table}");
    server.set_fault(Fault::Ok);
    world.run(&["refresh", "a"]).expect(0, &["token refreshed"]);
    world.run(&["status", "--check"]).expect(0, &[]);
}

#[test]
fn a_valid_token_is_given_all_through_an_outage() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    world.configure(QUICK);
    logged_in(&world, &server, &[]);
    let token = world.run(&["token", "a"]).expect(0, &[]).out;
    server.set_fault(Fault::Status { code: 503, retry_after: None, body: String::new() });
    world.run(&["refresh", "a"]).expect(4, &["HTTP 503"]);
    assert_eq!(world.run(&["token", "a"]).expect(0, &[]).out, token);
}

#[test]
fn a_server_that_is_not_there_is_exit_4() {
    let (world, mut server) = (World::new(), server(AsConfig::default()));
    world.configure(QUICK);
    logged_in(&world, &server, &[]);
    server.take_down();
    world.run(&["token", "a"]).expect(4, &["refused", "next attempt"]);
}

#[test]
fn a_time_out_in_the_middle_of_a_request_is_exit_124() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    world.configure(QUICK);
    logged_in(&world, &server, &[]);
    server.set_fault(Fault::Hang);
    let ended = world
        .run(&["token", "a", "--timeout", "500ms", "--format", "json"])
        .expect(124, &["no answer within"]);
    assert_eq!(ended.json()["error"]["exit"], 124);
    assert_eq!(server.totals().token_requests, 1);
}

#[test]
fn who_waited_for_another_process_until_the_time_was_over_is_told_of_no_request() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &[]);
    let store = FileStore::open(FileStoreOptions::new(world.state())).unwrap();
    let claim = store.try_claim_blocking(&"a".parse().unwrap()).unwrap().unwrap();
    let ended = world.run(&["token", "a", "--timeout", "500ms"]).expect(124, &["no answer within"]);
    assert!(!ended.err.contains("a request that was sent"), "{}", ended.err);
    assert_eq!(server.totals().token_requests, 0);
    drop(claim);
    world.run(&["token", "a"]).expect(0, &[]);
}

#[test]
fn an_answer_that_comes_after_the_callers_time_is_not_lost() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &[]);
    server.set_delay(Duration::from_secs(2));
    world.run(&["token", "a", "--timeout", "500ms"]).expect(124, &["not lost"]);
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["credentials"][0]["generation"], 1, "{status}");
    world.run(&["token", "a"]).expect(0, &[]);
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0));
}

#[test]
fn an_agent_that_does_not_answer_or_serves_another_folder_is_passed_over() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &[]);
    let run = world.state().join("run");
    std::fs::create_dir(&run).unwrap();
    let socket = run.join("agent.sock");
    // It takes connections (the kernel does) and says nothing.
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (state, said) in
        [(world.state(), "did not answer within 2s"), (world.path("elsewhere"), "another state folder")]
    {
        let description = serde_json::json!({
            "schema": 1, "pid": 1, "state_dir": state, "socket": socket, "status_addr": null, "version": "0"
        });
        std::fs::write(run.join("agent.json"), description.to_string()).unwrap();
        world.run(&["token", "a"]).expect(0, &[]);
        world.run(&["status", "--check"]).expect(0, &[]);
        let doctor = world.run(&["doctor"]).expect(0, &[]).out;
        assert!(doctor.contains("! agent") && doctor.contains(said), "{doctor}");
    }
    assert_eq!(server.totals().token_requests, 1);
}

#[test]
fn twenty_processes_at_once_cost_one_request() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &[]);
    let children: Vec<_> = (0..20)
        .map(|_| {
            let mut command = world.command(&["token", "a"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut tokens = std::collections::BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        tokens.insert(output.stdout);
    }
    assert_eq!(tokens.len(), 1);
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0));
}

#[test]
fn a_logout_revokes_at_the_server() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &["--revocation-endpoint", &server.revocation_url()]);
    world.run(&["token", "a"]).expect(0, &[]);
    world
        .run(&["logout", "a"])
        .expect(0, &["logged out", "refresh token and access token revoked at the server"]);
    assert_eq!(server.totals().revocations, 2, "not every server ends the access token with the grant");
    world.run(&["token", "a"]).expect(3, &["logged_out"]);
}

#[test]
fn a_logout_holds_although_the_server_cannot_be_told() {
    let (world, mut server) = (World::new(), server(AsConfig::default()));
    logged_in(&world, &server, &["--revocation-endpoint", &server.revocation_url()]);
    server.take_down();
    world.run(&["logout", "a"]).expect(0, &["logged out", "not revoked at the server"]);
    world.run(&["token", "a"]).expect(3, &["logged_out"]);
}

#[test]
fn a_seed_is_used_while_there_is_no_record_and_never_again() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    let grant = server.mint_grant();
    world.file("seed", &grant.refresh_token);
    world.configure(&format!(
        "[credential.a]\ntoken_endpoint = \"{}\"\nclient_id = \"testkit-client\"\nseed_file = \"{}\"\n",
        server.token_url(),
        world.path("seed").display()
    ));
    let first = world.run(&["token", "a"]).expect(0, &[]).out;
    std::fs::remove_file(world.path("seed")).unwrap();
    assert_eq!(world.run(&["token", "a"]).expect(0, &[]).out, first);
    world.run(&["refresh", "a"]).expect(0, &[]);
    assert_eq!(server.totals().reuse_trips, 0);
}

#[test]
fn new_tokens_that_cannot_be_saved_are_printed_and_the_loss_is_exit_5() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    world.configure("[shutdown]\ngrace = \"1s\"\n");
    logged_in(&world, &server, &[]);
    server.hold_answers();
    let child = {
        let mut command = world.command(&["token", "a"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    server.wait_held(1, Duration::from_secs(30)).unwrap();
    // The intent stands; from now on nothing can be written.
    let dir = world.state().join("credentials");
    let aside = world.state().join("aside");
    std::fs::rename(&dir, &aside).unwrap();
    std::fs::write(&dir, "").unwrap();
    server.release();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{stderr}");
    assert_eq!(output.stdout.iter().filter(|b| **b == b'\n').count(), 1, "the token is printed");
    assert!(stderr.contains("not saved"), "{stderr}");
}

#[test]
fn no_log_level_shows_a_token() {
    let (world, server) = (World::new(), server(AsConfig::default()));
    let grant = server.mint_grant();
    world.import("a", &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
    for format in ["text", "json"] {
        let ended = world.run(&["refresh", "a", "--log", "trace", "--log-format", format]).expect(0, &[]);
        assert!(ended.err.lines().count() > 1, "something is logged: {}", ended.err);
        let token = world.run(&["token", "a"]).expect(0, &[]).out;
        assert!(
            !ended.err.contains(token.trim_end()) && !ended.err.contains(&grant.refresh_token),
            "{}",
            ended.err
        );
    }
}
