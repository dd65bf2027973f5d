//! `renewd refresh`: one refresh now, in spite of `min_interval`; after the ceiling, the one probe of a person.

use std::sync::Arc;

use clap::Args;
use renewd_core::{Span, Wall};
use renewd_driver::CredentialName;

use crate::agent_client::Asked;
use crate::app::App;
use crate::commands::token::timeout;
use crate::credential::{glance, refuse_unrenewable};
use crate::exit::Failure;
use crate::obtain::{TIMEOUT, agent, open_for, refuse_unknown, tell_of_the_wait};
use crate::output::time::{brief, local, parse_rfc3339};
use crate::transact::Transaction;

/// Arguments of `refresh`.
#[derive(Args, Debug)]
pub(crate) struct Refresh {
    /// Which credential
    name: CredentialName,
    /// Wait at most so long [default: 60s]
    #[arg(long, value_name = "D", value_parser = timeout, allow_hyphen_values = true)]
    timeout: Option<Span>,
}

/// Refreshes.
///
/// # Errors
/// Why that attempt failed.
pub(crate) fn run(args: &Refresh, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let name = &args.name;
    let timeout = args.timeout.unwrap_or(TIMEOUT);
    if let Some(agent) = agent(&config, name) {
        match agent.refresh(name, timeout) {
            Asked::Answer(status) => {
                say(app, name, status.token_expires_at.as_deref().and_then(parse_rfc3339));
                return Ok(());
            }
            Asked::Refused(failure) => return Err(failure),
            Asked::Silent(why) => tracing::debug!(%name, why, "the agent fell silent; going direct"),
        }
    }
    let store = open_for(&config, name)?;
    let glance = glance(&config, store.port.as_ref(), name)?;
    refuse_unknown(&config, &store, name, &glance)?;
    refuse_unrenewable(name, glance.record.as_ref())?;
    let transaction = Transaction::begin(&config, Arc::clone(&store.port), name, glance.record.as_ref())?;
    let refreshed =
        transaction.refresh(timeout).inspect_err(|failure| tell_of_the_wait(app, &transaction, failure));
    if let Ok(lease) = &refreshed {
        say(app, name, Some(lease.expires()));
    }
    // What is lost goes before what was not had in time.
    transaction.end().and(refreshed.map(drop))
}

fn say(app: &App, name: &CredentialName, expires: Option<Wall>) {
    let now = app.now().wall;
    let until = expires.map_or(String::new(), |at| {
        format!(", valid until {} (in {})", local(at, now), brief(at.since(now)))
    });
    app.output.note(&format!("{} {name}: token refreshed{until} (forced)", app.output.err.green("✓")));
}
