//! Two processes over one store: whatever their callers do, one request at a time, and nobody waits longer than they
//! said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::future::join_all;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

use crate::world::*;

/// Attempts of one process; none has the names of another.
struct Entropies(AtomicU64);

impl Entropy for Entropies {
    fn attempt_id(&self) -> AttemptId {
        AttemptId(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// One server for both: it answers when the script says, or never, whatever it is told.
struct Server {
    clock: VirtualClock,
    script: Mutex<Vec<Answers>>,
    requests: AtomicU64,
}

#[derive(Clone, Copy)]
enum Answers {
    After(Span),
    /// Not even after an abort: the transport is broken.
    Never,
}

#[async_trait]
impl TokenEndpoint for Server {
    async fn send(&self, _: AttemptId, _: TokenRequest) -> Answer {
        let n = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let next = self.script.lock().map(|mut s| if s.is_empty() { None } else { Some(s.remove(0)) });
        match next.expect("no test panics here").unwrap_or(Answers::After(secs(1))) {
            Answers::After(span) => self.clock.sleep(span).await,
            Answers::Never => std::future::pending().await,
        }
        let body = format!(
            r#"{{"access_token":"at-{n}","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-{n}"}}"#
        );
        Answer::Response(Response {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: Secret::from_string(body),
            truncated: false,
        })
    }

    fn abort(&self, _: AttemptId) {}
}

struct Siblings {
    executor: VirtualExecutor,
    clock: VirtualClock,
    server: Arc<Server>,
    keepers: Vec<Keeper>,
    handles: Vec<DriverHandle>,
}

impl Siblings {
    /// Two processes that keep one login whose access token is over.
    fn new(store: &MemoryStore, script: impl IntoIterator<Item = Answers>) -> Self {
        let clock = VirtualClock::new(START);
        let mut executor = VirtualExecutor::new(&clock);
        let script = Mutex::new(script.into_iter().collect());
        let server = Arc::new(Server { clock: clock.clone(), script, requests: AtomicU64::new(0) });
        store.write(&name("work"), record(mins(61)));
        let (mut keepers, mut handles) = (Vec::new(), Vec::new());
        for process in 1..=2 {
            let ports = Ports {
                endpoint: server.clone(),
                store: Arc::new(store.clone()),
                clock: Arc::new(clock.clone()),
                timer: Arc::new(VirtualTimer::new(&clock)),
                entropy: Arc::new(Entropies(AtomicU64::new(process << 32))),
                signer: Arc::new(NoSigner),
                observer: Arc::new(NullObserver),
            };
            let (driver, handle) = Driver::new(ports, DriverOptions::default());
            executor.spawn(driver.run());
            keepers.push(handle.add(name("work"), setup(), process));
            handles.push(handle);
        }
        Self { executor, clock, server, keepers, handles }
    }

    fn requests(&self) -> u64 {
        self.server.requests.load(Ordering::Relaxed)
    }

    fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        self.executor.run_until(LONG, future).expect("it ends within two days")
    }
}

fn patience(timeout: Span) -> TokenRequestOptions {
    TokenRequestOptions { timeout: Some(timeout), ..TokenRequestOptions::default() }
}

#[test]
fn many_callers_of_two_processes_cost_one_request() {
    for store in [MemoryStore::new(), MemoryStore::new().telling()] {
        let mut siblings = Siblings::new(&store, []);
        let keepers: Vec<Keeper> = siblings.keepers.iter().cycle().take(200).cloned().collect();
        let callers = keepers.iter().map(|keeper| keeper.token_with(patience(secs(30))));
        let served = siblings.wait(join_all(callers));
        assert!(served.iter().all(|t| t.as_ref().is_ok_and(|t| t.generation() == 1)));
        siblings.executor.run_for(mins(10));
        assert_eq!(siblings.requests(), 1);
    }
}

#[test]
fn each_caller_returns_by_its_own_deadline_while_another_process_waits_for_the_server() {
    let store = MemoryStore::new();
    let mut siblings = Siblings::new(&store, [Answers::After(secs(20))]);
    let (first, second) = (siblings.keepers[0].clone(), siblings.keepers[1].clone());
    // The first process begins.
    siblings.executor.spawn(async move { drop(first.token_with(patience(secs(60))).await) });
    siblings.executor.run_for(secs(1));
    assert_eq!(siblings.requests(), 1);

    let began = siblings.clock.now().boot;
    for seconds in 1..=8 {
        let (keeper, clock) = (second.clone(), siblings.clock.clone());
        siblings.executor.spawn(async move {
            let error = keeper.token_with(patience(secs(seconds))).await.map(|t| t.generation()).unwrap_err();
            assert!(
                matches!(&error, TokenError::Timeout { waited, .. } if *waited == secs(seconds)),
                "{error}"
            );
            assert_eq!(clock.now().boot, began + secs(seconds));
        });
    }
    siblings.executor.run_for(secs(10));
    // Those who are patient get the token of the first.
    let patient = siblings.wait(second.token_with(patience(secs(30))));
    assert_eq!(patient.map(|t| t.generation()), Ok(1));
    siblings.executor.run_for(mins(5));
    assert_eq!(siblings.requests(), 1, "nobody's deadline sends a second request");
}

#[test]
fn a_transport_that_never_answers_holds_up_its_own_process_and_no_other_for_ever() {
    let store = MemoryStore::new();
    let mut siblings = Siblings::new(&store, [Answers::Never]);
    let (broken, healthy) = (siblings.keepers[0].clone(), siblings.keepers[1].clone());
    siblings.executor.spawn(async move { drop(broken.token().await) });
    siblings.executor.run_for(secs(1));
    assert_eq!(siblings.requests(), 1);
    let token = siblings.wait(healthy.token_with(patience(mins(5)))).map(|t| t.generation());
    assert_eq!(token, Ok(1));
    // The deadline, three margins, and the settle wait.
    let waited = siblings.clock.now().boot.since(START.boot);
    assert!(waited >= secs(30 + 15 + 35) && waited <= mins(3), "{waited}");
    assert_eq!(siblings.requests(), 2);
    assert_eq!(siblings.wait(siblings.handles[0].shutdown()), Drained::default());
}

#[test]
fn a_login_that_another_process_writes_during_a_request_wins_and_the_answer_is_discarded() {
    let store = MemoryStore::new();
    let mut siblings = Siblings::new(&store, [Answers::After(secs(10))]);
    let (first, second) = (siblings.keepers[0].clone(), siblings.keepers[1].clone());
    let caller = first.clone();
    siblings.executor.spawn(async move { drop(caller.token().await) });
    siblings.executor.run_for(secs(1));
    let mut login = record_at(siblings.clock.now(), secs(0));
    login.epoch = 2;
    login.grant.refresh_token = Some(Secret::from("rt-of-another-login"));
    store.write(&name("work"), login);
    siblings.executor.run_for(mins(2));
    for keeper in [first, second] {
        assert_eq!(keeper.try_token().map(|t| (t.epoch(), t.generation())), Some((2, 0)));
    }
    let stands = store.read(&name("work")).expect("a record");
    assert_eq!(stands.version(), (2, 0));
    assert!(stands.grant.refresh_token.is_some_and(|t| t.same_as(b"rt-of-another-login")));
    assert_eq!(siblings.requests(), 1);
}

#[test]
fn a_record_that_is_removed_during_a_request_comes_back_with_the_new_tokens() {
    let store = MemoryStore::new().telling();
    let mut siblings = Siblings::new(&store, [Answers::After(secs(10))]);
    let first = siblings.keepers[0].clone();
    let caller = first.clone();
    siblings.executor.spawn(async move { drop(caller.token().await) });
    siblings.executor.run_for(secs(1));
    store.remove(&name("work"));
    siblings.executor.run_for(secs(20));
    assert_eq!(store.read(&name("work")).map(|r| r.version()), Some((1, 1)));
    assert!(siblings.keepers.iter().all(|k| k.try_token().is_some_and(|t| t.generation() == 1)));
    assert_eq!(siblings.requests(), 1);
}

#[test]
fn a_claim_that_is_lost_between_the_mark_and_the_request_sends_nothing() {
    let clock = VirtualClock::new(START);
    let mut executor = VirtualExecutor::new(&clock);
    let store = MemoryStore::new().with_latency(&clock, Span::from_millis(100));
    let endpoint = Arc::new(ScriptedEndpoint::new(&clock, secs(1), [Reply::Grant(3600)]));
    let ports = Ports {
        clock: Arc::new(clock.clone()),
        ..Ports::new(endpoint.clone(), Arc::new(store.clone()), Arc::new(VirtualTimer::new(&clock)))
    };
    store.write(&name("work"), record(mins(61)));
    let (driver, handle) = Driver::new(ports, DriverOptions::default());
    executor.spawn(driver.run());
    let keeper = handle.add(name("work"), setup(), 7);
    let caller = keeper.clone();
    executor.spawn(async move { drop(caller.token().await) });
    // Read, claimed and read again; the mark is being written.
    executor.run_for(Span::from_millis(350));
    assert_eq!(executor.run_until(secs(1), keeper.view()).unwrap().unwrap().view.phase, Phase::Marking);
    store.lose_claims();
    let theirs = store.claim_elsewhere(&name("work")).expect("another process can take it");
    executor.run_for(secs(30));
    assert_eq!(endpoint.count(), 0, "the other process may be spending it");
    assert!(
        store.read(&name("work")).is_some_and(|r| r.intent.is_none()),
        "nobody need wait for what was not sent"
    );
    drop(theirs);
    executor.run_for(mins(2));
    assert_eq!((endpoint.count(), keeper.try_token().map(|t| t.generation())), (1, Some(1)));
}
