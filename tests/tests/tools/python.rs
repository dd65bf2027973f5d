//! The Python package from Python: the wheel that maturin builds, in an environment with httpx, against real servers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_e2e::{Agent, Home, QUICK_RETRY, Ran, Running};

/// The variable that names an interpreter which has the package. `cargo xtask test` builds and installs it.
const PYTHON_ENV: &str = "RENEWD_PYTHON";

/// Where this is 1, a package that could not be built is a failure rather than a skipped test.
const REQUIRED_ENV: &str = "RENEWD_PEERS_REQUIRED";

/// The interpreter; none where the package was not built: said, and nothing is tested.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os(PYTHON_ENV).map(PathBuf::from);
    if python.is_none() {
        let required = std::env::var_os(REQUIRED_ENV).is_some_and(|value| value == "1");
        assert!(!required, "the Python package is required ({REQUIRED_ENV}=1), and {PYTHON_ENV} is not set");
        println!(
            "SKIPPED, nothing was tested: {PYTHON_ENV} is not set: `cargo xtask test` builds the Python package"
        );
    }
    python
}

fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).join("..")
}

/// What the tests talk to: a server, an API before it, and a home with a login.
struct World {
    server: Arc<AuthorizationServer>,
    api: Arc<ProtectedApi>,
    home: Home,
    control: String,
}

impl World {
    fn start(configuration: &str) -> Self {
        let server =
            Arc::new(AuthorizationServer::start(AsConfig::default()).expect("a server can be started"));
        let api = Arc::new(ProtectedApi::start(&server).expect("an API can be started"));
        let home = Home::with(&format!("[refresh]\nmin_interval = \"0s\"\n{configuration}"));
        home.import("work", &server);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let control = listener.local_addr().expect("it has an address").to_string();
        let told = (Arc::clone(&server), Arc::clone(&api));
        // It ends with the test's process.
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|one| answer(&told.0, &told.1, one))
        });
        Self { server, api, home, control }
    }

    /// Runs Python in the home.
    fn run(&self, python: &Path, args: &[&str]) -> Ran {
        let command = self.home.command::<&str>([]);
        let mut own = Command::new(python);
        own.args(args).env_clear();
        own.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        own.env("RENEWD_TEST_API", self.api.url()).env("RENEWD_TEST_CONTROL", &self.control);
        // A test that hangs says where.
        own.env("PYTHONFAULTHANDLER", "1").env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONWARNINGS", "error");
        Running::start(own, b"").finish()
    }

    /// Runs one class of the tests.
    #[track_caller]
    fn class(&self, class: &str) {
        let Some(python) = python() else { return };
        let script = root().join("tests/tests/tools/python/test_renewd.py");
        let script = script.to_str().expect("the repository's path is text");
        let ran = self.run(&python, &[script, "-v", class]).succeeded();
        assert!(ran.stderr.contains("\nOK"), "{ran:?}");
        assert!(!ran.stderr.contains("Ran 0 tests"), "{ran:?}");
    }
}

/// Does what Python asks for.
fn answer(server: &AuthorizationServer, api: &ProtectedApi, stream: TcpStream) {
    let mut word = String::new();
    if BufReader::new(&stream).read_line(&mut word).is_err() {
        return;
    }
    let said = match word.trim() {
        "token-requests" => server.totals().token_requests.to_string(),
        "reuse-trips" => server.totals().reuse_trips.to_string(),
        "held" => server.held().to_string(),
        other => {
            match other {
                "hold" => server.hold(),
                "release" => server.release(),
                "revoke" => drop(api.revoke_current()),
                "401 always" => api.answer_401_always(true),
                "401 never" => api.answer_401_always(false),
                "fault waf" => server.set_fault(Fault::WafBlock),
                "fault ok" => server.set_fault(Fault::Ok),
                unknown => panic!("Python asked for {unknown:?}"),
            }
            "done".to_owned()
        }
    };
    // One that does not wait for the answer has it all the same.
    let _ = writeln!(&stream, "{said}");
}

#[test]
fn python_has_tokens_without_an_agent() {
    World::start("").class("Plain");
}

#[test]
fn python_has_tokens_from_the_agent() {
    let world = World::start("");
    let agent = Agent::start(&world.home);
    world.class("Plain");
    drop(agent);
}

#[test]
fn the_programs_on_the_page_run() {
    let Some(python) = python() else { return };
    let world = World::start("");
    world.home.import("github", &world.server);
    let page = std::fs::read_to_string(root().join("docs/python.md")).unwrap();
    let programs: Vec<&str> =
        page.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let printed: Vec<String> = programs
        .iter()
        .map(|program| {
            let program = program.replace("https://api.github.com", &world.api.url());
            let show =
                if program.contains("header = ") { "\nprint(header['Authorization'][:7])" } else { "" };
            world.run(&python, &["-c", &format!("{program}{show}")]).succeeded().stdout
        })
        .collect();
    let ten = format!("[{}]\n", ["200"; 10].join(", "));
    let [header, client, gathered, failure, token] = printed.as_slice() else { panic!("{}", printed.len()) };
    assert_eq!((header.as_str(), client.as_str(), gathered.as_str()), ("Bearer \n", "200\n", ten.as_str()));
    assert_eq!(failure, "somebody must type: renewd login elsewhere\n");
    let lines: Vec<&str> = token.lines().collect();
    assert!(
        lines[0].contains("<renewd.Token of github") && lines[1..] == ["True", "running"],
        "the last program"
    );
}

#[test]
fn asyncio_waits_without_blocking_its_loop() {
    World::start("").class("Asyncio");
}

#[test]
fn python_gives_up_when_its_time_is_over() {
    World::start("").class("Late");
}

#[test]
fn httpx_repeats_a_refused_request_once_with_a_fresh_body() {
    for test in [
        "test_a_401_is_answered_with_one_newer_token_and_a_fresh_body",
        "test_the_second_401_is_the_callers",
        "test_a_body_that_streams_is_sent_once_and_the_token_renewed_all_the_same",
        "test_a_body_that_streams_is_repeated_where_that_was_asked_for",
        "test_a_token_is_not_called_refused_by_a_host_that_never_saw_it",
    ] {
        World::start("").class(&format!("Http.{test}"));
    }
}

#[test]
fn httpx_does_so_asynchronously() {
    for test in [
        "test_asynchronously_a_401_is_answered_with_one_newer_token_and_a_fresh_body",
        "test_asynchronously_a_body_that_streams_is_repeated_where_that_was_asked_for",
    ] {
        World::start("").class(&format!("Http.{test}"));
    }
}

#[test]
fn httpx_repeats_a_refused_request_with_a_token_of_the_agent() {
    for test in [
        "test_a_401_is_answered_with_one_newer_token_and_a_fresh_body",
        "test_asynchronously_a_401_is_answered_with_one_newer_token_and_a_fresh_body",
    ] {
        let world = World::start("");
        let agent = Agent::start(&world.home);
        world.class(&format!("Http.{test}"));
        drop(agent);
    }
}

#[test]
fn python_is_told_of_an_outage_and_of_the_next_attempt() {
    World::start(&format!("{QUICK_RETRY}\n[auth_retrying]\ninterval = \"10m\"\nceiling = \"24h\"\n"))
        .class("Outage");
}

#[test]
fn python_waits_without_the_interpreters_lock() {
    for with_agent in [false, true] {
        let world = World::start("");
        let agent = with_agent.then(|| Agent::start(&world.home));
        world.class("Waiting");
        drop(agent);
    }
}
