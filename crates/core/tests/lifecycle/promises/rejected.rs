//! A resource server answers 401.

use renewd_core::*;

use crate::host::*;

#[test]
fn parallel_401s_of_one_generation_cost_one_refresh_and_an_old_generation_costs_none() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    for _ in 0..1000 {
        h.input(Input::Rejected { epoch: 1, generation: 0 });
    }
    h.pass(mins(1));
    assert_eq!(h.requests.len(), 1);
    h.input(Input::Rejected { epoch: 1, generation: 0 });
    assert_eq!(h.ask(), Ok("at-1".into()), "an old generation is answered at once");
    assert_eq!(h.requests.len(), 1);
}

#[test]
fn a_token_rejected_right_after_it_was_minted_for_a_rejection_is_passed_through_and_counted() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    for second in 0..600 {
        let view = h.view();
        h.input(Input::Rejected { epoch: view.epoch, generation: view.generation });
        h.pass(Span::from_secs(1));
        assert!(h.requests.len() <= 8, "a loop: {} requests in {second} s", h.requests.len());
    }
    assert!(h.view().rejections_passed > 500);
    assert_eq!(h.view().health, Health::Degraded);
}

#[test]
fn a_401_is_answered_by_one_refresh_and_the_refused_token_is_not_served_meanwhile() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    h.reject();
    assert_eq!(h.ask(), Err("wait".into()));
    h.pass(secs(1));
    assert_eq!(h.ask(), Ok("at-1".into()));
    assert!(h.reports().any(|r| matches!(r, Report::Refreshed { reason: RefreshReason::Rejected, .. })));
    assert_eq!(h.view().rejections, 1);
}

#[test]
fn the_first_401_of_a_token_is_reported_once_whatever_becomes_of_the_refresh() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    h.server.mode = Mode::Status(503);
    for _ in 0..100 {
        h.input(Input::Rejected { epoch: 1, generation: 0 });
        h.pass(secs(30));
    }
    assert!(h.reports().any(|r| matches!(r, Report::AttemptFailed { .. })));
    let refused = Report::Rejected { key: None, epoch: 1, generation: 0 };
    assert_eq!(h.reports().filter(|r| matches!(r, Report::Rejected { .. })).collect::<Vec<_>>(), [&refused]);
}

#[test]
fn a_401_of_an_old_generation_or_of_none_at_all_changes_nothing() {
    let mut h = Host::new(setup(), Some(login_with_token(3, 3600)));
    h.pass(mins(1));
    let trace = h.trace.len();
    for (epoch, generation) in [(3, 7), (2, 0), (4, 0), (0, 0), (u64::MAX, u64::MAX)] {
        h.input(Input::Rejected { epoch, generation });
    }
    assert_eq!(h.trace.len(), trace);
    assert_eq!(h.ask(), Ok("at-0".into()));
}

#[test]
fn the_first_401_of_a_generation_is_not_held_by_the_least_interval() {
    let mut h = Host::new(setup(), Some(login(1)));
    let _ = h.ask();
    h.pass(secs(1));
    assert_eq!(h.ask(), Ok("at-1".into()));
    h.reject();
    h.pass(secs(1));
    assert_eq!(h.ask(), Ok("at-2".into()));
}

#[test]
fn a_token_refused_for_its_own_sake_is_degraded_until_the_next_one() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.reject();
    h.pass(secs(1));
    h.reject();
    assert_eq!((h.ask(), h.view().health), (Ok("at-1".into()), Health::Degraded), "passed through");
    assert!(h.reports().any(|r| matches!(r, Report::RejectionPassed { generation: 1 })));
    h.pass(hours(1));
    assert_eq!(h.view().health, Health::Healthy);
}

#[test]
fn a_useless_answer_with_a_refresh_token_does_not_bring_a_refused_token_back() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.server.mode = Mode::OnlyRefreshToken;
    h.reject();
    h.pass(secs(1));
    assert_eq!(h.view().generation, 1);
    assert_eq!(h.ask(), Err("wait".into()));
}

#[test]
fn a_refused_token_that_comes_back_under_another_version_stays_refused() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.store.claim_taken = true;
    h.reject();
    let mut theirs = login_with_token(1, 3600);
    theirs.generation = 1;
    theirs.grant.refresh_token = Some(Secret::from("rt-9"));
    h.store.put(theirs);
    h.input(Input::StoreChanged);
    assert_eq!((h.view().generation, h.ask()), (1, Err("wait".into())));
}

#[test]
fn a_siblings_refresh_for_a_401_holds_the_next_one_here_too() {
    let mut h = Host::new(setup(), Some(login_with_token(1, 3600)));
    h.pass(mins(1));
    let mut generation = 0;
    for second in 0..600 {
        h.reject();
        h.pass(secs(1));
        // The sibling hears a 401 as well, of whatever was minted here, and has it renewed.
        if h.view().generation > generation {
            let mut theirs = h.store.record.clone().unwrap();
            generation = theirs.generation + 1;
            theirs.generation = generation;
            theirs.rejections += 1;
            let (access, refresh) = h.server.mint(hours(1));
            theirs.grant.access[0].token = Secret::from_string(access);
            theirs.grant.access[0].issued.boot = h.now.boot;
            theirs.grant.access[0].issued.wall = h.now.wall;
            theirs.grant.refresh_token = Some(Secret::from_string(refresh));
            theirs.last_refresh =
                theirs.last_refresh.map(|s| Stamp { boot: h.now.boot, wall: h.now.wall, ..s });
            h.store.put(theirs);
            h.ledger_minted();
            h.input(Input::StoreChanged);
        }
        assert!(h.requests.len() <= 8, "a loop: {} requests in {second} s", h.requests.len());
    }
    assert!(h.view().rejections_passed > 400);
}
