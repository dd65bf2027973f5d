//! Two or three processes, each with the real machine, over one disk, one network and one server, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use renewd_core::*;
use renewd_testkit::{AsConfig, AsModel};

use super::checks::Checks;
use super::disk::Disk;
use super::network::{Fate, Wire};
use crate::host::{identity, owner};

/// Inputs and commands of one moment that count as a loop without end.
const STEPS_MAX: usize = 10_000;

/// One process.
#[derive(Default)]
pub(crate) struct Process {
    /// None while it is not running.
    pub(crate) machine: Option<Lifecycle>,
    pub(crate) life: u32,
    inbox: VecDeque<Input>,
    ops: VecDeque<Command>,
    /// Stopped (SIGSTOP): it takes nothing in, and its sockets stay open.
    pub(crate) paused: bool,
    /// It goes one step at a time, when told.
    pub(crate) slow: bool,
    /// It has said that it may exit.
    drained: bool,
    /// The last version that its callers saw.
    pub(crate) published: (u64, u64),
}

pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) now: Now,
    boot_id: BootId,
    /// Time as the network and the server know it: it goes on over reboots.
    pub(crate) true_ms: u64,
    pub(crate) disk: Disk,
    pub(crate) server: AsModel,
    pub(crate) processes: Vec<Process>,
    pub(crate) wires: Vec<Wire>,
    /// What becomes of the next requests.
    pub(crate) fates: VecDeque<Fate>,
    /// …and of all others.
    pub(crate) network_is: Fate,
    attempts: u128,
    pub(crate) checks: Checks,
}

impl World {
    pub(crate) fn new(processes: usize, config: AsConfig, profile: Profile) -> Self {
        let mut world = Self {
            setup: Setup {
                policy: Arc::new(Policy::default()),
                profile: Arc::new(profile),
                client: Arc::new(Client::public(config.client_id.clone())),
                owner: owner("box", BootId(1)),
            },
            now: Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_unix_millis(1_800_000_000_000) },
            boot_id: BootId(1),
            true_ms: 1_000_000,
            disk: Disk::default(),
            server: AsModel::new(config),
            processes: Vec::new(),
            wires: Vec::new(),
            fates: VecDeque::new(),
            network_is: Fate::Answered(200),
            attempts: 0,
            checks: Checks::default(),
        };
        world.log_in();
        world.processes.resize_with(processes, Process::default);
        for p in 0..processes {
            world.start(p);
        }
        world.run_ready();
        world
    }

    pub(crate) fn start(&mut self, p: usize) {
        let process = &mut self.processes[p];
        if process.machine.is_some() {
            return;
        }
        process.life += 1;
        process.published = (0, 0);
        (process.paused, process.slow, process.drained) = (false, false, false);
        let owner = Owner {
            boot_id: self.boot_id,
            pid: process.life * 10 + p as u32,
            ..owner("box", self.boot_id).as_ref().clone()
        };
        let setup = Setup { owner: Arc::new(owner), ..self.setup.clone() };
        process.machine = Some(Lifecycle::new(setup, u64::from(process.life) * 31 + p as u64));
        self.take_commands(p);
    }

    /// kill -9: the kernel frees its locks and closes its sockets; what they had sent may still land.
    pub(crate) fn crash(&mut self, p: usize) {
        let Process { machine, inbox, ops, life, .. } = &mut self.processes[p];
        if machine.take().is_none() {
            return;
        }
        inbox.clear();
        ops.clear();
        for wire in self.wires.iter_mut().filter(|w| (w.process, w.life) == (p, *life) && w.is_open()) {
            wire.closed_ms = Some(self.true_ms);
        }
        self.disk.claim.take_if(|holder| *holder == p);
        self.checks.died(p);
    }

    /// The machine is switched off and on: another boot id, and a boot clock that begins anew.
    pub(crate) fn reboot(&mut self) {
        (0..self.processes.len()).for_each(|p| self.crash(p));
        self.boot_id = BootId(self.boot_id.0 + 1);
        self.now.boot = Boot::from_millis(10_000);
        (0..self.processes.len()).for_each(|p| self.start(p));
        self.checks.rebooted();
    }

    pub(crate) fn log_in(&mut self) {
        let minted = self.server.mint_grant(self.true_ms);
        let grant = GrantMaterial {
            refresh_token: Some(Secret::from_string(minted.refresh_token)),
            ..GrantMaterial::default()
        };
        let identity = Identity { client_id: self.setup.client.id.clone(), ..identity() };
        let record = Record::new(self.disk.greatest.0 + 1, identity, Settings::default(), grant, self.now);
        self.disk.put(record);
        self.checks.stands(self.disk.record.as_ref());
        self.checks.logged_in();
    }

    pub(crate) fn log_out(&mut self) {
        if let Some(record) = &self.disk.record {
            let tombstone = record.tombstone(self.now);
            self.disk.put(tombstone);
            self.checks.logged_out();
        }
    }

    /// Hands one input to a process, when it takes any.
    pub(crate) fn tell(&mut self, p: usize, input: Input) {
        if self.processes[p].machine.is_some() {
            self.processes[p].inbox.push_back(input);
        }
    }

    /// One step of a process: the next input, or else the next store command.
    pub(crate) fn step(&mut self, p: usize) -> bool {
        let process = &mut self.processes[p];
        let Some(machine) = process.machine.as_mut().filter(|_| !process.paused) else { return false };
        if let Some(input) = process.inbox.pop_front() {
            machine.handle(self.now, input);
            self.take_commands(p);
            return true;
        }
        match process.ops.pop_front() {
            Some(op) => self.carry_out(p, op),
            None if process.drained => self.crash(p),
            None => return false,
        }
        true
    }

    /// Everybody goes on as far as no time passes.
    pub(crate) fn run_ready(&mut self) {
        for _ in 0..STEPS_MAX {
            let mut idle = true;
            for p in 0..self.processes.len() {
                idle &= self.processes[p].slow || !self.step(p);
            }
            if idle {
                return;
            }
        }
        panic!("the processes go on without end");
    }

    /// Lets time pass; the network, the timers and the processes do what becomes due.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.true_ms + span.as_millis();
        // A process that is ticked and stays due (its store waits for the next step) is asked again a second later.
        let mut asked = BTreeMap::new();
        loop {
            self.run_ready();
            let next = self.due(&asked).filter(|at| *at <= end);
            let Some(next) = next else { break };
            self.advance(next.saturating_sub(self.true_ms));
            self.network();
            for p in 0..self.processes.len() {
                if self.wake(p).is_some_and(|at| at <= self.true_ms) {
                    asked.insert(p, self.true_ms + 1000);
                    self.tell(p, Input::Tick);
                } else {
                    asked.remove(&p);
                }
            }
        }
        self.advance(end.saturating_sub(self.true_ms));
        self.run_ready();
    }

    fn advance(&mut self, millis: u64) {
        let span = Span::from_millis(millis);
        self.true_ms += millis;
        self.now = Now { boot: self.now.boot + span, wall: self.now.wall + span };
    }

    fn due(&self, asked: &BTreeMap<usize, u64>) -> Option<u64> {
        let wires = self.wires.iter().filter_map(|w| w.due(self.hears(w.process, w.life)));
        let wakes = (0..self.processes.len())
            .filter_map(|p| Some(self.wake(p)?.max(asked.get(&p).copied().unwrap_or_default())));
        wires.chain(wakes).map(|at| at.max(self.true_ms)).min()
    }

    fn wake(&self, p: usize) -> Option<u64> {
        let process = &self.processes[p];
        let machine = process.machine.as_ref().filter(|_| !process.paused)?;
        let at = machine.poll_timeout()?.at;
        Some(self.true_ms + at.since(self.now.boot).as_millis())
    }

    fn hears(&self, p: usize, life: u32) -> bool {
        let process = &self.processes[p];
        process.machine.is_some() && process.life == life && !process.paused
    }

    /// What is due on the network happens.
    pub(crate) fn network(&mut self) {
        for i in 0..self.wires.len() {
            let (p, life, attempt) = (self.wires[i].process, self.wires[i].life, self.wires[i].attempt);
            let heard = self.hears(p, life);
            let answer = self.wires[i].happen(self.true_ms, heard, &mut self.server);
            if let Some(answer) = answer {
                self.checks.answered(p, &self.wires[i].token, &answer, self.disk.record.as_ref());
                self.tell(p, Input::Answer { attempt, answer, sent: Vec::new() });
            }
        }
    }

    fn take_commands(&mut self, p: usize) {
        while let Some(command) = self.processes[p].machine.as_mut().and_then(Lifecycle::poll_command) {
            match command {
                Command::Load
                | Command::Claim
                | Command::Mark { .. }
                | Command::Commit { .. }
                | Command::Release => self.processes[p].ops.push_back(command),
                Command::Send { attempt, request } => {
                    let fate = self.fates.pop_front().unwrap_or(self.network_is);
                    let from = (p, self.processes[p].life);
                    let wire = Wire::new(from, attempt, &request, fate, self.true_ms);
                    let (token, now) = (wire.token.as_str(), self.true_ms);
                    self.checks.sent(attempt, token, now, &self.disk, &self.wires, &self.setup);
                    self.wires.push(wire);
                }
                Command::Abort { attempt } => {
                    let now_ms = self.true_ms;
                    let wire = self.wires.iter_mut().find(|w| w.attempt == attempt && w.is_open());
                    if let Some(answer) = wire.map(|w| w.cut(FailureKind::Aborted, now_ms)) {
                        self.tell(p, Input::Answer { attempt, answer, sent: Vec::new() });
                    }
                }
                Command::Revoke { requests } => {
                    for request in &requests {
                        let body = request.body.expose_str().expect("a form is text");
                        let token = body.split('&').find_map(|f| f.strip_prefix("token=")).expect("a token");
                        self.checks.revoked(token, &mut self.server, &self.disk);
                    }
                    self.tell(p, Input::Revoked);
                }
                Command::Publish(Publication::Token(token)) => {
                    let process = &mut self.processes[p];
                    let version = (token.epoch, token.generation);
                    assert!(
                        version >= process.published,
                        "5: a consumer saw {version:?} after {:?}",
                        process.published
                    );
                    process.published = version;
                }
                Command::Changed { to, cause, .. } => {
                    let record = self.processes[p].machine.as_ref().and_then(|m| m.record());
                    self.checks.changed(to, cause, record);
                }
                Command::Report(report) => self.checks.reported(&report),
                Command::Drained { .. } => self.processes[p].drained = true,
                Command::Publish(Publication::Unavailable(_)) | Command::Advise(_) => {}
            }
        }
    }

    /// Carries out one store command.
    fn carry_out(&mut self, p: usize, op: Command) {
        let input = match op {
            Command::Load => Input::Loaded(self.disk.load()),
            Command::Claim => {
                self.attempts += 1;
                self.disk.try_claim(p, AttemptId(self.attempts))
            }
            Command::Mark { ticket, record, fence } => {
                assert_eq!(self.disk.claim, Some(p), "a mark needs the claim");
                match self.disk.write(*record, fence) {
                    Ok(()) => {
                        self.checks.marked(self.disk.record.as_ref());
                        Input::Marked(ticket)
                    }
                    Err(failure) => Input::MarkFailed(ticket, failure),
                }
            }
            Command::Commit { ticket, record, fence } => {
                assert_eq!(self.disk.claim, Some(p), "a commit needs the claim");
                match self.disk.write(*record, fence) {
                    Ok(()) => Input::Committed(ticket),
                    Err(failure) => Input::CommitFailed(ticket, failure),
                }
            }
            Command::Release => {
                assert_eq!(self.disk.claim.take(), Some(p), "only a held claim is given back");
                return;
            }
            Command::Send { .. }
            | Command::Abort { .. }
            | Command::Publish(_)
            | Command::Changed { .. }
            | Command::Advise(_)
            | Command::Report(_)
            | Command::Revoke { .. }
            | Command::Drained { .. } => unreachable!("not the store's"),
        };
        self.checks.stands(self.disk.record.as_ref());
        self.processes[p].inbox.push_back(input);
    }
}
