//! Where the status page of the agent is, for a person who asked for the status.

use std::io::IsTerminal as _;

use renewd_core::Secret;
use serde::Deserialize;

use super::{Agent, AgentDescription, DESCRIPTION_BYTES_MAX};

/// What `agent.json` says of it. Read by itself: the address may hold a secret, which no description is printed with.
#[derive(Deserialize)]
struct PageUrl {
    #[serde(deserialize_with = "crate::json::exposed::deserialize")]
    status_url: Secret,
}

/// One line that says it; nothing where it serves none.
pub(crate) fn told(agent: &Agent) -> Option<String> {
    let address = agent.description.status_addr.as_deref()?;
    let path = AgentDescription::path_beside(&agent.socket);
    let bytes = crate::input::file::read_checked(&path, DESCRIPTION_BYTES_MAX).ok()?;
    let page: PageUrl = serde_json::from_slice(&bytes).ok()?;
    let url = page.status_url.expose_str()?;
    // What is no terminal is a log, as a rule, and read by others.
    let open = !url.contains("/~") || std::io::stderr().is_terminal();
    Some(match open {
        true => format!("status page: {url}"),
        false => {
            format!("status page: http://{address}; the URL with its secret stands in {}", path.display())
        }
    })
}
