//! One HTTP/2 connection to the upstream, which serves many requests at a time (RFC 9113).
//!
//! Which connection takes a request is decided by what it can hold (the upstream's limit of streams, and one of ours)
//! and by when the upstream was last heard: a connection that has been silent for `idle_timeout` keeps the streams it
//! has and gets no new ones, for nobody can tell it from a dead one. PING frames are not sent to find out: gRPC servers
//! count them and close the connections of those who ask often.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::dial::Duplex;
use super::link::{AbortOnDrop, RESPONSE_HEAD_BYTES_MAX};
use super::moment::Moment;
use crate::ear::{Ear, Overheard};
use crate::exchange::{Recording, RequestBody};
use crate::offspring::Brood;

/// Streams on one connection, whatever more the upstream allows; then the next connection is opened. What RFC 9113
/// §6.5.2 recommends as the least that servers allow.
const STREAMS_MAX: usize = 100;
/// What the upstream may send of one answer before the client has read it. At 50 ms it still makes 40 Mbit/s.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// And of all answers of a connection together: as much as all its streams may, or one client that does not read its
/// answers would hold up the others on the same connection.
const CONNECTION_WINDOW_BYTES: u32 = STREAMS_MAX as u32 * STREAM_WINDOW_BYTES;
/// Bytes of one request body that wait for the upstream to take them.
const SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;

/// A connection. Dropping it closes the socket at once, whatever is on it.
pub(crate) struct SharedLink {
    sender: SendRequest<RequestBody>,
    ear: Ear,
    /// What the upstream allows, as far as it was told.
    limit: Arc<AtomicUsize>,
    streams: AtomicUsize,
    has_served: AtomicBool,
    _driver: AbortOnDrop,
    _tasks: Brood,
}

impl SharedLink {
    /// Begins HTTP/2 and waits until the upstream has said its part: its limits are in it, and a server that does not
    /// speak HTTP/2 shows here.
    pub(crate) async fn over(stream: Box<dyn Duplex>) -> hyper::Result<Arc<Self>> {
        let (ear, tasks) = (Ear::new(), Brood::new());
        let stream = Overheard::new(stream, ear.clone());
        let (mut sender, mut connection) = Builder::new(tasks.executor())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(RESPONSE_HEAD_BYTES_MAX as u32)
            .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await?;
        let limit = Arc::new(AtomicUsize::new(STREAMS_MAX));
        let told = Arc::clone(&limit);
        // Its error reaches the callers through the requests it hits.
        let driver = tokio::spawn(async move {
            std::future::poll_fn(|cx| {
                let ended = Pin::new(&mut connection).poll(cx);
                told.store(connection.current_max_send_streams().clamp(1, STREAMS_MAX), Ordering::Relaxed);
                ended.map(|_| ())
            })
            .await;
        });
        let mut driver = AbortOnDrop(driver);
        tokio::select! {
            () = ear.first() => {}
            _ = &mut driver.0 => {}
        }
        sender.ready().await?;
        let (streams, has_served) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok(Arc::new(Self { sender, ear, limit, streams, has_served, _driver: driver, _tasks: tasks }))
    }

    /// Whether it is worth keeping for further requests: open, and heard of within `silence`.
    pub(crate) fn is_alive(&self, silence: Duration, now: Moment) -> bool {
        !self.sender.is_closed() && !self.ear.last().is_older_than(silence, now)
    }

    /// A place on it, while it has one. Callers take turns: two at once could both find the last place.
    pub(crate) fn lease(self: &Arc<Self>) -> Option<Lease> {
        if self.streams.load(Ordering::Relaxed) >= self.limit.load(Ordering::Relaxed) {
            return None;
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        Some(Lease { link: Arc::clone(self), upload: None })
    }
}

/// One stream's place on a connection. Dropping it cancels what is left of the stream (RFC 9113 §8.1), and of the
/// connection nothing else.
pub(crate) struct Lease {
    link: Arc<SharedLink>,
    upload: Option<Recording>,
}

impl Lease {
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        self.upload = request.body().upload().cloned();
        let response = self.link.sender.clone().try_send_request(request).await?;
        self.link.has_served.store(true, Ordering::Relaxed);
        Ok(response)
    }

    pub(crate) fn has_served(&self) -> bool {
        self.link.has_served.load(Ordering::Relaxed)
    }

    /// Whether it is a place on this connection.
    pub(crate) fn is_on(&self, link: &Arc<SharedLink>) -> bool {
        Arc::ptr_eq(&self.link, link)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The library goes on with a request's body after its answer; ours may stand still for good.
        if let Some(upload) = self.upload.take() {
            upload.abandon();
        }
        self.link.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
