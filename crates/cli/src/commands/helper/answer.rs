//! The side of a helper that does the work: a command that nobody types, started by `ask`. It prints one line, the token
//! as `renewd token --format json` does, or nothing; words go to standard error, and its exit code is the contract's.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use renewd_core::{Span, Wall};
use renewd_driver::CredentialName;
use serde::Deserialize;

use crate::agent_client::Asked;
use crate::app::App;
use crate::commands::token::{Format, id_token, timeout, write};
use crate::config::Config;
use crate::credential::{glance, is_memory, open_existing};
use crate::exit::Failure;
use crate::input::host::Host;
use crate::obtain::{Obtained, agent, obtain, open_for, refuse_unknown};
use crate::transact::Transaction;

use super::Wanted;

/// An agent that holds a token gives it in less.
const HELD: Span = Span::from_secs(2);

/// Arguments of `helper answer`.
#[derive(Args, Debug)]
pub(super) struct Answer {
    /// Which credential
    name: CredentialName,
    #[command(flatten)]
    wanted: Wanted,
    /// Wait at most so long
    #[arg(long, value_parser = timeout)]
    timeout: Span,
    /// The ID token
    #[arg(long)]
    id_token: bool,
    /// Only what is at hand
    #[arg(long)]
    held: bool,
    /// A newer one than that of this epoch and generation, which was refused
    #[arg(long, value_parser = stamp)]
    rejected: Option<(u64, u64)>,
    /// Nothing, where the token endpoint is on another host
    #[arg(long)]
    of_host: Option<Host>,
}

/// `1.42`.
pub(super) fn stamp(text: &str) -> Result<(u64, u64), String> {
    let parts = text
        .split_once('.')
        .and_then(|(epoch, generation)| Some((epoch.parse().ok()?, generation.parse().ok()?)));
    parts.ok_or_else(|| "is not EPOCH.GENERATION".into())
}

/// Answers.
///
/// # Errors
/// Why there is no token.
pub(super) fn run(args: &Answer, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    if let Some(host) = &args.of_host
        && endpoint_host(&config, &args.name)?.as_ref() != Some(host)
    {
        return Ok(());
    }
    let say = |token: &Obtained| app.output.data(&write(&args.name, token, Format::Json)?);
    match args {
        Answer { held: true, .. } => held(&config, args)?.map_or(Ok(()), |token| say(&token)),
        Answer { rejected: Some(stamp), .. } => newer(app, &config, args, *stamp, say),
        Answer { id_token: true, .. } => with_id_token(app, &config, args).and_then(|token| say(&token)),
        _ => obtain(app, &args.name, &args.wanted.target, args.wanted.min_validity, args.timeout, say),
    }
}

/// Where the token endpoint is, as the configuration or the login says.
fn endpoint_host(config: &Config, name: &CredentialName) -> Result<Option<Host>, Failure> {
    if let Some(url) = config.text("credential", "token_endpoint", Some(name)) {
        return Ok(Host::of_url(&url));
    }
    let record = if is_memory(config) {
        agent(config, name).and_then(|agent| agent.login(name))
    } else {
        let store = open_for(config, name)?;
        let glance = glance(config, store.port.as_ref(), name)?;
        refuse_unknown(config, &store, name, &glance)?;
        glance.record
    };
    Ok(record.and_then(|record| Host::of_url(&record.identity.token_endpoint)))
}

/// What is at hand: nothing is asked of the server for it.
fn held(config: &Config, args: &Answer) -> Result<Option<Obtained>, Failure> {
    if let Some(agent) = agent(config, &args.name) {
        match agent.token(&args.name, &args.wanted.target, Span::ZERO, HELD) {
            Asked::Answer(document) => return Ok(Some(document.into())),
            Asked::Refused(_) => return Ok(None),
            Asked::Silent(why) => {
                tracing::debug!(name = %args.name, why, "the agent fell silent; going direct")
            }
        }
    }
    let Some(store) = open_existing(config)? else { return Ok(None) };
    let mut glance = glance(config, store.port.as_ref(), &args.name)?;
    let found = glance.token(&args.wanted.target.key(), Span::ZERO);
    Ok(found.map(|(access, epoch, generation)| Obtained::of(&access, epoch, generation)))
}

/// Tells of the refusal, and gives what there is instead: one refusal makes one refresh, whoever else tells of it.
fn newer(
    app: &App,
    config: &Config,
    args: &Answer,
    stamp: (u64, u64),
    say: impl Fn(&Obtained) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (name, wanted) = (&args.name, &args.wanted);
    let otherwise = || obtain(app, name, &wanted.target, wanted.min_validity, args.timeout, &say);
    if let Some(agent) = agent(config, name) {
        match agent.rejected(name, &wanted.target, stamp, args.timeout) {
            Asked::Answer(Some(document)) => return say(&document.into()),
            Asked::Answer(None) => return otherwise(),
            Asked::Refused(failure) => return Err(failure),
            Asked::Silent(why) => tracing::debug!(%name, why, "the agent fell silent; going direct"),
        }
    }
    let store = open_for(config, name)?;
    let glance = glance(config, store.port.as_ref(), name)?;
    refuse_unknown(config, &store, name, &glance)?;
    let transaction = Transaction::begin(config, Arc::clone(&store.port), name, glance.record.as_ref())?;
    let renewed = transaction.rejected(&wanted.target.key(), stamp, args.timeout);
    let said = renewed.and_then(|lease| lease.map(|lease| say(&Obtained::from(&lease))).transpose());
    // What is lost goes before what was not had in time.
    transaction.end()?;
    match said? {
        Some(()) => Ok(()),
        None => otherwise(),
    }
}

/// The ID token that came with the last refresh; where it is over before the access token is, a refresh brings another.
fn with_id_token(app: &App, config: &Config, args: &Answer) -> Result<Obtained, Failure> {
    let (name, wanted) = (&args.name, &args.wanted);
    let mut access = None;
    obtain(app, name, &wanted.target, wanted.min_validity, args.timeout, |token| {
        access = Some(token.clone());
        Ok(())
    })?;
    let access = access.ok_or_else(|| Failure::internal(format!("{name}: a token was got and not given")))?;
    let found = dated(id_token(app, name, &access)?);
    let lives = |token: &Obtained| token.remaining(app.now()).is_none_or(|left| left > wanted.min_validity);
    if lives(&found) {
        return Ok(found);
    }
    refresh(config, args)?;
    Ok(dated(id_token(app, name, &access)?))
}

/// With the end that stands in the token itself (`exp` of OpenID Connect Core §2). It is not verified: it is passed on to
/// whoever must verify it, and only says how long that may be done without asking again.
fn dated(token: Obtained) -> Obtained {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = token
        .access_token
        .expose()
        .split(|b| *b == b'.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let end = claims.and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok());
    let expires = end.and_then(|claims| claims.exp.checked_mul(1000)).map(Wall::from_unix_millis);
    Obtained { expires, ..token }
}

fn refresh(config: &Config, args: &Answer) -> Result<(), Failure> {
    let name = &args.name;
    if let Some(agent) = agent(config, name) {
        match agent.refresh(name, args.timeout) {
            Asked::Answer(_) => return Ok(()),
            Asked::Refused(failure) => return Err(failure),
            Asked::Silent(why) => tracing::debug!(%name, why, "the agent fell silent; going direct"),
        }
    }
    let store = open_for(config, name)?;
    let glance = glance(config, store.port.as_ref(), name)?;
    let transaction = Transaction::begin(config, Arc::clone(&store.port), name, glance.record.as_ref())?;
    let refreshed = transaction.refresh(args.timeout);
    transaction.end().and(refreshed.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::Secret;

    #[test]
    fn a_refused_token_is_named_by_its_epoch_and_generation() {
        assert_eq!(stamp("1.42"), Ok((1, 42)));
        for text in ["", "1", "1.", ".1", "1.x", "-1.1", "1.2.3"] {
            assert!(stamp(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_id_token_ends_when_it_says_and_one_that_says_nothing_readable_has_no_end() {
        let of = |claims: &str| {
            let text = format!("eyJhbGciOiJub25lIn0.{}.sig", URL_SAFE_NO_PAD.encode(claims));
            dated(Obtained::bearer(Secret::from_string(text))).expires
        };
        assert_eq!(of(r#"{"iss":"x","exp":1795338000}"#), Some(Wall::from_unix_millis(1_795_338_000_000)));
        for claims in ["", "{}", r#"{"exp":"soon"}"#, r#"{"exp":9223372036854775807}"#] {
            assert_eq!(of(claims), None, "{claims}");
        }
    }
}
