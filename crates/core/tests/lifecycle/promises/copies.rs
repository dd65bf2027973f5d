//! A copy of a machine goes its own way from the same point, and its fingerprint says when two are alike: what a
//! model needs that explores every future of one moment.

use std::hash::{DefaultHasher, Hasher as _};

use renewd_core::*;

use crate::host::*;

fn fingerprint(machine: &Lifecycle) -> u64 {
    let mut hasher = DefaultHasher::new();
    machine.fingerprint(&mut hasher);
    hasher.finish()
}

fn loaded(setup: &Setup, seed: u64, token: &str) -> Lifecycle {
    let mut machine = Lifecycle::new(setup.clone(), seed);
    while machine.poll_command().is_some() {}
    let mut record = login_with_token(1, 3600);
    record.grant.refresh_token = Some(Secret::from(token));
    machine.handle(at(1), Input::Loaded(Loaded::Record(Box::new(record))));
    machine
}

fn commands(machine: &mut Lifecycle) -> Vec<String> {
    std::iter::from_fn(|| machine.poll_command()).map(|c| text::command(&c)).collect()
}

#[test]
fn a_copy_does_what_the_original_does_and_neither_disturbs_the_other() {
    let mut original = loaded(&setup(), 7, "rt-1");
    let mut copy = original.clone();
    assert_eq!(fingerprint(&original), fingerprint(&copy));

    original.handle(at(2), Input::Refresh);
    assert_ne!(fingerprint(&original), fingerprint(&copy), "one is claiming, the other is not");
    assert_eq!(copy.view(at(2)).phase, Phase::Fresh);

    copy.handle(at(2), Input::Refresh);
    assert_eq!(fingerprint(&original), fingerprint(&copy), "the same input from the same state");
    assert_eq!(commands(&mut original), commands(&mut copy));
}

#[test]
fn a_fingerprint_tells_apart_what_behaves_differently() {
    let setup = setup();
    let base = fingerprint(&loaded(&setup, 7, "rt-1"));
    assert_eq!(base, fingerprint(&loaded(&setup, 7, "rt-1")), "made alike, it is alike");
    assert_ne!(base, fingerprint(&loaded(&setup, 8, "rt-1")), "another jitter");
    assert_ne!(base, fingerprint(&loaded(&setup, 7, "rt-2")), "another refresh token");

    let mut later = loaded(&setup, 7, "rt-1");
    while later.poll_command().is_some() {}
    assert_ne!(base, fingerprint(&later), "commands that were fetched");
    let fetched = fingerprint(&later);
    later.handle(at(9), Input::Tick);
    while later.poll_command().is_some() {}
    assert_ne!(fetched, fingerprint(&later), "another hour");
}
