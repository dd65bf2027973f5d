//! The agent's API as its document says it is: tried by a tool that others wrote, with thousands of questions that nobody
//! here thought of.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Agent, Door, Home, QUICK_RETRY, Relay, Running};

/// The variable that names the folder of what `cargo xtask peers` installed.
const FOLDER_ENV: &str = "RENEWD_PEERS";

/// Where this is 1, it must be there.
const REQUIRED_ENV: &str = "RENEWD_PEERS_REQUIRED";

/// For one run of the tool: enough for some thousand questions.
const SECONDS: u32 = 8;

struct World {
    _server: AuthorizationServer,
    agent: Agent,
    home: Home,
}

fn world() -> World {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = Home::with(&format!("{QUICK_RETRY}[agent]\nstatus = \"127.0.0.1:0\"\n"));
    for name in ["work", "other", "spare"] {
        home.import(name, &server);
    }
    let agent = Agent::start(&home);
    for name in ["work", "other", "spare"] {
        agent.wait_credential(name, "a token", |seen| seen["token_valid"] == true);
    }
    World { _server: server, agent, home }
}

/// schemathesis, as a command that waits for the rest of its arguments; none where it is not installed.
fn schemathesis() -> Option<Command> {
    let folder = std::env::var_os(FOLDER_ENV).map(|folder| PathBuf::from(folder).join("schemathesis"));
    let Some(folder) = folder.filter(|folder| folder.join("installed").is_file()) else {
        let required = std::env::var_os(REQUIRED_ENV).is_some_and(|value| value == "1");
        let why = "schemathesis is not installed: `cargo xtask peers` installs it, `cargo xtask test` says where it is";
        assert!(!required, "schemathesis is required ({REQUIRED_ENV}=1): {why}");
        println!("SKIPPED, nothing was tested: {why}");
        return None;
    };
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut command = Command::new(folder.join("bin/schemathesis"));
    command.arg("--config-file").arg(Path::new(&here).join("peers/schemathesis/schemathesis.toml"));
    Some(command)
}

/// Everything that it tries must be answered as the document says.
#[track_caller]
fn try_all(mut tool: Command, url: &str, home: &Home, more: &[&str]) -> String {
    tool.args(["--no-color", "run", &format!("{url}/openapi.json"), "--url", url]);
    tool.args(["--workers", "2", "--max-time", &SECONDS.to_string(), "--continue-on-failure"]);
    // The same questions each time: what others find by chance is found by hand, with `--seed`, and gets a test here.
    tool.args(["--generation-deterministic", "--warnings", "off"]).args(more);
    tool.current_dir(home.path());
    let ran = Running::start(tool, b"").finish();
    println!("{}", ran.stdout);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    // A run that tried nothing finds nothing.
    assert!(ran.stdout.contains("No issues found"), "{}", ran.stdout);
    ran.stdout
}

#[test]
fn every_question_on_the_socket_is_answered_as_the_document_says() {
    let Some(tool) = schemathesis() else { return };
    let world = world();
    let Door::Unix(socket) = world.agent.socket().clone() else { panic!("it is a socket") };
    let relay = Relay::to(&socket);
    let described = world.agent.socket().get("/openapi.json").json();
    let paths = described["paths"].as_object().expect("the document has paths");
    let questions: usize = paths.values().map(|path| path.as_object().map_or(0, serde_json::Map::len)).sum();
    assert!(questions >= 16, "{questions}");
    // It leaves alone where it read the document.
    let questions = questions - 1;
    let told = try_all(tool, &relay.url(), &world.home, &[]);
    assert!(told.contains(&format!("Tested: {questions}")), "{told}");
}

#[test]
fn every_question_at_the_status_address_is_answered_as_the_document_says() {
    let Some(tool) = schemathesis() else { return };
    let world = world();
    let Door::Tcp(address) = world.agent.status_address().clone() else { panic!("it is TCP") };
    // A stream of events has no end there.
    let more = ["--exclude-path", "/v1/events", "--exclude-method", "POST"];
    try_all(tool, &format!("http://{address}"), &world.home, &more);
}
