//! Whether each request that failed had to: by the servers' logs, and by what `renewd history` tells.

use std::collections::BTreeMap;

use serde_json::Value;

use super::clients::{Means, Served};
use super::excuse::Facts;
use super::world::{Login, World, mandatory_ms};
use super::{Day, Report};
use crate::wait::unix_seconds;

/// Broken promises that are told in full.
const TOLD_MAX: usize = 20;

/// Answers whose tokens arrived.
const DELIVERED: [&str; 4] = ["gzip", "wrong-content-type", "slow-drip", "huge-body"];

/// Judges what the clients saw by what is known of each login.
pub(super) fn judge(world: &World, served: &[Served], day: Day) -> Report {
    // The history tells Unix time.
    let zero = unix_seconds() - world.now() as f64 / 1000.0;
    let facts: Vec<Facts> = world.logins.iter().map(|login| facts(world, login, day, zero)).collect();
    verdict(&facts, served, Report::new(day))
}

pub(super) fn verdict(facts: &[Facts], served: &[Served], mut report: Report) -> Report {
    let mut explained: BTreeMap<_, u64> = BTreeMap::new();
    let mut broken = Vec::new();
    for client in served {
        let good = client.asked.iter().filter(|asked| asked.failed.is_none()).count() as u64;
        report.requests.push((client.who.clone(), client.asked.len() as u64, good));
        if good == 0 {
            broken.push(format!("{}: nothing was ever served", client.who));
        }
        for asked in &client.asked {
            let Some(why) = &asked.failed else { continue };
            let facts = &facts[asked.login];
            match facts.excuse(asked, why) {
                Ok(excuse) => *explained.entry((excuse, means(asked.means))).or_default() += 1,
                Err(promise) => broken.push(format!(
                    "{} at {} to {} ms, {promise}: {why}{}",
                    client.who,
                    asked.begun,
                    asked.ended,
                    facts.around(asked)
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
    report.explained = explained.into_iter().map(|((excuse, means), n)| (excuse.name(), means, n)).collect();
    report
}

fn means(means: Means) -> &'static str {
    match means {
        Means::Proxy => "proxies",
        Means::File => "token files",
        Means::Command => "renewd token",
    }
}

fn facts(world: &World, login: &Login, day: Day, zero: f64) -> Facts {
    let facts = Facts {
        tokens: lives(login, day),
        api_down: login.api_down.clone(),
        away: world.away.clone(),
        costly: Vec::new(),
        history: Vec::new(),
        mandatory: mandatory_ms(day),
    };
    facts.with_history(history(world, login), zero).without_lost()
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

/// The events of the credential and of the agent, as JSON.
fn history(world: &World, login: &Login) -> Vec<Value> {
    let document = world.home.run(["history", login.name, "--json"]).succeeded().json();
    document["events"].as_array().cloned().unwrap_or_default()
}
