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
        Action::Reject => h.reject(),
        Action::RejectOther(epoch, generation) => {
            let other = h.machine.record().is_none_or(|r| r.version() != (*epoch, *generation));
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

/// What must be true between any two inputs.
fn consistent(h: &Host) {
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
    assert_eq!(view.status.health().max(view.health), view.health, "health is no better than the status");
}

fn run(seed: u64, history: &[Action]) -> Host {
    let mut h = new_host(seed);
    let mut backup = None;
    for action in history {
        act(&mut h, &mut backup, action);
    }
    h
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn invariants_hold_in_every_history_and_once_faults_stop_a_fresh_token_is_served(
        seed in 0u64..1000,
        history in proptest::collection::vec(actions(), 1..80),
    ) {
        let mut h = run(seed, &history);
        // Faults stop.
        h.server.mode = Mode::Ok(3600);
        h.store.writes_fail = None;
        h.store.reads_fail = None;
        h.store.lies_once = false;
        h.store.claim_taken = false;
        h.ops_held = false;
        h.drain();
        // An answer may be on its way from before.
        h.pass(mins(2));
        if h.store.record.as_ref().is_none_or(|r| r.state != RecordState::Active) || h.ledger.residue {
            h.log_in();
        }
        // One capped backoff, the long interval, a settle wait, a budget that is empty, a `Retry-After`.
        h.pass(mins(20 + 2 + 1 + 3 + 2));
        let served = h.ask();
        let view = h.view();
        prop_assert!(served.is_ok(), "14: {served:?} in {:?}", view.phase);
        // …and it goes on.
        h.pass(hours(2));
        prop_assert!(h.ask().is_ok());
        prop_assert_eq!(h.view().status, Status::Running);
        prop_assert!(!h.claim_held || matches!(h.view().phase, Phase::Exchanging));
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
