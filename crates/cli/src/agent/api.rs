//! What the agent answers. On its socket everything; on the status address what is no secret.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use renewd_core::{CommitFailure, Health, Loaded, RecordState, Span};
use renewd_driver::system::SystemClock;
use renewd_driver::{
    Clock as _, CredentialName, Expect, Keeper, Lease, Rejection, Seen, TokenRequestOptions,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Notify, Semaphore, broadcast};

use super::events::{Hub, THE_END, Told};
use super::http::{Body, answer, body, failed, json, refused};
use super::keepers::Keepers;
use super::metrics::Metrics;
use super::page::{self, Gate};
use super::proxies::Proxies;
use crate::agent_client::{LoggedOutDocument, RejectedQuestion, TokenQuestion};
use crate::credential::{store_failure, write_failure};
use crate::exit::Failure;
use crate::json::{CredentialDocument, CredentialStatus, SCHEMA, StatusDocument, TokenDocument};
use crate::transact::failure;

/// How long a question without `timeout_s` waits for a token.
const TIMEOUT: Span = Span::from_secs(60);

/// No question waits longer: its client is gone.
const TIMEOUT_MAX: Span = Span::from_hours(1);

/// A stream of events says something so often: a listener that is gone is only noticed by writing to it, and would
/// keep its connection for ever.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// Room for those who read journals.
pub(crate) fn journal_readers() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(super::history::READERS_MAX))
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
    /// Wakes whoever reads the configuration anew.
    pub(crate) reload: Arc<Notify>,
    /// Wakes whoever looks for new credentials.
    pub(crate) rescan: Arc<Notify>,
    /// The state folder: the journals stand in it.
    pub(crate) state: PathBuf,
    /// Room for those who read journals.
    pub(crate) journals: Arc<Semaphore>,
    /// Who may see more of the status address than health.
    pub(crate) gate: Arc<Gate>,
}

#[derive(Serialize)]
struct RejectedDocument {
    schema: u32,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenDocument>,
}

#[derive(Serialize)]
struct ReadyDocument {
    schema: u32,
    ready: bool,
    health: &'static str,
}

#[derive(Serialize)]
struct DoneDocument {
    schema: u32,
    done: bool,
}

impl Api {
    /// One question.
    pub(crate) async fn handle(&self, mut request: Request<Incoming>, side: Side) -> Response<Body> {
        if side != Side::Network
            && let Err(refusal) = renewd_proxy::local_requests_only(request.headers())
        {
            return refused(refusal.status, refusal.reason);
        }
        let (asked, side) = self.gate.admit(request.uri(), side);
        let path = asked.path().to_owned();
        *request.uri_mut() = asked.into();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let get = matches!(*request.method(), Method::GET | Method::HEAD);
        match (get, parts.as_slice()) {
            (true, ["healthz"]) => answer(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"),
            (true, ["readyz"]) => self.ready(request.uri().query()).await,
            (true, ["metrics"]) => self.metrics().await,
            _ if side == Side::Network => refused(StatusCode::NOT_FOUND, "only healthz, readyz and metrics"),
            _ if side == Side::Stranger => refused(StatusCode::FORBIDDEN, self.gate.refusal()),
            (true, ["v1", "credentials"]) => self.credentials().await,
            (true, ["v1", "credentials", name]) => self.credential(name).await,
            (true, ["v1", "credentials", name, "history"]) => self.history(name, request.uri().query()).await,
            (true, ["v1", "events"]) => self.events(),
            (true, ["v1", "credentials", name, "login"]) if side == Side::Socket => {
                self.login_of(name).await.unwrap_or_else(|failure| failed(&failure))
            }
            (false, ["v1", ..]) if side != Side::Socket => {
                refused(StatusCode::FORBIDDEN, "tokens and changes are to be asked for on the agent's socket")
            }
            (false, ["v1", "reload"]) if request.method() == Method::POST => {
                self.reload.notify_one();
                json(StatusCode::ACCEPTED, &DoneDocument { schema: SCHEMA, done: true })
            }
            (false, ["v1", "credentials", name, "login"]) if request.method() == Method::POST => {
                self.login(name, request).await
            }
            (false, ["v1", "credentials", name, action]) if request.method() == Method::POST => {
                self.act(name, action, request).await
            }
            (true, [file]) if page::has(file) => page::file(file),
            (_, ["v1", ..]) => refused(StatusCode::METHOD_NOT_ALLOWED, "no such question with this method"),
            _ => refused(StatusCode::NOT_FOUND, "no such question"),
        }
    }

    pub(super) fn keeper(&self, name: &str) -> Result<Keeper, Box<Response<Body>>> {
        let parsed: CredentialName = name.parse().map_err(|e: renewd_driver::NameError| {
            Box::new(refused(StatusCode::BAD_REQUEST, &e.to_string()))
        })?;
        self.keepers.keeper(&parsed).ok_or_else(|| {
            // Imported a moment ago, perhaps: look anew for the next question.
            self.rescan.notify_one();
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

    async fn credentials(&self) -> Response<Body> {
        let all = self.seen().await;
        let statuses = all.iter().map(|(name, s, _)| CredentialStatus::new(name.as_str(), &s.view, s.now));
        json(StatusCode::OK, &StatusDocument::new(statuses.collect()))
    }

    async fn credential(&self, name: &str) -> Response<Body> {
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
    async fn ready(&self, query: Option<&str>) -> Response<Body> {
        let one = query.and_then(|q| q.split('&').find_map(|p| p.strip_prefix("credential=")));
        if let Some(name) = one
            && let Err(refusal) = self.keeper(name)
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

    async fn metrics(&self) -> Response<Body> {
        let seen: Vec<_> = self.seen().await.into_iter().map(|(name, seen, _)| (name, seen)).collect();
        let replays = self.proxies.replays().await;
        answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            self.metrics.render(&seen, replays),
        )
    }

    /// Server-sent events (WHATWG HTML, section 9.2), from now on.
    fn events(&self) -> Response<Body> {
        let frames = sent(self.hub.listen()).map(|text| Ok::<_, Infallible>(Frame::data(text)));
        let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        response
    }

    async fn act(&self, name: &str, action: &str, request: Request<Incoming>) -> Response<Body> {
        let keeper = match self.keeper(name) {
            Ok(keeper) => keeper,
            Err(refusal) => return *refusal,
        };
        let bytes = match body(request).await {
            Ok(bytes) => bytes,
            Err(refusal) => return *refusal,
        };
        let outcome = match action {
            "token" => self.token(&keeper, &bytes).await,
            "rejected" => self.rejected(&keeper, &bytes).await,
            "refresh" => self.refresh(&keeper, &bytes).await,
            "logout" => self.logout(&keeper).await,
            "changed" => self.changed(&keeper).await,
            _ => {
                return refused(
                    StatusCode::NOT_FOUND,
                    "no such action; there are token, rejected, refresh, login, logout, changed",
                );
            }
        };
        outcome.unwrap_or_else(|failure| failed(&failure))
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
        Ok(json(StatusCode::OK, &token_document(&lease)))
    }

    async fn rejected(&self, keeper: &Keeper, bytes: &[u8]) -> Result<Response<Body>, Failure> {
        let question: RejectedQuestion = read(bytes)?;
        question.target.check()?;
        let key = question.target.key();
        let patience = patience(question.timeout_s);
        let renewed = keeper.rejected_for(&key, question.epoch, question.generation, patience).await;
        let document = match renewed {
            Ok(Rejection::Renewed(lease)) => {
                RejectedDocument { schema: SCHEMA, result: "renewed", token: Some(token_document(&lease)) }
            }
            Ok(Rejection::Passed) => RejectedDocument { schema: SCHEMA, result: "passed", token: None },
            Err(error) => return Err(self.why(keeper, error).await),
        };
        Ok(json(StatusCode::OK, &document))
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
                    let at_server = self.keepers.end_at_server(name, &record).await;
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
    async fn why(&self, keeper: &Keeper, error: renewd_driver::TokenError) -> Failure {
        let under_way = keeper.view().await.is_ok_and(|seen| crate::transact::in_the_middle(seen.view.phase));
        failure(error, under_way)
    }
}

/// What is told, as it stands in the stream.
fn sent(events: broadcast::Receiver<Told>) -> impl Stream<Item = Bytes> {
    let first = stream::iter([Bytes::from_static(b": from now on\n\n")]);
    first.chain(stream::unfold(events, |mut events| async move {
        let text = match tokio::time::timeout(QUIET_MAX, events.recv()).await {
            Ok(Ok(Told { kind: THE_END, .. })) => return None,
            Ok(Ok(Told { kind, data })) => format!("event: {kind}\ndata: {data}\n\n"),
            Ok(Err(broadcast::error::RecvError::Lagged(missed))) => format!(": {missed} events missed\n\n"),
            Ok(Err(broadcast::error::RecvError::Closed)) => return None,
            Err(_) => ": nothing new\n\n".into(),
        };
        Some((Bytes::from(text), events))
    }))
}

/// Each lost race means that somebody else made progress.
const LOGOUT_TRIES: usize = 10;

fn patience(seconds: Option<u64>) -> Span {
    seconds.map_or(TIMEOUT, Span::from_secs).min(TIMEOUT_MAX)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes)
        .map_err(|e| Failure::usage(format!("the body is not what this question takes: {e}")))
}

fn token_document(lease: &Lease) -> TokenDocument {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_says_something_all_the_same_lest_a_dead_listener_stays_unnoticed() {
        let (tell, events) = broadcast::channel(4);
        let mut sent = std::pin::pin!(sent(events));
        let began = tokio::time::Instant::now();
        for text in [": from now on\n\n", ": nothing new\n\n", ": nothing new\n\n"] {
            assert_eq!(sent.next().await.unwrap(), text);
        }
        assert_eq!(began.elapsed(), 2 * QUIET_MAX);
        tell.send(Told { kind: "status", data: "{}".into() }).unwrap();
        assert_eq!(sent.next().await.unwrap(), "event: status\ndata: {}\n\n");
        tell.send(Told { kind: THE_END, data: String::new() }).unwrap();
        assert!(sent.next().await.is_none());
    }
}
