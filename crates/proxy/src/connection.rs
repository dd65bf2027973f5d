//! One accepted connection: who is it, then HTTP/1.1 until it ends.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::exchange;
use crate::listener::{Accepted, Stream};
use crate::site::{Current, Site};

/// Most header lines of a request. Browsers and SDKs send a few dozen.
const REQUEST_HEADERS_MAX: usize = 128;
/// Longest head of a request, in bytes; long enough for any cookie jar, short enough for thousands at once.
const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes that hyper buffers for one direction of a connection.
const BUFFER_BYTES_MAX: usize = 128 * 1024;
/// How long a head may take to come in, from the end of the request before: bounds slow senders and idle connections
/// alike.
const HEAD_READ: Duration = Duration::from_secs(60);
/// How long a connection of which nothing was read yet may stay once connections are to end.
const FIRST_REQUEST: Duration = Duration::from_secs(2);
/// A client that is still sending when its answer is there must be able to finish, or the reset would destroy the
/// answer before it was read (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(5);
/// And so many bytes of it.
const LINGER_BYTES_MAX: u64 = 256 * 1024 * 1024;
const LINGER_BUFFER_BYTES: usize = 16 * 1024;

/// Serves one connection to its end: whoever `site` admits, each request under the site then in force.
pub(crate) async fn serve(accepted: Accepted, site: Arc<Site>, current: Current) {
    // Before a byte is read (invariant 18). A stranger gets no answer: not even that a proxy is here.
    if !accepted.is_admitted(&site.config.access).await {
        let strangers = site.metrics.count_stranger();
        // The 1st, 2nd, 4th, 8th…: whoever knocks all day must not fill the log.
        if strangers.is_power_of_two() {
            tracing::warn!(
                credential = site.config.credential.as_str(),
                strangers,
                "closed the connection of another user"
            );
        }
        return;
    }
    site.metrics.count_connection();
    if let Some(stream) = converse(accepted.into_stream(), site, current).await {
        let _ = timeout(LINGER, linger(stream)).await;
    }
}

/// HTTP/1.1 until either side is done; gives the stream back where it ended in good order.
async fn converse(stream: Box<dyn Stream>, site: Arc<Site>, current: Current) -> Option<Box<dyn Stream>> {
    let begun = watch::Sender::new(false);
    let mut closing = pin!(told_to_close(site.closing.subscribe(), begun.subscribe()));
    // A site that is no longer in force is not kept by those who came under it.
    drop(site);
    let service = service_fn(|request| {
        begun.send_replace(true);
        Box::pin(exchange::serve(current.site(), request))
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
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                told = true;
            }
        }
    };
    ended.ok().map(|()| connection.into_parts().io.into_inner())
}

/// Ends when the connection shall take no further request. A client that has just connected gets its first request
/// answered: it could not tell a closed connection from a dead proxy.
async fn told_to_close(mut closing: watch::Receiver<bool>, mut begun: watch::Receiver<bool>) {
    // An error means that the site is gone: no reason to stay.
    let _ = closing.wait_for(|closing| *closing).await;
    let _ = timeout(FIRST_REQUEST, begun.wait_for(|begun| *begun)).await;
}

/// Ends our side, then reads what the client still sends and forgets it.
async fn linger(mut stream: Box<dyn Stream>) -> std::io::Result<()> {
    stream.shutdown().await?;
    let mut buffer = vec![0; LINGER_BUFFER_BYTES];
    let mut left = LINGER_BYTES_MAX;
    while left > 0 {
        match stream.read(&mut buffer).await? {
            0 => break,
            read => left = left.saturating_sub(read as u64),
        }
    }
    Ok(())
}
