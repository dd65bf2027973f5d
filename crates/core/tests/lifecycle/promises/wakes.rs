//! What pulls the next attempt forward, and what does not.

use renewd_core::*;

use crate::host::*;

fn in_auth_retrying() -> Host {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(20));
    // Just after an attempt.
    let before = h.requests.len();
    while h.requests.len() == before {
        h.pass(secs(1));
    }
    assert_eq!(h.status(), Status::AuthRetrying);
    h
}

#[test]
fn a_network_change_pulls_the_next_attempt_forward_once() {
    let mut h = in_auth_retrying();
    let before = h.requests.len();
    h.input(Input::NetworkChanged);
    assert_eq!(h.machine.poll_timeout().map(|w| w.why), Some("pulled"));
    h.pass(secs(6));
    assert_eq!(h.requests.len(), before + 1, "soon, with jitter");
    for _ in 0..50 {
        h.input(Input::NetworkChanged);
        h.pass(secs(1));
    }
    assert_eq!(h.requests.len(), before + 1, "a flapping network does not spend the budget");
    h.pass(mins(10));
    assert_eq!(h.requests.len(), before + 2, "then the cadence again");
}

#[test]
fn a_resume_pulls_the_next_attempt_forward_once() {
    let mut h = in_auth_retrying();
    let before = h.requests.len();
    h.advance(mins(2));
    h.input(Input::Resumed);
    h.pass(secs(6));
    assert_eq!(h.requests.len(), before + 1);
    h.input(Input::Resumed);
    h.pass(mins(1));
    assert_eq!(h.requests.len(), before + 1);
}

#[test]
fn a_laptop_that_wakes_on_another_network_recovers_within_seconds() {
    let mut h = in_auth_retrying();
    h.advance(hours(8));
    h.server.mode = Mode::Ok(3600);
    h.input(Input::NetworkChanged);
    h.input(Input::Resumed);
    h.pass(secs(6));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn neither_changes_anything_while_the_token_is_fresh_or_a_request_settles() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(5));
    h.input(Input::NetworkChanged);
    h.input(Input::Resumed);
    h.pass(mins(1));
    assert_eq!(h.requests.len(), 0);

    h.server.script = [Mode::Hang].into();
    h.input(Input::Refresh);
    h.pass(secs(31));
    assert_eq!(h.view().phase, Phase::Settling);
    let until = h.machine.poll_timeout();
    h.input(Input::NetworkChanged);
    h.input(Input::Resumed);
    h.input(Input::Refresh);
    assert_eq!((h.view().phase, h.machine.poll_timeout()), (Phase::Settling, until));
}

#[test]
fn a_caller_never_hurries_the_cadence() {
    let mut h = in_auth_retrying();
    let before = h.requests.len();
    for _ in 0..1000 {
        assert_eq!(h.ask(), Err("auth_retrying outage".into()));
    }
    h.pass(mins(1));
    assert_eq!(h.requests.len(), before);
}

#[test]
fn a_claim_that_another_process_holds_is_polled_ever_more_slowly_and_a_newer_record_ends_the_wait() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.store.claim_taken = true;
    h.pass(mins(46));
    assert_eq!(h.ask(), Ok("at-0".into()), "a process with a valid token never waits");
    let tries = h.trace.iter().filter(|t| t.ends_with("claim")).count();
    assert!(tries > 30 && tries < 400, "{tries}");
    assert!(h.others_refresh(3600));
    assert_eq!((h.view().phase, h.ask()), (Phase::Fresh, Ok("at-1".into())));
    assert_eq!(h.requests.len(), 0);
}
