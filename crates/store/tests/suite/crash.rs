//! Every crash at every operation of a refresh, on a simulated disk.
//!
//! What is promised: whoever opens the store afterwards finds the last record that was acknowledged, or the one that was
//! on its way; never an older one, never damage, never nothing.

use std::collections::BTreeSet;
use std::path::Path;

use renewd_core::{CommitFailure, Loaded, Record};
use renewd_driver::Expect;
use renewd_store::testing::{Fate, SimDisk, SimProcess};
use renewd_store::{FileStore, IoStep};

use crate::contract::{fence, intending, kind_of, name, refreshed, version};
use crate::records::login;

/// Power cuts tried at each operation; `RENEWD_CRASH_SEEDS` asks for more.
const SEEDS: u64 = 6;

const FOLDER: &str = "/state/credentials";

fn seeds() -> u64 {
    std::env::var("RENEWD_CRASH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS)
}

/// Where a record is in its history: version, and whether an intent stands in it. Later is greater.
type Place = (u64, u64, bool);

fn place(record: &Record) -> Place {
    (record.epoch, record.generation, record.intent.is_some())
}

/// A write of the history, with the record that it puts there.
type Write = (Place, Box<dyn Fn(&FileStore) -> Result<(), CommitFailure>>);

/// A login, two refreshes, a logout and another login, as one process writes them.
fn history() -> Vec<Write> {
    let x = || name("x");
    let first = login(1, "rt-0");
    let mut writes: Vec<Write> = Vec::new();
    let record = first.clone();
    writes.push((place(&first), Box::new(move |store| store.put_blocking(&x(), &record, Expect::Absent))));
    let mut before = first;
    for n in 1..=2 {
        let (marked, after) = (intending(&before, n), refreshed(&before, &format!("rt-{n}")));
        let (unmarked, open) = (fence(&before, None), fence(&before, Some(n)));
        let (record, next) = (marked.clone(), after.clone());
        writes.push((place(&marked), Box::new(move |store| store.mark_blocking(&x(), &record, &unmarked))));
        writes.push((place(&after), Box::new(move |store| store.commit_blocking(&x(), &next, &open))));
        before = after;
    }
    let tombstone = before.tombstone(renewd_core::Now::default());
    for record in [tombstone.clone(), login(tombstone.epoch + 1, "rt-again")] {
        let expect = version(&before);
        before = record.clone();
        writes.push((place(&record), Box::new(move |store| store.put_blocking(&x(), &record, expect))));
    }
    writes
}

/// How far a process came: what was acknowledged last, and what it was about to write when it died.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    acknowledged: Option<Place>,
    attempted: Option<Place>,
}

/// Goes through the history from a place on, under the claim, until it is over or the process dies.
fn go_through(process: &SimProcess, reached: &mut Reached) {
    let Ok(store) = process.open() else { return };
    let from = reached.acknowledged;
    let Ok(claim) = store.try_claim_blocking(&name("x")) else { return };
    assert!(claim.is_some(), "nobody else lives");
    for (to, write) in history().iter().filter(|(to, _)| from.is_none_or(|from| *to > from)) {
        reached.attempted = Some(*to);
        match write(&store) {
            Ok(()) => reached.acknowledged = Some(*to),
            Err(failure) => {
                assert!(!process.is_alive(), "{}", told(&failure));
                return;
            }
        }
    }
}

fn told(failure: &CommitFailure) -> String {
    match failure {
        CommitFailure::Fenced(loaded) => format!("fenced by {}", kind_of(loaded)),
        CommitFailure::Fault(fault) => fault.message.clone(),
    }
}

/// Opens the store anew and judges what stands there; gives it.
fn judge(disk: &SimDisk, reached: Reached, told: &str) -> Option<Place> {
    let store = disk.process().open().unwrap_or_else(|error| panic!("{told}: {error}"));
    let stands = match store.load_blocking(&name("x")) {
        Loaded::Record(record) => Some(place(&record)),
        Loaded::Absent => None,
        other => panic!("{told}: {} after {reached:?}", kind_of(&other)),
    };
    let possible = [reached.acknowledged, reached.attempted.max(reached.acknowledged)];
    assert!(possible.contains(&stands), "{told}: {stands:?} stands after {reached:?}");
    let names = ["/state", FOLDER].iter().flat_map(|folder| disk.names(Path::new(folder)));
    let left: Vec<_> = names.filter(|file| file.contains(".tmp-")).collect();
    assert!(left.is_empty(), "{told}: {left:?} is left behind");
    stands
}

/// How many operations the whole history takes.
fn operations() -> u64 {
    let disk = SimDisk::new(0);
    let mut reached = Reached::default();
    go_through(&disk.process(), &mut reached);
    assert_eq!(reached.acknowledged, history().last().map(|(to, _)| *to));
    disk.counts().all()
}

#[test]
fn killed_at_any_operation_the_store_holds_the_acknowledged_record_or_the_next() {
    let all = operations();
    assert!(all > 150, "the history is only {all} operations long");
    println!("{all} operations");
    for n in 1..=all {
        let disk = SimDisk::new(n);
        let process = disk.process();
        process.at_operation(n, Fate::Kill);
        let mut reached = Reached::default();
        go_through(&process, &mut reached);
        assert!(!process.is_alive(), "operation {n} of {all} was not reached");
        reached.acknowledged = judge(&disk, reached, &format!("killed at operation {n}"));
        // The next one goes on from there to the end.
        go_through(&disk.process(), &mut reached);
        assert_eq!(reached.acknowledged, history().last().map(|(to, _)| *to), "killed at operation {n}");
    }
}

#[test]
fn the_power_cut_at_any_operation_loses_nothing_that_was_acknowledged() {
    let all = operations();
    let mut seen = BTreeSet::new();
    for n in 1..=all {
        for seed in 0..seeds() {
            let disk = SimDisk::new(n);
            let process = disk.process();
            process.at_operation(n, Fate::PowerCut(seed));
            let mut reached = Reached::default();
            go_through(&process, &mut reached);
            assert!(!process.is_alive(), "operation {n} of {all} was not reached");
            let told = format!("power cut {seed} at operation {n}");
            seen.insert((n, judge(&disk, reached, &told)));
        }
    }
    // Some cuts left the old record and others the new one at the same operation: the seeds do differ.
    let both = (1..=all).filter(|n| seen.iter().filter(|(at, _)| at == n).count() > 1).count();
    assert!(both > 5, "only at {both} operations the seed made a difference");
}

#[test]
fn a_process_killed_and_then_the_power_cut_lose_nothing_that_the_second_process_acknowledged() {
    // What the first wrote without a sync is in memory only: whoever goes on must not build on sand.
    let all = operations();
    for n in (1..=all).step_by(2) {
        for seed in 0..seeds() / 2 {
            let disk = SimDisk::new(n);
            let first = disk.process();
            first.at_operation(n, Fate::Kill);
            let mut reached = Reached::default();
            go_through(&first, &mut reached);
            let told = format!("killed at operation {n}, then power cut {seed}");
            let stands = judge(&disk, reached, &told);
            let mut second = Reached { acknowledged: stands, attempted: None };
            go_through(&disk.process(), &mut second);
            assert!(second.attempted.is_some() || stands == history().last().map(|(to, _)| *to), "{told}");
            disk.power_cut(seed);
            judge(&disk, if second.attempted.is_some() { second } else { reached }, &told);
        }
    }
}

#[test]
fn whoever_reads_in_the_middle_of_a_write_gets_a_whole_record_and_never_an_older_one() {
    use std::sync::{Arc, Mutex};
    let all = operations();
    for n in 1..=all {
        let disk = SimDisk::new(n);
        let (writer, reader) = (disk.process(), disk.process());
        let seen = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&seen);
        writer
            .at_operation(n, Fate::Meanwhile(Box::new(move || *kept.lock().unwrap() = Some(peek(&reader)))));
        let mut reached = Reached::default();
        go_through(&writer, &mut reached);
        let seen = seen.lock().unwrap().take().expect("the reader had its turn");
        assert!(!seen.contains("damaged") && !seen.contains("rolled back"), "operation {n}: {seen}");
        assert_eq!(reached.acknowledged, history().last().map(|(to, _)| *to), "operation {n}: {seen}");
    }
}

fn peek(reader: &SimProcess) -> String {
    match reader.open() {
        Ok(store) => kind_of(&store.load_blocking(&name("x"))),
        // The writer is making the store just now.
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_login_at_whatever_moment_of_a_refresh_is_never_overwritten() {
    use std::sync::{Arc, Mutex};
    let x = name("x");
    let first = login(1, "rt-1");
    let (mut logins, mut refused, mut fenced) = (0, 0, 0);
    for n in 1.. {
        let disk = SimDisk::new(n);
        let (process, person) = (disk.process(), disk.process().open().unwrap());
        let store = process.open().unwrap();
        assert!(store.put_blocking(&x, &first, Expect::Absent).is_ok());
        let outcome = Arc::new(Mutex::new(None));
        let told = Arc::clone(&outcome);
        process.at_operation(
            n,
            Fate::Meanwhile(Box::new(move || {
                let stands = crate::contract::record_of(person.load_blocking(&name("x")));
                let theirs = login(stands.epoch + 1, "rt-of-the-person");
                *told.lock().unwrap() =
                    Some(person.put_blocking(&name("x"), &theirs, version(&stands)).is_ok());
            })),
        );
        let claim = store.try_claim_blocking(&x).unwrap();
        let marked = store.mark_blocking(&x, &intending(&first, 7), &fence(&first, None));
        let second = refreshed(&first, "rt-2");
        let saved = marked.and_then(|()| store.commit_blocking(&x, &second, &fence(&first, Some(7))));
        drop(claim);
        let stands = crate::contract::record_of(disk.process().open().unwrap().load_blocking(&x));
        match *outcome.lock().unwrap() {
            None => break,
            // A writer was at work: the person is told, and tries again.
            Some(false) => {
                refused += 1;
                assert!(saved.is_ok() && stands.version() == (1, 1), "operation {n}");
            }
            Some(true) => {
                logins += 1;
                fenced += u64::from(matches!(saved, Err(CommitFailure::Fenced(_))));
                assert_eq!(stands.version(), (2, 0), "operation {n}: the login is gone");
            }
        }
    }
    assert!(logins > 10 && refused > 10 && fenced > 5, "{logins} logins, {refused} refused, {fenced} fenced");
}

#[test]
fn a_sync_that_fails_once_is_never_taken_for_a_success() {
    let all = operations();
    let mut failed = 0;
    for n in 1..=all {
        let disk = SimDisk::new(n);
        let process = disk.process();
        let faults = disk.clone();
        process.at_operation(n, Fate::Meanwhile(Box::new(move || faults.fail_syncs(1))));
        let Ok(store) = process.open() else {
            failed += 1;
            continue;
        };
        let claim = store.try_claim_blocking(&name("x")).unwrap();
        let mut reached = Reached::default();
        for (to, write) in &history() {
            reached.attempted = Some(*to);
            // As a lifecycle does it: the same write again.
            let met = write(&store).is_err();
            if met {
                failed += 1;
                write(&store).unwrap_or_else(|failure| panic!("operation {n}: {}", told(&failure)));
            }
            reached.acknowledged = Some(*to);
            if met {
                for seed in 0..3 {
                    let copy = disk.clone_of_now();
                    copy.power_cut(seed);
                    judge(&copy, reached, &format!("a sync failed at operation {n}, then power cut {seed}"));
                }
            }
        }
        drop(claim);
    }
    assert!(failed > 100, "only {failed} calls failed");
}

#[test]
fn every_step_has_a_point_and_a_refresh_passes_them_in_this_order() {
    let disk = SimDisk::new(1);
    let process = disk.process();
    process.remember_points();
    let mut reached = Reached::default();
    go_through(&process, &mut reached);
    let points = process.take_points();
    let refresh: Vec<_> = points
        .iter()
        .filter(|p| p.starts_with("mark.") || p.starts_with("commit."))
        .map(String::as_str)
        .collect();
    let once = [
        "mark.create-temp",
        "mark.preallocate",
        "mark.create-temp",
        "mark.write",
        "mark.sync-file",
        "mark.rename",
        "mark.sync-dir",
        "mark.read-back",
        "commit.write",
        "commit.sync-file",
        "commit.rename",
        "commit.sync-dir",
        "commit.read-back",
        "commit.mark-file.create-temp",
        "commit.mark-file.write",
        "commit.mark-file.sync-file",
        "commit.mark-file.rename",
        "commit.mark-file.sync-dir",
        "commit.mark-file.read-back",
    ];
    assert_eq!(refresh, [once, once].concat());
    for step in IoStep::ALL {
        assert!(points.iter().any(|point| point.ends_with(step.name())), "{step:?}");
    }
    assert!(points.iter().any(|point| point == "open.key.rename"), "{points:?}");
}
