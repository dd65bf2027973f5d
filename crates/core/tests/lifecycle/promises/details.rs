//! Small print of the transaction that no larger story would miss: how often a held claim is tried, who waits for
//! whose pause.

use renewd_core::*;

use crate::host::*;

/// When claims were tried, in milliseconds.
fn claims(h: &Host) -> Vec<u64> {
    let tries = h.trace.iter().filter_map(|line| line.strip_suffix(" claim"));
    tries.filter_map(|at| at.parse().ok()).collect()
}

/// In `auth_retrying`, a second before the next attempt is due.
fn about_to_try_again() -> Host {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(31));
    let due = h.view().next_attempt.expect("an attempt is due");
    h.pass(due.since(h.now.boot).saturating_sub(secs(1)));
    h
}

#[test]
fn a_held_claim_is_tried_after_50_ms_and_then_ever_more_slowly_up_to_a_second() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.store.claim_taken = true;
    let _ = h.ask();
    h.pass(secs(30));
    let tries = claims(&h);
    let gaps: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((25..=50).contains(&gaps[0]), "{gaps:?}");
    assert!((50..=100).contains(&gaps[1]), "{gaps:?}");
    assert!(gaps[6..].iter().all(|gap| (500..=1000).contains(gap)), "{gaps:?}");
    assert!(gaps[6..].iter().any(|gap| *gap != gaps[6]), "many that wait must not march in step: {gaps:?}");
}

#[test]
fn whoever_asks_for_a_refresh_gets_an_attempt_although_a_sibling_has_just_made_one() {
    let mut h = about_to_try_again();
    let mut record = h.store.record.clone().unwrap();
    let window = record.window.as_mut().unwrap();
    window.attempts += 1;
    window.last_attempt_at = Stamp::new(h.now, BOOT);
    h.store.put(record);
    let before = h.requests.len();
    h.input(Input::Refresh);
    h.pass(secs(5));
    assert_eq!(h.requests.len(), before + 1);
}

#[test]
fn a_pause_that_a_sibling_was_asked_for_is_kept_by_who_reads_of_it_under_the_claim() {
    let mut h = about_to_try_again();
    let mut record = h.store.record.clone().unwrap();
    record.not_before = Some(NotBefore { from: Stamp::new(h.now, BOOT), wait: mins(20) });
    h.store.put(record);
    let (before, tried) = (h.requests.len(), claims(&h).len());
    let until = h.now.boot + mins(20);
    h.pass(secs(5));
    assert!(h.view().next_attempt.is_some_and(|at| at >= until), "{:?}", h.view().next_attempt);
    h.pass(mins(19));
    assert_eq!((h.requests.len(), claims(&h).len()), (before, tried + 1), "it is not tried again and again");
    h.pass(mins(12));
    assert!(h.requests.len() > before);
}

#[test]
fn a_restored_record_keeps_the_cadence_that_it_was_saved_in() {
    let mut h = about_to_try_again();
    let in_the_middle = h.store.record.clone().unwrap();
    h.server.mode = Mode::Ok(3600);
    h.input(Input::Refresh);
    h.pass(secs(5));
    assert_eq!(h.status(), Status::Running);
    h.ledger.restored_backup();
    let mut restored = in_the_middle;
    restored.window.as_mut().unwrap().last_attempt_at = Stamp::new(h.now, BOOT);
    h.store.record = Some(restored);
    h.restart(setup());
    let next = h.view().next_attempt.unwrap();
    assert!(next > h.now.boot, "the pause of that window is not over");
}

#[test]
fn a_refresh_tokens_own_lifetime_is_kept_and_one_of_nothing_is_none() {
    let expiry = |told: &str| {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        let (at, rt) = h.server.mint(secs(60));
        h.ledger_minted();
        let answer = format!(r#"{{"access_token":"{at}","refresh_token":"{rt}",{told}"expires_in":60}}"#);
        h.input(Input::Answer { attempt: AttemptId(1), answer: json(200, answer), sent: Vec::new() });
        h.store.record.unwrap().grant.rt_expiry.map(|e| e.lifetime)
    };
    assert_eq!(expiry(r#""refresh_token_expires_in":7200,"#), Some(secs(7200)));
    assert_eq!(expiry(r#""refresh_token_expires_in":0,"#), None);
    assert_eq!(expiry(r#""refresh_token_expires_in":-5,"#), None);
    assert_eq!(expiry(""), None);
}

#[test]
fn a_refusal_after_the_refresh_tokens_end_is_called_that_and_before_it_a_refusal() {
    // Of another boot: the machine's own clock cannot tell that it is over, so the server is asked.
    for (lifetime, cause) in [(mins(30), Cause::RefreshTokenExpired), (hours(9), Cause::GrantRefused)] {
        let mut record = login_with_token(1, 3600);
        record.grant.rt_expiry = Some(RtExpiry { issued: Stamp::new(at(0), BootId(0xb)), lifetime });
        let mut h = Host::new(setup(), Some(record));
        h.pass(mins(40));
        h.server.mode = Mode::InvalidGrant;
        h.input(Input::Refresh);
        h.pass(secs(5));
        assert_eq!((h.requests.len(), h.view().cause), (1, Some(cause)));
    }
}

#[test]
fn what_follows_a_restored_backup_is_newer_than_all_that_ever_was() {
    for (greatest, next) in [((1, 4), (1, 5)), ((2, 5), (2, 6)), ((2, 0), (2, 1))] {
        let mut h = Host::new(setup(), Some(login(1)));
        h.store.greatest = greatest;
        h.restart(setup());
        h.input(Input::Refresh);
        h.pass(mins(1));
        assert_eq!(h.store.record.as_ref().unwrap().version(), next, "after {greatest:?}");
    }
}

#[test]
fn an_ordinary_success_holds_nothing_back_although_the_grace_is_short() {
    let profile = Profile { name: "p".into(), as_class: AsClass::P3, grace: secs(20), ..Profile::GENERIC };
    let mut h = Host::new(setup_with(Policy::default(), profile, Client::public("cli")), Some(login(1)));
    let _ = h.ask();
    h.pass(secs(1));
    assert_eq!((h.status(), h.requests.len()), (Status::Running, 1));
    assert_eq!(h.store.record.as_ref().unwrap().not_before, None);
}

#[test]
fn tokens_that_cannot_be_saved_are_tried_ever_more_slowly() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.store.writes_fail = Some(StoreFaultKind::Full);
    h.reply(&Mode::Ok(3600));
    let commits = |h: &Host| h.trace.iter().filter(|line| line.contains(" commit ")).count();
    assert!(!h.view().saved);
    h.pass(mins(1));
    let first = commits(&h);
    h.pass(mins(1));
    let second = commits(&h) - first;
    assert!((1..first).contains(&second), "{first} in the first minute, {second} in the second");
    h.store.writes_fail = None;
    h.pass(mins(2));
    assert!(h.view().saved);
}

#[test]
fn where_the_clocks_disagree_about_the_end_of_a_refresh_token_the_server_is_asked() {
    for (step, minutes) in [(-7_200_000, 40), (7_200_000, 10)] {
        let mut record = login_with_token(1, 3600);
        record.grant.rt_expiry = Some(RtExpiry { issued: Stamp::new(at(0), BOOT), lifetime: mins(30) });
        let mut h = Host::new(setup(), Some(record));
        h.pass(mins(minutes));
        h.step_wall(step);
        h.input(Input::Refresh);
        h.pass(secs(5));
        assert_eq!((h.requests.len(), h.status()), (1, Status::Running), "{step}");
    }
}

#[test]
fn of_two_restored_backups_the_newer_one_is_taken() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.ledger.restored_backup();
    h.store.greatest = (1, 5);
    for (stands, known) in [(3, 3), (2, 3), (4, 4)] {
        let mut record = login_with_token(1, 3600);
        record.generation = stands;
        h.store.record = Some(record);
        h.input(Input::StoreChanged);
        assert_eq!(h.view().generation, known, "{stands} stands there");
    }
}
