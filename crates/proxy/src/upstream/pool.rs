//! Sends requests to one upstream over connections that are reused.
//!
//! A pool of our own rather than a ready-made client, because the proxy must decide itself what is tried again: a
//! request of which no byte was written goes to another connection; anything else fails, and the caller knows whether
//! the connection was a stale one.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::dial::Dialer;
use super::failure::SendFailure;
use super::idle::IdleLinks;
use super::link::Link;
use crate::exchange::RequestBody;

/// The connections to one upstream.
pub(crate) struct Pool {
    dialer: Dialer,
    idle: IdleLinks,
}

impl Pool {
    pub(crate) fn new(dialer: Dialer, idle_timeout: std::time::Duration) -> Arc<Self> {
        Arc::new(Self { dialer, idle: IdleLinks::new(idle_timeout) })
    }

    pub(crate) fn authority(&self) -> String {
        self.dialer.upstream.authority()
    }

    /// Sends a request and waits for the head of its answer. With `afresh` no idle connection is used. Dropping the
    /// future closes the connection.
    pub(crate) async fn send(
        self: &Arc<Self>,
        mut request: Request<RequestBody>,
        afresh: bool,
    ) -> Result<(Response<Incoming>, Tenancy), SendFailure> {
        loop {
            let idle = if afresh { None } else { self.idle.take() };
            let mut link = match idle {
                Some(link) => link,
                None => self.open().await?,
            };
            let had_served = link.has_served();
            match link.send(request).await {
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err(SendFailure::unreachable(format!(
                        "{} switched protocols although nobody asked it to",
                        self.authority()
                    )));
                }
                Ok(response) => {
                    return Ok((response, Tenancy { link, pool: Arc::clone(self), once: false }));
                }
                Err(mut refused) => match refused.take_message() {
                    // Not one byte of it was written: another connection may have it, whatever it asks for.
                    Some(message) if had_served => request = message,
                    _ => return Err(self.failure(refused.error(), had_served)),
                },
            }
        }
    }

    /// Closes the connections that serve nothing at the moment.
    pub(crate) fn close_idle(&self) {
        self.idle.close();
    }

    async fn open(&self) -> Result<Link, SendFailure> {
        let stream = self.dialer.dial().await?;
        Link::over(stream).await.map_err(|error| self.failure(&error, false))
    }

    fn failure(&self, error: &hyper::Error, had_served: bool) -> SendFailure {
        let broken = error.is_incomplete_message()
            || error.is_closed()
            || error.is_canceled()
            || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>());
        let was_stale = had_served && broken && !error.is_user();
        SendFailure { was_stale, ..SendFailure::of_exchange(&self.authority(), error) }
    }

    fn keep(self: &Arc<Self>, link: Link) {
        if self.idle.put(link) {
            self.sweep_from_now_on();
        }
    }

    fn sweep_from_now_on(self: &Arc<Self>) {
        let pool = Arc::downgrade(self);
        let every = self.idle.timeout();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                match pool.upgrade() {
                    Some(pool) if pool.idle.sweep() => {}
                    _ => break,
                }
            }
        });
    }
}

/// A connection in use by one answer. Dropping it closes the connection; [`end`](Self::end) gives it back.
pub(crate) struct Tenancy {
    link: Link,
    pool: Arc<Pool>,
    once: bool,
}

impl Tenancy {
    /// The request will never be written to its end: the connection serves this answer and no other.
    pub(crate) fn serve_once(&mut self) {
        self.once = true;
    }

    /// The answer was read to its end. The connection goes back once the request, too, is written to its end.
    pub(crate) fn end(mut self) {
        if self.once {
            return;
        }
        if self.link.is_ready() {
            self.pool.keep(self.link);
        } else if tokio::runtime::Handle::try_current().is_ok() {
            tokio::spawn(async move {
                if self.link.becomes_ready().await {
                    self.pool.keep(self.link);
                }
            });
        }
    }
}
