//! One configuration in force: what a request is served by from its beginning to its end.
//!
//! A new configuration is a new site. Each request takes the one in force when it begins, so no request ever sees half of
//! two, and a connection that waits for its next request is not closed under its client, who could not tell whether that
//! request was served. Only where who may connect has changed do the connections of before end.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::{HeaderMap, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};
use renewd_core::{Secret, Span};
use tokio::sync::watch;

use crate::bound::Prover;
use crate::config::{Access, ProxyConfig, ProxyError};
use crate::locality::{Refusal, local_requests_only};
use crate::metrics::Metrics;
use crate::problem::About;
use crate::secret_path;
use crate::token::{BearerToken, NoBearer, TokenSource};
use crate::upstream::{Dialer, Pool, client_config};

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
    pub(crate) source: Arc<dyn TokenSource>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) prover: Prover,
    /// `scheme://host[:port]` of the upstream: what proofs are for.
    pub(crate) origin: String,
    pub(crate) metrics: Arc<Metrics>,
    /// The path prefix that requests must have.
    pub(crate) secret: Option<Secret>,
    /// True once the connections that were accepted under it are to end. Sites after which nobody has to go share one.
    pub(crate) closing: watch::Sender<bool>,
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
        let tls = match config.upstream.is_secure() {
            true => Some(client_config(config.ca_file.as_deref())?),
            false => None,
        };
        let dialer =
            Dialer { upstream: config.upstream.clone(), tls, connect_timeout: config.connect_timeout };
        let pool = Pool::new(dialer, config.idle_timeout);
        let (prover, origin) = (Prover::new(config.signer.clone()), config.upstream.origin());
        let closing = closing.unwrap_or_else(|| watch::Sender::new(false));
        Ok(Arc::new(Self { config, source, pool, prover, origin, metrics, secret, closing }))
    }

    /// The upstream's target for a request, if it may pass.
    pub(crate) fn admit(&self, head: &Parts) -> Result<Uri, Turned> {
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
        let leaves = "the path leaves the upstream's base path";
        self.config.upstream.join(&target).ok_or_else(|| away(StatusCode::BAD_REQUEST, leaves))
    }

    pub(crate) fn about(&self) -> About<'_> {
        About {
            credential: self.config.credential.as_str(),
            login_command: self.config.login_command.as_deref(),
        }
    }

    /// A token for one request: the one at hand, else whatever comes within `demand_timeout`.
    pub(crate) async fn token(&self) -> Result<BearerToken, NoBearer> {
        match self.source.at_hand() {
            Some(token) => Ok(token),
            None => self.source.token(self.patience()).await,
        }
    }

    /// `demand_timeout`: how long a request waits for a token, or for a newer one.
    pub(crate) fn patience(&self) -> Span {
        Span::from(self.config.demand_timeout)
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
