//! What a valid token costs a caller, beside what it is made of and what it replaces.
//!
//! `cargo bench -p renewd-driver --bench hot_path` prints, for one and for two threads, nanoseconds per call, the
//! ratio to one read of the coarse clock, and allocations per call. All rows are measured in turn, several times over;
//! the fastest round counts, because a busy machine only ever makes a round slower.

mod support;

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use renewd_core::*;
use renewd_driver::system::{self, SystemClock, SystemEntropy};
use renewd_driver::testing::{MemoryStore, ScriptedEndpoint, VirtualClock};
use renewd_driver::*;
use support::{Counting, allocations, in_earnest, live_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 9;
const CALLS: u64 = 2_000_000;
const CALLS_IN_A_TEST: u64 = 1_000;

/// Never ends: nothing is due in this benchmark.
struct NoTimer;

#[async_trait::async_trait]
impl Timer for NoTimer {
    async fn sleep_until(&self, _: Boot) {
        std::future::pending().await
    }
}

type Call = Arc<dyn Fn(u64) + Send + Sync>;

struct Row {
    name: &'static str,
    call: Call,
}

fn main() {
    let calls = if in_earnest() { CALLS } else { CALLS_IN_A_TEST };
    let keeper = keeper_with_a_token();
    let rows = rows(&keeper);
    println!(
        "{:<38}{:>10}{:>8}{:>10}{:>8}{:>16}",
        "", "1 thread", "ratio", "2 threads", "ratio", "allocations"
    );
    // What each thread sets up once is set up here.
    measure(&rows, 2, 1);
    let before = live_bytes();
    let one = measure(&rows, 1, calls);
    let two = measure(&rows, 2, calls);
    let (clock_one, clock_two) = (one[0].0, two[0].0);
    for (row, ((ns1, a1), (ns2, a2))) in rows.iter().zip(one.iter().zip(&two)) {
        println!(
            "{:<38}{:>7.1} ns{:>8.2}{:>7.1} ns{:>8.2}{:>16}",
            row.name,
            ns1,
            ns1 / clock_one,
            ns2,
            ns2 / clock_two,
            a1 + a2
        );
    }
    println!("bytes that all these calls left behind: {}", live_bytes() - before);
}

/// Each operation, called in a loop of its own so that no call goes through a pointer.
fn rows(keeper: &Keeper) -> Vec<Row> {
    let swap = Arc::new(ArcSwap::from_pointee(Secret::from("at")));
    let lock = Arc::new(tokio::sync::RwLock::new(Secret::from("at")));
    let (k1, k2, k3, k4) = (keeper.clone(), keeper.clone(), keeper.clone(), keeper.clone());
    let row = |name, call: Call| Row { name, call };
    vec![
        row("coarse clock read", Arc::new(|n| (0..n).for_each(|_| _ = black_box(SystemClock.coarse_wall())))),
        row("ArcSwap load", Arc::new(move |n| (0..n).for_each(|_| drop(black_box(swap.load()))))),
        row(
            "tokio RwLock read, then clock",
            Arc::new(move |n| {
                for _ in 0..n {
                    let guard = black_box(lock.read().now_or_never());
                    black_box(SystemClock.coarse_wall());
                    drop(guard);
                }
            }),
        ),
        row("Keeper::try_token", Arc::new(move |n| (0..n).for_each(|_| drop(black_box(k1.try_token()))))),
        row("Keeper::token().await", Arc::new(move |n| (0..n).for_each(|_| _ = black_box(ready(&k2))))),
        row(
            "Reader::try_token",
            Arc::new(move |n| {
                let mut reader = k3.reader();
                for _ in 0..n {
                    black_box(reader.try_token());
                }
            }),
        ),
        row(
            "try_token, then to_owned",
            Arc::new(move |n| {
                for _ in 0..n {
                    drop(black_box(k4.try_token().map(|t| t.to_owned())));
                }
            }),
        ),
    ]
}

/// Polls once, as an executor would.
#[inline(always)]
fn ready(keeper: &Keeper) -> bool {
    let mut future = std::pin::pin!(keeper.token());
    matches!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(_)))
}

/// The fastest round of each row: nanoseconds per call and thread, and all allocations of all rounds.
fn measure(rows: &[Row], threads: usize, calls: u64) -> Vec<(f64, u64)> {
    let mut best = vec![(f64::INFINITY, 0u64); rows.len()];
    for _ in 0..ROUNDS {
        for (row, best) in rows.iter().zip(&mut best) {
            let (ns, allocated) = round(&row.call, threads, calls);
            best.0 = best.0.min(ns);
            best.1 += allocated;
        }
    }
    best
}

fn round(call: &Call, threads: usize, calls: u64) -> (f64, u64) {
    let start = Arc::new(Barrier::new(threads));
    let end = Arc::new(Barrier::new(threads));
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (call, start, end) = (Arc::clone(call), Arc::clone(&start), Arc::clone(&end));
            thread::spawn(move || {
                // Thread-local things are made here, outside of what is measured.
                call(100);
                start.wait();
                let (before, watch) = (allocations(), stopwatch());
                call(calls);
                let ns = watch.elapsed().as_nanos() as f64 / calls as f64;
                let allocated = allocations() - before;
                end.wait();
                (ns, allocated)
            })
        })
        .collect();
    let mut results = workers.into_iter().filter_map(|w| w.join().ok());
    let first = results.next().unwrap_or((f64::INFINITY, 0));
    results.fold(first, |(ns, all), (n, a)| (ns.max(n), all.max(a)))
}

fn keeper_with_a_token() -> Keeper {
    let now = SystemClock.now();
    let name: CredentialName = "bench".parse().expect("a good name");
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
    let store = MemoryStore::new().private();
    store.write(&name, Record::new(1, Identity::default(), Settings::default(), grant, now));
    let ports = Ports::new(
        Arc::new(ScriptedEndpoint::new(&VirtualClock::new(now), Span::ZERO, [])),
        Arc::new(store),
        Arc::new(NoTimer),
    );
    let setup = Setup {
        policy: Arc::new(Policy::default()),
        profile: Arc::new(Profile::generic()),
        client: Arc::new(Client::public("bench")),
        owner: Arc::new(system::owner()),
    };
    let (driver, handle) = Driver::new(ports, DriverOptions::default());
    let keeper = handle.add(name, setup, SystemEntropy.seed());
    let mut run = Box::pin(driver.run());
    while keeper.try_token().is_none() {
        let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    // The loop stays where it is: dropping it would take the token away.
    std::mem::forget(run);
    keeper
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
fn stopwatch() -> Instant {
    Instant::now()
}
