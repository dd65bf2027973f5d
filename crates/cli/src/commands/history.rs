//! `renewd history NAME`: what happened to a credential, from its journal.

use clap::Args;
use renewd_driver::CredentialName;

use crate::app::App;
use crate::exit::{Exit, Failure};
use crate::journal::{self, HistoryDocument};
use crate::output::time::{local, parse_rfc3339};
use crate::output::without_controls;

/// Show what happened to a credential.
#[derive(Args)]
pub(crate) struct History {
    /// Which credential
    name: CredentialName,
    /// One JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// Does it.
///
/// # Errors
/// When the journal cannot be read, or nobody of that name is known.
pub(crate) fn run(args: &History, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let state = config.places().state()?;
    let events = journal::read(state, &args.name).map_err(|why| {
        Failure::new(Exit::Store, format!("the journal of {}: {why}", args.name)).about(&args.name)
    })?;
    if events.is_empty() {
        known(args, app)?;
    }
    if args.json {
        let document = HistoryDocument::new(&args.name, events, None, usize::MAX);
        return app.output.data(&crate::json::line(&document)?);
    }
    if events.is_empty() {
        app.output.note(&format!("{}: nothing has happened yet", args.name));
        return Ok(());
    }
    let now = app.now().wall;
    let mut text = String::new();
    for entry in &events {
        let at = parse_rfc3339(&entry.at).map_or_else(|| entry.at.clone(), |at| local(at, now));
        text += &format!("{at:>12}  {} {}\n", entry.what.tone().sign(), entry.what.sentence_at(now));
    }
    // A line of the file is as good as whoever wrote it.
    app.output.data(without_controls(&text).as_bytes())
}

fn known(args: &History, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let store = crate::credential::open_existing(&config)?;
    let names = crate::credential::names(&config, store.as_ref().map(|s| s.port.as_ref()))?;
    if names.contains(&args.name) { Ok(()) } else { Err(crate::credential::unknown(&args.name, &names)) }
}
