//! Gets a token: from the agent when one serves this state folder, else from the record when it holds a valid one,
//! else by a transaction of our own.

use std::sync::Arc;

use renewd_core::{Access, Now, Secret, Span, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, Lease};

use crate::agent_client::{Agent, Asked, NoAgent};
use crate::app::App;
use crate::config::Config;
use crate::credential::{OpenStore, glance, has_seed, names, open, open_existing, seed, unknown};
use crate::exit::{Exit, Failure};
use crate::journal::{self, What};
use crate::json::TokenDocument;
use crate::output::time::parse_rfc3339;
use crate::target::Target;
use crate::transact::Transaction;

/// How long a caller without a valid token waits, where nothing is configured.
pub(crate) const TIMEOUT: Span = Span::from_secs(60);

/// A token for a caller.
#[derive(Clone)]
pub(crate) struct Obtained {
    pub(crate) access_token: Secret,
    pub(crate) token_type: String,
    pub(crate) expires: Option<Wall>,
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    pub(crate) scope: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) audience: Option<String>,
    /// It lives shorter than was asked for.
    pub(crate) short: bool,
}

/// Gets a token and hands it over. What must still be finished is finished afterwards: the caller has its token first.
///
/// # Errors
/// Why there is none, or why what came with it could not be saved.
pub(crate) fn obtain(
    app: &App,
    name: &CredentialName,
    target: &Target,
    min_validity: Span,
    timeout: Span,
    deliver: impl FnOnce(&Obtained) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = app.config()?;
    let begun = SystemClock.now();
    if let Some(agent) = agent(&config, name) {
        match agent.token(name, target, min_validity, timeout) {
            Asked::Answer(document) => return deliver(&Obtained::from(document)),
            Asked::Refused(failure) => return Err(failure),
            Asked::Silent(why) => tracing::debug!(%name, why, "the agent fell silent; going direct"),
        }
    }
    let left = timeout.saturating_sub(SystemClock.now().boot.since(begun.boot));
    let store = open_for(&config, name)?;
    let mut glance = glance(&config, store.port.as_ref(), name)?;
    refuse_unknown(&config, &store, name, &glance)?;
    if let Some((access, epoch, generation)) = glance.token(&target.key(), min_validity) {
        return deliver(&Obtained::of(&access, epoch, generation));
    }
    let transaction = Transaction::begin(&config, Arc::clone(&store.port), name, glance.record.as_ref())?;
    let delivered = transaction
        .token(&target.key(), min_validity, left)
        .inspect_err(|failure| tell_of_the_wait(app, &transaction, failure))
        .and_then(|lease| deliver(&Obtained::from(&lease)));
    // What is lost goes before what was not had in time.
    transaction.end().and(delivered)
}

/// The agent that serves this state folder, when it answers.
pub(crate) fn agent(config: &Config, name: &CredentialName) -> Option<Agent> {
    let agent = match Agent::find(config) {
        Ok(agent) => agent,
        Err(NoAgent::Absent) => return None,
        Err(why) => {
            tracing::debug!(?why, "no agent of ours");
            return None;
        }
    };
    match agent.one(name) {
        Asked::Answer(_) => Some(agent),
        Asked::Refused(_) => None,
        Asked::Silent(why) => {
            tracing::debug!(why, "the agent does not answer; going direct");
            None
        }
    }
}

/// A person's login or logout was written here. The journal has it; and the agent, where there is one, is told: it must
/// not give away tokens of the login before until it notices by itself.
pub(crate) fn written(config: &Config, name: &CredentialName, what: What) {
    if let Ok(state) = config.places().state() {
        #[cfg(unix)]
        crate::hooks::answered(state, name);
        journal::note(state, Some(name), what);
    }
    if let Ok(agent) = Agent::find(config) {
        agent.changed(name);
    }
}

/// The store, with the credential in it where it must be seeded first.
///
/// # Errors
/// A store failure; a login failure when there is nothing to open.
pub(crate) fn open_for(config: &Config, name: &CredentialName) -> Result<OpenStore, Failure> {
    let store = if has_seed(config, name) {
        open(config)?
    } else {
        open_existing(config)?.ok_or_else(|| unknown(name, &[]))?
    };
    seed(config, store.port.as_ref(), name)?;
    Ok(store)
}

/// Nobody of that name ever logged in.
///
/// # Errors
/// Then.
pub(crate) fn refuse_unknown(
    config: &Config,
    store: &OpenStore,
    name: &CredentialName,
    glance: &crate::credential::Glance,
) -> Result<(), Failure> {
    let (view, _) = glance.view();
    if glance.record.is_none() && view.store_fault.is_none() {
        return Err(unknown(name, &names(config, Some(store.port.as_ref()))?));
    }
    Ok(())
}

/// A caller whose time is over learns why the process still stands; one that waited for another process does not.
pub(crate) fn tell_of_the_wait(app: &App, transaction: &Transaction, failure: &Failure) {
    if failure.exit == Exit::Timeout && transaction.has_sent() {
        let why = if transaction.was_interrupted() {
            "interrupted (once more ends this at once)"
        } else {
            "the time is over"
        };
        app.output.note(&format!(
            "{why}; waiting for the answer to a request that was sent, so that it is not lost"
        ));
    }
}

impl Obtained {
    pub(crate) fn of(access: &Access, epoch: u64, generation: u64) -> Self {
        Self {
            access_token: access.token.clone(),
            token_type: access.token_type.clone(),
            expires: Some(access.expires_wall()),
            epoch,
            generation,
            scope: access.scope().map(String::from),
            resource: access.key.resource.clone(),
            audience: access.key.audience.clone(),
            short: false,
        }
    }

    /// A bearer token of generation 1 of which nothing else is known.
    #[cfg(test)]
    pub(crate) fn bearer(access_token: Secret) -> Self {
        Self {
            access_token,
            token_type: "Bearer".into(),
            expires: None,
            epoch: 1,
            generation: 1,
            scope: None,
            resource: None,
            audience: None,
            short: false,
        }
    }

    /// How long it lives from now, where known.
    pub(crate) fn remaining(&self, now: Now) -> Option<Span> {
        self.expires.map(|at| at.since(now.wall))
    }
}

impl From<&Lease> for Obtained {
    fn from(lease: &Lease) -> Self {
        Self {
            access_token: lease.access_token().clone(),
            token_type: lease.token_type().into(),
            expires: Some(lease.expires()),
            epoch: lease.epoch(),
            generation: lease.generation(),
            scope: lease.scope().map(String::from),
            resource: lease.resource().map(String::from),
            audience: lease.audience().map(String::from),
            short: lease.short(),
        }
    }
}

impl From<TokenDocument> for Obtained {
    fn from(document: TokenDocument) -> Self {
        Self {
            access_token: document.access_token,
            token_type: document.token_type,
            expires: document.expires_at.as_deref().and_then(parse_rfc3339),
            epoch: document.epoch,
            generation: document.generation,
            scope: document.scope,
            resource: document.resource,
            audience: document.audience,
            short: document.short.unwrap_or(false),
        }
    }
}
