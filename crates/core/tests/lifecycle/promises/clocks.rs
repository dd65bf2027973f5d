//! Clocks that are set, and machines that sleep: never an expired token, never a storm.

use renewd_core::*;

use crate::host::*;

const HOUR: i64 = 3_600_000;
const TEN_YEARS: i64 = 10 * 365 * 24 * HOUR;

/// A way into a state, and the name of what it leads to.
type Way = (&'static str, Phase, fn(&mut Host));

/// A way into each state in which time matters.
const WAYS: [Way; 8] = [
    ("fresh", Phase::Fresh, |h| h.pass(mins(5))),
    ("backoff", Phase::Backoff, |h| {
        h.server.mode = Mode::Waf;
        h.pass(mins(46));
    }),
    ("auth_retrying", Phase::AuthRetrying, |h| {
        h.server.mode = Mode::Waf;
        h.pass(mins(80));
    }),
    ("settling", Phase::Settling, |h| {
        h.server.mode = Mode::Hang;
        h.input(Input::Refresh);
        h.pass(secs(31));
    }),
    ("unsaved", Phase::Unsaved, |h| {
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        h.store.writes_fail = Some(StoreFaultKind::Full);
        h.reply(&Mode::Ok(3600));
    }),
    ("claiming", Phase::Claiming, |h| {
        h.store.claim_taken = true;
        h.input(Input::Refresh);
    }),
    ("exchanging", Phase::Exchanging, |h| {
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
    }),
    ("unauthenticated", Phase::Unauthenticated, |h| {
        h.server.mode = Mode::InvalidGrant;
        h.input(Input::Refresh);
        h.pass(secs(1));
    }),
];

fn heal(h: &mut Host) {
    h.server.mode = Mode::Ok(3600);
    h.store.writes_fail = None;
    h.store.claim_taken = false;
    if h.view().phase == Phase::Exchanging && h.wire.is_none() {
        h.reply(&Mode::Ok(3600));
    }
    if h.status() == Status::Unauthenticated {
        h.log_in();
    }
}

#[test]
fn a_wall_clock_set_by_an_hour_or_ten_years_in_any_state_serves_no_expired_token_and_makes_no_storm() {
    for (name, phase, way) in WAYS {
        for step in [HOUR, -HOUR, TEN_YEARS, -TEN_YEARS] {
            let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
            way(&mut h);
            assert_eq!(h.view().phase, phase);
            let before = h.requests.len();
            h.step_wall(step);
            for _ in 0..60 {
                // Whoever is served an expired token is caught by the host.
                let _ = h.ask();
                h.pass(secs(10));
            }
            let made = h.requests.len() - before;
            assert!(made <= 6, "{name}, {step} ms: {made} requests in ten minutes");
            heal(&mut h);
            h.pass(mins(20));
            assert!(h.ask().is_ok(), "{name}, {step} ms: {:?}", h.view().phase);
            h.step_wall(-step);
            h.pass(mins(20));
            assert!(h.ask().is_ok(), "{name}, back by {step} ms");
        }
    }
}

#[test]
fn a_suspend_of_ten_seconds_to_seven_days_in_any_state_serves_no_expired_token_and_makes_no_storm() {
    for (name, phase, way) in WAYS {
        for asleep in [secs(10), hours(8), hours(7 * 24)] {
            let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
            way(&mut h);
            assert_eq!(h.view().phase, phase);
            let before = h.requests.len();
            h.advance(asleep);
            let _ = h.ask();
            h.input(Input::Resumed);
            for _ in 0..60 {
                let _ = h.ask();
                h.pass(secs(10));
            }
            assert!(h.requests.len() <= before + 8, "{name}, {asleep}: {}", h.requests.len() - before);
            heal(&mut h);
            h.pass(mins(20));
            assert!(h.ask().is_ok(), "{name}, {asleep}: {:?}", h.view().phase);
        }
    }
}

#[test]
fn after_eight_hours_of_suspend_with_a_monotonic_clock_that_did_not_move_the_first_tick_refreshes() {
    // The boot clock counts the suspend; no tick came, since timers slept as well.
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(5));
    h.advance(hours(8));
    assert!(matches!(h.machine.serve(h.now, Span::ZERO), Serve::Wait), "not even before a tick");
    h.input(Input::Resumed);
    h.pass(secs(1));
    assert_eq!(h.ask(), Ok("at-1".into()));
    assert_eq!(h.requests.len(), 1);

    // And where even the boot clock did not move, the wall clock says so.
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(5));
    h.step_wall(8 * HOUR);
    h.pass(secs(1));
    assert_eq!(h.ask(), Ok("at-1".into()));
}

#[test]
fn after_a_reboot_with_the_wall_clock_in_the_past_the_token_is_refreshed_before_it_is_served() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Waf;
    h.pass(mins(5));
    h.now.wall = Wall::from_unix_millis(0);
    h.reboot(mins(1));
    assert_eq!(h.ask(), Err("wait".into()));
    h.pass(mins(30));
    assert_eq!(h.ask(), Err("auth_retrying outage".into()), "nobody can say whether it lives");
    h.restart(h.setup.clone());
    assert_eq!(h.ask(), Err("auth_retrying outage".into()), "another process of this boot knows no more");
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(11));
    assert_eq!(h.ask(), Ok("at-1".into()));
    h.restart(h.setup.clone());
    assert_eq!(h.ask(), Ok("at-1".into()), "a success is trusted");
}

#[test]
fn after_a_reboot_with_a_good_clock_the_token_is_served_for_what_is_left_of_it() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(5));
    h.reboot(mins(10));
    assert_eq!(h.ask(), Ok("at-0".into()));
    h.server.mode = Mode::Waf;
    h.pass(mins(44));
    assert_eq!(h.ask(), Ok("at-0".into()));
    h.step_wall(-HOUR);
    h.pass(mins(2));
    assert_ne!(h.ask(), Ok("at-0".into()), "from then on both clocks count");
}

#[test]
fn after_a_reboot_with_a_dead_clock_neither_an_empty_budget_nor_a_pause_holds_for_ever() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    while h.view().budget_left > 0 {
        let _ = h.ask();
        h.input(Input::Refresh);
        h.pass(secs(2));
        h.restart(h.setup.clone());
    }
    h.server.mode = Mode::Limited(600);
    h.pass(mins(20));
    h.now.wall = Wall::from_unix_millis(0);
    h.reboot(mins(1));
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(21));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_boot_clock_that_runs_backwards_is_held() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(10));
    h.input(Input::Tick);
    let wake = h.machine.poll_timeout();
    h.now.boot = Boot::from_millis(0);
    h.input(Input::Tick);
    assert_eq!(h.machine.poll_timeout(), wake);
    assert_eq!(h.requests.len(), 0);
}

#[test]
fn two_reboots_and_a_clock_set_back_a_little_do_not_bring_an_expired_token_back() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::InvalidClient;
    h.pass(hours(1));
    h.reboot(hours(1));
    h.step_wall(-60_000);
    h.reboot(Span::from_millis(1));
    assert_eq!(h.ask(), Err("auth_retrying client_refused".into()));
}

#[test]
fn after_a_reboot_with_a_dead_clock_an_empty_budget_grows_back() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    while h.view().budget_left > 0 {
        let _ = h.ask();
        h.input(Input::Refresh);
        h.pass(secs(2));
        h.restart(h.setup.clone());
    }
    h.now.wall = Wall::from_unix_millis(0);
    h.reboot(mins(1));
    h.server.mode = Mode::Ok(3600);
    for _ in 0..11 {
        h.pass(mins(1));
        // Whatever the store says in between.
        h.input(Input::StoreChanged);
    }
    assert_eq!(h.status(), Status::Running);
    assert!(h.ask().is_ok());
}

#[test]
fn a_clock_that_was_ten_years_ahead_costs_one_refresh_after_the_next_reboot_and_no_more() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.step_wall(TEN_YEARS);
    h.pass(mins(5));
    h.step_wall(-TEN_YEARS);
    h.reboot(mins(1));
    h.pass(mins(1));
    assert_eq!(h.ask(), Ok("at-2".into()), "the first could not be dated");
    h.reboot(mins(1));
    h.pass(mins(1));
    assert_eq!((h.ask(), h.requests.len()), (Ok("at-2".into()), 2));
}

#[test]
fn an_access_token_alone_that_a_wrong_clock_ended_comes_back_when_the_clock_is_set_right() {
    let mut h = Host::new(setup(), Some(access_token_only(3600)));
    h.pass(mins(1));
    h.step_wall(TEN_YEARS);
    assert_eq!(h.ask(), Err("unauthenticated no_refresh_token".into()));
    h.step_wall(-TEN_YEARS);
    assert_eq!((h.status(), h.ask()), (Status::Running, Ok("at-0".into())));
    assert!(h.machine.poll_timeout().is_some());
}
