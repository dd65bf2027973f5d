//! Shutdown, removal, and handles that go away.

use crate::world::*;
use futures_util::StreamExt;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

#[test]
fn a_shutdown_ends_the_loop_and_callers_are_told() {
    let mut world = World::new([Reply::Hang]);
    let keeper = world.keep("work", record(mins(61)));
    let waiting = keeper.token();
    let handle = world.handle.clone();
    let ended = futures_util::future::join(waiting, async { handle.shutdown().await });
    let (waited, drained) = world.wait(ended);
    assert!(matches!(waited, Err(TokenError::Stopped)));
    assert_eq!(drained.lost, []);
    assert!(matches!(world.wait(keeper.token()), Err(TokenError::Stopped)));
    assert_eq!(world.wait(keeper.view()), Err(TokenError::Stopped));
    assert_eq!(world.wait(handle.shutdown()), Drained::default(), "once more is no harm");
    let late = handle.add(name("late"), setup(), 7);
    assert!(matches!(world.wait(late.token()), Err(TokenError::Stopped)));
}

#[test]
fn a_shutdown_in_the_middle_of_a_refresh_saves_what_comes() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, clock| {
        store.with_latency(clock, Span::from_millis(50))
    });
    let keeper = world.keep("work", record(mins(61)));
    world.demand(&keeper);
    // Load, claim and read, mark: four calls of 50 ms; the request takes 200 ms.
    world.executor.run_for(Span::from_millis(300));
    assert_eq!(world.endpoint.count(), 1, "the request is on the wire");
    let end = world.handle.shutdown();
    assert_eq!(world.wait(end).lost, []);
    let saved = world.store.read(&name("work")).unwrap();
    assert_eq!(saved.generation, 1);
    assert!(saved.intent.is_none());
    assert!(world.store.claim_elsewhere(&name("work")).is_some(), "the claim was given back");
}

#[test]
fn a_shutdown_names_what_could_not_be_saved() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(mins(61)));
    world.store.fail(FaultAt::Commit);
    assert!(world.wait(keeper.token()).is_ok(), "the token is served, saved or not");
    let begun = world.clock.now().boot;
    let end = world.handle.shutdown();
    let drained = world.wait(end);
    assert_eq!(drained.lost.len(), 1, "{drained:?}");
    assert_eq!(drained.lost[0].0, name("work"));
    assert!(world.clock.now().boot.since(begun) >= secs(30), "it was tried for the whole grace");
}

#[test]
fn a_token_is_not_served_after_the_loop_has_ended() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    assert!(keeper.try_token().is_some());
    let end = world.handle.shutdown();
    world.wait(end);
    assert!(keeper.try_token().is_none());
}

#[test]
fn a_removed_credential_stops_and_its_name_is_free() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    let other = world.keep("other", record(secs(60)));
    assert!(world.handle.keeper(&name("work")).is_some());
    let removal = world.handle.remove(&name("work"));
    assert!(world.handle.keeper(&name("work")).is_none());
    assert_eq!(world.wait(removal), None);
    assert!(keeper.try_token().is_none());
    assert!(matches!(world.wait(keeper.token()), Err(TokenError::Stopped)));
    assert!(other.try_token().is_some());
    let again = world.handle.add(name("work"), setup(), 8);
    assert!(world.wait(again.token()).is_ok());
    let nobody = world.handle.remove(&name("nobody"));
    assert_eq!(world.wait(nobody), None);
    let names: Vec<String> = world.handle.keepers().iter().map(|k| k.name().to_string()).collect();
    assert_eq!(names, ["other", "work"]);
}

#[test]
fn adding_a_name_twice_gives_the_same_credential() {
    let mut world = World::new([Reply::Grant(3600)]);
    let first = world.keep("work", record(mins(61)));
    let second = world.handle.add(name("work"), setup(), 9);
    let both = world.wait(futures_util::future::join(first.token(), second.token()));
    assert!(both.0.is_ok() && both.1.is_ok());
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn the_loop_ends_by_itself_when_the_last_handle_is_gone() {
    let clock = VirtualClock::new(START);
    let mut executor = VirtualExecutor::new(&clock);
    let store = MemoryStore::new();
    store.write(&name("work"), record(secs(60)));
    let ports = Ports {
        endpoint: std::sync::Arc::new(ScriptedEndpoint::new(&clock, secs(1), [])),
        store: std::sync::Arc::new(store),
        clock: std::sync::Arc::new(clock.clone()),
        timer: std::sync::Arc::new(VirtualTimer::new(&clock)),
        entropy: std::sync::Arc::new(CountedEntropy::default()),
        signer: std::sync::Arc::new(NoSigner),
        observer: std::sync::Arc::new(NullObserver),
    };
    let (driver, handle) = Driver::new(ports, DriverOptions::default());
    let keeper = handle.add(name("work"), setup(), 7);
    drop(handle);
    let (ended, mut end) = futures_channel::oneshot::channel();
    executor.spawn(async move {
        driver.run().await;
        let _ = ended.send(());
    });
    assert!(executor.run_until(LONG, keeper.token()).unwrap().is_ok());
    executor.run_for(mins(5));
    assert_eq!(end.try_recv(), Ok(None), "a keeper keeps it running");
    drop(keeper);
    executor.run_ready();
    assert_eq!(end.try_recv(), Ok(Some(())));
}

#[test]
fn listeners_hear_what_happens_and_their_stream_ends_with_the_credential() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    let mut events = keeper.subscribe();
    world.wait(keeper.refresh(secs(10))).unwrap();
    let mut refreshed = 0;
    while let Some(event) = events.try_next() {
        if matches!(event, Event::Report(Report::Refreshed { reason: RefreshReason::Forced, .. })) {
            refreshed += 1;
        }
    }
    assert_eq!(refreshed, 1);
    drop(world.handle.remove(&name("work")));
    assert!(world.wait(async { events.by_ref().collect::<Vec<_>>().await }).len() < 10);
}

#[test]
fn a_listener_that_does_not_listen_holds_nothing_up() {
    let mut world = World::new([Reply::Grant(20)]);
    let keeper = world.keep("work", record(mins(61)));
    let mut events = keeper.subscribe();
    world.executor.run_for(mins(20));
    assert!(world.endpoint.count() > 50);
    let mut heard = 0;
    while events.try_next().is_some() {
        heard += 1;
    }
    assert!((10..=66).contains(&heard), "{heard}");
    world.executor.run_for(mins(1));
    assert!(events.try_next().is_some(), "it hears again once it listens");
}
