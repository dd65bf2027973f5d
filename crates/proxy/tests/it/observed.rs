//! What an observer of requests hears, and what it may change.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderValue};
use renewd_proxy::{Begun, ObserveRequests, ObservedRequest, Outcome, RequestObserver};

use crate::world::{
    Script, Upstream, World, config, eventually, from_generation, ok, retrying, unauthorized,
};

/// Writes down what it hears, and leaves a field of its own.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl ObserveRequests for Notes {
    fn begun(&self, request: Begun<'_>, fields: &mut HeaderMap) -> Box<dyn ObservedRequest> {
        let heard = fields.get("x-trace").and_then(|value| value.to_str().ok()).unwrap_or("-");
        self.note(format!(
            "{} for {} to {}, {heard}",
            request.method,
            request.credential,
            request.upstream.bare_host()
        ));
        assert_eq!(
            fields.get("authorization").map(HeaderValue::as_bytes),
            Some(&b""[..]),
            "no token is told"
        );
        fields.insert("x-trace", HeaderValue::from_static("ours"));
        Box::new(Under(self.clone(), false))
    }
}

struct Under(Notes, bool);

impl ObservedRequest for Under {
    fn answered(mut self: Box<Self>, outcome: Outcome, status: u16) {
        self.1 = true;
        self.0.note(format!("{} {status}", outcome.name()));
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        if !self.1 {
            self.0.note("gone".into());
        }
    }
}

async fn observed(upstream: &Upstream, script: Script) -> (World, Notes) {
    let notes = Notes::default();
    let mut config = config(&upstream.url());
    config.observer = RequestObserver::new(notes.clone());
    (World::with(config, script).await, notes)
}

const ASK: &str = "GET /secret/path?and=query HTTP/1.1\r\nhost: localhost\r\nx-trace: theirs\r\n\r\n";

#[tokio::test]
async fn it_hears_of_a_request_once_and_both_tries_carry_its_field() {
    let answer =
        |head: &crate::wire::Head, _: &_| if from_generation(head, 2) { ok("hi") } else { unauthorized() };
    let (upstream, mut seen) = Upstream::answering(answer).await;
    let (world, notes) = observed(&upstream, Script::Tokens).await;
    assert_eq!(world.ask(ASK).await.0.status(), 200);
    for token in ["token-1", "token-2"] {
        let (head, _) = seen.recv().await.unwrap();
        assert_eq!((head.token(), head.field("x-trace")), (Some(token), Some("ours")));
    }
    assert_eq!(notes.all(), ["GET for github to 127.0.0.1, theirs", "replayed 200"]);
}

#[tokio::test]
async fn it_hears_of_answers_of_the_proxys_own_and_of_nothing_that_was_turned_away() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("")).await;
    let (world, notes) = observed(&upstream, Script::Nothing(retrying())).await;
    assert_eq!(world.ask(ASK).await.0.status(), 503);
    assert_eq!(world.ask("GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n").await.0.status(), 403);
    assert_eq!(notes.all(), ["GET for github to 127.0.0.1, theirs", "auth_retrying 503"]);
}

#[tokio::test]
async fn a_client_that_goes_is_noticed() {
    let upstream = Upstream::start(|mut wire| async move {
        let _ = wire.head().await;
        std::future::pending().await
    })
    .await;
    let (world, notes) = observed(&upstream, Script::Tokens).await;
    let mut client = world.client().await;
    client.try_write(ASK).await.unwrap();
    eventually("the request is heard of", || notes.all().len() == 1).await;
    drop(client);
    eventually("its end is heard of", || notes.all().len() == 2).await;
    assert_eq!(notes.all()[1], "gone");
}
