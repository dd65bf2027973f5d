//! What each step does.

use crate::mutant::Mutant;
use crate::process::{Answer, Command, Failure, Fence, Input, Process};
use crate::promise::Promise;
use crate::record::Stored;
use crate::setting::{Bounds, Setting};
use crate::world::wire::{Request, Stage};
use crate::world::{Slot, Step, World};

impl<P: Process> World<P> {
    /// The world after that step.
    #[must_use]
    pub fn after(&self, setting: &Setting, step: Step) -> Self {
        let mut next = self.clone();
        next.act(setting, step);
        next
    }

    pub(crate) fn act(&mut self, setting: &Setting, step: Step) {
        match step {
            Step::Time => self.elapse(setting),
            Step::Wish(i) => {
                self.left.wishes -= 1;
                self.tell(setting, i, Input::Refresh);
            }
            Step::Tick(i) => self.tell(setting, i, Input::Tick),
            Step::Run(i) => self.run(setting, i),
            Step::Watch(i) => {
                self.slots[i].stale = false;
                self.tell(setting, i, Input::StoreChanged);
            }
            Step::Told(i) => {
                self.slots[i].stale = false;
                let record = self.disk.seen.clone();
                self.tell(setting, i, Input::Replaced(record));
            }
            Step::UseToken(i) => self.use_token(i),
            Step::Deliver(n) => self.deliver(setting, n),
            Step::Answer(n) => {
                if let Stage::Answered(answer) = self.wire[n].stage {
                    self.end_request(setting, n, answer);
                }
            }
            Step::Timeout(n) => self.close_request(setting, n),
            Step::Login => self.log_in(setting),
            Step::Logout => self.log_out(setting),
            Step::Resume(i) => self.slots[i].paused = None,
            Step::Restart(i) => self.start(setting, i),
            _ => self.go_wrong(setting, step),
        }
        self.judge(setting);
    }

    fn go_wrong(&mut self, setting: &Setting, step: Step) {
        self.left.faults -= 1;
        self.ghost.clean = false;
        self.ghost.last_sent = None;
        self.ghost.in_time = false;
        match step {
            Step::Crash(i) => self.die(i),
            Step::Pause(i) => self.slots[i].paused = Some(0),
            Step::LoseRequest(n) => {
                self.wire[n].stage = Stage::Lost;
                self.wire.retain(|r| r.open || r.stage == Stage::Sent);
            }
            Step::Reset(n) | Step::Stall(n) => self.close_request(setting, n),
            Step::Unreachable(n) => self.end_request(setting, n, Answer::NeverSent),
            Step::UnclearBefore(n) => self.wire[n].stage = Stage::Answered(Answer::Unclear),
            Step::UnclearAfter(n) => {
                self.deliver(setting, n);
                self.wire[n].stage = Stage::Answered(Answer::Unclear);
            }
            Step::Bounce(n) => self.wire[n].stage = Stage::Answered(Answer::Bounced),
            Step::ReadFails(i) => {
                if let Some(Command::Claim) = self.pop(i) {
                    self.claim = Some(i);
                    let attempt = self.fresh_attempt();
                    self.tell(setting, i, Input::ClaimGranted { record: None, attempt });
                }
            }
            Step::WriteFails(i) | Step::SyncFails(i) => {
                self.slots[i].renamed = false;
                self.end_write(setting, i, Some(Failure::Fault));
            }
            Step::WriteLies(i) => {
                // Reading back finds it out; who does not read back believes it.
                let believed = setting.is(Mutant::NoReadBack);
                self.end_write(setting, i, (!believed).then_some(Failure::Fault));
            }
            Step::Reboot => self.reboot(false),
            Step::PowerCut => self.reboot(true),
            Step::Shutdown(i) => {
                self.slots[i].stopping = Some(0);
                self.tell(setting, i, Input::Shutdown);
            }
            _ => {}
        }
    }

    fn pop(&mut self, i: usize) -> Option<Command<P::Record>> {
        let queue = &mut self.slots[i].queue;
        if queue.is_empty() { None } else { Some(queue.remove(0)) }
    }

    /// Hands an input to a process and takes its commands.
    pub(crate) fn tell(&mut self, setting: &Setting, i: usize, input: Input<P::Record>) {
        let Some(mut life) = self.slots[i].life.take() else { return };
        let before = life.seen(&self.clock).record.map(|r| r.version());
        let commands = life.handle(setting, &self.clock, input);
        let after = life.seen(&self.clock).record.map(|r| r.version());
        self.slots[i].life = Some(life);
        self.breaks_if(before > after, Promise::VersionsGrow);
        // The store's commands keep their order; everything else is done at once.
        for command in commands {
            match command {
                Command::Send(attempt, token) => {
                    self.note_send(setting, i, attempt, token);
                    let stage = Stage::Sent;
                    self.wire.push(Request { attempt, token, from: i, open: true, age: 0, stage });
                }
                Command::Abort(attempt) => self.close_sockets(|r| r.from == i && r.attempt == attempt),
                Command::Revoke(token) => {
                    self.breaks_if(self.ghost.login == Some(token.grant), Promise::RevokesOnlyWhatIsOver);
                    self.server.revoke(token);
                }
                Command::Drained => {
                    self.note_drained(i);
                    return self.die(i);
                }
                stores @ (Command::Load
                | Command::Claim
                | Command::Mark(..)
                | Command::Commit(..)
                | Command::Release) => self.slots[i].queue.push(stores),
            }
        }
        self.give_back_at_once(i);
    }

    /// Giving the claim back takes no time.
    fn give_back_at_once(&mut self, i: usize) {
        while let Some(Command::Release) = self.slots[i].queue.first() {
            self.pop(i);
            if self.claim == Some(i) {
                self.claim = None;
            }
        }
    }

    /// Carries out the command in front.
    pub(crate) fn run(&mut self, setting: &Setting, i: usize) {
        let Some(command) = self.slots[i].queue.first().cloned() else { return };
        match command {
            Command::Load => {
                self.pop(i);
                self.slots[i].stale = false;
                let record = self.disk.seen.clone();
                self.tell(setting, i, Input::Loaded(record));
            }
            Command::Claim => {
                self.pop(i);
                self.try_claim(setting, i);
            }
            Command::Mark(_, record, fence) | Command::Commit(_, record, fence) => {
                self.write(setting, i, &record, fence);
            }
            Command::Send(..)
            | Command::Abort(_)
            | Command::Release
            | Command::Revoke(_)
            | Command::Drained => {}
        }
        self.give_back_at_once(i);
    }

    fn try_claim(&mut self, setting: &Setting, i: usize) {
        if self.claim.is_some_and(|holder| holder != i) {
            return self.tell(setting, i, Input::ClaimDenied);
        }
        self.claim = Some(i);
        let attempt = self.fresh_attempt();
        let record = Some(self.disk.seen.clone());
        self.slots[i].stale = false;
        self.tell(setting, i, Input::ClaimGranted { record, attempt });
    }

    /// Compare and rename, under the *write* lock; then, in a step of its own, sync and read back.
    fn write(&mut self, setting: &Setting, i: usize, record: &P::Record, fence: Fence) {
        if self.slots[i].renamed {
            self.slots[i].renamed = false;
            self.disk.sync();
            return self.end_write(setting, i, None);
        }
        if !self.disk.admits(setting, record, fence) {
            let stands = self.disk.seen.clone();
            return self.end_write(setting, i, Some(Failure::Fenced(stands)));
        }
        let again = self.disk.seen == *record;
        self.breaks_if(!again && !self.disk.holds(fence), Promise::CommitOverItsOrigin);
        self.put(i, record.clone());
        self.slots[i].renamed = true;
    }

    /// Another record stands there.
    fn put(&mut self, by: usize, record: P::Record) {
        if self.disk.seen == record {
            return;
        }
        self.breaks_if(record.view().version() < self.disk.seen.view().version(), Promise::VersionsGrow);
        if record.view().version() > self.disk.seen.view().version() {
            self.ghost.spent = 0;
        }
        self.disk.seen = record;
        for (i, slot) in self.slots.iter_mut().enumerate() {
            slot.stale |= i != by && slot.life.is_some();
        }
    }

    fn end_write(&mut self, setting: &Setting, i: usize, failure: Option<Failure<P::Record>>) {
        let input = match (self.pop(i), failure) {
            (Some(Command::Mark(ticket, ..)), None) => Input::Marked(ticket),
            (Some(Command::Mark(ticket, ..)), Some(failure)) => Input::MarkFailed(ticket, failure),
            (Some(Command::Commit(ticket, record, _)), None) => {
                self.note_committed(setting, i, &record);
                Input::Committed(ticket)
            }
            (Some(Command::Commit(ticket, ..)), Some(failure)) => Input::CommitFailed(ticket, failure),
            _ => return,
        };
        self.tell(setting, i, input);
    }

    fn use_token(&mut self, i: usize) {
        let Some(life) = &self.slots[i].life else { return };
        if let Some(token) = life.seen(&self.clock).record.and_then(|r| r.refresh_token) {
            self.server.acknowledge(token);
            self.ghost.used_unsaved |= !self.server.was_saved(token);
        }
    }

    fn deliver(&mut self, setting: &Setting, n: usize) {
        let request = self.wire[n];
        let held = self.holds_newest(request.token.grant);
        let (answer, verdict) = self.server.token_request(setting, request.token);
        self.note_verdict(setting, request.token, verdict, held);
        self.wire[n].stage = Stage::Answered(answer);
        self.wire.retain(|r| r.open || r.stage == Stage::Sent);
    }

    /// The answer reaches its process, which closes the socket.
    fn end_request(&mut self, setting: &Setting, n: usize, answer: Answer) {
        let request = self.wire.remove(n);
        if let Answer::Tokens(Some(token)) = answer {
            self.slots[request.from].holding = Some(token);
        }
        self.tell(setting, request.from, Input::Answer { attempt: request.attempt, answer });
    }

    /// No answer came: the socket is closed, and the request may still arrive.
    fn close_request(&mut self, setting: &Setting, n: usize) {
        let request = self.wire[n];
        self.close_sockets(|r| *r == request);
        self.tell(setting, request.from, Input::Answer { attempt: request.attempt, answer: Answer::Lost });
    }

    fn log_in(&mut self, setting: &Setting) {
        self.left.logins -= 1;
        let token = self.server.login(setting);
        let epoch = self.disk.seen.view().epoch + u8::from(!setting.is(Mutant::LoginSameEpoch));
        let record = P::Record::login(setting, epoch, token);
        self.ghost.login = Some(token.grant);
        self.replace_record(record);
    }

    fn log_out(&mut self, setting: &Setting) {
        self.left.logins -= 1;
        let old = self.disk.seen.view();
        let record = self.disk.seen.tombstone(setting, old.epoch + 1);
        self.ghost.login = None;
        self.replace_record(record);
        if let Some(token) = old.refresh_token {
            self.server.revoke(token);
        }
    }

    fn replace_record(&mut self, record: P::Record) {
        let version = record.view().version();
        self.breaks_if(version <= self.disk.seen.view().version(), Promise::VersionsGrow);
        self.put(usize::MAX, record);
        self.disk.sync();
        self.ghost.committed = self.ghost.committed.max(version);
        self.ghost.in_time = false;
    }

    fn die(&mut self, i: usize) {
        self.slots[i] = Slot::dead();
        self.close_sockets(|r| r.from == i);
        if self.claim == Some(i) {
            self.claim = None;
        }
    }

    fn reboot(&mut self, loses: bool) {
        for i in 0..self.slots.len() {
            self.die(i);
        }
        if loses {
            self.disk.seen = self.disk.durable.clone();
        } else {
            self.disk.sync();
        }
        P::reboot_clock(&mut self.clock);
        self.disk.seen.reboot();
        self.disk.durable.reboot();
    }

    /// Nobody who is awake has anything to do at once.
    pub(crate) fn time_may_pass(&self, setting: &Setting) -> bool {
        let ready = self.slots.iter().all(|slot| match (&slot.life, slot.paused) {
            (None, _) => true,
            (Some(_), Some(stood)) => stood < setting.pause_max,
            (Some(life), None) => slot.queue.is_empty() && !life.due(&self.clock),
        });
        let awake = |r: &Request| self.slots[r.from].awake().is_some();
        self.left.units > 0
            && (self.left.units == Bounds::FOR_EVER || self.somebody_waits())
            && ready
            && !self.wire.iter().any(|r| r.open && awake(r) && r.age >= setting.deadline)
    }

    fn elapse(&mut self, setting: &Setting) {
        if self.left.units < Bounds::FOR_EVER {
            self.left.units -= 1;
        }
        P::elapse_clock(&mut self.clock);
        self.disk.elapse(setting);
        self.server.elapse(setting);
        self.elapse_wire(setting);
        for slot in &mut self.slots {
            if let Some(life) = &mut slot.life {
                life.elapse(setting);
            }
            for command in &mut slot.queue {
                if let Command::Mark(_, record, _) | Command::Commit(_, record, _) = command {
                    record.elapse(setting);
                }
            }
            slot.paused = slot.paused.map(|stood| stood + 1);
            slot.stopping = slot.stopping.map(|age| setting.shutdown_grace.min(age + 1));
        }
    }
}
