//! Every step of writing fails once, and the calls of a store fail when told to.

use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use renewd_core::{Loaded, Record, StoreFaultKind};
use renewd_driver::{CredentialStore as _, Expect};
use renewd_store::{Effect, Faulty, FileStore, IoHook, IoPoint, IoStep, MemoryStore, StoreCall};

use crate::contract::{fence, intending, kind_of, name, now, record_of, refreshed};
use crate::home::{Home, assert_kind, failure_of, fault_of, put, write_fault};
use crate::records::login;

/// Fails the n-th step and remembers which it was.
#[derive(Default)]
struct Nth {
    left: AtomicU64,
    hit: Mutex<Option<(IoStep, String)>>,
}

impl Nth {
    fn arm(&self, n: u64) {
        self.left.store(n, Ordering::SeqCst);
        *self.hit.lock().unwrap() = None;
    }

    fn hit(&self) -> Option<(IoStep, String)> {
        self.hit.lock().unwrap().clone()
    }
}

impl IoHook for Nth {
    fn before(&self, point: &IoPoint<'_>) -> io::Result<()> {
        if self.left.load(Ordering::SeqCst) == 0 || self.left.fetch_sub(1, Ordering::SeqCst) > 1 {
            return Ok(());
        }
        *self.hit.lock().unwrap() = Some((point.step, point.file.to_owned()));
        Err(io::Error::new(io::ErrorKind::StorageFull, "on purpose"))
    }
}

fn hooked(home: &Home) -> (Arc<Nth>, FileStore) {
    let nth = Arc::new(Nth::default());
    let mut options = home.options();
    options.hook = Some(nth.clone());
    (nth, FileStore::open(options).unwrap())
}

#[test]
fn whichever_step_fails_the_store_holds_the_old_record_or_the_new_one_and_a_retry_succeeds() {
    let x = name("x");
    let mut steps = Vec::new();
    for n in 1.. {
        let home = Home::new();
        let (nth, store) = hooked(&home);
        let first = login(1, "rt-1");
        put(&store, &x, &first, Expect::Absent);
        let claim = store.try_claim_blocking(&x).unwrap();
        let marked = intending(&first, 7);
        let second = refreshed(&first, "rt-2");

        nth.arm(n);
        let outcomes = [
            store.mark_blocking(&x, &marked, &fence(&first, None)),
            store.commit_blocking(&x, &second, &fence(&first, Some(7))),
        ];
        let Some((step, file)) = nth.hit() else {
            assert!(outcomes.iter().all(Result::is_ok), "nothing failed, and yet");
            break;
        };
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        let mark_file = file == "x.mark" || (failed == 0 && file == "x");
        assert!(failed > 0 || mark_file, "{step:?} of {file} failed unnoticed");

        // Whatever failed: a reader, here or in a new process, gets one of the committed records.
        for reader in [&store, &home.open()] {
            let stands = record_of(reader.load_blocking(&x));
            let token = stands.grant.refresh_token.as_ref().unwrap();
            assert!(
                token.same_as(if stands.generation == 0 { b"rt-1" } else { b"rt-2" }),
                "{step:?} of {file}"
            );
        }
        // And the same calls again carry it through.
        repeat(&store, &marked, &second, &first);
        assert_eq!(record_of(home.open().load_blocking(&x)).version(), (1, 1), "{step:?} of {file}");
        drop(claim);
        assert_eq!(home.temporary_files(), Vec::<String>::new(), "{step:?} of {file}");
        steps.push(step);
    }
    for expected in [
        IoStep::CreateTemp,
        IoStep::Preallocate,
        IoStep::Write,
        IoStep::SyncFile,
        IoStep::Rename,
        IoStep::SyncDir,
        IoStep::ReadBack,
    ] {
        assert!(steps.contains(&expected), "{expected:?} was never failed: {steps:?}");
    }
}

/// What a lifecycle does after a failure: mark and commit again, as far as they were not done.
fn repeat(store: &FileStore, marked: &Record, second: &Record, first: &Record) {
    let x = name("x");
    if record_of(store.load_blocking(&x)).generation == 0 {
        store.mark_blocking(&x, marked, &fence(first, None)).map_err(|f| failure_of(&f)).unwrap();
    }
    store.commit_blocking(&x, second, &fence(first, Some(7))).map_err(|f| failure_of(&f)).unwrap();
}

#[test]
fn whichever_step_of_the_first_use_fails_the_next_try_makes_the_store() {
    for n in 1.. {
        let home = Home::new();
        let nth = Arc::new(Nth::default());
        nth.arm(n);
        let mut options = home.options();
        options.hook = Some(nth.clone());
        let outcome = FileStore::open(options);
        let Some((step, _)) = nth.hit() else {
            assert!(outcome.is_ok() && n > 3, "only {n} steps");
            break;
        };
        assert!(outcome.is_err(), "{step:?} failed unnoticed");
        let store = home.open();
        put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
        assert_eq!(record_of(home.open().load_blocking(&name("x"))).version(), (1, 0), "{step:?}");
    }
}

#[test]
fn a_mark_takes_room_for_its_commit_and_gives_it_back_with_the_claim() {
    let home = Home::new();
    let store = home.open();
    let x = name("x");
    let first = login(1, "rt-1");
    put(&store, &x, &first, Expect::Absent);
    let claim = store.try_claim_blocking(&x).unwrap();
    store.mark_blocking(&x, &intending(&first, 7), &fence(&first, None)).ok().unwrap();
    let rooms = home.temporary_files();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    let room = std::fs::metadata(home.file(&rooms[0])).unwrap();
    assert!(room.len() > 64 * 1024, "room for a whole answer, not {}", room.len());
    // Opening the store once more leaves a living process' room alone.
    home.open();
    assert_eq!(home.temporary_files(), rooms);
    // The next mark uses the same room.
    store.mark_blocking(&x, &intending(&first, 8), &fence(&first, None)).ok().unwrap();
    assert_eq!(home.temporary_files(), rooms);
    drop(claim);
    assert_eq!(home.temporary_files(), Vec::<String>::new());
}

#[test]
fn what_a_dead_process_left_behind_is_cleared_away_at_the_next_opening() {
    let home = Home::new();
    home.open();
    let foreign = ".x.tmp-notours";
    for left in [".x.tmp-0123456789abcdef", ".store.toml.tmp-0123456789abcdef", foreign] {
        std::fs::write(home.file(left), "left behind").unwrap();
        crate::home::chmod(&home.file(left), 0o600);
    }
    home.open();
    assert_eq!(home.temporary_files(), [foreign]);
}

#[test]
fn a_step_that_fails_again_gives_the_same_fault_so_that_it_is_told_once() {
    let x = name("x");
    let home = Home::new();
    let (nth, store) = hooked(&home);
    let first = login(1, "rt-1");
    put(&store, &x, &first, Expect::Absent);
    let _claim = store.try_claim_blocking(&x).unwrap();
    let mut faults = Vec::new();
    for n in 1.. {
        let [once, again] = [(); 2].map(|()| {
            nth.arm(n);
            store.mark_blocking(&x, &intending(&first, 7), &fence(&first, None))
        });
        if nth.hit().is_none() {
            break;
        }
        if let (Err(once), Err(again)) = (once, again) {
            assert_eq!(failure_of(&once), failure_of(&again));
            faults.push(failure_of(&once));
        }
    }
    assert!(faults.iter().any(|fault| fault.contains("cannot write")), "{faults:?}");
}

#[test]
fn a_full_disk_is_met_by_the_mark_and_the_commit_after_a_mark_has_its_room() {
    let home = Home::new();
    std::fs::create_dir(home.state()).unwrap();
    let Some(_mounted) = TinyDisk::mount(&home) else { return };
    let store = home.open();
    let x = name("x");
    let first = login(1, "rt-1");
    put(&store, &x, &first, Expect::Absent);
    let _claim = store.try_claim_blocking(&x).unwrap();

    store.mark_blocking(&x, &intending(&first, 7), &fence(&first, None)).ok().unwrap();
    fill(&home);
    // The disk is full, the new tokens are larger than the old ones, and still they are saved.
    let mut second = refreshed(&first, "rt-2");
    second.grant.id_token = Some("i".repeat(40_000).into());
    store.commit_blocking(&x, &second, &fence(&first, Some(7))).map_err(|f| failure_of(&f)).unwrap();
    assert_eq!(record_of(store.load_blocking(&x)).version(), (1, 1));

    fill(&home);
    let fault = write_fault(store.mark_blocking(&x, &intending(&second, 8), &fence(&second, None)));
    assert_kind(&fault, StoreFaultKind::Full, &["free some space"]);
    assert!(record_of(store.load_blocking(&x)).intent.is_none(), "nothing says that anything was spent");
}

/// A file system of 256 KiB on the state folder.
struct TinyDisk(std::path::PathBuf);

impl TinyDisk {
    fn mount(home: &Home) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"])
            .arg(home.state())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(home.state())),
            Ok(output) => {
                eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: no `mount` here: {error}");
                None
            }
        }
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn fill(home: &Home) {
    use io::Write as _;
    let mut ballast =
        std::fs::File::options().append(true).create(true).open(home.state().join("ballast")).unwrap();
    let error = (0..10_000).find_map(|_| ballast.write_all(&[1; 512]).err()).unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_faulty_store_fails_the_call_it_was_told_to_and_no_other() {
    let store = Faulty::new(MemoryStore::new());
    let x = name("x");
    let first = login(1, "rt-1");
    now(store.put(&x, &first, Expect::Absent)).ok().unwrap();

    store.fail_nth(Some(StoreCall::Commit), 2, StoreFaultKind::Full, Effect::None);
    let second = refreshed(&first, "rt-2");
    now(store.commit(&x, &second, &fence(&first, None))).ok().unwrap();
    let third = refreshed(&second, "rt-3");
    assert_eq!(write_fault(now(store.commit(&x, &third, &fence(&second, None)))).kind, StoreFaultKind::Full);
    assert_eq!(record_of(now(store.load(&x))).version(), (1, 1), "nothing was done");
    now(store.commit(&x, &third, &fence(&second, None))).ok().unwrap();

    store.fail_nth(None, 1, StoreFaultKind::Io, Effect::Done);
    let fourth = refreshed(&third, "rt-4");
    assert_eq!(write_fault(now(store.commit(&x, &fourth, &fence(&third, None)))).kind, StoreFaultKind::Io);
    assert_eq!(record_of(now(store.load(&x))).version(), (1, 3), "it was done, and reported as failed");

    store.fail_always(Some(StoreCall::Load), StoreFaultKind::Denied);
    for _ in 0..3 {
        assert_eq!(fault_of(now(store.load(&x))).kind, StoreFaultKind::Denied);
    }
    assert!(now(store.try_claim(&x)).unwrap().is_some());
    store.heal();
    assert_eq!(record_of(now(store.load(&x))).version(), (1, 3));
    assert_eq!(store.calls(), 12);
}

#[test]
fn a_memory_store_recognises_a_restored_backup() {
    let store = MemoryStore::new();
    let x = name("x");
    let first = login(1, "rt-1");
    now(store.put(&x, &first, Expect::Absent)).ok().unwrap();
    let backup = store.backup();
    let seen = store.fingerprint(&x);
    now(store.commit(&x, &refreshed(&first, "rt-2"), &fence(&first, None))).ok().unwrap();
    store.restore(&backup);
    assert_ne!(store.fingerprint(&x), seen);
    match now(store.load(&x)) {
        Loaded::RolledBack { record, greatest } => {
            assert_eq!((record.version(), greatest), ((1, 0), (1, 1)));
        }
        other => panic!("{}", kind_of(&other)),
    }
}
