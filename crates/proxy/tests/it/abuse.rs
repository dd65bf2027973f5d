//! What an HTTP/2 client of the same machine may use up, and what it may not get past.

use http::Request;
use renewd_proxy::Access;
use tokio::net::TcpStream;

use crate::talk::{AnyBody, Api, Client, Speaks, full, whole};
use crate::wire::within;
use crate::world::{Script, World, eventually};

async fn world() -> (Api, World) {
    let api = Api::start(Speaks::H2c, |_| async { http::Response::new(full("served")) }).await;
    let world = World::with(api.config(), Script::Tokens).await;
    (api, world)
}

/// Status and body.
async fn asked(world: &World, request: Request<AnyBody>) -> (u16, String) {
    let Client::Http2(mut sender, _) = Client::connect(world.address(), true).await else { unreachable!() };
    let answer = within("an answer", sender.send_request(request)).await.unwrap();
    let status = answer.status().as_u16();
    (status, String::from_utf8(whole(answer.into_body()).await.unwrap().0).unwrap())
}

fn to(url: &str) -> http::request::Builder {
    Request::get(url)
}

#[tokio::test]
async fn every_stream_is_held_to_the_rules_of_who_may_ask() {
    let (_api, world) = world().await;
    let here = format!("http://127.0.0.1:{}/", world.address().port());
    let cases: [(http::request::Builder, u16); 9] = [
        (to(&here), 200),
        (to("http://localhost/"), 200),
        (to("http://evil.test/"), 403),
        (to("http://localhost.evil.test:80/"), 403),
        (to(&here).header("host", "localhost"), 400),
        (to(&here).header("origin", "http://evil.test"), 403),
        (to(&here).header("sec-fetch-site", "cross-site"), 403),
        (to(&here).method("TRACE"), 405),
        (to(&here).header("host", here["http://".len()..].trim_end_matches('/')), 200),
    ];
    for (request, status) in cases {
        let request = request.body(full("")).unwrap();
        let said = format!("{request:?}");
        assert_eq!(asked(&world, request).await.0, status, "{said}");
    }
}

#[tokio::test]
async fn a_path_secret_is_asked_for_on_every_stream() {
    let (api, _) = world().await;
    let mut config = api.config();
    config.access = Access::PathSecret(None);
    let world = World::with(config, Script::Tokens).await;
    let url = world.proxy.client_url();
    let url = std::str::from_utf8(url.expose()).unwrap().to_owned();
    assert_eq!(asked(&world, to(&format!("{url}/x")).body(full("")).unwrap()).await.0, 200);
    let here = format!("http://localhost:{}", world.address().port());
    for target in ["/", "/~wrong/x"] {
        let (status, body) = asked(&world, to(&format!("{here}{target}")).body(full("")).unwrap()).await;
        assert_eq!((status, body.as_str()), (404, ""), "{target}");
    }
}

#[tokio::test]
async fn heads_are_bounded_in_fields_and_in_bytes() {
    let (_api, world) = world().await;
    let url = format!("http://localhost:{}/", world.address().port());
    let mut many = to(&url);
    for at in 0..200 {
        many = many.header(format!("x-{at}"), "1");
    }
    assert_eq!(asked(&world, many.body(full("")).unwrap()).await.0, 431);
    let long = to(&url).header("x-long", "x".repeat(80 * 1024)).body(full("")).unwrap();
    let Client::Http2(mut sender, _) = Client::connect(world.address(), true).await else { unreachable!() };
    let refused = within("an end", sender.send_request(long)).await;
    assert!(refused.map_or(true, |answer| answer.status() == 431));
    assert_eq!(asked(&world, to(&url).body(full("")).unwrap()).await.0, 200);
}

#[tokio::test]
async fn streams_are_bounded_and_a_client_that_only_opens_and_resets_them_is_sent_away() {
    let api = Api::start(Speaks::H2c, |request| async move {
        if request.uri().path() == "/held" {
            std::future::pending::<()>().await;
        }
        http::Response::new(full("served"))
    })
    .await;
    let world = World::with(api.config(), Script::Tokens).await;
    let stream = TcpStream::connect(world.address()).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let ended = tokio::spawn(async move { connection.await.is_err() });
    let mut sender = within("readiness", sender.ready()).await.unwrap();
    let url = format!("http://localhost:{}/held", world.address().port());
    let mut opened = 0;
    // Far more than it takes; the connection ends on the way.
    for _ in 0..20_000 {
        let request = Request::get(&url).body(()).unwrap();
        let Ok((answer, mut stream)) = sender.send_request(request, false) else { break };
        opened += 1;
        stream.send_reset(h2::Reason::CANCEL);
        drop(answer);
        match within("readiness", sender.ready()).await {
            Ok(ready) => sender = ready,
            Err(_) => break,
        }
        tokio::task::yield_now().await;
    }
    assert!(opened < 20_000, "it was never sent away");
    eventually("the end of the connection", || ended.is_finished()).await;
    let other = to(&format!("http://localhost:{}/", world.address().port()));
    assert_eq!(asked(&world, other.body(full("")).unwrap()).await.0, 200, "others are served on");
}

#[tokio::test]
async fn a_client_is_told_how_many_streams_it_may_have() {
    let (_api, world) = world().await;
    let stream = TcpStream::connect(world.address()).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = within("readiness", sender.ready()).await.unwrap();
    let url = format!("http://localhost:{}/", world.address().port());
    let (answer, _) = sender.send_request(Request::get(&url).body(()).unwrap(), true).unwrap();
    assert_eq!(within("an answer", answer).await.unwrap().status(), 200);
    assert_eq!(sender.current_max_send_streams(), 100);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_speaks_both_versions() {
    let (api, _) = world().await;
    let dir = tempfile::tempdir().unwrap();
    let mut config = api.config();
    config.listen = renewd_proxy::Listen::Unix(dir.path().join("p.sock"));
    config.access = Access::SameUser;
    let world = World::with(config, Script::Tokens).await;
    let stream = tokio::net::UnixStream::connect(dir.path().join("p.sock")).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = within("readiness", sender.ready()).await.unwrap();
    let request = Request::get("http://localhost/").body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    assert_eq!(within("an answer", answer).await.unwrap().status(), 200);
    let stream = tokio::net::UnixStream::connect(dir.path().join("p.sock")).await.unwrap();
    let mut wire = crate::wire::Wire::over(stream);
    wire.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(wire.answer().await.0.status(), 200);
    drop(world);
}
