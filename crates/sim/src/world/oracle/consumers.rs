//! What callers get, what is announced, and what is left in the end.

use renewd_core::{Cause, Loaded, RecordState, Status};

use super::{Oracle, Version};
use crate::world::life::Life;

impl Oracle {
    /// A caller of this process got a token.
    pub(in crate::world) fn served(&self, life: &Life, version: Version) {
        let backwards = {
            let mut state = self.lock();
            if version > state.acknowledged {
                state.served_unsaved = true;
            }
            let meddled = state.store_meddled;
            let last = state.served.entry(life.id).or_default();
            let before = *last;
            *last = before.max(version);
            (version < before && !meddled).then_some(before)
        };
        if let Some(before) = backwards {
            self.broken(5, &format!("a caller of process {} got {version:?} after {before:?}", life.number));
        }
    }

    /// A process announces a status.
    pub(in crate::world) fn announced(&self, life: &Life, to: Status, cause: Option<Cause>) {
        if to != Status::Unauthenticated {
            return;
        }
        let number = life.number;
        let Some(cause) = cause else {
            return self.broken(9, &format!("process {number} is unauthenticated, and does not say why"));
        };
        let stands = match self.disk.visible() {
            Loaded::Record(r) | Loaded::RolledBack { record: r, .. } => r.state,
            Loaded::Absent | Loaded::Fault(_) => return,
        };
        let fits = match cause {
            Cause::LoggedOut => matches!(stands, RecordState::Tombstone { .. }),
            Cause::GrantRefused | Cause::RotationLost | Cause::Ceiling | Cause::RefreshTokenExpired => {
                matches!(stands, RecordState::Refused { .. })
            }
            Cause::NoRefreshToken | Cause::NoGrant => true,
            Cause::ClientRefused
            | Cause::Outage
            | Cause::RateLimited
            | Cause::StoreUnavailable
            | Cause::AudienceRefused => false,
        };
        // A login may have come between its reading and its word.
        let overtaken = matches!(stands, RecordState::Active) && self.lock().store_meddled;
        if !fits && !overtaken {
            self.broken(
                9,
                &format!(
                    "process {number} is unauthenticated ({}), and the record is {stands:?}",
                    cause.name()
                ),
            );
        }
    }

    /// A process ended in order and said what it could not save.
    pub(in crate::world) fn told_loss(&self, life: &Life) {
        self.lock().told_losses.insert(life.id);
    }

    /// Invariant 3, when all is over: whatever a process had in hand is in the store, or its process was killed before
    /// it could be, or it said that it could not save it, or another login took its place.
    pub(in crate::world) fn check_rotations(&self, killed: impl Fn(&Life) -> bool, epoch: u64) {
        let dropped: Vec<u32> = {
            let state = self.lock();
            let dropped = state.in_hand.iter().filter(|held| {
                !state.saved.contains_key(&held.issued)
                    && held.epoch >= epoch
                    && !killed(&held.life)
                    && !state.told_losses.contains(&held.life.id)
                    && !state.store_meddled
            });
            dropped.map(|held| held.life.number).collect()
        };
        for process in dropped {
            self.broken(3, &format!("process {process} had a rotated token in hand and dropped it"));
        }
    }

    /// A token past its expiry was served.
    pub(in crate::world) fn served_expired(&self, life: &Life) {
        self.broken(8, &format!("a caller of process {} was given one", life.number));
    }
}
