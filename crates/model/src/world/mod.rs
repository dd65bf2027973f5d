//! Everything around the processes: the store, the claim, the wire, the server, and what was promised.

mod act;
mod disk;
mod heal;
mod judge;
mod wire;

use crate::process::{Command, Process};
use crate::promise::Promise;
use crate::record::{Attempt, Stored, Token};
use crate::server::Server;
use crate::setting::{Bounds, Fault, Setting};

use disk::Disk;
pub(crate) use wire::{Request, Stage};

/// A process and what the world knows of it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Slot<P: Process> {
    /// None: dead.
    pub(crate) life: Option<P>,
    /// Commands that were not carried out yet, oldest first.
    pub(crate) queue: Vec<Command<P::Record>>,
    /// The write in front was renamed, and not yet synced.
    pub(crate) renamed: bool,
    /// How long it has stood still.
    pub(crate) paused: Option<u8>,
    /// The record changed since it looked.
    pub(crate) stale: bool,
    /// It was given this refresh token and did not save it yet.
    pub(crate) holding: Option<Token>,
    /// How long ago it was told to stop.
    pub(crate) stopping: Option<u8>,
}

/// What is remembered for the promises only.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub(crate) struct Ghost {
    /// Broken promises, as a set of bits.
    pub(crate) broken: u32,
    /// The login that stands; none: logged out.
    pub(crate) login: Option<u8>,
    /// The greatest version that was reported as committed.
    pub(crate) committed: (u8, u8),
    /// Requests since the last success or login.
    pub(crate) spent: u8,
    /// While nothing went wrong yet: the version whose refresh token was sent last.
    pub(crate) clean: bool,
    pub(crate) last_sent: Option<(u8, u8)>,
    /// An access token was used before the refresh token that came with it was saved (P4).
    pub(crate) used_unsaved: bool,
    /// A recovery began early enough in the grace, and nothing went wrong since (P3).
    pub(crate) in_time: bool,
}

/// One state of everything.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct World<P: Process> {
    pub(crate) clock: P::Clock,
    pub(crate) slots: Vec<Slot<P>>,
    pub(crate) disk: Disk<P::Record>,
    /// Who holds the claim.
    pub(crate) claim: Option<usize>,
    pub(crate) wire: Vec<Request>,
    pub(crate) server: Server,
    pub(crate) left: Bounds,
    pub(crate) ghost: Ghost,
}

/// One step.
#[expect(clippy::exhaustive_enums, reason = "the environment's whole alphabet")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// One unit of time passes: nobody who is awake has anything to do.
    Time,
    /// Somebody asks that process for a refresh.
    Wish(usize),
    /// A process's wait is over.
    Tick(usize),
    /// Its next command is carried out, or its write goes on.
    Run(usize),
    /// It learns that the record changed.
    Watch(usize),
    /// It is told of a login or logout, with the record.
    Told(usize),
    /// It uses its access token (P4: the server learns that the answer arrived).
    UseToken(usize),
    /// A request arrives at the server.
    Deliver(usize),
    /// An answer arrives at its process.
    Answer(usize),
    /// The deadline of a request passes, of which its sender heard nothing: its socket is closed.
    Timeout(usize),
    /// The same, where nothing but time was in the way.
    Stall(usize),
    /// Somebody logs in.
    Login,
    /// Somebody logs out.
    Logout,
    /// A paused process goes on.
    Resume(usize),
    /// A process starts where one had died.
    Restart(usize),
    /// A process dies.
    Crash(usize),
    /// A process stands still.
    Pause(usize),
    /// A request is lost on its way; its sender learns nothing.
    LoseRequest(usize),
    /// A connection is reset: its sender learns that no answer will come.
    Reset(usize),
    /// The connection for a request cannot be made.
    Unreachable(usize),
    /// An answer tells nothing: the server failed before it looked.
    UnclearBefore(usize),
    /// An answer tells nothing: the server had done it.
    UnclearAfter(usize),
    /// A complete answer from somebody else.
    Bounce(usize),
    /// The store cannot be read under the claim.
    ReadFails(usize),
    /// The write fails and nothing stands there.
    WriteFails(usize),
    /// The write fails and stands there.
    SyncFails(usize),
    /// The write succeeds and does not stand there.
    WriteLies(usize),
    /// The machine starts again.
    Reboot,
    /// The same, and what was not synced is gone.
    PowerCut,
    /// A process is told to stop.
    Shutdown(usize),
}

impl Step {
    /// Whether something goes wrong.
    pub const fn is_fault(self) -> bool {
        match self {
            Self::Time
            | Self::Wish(_)
            | Self::Tick(_)
            | Self::Run(_)
            | Self::Watch(_)
            | Self::Told(_)
            | Self::UseToken(_)
            | Self::Deliver(_)
            | Self::Answer(_)
            | Self::Timeout(_)
            | Self::Login
            | Self::Logout
            | Self::Resume(_)
            | Self::Restart(_) => false,
            Self::Stall(_)
            | Self::Crash(_)
            | Self::Pause(_)
            | Self::LoseRequest(_)
            | Self::Reset(_)
            | Self::Unreachable(_)
            | Self::UnclearBefore(_)
            | Self::UnclearAfter(_)
            | Self::Bounce(_)
            | Self::ReadFails(_)
            | Self::WriteFails(_)
            | Self::SyncFails(_)
            | Self::WriteLies(_)
            | Self::Reboot
            | Self::PowerCut
            | Self::Shutdown(_) => true,
        }
    }
}

impl<P: Process> Slot<P> {
    fn dead() -> Self {
        Self {
            life: None,
            queue: Vec::new(),
            renamed: false,
            paused: None,
            stale: false,
            holding: None,
            stopping: None,
        }
    }

    pub(crate) fn awake(&self) -> Option<&P> {
        self.life.as_ref().filter(|_| self.paused.is_none())
    }
}

impl<P: Process> World<P> {
    /// Somebody has logged in, and the processes start.
    pub fn new(setting: &Setting) -> Self {
        let mut server = Server::default();
        let token = server.login(setting);
        let mut world = Self {
            clock: P::Clock::default(),
            slots: vec![Slot::dead(); setting.processes],
            disk: Disk::new(P::Record::login(setting, 1, token)),
            claim: None,
            wire: Vec::new(),
            server,
            left: setting.bounds,
            ghost: Ghost { clean: true, login: Some(token.grant), committed: (1, 0), ..Ghost::default() },
        };
        for i in 0..setting.processes {
            world.start(setting, i);
            // Whoever shares a login has usually read it long ago.
            world.run(setting, i);
        }
        world
    }

    /// Whether that promise was broken on the way here.
    pub fn broken(&self, promise: Promise) -> bool {
        self.ghost.broken & promise.bit() != 0
    }

    /// The processes that live.
    pub fn processes(&self) -> impl Iterator<Item = &P> {
        self.slots.iter().filter_map(|slot| slot.life.as_ref())
    }

    /// Whether any was.
    pub fn any_broken(&self) -> bool {
        self.ghost.broken != 0
    }

    pub(crate) fn breaks(&mut self, promise: Promise) {
        self.ghost.broken |= promise.bit();
    }

    pub(crate) fn breaks_if(&mut self, broken: bool, promise: Promise) {
        if broken {
            self.breaks(promise);
        }
    }

    fn start(&mut self, setting: &Setting, i: usize) {
        let (process, commands) = P::start(setting, &self.clock, i);
        self.slots[i] = Slot { life: Some(process), queue: commands, ..Slot::dead() };
    }

    /// A name for an attempt that nobody knows yet.
    pub(crate) fn fresh_attempt(&self) -> Attempt {
        let on_disk = [&self.disk.seen, &self.disk.durable];
        let disk = on_disk.into_iter().filter_map(|r| r.view().intent).map(|i| i.attempt);
        let wire = self.wire.iter().map(|r| r.attempt);
        let known = disk.chain(wire).fold(0u128, |set, attempt| set | 1 << attempt);
        let lives = self.slots.iter().filter_map(|s| s.life.as_ref());
        let known = lives.fold(known, |set, life| set | life.attempts());
        known.trailing_ones() as Attempt
    }

    /// Everything that may happen next.
    pub fn steps(&self, setting: &Setting, steps: &mut Vec<Step>) {
        if self.any_broken() {
            return;
        }
        self.progress(setting, steps);
        for (i, slot) in self.slots.iter().enumerate() {
            if slot.awake().is_some() {
                self.asks(setting, i, steps);
            }
        }
        if self.left.logins > 0 && !self.write_in_progress() {
            steps.push(Step::Login);
            if self.ghost.login.is_some() {
                steps.push(Step::Logout);
            }
        }
        if self.left.faults > 0 {
            self.troubles(setting, steps);
        }
    }

    /// What happens by itself, faults and people aside.
    pub(crate) fn progress(&self, setting: &Setting, steps: &mut Vec<Step>) {
        for (i, slot) in self.slots.iter().enumerate() {
            match (&slot.life, slot.paused) {
                (None, _) => steps.push(Step::Restart(i)),
                (Some(_), Some(_)) => steps.push(Step::Resume(i)),
                (Some(life), None) => {
                    if !slot.queue.is_empty() {
                        steps.push(Step::Run(i));
                    }
                    if life.due(&self.clock) {
                        steps.push(Step::Tick(i));
                    }
                    if slot.stale {
                        steps.push(Step::Watch(i));
                    }
                }
            }
        }
        for (n, request) in self.wire.iter().enumerate() {
            self.travels(setting, n, request, steps);
        }
        if self.time_may_pass(setting) {
            steps.push(Step::Time);
        }
    }

    fn asks(&self, setting: &Setting, i: usize, steps: &mut Vec<Step>) {
        use renewd_core::{AsClass, Phase};
        let Some(life) = &self.slots[i].life else { return };
        let seen = life.seen(&self.clock);
        let idle = matches!(
            seen.phase,
            Phase::Fresh | Phase::Backoff | Phase::Settling | Phase::Unsaved | Phase::Unauthenticated
        );
        if self.left.wishes > 0 && idle && self.slots[i].stopping.is_none() {
            steps.push(Step::Wish(i));
        }
        let newer = seen.record.is_none_or(|r| r.epoch < self.disk.seen.view().epoch);
        if self.slots[i].stale && newer {
            steps.push(Step::Told(i));
        }
        if setting.class == AsClass::P4 && seen.record.and_then(|r| r.refresh_token).is_some() {
            steps.push(Step::UseToken(i));
        }
    }

    /// The faults.
    fn troubles(&self, setting: &Setting, steps: &mut Vec<Step>) {
        let mut may = |fault: Fault, step: Step| {
            if setting.allows(fault) {
                steps.push(step);
            }
        };
        for (i, slot) in self.slots.iter().enumerate() {
            if slot.life.is_none() {
                continue;
            }
            may(Fault::Crash, Step::Crash(i));
            if slot.paused.is_some() {
                continue;
            }
            may(Fault::Pause, Step::Pause(i));
            if slot.stopping.is_none() {
                may(Fault::Shutdown, Step::Shutdown(i));
            }
            match slot.queue.first() {
                Some(Command::Claim) if self.claim.is_none() => may(Fault::ReadFails, Step::ReadFails(i)),
                Some(Command::Mark(..) | Command::Commit(..)) if slot.renamed => {
                    may(Fault::SyncFails, Step::SyncFails(i));
                }
                Some(Command::Mark(..) | Command::Commit(..)) => {
                    may(Fault::WriteFails, Step::WriteFails(i));
                    may(Fault::WriteLies, Step::WriteLies(i));
                }
                _ => {}
            }
        }
        for (n, request) in self.wire.iter().enumerate() {
            let arrived = request.stage != Stage::Sent;
            if request.stage == Stage::Lost {
                continue;
            }
            if !arrived {
                may(Fault::LostRequest, Step::LoseRequest(n));
            }
            if request.open {
                may(Fault::LostAnswer, Step::Reset(n));
            }
            if request.open && request.age == setting.deadline {
                may(Fault::Stalled, Step::Stall(n));
            }
            if request.open && !arrived && request.age == 0 {
                may(Fault::NeverSent, Step::Unreachable(n));
            }
            if request.open && !arrived {
                may(Fault::Unclear, Step::UnclearBefore(n));
                may(Fault::Unclear, Step::UnclearAfter(n));
                may(Fault::Bounced, Step::Bounce(n));
            }
        }
        may(Fault::Reboot, Step::Reboot);
        if self.disk.unsynced() {
            may(Fault::PowerCut, Step::PowerCut);
        }
    }

    /// Somebody alive holds the *write* lock.
    pub(crate) fn write_in_progress(&self) -> bool {
        self.slots.iter().any(|s| s.renamed)
    }
}
