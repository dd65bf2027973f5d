//! What an answer says about the lifetime, and tokens that come without what they need.

use renewd_core::*;

use crate::host::*;

fn lifetime_of(expires_in: &'static str) -> (Span, bool) {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::OkRaw(expires_in);
    let _ = h.ask();
    h.pass(secs(1));
    assert_eq!(h.ask(), Ok("at-1".into()), "{expires_in}");
    let access = h.machine.record().and_then(|r| r.access()).expect("a token");
    assert!(h.machine.poll_timeout().is_some_and(|w| w.at > h.now.boot), "{expires_in}: no storm");
    let (lifetime, given) = (access.lifetime, access.lifetime_given);
    h.pass(mins(30));
    assert!(h.requests.len() <= 1 + (1800 / lifetime.as_secs().max(1)) as usize * 2, "{expires_in}");
    (lifetime, given)
}

#[test]
fn no_lifetime_zero_negative_huge_and_text_each_give_a_sensible_one() {
    for (expires_in, lifetime, given) in [
        ("", hours(1), false),
        ("null", hours(1), false),
        ("0", hours(1), false),
        ("-5", hours(1), false),
        (r#""soon""#, hours(1), false),
        (r#""3600""#, hours(1), true),
        ("3600", hours(1), true),
        ("1800.7", mins(30), true),
        ("99999999999999999999", hours(24 * 365), true),
        ("31536000000", hours(24 * 365), true),
    ] {
        assert_eq!(lifetime_of(expires_in), (lifetime, given), "{expires_in}");
    }
}

#[test]
fn a_lifetime_counts_from_when_the_request_was_sent() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.latency = secs(20);
    let _ = h.ask();
    let sent = h.now;
    h.pass(secs(20));
    let access = h.machine.record().and_then(|r| r.access()).unwrap();
    assert_eq!(access.expires_wall(), sent.wall + hours(1));
}

#[test]
fn an_access_token_alone_is_served_to_its_end_and_then_a_login_is_needed() {
    let mut h = Host::new(setup(), Some(access_token_only(3600)));
    h.pass(mins(59));
    assert_eq!((h.ask(), h.status()), (Ok("at-0".into()), Status::Running));
    h.pass(mins(1));
    assert_eq!(h.ask(), Err("unauthenticated no_refresh_token".into()));
    assert_eq!(h.requests.len(), 0);
    h.restart(setup());
    assert_eq!(h.ask(), Err("unauthenticated no_refresh_token".into()));
    h.log_in();
    h.pass(secs(1));
    assert!(h.ask().is_ok());
}

#[test]
fn an_access_token_alone_that_is_refused_needs_a_login() {
    let mut h = Host::new(setup(), Some(access_token_only(3600)));
    h.pass(mins(1));
    h.reject();
    assert_eq!(h.ask(), Err("unauthenticated no_refresh_token".into()));
}

#[test]
fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::OkSame(3600);
    h.pass(hours(3));
    assert!(h.requests.len() >= 4);
    assert!(h.sent_tokens.iter().all(|t| t == "rt-0"));
    let mut rotations = h
        .reports()
        .filter_map(|r| if let Report::Refreshed { rotated, .. } = r { Some(*rotated) } else { None });
    assert!(rotations.all(|rotated| !rotated));
}

#[test]
fn a_token_that_is_over_when_it_comes_makes_no_storm() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Ok(1);
    h.server.latency = secs(3);
    for _ in 0..300 {
        let _ = h.ask();
        h.pass(secs(1));
    }
    assert!(h.requests.len() <= 300 / 4 + 1, "{} in 5 min", h.requests.len());
}
