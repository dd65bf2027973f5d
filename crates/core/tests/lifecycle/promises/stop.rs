//! Shutting down.

use renewd_core::*;

use crate::host::*;

#[test]
fn a_shutdown_at_rest_is_done_at_once() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    h.input(Input::Shutdown);
    assert_eq!(h.drained(), [None]);
    assert_eq!((h.view().phase, h.machine.poll_timeout()), (Phase::Stopped, None));
    assert_eq!(h.ask(), Err("stopped -".into()));
}

#[test]
fn a_shutdown_during_a_retry_changes_no_status() {
    for outage in [mins(2), mins(30)] {
        let mut h = Host::new(setup(), Some(login(1)));
        h.server.mode = Mode::Waf;
        h.pass(outage);
        let (status, before) = (h.status(), h.changes());
        h.input(Input::Shutdown);
        h.pass(mins(1));
        assert_eq!(h.drained(), [None]);
        assert_eq!(h.changes(), before, "nothing is announced");
        h.restart(setup());
        let again = if status == Status::AuthRetrying { Status::AuthRetrying } else { Status::Running };
        assert_eq!(h.status(), again, "and nothing is forgotten");
    }
}

#[test]
fn a_shutdown_in_the_middle_of_a_refresh_waits_for_the_answer_and_saves_it() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.latency = secs(20);
    h.input(Input::Refresh);
    h.pass(secs(1));
    h.input(Input::Shutdown);
    assert_eq!((h.drained().len(), h.ask()), (0, Ok("at-0".into())));
    h.pass(secs(20));
    assert_eq!(h.drained(), [None]);
    assert_eq!(h.store.record.as_ref().unwrap().version(), (1, 1));
    assert!(!h.claim_held);
}

#[test]
fn a_shutdown_gives_an_answer_that_never_comes_its_grace_and_leaves_the_intent() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.input(Input::Shutdown);
    h.pass(secs(29));
    assert_eq!(h.drained().len(), 0);
    h.pass(secs(2));
    assert_eq!(h.drained(), [None]);
    assert!(h.seen.iter().any(|(_, s)| *s == Seen::Aborted(AttemptId(1))));
    assert!(h.store.record.as_ref().unwrap().intent.is_some(), "whoever comes next waits it out");
}

#[test]
fn a_shutdown_whose_grace_ended_while_the_machine_slept_takes_the_answer_that_it_finds() {
    for resumed in [false, true] {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        h.input(Input::Shutdown);
        h.advance(hours(24));
        // What is due is looked at first, whether or not the sleep was noticed.
        if resumed {
            h.input(Input::Resumed);
        }
        h.input(Input::Tick);
        assert_eq!(h.drained().len(), 0, "the answer may be in our hands");
        h.reply(&Mode::Ok(3600));
        assert_eq!(h.drained(), [None]);
        assert_eq!(h.store.record.as_ref().unwrap().version(), (1, 1));
    }
}

#[test]
fn a_shutdown_whose_grace_ended_in_a_sleep_ends_soon_after_it_without_an_answer() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.input(Input::Shutdown);
    h.advance(hours(24));
    h.input(Input::Tick);
    h.pass(secs(6));
    assert_eq!(h.drained(), [None]);
    assert!(h.store.record.as_ref().unwrap().intent.is_some(), "whoever comes next waits it out");
}

#[test]
fn a_shutdown_between_mark_and_send_takes_the_mark_back() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.ops_held = true;
    h.input(Input::Refresh);
    h.one_op();
    assert_eq!(h.view().phase, Phase::Marking);
    h.input(Input::Shutdown);
    h.ops_held = false;
    h.drain();
    assert_eq!((h.requests.len(), h.drained()), (0, vec![None]));
    assert!(h.store.record.as_ref().unwrap().intent.is_none(), "nobody need wait for what was never sent");
}

#[test]
fn a_save_that_fails_is_tried_through_the_grace_of_a_shutdown_and_then_the_loss_is_named() {
    for heals in [true, false] {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        h.store.writes_fail = Some(StoreFaultKind::Full);
        h.reply(&Mode::Ok(3600));
        h.pass(mins(10));
        h.input(Input::Shutdown);
        h.pass(secs(15));
        if heals {
            h.store.writes_fail = None;
        }
        h.pass(secs(16));
        let drained = h.drained();
        assert_eq!(drained.len(), 1);
        match &drained[0] {
            None => assert!(heals && h.store.record.as_ref().unwrap().version() == (1, 1)),
            Some(lost) => {
                assert!(!heals && lost.contains("full") && lost.contains("login"), "{lost}");
            }
        }
    }
}

#[test]
fn nothing_leads_out_of_stopped_and_a_late_answer_is_counted() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.input(Input::Shutdown);
    let trace = h.trace.len();
    h.input(Input::Refresh);
    h.input(Input::Resumed);
    h.input(Input::NetworkChanged);
    h.input(Input::StoreChanged);
    h.input(Input::LoggedIn(Box::new(login(9))));
    h.input(Input::Shutdown);
    h.pass(hours(48));
    assert_eq!((h.trace.len(), h.status()), (trace, Status::Stopped));
    h.input(Input::Answer { attempt: AttemptId(1), answer: refused(400, "invalid_grant"), sent: Vec::new() });
    assert_eq!((h.view().late_answers, h.status()), (1, Status::Stopped));
    assert_eq!(h.changes(), []);
}

#[test]
fn a_newer_record_met_while_shutting_down_ends_the_shutdown_too() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.ops_held = true;
    h.input(Input::Refresh);
    h.one_op();
    h.input(Input::Shutdown);
    let mut newer = login_with_token(1, 7200);
    newer.generation = 3;
    h.store.put(newer);
    h.ops_held = false;
    h.drain();
    assert_eq!((h.drained().len(), h.claim_held), (1, false));
}
