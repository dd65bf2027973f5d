//! The agent: its life, its folder, and the configuration it reads anew.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ProtectedApi};
use renewd_e2e::{Agent, Door, Home, QUICK_RETRY, Running, unix_seconds, unix_seconds_of, wait_for};
use rustix::process::Signal;

fn server() -> AuthorizationServer {
    AuthorizationServer::start(AsConfig::default()).expect("a server can be started")
}

fn ready(agent: &Agent) {
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
}

#[test]
fn it_listens_privately_says_where_and_leaves_nothing_behind() {
    let server = server();
    let home = Home::with(&format!("{QUICK_RETRY}[agent]\nstatus = \"127.0.0.1:0\"\n"));
    home.import("work", &server);
    let agent = Agent::start(&home);
    let (socket, description) = (home.socket(), home.socket().with_file_name("agent.json"));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(&description)), (0o600, 0o600));
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
    let told = renewd_e2e::json(&fs::read_to_string(&description).unwrap());
    assert_eq!((&told["schema"], &told["pid"]), (&1.into(), &agent.pid().into()));
    assert_eq!(told["socket"], socket.to_str().unwrap());
    assert_eq!(told["state_dir"], home.state().to_str().unwrap());
    assert_eq!(told["status_addr"], agent.status_address().to_string());
    assert!(told["version"].is_string());
    agent.wait_said("renewd: keeping 1 credential");

    let ran = agent.stop().succeeded();
    assert_eq!(ran.stdout, "", "standard output is for data");
    assert!(!socket.exists() && !description.exists());
}

#[test]
fn a_second_agent_is_refused_and_the_first_goes_on() {
    let server = server();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let agent = Agent::start(&home);
    ready(&agent);
    let said = home.run(["agent"]).failed(2).stderr;
    assert!(said.contains("an agent listens on") && said.contains("agent.sock"), "{said}");
    assert_eq!(agent.credential("work")["status"], "running");
    assert!(home.socket().with_file_name("agent.json").exists());
    // One that was killed leaves its socket behind: the next one takes the place.
    drop(agent);
    let next = Agent::start(&home);
    ready(&next);
    assert_eq!(server.totals().token_requests, 1);
}

#[test]
fn a_place_that_is_no_agents_is_called_what_it_is() {
    let home = Home::new();
    let file = home.path().join("home/precious");
    fs::write(&file, "precious").unwrap();
    home.configure(&format!("[agent]\nsocket = \"{}\"\n", file.display()));
    let said = home.run(["agent"]).failed(6).stderr;
    assert!(said.contains("no socket") && !said.contains("an agent listens"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn an_import_while_it_runs_is_picked_up() {
    let server = server();
    let home = Home::with(QUICK_RETRY);
    let agent = Agent::start(&home);
    agent.wait_said("nothing to keep yet");
    home.import("work", &server);
    wait_for("the agent to keep what was imported", || {
        let all = agent.socket().get("/v1/credentials").json();
        (all["credentials"][0]["token_valid"] == true).then_some(())
    });
    assert_eq!(server.totals().token_requests, 1);
}

#[test]
fn an_import_that_cannot_reach_it_is_found_all_the_same() {
    let server = server();
    let home = Home::with(QUICK_RETRY);
    let agent = Agent::start(&home);
    let grant = server.mint_grant();
    let mut import = home.command(["import", "work", "--client-id", "testkit-client"]);
    import.args(["--token-endpoint", &server.token_url()]);
    // Without it the agent's socket is looked for elsewhere.
    import.env_remove("XDG_RUNTIME_DIR");
    Running::start(import, grant.refresh_token.as_bytes()).finish().succeeded();
    wait_for("the agent to find what was imported", || {
        let all = agent.socket().get("/v1/credentials").json();
        (all["credentials"][0]["token_valid"] == true).then_some(())
    });
}

#[test]
fn a_login_and_a_logout_by_command_hold_for_the_agent_at_once() {
    let server = server();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let agent = Agent::start(&home);
    ready(&agent);
    let first = home.run(["token", "work"]).succeeded().line().to_owned();

    home.import_with("work", &server, &["--replace"]);
    let second = home.run(["token", "work", "--format", "json"]).succeeded().json();
    assert!(
        second["access_token"] != first.as_str() && second["epoch"] == 2,
        "the old login's token is over"
    );

    home.run(["logout", "work"]).succeeded();
    home.run(["token", "work"]).failed(3);
    assert_eq!(agent.credential("work")["cause"], "logged_out");
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (2, 0), "{totals:?}");
}

#[test]
fn the_command_asks_the_agent_and_spends_nothing_itself() {
    // What an agent keeps in memory nobody else can have.
    let server = server();
    let home = Home::new();
    let seed = home.private_file("seed", &server.mint_grant().refresh_token);
    home.configure(&format!(
        "{QUICK_RETRY}[store]\nkind = \"memory\"\n[credential.work]\ntoken_endpoint = \"{}\"\n\
         client_id = \"testkit-client\"\nseed_file = \"{}\"\nrevocation_endpoint = \"{}\"\n",
        server.token_url(),
        seed.display(),
        server.revocation_url()
    ));
    let agent = Agent::start(&home);
    ready(&agent);
    let first = home.run(["token", "work"]).succeeded();
    let again = home.run(["token", "work", "--format", "json"]).succeeded().json();
    assert_eq!((again["access_token"].as_str().unwrap(), &again["generation"]), (first.line(), &1.into()));
    home.run(["refresh", "work"]).succeeded();
    assert_eq!(home.status("work")["generation"], 2);
    assert_ne!(home.run(["token", "work"]).succeeded().line(), first.line());
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (2, 0), "{totals:?}");
    // So does a logout, and it says what the agent heard from the server.
    let ended = home.run(["logout", "work"]).succeeded();
    assert!(ended.stderr.contains("access token revoked at the server"), "{}", ended.stderr);
    assert_eq!(server.totals().families_revoked, 1);
    agent.wait_status("work", "unauthenticated");
    home.run(["token", "work"]).failed(3);
}

#[test]
fn an_agent_that_does_not_answer_is_passed_over_and_catches_up_later() {
    let server = AuthorizationServer::start(AsConfig { lifetime_ms: 6000, ..AsConfig::default() }).unwrap();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let agent = Agent::start(&home);
    // Well before a refresh, not in the middle of one: a process that stands still keeps its claim.
    wait_for("a moment between two refreshes", || {
        let seen = agent.credential("work");
        let next = unix_seconds_of(seen["next_attempt_at"].as_str().filter(|_| seen["token_valid"] == true)?);
        (next - unix_seconds() > 2.0).then(|| agent.signal(Signal::STOP))
    });
    let frozen = server.totals().token_requests;
    server.configure(|config| config.lifetime_ms = 3_600_000);
    wait_for("the token to expire", || {
        home.run(["token", "work"]).succeeded();
        (server.totals().token_requests > frozen).then_some(())
    });
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (frozen + 1, 0), "done directly: {totals:?}");
    let mine = home.run(["token", "work", "--format", "json"]).succeeded().json();

    agent.signal(Signal::CONT);
    let seen = agent.wait_credential("work", "the other's generation", |seen| {
        seen["generation"] == mine["generation"] && seen["token_valid"] == true
    });
    assert_eq!(seen["status"], "running");
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (frozen + 1, 0), "{totals:?}");
}

#[test]
fn an_agent_of_another_state_folder_is_not_asked() {
    let server = server();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let agent = Agent::start(&home);
    ready(&agent);
    let other = home.path().join("other");
    let mut command = home.command(["token", "work"]);
    command.arg("--state-dir").arg(&other);
    let said = Running::start(command, b"").finish().failed(3).stderr;
    assert!(said.contains("no credential is called work"), "{said}");
}

/// A proxy entry on a socket of that name in the home's runtime folder.
fn proxy_entry(home: &Home, name: &str, api: &ProtectedApi) -> (Door, String) {
    let path = home.path().join("runtime").join(name);
    let entry = format!(
        "[[proxy]]\nlisten = \"unix:{}\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        path.display(),
        api.url()
    );
    (Door::Unix(path), entry)
}

fn wait_serves(door: &Door) {
    wait_for(format!("a proxy on {door}"), || {
        let answer = door.request("GET", "/x", &[], b"").ok()?;
        (answer.status == 200).then_some(())
    });
}

#[test]
fn the_configuration_is_read_anew_on_sighup_and_on_reload() {
    let server = server();
    let api = ProtectedApi::start(&server).unwrap();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let ((first, first_entry), (second, second_entry)) =
        (proxy_entry(&home, "first", &api), proxy_entry(&home, "second", &api));
    home.configure(&format!("{QUICK_RETRY}{first_entry}"));
    let agent = Agent::start(&home);
    wait_serves(&first);

    home.configure(&format!("{QUICK_RETRY}{first_entry}{second_entry}"));
    agent.signal(Signal::HUP);
    wait_serves(&second);
    wait_serves(&first);
    agent.wait_said("the configuration was read anew");

    home.configure(&format!("{QUICK_RETRY}{second_entry}"));
    home.run(["agent", "reload"]).succeeded();
    wait_for("the first proxy to end", || first.connect().is_err().then_some(()));
    wait_serves(&second);

    // What is wrong changes nothing.
    home.configure("[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstraem = \"http://127.0.0.1:1\"\n");
    home.run(["agent", "reload"]).failed(6);
    agent.signal(Signal::HUP);
    let said = agent.wait_said("upstraem");
    assert!(said.contains("config.toml:3"), "{said}");
    agent.wait_said("the configuration that was in force stays in force");
    wait_serves(&second);
    assert_eq!(server.totals().token_requests, 1);
}

/// Whoever types a passphrase, or unlocks a keyring, may take his time.
#[test]
#[cfg(target_os = "linux")]
fn sighup_while_the_store_is_being_opened_does_not_end_the_agent() {
    use std::io::Write as _;
    const PASSPHRASE: &str = "correct horse battery";
    let mut session = renewd_e2e::Session::new("", "passphrase");
    session.passphrase(Some(PASSPHRASE));
    session.run(["init"]).succeeded();
    session.passphrase(None);
    let mut command = session.command(["agent", "--passphrase-fd", "0"]);
    let mut agent = command.stdin(std::process::Stdio::piped()).spawn().expect("the program can be run");
    let socket = session.home.socket();
    // It listens, and hears signals, before it opens the store.
    wait_for("the agent to listen", || socket.with_file_name("agent.json").exists().then_some(()));
    let pid = rustix::process::Pid::from_child(&agent);
    rustix::process::kill_process(pid, Signal::HUP).expect("it lives");
    let mut stdin = agent.stdin.take().expect("it is a pipe");
    stdin.write_all(PASSPHRASE.as_bytes()).expect("it still waits for the passphrase");
    drop(stdin);
    let door = Door::Unix(socket);
    wait_for("the agent to answer", || {
        assert_eq!(agent.try_wait().expect("it is a child"), None, "the agent ended");
        let answer = door.request("GET", "/healthz", &[], b"").ok()?;
        (answer.status == 200).then_some(())
    });
    rustix::process::kill_process(pid, Signal::TERM).expect("it lives");
    assert_eq!(agent.wait().expect("it is a child").code(), Some(0));
}

#[test]
fn a_policy_that_is_read_anew_holds_at_once() {
    let server = server();
    let home = Home::with(&format!("{QUICK_RETRY}[auth_retrying]\ninterval = \"6h\"\n"));
    home.import("work", &server);
    server.set_fault(renewd_e2e::testkit::Fault::WafBlock);
    let agent = Agent::start(&home);
    agent.wait_status("work", "auth_retrying");
    server.set_fault(renewd_e2e::testkit::Fault::Ok);
    home.configure(&format!("{QUICK_RETRY}[auth_retrying]\ninterval = \"100ms\"\n"));
    home.run(["agent", "reload"]).succeeded();
    agent.wait_status("work", "running");
}
