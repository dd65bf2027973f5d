//! Status, health and what hangs on them.

use renewd_core::*;

use crate::host::*;

#[test]
fn every_status_has_its_sign_health_readiness_and_metric_name() {
    for status in Status::ALL {
        // No wildcard: a new status must be decided here.
        let (sign, name, health, ready) = match status {
            Status::Running => ('●', "running", Health::Healthy, true),
            Status::AuthRetrying => ('◐', "auth_retrying", Health::Degraded, true),
            Status::Unauthenticated => ('✗', "unauthenticated", Health::Unhealthy, false),
            Status::Stopped => ('○', "stopped", Health::Unhealthy, false),
        };
        assert_eq!((status.sign(), status.name()), (sign, name));
        assert_eq!((status.health(), status.health().ready()), (health, ready));
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "a metric label");
    }
    let mut names: Vec<&str> = Status::ALL.iter().map(|s| s.name()).collect();
    names.dedup();
    assert_eq!(names.len(), Status::ALL.len());
    for (health, name) in
        [(Health::Healthy, "healthy"), (Health::Degraded, "degraded"), (Health::Unhealthy, "unhealthy")]
    {
        assert_eq!((health.name(), health.ready()), (name, health != Health::Unhealthy));
    }
}

#[test]
fn over_several_credentials_the_worst_health_is_public_and_one_in_auth_retrying_stays_degraded() {
    let healthy = Host::new(setup(), Some(login_with_token(1, 3600)));
    let mut retrying = Host::new(setup(), Some(login(1)));
    retrying.server.mode = Mode::Waf;
    retrying.pass(mins(30));
    let mut gone = Host::new(setup(), Some(login(1)));
    gone.log_out();
    assert_eq!(retrying.view().health, Health::Degraded);
    assert_eq!(retrying.ask(), Err("auth_retrying outage".into()), "a request through it is refused");
    let health = |hosts: &[&Host]| Health::worst(hosts.iter().map(|h| h.view().health));
    assert_eq!(health(&[]), Health::Healthy);
    assert_eq!(health(&[&healthy]), Health::Healthy);
    assert_eq!(health(&[&healthy, &retrying]), Health::Degraded);
    assert!(health(&[&healthy, &retrying]).ready());
    assert_eq!(health(&[&healthy, &gone, &retrying]), Health::Unhealthy);
}

#[test]
fn what_is_wrong_beside_the_status_degrades_health_and_passes_with_it() {
    // In doubt.
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.script = [Mode::Status(500)].into();
    h.input(Input::Refresh);
    h.pass(Span::from_millis(200));
    assert_eq!((h.status(), h.view().in_doubt, h.view().health), (Status::Running, true, Health::Degraded));
    h.pass(mins(1));
    assert_eq!((h.view().in_doubt, h.view().health), (false, Health::Healthy));

    // The store.
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.store.reads_fail = Some(StoreFaultKind::Denied);
    h.input(Input::StoreChanged);
    assert_eq!((h.status(), h.view().health), (Status::Running, Health::Degraded));
    assert_eq!(h.view().cause, Some(Cause::StoreUnavailable));
    assert_eq!(h.ask(), Ok("at-0".into()));
    h.store.reads_fail = None;
    h.pass(mins(3));
    assert_eq!(
        (h.view().health, h.view().store_fault.is_none()),
        (Health::Healthy, true),
        "it heals by itself"
    );
}

#[test]
fn a_store_that_cannot_be_read_at_the_start_says_nothing_about_the_login() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.store.reads_fail = Some(StoreFaultKind::KeyUnavailable);
    h.restart(setup());
    assert_eq!(h.ask(), Err("auth_retrying store_unavailable".into()));
    assert!(h.view().next_attempt.is_some());
    h.pass(mins(30));
    assert_eq!(h.status(), Status::AuthRetrying);
    h.store.reads_fail = None;
    h.pass(mins(3));
    assert_eq!((h.status(), h.ask()), (Status::Running, Ok("at-0".into())));
}

#[test]
fn nobody_ever_logged_in() {
    let mut h = Host::new(setup(), None);
    assert_eq!(h.ask(), Err("unauthenticated no_grant".into()));
    h.pass(hours(1));
    assert_eq!(h.machine.poll_timeout(), None);
    h.log_in();
    h.pass(secs(1));
    assert_eq!(h.ask(), Ok("at-2".into()));
}

#[test]
fn the_status_says_since_when_and_what_comes_next() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(30));
    let view = h.view();
    let changed = h.seen.iter().find(|(_, s)| matches!(s, Seen::Changed(..))).map(|(at, _)| *at).unwrap();
    assert_eq!(view.auth_retrying_since, Some(at(0).wall_at(changed)));
    assert_eq!(view.since, view.auth_retrying_since);
    assert_eq!(view.ceiling_at, Some(changed + hours(24)));
    assert!(view.next_attempt.is_some_and(|at| at > h.now.boot && at <= h.now.boot + mins(10)));
    let last = view.last_attempt.unwrap();
    assert_eq!((last.verdict, last.evidence.http_status), (Verdict::Transient, Some(403)));
    assert_eq!(last.evidence.content_type.as_deref(), Some("text/html"));
    assert_eq!(view.window_attempts as usize, h.requests.iter().filter(|at| **at > changed).count());
}

/// A million credentials are to fit into one process: what one costs at rest, without the room of its record.
#[test]
fn an_idle_machine_is_small() {
    let bytes = size_of::<Lifecycle>() + Lifecycle::machine_bytes();
    println!("{bytes} bytes per machine, {} per record", size_of::<Record>());
    assert!(bytes <= 1536, "{bytes} bytes");
}
