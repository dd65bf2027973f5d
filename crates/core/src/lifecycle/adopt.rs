//! Taking over what another process, or a login, wrote.

use alloc::boxed::Box;

use statig::Outcome::Handled;

use crate::command::{Command, Report};
use crate::input::Loaded;
use crate::lifecycle::begin::STORE_RETRY_MIN;
use crate::lifecycle::commit::revocations;
use crate::lifecycle::machine::{Claim, Cx, Machine};
use crate::lifecycle::state::{Out, State, to};
use crate::record::{Record, RecordState};

impl Machine {
    /// The record was read, with no attempt under way.
    pub(crate) fn on_loaded(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Out {
        let first = self.loading;
        self.loading = false;
        self.load_pending = false;
        match loaded {
            Loaded::Absent => {
                if self.record.is_none() {
                    self.store_works(cx);
                    self.next_attempt = None;
                }
                // A record that vanished is not a logout: what is known here goes on until the next claim reports it.
                Handled
            }
            Loaded::Fault(fault) => {
                self.store_failed(fault, cx);
                if self.record.is_none() {
                    self.next_attempt = Some(self.now.boot + self.load_pause());
                }
                Handled
            }
            Loaded::Record(r) => {
                self.store_works(cx);
                match self.version() {
                    Some(mine) if r.version() < mine => Handled,
                    Some(mine) if r.version() == mine => self.refresh_bookkeeping(r),
                    _ => {
                        self.spread_start(first);
                        self.adopt(r, cx)
                    }
                }
            }
            Loaded::RolledBack { record, greatest } => {
                if self.version().is_some_and(|mine| mine >= *greatest) {
                    return Handled;
                }
                self.spread_start(first);
                let out = self.adopt(record, cx);
                self.rolled_back = Some(*greatest);
                out
            }
        }
    }

    /// Many credentials may be loaded at once: refreshes that nobody waits for begin spread out.
    fn spread_start(&mut self, first: bool) {
        if first {
            let initial = self.setup.policy.retry.initial;
            self.start_hold = Some(self.now.boot + self.jitter.up_to(initial));
        }
    }

    fn load_pause(&mut self) -> crate::time::Span {
        let max = self.setup.policy.retry.max.max(STORE_RETRY_MIN);
        self.store_retry =
            if self.store_retry.is_zero() { STORE_RETRY_MIN } else { self.store_retry.times(2).min(max) };
        self.store_retry
    }

    /// Another process made attempts with the tokens that are known here: follow what it wrote down.
    fn refresh_bookkeeping(&mut self, r: &Record) -> Out {
        let before = self.record.as_ref().map(|m| (m.state, m.window.clone()));
        self.take_over(r);
        if before == self.record.as_ref().map(|m| (m.state, m.window.clone())) {
            return Handled;
        }
        match r.state {
            RecordState::Active => match &r.window {
                Some(window) => {
                    self.next_attempt = Some(self.now.boot + self.window_pause(window));
                    if self.settle_until.is_some() { Handled } else { to(State::AuthRetrying) }
                }
                None => Handled,
            },
            RecordState::Refused { .. } | RecordState::Tombstone { .. } => to(State::Unauthenticated),
        }
    }

    /// The record was read while an attempt is under way.
    pub(crate) fn on_loaded_refreshing(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Out {
        self.load_pending = false;
        match loaded {
            Loaded::Record(r) if self.version().is_none_or(|mine| r.version() > mine) => {
                if self.claim == Claim::Held { self.replace(r, cx) } else { self.adopt(r, cx) }
            }
            // Under the claim it is read again, and the commit is fenced.
            Loaded::Record(_) | Loaded::RolledBack { .. } | Loaded::Absent | Loaded::Fault(_) => Handled,
        }
    }

    /// The record was read while newer tokens wait here to be saved.
    pub(crate) fn on_loaded_unsaved(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Out {
        self.load_pending = false;
        match loaded {
            Loaded::Record(r) if self.version().is_none_or(|mine| r.epoch > mine.0) => self.replace(r, cx),
            Loaded::Record(_) | Loaded::RolledBack { .. } | Loaded::Absent | Loaded::Fault(_) => Handled,
        }
    }

    /// A login or logout was written: whatever is under way belongs to an epoch that is over.
    pub(crate) fn replace(&mut self, record: &Record, cx: &mut Cx<'_>) -> Out {
        self.loading = false;
        if self.version().is_some_and(|mine| record.version() <= mine) {
            return Handled;
        }
        if let Some(exchange) = self.exchange.take() {
            cx.push(Command::Abort { attempt: exchange.attempt });
            if let Some(old) = self.record.clone() {
                self.abandoned = Some((exchange.attempt, old));
            }
        }
        self.drop_write(cx);
        if matches!(record.state, RecordState::Tombstone { .. })
            && let Some(old) = &self.record
        {
            let requests = revocations(old, self);
            if !requests.is_empty() {
                cx.push(Command::Revoke { requests });
            }
        }
        if self.stopping.is_some() {
            self.take_over(record);
            return self.stop_now(cx);
        }
        self.adopt(record, cx)
    }

    /// Takes a newer record over and goes where it leads.
    pub(crate) fn adopt(&mut self, record: &Record, cx: &mut Cx<'_>) -> Out {
        let known = self.record.is_some();
        let hold = self.start_hold;
        self.take_over(record);
        self.settle_into_token();
        self.start_hold = hold.filter(|_| !known);
        self.rejection_streak = 0;
        self.release(cx);
        self.distrusted = self.clock_in_the_past(record);
        if known {
            cx.report(Report::Adopted { epoch: record.epoch, generation: record.generation });
        }
        match record.state {
            RecordState::Refused { .. } | RecordState::Tombstone { .. } => to(State::Unauthenticated),
            RecordState::Active => {
                if record.grant.refresh_token.is_none() && !self.token_valid(self.now) {
                    return to(State::Unauthenticated);
                }
                match &record.window {
                    Some(window) => {
                        self.next_attempt = Some(self.now.boot + self.window_pause(window));
                        to(State::AuthRetrying)
                    }
                    None => to(State::Fresh),
                }
            }
        }
    }

    /// Another boot, and a wall clock below the greatest ever seen: nobody can tell whether the token still lives.
    fn clock_in_the_past(&self, record: &Record) -> bool {
        record.access().is_some_and(|a| a.issued.boot_id != self.boot_id())
            && self.now.wall < record.max_wall_seen
    }

    /// Takes the record as it is. Times of another boot are put on this boot's clock, by the wall clock, so that from
    /// now on both clocks count.
    pub(crate) fn take_over(&mut self, record: &Record) {
        let mut record = Box::new(record.clone());
        let boot_id = self.boot_id();
        for access in &mut record.grant.access {
            if access.issued.boot_id != boot_id {
                let spent = access.lifetime.saturating_sub(access.remaining(self.now, boot_id));
                let issued = self.now.boot.as_millis().checked_sub(spent.as_millis());
                // A token older than this boot keeps what is left of it and counts from the boot.
                match issued {
                    Some(boot) => access.issued.boot = crate::time::Boot::from_millis(boot),
                    None => {
                        access.issued.boot = crate::time::Boot::default();
                        let left = access.lifetime.saturating_sub(spent);
                        access.issued.wall = self.now.wall - self.now.boot.since(access.issued.boot);
                        access.lifetime = left + self.now.boot.since(access.issued.boot);
                    }
                }
                access.issued.boot_id = boot_id;
            }
        }
        self.record = Some(record);
    }
}
