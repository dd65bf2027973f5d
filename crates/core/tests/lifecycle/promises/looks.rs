//! What a second look at the transaction asked for: orders of events that no other page of promises plays.

use renewd_core::*;

use crate::host::*;

/// An attempt that was given up, with its answer still to come.
fn given_up() -> Host {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Silent;
    h.input(Input::Refresh);
    h.pass_until(Phase::Settling);
    h
}

#[test]
fn nothing_leads_out_of_a_stop_not_even_tokens_that_come_late() {
    let mut h = given_up();
    h.input(Input::Shutdown);
    assert_eq!(h.drained().len(), 1);
    let answer = h.server.answer(&Mode::Ok(3600)).expect("tokens");
    h.input(Input::Answer { attempt: AttemptId(1), answer, sent: Vec::new() });
    assert_eq!((h.view().phase, h.claim_held), (Phase::Stopped, false));
}

/// Every file of the credential is gone, and somebody has logged in anew: the versions begin again.
fn begun_anew(h: &mut Host) -> Record {
    h.pass(secs(1));
    let (_, refresh_token) = h.server.mint(Span::ZERO);
    let newcomer = login_at(1, &refresh_token, h.now);
    h.ledger.logged_in();
    h.store.greatest = (0, 0);
    h.store.put(newcomer.clone());
    newcomer
}

#[test]
fn a_login_in_an_emptied_store_is_no_backup_and_stands() {
    for place in [Phase::Fresh, Phase::Exchanging, Phase::Unsaved, Phase::Unauthenticated] {
        let mut h = Host::new(setup(), Some(login_with_token(3, 3600)));
        h.pass(secs(1));
        match place {
            Phase::Exchanging => h.server.mode = Mode::Silent,
            Phase::Unauthenticated => h.server.mode = Mode::InvalidGrant,
            _ => h.server.mode = Mode::Ok(3600),
        }
        h.input(Input::Refresh);
        if place == Phase::Unsaved {
            h.store.writes_fail = Some(StoreFaultKind::Full);
        }
        h.pass(secs(2));
        assert_eq!(h.view().phase, place);
        let known = (h.view().epoch, h.view().generation);

        let newcomer = begun_anew(&mut h);
        h.store.writes_fail = None;
        h.input(Input::StoreChanged);
        if place == Phase::Exchanging {
            let current = h.server.current.clone();
            h.reply(&Mode::Ok(3600));
            // The old login's tokens are another grant's.
            h.server.current = current;
        }
        h.server.mode = Mode::Ok(3600);
        h.pass(mins(2));
        let spent = h.sent_tokens.last().map(String::as_str);
        let theirs = newcomer.grant.refresh_token.as_ref().and_then(|t| t.expose_str());
        assert_eq!(spent, theirs, "{place:?}: the new login is used");
        assert_eq!(h.server.reuse_trips, 0, "{place:?}");
        assert!(
            (h.view().epoch, h.view().generation) > known,
            "{place:?}: no consumer sees a version go back"
        );
        assert!(h.ask().is_ok() && h.view().saved && !h.claim_held, "{place:?}");
    }
}

#[test]
fn a_logout_of_a_restored_folder_is_not_undone_by_what_a_process_still_knows() {
    let mut h = Host::new(setup(), Some(login_with_token(3, 3600)));
    h.pass(mins(1));
    h.ledger.restored_backup();
    h.store.greatest = (0, 0);
    h.store.put(login_with_token(1, 3600).tombstone(h.now));
    h.input(Input::StoreChanged);
    h.pass(hours(2));
    assert_eq!((h.view().cause, h.requests.len()), (Some(Cause::LoggedOut), 0));
    let stands = h.store.record.as_ref().expect("a record");
    assert!(matches!(stands.state, RecordState::Tombstone { .. }));
    assert!(h.ask().is_err());
}

#[test]
fn a_backup_of_a_first_login_is_written_over_although_a_clock_once_stood_in_the_future() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::Ok(3600);
    h.pass(mins(1));
    h.step_wall(-3_600_000);
    h.input(Input::Refresh);
    h.pass(secs(2));
    let known = (h.view().epoch, h.view().generation);
    h.ledger.restored_backup();
    h.store.greatest = (0, 0);
    h.store.put(login_with_token(1, 3600));
    h.input(Input::StoreChanged);
    h.pass(secs(2));
    assert_eq!(h.store.record.as_ref().map(|r| r.version()), Some(known));
}

#[test]
fn a_refresh_token_that_is_imported_again_while_it_is_being_spent_is_spent_once() {
    for told in [true, false] {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        assert_eq!(h.view().phase, Phase::Exchanging);
        // As a store writes it: the intent of the same refresh token stays.
        let mut again = login_at(2, "rt-0", h.now);
        again.intent = h.store.record.as_ref().and_then(|r| r.intent.clone());
        h.store.put(again.clone());
        h.input(if told { Input::LoggedIn(Box::new(again)) } else { Input::StoreChanged });
        assert_eq!(h.view().phase, Phase::Exchanging, "told {told}");
        h.reply(&Mode::Ok(3600));
        h.pass(secs(5));
        assert_eq!((h.requests.len(), h.view().epoch, h.view().generation), (1, 2, 1), "told {told}");
        assert_eq!((h.ask(), h.revoked(), h.view().saved), (Ok("at-1".into()), 0, true), "told {told}");
        let stands = h.store.record.as_ref().map(|r| (r.version(), r.intent.is_none()));
        assert_eq!(stands, Some(((2, 1), true)), "told {told}");
    }
}

// rfc-test: 6749-10.4
#[test]
fn what_one_server_answers_is_not_taken_into_a_login_that_names_another() {
    for told in [true, false] {
        let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
        h.server.mode = Mode::Silent;
        h.input(Input::Refresh);
        let mut again = login_at(2, "rt-0", h.now);
        again.intent = h.store.record.as_ref().and_then(|r| r.intent.clone());
        again.identity.token_endpoint = "https://other.example/token".into();
        h.store.put(again.clone());
        h.input(if told { Input::LoggedIn(Box::new(again)) } else { Input::StoreChanged });
        h.reply(&Mode::Ok(3600));
        let stands = h.store.record.as_ref().expect("a record");
        assert_eq!(stands.version(), (2, 0), "told {told}");
        assert_eq!(
            stands.grant.refresh_token.as_ref().and_then(|t| t.expose_str()),
            Some("rt-0"),
            "told {told}"
        );
        assert!(stands.grant.access.is_empty(), "told {told}");
        assert_eq!(h.view().epoch, 2, "told {told}");
    }
}
