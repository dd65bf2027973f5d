//! Whether what happened was promised.

use renewd_core::{AsClass, Status};

use crate::process::{Answer, Command, Process};
use crate::promise::Promise;
use crate::record::{Attempt, Record, RecordState, Stored, Token};
use crate::server::Verdict;
use crate::setting::Setting;
use crate::world::World;
use crate::world::wire::Stage;

impl<P: Process> World<P> {
    /// A process sends.
    pub(crate) fn note_send(&mut self, setting: &Setting, i: usize, attempt: Attempt, token: Token) {
        let durable = self.disk.durable.view();
        let marked = durable.intent.is_some_and(|intent| intent.attempt == attempt);
        let replaced = durable.refresh_token.is_none_or(|t| t.grant != token.grant);
        self.breaks_if(!marked && !replaced, Promise::IntentBeforeSend);

        let sender = self.slots[i].life.as_ref().map(|life| life.seen(&self.clock));
        let version = sender.and_then(|s| s.record).map(|r| r.version()).unwrap_or_default();
        let seen = self.disk.seen.view();
        let newer = seen.epoch == version.0 && seen.generation > version.1;
        // At P5 the server itself hands out what it has superseded.
        let known = setting.class != AsClass::P5 && self.server.successor_saved(token);
        self.breaks_if(newer || known, Promise::SupersededIsNeverSent);
        let refused = seen.state != RecordState::Active && seen.refresh_token == Some(token);
        let says = sender.is_some_and(|s| s.status == Status::Unauthenticated);
        self.breaks_if(refused || says, Promise::UnauthenticatedSendsNothing);

        self.note_rivals(setting, token);
        self.ghost.spent = self.ghost.spent.saturating_add(1);
        self.breaks_if(self.ghost.spent > setting.budget, Promise::WithinBudget);
        if self.ghost.clean {
            self.breaks_if(self.ghost.last_sent == Some(version), Promise::OneRequestPerRefresh);
            self.ghost.last_sent = Some(version);
        }
    }

    /// Another request of the same refresh token may still take effect.
    fn note_rivals(&mut self, setting: &Setting, token: Token) {
        let rivals =
            |open: bool| self.wire.iter().any(|r| r.unsettled() && r.token == token && r.open == open);
        let (race, unsettled) = (rivals(true), rivals(false));
        self.breaks_if(race, Promise::OneUnsettledRequest);
        // Inside a grace the wait is cut, on purpose: the replay is harmless there.
        let cut = setting.promised_wait() < setting.settle;
        self.breaks_if(unsettled && !cut, Promise::NoResendBeforeSettled);
    }

    /// The server decided.
    pub(crate) fn note_verdict(&mut self, setting: &Setting, token: Token, verdict: Verdict, held: bool) {
        if verdict != Verdict::Reuse || self.ghost.login != Some(token.grant) {
            return;
        }
        self.breaks_if(held, Promise::NoAvoidableTrip);
        let harmless = match setting.class {
            AsClass::P0 | AsClass::P1 | AsClass::P6 => true,
            AsClass::P4 => !self.ghost.used_unsaved,
            AsClass::P3 => self.ghost.in_time,
            AsClass::P2 | AsClass::P5 => false,
        };
        self.breaks_if(harmless, Promise::NoTripWhereHarmless);
    }

    /// A commit was reported as done.
    pub(crate) fn note_committed(&mut self, setting: &Setting, i: usize, record: &P::Record) {
        let written = record.view();
        if self.slots[i].stopping.is_none() {
            self.note_recovery(setting, &written);
        }
        self.ghost.committed = self.ghost.committed.max(written.version());
        if written.intent.is_none() && written.state == RecordState::Active {
            self.ghost.in_time = false;
        }
        let holding = self.slots[i].holding;
        let saved = self.disk.durable.view();
        let stands = saved.refresh_token == holding || saved.version() >= written.version();
        self.breaks_if(holding.is_some() && !stands, Promise::RotationIsNotDropped);
        if holding.is_some() && written.refresh_token == holding {
            self.slots[i].holding = None;
        }
    }

    /// A process exits because it was told to.
    pub(crate) fn note_drained(&mut self, i: usize) {
        let slot = &self.slots[i];
        let over = slot.holding.is_none_or(|token| self.is_moot(token));
        let waited = slot.stopping.is_some_and(|age| age > 0);
        self.breaks_if(!over && !waited, Promise::RotationIsNotDropped);
    }

    /// Nobody needs that refresh token: its login is over, or it is saved.
    fn is_moot(&self, token: Token) -> bool {
        self.ghost.login != Some(token.grant) || self.disk.seen.view().refresh_token == Some(token)
    }

    /// Whether the newest refresh token of that login stands in the store, or with somebody who can save it.
    pub(crate) fn holds_newest(&self, grant: u8) -> bool {
        self.server.newest(grant).is_some_and(|newest| self.is_held(newest))
    }

    fn is_held(&self, token: Token) -> bool {
        let stored = [&self.disk.seen, &self.disk.durable].map(|r| r.view().refresh_token);
        stored.contains(&Some(token))
            || (0..self.slots.len()).any(|i| self.process_has(i, token))
            || self.wire.iter().any(|r| r.stage == Stage::Answered(Answer::Tokens(Some(token))) && r.open)
    }

    fn process_has(&self, i: usize, token: Token) -> bool {
        let slot = &self.slots[i];
        let Some(life) = &slot.life else { return false };
        let known = life.seen(&self.clock).record.and_then(|r| r.refresh_token) == Some(token);
        known
            || slot.queue.iter().any(|command| match command {
                Command::Commit(_, record, _) => record.view().refresh_token == Some(token),
                _ => false,
            })
    }

    /// What must hold after every step.
    pub(crate) fn judge(&mut self, setting: &Setting) {
        if let Some(token) = self.disk.durable.view().refresh_token {
            self.server.note_saved(token);
        }
        let seen = self.disk.seen.view();
        self.breaks_if(seen.version() < self.ghost.committed, Promise::VersionsGrow);
        let stands = match (self.ghost.login, seen.state) {
            (None, state) => state == RecordState::Tombstone,
            (Some(_), RecordState::Tombstone) => false,
            (Some(login), _) => seen.refresh_token.is_some_and(|t| t.grant == login),
        };
        self.breaks_if(!stands, Promise::LoginsStand);
        let differs = self.processes().any(|p| p.differs().is_some());
        self.breaks_if(differs, Promise::LikeCore);
        for i in 0..self.slots.len() {
            self.judge_process(setting, i);
        }
        self.judge_refusal(setting, seen.state, seen.refresh_token);
        let needed = self.needs_login(setting);
        let never = match setting.class {
            AsClass::P0 | AsClass::P1 => true,
            AsClass::P4 => !self.ghost.used_unsaved,
            AsClass::P2 | AsClass::P3 | AsClass::P5 | AsClass::P6 => false,
        };
        self.breaks_if(needed && never, Promise::NoLoginWhereHarmless);
        let newest = self.ghost.login.and_then(|grant| self.server.newest(grant));
        let lost = newest.is_some_and(|token| !self.server.was_saved(token));
        self.breaks_if(needed && !lost, Promise::LoginOnlyForALoss);
        // At P5 the replay that ends the doubt hands out an old token as a new one: nobody can tell.
        let tells = !matches!(setting.class, AsClass::P0 | AsClass::P1 | AsClass::P5);
        let untold = seen.state == RecordState::GrantRefused && lost && tells;
        self.breaks_if(untold, Promise::LossIsTold);
    }

    fn judge_process(&mut self, setting: &Setting, i: usize) {
        if let Some(token) = self.slots[i].holding {
            if self.is_moot(token) && self.disk.durable == self.disk.seen {
                self.slots[i].holding = None;
            } else {
                let moot = self.is_moot(token);
                let kept = self.process_has(i, token);
                self.breaks_if(!moot && !kept, Promise::RotationIsNotDropped);
            }
        }
        let record = self.slots[i].life.as_ref().and_then(|life| life.seen(&self.clock).record);
        if let Some(record) = record {
            self.judge_refusal(setting, record.state, record.refresh_token);
        }
    }

    /// Who says that a login is needed must be right about the refresh token it gave up.
    fn judge_refusal(&mut self, setting: &Setting, state: RecordState, token: Option<Token>) {
        let refused = matches!(state, RecordState::GrantRefused | RecordState::RotationLost);
        let right = token.is_some_and(|token| self.server.would_refuse(setting, token));
        self.breaks_if(refused && !right, Promise::UnauthenticatedForACause);
    }

    /// Whether only a person can mend this: the stored refresh token is refused, and nobody has a better one.
    pub(crate) fn needs_login(&self, setting: &Setting) -> bool {
        let seen = self.disk.seen.view();
        let Some(token) = seen.refresh_token.filter(|_| seen.state != RecordState::Tombstone) else {
            return false;
        };
        self.server.would_refuse(setting, token)
            && self.server.newest(token.grant).is_none_or(|newest| {
                newest == token || !self.is_held(newest) || self.server.would_refuse(setting, newest)
            })
    }

    /// Whether the login that stands was ended by reuse.
    pub(crate) fn has_tripped(&self) -> bool {
        self.ghost.login.is_some_and(|grant| self.server.tripped(grant))
    }

    /// P3: a wait for an unknown outcome has begun while enough of the grace is left for it, for a request, and for
    /// two polls.
    fn note_recovery(&mut self, setting: &Setting, written: &Record) {
        let begun = written.intent.is_some_and(|i| i.orphaned.is_some());
        if let (AsClass::P3, true, Some(token)) = (setting.class, begun, written.refresh_token) {
            let needs = setting.promised_wait() + setting.deadline + 2;
            let age = self.server.superseded(token).unwrap_or_default();
            self.ghost.in_time = age + needs <= setting.grace;
        }
    }
}
