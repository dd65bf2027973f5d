//! How a credential lives, told from outside: each test is one promise.

use renewd_core::*;

use crate::host::*;

#[test]
fn a_token_is_renewed_ahead_of_expiry_at_a_quarter_of_its_life_and_never_later_than_the_window() {
    for seed in 0..50 {
        let mut h = Host::with_seed(setup(), Some(login_with_token(1, 3600)), seed);
        h.pass(hours(1));
        let sent = h.requests[0].since(at(0).boot);
        assert!(sent <= mins(45), "{sent}");
        assert!(sent >= mins(45).saturating_sub(Span::from_secs(90)), "{sent}");
    }
}

#[test]
fn five_minute_and_twenty_second_tokens_are_renewed_once_each_time_and_never_seen_expired() {
    for (lifetime, most) in [(300u64, 20usize), (20, 300)] {
        let mut h = Host::new(setup(), Some(login_with_token(1, lifetime)));
        h.server.mode = Mode::Ok(lifetime as i64);
        for _ in 0..3600 {
            h.pass(Span::from_secs(1));
            assert!(h.ask().is_ok() || h.ask() == Err("wait".into()));
            assert!(h.view().token_valid);
        }
        assert!(h.requests.len() <= most, "{} requests for {lifetime} s tokens in an hour", h.requests.len());
    }
}

#[test]
fn the_old_token_is_served_all_through_a_failing_refresh_while_it_is_valid() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Waf;
    for _ in 0..3599 {
        h.pass(Span::from_secs(1));
        assert_ne!(h.ask(), Err("auth_retrying outage".into()), "at {:?}", h.now.boot);
        if h.now.boot.since(at(0).boot) > mins(46) {
            assert_eq!(h.ask(), Ok("at-0".into()));
        }
    }
    h.pass(Span::from_secs(2));
    assert_eq!(h.ask(), Err("auth_retrying outage".into()));
}

#[test]
fn a_success_inside_the_short_retry_never_leaves_running() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Waf, Mode::Status(503), Mode::Unreachable, Mode::Status(500), Mode::Waf].into();
    h.pass(mins(10));
    assert_eq!(h.requests.len(), 6);
    assert_eq!(h.changes(), []);
    assert_eq!(h.ask(), Ok("at-1".into()));
}

#[test]
fn an_exhausted_short_retry_is_announced_once_then_tried_every_ten_minutes_until_it_succeeds() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(hours(3));
    assert_eq!(h.changes(), [(Status::Running, Status::AuthRetrying)]);
    let long: Vec<_> = h.requests.windows(2).map(|w| w[1].since(w[0])).skip(5).collect();
    assert!(long.len() >= 16, "{long:?}");
    assert!(long.iter().all(|gap| *gap >= mins(10) && *gap < mins(11)), "{long:?}");
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(11));
    assert_eq!(h.status(), Status::Running);
    assert!(h.reports().any(|r| matches!(r, Report::Recovered { attempts: 17.., .. })));
}

#[test]
fn the_short_retry_makes_six_attempts_within_five_minutes() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(6));
    assert_eq!(h.requests.len(), 6, "one failure and five retries");
    assert!(h.requests[5].since(h.requests[0]) <= mins(5));
}

#[test]
fn the_ceiling_ends_the_login_without_the_stale_client_hint_after_a_failed_attempt_past_it() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(25));
    assert_eq!(h.status(), Status::Unauthenticated);
    assert_eq!(h.view().cause, Some(Cause::Ceiling));
    assert_eq!(h.hints(), 0);
    let before = h.requests.len();
    h.pass(hours(48));
    assert_eq!(h.requests.len(), before, "nothing is sent after giving up");
    assert!(
        h.store.record.as_ref().is_some_and(|r| r.grant.refresh_token.is_some()),
        "the refresh token is kept"
    );
}

#[test]
fn a_laptop_shut_for_three_days_tries_before_it_gives_up() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(1));
    h.advance(hours(72));
    h.server.mode = Mode::Ok(3600);
    h.input(Input::Resumed);
    h.pass(mins(1));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn the_ceilings_count_survives_restarts_and_ignores_wall_clock_steps() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    for _ in 0..6 {
        h.pass(hours(3));
        h.restart(setup());
        h.step_wall(365 * 86_400_000);
        h.pass(mins(5));
        h.step_wall(-365 * 86_400_000);
    }
    assert_eq!(h.status(), Status::AuthRetrying, "18 h and a half");
    h.pass(hours(6));
    assert_eq!(h.status(), Status::Unauthenticated);
}

#[test]
fn a_refused_grant_gives_up_at_once_also_in_the_middle_of_auth_retrying() {
    for outage in [Span::ZERO, hours(2)] {
        let mut h = Host::new(setup(), Some(login(1)));
        h.server.mode = Mode::Waf;
        h.pass(outage);
        h.server.mode = Mode::InvalidGrant;
        let before = h.requests.len();
        h.pass(mins(20));
        assert_eq!((h.status(), h.view().cause), (Status::Unauthenticated, Some(Cause::GrantRefused)));
        assert_eq!(h.requests.len(), before + 1);
        assert_eq!(h.hints(), 1);
        h.restart(setup());
        h.pass(hours(48));
        assert_eq!(h.status(), Status::Unauthenticated, "also after a restart");
        assert_eq!(h.requests.len(), before + 1);
    }
}

#[test]
fn a_refused_client_keeps_the_grant_hints_once_and_heals_whatever_the_ceiling() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::InvalidClient;
    h.pass(mins(1));
    assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::ClientRefused)));
    assert_eq!(h.view().health, Health::Unhealthy);
    h.pass(hours(100));
    assert_eq!(h.status(), Status::AuthRetrying);
    assert_eq!(h.hints(), 1);
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(11));
    assert_eq!((h.status(), h.view().health), (Status::Running, Health::Healthy));
}

#[test]
fn a_demand_in_auth_retrying_fails_at_once_with_the_time_of_the_next_attempt() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(30));
    let before = h.requests.len();
    h.input(Input::Demand { min_validity: Span::ZERO });
    let Serve::Unavailable(u) = h.machine.serve(h.now, Span::ZERO) else { panic!("served") };
    assert_eq!(u.status, Status::AuthRetrying);
    let next = u.next_attempt.expect("a next attempt");
    assert_eq!(h.requests.len(), before, "a caller does not hurry the cadence");
    h.pass(next.since(h.now.boot));
    assert_eq!(h.requests.len(), before + 1, "the time that was told is the time it happened");
}

#[test]
fn parallel_401s_of_one_generation_cost_one_refresh_and_an_old_generation_costs_none() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    for _ in 0..1000 {
        h.input(Input::Rejected { epoch: 1, generation: 0 });
    }
    h.pass(mins(1));
    assert_eq!(h.requests.len(), 1);
    h.input(Input::Rejected { epoch: 1, generation: 0 });
    assert_eq!(h.ask(), Ok("at-1".into()), "an old generation is answered at once");
    assert_eq!(h.requests.len(), 1);
}

#[test]
fn a_token_rejected_right_after_it_was_minted_for_a_rejection_is_passed_through_and_counted() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    for second in 0..600 {
        let view = h.view();
        h.input(Input::Rejected { epoch: view.epoch, generation: view.generation });
        h.pass(Span::from_secs(1));
        assert!(h.requests.len() <= 8, "a loop: {} requests in {second} s", h.requests.len());
    }
    assert!(h.view().rejections_passed > 500);
    assert_eq!(h.view().health, Health::Degraded);
}

#[test]
fn a_person_may_probe_after_the_ceiling_and_success_heals() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(26));
    h.input(Input::Refresh);
    h.pass(mins(1));
    assert_eq!(h.status(), Status::Unauthenticated);
    assert_eq!(h.changes().len(), 2, "a failed probe announces nothing");
    h.server.mode = Mode::Ok(3600);
    h.input(Input::Refresh);
    h.pass(mins(1));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_lost_answer_is_waited_out_before_the_same_token_is_sent_again() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Hang].into();
    h.pass(mins(3));
    assert_eq!(h.requests.len(), 2);
    let answered = h.requests[0] + Span::from_secs(30);
    assert!(h.requests[1].since(answered) >= Span::from_secs(35), "settle is waited out");
    assert_eq!(h.sent_tokens[0], h.sent_tokens[1]);
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn invalid_grant_while_in_doubt_says_that_the_rotation_was_lost() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Hang, Mode::InvalidGrant].into();
    h.pass(mins(5));
    assert_eq!(h.view().cause, Some(Cause::RotationLost));
}

#[test]
fn a_save_that_fails_keeps_serving_the_new_token_and_refreshes_nothing_more() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Silent;
    h.pass(mins(1));
    h.store.writes_fail = Some(StoreFaultKind::Full);
    h.reply(&Mode::Ok(3600));
    assert_eq!(h.view().phase, Phase::Unsaved);
    assert_eq!(h.ask(), Ok("at-1".into()));
    assert_eq!(h.view().health, Health::Degraded);
    h.pass(mins(20));
    assert_eq!(h.requests.len(), 1);
    h.store.writes_fail = None;
    h.pass(mins(1));
    assert_eq!((h.view().saved, h.view().health), (true, Health::Healthy));
    assert_eq!(h.store.record.as_ref().unwrap().version(), (1, 1));
}
