//! One configuration in force: what a request is served by from its beginning to its end.
//!
//! A new configuration is a new site. Each request takes the one in force when it begins, so no request ever sees half of
//! two, and a connection that waits for its next request is not closed under its client, who could not tell whether that
//! request was served. Only where who may connect has changed do the connections of before end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{HeaderMap, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};
use renewd_core::{Secret, Span};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::bound::Prover;
use crate::config::{Access, ProxyConfig, ProxyError};
use crate::locality::{Refusal, local_requests_only};
use crate::metrics::Metrics;
use crate::problem::About;
use crate::route::{ROUTES_MAX, Route};
use crate::secret_path;
use crate::token::{BearerToken, NoBearer, TokenSource};
use crate::upstream::{Dialer, Pool, client_config, climbs};

/// The site in force. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Current(Arc<Mutex<Arc<Site>>>);

impl Current {
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self(Arc::new(Mutex::new(site)))
    }

    pub(crate) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace(&self, site: Arc<Site>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = site;
    }
}

/// A configuration in force.
pub(crate) struct Site {
    pub(crate) config: ProxyConfig,
    /// The longest prefix first.
    ways: Vec<Way>,
    pub(crate) metrics: Arc<Metrics>,
    /// The path prefix that requests must have.
    pub(crate) secret: Option<Secret>,
    /// True once the connections that were accepted under it are to end. Sites after which nobody has to go share one.
    pub(crate) closing: watch::Sender<bool>,
    /// One for each request of HTTP/2 that may be under way.
    seats: Arc<Semaphore>,
}

/// One route in force.
pub(crate) struct Way {
    pub(crate) route: Route,
    pub(crate) pool: Arc<Pool>,
    pub(crate) prover: Prover,
    /// `scheme://host[:port]` of the upstream: what proofs are for.
    pub(crate) origin: String,
    /// How long a request waits for a token.
    demand_timeout: Duration,
}

/// Why a request is not served at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// A bare 404.
    NothingHere,
    /// A problem document.
    Away(Refusal),
}

impl Site {
    /// Sets a configuration up. `earlier` is the secret made for the one before, which clients already know; `closing`
    /// is of the one before, where its connections may stay.
    pub(crate) fn new(
        config: ProxyConfig,
        source: Arc<dyn TokenSource>,
        metrics: Arc<Metrics>,
        earlier: Option<Secret>,
        closing: Option<watch::Sender<bool>>,
    ) -> Result<Arc<Self>, ProxyError> {
        let secret = match &config.access {
            Access::PathSecret(Some(given)) if secret_path::is_fit(given) => Some(given.clone()),
            Access::PathSecret(Some(_)) => return Err(ProxyError::UnfitSecret),
            Access::PathSecret(None) => match earlier {
                Some(secret) => Some(secret),
                None => Some(secret_path::generate().map_err(|_| ProxyError::NoEntropy)?),
            },
            Access::SameUser | Access::AnyLocalUser => None,
        };
        let ways = Way::all(&config, source)?;
        let closing = closing.unwrap_or_else(|| watch::Sender::new(false));
        let seats = Arc::new(Semaphore::new(config.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
        Ok(Arc::new(Self { config, ways, metrics, secret, closing, seats }))
    }

    /// Where a request goes, if it may pass.
    pub(crate) fn admit(&self, head: &Parts) -> Result<(&Way, Uri), Turned> {
        let away = |status, reason| Turned::Away(Refusal::new(status, reason));
        // TRACE would send the token back to whoever asks (RFC 9110 §9.3.8).
        if matches!(head.method, Method::CONNECT | Method::TRACE) {
            return Err(away(StatusCode::METHOD_NOT_ALLOWED, "CONNECT and TRACE are not served"));
        }
        if head.uri.scheme().is_some() || head.uri.authority().is_some() {
            return Err(away(StatusCode::BAD_REQUEST, "this is no forward proxy: the target must be a path"));
        }
        local_requests_only(&head.headers).map_err(Turned::Away)?;
        if !has_known_framing(&head.headers) {
            return Err(away(StatusCode::NOT_IMPLEMENTED, "the only transfer coding served is chunked"));
        }
        let target = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let target = match &self.secret {
            Some(secret) => secret_path::strip(&target, secret).ok_or(Turned::NothingHere)?,
            None => target,
        };
        let path = target.path();
        if self.ways.len() > 1 && climbs(path) {
            return Err(away(StatusCode::BAD_REQUEST, "the path goes up a level, perhaps to another route"));
        }
        let way = self.ways.iter().find(|way| way.route.prefix.holds(path));
        let way =
            way.ok_or_else(|| away(StatusCode::NOT_FOUND, "no route of this proxy begins like the path"))?;
        let leaves = || away(StatusCode::BAD_REQUEST, "the path leaves the upstream's base path");
        let Route { prefix, strip_prefix, upstream, .. } = &way.route;
        if !prefix.is_root() && climbs(path) {
            return Err(leaves());
        }
        let target = if *strip_prefix { prefix.strip(&target).ok_or_else(leaves)? } else { target };
        Ok((way, upstream.join(&target).ok_or_else(leaves)?))
    }

    /// Every upstream.
    pub(crate) fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// A seat for one request of HTTP/2, of which a connection may have many. Waits where as many are under way as there
    /// may be connections.
    pub(crate) async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.seats).acquire_owned().await.ok()
    }
}

impl Way {
    fn all(config: &ProxyConfig, source: Arc<dyn TokenSource>) -> Result<Vec<Self>, ProxyError> {
        if config.routes.len() > ROUTES_MAX {
            return Err(ProxyError::TooManyRoutes);
        }
        let first = Route {
            prefix: config.prefix.clone(),
            strip_prefix: config.strip_prefix,
            upstream: config.upstream.clone(),
            upstream_http2: config.upstream_http2,
            credential: config.credential.clone(),
            source,
            replay_limit: config.replay_limit,
            ca_file: config.ca_file.clone(),
            login_command: config.login_command.clone(),
        };
        let mut ways: Vec<Self> = Vec::with_capacity(1 + config.routes.len());
        for route in std::iter::once(&first).chain(&config.routes) {
            if ways.iter().any(|way| way.route.prefix == route.prefix) {
                return Err(ProxyError::SamePrefix(route.prefix.clone()));
            }
            ways.push(Self::new(route.clone(), config)?);
        }
        ways.sort_by_key(|way| std::cmp::Reverse(way.route.prefix.len()));
        Ok(ways)
    }

    fn new(route: Route, config: &ProxyConfig) -> Result<Self, ProxyError> {
        let (upstream, http2) = (route.upstream.clone(), route.upstream_http2);
        let tls = match upstream.is_secure() {
            true => Some(client_config(route.ca_file.as_deref(), http2)?),
            false => None,
        };
        let origin = upstream.origin();
        let dialer = Dialer { upstream, tls, http2, connect_timeout: config.connect_timeout };
        let pool = Pool::new(dialer, config.idle_timeout);
        let prover = Prover::new(config.signer.clone());
        Ok(Self { route, pool, prover, origin, demand_timeout: config.demand_timeout })
    }

    pub(crate) fn about(&self) -> About<'_> {
        About {
            credential: self.route.credential.as_str(),
            login_command: self.route.login_command.as_deref(),
        }
    }

    /// A token for one request: the one at hand, else whatever comes within `demand_timeout`.
    pub(crate) async fn token(&self) -> Result<BearerToken, NoBearer> {
        match self.route.source.at_hand() {
            Some(token) => Ok(token),
            None => self.route.source.token(self.patience()).await,
        }
    }

    /// `demand_timeout`: how long a request waits for a token, or for a newer one.
    pub(crate) fn patience(&self) -> Span {
        Span::from(self.demand_timeout)
    }
}

/// RFC 9112 §6.1: a coding that is not understood is answered 501. Taken off unread, it would reach the upstream as
/// part of the body.
fn has_known_framing(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}
