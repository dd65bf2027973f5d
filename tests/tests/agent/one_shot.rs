//! Processes that share a credential without an agent: each does the whole transaction, and only one spends.

#![cfg(unix)]

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Home, PATIENCE, Running, wait_for};

/// Processes at the same time.
const PROCESSES: usize = 20;

/// Starts them and lets the server answer when the first request is there.
fn race(home: &Home, server: &AuthorizationServer) -> Vec<String> {
    server.hold();
    let racing: Vec<Running> = (0..PROCESSES).map(|_| home.start(["token", "work"])).collect();
    server.wait_held(1, PATIENCE).expect("one of them asks the server");
    server.release();
    racing.into_iter().map(|one| one.finish().succeeded().line().to_owned()).collect()
}

#[test]
fn twenty_processes_at_expiry_make_one_refresh() {
    let server = AuthorizationServer::start(AsConfig { lifetime_ms: 1000, ..AsConfig::default() }).unwrap();
    let home = Home::new();
    home.import("work", &server);
    let first = home.run(["token", "work"]).succeeded().line().to_owned();
    server.configure(|config| config.lifetime_ms = 3_600_000);
    wait_for("the first token to expire", || (home.status("work")["token_valid"] == false).then_some(()));

    let tokens = race(&home, &server);
    assert!(tokens.iter().all(|token| *token == tokens[0] && *token != first), "all have the same new token");
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (2, 0), "{totals:?}");
    assert_eq!(server.max_in_flight(), 1);
    assert_eq!(home.status("work")["generation"], 2);
}

#[test]
fn twenty_processes_after_an_import_make_the_first_refresh_together() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::new();
    home.import("work", &server);
    let tokens = race(&home, &server);
    assert!(tokens.iter().all(|token| *token == tokens[0]), "all have the same token");
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips, totals.families_revoked), (1, 0, 0), "{totals:?}");
}
