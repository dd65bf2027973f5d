//! `status --watch` with the real command: at a terminal a live screen that gives the terminal back, elsewhere a document
//! or a table at each change.

#![cfg(unix)]

use std::process::Stdio;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault};
use renewd_e2e::{Agent, Home, QUICK_RETRY, Terminal, wait_for};
use rustix::process::{Pid, Signal, kill_process};

/// Leaves the screen that a program draws on, and shows what stood there before.
const GIVEN_BACK: &str = "\u{1b}[?1049l";

struct World {
    server: AuthorizationServer,
    home: Home,
}

fn world() -> World {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    World { server, home }
}

fn watching(home: &Home) -> Terminal {
    let mut command = home.command(["status", "--watch"]);
    command.env("TERM", "xterm-256color");
    Terminal::sized(&command, 100, 24)
}

#[test]
fn a_change_of_status_is_seen_live_and_q_gives_the_terminal_back() {
    let world = world();
    let agent = Agent::start(&world.home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    let mut terminal = watching(&world.home);
    terminal.wait_for("live");
    terminal.wait_for("running");
    // Narrower: it is drawn anew, and the sign and the word are still there.
    terminal.resize(40, 24);
    terminal.wait_for("● running");
    terminal.wait_for("↑↓ Enter ? q");
    terminal.resize(100, 24);
    terminal.wait_for("live");
    world.server.set_fault(Fault::InvalidGrant);
    world.home.run(["refresh", "work"]).failed(3);
    terminal.wait_for("unauthenticated");
    terminal.wait_for("renewd login work");
    terminal.press(b'?');
    terminal.wait_for("The bar of the last 24 hours");
    terminal.press(b'q');
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains(GIVEN_BACK), "{screen:?}");
}

#[test]
fn without_an_agent_it_says_so_and_a_signal_gives_the_terminal_back() {
    let world = world();
    world.home.run(["token", "work"]).succeeded();
    let mut terminal = watching(&world.home);
    terminal.wait_for("no agent: the records");
    terminal.wait_for("when asked for");
    // Stopped, the terminal is given back; going on, it is drawn on again.
    terminal.press(0x1a);
    terminal.wait_for(GIVEN_BACK);
    wait_for("it to be stopped", || terminal.is_stopped().then_some(()));
    terminal.signal(Signal::CONT);
    terminal.wait_for("no agent: the records");
    terminal.signal(Signal::TERM);
    let (_, screen) = terminal.finish();
    assert!(screen.contains(GIVEN_BACK), "{screen:?}");
}

#[test]
fn for_programs_each_change_is_one_line() {
    let world = world();
    let agent = Agent::start(&world.home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    let file = world.home.path().join("watched");
    let mut command = world.home.command(["status", "--watch", "--json"]);
    command.stdin(Stdio::null()).stdout(std::fs::File::create(&file).unwrap());
    let mut child = command.spawn().unwrap();
    let lines = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(&file).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    wait_for("a first document", || (!lines().is_empty()).then_some(()));
    world.server.set_fault(Fault::InvalidGrant);
    world.home.run(["refresh", "work"]).failed(3);
    wait_for("the document of the change", || {
        let last = lines().pop()?;
        (last["credentials"][0]["status"] == "unauthenticated").then_some(())
    });
    assert!(lines().iter().all(|line| line["schema"] == 1));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(!child.wait().unwrap().success());
}
