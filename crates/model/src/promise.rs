//! What must hold, by name. The numbers are those of the invariants in the page on the refresh transaction.

/// One promise of the protocol.
#[expect(clippy::exhaustive_enums, reason = "the model's whole list of promises")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Promise {
    /// 1: no two processes have an unsettled request of one refresh token.
    OneUnsettledRequest,
    /// 2.
    IntentBeforeSend,
    /// 3: an accepted rotation stays with its process, or is saved.
    RotationIsNotDropped,
    /// 4.
    CommitOverItsOrigin,
    /// 5: in the store and for each consumer.
    VersionsGrow,
    /// 6.
    SupersededIsNeverSent,
    /// 7: after an unknown outcome.
    NoResendBeforeSettled,
    /// 9.
    UnauthenticatedForACause,
    /// 10.
    UnauthenticatedSendsNothing,
    /// 13.
    WithinBudget,
    /// 14: from every state that can be reached, a run without faults ends well.
    Heals,
    /// 15: where nothing went wrong, however many want it, a generation is spent once.
    OneRequestPerRefresh,
    /// 17: what a login or a logout wrote stands until the next one.
    LoginsStand,
    /// Decision 0022: within a login nobody revokes.
    RevokesOnlyWhatIsOver,
    /// A family is not revoked by reuse while somebody holds, or has saved, its newest refresh token.
    NoAvoidableTrip,
    /// At P0, P1, P4 and P6 reuse is never seen; at P3 not where the recovery began inside the grace.
    NoTripWhereHarmless,
    /// At P0, P1 and P4 no new login is ever needed.
    NoLoginWhereHarmless,
    /// Elsewhere one is needed only where a rotated refresh token was lost before it was saved.
    LoginOnlyForALoss,
    /// A rotation that was lost is reported as that.
    LossIsTold,
    /// The model's machine and the real core, told the same, do the same ([`Paired`](crate::Paired)).
    LikeCore,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::OneUnsettledRequest,
        Self::IntentBeforeSend,
        Self::RotationIsNotDropped,
        Self::CommitOverItsOrigin,
        Self::VersionsGrow,
        Self::SupersededIsNeverSent,
        Self::NoResendBeforeSettled,
        Self::UnauthenticatedForACause,
        Self::UnauthenticatedSendsNothing,
        Self::WithinBudget,
        Self::Heals,
        Self::OneRequestPerRefresh,
        Self::LoginsStand,
        Self::RevokesOnlyWhatIsOver,
        Self::NoAvoidableTrip,
        Self::NoTripWhereHarmless,
        Self::NoLoginWhereHarmless,
        Self::LoginOnlyForALoss,
        Self::LossIsTold,
        Self::LikeCore,
    ];

    /// As a search names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneUnsettledRequest => "1: at most one unsettled request per refresh token",
            Self::IntentBeforeSend => "2: a durable intent precedes every send",
            Self::RotationIsNotDropped => "3: an accepted rotation is not dropped",
            Self::CommitOverItsOrigin => "4: a write happens only over what it began from",
            Self::VersionsGrow => "5: generation and epoch never go backwards",
            Self::SupersededIsNeverSent => "6: a refresh token known to be superseded is never sent",
            Self::NoResendBeforeSettled => "7: nothing is sent again before it is settled",
            Self::UnauthenticatedForACause => "9: unauthenticated only for a cause",
            Self::UnauthenticatedSendsNothing => "10: unauthenticated sends nothing by itself",
            Self::WithinBudget => "13: attempts stay within the persisted budget",
            Self::Heals => "14: a run without faults heals",
            Self::OneRequestPerRefresh => "15: many wishes cause one refresh",
            Self::LoginsStand => "17: what a login wrote stands until the next",
            Self::RevokesOnlyWhatIsOver => "only logins that are over are revoked",
            Self::NoAvoidableTrip => "no reuse trip while somebody holds the newest token",
            Self::NoTripWhereHarmless => "no reuse trip where a replay is harmless",
            Self::NoLoginWhereHarmless => "no new login where a replay is harmless",
            Self::LoginOnlyForALoss => "a new login only for a rotation lost before it was saved",
            Self::LossIsTold => "a lost rotation is told as one",
            Self::LikeCore => "the model does what core does",
        }
    }

    /// Its place in a set of broken promises.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }
}
