//! `renewd history NAME`: what happened to a credential, from its journal: as a story, as a list, or as JSON.

use clap::Args;
use renewd_core::Wall;
use renewd_driver::CredentialName;

use crate::app::App;
use crate::config::parse_duration;
use crate::exit::{Exit, Failure};
use crate::journal::{self, Clock, Entry, HistoryDocument};
use crate::json::login_command;
use crate::output::time::{local, parse_rfc3339};
use crate::output::{columns, without_controls};

/// Tell what happened to a credential.
#[derive(Args)]
pub(crate) struct History {
    /// Which credential
    name: CredentialName,
    /// From when on: a span before now (12h), a day (2026-11-21) or a time (2026-11-21T22:00:00Z)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Each event on a line of its own, rather than what belongs together in one sentence
    #[arg(long)]
    events: bool,
    /// One JSON document, with each event
    #[arg(long, conflicts_with = "events")]
    pub(crate) json: bool,
}

/// Does it.
///
/// # Errors
/// When the journal cannot be read, or nobody of that name is known.
pub(crate) fn run(args: &History, app: &App) -> Result<(), Failure> {
    let (now, clock) = (app.now().wall, Clock::here());
    let since = args.since.as_deref().map(|text| since(text, &clock, now)).transpose()?;
    let config = app.config()?;
    let state = config.places().state()?;
    let read = |name: Option<&CredentialName>| {
        journal::read_all(state, name).map_err(|why| {
            Failure::new(Exit::Store, format!("the journal of {}: {why}", args.name)).about(&args.name)
        })
    };
    let (own, agents) = (read(Some(&args.name))?, read(None)?);
    if own.entries.is_empty() {
        known(args, app)?;
    }
    match own.passed_over + agents.passed_over {
        0 => {}
        1 => app.output.warn("1 line of the journal cannot be read and was passed over"),
        n => app.output.warn(&format!("{n} lines of the journal cannot be read and were passed over")),
    }
    if args.json {
        let entries = journal::together(own.entries, agents.entries);
        let document = HistoryDocument::new(&args.name, entries, since, usize::MAX);
        return app.output.data(&crate::json::line(&document)?);
    }
    let text = if args.events {
        list(&journal::together(own.entries, agents.entries), since, now)
    } else {
        let login = login_command(args.name.as_str());
        let mut told = journal::story(&own.entries, &agents.entries, login, &clock, now);
        told.retain(|told| since.is_none_or(|since| told.is_since(since)));
        journal::written(&told, &clock, app.output.out, columns())
    };
    if text.is_empty() {
        let yet = if since.is_some() { "has happened since" } else { "has happened yet" };
        app.output.note(&format!("{}: nothing {yet}", args.name));
        return Ok(());
    }
    app.output.data(text.as_bytes())
}

/// Each event on its line.
fn list(entries: &[Entry], since: Option<Wall>, now: Wall) -> String {
    let mut text = String::new();
    for entry in entries {
        let at = parse_rfc3339(&entry.at);
        if since.is_some_and(|since| at.is_some_and(|at| at < since)) {
            continue;
        }
        let at = at.map_or_else(|| entry.at.clone(), |at| local(at, now));
        text += &format!("{at:>12}  {} {}\n", entry.what.tone().sign(), entry.what.sentence_at(now));
    }
    // A line of the file is as good as whoever wrote it.
    without_controls(&text)
}

/// `--since`.
fn since(text: &str, clock: &Clock, now: Wall) -> Result<Wall, Failure> {
    let span = parse_duration(text).ok().map(|span| now - span);
    span.or_else(|| parse_rfc3339(text)).or_else(|| clock.day_of(text)).ok_or_else(|| {
        Failure::usage(format!("--since {:?} is no time", without_controls(text)))
            .advise("write 12h, 2026-11-21, or 2026-11-21T22:00:00Z")
    })
}

fn known(args: &History, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let store = crate::credential::open_existing(&config)?;
    let names = crate::credential::names(&config, store.as_ref().map(|s| s.port.as_ref()))?;
    if names.contains(&args.name) { Ok(()) } else { Err(crate::credential::unknown(&args.name, &names)) }
}
