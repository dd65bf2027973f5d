//! An outage: the short retry, `auth_retrying`, recovery.

use renewd_core::*;

use crate::host::*;

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
fn retries_come_with_full_jitter_that_grows_to_two_minutes() {
    let mut longest = [Span::ZERO; 5];
    let mut shortest = [Span::MAX; 5];
    for seed in 0..300 {
        let mut h = Host::with_seed(setup(), Some(login(1)), seed);
        h.server.mode = Mode::Waf;
        h.server.latency = Span::ZERO;
        h.pass(mins(6));
        for (i, w) in h.requests.windows(2).take(5).enumerate() {
            let gap = w[1].since(w[0]);
            (longest[i], shortest[i]) = (longest[i].max(gap), shortest[i].min(gap));
        }
    }
    for (i, most) in [10, 20, 40, 80, 120].into_iter().enumerate() {
        assert!(longest[i] <= secs(most) && longest[i] >= secs(most * 9 / 10), "{i}: {}", longest[i]);
        assert!(shortest[i] >= secs(1) && shortest[i] <= secs(most / 4), "{i}: {}", shortest[i]);
    }
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Limited(90)].into();
    h.pass(mins(5));
    assert!(h.requests[1].since(h.requests[0]) >= secs(90));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_pause_longer_than_the_short_retry_leads_to_auth_retrying_and_is_told_truthfully() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Limited(1800)].into();
    h.pass(mins(1));
    assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::RateLimited)));
    let told = h.view().next_attempt.unwrap();
    h.input(Input::NetworkChanged);
    h.input(Input::Refresh);
    h.reject();
    h.pass(hours(1));
    assert_eq!(h.requests[1], told, "neither a person nor the network hurries what the server asked for");
    assert!(told.since(h.requests[0]) >= secs(1800));
}

#[test]
fn a_mistaken_retry_after_of_years_holds_for_an_hour() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Limited(400_000_000)].into();
    h.pass(mins(62));
    assert_eq!((h.requests.len(), h.status()), (2, Status::Running));
}

#[test]
fn recovery_by_a_callers_own_refresh_clears_the_window() {
    for rejection in [false, true] {
        let record = login_with_token(1, 20 * 3600);
        let mut h = Host::new(setup(), Some(record));
        h.server.mode = Mode::Waf;
        h.input(Input::Refresh);
        h.pass(mins(30));
        assert_eq!((h.status(), h.ask()), (Status::AuthRetrying, Ok("at-0".into())));
        h.server.mode = Mode::Ok(3600);
        let before = h.requests.len();
        if rejection {
            h.reject()
        } else {
            h.input(Input::Refresh)
        }
        h.pass(secs(1));
        assert_eq!((h.requests.len(), h.status()), (before + 1, Status::Running), "rejection: {rejection}");
        assert!(h.store.record.as_ref().unwrap().window.is_none());
        assert_eq!(h.view().auth_retrying_since, None);
        assert!(h.reports().any(|r| matches!(r, Report::Recovered { .. })));
    }
}

#[test]
fn recovery_by_another_process_clears_the_window_without_a_request() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(30));
    let before = h.requests.len();
    assert!(h.others_refresh(3600));
    assert_eq!((h.status(), h.requests.len()), (Status::Running, before));
    assert_eq!(h.ask(), Ok("at-1".into()));
}

#[test]
fn a_restart_in_auth_retrying_keeps_the_cadence_and_the_count() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(35));
    let (next, since) = (h.view().next_attempt, h.view().auth_retrying_since);
    h.restart(h.setup.clone());
    assert_eq!(
        (h.status(), h.view().next_attempt, h.view().auth_retrying_since),
        (Status::AuthRetrying, next, since)
    );
    let before = h.requests.len();
    h.pass(next.unwrap().since(h.now.boot).saturating_sub(secs(1)));
    assert_eq!(h.requests.len(), before);
    h.pass(secs(2));
    assert_eq!(h.requests.len(), before + 1);
}

#[test]
fn a_refused_client_heals_at_once_when_the_configuration_is_mended() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::InvalidClient;
    h.pass(mins(5));
    h.server.mode = Mode::Ok(3600);
    h.input(Input::PolicyChanged(Box::new(setup())));
    h.pass(secs(1));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_shorter_interval_counts_from_the_reload_and_a_longer_one_delays_nothing() {
    for (minutes, most) in [(2, mins(3)), (60, mins(10))] {
        let mut h = Host::new(setup(), Some(login(1)));
        h.server.mode = Mode::Waf;
        h.pass(mins(30));
        let before = h.requests.len();
        let auth_retrying = AuthRetryingPolicy { interval: mins(minutes), ceiling: hours(24) };
        let policy = Policy { auth_retrying, ..Policy::default() };
        h.input(Input::PolicyChanged(Box::new(setup_with(
            policy,
            Profile::generic(),
            Client::public("cli"),
        ))));
        h.pass(most);
        assert!(h.requests.len() > before, "{minutes}");
    }
}

#[test]
fn a_reload_does_not_change_who_this_process_is() {
    let mut h = Host::new(setup(), Some(login(1)));
    let other = Setup { owner: owner("elsewhere", BootId(9)), ..setup() };
    h.input(Input::PolicyChanged(Box::new(other)));
    h.server.mode = Mode::Silent;
    let _ = h.ask();
    let intent = h.store.record.as_ref().and_then(|r| r.intent.clone()).unwrap();
    assert_eq!((intent.owner.host.as_str(), intent.owner.boot_id), ("box", BOOT));
}

#[test]
fn attempts_are_bounded_by_a_budget_that_outlives_restarts() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    for _ in 0..200 {
        // A crash loop whose callers are in a hurry.
        let _ = h.ask();
        h.input(Input::Refresh);
        h.pass(secs(2));
        h.restart(h.setup.clone());
    }
    assert!(h.requests.len() <= 20 + 3, "{} attempts in 400 s", h.requests.len());
}

#[test]
fn misdirected_requests_are_sent_again_at_once_and_once() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Status(421), Mode::Status(421), Mode::Status(421)].into();
    h.pass(mins(2));
    let gaps: Vec<Span> = h.requests.windows(2).map(|w| w[1].since(w[0])).collect();
    assert_eq!(h.requests.len(), 4);
    assert!(gaps[0] < secs(1) && gaps[1] >= secs(1) && gaps[2] < secs(1), "once per attempt: {gaps:?}");
}

#[test]
fn attempts_that_other_processes_made_count_toward_the_budget_here() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    let mut record = h.store.record.clone().unwrap();
    record.budget = Some(Budget { left: 0, since: Stamp::new(h.now, BOOT) });
    h.store.put(record);
    h.input(Input::Refresh);
    assert_eq!((h.requests.len(), h.claim_held, h.view().phase), (0, false, Phase::Fresh));
    h.pass(mins(3) + secs(1));
    assert_eq!(h.requests.len(), 1, "the person's wish is kept");
}
