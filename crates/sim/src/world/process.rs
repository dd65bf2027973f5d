//! The processes: drivers with their machines, started, stopped, killed and paused.

use std::sync::Arc;

use renewd_core::{Client, ClientAuth, Owner, Profile, Secret, Setup, Span};
use renewd_driver::testing::CountedEntropy;
use renewd_driver::{Clock, Driver, DriverHandle, DriverOptions, Keeper, NoSigner, Ports};
use renewd_testkit::AsClass;

use super::World;
use super::callers::Caller;
use super::endpoint::Endpoint;
use super::journal::Voice;
use super::life::Life;
use super::store::ProcessStore;
use crate::scenario::{On, ProcessAction};

/// How long a stopping process may take at the most: its own grace, and a little.
const STOP_MAX: Span = Span::from_mins(2);

/// One process that was started.
pub(super) struct Process {
    pub(super) life: Life,
    pub(super) handle: DriverHandle,
    pub(super) keeper: Keeper,
    /// It is ending in order.
    stopping: bool,
    /// Another is to be started in its place.
    again: bool,
}

impl Process {
    /// Whether it runs and is to go on.
    pub(super) fn is_live(&self) -> bool {
        !self.life.is_over() && !self.stopping
    }
}

impl World<'_> {
    /// Starts those that do not run.
    pub(super) fn start_all(&mut self) {
        for number in 1..=self.scenario.processes {
            self.start(number);
        }
    }

    pub(super) fn start(&mut self, number: u32) {
        let place = number as usize - 1;
        if let Some(process) = self.processes[place].as_mut().filter(|p| !p.life.is_over()) {
            // One that is ending makes room first.
            process.again |= process.stopping;
            return;
        }
        self.lives += 1;
        let life = Life::new(&self.machine, number, self.lives);
        self.living().push(life.clone());
        let mut store =
            ProcessStore::new(&self.disk, &life, &self.machine, &self.oracle, &self.outside.triggers);
        store.latency = self.scenario.store_latency;
        let voice = Voice {
            journal: self.journal.clone(),
            life: life.clone(),
            oracle: self.oracle.clone(),
            several: self.scenario.processes > 1,
        };
        let ports = Ports {
            endpoint: Arc::new(Endpoint::new(&self.outside, &self.machine, &life, &self.oracle)),
            store: Arc::new(store),
            clock: Arc::new(self.machine.clone()),
            timer: Arc::new(self.machine.clone()),
            entropy: Arc::new(CountedEntropy::new(life.id)),
            signer: Arc::new(NoSigner),
            observer: Arc::new(voice),
        };
        let (driver, handle) = Driver::new(ports, DriverOptions::default());
        self.executor.spawn(life.keep(driver.run()));
        let keeper = handle.add(self.name.clone(), self.setup(life.id), self.scenario.seed ^ life.id);
        let process = Process { life, handle, keeper, stopping: false, again: false };
        if let Some(interval) = self.scenario.callers {
            let caller = self.caller(&process);
            self.executor.spawn(process.life.keep(caller.every(interval)));
        }
        self.processes[place] = Some(process);
    }

    pub(super) fn caller(&self, process: &Process) -> Caller {
        Caller {
            keeper: process.keeper.clone(),
            life: process.life.clone(),
            machine: self.machine.clone(),
            outside: self.outside.clone(),
            oracle: self.oracle.clone(),
            journal: self.journal.clone(),
        }
    }

    /// The numbers of those that an entry is about.
    pub(super) fn meant(&self, on: On) -> Vec<u32> {
        match on {
            On::One(number) => vec![number],
            On::All => (1..=self.scenario.processes).collect(),
            On::Any => {
                let live = |n: &u32| self.live(*n).is_some();
                let busy = self.oracle.busy_process().filter(live);
                busy.or_else(|| (1..=self.scenario.processes).find(live)).into_iter().collect()
            }
        }
    }

    /// The process of that number, where it runs and is to go on.
    pub(super) fn live(&self, number: u32) -> Option<&Process> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.processes.get(place)?.as_ref().filter(|p| p.is_live())
    }

    pub(super) fn act(&mut self, action: ProcessAction, number: u32) {
        let Some(process) = self.live(number) else {
            if matches!(action, ProcessAction::Start | ProcessAction::Restart) {
                self.start(number);
            }
            return;
        };
        let life = process.life.clone();
        match action {
            ProcessAction::Start => {}
            ProcessAction::Stop => self.begin_stop(number, false),
            ProcessAction::Restart => self.begin_stop(number, true),
            ProcessAction::Kill => self.kill(&life),
            ProcessAction::Pause => life.pause(),
            ProcessAction::Resume => life.resume(),
            ProcessAction::Reload => process.keeper.policy_changed(self.setup(life.id)),
        }
    }

    pub(super) fn kill(&mut self, life: &Life) {
        life.end();
        self.killed.insert(life.id);
        self.executor.run_ready();
    }

    /// Every process dies.
    pub(super) fn kill_all(&mut self) {
        let all: Vec<Life> = self.processes.iter().flatten().map(|p| p.life.clone()).collect();
        for life in all {
            let over = life.is_over();
            life.end();
            if !over {
                self.killed.insert(life.id);
            }
        }
        self.executor.run_ready();
    }

    /// It ends in order, which takes its time.
    fn begin_stop(&mut self, number: u32, again: bool) {
        let Some(process) = self.processes[number as usize - 1].as_mut() else { return };
        process.stopping = true;
        process.again = again;
        let (life, ended) = (process.life.clone(), process.handle.shutdown());
        let (journal, oracle, triggers) =
            (self.journal.clone(), self.oracle.clone(), self.outside.triggers.clone());
        self.executor.spawn(process.life.keep(async move {
            for (_, sentence) in ended.await.lost {
                journal.say(format!("! lost at the stop: {sentence}"));
                oracle.told_loss(&life);
            }
            life.end();
            triggers.ended(&life);
        }));
        let (life, oracle, machine) = (process.life.clone(), self.oracle.clone(), self.machine.clone());
        self.executor.spawn(process.life.keep(async move {
            machine.sleep(STOP_MAX).await;
            oracle.broken(14, &format!("process {} did not stop within {STOP_MAX}", life.number));
        }));
    }

    /// A process has ended in order: perhaps another is to take its place.
    pub(super) fn ended(&mut self, life: &Life) {
        let place = life.number as usize - 1;
        if self.processes[place].as_ref().is_some_and(|p| p.life.id == life.id && p.again) {
            self.start(life.number);
        }
    }

    /// Stops those that run, one after the other.
    pub(super) fn stop_all(&mut self) {
        for number in 1..=self.scenario.processes {
            if self.live(number).is_none() {
                continue;
            }
            self.begin_stop(number, false);
            let Some(life) = self.processes[number as usize - 1].as_ref().map(|p| p.life.clone()) else {
                continue;
            };
            let mut waited = Span::ZERO;
            while !life.is_over() && waited <= STOP_MAX {
                self.executor.run_for(Span::from_secs(1));
                waited = waited + Span::from_secs(1);
            }
        }
    }

    fn client_auth(&self) -> ClientAuth {
        match &self.scenario.server.client_secret {
            Some(secret) => ClientAuth::Post(Secret::from(secret.as_str())),
            None => ClientAuth::None,
        }
    }

    fn setup(&self, life: u64) -> Setup {
        let class = self.scenario.server.class;
        let profile = Profile {
            name: "simulated".into(),
            as_class: core_class(class),
            grace: Span::from_millis(if class == AsClass::P3 { self.scenario.server.grace_ms } else { 0 }),
            ..Profile::GENERIC
        };
        let owner = Owner {
            host: "simulated".into(),
            boot_id: self.machine.boot_id(),
            pid: u32::try_from(life).unwrap_or(u32::MAX),
            start_time: self.machine.now().boot.as_millis(),
        };
        Setup {
            policy: Arc::new(self.scenario.policy.clone()),
            profile: Arc::new(profile),
            client: Arc::new(Client { auth: self.client_auth(), ..Client::public(self.client_id()) }),
            owner: Arc::new(owner),
        }
    }
}

fn core_class(class: AsClass) -> renewd_core::AsClass {
    renewd_core::AsClass::from_name(class.name()).unwrap_or_default()
}
