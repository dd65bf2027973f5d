//! A store that tells of writes: what others write is heard at once, without looking all the time.

use crate::world::*;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

fn world() -> World {
    World::with([Reply::Grant(3600)], DriverOptions::default(), |store, _| store.telling())
}

fn renewed(world: &World, generation: u64) -> Record {
    let mut newer = record_at(world.clock.now(), secs(0));
    newer.generation = generation;
    newer.grant.access[0].token = Secret::from("at-theirs");
    newer
}

fn limit() -> StoreFault {
    StoreFault { kind: StoreFaultKind::Io, message: "no more watches".into() }
}

fn loads(store: &MemoryStore) -> usize {
    store.take_calls().iter().filter(|(_, call)| *call == StoreCall::Load).count()
}

#[test]
fn a_refresh_by_another_process_is_served_at_once() {
    let mut world = world();
    let keeper = world.keep("work", record(secs(60)));
    world.executor.run_for(mins(3));
    world.store.write(&name("work"), renewed(&world, 1));
    world.executor.run_ready();
    assert_eq!(keeper.try_token().as_deref().map(text), Some("at-theirs"));
    assert_eq!(world.endpoint.count(), 0);
}

#[test]
fn a_login_elsewhere_heals_unauthenticated_at_once() {
    let mut world = world();
    let keeper = world.handle.add(name("work"), setup(), 7);
    world.executor.run_for(mins(3));
    assert_eq!(world.view(&keeper).status, Status::Unauthenticated);
    world.store.write(&name("work"), record_at(world.clock.now(), secs(0)));
    world.executor.run_ready();
    assert_eq!(keeper.try_token().as_deref().map(text), Some("at-0"));
    assert_eq!(world.view(&keeper).status, Status::Running);
}

#[test]
fn a_logout_elsewhere_ends_serving_at_once() {
    let mut world = world();
    let keeper = world.keep("work", record(secs(60)));
    assert!(keeper.try_token().is_some());
    let standing = world.store.read(&name("work")).unwrap();
    world.store.write(&name("work"), standing.tombstone(world.clock.now()));
    world.executor.run_ready();
    assert!(keeper.try_token().is_none());
}

#[test]
fn who_waits_for_the_claim_is_woken_by_the_holders_commit_and_sends_nothing() {
    let mut world = world();
    world.store.write(&name("work"), record(mins(61)));
    let theirs = world.store.claim_elsewhere(&name("work")).unwrap();
    let keeper = world.handle.add(name("work"), setup(), 7);
    world.executor.run_for(secs(20));
    assert!(keeper.try_token().is_none());

    world.store.write(&name("work"), renewed(&world, 1));
    world.executor.run_ready();
    assert_eq!(keeper.try_token().as_deref().map(text), Some("at-theirs"), "the claim is still held");
    drop(theirs);
    world.executor.run_for(mins(1));
    assert_eq!(world.endpoint.count(), 0);
}

#[test]
fn while_the_store_tells_hardly_anything_is_asked() {
    let mut world = world();
    world.keep("work", record(secs(60)));
    let idle = world.handle.add(name("nobody"), setup(), 7);
    world.executor.run_for(secs(1));
    assert_eq!(world.view(&idle).status, Status::Unauthenticated);
    world.store.take_fingerprints_asked();
    world.executor.run_for(mins(30));
    let asked = world.store.take_fingerprints_asked();
    // Two a minute for the one that waits for a login, one in five minutes for the other.
    assert!((50..=70).contains(&asked), "{asked} fingerprints in half an hour");
}

#[test]
fn what_nobody_told_is_found_all_the_same() {
    let mut world = World::with([], DriverOptions::default(), |store, _| store.telling());
    let keeper = world.keep("work", record(secs(60)));
    let newer = renewed(&world, 1);
    world.store.break_watch(limit());
    world.store.mend_watch();
    world.store.write(&name("work"), newer);
    world.executor.run_ready();
    assert_eq!(keeper.try_token().map(|t| t.generation()), Some(1), "all is looked at when a watch ends");
}

#[test]
fn a_store_that_cannot_be_watched_is_looked_at_as_before_and_watched_when_it_can() {
    let mut world = World::with([], DriverOptions::default(), |store, _| store.telling());
    world.store.break_watch(limit());
    let keeper = world.handle.add(name("work"), setup(), 7);
    world.executor.run_for(secs(1));
    assert_eq!(world.store.watches(), 0);
    world.store.write(&name("work"), record_at(world.clock.now(), secs(0)));
    world.executor.run_for(secs(3));
    assert!(keeper.try_token().is_some(), "the short poll");

    world.store.mend_watch();
    world.executor.run_for(mins(3));
    assert_eq!(world.store.watches(), 1);
    world.store.write(&name("work"), renewed(&world, 1));
    world.executor.run_ready();
    assert_eq!(keeper.try_token().map(|t| t.generation()), Some(1));
}

#[test]
fn news_that_names_no_record_is_about_all_of_them() {
    let mut world = World::with([], DriverOptions::default(), |store, _| store.telling());
    let keepers = ["a", "b", "c"].map(|n| world.keep(n, record(secs(60))));
    world.executor.run_for(mins(1));
    // As if they had been written where nobody hears which.
    world.store.break_watch(limit());
    world.executor.run_ready();
    for n in ["a", "b", "c"] {
        world.store.write(&name(n), renewed(&world, 1));
    }
    world.store.mend_watch();
    world.executor.run_for(mins(2));
    assert!(keepers.iter().all(|k| k.try_token().is_some_and(|t| t.generation() == 1)));
    world.store.take_fingerprints_asked();
    world.store.tell(StoreChange::Unknown);
    world.executor.run_ready();
    assert_eq!(world.store.take_fingerprints_asked(), 3);
}

#[test]
fn a_storm_of_writes_costs_a_few_readings_and_its_last_one_counts() {
    let mut world = world();
    let keeper = world.keep("work", record(secs(60)));
    world.executor.run_for(secs(10));
    world.store.take_calls();
    for generation in 1..=1000 {
        let newer = renewed(&world, generation);
        world.store.write(&name("work"), newer);
        if generation % 10 == 0 {
            world.executor.run_for(Span::from_millis(2));
        }
    }
    world.executor.run_for(secs(1));
    assert_eq!(keeper.try_token().map(|t| t.generation()), Some(1000));
    let loads = loads(&world.store);
    assert!((1..=5).contains(&loads), "{loads} readings for 1000 writes in a fifth of a second");
}

#[test]
fn a_refresh_costs_one_reading_for_all_of_its_own_writes() {
    let mut world = world();
    let keeper = world.keep("work", record(mins(61)));
    world.wait(keeper.token()).map(|t| t.to_owned()).unwrap();
    world.executor.run_for(secs(5));
    let calls: Vec<_> = world.store.take_calls().into_iter().map(|(_, call)| call).collect();
    use StoreCall::{Claim, Commit, Load, Mark, Release};
    assert_eq!(calls, [Load, Claim(true), Load, Mark, Commit, Release, Load]);
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn the_watch_ends_with_the_last_credential_and_with_the_driver() {
    let mut world = world();
    assert_eq!(world.store.watches(), 0, "nobody is kept yet");
    world.keep("a", record(secs(60)));
    world.keep("b", record(secs(60)));
    assert_eq!(world.store.watches(), 1);
    let removals = [world.handle.remove(&name("a")), world.handle.remove(&name("b"))];
    for removal in removals {
        assert_eq!(world.wait(removal), None);
    }
    world.executor.run_ready();
    assert_eq!(world.store.watches(), 0);

    world.keep("c", record(secs(60)));
    assert_eq!(world.store.watches(), 1);
    let shutdown = world.handle.shutdown();
    assert_eq!(world.wait(shutdown), Drained::default());
    assert_eq!(world.store.watches(), 0);
}

#[test]
fn a_store_for_this_process_alone_is_not_watched() {
    let mut world = World::with([], DriverOptions::default(), |store, _| store.private().telling());
    world.keep("work", record(secs(60)));
    world.executor.run_for(mins(1));
    assert_eq!(world.store.watches(), 0);
}
