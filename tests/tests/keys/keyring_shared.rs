//! Two processes of one user in one session: what one refreshes the other has, wherever key and record lie.

#![cfg(target_os = "linux")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use renewd_e2e::testkit::{AsClass, AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Running, Session, wait_for};
use renewd_keyring::testing::{Desktop, FakeService, Provider};
use serde_json::json;

fn strict_server() -> AuthorizationServer {
    let config = AsConfig { class: AsClass::P2, ..AsConfig::default() };
    AuthorizationServer::start(config).expect("a server can be started")
}

fn agent_of(session: &Session) -> Agent {
    let agent = Agent::start_at(session.command(["agent"]), &session.home.socket());
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    agent
}

/// The token that the agent hands out.
fn token_of(agent: &Agent) -> String {
    let answer = agent.socket().post("/v1/credentials/work/token", &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().expect("a token is text").to_owned()
}

/// An agent and commands take turns at refreshing one login.
fn take_turns(session: &Session) {
    let server = strict_server();
    session.import(&server).succeeded();
    let agent = agent_of(session);
    let first = token_of(&agent);
    let alone = |command: &str| Running::start(session.alone([command, "work"]), b"").finish().succeeded();
    assert_eq!(alone("token").line(), first, "the command has the agent's");

    alone("refresh");
    let second = alone("token").line().to_owned();
    assert_ne!(second, first);
    wait_for("the agent to have what the command refreshed", || (token_of(&agent) == second).then_some(()));

    let refreshed = agent.socket().post("/v1/credentials/work/refresh", &json!({}));
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    let third = token_of(&agent);
    assert!(third != second && third != first);
    assert_eq!(alone("token").line(), third, "the command has what the agent refreshed");
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (3, 0), "three refreshes, and none twice");
    agent.stop().succeeded();
}

#[test]
fn with_the_key_in_the_desktops_keyring() {
    let Some(desktop) = Desktop::start() else { return };
    take_turns(&Session::new("file", "keyring").on_bus(&desktop.address()));
}

#[test]
fn with_the_whole_record_in_the_desktops_keyring() {
    let Some(desktop) = Desktop::start() else { return };
    take_turns(&Session::new("keyring", "keyring").on_bus(&desktop.address()));
}

#[test]
fn with_a_key_file() {
    take_turns(&Session::new("file", "file"));
}

#[test]
fn with_a_passphrase() {
    let mut session = Session::new("file", "passphrase");
    session.passphrase(Some("a passphrase of some length"));
    take_turns(&session);
}

#[test]
fn with_a_systemd_credential() {
    let mut session = Session::new("file", "systemd:renewd-key");
    let credentials = session.home.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::set_permissions(&credentials, Permissions::from_mode(0o700)).unwrap();
    fs::write(credentials.join("renewd-key"), "k".repeat(40)).unwrap();
    fs::set_permissions(credentials.join("renewd-key"), Permissions::from_mode(0o400)).unwrap();
    session.set("CREDENTIALS_DIRECTORY", &credentials.to_string_lossy());
    take_turns(&session);
}

/// Each write may prompt, and each read: a process that runs for weeks asks once.
#[test]
fn a_process_asks_the_keyring_for_its_key_once() {
    let Some(desktop) = Desktop::start_with(Provider::None) else { return };
    let fake = desktop.fake();
    let server = strict_server();
    let session = Session::new("file", "keyring").on_bus(&desktop.address());
    session.import(&server).succeeded();
    let reads = |fake: &FakeService| fake.calls("GetSecret");
    let writes = |fake: &FakeService| fake.calls("SetSecret") + fake.calls("CreateItem");
    let (read, written) = (reads(&fake), writes(&fake));
    assert_eq!((written, fake.items()), (1, 1), "the key, at the first use");
    let agent = agent_of(&session);
    assert_eq!(reads(&fake), read + 1, "the agent's key, at its start");
    for _ in 0..3 {
        let answer = agent.socket().post("/v1/credentials/work/refresh", &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!((reads(&fake), writes(&fake)), (read + 1, written), "three refreshes and no call");
    session.token().succeeded();
    assert_eq!(
        (reads(&fake), writes(&fake)),
        (read + 1, written),
        "a command asks the agent, and no keyring"
    );
    Running::start(session.alone(["token", "work"]), b"").finish().succeeded();
    assert_eq!((reads(&fake), writes(&fake)), (read + 2, written), "one call for a command without an agent");
    agent.stop().succeeded();
}
