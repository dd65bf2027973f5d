//! Answers, and serving a connection: HTTP/1.1 with JSON, bounded in size and time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::api::Api;
use super::api::Side;
use crate::exit::{Exit, Failure};
use crate::json::ErrorDocument;

/// Largest request body: the largest question is a few numbers.
pub(super) const BODY_BYTES_MAX: usize = 16 << 10;

/// So much of a body that is too large is read all the same before the connection is closed.
const DISCARDED_BYTES_MAX: usize = 1 << 20;

/// A client that sends its header more slowly than this is cut.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that sends its body more slowly than this gets no answer.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Most header fields.
const HEADERS_MAX: usize = 64;

/// Largest header.
const HEADER_BYTES_MAX: usize = 16 << 10;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// An answer of those bytes.
pub(crate) fn answer(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes.into()).boxed());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Response<Body> {
    match crate::json::line(document) {
        // The bytes are lent and overwritten once they are sent: a token can be among them.
        Ok(bytes) => answer(status, "application/json", Bytes::from_owner(bytes)),
        Err(failure) => {
            answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", failure.message)
        }
    }
}

/// A failure as an answer: what the command would have said, with a `Retry-After` where the next attempt is known.
pub(crate) fn failed(failure: &Failure) -> Response<Body> {
    let status = match failure.exit {
        Exit::Usage => StatusCode::BAD_REQUEST,
        Exit::LoginNeeded | Exit::Unavailable | Exit::Store => StatusCode::SERVICE_UNAVAILABLE,
        Exit::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Exit::Done | Exit::Internal | Exit::Configuration => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = json(status, &ErrorDocument::new(failure));
    if let Some(wait) = failure.about.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_ceil().max(1)));
    }
    response
}

/// A plain refusal.
pub(crate) fn refused(status: StatusCode, why: &str) -> Response<Body> {
    let mut failure = Failure::usage(why);
    failure.code =
        status.canonical_reason().unwrap_or("refused").to_ascii_lowercase().replace(' ', "_").into();
    json(status, &ErrorDocument::new(&failure))
}

/// The whole body of a question that may take so many bytes.
///
/// # Errors
/// The refusal to answer with.
pub(crate) async fn body_of(
    request: Request<Incoming>,
    bytes_max: usize,
) -> Result<Bytes, Box<Response<Body>>> {
    let read = whole(request.into_body(), bytes_max);
    match tokio::time::timeout(BODY_TIMEOUT, read).await {
        Ok(Ok(Some(whole))) => Ok(whole),
        Ok(Ok(None)) => {
            let why = format!("the body is larger than {bytes_max} bytes");
            Err(Box::new(refused(StatusCode::PAYLOAD_TOO_LARGE, &why)))
        }
        Ok(Err(_)) => Err(Box::new(refused(StatusCode::BAD_REQUEST, "the body was cut short"))),
        Err(_) => Err(Box::new(refused(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))),
    }
}

/// All of it; none where it is larger. What is too much is read on for a while and thrown away: a client that is still
/// writing when the connection is closed may never see why (RFC 9112 §9.6).
async fn whole(mut body: Incoming, bytes_max: usize) -> Result<Option<Bytes>, hyper::Error> {
    let mut whole = Vec::new();
    let mut length = 0usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= bytes_max {
            whole.extend_from_slice(&data);
        } else if length > DISCARDED_BYTES_MAX {
            break;
        }
    }
    Ok((length <= bytes_max).then(|| Bytes::from(whole)))
}

/// How a connection is served whose client has so long for the head of a question.
pub(super) fn rules(header_timeout: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .half_close(true);
    http
}

/// Serves one connection until it ends or the agent stops.
pub(crate) async fn connection<S>(stream: S, api: Arc<Api>, side: Side, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(api.handle(request, side).await) }
    });
    let connection = rules(HEADER_TIMEOUT).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let stopped = async {
        // An error means that the agent is gone altogether.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    tokio::select! {
        ended = connection.as_mut() => note(ended),
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            note(connection.await);
        }
    }
}

pub(super) fn note(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the agent ended badly");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// What a client gets that sends that much of a question.
    async fn answer_to(sent: &[u8]) -> String {
        let (mut client, server) = tokio::io::duplex(64 << 10);
        let service = service_fn(|request: Request<Incoming>| async move {
            let body = body_of(request, 8).await;
            Ok::<_, Infallible>(
                body.map_or_else(|refusal| *refusal, |body| answer(StatusCode::OK, "a", body)),
            )
        });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        // It may close the connection as soon as it has answered.
        let _serving = tokio::spawn(serving);
        client.write_all(sent).await.unwrap();
        let mut told = vec![0; 12];
        client.read_exact(&mut told).await.unwrap();
        String::from_utf8(told).unwrap()
    }

    #[tokio::test]
    async fn a_client_may_write_a_body_that_is_too_large_to_its_end_before_it_reads_the_answer() {
        let mut question = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n".to_vec();
        question.resize(question.len() + 1_000_000, b' ');
        assert_eq!(answer_to(&question).await, "HTTP/1.1 413");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_in_time_or_is_too_large_is_answered_so() {
        let began = tokio::time::Instant::now();
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:";
        assert_eq!(answer_to(format!("{head} 4\r\n\r\nbody").as_bytes()).await, "HTTP/1.1 200");
        assert_eq!(answer_to(format!("{head} 9\r\n\r\nmuch body").as_bytes()).await, "HTTP/1.1 413");
        assert!(began.elapsed() < BODY_TIMEOUT);
        assert_eq!(answer_to(format!("{head} 4\r\n\r\nbod").as_bytes()).await, "HTTP/1.1 408");
        assert!(began.elapsed() >= BODY_TIMEOUT);
    }
}
