//! A keyring that hangs, under an event loop that must not.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use renewd_core::{Loaded, Secret, StoreFaultKind};
use renewd_driver::keyring::{ItemName, Keyring, KeyringError};
use renewd_driver::testing::FakeKeyring;
use renewd_driver::{CredentialName, CredentialStore as _, Expect};
use renewd_store::{FileStore, KeyringStore};

use crate::contract::{fence, intending, name, now, record_of, refreshed, version};
use crate::keyring_home::{BIG, KeyringHome};
use crate::records::login;

const PATIENCE: Duration = Duration::from_secs(60);

/// A keyring that tells of each write before it makes it, and makes it when it is let.
struct Gated {
    keyring: FakeKeyring,
    begun: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

impl Keyring for Gated {
    fn backend(&self) -> &'static str {
        self.keyring.backend()
    }

    fn place(&self) -> String {
        self.keyring.place()
    }

    fn item_bytes_max(&self) -> usize {
        self.keyring.item_bytes_max()
    }

    fn get(&self, item: &ItemName) -> Result<Option<Secret>, KeyringError> {
        self.keyring.get(item)
    }

    fn set(&self, item: &ItemName, value: &Secret) -> Result<(), KeyringError> {
        let _ = self.begun.lock().unwrap().send(());
        let _ = self.go.lock().unwrap().recv_timeout(PATIENCE);
        self.keyring.set(item, value)
    }

    fn delete(&self, item: &ItemName) -> Result<bool, KeyringError> {
        self.keyring.delete(item)
    }

    fn probe(&self) -> Result<(), KeyringError> {
        self.keyring.probe()
    }
}

/// A store whose writes hang, who hears that one began, and who lets it end.
fn gated(home: &KeyringHome) -> (KeyringStore, Receiver<()>, Sender<()>) {
    home.open();
    let ((begin, begun), (go, gone)) = (channel(), channel());
    let mut options = home.options();
    let keyring = Gated { keyring: home.keyring.clone(), begun: Mutex::new(begin), go: Mutex::new(gone) };
    options.keyring = Some(Arc::new(keyring));
    (KeyringStore::new(FileStore::open(options).unwrap()), begun, go)
}

fn at(text: &str) -> CredentialName {
    name(text)
}

#[test]
fn while_a_keyring_hangs_the_loop_does_not_and_other_credentials_go_on() {
    let home = KeyringHome::new(BIG);
    let (store, begun, go) = gated(&home);
    let x = at("x");
    let record = login(1, "rt-1");
    let mut hanging = store.put(&x, &record, Expect::Absent);
    assert!((&mut hanging).now_or_never().is_none(), "a poll does no work");
    begun.recv_timeout(PATIENCE).unwrap();
    assert!((&mut hanging).now_or_never().is_none());
    // What touches the folder alone is answered in place.
    assert!(store.fingerprint(&x).is_some());
    assert!(store.watch().is_ok());
    // Of these some stand in another lane than the one that hangs; all are about other credentials.
    let loads: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(at).into();
    let mut loads: Vec<_> = loads.iter().map(|name| store.load(name)).collect();
    assert!(loads.iter_mut().all(|load| load.now_or_never().is_none()), "all are made on other threads");
    let done = now(futures_util::future::select_all(&mut loads)).0;
    assert!(matches!(done, Loaded::Absent));
    go.send(()).unwrap();
    assert!(now(hanging).is_ok());
    assert_eq!(record_of(now(store.load(&x))).version(), (1, 0));
}

#[test]
fn a_write_whose_future_is_dropped_is_made_all_the_same_and_before_what_comes_after_it() {
    let home = KeyringHome::new(BIG);
    let (store, begun, go) = gated(&home);
    let x = at("x");
    let record = login(1, "rt-1");
    let mut dropped = store.put(&x, &record, Expect::Absent);
    assert!((&mut dropped).now_or_never().is_none());
    begun.recv_timeout(PATIENCE).unwrap();
    drop(dropped);
    // The next calls wait behind it and find it done.
    let second = login(2, "rt-2");
    let (put, load) = (store.put(&x, &second, version(&record)), store.load(&x));
    let mut both = Box::pin(async { (put.await, load.await) });
    assert!((&mut both).now_or_never().is_none());
    go.send(()).unwrap();
    go.send(()).unwrap();
    let (put, load) = now(both);
    assert!(put.is_ok());
    assert_eq!(record_of(load).version(), (2, 0));
}

#[test]
fn a_claim_that_is_dropped_is_given_back_when_the_writes_under_it_are_made() {
    let home = KeyringHome::new(BIG);
    let (x, first) = (at("x"), login(1, "rt-1"));
    assert!(home.open().put_blocking(&x, &first, Expect::Absent).is_ok());
    let (store, begun, go) = gated(&home);
    let claim = now(store.try_claim(&x)).unwrap().unwrap();
    let (marked, fence) = (intending(&first, 7), fence(&first, None));
    let mut mark = store.mark(&x, &marked, &fence);
    assert!((&mut mark).now_or_never().is_none());
    begun.recv_timeout(PATIENCE).unwrap();
    drop((mark, claim));
    // Another process that spent the refresh token now would find this mark over its own.
    let other = home.open();
    assert!(other.try_claim_blocking(&x).unwrap().is_none(), "the mark is still to come");
    go.send(()).unwrap();
    for _ in 0..6_000 {
        if other.try_claim_blocking(&x).unwrap().is_some() {
            let stands = record_of(other.load_blocking(&x));
            assert_eq!(
                stands.intent.map(|intent| intent.attempt),
                marked.intent.map(|intent| intent.attempt)
            );
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("the claim was never given back");
}

#[test]
fn a_store_that_is_dropped_ends_the_writes_that_were_asked_for() {
    let home = KeyringHome::new(BIG);
    let (store, begun, go) = gated(&home);
    let x = at("x");
    let record = login(1, "rt-1");
    let mut first = store.put(&x, &record, Expect::Absent);
    assert!((&mut first).now_or_never().is_none());
    let next = refreshed(&record, "rt-2");
    let fence = fence(&record, None);
    let mut second = store.commit(&x, &next, &fence);
    assert!((&mut second).now_or_never().is_none());
    drop((first, second));
    drop(store);
    for _ in 0..2 {
        begun.recv_timeout(PATIENCE).unwrap();
        go.send(()).unwrap();
    }
    let reader = home.open();
    for _ in 0..6_000 {
        if matches!(reader.load_blocking(&x), Loaded::Record(stands) if stands.version() == (1, 1)) {
            return;
        }
        // The mark is written after the record, under a lock: whoever asks again waits for it.
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("the second write was never made");
}

#[test]
fn when_too_many_calls_wait_for_a_hanging_keyring_the_next_one_fails_at_once() {
    let home = KeyringHome::new(BIG);
    let (store, begun, go) = gated(&home);
    let x = at("x");
    let record = login(1, "rt-1");
    let mut hanging = store.put(&x, &record, Expect::Absent);
    assert!((&mut hanging).now_or_never().is_none());
    begun.recv_timeout(PATIENCE).unwrap();
    let mut waiting = Vec::new();
    let fault = loop {
        let mut load = store.load(&x);
        match (&mut load).now_or_never() {
            None => waiting.push(load),
            Some(Loaded::Fault(fault)) => break fault,
            Some(_) => panic!("answered by a keyring that hangs"),
        }
        assert!(waiting.len() < 10_000, "calls are kept without end");
    };
    assert_eq!(fault.kind, StoreFaultKind::KeyUnavailable);
    assert!(fault.message.contains("takes no call now"), "{}", fault.message);
    go.send(()).unwrap();
    assert!(now(hanging).is_ok());
    // Whoever waited is answered.
    let answers = now(join_all(waiting));
    assert!(answers.iter().all(|loaded| matches!(loaded, Loaded::Record(_))), "{} calls", answers.len());
}

#[test]
fn a_thousand_calls_at_once_from_two_loops_are_all_answered() {
    let home = KeyringHome::new(BIG);
    let (a, b) = (home.open_for_a_loop(), home.open_for_a_loop());
    let names: Vec<_> = (0..40).map(|n| at(&format!("c{n}"))).collect();
    let records: Vec<_> = (0..40).map(|n| login(1, &format!("rt-{n}"))).collect();
    let puts = names.iter().zip(&records).map(|(name, record)| a.put(name, record, Expect::Absent));
    assert!(now(join_all(puts)).iter().all(Result::is_ok));
    let loads = (0..1_000).map(|n| [&a, &b][n % 2].load(&names[n % names.len()]));
    let loaded = now(join_all(loads));
    assert!(loaded.iter().all(|loaded| matches!(loaded, Loaded::Record(_))));
    assert_eq!(now(b.list()).unwrap().len(), 40);
    assert_eq!(now(b.holder_of(&Secret::from("rt-17"), None)).unwrap(), Some(at("c17")));
}
