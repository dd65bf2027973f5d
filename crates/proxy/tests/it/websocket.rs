//! WebSockets: a handshake like any other request, then bytes both ways.

use renewd_proxy::Outcome;

use crate::wire::{Head, Wire, within};
use crate::world::{Script, Upstream, World, config, eventually, from_generation, unauthorized};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHES: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// An upstream that switches for tokens of this generation on, then sends back every line it gets.
async fn echoing(least: u64) -> (Upstream, tokio::sync::mpsc::UnboundedReceiver<Head>) {
    let (seen, heads) = tokio::sync::mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut wire| {
        let seen = seen.clone();
        async move {
            while let Some(head) = wire.head().await {
                let welcome = from_generation(&head, least);
                let _ = seen.send(head);
                if !welcome {
                    wire.write(unauthorized()).await;
                    continue;
                }
                // The first words come right behind the head.
                wire.write(format!("{SWITCHES}hello\n")).await;
                while let Some(line) = wire.line().await {
                    wire.write(line).await;
                }
                wire.write("bye\n").await;
                return;
            }
        }
    })
    .await;
    (upstream, heads)
}

#[tokio::test]
async fn a_handshake_goes_through_with_the_token_and_bytes_pass_both_ways_until_each_side_has_ended() {
    let (upstream, mut heads) = echoing(1).await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    // Whoever is bold sends before the answer is there.
    client.write(format!("{HANDSHAKE}early\n")).await;
    let head = client.head().await.unwrap();
    assert_eq!(head.status(), 101);
    assert_eq!(head.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!((head.field("upgrade"), head.field("connection")), (Some("websocket"), Some("Upgrade")));
    let asked = within("the handshake", heads.recv()).await.unwrap();
    assert_eq!((asked.target(), asked.token()), ("/chat", Some("token-1")));
    assert_eq!((asked.field("upgrade"), asked.field("connection")), (Some("websocket"), Some("Upgrade")));
    assert_eq!(asked.field("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(client.line().await.as_deref(), Some("hello\n"));
    assert_eq!(client.line().await.as_deref(), Some("early\n"));
    for line in ["one\n", "two\n"] {
        client.write(line).await;
        assert_eq!(client.line().await.as_deref(), Some(line));
    }
    client.end().await;
    assert_eq!(client.line().await.as_deref(), Some("bye\n"), "the other direction goes on");
    assert!(client.rest().await.is_empty());
    assert_eq!(world.proxy.metrics().requests(Outcome::Forwarded), 1);
}

#[tokio::test]
async fn a_refused_handshake_is_made_once_more() {
    let (upstream, mut heads) = echoing(2).await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client.write(HANDSHAKE).await;
    assert_eq!(client.head().await.unwrap().status(), 101);
    assert_eq!(client.line().await.as_deref(), Some("hello\n"));
    for token in ["token-1", "token-2"] {
        let head = within("the handshake", heads.recv()).await.unwrap();
        assert_eq!((head.token(), head.field("upgrade")), (Some(token), Some("websocket")));
    }
    assert_eq!(world.proxy.metrics().requests(Outcome::Replayed), 1);
}

#[tokio::test]
async fn an_upstream_that_does_not_switch_is_believed() {
    let (upstream, _heads) = Upstream::answering(|_, _| {
        "HTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\ncontent-length: 0\r\n\r\n".to_owned()
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    for _ in 0..2 {
        client.write(HANDSHAKE).await;
        assert_eq!(client.answer().await.0.status(), 426, "and the connection serves on");
    }
}

#[tokio::test]
async fn pages_from_elsewhere_get_no_websocket() {
    let (upstream, mut heads) = echoing(1).await;
    let world = World::new(&upstream.url()).await;
    for line in ["origin: http://evil.test", "origin: null", "sec-fetch-site: cross-site"] {
        let handshake = HANDSHAKE.replacen("\r\nconnection", &format!("\r\n{line}\r\nconnection"), 1);
        let (head, body) = world.ask(handshake).await;
        assert_eq!((head.status(), body.json()["type"].as_str()), (403, Some("urn:renewd:request-refused")));
    }
    let rebound = HANDSHAKE.replace("host: localhost", "host: evil.test");
    assert_eq!(world.ask(rebound).await.0.status(), 403);
    assert!(heads.try_recv().is_err());
    let own = HANDSHAKE.replacen("\r\nconnection", "\r\norigin: http://localhost\r\nconnection", 1);
    let mut client = world.client().await;
    client.write(own).await;
    assert_eq!(client.head().await.unwrap().status(), 101);
}

#[tokio::test]
async fn other_protocols_and_other_methods_stay_on_the_clients_side() {
    let (upstream, mut heads) = echoing(9).await;
    let world = World::with(config(&upstream.url()), Script::NoRenewal).await;
    for request in [
        HANDSHAKE.replace("upgrade: websocket", "upgrade: h2c"),
        HANDSHAKE.replace("upgrade: websocket", "upgrade: websocket, h2c"),
        HANDSHAKE.replace("keep-alive, Upgrade", "keep-alive"),
        HANDSHAKE.replace("GET /chat", "PUT /chat"),
    ] {
        assert_eq!(world.ask(&request).await.0.status(), 401);
        let head = within("the request", heads.recv()).await.unwrap();
        assert_eq!((head.field("upgrade"), head.field("connection")), (None, None), "{request}");
    }
}

#[tokio::test]
async fn an_upstream_that_switches_to_something_else_gets_no_byte() {
    let upstream = Upstream::start(|mut wire: Wire| async move {
        wire.head().await;
        wire.write(SWITCHES.replace("upgrade: websocket", "upgrade: smtp")).await;
        assert!(wire.rest().await.is_empty());
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let (head, body) = world.ask(HANDSHAKE).await;
    assert_eq!(head.status(), 502, "{}", body.text());
}

#[tokio::test]
async fn a_shutdown_ends_the_tunnels_that_are_left() {
    let (upstream, _heads) = echoing(1).await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client.write(HANDSHAKE).await;
    assert_eq!(client.head().await.unwrap().status(), 101);
    assert_eq!(client.line().await.as_deref(), Some("hello\n"));
    let ending = tokio::spawn(world.proxy.shutdown(std::time::Duration::from_millis(50)));
    assert!(client.rest().await.is_empty());
    eventually("the end of the proxy", || ending.is_finished()).await;
}
