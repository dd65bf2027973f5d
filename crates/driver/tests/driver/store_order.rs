//! The order of store commands, and records that somebody else writes.

use crate::world::*;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

fn calls_of(store: &MemoryStore, of: &str) -> Vec<StoreCall> {
    store.take_calls().into_iter().filter(|(n, _)| n.as_str() == of).map(|(_, call)| call).collect()
}

#[test]
fn a_refresh_claims_reads_marks_commits_and_releases_in_that_order() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, clock| {
        store.with_latency(clock, Span::from_millis(30))
    });
    let keeper = world.keep("work", record(mins(61)));
    world.wait(keeper.token()).map(|t| t.to_owned()).unwrap();
    world.executor.run_for(secs(1));
    let calls = calls_of(&world.store, "work");
    assert_eq!(
        calls.get(..6),
        Some(
            &[
                StoreCall::Load,
                StoreCall::Claim(true),
                StoreCall::Load,
                StoreCall::Mark,
                StoreCall::Commit,
                StoreCall::Release
            ][..]
        ),
        "{calls:?}"
    );
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn an_attempt_tells_when_each_of_its_steps_began() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, clock| {
        store.with_latency(clock, Span::from_millis(30))
    });
    let keeper = world.keep("work", record(mins(61)));
    world.wait(keeper.token()).map(|t| t.to_owned()).unwrap();
    world.executor.run_for(secs(1));
    let steps = world.observer.take_steps();
    assert!(steps.iter().all(|(n, ..)| n.as_str() == "work"));
    let begun = steps[0].1.boot;
    let seen: Vec<_> = steps.iter().map(|(_, at, step)| (step.name(), at.boot.since(begun))).collect();
    let after = Span::from_millis;
    // The claim and the reading under it take two calls, the request 200 ms.
    assert_eq!(seen, [("claim", after(0)), ("mark", after(60)), ("send", after(90)), ("commit", after(290))]);
}

#[test]
fn another_machine_goes_on_while_one_waits_for_its_store() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, clock| {
        store.with_latency(clock, Span::from_millis(100))
    });
    for n in ["a", "b", "c"] {
        world.store.write(&name(n), record(mins(61)));
    }
    let keepers: Vec<Keeper> = ["a", "b", "c"].map(|n| world.handle.add(name(n), setup(), 7)).into();
    let all = futures_util::future::join_all(keepers.iter().map(|k| k.token()));
    assert!(world.wait(all).iter().all(Result::is_ok));
    // Load, claim and read, mark, commit: five calls and one request, in parallel for all three.
    assert_eq!(world.clock.now().boot, START.boot + Span::from_millis(5 * 100 + 200));
}

#[test]
fn a_claim_held_elsewhere_is_waited_for_and_the_others_record_adopted() {
    let mut world = World::new([Reply::Grant(3600)]);
    world.store.write(&name("work"), record(mins(61)));
    let theirs = world.store.claim_elsewhere(&name("work")).unwrap();
    let keeper = world.handle.add(name("work"), setup(), 7);
    world.executor.run_for(secs(3));
    assert!(keeper.try_token().is_none());
    let mut newer = record_at(world.clock.now(), secs(1));
    newer.generation = 1;
    newer.grant.access[0].token = Secret::from("at-theirs");
    world.store.write(&name("work"), newer);
    drop(theirs);
    world.executor.run_for(secs(3));
    assert_eq!(keeper.try_token().as_deref().map(text), Some("at-theirs"));
    assert_eq!(world.endpoint.count(), 0);
}

#[test]
fn a_login_by_another_process_is_seen_within_the_poll() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.handle.add(name("work"), setup(), 7);
    world.executor.run_for(secs(1));
    assert_eq!(world.view(&keeper).status, Status::Unauthenticated);
    world.store.write(&name("work"), record_at(world.clock.now(), secs(1)));
    world.executor.run_for(secs(3));
    assert_eq!(keeper.try_token().as_deref().map(text), Some("at-0"));
}

#[test]
fn a_refresh_by_another_process_is_seen_within_half_a_minute_of_a_calm_credential() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    world.executor.run_for(mins(5));
    let mut newer = record_at(world.clock.now(), secs(1));
    newer.generation = 1;
    newer.grant.access[0].token = Secret::from("at-theirs");
    world.store.write(&name("work"), newer);
    world.executor.run_for(secs(31));
    assert_eq!(keeper.try_token().as_deref().map(text), Some("at-theirs"));
}

#[test]
fn a_host_that_watches_the_store_is_heard_at_once_and_a_storm_is_one_reading() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    world.store.take_calls();
    let mut newer = record(secs(30));
    newer.generation = 1;
    world.store.write(&name("work"), newer);
    for _ in 0..1000 {
        keeper.store_changed();
    }
    world.executor.run_ready();
    assert_eq!(keeper.try_token().map(|t| t.generation()), Some(1));
    assert_eq!(calls_of(&world.store, "work"), [StoreCall::Load]);
}

#[test]
fn a_store_that_nobody_else_writes_is_not_polled() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, _| store.private());
    let keeper = world.handle.add(name("work"), setup(), 7);
    world.executor.run_for(secs(1));
    world.store.write(&name("work"), record(secs(1)));
    world.executor.run_for(mins(2));
    assert!(keeper.try_token().is_none(), "nobody said so");
    keeper.store_changed();
    world.executor.run_ready();
    assert!(keeper.try_token().is_some());
}
