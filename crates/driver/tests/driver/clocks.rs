//! Clocks that step, machines that sleep, networks that change.

use crate::world::*;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

#[test]
fn a_wall_clock_set_back_does_not_lengthen_a_token() {
    let mut world = World::new([Reply::firewall()]);
    let keeper = world.keep("work", record(secs(60)));
    world.executor.run_for(mins(20));
    world.clock.step_wall(-3_600_000);
    // At the latest half a minute after the step the deadline is right again: 59 minutes from the start, less margin.
    world.executor.run_for(mins(38));
    assert!(keeper.try_token().is_some(), "58 minutes after the start it lives");
    world.executor.run_for(mins(1));
    assert!(
        keeper.try_token().is_none(),
        "59 minutes after the start it is over, whatever the wall clock says"
    );
}

#[test]
fn a_token_whose_time_on_the_fast_path_was_over_does_not_come_back_when_the_wall_clock_is_set_back() {
    for before_expiry in 1..30 {
        let mut world = World::new([Reply::Hang]);
        // An attempt hangs from before the margin of half a minute until after the expiry.
        let keeper = world.keep("work", record_left(secs(32)));
        world.executor.run_for(secs(32 - before_expiry));
        assert!(keeper.try_token().is_none(), "less than the margin is left");
        world.clock.step_wall(-3_600_000);
        // The loop has not noticed yet, and may not before the very millisecond of the expiry.
        assert!(keeper.try_token().is_none(), "set back {before_expiry} s before its expiry");
    }
}

#[test]
fn a_wall_clock_set_ahead_ends_a_token_on_the_fast_path_at_once() {
    let mut world = World::new([Reply::firewall()]);
    let keeper = world.keep("work", record(secs(60)));
    assert!(keeper.try_token().is_some());
    world.clock.step_wall(2 * 3_600_000);
    assert!(keeper.try_token().is_none());
    let error = world.wait(keeper.token()).map(|t| t.to_owned()).unwrap_err();
    assert!(error.state().is_some(), "{error}");
}

#[test]
fn a_step_makes_machines_look_again_though_no_boot_time_passed() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    world.clock.step_wall(10 * 3_600_000);
    world.executor.run_for(secs(35));
    assert_eq!(keeper.try_token().map(|t| t.generation()), Some(1), "by the wall clock it had expired");
}

#[test]
fn a_resume_after_eight_hours_is_noticed_within_half_a_minute_and_never_serves_the_old_token() {
    let mut world = World::new([Reply::Grant(3600)]);
    let keeper = world.keep("work", record(secs(60)));
    world.executor.run_for(secs(10));
    world.clock.suspend(Span::from_hours(8));
    assert!(keeper.try_token().is_none());
    world.executor.run_for(secs(31));
    assert_eq!(keeper.try_token().map(|t| t.generation()), Some(1));
    assert_eq!(world.endpoint.count(), 1);
}

#[test]
fn a_resume_pulls_the_next_attempt_forward() {
    let mut world = World::new([Reply::firewall()]);
    let keeper = world.keep("work", record(mins(61)));
    world.executor.run_for(mins(8));
    let view = world.view(&keeper);
    assert_eq!(view.status, Status::AuthRetrying);
    assert!(view.next_attempt.unwrap().since(world.clock.now().boot) > mins(2));
    world.endpoint.rescript([Reply::Grant(3600)]);
    world.clock.suspend(secs(20));
    world.executor.run_for(secs(45));
    assert_eq!(world.view(&keeper).status, Status::Running);
}

#[test]
fn a_host_that_hears_of_a_resume_or_another_network_need_not_wait_for_the_loop() {
    for tell in [DriverHandle::resumed, DriverHandle::network_changed] {
        let mut world = World::new([Reply::firewall()]);
        let keeper = world.keep("work", record(mins(61)));
        world.executor.run_for(mins(8));
        world.endpoint.rescript([Reply::Grant(3600)]);
        tell(&world.handle);
        world.executor.run_for(secs(6));
        assert_eq!(world.view(&keeper).status, Status::Running);
    }
}

#[test]
fn the_loop_wakes_often_enough_for_the_smallest_margin_and_seldom_otherwise() {
    let mut world = World::new([Reply::Grant(20)]);
    let keeper = world.keep("short", record(mins(61)));
    world.demand(&keeper);
    world.executor.run_for(secs(1));
    world.executor.run_ready();
    let due = world.clock.next_due().unwrap();
    assert!(due <= secs(1), "two seconds of margin bear at most one: {due}");

    let mut world = World::new([Reply::Grant(3600)]);
    world.keep("long", record(secs(60)));
    world.executor.run_ready();
    let due = world.clock.next_due().unwrap();
    assert!(due <= secs(30) && due > secs(10), "{due}");
}

#[test]
fn a_token_of_an_earlier_boot_is_served_by_the_wall_clock_and_ends_by_both() {
    for uptime_then in [1_000, 9_000_000_000] {
        let mut world = World::new([Reply::firewall()]);
        let mut old = record(secs(60));
        let issued = &mut old.grant.access[0].issued;
        (issued.boot_id, issued.boot) = (BootId(0xb006), Boot::from_millis(uptime_then));
        let keeper = world.keep("work", old);
        assert!(keeper.try_token().is_some(), "uptime then: {uptime_then} ms");
        world.executor.run_for(mins(30));
        world.clock.step_wall(-3_600_000);
        world.executor.run_for(mins(31));
        assert!(keeper.try_token().is_none(), "uptime then: {uptime_then} ms");
    }
}
