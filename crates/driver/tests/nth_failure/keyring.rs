//! The n-th call of the keyring that the records lie in fails, before or after it took effect; and a keyring that fails
//! for a while.

use std::sync::{Arc, Mutex};

use renewd_core::*;
use renewd_driver::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};
use renewd_driver::testing::{FakeKeyring, KeyringCall, KeyringFate, VirtualClock};
use renewd_driver::*;
use renewd_store::testing::SimDisk;
use renewd_store::{FileStore, KeyChoice, StoreKind};
use renewd_testkit::AsClass;

use crate::story::{End, ONE_REFRESH, START, Story, TWO_REFRESHES, name};

/// Items as large as nobody's records, and items of which every record takes several.
const SIZES: [usize; 2] = [4 << 20, 400];

type Plan = Box<dyn FnMut(KeyringCall) -> KeyringFate + Send>;

/// A keyring as one process has it: it fails for that one, and for nobody else.
struct Failing {
    keyring: FakeKeyring,
    plan: Mutex<Plan>,
}

impl Failing {
    fn call<T>(
        &self,
        call: KeyringCall,
        done: impl FnOnce(&FakeKeyring) -> Result<T, KeyringError>,
    ) -> Result<T, KeyringError> {
        let fate = (self.plan.lock().unwrap())(call);
        let error = |kind| Err(KeyringError::new(kind, "the keyring fails on purpose"));
        match fate {
            KeyringFate::Fails(kind) => error(kind),
            KeyringFate::DoneButFails(kind) => done(&self.keyring).and_then(|_| error(kind)),
            _ => done(&self.keyring),
        }
    }
}

impl Keyring for Failing {
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
        self.call(KeyringCall::Get, |keyring| keyring.get(item))
    }

    fn set(&self, item: &ItemName, value: &Secret) -> Result<(), KeyringError> {
        self.call(KeyringCall::Set, |keyring| keyring.set(item, value))
    }

    fn delete(&self, item: &ItemName) -> Result<bool, KeyringError> {
        self.call(KeyringCall::Delete, |keyring| keyring.delete(item))
    }

    fn probe(&self) -> Result<(), KeyringError> {
        self.call(KeyringCall::Probe, |keyring| keyring.probe())
    }
}

/// A process that is about to refresh a login that lies in a keyring, which fails for it by this plan.
fn story(class: AsClass, item_bytes_max: usize, plan: impl FnOnce(&VirtualClock) -> Plan) -> Story {
    let mut story = Story::new(class);
    let disk = SimDisk::new(1);
    let keyring = FakeKeyring::new(item_bytes_max);
    let open = |keyring: Arc<dyn Keyring>| {
        let mut options = disk.process().options("/state");
        options.kind = Some(StoreKind::Keyring);
        options.key = KeyChoice::Remembered;
        options.keyring = Some(keyring);
        FileStore::open(options).unwrap()
    };
    let others = open(Arc::new(keyring.clone()));
    assert!(others.put_blocking(&name(), &story.login(), Expect::Absent).is_ok());
    story.server.look_with(Box::new(move || others.load_blocking(&name())));
    let sound: Plan = Box::new(|_| KeyringFate::Done);
    let failing = Arc::new(Failing { keyring, plan: Mutex::new(sound) });
    // The blocking store itself: in virtual time a call takes none, and every run is the same.
    story.process(Arc::new(open(failing.clone())));
    *failing.plan.lock().unwrap() = plan(&story.clock);
    story
}

/// Fails the n-th call; says which it was.
fn nth(n: u64, fate: KeyringFate) -> (Plan, Arc<Mutex<Option<KeyringCall>>>) {
    let hit = Arc::new(Mutex::new(None));
    let (told, mut left) = (Arc::clone(&hit), n);
    let plan = move |call| {
        left = left.saturating_sub(1);
        if left > 0 || told.lock().unwrap().is_some() {
            return KeyringFate::Done;
        }
        *told.lock().unwrap() = Some(call);
        fate
    };
    (Box::new(plan), hit)
}

#[test]
fn whichever_call_of_the_keyring_fails_once_no_login_is_lost_and_a_token_comes_within_one_backoff() {
    let (mut runs, mut met) = (0, Vec::new());
    for (class, size) in [(AsClass::P2, SIZES[0]), (AsClass::P2, SIZES[1]), (AsClass::P1, SIZES[0])] {
        for kind in KeyringErrorKind::ALL {
            for fate in [KeyringFate::Fails(kind), KeyringFate::DoneButFails(kind)] {
                for n in 1.. {
                    let (plan, hit) = nth(n, fate);
                    let end = story(class, size, |_| plan).run(ONE_REFRESH);
                    runs += 1;
                    let hit = hit.lock().unwrap().take();
                    let told =
                        format!("{fate:?} at call {n} ({hit:?}) of items of {size} at {}", class.name());
                    end.assert_kept(&told);
                    let Some(call) = hit else { break };
                    met.push(call);
                    assert!(n < 80, "{told}: there is no end");
                }
            }
        }
    }
    for call in [KeyringCall::Get, KeyringCall::Set, KeyringCall::Delete] {
        assert!(met.contains(&call), "{call:?} never failed");
    }
    assert!(runs > 300, "only {runs} runs");
    println!("{runs} runs, {} failures met", met.len());
}

/// When the keyring fails for longer: each write until so long after the start.
fn writes_fail(clock: &VirtualClock, from: Span, until: Span, kind: KeyringErrorKind) -> Plan {
    let clock = clock.clone();
    Box::new(move |call| {
        let since = clock.now().boot.since(START.boot);
        let fails = call == KeyringCall::Set && since >= from && since < until;
        if fails { KeyringFate::Fails(kind) } else { KeyringFate::Done }
    })
}

#[test]
fn while_the_keyring_cannot_be_written_nothing_is_spent_and_the_refresh_comes_when_it_can() {
    for kind in KeyringErrorKind::ALL {
        let plan = |clock: &VirtualClock| writes_fail(clock, Span::ZERO, Span::MAX, kind);
        let end = story(AsClass::P2, SIZES[0], plan).run(TWO_REFRESHES);
        assert_eq!(end.requests, 0, "{kind:?}: a refresh token was spent that no keyring could replace");
        assert_eq!(end.problems, Vec::<String>::new(), "{kind:?}");
        for view in &end.views {
            assert_ne!(view.status, Status::Unauthenticated, "{kind:?}: {:?}", view.cause);
            assert_ne!(view.health, Health::Healthy, "{kind:?}");
        }
        let plan = |clock: &VirtualClock| writes_fail(clock, Span::ZERO, Span::from_secs(90), kind);
        story(AsClass::P2, SIZES[0], plan).run(TWO_REFRESHES).assert_kept(&format!("{kind:?} for 90 s"));
    }
}

/// Fails the commit and whatever is written after it, for so long.
fn commit_fails(clock: &VirtualClock, lasting: Span, kind: KeyringErrorKind) -> Plan {
    let (clock, mut sets, mut until) = (clock.clone(), 0, None);
    Box::new(move |call| {
        sets += u32::from(call == KeyringCall::Set);
        // The first write is the intent, the second the outcome, where a record is one item.
        if sets < 2 || call != KeyringCall::Set {
            return KeyringFate::Done;
        }
        let now = clock.now().boot;
        let until = *until.get_or_insert(now + lasting);
        if now < until { KeyringFate::Fails(kind) } else { KeyringFate::Done }
    })
}

#[test]
fn new_tokens_that_the_keyring_does_not_take_are_served_unsaved_and_saved_when_it_does() {
    let unsaved = |end: &End, kind: KeyringErrorKind| {
        assert_eq!(end.problems, Vec::<String>::new(), "{kind:?}");
        assert_eq!((end.requests, end.reuse_trips), (1, 0), "{kind:?}: nothing more is refreshed");
        assert!(end.served > 10, "{kind:?}: the access token is served, {} times", end.served);
    };
    for kind in KeyringErrorKind::ALL {
        let plan = |clock: &VirtualClock| commit_fails(clock, Span::MAX, kind);
        let end = story(AsClass::P2, SIZES[0], plan).run(ONE_REFRESH);
        unsaved(&end, kind);
        for view in &end.views {
            assert_eq!((view.status, view.health), (Status::Running, Health::Degraded), "{kind:?}");
        }
        let plan = |clock: &VirtualClock| commit_fails(clock, Span::from_mins(3), kind);
        let end = story(AsClass::P2, SIZES[0], plan).run(ONE_REFRESH);
        unsaved(&end, kind);
        for view in &end.views {
            assert_eq!(
                (view.status, view.health),
                (Status::Running, Health::Healthy),
                "{kind:?}: saved by now"
            );
        }
        end.assert_kept(&format!("{kind:?} for 3 min"));
    }
}
