//! Logging in beside a running agent. The agent says that a login is needed, and never begins one.

#![cfg(unix)]

use renewd_e2e::{Agent, Stranger, wait_for};
use serde_json::Value;

use crate::world::{SCOPE, World};

/// The agent has heard of the login, and keeps it.
fn wait_running(agent: &Agent) {
    wait_for("the agent to know the login", || {
        (agent.socket().get("/v1/credentials/work").status == 200).then_some(())
    });
    agent.wait_status("work", "running");
}

/// The agent, on the desktop on which an address could be opened.
fn agent(world: &World) -> Agent {
    Agent::start_at(world.command(&["agent"]), &world.home.socket())
}

#[test]
fn an_agent_asks_for_a_login_opens_nothing_and_goes_on_with_the_one_that_a_person_makes() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let agent = agent(&world);
    let args = [&["--client-id", "renewd", "--browser"], &SCOPE[..]].concat();
    world.login_with_a_person(&args).0.succeeded();
    wait_running(&agent);

    world.peer.revoke();
    world.home.run(["refresh", "work"]).failed(3);
    let seen = agent.wait_status("work", "unauthenticated");
    assert_eq!(seen["login_command"], "renewd login work", "{seen}");
    assert_eq!(seen["login_request"]["command"], "renewd login work", "{seen}");
    let asked = agent.wait_said("renewd login work");
    assert_eq!(agent.said().matches(&asked).count(), 1, "it asks once");
    let opened = world.desktop.opened().len();
    assert_eq!(opened, 1, "that was the login");

    // The command as it is told, with nothing added but how to reach the person.
    let again = renewd_e2e::Running::start(world.command(&["login", "work", "--browser"]), b"");
    world.agree_after(opened);
    again.finish().succeeded();
    let seen = agent.wait_status("work", "running");
    assert_eq!(seen["login_request"], Value::Null, "{seen}");
    world.lives();
    agent.stop().succeeded();
}

#[test]
fn a_login_is_handed_to_an_agent_that_keeps_it_in_memory_alone() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    world.home.configure("[store]\nkind = \"memory\"\n[refresh]\nmin_interval = \"0s\"\n");
    let agent = agent(&world);
    let args = [&["--client-id", "renewd", "--browser"], &SCOPE[..]].concat();
    world.login_with_a_person(&args).0.succeeded();
    wait_running(&agent);
    world.lives();
    agent.stop().succeeded();
    let left = walk(&world.home.state());
    assert!(!left.iter().any(|path| path.contains("credentials/")), "{left:?}");
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}
