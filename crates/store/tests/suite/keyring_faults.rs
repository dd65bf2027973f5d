//! Every call of the keyring fails in turn, or is the last that a process makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use renewd_core::{CommitFailure, Loaded, Now, Record};
use renewd_driver::Expect;
use renewd_driver::keyring::KeyringErrorKind;
use renewd_driver::testing::KeyringFate;
use renewd_store::FileStore;

use crate::contract::{fence, intending, kind_of, name, record_of, refreshed, version};
use crate::keyring_home::{BIG, KeyringHome};
use crate::records::{described, login};

/// Items of which these records take a few.
const SMALL: usize = 600;

/// A record in several parts, where items are small.
fn large(epoch: u64, refresh_token: &str) -> Record {
    let mut record = login(epoch, refresh_token);
    record.grant.id_token = Some("i".repeat(300).into());
    record
}

/// What is written one after the other: a login, a refresh, a logout, a login again.
#[derive(Clone)]
struct Step {
    what: &'static str,
    record: Record,
    write: Call,
}

#[derive(Clone)]
enum Call {
    Put(Expect),
    Mark(renewd_core::Fence),
    Commit(renewd_core::Fence),
}

impl Step {
    fn make(&self, store: &FileStore) -> Result<(), CommitFailure> {
        let x = name("x");
        match &self.write {
            Call::Put(expect) => store.put_blocking(&x, &self.record, *expect),
            Call::Mark(fence) => store.mark_blocking(&x, &self.record, fence),
            Call::Commit(fence) => store.commit_blocking(&x, &self.record, fence),
        }
    }
}

fn history() -> Vec<Step> {
    let first = large(1, "rt-0");
    let marked = intending(&first, 7);
    let second = refreshed(&first, "rt-1");
    let tombstone = second.tombstone(Now::default());
    let again = large(3, "rt-2");
    vec![
        Step { what: "login", write: Call::Put(Expect::Absent), record: first.clone() },
        Step { what: "mark", write: Call::Mark(fence(&first, None)), record: marked },
        Step { what: "commit", write: Call::Commit(fence(&first, Some(7))), record: second.clone() },
        Step { what: "logout", write: Call::Put(version(&second)), record: tombstone.clone() },
        Step { what: "login again", write: Call::Put(version(&tombstone)), record: again },
    ]
}

/// What a record is, without what the store adds to it.
fn told(record: &Record) -> String {
    let mut record = record.clone();
    record.previous_digest = None;
    described(&record)
}

/// What stands must be the record before or the one that was on its way.
fn judge(store: &FileStore, before: Option<&Record>, next: &Record, why: &str) -> bool {
    match store.load_blocking(&name("x")) {
        Loaded::Record(stands) => {
            let stands = told(&stands);
            let is_next = stands == told(next);
            assert!(
                is_next || before.is_some_and(|before| told(before) == stands),
                "{why}: neither old nor new"
            );
            is_next
        }
        Loaded::Absent if before.is_none() => false,
        other => panic!("{why}: {}", kind_of(&other)),
    }
}

fn assert_tidy(home: &KeyringHome, why: &str) {
    let files = home.files();
    assert!(!files.iter().any(|file| file.contains("damaged") || file.contains(".tmp-")), "{why}: {files:?}");
}

/// Counts the calls of the keyring since it was made.
fn fail_nth(home: &KeyringHome, n: u64, fate: KeyringFate) -> Arc<AtomicU64> {
    let met = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&met);
    home.keyring.plan(
        move |_, _, _| {
            if count.fetch_add(1, Ordering::SeqCst) + 1 == n { fate } else { KeyringFate::Done }
        },
    );
    met
}

/// The n-th call is the last: done or not, the process hears nothing of it, and makes no other.
fn die_at(home: &KeyringHome, n: u64, done: bool) -> Arc<AtomicU64> {
    let met = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&met);
    home.keyring.plan(move |_, _, _| match count.fetch_add(1, Ordering::SeqCst) + 1 {
        call if call < n => KeyringFate::Done,
        call if call == n && done => KeyringFate::DoneButFails(KeyringErrorKind::Failed),
        _ => KeyringFate::Fails(KeyringErrorKind::Failed),
    });
    met
}

#[test]
fn whichever_keyring_call_fails_the_old_record_or_the_new_one_stands_and_the_same_call_again_succeeds() {
    let (mut runs, mut unnoticed) = (0, 0);
    // What a failure is called changes nothing of what it does: parts are tried with two kinds, one item with all.
    let few = &KeyringErrorKind::ALL[4..6];
    for (size, kinds) in [(BIG, &KeyringErrorKind::ALL[..]), (SMALL, few)] {
        for kind in kinds.iter().copied() {
            for fate in [KeyringFate::Fails(kind), KeyringFate::DoneButFails(kind)] {
                for at in 0..history().len() {
                    for n in 1.. {
                        let steps = history();
                        let step = &steps[at];
                        let why = format!("{} call {n} of items of {size}: {fate:?}", step.what);
                        let home = KeyringHome::simulated(size);
                        let store = home.open();
                        for before in &steps[..at] {
                            assert!(before.make(&store).is_ok(), "{why}");
                        }
                        let met = fail_nth(&home, n, fate);
                        let outcome = step.make(&store);
                        let hit = met.load(Ordering::SeqCst) >= n;
                        home.keyring.heal();
                        runs += 1;
                        let before = at.checked_sub(1).map(|before| &steps[before].record);
                        for reader in [&store, &home.open()] {
                            let is_new = judge(reader, before, &step.record, &why);
                            assert!(is_new || outcome.is_err(), "{why}: acknowledged, and it is not there");
                        }
                        unnoticed += u64::from(hit && outcome.is_ok());
                        if let Err(CommitFailure::Fenced(loaded)) = &outcome {
                            panic!("{why}: fenced by {}", kind_of(loaded));
                        }
                        assert!(step.make(&store).is_ok(), "{why}: the same call again");
                        assert!(judge(&home.open(), None, &step.record, &why), "{why}");
                        assert_tidy(&home, &why);
                        // And all that comes after it.
                        for after in &steps[at + 1..] {
                            assert!(after.make(&store).is_ok(), "{why}, then {}", after.what);
                        }
                        if !hit {
                            assert!(outcome.is_ok(), "{why}: nothing failed, and yet");
                            break;
                        }
                        assert!(n < 60, "{why}: there is no end");
                    }
                }
            }
        }
    }
    assert!(runs > 400, "only {runs} runs");
    // Only what remains of the record before may fail without a word to the caller.
    assert!(unnoticed < runs / 2, "{unnoticed} of {runs} failures were told to nobody");
    println!("{runs} runs, {unnoticed} failures of tidying up");
}

#[test]
fn a_process_that_dies_after_any_keyring_call_leaves_the_old_record_or_the_new_one_and_no_litter_for_long() {
    let mut runs = 0;
    for size in [BIG, SMALL] {
        for at in 0..history().len() {
            for done in [true, false] {
                for n in 1.. {
                    let steps = history();
                    let step = &steps[at];
                    let why = format!("{} dies at call {n} (done: {done}) of items of {size}", step.what);
                    let home = KeyringHome::simulated(size);
                    let store = home.open();
                    for before in &steps[..at] {
                        assert!(before.make(&store).is_ok(), "{why}");
                    }
                    let met = die_at(&home, n, done);
                    let outcome = step.make(&store);
                    let died = met.load(Ordering::SeqCst) >= n;
                    drop(store);
                    home.keyring.heal();
                    runs += 1;
                    let before = at.checked_sub(1).map(|before| &steps[before].record);
                    let next = home.open();
                    let is_new = judge(&next, before, &step.record, &why);
                    assert!(is_new || outcome.is_err(), "{why}");
                    let listed = !next.list_blocking().unwrap().is_empty();
                    assert_eq!(listed, is_new || before.is_some(), "{why}");
                    // The next process goes on: what was not written is written, and nothing is left over at the end.
                    for after in &steps[if is_new { at + 1 } else { at }..] {
                        assert!(after.make(&next).is_ok(), "{why}, then {}", after.what);
                    }
                    let stands = record_of(next.load_blocking(&name("x")));
                    assert_eq!(told(&stands), told(&steps[4].record), "{why}");
                    assert!(
                        next.put_blocking(&name("x"), &stands.tombstone(Now::default()), version(&stands))
                            .is_ok()
                    );
                    let clean = KeyringHome::simulated(size);
                    let cleaned = clean.open();
                    let nobody = stands.tombstone(Now::default());
                    assert!(cleaned.put_blocking(&name("x"), &nobody, Expect::Absent).is_ok());
                    assert_eq!(home.parts().len(), clean.parts().len(), "{why}: parts are left over");
                    assert_tidy(&home, &why);
                    if !died {
                        assert!(outcome.is_ok(), "{why}: it did not die, and yet");
                        break;
                    }
                    assert!(n < 60, "{why}: there is no end");
                }
            }
        }
    }
    assert!(runs > 100, "only {runs} runs");
}
