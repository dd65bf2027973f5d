//! What a run showed.

use std::fmt;

use renewd_core::Span;

use renewd_testkit::{Numbers, Tier};

use crate::scenario::{ExpectTotals, Scenario};

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Time since the scenario began.
    pub at: Span,
    /// What happened, in words.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.at.as_millis();
        let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        write!(f, "{h:>3}h{m:02}m{s:02}.{ms:03}  {}", self.text)
    }
}

/// Numbers of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Token requests that reached the server or its fault.
    pub token_requests: u64,
    /// Spent refresh tokens that the server saw again, and took for theft.
    pub reuse_trips: u64,
    /// Times that a login was needed.
    pub logins_needed: u64,
    /// Tokens past their told expiry that a caller was given.
    pub expired_served: u64,
    /// Callers that got a token.
    pub served: u64,
    /// Callers that were told there is none.
    pub refused: u64,
    /// 401s that were passed through.
    pub passed: u64,
    /// Hints about a stale client.
    pub hints: u64,
    /// Answers that nobody waited for.
    pub late_answers: u64,
    /// Times that `auth_retrying` was announced.
    pub auth_retrying: u64,
    /// Times that a login was given up, or could not be read any more.
    pub forced_logins: u64,
    /// Those among them that were told as a rotated token that was lost before it could be saved.
    pub told_lost: u64,
    /// Lines of the timeline with a token in them.
    pub leaks: u64,
}

/// What a run showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// What happened.
    pub timeline: Vec<Line>,
    /// How often.
    pub totals: Totals,
    /// From the end of the faults to a fresh token in every process, where the scenario asked for it; none where that
    /// did not come about by itself.
    pub heal: Option<Span>,
    /// Expectations and invariants that did not hold, in words; empty when all is well.
    pub broken: Vec<String>,
}

impl Outcome {
    /// The six numbers of this run, for a scenario that shows a fault of the list.
    pub fn numbers(&self, scenario: &Scenario) -> Option<Numbers> {
        let fault = scenario.fault.as_deref()?;
        let mut row = Numbers::new(Tier::World, fault, scenario.server.class.name(), scenario.processes);
        row.variant.clone_from(&scenario.variant);
        row.rounds = 1;
        row.token_requests = self.totals.token_requests;
        row.reuse_trips = self.totals.reuse_trips;
        row.forced_logins = self.totals.forced_logins;
        row.told_lost = self.totals.told_lost;
        row.expired_served = self.totals.expired_served;
        row.heal_ms = self.heal.map(Span::as_millis);
        row.leaks = self.totals.leaks;
        Some(row)
    }
}

impl Totals {
    /// The bounds that do not hold.
    pub(crate) fn broken(&self, expect: &ExpectTotals) -> Vec<String> {
        let mut broken = Vec::new();
        let mut exact = |name: &str, want: Option<u64>, got: u64| {
            if want.is_some_and(|want| want != got) {
                broken.push(format!("{name} is {got}, expected {}", want.unwrap_or_default()));
            }
        };
        exact("reuse_trips", expect.reuse_trips, self.reuse_trips);
        exact("logins_needed", expect.logins_needed, self.logins_needed);
        exact("expired_served", expect.expired_served, self.expired_served);
        exact("forced_logins", expect.forced_logins, self.forced_logins);
        exact("told_lost", expect.told_lost, self.told_lost);
        exact("hints", expect.hints, self.hints);
        exact("late_answers", expect.late_answers, self.late_answers);
        exact("auth_retrying", expect.auth_retrying, self.auth_retrying);
        let mut bound = |name: &str, min: Option<u64>, max: Option<u64>, got: u64| {
            if let Some(min) = min.filter(|min| got < *min) {
                broken.push(format!("{name} is {got}, expected at least {min}"));
            }
            if let Some(max) = max.filter(|max| got > *max) {
                broken.push(format!("{name} is {got}, expected at most {max}"));
            }
        };
        bound("token_requests", expect.token_requests_min, expect.token_requests_max, self.token_requests);
        bound("refused", expect.refused_min, expect.refused_max, self.refused);
        bound("served", expect.served_min, None, self.served);
        bound("passed", expect.passed_min, expect.passed_max, self.passed);
        broken
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "token requests {} · reuse trips {} · logins needed {} · expired tokens served {} · callers served {}, \
             refused {} · 401s passed {} · hints {} · late answers {}",
            self.token_requests,
            self.reuse_trips,
            self.logins_needed,
            self.expired_served,
            self.served,
            self.refused,
            self.passed,
            self.hints,
            self.late_answers
        )
    }
}
