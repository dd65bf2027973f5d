//! A disk that is full, fails, is damaged or comes back from a backup; and what a refresh costs on a good one.

use std::path::{Path, PathBuf};

use renewd_core::{CommitFailure, Loaded, Record, StoreFaultKind};
use renewd_driver::{CredentialStore as _, Expect};
use renewd_store::testing::{Damage, Fate, OpCounts, SimDisk, SimProcess};
use renewd_store::{FileStore, IoStep};

use crate::contract::{fence, intending, kind_of, name, record_of, refreshed, version};
use crate::records::login;

fn file(name: &str) -> PathBuf {
    Path::new("/state/credentials").join(name)
}

fn put(store: &FileStore, at: &str, record: &Record, expect: Expect) {
    assert!(store.put_blocking(&name(at), record, expect).is_ok());
}

/// A process with a login in its store.
fn logged_in(disk: &SimDisk) -> (SimProcess, FileStore, Record) {
    let process = disk.process();
    let store = process.open().unwrap();
    let first = login(1, "rt-0");
    put(&store, "x", &first, Expect::Absent);
    (process, store, first)
}

/// One refresh, as the loop makes it: claim, read, mark, commit, release.
fn refresh(store: &FileStore, attempt: u128) -> Result<Record, CommitFailure> {
    let x = name("x");
    let claim = store.try_claim_blocking(&x).map_err(CommitFailure::Fault)?;
    assert!(claim.is_some());
    let before = record_of(store.load_blocking(&x));
    store.mark_blocking(&x, &intending(&before, attempt), &fence(&before, None))?;
    let after = refreshed(&before, &format!("rt-{attempt}"));
    store.commit_blocking(&x, &after, &fence(&before, Some(attempt)))?;
    Ok(after)
}

fn kind(outcome: Result<Record, CommitFailure>) -> StoreFaultKind {
    match outcome {
        Err(CommitFailure::Fault(fault)) => fault.kind,
        Err(CommitFailure::Fenced(loaded)) => panic!("fenced by {}", kind_of(&loaded)),
        Ok(_) => panic!("it went well"),
    }
}

/// The cost of safety. A change of these numbers is a change of what every refresh waits for.
#[test]
fn a_refresh_costs_six_syncs_and_these_operations() {
    let disk = SimDisk::new(1);
    let (_, store, _) = logged_in(&disk);
    refresh(&store, 1).unwrap_or_else(|_| panic!("a good disk"));
    let before = disk.counts();
    refresh(&store, 2).unwrap_or_else(|_| panic!("a good disk"));
    let spent = disk.counts().since(&before);
    let mut expected = OpCounts::default();
    // The intent, the outcome, and the mark beside it: a file and its name each.
    (expected.file_syncs, expected.folder_syncs) = (3, 3);
    // Room for the outcome, the intent (the outcome goes into the room), the mark.
    (expected.creates, expected.preallocations, expected.writes, expected.renames) = (3, 1, 3, 3);
    // Claim and two writes: a folder and a lock file each; and a folder for reading.
    expected.opens = 7;
    // Mark and record, once under the claim and once by each write; and what was written, back.
    expected.reads = 9;
    // Whether locks are shared; for each lock taken whether its file is still the one of that name; and for each write
    // whether the key was replaced.
    expected.looks = 11;
    // The three locks, and one on each temporary file.
    (expected.locks, expected.unlocks) = (6, 3);
    assert_eq!(spent, expected);
    assert_eq!(spent.syncs(), 6);
}

#[test]
fn asking_for_a_fingerprint_looks_once_and_reads_nothing() {
    let disk = SimDisk::new(1);
    let (_, store, _) = logged_in(&disk);
    let before = disk.counts();
    store.fingerprint(&name("x"));
    let spent = disk.counts().since(&before);
    assert_eq!((spent.opens, spent.looks, spent.all()), (1, 1, 2));
}

#[test]
fn a_full_disk_is_met_by_the_mark_and_the_outcome_has_its_room() {
    let disk = SimDisk::new(1);
    let (_, store, first) = logged_in(&disk);
    let x = name("x");
    let claim = store.try_claim_blocking(&x).unwrap();
    disk.set_capacity(Some(disk.used() + 4096));
    let marked = intending(&first, 1);
    let full = store.mark_blocking(&x, &marked, &fence(&first, None));
    assert!(matches!(full, Err(CommitFailure::Fault(fault)) if fault.kind == StoreFaultKind::Full));
    assert!(record_of(store.load_blocking(&x)).intent.is_none());

    disk.set_capacity(None);
    assert!(store.mark_blocking(&x, &marked, &fence(&first, None)).is_ok());
    disk.set_capacity(Some(disk.used()));
    let mut second = refreshed(&first, "rt-1");
    second.grant.id_token = Some("i".repeat(40_000).into());
    assert!(store.commit_blocking(&x, &second, &fence(&first, Some(1))).is_ok(), "it has its room");
    drop(claim);
    assert_eq!(record_of(store.load_blocking(&x)).version(), (1, 1));
}

#[test]
fn a_disk_that_fails_gives_its_kind_of_fault_and_leaves_nothing_behind() {
    let disk = SimDisk::new(1);
    let (process, store, _) = logged_in(&disk);
    disk.set_read_only(true);
    assert_eq!(kind(refresh(&store, 1)), StoreFaultKind::ReadOnly);
    disk.set_read_only(false);
    disk.set_writes_fail(true);
    assert_eq!(kind(refresh(&store, 2)), StoreFaultKind::Io);
    disk.set_writes_fail(false);
    disk.set_reads_fail(true);
    assert!(matches!(store.load_blocking(&name("x")), Loaded::Fault(f) if f.kind == StoreFaultKind::Io));
    disk.set_reads_fail(false);
    process.at(IoStep::Rename, 1, Fate::Fail(std::io::ErrorKind::PermissionDenied));
    assert_eq!(kind(refresh(&store, 3)), StoreFaultKind::Denied);
    assert!(!process.forget_plans());
    disk.set_unshared(Some("NFS"));
    assert_eq!(kind(refresh(&store, 4)), StoreFaultKind::NotShared);
    disk.set_unshared(None);

    assert_eq!(refresh(&store, 5).unwrap_or_else(|_| panic!("it heals")).version(), (1, 1));
    let left: Vec<_> =
        disk.names(Path::new("/state/credentials")).into_iter().filter(|n| n.contains(".tmp-")).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_sync_that_failed_is_not_tried_again_on_the_same_file() {
    let disk = SimDisk::new(1);
    let (_, store, first) = logged_in(&disk);
    let x = name("x");
    let claim = store.try_claim_blocking(&x).unwrap();
    assert!(claim.is_some());
    assert!(store.mark_blocking(&x, &intending(&first, 1), &fence(&first, None)).is_ok());
    disk.fail_syncs(1);
    let second = refreshed(&first, "rt-1");
    assert!(store.commit_blocking(&x, &second, &fence(&first, Some(1))).is_err());
    assert!(store.commit_blocking(&x, &second, &fence(&first, Some(1))).is_ok());
    // Nothing of the first try counts: what was acknowledged is on the medium, whatever the power does.
    for seed in 0..20 {
        let copy = disk.clone_of_now();
        copy.power_cut(seed);
        let stands = record_of(copy.process().open().unwrap().load_blocking(&x));
        assert_eq!(stands.version(), (1, 1), "power cut {seed}");
    }
}

#[test]
fn a_damaged_record_is_set_aside_and_never_taken_for_a_logout() {
    let whole = {
        let disk = SimDisk::new(1);
        logged_in(&disk);
        disk.read(&file("x.record")).unwrap().len()
    };
    let mut damages = vec![Damage::Empty, Damage::Swapped(file("y.record")), Damage::Removed];
    damages.extend([0, 1, 31, 32, 64, 100, whole - 1].map(Damage::Torn));
    damages.extend([1, 31, 64, whole - 1].map(Damage::Truncated));
    damages.extend((0..whole * 8).step_by(97).map(Damage::Flipped));
    assert!(damages.len() > 30);
    for damage in damages {
        let disk = SimDisk::new(1);
        let (_, store, _) = logged_in(&disk);
        put(&store, "y", &login(1, "rt-y"), Expect::Absent);
        disk.damage(&file("x.record"), &damage).unwrap();
        match store.load_blocking(&name("x")) {
            // What was flipped may be the key's id or the format: then it is another key's, or a newer version's.
            Loaded::Fault(fault) => assert!(
                matches!(
                    fault.kind,
                    StoreFaultKind::Damaged | StoreFaultKind::KeyUnavailable | StoreFaultKind::NewerFormat
                ),
                "{damage:?}: {}",
                fault.message
            ),
            other => panic!("{damage:?}: {}", kind_of(&other)),
        }
        assert!(store.list_blocking().unwrap().contains(&name("x")), "{damage:?}");
    }
}

#[test]
fn a_record_from_a_backup_is_seen_as_rolled_back_even_after_a_power_cut() {
    // Of every generation, right after its commit was acknowledged, with the generation before it put back.
    for generations in 1..4 {
        for seed in 0..24 {
            let disk = SimDisk::new(seed);
            let (_, store, _) = logged_in(&disk);
            let mut backup = disk.snapshot();
            for attempt in 0..generations {
                backup = disk.snapshot();
                refresh(&store, attempt).unwrap_or_else(|_| panic!("a good disk"));
            }
            disk.power_cut(seed);
            disk.restore_only(&backup, |path| path.extension().is_some_and(|e| e == "record")).unwrap();
            match disk.process().open().unwrap().load_blocking(&name("x")) {
                Loaded::RolledBack { record, greatest } => {
                    let generations = u64::try_from(generations).unwrap();
                    assert_eq!((record.version(), greatest), ((1, generations - 1), (1, generations)));
                }
                other => panic!("generation {generations}, power cut {seed}: {}", kind_of(&other)),
            }
        }
    }
}

#[test]
fn a_whole_folder_from_a_backup_cannot_be_told_from_the_present() {
    let disk = SimDisk::new(1);
    let (_, store, first) = logged_in(&disk);
    let backup = disk.snapshot();
    refresh(&store, 1).unwrap_or_else(|_| panic!("a good disk"));
    put(&store, "y", &login(1, "rt-y"), Expect::Absent);
    disk.restore(&backup).unwrap();
    assert_eq!(
        record_of(store.load_blocking(&name("x"))).version(),
        first.version(),
        "the documented residue"
    );
    assert!(matches!(store.load_blocking(&name("y")), Loaded::Absent));
}

#[test]
fn a_dead_process_does_nothing_any_more_and_its_locks_are_free() {
    let disk = SimDisk::new(1);
    let (process, store, first) = logged_in(&disk);
    let (x, other) = (name("x"), disk.process().open().unwrap());
    let claim = store.try_claim_blocking(&x).unwrap();
    assert!(claim.is_some());
    assert!(store.mark_blocking(&x, &intending(&first, 1), &fence(&first, None)).is_ok());
    assert!(other.try_claim_blocking(&x).unwrap().is_none());
    process.kill();
    let theirs = other.try_claim_blocking(&x).unwrap();
    assert!(theirs.is_some(), "the kernel gave it back");
    let late = refreshed(&first, "rt-late");
    assert!(store.commit_blocking(&x, &late, &fence(&first, Some(1))).is_err());
    drop(claim);
    assert!(
        disk.process().open().unwrap().try_claim_blocking(&x).unwrap().is_none(),
        "not the dead one's to give"
    );
    let stands = record_of(other.load_blocking(&x));
    assert_eq!((stands.version(), stands.intent.is_some()), ((1, 0), true));
}

#[test]
fn whoever_waits_for_a_lock_on_a_simulated_disk_is_told_at_once() {
    let disk = SimDisk::new(1);
    let (process, store, first) = logged_in(&disk);
    let late = disk.process().open().unwrap();
    let second = refreshed(&first, "rt-1");
    let theirs = login(2, "rt-2");
    // In the middle of one write another process begins its own.
    let (tell, told) = std::sync::mpsc::channel();
    let expect = version(&first);
    process.at_point(
        "commit.rename",
        1,
        Fate::Meanwhile(Box::new(move || {
            let _ = tell.send(late.put_blocking(&name("x"), &theirs, expect));
        })),
    );
    assert!(store.commit_blocking(&name("x"), &second, &fence(&first, None)).is_ok());
    let Err(CommitFailure::Fault(fault)) = told.recv().unwrap() else { panic!("two wrote at once") };
    assert!(fault.message.contains("x.write"), "{}", fault.message);
    assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (1, 1));
}

#[test]
fn the_same_seed_writes_the_same_bytes() {
    let bytes = |seed| {
        let disk = SimDisk::new(seed);
        logged_in(&disk);
        (disk.read(&file("x.record")), disk.read(Path::new("/state/key")))
    };
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}
