//! The agent under a service manager: listeners that it is handed, what it says, and that it leaves them alone.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ProtectedApi};
use renewd_e2e::{Agent, Door, Home, QUICK_RETRY, Running, ServiceManager, pause, wait_for};
use rustix::process::Signal;

struct Given {
    server: AuthorizationServer,
    api: ProtectedApi,
    home: Home,
    manager: ServiceManager,
}

fn given() -> Given {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let manager = ServiceManager::at(&home.path().join("runtime/notify"));
    Given { server, api, home, manager }
}

impl Given {
    fn proxy(&self, listen: &str) -> String {
        format!(
            "[[proxy]]\nlisten = \"{listen}\"\nupstream = \"{}\"\ncredential = \"work\"\naccess = \"any-local-user\"\n",
            self.api.url()
        )
    }

    fn start(&self) -> Agent {
        Agent::start_at(self.manager.command(&self.home.command(["agent"])), &self.home.socket())
    }
}

#[test]
fn listeners_that_are_handed_over_outlive_the_agent_and_whoever_connects_meanwhile_is_served() {
    let mut given = given();
    let socket = given.home.socket();
    given.manager.unix("agent", &socket, 0o600);
    let status = given.manager.tcp("status");
    let by_address = given.manager.tcp("first");
    let by_name = given.manager.tcp("second");
    given.home.configure(&format!(
        "{QUICK_RETRY}[agent]\nstatus = \"{status}\"\n{}{}",
        given.proxy(&by_address.to_string()),
        given.proxy("fd:second"),
    ));
    let agent = given.start();
    assert_eq!(given.manager.heard(), "READY=1");
    for address in [by_address, by_name] {
        assert_eq!(Door::Tcp(address).get("/x").status, 200);
    }
    assert_eq!(Door::Tcp(status).get("/healthz").status, 200);
    agent.stop().succeeded();
    assert_eq!(given.manager.heard(), "STOPPING=1");
    assert!(socket.exists(), "the socket is its maker's");

    // Nobody is refused while it is away; all are served once it is back.
    let waiting: Vec<_> = [Door::Tcp(by_address), Door::Tcp(by_name)]
        .into_iter()
        .map(|door| std::thread::spawn(move || door.get("/waited").status))
        .collect();
    let token = given.home.start(["token", "work"]);
    pause(Duration::from_millis(200));
    let agent = given.start();
    for waiting in waiting {
        assert_eq!(waiting.join().expect("an answer"), 200);
    }
    token.finish().succeeded();
    agent.stop().succeeded();
    assert_eq!(given.server.totals().reuse_trips, 0);
}

#[test]
fn a_command_wakes_the_agent_by_its_socket() {
    let mut given = given();
    given.manager.unix("agent", &given.home.socket(), 0o600);
    let token = given.home.start(["token", "work"]);
    // As a manager does once somebody connects.
    let agent = given.start();
    token.finish().succeeded();
    wait_for("the agent's own token", || (agent.credential("work")["token_valid"] == true).then_some(()));
    assert_eq!(given.server.totals().token_requests, 1, "the command spent nothing of its own");
}

#[test]
fn what_is_handed_over_wrongly_is_refused_by_name() {
    let mut open = given();
    open.manager.unix("agent", &open.home.socket(), 0o666);
    let run = |given: &Given| {
        let command = given.manager.command(&given.home.command(["agent"]));
        Running::start(command, b"").finish().failed(6).stderr
    };
    let said = run(&open);
    assert!(said.contains("SocketMode=0600"), "{said}");

    let mut elsewhere = given();
    elsewhere.manager.unix("agent", &elsewhere.home.path().join("runtime/other.sock"), 0o600);
    let said = run(&elsewhere);
    assert!(said.contains("where clients look"), "{said}");

    let mut datagrams = given();
    datagrams.manager.hand("web", OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()));
    let said = run(&datagrams);
    assert!(said.contains("(web)") && said.contains("no listening stream socket"), "{said}");

    let missing = given();
    missing.home.configure(&format!("{QUICK_RETRY}{}", missing.proxy("fd:api")));
    let said = run(&missing);
    assert!(said.contains("FileDescriptorName=api"), "{said}");
}

#[test]
fn what_nobody_listens_on_is_told_and_no_hook_gets_a_descriptor_or_a_variable() {
    let mut given = given();
    given.manager.unix("agent", &given.home.socket(), 0o600);
    let unused = given.manager.tcp("unused");
    let out = given.home.path().join("hook.out");
    let hook = given.home.path().join("hook");
    fs::write(
        &hook,
        format!("#!/bin/sh\n{{ ls -l /proc/$$/fd; env; }} > {0}.new && mv {0}.new {0}\n", out.display()),
    )
    .unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    given.home.configure(&format!("{QUICK_RETRY}[hooks]\non_unauthenticated = [\"{}\"]\n", hook.display()));
    let agent = given.start();
    agent.wait_said(&format!("unused ({unused}) was handed over"));
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    given.server.set_fault(renewd_e2e::testkit::Fault::InvalidGrant);
    given.home.run(["refresh", "work"]).failed(3);
    let seen = wait_for("the hook", || fs::read_to_string(&out).ok());
    assert!(!seen.contains("socket:"), "{seen}");
    for variable in ["LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_"] {
        assert!(!seen.contains(variable), "{seen}");
    }
}

#[test]
fn a_reload_is_told_with_its_time_and_the_watchdog_is_fed_only_while_the_loops_live() {
    let given = given();
    let manager = ServiceManager::at(&given.home.path().join("runtime/notify")).with_watchdog(300_000);
    let given = Given { manager, ..given };
    let agent = given.start();
    given.manager.wait("READY=1");
    assert!(given.manager.wait("STATUS=").contains("keeping 1 credential"));
    for _ in 0..3 {
        given.manager.wait("WATCHDOG=1");
    }
    agent.signal(Signal::HUP);
    let said = given.manager.wait("RELOADING=1");
    let micros = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|n| n.parse::<u64>().ok());
    assert!(micros.is_some_and(|n| n > 0), "{said}");
    given.manager.wait("READY=1");
    given.server.set_fault(renewd_e2e::testkit::Fault::WafBlock);
    assert_ne!(given.home.run(["refresh", "work"]).code, Some(0));
    assert!(given.manager.wait("STATUS=").contains("work auth_retrying"));
    agent.stop().succeeded();
    given.manager.wait("STOPPING=1");
}

#[test]
fn systemds_own_launcher_is_understood() {
    let launcher = Path::new("/usr/bin/systemd-socket-activate");
    if !launcher.exists() {
        assert!(
            std::env::var_os("RENEWD_SYSTEMD_REQUIRED").is_none(),
            "systemd-socket-activate is required and not there"
        );
        println!("skipped: systemd-socket-activate is not there (Debian's package systemd)");
        return;
    }
    let given = given();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    given.home.configure(&format!("{QUICK_RETRY}{}", given.proxy("fd:api")));
    let agent = given.home.command(["agent"]);
    let mut command = Command::new(launcher);
    command.env_clear();
    // The launcher clears the environment of what it starts but for what it is told.
    for (name, value) in agent.get_envs() {
        if let (Some(name), Some(value)) = (name.to_str(), value.and_then(|v| v.to_str())) {
            command.env(name, value).arg(format!("--setenv={name}={value}"));
        }
    }
    command.arg(format!("--listen={free}")).arg("--fdname=api");
    command.arg(agent.get_program()).args(agent.get_args());
    let mut running = Running::start(command, b"");
    // It starts the agent for the first who connects.
    let answer = wait_for("the proxy", || {
        assert!(running.is_running(), "{}", running.stderr());
        Door::Tcp(free).request("GET", "/x", &[], b"").ok()
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
    running.signal(Signal::TERM);
    running.finish().succeeded();
}
