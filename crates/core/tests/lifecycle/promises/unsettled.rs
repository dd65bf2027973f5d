//! A request of its own that may still be on the wire is never forgotten by a process, whatever the store says.

use std::sync::Arc;

use renewd_core::*;

use crate::host::*;

/// Its attempts were all cut off; the last, made past the ceiling, is on the wire. With the record as it was before.
fn cut_off_past_the_ceiling() -> (Host, Record) {
    let auth_retrying = AuthRetryingPolicy { interval: mins(10), ceiling: hours(2) };
    let setup = Setup { policy: Arc::new(Policy { auth_retrying, ..Policy::default() }), ..setup() };
    let mut h = Host::with_seed(setup, Some(login_with_token(1, 3600)), 0);
    h.step_wall(3_600_000);
    h.server.mode = Mode::Hang;
    h.pass(mins(7));
    assert_eq!(h.view().phase, Phase::AuthRetrying);
    let backup = h.store.record.clone().expect("a record");
    h.advance(hours(8));
    h.input(Input::Resumed);
    assert_eq!(h.view().phase, Phase::Exchanging);
    (h, backup)
}

/// Lets the server answer again. Gives how long after the end of the request the next one was sent, and how.
fn next_request(h: &mut Host) -> (Span, Intent) {
    h.server.mode = Mode::Silent;
    let sent = h.requests.len();
    h.pass(secs(30));
    let (ended, mut waited) = (h.now.boot, 0);
    while h.requests.len() == sent {
        h.pass(secs(1));
        waited += 1;
        assert!(waited < 180, "nothing is sent any more");
    }
    let intent = h.store.record.as_ref().and_then(|r| r.intent.clone()).expect("an intent");
    (h.requests[sent].since(ended), intent)
}

#[test]
fn a_backup_of_the_same_version_restored_meanwhile_hides_no_request_that_has_not_settled() {
    let (mut h, backup) = cut_off_past_the_ceiling();
    assert!(backup.intent.is_some());
    h.ledger.restored_backup();
    h.store.record = Some(backup);
    h.input(Input::StoreChanged);
    let (after, intent) = next_request(&mut h);
    assert!(after >= secs(35), "{after:?}");
    assert!(intent.doubt);
    h.reply(&Mode::Ok(3600));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_backup_from_before_any_attempt_hides_neither_the_request_nor_the_doubt() {
    let (mut h, mut backup) = cut_off_past_the_ceiling();
    (backup.intent, backup.window) = (None, None);
    h.ledger.restored_backup();
    h.store.record = Some(backup);
    h.input(Input::StoreChanged);
    let (after, intent) = next_request(&mut h);
    assert!(after >= secs(35), "{after:?}");
    assert!(intent.doubt, "the refresh token may be spent");
    h.server.current = "another".into();
    h.reply(&Mode::InvalidGrant);
    assert_eq!(h.view().cause, Some(Cause::RotationLost));
}

#[test]
fn the_same_login_in_an_emptied_store_waits_for_what_the_old_one_had_sent() {
    let (mut h, _) = cut_off_past_the_ceiling();
    let known = h.machine.record().cloned().expect("a record");
    let mut anew =
        login_at(2, known.grant.refresh_token.as_ref().and_then(|t| t.expose_str()).expect("text"), h.now);
    anew.grant.access.clear();
    h.store.put(anew.clone());
    h.input(Input::LoggedIn(Box::new(anew)));
    let aborted = h.now.boot;
    assert!(h.wire.is_none());
    h.server.mode = Mode::Ok(3600);
    let sent = h.requests.len();
    h.pass(secs(34));
    assert_eq!(h.requests.len(), sent);
    h.pass(secs(60));
    assert!(h.requests[sent].since(aborted) >= secs(35));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn another_login_waits_for_nothing() {
    let (mut h, _) = cut_off_past_the_ceiling();
    h.server.mode = Mode::Ok(3600);
    let sent = h.requests.len();
    h.log_in();
    let _ = h.ask();
    h.pass(secs(5));
    assert_eq!((h.requests.len(), h.status()), (sent + 1, Status::Running));
}
