//! What happened, as lines and numbers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use renewd_core::{Cause, Now, Report, Span, Status};
use renewd_driver::{CredentialName, Event, Observer};

use super::server::Outside;
use crate::outcome::{Line, Totals};

/// The timeline of a run. Clones are the same journal.
#[derive(Clone)]
pub(super) struct Journal {
    state: Arc<Mutex<State>>,
    outside: Outside,
    began_ms: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) lines: Vec<Line>,
    pub(super) totals: Totals,
}

impl Journal {
    pub(super) fn new(outside: &Outside) -> Self {
        Self { state: Arc::default(), outside: outside.clone(), began_ms: outside.now_ms() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the scenario began.
    pub(super) fn elapsed(&self) -> Span {
        Span::from_millis(self.outside.now_ms().saturating_sub(self.began_ms))
    }

    pub(super) fn say(&self, text: impl Into<String>) {
        let line = Line { at: self.elapsed(), text: text.into() };
        self.lock().lines.push(line);
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.lock().totals);
    }
}

impl Observer for Journal {
    fn observe(&self, _name: &CredentialName, now: Now, event: &Event) {
        match event {
            Event::Changed { from, to, cause } => {
                let lost = *to == Status::Unauthenticated
                    && !matches!(cause, Some(Cause::LoggedOut | Cause::NoGrant));
                self.count(|t| {
                    t.logins_needed += u64::from(lost);
                    t.auth_retrying += u64::from(*to == Status::AuthRetrying);
                });
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

impl Journal {
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
            Report::StoreHealed => self.say("✓ store: works again"),
            _ => {}
        }
    }
}
