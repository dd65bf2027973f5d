//! Children: one that is forked off and goes on without exec, and one that another program is started in.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use renewd_core::{CommitFailure, Loaded, Record, StoreFault, StoreFaultKind};
use renewd_driver::{Claim, Expect};
use renewd_store::FileStore;

use crate::contract::{fence, intending, name, record_of, refreshed};
use crate::home::{Home, put};
use crate::records::login;

/// What a forked child finds: 0 where all is as it must be, else the number of what is not.
fn as_a_fork(store: FileStore, claim: Option<Box<dyn Claim>>, first: &Record) -> i32 {
    let refused = |fault: &StoreFault| fault.kind == StoreFaultKind::Denied && fault.message.contains("fork");
    let written = |outcome: Result<(), CommitFailure>| match outcome {
        Err(CommitFailure::Fault(fault)) => !refused(&fault),
        Err(CommitFailure::Fenced(_)) | Ok(()) => true,
    };
    let next = refreshed(first, "rt-of-the-fork");
    let checks = [
        !matches!(store.load_blocking(&name("x")), Loaded::Record(_)),
        !store.try_claim_blocking(&name("x")).err().is_some_and(|fault| refused(&fault)),
        !store.try_claim_blocking(&name("free")).err().is_some_and(|fault| refused(&fault)),
        written(store.mark_blocking(&name("x"), &intending(first, 8), &fence(first, None))),
        written(store.commit_blocking(&name("x"), &next, &fence(first, Some(7)))),
        written(store.put_blocking(&name("y"), &login(1, "rt-y"), Expect::Absent)),
    ];
    // What it drops is its parent's.
    drop(claim);
    drop(store);
    checks.iter().position(|wrong| *wrong).map_or(0, |n| 1 + i32::try_from(n).unwrap_or(99))
}

/// Forks, lets the child work, and gives what it found.
#[expect(unsafe_code, reason = "std has no fork: it is what the store must withstand")]
fn fork(work: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs `work` on this thread alone, which takes no lock that another thread of a test may hold
    // (the C library keeps its allocator whole over a fork), and ends without unwinding or running exit handlers.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    if pid == 0 {
        let found = work();
        // SAFETY: ends the child, and nothing else.
        unsafe { libc::_exit(found) };
    }
    let mut status = 0;
    // SAFETY: waits for the child that was just made; `status` outlives the call.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(waited, pid, "{}", std::io::Error::last_os_error());
    assert!(libc::WIFEXITED(status), "the child ended by status {status}");
    libc::WEXITSTATUS(status)
}

#[test]
fn a_real_fork_may_read_but_spends_nothing_and_takes_nothing_from_its_parent() {
    let home = Home::new();
    let (store, other) = (home.open(), home.open());
    let (x, first) = (name("x"), login(1, "rt-1"));
    put(&store, &x, &first, Expect::Absent);
    let claim = store.try_claim_blocking(&x).unwrap();
    assert!(store.mark_blocking(&x, &intending(&first, 7), &fence(&first, None)).is_ok());
    let rooms = home.temporary_files();
    assert_eq!(rooms.len(), 1);

    let (mut theirs, before) = (Some((store, claim)), first.clone());
    let found = fork(|| {
        let (store, claim) = theirs.take().unwrap();
        as_a_fork(store, claim, &before)
    });
    assert_eq!(found, 0, "the fork was allowed what it must not do");

    let (store, claim) = theirs.take().unwrap();
    assert!(other.try_claim_blocking(&x).unwrap().is_none(), "the parent still holds its claim");
    assert_eq!(home.temporary_files(), rooms, "and its room");
    let second = refreshed(&first, "rt-2");
    assert!(store.commit_blocking(&x, &second, &fence(&first, Some(7))).is_ok());
    drop(claim);
    assert!(other.try_claim_blocking(&x).unwrap().is_some());
    assert_eq!(record_of(other.load_blocking(&x)).version(), (1, 1));
}

/// Names the state folder for a process that holds the claim there and starts an heir.
const HOLDER: &str = "RENEWD_STORE_TEST_HOLDER";
/// Tells a process that it is the heir.
const HEIR: &str = "RENEWD_STORE_TEST_HEIR";
const THIS_TEST: &str = "forks::a_program_that_is_started_under_a_claim_does_not_inherit_it";
const HELD: &str = "the claim is held";
const HEIR_IS_HERE: &str = "the heir is here";

fn start(role: &str, value: &std::ffi::OsStr, stdin: Stdio, stdout: Stdio) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", THIS_TEST, "--nocapture"]).env_remove(HOLDER).env(role, value);
    command.stdin(stdin).stdout(stdout).spawn().unwrap()
}

/// Says that it is here, each time that it is asked.
fn be_the_heir() {
    println!("{HEIR_IS_HERE}");
    for _ in std::io::stdin().lines() {
        println!("{HEIR_IS_HERE}");
    }
}

fn hold_and_start_the_heir(state: &std::ffi::OsStr) {
    let store = FileStore::open(crate::contract::with_key_file(state)).unwrap();
    let claim = store.try_claim_blocking(&name("x")).unwrap();
    assert!(claim.is_some());
    println!("{HELD}");
    let _ = start(HEIR, "1".as_ref(), Stdio::inherit(), Stdio::inherit()).wait();
}

fn wait_for(lines: &mut Lines<BufReader<ChildStdout>>, wanted: &str) {
    assert!(lines.map_while(Result::ok).any(|line| line.contains(wanted)), "nobody said {wanted:?}");
}

#[test]
fn a_program_that_is_started_under_a_claim_does_not_inherit_it() {
    if std::env::var_os(HEIR).is_some() {
        return be_the_heir();
    }
    if let Some(state) = std::env::var_os(HOLDER) {
        return hold_and_start_the_heir(&state);
    }
    let home = Home::new();
    let store = home.open();
    let mut holder = start(HOLDER, home.state().as_os_str(), Stdio::piped(), Stdio::piped());
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    wait_for(&mut lines, HELD);
    wait_for(&mut lines, HEIR_IS_HERE);
    assert!(store.try_claim_blocking(&name("x")).unwrap().is_none(), "the holder holds it");
    // Killed, it gives back nothing itself.
    holder.kill().unwrap();
    let mut stdin = holder.stdin.take().unwrap();
    holder.wait().unwrap();
    assert!(
        store.try_claim_blocking(&name("x")).unwrap().is_some(),
        "the heir keeps the claim of a dead process"
    );
    // And the heir lived all the time.
    stdin.write_all(b"?\n").unwrap();
    wait_for(&mut lines, HEIR_IS_HERE);
    drop(stdin);
}
