//! Rules left out one at a time: a search that does not notice proves nothing.

use renewd_core::AsClass;

use crate::promise::Promise;
use crate::setting::{Bounds, Fault, Setting};

/// A rule left out of the protocol.
#[expect(clippy::exhaustive_enums, reason = "every mutant names the promise that it breaks")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// An orphaned request is not waited out.
    SettleZero,
    /// The wait counts from the mark, not from when it was found that its owner is gone.
    SettleFromMark,
    /// A wait that began before a reboot counts as over.
    RebootSettles,
    /// After an answer that did not come, the process itself sends again at once.
    ResendAtOnce,
    /// The request is sent without a durable intent.
    NoIntent,
    /// The store writes whatever stands there.
    NoFence,
    /// The claim is given back before the request, and nobody looks at intents: a lock around file I/O only.
    LockAroundIo,
    /// What is read under the claim is taken for bookkeeping: the refresh token is the one known before.
    NoReread,
    /// A refusal is written over whatever stands there.
    RefusalUnfenced,
    /// A write counts as done without being read back.
    NoReadBack,
    /// A login does not begin an epoch.
    LoginSameEpoch,
    /// New tokens that could not be saved are dropped.
    UnsavedDropped,
    /// What could not be saved is forgotten by a shutdown without its grace.
    ShutdownAtOnce,
    /// Attempts are counted in memory only.
    BudgetInMemory,
    /// An unclear answer clears the intent: nobody remembers the doubt.
    DoubtForgotten,
    /// A 5xx is taken for a refusal.
    UnclearIsRefusal,
    /// A refused login is tried again when somebody asks.
    RefusedTriesAgain,
    /// Whoever takes a newer record over revokes what it held, within a login too.
    LoserRevokes,
    /// After a wait that was cut for a grace, the next rotation does not wait for the rest of it.
    StragglerForgotten,
    /// The wait is not cut for a grace.
    SettleUncut,
    /// An intent that nobody clears: an orphan is waited for, and never taken over.
    OrphanForEver,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::SettleZero,
        Self::SettleFromMark,
        Self::RebootSettles,
        Self::ResendAtOnce,
        Self::NoIntent,
        Self::NoFence,
        Self::LockAroundIo,
        Self::NoReread,
        Self::RefusalUnfenced,
        Self::NoReadBack,
        Self::LoginSameEpoch,
        Self::UnsavedDropped,
        Self::ShutdownAtOnce,
        Self::BudgetInMemory,
        Self::DoubtForgotten,
        Self::UnclearIsRefusal,
        Self::RefusedTriesAgain,
        Self::LoserRevokes,
        Self::StragglerForgotten,
        Self::SettleUncut,
        Self::OrphanForEver,
    ];

    /// A setting in which it shows: the same without it is clean.
    pub fn setting(self) -> Setting {
        let (class, wishes, logins, faults): (AsClass, u8, u8, &[Fault]) = match self {
            Self::SettleZero => (AsClass::P2, 2, 0, &[Fault::Crash]),
            Self::SettleFromMark => (AsClass::P2, 2, 0, &[Fault::Crash]),
            Self::RebootSettles => (AsClass::P2, 3, 0, &[Fault::Crash, Fault::Reboot]),
            Self::ResendAtOnce => (AsClass::P2, 1, 0, &[Fault::Stalled]),
            Self::NoIntent | Self::LockAroundIo | Self::NoReread | Self::LoserRevokes => {
                (AsClass::P2, 2, 0, &[])
            }
            Self::NoFence | Self::LoginSameEpoch => (AsClass::P2, 1, 1, &[]),
            Self::RefusalUnfenced => (AsClass::P2, 1, 1, &[Fault::LostAnswer]),
            Self::NoReadBack => (AsClass::P2, 1, 0, &[Fault::WriteLies]),
            Self::UnsavedDropped => (AsClass::P2, 1, 0, &[Fault::WriteFails]),
            Self::ShutdownAtOnce => (AsClass::P2, 1, 0, &[Fault::Shutdown, Fault::WriteFails]),
            Self::BudgetInMemory => (AsClass::P0, 2, 0, &[Fault::Crash]),
            Self::DoubtForgotten | Self::UnclearIsRefusal => (AsClass::P2, 1, 0, &[Fault::Unclear]),
            Self::RefusedTriesAgain => (AsClass::P2, 2, 0, &[Fault::Unclear]),
            Self::StragglerForgotten => (AsClass::P3, 3, 0, &[Fault::LostAnswer]),
            Self::SettleUncut => (AsClass::P3, 2, 0, &[Fault::LostAnswer]),
            Self::OrphanForEver => (AsClass::P2, 1, 0, &[Fault::Crash]),
        };
        let mut setting = Setting::new(class);
        setting.faults = faults.to_vec();
        setting.bounds = Bounds { wishes, faults: faults.len() as u8, logins, units: Bounds::FOR_EVER };
        setting.mutant = Some(self);
        if self == Self::BudgetInMemory {
            setting.budget = 1;
        }
        match self {
            Self::StragglerForgotten => setting.grace = 2,
            Self::SettleUncut => (setting.settle, setting.grace) = (12, 12),
            _ => {}
        }
        setting
    }

    /// The promise that it breaks.
    pub const fn breaks(self) -> Promise {
        match self {
            Self::SettleZero | Self::SettleFromMark | Self::RebootSettles | Self::ResendAtOnce => {
                Promise::NoResendBeforeSettled
            }
            Self::NoIntent => Promise::IntentBeforeSend,
            Self::NoFence => Promise::CommitOverItsOrigin,
            Self::LockAroundIo => Promise::OneUnsettledRequest,
            Self::NoReread => Promise::SupersededIsNeverSent,
            Self::RefusalUnfenced => Promise::LoginsStand,
            Self::NoReadBack | Self::UnsavedDropped | Self::ShutdownAtOnce => Promise::RotationIsNotDropped,
            Self::LoginSameEpoch => Promise::VersionsGrow,
            Self::BudgetInMemory => Promise::WithinBudget,
            Self::DoubtForgotten => Promise::LossIsTold,
            Self::UnclearIsRefusal => Promise::UnauthenticatedForACause,
            Self::RefusedTriesAgain => Promise::UnauthenticatedSendsNothing,
            Self::LoserRevokes => Promise::RevokesOnlyWhatIsOver,
            Self::StragglerForgotten => Promise::NoAvoidableTrip,
            Self::SettleUncut => Promise::NoTripWhereHarmless,
            Self::OrphanForEver => Promise::Heals,
        }
    }
}
