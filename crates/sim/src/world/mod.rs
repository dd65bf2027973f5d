//! Running a scenario: one machine with its processes, the world around it, and what must hold.
//!
//! True time is the executor's. Processes are tasks that can be stopped and dropped ([`life`]) over ports that know
//! whose they are ([`store`], [`endpoint`]); what they send goes its own way ([`wire`]). An [`oracle`] watches all of it.

mod callers;
mod checks;
mod disk;
mod endpoint;
mod journal;
mod life;
mod liveness;
mod machine;
mod oracle;
mod person;
mod process;
mod store;
mod triggers;
mod wire;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{Either, select};
use renewd_core::{Boot, Now, Span, Wall};
use renewd_driver::testing::{VirtualClock, VirtualExecutor};
use renewd_driver::{CredentialName, NameError};

use crate::outcome::Outcome;
use crate::scenario::{Action, ApiMode, ClockChange, Entry, Network, On, ProcessAction, Scenario, When};
use checks::Open;
use disk::Disk;
use journal::Journal;
use life::Life;
use machine::Machine;
use oracle::Oracle;
use process::Process;
use triggers::Happened;
use wire::Outside;

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
        Err(error) => Outcome { broken: vec![NameError::to_string(&error)], ..Outcome::default() },
    }
}

/// Lives of all processes that were started, so that what strikes the whole machine strikes each.
type Living = Arc<Mutex<Vec<Life>>>;

struct World<'s> {
    scenario: &'s Scenario,
    machine: Machine,
    executor: VirtualExecutor,
    outside: Outside,
    disk: Disk,
    oracle: Oracle,
    journal: Journal,
    name: CredentialName,
    /// By number.
    processes: Vec<Option<Process>>,
    living: Living,
    lives: u64,
    /// The lives that were ended by a kill, a reboot or a power cut.
    killed: BTreeSet<u64>,
    open: Vec<Open>,
    broken: Vec<String>,
    heal: Option<Span>,
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario, name: CredentialName) -> Self {
        let truth = VirtualClock::new(BEGAN);
        let machine = Machine::new(&truth);
        let mut executor = VirtualExecutor::new(&truth);
        let (outside, packets) = Outside::new(scenario, &truth);
        executor.spawn(packets);
        let disk = Disk::new(&name, scenario.seed, scenario.flaw, scenario.watch);
        let oracle = Oracle::new(scenario, &outside, &machine, &disk);
        let mut world = Self {
            scenario,
            journal: Journal::new(&machine),
            executor,
            outside,
            disk,
            oracle,
            machine,
            name,
            processes: (0..scenario.processes).map(|_| None).collect(),
            living: Living::default(),
            lives: 0,
            killed: BTreeSet::new(),
            open: Vec::new(),
            broken: Vec::new(),
            heal: None,
        };
        world.set_at_once();
        world.log_in();
        world.log_in_elsewhere();
        world
    }

    fn living(&self) -> MutexGuard<'_, Vec<Life>> {
        self.living.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a point of the transaction sets off in the middle of a port's call.
    fn set_at_once(&self) {
        let entries = self.scenario.at.clone();
        let (living, disk, outside, oracle) =
            (Arc::clone(&self.living), self.disk.clone(), self.outside.clone(), self.oracle.clone());
        self.outside.triggers.set_at_once(move |n, life| match entries.get(n).map(|e| &e.action) {
            Some(Action::Process(ProcessAction::Kill)) => life.end(),
            Some(Action::Process(ProcessAction::Pause)) => life.pause(),
            Some(Action::Reboot | Action::PowerCut) => {
                living.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Life::end);
            }
            Some(Action::Store(mode)) if disk.set(*mode) => oracle.store_meddled(),
            Some(Action::Store(_)) => {}
            Some(action) => {
                outside.suffer(action);
            }
            None => {}
        });
    }

    fn play(&mut self) {
        let mut points: Vec<(Span, Point)> = Vec::new();
        for (n, entry) in self.scenario.at.iter().enumerate() {
            points.push((entry.t, Point::Happens(n)));
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
            if !started && (!at.is_zero() || self.needs_processes(point)) {
                self.start_all();
                started = true;
            }
            self.pass_until(at);
            match point {
                Point::Happens(n) => self.happen(n),
                Point::Opens(n) => self.open.push(Open { expectation: n, met: None }),
                Point::Holds(n) => self.check_now(n),
                Point::Closes(n) => self.close(n),
                Point::End => {}
            }
        }
        if self.scenario.liveness {
            self.heal = self.live_on();
        }
    }

    fn needs_processes(&self, point: Point) -> bool {
        let Point::Happens(n) = point else { return false };
        let entry = &self.scenario.at[n];
        entry.point.is_none()
            && matches!(entry.action, Action::Burst { .. } | Action::Process(_) | Action::Refresh)
    }

    /// An expectation with `by` is watched from the last thing that happens before it.
    fn opens(&self, by: Span) -> Span {
        self.scenario.at.iter().map(|entry| entry.t).filter(|at| *at < by).max().unwrap_or(Span::ZERO)
    }

    fn pass_until(&mut self, at: Span) {
        loop {
            let left = at.saturating_sub(self.journal.elapsed());
            if left.is_zero() {
                break;
            }
            let watched = self.open.iter().any(|o| o.met.is_none());
            self.pass(if watched { left.min(WATCH) } else { left });
            self.watch();
        }
        self.settle();
        self.watch();
    }

    /// Time passes, at most so much; less where something happens that the world must hear of.
    fn pass(&mut self, span: Span) {
        let (triggers, sleep) = (self.outside.triggers.clone(), self.machine.truth().sleep(span));
        let happened = std::pin::pin!(triggers.happened());
        let next = self.executor.run_until(Span::MAX, select(happened, sleep));
        if let Some(Either::Left((happened, _))) = next {
            self.hear(happened);
        }
    }

    /// What can run without time passing has run, and what it set off has happened.
    fn settle(&mut self) {
        loop {
            self.executor.run_ready();
            let triggers = self.outside.triggers.clone();
            let Some(happened) = self.executor.run_until(Span::ZERO, triggers.happened()) else { return };
            self.hear(happened);
        }
    }

    fn hear(&mut self, happened: Happened) {
        match happened {
            Happened::Ended(life) => self.ended(&life),
            Happened::Fired(n, life) => {
                let entry = &self.scenario.at[n];
                let on = if life.number == 0 { entry.on } else { On::One(life.number) };
                self.say(&Entry { on, ..entry.clone() });
                if life.is_over() {
                    self.killed.insert(life.id);
                }
                self.carry_out(&entry.action, on, true);
            }
        }
    }

    fn say(&self, entry: &Entry) {
        self.journal.say(format!("· {}", checks::describe(entry, self.scenario.processes > 1)));
    }

    fn happen(&mut self, n: usize) {
        let entry = &self.scenario.at[n];
        match &entry.point {
            Some(point) => self.outside.triggers.arm(n, entry.on, point),
            None => {
                self.say(entry);
                self.carry_out(&entry.action, entry.on, false);
                self.executor.run_ready();
            }
        }
    }

    /// `struck` tells that what happens at once has happened.
    fn carry_out(&mut self, action: &Action, on: On, struck: bool) {
        if !struck && self.outside.suffer(action) {
            return;
        }
        match action {
            Action::Server(_) | Action::Next(_) | Action::Latency(_) | Action::Wire(_) => {}
            Action::Clock(ClockChange::Suspend(span)) => self.suspend(*span),
            Action::Clock(ClockChange::Wall(millis)) => self.machine.step_wall(*millis),
            Action::Network(Network::Changed) => {
                for process in self.processes.iter().flatten().filter(|p| p.is_live()) {
                    process.handle.network_changed();
                }
            }
            Action::Network(_) | Action::Api(ApiMode::Ok | ApiMode::RejectAll) => {}
            Action::Process(action)
                if struck && matches!(action, ProcessAction::Kill | ProcessAction::Pause) => {}
            Action::Process(action) => {
                for number in self.meant(on) {
                    self.act(*action, number);
                }
            }
            Action::Reboot => self.reboot(false),
            Action::PowerCut => self.reboot(true),
            Action::Store(_) if struck => {}
            Action::Store(mode) => {
                if self.disk.set(*mode) {
                    self.oracle.store_meddled();
                }
            }
            Action::Api(ApiMode::Revoke) => {
                let _ = self.outside.lock().model.revoke_latest_access();
            }
            Action::Login => {
                self.log_in();
            }
            Action::Logout => self.log_out(),
            Action::Refresh => self.refresh(on),
            Action::Burst { callers, give_up } => self.burst(on, *callers, *give_up),
        }
    }

    fn refresh(&mut self, on: On) {
        let first =
            self.meant(on).into_iter().find_map(|n| self.live(n).map(|p| (p.keeper.clone(), p.life.clone())));
        if let Some((keeper, life)) = first {
            self.oracle.person_asks();
            self.executor.spawn(life.keep(async move {
                // Its outcome is in the timeline.
                let _ = keeper.refresh(Span::from_secs(60)).await;
            }));
        }
    }

    fn burst(&mut self, on: On, callers: u32, give_up: Option<Span>) {
        for number in self.meant(on) {
            let Some(process) = self.live(number) else { continue };
            let (caller, life) = (self.caller(process), process.life.clone());
            for _ in 0..callers {
                let caller = caller.clone();
                self.executor.spawn(life.keep(async move {
                    match give_up {
                        Some(patience) => caller.ask_for(patience).await,
                        None => caller.ask().await,
                    }
                }));
            }
        }
    }

    fn suspend(&mut self, span: Span) {
        if self.machine.is_asleep() {
            return;
        }
        self.machine.fall_asleep();
        let (machine, living) = (self.machine.clone(), Arc::clone(&self.living));
        let slept = self.machine.truth().sleep(span);
        let boots = self.machine.reboots();
        self.executor.spawn(async move {
            slept.await;
            // Somebody may have woken it, or switched it off, before.
            if machine.is_asleep() && machine.reboots() == boots {
                machine.wake_up();
                living.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Life::wake);
            }
        });
    }

    fn reboot(&mut self, power_cut: bool) {
        self.kill_all();
        if power_cut {
            self.disk.power_cut(self.scenario.seed ^ self.lives);
        }
        self.machine.reboot();
        self.start_all();
    }

    fn conclude(mut self) -> Outcome {
        self.stop_all();
        let killed = std::mem::take(&mut self.killed);
        self.oracle.check_rotations(|life| killed.contains(&life.id), self.oracle.version().0);
        let server = self.outside.lock().model.totals();
        let (forced_logins, told_lost) = self.oracle.forced_logins();
        let mut state = self.journal.lock();
        state.totals.token_requests = server.token_requests;
        state.totals.reuse_trips = server.reuse_trips;
        state.totals.forced_logins = forced_logins;
        state.totals.told_lost = told_lost;
        state.totals.leaks = state.lines.iter().filter(|line| holds_token(&line.text)).count() as u64;
        let totals = state.totals;
        let timeline = std::mem::take(&mut state.lines);
        drop(state);
        if totals.leaks > 0 {
            self.oracle.broken(12, &format!("{} lines of the timeline hold a token", totals.leaks));
        }
        let mut broken = self.oracle.take_broken();
        broken.extend(self.broken);
        broken.extend(totals.broken(&self.scenario.expect_totals));
        Outcome { timeline, totals, heal: self.heal, broken }
    }
}

/// Whether a token of the simulated server stands in a text: its prefix and so many characters that it can be nothing
/// else.
fn holds_token(text: &str) -> bool {
    ["rt_", "at_"].iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
            text.as_bytes()[at + prefix.len()..].iter().take_while(|byte| is_token(byte)).count() >= 32
        })
    })
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
