//! What can happen to a credential, to be drawn at random and shrunk.

use proptest::prelude::*;
use renewd_core::{Span, StoreFaultKind};

use crate::host::{Mode, hours, mins, secs};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Time passes, and everything that becomes due is done.
    Pass(Span),
    /// Time passes without anybody being woken, as in a suspend; then the machine is told.
    Suspend(Span),
    /// The wall clock is set.
    StepWall(i64),
    Demand(Span),
    /// So many callers at once.
    Crowd(u8),
    /// A caller wants a token for one of a few other resources.
    DemandFor(u8, Span),
    /// A resource server refuses the present token.
    Reject,
    /// …or the one for that other resource.
    RejectFor(u8),
    /// …or one that is long over, or that never was.
    RejectOther(u64, u64),
    Refresh,
    NetworkChanged,
    StoreChanged,
    /// The configuration is read anew; so many minutes between attempts.
    Reload(u64),
    LogIn,
    LogOut,
    /// The process is killed and started anew.
    Restart,
    /// The machine is switched off for so long.
    Reboot(Span),
    /// Shut down properly, given so long, and started anew.
    Shutdown(Span),
    Server(Mode),
    WritesFail(StoreFaultKind),
    ReadsFail(StoreFaultKind),
    StoreHeals,
    /// A write lands and is reported as failed.
    StoreLies,
    /// Another process holds the claim, or gives it back.
    ClaimTaken(bool),
    OthersRefresh,
    /// Another process died with its request on the wire.
    OthersDie,
    /// The record of a while ago is restored from a backup.
    RestoreBackup,
    /// Store commands begin to pile up, or are carried out again.
    HoldStore(bool),
    /// The outcome of the store command that comes first, while they pile up.
    OneStoreCommand,
    /// An answer that nobody waits for; outcomes of writes that never were.
    Stray(u128, u32),
}

pub(crate) fn spans() -> impl Strategy<Value = Span> {
    prop_oneof![
        Just(Span::from_millis(1)),
        Just(secs(1)),
        (1u64..120).prop_map(secs),
        (1u64..30).prop_map(mins),
        (1u64..4).prop_map(hours),
    ]
}

fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![
        4 => prop_oneof![Just(3600), Just(300), Just(90)].prop_map(Mode::Ok),
        1 => Just(Mode::OkSame(600)),
        1 => Just(Mode::OkRaw("0")),
        2 => Just(Mode::Waf),
        2 => Just(Mode::Status(503)),
        1 => (1u32..120).prop_map(Mode::Limited),
        1 => Just(Mode::InvalidGrant),
        1 => Just(Mode::Says(400, None, r#"{"error":"invalid_target"}"#)),
        1 => Just(Mode::InvalidClient),
        2 => Just(Mode::Unreachable),
        2 => Just(Mode::Hang),
        1 => Just(Mode::LoseAnswer),
        1 => Just(Mode::OnlyRefreshToken),
        1 => Just(Mode::Garbage),
    ]
}

const YEARS_10: i64 = 10 * 365 * 86_400_000;

pub(crate) fn actions() -> impl Strategy<Value = Action> {
    let walls =
        prop_oneof![Just(3_600_000), Just(-3_600_000), Just(YEARS_10), Just(-YEARS_10), -90_000i64..90_000];
    let faults =
        prop_oneof![Just(StoreFaultKind::Full), Just(StoreFaultKind::Io), Just(StoreFaultKind::ReadOnly)];
    prop_oneof![
        24 => spans().prop_map(Action::Pass),
        10 => modes().prop_map(Action::Server),
        3 => prop_oneof![spans(), Just(hours(8)), Just(hours(72))].prop_map(Action::Suspend),
        3 => walls.prop_map(Action::StepWall),
        3 => prop_oneof![Just(Span::ZERO), spans(), Just(Span::MAX)].prop_map(Action::Demand),
        1 => any::<u8>().prop_map(Action::Crowd),
        6 => (0u8..4, prop_oneof![4 => Just(Span::ZERO), 1 => spans()]).prop_map(|(key, span)| Action::DemandFor(key, span)),
        4 => Just(Action::Reject),
        2 => (0u8..4).prop_map(Action::RejectFor),
        1 => (0u64..4, 0u64..9).prop_map(|(e, g)| Action::RejectOther(e, g)),
        2 => Just(Action::Refresh),
        2 => Just(Action::NetworkChanged),
        2 => Just(Action::StoreChanged),
        1 => (1u64..20).prop_map(Action::Reload),
        2 => Just(Action::LogIn),
        1 => Just(Action::LogOut),
        2 => Just(Action::Restart),
        1 => spans().prop_map(Action::Reboot),
        1 => spans().prop_map(Action::Shutdown),
        2 => faults.clone().prop_map(Action::WritesFail),
        1 => faults.prop_map(Action::ReadsFail),
        4 => Just(Action::StoreHeals),
        1 => Just(Action::StoreLies),
        1 => any::<bool>().prop_map(Action::ClaimTaken),
        2 => Just(Action::OthersRefresh),
        1 => Just(Action::OthersDie),
        1 => Just(Action::RestoreBackup),
        2 => any::<bool>().prop_map(Action::HoldStore),
        2 => Just(Action::OneStoreCommand),
        1 => (0u128..6, 0u32..40).prop_map(|(a, t)| Action::Stray(a, t)),
    ]
}
