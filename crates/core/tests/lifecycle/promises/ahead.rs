//! Refreshing ahead of expiry.

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
fn the_jitter_is_only_earlier_and_at_most_a_tenth_of_the_window() {
    let sent: Vec<Span> = (0..200)
        .map(|seed| {
            let mut h = Host::with_seed(setup(), Some(login_with_token(1, 3600)), seed);
            h.pass(hours(1));
            h.requests[0].since(at(0).boot)
        })
        .collect();
    let (first, last) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
    assert!(*last <= mins(45) && *first >= mins(45).saturating_sub(secs(90)), "{first} … {last}");
    assert!(last.saturating_sub(*first) > mins(1), "the attempts of many clients are spread");
}

#[test]
fn a_configured_window_counts_and_is_never_begun_late() {
    let refresh = RefreshPolicy { window: Some(mins(5)), ..RefreshPolicy::default() };
    let policy = Policy { refresh, ..Policy::default() };
    let mut h = Host::new(
        setup_with(policy, Profile::generic(), Client::public("cli")),
        Some(login_with_token(1, 3600)),
    );
    h.pass(hours(1));
    let sent = h.requests[0].since(at(0).boot);
    assert!(sent <= mins(55) && sent >= mins(54).saturating_sub(secs(30)), "{sent}");
}

#[test]
fn with_less_than_the_mandatory_margin_left_a_caller_waits_for_the_refresh_that_is_under_way() {
    let request = RequestPolicy { timeout: mins(30), ..RequestPolicy::default() };
    let policy = Policy { request, ..Policy::default() };
    let setup = setup_with(policy, Profile::generic(), Client::public("cli"));
    let mut h = Host::new(setup, Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.pass(mins(46));
    assert_eq!(h.ask(), Ok("at-0".into()), "14 min left: nobody waits");
    h.pass(mins(13) + secs(30));
    assert_eq!(h.ask(), Err("wait".into()), "30 s left: a new token is on its way");
    h.reply(&Mode::Waf);
    assert_eq!(h.ask(), Ok("at-0".into()), "the refresh failed: the old one is better than none");
    h.pass_until(Phase::Exchanging);
    assert_eq!(h.ask(), Ok("at-0".into()), "also while the next attempt is made");
}

#[test]
fn a_caller_that_wants_a_longer_life_gets_a_new_token_where_one_can_be_had() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(10));
    assert_eq!(h.ask_for(mins(55)), Err("wait".into()));
    h.pass(secs(1));
    assert_eq!(h.ask_for(mins(55)), Ok("at-1".into()));
    assert_eq!(h.ask_for(hours(2)), Ok("at-1".into()), "no refresh would ever give that");
    assert_eq!(h.ask_for(mins(60)), Ok("at-1".into()), "within `min_interval` it is given short");
    assert_eq!(h.requests.len(), 1);
}

#[test]
fn a_million_credentials_loaded_at_once_do_not_all_refresh_at_once() {
    let mut soonest = 0;
    for seed in 0..100 {
        let mut h = Host::with_seed(setup(), Some(login(1)), seed);
        h.pass(secs(1));
        soonest += h.requests.len();
    }
    assert!(soonest < 30, "{soonest} of 100 within a second");
    // Nor those whose tokens were about to be renewed when the process began.
    let mut soonest = 0;
    for seed in 0..100 {
        let mut h = Host::with_seed(setup(), Some(login_with_token(1, 3600)), seed);
        h.pass(mins(1));
        h.advance(mins(50));
        h.restart_with_seed(setup(), seed);
        h.pass(secs(1));
        soonest += h.requests.len();
    }
    assert!(soonest < 30, "{soonest} of 100 within a second");
    let mut h = Host::with_seed(setup(), Some(login(1)), 1);
    assert_eq!(h.ask(), Err("wait".into()));
    h.pass(Span::from_millis(100));
    assert_eq!(h.ask(), Ok("at-1".into()), "but somebody who waits need not");
}

#[test]
fn refreshes_that_nobody_needs_keep_the_least_interval() {
    let refresh =
        RefreshPolicy { window: Some(mins(30)), min_interval: Some(mins(40)), ..RefreshPolicy::default() };
    let policy = Policy { refresh, ..Policy::default() };
    let mut h = Host::new(setup_with(policy, Profile::generic(), Client::public("cli")), Some(login(1)));
    h.pass(hours(4));
    assert!(h.requests.windows(2).all(|w| w[1].since(w[0]) >= mins(40)), "{:?}", h.requests);
    h.input(Input::Refresh);
    h.pass(secs(1));
    let before = h.requests.len();
    h.input(Input::Refresh);
    h.pass(secs(1));
    assert_eq!(h.requests.len(), before + 1, "a person may");
}

#[test]
fn the_fast_path_hands_the_token_out_to_the_margin_and_while_refreshes_fail_almost_to_its_end() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    let expiry = at(0).boot + hours(1);
    assert_eq!(h.last_published.as_ref().map(|t| t.until_boot), Some(expiry - secs(60)));
    h.server.mode = Mode::Waf;
    h.pass(mins(46));
    assert_eq!(h.last_published.as_ref().map(|t| t.until_boot), Some(expiry - secs(6)), "in the short retry");
    h.pass(mins(10));
    h.restart(setup());
    assert_eq!(h.status(), Status::AuthRetrying);
    assert_eq!(h.last_published.as_ref().map(|t| t.until_boot), Some(expiry - secs(6)), "in auth_retrying");
    h.pass(mins(5));
    assert!(h.last_published.is_none(), "its end is told without being asked");
}
