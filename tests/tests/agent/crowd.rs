//! A thousand callers want a token at the moment when the old one is over: one token request serves them all.

#![cfg(unix)]

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, HttpAnswer, ProtectedApi, read_answer};
use renewd_e2e::{Agent, Door, Home, PATIENCE, wait_for};

/// Callers at the same time.
const CALLERS: usize = 1000;

/// A caller's stack: it only waits for an answer.
const STACK_BYTES: usize = 256 << 10;

/// Three descriptors for each caller (its own, and those of the test API), and some.
const DESCRIPTORS: u64 = 4096;

/// What a login session usually allows, and the agent must make do with.
const USUAL_DESCRIPTORS: u64 = 1024;

/// Sets how many descriptors this process, and whatever it starts from now on, may have at first.
fn limit_descriptors(to: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    assert!(maximum.is_none_or(|maximum| maximum >= to), "this test needs {to} descriptors: ulimit -Hn {to}");
    let limit = Rlimit { current: Some(to), maximum };
    setrlimit(Resource::Nofile, limit).expect("a limit below the hard one may be set");
}

/// An agent whose token is over and whose next one the server holds back.
struct AtExpiry {
    server: AuthorizationServer,
    api: ProtectedApi,
    agent: Agent,
    _home: Home,
}

fn at_expiry() -> AtExpiry {
    let server = AuthorizationServer::start(AsConfig { lifetime_ms: 2000, ..AsConfig::default() })
        .expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let home = Home::with(&format!(
        "[request]\ntimeout = \"10m\"\n\
         [[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\ndemand_timeout = \"10m\"\n",
        api.url()
    ));
    home.import("work", &server);
    limit_descriptors(USUAL_DESCRIPTORS);
    let agent = Agent::start(&home);
    limit_descriptors(DESCRIPTORS);
    assert_eq!(agent.proxy().get("/first").status, 200);
    // The next one is for good.
    server.hold();
    server.configure(|config| config.lifetime_ms = 3_600_000);
    server.wait_held(1, PATIENCE).expect("the refresh before expiry is on its way");
    agent.wait_credential("work", "expiry", |seen| seen["token_valid"] == false);
    AtExpiry { server, api, agent, _home: home }
}

/// All at once, each on a connection of its own; the server answers when the last one has asked.
fn ask_all(world: &AtExpiry, door: &Door, request: &str) -> Vec<HttpAnswer> {
    let asked = Arc::new(AtomicUsize::new(0));
    let before = world.server.totals().token_requests;
    let caller = || -> JoinHandle<std::io::Result<HttpAnswer>> {
        let (door, asked) = (door.clone(), Arc::clone(&asked));
        let request = request.to_owned();
        let call = move || {
            let mut stream = door.connect()?;
            stream.write_all(request.as_bytes())?;
            asked.fetch_add(1, Ordering::SeqCst);
            read_answer(&mut stream, false)
        };
        Builder::new().stack_size(STACK_BYTES).spawn(call).expect("a thread can be started")
    };
    let callers: Vec<_> = (0..CALLERS).map(|_| caller()).collect();
    wait_for("everybody to have asked", || (asked.load(Ordering::SeqCst) == CALLERS).then_some(()));
    assert_eq!((world.server.held(), world.server.in_flight()), (1, 1), "nobody made a request of their own");
    world.server.release();
    let answers: Vec<_> = callers
        .into_iter()
        .map(|caller| caller.join().expect("a caller does not panic").expect("every caller is answered"))
        .collect();
    assert_eq!(world.server.totals().token_requests, before + 1, "one token request for all");
    assert_eq!((world.server.max_in_flight(), world.server.totals().reuse_trips), (1, 0));
    answers
}

#[test]
fn a_thousand_callers_of_the_proxy_cost_one_token_request() {
    let world = at_expiry();
    let proxy = world.agent.proxy();
    let target = proxy.target("/crowd");
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answers = ask_all(&world, &proxy, &request);
    let served = answers.iter().filter(|answer| answer.status == 200 && answer.complete).count();
    assert_eq!(served, CALLERS);
    let log = world.api.log();
    let crowd: Vec<_> = log.iter().filter(|entry| entry.target == "/crowd").collect();
    assert!(
        crowd.len() == CALLERS && crowd.iter().all(|entry| entry.status == 200),
        "each went upstream once"
    );
}

#[test]
fn a_thousand_callers_of_the_agent_cost_one_token_request() {
    let world = at_expiry();
    let request = "POST /v1/credentials/work/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                   Content-Length: 17\r\n\r\n{\"timeout_s\":600}";
    let answers = ask_all(&world, world.agent.socket(), request);
    let tokens: std::collections::BTreeSet<_> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()["access_token"].as_str().expect("a token").to_owned()
        })
        .collect();
    assert_eq!((answers.len(), tokens.len()), (CALLERS, 1), "everybody has the same token");
}
