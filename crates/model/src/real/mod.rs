//! The real core as a process of the model: every input and command is translated, and nothing is decided here.
//!
//! One unit of time is one second, which is the longest that core waits for what the model takes to last a unit: a
//! claim's poll, a store's pause, the short retry. The policy makes everything else that core decides by time (refresh
//! windows, the long cadence, the budget's growth) longer than any search.

mod translate;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use renewd_core::{
    Access, AccessKey, AsClass, AttemptId, AuthRetryingPolicy, Boot, BootId, Client, GrantMaterial, Identity,
    Lifecycle, Loaded, Now, Owner, Policy, Profile, RefreshPolicy, RequestPolicy, RetryPolicy, Secret,
    Settings, Setup, Span, Stamp, StoreFault, StoreFaultKind, Ticket, Wall,
};

use crate::process::{Command, Failure, Input, Process, Seen};
use crate::record::{Record, RecordState, Stored, Token};
use crate::setting::Setting;

/// How long a boot clock ran before the search began, and how long after a reboot: not alike, so that nobody compares
/// them by chance.
const UPTIME_SECONDS: u32 = 1_000;

/// What tells a real process the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RealClock {
    boots: u8,
    boot_seconds: u32,
    wall_seconds: u32,
}

impl Default for RealClock {
    fn default() -> Self {
        Self { boots: 1, boot_seconds: UPTIME_SECONDS, wall_seconds: 0 }
    }
}

impl RealClock {
    fn now(self) -> Now {
        Now {
            boot: Boot::from_millis(u64::from(self.boot_seconds) * 1_000),
            wall: Wall::from_unix_millis(1_800_000_000_000 + i64::from(self.wall_seconds) * 1_000),
        }
    }

    fn boot_id(self) -> BootId {
        BootId(u128::from(self.boots))
    }
}

/// A record as core writes it.
#[derive(Clone)]
pub struct RealRecord {
    record: Arc<renewd_core::Record>,
    /// Of all that is in it.
    fingerprint: u64,
}

impl RealRecord {
    fn new(record: renewd_core::Record) -> Self {
        let mut hasher = DefaultHasher::new();
        record.hash(&mut hasher);
        Self { record: Arc::new(record), fingerprint: hasher.finish() }
    }

    fn boxed(&self) -> Box<renewd_core::Record> {
        Box::new((*self.record).clone())
    }
}

impl std::fmt::Debug for RealRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

impl Hash for RealRecord {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.fingerprint.hash(hasher);
    }
}

impl PartialEq for RealRecord {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Stored for RealRecord {
    fn login(_: &Setting, epoch: u8, token: Token) -> Self {
        let clock = RealClock::default();
        let now = clock.now();
        let access = Access {
            key: AccessKey::default(),
            token: Secret::from_string(String::from("at")),
            token_type: String::from("Bearer"),
            issued: Stamp::new(now, clock.boot_id()),
            lifetime: Span::from_secs(translate::EXPIRES_IN.into()),
            lifetime_given: true,
            granted: None,
            brought_by: None,
        };
        let grant = GrantMaterial {
            refresh_token: Some(translate::secret(token)),
            access: vec![access],
            ..GrantMaterial::default()
        };
        let record = renewd_core::Record::new(epoch.into(), identity(), Settings::default(), grant, now);
        Self::new(record)
    }

    fn tombstone(&self, _: &Setting, _: u8) -> Self {
        Self::new(self.record.tombstone(RealClock::default().now()))
    }

    fn view(&self) -> Record {
        translate::record(&self.record)
    }

    fn elapse(&mut self, _: &Setting) {}

    fn reboot(&mut self) {}
}

fn identity() -> Identity {
    Identity {
        token_endpoint: String::from("https://as.example/token"),
        revocation_endpoint: Some(String::from("https://as.example/revoke")),
        client_id: String::from("model"),
        profile: String::from("generic"),
        ..Identity::default()
    }
}

fn units(n: u8) -> Span {
    Span::from_secs(n.into())
}

/// The setting in core's words.
fn setup(setting: &Setting, clock: RealClock) -> Setup {
    let unit = units(1);
    let long = Span::from_hours(24 * 365);
    let policy = Policy {
        refresh: RefreshPolicy { settle: Some(units(setting.settle)), ..RefreshPolicy::default() },
        retry: RetryPolicy {
            initial: unit,
            max: unit,
            tries: u32::MAX,
            elapsed: long,
            budget: setting.budget.into(),
            budget_refill: long,
        },
        auth_retrying: AuthRetryingPolicy { interval: long, ceiling: long },
        request: RequestPolicy { timeout: units(setting.deadline), connect_timeout: unit },
        lifetime_default: Span::from_hours(24 * 30),
        accept_foreign_intents: false,
        shutdown_grace: units(setting.shutdown_grace),
    };
    let grace = if setting.class == AsClass::P3 { units(setting.grace) } else { Span::ZERO };
    let profile = Profile { name: "model".into(), as_class: setting.class, grace, ..Profile::GENERIC };
    let owner = Owner { host: String::from("model"), boot_id: clock.boot_id(), pid: 1, start_time: 1 };
    Setup {
        policy: Arc::new(policy),
        profile: Arc::new(profile),
        client: Arc::new(Client::public("model")),
        owner: Arc::new(owner),
    }
}

/// A real [`Lifecycle`].
#[derive(Clone)]
pub struct RealProcess {
    life: Arc<Lifecycle>,
    /// Of all that decides what it will do.
    fingerprint: u64,
    /// One more than the greatest name of an attempt that it was told.
    names: u8,
}

impl RealProcess {
    fn drain(&mut self) -> Vec<Command<RealRecord>> {
        let mut commands = Vec::new();
        let life = Arc::make_mut(&mut self.life);
        while let Some(command) = life.poll_command() {
            commands.extend(translate::command(command));
        }
        let mut hasher = DefaultHasher::new();
        life.fingerprint(&mut hasher);
        self.fingerprint = hasher.finish();
        commands
    }
}

impl std::fmt::Debug for RealProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RealProcess").field("record", &self.life.record().map(translate::record)).finish()
    }
}

impl Hash for RealProcess {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.fingerprint.hash(hasher);
        self.names.hash(hasher);
    }
}

impl PartialEq for RealProcess {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.fingerprint == other.fingerprint
    }
}

fn broken_store() -> StoreFault {
    StoreFault { kind: StoreFaultKind::Io, message: String::from("the model's store fails") }
}

fn loaded(record: RealRecord) -> Loaded {
    Loaded::Record(record.boxed())
}

fn failure(failure: Failure<RealRecord>) -> renewd_core::CommitFailure {
    match failure {
        Failure::Fenced(record) => renewd_core::CommitFailure::Fenced(loaded(record)),
        Failure::Fault => renewd_core::CommitFailure::Fault(broken_store()),
    }
}

impl Process for RealProcess {
    type Record = RealRecord;
    type Clock = RealClock;

    fn elapse_clock(clock: &mut RealClock) {
        clock.boot_seconds += 1;
        clock.wall_seconds += 1;
    }

    fn reboot_clock(clock: &mut RealClock) {
        clock.boots += 1;
        clock.boot_seconds = UPTIME_SECONDS / 2;
    }

    fn start(setting: &Setting, clock: &RealClock, slot: usize) -> (Self, Vec<Command<RealRecord>>) {
        let life = Lifecycle::new(setup(setting, *clock), slot as u64);
        let mut process = Self { life: Arc::new(life), fingerprint: 0, names: 0 };
        let commands = process.drain();
        (process, commands)
    }

    fn handle(
        &mut self,
        _: &Setting,
        clock: &RealClock,
        input: Input<RealRecord>,
    ) -> Vec<Command<RealRecord>> {
        let input = match input {
            Input::Tick => renewd_core::Input::Tick,
            Input::Loaded(record) => renewd_core::Input::Loaded(loaded(record)),
            Input::ClaimGranted { record, attempt } => {
                self.names = self.names.max(attempt + 1);
                let loaded = record.map_or_else(|| Loaded::Fault(broken_store()), loaded);
                renewd_core::Input::ClaimGranted { loaded, attempt: AttemptId(attempt.into()) }
            }
            Input::ClaimDenied => renewd_core::Input::ClaimDenied(None),
            Input::Marked(ticket) => renewd_core::Input::Marked(Ticket(ticket)),
            Input::MarkFailed(ticket, f) => renewd_core::Input::MarkFailed(Ticket(ticket), failure(f)),
            Input::Answer { attempt, answer } => renewd_core::Input::Answer {
                attempt: AttemptId(attempt.into()),
                answer: translate::answer(answer),
                sent: Vec::new(),
            },
            Input::Committed(ticket) => renewd_core::Input::Committed(Ticket(ticket)),
            Input::CommitFailed(ticket, f) => renewd_core::Input::CommitFailed(Ticket(ticket), failure(f)),
            Input::StoreChanged => renewd_core::Input::StoreChanged,
            Input::Replaced(record) if record.view().state == RecordState::Tombstone => {
                renewd_core::Input::LoggedOut(record.boxed())
            }
            Input::Replaced(record) => renewd_core::Input::LoggedIn(record.boxed()),
            Input::Refresh => renewd_core::Input::Refresh,
            Input::Shutdown => renewd_core::Input::Shutdown,
        };
        Arc::make_mut(&mut self.life).handle(clock.now(), input);
        self.drain()
    }

    fn elapse(&mut self, _: &Setting) {}

    fn due(&self, clock: &RealClock) -> bool {
        self.life.poll_timeout().is_some_and(|wake| wake.at <= clock.now().boot)
    }

    fn seen(&self, clock: &RealClock) -> Seen {
        let view = self.life.view(clock.now());
        Seen { phase: view.phase, status: view.status, record: self.life.record().map(translate::record) }
    }

    fn attempts(&self) -> u128 {
        (1 << self.names) - 1
    }
}
