//! The agent's token files: who can read them, who could exchange them, and whether anybody keeps them fresh.

use super::Finding;
use crate::agent_client::{Agent, Asked};
use crate::config::Config;
use crate::json::SinkStatus;
use crate::output::without_controls;

/// What others may do.
const READABLE_BY_OTHERS: u32 = 0o004;

/// Looks.
pub(super) fn look(config: &Config, findings: &mut Vec<Finding>) {
    let entries = config.sinks();
    if entries.is_empty() {
        return;
    }
    let told: Option<Vec<SinkStatus>> = match Agent::find(config).ok().map(|agent| agent.all()) {
        Some(Asked::Answer(all)) => Some(all.sinks),
        _ => None,
    };
    for entry in entries {
        let shown = entry.path.display().to_string();
        if entry.loose().is_some() {
            findings.push(Finding::Note(format!(
                "token file: others can put another file in the place of {shown}, and its readers would take it for ours"
            )));
        }
        if entry.mode & READABLE_BY_OTHERS != 0 {
            findings.push(Finding::Note(format!("token file: every user of this machine can read {shown}")));
        }
        findings.push(match told.as_ref().map(|all| all.iter().find(|sink| sink.path == shown)) {
            None if entry.path.exists() => Finding::Note(format!(
                "token file: {shown} stands there, and no agent runs that keeps it fresh"
            )),
            None => Finding::Good(format!("token file: {shown} is written once an agent runs")),
            Some(None) => Finding::Note(format!(
                "token file: the agent does not know of {shown} yet; `renewd agent reload` tells it"
            )),
            Some(Some(sink)) => of_agent(sink, &shown),
        });
    }
}

fn of_agent(sink: &SinkStatus, shown: &str) -> Finding {
    match (sink.state.as_str(), &sink.message) {
        ("fresh", _) => Finding::Good(format!("token file: {shown} holds the newest token")),
        (_, Some(message)) => {
            let since = &sink.since;
            Finding::Note(format!("token file: {shown} since {since}: {}", without_controls(message)))
        }
        (state, None) => Finding::Note(format!("token file: {shown} is {state} since {}", sink.since)),
    }
}
