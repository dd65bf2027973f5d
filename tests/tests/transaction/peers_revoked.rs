//! A login ends at a server that nobody here wrote: by an administrator, or because a thief presented a spent token. It is
//! seen, told with its cause, and nothing more is sent until somebody logs in again.

#![cfg(unix)]

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Home, PATIENCE, QUICK_RETRY, Stranger};

/// A lifetime that no test sees the end of.
const LIFETIME_S: u32 = 3600;

/// Refreshes of another credential in which one that is not refreshed has had every opportunity.
const BEATS: u64 = 3;

fn home() -> Home {
    Home::with(&format!(
        "{QUICK_RETRY}\n[auth_retrying]\ninterval = \"200ms\"\n[refresh]\nmin_interval = \"0s\"\n"
    ))
}

fn a_revoked_login_is_told_and_healed(stranger: Stranger) {
    let Some(peer) = stranger.start(LIFETIME_S) else { return };
    let witness = AuthorizationServer::start(AsConfig { lifetime_ms: 1000, ..AsConfig::default() })
        .expect("a server can be started");
    let home = home();
    peer.import(&home, "work", None, &[]);
    home.import("witness", &witness);
    let agent = Agent::start(&home);
    agent.wait_status("work", "running");
    home.run(["refresh", "work"]).succeeded();

    peer.revoke();
    let said = home.run(["refresh", "work"]).failed(3).stderr;
    for part in ["work: login needed (grant_refused)", "HTTP 400", "invalid_grant", "renewd login work"] {
        assert!(said.contains(part), "{part:?} not in {said}");
    }
    let seen = agent.wait_status("work", "unauthenticated");
    assert_eq!((&seen["cause"], &seen["health"]), (&"grant_refused".into(), &"unhealthy".into()));
    assert_eq!(seen["last_attempt"]["oauth_error"], "invalid_grant");
    agent.wait_said("✗ work: login needed (grant_refused)");

    let sent = peer.counts().token_requests;
    let beats = witness.totals().token_requests;
    witness
        .wait_for(|totals| totals.token_requests >= beats + BEATS, PATIENCE)
        .expect("the witness is refreshed");
    home.run(["status", "work", "--check"]).failed(3);
    assert_eq!(peer.counts().token_requests, sent, "nothing is sent by itself");

    peer.import(&home, "work", None, &["--replace"]);
    agent.wait_status("work", "running");
    let token = home.run(["token", "work"]).succeeded().line().to_owned();
    assert!(peer.accepts(&token), "the running agent has the new login");
    agent.stop().succeeded();
    let counts = peer.counts();
    assert_eq!((counts.replays, counts.families_revoked), (0, 0), "{counts:?}");
}

#[test]
fn a_login_revoked_at_oidc_provider_is_told_and_a_new_import_heals_the_running_agent() {
    a_revoked_login_is_told_and_healed(Stranger::OidcProvider);
}

#[test]
fn a_login_revoked_at_canaille_is_told_and_a_new_import_heals_the_running_agent() {
    a_revoked_login_is_told_and_healed(Stranger::Canaille);
}

#[test]
fn a_thief_with_a_spent_token_ends_the_login_at_oidc_provider_and_the_owner_is_told() {
    let Some(peer) = Stranger::OidcProvider.start(LIFETIME_S) else { return };
    let home = home();
    let stolen = peer.import(&home, "work", None, &[]);
    let token = home.run(["token", "work"]).succeeded().line().to_owned();
    assert!(peer.accepts(&token));

    assert_eq!(peer.present(&stolen).status, 400);
    assert_eq!(peer.counts().families_revoked, 1);
    assert!(!peer.accepts(&token), "access tokens of the login are dead too");
    let said = home.run(["refresh", "work"]).failed(3).stderr;
    assert!(said.contains("login needed (grant_refused)"), "the loss is not ours: {said}");
    let sent = peer.counts().token_requests;
    home.run(["refresh", "work"]).failed(3);
    assert_eq!(peer.counts().token_requests, sent, "and it is not asked again");

    peer.import(&home, "work", None, &["--replace"]);
    let token = home.run(["token", "work"]).succeeded().line().to_owned();
    assert!(peer.accepts(&token));
}

#[test]
fn a_thief_with_a_spent_token_gets_nothing_at_canaille_and_the_login_goes_on() {
    let Some(peer) = Stranger::Canaille.start(LIFETIME_S) else { return };
    let home = home();
    let stolen = peer.import(&home, "work", None, &[]);
    home.run(["token", "work"]).succeeded();

    assert_eq!(peer.present(&stolen).status, 400);
    let counts = peer.counts();
    assert_eq!((counts.replays, counts.families_revoked), (1, 0), "{counts:?}");
    home.run(["refresh", "work"]).succeeded();
    let seen = home.status("work");
    assert_eq!((&seen["status"], &seen["generation"]), (&"running".into(), &2.into()), "{seen}");
}
