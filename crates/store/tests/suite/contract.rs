//! What every store must do. Each check gets two handles on one empty store, as two processes would have them.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use renewd_core::{AttemptId, CommitFailure, Fence, Intent, Loaded, Now, Owner, Record, Secret, Stamp};
use renewd_driver::{CredentialName, CredentialStore, Expect};

use crate::prepared::{at, client_of, key_of, whole};
use crate::records::{described, full, login};

/// A handle on a store.
pub(crate) type Store = Box<dyn CredentialStore>;

/// What a store may take for one call.
const PATIENCE: Duration = Duration::from_secs(60);

/// Wakes a thread.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end, with no runtime. Most stores do their work in place; the one over a keyring does not.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    // A wake-up before the thread is parked is kept; one that has nothing to do with the future is harmless.
    for _ in 0..100_000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        std::thread::park_timeout(PATIENCE);
    }
    panic!("a store's call does not end");
}

pub(crate) fn name(text: &str) -> CredentialName {
    text.parse().unwrap()
}

pub(crate) fn fence(record: &Record, attempt: Option<u128>) -> Fence {
    Fence { epoch: record.epoch, generation: record.generation, attempt: attempt.map(AttemptId) }
}

pub(crate) fn version(record: &Record) -> Expect {
    Expect::Version { epoch: record.epoch, generation: record.generation }
}

/// The record that stands there.
pub(crate) fn record_of(loaded: Loaded) -> Record {
    match loaded {
        Loaded::Record(record) => *record,
        other => panic!("not a record but {}", kind_of(&other)),
    }
}

pub(crate) fn kind_of(loaded: &Loaded) -> String {
    match loaded {
        Loaded::Absent => "absent".into(),
        Loaded::Record(r) => format!("record {:?}", r.version()),
        Loaded::RolledBack { record, greatest } => {
            format!("rolled back {:?} below {greatest:?}", record.version())
        }
        Loaded::Fault(fault) => format!("{}: {}", fault.kind.name(), fault.message),
    }
}

fn fenced_version(outcome: Result<(), CommitFailure>) -> Option<(u64, u64)> {
    match outcome {
        Err(CommitFailure::Fenced(loaded)) => Some(record_of(loaded).version()),
        Err(CommitFailure::Fault(fault)) => panic!("a fault instead of a fence: {}", fault.message),
        Ok(()) => panic!("written in spite of the fence"),
    }
}

fn put(store: &Store, at: &CredentialName, record: &Record, expect: Expect) {
    if let Err(failure) = now(store.put(at, record, expect)) {
        match failure {
            CommitFailure::Fenced(loaded) => panic!("fenced by {}", kind_of(&loaded)),
            CommitFailure::Fault(fault) => panic!("{}", fault.message),
        }
    }
}

/// The next generation of a record, with another refresh token and no intent.
pub(crate) fn refreshed(record: &Record, refresh_token: &str) -> Record {
    let mut next = record.clone();
    next.generation += 1;
    next.grant.refresh_token = Some(Secret::from(refresh_token));
    next.intent = None;
    next
}

/// The record with an intent.
pub(crate) fn intending(record: &Record, attempt: u128) -> Record {
    let mut next = record.clone();
    next.intent = Some(Intent {
        attempt: AttemptId(attempt),
        generation: record.generation,
        owner: Owner::default(),
        marked: Stamp::default(),
        settled: false,
        doubt: false,
        orphaned: None,
    });
    next
}

pub(crate) fn nothing_is_absent(a: Store, b: Store) {
    assert!(matches!(now(a.load(&name("x"))), Loaded::Absent));
    assert!(now(b.list()).unwrap().is_empty());
    assert_eq!(now(a.holder_of(&Secret::from("rt"), None)).unwrap(), None);
}

pub(crate) fn every_field_survives(a: Store, b: Store) {
    let record = full();
    put(&a, &name("x"), &record, Expect::Absent);
    assert_eq!(described(&record_of(now(b.load(&name("x"))))), described(&record));
    assert_eq!(record_of(now(b.load(&name("x")))).format, record.layout());
}

pub(crate) fn names_are_listed_sorted_with_tombstones(a: Store, b: Store) {
    for text in ["zeta", "alpha", "a.record"] {
        put(&a, &name(text), &login(1, text), Expect::Absent);
    }
    let alpha = record_of(now(a.load(&name("alpha"))));
    put(&a, &name("alpha"), &alpha.tombstone(Now::default()), version(&alpha));
    let names: Vec<_> = now(b.list()).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a.record", "alpha", "zeta"]);
}

pub(crate) fn a_mark_and_its_commit_pass_the_fences_they_began_from(a: Store, b: Store) {
    let x = name("x");
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    now(a.mark(&x, &intending(&first, 7), &fence(&first, None))).ok().unwrap();
    assert_eq!(record_of(now(b.load(&x))).intent.map(|i| i.attempt), Some(AttemptId(7)));
    let second = refreshed(&first, "rt-2");
    now(a.commit(&x, &second, &fence(&first, Some(7)))).ok().unwrap();
    let stands = record_of(now(b.load(&x)));
    assert_eq!(stands.version(), (1, 1));
    assert!(stands.intent.is_none());
    assert!(stands.grant.refresh_token.unwrap().same_as(b"rt-2"));
}

pub(crate) fn a_commit_over_another_generation_epoch_or_attempt_is_fenced_and_changes_nothing(
    a: Store,
    b: Store,
) {
    let x = name("x");
    let first = login(4, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    now(a.mark(&x, &intending(&first, 7), &fence(&first, None))).ok().unwrap();
    let next = refreshed(&first, "rt-2");
    for wrong in [
        Fence { generation: 1, ..fence(&first, Some(7)) },
        Fence { epoch: 3, ..fence(&first, Some(7)) },
        fence(&first, Some(8)),
    ] {
        assert_eq!(fenced_version(now(b.commit(&x, &next, &wrong))), Some((4, 0)), "{wrong:?}");
        assert_eq!(fenced_version(now(b.mark(&x, &next, &wrong))), Some((4, 0)), "{wrong:?}");
    }
    let stands = record_of(now(a.load(&x)));
    assert!(stands.grant.refresh_token.unwrap().same_as(b"rt-1"));
    assert!(stands.intent.is_some());
}

pub(crate) fn a_commit_over_nothing_is_fenced_by_absence(a: Store, _b: Store) {
    let record = login(1, "rt-1");
    for outcome in [
        now(a.mark(&name("x"), &record, &fence(&record, None))),
        now(a.commit(&name("x"), &record, &fence(&record, None))),
        now(a.put(&name("x"), &record, version(&record))),
    ] {
        assert!(matches!(outcome, Err(CommitFailure::Fenced(Loaded::Absent))));
    }
    assert!(matches!(now(a.load(&name("x"))), Loaded::Absent));
}

pub(crate) fn a_version_never_goes_back(a: Store, _b: Store) {
    let x = name("x");
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    let second = refreshed(&first, "rt-2");
    now(a.commit(&x, &second, &fence(&first, None))).ok().unwrap();
    let outcome = now(a.commit(&x, &first, &fence(&second, None)));
    assert!(matches!(outcome, Err(CommitFailure::Fault(fault)) if fault.message.contains("only grow")));
    assert_eq!(record_of(now(a.load(&x))).version(), (1, 1));
}

pub(crate) fn a_login_expects_what_stands_there(a: Store, b: Store) {
    let x = name("x");
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    let other = login(1, "rt-other");
    assert_eq!(fenced_version(now(b.put(&x, &other, Expect::Absent))), Some((1, 0)));
    let wrong = Expect::Version { epoch: 1, generation: 5 };
    assert_eq!(fenced_version(now(b.put(&x, &login(2, "rt-2"), wrong))), Some((1, 0)));
    put(&b, &x, &login(2, "rt-2"), version(&first));
    assert_eq!(record_of(now(a.load(&x))).version(), (2, 0));
}

pub(crate) fn a_login_fences_the_commit_of_the_epoch_before(a: Store, b: Store) {
    let x = name("x");
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    now(a.mark(&x, &intending(&first, 7), &fence(&first, None))).ok().unwrap();
    put(&b, &x, &login(2, "rt-new"), version(&first));
    let late = refreshed(&first, "rt-late");
    assert_eq!(fenced_version(now(a.commit(&x, &late, &fence(&first, Some(7))))), Some((2, 0)));
    assert!(record_of(now(a.load(&x))).grant.refresh_token.unwrap().same_as(b"rt-new"));
}

pub(crate) fn a_refresh_token_that_is_imported_again_keeps_what_was_announced_for_it(a: Store, b: Store) {
    let x = name("x");
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    now(a.mark(&x, &intending(&first, 7), &fence(&first, None))).ok().unwrap();
    let again = login(2, "rt-1");
    put(&b, &x, &again, version(&first));
    put(&b, &x, &again, version(&first));
    let stands = record_of(now(a.load(&x)));
    assert_eq!((stands.version(), stands.intent.as_ref().map(|i| i.attempt)), ((2, 0), Some(AttemptId(7))));
    now(a.commit(&x, &refreshed(&stands, "rt-2"), &fence(&stands, Some(7)))).ok().unwrap();
    put(&b, &x, &login(3, "rt-3"), Expect::Version { epoch: 2, generation: 1 });
    assert!(record_of(now(a.load(&x))).intent.is_none(), "another refresh token");
}

pub(crate) fn a_tombstone_holds_no_secret_and_a_login_may_follow_it(a: Store, b: Store) {
    let x = name("x");
    let first = full();
    put(&a, &x, &first, Expect::Absent);
    let tombstone = first.tombstone(Now::default());
    put(&a, &x, &tombstone, version(&first));
    let stands = record_of(now(b.load(&x)));
    assert_eq!(stands.version(), (4, 0));
    assert!(stands.grant.refresh_token.is_none() && stands.grant.access.is_empty());
    assert!(stands.settings.client_secret.is_none());
    put(&b, &x, &login(5, "rt-again"), version(&stands));
    assert_eq!(record_of(now(a.load(&x))).version(), (5, 0));
}

pub(crate) fn a_write_that_stands_already_is_done_again(a: Store, b: Store) {
    let x = name("x");
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    put(&a, &x, &first, Expect::Absent);
    let second = refreshed(&first, "rt-2");
    for _ in 0..3 {
        now(a.commit(&x, &second, &fence(&first, None))).ok().unwrap();
    }
    let stands = record_of(now(b.load(&x)));
    assert_eq!(stands.version(), (1, 1));
    assert_eq!(now(b.holder_of(&Secret::from("rt-1"), None)).unwrap(), Some(x), "the one before, not itself");
}

pub(crate) fn the_current_and_the_previous_refresh_token_name_their_holder(a: Store, b: Store) {
    let (x, y) = (name("x"), name("y"));
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    put(&a, &y, &login(1, "rt-y"), Expect::Absent);
    let second = refreshed(&first, "rt-2");
    now(a.commit(&x, &second, &fence(&first, None))).ok().unwrap();
    let holder = |token: &str, except| now(b.holder_of(&Secret::from(token), except)).unwrap();
    assert_eq!(holder("rt-2", None), Some(x.clone()));
    assert_eq!(holder("rt-1", None), Some(x.clone()));
    assert_eq!(holder("rt-1", Some(&x)), None);
    assert_eq!(holder("rt-y", Some(&x)), Some(y));
    assert_eq!(holder("rt-3", None), None);
    // The caller's copy knows nothing of the digest: what the store knows stays.
    let third = intending(&second, 3);
    now(a.mark(&x, &third, &fence(&second, None))).ok().unwrap();
    assert_eq!(holder("rt-1", None), Some(x.clone()));
    let tombstone = second.tombstone(Now::default());
    put(&a, &x, &tombstone, version(&second));
    assert_eq!(holder("rt-2", None), Some(x.clone()));
    assert_eq!(holder("rt-1", None), None, "only the one before");
}

pub(crate) fn one_holds_the_claim_and_dropping_gives_it_back(a: Store, b: Store) {
    let (x, y) = (name("x"), name("y"));
    let held = now(a.try_claim(&x)).unwrap();
    assert!(held.is_some());
    assert!(now(b.try_claim(&x)).unwrap().is_none());
    assert!(now(a.try_claim(&x)).unwrap().is_none(), "not even twice by one");
    assert!(now(b.try_claim(&y)).unwrap().is_some(), "another credential is another claim");
    drop(held);
    assert!(now(b.try_claim(&x)).unwrap().is_some());
}

pub(crate) fn a_login_does_not_wait_for_the_claim(a: Store, b: Store) {
    let x = name("x");
    let held = now(a.try_claim(&x)).unwrap();
    assert!(held.is_some());
    put(&b, &x, &login(1, "rt-1"), Expect::Absent);
    assert_eq!(record_of(now(a.load(&x))).version(), (1, 0));
}

pub(crate) fn a_fingerprint_changes_with_every_write_and_only_then(a: Store, b: Store) {
    let x = name("x");
    let mut seen = vec![b.fingerprint(&x)];
    put(&a, &x, &login(1, "rt-1"), Expect::Absent);
    seen.push(b.fingerprint(&x));
    let first = record_of(now(a.load(&x)));
    now(a.mark(&x, &intending(&first, 7), &fence(&first, None))).ok().unwrap();
    seen.push(b.fingerprint(&x));
    now(a.commit(&x, &refreshed(&first, "rt-2"), &fence(&first, Some(7)))).ok().unwrap();
    seen.push(b.fingerprint(&x));
    assert_eq!(seen.last().copied(), Some(b.fingerprint(&x)));
    let mut different = seen.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), seen.len());
}

pub(crate) fn what_was_prepared_is_found_again_for_the_same_server_and_no_other(a: Store, b: Store) {
    let x = name("x");
    assert!(now(b.prepared(&x, &at("one"))).unwrap().is_none());
    let kept = now(a.prepare(&x, &whole("one"))).unwrap();
    assert_eq!(crate::prepared::described(&kept), crate::prepared::described(&whole("one")));
    let found = now(b.prepared(&x, &at("one"))).unwrap().unwrap();
    assert_eq!(crate::prepared::described(&found), crate::prepared::described(&whole("one")));
    let other_issuer =
        renewd_driver::PreparedFor { issuer: Some("https://other.example".into()), ..at("one") };
    let no_issuer = renewd_driver::PreparedFor { issuer: None, ..at("one") };
    for other in [at("two"), other_issuer, no_issuer] {
        assert!(now(b.prepared(&x, &other)).unwrap().is_none(), "{other:?}");
    }
    assert!(now(b.prepared(&name("y"), &at("one"))).unwrap().is_none(), "another credential");
    assert!(matches!(now(b.load(&x)), Loaded::Absent), "it is no record");
    assert!(now(b.list()).unwrap().is_empty(), "it is no record");
}

pub(crate) fn of_two_who_prepare_at_once_the_second_gets_what_the_first_made(a: Store, b: Store) {
    let x = name("x");
    now(a.prepare(&x, &key_of("one", "first"))).unwrap();
    let kept = now(b.prepare(&x, &key_of("one", "second"))).unwrap();
    assert!(kept.dpop_key.unwrap().same_as(b"first"));
    let filled = now(b.prepare(&x, &client_of("one", "c-1"))).unwrap();
    assert!(filled.dpop_key.unwrap().same_as(b"first"));
    assert_eq!(now(a.prepared(&x, &at("one"))).unwrap().unwrap().client.unwrap().id, "c-1");
    now(a.forget_prepared(&x, Some(&at("one")))).unwrap();
    assert!(now(b.prepared(&x, &at("one"))).unwrap().is_none());
    let anew = now(b.prepare(&x, &key_of("one", "second"))).unwrap();
    assert!(anew.dpop_key.unwrap().same_as(b"second"));
}

pub(crate) fn a_few_servers_are_kept_apart_and_the_oldest_gives_way(a: Store, b: Store) {
    let x = name("x");
    for server in ["one", "two", "three", "four", "five"] {
        now(a.prepare(&x, &key_of(server, server))).unwrap();
    }
    let stands = |server: &str| now(b.prepared(&x, &at(server))).unwrap().is_some();
    assert_eq!(["one", "two", "three", "four", "five"].map(stands), [false, true, true, true, true]);
    now(b.forget_prepared(&x, Some(&at("three")))).unwrap();
    assert_eq!(["two", "three", "four", "five"].map(stands), [true, false, true, true]);
    now(b.forget_prepared(&x, None)).unwrap();
    assert_eq!(["two", "three", "four", "five"].map(stands), [false; 4]);
    now(b.forget_prepared(&x, None)).unwrap();
}

pub(crate) fn a_login_and_a_logout_take_what_was_prepared_away_and_a_refresh_does_not(a: Store, b: Store) {
    let x = name("x");
    let stands = || now(b.prepared(&x, &at("one"))).unwrap().is_some();
    now(a.prepare(&x, &whole("one"))).unwrap();
    let first = login(1, "rt-1");
    put(&a, &x, &first, Expect::Absent);
    assert!(!stands(), "the record has it now");
    now(a.prepare(&x, &whole("one"))).unwrap();
    now(a.mark(&x, &intending(&first, 7), &fence(&first, None))).ok().unwrap();
    now(a.commit(&x, &refreshed(&first, "rt-2"), &fence(&first, Some(7)))).ok().unwrap();
    assert!(stands(), "a refresh is no login");
    let second = record_of(now(b.load(&x)));
    let fenced = now(a.put(&x, &second.tombstone(Now::default()), version(&first)));
    assert!(fenced.is_err() && stands(), "nothing was written");
    put(&a, &x, &second.tombstone(Now::default()), version(&second));
    assert!(!stands(), "logged out");
}

pub(crate) fn what_is_prepared_changes_no_fingerprint(a: Store, b: Store) {
    let x = name("x");
    put(&a, &x, &login(1, "rt-1"), Expect::Absent);
    let before = b.fingerprint(&x);
    now(a.prepare(&x, &whole("one"))).unwrap();
    now(a.forget_prepared(&x, None)).unwrap();
    assert_eq!(b.fingerprint(&x), before);
}

/// Gives another macro the names of all checks.
macro_rules! with_checks {
    ($then:ident!($($args:tt)*)) => {
        $then!($($args)*:
            nothing_is_absent
            every_field_survives
            names_are_listed_sorted_with_tombstones
            a_mark_and_its_commit_pass_the_fences_they_began_from
            a_commit_over_another_generation_epoch_or_attempt_is_fenced_and_changes_nothing
            a_commit_over_nothing_is_fenced_by_absence
            a_version_never_goes_back
            a_login_expects_what_stands_there
            a_login_fences_the_commit_of_the_epoch_before
            a_refresh_token_that_is_imported_again_keeps_what_was_announced_for_it
            a_tombstone_holds_no_secret_and_a_login_may_follow_it
            a_write_that_stands_already_is_done_again
            the_current_and_the_previous_refresh_token_name_their_holder
            one_holds_the_claim_and_dropping_gives_it_back
            a_login_does_not_wait_for_the_claim
            a_fingerprint_changes_with_every_write_and_only_then
            what_was_prepared_is_found_again_for_the_same_server_and_no_other
            of_two_who_prepare_at_once_the_second_gets_what_the_first_made
            a_few_servers_are_kept_apart_and_the_oldest_gives_way
            a_login_and_a_logout_take_what_was_prepared_away_and_a_refresh_does_not
            what_is_prepared_changes_no_fingerprint);
    };
}

/// Writes the suite's tests for a store: `$pair` gives what must outlive the handles, and two of them.
macro_rules! contract {
    ($pair:path) => {
        with_checks!(contract!($pair));
    };
    ($pair:path: $($check:ident)*) => {
        $(
            #[test]
            fn $check() {
                let (_kept, a, b) = $pair();
                $crate::contract::$check(a, b);
            }
        )*
    };
}

/// Runs the whole suite in one test, each check over what `$pair` gives: for stores that are dear to set up.
#[cfg(target_os = "linux")]
macro_rules! contract_in_one {
    ($pair:ident) => {
        with_checks!(contract_in_one!($pair))
    };
    ($pair:ident: $($check:ident)*) => {
        $({
            println!("{}", stringify!($check));
            let (_kept, a, b) = $pair();
            $crate::contract::$check(a, b);
        })*
    };
}

/// Options for a store whose key is the file `key` in that state folder.
pub(crate) fn with_key_file(state: impl AsRef<std::path::Path>) -> renewd_store::FileStoreOptions {
    let mut options = renewd_store::FileStoreOptions::new(state.as_ref());
    options.key = renewd_store::KeyChoice::key_file(state.as_ref());
    options
}
