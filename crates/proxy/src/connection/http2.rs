//! A connection of HTTP/2 (RFC 9113): many requests at a time, each served like one of HTTP/1.1.
//!
//! What a client may use up is bounded: streams, bytes in flight, the size of a head, requests over all connections
//! together, and streams that it opens only to reset them (CVE-2023-44487). A connection that serves nothing for a
//! minute is ended in good order, as one of HTTP/1.1 is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::{HEAD_READ, LINGER, REQUEST_HEAD_BYTES_MAX};
use crate::exchange::{self, ResponseBody};
use crate::listener::Stream;
use crate::offspring::Brood;
use crate::site::Current;

/// Streams of one connection at a time: what RFC 9113 §6.5.2 recommends as the least.
const STREAMS_MAX: u32 = 100;
/// What a client may send of one body before the upstream has taken it: the protocol's own default.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024 - 1;
/// And of all of a connection's bodies: so that one upload that stands still does not hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = STREAMS_MAX * STREAM_WINDOW_BYTES;
/// Bytes of one answer that wait for the client to take them.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Streams that were reset before anything was done with them; the library ends a connection that has more.
const UNSEEN_RESETS_MAX: usize = 20;
/// Streams given up before their answer was read, one after the other with none that was. A client that means it ends a
/// few; one that does nothing else is told to go, and may come back at the price of a connection.
const GIVEN_UP_MAX: u32 = 200;

/// Until either side is done.
pub(super) async fn converse(
    stream: Box<dyn Stream>,
    current: Current,
    begun: watch::Sender<bool>,
    mut closing: Pin<Box<impl Future<Output = ()>>>,
) {
    let (active, given_up) = (watch::Sender::new(0_usize), Arc::new(AtomicU32::new(0)));
    let (mut idle, mut draining) = (Box::pin(idle(active.subscribe())), active.subscribe());
    let mut changes = active.subscribe();
    let count = Arc::clone(&given_up);
    let service = service_fn(move |request| {
        begun.send_replace(true);
        let (site, place) = (current.site(), Place::take(&active, &given_up));
        async move {
            let seat = site.seat().await;
            let response = exchange::serve(site, request, None).await?;
            Ok::<_, std::convert::Infallible>(response.map(|body| Seated { body, place, _seat: seat }))
        }
    });
    // Its streams' tasks end with this function, in whichever way that ends.
    let brood = Brood::new();
    let connection = Builder::new(brood.executor())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(REQUEST_HEAD_BYTES_MAX as u32)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(UNSEEN_RESETS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    loop {
        tokio::select! {
            _ = &mut connection => return,
            () = &mut closing => break,
            () = &mut idle => break,
            changed = changes.changed() => {
                if changed.is_err() || count.load(Ordering::Relaxed) > GIVEN_UP_MAX {
                    break;
                }
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    let drained = async {
        let _ = draining.wait_for(|active| *active == 0).await;
        tokio::time::sleep(LINGER).await;
    };
    tokio::select! {
        _ = &mut connection => {}
        () = drained => {}
    }
}

/// Ends when no stream was open for as long as a connection of HTTP/1.1 may wait for its next request.
async fn idle(mut active: watch::Receiver<usize>) {
    while active.wait_for(|active| *active == 0).await.is_ok() {
        if timeout(HEAD_READ, active.wait_for(|active| *active > 0)).await.is_err() {
            return;
        }
    }
}

/// One stream, counted among those of its connection.
struct Place {
    active: watch::Sender<usize>,
    given_up: Arc<AtomicU32>,
    was_answered: bool,
}

impl Place {
    fn take(active: &watch::Sender<usize>, given_up: &Arc<AtomicU32>) -> Self {
        active.send_modify(|active| *active += 1);
        Self { active: active.clone(), given_up: Arc::clone(given_up), was_answered: false }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.was_answered {
            self.given_up.store(0, Ordering::Relaxed);
        } else {
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
        self.active.send_modify(|active| *active -= 1);
    }
}

/// An answer's body, which keeps the stream's place until it is over.
struct Seated {
    body: ResponseBody,
    place: Place,
    _seat: Option<OwnedSemaphorePermit>,
}

impl Body for Seated {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.place.was_answered = self.body.is_end_stream();
    }
}
