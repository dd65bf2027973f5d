//! A million credentials in one loop, in virtual time: bytes each, nanoseconds per event, requests at the start.
//!
//! `cargo bench -p renewd-driver --bench million`. Requests are answered after 200 ms of virtual time; the store is in
//! memory and its own bytes are not counted. Times are processor time, which a busy machine does not add to.

mod support;

use std::sync::Arc;
use std::time::Duration;

use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;
use support::{Counting, allocations, in_earnest, live_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MILLION: usize = 1_000_000;
const IN_A_TEST: usize = 1_000;

const BOOT: BootId = BootId(0xb007);
const START: Now =
    Now { boot: Boot::from_millis(10_000_000), wall: Wall::from_unix_millis(1_780_000_000_000) };

/// What the machine is fed for one refresh: tick, claim, mark, answer, commit.
const EVENTS_PER_REFRESH: u64 = 5;

struct World {
    clock: VirtualClock,
    executor: VirtualExecutor,
    endpoint: Arc<ScriptedEndpoint>,
    handle: DriverHandle,
    keepers: Vec<Keeper>,
}

fn main() {
    let n = if in_earnest() { MILLION } else { IN_A_TEST };
    println!("{n} credentials in one loop");
    fresh_tokens(n);
    expired_tokens(n);
}

/// Every token was minted a minute ago.
fn fresh_tokens(n: usize) {
    let store = filled_store(n, Span::from_mins(1));
    let before = live_bytes();
    let (mut world, adding, loading) = start(store, n);
    let each = (live_bytes() - before) / n as i64;
    println!("  start with valid tokens");
    println!("    bytes each                {each}");
    println!("    add, read, publish        {} ns each", per((adding + loading).as_nanos(), n as u64));
    println!("    requests at the start     {}", world.endpoint.count());
    let served = world.keepers.iter().filter(|k| k.try_token().is_some()).count();
    assert_eq!(served, n, "every credential serves");

    let (allocated, watch) = (allocations(), stopwatch());
    world.executor.run_for(Span::from_mins(58));
    let took = stopwatch().saturating_sub(watch);
    let requests = world.endpoint.count();
    assert_eq!(requests, n as u64, "each is refreshed once in the hour");
    println!("  an hour: each is refreshed once");
    println!("    per event                 {} ns", per(took.as_nanos(), requests * EVENTS_PER_REFRESH));
    println!(
        "    per refresh               {} ns, store and endpoint of the test included",
        per(took.as_nanos(), requests)
    );
    println!("    allocations per refresh   {}", (allocations() - allocated) / requests);
    println!("    virtual by processor time {:.0} times", 58.0 * 60.0 / took.as_secs_f64());

    let watch = stopwatch();
    world.clock.step_wall(1_000);
    world.executor.run_for(Span::from_secs(31));
    println!(
        "  a step of the wall clock    {} ns each",
        per(stopwatch().saturating_sub(watch).as_nanos(), n as u64)
    );
    println!("    bytes each, after an hour {}", (live_bytes() - before) / n as i64);
}

/// Every token expired while nobody looked; nobody asks for one.
fn expired_tokens(n: usize) {
    let store = filled_store(n, Span::from_mins(90));
    let (mut world, ..) = start(store, n);
    println!("  start with expired tokens");
    println!("    requests at the start     {}", world.endpoint.count());
    let mut most = 0;
    let mut last = world.endpoint.count();
    let mut minutes = 0;
    while world.endpoint.count() < n as u64 && minutes < 240 {
        for _ in 0..60 {
            world.executor.run_for(Span::from_secs(1));
            let count = world.endpoint.count();
            most = most.max(count - last);
            last = count;
        }
        minutes += 1;
    }
    println!("    most requests in a second {most}");
    println!("    all refreshed after       {minutes} min");
}

fn start(store: MemoryStore, n: usize) -> (World, Duration, Duration) {
    let clock = VirtualClock::new(START);
    let mut executor = VirtualExecutor::new(&clock);
    let endpoint = Arc::new(ScriptedEndpoint::new(&clock, Span::from_millis(200), [Reply::Grant(3600)]));
    endpoint.count_only();
    let ports = Ports {
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(CountedEntropy::default()),
        ..Ports::new(endpoint.clone(), Arc::new(store), Arc::new(VirtualTimer::new(&clock)))
    };
    let setup = Setup {
        policy: Arc::new(Policy::default()),
        profile: Arc::new(Profile::generic()),
        client: Arc::new(Client::public("bench")),
        owner: Arc::new(Owner { boot_id: BOOT, ..Owner::default() }),
    };
    let (driver, handle) = Driver::new(ports, DriverOptions::default());
    executor.spawn(driver.run());
    let watch = stopwatch();
    let keepers = (0..n).map(|i| handle.add(name(i), setup.clone(), i as u64)).collect();
    let adding = stopwatch().saturating_sub(watch);
    let watch = stopwatch();
    executor.run_ready();
    let loading = stopwatch().saturating_sub(watch);
    (World { clock, executor, endpoint, handle, keepers }, adding, loading)
}

impl Drop for World {
    fn drop(&mut self) {
        let end = self.handle.shutdown();
        let drained = self.executor.run_until(Span::from_hours(1), end);
        assert_eq!(drained.map(|d| d.lost.len()), Some(0), "nothing is lost");
    }
}

fn filled_store(n: usize, age: Span) -> MemoryStore {
    let store = MemoryStore::new().private();
    let issued = Now { boot: START.boot - age, wall: START.wall - age };
    for i in 0..n {
        let access = Access {
            key: AccessKey::default(),
            token: Secret::new(format!("at-0-{i}").into_bytes()),
            token_type: "Bearer".into(),
            issued: Stamp::new(issued, BOOT),
            lifetime: Span::from_hours(1),
            lifetime_given: true,
            granted: None,
            brought_by: None,
        };
        let grant = GrantMaterial {
            refresh_token: Some(Secret::new(format!("rt-0-{i}").into_bytes())),
            access: vec![access],
            ..GrantMaterial::default()
        };
        let identity = Identity {
            token_endpoint: "https://as.example/token".into(),
            client_id: "bench".into(),
            ..Identity::default()
        };
        store.write(&name(i), Record::new(1, identity, Settings::default(), grant, issued));
    }
    store
}

fn name(i: usize) -> CredentialName {
    format!("c{i}").parse().expect("a good name")
}

fn per(ns: u128, n: u64) -> u64 {
    (ns / u128::from(n.max(1))) as u64
}

/// Processor time of this process.
#[cfg(unix)]
fn stopwatch() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Elapsed time: here a busy machine does add to it.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "a stopwatch; decides nothing")]
fn stopwatch() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}
