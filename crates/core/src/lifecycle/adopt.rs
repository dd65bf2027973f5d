//! Taking over what another process, or a login, wrote.

use alloc::boxed::Box;

use statig::Outcome::Handled;

use crate::command::{Command, RefreshReason, Report};
use crate::input::Loaded;
use crate::lifecycle::machine::{Claim, Cx, Machine};
use crate::lifecycle::state::{Out, State, to};
use crate::record::{Record, RecordState};
use crate::server_clock::ServerClock;

impl Machine {
    /// The record was read, with no attempt under way.
    pub(crate) fn on_loaded(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Out {
        let first = self.loading;
        self.loading = false;
        match loaded {
            Loaded::Absent => {
                if self.record.is_none() {
                    self.store_reads(cx);
                }
                // A record that vanished is not a logout: what is known here goes on until the next claim reports it.
                Handled
            }
            Loaded::Fault(fault) => {
                self.reading_failed(fault, cx);
                Handled
            }
            Loaded::Record(r) => {
                self.store_reads(cx);
                match self.version() {
                    Some(_) if self.began_anew(r) => self.want_claim_to_write(cx),
                    Some(mine) if r.version() < mine => self.want_written_again(cx),
                    Some(mine) if r.version() == mine => self.refresh_bookkeeping(r),
                    _ => {
                        self.spread_start(first);
                        self.adopt(r, cx)
                    }
                }
            }
            Loaded::RolledBack { record, greatest } => {
                self.store_reads(cx);
                self.spread_start(first);
                let known = self.version();
                if known.is_some_and(|mine| mine >= *greatest) {
                    return self.want_written_again(cx);
                }
                self.roll_back(record, *greatest, cx);
                if self.version() == known { Handled } else { self.follow_record() }
            }
        }
    }

    /// A backup was restored, and the newest refresh token stands nowhere but here: it is written again before this
    /// process can end, or another one spends the old.
    fn want_written_again(&mut self, cx: &mut Cx<'_>) -> Out {
        let active = self.record.as_ref().is_some_and(|r| r.state == RecordState::Active);
        if !active || !self.can_refresh() || self.settle_until.is_some() {
            return Handled;
        }
        self.want_claim_to_write(cx)
    }

    /// Takes the claim, only to set right what stands in the store.
    fn want_claim_to_write(&mut self, cx: &mut Cx<'_>) -> Out {
        if self.stopping.is_some() {
            return Handled;
        }
        self.writing_again = true;
        self.target = None;
        self.reason = RefreshReason::Proactive;
        self.claim_poll = None;
        if self.claim == Claim::None {
            self.claim = Claim::Pending;
            cx.push(Command::Claim);
        }
        to(State::Claiming)
    }

    /// Many credentials may be loaded at once: refreshes that nobody waits for begin spread out.
    fn spread_start(&mut self, first: bool) {
        if first {
            let initial = self.setup.policy.retry.initial;
            self.start_hold = Some(self.now.boot + self.jitter.up_to(initial));
        }
    }

    /// Another process made attempts with the tokens that are known here: follow what it wrote down.
    fn refresh_bookkeeping(&mut self, r: &Record) -> Out {
        let was = self.record.as_ref().map(|m| m.state);
        let theirs = self.tried_by_others(r);
        self.take_over(r);
        match (r.state, theirs) {
            _ if was.is_some_and(|was| was != RecordState::Active) => Handled,
            (RecordState::Refused { .. } | RecordState::Tombstone { .. }, _) => {
                self.forget_plans();
                to(State::Unauthenticated)
            }
            (RecordState::Active, Some(window)) => {
                self.short = None;
                self.next_attempt = Some(self.now.boot + self.window_pause(&window));
                if self.settle_until.is_some() { Handled } else { to(State::AuthRetrying) }
            }
            (RecordState::Active, None) => Handled,
        }
    }

    /// The record was read while an attempt is under way.
    pub(crate) fn on_loaded_refreshing(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Out {
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
        if self.goes_on_in(record) {
            self.take_over(record);
            return Handled;
        }
        let unsaved = self.unsaved();
        let over = self.record.clone().filter(|old| self.is_over(old, record));
        if let Some(exchange) = self.exchange.take() {
            cx.push(Command::Abort { attempt: exchange.attempt });
            if let Some(spent) = self.record.clone() {
                self.remember_in_flight(&spent);
            }
            self.abandoned = over.clone().map(|old| (exchange.attempt, old));
        }
        self.drop_write(record, cx);
        if let (RecordState::Tombstone { .. }, Some(old), false) = (record.state, over, unsaved) {
            self.revoke(&old, cx);
        }
        self.adopt(record, cx)
    }

    // rfc: 6749-10.4 what one server gave out is kept for no other
    /// Whether the request on the wire is that record's too: its refresh token was imported anew meanwhile, and what
    /// the request brings belongs to the new login.
    fn goes_on_in(&self, record: &Record) -> bool {
        let attempt = record.intent.as_ref().filter(|i| i.generation == record.generation).map(|i| i.attempt);
        self.exchange.as_ref().is_some_and(|x| Some(x.attempt) == attempt && x.is_to(&record.identity))
    }

    /// Takes a newer record over and goes where it leads.
    pub(crate) fn adopt(&mut self, record: &Record, cx: &mut Cx<'_>) -> Out {
        let known = self.record.is_some();
        let hold = self.start_hold;
        // Somebody wrote it: the store works.
        self.store_works(cx);
        let refused = self.refuses(record);
        let renewed = !self.holds_own_token_of(record);
        self.disown_overdue(record, cx);
        self.take_over(record);
        self.settle_into_token();
        self.target = None;
        self.rejected = if refused { self.token_version() } else { None };
        self.start_hold = hold.filter(|_| !known);
        // A sibling's refresh that a 401 had asked for counts here too: two processes would else answer each other's
        // refusals with a refresh, for ever.
        let for_a_401 = known && record.rejections > self.rejections_told;
        if renewed {
            self.rejection_streak = if for_a_401 { self.rejection_streak.saturating_add(1) } else { 0 };
        }
        self.rejections_told = record.rejections;
        self.unwritten = None;
        self.release(cx);
        if known && record.state == RecordState::Active {
            cx.report(Report::Adopted { epoch: record.epoch, generation: record.generation });
        }
        if let Some(window) = &record.window {
            // Asked of the record as it was read: over a reboot only that one can tell.
            self.next_attempt = Some(self.now.boot + self.window_pause(window));
        }
        if self.stopping.is_some() { self.stop_now(cx) } else { self.follow_record() }
    }

    /// Where the record leads that has just been taken over.
    fn follow_record(&self) -> Out {
        let Some(record) = &self.record else { return to(State::Absent) };
        match record.state {
            RecordState::Refused { .. } | RecordState::Tombstone { .. } => to(State::Unauthenticated),
            RecordState::Active if !record.is_renewable() && !self.token_valid(self.now) => {
                to(State::Unauthenticated)
            }
            RecordState::Active if record.window.is_some() => to(State::AuthRetrying),
            RecordState::Active => to(State::Fresh),
        }
    }

    /// What stands in the store is older than what was once committed: a restored backup. Whoever holds the newest
    /// goes on and writes it again. Else the newest of what is left is tried, in doubt, and reported.
    pub(crate) fn roll_back(&mut self, record: &Record, greatest: (u64, u64), cx: &mut Cx<'_>) {
        if self.version().is_some_and(|mine| mine >= greatest) {
            return;
        }
        if self.version().is_none_or(|mine| record.version() > mine) {
            self.take_over(record);
            let hold = self.start_hold;
            self.settle_into_token();
            self.start_hold = hold;
            self.next_attempt = record.window.as_ref().map(|w| self.now.boot + self.window_pause(w));
        }
        if self.rolled_back != Some(greatest) {
            self.rolled_back = Some(greatest);
            let found = self.version().unwrap_or_default();
            cx.report(Report::RolledBack { found, greatest });
        }
    }

    /// Takes the record as it is, but for what is known better here.
    pub(crate) fn take_over(&mut self, record: &Record) {
        let mut record = Box::new(record.clone());
        let epoch = self.record.as_ref().map(|mine| mine.epoch);
        match self.record.take() {
            Some(mine) if mine.version() == record.version() => {
                let unwritten = self.unwritten.is_some()
                    && self.unwritten == record.intent.as_ref().map(|intent| intent.attempt);
                if unwritten {
                    self.record = Some(mine);
                    return;
                }
                keep_what_only_grows(&mut record, &mine);
                self.rebase(&mut record, Some(&mine));
            }
            mine => {
                if mine.is_some_and(|mine| mine.identity.token_endpoint != record.identity.token_endpoint) {
                    // Another server: what the one before said of nonces and of the time is nothing to it.
                    self.dpop_nonce = None;
                    self.server_clock = ServerClock::default();
                }
                if epoch != Some(record.epoch) {
                    self.begin_epoch_of_others();
                }
                self.forget_settled();
                self.distrusted = self.clock_in_the_past(&record);
                self.rebase(&mut record, None);
            }
        }
        self.record = Some(record);
    }
}

/// Within one generation a refusal stands, and a window and its count only grow: what says less is older.
fn keep_what_only_grows(record: &mut Record, mine: &Record) {
    if mine.state != RecordState::Active {
        record.state = mine.state;
        record.window = None;
    }
    if let Some(known) = &mine.window
        && record.state == RecordState::Active
        && record.window.as_ref().is_none_or(|w| w.attempts <= known.attempts)
    {
        record.window = Some(known.clone());
    }
    record.rejections = record.rejections.max(mine.rejections);
}
