//! A store whose passphrase nobody gave here, while an agent has it open: nothing is wrong with that. What can be said of
//! its credentials then, the agent says.

use renewd_core::Health;

use super::Finding;
use crate::agent_client::{Agent, Asked};
use crate::config::Config;
use crate::credential::{check_transport, remembered};
use crate::exit::{Exit, Failure};
use crate::json::CredentialStatus;

/// The key source of a store that opens with a passphrase.
const PASSPHRASE: &str = "passphrase";

/// What an agent serves that has the store open, where `why` it does not open here is only that nobody gave its
/// passphrase. A descriptor that was named and does not open it is a mistake of its own.
pub(super) fn by_agent(
    config: &Config,
    why: &Failure,
    findings: &mut Vec<Finding>,
) -> Option<Vec<CredentialStatus>> {
    let made = remembered(config).ok()??;
    let only_unasked = why.exit == Exit::Store && made.next.is_none() && made.current.setting == PASSPHRASE;
    if !only_unasked || config.lookup("store", "passphrase_fd", None).is_some() {
        return None;
    }
    let agent = Agent::find(config).ok()?;
    let Asked::Answer(all) = agent.all() else { return None };
    findings.push(Finding::Note(format!(
        "store: its passphrase was not given here; the agent (process {}) has it open and serves it",
        agent.description.pid
    )));
    Some(all.credentials)
}

/// What the agent says of them.
pub(super) fn credentials(config: &Config, all: &[CredentialStatus], findings: &mut Vec<Finding>) {
    for seen in all {
        let transport = seen.name.parse().ok().map(|name| check_transport(config, &name));
        findings.push(match transport {
            Some(Err(failure)) => Finding::Bad(failure),
            _ => said(seen),
        });
    }
}

fn said(seen: &CredentialStatus) -> Finding {
    let cause = seen.cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
    let words = format!("{}: {}{cause}, says the agent", seen.name, seen.status);
    if seen.health == Health::Healthy.name() { Finding::Good(words) } else { Finding::Note(words) }
}
