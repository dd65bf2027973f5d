//! Scenario files: a timeline of faults, and what must be true when.

mod action;
mod matrix;
mod raw;
mod reading;

use std::fmt;

use renewd_core::{GrantType, Health, Policy, Span, Status};
use renewd_testkit::{AsClass, AsConfig};
use serde::Deserialize;

pub use action::{
    Action, ApiMode, ClockChange, Damage, Entry, Flaw, Network, On, PointRule, ProcessAction, StoreMode,
    WireFault,
};

use crate::duration::parse;
use raw::RawScenario;
use reading::{entries, expectation, optional, policy, server};

/// The most processes that a world has.
pub const PROCESSES_MAX: u32 = 64;

/// Tokens that live shorter are over before anybody has looked.
const LIVELY_LIFETIME_MIN: Span = Span::from_secs(15);

/// A timeline of faults against a simulated world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// What it shows, in words.
    pub name: String,
    /// The fault that it shows, as the list of faults calls it.
    pub fault: Option<String>,
    /// What tells it from others of the same fault.
    pub variant: String,
    /// Jitter, tokens and latencies come from it.
    pub seed: u64,
    /// How many processes share the credential.
    pub processes: u32,
    /// A call of the store takes so long.
    pub store_latency: Span,
    /// Bytes that a dead process left in its socket still go out when the network is back.
    pub sockets_linger: bool,
    /// Whether processes hear at once of what others write to the store.
    pub watch: bool,
    /// What is built wrong on purpose.
    pub flaw: Option<Flaw>,
    /// In the end all faults are lifted, and every process must be well soon.
    pub liveness: bool,
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
    /// How the login is renewed.
    pub grant: LoginGrant,
    /// A caller asks for a token this often; none asks when absent.
    pub callers: Option<Span>,
    /// When it ends.
    pub end: Span,
    /// What happens, in order of time.
    pub at: Vec<Entry>,
    /// What must be true.
    pub expect: Vec<Expectation>,
    /// What must be true in the end.
    pub expect_totals: ExpectTotals,
}

/// How a login is renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginGrant {
    /// By its refresh token.
    #[default]
    RefreshToken,
    /// By the client's own credentials, over and over. The server hands out a refresh token with them all the same,
    /// which nobody must use.
    ClientCredentials,
}

impl LoginGrant {
    /// As the record says it.
    pub(crate) fn grant_type(self) -> GrantType {
        match self {
            Self::RefreshToken => GrantType::RefreshToken,
            Self::ClientCredentials => GrantType::ClientCredentials,
        }
    }
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
    /// Of which process; of all that run when absent.
    pub on: Option<u32>,
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
    /// Times that somebody had to log in, after the faults too.
    pub forced_logins: Option<u64>,
    /// Logins that were told as lost with a rotated token.
    pub told_lost: Option<u64>,
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
    /// Reads a scenario file's text: the first of what [`each`](Self::each) gives.
    ///
    /// # Errors
    /// Names the key, and its line where the file is not TOML or has an unknown key.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        Self::each(text)?.into_iter().next().ok_or_else(|| bad("the file describes no run"))
    }

    /// Reads a scenario file's text and gives one scenario for each combination of its `classes`, `processes` and
    /// `vary`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn each(text: &str) -> Result<Vec<Self>, ScenarioError> {
        let mut all = Vec::new();
        for (variant, raw) in matrix::variants(text)? {
            for class in matrix::classes(&raw)? {
                for processes in matrix::process_counts(&raw)? {
                    all.push(Self::one(&raw, &variant, class, processes)?);
                }
            }
        }
        Ok(all)
    }

    fn one(raw: &RawScenario, vary: &str, class: AsClass, processes: u32) -> Result<Self, ScenarioError> {
        let mut at = Vec::new();
        for (n, entry) in raw.at.iter().enumerate() {
            let place = format!("[[at]] number {}", n + 1);
            at.extend(entries(entry, processes).map_err(|e| bad(format!("{place}: {e}")))?);
        }
        at.sort_by_key(|entry| entry.t);
        let mut expect = Vec::new();
        for (n, entry) in raw.expect.iter().enumerate() {
            let place = format!("[[expect]] number {}", n + 1);
            expect.push(expectation(entry, processes).map_err(|e| bad(format!("{place}: {e}")))?);
        }
        let latency =
            optional(raw.server.latency.as_deref(), "as.latency")?.unwrap_or(Span::from_millis(120));
        let grant = reading::grant(raw.login.grant.as_deref())?;
        let server = reading::serving(grant, AsConfig { class, ..server(&raw.server, raw.seed)? });
        let liveness = raw.liveness.unwrap_or(raw.fault.is_some());
        if liveness && server.lifetime_ms < LIVELY_LIFETIME_MIN.max(latency.times(10)).as_millis() {
            return Err(bad(format!(
                "as.lifetime: nobody can be shown to be well with tokens that live shorter than {LIVELY_LIFETIME_MIN} \
                 or ten times the latency; say liveness = false, or let them live longer"
            )));
        }
        let given = [raw.variant.as_deref().unwrap_or_default(), vary];
        let variant = given.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ");
        Ok(Self {
            name: raw.name.clone(),
            fault: raw.fault.clone(),
            variant,
            seed: raw.seed,
            processes,
            latency,
            server,
            policy: policy(&raw.policy)?,
            store_latency: optional(raw.store_latency.as_deref(), "store_latency")?.unwrap_or(Span::ZERO),
            sockets_linger: reading::sockets(raw.sockets.as_deref())?,
            watch: raw.watch.unwrap_or(true),
            flaw: reading::flaw(raw.flaw.as_deref())?,
            liveness,
            client_id: raw.login.client_id,
            access_token: raw.login.access_token,
            refresh_token: raw.login.refresh_token,
            grant,
            callers: optional(raw.callers.as_deref(), "callers")?,
            end: end(raw, &at, &expect)?,
            at,
            expect,
            expect_totals: raw.expect_totals.clone(),
        })
    }
}

/// As the file says, or a minute after its last entry.
fn end(raw: &RawScenario, at: &[Entry], expect: &[Expectation]) -> Result<Span, ScenarioError> {
    let expected = expect.iter().map(|e| match e.when {
        When::At(t) | When::By(t) => t,
    });
    let last = at.iter().map(|entry| entry.t).chain(expected).max().unwrap_or(Span::from_hours(1));
    let end = match &raw.end {
        Some(text) => parse(text).map_err(|e| bad(format!("end: {e}")))?,
        None => last + Span::from_mins(1),
    };
    if end < last {
        return Err(bad(format!("end = {end} is before the last entry at {last}")));
    }
    Ok(end)
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
            ("name = 'x'\nprocesses = 0", "processes"),
            ("name = 'x'\nprocesses = 'two'", "a number of processes"),
            ("name = 'x'\nclasses = ['P2', 'P9']", "P0 to P6"),
            ("name = 'x'\nclasses = ['P2']\nas = { class = 'P2' }", "either classes or as.class"),
            ("name = 'x'\nvary = ['1h']", "$vary"),
            ("name = 'x'\n[[at]]\nt = '$vary'\nserver = 'ok'", "vary"),
            ("name = 'x'\nsockets = 'leak'", "reset, linger"),
            ("name = 'x'\nliveness = true\nas = { lifetime = '1s' }", "liveness = false"),
            ("name = 'x'\npolicy = { request = { timeout = '0s' } }", "policy.request.timeout"),
            ("name = 'x'\nflaw = 'rust'", "claim-for-all"),
            ("name = 'x'\nlogin = { grant = 'password' }", "client-credentials"),
            ("name = 'x'\nnonsense = 1", "nonsense"),
            ("name = 'x'\n[[at]]\nt = '1h'\nserver = 'tired'", "[[at]] number 1: server"),
            ("name = 'x'\n[[at]]\nt = 'soon'\nserver = 'ok'", "[[at]] number 1: t"),
            ("name = 'x'\n[[at]]\nt = '1h'", "does nothing"),
            ("name = 'x'\n[[at]]\nt = '1h'\nprocess = 'freeze'", "process"),
            ("name = 'x'\n[[at]]\nt = '1h'\nprocess = 'kill'\npoint = 'commit.dance'", "commit.<step>"),
            ("name = 'x'\n[[at]]\nt = '1h'\nprocess = 'pause'\npoint = 'commit.rename'", "cannot stop"),
            ("name = 'x'\n[[at]]\nt = '1h'\nprocess = 'kill'\non = 2", "on = 2"),
            ("name = 'x'\n[[at]]\nt = '1h'\nprocess = 'kill'\non = 'some'", "on = \"some\""),
            ("name = 'x'\n[[at]]\nt = '1h'\nserver = 'ok'\non = 1", "on goes with"),
            ("name = 'x'\n[[at]]\nt = '1h'\nserver = 'ok'\nskip = 1", "skip goes with point"),
            ("name = 'x'\n[[at]]\nt = '1h'\nserver = 'ok'\nrepeat = 3", "repeat and every"),
            ("name = 'x'\n[[at]]\nt = '1h'\nserver = 'ok'\ngive_up = '3s'", "give_up goes with burst"),
            ("name = 'x'\n[[at]]\nt = '1h'\nwire = { lose = 'all' }", "request, answer"),
            ("name = 'x'\n[[at]]\nt = '1h'\nstore = 'melted'", "fsync-once"),
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
        assert_eq!(s.at[0].t, Span::from_hours(1));
        assert_eq!(s.end, Span::from_mins(121));
    }

    #[test]
    fn one_file_covers_every_combination() {
        let all = Scenario::each(
            "name = 'x'\nfault = 'suspend'\nclasses = ['P0', 'P2']\nprocesses = [1, 2]\nvary = ['10s', '7d']\n\
             [[at]]\nt = '1h'\nclock = { suspend = '$vary' }",
        )
        .unwrap();
        assert_eq!(all.len(), 8);
        let told = |s: &Scenario| (s.variant.clone(), s.server.class, s.processes);
        assert_eq!(told(&all[0]), ("10s".into(), AsClass::P0, 1));
        assert_eq!(told(&all[7]), ("7d".into(), AsClass::P2, 2));
        assert_eq!(all[7].at[0].action, Action::Clock(ClockChange::Suspend(Span::from_hours(168))));
        assert!(all[0].liveness, "a file about a fault ends with the faults off");
    }

    #[test]
    fn what_is_repeated_comes_again_and_again() {
        let s = Scenario::parse(
            "name = 'x'\nprocesses = 2\n[[at]]\nt = '1m'\nprocess = 'kill'\non = 2\nrepeat = 3\nevery = '10s'",
        )
        .unwrap();
        let times: Vec<u64> = s.at.iter().map(|entry| entry.t.as_secs()).collect();
        assert_eq!(times, [60, 70, 80]);
        assert!(s.at.iter().all(|entry| entry.on == On::One(2)));
    }
}
