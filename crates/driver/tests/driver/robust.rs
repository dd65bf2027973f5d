//! Ports that misbehave.

use std::sync::Arc;

use crate::world::*;
use async_trait::async_trait;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

#[test]
fn a_transport_that_panics_is_an_attempt_of_unknown_outcome_and_the_loop_goes_on() {
    let mut world = World::new([Reply::Panic, Reply::Grant(3600)]);
    let keeper = world.keep("work", record(mins(61)));
    let calm = world.keep("calm", record(secs(60)));
    world.demand(&keeper);
    world.executor.run_for(secs(1));
    assert_eq!(world.view(&keeper).phase, Phase::Settling);
    assert!(calm.try_token().is_some());
    world.executor.run_for(mins(5));
    assert_eq!(world.view(&keeper).generation, 1);
}

#[test]
fn a_store_that_panics_is_a_store_that_fails() {
    let mut world = World::new([Reply::Grant(3600)]);
    world.store.fail(FaultAt::LoadPanics);
    let keeper = world.keep("work", record(secs(60)));
    let error = world.wait(keeper.token()).map(|t| t.to_owned()).unwrap_err();
    let TokenError::Store { fault, .. } = &error else { panic!("{error}") };
    assert!(fault.message.contains("panicked"), "{error}");
    world.store.fail(FaultAt::Nowhere);
    world.executor.run_for(mins(3));
    assert!(keeper.try_token().is_some());
}

#[test]
fn a_store_that_fails_is_named_to_callers_and_nothing_is_sent() {
    let mut world = World::new([Reply::Grant(3600)]);
    world.store.fail(FaultAt::Load);
    let keeper = world.keep("work", record(secs(60)));
    let error = world.wait(keeper.token()).map(|t| t.to_owned()).unwrap_err();
    assert!(matches!(&error, TokenError::Store { fault, .. } if fault.kind == StoreFaultKind::Io), "{error}");
    assert_eq!(world.endpoint.count(), 0);
}

struct PanickingObserver;

impl Observer for PanickingObserver {
    fn observe(&self, _: &CredentialName, _: Now, _: &Event) {
        panic!("the test's observer panics");
    }
}

struct Refuser;

#[async_trait]
impl Signer for Refuser {
    async fn prove(&self, _request: &mut TokenRequest) -> Result<(), String> {
        Err("the key card is not in its slot".into())
    }
}

fn ports(clock: &VirtualClock, store: &MemoryStore) -> (Ports, Arc<ScriptedEndpoint>) {
    let endpoint = Arc::new(ScriptedEndpoint::new(clock, secs(1), [Reply::Grant(3600)]));
    let ports = Ports {
        endpoint: endpoint.clone(),
        store: Arc::new(store.clone()),
        clock: Arc::new(clock.clone()),
        timer: Arc::new(VirtualTimer::new(clock)),
        entropy: Arc::new(CountedEntropy::default()),
        signer: Arc::new(NoSigner),
        observer: Arc::new(NullObserver),
    };
    (ports, endpoint)
}

#[test]
fn an_observer_that_panics_disturbs_nobody() {
    let clock = VirtualClock::new(START);
    let mut executor = VirtualExecutor::new(&clock);
    let store = MemoryStore::new();
    store.write(&name("work"), record(mins(61)));
    let (ports, _) = ports(&clock, &store);
    let (driver, handle) =
        Driver::new(Ports { observer: Arc::new(PanickingObserver), ..ports }, DriverOptions::default());
    executor.spawn(driver.run());
    let keeper = handle.add(name("work"), setup(), 7);
    assert!(executor.run_until(LONG, keeper.token()).unwrap().is_ok());
}

#[test]
fn a_signer_without_its_key_sends_nothing_and_says_why() {
    let clock = VirtualClock::new(START);
    let mut executor = VirtualExecutor::new(&clock);
    let store = MemoryStore::new();
    store.write(&name("work"), record(mins(61)));
    let (ports, endpoint) = ports(&clock, &store);
    let (driver, handle) =
        Driver::new(Ports { signer: Arc::new(Refuser), ..ports }, DriverOptions::default());
    executor.spawn(driver.run());
    let keeper = handle.add(name("work"), setup(), 7);
    let error = executor.run_until(LONG, keeper.refresh(secs(30))).unwrap().unwrap_err();
    assert_eq!(endpoint.count(), 0);
    let message =
        error.state().and_then(|s| s.last_attempt.as_ref()).and_then(|a| a.evidence.message.clone());
    assert!(message.is_some_and(|m| m.contains("key card")), "{error:?}");
}

/// Signs with words that no reader would take for a token: only whoever knows them finds them.
struct PlainSigner;

#[async_trait]
impl Signer for PlainSigner {
    async fn prove(&self, request: &mut TokenRequest) -> Result<(), String> {
        let mut body = request.body.expose().to_vec();
        body.extend_from_slice(b"&client_assertion=signed+by+hand");
        request.body = Secret::new(body);
        request.headers.push(("DPoP".into(), Secret::from("proved, in ink")));
        request.proofs.clear();
        Ok(())
    }
}

/// Refuses whatever comes, and says it all again.
struct Parrot;

#[async_trait]
impl TokenEndpoint for Parrot {
    async fn send(&self, _: AttemptId, request: TokenRequest) -> Answer {
        let dpop = request.headers.iter().find(|(name, _)| name == "DPoP").map(|(_, value)| value.clone());
        let body = request.body.expose_str().unwrap_or_default();
        let body = format!(
            r#"{{"error":"invalid_client","error_description":"bad assertion: {}; {}"}}"#,
            body.rsplit('=').next().unwrap_or_default().replace('+', " "),
            dpop.as_ref().and_then(|value| value.expose_str()).unwrap_or_default()
        );
        Answer::Response(Response {
            status: 401,
            headers: vec![],
            body: Secret::from(body),
            truncated: false,
        })
    }

    fn abort(&self, _: AttemptId) {}
}

#[test]
fn what_a_signer_adds_is_not_shown_when_an_answer_brings_it_back() {
    let clock = VirtualClock::new(START);
    let mut executor = VirtualExecutor::new(&clock);
    let store = MemoryStore::new();
    store.write(&name("work"), record(mins(61)));
    let (ports, _) = ports(&clock, &store);
    let ports = Ports { signer: Arc::new(PlainSigner), endpoint: Arc::new(Parrot), ..ports };
    let (driver, handle) = Driver::new(ports, DriverOptions::default());
    executor.spawn(driver.run());
    let key = SigningKey { material: Secret::from("key"), key_id: None, algorithm: None };
    let auth = ClientAuth::PrivateKeyJwt { key, audience: None };
    let setup = Setup { client: Arc::new(Client { auth, ..Client::public("app") }), ..setup() };
    let keeper = handle.add(name("work"), setup, 7);
    let error = executor.run_until(LONG, keeper.refresh(secs(30))).unwrap().unwrap_err();
    let attempt = error.state().and_then(|s| s.last_attempt.as_ref()).expect("an attempt");
    let message = attempt.evidence.message.clone().expect("words");
    assert!(message.starts_with("bad assertion: "), "{message}");
    for word in ["signed", "hand", "proved", "ink"] {
        assert!(!message.contains(word), "{word} in {message}");
    }
}

#[test]
fn a_claim_that_a_store_grants_too_late_is_given_back() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, clock| {
        store.with_latency(clock, secs(3))
    });
    world.store.write(&name("work"), record(mins(61)));
    world.handle.add(name("work"), setup(), 7);
    // The load takes 3 s; now the claim is being taken.
    world.executor.run_for(secs(4));
    let end = world.handle.shutdown();
    assert_eq!(world.wait(end).lost, []);
    world.executor.run_for(secs(10));
    assert!(world.store.claim_elsewhere(&name("work")).is_some());
    assert_eq!(world.endpoint.count(), 0);
}

#[test]
fn what_happens_is_told_to_the_observer_in_order_with_the_time() {
    let mut world = World::new([Reply::Refused, Reply::Grant(3600)]);
    let keeper = world.keep("work", record(mins(61)));
    world.observer.take();
    world.wait(keeper.token()).map(|t| t.to_owned()).expect("the short retry brings it");
    let mut told = Vec::new();
    for (of, now, event) in world.observer.take() {
        assert_eq!(of, name("work"));
        let what = match event {
            Event::Report(Report::AttemptFailed { .. }) => "failed",
            Event::Report(Report::Refreshed { generation: 1, .. }) => "refreshed",
            Event::Published(Publication::Token(_)) => "published",
            _ => continue,
        };
        told.push((what, now.boot));
    }
    assert_eq!(told.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["failed", "refreshed", "published"]);
    assert!(told.is_sorted_by_key(|(_, at)| *at));
}
