//! Tokens for the HTTP client of a program of one's own, as a [`tower_layer::Layer`].
//!
//! The layer does for one client what the proxy does for programs that know nothing of it: it adds the token, with a proof
//! where the token is bound to a key (RFC 9449), and sends a request once more, with its whole body, when the token was
//! refused. It goes over any [`tower_service::Service`] that takes `http` requests: hyper's client, tonic,
//! a stack with time-outs and retries. Tokens go to the origins that it was told and to no other: a client that is sent
//! elsewhere gets [`LayerError::Foreign`], and nothing leaves.
//!
//! ```no_run
//! # async fn example(keeper: renewd_driver::Keeper) -> Result<(), Box<dyn std::error::Error>> {
//! use hyper_util::client::legacy::{Client, connect::HttpConnector};
//! use renewd_proxy::ProofSigner;
//! use renewd_proxy::layer::{LayerBody, TokenLayer};
//! use renewd_signer::KeySigner;
//! use tower_layer::Layer as _;
//! use tower_service::Service as _;
//!
//! type Body = http_body_util::Full<bytes::Bytes>;
//! let client: Client<HttpConnector, LayerBody<Body>> =
//!     Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
//! // `keeper` is what `renewd_tokio::Renewd::keep` gives.
//! let layer = TokenLayer::new(keeper, "http://127.0.0.1:8080".parse()?)
//!     .signed_by(ProofSigner::new(KeySigner::new()));
//! let mut client = layer.layer(client);
//!
//! let request = http::Request::post("http://127.0.0.1:8080/things").body(Body::from("{}"))?;
//! std::future::poll_fn(|cx| client.poll_ready(cx)).await?;
//! let answer = client.call(request).await?;
//! println!("{}", answer.status());
//! # Ok(()) }
//! ```
//!
//! # Where to put it
//! Below whatever follows redirects, so that each hop is looked at anew; above whatever retries for reasons of the network,
//! or below it: a retried request then asks for its token anew.

mod body;
mod error;
mod exchange;

pub use body::LayerBody;
pub use error::LayerError;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::bound::{ProofSigner, Prover};
use crate::config::{DEMAND_TIMEOUT_DEFAULT, REPLAY_LIMIT_DEFAULT_BYTES};
use crate::token::TokenSource;
use crate::upstream::Upstream;

/// What any body's error becomes.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Adds tokens to requests. Clones share what was learned of servers.
#[derive(Clone)]
pub struct TokenLayer {
    shared: Arc<Shared>,
}

/// What the layer's services share.
pub(crate) struct Shared {
    source: Arc<dyn TokenSource>,
    origins: Vec<Upstream>,
    prover: Prover,
    signer: ProofSigner,
    patience: Duration,
    replay_limit: usize,
}

impl TokenLayer {
    /// Tokens of this source (a [`Keeper`](renewd_driver::Keeper) is one), for requests to this origin. With a base path
    /// (`https://host/v1`) only for those below it.
    pub fn new(source: impl TokenSource, origin: Upstream) -> Self {
        Self::over(Shared {
            source: Arc::new(source),
            origins: vec![origin],
            prover: Prover::new(ProofSigner::default()),
            signer: ProofSigner::default(),
            patience: DEMAND_TIMEOUT_DEFAULT,
            replay_limit: REPLAY_LIMIT_DEFAULT_BYTES,
        })
    }

    /// Requests to this origin get the token too.
    #[must_use]
    pub fn also_to(self, origin: Upstream) -> Self {
        self.with(|shared| shared.origins.push(origin))
    }

    /// Who makes the proofs of tokens that are bound to a key; without one such a token goes nowhere.
    #[must_use]
    pub fn signed_by(self, signer: ProofSigner) -> Self {
        self.with(|shared| {
            shared.prover = Prover::new(signer.clone());
            shared.signer = signer;
        })
    }

    /// How long a request without a valid token waits for one. Default: 10 s.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        self.with(|shared| shared.patience = patience)
    }

    /// Bytes of a request body that are kept for one replay; a longer one is sent once. Default: 1 MiB.
    #[must_use]
    pub fn replay_limit(self, bytes: usize) -> Self {
        self.with(|shared| shared.replay_limit = bytes)
    }

    fn with(self, change: impl FnOnce(&mut Shared)) -> Self {
        let old = &*self.shared;
        let mut shared = Shared {
            source: Arc::clone(&old.source),
            origins: old.origins.clone(),
            prover: Prover::new(old.signer.clone()),
            signer: old.signer.clone(),
            patience: old.patience,
            replay_limit: old.replay_limit,
        };
        change(&mut shared);
        Self::over(shared)
    }

    fn over(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }
}

impl std::fmt::Debug for TokenLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenLayer").field("origins", &self.shared.origins).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for TokenLayer {
    type Service = TokenService<S>;

    fn layer(&self, inner: S) -> TokenService<S> {
        TokenService { inner, shared: Arc::clone(&self.shared) }
    }
}

/// A service whose requests carry tokens. Made by [`TokenLayer`].
#[derive(Clone)]
pub struct TokenService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S: std::fmt::Debug> std::fmt::Debug for TokenService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// An answer, or why there is none.
type Outcome<R, E> = Result<Response<R>, LayerError<E>>;

impl<S, B, R> Service<Request<B>> for TokenService<S>
where
    S: Service<Request<LayerBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = LayerError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Outcome<R, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(LayerError::Inner)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was polled is the one that is called.
        let polled = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, polled);
        Box::pin(exchange::run(Arc::clone(&self.shared), inner, request))
    }
}

/// Bytes of any kind, as one.
fn whole(mut data: impl bytes::Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}
