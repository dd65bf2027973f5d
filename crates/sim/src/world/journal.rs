//! What happened, as lines and numbers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use renewd_core::{Boot, Cause, Now, Report, Span, Status};
use renewd_driver::{CredentialName, Event, Observer};

use super::life::Life;
use super::machine::Machine;
use super::oracle::Oracle;
use crate::outcome::{Line, Totals};

/// The timeline of a run. Clones are the same journal.
#[derive(Clone)]
pub(super) struct Journal {
    state: Arc<Mutex<State>>,
    machine: Machine,
    began: Boot,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) lines: Vec<Line>,
    pub(super) totals: Totals,
    /// The versions at which a login was needed: several processes tell of one.
    needed: BTreeSet<(u64, u64)>,
}

impl Journal {
    pub(super) fn new(machine: &Machine) -> Self {
        Self { state: Arc::default(), machine: machine.clone(), began: machine.true_time() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the scenario began.
    pub(super) fn elapsed(&self) -> Span {
        self.machine.true_time().since(self.began)
    }

    pub(super) fn say(&self, text: impl Into<String>) {
        let line = Line { at: self.elapsed(), text: text.into() };
        self.lock().lines.push(line);
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.lock().totals);
    }
}

/// What one process says.
pub(super) struct Voice {
    pub(super) journal: Journal,
    pub(super) life: Life,
    pub(super) oracle: Oracle,
    /// Whether there are several processes to tell apart.
    pub(super) several: bool,
}

impl Voice {
    fn say(&self, text: impl Into<String>) {
        let text = text.into();
        self.journal.say(if self.several { format!("[{}] {text}", self.life.number) } else { text });
    }

    fn count(&self, change: impl FnOnce(&mut Totals)) {
        self.journal.count(change);
    }
}

impl Observer for Voice {
    fn observe(&self, _name: &CredentialName, now: Now, event: &Event) {
        if self.life.is_over() {
            return;
        }
        match event {
            Event::Changed { from, to, cause } => {
                let lost = *to == Status::Unauthenticated
                    && !matches!(cause, Some(Cause::LoggedOut | Cause::NoGrant));
                if lost {
                    let version = self.oracle.version();
                    let mut state = self.journal.lock();
                    let new = state.needed.insert(version);
                    state.totals.logins_needed += u64::from(new);
                }
                self.count(|t| t.auth_retrying += u64::from(*to == Status::AuthRetrying));
                self.oracle.announced(&self.life, *to, *cause);
                let why = cause.map_or(String::new(), |c| format!(" ({})", c.name()));
                self.say(format!("{} {} → {} {}{why}", from.sign(), from.name(), to.sign(), to.name()));
            }
            Event::Advise(hint) => {
                self.count(|t| t.hints += 1);
                self.say(format!("hint: {}", hint.text()));
            }
            Event::Report(report) => self.report(now, report),
            // What callers get is seen by the callers.
            _ => {}
        }
    }
}

impl Voice {
    fn report(&self, now: Now, report: &Report) {
        match report {
            Report::Refreshed { reason, epoch, generation, rotated, .. } => self.say(format!(
                "✓ refreshed ({}): epoch {epoch}, generation {generation}{}",
                reason.name(),
                if *rotated { ", rotated" } else { "" }
            )),
            Report::AttemptFailed { attempt, next } => {
                let what = attempt.evidence.message.as_deref().unwrap_or(&attempt.evidence.rule);
                let next = next.map_or("no further attempt".into(), |at| {
                    format!("next attempt in {}", Span::from_secs(at.since(now.boot).as_secs_ceil()))
                });
                self.say(format!("! {}: {what}; {next}", attempt.verdict.name()));
            }
            Report::Recovered { after, attempts } => self
                .say(format!("✓ recovered after {}, {attempts} attempts", Span::from_secs(after.as_secs()))),
            Report::Adopted { epoch, generation } => {
                self.say(format!("took over epoch {epoch}, generation {generation}"));
            }
            Report::RejectionPassed { .. } => self.count(|t| t.passed += 1),
            Report::LateAnswer => {
                self.count(|t| t.late_answers += 1);
                self.say("a late answer, ignored");
            }
            Report::StoreFailed(fault) => self.say(format!("! store: {}", fault.message)),
            Report::RolledBack { found, greatest } => {
                self.say(format!("! the store was rolled back: {found:?} is left of {greatest:?}"));
            }
            Report::StoreHealed => self.say("✓ store: works again"),
            _ => {}
        }
    }
}
