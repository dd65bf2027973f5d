//! The liveness phase: all faults are over. Within one capped backoff every process serves a fresh token, or says why a
//! person has to log in.

use renewd_core::{Loaded, RecordState, Span, Stamp, Status, StoreFaultKind};
use renewd_driver::{Clock, TokenRequestOptions};

use super::World;
use crate::scenario::StoreMode;

/// A process that nobody tells anything looks at the store this often.
const CALM: Span = Span::from_secs(30);
/// Jitter, store retries and a caller's patience on top.
const MARGIN: Span = Span::from_mins(2);
/// How closely healing is watched.
const LOOK: Span = Span::from_secs(1);
/// A second refresh is waited for at the most so long.
const NEXT_REFRESH_MAX: Span = Span::from_hours(2);

impl World<'_> {
    /// Lifts every fault and waits. Gives the time until every process served a token by itself; none where a person
    /// had to log in, or where it never came.
    pub(super) fn live_on(&mut self) -> Option<Span> {
        self.journal.say("· all faults are over");
        self.lift_faults();
        let began = self.journal.elapsed();
        let bound = self.capped_backoff();
        let mut by_itself = true;
        let mut healed = None;
        while healed.is_none() && self.journal.elapsed().saturating_sub(began) <= bound {
            by_itself &= !self.help();
            if self.all_serve() {
                healed = Some(self.journal.elapsed().saturating_sub(began));
            } else {
                self.pass(LOOK);
            }
        }
        match healed {
            Some(after) => self.journal.say(format!("✓ every process serves a valid token, after {after}")),
            None => self.report_unwell(bound),
        }
        if healed.is_some() {
            self.expect_next_refresh(bound);
        }
        healed.filter(|_| by_itself)
    }

    fn lift_faults(&mut self) {
        for point in self.outside.triggers.disarm() {
            if self.scenario.fault.is_some() {
                self.broken
                    .push(format!("no process reached {point}: the scenario does not show what it says"));
            }
        }
        self.disk.set(StoreMode::Ok);
        self.outside.heal();
        self.outside.lock().latency = self.scenario.latency;
        self.machine.wake_up();
        for life in self.living().iter() {
            life.resume();
        }
        self.settle();
        self.start_all();
        self.settle();
    }

    /// The longest that a process may rest between two attempts, and what an attempt may take.
    fn capped_backoff(&self) -> Span {
        let policy = &self.scenario.policy;
        let rest = policy.auth_retrying.interval.max(policy.retry.max).max(policy.retry.budget_refill);
        let now = self.machine.now();
        let asked = match self.disk.visible() {
            Loaded::Record(r) | Loaded::RolledBack { record: r, .. } => r.not_before.map(|n| {
                let since =
                    Stamp::elapsed(&n.from, now, self.machine.boot_id(), policy.auth_retrying.interval);
                n.wait.saturating_sub(since)
            }),
            Loaded::Absent | Loaded::Fault(_) => None,
        };
        rest.fraction(5, 4)
            + asked.unwrap_or(Span::ZERO)
            + policy.settle().times(2)
            + policy.request.timeout
            + CALM
            + MARGIN
    }

    /// What only a person can do, where the record says so. True where it was a login.
    fn help(&mut self) -> bool {
        if matches!(self.disk.visible(), Loaded::Fault(f) if f.kind == StoreFaultKind::Damaged)
            && self.disk.repair()
        {
            self.journal.say("· a person puts the record back as it was");
            return false;
        }
        if !self.needs_login() && !self.refused_in_spite_of_the_record() {
            return false;
        }
        self.journal.say("· a person logs in");
        self.log_in()
    }

    /// A backup brought a record back from before it was given up: who knows that it was shows it, and sends nothing.
    fn refused_in_spite_of_the_record(&mut self) -> bool {
        self.oracle.is_store_meddled()
            && self.views(None).iter().any(|(_, view)| view.status == Status::Unauthenticated)
    }

    /// Whether only a login can help, and the record says so.
    fn needs_login(&self) -> bool {
        match self.disk.visible() {
            Loaded::Record(r) | Loaded::RolledBack { record: r, .. } => {
                let over = !self.scenario.refresh_token && r.grant.refresh_token.is_none();
                r.state != RecordState::Active || over
            }
            Loaded::Fault(fault) if fault.kind == StoreFaultKind::Damaged => {
                self.oracle.forced_by_damage();
                true
            }
            Loaded::Absent => true,
            Loaded::Fault(_) => false,
        }
    }

    /// Whether every process gives a token that the server takes.
    fn all_serve(&mut self) -> bool {
        (1..=self.scenario.processes).all(|number| self.serves(number))
    }

    fn serves(&mut self, number: u32) -> bool {
        let Some(keeper) = self.live(number).map(|p| p.keeper.clone()) else { return false };
        let options = TokenRequestOptions { timeout: Some(Span::ZERO), ..TokenRequestOptions::default() };
        let asked = async move { keeper.token_with(options).await };
        let Some(Ok(lease)) = self.executor.run_until(Span::ZERO, asked) else { return false };
        let Some(token) = lease.access_token().expose_str() else { return false };
        let now_ms = self.outside.now_ms();
        let valid = self.outside.lock().model.check_access(now_ms, token).is_valid();
        if !valid && let Some(keeper) = self.live(number).map(|p| p.keeper.clone()) {
            // As any caller does that gets a 401. What comes of it shows at the next look.
            let told =
                async move { keeper.rejected_within(lease.epoch(), lease.generation(), Span::ZERO).await };
            let _ = self.executor.run_until(Span::ZERO, told);
        }
        valid
    }

    /// The refresh that comes next succeeds in time, too.
    fn expect_next_refresh(&mut self, bound: Span) {
        let lifetime = Span::from_millis(self.scenario.server.lifetime_ms);
        if lifetime > NEXT_REFRESH_MAX || !self.scenario.refresh_token {
            return;
        }
        let until = self.journal.elapsed() + lifetime;
        self.pass_until(until);
        let began = self.journal.elapsed();
        while !self.all_serve() {
            // What was lost under the faults may show only now.
            self.help();
            if self.journal.elapsed().saturating_sub(began) > bound {
                return self.report_unwell(bound);
            }
            self.pass(LOOK);
        }
    }

    fn report_unwell(&mut self, bound: Span) {
        for number in 1..=self.scenario.processes {
            if self.serves(number) {
                continue;
            }
            let view = self.views(Some(number)).pop().map(|(_, view)| view);
            let shown = view.map_or("it does not answer".to_owned(), |v| {
                format!(
                    "{} ({}), phase {}",
                    v.status.name(),
                    v.cause.map_or("no cause", |c| c.name()),
                    v.phase.name()
                )
            });
            self.oracle
                .broken(14, &format!("process {number} serves no token {bound} after the faults: {shown}"));
        }
    }
}
