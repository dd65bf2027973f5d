//! What the agent answers. On its socket everything; on the status address what is no secret.

use std::path::PathBuf;
use std::sync::Arc;

use http::{Response, StatusCode};
use renewd_core::{CommitFailure, Health, Loaded, RecordState, Secret, Span};
use renewd_driver::system::SystemClock;
use renewd_driver::{
    Clock as _, CredentialName, Expect, Keeper, Lease, Seen, TokenError, TokenRequestOptions,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Notify, Semaphore};

use super::dispatch::parsed;
use super::events::Hub;
use super::http::{Body, answer, failed, json, refused};
use super::keepers::Keepers;
use super::metrics::{Around, Family, Format, Metrics, render};
use super::operations::Question;
use super::page::Gate;
use super::proxies::Proxies;
use super::reload::Reloads;
use super::sinks::Sinks;
use crate::agent_client::{LoggedOutDocument, TokenQuestion};
use crate::commands::logout::words;
use crate::credential::{store_failure, write_failure};
use crate::exit::{Exit, Failure};
use crate::journal::What;
use crate::json::{
    CredentialDocument, CredentialStatus, ErrorDocument, SCHEMA, StatusDocument, TokenDocument,
};
use crate::transact::failure;

/// How long a question without `timeout_s` waits for a token.
const TIMEOUT: Span = Span::from_secs(60);

/// No question waits longer: its client is gone.
const TIMEOUT_MAX: Span = Span::from_hours(1);

/// Room for those who read journals.
pub(crate) fn journal_readers() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(super::history::READERS_MAX))
}

/// Room for those who listen to events.
pub(crate) fn event_listeners() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(super::stream::LISTENERS_MAX))
}

/// Where a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The socket: the user itself.
    Socket,
    /// The status address on loopback: a connection of the user itself, perhaps a page in a browser.
    Loopback,
    /// The same of another local user: health and metrics only.
    Stranger,
    /// The status address on a network: health and metrics only.
    Network,
}

/// Answers questions.
pub(crate) struct Api {
    pub(crate) keepers: Arc<Keepers>,
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) hub: Hub,
    pub(crate) metrics: Metrics,
    pub(crate) sinks: Arc<Sinks>,
    /// Has the configuration read anew.
    pub(crate) reload: Reloads,
    /// Wakes whoever looks for new credentials.
    pub(crate) rescan: Arc<Notify>,
    /// The state folder: the journals stand in it.
    pub(crate) state: PathBuf,
    /// Room for those who read journals.
    pub(crate) journals: Arc<Semaphore>,
    /// Room for those who listen to events.
    pub(crate) listeners: Arc<Semaphore>,
    /// Who may see more of the status address than health.
    pub(crate) gate: Arc<Gate>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ReadyDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    ready: bool,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::health"))]
    health: &'static str,
}

impl Api {
    pub(super) fn keeper(&self, name: &str) -> Result<Keeper, Box<Response<Body>>> {
        self.kept(name).inspect_err(|_| {
            // Imported a moment ago, perhaps: look anew for the next question.
            self.rescan.notify_one();
        })
    }

    /// The same for questions that anybody may ask: nobody has the store looked through by asking.
    fn kept(&self, name: &str) -> Result<Keeper, Box<Response<Body>>> {
        let parsed = parsed(name).map_err(|failure| Box::new(failed(&failure)))?;
        self.keepers.keeper(&parsed).ok_or_else(|| {
            Box::new(refused(StatusCode::NOT_FOUND, &format!("no credential is called {parsed}")))
        })
    }

    async fn seen(&self) -> Vec<(CredentialName, Seen, bool)> {
        let mut all = Vec::new();
        for (keeper, required) in self.keepers.all() {
            if let Ok(seen) = keeper.view().await {
                all.push((keeper.name().clone(), seen, required));
            }
        }
        all
    }

    pub(super) async fn credentials(&self) -> Response<Body> {
        let all = self.seen().await;
        let statuses = all.iter().map(|(name, s, _)| CredentialStatus::new(name.as_str(), &s.view, s.now));
        let mut document = StatusDocument::new(statuses.collect());
        document.sinks = self.sinks.status();
        json(StatusCode::OK, &document)
    }

    pub(super) async fn credential(&self, name: &str) -> Response<Body> {
        match self.keeper(name) {
            Ok(keeper) => self.status_of(&keeper).await,
            Err(refusal) => *refusal,
        }
    }

    pub(super) async fn status_of(&self, keeper: &Keeper) -> Response<Body> {
        match keeper.view().await {
            Ok(seen) => {
                let credential = CredentialStatus::new(keeper.name().as_str(), &seen.view, seen.now);
                json(StatusCode::OK, &CredentialDocument { schema: SCHEMA, credential })
            }
            Err(error) => failed(&failure(error, false)),
        }
    }

    /// 200 while no required credential is unhealthy; of one credential, while that one is not.
    pub(super) async fn ready(&self, one: Option<&str>) -> Response<Body> {
        if let Some(name) = one
            && let Err(refusal) = self.kept(name)
        {
            return *refusal;
        }
        let counts = |name: &CredentialName, required: bool| match one {
            Some(one) => name.as_str() == one,
            None => required,
        };
        let all = self.seen().await;
        let health =
            Health::worst(all.iter().filter(|(n, _, r)| counts(n, *r)).map(|(_, seen, _)| seen.view.health));
        let ready = health.ready();
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        json(status, &ReadyDocument { schema: SCHEMA, ready, health: health.name() })
    }

    /// Every number there is, but for those of the token files.
    pub(super) async fn families(&self) -> Vec<Family> {
        let seen: Vec<_> = self.seen().await.into_iter().map(|(name, seen, _)| (name, seen)).collect();
        let proxies = self.proxies.counts().await;
        let journal_dropped = self.hub.dropped();
        let (spans_dropped, sinks) = (self.hub.spans_dropped(), self.sinks.metrics());
        self.metrics.families(Around {
            seen: &seen,
            proxies: &proxies,
            journal_dropped,
            spans_dropped,
            sinks,
        })
    }

    pub(super) async fn metrics(&self, format: Format) -> Response<Body> {
        let families = self.families().await;
        answer(StatusCode::OK, format.media_type(), render(&families, format))
    }

    /// Reads the configuration anew, and tells what came of it.
    pub(super) async fn reload(&self) -> Response<Body> {
        match self.reload.ask().await {
            Ok(document) => json(StatusCode::OK, &document),
            Err(failure) if failure.exit == Exit::Configuration => {
                json(StatusCode::UNPROCESSABLE_ENTITY, &ErrorDocument::new(&failure))
            }
            Err(failure) => failed(&failure),
        }
    }

    /// What is asked of one credential.
    pub(super) async fn act(
        &self,
        action: Question,
        keeper: &Keeper,
        bytes: &[u8],
    ) -> Result<Response<Body>, Failure> {
        match action {
            Question::Token => self.token(keeper, bytes).await,
            Question::Rejected => self.rejected(keeper, bytes).await,
            Question::Refresh => self.refresh(keeper, bytes).await,
            Question::Logout => self.logout(keeper).await,
            _ => self.changed(keeper).await,
        }
    }

    async fn token(&self, keeper: &Keeper, bytes: &[u8]) -> Result<Response<Body>, Failure> {
        let question: TokenQuestion = read(bytes)?;
        let options = TokenRequestOptions {
            min_validity: Span::from_secs(question.min_validity_s.unwrap_or(0)),
            timeout: Some(patience(question.timeout_s)),
        };
        question.target.check()?;
        let lease = keeper.token_for(&question.target.key(), options).await;
        let lease = match lease {
            Ok(lease) => lease,
            Err(error) => return Err(self.why(keeper, error).await),
        };
        let mut document = token_document(&lease);
        if question.id_token == Some(true) {
            document.access_token = self.id_token(keeper).await?;
            // When it expires stands in the token itself.
            document.expires_at = None;
        }
        Ok(json(StatusCode::OK, &document))
    }

    /// The one that came with the access token, or with an earlier one where the server gives none on a refresh.
    async fn id_token(&self, keeper: &Keeper) -> Result<Secret, Failure> {
        let name = keeper.name();
        match self.keepers.store().load(name).await {
            Loaded::Record(record) | Loaded::RolledBack { record, .. } => {
                record.grant.id_token.ok_or_else(|| crate::credential::no_id_token(name))
            }
            Loaded::Absent => Err(crate::credential::unknown(name, &[])),
            Loaded::Fault(fault) => Err(store_failure(fault)),
        }
    }

    async fn refresh(&self, keeper: &Keeper, bytes: &[u8]) -> Result<Response<Body>, Failure> {
        let question: TokenQuestion = read(bytes)?;
        if let Loaded::Record(record) = self.keepers.store().load(keeper.name()).await {
            crate::credential::refuse_unrenewable(keeper.name(), Some(&record))?;
        }
        match keeper.refresh(patience(question.timeout_s)).await {
            Ok(_) => Ok(self.status_of(keeper).await),
            Err(error) => Err(self.why(keeper, error).await),
        }
    }

    /// The tombstone first: from then on nobody spends the refresh token. Then the server is told, by the loop at once, and
    /// here as often as patience lasts; a token that is revoked twice is none more (RFC 7009 §2.2).
    async fn logout(&self, keeper: &Keeper) -> Result<Response<Body>, Failure> {
        let (store, name) = (self.keepers.store(), keeper.name());
        // A refresh may commit between reading and writing; then what it committed is read again.
        for _ in 0..LOGOUT_TRIES {
            let record = match store.load(name).await {
                Loaded::Record(record) | Loaded::RolledBack { record, .. } => record,
                Loaded::Absent => return Err(crate::credential::unknown(name, &[])),
                Loaded::Fault(fault) => return Err(store_failure(fault)),
            };
            let tombstone = record.tombstone(SystemClock.now());
            let expect = Expect::Version { epoch: record.epoch, generation: record.generation };
            match store.put(name, &tombstone, expect).await {
                Ok(()) => {
                    keeper.logged_out(Box::new(tombstone));
                    self.proxies.logged_out(name).await;
                    self.hub.note(Some(name), What::LoggedOut);
                    let at_server = self.keepers.end_at_server(name, &record).await;
                    for (good, text) in words(&Ok(at_server.clone()), None) {
                        self.hub.note(Some(name), What::AtServer { good, text });
                    }
                    let document = LoggedOutDocument { schema: SCHEMA, done: true, at_server };
                    return Ok(json(StatusCode::OK, &document));
                }
                Err(CommitFailure::Fenced(_)) => {}
                Err(failure) => return Err(write_failure(failure, "logging out")),
            }
        }
        Err(Failure::internal("the record changed under every attempt to log out").about(name))
    }

    /// Another process wrote the record and says so: a login or logout holds from this answer on, where the store's
    /// own watch would notice it within half a minute.
    async fn changed(&self, keeper: &Keeper) -> Result<Response<Body>, Failure> {
        match self.keepers.store().load(keeper.name()).await {
            Loaded::Record(record) if matches!(record.state, RecordState::Tombstone { .. }) => {
                keeper.logged_out(record);
                self.proxies.logged_out(keeper.name()).await;
            }
            Loaded::Record(record) => {
                // First what the requests of that login are made with.
                self.keepers.logged_in(keeper.name()).await?;
                keeper.logged_in(record);
            }
            Loaded::RolledBack { .. } | Loaded::Absent | Loaded::Fault(_) => keeper.store_changed(),
        }
        Ok(self.status_of(keeper).await)
    }

    /// A token error as the command would tell it.
    pub(super) async fn why(&self, keeper: &Keeper, error: TokenError) -> Failure {
        let under_way = keeper.view().await.is_ok_and(|seen| crate::transact::in_the_middle(seen.view.phase));
        failure(error, under_way)
    }
}

/// Each lost race means that somebody else made progress.
const LOGOUT_TRIES: usize = 10;

pub(super) fn patience(seconds: Option<u64>) -> Span {
    seconds.map_or(TIMEOUT, Span::from_secs).min(TIMEOUT_MAX)
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes)
        .map_err(|e| Failure::usage(format!("the body is not what this question takes: {e}")))
}

pub(super) fn token_document(lease: &Lease) -> TokenDocument {
    TokenDocument {
        schema: SCHEMA,
        access_token: lease.access_token().clone(),
        token_type: lease.token_type().into(),
        expires_at: Some(crate::output::time::rfc3339(lease.expires())),
        epoch: lease.epoch(),
        generation: lease.generation(),
        scope: lease.scope().map(String::from),
        resource: lease.resource().map(String::from),
        audience: lease.audience().map(String::from),
        short: lease.short().then_some(true),
    }
}
