//! The end: what each side counted, side by side, and whether they agree.

use renewd_core::{Health, Status};
use renewd_testkit::{ApiTotals, Totals};

use super::pace::Pace;
use super::tally::Tally;
use super::world::World;
use crate::exit::Failure;
use crate::json::CredentialStatus;
use crate::output::Painter;

/// What each side counted, at one moment.
pub(super) struct Audit {
    server: Totals,
    api: ApiTotals,
    status: CredentialStatus,
    replays: u64,
}

impl Audit {
    /// Asks everybody.
    ///
    /// # Errors
    /// When somebody does not answer.
    pub(super) fn take(world: &World) -> Result<Self, Failure> {
        loop {
            let server = world.server.totals();
            let status = world.binary.status()?.credentials.into_iter().next();
            let status =
                status.ok_or_else(|| Failure::internal("renewd status --json shows no credential"))?;
            let (replays, api) = (replays(world)?, world.api.totals());
            // A refresh that began or ended meanwhile is in one account and not in the other.
            if world.server.totals() == server && world.server.in_flight() == 0 {
                return Ok(Self { server, api, status, replays });
            }
        }
    }

    /// Refreshes, by the agent's status.
    pub(super) fn refreshes(&self) -> u64 {
        self.status.refreshes
    }

    /// The accounts, a line each.
    pub(super) fn table(&self, tally: &Tally, paint: Painter) -> String {
        let Self { server, api, status, .. } = self;
        let row = |who: &str, text: String| format!("   {}  {text}\n", paint.bold(format!("{who:<6}")));
        let logins = u32::from(status.login_command.is_some());
        [
            row(
                "client",
                format!(
                    "{} requests: {} answered, {} failed fast with 503 and Retry-After",
                    tally.answers, tally.good, tally.failed_fast
                ),
            ),
            row(
                "api",
                format!(
                    "{} requests: {} accepted, {} replayed after a 401, {} expired tokens",
                    api.requests, api.authorized, api.unauthorized, api.expired_tokens
                ),
            ),
            row(
                "server",
                format!(
                    "{} token requests: {} granted, {} blocked; refresh tokens reused: {}",
                    server.token_requests, server.successes, server.unprocessed, server.reuse_trips
                ),
            ),
            row(
                "agent",
                format!(
                    "{}, {}: {} refreshes, {} by a 401; logins needed: {logins}",
                    status.status, status.health, status.refreshes, status.rejections
                ),
            ),
        ]
        .concat()
    }

    /// Everything that two sides tell differently, or that did not go as it should.
    pub(super) fn disagreements(&self, tally: &Tally, pace: Pace) -> Vec<String> {
        let Self { server, api, status, replays } = self;
        let equal = [
            (
                "answers of the client",
                tally.answers,
                "good ones and those that failed fast",
                tally.good + tally.failed_fast,
            ),
            ("good answers of the client", tally.good, "requests the API accepted", api.authorized),
            ("requests to the API", api.requests, "tokens the server checked", server.access_checks),
            ("401s of the API", api.unauthorized, "replays by the proxy", *replays),
            ("401s of the API", api.unauthorized, "requests refused and then accepted", tally.replayed),
            ("401s of the API", api.unauthorized, "rejections in the status", status.rejections),
            ("expired tokens at the API", api.expired_tokens, "none", 0),
            ("refreshes in the status", status.refreshes, "token requests granted", server.successes),
            (
                "refreshes in the status",
                status.refreshes,
                "generations in the agent's events",
                tally.generation,
            ),
            (
                "failed attempts in the agent's events",
                tally.failed_attempts,
                "token requests blocked",
                server.unprocessed,
            ),
            (
                "token requests",
                server.token_requests,
                "granted and blocked ones",
                server.successes + server.unprocessed,
            ),
            ("refresh tokens reused", server.reuse_trips, "none", 0),
            ("grants revoked", server.families_revoked, "none", 0),
            ("logins", server.grants_minted, "the one at the beginning", 1),
            ("recoveries", tally.recovered, "outages", 1),
        ];
        let mut wrong: Vec<String> = equal
            .into_iter()
            .filter(|(_, a, _, b)| a != b)
            .map(|(what, a, other, b)| format!("{what}: {a}; {other}: {b}"))
            .collect();
        wrong.extend(tally.bad_words.iter().cloned());
        let said = [(&status.status, Status::Running.name()), (&status.health, Health::Healthy.name())];
        wrong.extend(
            said.iter()
                .filter(|(is, should)| *is != should)
                .map(|(is, should)| format!("the status says {is}, not {should}")),
        );
        let changes = [Status::AuthRetrying.name(), Status::Running.name()];
        if tally.statuses != changes {
            wrong.push(format!("the status went {}, not {}", tally.statuses.join(", "), changes.join(", ")));
        }
        let longest = pace.interval().as_secs_ceil();
        if tally.retry_after_max_s > longest {
            wrong.push(format!(
                "a Retry-After of {} s; attempts are {longest} s apart",
                tally.retry_after_max_s
            ));
        }
        wrong
    }
}

/// `renewd_replays_total` of the agent's metrics.
fn replays(world: &World) -> Result<u64, Failure> {
    let answer = world.ask_agent("/metrics")?;
    let line = answer.lines().find_map(|l| l.strip_prefix("renewd_replays_total "));
    line.and_then(|n| n.trim().parse().ok())
        .ok_or_else(|| Failure::internal("the agent's metrics do not count replays"))
}
