//! Many requests on one HTTP/2 connection to the upstream: what they share, and what ends with one of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use renewd_proxy::UpstreamHttp2;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::talk::{AnyBody, Api, Client, Speaks, data, full, is_from_generation, piped, whole};
use crate::wire::within;
use crate::world::{Script, Upstream, World, config, eventually, ok};

fn get() -> Request<AnyBody> {
    Request::get("/").body(full("")).unwrap()
}

/// An upstream that holds its answers until it is told, and how many requests have come.
async fn holding(streams_max: u32) -> (Api, watch::Sender<bool>, watch::Receiver<usize>) {
    let (go, gone) = watch::channel(false);
    let (came, count) = watch::channel(0);
    let came = Arc::new(came);
    let api = Api::with_streams(Speaks::H2c, streams_max, move |_| {
        let (came, mut gone) = (Arc::clone(&came), gone.clone());
        async move {
            came.send_modify(|count| *count += 1);
            gone.wait_for(|gone| *gone).await.unwrap();
            Response::new(full("done"))
        }
    })
    .await;
    (api, go, count)
}

async fn all_at_once(world: &World, requests: usize) -> Vec<tokio::task::JoinHandle<u16>> {
    let mut asking = Vec::new();
    for _ in 0..requests {
        let mut client = Client::connect(world.address(), false).await;
        asking.push(tokio::spawn(async move { client.send(get()).await.status().as_u16() }));
    }
    asking
}

#[tokio::test]
async fn requests_of_many_clients_share_one_connection() {
    let (api, go, mut count) = holding(200).await;
    let world = World::with(api.config(), Script::Tokens).await;
    let asking = all_at_once(&world, 50).await;
    within("all requests", count.wait_for(|count| *count == 50)).await.unwrap();
    assert_eq!(api.connections(), 1);
    go.send_replace(true);
    for asked in asking {
        assert_eq!(asked.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn more_requests_than_the_upstream_allows_streams_take_another_connection() {
    let (api, go, mut count) = holding(2).await;
    let world = World::with(api.config(), Script::Tokens).await;
    let mut asking = all_at_once(&world, 1).await;
    within("the first", count.wait_for(|count| *count == 1)).await.unwrap();
    asking.extend(all_at_once(&world, 5).await);
    within("all requests", count.wait_for(|count| *count == 6)).await.unwrap();
    assert!((2..=6).contains(&api.connections()), "{} connections", api.connections());
    go.send_replace(true);
    for asked in asking {
        assert_eq!(asked.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_stream_along_and_nothing_else() {
    struct Gone(mpsc::UnboundedSender<()>);
    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let (gone, mut went) = mpsc::unbounded_channel();
    let (came, mut coming) = mpsc::unbounded_channel();
    let api = Api::start(Speaks::H2c, move |request| {
        let (gone, came) = (gone.clone(), came.clone());
        async move {
            if request.uri().path() == "/quick" {
                return Response::new(full("quick"));
            }
            let _held = Gone(gone);
            let _ = came.send(());
            std::future::pending().await
        }
    })
    .await;
    let world = World::with(api.config(), Script::Tokens).await;
    for is_http2 in [false, true] {
        let mut leaving = Client::connect(world.address(), is_http2).await;
        let asking = tokio::spawn(async move { leaving.try_send(get()).await.map(|_| ()) });
        within("the request", coming.recv()).await.unwrap();
        asking.abort();
        within("its end at the upstream", went.recv()).await.unwrap();
        let mut staying = Client::connect(world.address(), is_http2).await;
        let answer = staying.send(Request::get("/quick").body(full("")).unwrap()).await;
        assert_eq!((answer.status().as_u16(), api.connections()), (200, 1));
    }
}

#[tokio::test]
async fn an_upload_that_is_refused_early_ends_alone() {
    let api = Api::start(Speaks::H2c, |request| async move {
        let welcome = is_from_generation(request.headers(), 2);
        Response::builder().status(if welcome { 200 } else { 401 }).body(full("")).unwrap()
    })
    .await;
    let mut config = api.config();
    config.replay_limit = 10;
    let world = World::with(config, Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    let (upload, body) = piped();
    upload.send(data("more than is kept")).unwrap();
    let answer = client.send(Request::post("/").body(body).unwrap()).await;
    assert_eq!(answer.status(), 401);
    whole(answer.into_body()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(client.send(get()).await.status(), 200);
    }
    assert_eq!(api.connections(), 1);
    drop(upload);
}

#[tokio::test]
async fn what_the_upstream_says_it_did_nothing_with_is_sent_again_whatever_it_asks_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, mut bodies) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut refusals = 2;
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                if refusals > 0 {
                    refusals -= 1;
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                    continue;
                }
                let seen = seen.clone();
                tokio::spawn(async move {
                    let mut body = request.into_body();
                    let mut bytes = Vec::new();
                    while let Some(Ok(part)) = body.data().await {
                        let _ = body.flow_control().release_capacity(part.len());
                        bytes.extend(part);
                    }
                    let _ = seen.send(bytes);
                    let mut answer = respond.send_response(Response::new(()), false).unwrap();
                    answer.send_data(Bytes::from_static(b"done"), true).unwrap();
                });
            }
        }
    });
    let mut config = config(&format!("http://{address}"));
    config.upstream_http2 = UpstreamHttp2::PriorKnowledge;
    let world = World::with(config, Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    let answer = client.send(Request::post("/").body(full("a whole body")).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(within("the body", bodies.recv()).await.unwrap(), b"a whole body");
    assert!(bodies.try_recv().is_err(), "and once only");
}

#[tokio::test]
async fn an_upstream_that_says_goodbye_gets_the_next_request_on_another_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut answer = respond.send_response(Response::new(()), false).unwrap();
                    answer.send_data(Bytes::from_static(b"done"), true).unwrap();
                    connection.graceful_shutdown();
                }
            });
        }
    });
    let mut config = config(&format!("http://{address}"));
    config.upstream_http2 = UpstreamHttp2::PriorKnowledge;
    let world = World::with(config, Script::Tokens).await;
    let mut client = Client::connect(world.address(), false).await;
    for _ in 0..20 {
        let answer = client.send(Request::post("/").body(full("x")).unwrap()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(whole(answer.into_body()).await.unwrap().0, b"done");
    }
}

#[tokio::test]
async fn connections_that_serve_nothing_are_closed_on_demand_and_the_others_after_what_they_serve() {
    let (ended, mut ends) = mpsc::unbounded_channel();
    let (go, gone) = watch::channel(false);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (ended, mut gone) = (ended.clone(), gone.clone());
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut answer = respond.send_response(Response::new(()), false).unwrap();
                    let mut gone = gone.clone();
                    tokio::spawn(async move {
                        gone.wait_for(|gone| *gone).await.unwrap();
                        answer.send_data(Bytes::from_static(b"done"), true).unwrap();
                    });
                }
                let _ = gone.wait_for(|gone| *gone).await;
                let _ = ended.send(());
            });
        }
    });
    let mut config = config(&format!("http://{address}"));
    config.upstream_http2 = UpstreamHttp2::PriorKnowledge;
    config.idle_timeout = Duration::from_secs(3600);
    let world = World::with(config, Script::Tokens).await;
    let mut client = Client::connect(world.address(), false).await;
    let answer = client.send(get()).await;
    world.proxy.close_idle_connections();
    go.send_replace(true);
    assert_eq!(whole(answer.into_body()).await.unwrap().0, b"done", "it was served to its end");
    within("the connection's end", ends.recv()).await.unwrap();
    let answer = client.send(get()).await;
    assert_eq!(whole(answer.into_body()).await.unwrap().0, b"done");
    assert!(ends.try_recv().is_err(), "the second one is kept");
    world.proxy.close_idle_connections();
    within("the connection's end", ends.recv()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_silent_for_long_keeps_its_streams_and_gets_no_more() {
    let (api, go, mut count) = holding(200).await;
    let mut config = api.config();
    config.idle_timeout = Duration::from_millis(30);
    let world = World::with(config, Script::Tokens).await;
    let mut asking = all_at_once(&world, 1).await;
    within("the first", count.wait_for(|count| *count == 1)).await.unwrap();
    // Longer than that, however slow the machine is.
    tokio::time::sleep(Duration::from_millis(200)).await;
    asking.extend(all_at_once(&world, 1).await);
    within("the second", count.wait_for(|count| *count == 2)).await.unwrap();
    assert_eq!(api.connections(), 2);
    go.send_replace(true);
    for asked in asking {
        assert_eq!(asked.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_http_2_is_told_of() {
    let (upstream, _seen) = Upstream::answering(|_, _| ok("never")).await;
    let mut config = config(&upstream.url());
    config.upstream_http2 = UpstreamHttp2::PriorKnowledge;
    let world = World::with(config, Script::Tokens).await;
    let mut client = Client::connect(world.address(), false).await;
    let answer = client.send(get()).await;
    assert_eq!(answer.status(), 502);
    let (bytes, _) = whole(answer.into_body()).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("no HTTP/2 with"), "{text}");
}

#[tokio::test]
async fn a_reader_that_stands_still_does_not_hold_up_the_others_on_its_connection() {
    let long = Bytes::from(vec![b'x'; 40 << 20]);
    let api = Api::start(Speaks::H2c, move |request| {
        let size = if request.uri().path() == "/long" { long.len() } else { 4 };
        let part = long.slice(..size);
        async { Response::new(full(part)) }
    })
    .await;
    let world = World::with(api.config(), Script::Tokens).await;
    let mut stalled = Vec::new();
    for _ in 0..30 {
        let mut client = Client::connect(world.address(), false).await;
        let answer = client.send(Request::get("/long").body(full("")).unwrap()).await;
        stalled.push((client, answer));
    }
    let mut client = Client::connect(world.address(), false).await;
    for _ in 0..5 {
        let answer = client.send(get()).await;
        assert_eq!(whole(answer.into_body()).await.unwrap().0, b"xxxx");
    }
    let connections = api.connections();
    eventually("one connection for all", || connections == 1).await;
    let (_client, answer) = stalled.pop().unwrap();
    let mut body = answer.into_body();
    let mut read = 0;
    while let Some(frame) = within("the rest", body.frame()).await {
        read += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!(read, 40 << 20);
}
