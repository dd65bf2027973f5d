//! Looking whether an expectation holds.

use renewd_core::{Span, View};

use super::World;
use crate::scenario::{
    Action, ApiMode, ClockChange, Entry, Expectation, Network, On, StoreMode, When, WireFault,
};

/// An expectation with `by` that is being watched.
pub(super) struct Open {
    pub(super) expectation: usize,
    /// When it was first met.
    pub(super) met: Option<Span>,
}

impl World<'_> {
    /// What the processes show, by their numbers: the one that is asked for, or all that run.
    pub(super) fn views(&mut self, on: Option<u32>) -> Vec<(u32, View)> {
        let numbers = on.map_or(1..=self.scenario.processes, |n| n..=n);
        let keepers: Vec<_> = numbers.filter_map(|n| self.live(n).map(|p| (n, p.keeper.clone()))).collect();
        let mut views = Vec::new();
        for (number, keeper) in keepers {
            let seen = self.executor.run_until(Span::ZERO, async move { keeper.view().await });
            views.extend(seen.and_then(Result::ok).map(|seen| (number, seen.view)));
        }
        views
    }

    /// What of an expectation does not hold now.
    fn problems(&mut self, n: usize) -> Vec<String> {
        let requests = self.requests();
        let views = self.views(self.scenario.expect[n].on);
        if views.is_empty() {
            return vec!["no process runs".to_owned()];
        }
        let expectation = &self.scenario.expect[n];
        let several = self.scenario.processes > 1;
        let of = |(number, view): &(u32, View)| {
            let number = *number;
            let name = move |p: String| if several { format!("process {number}: {p}") } else { p };
            unmet(expectation, view, requests).into_iter().map(name).collect::<Vec<_>>()
        };
        views.iter().flat_map(of).collect()
    }

    pub(super) fn watch(&mut self) {
        let now = self.journal.elapsed();
        for n in 0..self.open.len() {
            if self.open[n].met.is_none() && self.problems(self.open[n].expectation).is_empty() {
                self.open[n].met = Some(now);
            }
        }
    }

    pub(super) fn check_now(&mut self, n: usize) {
        let problems = self.problems(n);
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
        let (When::At(by) | When::By(by)) = self.scenario.expect[n].when;
        for problem in self.problems(n) {
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

/// An entry in words, for the timeline.
pub(super) fn describe(entry: &Entry, several: bool) -> String {
    let what = action_in_words(&entry.action);
    let whom = match (entry.on, &entry.action) {
        _ if !several => String::new(),
        (On::One(n), _) => format!("[{n}] "),
        (On::Any, Action::Process(_)) => "[any] ".to_owned(),
        (On::Any | On::All, _) => String::new(),
    };
    match &entry.point {
        None => format!("{whom}{what}"),
        Some(point) => format!("{whom}{what}, at {}", point.name),
    }
}

fn action_in_words(action: &Action) -> String {
    let named = |names: &[(&'static str, StoreMode)], mode: &StoreMode| {
        names.iter().find(|(_, m)| m == mode).map_or("", |(name, _)| name).to_owned()
    };
    match action {
        Action::Server(fault) => format!("server: {fault}"),
        Action::Next(fault) => format!("next request: {fault}"),
        Action::Latency(span) => format!("the server takes {span}"),
        Action::Clock(ClockChange::Suspend(span)) => format!("the machine sleeps for {span}"),
        Action::Clock(ClockChange::Wall(millis)) => {
            let span = Span::from_millis(millis.unsigned_abs());
            format!("the wall clock is set {} by {span}", if *millis < 0 { "back" } else { "forward" })
        }
        Action::Network(Network::Changed) => "the network changed".into(),
        Action::Network(network) => {
            let name = Network::NAMES.iter().find(|(_, n)| n == network).map_or("", |(name, _)| name);
            format!("network: {name}")
        }
        Action::Wire(WireFault::Late(by)) => format!("the next request arrives {by} late"),
        Action::Wire(WireFault::Duplicate(by)) => format!("the next request arrives again {by} later"),
        Action::Wire(WireFault::LoseRequest) => "the next request is lost".into(),
        Action::Wire(WireFault::LoseAnswer) => "the next answer is lost".into(),
        Action::Process(action) => format!("process: {}", action.name()),
        Action::Reboot => "the machine reboots".into(),
        Action::PowerCut => "the power fails".into(),
        Action::Store(mode) => format!("store: {}", named(&StoreMode::NAMES, mode)),
        Action::Api(ApiMode::Ok) => "the resource server accepts what was issued".into(),
        Action::Api(ApiMode::Revoke) => "the access token is revoked".into(),
        Action::Api(ApiMode::RejectAll) => "the resource server refuses everything".into(),
        Action::Login => "a person logs in".into(),
        Action::Logout => "a person logs out".into(),
        Action::Refresh => "a person asks for a refresh".into(),
        Action::Burst { callers, give_up: None } => format!("{callers} callers at once"),
        Action::Burst { callers, give_up: Some(after) } => {
            format!("{callers} callers at once, each for {after} at most")
        }
    }
}
