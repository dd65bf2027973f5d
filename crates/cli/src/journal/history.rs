//! A journal as a document: `renewd history NAME --json`, and the agent's `GET …/history`. One type, so that what a
//! script learned from the one holds for the other. The agent's own starts and stops stand among the credential's events, as
//! in the story: a night in which nothing happened reads otherwise where nobody was there to do anything.

use renewd_core::Wall;
use renewd_driver::CredentialName;
use serde::Serialize;

use super::entry::Entry;
use super::sentence::Shown;
use crate::json::SCHEMA;
use crate::output::time::parse_rfc3339;

/// The credential's lines and the agent's own from its first one on, oldest first. A line whose time cannot be read stays
/// where it was written.
pub(crate) fn together(own: Vec<Entry>, agents: Vec<Entry>) -> Vec<Entry> {
    let time = |entry: &Entry| parse_rfc3339(&entry.at);
    let Some(begun) = own.iter().find_map(time) else { return own };
    let timed = agents.into_iter().filter_map(|entry| Some((time(&entry)?, entry)));
    let mut others = timed.filter(|(at, _)| *at >= begun).peekable();
    let mut all = Vec::with_capacity(own.len());
    for entry in own {
        let at = time(&entry);
        while let Some((_, other)) = others.next_if(|(other, _)| at.is_some_and(|at| *other <= at)) {
            all.push(other);
        }
        all.push(entry);
    }
    all.extend(others.map(|(_, other)| other));
    all
}

/// What happened to a credential, oldest first, and what the agent did meanwhile.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct HistoryDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    credential: String,
    /// Older events that were asked for, and of which there were more than the limit lets through.
    left_out: usize,
    events: Vec<Shown>,
}

impl HistoryDocument {
    /// Of these, which `together` brought together, the newest `limit` from `since` on. An event whose time cannot be read is kept: it happened.
    pub(crate) fn new(
        name: &CredentialName,
        mut entries: Vec<Entry>,
        since: Option<Wall>,
        limit: usize,
    ) -> Self {
        if let Some(since) = since {
            entries.retain(|entry| parse_rfc3339(&entry.at).is_none_or(|at| at >= since));
        }
        let left_out = entries.len().saturating_sub(limit);
        let events = entries.drain(left_out..).map(Entry::shown).collect();
        Self { schema: SCHEMA, credential: name.as_str().into(), left_out, events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: &str, generation: u64) -> Entry {
        let text =
            format!(r#"{{"schema":1,"at":"{at}","event":"rejection_passed","generation":{generation}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn generations(since: Option<&str>, limit: usize) -> (Vec<u64>, u64) {
        let at = ["2026-11-22T08:00:00Z", "2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z", "not a time"];
        let entries = at.iter().zip(1..).map(|(at, n)| entry(at, n)).collect();
        let since = since.map(|at| parse_rfc3339(at).unwrap());
        let document = HistoryDocument::new(&"work".parse().unwrap(), entries, since, limit);
        let value = serde_json::to_value(document).unwrap();
        assert_eq!((&value["schema"], &value["credential"]), (&1.into(), &"work".into()));
        let events = value["events"].as_array().unwrap();
        assert!(events.iter().all(|e| e["sentence"].as_str().is_some_and(|s| s.contains("refused"))));
        let numbers = events.iter().map(|e| e["generation"].as_u64().unwrap()).collect();
        (numbers, value["left_out"].as_u64().unwrap())
    }

    #[test]
    fn the_agents_own_lines_stand_between_the_credentials_from_its_first_one_on() {
        let agents = |at: &str| {
            let text = format!(r#"{{"schema":1,"at":"{at}","event":"agent_started","pid":7,"version":"1"}}"#);
            serde_json::from_str::<Entry>(&text).unwrap()
        };
        let own = ["2026-11-22T08:00:00Z", "not a time", "2026-11-22T10:00:00+01:00", "2026-11-22T10:00:00Z"];
        let own: Vec<_> = own.iter().zip(1..).map(|(at, n)| entry(at, n)).collect();
        let other = ["2026-11-22T07:00:00Z", "2026-11-22T08:30:00Z", "nor this", "2026-11-22T11:00:00Z"];
        let all = together(own, other.map(agents).into());
        let kinds: Vec<_> = all
            .iter()
            .map(|entry| {
                if entry.at.contains(":30:") || entry.at.contains("T11") {
                    assert!(entry.sentence().contains("the agent started"));
                    "agent"
                } else {
                    "own"
                }
            })
            .collect();
        assert_eq!(kinds, ["own", "own", "agent", "own", "own", "agent"]);
        assert!(together(Vec::new(), vec![agents("2026-11-22T08:00:00Z")]).is_empty(), "others' affairs");
    }

    #[test]
    fn the_newest_are_kept_oldest_first_and_how_many_are_missing_is_said() {
        assert_eq!(generations(None, 10), (vec![1, 2, 3, 4], 0));
        assert_eq!(generations(None, 2), (vec![3, 4], 2));
        assert_eq!(generations(Some("2026-11-22T09:00:00Z"), 10), (vec![2, 3, 4], 0));
        assert_eq!(generations(Some("2026-11-22T10:30:00+01:00"), 1), (vec![4], 1));
    }
}
