//! Giving up: the ceiling and the refused grant, and what leads out again.

use renewd_core::*;

use crate::host::*;

#[test]
fn the_ceiling_ends_the_login_without_the_stale_client_hint_after_a_failed_attempt_past_it() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(25));
    assert_eq!(h.status(), Status::Unauthenticated);
    assert_eq!(h.view().cause, Some(Cause::Ceiling));
    assert_eq!(h.hints(), 0);
    let before = h.requests.len();
    h.pass(hours(48));
    assert_eq!(h.requests.len(), before, "nothing is sent after giving up");
    assert!(
        h.store.record.as_ref().is_some_and(|r| r.grant.refresh_token.is_some()),
        "the refresh token is kept"
    );
}

#[test]
fn a_laptop_shut_for_three_days_tries_before_it_gives_up() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(1));
    h.advance(hours(72));
    h.server.mode = Mode::Ok(3600);
    h.input(Input::Resumed);
    h.pass(mins(1));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn the_ceilings_count_survives_restarts_and_ignores_wall_clock_steps() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    for _ in 0..6 {
        h.pass(hours(3));
        h.restart(setup());
        h.step_wall(365 * 86_400_000);
        h.pass(mins(5));
        h.step_wall(-365 * 86_400_000);
    }
    assert_eq!(h.status(), Status::AuthRetrying, "18 h and a half");
    h.pass(hours(6));
    assert_eq!(h.status(), Status::Unauthenticated);
}

#[test]
fn a_refused_grant_gives_up_at_once_also_in_the_middle_of_auth_retrying() {
    for outage in [Span::ZERO, hours(2)] {
        let mut h = Host::new(setup(), Some(login(1)));
        h.server.mode = Mode::Waf;
        h.pass(outage);
        h.server.mode = Mode::InvalidGrant;
        let before = h.requests.len();
        h.pass(mins(20));
        assert_eq!((h.status(), h.view().cause), (Status::Unauthenticated, Some(Cause::GrantRefused)));
        assert_eq!(h.requests.len(), before + 1);
        assert_eq!(h.hints(), 1);
        h.restart(setup());
        h.pass(hours(48));
        assert_eq!(h.status(), Status::Unauthenticated, "also after a restart");
        assert_eq!(h.requests.len(), before + 1);
    }
}

#[test]
fn a_person_may_probe_after_the_ceiling_and_success_heals() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(26));
    h.input(Input::Refresh);
    h.pass(mins(1));
    assert_eq!(h.status(), Status::Unauthenticated);
    assert_eq!(h.changes().len(), 2, "a failed probe announces nothing");
    h.server.mode = Mode::Ok(3600);
    h.input(Input::Refresh);
    h.pass(mins(1));
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn the_ceiling_is_counted_in_true_time_and_not_by_the_wall_clock() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(1));
    h.step_wall(10 * 365 * 86_400_000);
    h.pass(hours(22));
    assert_eq!(h.status(), Status::AuthRetrying, "23 h");
    h.pass(hours(2));
    assert_eq!(h.view().cause, Some(Cause::Ceiling));
}

#[test]
fn over_a_reboot_at_most_one_interval_counts_toward_the_ceiling() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Status(503);
    h.pass(hours(12));
    let counted = h.store.record.as_ref().and_then(|r| r.window.as_ref()).unwrap().accumulated;
    h.reboot(hours(100));
    h.pass(mins(1));
    let after = h.store.record.as_ref().and_then(|r| r.window.as_ref()).unwrap().accumulated;
    assert_eq!(h.status(), Status::AuthRetrying);
    assert!(after.saturating_sub(counted) <= mins(11), "{counted} → {after}");
}

#[test]
fn a_refused_client_is_never_given_up_and_its_time_does_not_count_toward_the_ceiling() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::InvalidClient;
    h.pass(hours(40));
    h.server.mode = Mode::Waf;
    h.pass(hours(20));
    assert_eq!((h.status(), h.view().cause), (Status::AuthRetrying, Some(Cause::Outage)));
    h.pass(hours(5));
    assert_eq!(h.view().cause, Some(Cause::Ceiling));
}

#[test]
fn the_hint_comes_once_per_lifetime_also_when_a_ceiling_or_a_token_without_expiry_came_first() {
    // A ceiling first: it gives no hint and takes none away.
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(hours(26));
    assert_eq!((h.view().cause, h.hints()), (Some(Cause::Ceiling), 0));
    h.server.mode = Mode::InvalidGrant;
    h.input(Input::Refresh);
    h.pass(mins(1));
    assert_eq!((h.view().cause, h.hints()), (Some(Cause::GrantRefused), 1));
    h.log_in();
    h.server.mode = Mode::InvalidClient;
    h.pass(hours(1));
    assert_eq!(h.hints(), 1, "once, whatever else is refused later");

    // A token without expiry first.
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.script = [Mode::OkRaw("")].into();
    h.pass(mins(1));
    h.server.mode = Mode::InvalidClient;
    h.pass(hours(2));
    assert_eq!(h.hints(), 1);
    assert!(h.view().advice.is_some_and(|a| a.contains("cli") && a.contains("invalid_client")));
}

#[test]
fn without_a_client_id_there_is_no_hint() {
    let setup = setup_with(Policy::default(), Profile::generic(), Client::public(""));
    let mut h = Host::new(setup, Some(login(1)));
    h.server.mode = Mode::InvalidGrant;
    h.pass(mins(1));
    assert_eq!((h.status(), h.hints()), (Status::Unauthenticated, 0));
}

#[test]
fn a_new_login_leaves_unauthenticated() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::InvalidGrant;
    h.pass(mins(1));
    h.server.mode = Mode::Ok(3600);
    h.log_in();
    h.pass(secs(1));
    assert_eq!((h.status(), h.view().epoch), (Status::Running, 2));
    assert!(h.ask().is_ok());
}

#[test]
fn a_newer_record_of_another_process_leaves_unauthenticated() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::InvalidGrant;
    h.pass(mins(1));
    let mut newer = login_with_token(1, 3600);
    newer.generation = 5;
    h.ledger.minted_by_others(&newer);
    h.store.put(newer);
    h.input(Input::StoreChanged);
    assert_eq!((h.status(), h.view().generation), (Status::Running, 5));
}

#[test]
fn a_login_that_was_written_while_an_older_record_was_being_read_is_not_missed() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::InvalidGrant;
    h.pass(mins(1));
    h.ops_held = true;
    h.input(Input::StoreChanged);
    let old = h.store.load();
    h.ops.clear();
    h.store.put(login_at(2, "rt-9", h.now));
    h.server.current = "rt-9".into();
    h.ledger.logged_in();
    h.input(Input::StoreChanged);
    h.ops_held = false;
    h.input(Input::Loaded(old));
    assert_eq!(h.status(), Status::Running, "the change that came while reading is read again");
}

#[test]
fn a_refusal_that_raced_with_another_process_is_no_refusal() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.pass_until(Phase::Exchanging);
    let mut newer = login_with_token(1, 7200);
    newer.generation = 1;
    h.store.put(newer);
    h.reply(&Mode::InvalidGrant);
    assert_eq!((h.status(), h.view().generation), (Status::Running, 1), "the store was asked once more");
    assert_eq!(h.changes(), []);
}

#[test]
fn nothing_re_enters_auth_retrying_after_unauthenticated() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::InvalidGrant;
    h.pass(mins(1));
    h.server.mode = Mode::Waf;
    let requests = h.requests.len();
    for _ in 0..50 {
        h.input(Input::Refresh);
        h.input(Input::NetworkChanged);
        h.input(Input::Resumed);
        h.input(Input::StoreChanged);
        h.reject();
        assert_eq!(h.ask(), Err("unauthenticated grant_refused".into()));
        h.pass(mins(20));
    }
    assert_eq!((h.status(), h.requests.len()), (Status::Unauthenticated, requests));
    assert_eq!(h.changes().len(), 1);
}

#[test]
fn a_late_answer_is_counted_and_ignored() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.pass(mins(46));
    h.log_in();
    let before = (h.status(), h.view().epoch, h.view().generation);
    h.input(Input::Answer { attempt: AttemptId(1), answer: refused(400, "invalid_grant"), sent: Vec::new() });
    h.input(Input::Answer {
        attempt: AttemptId(77),
        answer: refused(400, "invalid_grant"),
        sent: Vec::new(),
    });
    assert_eq!((h.status(), h.view().epoch, h.view().generation), before);
    assert_eq!(h.view().late_answers, 2);
    assert_eq!(h.reports().filter(|r| matches!(r, Report::LateAnswer)).count(), 2);
}

#[test]
fn unauthenticated_still_serves_a_valid_access_token_except_after_a_logout() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::InvalidGrant;
    h.input(Input::Refresh);
    h.pass(secs(1));
    assert_eq!((h.status(), h.ask()), (Status::Unauthenticated, Ok("at-0".into())));
    h.pass(hours(1));
    assert_eq!(h.ask(), Err("unauthenticated grant_refused".into()));

    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.log_out();
    assert_eq!(h.ask(), Err("unauthenticated logged_out".into()));
    assert_eq!(h.revoked(), 2, "both tokens, as best it can be");
}

#[test]
fn a_refresh_token_whose_end_is_known_is_not_sent_after_it() {
    let mut record = login_with_token(1, 3600);
    record.grant.rt_expiry = Some(RtExpiry { issued: Stamp::new(at(0), BOOT), lifetime: mins(30) });
    let mut h = Host::new(setup(), Some(record));
    h.pass(hours(1));
    assert_eq!((h.requests.len(), h.view().cause), (0, Some(Cause::RefreshTokenExpired)));
    h.restart(setup());
    assert_eq!(h.view().cause, Some(Cause::RefreshTokenExpired), "also after a restart");
}

#[test]
fn a_stepped_wall_clock_alone_does_not_end_a_refresh_token() {
    let mut record = login_with_token(1, 3600);
    record.grant.rt_expiry = Some(RtExpiry { issued: Stamp::new(at(0), BOOT), lifetime: hours(240) });
    let mut h = Host::new(setup(), Some(record));
    h.step_wall(10 * 365 * 86_400_000);
    h.pass(mins(1));
    assert_eq!((h.requests.len(), h.status()), (1, Status::Running));
}

#[test]
fn an_old_wish_of_a_person_does_not_spend_what_another_process_has_given_up() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(mins(30));
    h.input(Input::Refresh);
    h.pass(secs(1));
    let before = h.requests.len();
    let mut record = h.store.record.clone().unwrap();
    record.state = RecordState::Refused { cause: RefusedCause::Ceiling, at: h.now.wall };
    record.window = None;
    h.store.put(record);
    h.ledger.given_up_by_others();
    h.pass(mins(11));
    assert_eq!((h.requests.len(), h.view().cause), (before, Some(Cause::Ceiling)));
}

#[test]
fn a_probe_that_may_not_be_made_yet_leaves_everything_as_it_is() {
    let mut h = Host::new(setup(), Some(login(1)));
    h.server.mode = Mode::Waf;
    h.pass(hours(26));
    let mut record = h.store.record.clone().unwrap();
    record.budget = Some(Budget { left: 0, since: Stamp::new(h.now, BOOT) });
    h.store.put(record);
    let before = h.requests.len();
    h.input(Input::Refresh);
    h.pass(hours(1));
    assert_eq!((h.requests.len(), h.view().phase), (before, Phase::Unauthenticated));
    assert!(!h.claim_held);
}
