//! gRPC calls: what refuses a token there, and what the proxy's own answers look like.

use http::{Request, Response};
use hyper::body::Incoming;
use renewd_core::Status;
use renewd_proxy::{NoBearer, Outcome};

use crate::talk::{
    AnyBody, Api, Client, Speaks, data, frames, full, is_from_generation, piped, trailers, whole,
};
use crate::wire::within;
use crate::world::{Script, World, config, retrying};

/// One message as gRPC frames it: uncompressed, five bytes long.
const MESSAGE: &str = "\0\0\0\0\u{5}hello";

fn call(body: AnyBody) -> Request<AnyBody> {
    Request::post("/greet.Greeter/Hello")
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .body(body)
        .unwrap()
}

fn unary() -> Request<AnyBody> {
    call(frames([data(MESSAGE)]))
}

/// How a server says UNAUTHENTICATED.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// In one block of fields.
    TrailersOnly,
    /// In trailers behind a head that says nothing.
    HeadAndTrailers,
    /// In trailers behind a message.
    AfterMessage,
}

fn greeting() -> Response<AnyBody> {
    let body = frames([data(MESSAGE), trailers("grpc-status", "0")]);
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

fn refusal(way: Way) -> Response<AnyBody> {
    let head = Response::builder().header("content-type", "application/grpc");
    match way {
        Way::TrailersOnly => head.header("grpc-status", "16").body(full("")).unwrap(),
        Way::HeadAndTrailers => head.body(frames([trailers("grpc-status", "16")])).unwrap(),
        Way::AfterMessage => head.body(frames([data(MESSAGE), trailers("grpc-status", "16")])).unwrap(),
    }
}

async fn greeter(way: Way, least: u64) -> Api {
    Api::start(Speaks::H2c, move |request: Request<Incoming>| async move {
        let welcome = is_from_generation(request.headers(), least);
        let (asked, _) = whole(request.into_body()).await.unwrap_or_default();
        if welcome && asked == MESSAGE.as_bytes() { greeting() } else { refusal(way) }
    })
    .await
}

/// Message bytes and `grpc-status`, from wherever it stands.
async fn told(answer: Response<Incoming>) -> (Vec<u8>, String) {
    assert_eq!(answer.status(), 200);
    let in_head = answer.headers().get("grpc-status").cloned();
    let (bytes, trailers) = whole(answer.into_body()).await.unwrap();
    let status = in_head.or(trailers.get("grpc-status").cloned()).unwrap();
    (bytes, status.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_unary_call_whose_token_is_refused_is_made_once_more() {
    for way in [Way::TrailersOnly, Way::HeadAndTrailers] {
        let api = greeter(way, 2).await;
        let world = World::with(api.config(), Script::Tokens).await;
        let mut client = Client::connect(world.address(), true).await;
        let answer = client.send(unary()).await;
        assert_eq!(told(answer).await, (MESSAGE.as_bytes().to_vec(), "0".to_owned()), "{way:?}");
        assert_eq!(world.source.rejections(), [(7, 1)]);
        assert_eq!(world.proxy.metrics().requests(Outcome::Replayed), 1);
    }
}

#[tokio::test]
async fn a_second_refusal_goes_back_as_it_is() {
    let api = greeter(Way::TrailersOnly, 9).await;
    let world = World::with(api.config(), Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    assert_eq!(told(client.send(unary()).await).await, (vec![], "16".to_owned()));
    assert_eq!(world.proxy.metrics().replays(), 1);
}

#[tokio::test]
async fn a_call_that_was_answered_with_a_message_is_never_made_again() {
    let api = greeter(Way::AfterMessage, 9).await;
    let world = World::with(api.config(), Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    assert_eq!(told(client.send(unary()).await).await, (MESSAGE.as_bytes().to_vec(), "16".to_owned()));
    assert_eq!(world.proxy.metrics().replays(), 0);
}

#[tokio::test]
async fn other_statuses_and_other_requests_are_none_of_it() {
    let api = Api::start(Speaks::H2c, |_| async {
        Response::builder().header("grpc-status", "16").body(full("")).unwrap()
    })
    .await;
    let world = World::with(api.config(), Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    let plain = Request::post("/").header("content-type", "application/json").body(full("{}")).unwrap();
    assert_eq!(client.send(plain).await.status(), 200);
    assert!(world.source.rejections().is_empty());
    let denied = Api::start(Speaks::H2c, |_| async {
        Response::builder().header("grpc-status", "7").body(full("")).unwrap()
    })
    .await;
    let world = World::with(denied.config(), Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    assert_eq!(told(client.send(unary()).await).await.1, "7");
    assert!(world.source.rejections().is_empty());
}

#[tokio::test]
async fn a_stream_that_goes_on_gets_its_refusal_and_the_token_is_renewed_all_the_same() {
    let api = Api::start(Speaks::H2c, |request| async move {
        if is_from_generation(request.headers(), 2) { greeting() } else { refusal(Way::TrailersOnly) }
    })
    .await;
    let world = World::with(api.config(), Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    let (upload, body) = piped();
    upload.send(data(MESSAGE)).unwrap();
    let answer = client.send(call(body)).await;
    assert_eq!(told(answer).await.1, "16");
    assert_eq!(world.source.rejections(), [(7, 1)]);
    assert_eq!(world.proxy.metrics().replays(), 0);
    assert_eq!(told(client.send(unary()).await).await.1, "0");
    drop(upload);
}

#[tokio::test]
async fn both_sides_of_a_call_stream_at_once_and_the_status_comes_last() {
    let api = Api::start(Speaks::H2c, |request| async {
        let (answer, body) = piped();
        tokio::spawn(async move {
            let mut asked = request.into_body();
            while let Some(Ok(frame)) = http_body_util::BodyExt::frame(&mut asked).await {
                if frame.data_ref().is_some_and(|data| !data.is_empty()) {
                    let _ = answer.send(frame);
                }
            }
            let _ = answer.send(trailers("grpc-status", "0"));
        });
        Response::builder().header("content-type", "application/grpc").body(body).unwrap()
    })
    .await;
    let world = World::with(api.config(), Script::Tokens).await;
    let mut client = Client::connect(world.address(), true).await;
    let (upload, body) = piped();
    upload.send(data(MESSAGE)).unwrap();
    let answer = client.send(call(body)).await;
    let mut answers = answer.into_body();
    for round in 0..3 {
        let frame = within("an answer", http_body_util::BodyExt::frame(&mut answers)).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), MESSAGE, "round {round}");
        upload.send(data(MESSAGE)).unwrap();
    }
    drop(upload);
    let (_, trailers) = whole(answers).await.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn the_proxys_own_answers_are_ones_that_a_grpc_client_can_read() {
    let wait = retrying().next_attempt(
        renewd_core::Wall::from_unix_millis(1_800_000_000_000),
        renewd_core::Span::from_secs(312),
    );
    let login = NoBearer::new(Status::Unauthenticated, "log in: 100 %");
    for (why, pushback, retry_after, kind) in [
        (wait, "312000", Some("312"), "urn:renewd:auth-retrying"),
        (login, "-1", None, "urn:renewd:login-required"),
    ] {
        let world = World::with(config("http://127.0.0.1:1"), Script::Nothing(why)).await;
        let mut client = Client::connect(world.address(), true).await;
        let answer = client.send(unary()).await;
        let field = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(field("content-type"), Some("application/grpc+proto"));
        assert_eq!((field("grpc-status"), field("renewd-problem")), (Some("14"), Some(kind)));
        assert_eq!((field("grpc-retry-pushback-ms"), field("retry-after")), (Some(pushback), retry_after));
        assert!(field("grpc-message").is_some_and(|message| !message.contains("% ")));
        assert!(hyper::body::Body::is_end_stream(answer.body()), "nothing follows the head");
    }
}
