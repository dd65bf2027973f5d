//! `renewd status`: what stands, what is wrong, since when, and what to do. `list` is the same.
//!
//! An agent is asked when one serves this state folder; otherwise the records are read, and nothing is sent. Of a store
//! that does not open (its keyring is locked, say) the names are shown, with what is wrong; the exit code is 5 then.

mod table;
mod watch;

use clap::Args;
use renewd_driver::CredentialName;
use zeroize::Zeroizing;

use crate::agent_client::{Agent, Asked, page};
use crate::app::App;
use crate::config::Config;
use crate::credential::{closed_store, glance, names, open_existing, unknown};
use crate::exit::{Exit, Failure};
use crate::json::{CredentialStatus, StatusDocument, line};

/// In place of a status: the store does not open.
const UNKNOWN: &str = "unknown";

/// Arguments of `status`.
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// One credential only
    name: Option<CredentialName>,
    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
    /// Live, until q is pressed; where standard output is no terminal, printed anew at each change
    #[arg(long)]
    watch: bool,
    /// Print nothing; exit 0 when all is well, 3 login needed, 4 temporarily unavailable, 5 store unavailable
    #[arg(long, conflicts_with_all = ["json", "watch"])]
    check: bool,
}

impl Status {
    /// Whether a person called it, rather than a program or a prompt.
    pub(crate) fn is_for_a_person(&self) -> bool {
        !(self.json || self.watch || self.check)
    }
}

/// Shows.
///
/// # Errors
/// Why nothing can be seen; with `--check`, what is wrong.
pub(crate) fn run(args: &Status, app: &App) -> Result<(), Failure> {
    let shown = show(args, app);
    match shown {
        Err(failure) if args.check => Err(Failure { silent: true, ..failure }),
        other => other,
    }
}

fn show(args: &Status, app: &App) -> Result<(), Failure> {
    if args.watch {
        return watch::run(args, app);
    }
    let seen = look(args.name.as_ref(), args.json, &*app.config()?)?;
    if args.check {
        return check(&seen.document);
    }
    print(&seen, args, app)?;
    seen.closed.map_or(Ok(()), |why| told(app, &why))
}

/// What `--json` prints.
///
/// # Errors
/// Why nothing can be seen.
pub(crate) fn document(name: Option<CredentialName>, app: &App) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let seen = look(name.as_ref(), true, &*app.config()?)?;
    line(&seen.document)
}

/// What was seen, and the agent that said so, if one did.
struct Seen {
    document: StatusDocument,
    agent: Option<Agent>,
    /// Why the store does not open.
    closed: Option<Failure>,
}

/// The documents on standard output say it already, so that no error follows them there.
fn told(app: &App, why: &Failure) -> Result<(), Failure> {
    app.output.failure(why);
    Err(Failure::silent(why.exit))
}

/// Looks once: of one credential, or of all. Programs read in each what a person is told once, below.
fn look(name: Option<&CredentialName>, json: bool, config: &Config) -> Result<Seen, Failure> {
    if let Ok(agent) = Agent::find(config)
        && let Asked::Answer(all) = agent.all()
    {
        // A record that was imported just now is the agent's a moment later; until then the store tells.
        let known = |name: &CredentialName| all.credentials.iter().any(|c| c.name == name.as_str());
        if name.is_none_or(known) {
            let of_name = |c: &CredentialStatus| name.is_none_or(|n| c.name == n.as_str());
            let credentials = all.credentials.into_iter().filter(of_name).collect();
            return Ok(Seen { document: StatusDocument::new(credentials), agent: Some(agent), closed: None });
        }
    }
    let (store, closed) = match open_existing(config) {
        Ok(store) => (store, None),
        Err(why) if why.exit == Exit::Store => (Some(closed_store(config, &why)?), Some(why)),
        Err(why) => return Err(why),
    };
    let known = names(config, store.as_ref().map(|s| s.port.as_ref()))?;
    if let Some(why) = closed.as_ref().filter(|_| known.is_empty()) {
        return Err(why.clone());
    }
    if let Some(name) = name.filter(|n| !known.contains(n)) {
        return Err(unknown(name, &known));
    }
    let mut credentials = Vec::new();
    for name in known.iter().filter(|n| name.is_none_or(|wanted| wanted == *n)) {
        match &store {
            Some(store) => {
                let glance = glance(config, store.port.as_ref(), name)?;
                let (view, now) = glance.view();
                let mut seen = CredentialStatus::new(name.as_str(), &view, now);
                seen.advice = seen.advice.or_else(|| glance.greatest.map(older));
                if closed.is_some() {
                    seen = unread(seen);
                }
                if closed.is_some() && !json {
                    // Said once, below.
                    seen.advice = None;
                }
                let announced = glance.announced(store.port.as_ref(), name);
                credentials.push(announced.iter().fold(seen, CredentialStatus::announcing));
            }
            None => {
                let empty = renewd_store::MemoryStore::new();
                let (view, now) = glance(config, &empty, name)?.view();
                credentials.push(CredentialStatus::new(name.as_str(), &view, now));
            }
        }
    }
    Ok(Seen { document: StatusDocument::new(credentials), agent: None, closed })
}

fn print(seen: &Seen, args: &Status, app: &App) -> Result<(), Failure> {
    let credentials = &seen.document.credentials;
    if args.json {
        return app.output.data(&line(&seen.document)?);
    }
    let mut text = String::new();
    let now = app.now().wall;
    match (&args.name, credentials.as_slice()) {
        (Some(_), [one]) => text.push_str(&table::one(one, seen.agent.is_some(), now, app.output.out)),
        _ => text.push_str(&table::all(credentials, seen.agent.is_some(), now, app.output.out)),
    }
    app.output.data(text.as_bytes())?;
    if credentials.is_empty() {
        app.output.note("no credentials yet; begin with: renewd login NAME --profile P");
    } else if seen.agent.is_none() && !args.watch {
        app.output.note(
            &app.output
                .err
                .dim("no agent is running: tokens are refreshed when they are asked for")
                .to_string(),
        );
    }
    if let Some(told) = seen.agent.as_ref().filter(|_| args.name.is_none()).and_then(page::told) {
        app.output.note(&app.output.err.dim(told).to_string());
    }
    Ok(())
}

/// Of a record that nobody could read its status is not known, and nobody here makes an attempt.
fn unread(seen: CredentialStatus) -> CredentialStatus {
    CredentialStatus {
        status: UNKNOWN.into(),
        next_attempt_at: None,
        retry_after_s: None,
        auth_retrying_since: None,
        ..seen
    }
}

/// What is said of a record that is older than one written before.
fn older(greatest: (u64, u64)) -> String {
    format!(
        "the record is older than one written before (epoch {}, generation {}): was a backup restored? One attempt \
         will show whether it still works",
        greatest.0, greatest.1
    )
}

/// Silent but for the exit code: the gravest of all.
fn check(document: &StatusDocument) -> Result<(), Failure> {
    let exits: Vec<Exit> =
        document.credentials.iter().filter_map(|c| exit_of(&c.status, c.cause.as_deref(), c.saved)).collect();
    let gravest = [Exit::LoginNeeded, Exit::Store, Exit::Unavailable].into_iter().find(|e| exits.contains(e));
    gravest.map_or(Ok(()), |exit| Err(Failure::silent(exit)))
}

/// What a status means to a script.
fn exit_of(status: &str, cause: Option<&str>, saved: bool) -> Option<Exit> {
    let is = |s: renewd_core::Status| status == s.name();
    if is(renewd_core::Status::Unauthenticated) || is(renewd_core::Status::Stopped) {
        Some(Exit::LoginNeeded)
    } else if cause == Some(renewd_core::Cause::StoreUnavailable.name()) || !saved {
        Some(Exit::Store)
    } else if is(renewd_core::Status::AuthRetrying) {
        Some(Exit::Unavailable)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_exit_code() {
        for (status, cause, saved, exit) in [
            ("running", None, true, None),
            ("running", None, false, Some(Exit::Store)),
            ("running", Some("store_unavailable"), true, Some(Exit::Store)),
            ("auth_retrying", Some("outage"), true, Some(Exit::Unavailable)),
            ("auth_retrying", Some("client_refused"), true, Some(Exit::Unavailable)),
            ("unauthenticated", Some("grant_refused"), true, Some(Exit::LoginNeeded)),
            ("stopped", None, true, Some(Exit::LoginNeeded)),
        ] {
            assert_eq!(exit_of(status, cause, saved), exit, "{status} {cause:?} {saved}");
        }
    }
}
