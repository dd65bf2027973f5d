//! The real core as the process of the model: every order of events within stated bounds keeps every promise.

use renewd_core::AsClass;
use renewd_model::{Bounds, Fault, RealProcess, Setting, exhaust, story};

fn holds(setting: &Setting) {
    let findings = exhaust::<RealProcess>(setting, 2);
    let told = findings.broken.first().map(|(p, way)| (p.name(), story::<RealProcess>(setting, way)));
    assert_eq!(told, None, "{setting:?}");
    println!(
        "{}: {} states, a login needed in {}, tripped in {}",
        setting.class.name(),
        findings.states,
        findings.needed_logins,
        findings.trips
    );
    assert!(findings.states > 1_000, "hardly anything was explored");
}

#[test]
fn two_real_cores_and_any_one_fault_keep_every_promise_at_a_strict_server() {
    let mut setting = Setting::new(AsClass::P2);
    setting.bounds = Bounds { wishes: 1, faults: 1, logins: 0, units: 6 };
    setting.looks_ahead_one_in = 16;
    holds(&setting);
}

#[test]
fn two_real_cores_that_race_and_die_keep_every_promise() {
    for class in [AsClass::P2, AsClass::P3] {
        let mut setting = Setting::new(class);
        setting.grace = 2;
        setting.faults = vec![Fault::Crash, Fault::LostAnswer];
        setting.bounds = Bounds { wishes: 2, faults: 1, logins: 0, units: 3 };
        setting.looks_ahead_one_in = 32;
        holds(&setting);
    }
}

#[test]
fn a_login_or_a_logout_beside_a_crash_keeps_every_promise_of_the_real_core() {
    let mut setting = Setting::new(AsClass::P2);
    setting.faults = vec![Fault::Crash];
    setting.bounds = Bounds { wishes: 1, faults: 1, logins: 1, units: 3 };
    setting.looks_ahead_one_in = 16;
    holds(&setting);
}
