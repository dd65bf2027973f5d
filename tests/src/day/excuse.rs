//! What may excuse a request that failed, and what must not. It knows times and no server or process, so that tests can
//! show it forgeries.

use serde_json::Value;

use super::clients::{Asked, Means};
use crate::wait::unix_seconds_of;

/// From an answer of the server until whoever waits has the token: saving it takes a disk, and that is not made short.
pub(super) const ARRIVAL_MS: u64 = 1000;

/// From a request's begin until its token is on its way: a busy machine may let either end stand so long.
pub(super) const HANDLING_MS: u64 = 500;

/// Times of the history are whole seconds, rounded down.
const WHOLE_SECOND_MS: i64 = 1000;

/// How long an attempt of the day's configuration may be under way before it counts as failed.
pub(super) const ATTEMPT_MS: u64 = 2000;

/// How long the day's configuration has the request of a dead process waited out.
pub(super) const SETTLE_MS: u64 = 2500;

/// Why a request could not be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Excuse {
    /// No token that the server would take had been delivered.
    NoToken,
    /// The token had so little left that the policy wants another first, or that it could not arrive in time.
    LastMoments,
    /// The token had just been issued, and was not saved yet.
    JustIssued,
    /// The proxy was killed while it served the request.
    Killed,
    /// The protected API was down.
    ApiDown,
    /// The agent was killed with the answer on its way; what the server does with the request is waited out.
    Settling,
    /// Whoever writes the token file was away when the token ran out.
    WriterAway,
}

impl Excuse {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NoToken => "no valid token existed",
            Self::LastMoments => "the token had only moments left",
            Self::JustIssued => "the token was being saved",
            Self::Killed => "under way when the agent was killed",
            Self::ApiDown => "the API itself was down",
            Self::Settling => "a killed agent's refresh was waited out",
            Self::WriterAway => "no agent to write the file",
        }
    }
}

/// When no agent was there, on the world's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away {
    /// Told to end, or about to be killed.
    pub(super) from: u64,
    /// Its process was gone.
    pub(super) gone: u64,
    /// The next one answered.
    pub(super) to: u64,
    pub(super) killed: bool,
}

/// What is known of one credential, from the outside.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// From when to when each token that was delivered is taken.
    pub(super) tokens: Vec<(u64, u64)>,
    pub(super) api_down: Vec<(u64, u64)>,
    pub(super) away: Vec<Away>,
    /// Kills that took an answer with them.
    pub(super) costly: Vec<Away>,
    /// What `renewd history` tells of the credential, oldest first, with its time on the world's clock; then of the agent.
    pub(super) history: Vec<(i64, Value)>,
    /// With less left, the policy has a caller wait for another token.
    pub(super) mandatory: u64,
}

impl Facts {
    /// Events with their times put on the world's clock, which stood at zero at that Unix time.
    pub(super) fn with_history(mut self, events: Vec<Value>, zero: f64) -> Self {
        let at =
            |event: &Value| event["at"].as_str().map(|text| ((unix_seconds_of(text) - zero) * 1000.0) as i64);
        self.history = events.into_iter().filter_map(|event| Some((at(&event)?, event))).collect();
        self
    }

    /// Takes out tokens that were issued and died with the agent: it was killed before it could save them, and no history
    /// tells of them.
    pub(super) fn without_lost(mut self) -> Self {
        let told = |at: u64| {
            let then = at as i64 - WHOLE_SECOND_MS..=(at + ARRIVAL_MS) as i64;
            self.history.iter().any(|(when, event)| then.contains(when) && event["event"] == "refreshed")
        };
        let killed = |at: u64| {
            let with = |away: &&Away| away.killed && at <= away.gone && away.from < at + ARRIVAL_MS;
            self.away.iter().find(with).filter(|_| !told(at)).copied()
        };
        let costly = self.tokens.iter().filter_map(|(at, _)| killed(*at)).collect();
        let kept = self.tokens.iter().filter(|(at, _)| killed(*at).is_none()).copied().collect();
        (self.costly, self.tokens) = (costly, kept);
        self
    }

    /// Why that request may have failed.
    ///
    /// # Errors
    /// Which promise was broken by it.
    pub(super) fn excuse(&self, asked: &Asked, why: &str) -> Result<Excuse, &'static str> {
        let overlaps = |from: u64, to: u64| asked.begun <= to && from <= asked.ended;
        let unanswered = why.starts_with("no answer");
        // Only what was under way: whoever connects later waits in the manager's listener for the next agent.
        let killed = |away: &&Away| away.killed && asked.begun <= away.gone && away.from <= asked.ended;
        if asked.means == Means::Proxy && unanswered && self.away.iter().any(|away| killed(&away)) {
            return Ok(Excuse::Killed);
        }
        if asked.means != Means::Command
            && (unanswered || why.contains("upstream"))
            && self.api_down.iter().any(|(from, to)| overlaps(*from, *to))
        {
            return Ok(Excuse::ApiDown);
        }
        // Who waited for an agent needed the token when there was one.
        let waited = self.away.iter().any(|away| overlaps(away.from, away.to));
        let needed = if waited { asked.ended } else { asked.ended.min(asked.begun + HANDLING_MS) };
        let lived = self.tokens.iter().filter(|(from, to)| *from <= asked.begun && needed <= *to);
        let mut excuse = Excuse::NoToken;
        for (from, to) in lived {
            if from + ARRIVAL_MS > asked.begun {
                excuse = Excuse::JustIssued;
            } else if asked.begun + HANDLING_MS + self.mandatory > *to {
                excuse = Excuse::LastMoments;
            } else {
                return Err("a valid token existed");
            }
        }
        let settles = |away: &&Away| overlaps(away.from, away.to + SETTLE_MS + ARRIVAL_MS);
        let mut away = self.costly.iter().find(settles);
        if away.is_some() {
            excuse = Excuse::Settling;
        }
        let writer = self.away.iter().find(|away| asked.means == Means::File && self.overdue(away, asked));
        if writer.is_some() && away.is_none() {
            (away, excuse) = (writer, Excuse::WriterAway);
        }
        // A file may be missed on two accounts; what history tells of either will do.
        if away.is_some_and(|away| self.is_told_away(away)) || self.is_told(asked) {
            Ok(excuse)
        } else {
            Err("history does not explain")
        }
    }

    /// Whether the token that stood in the file ran out while no agent was there to write another, and the next agent has
    /// only just come.
    fn overdue(&self, away: &Away, asked: &Asked) -> bool {
        let overdue = away.to + ARRIVAL_MS;
        let ran_out = |(from, to): &(u64, u64)| *from <= away.from && away.from < *to && *to <= overdue;
        asked.begun <= overdue && away.from <= asked.ended && self.tokens.iter().any(ran_out)
    }

    /// Whether the story tells that the agent stopped then, or that another was started.
    fn is_told_away(&self, away: &Away) -> bool {
        let then = away.from as i64 - WHOLE_SECOND_MS..=away.to as i64;
        let is_it =
            |event: &Value| matches!(event["event"].as_str(), Some("agent_stopped" | "agent_started"));
        self.history.iter().any(|(at, event)| then.contains(at) && is_it(event))
    }

    /// Whether the last that history tells before that request is something that went wrong, or what was under way then
    /// went wrong.
    fn is_told(&self, asked: &Asked) -> bool {
        let ended = asked.ended as i64;
        let before = self.history.iter().rev().filter(|(at, _)| *at <= ended);
        for (at, event) in before {
            match turn(event) {
                Some(Turn::Worse) => return true,
                // One that came while it waited is not what it failed for.
                Some(Turn::Better) if at + WHOLE_SECOND_MS < asked.begun as i64 => break,
                _ => {}
            }
        }
        let under_way = self.history.iter().filter(|(at, _)| *at > ended && *at <= ended + ATTEMPT_MS as i64);
        under_way.filter_map(|(_, event)| turn(event)).next() == Some(Turn::Worse)
    }

    /// What history tells about that time, for whoever has to find out.
    pub(super) fn around(&self, asked: &Asked) -> String {
        let near = 4000;
        let from = i64::try_from(asked.begun).unwrap_or(0) - near;
        let to = asked.ended as i64 + near;
        let lines = self.history.iter().filter(|(at, _)| (from..=to).contains(at));
        let told: String = lines.map(|(at, event)| format!("\n      {at} {event}")).collect();
        let tokens: Vec<_> =
            self.tokens.iter().filter(|(begin, end)| (*begin as i64) < to && from < *end as i64).collect();
        let away: Vec<_> = self.away.iter().filter(|a| (a.from as i64) < to && from < a.to as i64).collect();
        format!("\n      tokens {tokens:?}, away {away:?}{told}")
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Better,
    Worse,
}

/// What an event of the history means for who needs a token.
fn turn(event: &Value) -> Option<Turn> {
    match event["event"].as_str()? {
        "attempt_failed" | "store_failed" => Some(Turn::Worse),
        "status" if event["to"] == "running" => None,
        "status" => Some(Turn::Worse),
        "refreshed" | "adopted" => Some(Turn::Better),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
