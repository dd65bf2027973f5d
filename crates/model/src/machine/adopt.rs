//! Core: `lifecycle/adopt.rs` and `lifecycle/revoke.rs`.

use renewd_core::Phase;

use super::{Claim, Cx, Machine, Writing};
use crate::mutant::Mutant;
use crate::process::Command;
use crate::record::{Record, RecordState};

impl Machine {
    /// The record was read, with no attempt under way.
    pub(super) fn on_loaded(&mut self, r: &Record, cx: &mut Cx<'_>) {
        match self.version() {
            Some(mine) if r.version() < mine => {}
            Some(mine) if r.version() == mine => self.refresh_bookkeeping(r),
            _ => self.adopt(r, cx),
        }
    }

    fn refresh_bookkeeping(&mut self, r: &Record) {
        let was = self.record.map(|m| m.state);
        self.take_over(r);
        if was == Some(RecordState::Active) && r.state != RecordState::Active {
            self.forget_plans();
            self.to(Phase::Unauthenticated);
        }
    }

    /// The record was read while an attempt is under way.
    pub(super) fn on_loaded_refreshing(&mut self, r: &Record, cx: &mut Cx<'_>) {
        if self.version().is_none_or(|mine| r.version() > mine) {
            if self.claim == Claim::Held { self.replace(r, cx) } else { self.adopt(r, cx) }
        }
    }

    /// The record was read while newer tokens wait here to be saved.
    pub(super) fn on_loaded_unsaved(&mut self, r: &Record, cx: &mut Cx<'_>) {
        if self.version().is_none_or(|mine| r.epoch > mine.0) {
            self.replace(r, cx);
        }
    }

    /// A login or logout was written: whatever is under way belongs to an epoch that is over.
    pub(super) fn replace(&mut self, record: &Record, cx: &mut Cx<'_>) {
        if self.phase == Phase::Stopped || self.version().is_some_and(|mine| record.version() <= mine) {
            return;
        }
        let unsaved = self.unsaved();
        let over = self.record.filter(|old| is_over(old, record));
        if let Some(attempt) = self.exchange.take() {
            cx.push(Command::Abort(attempt));
            self.abandoned = over.map(|old| (attempt, old));
        }
        if let Some(writing) = self.writing.take() {
            self.discard(&writing, record, cx);
        }
        self.save_retry = None;
        self.release(cx);
        if let (RecordState::Tombstone, Some(token), false) =
            (record.state, over.and_then(|old| old.refresh_token), unsaved)
        {
            cx.push(Command::Revoke(token));
        }
        self.adopt(record, cx);
    }

    /// Takes a newer record over and goes where it leads.
    pub(super) fn adopt(&mut self, record: &Record, cx: &mut Cx<'_>) {
        if cx.is(Mutant::LoserRevokes)
            && let Some(token) = self.record.and_then(|old| old.refresh_token)
        {
            cx.push(Command::Revoke(token));
        }
        self.take_over(record);
        self.forget_plans();
        self.unwritten = None;
        self.release(cx);
        if self.stopping.is_some() {
            return self.stop_now(cx);
        }
        self.to(match record.state {
            RecordState::Active => Phase::Fresh,
            RecordState::GrantRefused | RecordState::RotationLost | RecordState::Tombstone => {
                Phase::Unauthenticated
            }
        });
    }

    /// Takes the record as it is, but for what is known better here.
    pub(super) fn take_over(&mut self, record: &Record) {
        let mut record = *record;
        if let Some(mine) = self.record.filter(|mine| mine.version() == record.version()) {
            let unwritten =
                self.unwritten.is_some() && self.unwritten == record.intent.map(|intent| intent.attempt);
            if unwritten {
                return;
            }
            if mine.state != RecordState::Active {
                record.state = mine.state;
            }
        }
        self.record = Some(record);
    }

    /// New tokens of a login that is over never become durable.
    pub(super) fn discard(&self, writing: &Writing, newer: &Record, cx: &mut Cx<'_>) {
        let spent = self.record.is_none_or(|spent| is_over(&spent, newer));
        let over = spent && is_over(&writing.record, newer);
        if writing.then.holds_new_tokens()
            && over
            && let Some(token) = writing.record.refresh_token
        {
            cx.push(Command::Revoke(token));
        }
    }

    pub(super) fn unsaved(&self) -> bool {
        self.writing.is_some_and(|w| w.then == super::Pending::Saved)
    }
}

/// Whether the login that `old` belongs to has ended with `newer`.
fn is_over(old: &Record, newer: &Record) -> bool {
    newer.epoch != old.epoch && !(old.refresh_token.is_some() && old.refresh_token == newer.refresh_token)
}
