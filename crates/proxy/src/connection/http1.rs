//! A connection of HTTP/1.1: one request after the other, and perhaps a WebSocket in the end.

use std::future::Future;
use std::pin::Pin;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;

use super::{HEAD_READ, REQUEST_HEAD_BYTES_MAX, REQUEST_HEADERS_MAX};
use crate::exchange;
use crate::listener::Stream;
use crate::site::Current;
use crate::tunnel::Switch;

/// Bytes that hyper buffers for one direction of a connection.
const BUFFER_BYTES_MAX: usize = 128 * 1024;

/// Until either side is done; gives the stream back where it ended in good order.
pub(super) async fn converse(
    stream: Box<dyn Stream>,
    current: Current,
    begun: watch::Sender<bool>,
    mut closing: Pin<Box<impl Future<Output = ()>>>,
) -> Option<Box<dyn Stream>> {
    let switch = Switch::default();
    let service = service_fn(|request| {
        begun.send_replace(true);
        let (site, switch) = (current.site(), &switch);
        Box::pin(async move { exchange::serve(site, request, Some(switch)).await })
    });
    let mut connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ)
        .max_headers(REQUEST_HEADERS_MAX)
        .max_header_size(REQUEST_HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut told = false;
    let ended = loop {
        tokio::select! {
            ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = &mut closing, if !told => {
                Pin::new(&mut connection).graceful_shutdown();
                told = true;
            }
        }
    };
    let parts = ended.ok().map(|()| connection.into_parts())?;
    let stream = parts.io.into_inner();
    let Some(tunnel) = switch.take() else { return Some(stream) };
    if let Err(error) = tunnel.carry(stream, parts.read_buf).await {
        tracing::debug!(kind = %error.kind(), "a WebSocket broke off");
    }
    None
}
