//! The refresh transaction: doubt, settling, saving.

use renewd_core::*;

use crate::host::*;

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

#[test]
fn a_request_that_never_left_leaves_no_doubt() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Unreachable, Mode::InvalidGrant].into();
    h.pass(mins(2));
    assert_eq!(h.view().cause, Some(Cause::GrantRefused), "nothing can have been lost");
}

#[test]
fn an_unclear_answer_is_in_doubt_and_retried_on_the_normal_schedule() {
    for unclear in [Mode::Status(500), Mode::Garbage] {
        let mut h = Host::new(setup(), Some(login(1)));
        h.server.script = [unclear, Mode::InvalidGrant].into();
        h.pass(mins(2));
        assert!(h.requests[1].since(h.requests[0]) <= secs(11), "it is settled: no wait");
        assert_eq!(h.view().cause, Some(Cause::RotationLost));
    }
}

#[test]
fn where_the_old_token_lives_on_a_refusal_in_doubt_is_just_a_refusal() {
    let profile = Profile { as_class: AsClass::P0, ..Profile::generic() };
    let setup = setup_with(Policy::default(), profile, Client::public("cli"));
    let mut h = Host::new(setup, Some(login(1)));
    h.server.script = [Mode::Status(500), Mode::InvalidGrant].into();
    h.pass(mins(2));
    assert_eq!(h.view().cause, Some(Cause::GrantRefused));
}

#[test]
fn a_definite_answer_ends_the_doubt() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::Hang].into();
    h.pass(mins(3));
    assert_eq!((h.view().in_doubt, h.status()), (false, Status::Running));
    assert!(h.store.record.as_ref().unwrap().intent.is_none());
}

#[test]
fn the_wait_for_settling_survives_a_crash_and_counts_from_when_it_was_found() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Silent;
    let _ = h.ask();
    h.pass(secs(5));
    h.restart(setup());
    h.server.mode = Mode::Ok(3600);
    let crashed = h.now.boot;
    h.pass(secs(30));
    assert_eq!((h.requests.len(), h.view().phase), (1, Phase::Settling));
    h.pass(mins(1));
    assert_eq!(h.requests.len(), 2);
    assert!(h.requests[1].since(crashed) >= secs(35));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_record_of_a_newer_format_is_never_spent() {
    let mut record = login_with_token(1, 3600);
    record.format = RECORD_FORMAT + 1;
    let mut h = Host::new(setup(), Some(record));
    h.pass(mins(59));
    assert_eq!((h.requests.len(), h.ask()), (0, Ok("at-0".into())));
    assert!(h.view().store_fault.is_some_and(|f| f.kind == StoreFaultKind::NewerFormat));
    assert!(
        !h.trace.iter().any(|t| t.contains("mark") || t.contains("commit")),
        "not even a mark is written"
    );
}

#[test]
fn a_store_that_cannot_be_written_spends_nothing_and_is_left_alone_ever_longer() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.store.writes_fail = Some(StoreFaultKind::Full);
    h.pass(mins(59));
    assert_eq!((h.requests.len(), h.status(), h.ask()), (0, Status::Running, Ok("at-0".into())));
    let tries = h.trace.iter().filter(|t| t.contains("mark")).count();
    assert!(tries < 25, "{tries} tries in 14 min");
    assert_eq!(h.reports().filter(|r| matches!(r, Report::StoreFailed(_))).count(), 1, "told once");
    h.pass(mins(2));
    assert_eq!(h.ask(), Err("running store_unavailable".into()));
    h.store.writes_fail = None;
    h.pass(mins(3));
    assert_eq!(h.ask(), Ok("at-1".into()));
    assert_eq!(h.reports().filter(|r| matches!(r, Report::StoreHealed)).count(), 1);
}

#[test]
fn a_mark_that_landed_although_it_was_reported_as_failed_costs_no_wait_and_no_doubt() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.store.lies_once = true;
    h.server.mode = Mode::InvalidGrant;
    let _ = h.ask();
    h.pass(secs(3));
    assert_eq!((h.requests.len(), h.view().cause), (1, Some(Cause::GrantRefused)));
}

#[test]
fn a_failure_whose_bookkeeping_could_not_be_written_is_not_forgotten() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(30));
    let attempts = h.view().window_attempts;
    // Every second write fails: each mark lands, each outcome does not.
    for _ in 0..6 {
        h.server.mode = Mode::Silent;
        h.pass(mins(11));
        h.store.writes_fail = Some(StoreFaultKind::Io);
        h.reply(&Mode::Waf);
        h.store.writes_fail = None;
        assert_eq!(h.status(), Status::AuthRetrying);
    }
    assert_eq!(h.view().window_attempts, attempts + 6);
    assert_eq!(h.changes().len(), 1, "announced once");
}

#[test]
fn a_commit_that_landed_although_it_was_reported_as_failed_is_written_once_more() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Silent;
    let _ = h.ask();
    h.store.lies_once = true;
    h.reply(&Mode::Ok(3600));
    assert_eq!(h.view().phase, Phase::Unsaved);
    h.pass(secs(10));
    assert_eq!((h.view().phase, h.view().saved, h.view().generation), (Phase::Fresh, true, 1));
    assert_eq!(h.store.record.as_ref().unwrap().version(), (1, 1));
}

#[test]
fn the_refresh_token_of_a_useless_answer_is_not_lost_even_when_the_store_fails() {
    for store_fails in [false, true] {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        if store_fails {
            h.store.writes_fail = Some(StoreFaultKind::Full);
        }
        h.reply(&Mode::OnlyRefreshToken);
        h.server.mode = Mode::Ok(3600);
        if store_fails {
            assert_eq!((h.view().phase, h.view().saved), (Phase::Unsaved, false));
            h.pass(mins(2));
            assert_eq!(h.requests.len(), 1, "nothing more is refreshed before it is saved");
            h.store.writes_fail = None;
        }
        h.pass(mins(1));
        assert_eq!(h.sent_tokens, ["rt-0", "rt-1"]);
        assert_eq!((h.view().generation, h.server.reuse_trips), (2, 0));
    }
}

#[test]
fn the_refresh_token_beside_a_demand_for_a_nonce_is_saved_before_anything_is_sent_again() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.store.writes_fail = Some(StoreFaultKind::Full);
    h.server.current = "rt-9".into();
    h.reply(&Mode::Says(
        200,
        Some(("DPoP-Nonce", "n1")),
        r#"{"error":"use_dpop_nonce","refresh_token":"rt-9"}"#,
    ));
    assert_eq!((h.view().phase, h.view().saved), (Phase::Unsaved, false));
    h.pass(mins(2));
    assert_eq!(h.requests.len(), 1, "nothing more is sent before it is saved");
    h.store.writes_fail = None;
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(1));
    assert!(h.view().saved);
    assert_eq!(h.sent_tokens, ["rt-0", "rt-9"]);
}

#[test]
fn a_person_who_refreshes_while_tokens_are_unsaved_saves_them() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Silent;
    let _ = h.ask();
    h.store.writes_fail = Some(StoreFaultKind::Full);
    h.reply(&Mode::Ok(3600));
    h.pass(mins(5));
    h.store.writes_fail = None;
    h.input(Input::Refresh);
    assert!(h.view().saved);
    assert_eq!(h.requests.len(), 1);
}

#[test]
fn a_secret_that_was_replaced_while_the_request_was_on_the_wire_stays_out_of_the_evidence() {
    let client =
        |secret: &str| Client { auth: ClientAuth::Post(Secret::from(secret)), ..Client::public("cli") };
    let with = |secret| setup_with(Policy::default(), Profile::generic(), client(secret));
    let mut h = Host::new(with("hunter2-hunter2"), Some(login(1)));
    h.server.mode = Mode::Silent;
    let _ = h.ask();
    h.input(Input::PolicyChanged(Box::new(with("another-secret"))));
    let body = r#"{"error":"invalid_request","error_description":"secret hunter2-hunter2 is wrong"}"#;
    h.input(Input::Answer { attempt: AttemptId(1), answer: json(400, body.into()), sent: Vec::new() });
    let message = h.view().last_attempt.unwrap().evidence.message.unwrap();
    assert!(message.contains("is wrong") && !message.contains("hunter2"), "{message}");
}

#[test]
fn a_server_that_hands_out_a_refresh_token_does_not_refuse_the_grant() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Silent;
    let _ = h.ask();
    let body = r#"{"error":"invalid_grant","refresh_token":"rt-9"}"#;
    h.server.current = "rt-9".into();
    h.input(Input::Answer { attempt: AttemptId(1), answer: json(200, body.into()), sent: Vec::new() });
    assert_eq!((h.status(), h.view().generation), (Status::Running, 1));
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(1));
    assert_eq!(h.sent_tokens, ["rt-0", "rt-9"]);
    assert!(h.ask().is_ok());
}

#[test]
fn a_store_is_known_to_work_as_soon_as_a_mark_lands() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.store.writes_fail = Some(StoreFaultKind::Full);
    h.input(Input::Refresh);
    assert_eq!(h.view().health, Health::Degraded);
    h.store.writes_fail = None;
    h.server.mode = Mode::Silent;
    h.pass_until(Phase::Exchanging);
    assert_eq!(h.view().store_fault, None);
}

#[test]
fn a_refusal_counts_only_when_the_store_has_confirmed_what_it_is_about() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.store.writes_fail = Some(StoreFaultKind::Io);
    h.reply(&Mode::InvalidGrant);
    assert_eq!((h.status(), h.ask()), (Status::Running, Ok("at-0".into())));
    h.server.mode = Mode::InvalidGrant;
    h.store.writes_fail = None;
    h.pass(secs(2));
    assert_eq!((h.status(), h.view().cause), (Status::Unauthenticated, Some(Cause::GrantRefused)));
}

#[test]
fn tokens_in_hand_outlive_a_record_that_was_removed_under_them() {
    for saved_late in [false, true] {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        if saved_late {
            h.store.writes_fail = Some(StoreFaultKind::Full);
            h.reply(&Mode::Ok(3600));
            assert_eq!(h.view().phase, Phase::Unsaved);
        }
        h.store.record = None;
        h.input(Input::StoreChanged);
        if saved_late {
            h.store.writes_fail = None;
            h.pass(mins(1));
        } else {
            h.reply(&Mode::Ok(3600));
        }
        assert_eq!((h.view().saved, h.ask()), (true, Ok("at-1".into())));
        assert_eq!(h.store.record.as_ref().map(|r| r.version()), Some((1, 1)));
        assert_eq!(h.status(), Status::Running);
    }
}

#[test]
fn a_failed_attempt_does_not_bring_a_removed_record_back() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.store.record = None;
    h.reply(&Mode::Waf);
    h.pass(mins(2));
    assert!(h.store.record.is_none());
    assert_eq!((h.status(), h.ask()), (Status::Running, Ok("at-0".into())), "and is no logout");
    let fault = h.view().store_fault.expect("a fault").message;
    assert!(fault.contains("gone from the store"), "{fault}");
}

// rfc-test: 6749-6-2
#[test]
fn a_new_refresh_token_takes_the_place_of_the_old_one() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.pass(secs(15));
    h.input(Input::Refresh);
    h.pass(secs(5));
    assert_eq!(h.sent_tokens, ["rt-0", "rt-1"]);
    let stands =
        h.store.record.as_ref().and_then(|r| r.grant.refresh_token.clone()).expect("a refresh token");
    assert!(stands.same_as(b"rt-2"));
}
