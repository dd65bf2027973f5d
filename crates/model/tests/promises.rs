//! Every order of events within stated bounds keeps every promise. Bigger bounds: `cargo run --release -p renewd-model`.

use renewd_core::AsClass;
use renewd_model::{Bounds, Fault, Findings, Machine, Promise, Setting, Step, exhaust, story};

const CLASSES: [AsClass; 7] =
    [AsClass::P0, AsClass::P1, AsClass::P2, AsClass::P3, AsClass::P4, AsClass::P5, AsClass::P6];

fn holds(what: &str, setting: &Setting) -> Findings {
    let findings = exhaust::<Machine>(setting, 2);
    let told = |(promise, steps): &(Promise, Vec<Step>)| {
        format!("{what}: {}\n{}", promise.name(), story::<Machine>(setting, steps))
    };
    assert!(findings.broken.is_empty(), "{}", findings.broken.iter().map(told).collect::<String>());
    println!(
        "{what}: {} states, depth {}, a login needed in {}, tripped in {}",
        findings.states, findings.depth, findings.needed_logins, findings.trips
    );
    assert!(findings.states > 100, "{what}: hardly anything was explored");
    findings
}

#[test]
fn two_processes_and_any_one_fault_keep_every_promise_at_every_class() {
    for class in CLASSES {
        let mut setting = Setting::new(class);
        setting.bounds = Bounds { wishes: 2, faults: 1, logins: 0, units: Bounds::FOR_EVER };
        // The least that tells grace from settle and a pause; longer ones are for the long search.
        setting.grace = 6;
        let findings = holds(class.name(), &setting);
        if matches!(class, AsClass::P0 | AsClass::P1) {
            assert_eq!((findings.needed_logins, findings.trips), (0, 0), "{}", class.name());
        }
        if class == AsClass::P2 {
            assert!(findings.needed_logins > 0, "the residue of a strict server is met");
        }
    }
}

#[test]
fn a_login_or_a_logout_at_any_moment_beside_a_fault_keeps_every_promise() {
    for class in [AsClass::P2, AsClass::P4] {
        let mut setting = Setting::new(class);
        setting.bounds = Bounds { wishes: 1, faults: 1, logins: 1, units: Bounds::FOR_EVER };
        holds(class.name(), &setting);
    }
}

#[test]
fn two_faults_that_lose_the_most_keep_every_promise_at_a_strict_server() {
    let mut setting = Setting::new(AsClass::P2);
    setting.faults = vec![Fault::Crash, Fault::LostAnswer, Fault::SyncFails, Fault::PowerCut];
    setting.bounds = Bounds { wishes: 2, faults: 2, logins: 0, units: Bounds::FOR_EVER };
    holds("P2, two faults", &setting);
}

#[test]
fn a_grace_shorter_than_two_waits_keeps_every_promise() {
    let mut setting = Setting::new(AsClass::P3);
    setting.grace = 2;
    setting.faults = vec![Fault::Crash, Fault::LostAnswer];
    setting.bounds = Bounds { wishes: 3, faults: 1, logins: 0, units: Bounds::FOR_EVER };
    holds("P3, grace 2", &setting);
}

#[test]
fn a_grace_that_is_over_before_anybody_notices_costs_a_login_and_nothing_else() {
    let mut setting = Setting::new(AsClass::P3);
    setting.grace = 2;
    setting.bounds = Bounds { wishes: 2, faults: 1, logins: 0, units: Bounds::FOR_EVER };
    assert!(holds("P3, grace over", &setting).needed_logins > 0);
}

#[test]
fn three_processes_keep_every_promise() {
    let mut setting = Setting::new(AsClass::P2);
    setting.processes = 3;
    setting.faults = vec![Fault::Crash, Fault::Pause];
    setting.bounds = Bounds { wishes: 2, faults: 1, logins: 0, units: Bounds::FOR_EVER };
    holds("P2, three processes", &setting);
}

#[test]
fn attempts_stay_within_a_small_budget_however_often_processes_die() {
    let mut setting = Setting::new(AsClass::P0);
    setting.budget = 2;
    setting.faults = vec![Fault::Crash, Fault::Unclear];
    setting.bounds = Bounds { wishes: 2, faults: 3, logins: 0, units: Bounds::FOR_EVER };
    holds("P0, budget 2", &setting);
}
