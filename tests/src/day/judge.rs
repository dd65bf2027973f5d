//! Whether each request that failed had to: by the servers' logs, and by what `renewd history` tells.

use std::collections::BTreeMap;

use serde_json::Value;

use super::clients::{Asked, Served};
use super::world::{Login, World};
use super::{Day, Report};
use crate::wait::{unix_seconds, unix_seconds_of};

/// From an answer of the server until whoever waits has the token: saving it takes a disk.
const ARRIVAL_MS: u64 = 1000;

/// The last part of a token's life in which it is not handed out any more: a request takes its time.
const LAST_PART: u64 = 4;

/// Times of the history are whole seconds.
const WHOLE_SECOND: f64 = 1.5;

/// Broken promises that are told in full.
const TOLD_MAX: usize = 20;

/// Answers whose tokens arrived.
const DELIVERED: [&str; 4] = ["gzip", "wrong-content-type", "slow-drip", "huge-body"];

const NO_TOKEN: &str = "no valid token existed, as history tells";
const API_DOWN: &str = "the API itself was down";
const ENDED: &str = "it was under way when the agent ended";
const AWAY: &str = "no agent was there when the token expired";
const REVOKED: &str = "the token had just been revoked";

/// Judges.
pub(super) fn judge(world: &mut World, served: &[Served], day: Day) -> Report {
    let mut report = Report::new(day);
    let mut explained: BTreeMap<&'static str, u64> = BTreeMap::new();
    let tokens: Vec<Vec<(u64, u64)>> = world.logins.iter().map(|login| lives(login, day)).collect();
    let histories: Vec<Vec<Value>> = world.logins.iter().map(|login| history(world, login)).collect();
    // The history tells Unix time.
    let begun = unix_seconds() - world.now() as f64 / 1000.0;
    let mut broken = Vec::new();
    for client in served {
        let good = client.asked.iter().filter(|asked| asked.failed.is_none()).count() as u64;
        report.requests.push((client.who.clone(), client.asked.len() as u64, good));
        if good == 0 {
            broken.push(format!("{}: nothing was ever served", client.who));
        }
        for asked in &client.asked {
            let Some(why) = &asked.failed else { continue };
            let login = &world.logins[asked.login];
            match excuse(world, login, asked, why, &tokens[asked.login], day) {
                Some(NO_TOKEN) if !is_told(&histories[asked.login], begun + asked.ended as f64 / 1000.0) => {
                    broken.push(format!(
                        "{} at {} ms: history does not explain: {why}",
                        client.who, asked.begun
                    ));
                }
                Some(excuse) => *explained.entry(excuse).or_default() += 1,
                None => broken.push(format!(
                    "{} at {} to {} ms, while a valid token existed: {why}",
                    client.who, asked.begun, asked.ended
                )),
            }
        }
    }
    let more = broken.len().saturating_sub(TOLD_MAX);
    broken.truncate(TOLD_MAX);
    if more > 0 {
        broken.push(format!("and {more} more"));
    }
    report.broken = broken;
    report.explained = explained.into_iter().collect();
    report
}

/// From when to when each token that arrived could be used.
fn lives(login: &Login, day: Day) -> Vec<(u64, u64)> {
    let delivered = |fault: &Option<String>| {
        fault
            .as_ref()
            .is_none_or(|fault| fault == "ok" || DELIVERED.iter().any(|name| fault.starts_with(name)))
    };
    let arrived = login.server.log().into_iter().filter(|e| e.issued.is_some() && delivered(&e.fault));
    arrived
        .map(|entry| {
            let at = u64::try_from(login.zero + i64::try_from(entry.at_ms).unwrap_or_default()).unwrap_or(0);
            let end = at + day.lifetime_ms();
            let next = login.revoked.iter().filter(|revoked| **revoked > at).min();
            (at, next.map_or(end, |revoked| end.min(*revoked)))
        })
        .collect()
}

/// Why that request could not be served; nothing where it could.
fn excuse(
    world: &World,
    login: &Login,
    asked: &Asked,
    why: &str,
    tokens: &[(u64, u64)],
    day: Day,
) -> Option<&'static str> {
    let overlaps = |from: u64, to: u64| asked.begun <= to && from <= asked.ended;
    let away = |after: u64| world.away.iter().any(|(from, to)| overlaps(*from, *to + after));
    // Whoever was connected; whoever connects later waits for the next agent.
    if why.starts_with("no answer") && away(0) {
        return Some(ENDED);
    }
    let unreachable = why.contains("upstream") || why.starts_with("no answer");
    if unreachable && login.api_down.iter().any(|(from, to)| overlaps(*from, *to + 50)) {
        return Some(API_DOWN);
    }
    let last_part = day.lifetime_ms() / LAST_PART;
    let usable = |(from, to): &(u64, u64)| from + ARRIVAL_MS <= asked.begun && asked.ended + last_part <= *to;
    if tokens.iter().any(usable) {
        return None;
    }
    let revoked = login.revoked.iter().any(|at| overlaps(*at, at + ARRIVAL_MS));
    Some(match () {
        () if revoked => REVOKED,
        () if away(ARRIVAL_MS) => AWAY,
        () => NO_TOKEN,
    })
}

fn history(world: &World, login: &Login) -> Vec<Value> {
    let document = world.home.run(["history", login.name, "--json"]).succeeded().json();
    document["events"].as_array().cloned().unwrap_or_default()
}

/// Whether something went wrong since the last success before that moment.
fn is_told(history: &[Value], at: f64) -> bool {
    let before = history
        .iter()
        .rev()
        .filter(|event| event["at"].as_str().is_some_and(|text| unix_seconds_of(text) <= at + WHOLE_SECOND));
    for event in before {
        match event["event"].as_str() {
            Some("attempt_failed" | "store_failed") => return true,
            Some("status") if event["to"] != "running" => return true,
            // One that came just after it is not what it failed for.
            Some("refreshed")
                if event["at"].as_str().is_some_and(|t| unix_seconds_of(t) + WHOLE_SECOND < at) =>
            {
                return false;
            }
            _ => {}
        }
    }
    false
}
