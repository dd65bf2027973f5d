//! One accepted connection: who is it, and which HTTP does it speak.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::listener::{Accepted, Stream};
use crate::site::{Current, Site};

mod http1;
mod http2;
mod preface;

/// Most header lines of a request. Browsers and SDKs send a few dozen.
pub(crate) const REQUEST_HEADERS_MAX: usize = 128;
/// Longest head of a request, in bytes; long enough for any cookie jar, short enough for thousands at once.
const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;
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
    let begun = watch::Sender::new(false);
    let closing = told_to_close(site.closing.subscribe(), begun.subscribe());
    // A site that is no longer in force is not kept by those who came under it.
    drop(site);
    let mut closing = Box::pin(closing);
    let detected = tokio::select! {
        detected = timeout(HEAD_READ, preface::detect(accepted.into_stream())) => detected,
        () = &mut closing => return,
    };
    match detected {
        Ok(Ok((stream, preface::Spoken::Http1))) => {
            if let Some(stream) = http1::converse(stream, current, begun, closing).await {
                let _ = timeout(LINGER, linger(stream)).await;
            }
        }
        Ok(Ok((stream, preface::Spoken::Http2))) => http2::converse(stream, current, begun, closing).await,
        // It ended, or said nothing for a minute.
        Ok(Err(_)) | Err(_) => {}
    }
}

/// Ends when the connection shall take no further request. A client that has just connected gets its first request
/// answered: it could not tell a closed connection from a dead proxy.
async fn told_to_close(mut closing: watch::Receiver<bool>, mut begun: watch::Receiver<bool>) {
    // An error means that the site is gone: no reason to stay.
    let _ = closing.wait_for(|closing| *closing).await;
    let _ = timeout(FIRST_REQUEST, begun.wait_for(|begun| *begun)).await;
}

/// Ends our side, then reads what the client still sends and forgets it.
async fn linger(mut stream: Box<dyn Stream>) -> io::Result<()> {
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
