//! What is written to the store, and what is read from it.

use renewd_core::{Fence, Loaded, Record, RecordState, RefusedCause};
use renewd_driver::Expect;
use renewd_testkit::{AsClass, TokenVerdict};

use super::{Oracle, Token, Version};

/// A write, as it began.
#[derive(Clone, Copy)]
pub(in crate::world) enum Wrote<'a> {
    Mark(&'a Fence),
    Commit(&'a Fence),
    Put(Expect),
}

impl Oracle {
    fn token_in(&self, record: &Record) -> Option<Token> {
        let token = record.grant.refresh_token.as_ref()?.expose_str()?.to_owned();
        self.token_of(&token)
    }

    /// A write is about to begin.
    pub(in crate::world) fn will_write(&self, record: &Record) {
        let token = self.token_in(record);
        self.lock().attempted.insert((record.version(), token));
    }

    /// A write was reported as durable. `before` is what stood there when it began.
    pub(in crate::world) fn wrote(&self, write: Wrote<'_>, before: &Loaded, record: &Record) {
        // What was put may stand there under a greater epoch than its writer thought.
        let now = self.disk.visible();
        let stands = match &now {
            Loaded::Record(r) | Loaded::RolledBack { record: r, .. } => r.as_ref(),
            Loaded::Absent | Loaded::Fault(_) => record,
        };
        let token = self.token_in(stands);
        self.check_order(write, before, record, stands);
        self.check_durability(stands);
        let judged = {
            let mut state = self.lock();
            state.attempted.insert((stands.version(), token));
            match write {
                Wrote::Mark(_) => false,
                Wrote::Commit(_) | Wrote::Put(_) => {
                    state.acknowledged = state.acknowledged.max(stands.version());
                    if let Some(token) = token {
                        state.saved.insert(token, stands.version());
                    }
                    if matches!(write, Wrote::Put(_)) {
                        state.bucket = None;
                        state.last_success = Some(self.machine.true_time());
                    }
                    matches!(write, Wrote::Commit(_))
                }
            }
        };
        let was_active = matches!(before, Loaded::Record(r) | Loaded::RolledBack { record: r, .. } if r.state == RecordState::Active);
        if let (true, true, RecordState::Refused { cause, .. }) = (judged, was_active, stands.state) {
            self.check_refusal(cause, stands.version(), token);
        }
    }

    /// Invariants 4, 5 and 17.
    fn check_order(&self, write: Wrote<'_>, before: &Loaded, record: &Record, stands: &Record) {
        let (Loaded::Record(before) | Loaded::RolledBack { record: before, .. }) = before else { return };
        let (was, is) = (before.version(), stands.version());
        match write {
            Wrote::Mark(fence) | Wrote::Commit(fence) => {
                let began = (fence.epoch, fence.generation);
                let attempt = before.intent.as_ref().map(|i| i.attempt);
                let own = was == record.version() && self.token_in(before) == self.token_in(record);
                if !own && (was != began || fence.attempt.is_some_and(|a| attempt != Some(a))) {
                    self.broken(4, &format!("a write over {began:?} was made over {was:?}"));
                }
                if is < was {
                    self.broken(5, &format!("{was:?} in the store was followed by {is:?}"));
                }
            }
            Wrote::Put(_) if is.0 <= was.0 => {
                self.broken(17, &format!("a login or logout has epoch {}, after epoch {}", is.0, was.0));
            }
            Wrote::Put(_) => {}
        }
    }

    /// What was reported as durable is on the disk.
    fn check_durability(&self, record: &Record) {
        let durable = match self.disk.durable() {
            Loaded::Record(r) | Loaded::RolledBack { record: r, .. } => r.version(),
            Loaded::Absent | Loaded::Fault(_) => (0, 0),
        };
        if durable < record.version() {
            self.broken(
                3,
                &format!("{:?} was reported as saved; a power cut would leave {durable:?}", record.version()),
            );
        }
    }

    /// A process read the store.
    pub(in crate::world) fn loaded(&self, loaded: &Loaded) {
        match loaded {
            Loaded::Record(record) => {
                let token = self.token_in(record);
                let (known, acknowledged, meddled) = {
                    let state = self.lock();
                    (
                        state.attempted.contains(&(record.version(), token)),
                        state.acknowledged,
                        state.store_meddled,
                    )
                };
                if !known {
                    self.broken(16, &format!("{:?} was read, and nobody ever wrote it", record.version()));
                }
                if record.version() < acknowledged && !meddled {
                    self.broken(
                        5,
                        &format!("{:?} was saved; now {:?} is read", acknowledged, record.version()),
                    );
                }
            }
            Loaded::Absent => {
                if self.lock().acknowledged != (0, 0) {
                    self.broken(16, "a record was saved; now it reads as if nobody had ever logged in");
                }
            }
            Loaded::RolledBack { record, .. } => {
                if !self.lock().store_meddled {
                    self.broken(
                        5,
                        &format!("{:?} reads as rolled back, and nobody did that", record.version()),
                    );
                }
            }
            Loaded::Fault(_) => {}
        }
    }

    /// Invariant 9: a login is given up. Was it lost, and by what?
    fn check_refusal(&self, cause: RefusedCause, version: Version, token: Option<Token>) {
        let problem = match cause {
            RefusedCause::GrantRefused | RefusedCause::RotationLost => {
                self.refused_without_reason(cause, token)
            }
            RefusedCause::Ceiling => self.ceiling_too_early(),
            RefusedCause::RefreshTokenExpired => {
                let known = self.outside.lock().model.config().rt_lifetime_ms.is_some();
                (!known).then(|| "refresh_token_expired, and the server told no expiry".to_owned())
            }
            RefusedCause::NoRefreshToken => None,
        };
        if let Some(problem) = problem {
            self.broken(9, &problem);
        }
        let mut state = self.lock();
        state.forced.insert(version);
        state.told_lost += u64::from(cause == RefusedCause::RotationLost);
    }

    fn refused_without_reason(&self, cause: RefusedCause, token: Option<Token>) -> Option<String> {
        let Some(token) = token else {
            return Some("given up, and the record holds no refresh token".into());
        };
        let state = self.lock();
        let class = self.rules.class;
        let Some(fatal) = state.fatal.get(&token) else {
            return Some("given up without an answer of the server about this refresh token".into());
        };
        // None: a fault of the scenario said so, and the server never saw it.
        let verdict = fatal.verdict?;
        let excused = match verdict {
            // Whether the server was right to is judged where it did.
            TokenVerdict::Reuse | TokenVerdict::RevokedGrant => {
                state.tripped.contains(&token.0) || state.tainted.contains(&token.0)
            }
            TokenVerdict::ExpiredGrant => true,
            TokenVerdict::Evicted => class == AsClass::P6,
            _ => false,
        };
        if !excused {
            return Some(format!("given up after {verdict}: a login that could have been kept"));
        }
        let lost = state.lost(token) && !state.tainted.contains(&token.0) && class != AsClass::P5;
        (lost && cause == RefusedCause::GrantRefused && verdict == TokenVerdict::Reuse).then(|| {
            "the rotated token was lost before it could be saved, and this is not what was told".into()
        })
    }

    fn ceiling_too_early(&self) -> Option<String> {
        let state = self.lock();
        let since = state.last_success?;
        let took = self.machine.true_time().since(since);
        // Over a reboot the wall clock is trusted for an interval at most; rounding is not the matter here.
        let credit = self.rules.interval.times(self.machine.reboots() + 1);
        (took + credit < self.rules.ceiling).then(|| {
            format!("the ceiling of {} was reached {took} after the last success", self.rules.ceiling)
        })
    }
}
