//! What goes through, and what does not.

use std::time::Duration;

use crate::wire::Wire;
use crate::world::Script;
use crate::world::{Upstream, World, config, ok};

const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn method_target_fields_and_body_arrive_and_the_token_replaces_the_clients() {
    let (upstream, mut seen) = Upstream::answering(|_, _| ok("done")).await;
    let world = World::new(&upstream.url()).await;
    let (head, body) = world
        .ask(
            "PATCH /a%20b//c?q=1&q=%2F HTTP/1.1\r\nhost: 127.0.0.1:1\r\nauthorization: Bearer mine\r\n\
             x-twice: 1\r\nx-twice: 2\r\nconnection: x-hop\r\nx-hop: 1\r\ncontent-length: 4\r\n\r\nbody",
        )
        .await;
    assert_eq!((head.status(), body.text().as_str()), (200, "done"));
    let (head, body) = seen.recv().await.unwrap();
    assert_eq!(head.line, "PATCH /a%20b//c?q=1&q=%2F HTTP/1.1");
    assert_eq!(head.field("host"), Some(upstream.address.to_string().as_str()));
    assert_eq!(head.all("authorization"), ["Bearer token-1"]);
    assert_eq!(head.all("x-twice"), ["1", "2"]);
    assert_eq!((head.field("x-hop"), head.field("connection")), (None, None));
    assert_eq!(body.text(), "body");
}

#[tokio::test]
async fn a_base_path_is_put_before_and_cannot_be_climbed_out_of() {
    let (upstream, mut seen) = Upstream::answering(|_, _| ok("")).await;
    let world = World::new(&format!("{}/api/v3/", upstream.url())).await;
    world.ask("GET /user?x HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(seen.recv().await.unwrap().0.target(), "/api/v3/user?x");
    let (head, _) = world.ask("GET /../../admin HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(head.status(), 400);
    let (head, _) = world.ask("OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(head.status(), 400);
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn answers_come_back_whole_with_their_reason_and_redirects_are_not_followed() {
    let answer = "HTTP/1.1 302 Over There\r\nlocation: http://elsewhere.test/\r\nset-cookie: a=1\r\n\
                  set-cookie: b=2\r\nkeep-alive: timeout=1\r\ncontent-length: 1\r\n\r\nx";
    let (upstream, mut seen) = Upstream::answering(move |_, _| answer.to_owned()).await;
    let world = World::new(&upstream.url()).await;
    let (head, body) = world.ask(GET).await;
    assert_eq!(head.line, "HTTP/1.1 302 Over There");
    assert_eq!(head.field("location"), Some("http://elsewhere.test/"));
    assert_eq!(head.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(head.field("keep-alive"), None);
    assert_eq!(body.text(), "x");
    assert!(seen.recv().await.is_some() && seen.try_recv().is_err());
}

#[tokio::test]
async fn answers_without_a_body_stay_without_one_and_the_connection_goes_on() {
    let (upstream, mut seen) = Upstream::answering(|head, _| match head.target() {
        "/head" => "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n".to_owned(),
        "/204" => "HTTP/1.1 204 No Content\r\nx: 204\r\n\r\n".to_owned(),
        "/304" => "HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\n\r\n".to_owned(),
        "/empty" => ok(""),
        _ => ok("end"),
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    for (method, target, status, length) in [
        ("HEAD", "/head", 200, Some("1234")),
        ("GET", "/204", 204, None),
        ("GET", "/304", 304, None),
        ("POST", "/empty", 200, Some("0")),
        ("GET", "/", 200, Some("3")),
    ] {
        client.write(format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        let (head, _) = client.answer_to(method).await;
        assert_eq!((head.status(), head.field("content-length")), (status, length), "{target}");
    }
    for _ in 0..5 {
        let (head, body) = seen.recv().await.unwrap();
        assert_eq!((head.field("content-length"), head.field("transfer-encoding")), (None, None));
        assert!(body.bytes.is_empty());
    }
}

#[tokio::test]
async fn the_framing_of_a_request_body_is_kept() {
    let (upstream, mut seen) = Upstream::answering(|_, _| ok("")).await;
    let world = World::new(&upstream.url()).await;
    for (method, framing, body, expect) in [
        ("POST", "content-length: 0", "", (Some("0"), None)),
        ("GET", "content-length: 3", "abc", (Some("3"), None)),
        ("POST", "transfer-encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", (None, Some("chunked"))),
        ("GET", "transfer-encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", (None, Some("chunked"))),
        ("POST", "transfer-encoding: chunked", "0\r\n\r\n", (None, Some("chunked"))),
    ] {
        world.ask(format!("{method} / HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n{body}")).await;
        let (head, got) = seen.recv().await.unwrap();
        assert_eq!(
            (head.field("content-length"), head.field("transfer-encoding")),
            expect,
            "{method} {body:?}"
        );
        assert_eq!(got.text(), if body.contains("abc") { "abc" } else { "" });
    }
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let (upstream, mut seen) = Upstream::answering(|_, _| {
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 42\r\n\r\n".to_owned()
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let request = "POST / HTTP/1.1\r\nhost: localhost\r\nte: trailers\r\nconnection: te\r\ntrailer: x-digest\r\n\
                   transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-digest: d\r\n\r\n";
    let (head, body) = world.ask(request).await;
    assert_eq!((head.field("trailer"), body.text().as_str()), (Some("x-sum"), "hi"));
    assert_eq!(body.trailers, [("x-sum".to_owned(), "42".to_owned())]);
    let (head, body) = seen.recv().await.unwrap();
    assert_eq!((head.field("te"), head.field("connection")), (Some("trailers"), Some("te")));
    assert_eq!(body.trailers, [("x-digest".to_owned(), "d".to_owned())]);
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it_from_the_upstream() {
    let upstream = Upstream::start(|mut wire| async move {
        let head = wire.head().await.unwrap();
        assert_eq!(head.field("expect"), Some("100-continue"));
        wire.write("HTTP/1.1 100 Continue\r\n\r\n").await;
        let body = wire.body(&head).await.unwrap();
        wire.write(ok(&body.text())).await;
        wire.rest().await;
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client
        .write("PUT / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().status(), 100);
    client.write("body").await;
    assert_eq!(client.answer().await.1.text(), "body");
}

#[tokio::test]
async fn a_body_that_was_not_asked_for_is_not_sent() {
    let upstream = Upstream::start(|mut wire| async move {
        wire.head().await.unwrap();
        wire.write("HTTP/1.1 413 Content Too Large\r\ntransfer-encoding: chunked\r\n\r\n").await;
        wire.write_chunk("big").await;
        // Longer than the proxy waits for 100 Continue, while the answer is still open.
        let body = tokio::time::timeout(Duration::from_secs(3), wire.head()).await;
        assert!(body.is_err(), "a body came, or the connection ended");
        wire.write("0\r\n\r\n").await;
        assert_eq!(wire.rest().await, b"", "not a byte of the body");
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client
        .write("PUT / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    let head = client.head().await.unwrap();
    assert_eq!(head.status(), 413);
    // Lines, so that the upstream would take notice.
    client.write("b\n\n\n").await;
    assert_eq!(client.body(&head).await.unwrap().text(), "big");
}

#[tokio::test]
async fn an_upstream_that_ignores_expectations_gets_the_body_all_the_same() {
    let (upstream, mut seen) = Upstream::answering(|_, body| ok(&body.text())).await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    client
        .write("PUT / HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().status(), 100);
    client.write("body").await;
    assert_eq!(client.answer().await.1.text(), "body");
    assert_eq!(seen.recv().await.unwrap().1.text(), "body");
}

#[tokio::test]
async fn http_1_0_clients_and_upstreams_are_served() {
    let upstream = Upstream::start(|mut wire: Wire| async move {
        wire.head().await.unwrap();
        wire.write("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let (head, body) = world.ask(GET).await;
    assert_eq!((head.line.as_str(), body.text().as_str()), ("HTTP/1.1 200 OK", "until the end"));
    let mut client = world.client().await;
    client.write("GET / HTTP/1.0\r\nhost: localhost\r\n\r\n").await;
    let head = client.head().await.unwrap();
    assert_eq!(head.line, "HTTP/1.0 200 OK");
    assert_eq!(client.rest().await, b"until the end");
}

#[tokio::test]
async fn connections_to_the_upstream_are_used_again() {
    let (count, mut opened) = tokio::sync::mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut wire| {
        let _ = count.send(());
        async move {
            while wire.head().await.is_some() {
                wire.write(ok("x")).await;
            }
        }
    })
    .await;
    let world = World::new(&upstream.url()).await;
    let mut client = world.client().await;
    for _ in 0..20 {
        client.write(GET).await;
        assert_eq!(client.answer().await.1.text(), "x");
    }
    let mut connections = 0;
    while opened.try_recv().is_ok() {
        connections += 1;
    }
    // An answer's connection is back a moment after its last byte: now and then the next request is faster.
    assert!((1..10).contains(&connections), "{connections} connections for 20 requests");
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_never_leaves() {
    let (upstream, mut seen) = Upstream::answering(|_, _| ok("")).await;
    let world = World::with(config(&upstream.url()), Script::Tokens).await;
    for token in ["a\r\nx-injected: 1", "", "with space", "naïve"] {
        world.source.say(token);
        let (head, body) = world.ask(GET).await;
        assert_eq!((head.status(), body.json()["type"].as_str()), (502, Some("urn:renewd:token-unusable")));
        assert!(token.is_empty() || !body.text().contains(token), "the token is not quoted");
    }
    assert!(seen.try_recv().is_err());
}
