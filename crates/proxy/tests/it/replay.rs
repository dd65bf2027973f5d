//! A refused token: one renewal, one replay with a fresh body, and never more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use renewd_proxy::Outcome;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::wire::{Head, Payload, Wire, within};
use crate::world::{
    Script, Upstream, World, config, eventually, from_generation, ok, retrying, unauthorized,
};

/// Bytes in which a shift or a gap would show.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

async fn refusing_first_generation() -> (Upstream, UnboundedReceiver<(Head, Payload)>) {
    Upstream::answering(|head, _| if from_generation(head, 2) { ok("welcome") } else { unauthorized() }).await
}

fn post(framing: &str) -> String {
    format!("POST /x?y HTTP/1.1\r\nhost: localhost\r\nx-kept: 1\r\n{framing}\r\n\r\n")
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_replayed_byte_for_byte() {
    let (upstream, mut seen) = refusing_first_generation().await;
    let world = World::new(&upstream.url()).await;
    let body = pattern(1024 * 1024);
    let request = [post("content-length: 1048576").into_bytes(), body.clone()].concat();
    let (head, answer) = world.ask(request).await;
    assert_eq!((head.status(), answer.text().as_str()), (200, "welcome"));
    for token in ["token-1", "token-2"] {
        let (head, got) = seen.recv().await.unwrap();
        assert_eq!(head.line, "POST /x?y HTTP/1.1");
        assert_eq!((head.token(), head.field("x-kept")), (Some(token), Some("1")));
        assert_eq!(head.field("content-length"), Some("1048576"));
        assert!(got.bytes == body, "{} bytes came", got.bytes.len());
    }
    assert_eq!(world.source.rejections(), [(7, 1)]);
    assert_eq!(world.proxy.metrics().replays(), 1);
    assert_eq!(world.proxy.metrics().requests(Outcome::Replayed), 1);
}

#[tokio::test]
async fn a_chunked_body_with_trailers_is_replayed_as_it_came() {
    let (upstream, mut seen) = refusing_first_generation().await;
    let world = World::new(&upstream.url()).await;
    let request =
        post("transfer-encoding: chunked\r\ntrailer: x-sum") + "3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n";
    assert_eq!(world.ask(request).await.0.status(), 200);
    for _ in 0..2 {
        let (head, body) = seen.recv().await.unwrap();
        assert_eq!(head.field("transfer-encoding"), Some("chunked"));
        assert_eq!(body.text(), "abcde");
        assert_eq!(body.trailers, [("x-sum".to_owned(), "5".to_owned())]);
    }
}

#[tokio::test]
async fn requests_without_a_body_are_replayed_too() {
    let (upstream, mut seen) = refusing_first_generation().await;
    let world = World::new(&upstream.url()).await;
    assert_eq!(world.ask("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.0.status(), 200);
    for _ in 0..2 {
        let (head, _) = seen.recv().await.unwrap();
        assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
    }
    // An empty one in chunks keeps its end.
    world.source.with(|script| *script = Script::Tokens);
    let (upstream, mut seen) =
        Upstream::answering(|head, _| if from_generation(head, 3) { ok("") } else { unauthorized() }).await;
    let world_2 = World::new(&upstream.url()).await;
    let (head, _) = world_2.ask(post("transfer-encoding: chunked") + "0\r\n\r\n").await;
    assert_eq!(head.status(), 401, "two generations too old, and only one replay");
    for _ in 0..2 {
        assert_eq!(seen.recv().await.unwrap().0.field("transfer-encoding"), Some("chunked"));
    }
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn the_second_401_goes_back_as_it_is_and_is_not_complained_about() {
    let (upstream, mut seen) = Upstream::answering(|head, _| {
        let body = head.token().unwrap().to_owned();
        format!("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"r\"\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let (head, body) = world.ask(post("content-length: 1") + "x").await;
    assert_eq!((head.status(), body.text().as_str()), (401, "token-2"));
    assert_eq!(head.field("www-authenticate"), Some("Bearer realm=\"r\""));
    assert_eq!(world.source.rejections(), [(7, 1)]);
    assert!(seen.recv().await.is_some() && seen.recv().await.is_some() && seen.try_recv().is_err());
}

#[tokio::test]
async fn a_refusal_that_another_token_would_not_change_goes_back_as_it_is() {
    let (upstream, mut seen) = Upstream::answering(|_, _| unauthorized()).await;
    let world = World::with(config(&upstream.url()), Script::NoRenewal).await;
    let (head, body) = world.ask(post("content-length: 1") + "x").await;
    assert_eq!((head.status(), body.text().as_str()), (401, "no"));
    assert_eq!(world.proxy.metrics().requests(Outcome::RejectionPassed), 1);
    assert_eq!(world.proxy.metrics().replays(), 0);
    assert!(seen.recv().await.is_some() && seen.try_recv().is_err());
}

#[tokio::test]
async fn a_refusal_without_a_newer_token_becomes_the_503_that_says_when_to_come_back() {
    let (upstream, _seen) = Upstream::answering(|_, _| unauthorized()).await;
    let world = World::with(config(&upstream.url()), Script::RenewalFails(retrying())).await;
    let (head, body) = world.ask(post("content-length: 1") + "x").await;
    assert_eq!(head.status(), 503);
    assert_eq!(body.json()["type"], "urn:renewd:auth-retrying");
    assert_eq!(world.proxy.metrics().requests(Outcome::AuthRetrying), 1);
}

#[tokio::test]
async fn a_body_over_the_limit_streams_once_and_the_token_is_renewed_all_the_same() {
    let body = pattern(1001);
    let mut chunked = Vec::new();
    for part in body.chunks(100) {
        chunked.extend(format!("{:x}\r\n", part.len()).into_bytes());
        chunked.extend(part);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    for (framing, bytes) in [
        ("content-length: 1001".to_owned(), body.clone()),
        ("transfer-encoding: chunked".to_owned(), chunked),
    ] {
        let (upstream, mut seen) = refusing_first_generation().await;
        let mut config = config(&upstream.url());
        config.replay_limit = 1000;
        let world = World::with(config, Script::Tokens).await;
        let (head, answer) = world.ask([post(&framing).into_bytes(), bytes].concat()).await;
        assert_eq!((head.status(), answer.text().as_str()), (401, "no"), "{framing}");
        assert!(seen.recv().await.unwrap().1.bytes == body);
        assert!(seen.try_recv().is_err());
        assert_eq!(world.source.rejections(), [(7, 1)]);
        assert_eq!(world.proxy.metrics().requests(Outcome::RejectionPassed), 1);
        // The next request has the new token.
        assert_eq!(world.ask(post("content-length: 0")).await.0.status(), 200);
    }
}

/// An upstream that answers 401 to the first request before any of its body was read, then serves the second.
struct Hasty {
    upstream: Upstream,
    /// The bodies it read whole.
    bodies: UnboundedReceiver<Vec<u8>>,
    /// One for each refused request whose connection ended.
    ended: UnboundedReceiver<()>,
}

async fn hasty() -> Hasty {
    let (seen, bodies) = unbounded_channel();
    let (end, ended) = unbounded_channel();
    let upstream = Upstream::start(move |mut wire| {
        let (seen, end) = (seen.clone(), end.clone());
        async move {
            while let Some(head) = wire.head().await {
                if from_generation(&head, 2) {
                    assert_eq!(head.field("expect"), None, "the body is at hand: nothing to wait for");
                    let body = wire.body(&head).await.unwrap();
                    let _ = seen.send(body.bytes);
                    wire.write(ok("welcome")).await;
                } else {
                    wire.write(unauthorized()).await;
                    wire.rest().await;
                    let _ = end.send(());
                }
            }
        }
    })
    .await;
    Hasty { upstream, bodies, ended }
}

#[tokio::test]
async fn a_401_before_the_end_of_the_body_waits_for_the_rest_and_replays_the_whole() {
    let mut hasty = hasty().await;
    let world = World::new(&hasty.upstream.url()).await;
    let mut client = world.client().await;
    client.write(post("content-length: 8") + "half").await;
    // The 401 is there before the second half leaves.
    eventually("the complaint", || world.source.rejections() == [(7, 1)]).await;
    client.write("done").await;
    assert_eq!(client.answer().await.0.status(), 200);
    assert_eq!(within("the replay", hasty.bodies.recv()).await.unwrap(), b"halfdone");
}

#[tokio::test]
async fn a_401_instead_of_100_continue_asks_for_the_body_and_replays_it() {
    let mut hasty = hasty().await;
    let world = World::new(&hasty.upstream.url()).await;
    let mut client = world.client().await;
    client.write(post("content-length: 4\r\nexpect: 100-continue")).await;
    assert_eq!(client.head().await.unwrap().status(), 100);
    client.write("body").await;
    assert_eq!(client.answer().await.0.status(), 200);
    assert_eq!(within("the replay", hasty.bodies.recv()).await.unwrap(), b"body");
}

#[tokio::test]
async fn a_body_without_an_end_is_not_waited_for_for_ever() {
    let mut hasty = hasty().await;
    let mut config = config(&hasty.upstream.url());
    config.demand_timeout = std::time::Duration::from_millis(200);
    let world = World::with(config, Script::Tokens).await;
    let mut client = world.client().await;
    client.write(post("transfer-encoding: chunked") + "3\r\nabc\r\n").await;
    let (head, body) = client.answer().await;
    assert_eq!((head.status(), body.text().as_str()), (401, "no"), "the first answer, whole");
    within("the end of a connection that can serve nothing else", hasty.ended.recv()).await.unwrap();
}

#[tokio::test]
async fn a_chunked_body_that_outgrows_the_limit_after_the_401_is_not_replayed() {
    let mut hasty = hasty().await;
    let mut config = config(&hasty.upstream.url());
    config.replay_limit = 10;
    let world = World::with(config, Script::Tokens).await;
    let mut client = world.client().await;
    client.write(post("transfer-encoding: chunked") + "3\r\nabc\r\n").await;
    eventually("the complaint", || world.source.rejections() == [(7, 1)]).await;
    client.write("8\r\ndefghijk\r\n").await;
    let (head, body) = client.answer().await;
    assert_eq!((head.status(), body.text().as_str()), (401, "no"));
    within("the end of a connection that can serve nothing else", hasty.ended.recv()).await.unwrap();
    assert!(hasty.bodies.try_recv().is_err());
}

#[tokio::test]
async fn many_refusals_of_one_generation_are_each_replayed_once() {
    let (upstream, _seen) = refusing_first_generation().await;
    let world = Arc::new(World::new(&upstream.url()).await);
    let welcome = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..50)
        .map(|i| {
            let (world, welcome) = (Arc::clone(&world), Arc::clone(&welcome));
            tokio::spawn(async move {
                let body = format!("{i:03}");
                let (head, _) = world.ask(post("content-length: 3") + &body).await;
                welcome.fetch_add(u64::from(head.status() == 200), Ordering::Relaxed);
            })
        })
        .collect();
    for client in clients {
        within("a client", client).await.unwrap();
    }
    assert_eq!(welcome.load(Ordering::Relaxed), 50);
    assert!(world.source.rejections().iter().all(|rejected| *rejected == (7, 1)));
}

#[tokio::test]
async fn a_long_refusal_costs_its_connection_and_nothing_else() {
    let upstream = Upstream::start(|mut wire: Wire| async move {
        while let Some(head) = wire.head().await {
            if from_generation(&head, 2) {
                wire.write(ok("welcome")).await;
            } else {
                // Promises more than anybody reads, and never ends.
                wire.write("HTTP/1.1 401 Unauthorized\r\ncontent-length: 999999999\r\n\r\n").await;
                wire.rest().await;
            }
        }
    })
    .await;
    let world = World::new(&upstream.url()).await;
    assert_eq!(world.ask(post("content-length: 1") + "x").await.1.text(), "welcome");
}

#[tokio::test]
async fn a_401_whose_connection_is_reset_under_the_upload_is_still_understood() {
    let upstream = Upstream::start(|mut wire: Wire| async move {
        while let Some(head) = wire.head().await {
            if from_generation(&head, 2) {
                let body = wire.body(&head).await.unwrap();
                wire.write(ok(&body.bytes.len().to_string())).await;
            } else {
                // Most of the body is unread when the socket closes: the kernel resets the connection.
                wire.write("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
                    .await;
                return;
            }
        }
    })
    .await;
    for _ in 0..20 {
        let world = World::new(&upstream.url()).await;
        let request = [post("content-length: 1048576").into_bytes(), pattern(1024 * 1024)].concat();
        let (head, body) = world.ask(request).await;
        assert_eq!((head.status(), body.text().as_str()), (200, "1048576"));
    }
}
