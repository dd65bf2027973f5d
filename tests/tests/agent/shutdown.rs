//! The agent is told to stop while a token request is on its way: an accepted rotation must not be lost.

#![cfg(unix)]

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use renewd_e2e::testkit::{AsClass, AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Home, PATIENCE, QUICK_RETRY};
use rustix::process::Signal;

/// Longer than any test waits: whoever ends earlier did not wait for the request's own time to pass.
const PATIENT_REQUESTS: &str = "[request]\ntimeout = \"1h\"\n";

/// Hears what the agent tells its service manager (`sd_notify`).
struct Manager(UnixDatagram);

impl Manager {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a socket can be made in one's own folder");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        Self(socket)
    }

    #[track_caller]
    fn heard(&self, message: &str) {
        let mut buffer = [0; 256];
        let said = loop {
            let n = self.0.recv(&mut buffer).expect("the agent tells its service manager");
            let said = String::from_utf8_lossy(&buffer[..n]).into_owned();
            if !said.starts_with("STATUS=") {
                break said;
            }
        };
        assert_eq!(said, message);
    }
}

/// A shutdown that gives up on its request at once, and the time after which that cannot take effect any more.
fn impatient(settle: &str) -> String {
    format!("{PATIENT_REQUESTS}[shutdown]\ngrace = \"500ms\"\n[refresh]\nsettle = \"{settle}\"\n")
}

fn start(class: AsClass, configuration: &str) -> (AuthorizationServer, Home) {
    let server = AuthorizationServer::start(AsConfig { class, ..AsConfig::default() })
        .expect("a server can be started");
    let home = Home::with(&format!("{QUICK_RETRY}{configuration}"));
    home.import_with("work", &server, &["--as-class", class.name()]);
    (server, home)
}

#[test]
fn a_rotation_that_was_under_way_is_saved_before_the_agent_ends() {
    let (server, home) = start(AsClass::P2, &format!("{PATIENT_REQUESTS}[shutdown]\ngrace = \"1h\"\n"));
    let path = home.path().join("runtime/notify");
    let manager = Manager::listen(&path);
    let mut command = home.command(["agent"]);
    command.env("NOTIFY_SOCKET", &path);
    // From now on the server rotates, and keeps the answer to itself.
    server.hold_answers();
    let mut agent = Agent::start_at(command, &home.socket());
    manager.heard("READY=1");
    server.wait_held(1, PATIENCE).unwrap();

    agent.signal(Signal::TERM);
    manager.heard("STOPPING=1");
    assert!(agent.is_running(), "it waits for the answer");
    server.release();
    agent.finish().succeeded();

    let seen = home.status("work");
    assert_eq!((&seen["generation"], &seen["in_doubt"]), (&1.into(), &false.into()), "{seen}");
    assert_eq!((&seen["token_valid"], &seen["saved"]), (&true.into(), &true.into()), "{seen}");
    // The next one spends the refresh token that was saved.
    let agent = Agent::start(&home);
    home.run(["refresh", "work"]).succeeded();
    let log = server.log();
    assert_eq!(log.len(), 2);
    assert_eq!(log[1].presented, log[0].issued, "the token of the answer that came last");
    assert_eq!(server.totals().reuse_trips, 0);
    agent.stop().succeeded();
}

#[test]
fn a_server_that_never_answers_holds_the_agent_no_longer_than_its_grace() {
    let (server, home) = start(AsClass::P4, &impatient("1h"));
    server.hold();
    let agent = Agent::start(&home);
    server.wait_held(1, PATIENCE).unwrap();
    agent.stop().succeeded();

    // The intent stayed. Whoever comes next finds it and waits: the request may still take effect.
    let agent = Agent::start(&home);
    let seen =
        agent.wait_credential("work", "the request to be waited out", |seen| seen["phase"] == "settling");
    assert_eq!((&seen["in_doubt"], &seen["health"]), (&true.into(), &"degraded".into()), "{seen}");
    assert_eq!(server.held(), 1, "nothing more is sent meanwhile");
    agent.stop().succeeded();

    // It does, and its answer reaches nobody. After the wait the same refresh token is sent again.
    server.release();
    server.wait_for(|totals| totals.rotations == 1, PATIENCE).unwrap();
    home.configure(&format!("{QUICK_RETRY}{}", impatient("100ms")));
    let agent = Agent::start(&home);
    let seen = agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    assert_eq!((&seen["status"], &seen["in_doubt"]), (&"running".into(), &false.into()), "{seen}");
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.replays, totals.reuse_trips), (2, 1, 0), "{totals:?}");
}

#[test]
fn where_a_lost_rotation_cannot_be_healed_it_is_called_by_its_name() {
    let (server, home) = start(AsClass::P2, &impatient("1s"));
    server.hold_answers();
    let agent = Agent::start(&home);
    server.wait_held(1, PATIENCE).unwrap();
    agent.stop().succeeded();
    server.release();
    server.wait_idle(PATIENCE).unwrap();

    let agent = Agent::start(&home);
    let seen = agent.wait_status("work", "unauthenticated");
    assert_eq!(seen["cause"], "rotation_lost");
    agent.wait_said("✗ work: login needed (rotation_lost)");
    assert_eq!(server.totals().token_requests, 2);
}
