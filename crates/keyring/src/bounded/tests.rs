//! The wrapper over backends that hang, lie and break.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::Interaction;

const SHORT: Duration = Duration::from_millis(300);
/// Of a call that has to succeed, on a machine that does much else.
const LONG: Duration = Duration::from_secs(60);

const SCRIPTED: Description =
    Description { name: "scripted", place: "the scripted keyring", item_bytes_max: 8 };

/// What a step of a backend does besides its work.
type Step = dyn Fn(&'static str, &Call) -> Result<(), KeyringError> + Send + Sync;

/// A keyring in memory, with a step before each of its calls.
#[derive(Clone)]
struct Scripted {
    items: Arc<Mutex<HashMap<ItemName, Secret>>>,
    step: Arc<Step>,
    opened: Arc<AtomicUsize>,
}

impl Scripted {
    fn new(step: impl Fn(&'static str, &Call) -> Result<(), KeyringError> + Send + Sync + 'static) -> Self {
        Self { items: Arc::default(), step: Arc::new(step), opened: Arc::default() }
    }

    fn keyring(&self, deadline: Duration) -> Bounded {
        let this = self.clone();
        Bounded::new(SCRIPTED, KeyringOptions::new(deadline, Interaction::Never), move || {
            this.opened.fetch_add(1, Ordering::SeqCst);
            Box::new(this.clone())
        })
    }

    fn items(&self) -> MutexGuard<'_, HashMap<ItemName, Secret>> {
        self.items.lock().unwrap()
    }
}

impl Backend for Scripted {
    fn get(&mut self, item: &ItemName, call: &Call) -> Result<Option<Secret>, KeyringError> {
        (self.step)("get", call)?;
        Ok(self.items().get(item).cloned())
    }

    fn set(&mut self, item: &ItemName, value: &Secret, call: &Call) -> Result<(), KeyringError> {
        (self.step)("set", call)?;
        self.items().insert(item.clone(), value.clone());
        Ok(())
    }

    fn delete(&mut self, item: &ItemName, call: &Call) -> Result<bool, KeyringError> {
        (self.step)("delete", call)?;
        Ok(self.items().remove(item).is_some())
    }

    fn probe(&mut self, call: &Call) -> Result<(), KeyringError> {
        (self.step)("probe", call)
    }
}

fn item() -> ItemName {
    "an-item".parse().unwrap()
}

fn kind<T>(outcome: Result<T, KeyringError>) -> KeyringErrorKind {
    outcome.err().expect("it fails").kind
}

/// A step at which calls hang until a word for each of them is sent, and what sends it.
fn gate() -> (Sender<()>, impl Fn(&'static str, &Call) -> Result<(), KeyringError> + Send + Sync + 'static) {
    let (open, opened) = channel();
    let opened: Mutex<Receiver<()>> = Mutex::new(opened);
    (open, move |_, _: &Call| {
        opened.lock().unwrap().recv().unwrap();
        Ok(())
    })
}

#[test]
fn a_call_that_hangs_ends_by_the_deadline_and_the_next_one_is_served() {
    let (open, gate) = gate();
    let first = AtomicUsize::new(0);
    let scripted = Scripted::new(move |name, call| match first.fetch_add(1, Ordering::SeqCst) {
        0 => gate(name, call),
        _ => Ok(()),
    });
    let keyring = scripted.keyring(SHORT);
    let error = keyring.get(&item()).err().unwrap();
    assert_eq!(error.kind, KeyringErrorKind::TimedOut);
    for part in ["the scripted keyring", "300ms", "restart"] {
        assert!(error.message.contains(part), "{part} is not in {error}");
    }
    let patient = Bounded { options: KeyringOptions::new(LONG, Interaction::Never), ..keyring };
    patient.set(&item(), &Secret::from("x")).unwrap();
    assert_eq!(scripted.opened.load(Ordering::SeqCst), 2, "the thread that hangs keeps its backend");
    open.send(()).unwrap();
}

#[test]
fn so_many_calls_hang_and_no_more_and_it_recovers_when_they_come_back() {
    let (open, gate) = gate();
    let scripted = Scripted::new(gate);
    let keyring = scripted.keyring(SHORT);
    for _ in 0..HUNG_MAX {
        assert_eq!(kind(keyring.probe()), KeyringErrorKind::TimedOut);
    }
    let refused = keyring.probe().err().unwrap();
    assert!(refused.message.contains("earlier calls have not come back"), "{refused}");
    assert_eq!(scripted.opened.load(Ordering::SeqCst), HUNG_MAX, "no thread was started for that");
    for _ in 0..HUNG_MAX {
        open.send(()).unwrap();
    }
    let keyring = Bounded { options: KeyringOptions::new(LONG, Interaction::Never), ..keyring };
    // Threads that came back end by themselves; from then on calls are served.
    open.send(()).unwrap();
    let until = now() + LONG;
    while keyring.probe().is_err() {
        assert!(now() < until, "it never recovers");
    }
}

#[test]
fn a_caller_who_waits_for_its_turn_ends_by_its_own_deadline() {
    let (open, gate) = gate();
    let scripted = Scripted::new(gate);
    let keyring = Arc::new(scripted.keyring(LONG));
    let slow = Arc::clone(&keyring);
    let slow = thread::spawn(move || slow.probe());
    while scripted.opened.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    let hasty = keyring.free.wait_timeout_while(keyring.turn(), SHORT, |turn| turn.taken).unwrap();
    assert!(hasty.1.timed_out(), "a turn was given while another call runs");
    drop(hasty);
    open.send(()).unwrap();
    slow.join().unwrap().unwrap();
    open.send(()).unwrap();
    keyring.probe().unwrap();
    assert_eq!(scripted.opened.load(Ordering::SeqCst), 1, "one thread served both");
}

#[test]
fn a_write_that_hung_goes_no_further_when_its_caller_has_left() {
    let (open, gate) = gate();
    let (told, tells) = channel();
    let told = Mutex::new(told);
    let scripted = Scripted::new(move |name, call| {
        gate(name, call)?;
        let wanted = call.wanted();
        told.lock().unwrap().send(wanted.is_ok()).unwrap();
        wanted
    });
    let keyring = scripted.keyring(SHORT);
    assert_eq!(kind(keyring.set(&item(), &Secret::from("late"))), KeyringErrorKind::TimedOut);
    open.send(()).unwrap();
    assert!(!tells.recv_timeout(LONG).unwrap(), "the call was told that somebody waits");
    assert!(scripted.items().is_empty());
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_sent() {
    let scripted = Scripted::new(|_, _| Ok(()));
    let keyring = scripted.keyring(LONG);
    assert_eq!(kind(keyring.set(&item(), &Secret::from("ninebytes"))), KeyringErrorKind::TooLarge);
    assert_eq!(scripted.opened.load(Ordering::SeqCst), 0);
    keyring.set(&item(), &Secret::from("eight by")).unwrap();
}

/// Before its `n`-th call, another program writes.
fn meddled(at: &'static [usize]) -> Scripted {
    let items: Arc<Mutex<HashMap<ItemName, Secret>>> = Arc::default();
    let (count, theirs) = (AtomicUsize::new(0), Arc::clone(&items));
    let step = move |name: &'static str, _: &Call| {
        if name == "get" {
            let ours = if at.contains(&count.fetch_add(1, Ordering::SeqCst)) { "theirs" } else { "ours" };
            theirs.lock().unwrap().insert(item(), Secret::from(ours));
        }
        Ok(())
    };
    Scripted { items, ..Scripted::new(step) }
}

#[test]
fn another_value_that_is_read_back_twice_is_an_error_and_once_is_not() {
    let once = meddled(&[0]).keyring(LONG);
    once.set(&item(), &Secret::from("ours")).unwrap();
    let error = meddled(&[0, 1]).keyring(LONG).set(&item(), &Secret::from("ours")).err().unwrap();
    assert_eq!(error.kind, KeyringErrorKind::Changed);
    assert!(error.message.contains("an-item") && !error.message.contains("theirs"), "{error}");
}

#[test]
fn an_item_that_is_still_there_after_it_was_removed_is_an_error() {
    assert_eq!(kind(meddled(&[0, 1]).keyring(LONG).delete(&item())), KeyringErrorKind::Changed);
}

#[test]
fn a_backend_that_panics_is_an_error_and_the_next_call_has_another() {
    let first = AtomicUsize::new(0);
    let scripted = Scripted::new(move |_, _| {
        assert!(first.fetch_add(1, Ordering::SeqCst) > 0, "this panic is part of the test");
        Ok(())
    });
    let keyring = scripted.keyring(LONG);
    let error = keyring.probe().err().unwrap();
    assert_eq!(error.kind, KeyringErrorKind::Failed);
    assert!(error.message.contains("bug"), "{error}");
    keyring.probe().unwrap();
}

#[test]
fn an_error_of_the_backend_reaches_the_caller_as_it_is() {
    let scripted = Scripted::new(|name, _| match name {
        "get" => Err(KeyringError::new(KeyringErrorKind::Denied, "no")),
        _ => Ok(()),
    });
    let keyring = scripted.keyring(LONG);
    assert_eq!(keyring.get(&item()).err().unwrap(), KeyringError::new(KeyringErrorKind::Denied, "no"));
    assert_eq!(
        kind(keyring.set(&item(), &Secret::from("x"))),
        KeyringErrorKind::Denied,
        "it could not be read back"
    );
    keyring.probe().unwrap();
}

#[test]
fn a_process_that_finds_itself_forked_has_a_thread_of_its_own() {
    let scripted = Scripted::new(|_, _| Ok(()));
    let keyring = scripted.keyring(LONG);
    keyring.probe().unwrap();
    // As the child sees it: what was kept belongs to another process.
    keyring.turn().process = 0;
    keyring.probe().unwrap();
    keyring.probe().unwrap();
    assert_eq!(scripted.opened.load(Ordering::SeqCst), 2);
}

/// A backend that tells when it is closed.
struct Told(Sender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
    }
}

impl Backend for Told {
    fn get(&mut self, _: &ItemName, _: &Call) -> Result<Option<Secret>, KeyringError> {
        Ok(None)
    }

    fn set(&mut self, _: &ItemName, _: &Secret, _: &Call) -> Result<(), KeyringError> {
        Ok(())
    }

    fn delete(&mut self, _: &ItemName, _: &Call) -> Result<bool, KeyringError> {
        Ok(false)
    }

    fn probe(&mut self, _: &Call) -> Result<(), KeyringError> {
        Ok(())
    }
}

#[test]
fn a_backend_that_nobody_uses_is_closed_and_opened_again_for_the_next_call() {
    let (closed, is_closed) = channel();
    let closed = Mutex::new(closed);
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let open = move || -> Box<dyn Backend> {
        count.fetch_add(1, Ordering::SeqCst);
        Box::new(Told(closed.lock().unwrap().clone()))
    };
    let (jobs, taken) = channel::<Job>();
    let worker = thread::spawn(move || work(&open, &taken, Duration::from_millis(1)));
    for times in 1..=2 {
        jobs.send(Box::new(|_| ())).unwrap();
        is_closed.recv_timeout(LONG).unwrap();
        assert_eq!(opened.load(Ordering::SeqCst), times);
    }
    drop(jobs);
    worker.join().unwrap();
}
