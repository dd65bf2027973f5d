//! Scenario files: a timeline of faults, and what must be true when.

mod raw;
mod reading;

use std::fmt;

use renewd_core::{Health, Policy, Span, Status};
use renewd_testkit::{AsConfig, Fault};
use serde::Deserialize;

use crate::duration::parse;
use raw::RawScenario;
use reading::{actions, expectation, optional, policy, server};

/// A timeline of faults against a simulated world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// What it shows, in words.
    pub name: String,
    /// Jitter, tokens and latencies come from it.
    pub seed: u64,
    /// The authorization server.
    pub server: AsConfig,
    /// How long it takes to answer.
    pub latency: Span,
    /// The credential's policy.
    pub policy: Policy,
    /// Whether the credential knows a client id.
    pub client_id: bool,
    /// Whether the login brought an access token along.
    pub access_token: bool,
    /// Whether the login brought a refresh token along.
    pub refresh_token: bool,
    /// A caller asks for a token this often; none asks when absent.
    pub callers: Option<Span>,
    /// When it ends.
    pub end: Span,
    /// What happens, in order of time.
    pub at: Vec<(Span, Action)>,
    /// What must be true.
    pub expect: Vec<Expectation>,
    /// What must be true in the end.
    pub expect_totals: ExpectTotals,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// The authorization server behaves like this from now on.
    Server(Fault),
    /// The next request meets this, those after it what was before.
    Next(Fault),
    /// The server takes so long to answer from now on.
    Latency(Span),
    /// A clock is changed.
    Clock(ClockChange),
    /// The network.
    Network(Network),
    /// The process ends in order and starts again.
    Restart,
    /// The machine reboots: the process dies, the boot clock begins anew.
    Reboot,
    /// The store.
    Store(StoreMode),
    /// The resource server.
    Api(ApiMode),
    /// A person logs in again.
    Login,
    /// A person logs out.
    Logout,
    /// A person runs `renewd refresh`.
    Refresh,
    /// So many callers ask at the same moment.
    Burst(u32),
}

/// A change of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockChange {
    /// The machine sleeps: boot time and wall clock go on, nothing runs.
    Suspend(Span),
    /// The wall clock is set by so many milliseconds.
    Wall(i64),
}

/// The network's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Network {
    /// Nothing leaves this machine.
    Down,
    /// It works.
    Up,
    /// It works, and the process is told that routes changed.
    Changed,
}

/// The store's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreMode {
    /// It works.
    Ok,
    /// Every write fails: no space.
    Full,
    /// Every write fails: read-only.
    ReadOnly,
    /// Everything fails.
    Io,
}

/// The resource server's mood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiMode {
    /// It accepts what the authorization server issued.
    Ok,
    /// The access token issued last is revoked.
    Revoke,
    /// It answers 401 to everything, fresh tokens included.
    RejectAll,
}

/// When an expectation is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "at a time, or at the latest by one")]
pub enum When {
    /// At that time.
    At(Span),
    /// At some time up to that one.
    By(Span),
}

/// Something that must be true.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expectation {
    /// When.
    pub when: When,
    /// The public status.
    pub status: Option<Status>,
    /// The health.
    pub health: Option<Health>,
    /// The cause's name; `none` for none.
    pub cause: Option<String>,
    /// The phase's name.
    pub phase: Option<String>,
    /// Whether a caller would be served.
    pub token: Option<bool>,
    /// The generation.
    pub generation: Option<u64>,
    /// The most token requests so far.
    pub token_requests_max: Option<u64>,
    /// The fewest token requests so far.
    pub token_requests_min: Option<u64>,
}

/// Bounds on the totals of a whole run. A bare name is an exact number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpectTotals {
    /// Spent refresh tokens that the server saw again.
    pub reuse_trips: Option<u64>,
    /// Times that a login was needed.
    pub logins_needed: Option<u64>,
    /// Expired or revoked tokens served as valid.
    pub expired_served: Option<u64>,
    /// Hints about a stale client.
    pub hints: Option<u64>,
    /// Answers that nobody waited for.
    pub late_answers: Option<u64>,
    /// Times that `auth_retrying` was announced.
    pub auth_retrying: Option<u64>,
    /// The most token requests.
    pub token_requests_max: Option<u64>,
    /// The fewest token requests.
    pub token_requests_min: Option<u64>,
    /// The most callers that were told there is no token.
    pub refused_max: Option<u64>,
    /// The fewest callers that were told there is no token.
    pub refused_min: Option<u64>,
    /// The fewest callers that got a token.
    pub served_min: Option<u64>,
    /// The most 401s that were passed through.
    pub passed_max: Option<u64>,
    /// The fewest 401s that were passed through.
    pub passed_min: Option<u64>,
}

/// Why a scenario file cannot be run: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScenarioError {}

fn bad(what: impl fmt::Display) -> ScenarioError {
    ScenarioError(what.to_string())
}

impl Scenario {
    /// Reads a scenario file's text.
    ///
    /// # Errors
    /// Names the key, and its line where the file is not TOML or has an unknown key.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let raw: RawScenario = toml::from_str(text).map_err(bad)?;
        if raw.processes != 1 {
            return Err(bad(format!(
                "processes = {}: only one process can be simulated so far; leave the key out",
                raw.processes
            )));
        }
        let mut at = Vec::new();
        for (n, entry) in raw.at.iter().enumerate() {
            let place = format!("[[at]] number {}", n + 1);
            let t = parse(&entry.t).map_err(|e| bad(format!("{place}: t: {e}")))?;
            let actions = actions(entry).map_err(|e| bad(format!("{place}: {e}")))?;
            if actions.is_empty() {
                return Err(bad(format!(
                    "{place} (t = {}) does nothing; give it server, clock, network, …",
                    t
                )));
            }
            at.extend(actions.into_iter().map(|a| (t, a)));
        }
        at.sort_by_key(|(t, _)| *t);
        let mut expect = Vec::new();
        for (n, entry) in raw.expect.iter().enumerate() {
            let place = format!("[[expect]] number {}", n + 1);
            expect.push(expectation(entry).map_err(|e| bad(format!("{place}: {e}")))?);
        }
        let last = at
            .iter()
            .map(|(t, _)| *t)
            .chain(expect.iter().map(|e| match e.when {
                When::At(t) | When::By(t) => t,
            }))
            .max()
            .unwrap_or(Span::from_hours(1));
        let end = match &raw.end {
            Some(text) => parse(text).map_err(|e| bad(format!("end: {e}")))?,
            None => last + Span::from_mins(1),
        };
        if end < last {
            return Err(bad(format!("end = {end} is before the last entry at {last}")));
        }
        Ok(Self {
            name: raw.name,
            seed: raw.seed,
            latency: optional(raw.server.latency.as_deref(), "as.latency")?.unwrap_or(Span::from_millis(120)),
            server: server(&raw.server, raw.seed)?,
            policy: policy(&raw.policy)?,
            client_id: raw.login.client_id,
            access_token: raw.login.access_token,
            refresh_token: raw.login.refresh_token,
            callers: optional(raw.callers.as_deref(), "callers")?,
            end,
            at,
            expect,
            expect_totals: raw.expect_totals,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Scenario::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_file_is_told_by_its_key_and_place() {
        for (text, needle) in [
            ("name = 'x'\nprocesses = 2", "processes"),
            ("name = 'x'\nnonsense = 1", "nonsense"),
            ("name = 'x'\n[[at]]\nt = '1h'\nserver = 'tired'", "[[at]] number 1: server"),
            ("name = 'x'\n[[at]]\nt = 'soon'\nserver = 'ok'", "[[at]] number 1: t"),
            ("name = 'x'\n[[at]]\nt = '1h'", "does nothing"),
            ("name = 'x'\n[[at]]\nt = '1h'\nprocess = 'kill'", "process"),
            ("name = 'x'\n[[expect]]\nstatus = 'running'", "needs either t"),
            ("name = 'x'\n[[expect]]\nt = '1h'", "expects nothing"),
            ("name = 'x'\n[[expect]]\nt = '1h'\nstatus = 'ill'", "auth_retrying"),
            ("name = 'x'\n[as]\nclass = 'P9'", "P0 to P6"),
            ("name = 'x'\nend = '1m'\n[[at]]\nt = '1h'\nserver = 'ok'", "before the last entry"),
            ("seed = 1", "name"),
        ] {
            let said = error(text);
            assert!(said.contains(needle), "{text:?}: {said}");
        }
    }

    #[test]
    fn the_timeline_is_in_order_whatever_the_file_says() {
        let s = Scenario::parse(
            "name = 'x'\n[[at]]\nt = '2h'\nserver = 'ok'\n[[at]]\nt = '1h'\nserver = '503 retry-after=120'",
        )
        .unwrap();
        assert_eq!(s.at[0].0, Span::from_hours(1));
        assert_eq!(s.end, Span::from_mins(121));
    }
}
