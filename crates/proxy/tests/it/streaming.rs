//! Bodies pass chunk by chunk, in both directions, and an end in the middle is told as one.

use tokio::sync::mpsc;

use crate::wire::{Wire, within};
use crate::world::{Upstream, World, ok};

const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";

/// An upstream whose one connection the test plays itself.
async fn played() -> (Upstream, mpsc::UnboundedReceiver<Wire>) {
    let (hand, wires) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |wire| {
        let hand = hand.clone();
        async move {
            let _ = hand.send(wire);
        }
    })
    .await;
    (upstream, wires)
}

#[tokio::test]
async fn each_event_arrives_before_the_next_is_sent() {
    let (upstream, mut wires) = played().await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client.write(GET).await;
    let mut server = within("a connection", wires.recv()).await.unwrap();
    server.head().await.unwrap();
    server
        .write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().field("content-type"), Some("text/event-stream"));
    for i in 0..100 {
        let event = format!("data: {i}\n\n");
        server.write_chunk(&event).await;
        assert_eq!(client.chunk().await.unwrap().unwrap(), event.as_bytes());
    }
    server.write("0\r\n\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn an_upload_arrives_while_it_is_being_sent_and_the_answer_may_come_before_its_end() {
    let (upstream, mut wires) = played().await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client.write("POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut server = within("a connection", wires.recv()).await.unwrap();
    server.head().await.unwrap();
    server.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    client.head().await.unwrap();
    for i in 0..20 {
        let part = format!("part {i}");
        client.write_chunk(&part).await;
        assert_eq!(server.chunk().await.unwrap().unwrap(), part.as_bytes());
        server.write_chunk(&part).await;
        assert_eq!(client.chunk().await.unwrap().unwrap(), part.as_bytes());
    }
    client.write("0\r\n\r\n").await;
    assert_eq!(server.chunk().await.unwrap(), None);
    server.write("0\r\n\r\n").await;
    assert_eq!(client.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_not_piled_up() {
    let (upstream, mut wires) = played().await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client.write(GET).await;
    let mut server = within("a connection", wires.recv()).await.unwrap();
    server.head().await.unwrap();
    server.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    client.head().await.unwrap();
    let part = vec![1; 64 * 1024];
    let mut sent = 0u64;
    // Until the sockets are full: the proxy takes no more than it can hand on.
    while tokio::time::timeout(std::time::Duration::from_secs(2), server.write_chunk(&part)).await.is_ok() {
        sent += part.len() as u64;
        assert!(sent < 256 * 1024 * 1024, "the proxy swallows an endless answer");
    }
    assert!(client.chunk().await.unwrap().is_some());
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_request_at_the_upstream() {
    for request in [
        GET,
        "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nonly a part",
        "POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let (upstream, mut wires) = played().await;
        let world = World::new(&upstream.url()).await;
        let mut client = world.client().await;
        client.write(request).await;
        let mut server = within("a connection", wires.recv()).await.unwrap();
        server.head().await.unwrap();
        drop(client);
        server.rest().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_an_answer_ends_it_at_the_upstream() {
    let (upstream, mut wires) = played().await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client.write(GET).await;
    let mut server = within("a connection", wires.recv()).await.unwrap();
    server.head().await.unwrap();
    server.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    server.write_chunk("data: 1\n\n").await;
    client.head().await.unwrap();
    drop(client);
    server.rest().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_client_too() {
    for head in ["transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "content-length: 100\r\n\r\nhello"] {
        let (upstream, mut wires) = played().await;
        let world = World::new(&upstream.url()).await;
        let mut client = world.client().await;
        client.write(GET).await;
        let mut server = within("a connection", wires.recv()).await.unwrap();
        server.head().await.unwrap();
        server.write(format!("HTTP/1.1 200 OK\r\n{head}")).await;
        let answer = client.head().await.unwrap();
        drop(server);
        assert!(client.body(&answer).await.is_err(), "a truncated answer passed for a whole one");
    }
}

#[tokio::test]
async fn a_large_answer_and_a_large_upload_pass_unchanged() {
    let (upstream, _seen) = Upstream::answering(|_, body| {
        let text = body.text();
        ok(&text)
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let body: String = (0..400_000).map(|i| format!("{i:09}\n")).collect();
    let request =
        format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut client = world.client().await;
    client.write(request).await;
    let (head, echoed) = client.answer().await;
    assert_eq!(head.status(), 200);
    assert!(echoed.bytes == body.as_bytes(), "{} bytes came back", echoed.bytes.len());
}
