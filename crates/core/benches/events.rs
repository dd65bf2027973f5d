//! What one event costs the core: nanoseconds and allocations.
//!
//! `cargo bench -p renewd-core --bench events`. There is no I/O in it and no clock: the figures are those of the
//! machine alone, and of reading an answer. Rounds are repeated and the fastest counts, because a busy machine only
//! ever makes a round slower.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use renewd_core::*;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

const ROUNDS: usize = 9;
const REPEATS: u64 = 20_000;
/// `cargo test --benches` only shows that the benchmark still works.
const REPEATS_IN_A_TEST: u64 = 50;

const START: Now =
    Now { boot: Boot::from_millis(10_000_000), wall: Wall::from_unix_millis(1_780_000_000_000) };

/// The system's allocator, with a count of calls.
struct Counting;

#[expect(unsafe_code, reason = "an allocator can only be wrapped this way")]
// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// A host without a world: the store is a variable, the server two answers in turn.
struct Host {
    machine: Lifecycle,
    now: Now,
    record: Box<Record>,
    answers: [Response; 2],
    attempts: u128,
    events: u64,
    inbox: VecDeque<Input>,
}

impl Host {
    fn new() -> Self {
        let setup = Setup {
            policy: Arc::new(Policy::default()),
            profile: Arc::new(Profile::generic()),
            client: Arc::new(Client::public("bench")),
            owner: Arc::new(Owner::default()),
        };
        let identity = Identity {
            token_endpoint: "https://as.example/token".into(),
            client_id: "bench".into(),
            ..Identity::default()
        };
        let grant = GrantMaterial { refresh_token: Some("rt".into()), ..GrantMaterial::default() };
        let mut host = Self {
            machine: Lifecycle::new(setup, 7),
            now: START,
            record: Box::new(Record::new(1, identity, Settings::default(), grant, START)),
            answers: [grant_answer("a"), grant_answer("b")],
            attempts: 0,
            events: 0,
            inbox: VecDeque::with_capacity(8),
        };
        host.carry_out();
        host.input(Input::Demand { min_validity: Span::ZERO });
        assert!(host.serves(), "the first refresh gives a token");
        host
    }

    fn input(&mut self, input: Input) {
        self.inbox.push_back(input);
        while let Some(input) = self.inbox.pop_front() {
            self.events += 1;
            self.machine.handle(self.now, input);
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        while let Some(command) = self.machine.poll_command() {
            let outcome = self.outcome(command);
            self.inbox.extend(outcome);
        }
    }

    fn outcome(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::Load => Some(Input::Loaded(Loaded::Record(self.record.clone()))),
            Command::Claim => {
                self.attempts += 1;
                let loaded = Loaded::Record(self.record.clone());
                Some(Input::ClaimGranted { loaded, attempt: AttemptId(self.attempts) })
            }
            Command::Mark { ticket, record, .. } => {
                self.record = record;
                Some(Input::Marked(ticket))
            }
            Command::Send { attempt, .. } => {
                let answer = Answer::Response(self.answers[(self.attempts % 2) as usize].clone());
                Some(Input::Answer { attempt, answer, sent: Vec::new() })
            }
            Command::Commit { ticket, record, .. } => {
                self.record = record;
                Some(Input::Committed(ticket))
            }
            Command::Revoke { .. } => Some(Input::Revoked),
            Command::Abort { .. }
            | Command::Release
            | Command::Publish(_)
            | Command::Changed { .. }
            | Command::Advise(_)
            | Command::Report(_)
            | Command::Drained { .. } => None,
        }
    }

    fn serves(&self) -> bool {
        matches!(self.machine.serve(self.now, Span::ZERO), Serve::Token { .. })
    }

    /// To the next time that something is due, and what follows there.
    fn refresh(&mut self) {
        let before = self.record.generation;
        while self.record.generation == before {
            let wake = self.machine.poll_timeout().expect("a refresh is due");
            let wait = wake.at.since(self.now.boot);
            self.now = Now { boot: self.now.boot + wait, wall: self.now.wall + wait };
            self.input(Input::Tick);
        }
    }
}

fn grant_answer(which: &str) -> Response {
    // As long as the signed tokens that many servers hand out.
    let long = "x".repeat(900);
    let body = format!(
        r#"{{"access_token":"{long}.{which}","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-{which}","scope":"read write"}}"#
    );
    response(200, "application/json", &body)
}

fn waf_answer() -> Response {
    let body = format!("<!DOCTYPE html><html><body>{}</body></html>", "<p>Access denied.</p>".repeat(200));
    response(403, "text/html", &body)
}

fn response(status: u16, content_type: &str, body: &str) -> Response {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Response {
        status,
        headers: vec![
            header("content-type", content_type),
            header("cache-control", "no-store"),
            header("date", "Thu, 28 May 2026 20:26:40 GMT"),
        ],
        body: Secret::from(body),
        truncated: false,
    }
}

fn main() {
    let repeats = if std::env::args().any(|a| a == "--bench") { REPEATS } else { REPEATS_IN_A_TEST };
    println!("{:<52}{:>12}{:>14}", "", "time", "allocations");

    let mut host = Host::new();
    show("a tick when nothing is due", measure(repeats, || host.input(Input::Tick)));

    let mut host = Host::new();
    let cost = measure(repeats, || {
        host.input(Input::Demand { min_validity: Span::ZERO });
        assert!(black_box(host.serves()));
    });
    show("a demand with a valid token, and what it is served", cost);

    let mut host = Host::new();
    let (began, refreshed) = (host.events, host.record.generation);
    host.refresh();
    let events = host.events - began;
    assert_eq!(host.record.generation - refreshed, 1);
    let cost = measure(repeats, || host.refresh());
    show("a whole refresh, the host's copies included", cost);
    show(&format!("  of its {events} events, each"), cost.map(|whole| whole / events as f64));

    judging("an answer of 1 KB judged: success", &grant_answer("a"), Verdict::Success, repeats);
    judging("a firewall's page of 4 KB judged: transient", &waf_answer(), Verdict::Transient, repeats);
}

fn judging(name: &str, response: &Response, expect: Verdict, repeats: u64) {
    let (sent, profile) = (Secret::from("rt-b"), Profile::generic());
    let context = RequestContext {
        sent_refresh_token: Some(&sent),
        client_secret: None,
        sent: &[],
        now: START.wall,
        profile: &profile,
    };
    let answer = Answer::Response(response.clone());
    show(name, measure(repeats, || assert_eq!(black_box(judge(&answer, &context)).verdict, expect)));
}

/// Nanoseconds of one call in the fastest round, and its allocations.
fn measure(repeats: u64, mut call: impl FnMut()) -> [f64; 2] {
    let calls = repeats as f64;
    let (mut ns, mut allocations) = (f64::INFINITY, 0.0);
    for _ in 0..ROUNDS {
        let (before, watch) = (ALLOCATIONS.load(Ordering::Relaxed), stopwatch());
        for _ in 0..repeats {
            call();
        }
        ns = ns.min(watch.elapsed().as_nanos() as f64 / calls);
        allocations = (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / calls;
    }
    [ns, allocations]
}

fn show(name: &str, [ns, allocations]: [f64; 2]) {
    println!("{name:<52}{ns:>9.0} ns{allocations:>14.1}");
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
fn stopwatch() -> Instant {
    Instant::now()
}
