//! A transport that never reports the end of a request: it must not hold the claim for ever, nor cost a login that
//! need not be lost.

use renewd_core::*;

use crate::host::*;

/// A request that nobody will ever answer, on its way.
fn unanswered() -> Host {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    assert_eq!(h.view().phase, Phase::Exchanging);
    h
}

fn intent(h: &Host) -> Intent {
    h.store.record.as_ref().and_then(|r| r.intent.clone()).expect("an intent")
}

fn aborts(h: &Host) -> usize {
    h.seen.iter().filter(|(_, seen)| matches!(seen, Seen::Aborted(_))).count()
}

#[test]
fn it_is_told_to_abort_only_long_after_its_own_deadline() {
    let mut h = unanswered();
    h.pass(secs(30 + 5));
    assert_eq!((aborts(&h), h.view().phase), (0, Phase::Exchanging));
    h.pass(secs(5));
    assert_eq!((aborts(&h), h.view().phase), (1, Phase::Exchanging));
}

#[test]
fn what_it_never_answers_is_in_doubt_and_waited_out_and_the_claim_is_free() {
    let mut h = unanswered();
    h.pass(secs(30 + 3 * 5));
    assert_eq!((h.view().phase, h.claim_held), (Phase::Settling, false));
    let intent = intent(&h);
    assert!(intent.doubt && !intent.settled && intent.orphaned.is_some(), "{intent:?}");
    let given_up = h.now.boot;

    h.server.mode = Mode::Ok(3600);
    h.pass(mins(3));
    assert_eq!((h.requests.len(), h.view().generation), (2, 1));
    assert!(h.requests[1].since(given_up) >= secs(35), "settle is waited out");
}

#[test]
fn an_abort_that_it_answers_ends_the_wait_at_once() {
    let mut h = unanswered();
    h.pass(secs(41));
    let answer = failure(FailureKind::Aborted, Sent::Bytes);
    h.input(Input::Answer { attempt: AttemptId(1), answer, sent: Vec::new() });
    assert_eq!(h.view().phase, Phase::Settling);
    assert!(!h.claim_held);
}

#[test]
fn tokens_that_come_after_the_abort_are_saved_as_ever() {
    let mut h = unanswered();
    h.pass(secs(41));
    h.reply(&Mode::Ok(3600));
    assert_eq!((h.view().generation, h.view().saved, h.ask()), (1, true, Ok("at-1".into())));
}

#[test]
fn tokens_that_come_after_it_was_given_up_are_saved_and_nothing_more_is_sent() {
    let mut h = unanswered();
    h.pass(secs(50));
    assert_eq!(h.view().phase, Phase::Settling);
    h.reply(&Mode::Ok(3600));
    assert_eq!((h.view().generation, h.view().saved, h.ask()), (1, true, Ok("at-1".into())));
    assert!(!h.view().in_doubt && !h.claim_held);
    h.pass(mins(30));
    assert_eq!(h.requests.len(), 1);
}

#[test]
fn tokens_that_come_late_wait_for_a_claim_that_another_holds() {
    let mut h = unanswered();
    h.pass(secs(50));
    h.store.claim_taken = true;
    h.reply(&Mode::Ok(3600));
    h.pass(secs(5));
    assert_eq!((h.view().generation, h.requests.len()), (0, 1));
    h.store.claim_taken = false;
    h.pass(secs(5));
    assert_eq!((h.view().generation, h.requests.len(), h.ask()), (1, 1, Ok("at-1".into())));
}

#[test]
fn tokens_that_come_late_give_way_to_what_another_process_has_got_meanwhile() {
    let mut h = unanswered();
    h.pass(secs(50));
    let mut newer = login_with_token(1, 7200);
    newer.generation = 1;
    h.store.put(newer);
    h.reply(&Mode::Ok(3600));
    h.pass(secs(1));
    assert_eq!((h.view().generation, h.ask()), (1, Ok("at-0".into())));
    assert_eq!(h.revoked(), 0, "the winner's grant is the same");
}

#[test]
fn tokens_that_come_between_the_next_mark_and_its_request_keep_it_from_being_sent() {
    let mut h = unanswered();
    h.pass(secs(50));
    h.ops_held = true;
    h.pass_until(Phase::Claiming);
    h.one_op();
    assert_eq!(h.view().phase, Phase::Marking);
    let answer = h.server.answer(&Mode::Ok(3600)).expect("tokens");
    h.ledger_minted();
    h.input(Input::Answer { attempt: AttemptId(1), answer, sent: Vec::new() });
    h.ops_held = false;
    h.drain();
    assert_eq!((h.requests.len(), h.view().generation, h.view().saved), (1, 1, true));
    assert_eq!(h.ask(), Ok("at-1".into()));
}

#[test]
fn a_late_answer_without_tokens_changes_nothing() {
    for late in [Mode::Waf, Mode::InvalidGrant, Mode::Status(500)] {
        let mut h = unanswered();
        h.pass(secs(50));
        let (before, intent_before) = (h.view(), intent(&h));
        h.reply(&late);
        assert_eq!((h.view().phase, h.view().status), (before.phase, before.status), "{late:?}");
        assert_eq!(intent(&h), intent_before);
        assert_eq!(h.view().late_answers, 1);
    }
}

#[test]
fn tokens_that_come_late_for_a_login_that_is_over_are_revoked() {
    for late_first in [false, true] {
        let mut h = unanswered();
        h.pass(secs(50));
        h.store.claim_taken = true;
        if late_first {
            h.reply(&Mode::Ok(3600));
        }
        let tombstone = h.store.record.as_ref().unwrap().tombstone(h.now);
        h.store.put(tombstone.clone());
        h.input(Input::LoggedOut(Box::new(tombstone)));
        let revoked = h.revoked();
        if !late_first {
            h.reply(&Mode::Ok(3600));
            assert_eq!(h.revoked(), revoked + 2, "the new refresh token and the new access token");
        }
        assert!(h.revoked() >= 2, "late first: {late_first}");
        assert_eq!((h.status(), h.view().saved), (Status::Unauthenticated, true));
        assert!(h.store.record.as_ref().unwrap().grant.refresh_token.is_none());
    }
}

#[test]
fn a_machine_that_slept_gives_the_transport_its_whole_time_again() {
    let mut h = unanswered();
    h.advance(hours(8));
    h.input(Input::Resumed);
    h.pass(secs(34));
    assert_eq!(aborts(&h), 0);
    h.reply(&Mode::Ok(3600));
    assert_eq!((h.view().generation, h.view().saved), (1, true));
}

#[test]
fn a_process_that_was_stopped_past_every_deadline_takes_the_answer_it_finds() {
    let mut h = unanswered();
    // No suspend, so no word of a resume: the first tick comes an hour late, and then the answer.
    h.advance(hours(1));
    h.input(Input::Tick);
    assert_eq!((aborts(&h), h.view().phase), (0, Phase::Exchanging));
    h.reply(&Mode::Ok(3600));
    assert_eq!((h.view().generation, h.view().saved), (1, true));
    assert_eq!(h.requests.len(), 1);
}

#[test]
fn a_shutdown_while_late_tokens_wait_for_the_claim_names_the_loss() {
    let mut h = unanswered();
    h.pass(secs(50));
    h.store.claim_taken = true;
    h.reply(&Mode::Ok(3600));
    h.input(Input::Shutdown);
    let lost = h.drained().pop().flatten().expect("a loss");
    assert!(lost.contains("a login is needed"), "{lost}");
}
