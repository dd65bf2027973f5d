//! What can happen in a world.

use renewd_core::Span;
use renewd_testkit::Fault;

/// Something that happens, to whom, and when.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// At this time; with a point, from this time on.
    pub t: Span,
    /// To whom.
    pub on: On,
    /// When a process reaches this point of the transaction, rather than at once.
    pub point: Option<PointRule>,
    /// What.
    pub action: Action,
}

/// Which processes an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "one, some one, or all")]
pub enum On {
    /// The one of this number, from 1.
    One(u32),
    /// Whichever is in the middle of a refresh, or else the first.
    Any,
    /// All.
    All,
}

impl On {
    /// Whether the process of this number is meant.
    pub fn includes(self, number: u32) -> bool {
        match self {
            Self::One(n) => n == number,
            Self::Any | Self::All => true,
        }
    }
}

/// A point of the transaction that sets an entry off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PointRule {
    /// Its name, such as `commit.rename`.
    pub name: String,
    /// How often it is passed before.
    pub skip: u32,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// The authorization server behaves like this from now on.
    Server(Fault),
    /// The next request meets this, those after it what was before.
    Next(Fault),
    /// The server takes so long to answer from now on.
    Latency(Span),
    /// A clock is changed.
    Clock(ClockChange),
    /// The network.
    Network(Network),
    /// What becomes of the next request on its way.
    Wire(WireFault),
    /// A process.
    Process(ProcessAction),
    /// The machine reboots: every process dies, the boot clock begins anew, processes are started.
    Reboot,
    /// The power fails: like a reboot, and writes that were not synced are lost.
    PowerCut,
    /// The store.
    Store(StoreMode),
    /// The resource server.
    Api(ApiMode),
    /// A person logs in again.
    Login,
    /// A person logs out.
    Logout,
    /// A person runs `renewd refresh`.
    Refresh,
    /// Callers ask at the same moment.
    Burst {
        /// So many in each process.
        callers: u32,
        /// Each goes away after this, whether it has an answer or not.
        give_up: Option<Span>,
    },
}

/// What happens to a process.
#[expect(clippy::exhaustive_enums, reason = "the world must play each")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessAction {
    /// It is started, where it does not run.
    Start,
    /// It ends in order.
    Stop,
    /// It ends in order and starts again.
    Restart,
    /// It is killed at once: no code of it runs any more.
    Kill,
    /// It stands still while time passes: its locks and sockets stay.
    Pause,
    /// It goes on.
    Resume,
    /// Its configuration is read anew.
    Reload,
}

impl ProcessAction {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Start, Self::Stop, Self::Restart, Self::Kill, Self::Pause, Self::Resume, Self::Reload];

    /// As scenario files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Reload => "reload",
        }
    }
}

/// A change of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockChange {
    /// The machine sleeps: boot time and wall clock go on, nothing runs.
    Suspend(Span),
    /// The wall clock is set by so many milliseconds.
    Wall(i64),
}

/// The network's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// Nothing leaves this machine, and it knows.
    Down,
    /// It works.
    Up,
    /// It works, and the processes are told that routes changed.
    Changed,
    /// What is sent disappears; connections that stand stay.
    BlackHole,
    /// Connections are refused.
    Refused,
    /// Names do not resolve.
    Dns,
    /// A portal answers in place of the server: its certificate is another's.
    Portal,
}

impl Network {
    /// All of them, as scenario files write them.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("down", Self::Down),
        ("up", Self::Up),
        ("changed", Self::Changed),
        ("black-hole", Self::BlackHole),
        ("refused", Self::Refused),
        ("dns", Self::Dns),
        ("portal", Self::Portal),
    ];
}

/// What becomes of one request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the world must play each")]
pub enum WireFault {
    /// It arrives so much later, even where its process is dead by then.
    Late(Span),
    /// It arrives a second time so much later. The answer to the copy reaches nobody.
    Duplicate(Span),
    /// It never arrives.
    LoseRequest,
    /// It arrives and is answered, and the answer never does.
    LoseAnswer,
}

/// The store's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreMode {
    /// It works.
    Ok,
    /// Every write fails: no space.
    Full,
    /// Every write fails: read-only.
    ReadOnly,
    /// Everything fails.
    Io,
    /// The next sync fails, once, and what it was to make durable is lost.
    FsyncOnce,
    /// A backup of the folder is taken.
    Backup,
    /// The record's file is what it was when the backup was taken.
    Restore,
    /// The record is damaged.
    Damage(Damage),
    /// A newer version wrote the record.
    Newer,
}

impl StoreMode {
    /// All of them, as scenario files write them.
    pub const NAMES: [(&'static str, Self); 13] = [
        ("ok", Self::Ok),
        ("full", Self::Full),
        ("read-only", Self::ReadOnly),
        ("io", Self::Io),
        ("fsync-once", Self::FsyncOnce),
        ("backup", Self::Backup),
        ("restore", Self::Restore),
        ("torn", Self::Damage(Damage::Torn)),
        ("truncated", Self::Damage(Damage::Truncated)),
        ("flipped", Self::Damage(Damage::Flipped)),
        ("empty", Self::Damage(Damage::Empty)),
        ("swapped", Self::Damage(Damage::Swapped)),
        ("newer", Self::Newer),
    ];
}

/// A way in which a record's file is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the world must play each")]
pub enum Damage {
    /// Its second half is from before.
    Torn,
    /// Its second half is missing.
    Truncated,
    /// One bit is another.
    Flipped,
    /// It is empty.
    Empty,
    /// It is another credential's.
    Swapped,
}

/// The resource server's mood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMode {
    /// It accepts what the authorization server issued.
    Ok,
    /// The access token issued last is revoked.
    Revoke,
    /// It answers 401 to everything, fresh tokens included.
    RejectAll,
}

/// Something built wrong on purpose: a world in which the invariants must be seen to break.
#[expect(clippy::exhaustive_enums, reason = "the world must play each")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Whoever asks gets the claim.
    ClaimForAll,
    /// The intent is not written.
    NoMark,
}

impl Flaw {
    /// All of them, as scenario files write them.
    pub const NAMES: [(&'static str, Self); 2] =
        [("claim-for-all", Self::ClaimForAll), ("no-mark", Self::NoMark)];
}
