//! Sends requests to one upstream over connections that are reused.
//!
//! A pool of our own rather than a ready-made client, because the proxy must decide itself what is tried again: a
//! request of which no byte was written goes to another connection; anything else fails, and the caller knows whether
//! the connection was a stale one, and whether the upstream said that it did nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::{Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::sync::Mutex;

use super::dial::Dialer;
use super::failure::SendFailure;
use super::idle::KeptLinks;
use super::link::Link;
use super::shared::{Lease, SharedLink};
use crate::config::UpstreamHttp2;
use crate::exchange::RequestBody;

/// New connections that may be gone before one byte of a request was written. An upstream that ends each at once is
/// not worth more.
const FRESH_TRIES_MAX: u32 = 3;

/// The connections to one upstream.
pub(crate) struct Pool {
    dialer: Dialer,
    kept: KeptLinks,
    /// What the last connection came to: whoever needs one more may share the one that is being opened.
    speaks_http2: AtomicBool,
    /// Held by whoever opens it; what went wrong the last time.
    opening: Mutex<Option<SendFailure>>,
    failures: AtomicU64,
}

/// What a request asks of its connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// None that was used before.
    pub(crate) afresh: bool,
    /// It wants to become a WebSocket, which only HTTP/1.1 does here.
    pub(crate) upgrades: bool,
}

/// A connection for one request.
enum Carrier {
    Alone(Link),
    Shared(Lease),
}

impl Carrier {
    fn version(&self) -> Version {
        match self {
            Self::Alone(_) => Version::HTTP_11,
            Self::Shared(_) => Version::HTTP_2,
        }
    }

    fn has_served(&self) -> bool {
        match self {
            Self::Alone(link) => link.has_served(),
            Self::Shared(lease) => lease.has_served(),
        }
    }

    async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        match self {
            Self::Alone(link) => link.send(request).await,
            Self::Shared(lease) => lease.send(request).await,
        }
    }
}

impl Pool {
    pub(crate) fn new(dialer: Dialer, idle_timeout: std::time::Duration) -> Arc<Self> {
        let http2 = dialer.http2;
        // Before anything is known, an upstream that may speak it is asked once, and not a hundred times at once.
        let may =
            dialer.tls.is_some() && http2 == UpstreamHttp2::Auto || http2 == UpstreamHttp2::PriorKnowledge;
        Arc::new(Self {
            dialer,
            kept: KeptLinks::new(idle_timeout),
            speaks_http2: AtomicBool::new(may),
            opening: Mutex::default(),
            failures: AtomicU64::new(0),
        })
    }

    pub(crate) fn authority(&self) -> String {
        self.dialer.upstream.authority()
    }

    /// Sends the request that `make` makes for a version of HTTP, and waits for the head of its answer. Dropping the
    /// future cancels it at the upstream.
    pub(crate) async fn send(
        self: &Arc<Self>,
        manner: Manner,
        make: impl Fn(Version) -> Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Tenancy), SendFailure> {
        let mut fresh_tries = 0;
        loop {
            let mut carrier = self.carrier(manner).await?;
            let had_served = carrier.has_served();
            match carrier.send(make(carrier.version())).await {
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS && !manner.upgrades => {
                    return Err(SendFailure::unreachable(format!(
                        "{} switched protocols although nobody asked it to",
                        self.authority()
                    )));
                }
                Ok(response) => {
                    return Ok((response, Tenancy { carrier, pool: Arc::clone(self), once: false }));
                }
                Err(mut refused) => {
                    let unwritten = refused.take_message().is_some();
                    if let Carrier::Shared(lease) = &carrier
                        && (unwritten || refused.error().is_closed())
                    {
                        self.kept.retire(lease);
                    }
                    fresh_tries += u32::from(!had_served);
                    let may_go_on = match &carrier {
                        Carrier::Alone(_) => had_served,
                        Carrier::Shared(_) => fresh_tries < FRESH_TRIES_MAX,
                    };
                    // Not one byte of it was written: another connection may have it, whatever it asks for.
                    if !(unwritten && may_go_on) {
                        let failure = self.failure(refused.error(), had_served);
                        let never_began = unwritten && matches!(carrier, Carrier::Shared(_));
                        return Err(if never_began { no_http2(&failure) } else { failure });
                    }
                }
            }
        }
    }

    /// Closes the connections that serve nothing at the moment; those that do, after that.
    pub(crate) fn close_idle(&self) {
        self.kept.close();
    }

    /// Connections that wait for a request and can take one.
    pub(crate) fn waiting(&self) -> usize {
        self.kept.waiting()
    }

    /// A connection that can take a request now.
    async fn carrier(self: &Arc<Self>, manner: Manner) -> Result<Carrier, SendFailure> {
        let only_http1 = manner.upgrades || self.dialer.http2 == UpstreamHttp2::Off;
        if let Some(kept) = self.kept_one(manner, only_http1) {
            return Ok(kept);
        }
        if only_http1 || manner.afresh || !self.speaks_http2.load(Ordering::Relaxed) {
            return self.open(only_http1).await;
        }
        // One by one: whoever waited finds room on what was opened meanwhile, or shares its failure.
        let failures = self.failures.load(Ordering::Acquire);
        let mut last_failure = self.opening.lock().await;
        if let Some(kept) = self.kept_one(manner, only_http1) {
            return Ok(kept);
        }
        if self.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = &*last_failure
        {
            return Err(failure.clone());
        }
        if !self.speaks_http2.load(Ordering::Relaxed) {
            drop(last_failure);
            return self.open(only_http1).await;
        }
        let outcome = self.open(only_http1).await;
        if let Err(failure) = &outcome {
            *last_failure = Some(failure.clone());
            self.failures.fetch_add(1, Ordering::Release);
        }
        outcome
    }

    fn kept_one(&self, manner: Manner, only_http1: bool) -> Option<Carrier> {
        if manner.afresh {
            return None;
        }
        if !only_http1 && let Some(lease) = self.kept.lease() {
            return Some(Carrier::Shared(lease));
        }
        self.kept.take().map(Carrier::Alone)
    }

    async fn open(self: &Arc<Self>, only_http1: bool) -> Result<Carrier, SendFailure> {
        self.dialer
            .in_time(async |deadline| {
                let dialed = self.dialer.dial(only_http1, deadline).await?;
                if !only_http1 {
                    self.speaks_http2.store(dialed.is_http2, Ordering::Relaxed);
                }
                if !dialed.is_http2 {
                    let link =
                        Link::over(dialed.stream).await.map_err(|error| self.failure(&error, false))?;
                    return Ok(Carrier::Alone(link));
                }
                let link = SharedLink::over(dialed.stream).await;
                let link = link.map_err(|error| no_http2(&self.failure(&error, false)))?;
                let first = link.lease();
                if self.kept.share(link) {
                    self.sweep_from_now_on();
                }
                first.map(Carrier::Shared).ok_or_else(|| {
                    SendFailure::unreachable(format!("{} allows no HTTP/2 stream", self.authority()))
                })
            })
            .await
    }

    fn failure(&self, error: &hyper::Error, had_served: bool) -> SendFailure {
        SendFailure::of_exchange(&self.authority(), error, had_served)
    }

    fn keep(self: &Arc<Self>, link: Link) {
        if self.kept.put(link) {
            self.sweep_from_now_on();
        }
    }

    fn sweep_from_now_on(self: &Arc<Self>) {
        let pool = Arc::downgrade(self);
        let every = self.kept.timeout();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                match pool.upgrade() {
                    Some(pool) if pool.kept.sweep() => {}
                    _ => break,
                }
            }
        });
    }
}

/// The connection came about, and what was to be spoken on it did not.
fn no_http2(failure: &SendFailure) -> SendFailure {
    SendFailure::unreachable(format!("no HTTP/2 with {}", failure.detail))
}

/// A connection, or a stream's place on one, in use by one answer. Dropping it closes the connection or cancels the
/// stream; [`end`](Self::end) gives the connection back.
pub(crate) struct Tenancy {
    carrier: Carrier,
    pool: Arc<Pool>,
    once: bool,
}

impl Tenancy {
    /// The request will never be written to its end: the connection serves this answer and no other. (Of a shared one
    /// only the stream is concerned.)
    pub(crate) fn serve_once(&mut self) {
        self.once = true;
    }

    /// The answer was read to its end. The connection goes back once the request, too, is written to its end.
    pub(crate) fn end(self) {
        let Self { carrier, pool, once } = self;
        let Carrier::Alone(mut link) = carrier else { return };
        if once {
            return;
        }
        if link.is_ready() {
            pool.keep(link);
        } else if tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(async move {
                if link.becomes_ready().await {
                    pool.keep(link);
                }
            });
        }
    }
}
