//! Everything that a proxy does, for each version of HTTP on either side.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::sync::mpsc;

use crate::talk::{
    AnyBody, Api, Client, Speaks, data, frames, full, is_from_generation, piped, trailers, whole,
};
use crate::wire::within;
use crate::world::{Script, World, retrying};

/// Each pair of what a client and an upstream speak.
fn pairs() -> impl Iterator<Item = (bool, Speaks)> {
    [false, true].into_iter().flat_map(|client| Speaks::ALL.map(|upstream| (client, upstream)))
}

fn get(target: &str) -> Request<AnyBody> {
    Request::get(target).body(full("")).unwrap()
}

/// What came in at the upstream.
type Seen = (http::request::Parts, Vec<u8>, HeaderMap);

/// An upstream that accepts tokens from this generation on, and tells what it saw.
async fn echo(speaks: Speaks, least: u64) -> (Api, mpsc::UnboundedReceiver<Seen>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let api = Api::start(speaks, move |request| {
        let seen = seen.clone();
        async move {
            let (head, body) = request.into_parts();
            let (bytes, trailers) = whole(body).await.unwrap_or_default();
            let welcome = is_from_generation(&head.headers, least);
            let _ = seen.send((head, bytes.clone(), trailers));
            let status = if welcome { 200 } else { 401 };
            Response::builder().status(status).header("x-kept", "1").body(full(bytes)).unwrap()
        }
    })
    .await;
    (api, requests)
}

#[tokio::test]
async fn a_request_comes_to_the_upstream_in_its_own_version_with_what_belongs_there() {
    for (client, speaks) in pairs() {
        let (api, mut seen) = echo(speaks, 1).await;
        let world = World::with(api.config(), Script::Tokens).await;
        let mut sender = Client::connect(world.address(), client).await;
        let mut request = get("/a%2Fb?q=1");
        request.headers_mut().insert("te", "trailers".parse().unwrap());
        request.headers_mut().append("cookie", "a=1".parse().unwrap());
        request.headers_mut().append("cookie", "b=2".parse().unwrap());
        request.headers_mut().insert("authorization", "Bearer of-the-client".parse().unwrap());
        let answer = sender.send(request).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-kept"]), (200, &"1".parse().unwrap()));
        let (head, ..) = within("the request", seen.recv()).await.unwrap();
        let over = format!("client h2 {client}, upstream {speaks:?}: {head:?}");
        let (version, port) = (head.version, api.address.port());
        assert_eq!(head.uri.path_and_query().unwrap(), "/a%2Fb?q=1", "{over}");
        assert_eq!(head.headers["authorization"], "Bearer token-1", "{over}");
        assert_eq!(head.headers["te"], "trailers", "{over}");
        if speaks == Speaks::Http1 {
            assert_eq!(
                (version, &head.headers["host"]),
                (Version::HTTP_11, &format!("localhost:{port}").parse().unwrap())
            );
        } else {
            assert_eq!(version, Version::HTTP_2, "{over}");
            assert_eq!(head.uri.authority().unwrap().as_str(), format!("localhost:{port}"), "{over}");
            let scheme = if speaks == Speaks::H2Tls { "https" } else { "http" };
            assert_eq!(head.uri.scheme_str(), Some(scheme), "{over}");
            assert!(!head.headers.contains_key("host") && !head.headers.contains_key("connection"), "{over}");
        }
        let cookies: Vec<_> = head.headers.get_all("cookie").iter().collect();
        match client {
            true => assert_eq!(cookies, ["a=1; b=2"], "{over}"),
            false => assert_eq!(cookies, ["a=1", "b=2"], "{over}"),
        }
    }
}

#[tokio::test]
async fn bodies_of_known_and_of_unknown_length_come_through_whole() {
    let long: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (client, speaks) in pairs() {
        let (api, mut seen) = echo(speaks, 1).await;
        let world = World::with(api.config(), Script::Tokens).await;
        let mut sender = Client::connect(world.address(), client).await;
        for body in [long.clone(), Vec::new(), b"x".to_vec()] {
            let known = Request::post("/").body(full(body.clone())).unwrap();
            let parts: Vec<_> =
                body.chunks(70_000).map(|part| Frame::data(Bytes::copy_from_slice(part))).collect();
            let unknown = Request::put("/").body(frames(parts)).unwrap();
            for (request, has_length) in [(known, true), (unknown, false)] {
                let answer = sender.send(request).await;
                assert_eq!(answer.status(), 200);
                let (bytes, _) = whole(answer.into_body()).await.unwrap();
                assert!(
                    bytes == body,
                    "client h2 {client}, upstream {speaks:?}: {} bytes came back",
                    bytes.len()
                );
                let (head, bytes, _) = within("the request", seen.recv()).await.unwrap();
                assert!(bytes == body, "client h2 {client}, upstream {speaks:?}: {} bytes came", bytes.len());
                if has_length && !body.is_empty() {
                    assert_eq!(head.headers["content-length"], body.len().to_string().as_str());
                }
            }
        }
        assert_eq!(api.connections(), 1, "client h2 {client}, upstream {speaks:?}");
    }
}

#[tokio::test]
async fn trailers_come_through_both_ways() {
    for (client, speaks) in pairs() {
        let (seen, mut requests) = mpsc::unbounded_channel();
        let api = Api::start(speaks, move |request| {
            let seen = seen.clone();
            async move {
                let (_, trailers_in) = whole(request.into_body()).await.unwrap();
                let _ = seen.send(trailers_in);
                let body = frames([data("answer"), trailers("x-sum", "7")]);
                Response::builder().header("trailer", "x-sum").body(body).unwrap()
            }
        })
        .await;
        let world = World::with(api.config(), Script::Tokens).await;
        let mut sender = Client::connect(world.address(), client).await;
        let body = frames([data("ask"), trailers("x-size", "3")]);
        let request =
            Request::post("/").header("te", "trailers").header("trailer", "x-size").body(body).unwrap();
        let answer = sender.send(request).await;
        let (bytes, got) = whole(answer.into_body()).await.unwrap();
        let over = format!("client h2 {client}, upstream {speaks:?}");
        assert_eq!((bytes.as_slice(), &got["x-sum"]), (&b"answer"[..], &"7".parse().unwrap()), "{over}");
        assert_eq!(within("the request", requests.recv()).await.unwrap()["x-size"], "3", "{over}");
    }
}

#[tokio::test]
async fn streams_come_through_piece_by_piece_in_both_directions_at_once() {
    for (client, speaks) in pairs() {
        let api = Api::start(speaks, |request| async {
            // Each piece is answered when it comes.
            Response::new(BodyExt::boxed(request.into_body().map_err(|error| panic!("{error}"))))
        })
        .await;
        let world = World::with(api.config(), Script::Tokens).await;
        let mut sender = Client::connect(world.address(), client).await;
        let (upload, body) = piped();
        upload.send(data("0")).unwrap();
        let answer = sender.send(Request::post("/").body(body).unwrap()).await;
        let mut body = answer.into_body();
        for piece in ["0", "1", "2"] {
            if piece != "0" {
                upload.send(data(piece)).unwrap();
            }
            let frame = within("a piece", body.frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), piece, "client h2 {client}, upstream {speaks:?}");
        }
        drop(upload);
        let (rest, _) = whole(body).await.unwrap();
        assert!(rest.is_empty(), "client h2 {client}, upstream {speaks:?}");
    }
}

#[tokio::test]
async fn a_refused_request_is_sent_once_more_with_its_whole_body_and_trailers() {
    for (client, speaks) in pairs() {
        let (api, mut seen) = echo(speaks, 2).await;
        let world = World::with(api.config(), Script::Tokens).await;
        let mut sender = Client::connect(world.address(), client).await;
        let body = frames([data("ask"), data("ing"), trailers("x-size", "6")]);
        let request =
            Request::post("/").header("te", "trailers").header("trailer", "x-size").body(body).unwrap();
        let answer = sender.send(request).await;
        let over = format!("client h2 {client}, upstream {speaks:?}");
        assert_eq!(answer.status(), 200, "{over}");
        for token in ["Bearer token-1", "Bearer token-2"] {
            let (head, bytes, trailers) = within("the request", seen.recv()).await.unwrap();
            assert_eq!(
                (head.method, &head.headers["authorization"]),
                (Method::POST, &token.parse().unwrap())
            );
            assert_eq!(
                (bytes.as_slice(), &trailers["x-size"]),
                (&b"asking"[..], &"6".parse().unwrap()),
                "{over}"
            );
        }
        assert_eq!(world.source.rejections(), [(7, 1)], "{over}");
        assert_eq!(world.proxy.metrics().replays(), 1, "{over}");
    }
}

#[tokio::test]
async fn without_a_token_every_client_is_told_when_to_come_back() {
    for (client, speaks) in pairs() {
        let (api, mut seen) = echo(speaks, 1).await;
        let world = World::with(api.config(), Script::Nothing(retrying())).await;
        let mut sender = Client::connect(world.address(), client).await;
        let answer = sender.send(get("/")).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (503, &"1".parse().unwrap())
        );
        let (bytes, _) = whole(answer.into_body()).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(problem["type"], "urn:renewd:auth-retrying");
        assert!(seen.try_recv().is_err());
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_passed_off_as_whole() {
    for (client, speaks) in pairs() {
        let (break_off, broken) = tokio::sync::watch::channel(false);
        let broken = Arc::new(broken);
        let api = Api::start(speaks, move |_| {
            let broken = Arc::clone(&broken);
            async move {
                let stream = futures_util::stream::unfold(0, move |at| {
                    let mut broken = (*broken).clone();
                    async move {
                        if at > 0 {
                            broken.wait_for(|broken| *broken).await.unwrap();
                            panic!("the upstream breaks off, as this test wants it to");
                        }
                        Some((Ok(data("part")), at + 1))
                    }
                });
                Response::new(BodyExt::boxed(http_body_util::StreamBody::new(
                    Box::pin(stream) as std::pin::Pin<Box<dyn crate::talk::SyncStream>>
                )))
            }
        })
        .await;
        let world = World::with(api.config(), Script::Tokens).await;
        let mut sender = Client::connect(world.address(), client).await;
        let mut body = sender.send(get("/")).await.into_body();
        let frame = within("a piece", body.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "part");
        break_off.send_replace(true);
        let end = within("the end", body.frame()).await;
        assert!(matches!(end, Some(Err(_))), "client h2 {client}, upstream {speaks:?}");
    }
}
