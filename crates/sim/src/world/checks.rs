//! Looking whether an expectation holds.

use renewd_core::{Span, View};

use super::World;
use crate::scenario::{Action, ApiMode, ClockChange, Expectation, Network, StoreMode, When};

/// An expectation with `by` that is being watched.
pub(super) struct Open {
    pub(super) expectation: usize,
    /// When it was first met.
    pub(super) met: Option<Span>,
}

impl World<'_> {
    pub(super) fn view(&mut self) -> Option<View> {
        let keeper = self.current.borrow().clone()?;
        let seen = self.executor.run_until(Span::ZERO, async move { keeper.view().await });
        seen.and_then(Result::ok).map(|seen| seen.view)
    }

    pub(super) fn watch(&mut self) {
        if self.open.iter().all(|o| o.met.is_some()) {
            return;
        }
        let Some(view) = self.view() else { return };
        let (now, requests) = (self.journal.elapsed(), self.requests());
        for n in 0..self.open.len() {
            let expectation = &self.scenario.expect[self.open[n].expectation];
            if self.open[n].met.is_none() && unmet(expectation, &view, requests).is_empty() {
                self.open[n].met = Some(now);
            }
        }
    }

    pub(super) fn check_now(&mut self, n: usize) {
        let expectation = &self.scenario.expect[n];
        let problems = match self.view() {
            Some(view) => unmet(expectation, &view, self.requests()),
            None => vec!["no process runs".to_owned()],
        };
        let at = self.journal.elapsed();
        if problems.is_empty() {
            self.journal.say("= as expected");
        }
        for problem in problems {
            self.journal.say(format!("≠ {problem}"));
            self.broken.push(format!("at {at}: {problem}"));
        }
    }

    pub(super) fn close(&mut self, n: usize) {
        let Some(place) = self.open.iter().position(|o| o.expectation == n) else { return };
        let open = self.open.remove(place);
        if let Some(met) = open.met {
            self.journal.say(format!("= as expected, since {met} or before"));
            return;
        }
        let problems = match self.view() {
            Some(view) => unmet(&self.scenario.expect[n], &view, self.requests()),
            None => vec!["no process runs".to_owned()],
        };
        let (When::At(by) | When::By(by)) = self.scenario.expect[n].when;
        for problem in problems {
            self.journal.say(format!("≠ {problem}"));
            self.broken.push(format!("by {by}: {problem}"));
        }
    }

    fn requests(&self) -> u64 {
        self.outside.lock().model.totals().token_requests
    }
}

/// What of an expectation does not hold, in words.
fn unmet(e: &Expectation, view: &View, requests: u64) -> Vec<String> {
    let mut problems = Vec::new();
    let mut same = |what: &str, want: Option<&str>, got: &str| {
        if let Some(want) = want.filter(|want| *want != got) {
            problems.push(format!("{what} is {got}, expected {want}"));
        }
    };
    same("status", e.status.map(|s| s.name()), view.status.name());
    same("health", e.health.map(|h| h.name()), view.health.name());
    same("cause", e.cause.as_deref(), view.cause.map_or("none", |c| c.name()));
    same("phase", e.phase.as_deref(), view.phase.name());
    let shown = |valid: bool| if valid { "valid" } else { "none" };
    same("token", e.token.map(shown), shown(view.token_valid));
    let generation = e.generation.map(|g| g.to_string());
    same("generation", generation.as_deref(), &view.generation.to_string());
    if let Some(max) = e.token_requests_max.filter(|max| requests > *max) {
        problems.push(format!("token requests are {requests}, expected at most {max}"));
    }
    if let Some(min) = e.token_requests_min.filter(|min| requests < *min) {
        problems.push(format!("token requests are {requests}, expected at least {min}"));
    }
    problems
}

/// An action in words, for the timeline.
pub(super) fn describe(action: &Action) -> String {
    match action {
        Action::Server(fault) => format!("server: {fault}"),
        Action::Next(fault) => format!("next request: {fault}"),
        Action::Latency(span) => format!("the server takes {span}"),
        Action::Clock(ClockChange::Suspend(span)) => format!("the machine sleeps for {span}"),
        Action::Clock(ClockChange::Wall(millis)) => {
            let span = Span::from_millis(millis.unsigned_abs());
            format!("the wall clock is set {} by {span}", if *millis < 0 { "back" } else { "forward" })
        }
        Action::Network(Network::Down) => "the network is down".into(),
        Action::Network(Network::Up) => "the network is up".into(),
        Action::Network(Network::Changed) => "the network changed".into(),
        Action::Restart => "the process restarts".into(),
        Action::Reboot => "the machine reboots".into(),
        Action::Store(StoreMode::Ok) => "the store works".into(),
        Action::Store(StoreMode::Full) => "the disk is full".into(),
        Action::Store(StoreMode::ReadOnly) => "the disk is read-only".into(),
        Action::Store(StoreMode::Io) => "the disk fails".into(),
        Action::Api(ApiMode::Ok) => "the resource server accepts what was issued".into(),
        Action::Api(ApiMode::Revoke) => "the access token is revoked".into(),
        Action::Api(ApiMode::RejectAll) => "the resource server refuses everything".into(),
        Action::Login => "a person logs in".into(),
        Action::Logout => "a person logs out".into(),
        Action::Refresh => "a person asks for a refresh".into(),
        Action::Burst(n) => format!("{n} callers at once"),
    }
}
