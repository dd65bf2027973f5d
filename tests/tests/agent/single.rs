//! One agent to a socket: whoever comes second says so and harms nothing, and one that was killed is succeeded.

#![cfg(unix)]

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Home, Running, json, wait_for};
use rustix::process::Signal;

#[test]
fn of_agents_that_start_at_once_exactly_one_stays_and_the_others_say_why_and_harm_nothing() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = Home::new();
    home.import("work", &server);
    let mut all: Vec<Running> = (0..5).map(|_| Running::start(home.command(["agent"]), b"")).collect();
    wait_for("all agents but one to end", || {
        let running = all.iter_mut().filter_map(|agent| agent.is_running().then_some(())).count();
        assert_ne!(running, 0, "none stayed");
        (running == 1).then_some(())
    });
    let mut stayed = None;
    for mut agent in all {
        if agent.is_running() {
            stayed = Some(agent);
            continue;
        }
        let said = agent.finish().failed(2).stderr;
        assert!(said.contains("an agent listens on") && said.contains("agent.socket"), "{said}");
    }
    let stayed = stayed.expect("one is left");
    // Its socket and its description are its own still.
    let description = wait_for("the description of the one that stayed", || {
        let text = std::fs::read_to_string(home.socket().with_file_name("agent.json")).ok()?;
        let description = json(&text);
        (description["pid"] == stayed.pid()).then_some(description)
    });
    assert_eq!(description["schema"], 1);
    home.run(["token", "work"]).succeeded();
    assert_eq!(server.totals().token_requests, 1);
    stayed.signal(Signal::TERM);
    stayed.finish().succeeded();
    assert!(!home.socket().exists(), "it took its socket along");
}

#[test]
fn the_socket_of_an_agent_that_was_killed_is_taken_over() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = Home::new();
    home.import("work", &server);
    let first = Agent::start(&home);
    let old = first.pid();
    drop(first);
    assert!(home.socket().exists(), "whoever is killed takes nothing along");
    let second = Agent::start(&home);
    assert_ne!(second.pid(), old);
    second.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
}
