//! Locks between processes and between writers.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use renewd_core::StoreFaultKind;
use renewd_driver::Expect;
use renewd_store::FileStore;

use crate::contract::{fence, intending, name, record_of};
use crate::home::{Home, assert_kind, put, write_fault};
use crate::records::login;

/// Names the state folder for a process that was started to hold a claim there.
const CHILD: &str = "RENEWD_STORE_TEST_CLAIMANT";

/// Tells the parent that the claim is held.
const HELD: &str = "the claim is held";

/// Another process that holds the claim of `x` until it is killed.
struct Claimant(Child);

impl Claimant {
    fn start(home: &Home) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::a_claim_ends_with_the_process_that_held_it", "--nocapture"])
            .env(CHILD, home.state())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(
            lines.map_while(Result::ok).any(|line| line.contains(HELD)),
            "the child did not get the claim"
        );
        Self(child)
    }

    /// The child's own part: it ends when its standard input does, at the latest.
    fn hold(state: std::ffi::OsString) {
        let store = FileStore::open(crate::contract::with_key_file(state)).unwrap();
        let claim = store.try_claim_blocking(&name("x")).unwrap();
        assert!(claim.is_some());
        println!("{HELD}");
        let _ = std::io::stdin().lines().count();
    }
}

impl Drop for Claimant {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_claim_ends_with_the_process_that_held_it() {
    if let Some(state) = std::env::var_os(CHILD) {
        return Claimant::hold(state);
    }
    let home = Home::new();
    let store = home.open();
    let claimant = Claimant::start(&home);
    assert!(store.try_claim_blocking(&name("x")).unwrap().is_none(), "another process holds it");
    // A login does not ask for the claim.
    put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
    assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (1, 0));
    drop(claimant);
    assert!(store.try_claim_blocking(&name("x")).unwrap().is_some(), "the kernel gave it back");
}

#[test]
fn a_lock_file_that_is_replaced_does_not_make_two_holders_of_one_name() {
    let home = Home::new();
    let (a, b) = (home.open(), home.open());
    let held = a.try_claim_blocking(&name("x")).unwrap();
    assert!(held.is_some());
    drop(held);
    std::fs::remove_file(home.file("x.claim")).unwrap();
    let held = b.try_claim_blocking(&name("x")).unwrap();
    assert!(held.is_some());
    assert!(a.try_claim_blocking(&name("x")).unwrap().is_none());
}

#[test]
fn a_claim_whose_file_was_removed_announces_nothing_any_more() {
    let home = Home::new();
    let (a, b) = (home.open(), home.open());
    let (x, first) = (name("x"), login(1, "rt-1"));
    put(&a, &x, &first, Expect::Absent);
    let held = a.try_claim_blocking(&x).unwrap();
    assert!(held.is_some());
    std::fs::remove_file(home.file("x.claim")).unwrap();
    let second = b.try_claim_blocking(&x).unwrap();
    assert!(second.is_some(), "the kernel cannot know better");
    let fault = write_fault(a.mark_blocking(&x, &intending(&first, 1), &fence(&first, None)));
    assert_kind(&fault, StoreFaultKind::Denied, &["x.claim", "removed or replaced"]);
    assert!(b.mark_blocking(&x, &intending(&first, 2), &fence(&first, None)).is_ok());
    // A new claim of the first works again once the second gave its own back.
    drop((held, second));
    assert!(a.try_claim_blocking(&x).unwrap().is_some());
    assert!(a.mark_blocking(&x, &intending(&first, 3), &fence(&first, None)).is_ok());
}

#[test]
fn writers_of_one_credential_take_turns() {
    let home = Home::new();
    put(&home.open(), &name("x"), &login(1, "rt-0"), Expect::Absent);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = home.open();
            std::thread::spawn(move || {
                let x = name("x");
                let mut written = 0;
                while written < 10 {
                    let stands = record_of(store.load_blocking(&x));
                    let next = crate::contract::refreshed(&stands, &format!("rt-{writer}-{written}"));
                    if store.commit_blocking(&x, &next, &fence(&stands, None)).is_ok() {
                        written += 1;
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    // Every success counted once: nobody wrote over a record that he had not read.
    assert_eq!(record_of(home.open().load_blocking(&name("x"))).version(), (1, 40));
    assert_eq!(home.temporary_files(), Vec::<String>::new());
}

#[test]
fn a_claim_tells_when_its_lock_file_is_no_longer_the_one_that_others_lock() {
    let home = Home::new();
    let store = home.open();
    put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
    let claim = store.try_claim_blocking(&name("x")).unwrap().unwrap();
    assert!(claim.is_current());
    std::fs::remove_file(home.file("x.claim")).unwrap();
    assert!(!claim.is_current());
    let other = home.open().try_claim_blocking(&name("x")).unwrap().unwrap();
    assert!(other.is_current() && !claim.is_current());
}
