//! A valid token costs its caller no allocation, and a tick with nothing due costs the loop none.

#[expect(dead_code, reason = "the benchmarks use the rest")]
#[path = "../benches/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use renewd_core::*;
use renewd_driver::system::{self, SystemClock, SystemEntropy};
use renewd_driver::testing::{MemoryStore, ScriptedEndpoint, VirtualClock, VirtualTimer};
use renewd_driver::*;
use support::{Counting, allocations};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The fewest allocations that many calls needed. The fewest of several rounds: the test runner's own thread is counted
/// with ours.
fn fewest(mut call: impl FnMut()) -> u64 {
    let rounds = (0..20).map(|_| {
        let before = allocations();
        (0..1_000).for_each(|_| call());
        allocations() - before
    });
    rounds.min().unwrap_or(u64::MAX)
}

/// A driver that has read a record with a token of a day, and stands still from then on.
fn keeper_of_a_valid_token() -> (Keeper, impl Future<Output = ()>) {
    let (now, name) = (SystemClock.now(), "work".parse::<CredentialName>().expect("a good name"));
    let access = Access {
        key: AccessKey::default(),
        token: Secret::from("at"),
        token_type: "Bearer".into(),
        issued: Stamp::new(now, system::boot_id()),
        lifetime: Span::from_hours(24),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant =
        GrantMaterial { refresh_token: Some("rt".into()), access: vec![access], ..GrantMaterial::default() };
    let store = MemoryStore::new();
    store.write(&name, Record::new(1, Identity::default(), Settings::default(), grant, now));
    let clock = VirtualClock::new(now);
    let endpoint = Arc::new(ScriptedEndpoint::new(&clock, Span::ZERO, []));
    let ports = Ports::new(endpoint, Arc::new(store), Arc::new(VirtualTimer::new(&clock)));
    let setup = Setup {
        policy: Arc::new(Policy::default()),
        profile: Arc::new(Profile::generic()),
        client: Arc::new(Client::public("test")),
        owner: Arc::new(system::owner()),
    };
    let (driver, handle) = Driver::new(ports, DriverOptions::default());
    let keeper = handle.add(name, setup, SystemEntropy.seed());
    let mut run = Box::pin(driver.run());
    while keeper.try_token().is_none() {
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    (keeper, run)
}

#[test]
fn a_valid_token_is_had_without_an_allocation() {
    let (keeper, _standing) = keeper_of_a_valid_token();
    let mut reader = keeper.reader();
    assert_eq!(fewest(|| assert!(keeper.try_token().is_some())), 0, "try_token");
    assert_eq!(fewest(|| assert!(reader.try_token().is_some())), 0, "a reader");
    let token = || {
        let future = std::pin::pin!(keeper.token());
        let polled = future.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(_))), "ready at the first poll");
    };
    assert_eq!(fewest(token), 0, "token().await");
    let keep = || drop(keeper.try_token().map(|token| token.to_owned()));
    assert_eq!(fewest(keep), 0, "a lease");
    let copied = fewest(|| drop(std::hint::black_box(vec![0_u8])));
    assert_eq!(copied, 1_000, "what does allocate is counted");
}

#[test]
fn a_tick_with_nothing_due_allocates_nothing() {
    let now = Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_unix_millis(1_780_000_000_000) };
    let access = Access {
        key: AccessKey { scope: Some("all of it".into()), ..AccessKey::default() },
        token: Secret::from("at"),
        token_type: "Bearer".into(),
        issued: Stamp::new(now, system::boot_id()),
        lifetime: Span::from_hours(24),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant =
        GrantMaterial { refresh_token: Some("rt".into()), access: vec![access], ..GrantMaterial::default() };
    let record = Record::new(1, Identity::default(), Settings::default(), grant, now);
    let setup = system::setup(Policy::default(), Profile::generic(), Client::public("test"));
    let mut machine = Lifecycle::new(setup, 7);
    machine.handle(now, Input::Loaded(Loaded::Record(Box::new(record))));
    while machine.poll_command().is_some() {}
    let tick = || {
        machine.handle(now, Input::Tick);
        assert!(machine.poll_command().is_none(), "nothing is due");
        assert!(machine.poll_timeout().is_some());
    };
    assert_eq!(fewest(tick), 0);
}
