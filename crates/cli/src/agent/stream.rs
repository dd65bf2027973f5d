//! `GET /v1/events`: server-sent events (WHATWG HTML, section 9.2).
//!
//! The first is `begin`: what is fetched after it is as new as what will be told. Then everything that happens, one event
//! each; `missed` where some could not be told. A comment now and then shows both ends that the other lives.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use renewd_driver::CredentialName;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::api::Api;
use super::events::{Listening, THE_END, Told};
use super::http::{Body, refused};
use crate::json::SCHEMA;

/// A stream of events says something so often: a listener that is gone is only noticed by writing to it, and would
/// keep its connection for ever.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// Listeners at a time. Each keeps its connection; the others are for those who want an answer. The status address has
/// fewer connections than the socket, 96 for the user, and these are at most two thirds of them.
pub(super) const LISTENERS_MAX: usize = 64;

/// A browser that lost the stream comes back after so long.
const COME_BACK_MS: u64 = 1000;

/// What is sent first.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Begin {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    event: &'static str,
    /// The agent's version.
    version: &'static str,
}

/// Where something could not be told: look at the credentials anew.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Missed {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    event: &'static str,
    /// How many events; null where they cannot be counted any more.
    missed: Option<u64>,
}

impl Api {
    /// From now on, or from the last event on that the listener names.
    pub(super) fn events(&self, credential: Option<&str>, last: Option<&str>) -> Response<Body> {
        let only = match credential.map(|name| self.keeper(name)).transpose() {
            Ok(keeper) => keeper.map(|keeper| keeper.name().clone()),
            Err(refusal) => return *refusal,
        };
        let Ok(place) = Arc::clone(&self.listeners).try_acquire_owned() else {
            let why = format!("{LISTENERS_MAX} listen already; ask for the credentials now and then instead");
            return refused(StatusCode::SERVICE_UNAVAILABLE, &why);
        };
        let frames = sent(self.hub.listen(last), only).map(move |text| {
            // Held as long as the stream is.
            let _place = &place;
            Ok::<_, Infallible>(Frame::data(text))
        });
        let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// What is told, as it stands in the stream.
fn sent(listening: Listening, only: Option<CredentialName>) -> impl Stream<Item = Bytes> {
    let Listening { life, after, past, missed, coming } = listening;
    let wanted = move |told: &Told| {
        let (Some(only), Some(name)) = (&only, &told.credential) else { return true };
        only == name
    };
    let mut first = vec![begin(&life, after)];
    first.extend(missed.then(|| missing(None)));
    first.extend(
        past.iter().filter(|told| told.kind != THE_END && wanted(told)).map(|told| event(&life, told)),
    );
    let rest = stream::unfold(coming, move |mut coming| {
        let (life, wanted) = (life.clone(), wanted.clone());
        async move {
            let told = loop {
                match tokio::time::timeout(QUIET_MAX, coming.recv()).await {
                    Ok(Ok(told)) if told.kind == THE_END => return None,
                    Ok(Ok(told)) if wanted(&told) => break event(&life, &told),
                    Ok(Ok(_)) => {}
                    Ok(Err(RecvError::Lagged(missed))) => break missing(Some(missed)),
                    Ok(Err(RecvError::Closed)) => return None,
                    Err(_) => break Bytes::from_static(b": nothing new\n\n"),
                }
            };
            Some((told, coming))
        }
    });
    stream::iter(first).chain(rest)
}

fn event(life: &str, told: &Told) -> Bytes {
    format!("event: {}\nid: {life}-{}\ndata: {}\n\n", told.kind, told.number, told.data).into()
}

/// With a number: a listener whose connection breaks before the first event comes back with it.
fn begin(life: &str, after: u64) -> Bytes {
    let begin = Begin { schema: SCHEMA, event: "begin", version: env!("CARGO_PKG_VERSION") };
    let data = serde_json::to_string(&begin).unwrap_or_default();
    format!("event: begin\nid: {life}-{after}\nretry: {COME_BACK_MS}\ndata: {data}\n\n").into()
}

/// Without a number: what it names is not behind the listener yet.
fn missing(missed: Option<u64>) -> Bytes {
    let missed = Missed { schema: SCHEMA, event: "missed", missed };
    format!("event: missed\ndata: {}\n\n", serde_json::to_string(&missed).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::broadcast;

    fn told(number: u64, kind: &'static str, credential: Option<&str>) -> Told {
        Told { number, kind, credential: credential.map(|name| name.parse().unwrap()), data: "{}".into() }
    }

    fn listening(past: Vec<Told>, missed: bool, coming: broadcast::Receiver<Told>) -> Listening {
        Listening { life: "ab".into(), after: 4, past, missed, coming }
    }

    const BEGIN: &str = concat!(
        "event: begin\nid: ab-4\nretry: 1000\ndata: {\"schema\":1,\"event\":\"begin\",\"version\":\"",
        env!("CARGO_PKG_VERSION"),
        "\"}\n\n"
    );

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_says_something_all_the_same_lest_a_dead_listener_stays_unnoticed() {
        let (tell, coming) = broadcast::channel(4);
        let mut sent = std::pin::pin!(sent(listening(Vec::new(), false, coming), None));
        let began = tokio::time::Instant::now();
        for text in [BEGIN, ": nothing new\n\n", ": nothing new\n\n"] {
            assert_eq!(sent.next().await.unwrap(), text);
        }
        assert_eq!(began.elapsed(), 2 * QUIET_MAX);
        tell.send(told(5, "status", Some("work"))).unwrap();
        assert_eq!(sent.next().await.unwrap(), "event: status\nid: ab-5\ndata: {}\n\n");
        tell.send(told(6, THE_END, None)).unwrap();
        assert!(sent.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_missed_is_told_at_the_start_and_on_the_way() {
        let (tell, coming) = broadcast::channel(2);
        let mut sent = std::pin::pin!(sent(listening(vec![told(5, "status", None)], true, coming), None));
        for number in 6..10 {
            tell.send(told(number, "advice", None)).unwrap();
        }
        for text in [
            BEGIN,
            "event: missed\ndata: {\"schema\":1,\"event\":\"missed\",\"missed\":null}\n\n",
            "event: status\nid: ab-5\ndata: {}\n\n",
            "event: missed\ndata: {\"schema\":1,\"event\":\"missed\",\"missed\":2}\n\n",
            "event: advice\nid: ab-8\ndata: {}\n\n",
            "event: advice\nid: ab-9\ndata: {}\n\n",
        ] {
            assert_eq!(sent.next().await.unwrap(), text);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_for_one_credential_hears_of_it_and_of_the_agent_itself() {
        let (tell, coming) = broadcast::channel(8);
        let past = vec![told(5, "status", Some("other")), told(6, "status", Some("work"))];
        let only = Some("work".parse().unwrap());
        let mut sent = std::pin::pin!(sent(listening(past, false, coming), only));
        for (number, name) in [(7, Some("other")), (8, Some("work")), (9, None)] {
            tell.send(told(number, "advice", name)).unwrap();
        }
        assert_eq!(sent.next().await.unwrap(), BEGIN);
        for id in ["id: ab-6\n", "id: ab-8\n", "id: ab-9\n"] {
            let text = sent.next().await.unwrap();
            assert!(std::str::from_utf8(&text).unwrap().contains(id), "{id}: {text:?}");
        }
    }
}
