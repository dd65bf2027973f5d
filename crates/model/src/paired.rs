//! The model's machine and the real core, told the same and expected to do the same: neither can drift from the other
//! without being noticed.

use crate::machine::Machine;
use crate::process::{Command, Failure, Fence, Input, Process, Seen};
use crate::real::{RealClock, RealProcess, RealRecord};
use crate::record::{Intent, Orphaned, Record, Stored, Token};
use crate::setting::Setting;

/// A record in both forms.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct PairedRecord {
    model: Record,
    real: RealRecord,
}

/// A process in both forms.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Paired {
    model: Machine,
    real: RealProcess,
    /// The first difference.
    differs: Option<String>,
}

/// What both have written down, without what only one of them writes so.
fn common(record: Record) -> Record {
    let intent = record.intent.map(|i| Intent {
        marked: 0,
        orphaned: i.orphaned.map(|_| Orphaned { this_boot: true, age: 0 }),
        ..i
    });
    // A budget of which nothing was ever spent is not written by core.
    Record { intent, not_before: 0, budget: 0, ..record }
}

impl Stored for PairedRecord {
    fn login(setting: &Setting, epoch: u8, token: Token) -> Self {
        Self { model: Record::login(setting, epoch, token), real: RealRecord::login(setting, epoch, token) }
    }

    fn tombstone(&self, setting: &Setting, epoch: u8) -> Self {
        Self { model: self.model.tombstone(setting, epoch), real: self.real.tombstone(setting, epoch) }
    }

    fn view(&self) -> Record {
        self.model
    }

    fn elapse(&mut self, setting: &Setting) {
        self.model.elapse(setting);
    }

    fn reboot(&mut self) {
        self.model.reboot();
    }
}

impl Paired {
    fn expect(&mut self, same: bool, what: impl FnOnce() -> String) {
        if !same && self.differs.is_none() {
            self.differs = Some(what());
        }
    }

    /// The commands of both as one, where they agree.
    fn pair(
        &mut self,
        told: &str,
        model: Vec<Command<Record>>,
        real: Vec<Command<RealRecord>>,
    ) -> Vec<Command<PairedRecord>> {
        let shown = (plain(&model, |r| common(*r)), plain(&real, |r| common(r.view())));
        self.expect(shown.0 == shown.1, || format!("{told}: the model {:?}, core {:?}", shown.0, shown.1));
        model.into_iter().zip(real).filter_map(|(m, r)| pair_command(m, r)).collect()
    }

    fn compare_views(&mut self, told: &str, clock: &RealClock) {
        let (model, real) = (self.model.seen(&()), self.real.seen(clock));
        let same = (model.phase, model.status) == (real.phase, real.status)
            && model.record.map(common) == real.record.map(common);
        self.expect(same, || format!("{told}: the model is {model:?}, core {real:?}"));
        let due = (self.model.due(&()), self.real.due(clock));
        self.expect(due.0 == due.1, || format!("{told}: due in the model {}, in core {}", due.0, due.1));
    }
}

/// Commands in a form that can be compared: tickets are each one's own matter.
fn plain<R: Clone>(commands: &[Command<R>], view: impl Fn(&R) -> Record) -> Vec<Command<Record>> {
    let plain = |command: &Command<R>| match command {
        Command::Load => Command::Load,
        Command::Claim => Command::Claim,
        Command::Mark(_, record, fence) => Command::Mark(0, view(record), *fence),
        Command::Commit(_, record, fence) => Command::Commit(0, view(record), *fence),
        Command::Send(attempt, token) => Command::Send(*attempt, *token),
        Command::Abort(attempt) => Command::Abort(*attempt),
        Command::Release => Command::Release,
        Command::Revoke(token) => Command::Revoke(*token),
        Command::Drained => Command::Drained,
    };
    commands.iter().map(plain).collect()
}

fn pair_command(model: Command<Record>, real: Command<RealRecord>) -> Option<Command<PairedRecord>> {
    let write = |ticket: u32, model: Record, real: RealRecord, fence: Fence| {
        (ticket, PairedRecord { model, real }, fence)
    };
    Some(match (model, real) {
        (Command::Mark(_, m, fence), Command::Mark(ticket, r, _)) => {
            let (ticket, record, fence) = write(ticket, m, r, fence);
            Command::Mark(ticket, record, fence)
        }
        (Command::Commit(_, m, fence), Command::Commit(ticket, r, _)) => {
            let (ticket, record, fence) = write(ticket, m, r, fence);
            Command::Commit(ticket, record, fence)
        }
        (Command::Load, _) => Command::Load,
        (Command::Claim, _) => Command::Claim,
        (Command::Send(attempt, token), _) => Command::Send(attempt, token),
        (Command::Abort(attempt), _) => Command::Abort(attempt),
        (Command::Release, _) => Command::Release,
        (Command::Revoke(token), _) => Command::Revoke(token),
        (Command::Drained, _) => Command::Drained,
        (Command::Mark(..) | Command::Commit(..), _) => return None,
    })
}

/// One half of an input. The model has no tickets.
fn half<R>(input: &Input<PairedRecord>, pick: impl Fn(&PairedRecord) -> R, keep: bool) -> Input<R> {
    let ticket = |t: &u32| if keep { *t } else { 0 };
    let failure = |f: &Failure<PairedRecord>| match f {
        Failure::Fenced(record) => Failure::Fenced(pick(record)),
        Failure::Fault => Failure::Fault,
    };
    match input {
        Input::Tick => Input::Tick,
        Input::Loaded(record) => Input::Loaded(pick(record)),
        Input::ClaimGranted { record, attempt } => {
            Input::ClaimGranted { record: record.as_ref().map(&pick), attempt: *attempt }
        }
        Input::ClaimDenied => Input::ClaimDenied,
        Input::Marked(t) => Input::Marked(ticket(t)),
        Input::MarkFailed(t, f) => Input::MarkFailed(ticket(t), failure(f)),
        Input::Answer { attempt, answer } => Input::Answer { attempt: *attempt, answer: *answer },
        Input::Committed(t) => Input::Committed(ticket(t)),
        Input::CommitFailed(t, f) => Input::CommitFailed(ticket(t), failure(f)),
        Input::StoreChanged => Input::StoreChanged,
        Input::Replaced(record) => Input::Replaced(pick(record)),
        Input::Refresh => Input::Refresh,
        Input::Shutdown => Input::Shutdown,
    }
}

impl Process for Paired {
    type Record = PairedRecord;
    type Clock = RealClock;

    fn elapse_clock(clock: &mut RealClock) {
        RealProcess::elapse_clock(clock);
    }

    fn reboot_clock(clock: &mut RealClock) {
        RealProcess::reboot_clock(clock);
    }

    fn start(setting: &Setting, clock: &RealClock, slot: usize) -> (Self, Vec<Command<PairedRecord>>) {
        let (model, commands) = Machine::start(setting, &(), slot);
        let (real, theirs) = RealProcess::start(setting, clock, slot);
        let mut pair = Self { model, real, differs: None };
        let commands = pair.pair("start", commands, theirs);
        (pair, commands)
    }

    fn handle(
        &mut self,
        setting: &Setting,
        clock: &RealClock,
        input: Input<PairedRecord>,
    ) -> Vec<Command<PairedRecord>> {
        self.compare_views("before", clock);
        let told = format!("{:?}, {}", self.model.seen(&()).phase, name(&input));
        let model = self.model.handle(setting, &(), half(&input, |r| r.model, false));
        let real = self.real.handle(setting, clock, half(&input, |r| r.real.clone(), true));
        let commands = self.pair(&told, model, real);
        self.compare_views(&told, clock);
        commands
    }

    fn elapse(&mut self, setting: &Setting) {
        self.model.elapse(setting);
        self.real.elapse(setting);
    }

    fn due(&self, clock: &RealClock) -> bool {
        self.model.due(&()) || self.real.due(clock)
    }

    fn seen(&self, _: &RealClock) -> Seen {
        self.model.seen(&())
    }

    fn attempts(&self) -> u128 {
        self.model.attempts() | self.real.attempts()
    }

    fn differs(&self) -> Option<&str> {
        self.differs.as_deref()
    }
}

fn name(input: &Input<PairedRecord>) -> String {
    let text = format!("{input:?}");
    String::from(text.split(['(', ' ']).next().unwrap_or_default())
}
