//! Others at the same record: processes that live or died, logins, logouts, backups.

use renewd_core::*;

use crate::host::*;

#[test]
fn an_intent_of_another_boot_is_waited_out_anew() {
    let mut record = login(1);
    let mut intent = dead_mans_intent(&record, Stamp::new(at(0), BootId(1)));
    intent.orphaned = Some(Orphaned { boot_id: BootId(1), boot: Boot::from_millis(0) });
    record.intent = Some(intent);
    let mut h = Host::new(setup(), Some(record));
    let _ = h.ask();
    h.pass(secs(34));
    assert_eq!(h.requests.len(), 0);
    h.pass(secs(10));
    assert_eq!(h.requests.len(), 1);
    let trace = h.trace.join("\n");
    assert!(trace.contains("intent #dead orphaned"), "written durably before the wait: {trace}");
}

#[test]
fn an_intent_of_an_older_generation_is_no_obstacle() {
    let mut record = login(1);
    record.intent = Some(dead_mans_intent(&record, Stamp::new(at(0), BOOT)));
    record.generation = 1;
    let mut h = Host::new(setup(), Some(record));
    let _ = h.ask();
    h.pass(secs(1));
    assert_eq!(h.status(), Status::Running);
    assert_eq!(h.requests.len(), 1);
}

#[test]
fn with_an_intent_of_another_machine_nothing_is_spent_unless_the_configuration_accepts_it() {
    for accepts in [false, true] {
        let mut record = login(1);
        let mut intent = dead_mans_intent(&record, Stamp::new(at(0), BootId(0xfa)));
        // Whoever shares the folder chooses the name of his host.
        let host = "else\u{1b}]0;where\u{7}\n\u{202e}".repeat(40);
        intent.owner = Owner { host, boot_id: BootId(0xfa), pid: 3, start_time: 4 };
        record.intent = Some(intent);
        let policy = Policy { accept_foreign_intents: accepts, ..Policy::default() };
        let mut h = Host::new(setup_with(policy, Profile::generic(), Client::public("cli")), Some(record));
        h.pass(mins(30));
        let fault = h.view().store_fault;
        if accepts {
            assert_eq!((h.requests.len(), fault), (1, None), "after the wait");
        } else {
            assert_eq!(h.requests.len(), 0);
            let fault = fault.unwrap();
            assert!(fault.message.starts_with("machine else else else"), "{}", fault.message);
            assert!(!fault.message.contains(|c: char| c.is_control() || c == '\u{202e}'));
            assert!(fault.kind == StoreFaultKind::NotShared && fault.message.len() < 500);
            let tries = h.trace.iter().filter(|t| t.ends_with("claim")).count();
            assert!(tries < 40, "{tries} tries in half an hour");
            assert_eq!(h.reports().filter(|r| matches!(r, Report::StoreFailed(_))).count(), 1, "told once");
        }
    }
}

#[test]
fn a_login_in_the_middle_of_a_refresh_wins_and_the_old_logins_tokens_are_revoked() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.log_in();
    assert!(h.seen.iter().any(|(_, s)| *s == Seen::Aborted(AttemptId(1))));
    // The answer was on its way already.
    let answer = json(200, r#"{"access_token":"at-x","refresh_token":"rt-x"}"#.into());
    h.input(Input::Answer { attempt: AttemptId(1), answer, sent: Vec::new() });
    assert_eq!(h.view().epoch, 2);
    assert_eq!(h.revoked(), 2, "what the old login brought");
    assert!(!h.store.record.as_ref().unwrap().grant.access.iter().any(|a| a.token.same_as(b"at-x")));
}

#[test]
fn an_import_of_the_same_refresh_token_revokes_nothing() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    let again = login_at(2, "rt-0", h.now);
    h.store.put(again.clone());
    h.ledger.logged_in();
    h.input(Input::LoggedIn(Box::new(again)));
    let answer = json(200, r#"{"access_token":"at-x","refresh_token":"rt-x"}"#.into());
    h.input(Input::Answer { attempt: AttemptId(1), answer, sent: Vec::new() });
    assert_eq!((h.view().epoch, h.revoked()), (2, 0), "it is the same login at the server");
}

#[test]
fn whoever_loses_a_race_within_one_login_revokes_nothing() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    let mut theirs = login_with_token(1, 7200);
    theirs.generation = 4;
    theirs.grant.refresh_token = Some(Secret::from("rt-theirs"));
    h.store.put(theirs);
    h.reply(&Mode::Ok(3600));
    assert_eq!((h.view().generation, h.revoked()), (4, 0), "the winner's tokens are of the same family");
}

#[test]
fn a_logout_in_the_middle_of_a_refresh_revokes_what_is_known_and_what_comes_late() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.log_out();
    assert_eq!((h.status(), h.revoked()), (Status::Unauthenticated, 2));
    let answer = json(200, r#"{"access_token":"at-x","refresh_token":"rt-x"}"#.into());
    h.input(Input::Answer { attempt: AttemptId(1), answer, sent: Vec::new() });
    assert_eq!((h.status(), h.revoked()), (Status::Unauthenticated, 4));
}

#[test]
fn a_record_that_was_rolled_back_is_tried_once_in_doubt_and_reported() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.pass(hours(3));
    let newest = h.store.greatest;
    h.ledger.restored_backup();
    h.store.record = Some(login(1));
    h.restart(setup());
    assert!(h.view().in_doubt);
    assert!(h.reports().any(|r| *r == Report::RolledBack { found: (1, 0), greatest: newest }));
    h.pass(mins(1));
    assert_eq!((h.server.reuse_trips, h.view().cause), (1, Some(Cause::RotationLost)));
}

#[test]
fn a_living_process_writes_a_rolled_back_record_anew_and_never_goes_back() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.pass(hours(3));
    let known = (h.view().epoch, h.view().generation);
    h.ledger.restored_backup();
    h.store.record = Some(login(1));
    let before = h.requests.len();
    h.input(Input::StoreChanged);
    assert_eq!((h.view().epoch, h.view().generation), known);
    let stands = |h: &Host| h.store.record.as_ref().unwrap().version();
    assert_eq!(
        (stands(&h), h.requests.len()),
        (known, before),
        "it is written again at once, and nothing is sent"
    );
    assert!(h.view().saved && !h.view().in_doubt);
    h.pass(hours(1));
    assert_eq!((h.server.reuse_trips, h.status()), (0, Status::Running));
    assert!(h.store.record.as_ref().unwrap().version() > known);
}

#[test]
fn a_refresh_that_is_asked_for_while_a_record_is_written_anew_is_made() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.pass(hours(3));
    let known = (h.view().epoch, h.view().generation);
    h.ledger.restored_backup();
    h.store.record = Some(login(1));
    h.store.claim_taken = true;
    h.input(Input::StoreChanged);
    let before = h.requests.len();
    h.input(Input::Refresh);
    h.store.claim_taken = false;
    h.pass(secs(5));
    assert_eq!((h.requests.len(), h.server.reuse_trips), (before + 1, 0));
    assert_eq!(h.store.record.as_ref().unwrap().version(), (known.0, known.1 + 1));
}

#[test]
fn a_record_that_vanished_is_no_logout() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    let record = h.store.record.take();
    h.input(Input::StoreChanged);
    assert_eq!(h.ask(), Ok("at-0".into()));
    h.pass(mins(50));
    assert_eq!((h.requests.len(), h.status(), h.ask()), (0, Status::Running, Ok("at-0".into())));
    assert!(h.view().store_fault.is_some_and(|f| f.message.contains("gone")));
    h.store.record = record;
    h.pass(mins(3));
    assert_eq!((h.requests.len(), h.view().store_fault), (1, None));
}

#[test]
fn several_processes_keep_one_cadence() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(31));
    // Another process has just made the attempt that was due here, and nobody told.
    let due = h.view().next_attempt.unwrap();
    h.pass(due.since(h.now.boot).saturating_sub(secs(1)));
    let mut record = h.store.record.clone().unwrap();
    let window = record.window.as_mut().unwrap();
    window.attempts += 1;
    window.last_attempt_at = Stamp::new(h.now, BOOT);
    h.store.put(record);
    let before = h.requests.len();
    h.pass(mins(5));
    assert_eq!((h.requests.len(), h.status()), (before, Status::AuthRetrying));
    h.pass(mins(6));
    assert_eq!(h.requests.len(), before + 1);
}

#[test]
fn who_asks_while_the_claim_is_awaited_has_asked_for_that_attempt() {
    let refreshed = |ask: fn(&mut Host)| {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.store.claim_taken = true;
        h.pass(mins(46));
        assert_eq!(h.view().phase, Phase::Claiming);
        ask(&mut h);
        h.store.claim_taken = false;
        h.pass(secs(2));
        h.reports().find_map(|r| if let Report::Refreshed { reason, .. } = r { Some(*reason) } else { None })
    };
    assert_eq!(refreshed(|_| {}), Some(RefreshReason::Proactive));
    assert_eq!(refreshed(|h| h.input(Input::Refresh)), Some(RefreshReason::Forced));
    assert_eq!(refreshed(|h| h.reject()), Some(RefreshReason::Rejected));
}
