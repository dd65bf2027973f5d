//! What callers get, and what it costs.

use crate::world::*;
use futures_util::future::{Either, join_all, select};
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

#[test]
fn a_valid_token_is_served_at_once_and_costs_no_request() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    let token = keeper.try_token().expect("loaded");
    assert_eq!((text(&token), token.epoch(), token.generation()), ("at-0", 1, 0));
    assert_eq!(token.token_type(), "Bearer");
    assert_eq!(token.expires(), START.wall + mins(59));
    drop(token);
    let mut reader = keeper.reader();
    assert_eq!(reader.try_token().map(text), Some("at-0"));
    assert_eq!(reader.try_lease().map(|kept| kept.generation()), Some(0));
    let lease = world.wait(keeper.token_with(TokenRequestOptions::default())).unwrap();
    assert!(!lease.short());
    assert_eq!(world.endpoint.count(), 0);
}

#[test]
fn many_callers_at_expiry_cost_one_refresh() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(mins(61)));
    assert!(keeper.try_token().is_none());
    let callers = join_all((0..1000).map(|_| keeper.token()));
    let tokens = world.wait(callers);
    assert_eq!(tokens.len(), 1000);
    assert!(tokens.iter().all(|t| t.as_ref().is_ok_and(|t| text(t) == "at-1")));
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn callers_that_come_before_the_record_is_read_wait_for_it() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, clock| {
        store.with_latency(clock, secs(2))
    });
    world.store.write(&name("work"), record(secs(60)));
    let keeper = world.handle.add(name("work"), setup(), 7);
    let token = world.wait(keeper.token()).map(|t| t.to_owned()).unwrap();
    assert_eq!(text(&token), "at-0");
    assert_eq!(world.clock.now().boot, START.boot + secs(2));
}

#[test]
fn a_refresh_goes_on_when_its_caller_goes_away() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(mins(61)));
    let impatient = async {
        match select(keeper.token(), world.clock.sleep(Span::from_millis(50))).await {
            Either::Left(_) => panic!("the answer takes 200 ms"),
            Either::Right(_) => {}
        }
    };
    world.executor.run_until(LONG, impatient).unwrap();
    world.executor.run_for(secs(1));
    assert_eq!(keeper.try_token().map(|t| t.generation()), Some(1));
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn a_caller_that_went_away_leaves_its_place_to_another() {
    let mut world = World::new([Reply::Hang]);
    let keeper = world.keep("work", record(mins(61)));
    for _ in 0..3 {
        let crowd = join_all((0..4096).map(|_| keeper.token()));
        let clock = world.clock.clone();
        let gone = async move {
            drop(select(crowd, clock.sleep(Span::from_millis(10))).await);
        };
        world.executor.run_until(LONG, gone).unwrap();
        world.executor.run_ready();
    }
    let error = world.wait(keeper.token()).map(|t| t.to_owned()).unwrap_err();
    assert!(!matches!(error, TokenError::Overloaded { .. }), "{error}");
}

#[test]
fn more_callers_than_are_bearable_are_told_so_at_once() {
    let mut world = World::new([Reply::Hang]);
    let keeper = world.keep("work", record(mins(61)));
    let all = world.wait(join_all((0..4100).map(|_| keeper.token())));
    let refused = all.iter().filter(|r| matches!(r, Err(TokenError::Overloaded { waiters: 4096 }))).count();
    assert_eq!(refused, 4);
}

#[test]
fn a_status_can_be_had_while_callers_pile_up_and_a_storm_of_them_is_bounded_too() {
    let mut world = World::new([Reply::Hang]);
    let keeper = world.keep("work", record(mins(61)));
    let crowd = join_all((0..4096).map(|_| keeper.token()));
    let views = async {
        world.clock.sleep(secs(1)).await;
        join_all((0..300).map(|_| keeper.view())).await
    };
    let (_, views) = world.executor.run_until(LONG, futures_util::future::join(crowd, views)).unwrap();
    assert_eq!(views.iter().filter(|v| v.is_ok()).count(), 256);
    assert!(views.iter().any(|v| matches!(v, Err(TokenError::Overloaded { waiters: 256 }))));
}

#[test]
fn a_callers_deadline_is_kept_with_the_truth() {
    let mut world = World::new([Reply::Refused]);
    let keeper = world.keep("work", record(mins(61)));
    let options = TokenRequestOptions { timeout: Some(secs(3)), ..TokenRequestOptions::default() };
    let error = world.wait(keeper.token_with(options)).unwrap_err();
    assert_eq!(world.clock.now().boot, START.boot + secs(3));
    let TokenError::Timeout { waited, state } = &error else { panic!("{error}") };
    assert_eq!(*waited, secs(3));
    assert_eq!(state.status, Status::Running);
    assert!(state.next_attempt_at.is_some_and(|at| at > START.wall + secs(3)), "{state:?}");
    assert!(error.retry_after().is_some());
    // Its timer fires late on a real machine: that is told in whole seconds.
    let late = TokenError::Timeout { waited: secs(3) + Span::from_millis(7), state: state.clone() };
    assert!(late.to_string().starts_with("no token came within 3s: "), "{late}");
    let attempt = state.last_attempt.as_ref().expect("one failed");
    assert_eq!(attempt.verdict, Verdict::Transient);
}

#[test]
fn in_auth_retrying_a_caller_fails_at_once_with_the_time_of_the_next_attempt() {
    let mut world = World::new([Reply::firewall()]);
    let keeper = world.keep("work", record(mins(61)));
    world.executor.run_for(mins(8));
    assert_eq!(world.view(&keeper).status, Status::AuthRetrying);
    let before = world.clock.now().boot;
    let error = world.wait(keeper.token()).map(|t| t.to_owned()).unwrap_err();
    assert_eq!(world.clock.now().boot, before);
    let TokenError::Unavailable(state) = &error else { panic!("{error}") };
    assert_eq!((state.status, state.cause), (Status::AuthRetrying, Some(Cause::Outage)));
    let wait = state.retry_after.expect("one is due");
    assert!(wait > Span::ZERO && wait <= mins(10), "{wait}");
    assert_eq!(state.next_attempt_at, Some(world.clock.now().wall + wait));
    assert!(error.to_string().contains("work is auth_retrying"), "{error}");
}

#[test]
fn a_valid_token_shorter_than_asked_is_served_at_the_deadline_and_says_so() {
    let mut world = World::new([Reply::Hang]);
    let keeper = world.keep("work", record(mins(50)));
    let options = TokenRequestOptions { min_validity: mins(30), timeout: Some(secs(5)) };
    let lease = world.wait(keeper.token_with(options)).unwrap();
    assert_eq!(text(&lease), "at-0");
    assert!(lease.short());
    assert_eq!(world.clock.now().boot, START.boot + secs(5));
}

#[test]
fn a_longer_life_is_fetched_where_it_can_be_had() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(mins(44)));
    let options = TokenRequestOptions { min_validity: mins(30), timeout: None };
    let lease = world.wait(keeper.token_with(options)).unwrap();
    assert_eq!((text(&lease), lease.short()), ("at-1", false));
}

#[test]
fn many_complaints_about_one_token_cost_one_refresh() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    let all = world.wait(join_all((0..100).map(|_| keeper.rejected(1, 0))));
    for outcome in all {
        let Ok(Rejection::Renewed(lease)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(text(&lease), "at-1");
    }
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn a_complaint_about_an_old_token_is_answered_at_once_with_the_newer_one() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    let first = world.wait(keeper.rejected(1, 0)).unwrap();
    assert!(matches!(first, Rejection::Renewed(_)));
    // No time, no loop: the future is ready at its first poll.
    let again = futures_util::FutureExt::now_or_never(keeper.rejected(1, 0)).expect("at once").unwrap();
    let Rejection::Renewed(lease) = again else { panic!("{again:?}") };
    assert_eq!(lease.generation(), 1);
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn a_complaint_about_a_token_just_minted_is_passed_through() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    world.wait(keeper.rejected(1, 0)).unwrap();
    let second = world.wait(keeper.rejected(1, 1)).unwrap();
    assert!(matches!(second, Rejection::Passed), "{second:?}");
    assert_eq!(world.endpoint.count(), 1);
    assert_eq!(world.view(&keeper).rejections_passed, 1);
}

#[test]
fn a_persons_refresh_waits_for_its_own_attempt_in_auth_retrying_too() {
    let mut world = World::new([Reply::firewall()]);
    let keeper = world.keep("work", record(mins(61)));
    world.executor.run_for(mins(8));
    let before = world.endpoint.count();
    let error = world.wait(keeper.refresh(secs(60))).unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(_)), "{error}");
    assert_eq!(world.endpoint.count(), before + 1);
    world.endpoint.rescript([Reply::Grant(3600)]);
    let lease = world.wait(keeper.refresh(secs(60))).unwrap();
    assert_eq!(lease.generation(), 1);
    assert_eq!(world.view(&keeper).status, Status::Running);
}

#[test]
fn a_persons_refresh_before_the_record_is_read_is_made_after() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, clock| {
        store.with_latency(clock, secs(1))
    });
    world.store.write(&name("work"), record(secs(60)));
    let keeper = world.handle.add(name("work"), setup(), 7);
    let lease = world.wait(keeper.refresh(secs(60))).unwrap();
    assert_eq!(text(&lease), "at-1");
}

#[test]
fn a_refresh_that_the_store_does_not_let_begin_is_told_so_at_once() {
    for at in [FaultAt::Claim, FaultAt::Mark] {
        let mut world = World::new([Reply::Grant(3600)]);
        let keeper = world.keep("work", record(secs(60)));
        world.store.fail(at);
        let begun = world.clock.now().boot;
        let error = world.wait(keeper.refresh(secs(60))).unwrap_err();
        assert!(matches!(error, TokenError::Store { .. }), "{at:?}: {error}");
        assert_eq!(world.clock.now().boot, begun, "{at:?}: nobody waits for a store that fails");
        assert_eq!(world.endpoint.count(), 0, "nothing was spent");
    }
}

#[test]
fn a_refresh_without_a_login_says_that_one_is_needed() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.handle.add(name("nobody"), setup(), 7);
    let error = world.wait(keeper.refresh(secs(60))).unwrap_err();
    let TokenError::Unavailable(state) = &error else { panic!("{error}") };
    assert_eq!((state.status, state.cause), (Status::Unauthenticated, Some(Cause::NoGrant)));
    assert_eq!(world.clock.now().boot, START.boot);
}

#[test]
fn no_secret_shows_in_any_error_or_debug_text() {
    let mut world = World::new([Reply::Status(400, "text/html", "<p>rt-0 at-0</p>".into())]);
    let keeper = world.keep("work", record(secs(60)));
    let token = keeper.try_token().expect("loaded").to_owned();
    let shown = format!("{token:?} {keeper:?} {:?}", world.handle);
    assert!(!shown.contains("at-0"), "{shown}");
    drop(token);
    let error = world.wait(keeper.refresh(secs(30))).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("rt-0") && !shown.contains("at-0"), "{shown}");
}
