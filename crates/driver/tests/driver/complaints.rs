//! A 401 to a token that was never given out: its caller is told at once, and nothing is renewed for it.

use std::cell::RefCell;
use std::rc::Rc;

use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

use crate::world::*;

/// Far more than any of this takes.
const PATIENCE: Span = Span::from_hours(1);

const READ: &str = "read";

fn to(scope: &str) -> AccessKey {
    AccessKey { scope: Some(scope.into()), ..AccessKey::default() }
}

fn never_given(outcome: &Result<Rejection, TokenError>, version: (u64, u64)) -> bool {
    matches!(outcome, Err(TokenError::NeverGiven { epoch, generation, .. }) if (*epoch, *generation) == version)
}

fn renewed(outcome: Result<Rejection, TokenError>) -> Lease {
    match outcome {
        Ok(Rejection::Renewed(lease)) => lease,
        other => panic!("{other:?}"),
    }
}

/// The same login as another process left it: so many generations on.
fn at_generation(generation: u64) -> Record {
    let mut record = record(secs(60));
    record.generation = generation;
    record.grant.access[0].token = Secret::from("at-elsewhere");
    record
}

impl World {
    fn complain(&mut self, keeper: &Keeper, version: (u64, u64)) -> Result<Rejection, TokenError> {
        self.wait(keeper.rejected_within(version.0, version.1, PATIENCE))
    }

    fn complain_for(
        &mut self,
        keeper: &Keeper,
        scope: &str,
        at: (u64, u64),
    ) -> Result<Rejection, TokenError> {
        let key = to(scope);
        self.wait(keeper.rejected_for(&key, at.0, at.1, PATIENCE))
    }
}

#[test]
fn a_token_that_nobody_was_ever_given_is_answered_at_once() {
    let mut world = World::new([]);
    let keeper = world.keep("work", record(secs(60)));
    for version in [(1, 1), (1, u64::MAX), (2, 0)] {
        let began = world.clock.now().boot;
        let own = world.complain(&keeper, version);
        assert!(never_given(&own, version), "{version:?}: {own:?}");
        let other = world.complain_for(&keeper, READ, version);
        assert!(never_given(&other, version), "{version:?}: {other:?}");
        assert!(world.clock.now().boot.since(began) < secs(1));
    }
    assert_eq!(world.endpoint.count(), 0, "nothing was renewed for it");
    let error = world.complain(&keeper, (2, 0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "credential work: no such token of epoch 2, generation 0 was given out here"
    );
}

#[test]
fn another_keys_token_is_not_the_one_that_was_named() {
    let mut world = World::new([]);
    let keeper = world.keep("work", record(secs(60)));
    let options = TokenRequestOptions::default();
    let read = world.wait(keeper.token_for(&to(READ), options)).unwrap().generation();
    let write = world.wait(keeper.token_for(&to("write"), options)).unwrap().generation();
    assert_eq!((read, write), (1, 2));
    let sent = world.endpoint.count();
    for (scope, generation) in [(Some(READ), write), (None, write), (None, read)] {
        let outcome = match scope {
            Some(scope) => world.complain_for(&keeper, scope, (1, generation)),
            None => world.complain(&keeper, (1, generation)),
        };
        assert!(never_given(&outcome, (1, generation)), "{scope:?} {generation}: {outcome:?}");
    }
    assert_eq!(world.endpoint.count(), sent, "nothing was renewed for it");
    assert_eq!(renewed(world.complain_for(&keeper, READ, (1, read))).generation(), 3);
}

#[test]
fn a_token_of_another_process_is_looked_for_before_it_is_called_unknown() {
    let mut world = World::new([]);
    let keeper = world.keep("work", record(secs(60)));
    world.store.write(&name("work"), at_generation(4));
    let outcome = world.complain(&keeper, (1, 5));
    assert!(never_given(&outcome, (1, 5)), "{outcome:?}");
    world.store.write(&name("work"), at_generation(6));
    assert_eq!(renewed(world.complain(&keeper, (1, 6))).generation(), 7);
    world.store.write(&name("work"), at_generation(9));
    assert_eq!(
        text(&renewed(world.complain(&keeper, (1, 8)))),
        "at-elsewhere",
        "it is newer than the refused one"
    );
}

#[test]
fn a_record_that_is_written_while_it_is_being_read_is_read_once_more() {
    let slow = |store: MemoryStore, clock: &VirtualClock| store.with_latency(clock, secs(2));
    let mut world = World::with([], DriverOptions::default(), slow);
    let keeper = world.keep("work", record(secs(60)));
    world.executor.run_for(secs(10));
    keeper.store_changed();
    world.executor.run_for(secs(1));
    let key = to(READ);
    let complaint = {
        let keeper = keeper.clone();
        async move {
            (keeper.rejected_within(1, 3, PATIENCE).await, keeper.rejected_for(&key, 1, 9, PATIENCE).await)
        }
    };
    world.store.write(&name("work"), at_generation(3));
    let (own, other) = world.wait(complaint);
    assert_eq!(renewed(own).generation(), 4);
    assert!(never_given(&other, (1, 9)), "{other:?}");
}

#[test]
fn while_the_store_cannot_say_the_caller_waits_as_long_as_it_likes() {
    let mut world = World::new([]);
    let keeper = world.keep("work", record(secs(60)));
    world.store.fail(FaultAt::Load);
    let began = world.clock.now().boot;
    let outcome = world.wait(keeper.rejected_within(1, 1, mins(1)));
    assert!(matches!(outcome, Err(TokenError::Timeout { .. } | TokenError::Store { .. })), "{outcome:?}");
    assert!(world.clock.now().boot.since(began) <= mins(2));
}

#[test]
fn a_complaint_that_came_while_the_store_could_not_say_counts_once_it_can() {
    let mut world = World::new([]);
    let keeper = world.keep("work", record(secs(60)));
    world.store.write(&name("work"), at_generation(3));
    world.store.fail(FaultAt::Load);
    let told = Rc::new(RefCell::new(Vec::new()));
    for generation in [3, 9] {
        let (keeper, told) = (keeper.clone(), Rc::clone(&told));
        world.executor.spawn(async move {
            let outcome = keeper.rejected_within(1, generation, PATIENCE).await;
            told.borrow_mut().push((generation, outcome));
        });
    }
    world.executor.run_for(secs(3));
    assert_eq!(told.borrow().len(), 0, "nobody knows yet");
    world.store.fail(FaultAt::Nowhere);
    world.executor.run_for(mins(1));
    let mut told = told.take();
    told.sort_by_key(|(generation, _)| *generation);
    let [(_, known), (_, unknown)] = <[_; 2]>::try_from(told).expect("both are answered");
    assert_eq!(renewed(known).generation(), 4);
    assert!(never_given(&unknown, (1, 9)), "{unknown:?}");
}

#[test]
fn a_login_that_never_was_has_given_nothing() {
    let mut world = World::new([]);
    let keeper = world.handle.add(name("work"), setup(), 7);
    let outcome = world.complain(&keeper, (1, 0));
    assert!(never_given(&outcome, (1, 0)), "{outcome:?}");
}
