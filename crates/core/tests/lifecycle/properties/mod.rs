//! Random histories against the invariants that concern one process. The checks at every step are the host's
//! ([`ledger`](crate::host)); here stand those that look at a history as a whole.

mod action;
mod hostile;
mod spec;

use std::sync::Arc;

use proptest::prelude::*;
use renewd_core::*;

use crate::host::*;
use action::{Action, actions};

/// Histories per property: with these all of them take a few seconds without optimization. `PROPTEST_CASES` asks for
/// more.
const CASES: u32 = 128;

fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { asked.cases } else { CASES };
    ProptestConfig { cases, failure_persistence: None, ..asked }
}

/// A policy in which the ceiling comes within a history.
fn policy(interval: u64) -> Policy {
    let auth_retrying = AuthRetryingPolicy { interval: mins(interval), ceiling: hours(2) };
    Policy { auth_retrying, ..Policy::default() }
}

fn setup_of(h: &Host, interval: u64) -> Setup {
    Setup { policy: Arc::new(policy(interval)), ..h.setup.clone() }
}

fn new_host(seed: u64) -> Host {
    let setup = Setup { policy: Arc::new(policy(10)), ..setup() };
    Host::with_seed(setup, Some(login_with_token(1, 3600)), seed)
}

fn act(h: &mut Host, backup: &mut Option<Record>, action: &Action) {
    match action {
        Action::Pass(span) => h.pass(*span),
        Action::Suspend(span) => {
            h.advance(*span);
            h.input(Input::Resumed);
        }
        Action::StepWall(millis) => h.step_wall(*millis),
        Action::Demand(min_validity) => {
            let _ = h.ask_for(*min_validity);
        }
        Action::Crowd(callers) => {
            let before = h.requests.len();
            for _ in 0..*callers {
                let _ = h.ask();
            }
            assert!(h.requests.len() <= before + 1, "15: {callers} callers cost more than one request");
        }
        Action::DemandFor(key, min_validity) => {
            h.input(Input::DemandFor { key: other_key(*key), min_validity: *min_validity });
        }
        Action::Reject => h.reject(),
        Action::RejectFor(key) => {
            if let Serve::Token { epoch, generation, .. } =
                h.machine.serve_for(&other_key(*key), h.now, Span::ZERO)
            {
                h.input(Input::Rejected { epoch, generation });
            }
        }
        Action::RejectOther(epoch, generation) => {
            let names = |r: &Record| {
                r.epoch == *epoch && r.grant.access.iter().any(|a| r.generation_of(a) == *generation)
            };
            let other = h.machine.record().is_none_or(|r| !names(r) && r.version() != (*epoch, *generation));
            if other {
                h.input(Input::Rejected { epoch: *epoch, generation: *generation });
            }
        }
        Action::Refresh => h.input(Input::Refresh),
        Action::NetworkChanged => h.input(Input::NetworkChanged),
        Action::StoreChanged => h.input(Input::StoreChanged),
        Action::Reload(interval) => {
            h.setup = setup_of(h, *interval);
            h.input(Input::PolicyChanged(Box::new(h.setup.clone())));
        }
        Action::LogIn => h.log_in(),
        Action::LogOut => h.log_out(),
        Action::Restart => h.restart(h.setup.clone()),
        Action::Reboot(off) => h.reboot(*off),
        Action::Shutdown(grace) => {
            h.input(Input::Shutdown);
            h.pass(*grace);
            let drained = h.drained().len();
            assert!(*grace < h.setup.policy.shutdown_grace || drained > 0 || h.ops_held, "a shutdown ends");
            h.restart(h.setup.clone());
        }
        Action::Server(mode) => h.server.mode = mode.clone(),
        Action::WritesFail(kind) => h.store.writes_fail = Some(*kind),
        Action::ReadsFail(kind) => h.store.reads_fail = Some(*kind),
        Action::StoreHeals => (h.store.writes_fail, h.store.reads_fail) = (None, None),
        Action::StoreLies => h.store.lies_once = true,
        Action::ClaimTaken(taken) => h.store.claim_taken = *taken && !h.claim_held,
        Action::OthersRefresh => {
            *backup = h.store.record.clone();
            h.others_refresh(600);
        }
        Action::OthersDie => h.others_die(),
        Action::RestoreBackup => {
            if let Some(record) = backup.take() {
                h.ledger.restored_backup();
                h.store.record = Some(record);
                h.input(Input::StoreChanged);
            }
        }
        Action::HoldStore(held) => {
            h.ops_held = *held;
            h.drain();
        }
        Action::OneStoreCommand => h.one_op(),
        Action::Stray(attempt, ticket) => {
            let known = h.wire.as_ref().is_some_and(|w| w.attempt == AttemptId(*attempt));
            if !known {
                let answer = refused(400, "invalid_grant");
                h.input(Input::Answer { attempt: AttemptId(*attempt), answer, sent: Vec::new() });
            }
            // No write of this history has come that far.
            let ticket = Ticket(1_000_000 + ticket);
            h.input(Input::Committed(ticket));
            h.input(Input::Marked(ticket));
            h.input(Input::CommitFailed(ticket, CommitFailure::Fenced(Loaded::Absent)));
        }
    }
    consistent(h);
}

fn other_key(key: u8) -> AccessKey {
    AccessKey { resource: Some(format!("https://{key}.example")), ..AccessKey::default() }
}

/// Every token is kept and served for what it was asked for, and named by a version of its own.
fn each_for_its_own(h: &Host) {
    for key in (0..4).map(other_key) {
        if let Serve::Token { access, .. } = h.machine.serve_for(&key, h.now, Span::ZERO) {
            let token = access.token.expose_str().expect("text");
            assert_eq!(h.minted_for.get(token), key.resource.as_ref(), "{token} is served for another");
        }
    }
    let Some(record) = h.machine.record() else { return };
    for access in &record.grant.access {
        let token = access.token.expose_str().expect("text");
        // Those of logins and of other processes are the login's own.
        assert_eq!(h.minted_for.get(token), access.key.resource.as_ref(), "{token} is kept for another");
    }
    let mut versions: Vec<u64> = record.grant.access.iter().map(|a| record.generation_of(a)).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), record.grant.access.len(), "two tokens of one version");
}

/// What must be true between any two inputs.
fn consistent(h: &Host) {
    each_for_its_own(h);
    let view = h.view();
    let stands = h.machine.record().map(|r| r.state);
    match view.cause {
        Some(Cause::LoggedOut) => assert!(matches!(stands, Some(RecordState::Tombstone { .. }))),
        Some(Cause::NoGrant) => assert!(stands.is_none()),
        Some(Cause::GrantRefused | Cause::RotationLost | Cause::Ceiling) => {
            assert!(matches!(stands, Some(RecordState::Refused { .. })));
        }
        _ => {}
    }
    let at_rest = matches!(view.phase, Phase::Fresh | Phase::Backoff | Phase::AuthRetrying | Phase::Settling);
    assert!(!at_rest || h.machine.poll_timeout().is_some(), "no wake-up in {:?}", view.phase);
    let lets_go = at_rest || matches!(view.phase, Phase::Absent | Phase::Unauthenticated | Phase::Stopped);
    assert!(!lets_go || !h.claim_held || !h.ops.is_empty(), "a claim is kept in {:?}", view.phase);
    if let Some(record) = h.machine.record().filter(|r| !r.settings.grant_type.spends_refresh_token()) {
        assert!(record.grant.refresh_token.is_none(), "a refresh token that came along is kept");
        assert!(!view.in_doubt && view.phase != Phase::Settling, "nothing was spent that could be in doubt");
        let never = [Cause::NoRefreshToken, Cause::RotationLost, Cause::RefreshTokenExpired];
        assert!(!view.cause.is_some_and(|cause| never.contains(&cause)), "{:?}", view.cause);
    }
    assert_eq!(view.status.health().max(view.health), view.health, "health is no better than the status");
}

fn run(seed: u64, history: &[Action]) -> Host {
    run_on(new_host(seed), history)
}

/// The same history of a login that is renewed by running its grant again.
fn run_by(grant_type: GrantType, seed: u64, history: &[Action]) -> Host {
    let setup = Setup { policy: Arc::new(policy(10)), ..setup() };
    run_on(Host::with_seed(setup, Some(login_by(1, grant_type, at(0))), seed), history)
}

/// Every kind of grant that spends nothing.
fn grants_that_spend_nothing() -> impl Strategy<Value = usize> {
    0..spending_nothing().len()
}

fn spending_nothing() -> [GrantType; 4] {
    let exchange = |subject| {
        GrantType::TokenExchange(TokenExchange {
            subject,
            subject_type: "urn:ietf:params:oauth:token-type:jwt".into(),
            actor: None,
            requested_type: None,
        })
    };
    [
        GrantType::ClientCredentials,
        exchange(TokenSource::File("/run/token".into())),
        exchange(TokenSource::Kept(Secret::from("subject"))),
        GrantType::JwtBearer(JwtBearer::Given(TokenSource::Kept(Secret::from("assertion")))),
    ]
}

fn run_on(mut h: Host, history: &[Action]) -> Host {
    let mut backup = None;
    for action in history {
        act(&mut h, &mut backup, action);
    }
    h
}

fn faults_stop(h: &mut Host) {
    h.server.mode = Mode::Ok(3600);
    h.store.writes_fail = None;
    h.store.reads_fail = None;
    h.store.lies_once = false;
    h.store.claim_taken = false;
    h.ops_held = false;
    h.drain();
    // An answer may be on its way from before.
    h.pass(mins(2));
}

#[test]
fn a_token_is_dated_when_it_can_be_read_after_a_reboot() {
    let history = [
        Action::Pass(secs(9)),
        Action::ReadsFail(StoreFaultKind::Full),
        Action::Pass(hours(1)),
        Action::Reboot(Span::from_millis(1)),
        Action::StepWall(-3_600_000),
        Action::StoreHeals,
        Action::Pass(mins(1)),
    ];
    let h = run_by(GrantType::ClientCredentials, 0, &history);
    assert_eq!(h.status(), Status::Running);
}

#[test]
fn a_window_whose_end_was_never_saved_goes_on_after_a_restart() {
    let history = [
        Action::Server(Mode::Unreachable),
        Action::Pass(mins(2)),
        Action::Server(Mode::Ok(3600)),
        Action::Suspend(mins(10)),
        Action::WritesFail(StoreFaultKind::Full),
        Action::Pass(secs(1)),
        Action::Suspend(hours(8)),
        Action::StoreHeals,
        Action::Restart,
        Action::Server(Mode::Unreachable),
        Action::Pass(mins(15)),
    ];
    let h = run_by(GrantType::ClientCredentials, 0, &history);
    assert_eq!(h.view().cause, Some(Cause::Ceiling));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn invariants_hold_in_every_history_and_once_faults_stop_a_fresh_token_is_served(
        seed in 0u64..1000,
        history in proptest::collection::vec(actions(), 1..80),
    ) {
        let mut h = run(seed, &history);
        faults_stop(&mut h);
        if h.store.record.as_ref().is_none_or(|r| r.state != RecordState::Active) || h.ledger.residue {
            h.log_in();
        }
        // One capped backoff, the long interval, a settle wait, a budget that is empty, a `Retry-After`.
        h.pass(mins(20 + 2 + 1 + 3 + 2));
        let served = h.ask();
        let view = h.view();
        prop_assert!(served.is_ok(), "14: {served:?} in {:?}", view.phase);
        // …for every audience…
        for key in (0..4).map(other_key) {
            h.input(Input::DemandFor { key: key.clone(), min_validity: Span::ZERO });
            h.pass(mins(1));
            let served = matches!(h.machine.serve_for(&key, h.now, Span::ZERO), Serve::Token { .. });
            prop_assert!(served, "14: nothing for {key} in {:?}", h.view().phase);
        }
        // …and it goes on.
        h.pass(hours(2));
        prop_assert!(h.ask().is_ok());
        prop_assert_eq!(h.view().status, Status::Running);
        prop_assert!(!h.claim_held || matches!(h.view().phase, Phase::Exchanging));
    }

    #[test]
    fn a_grant_that_spends_nothing_keeps_the_invariants_and_needs_a_login_only_when_it_was_refused(
        seed in 0u64..1000,
        grant in grants_that_spend_nothing(),
        history in proptest::collection::vec(actions(), 1..80),
    ) {
        let mut h = run_by(spending_nothing()[grant].clone(), seed, &history);
        faults_stop(&mut h);
        if h.store.record.as_ref().is_none_or(|r| r.state != RecordState::Active) || h.ledger.rolled_back {
            h.log_in();
        }
        h.pass(mins(20 + 2 + 2));
        let served = h.ask();
        prop_assert!(served.is_ok(), "14: {served:?} in {:?}", h.view().phase);
        h.pass(hours(2));
        prop_assert!(h.ask().is_ok());
        prop_assert_eq!(h.view().status, Status::Running);
        prop_assert_eq!(h.server.reuse_trips, 0);
    }

    #[test]
    fn the_same_inputs_give_the_same_commands(
        seed in 0u64..1000,
        history in proptest::collection::vec(actions(), 1..40),
    ) {
        let (a, b) = (run(seed, &history), run(seed, &history));
        prop_assert_eq!(&a.trace, &b.trace);
        prop_assert_eq!(format!("{:?}", a.seen), format!("{:?}", b.seen));
        prop_assert_eq!(a.view(), b.view());
        prop_assert_eq!(a.machine.poll_timeout(), b.machine.poll_timeout());
    }
}
