//! Several audiences of one login, kept by one loop, at a server that rotates and counts what comes twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::future::join_all;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

use crate::world::*;

const REFUSED: &str = "https://refused.example";

#[derive(Default)]
struct State {
    current: u64,
    /// Requests by the resource that they name.
    asked: BTreeMap<String, u32>,
    on_the_wire: u32,
    at_once: u32,
    reuse_trips: u32,
}

/// Rotates strictly, and takes its time.
struct Rotating {
    clock: VirtualClock,
    state: Mutex<State>,
}

fn field(request: &TokenRequest, name: &str) -> String {
    let body = request.body.expose_str().expect("a form");
    let value = body.split('&').find_map(|f| f.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
}

fn json(status: u16, body: String) -> Answer {
    Answer::Response(Response {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: Secret::from_string(body),
        truncated: false,
    })
}

#[async_trait]
impl TokenEndpoint for Rotating {
    async fn send(&self, _attempt: AttemptId, request: TokenRequest) -> Answer {
        let resource = field(&request, "resource");
        let spends = field(&request, "refresh_token");
        {
            let mut state = self.state.lock().expect("nobody panicked");
            *state.asked.entry(resource.clone()).or_default() += 1;
            state.on_the_wire += 1;
            state.at_once = state.at_once.max(state.on_the_wire);
        }
        self.clock.sleep(Span::from_millis(300)).await;
        let mut state = self.state.lock().expect("nobody panicked");
        state.on_the_wire -= 1;
        if resource == REFUSED {
            return json(400, r#"{"error":"invalid_target"}"#.into());
        }
        if spends != format!("rt-{}", state.current) {
            state.reuse_trips += 1;
            return json(400, r#"{"error":"invalid_grant"}"#.into());
        }
        state.current += 1;
        let n = state.current;
        json(
            200,
            format!(
                r#"{{"access_token":"at-{n}:{resource}","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-{n}"}}"#
            ),
        )
    }

    fn abort(&self, _attempt: AttemptId) {}
}

struct Audiences {
    executor: VirtualExecutor,
    server: Arc<Rotating>,
    store: MemoryStore,
    keeper: Keeper,
    handle: DriverHandle,
}

fn audiences() -> Audiences {
    let clock = VirtualClock::new(START);
    let mut executor = VirtualExecutor::new(&clock);
    let store = MemoryStore::new();
    let server = Arc::new(Rotating { clock: clock.clone(), state: Mutex::default() });
    let ports = Ports {
        endpoint: server.clone(),
        store: Arc::new(store.clone()),
        clock: Arc::new(clock.clone()),
        timer: Arc::new(VirtualTimer::new(&clock)),
        entropy: Arc::new(CountedEntropy::default()),
        signer: Arc::new(NoSigner),
        observer: Arc::new(NullObserver),
    };
    let (driver, handle) = Driver::new(ports, DriverOptions::default());
    executor.spawn(driver.run());
    store.write(&name("work"), record(secs(60)));
    let keeper = handle.add(name("work"), setup(), 7);
    executor.run_ready();
    Audiences { executor, server, store, keeper, handle }
}

fn to(resource: &str) -> AccessKey {
    AccessKey { resource: Some(resource.into()), ..AccessKey::default() }
}

fn key(n: usize) -> AccessKey {
    to(&format!("https://{}.example", n % 3))
}

impl Audiences {
    fn wait<T>(&mut self, future: impl Future<Output = T>) -> T {
        self.executor.run_until(LONG, future).expect("it ends within two days")
    }

    fn token(&mut self, key: &AccessKey) -> Result<Lease, TokenError> {
        let keeper = self.keeper.clone();
        self.wait(keeper.token_for(key, TokenRequestOptions::default()))
    }

    fn asked(&self) -> BTreeMap<String, u32> {
        self.server.state.lock().expect("nobody panicked").asked.clone()
    }
}

#[test]
fn twenty_callers_of_three_audiences_cost_one_refresh_each_strictly_one_after_the_other() {
    let mut world = audiences();
    let keeper = world.keeper.clone();
    let keys: Vec<AccessKey> = (0..20).map(key).collect();
    let callers = keys.iter().map(|key| keeper.token_for(key, TokenRequestOptions::default()));
    let leases = world.wait(join_all(callers));
    for (lease, key) in leases.iter().zip(&keys) {
        let lease = lease.as_ref().expect("each is served");
        let resource = key.resource.as_deref().unwrap();
        assert!(text(lease).ends_with(resource), "{} for {resource}", text(lease));
        assert_eq!(lease.resource(), Some(resource));
    }
    let state = world.server.state.lock().unwrap();
    assert_eq!(state.asked.values().copied().collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!((state.at_once, state.reuse_trips), (1, 0));
    drop(state);
    // The fast path has what it had, and what is kept is served without another request.
    assert_eq!(world.keeper.try_token().map(|t| text(&t).to_owned()).as_deref(), Some("at-0"));
    for n in 0..3 {
        assert!(world.token(&key(n)).is_ok());
    }
    assert_eq!(world.asked().values().sum::<u32>(), 3);
}

#[test]
fn a_401_of_one_audience_renews_that_one_however_many_complain() {
    let mut world = audiences();
    let first = world.token(&key(0)).unwrap();
    let other = world.token(&key(1)).unwrap();
    world.executor.run_for(mins(5));
    let keeper = world.keeper.clone();
    let asked = key(0);
    let complaints =
        (0..20).map(|_| keeper.rejected_for(&asked, first.epoch(), first.generation(), secs(30)));
    for outcome in world.wait(join_all(complaints)) {
        let Ok(Rejection::Renewed(lease)) = outcome else { panic!("{outcome:?}") };
        assert!(lease.generation() > first.generation());
        assert_eq!(lease.resource(), first.resource());
    }
    assert_eq!(world.asked().into_values().collect::<Vec<_>>(), [2, 1]);
    assert_eq!(text(&world.token(&key(1)).unwrap()), text(&other));
    assert_eq!(world.keeper.try_token().map(|t| t.generation()), Some(0));
}

#[test]
fn an_audience_that_the_server_refuses_fails_with_the_reason_and_the_others_are_served() {
    let mut world = audiences();
    let error = world.token(&to(REFUSED)).unwrap_err();
    let state = error.state().expect("what is known");
    assert_eq!((state.status, state.cause), (Status::Running, Some(Cause::AudienceRefused)));
    assert_eq!(state.wanted, Some(to(REFUSED)));
    let sentence = error.to_string();
    assert!(sentence.contains(REFUSED) && sentence.contains("invalid_target"), "{sentence}");
    assert!(world.keeper.try_token().is_some());
    assert!(world.token(&key(0)).is_ok());
    for _ in 0..50 {
        assert!(world.token(&to(REFUSED)).is_err());
    }
    assert_eq!(world.asked().get(REFUSED), Some(&1));
}

#[test]
fn what_one_process_fetched_serves_the_next_and_a_kept_token_outlives_it() {
    let mut world = audiences();
    let lease = world.token(&key(0)).unwrap();
    let handle = world.handle.clone();
    let _ = world.wait(handle.remove(&name("work")));
    let next = handle.add(name("work"), setup(), 8);
    world.executor.run_ready();
    let key = key(0);
    let again = world.wait(next.token_for(&key, TokenRequestOptions::default())).unwrap();
    assert_eq!((text(&again), again.generation()), (text(&lease), lease.generation()));
    assert_eq!(world.asked().values().sum::<u32>(), 1);
    assert_eq!(world.store.read(&name("work")).unwrap().grant.access.len(), 2);
}

#[test]
fn a_key_that_names_nothing_is_the_login_s_own_and_stays_on_the_fast_path() {
    let mut world = audiences();
    assert_eq!(text(&world.token(&AccessKey::default()).unwrap()), "at-0");
    assert_eq!(world.asked().len(), 0);
}
