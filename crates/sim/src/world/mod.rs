//! Running a scenario: one machine with one process, the world around it, and what must hold.

mod callers;
mod checks;
mod journal;
mod process;
mod server;
mod store;

use std::cell::RefCell;
use std::rc::Rc;

use renewd_core::{
    Access, AccessKey, Boot, BootId, GrantMaterial, Identity, Loaded, Now, Record, Secret, Settings, Span,
    Stamp, Wall,
};
use renewd_driver::testing::{VirtualClock, VirtualExecutor};
use renewd_driver::{Clock, CredentialName, CredentialStore, Expect, NameError};

use crate::outcome::Outcome;
use crate::scenario::{Action, ApiMode, ClockChange, Network, Scenario, When};
use callers::{Caller, Current};
use checks::Open;
use journal::Journal;
use process::Process;
use server::Outside;
use store::Disk;

/// When scenarios begin: a day after boot, on 2026-01-01.
const BEGAN: Now =
    Now { boot: Boot::from_millis(86_400_000), wall: Wall::from_unix_millis(1_767_225_600_000) };

/// How closely an expectation with `by` is watched.
const WATCH: Span = Span::from_secs(5);

/// Runs a scenario to its end. The same scenario always gives the same outcome.
pub fn run(scenario: &Scenario) -> Outcome {
    match "simulated".parse() {
        Ok(name) => {
            let mut world = World::new(scenario, name);
            world.play();
            world.conclude()
        }
        Err(error) => Outcome {
            timeline: Vec::new(),
            totals: crate::outcome::Totals::default(),
            broken: vec![NameError::to_string(&error)],
        },
    }
}

struct World<'s> {
    scenario: &'s Scenario,
    clock: VirtualClock,
    executor: VirtualExecutor,
    outside: Outside,
    disk: Disk,
    journal: Journal,
    name: CredentialName,
    current: Current,
    process: Option<Process>,
    processes: u64,
    boots: u128,
    open: Vec<Open>,
    broken: Vec<String>,
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario, name: CredentialName) -> Self {
        let clock = VirtualClock::new(BEGAN);
        let outside = Outside::new(scenario.server.clone(), scenario.latency, &clock);
        let journal = Journal::new(&outside);
        let mut world = Self {
            scenario,
            executor: VirtualExecutor::new(&clock),
            clock,
            outside,
            disk: Disk::new(),
            journal,
            name,
            current: Rc::new(RefCell::new(None)),
            process: None,
            processes: 0,
            boots: 1,
            open: Vec::new(),
            broken: Vec::new(),
        };
        world.log_in();
        world.begin_callers();
        world
    }

    fn play(&mut self) {
        let mut points: Vec<(Span, Point)> = Vec::new();
        for (n, (at, _)) in self.scenario.at.iter().enumerate() {
            points.push((*at, Point::Happens(n)));
        }
        for (n, e) in self.scenario.expect.iter().enumerate() {
            match e.when {
                When::At(at) => points.push((at, Point::Holds(n))),
                When::By(by) => {
                    points.push((self.opens(by), Point::Opens(n)));
                    points.push((by, Point::Closes(n)));
                }
            }
        }
        points.push((self.scenario.end, Point::End));
        // What happens at a time comes before what is expected at it.
        points.sort_by_key(|(at, point)| (*at, point.rank()));
        let mut started = false;
        for (at, point) in points {
            if !started && !at.is_zero() {
                self.start();
                started = true;
            }
            self.pass_until(at);
            match point {
                Point::Happens(n) => {
                    let action = &self.scenario.at[n].1;
                    if !started && matches!(action, Action::Burst(_) | Action::Restart | Action::Refresh) {
                        self.start();
                        started = true;
                    }
                    self.happen(action);
                }
                Point::Opens(n) => self.open.push(Open { expectation: n, met: None }),
                Point::Holds(n) => self.check_now(n),
                Point::Closes(n) => self.close(n),
                Point::End => {}
            }
        }
    }

    /// An expectation with `by` is watched from the last thing that happens before it.
    fn opens(&self, by: Span) -> Span {
        self.scenario.at.iter().map(|(at, _)| *at).filter(|at| *at < by).max().unwrap_or(Span::ZERO)
    }

    fn pass_until(&mut self, at: Span) {
        loop {
            let left = at.saturating_sub(self.journal.elapsed());
            let watched = self.open.iter().any(|o| o.met.is_none());
            if left.is_zero() {
                break;
            }
            self.executor.run_for(if watched { left.min(WATCH) } else { left });
            self.watch();
        }
        self.executor.run_ready();
        self.watch();
    }

    fn happen(&mut self, action: &Action) {
        self.journal.say(format!("· {}", checks::describe(action)));
        match action {
            Action::Server(fault) => self.outside.lock().script.set(fault.clone()),
            Action::Next(fault) => self.outside.lock().script.push(fault.clone()),
            Action::Latency(span) => self.outside.lock().latency = *span,
            Action::Clock(ClockChange::Suspend(span)) => self.clock.suspend(*span),
            Action::Clock(ClockChange::Wall(millis)) => self.clock.step_wall(*millis),
            Action::Network(Network::Down) => self.outside.lock().network_up = false,
            Action::Network(Network::Up) => self.outside.lock().network_up = true,
            Action::Network(Network::Changed) => {
                if let Some(process) = &self.process {
                    process.handle.network_changed();
                }
            }
            Action::Restart => {
                self.stop();
                self.start();
            }
            Action::Reboot => self.reboot(),
            Action::Store(mode) => self.disk.set(*mode),
            Action::Api(ApiMode::Ok) => self.outside.lock().reject_all = false,
            Action::Api(ApiMode::RejectAll) => self.outside.lock().reject_all = true,
            Action::Api(ApiMode::Revoke) => {
                let _ = self.outside.lock().model.revoke_latest_access();
            }
            Action::Login => self.log_in(),
            Action::Logout => self.log_out(),
            Action::Refresh => {
                if let Some(keeper) = self.current.borrow().clone() {
                    self.executor.spawn(async move {
                        // Its outcome is in the timeline.
                        let _ = keeper.refresh(Span::from_secs(60)).await;
                    });
                }
            }
            Action::Burst(callers) => {
                for _ in 0..*callers {
                    let caller = self.caller();
                    self.executor.spawn(async move { caller.ask().await });
                }
            }
        }
    }

    fn caller(&self) -> Caller {
        Caller {
            current: Rc::clone(&self.current),
            outside: self.outside.clone(),
            journal: self.journal.clone(),
        }
    }

    fn begin_callers(&mut self) {
        if let Some(interval) = self.scenario.callers {
            let (caller, clock) = (self.caller(), self.clock.clone());
            self.executor.spawn(caller.every(interval, clock));
        }
    }

    fn standing(&mut self) -> Option<Record> {
        let (disk, name) = (self.disk.clone(), self.name.clone());
        match self.executor.run_until(Span::ZERO, async move { disk.load(&name).await }) {
            Some(Loaded::Record(r) | Loaded::RolledBack { record: r, .. }) => Some(*r),
            Some(Loaded::Absent | Loaded::Fault(_)) | None => None,
        }
    }

    fn put(&mut self, record: Record, expect: Expect) {
        let (disk, name) = (self.disk.clone(), self.name.clone());
        let done = self.executor.run_until(Span::ZERO, async move { disk.put(&name, &record, expect).await });
        if !matches!(done, Some(Ok(()))) {
            self.journal.say("! the login or logout could not be written");
        }
    }

    fn log_in(&mut self) {
        let now_ms = self.outside.now_ms();
        let minted = self.outside.lock().model.mint_grant(now_ms);
        let standing = self.standing();
        let epoch = standing.as_ref().map_or(1, |r| r.epoch + 1);
        let expect =
            standing.map_or(Expect::Absent, |r| Expect::Version { epoch: r.epoch, generation: r.generation });
        let now = self.clock.now();
        let access = Access {
            key: AccessKey::default(),
            token: Secret::from_string(minted.access_token),
            token_type: "Bearer".into(),
            issued: Stamp::new(now, self.clock.boot_id()),
            lifetime: Span::from_millis(self.scenario.server.lifetime_ms),
            lifetime_given: true,
        };
        let grant = GrantMaterial {
            refresh_token: self.scenario.refresh_token.then(|| Secret::from_string(minted.refresh_token)),
            access: if self.scenario.access_token { vec![access] } else { Vec::new() },
            ..GrantMaterial::default()
        };
        self.put(Record::new(epoch, self.identity(), Settings::default(), grant, now), expect);
    }

    fn identity(&self) -> Identity {
        Identity {
            token_endpoint: "https://as.example/token".into(),
            revocation_endpoint: Some("https://as.example/revoke".into()),
            client_id: self.client_id(),
            profile: "generic".into(),
            ..Identity::default()
        }
    }

    fn client_id(&self) -> String {
        if self.scenario.client_id { self.scenario.server.client_id.clone() } else { String::new() }
    }

    fn log_out(&mut self) {
        let Some(standing) = self.standing() else { return };
        let expect = Expect::Version { epoch: standing.epoch, generation: standing.generation };
        let tombstone = standing.tombstone(self.clock.now());
        self.put(tombstone, expect);
    }

    fn reboot(&mut self) {
        self.process = None;
        *self.current.borrow_mut() = None;
        self.outside.before_reboot();
        self.boots += 1;
        self.executor = VirtualExecutor::new(&self.clock);
        self.clock.reboot(Span::ZERO, BootId(self.boots));
        self.begin_callers();
        self.start();
    }

    fn conclude(mut self) -> Outcome {
        self.stop();
        let overlapped = self.outside.lock().overlapped;
        if overlapped {
            self.broken.push("two requests of one refresh token were on the wire at the same time".into());
        }
        let server = self.outside.lock().model.totals();
        let mut state = self.journal.lock();
        state.totals.token_requests = server.token_requests;
        state.totals.reuse_trips = server.reuse_trips;
        let totals = state.totals;
        let timeline = std::mem::take(&mut state.lines);
        drop(state);
        self.broken.extend(totals.broken(&self.scenario.expect_totals));
        Outcome { timeline, totals, broken: self.broken }
    }
}

/// A point of the timeline.
#[derive(Clone, Copy)]
enum Point {
    Happens(usize),
    Opens(usize),
    Holds(usize),
    Closes(usize),
    End,
}

impl Point {
    fn rank(self) -> u8 {
        match self {
            Self::Happens(_) => 0,
            Self::Opens(_) => 1,
            Self::Holds(_) => 2,
            Self::Closes(_) => 3,
            Self::End => 4,
        }
    }
}
