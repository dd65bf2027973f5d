//! The layer over hyper's own client, against the testkit's protected API.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use renewd_core::Status;
use renewd_proxy::layer::{BoxError, LayerBody, LayerError, TokenLayer, TokenService};
use renewd_proxy::{NoBearer, ProofSigner, TokenSource};
use renewd_signer::KeySigner;
use renewd_testkit::{AsConfig, AuthorizationServer, ProtectedApi};
use tokio::sync::mpsc;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::bound::BoundTokens;
use crate::world::{Script, Source};

type Carrying<B> = TokenService<Client<HttpConnector, LayerBody<B>>>;
type Failure = LayerError<hyper_util::client::legacy::Error>;

/// A source that a test also looks at.
struct Watched<T>(Arc<T>);

#[async_trait::async_trait]
impl<T: TokenSource> TokenSource for Watched<T> {
    fn at_hand(&self) -> Option<renewd_proxy::BearerToken> {
        self.0.at_hand()
    }

    async fn token(&self, patience: renewd_core::Span) -> Result<renewd_proxy::BearerToken, NoBearer> {
        self.0.token(patience).await
    }

    async fn rejected(
        &self,
        epoch: u64,
        generation: u64,
        patience: renewd_core::Span,
    ) -> Result<renewd_proxy::Rejected, NoBearer> {
        self.0.rejected(epoch, generation, patience).await
    }
}

fn over<B>(layer: &TokenLayer) -> Carrying<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    layer.layer(Client::builder(hyper_util::rt::TokioExecutor::new()).build_http())
}

async fn send<B>(client: &mut Carrying<B>, request: Request<B>) -> Result<Response<Incoming>, Failure>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    std::future::poll_fn(|cx| client.poll_ready(cx)).await?;
    client.call(request).await
}

fn post(url: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::from(body)).unwrap()
}

async fn text(answer: Response<Incoming>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

struct Stage {
    server: AuthorizationServer,
    api: ProtectedApi,
    source: Arc<BoundTokens>,
    layer: TokenLayer,
}

async fn stage() -> Stage {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let source = BoundTokens::of(&server).await;
    let layer = TokenLayer::new(Watched(Arc::clone(&source)), api.url().parse().unwrap())
        .signed_by(ProofSigner::new(KeySigner::new()));
    Stage { server, api, source, layer }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_renewed_and_the_whole_body_goes_out_again() {
    let stage = stage().await;
    let mut client = over(&stage.layer);
    stage.api.revoke_current().unwrap();
    let answer = send(&mut client, post(&format!("{}/echo?a=b", stage.api.url()), "whole")).await.unwrap();
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "whole"));
    assert_eq!(stage.source.rejections().await, 1);
    assert_eq!((stage.api.totals().requests, stage.server.totals().token_requests), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wanted_nonce_is_learned_for_all_clients_of_a_layer_and_refuses_no_token() {
    let stage = stage().await;
    stage.api.rotate_dpop_nonce();
    for _ in 0..2 {
        let mut client = over(&stage.layer);
        let answer = send(&mut client, post(&format!("{}/echo", stage.api.url()), "x")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!((stage.api.totals().requests, stage.api.totals().nonces_asked), (3, 1));
    assert_eq!(stage.source.rejections().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_still_comes_in_when_the_answer_does_is_sent_again_whole() {
    let stage = stage().await;
    stage.api.revoke_current().unwrap();
    let (frames, body) = mpsc::unbounded_channel::<Result<Frame<Bytes>, Infallible>>();
    let mut body = body;
    let stream = futures_util::stream::poll_fn(move |cx| body.poll_recv(cx));
    let request = Request::post(format!("{}/echo", stage.api.url())).body(StreamBody::new(stream)).unwrap();
    let mut client = over(&stage.layer);
    let asking = tokio::spawn(async move { send(&mut client, request).await });
    for piece in ["one ", "two ", "three"] {
        frames.send(Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).unwrap();
    }
    drop(frames);
    let answer = asking.await.unwrap().unwrap();
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "one two three"));
    assert_eq!(stage.source.rejections().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_sent_once_and_the_token_is_renewed_all_the_same() {
    let stage = stage().await;
    let mut client = over(&stage.layer.clone().replay_limit(4));
    stage.api.revoke_current().unwrap();
    let url = format!("{}/echo", stage.api.url());
    let refused = send(&mut client, post(&url, "too long")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!((stage.source.rejections().await, stage.api.totals().requests), (1, 1));
    assert_eq!(send(&mut client, post(&url, "too long")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_for_an_origin_or_a_path_that_the_token_is_not_for() {
    let stage = stage().await;
    let elsewhere = ProtectedApi::start(&stage.server).unwrap();
    let below: TokenLayer = TokenLayer::new(
        Watched(Arc::clone(&stage.source)),
        format!("{}/v1", stage.api.url()).parse().unwrap(),
    )
    .signed_by(ProofSigner::new(KeySigner::new()));
    let mut narrow = over(&below);
    let mut client = over(&stage.layer);
    let refused = send(&mut client, post(&elsewhere.url(), "x")).await.unwrap_err();
    assert!(matches!(&refused, LayerError::Foreign { origin } if *origin == elsewhere.url()), "{refused}");
    for path in ["/v2", "/v1x", "/v1/../v2", "/v1/%2e%2e/v2"] {
        let refused = send(&mut narrow, post(&format!("{}{path}", stage.api.url()), "x")).await;
        assert!(matches!(refused, Err(LayerError::Foreign { .. })), "{path}");
    }
    let with_password = stage.api.url().replace("http://", "http://user:hidden-word@");
    let refused = send(&mut client, post(&with_password, "x")).await.unwrap_err();
    assert!(!refused.to_string().contains("hidden-word"), "{refused}");
    assert_eq!((elsewhere.totals().requests, stage.api.totals().requests), (0, 0));
    let admitted = send(&mut narrow, post(&format!("{}/v1/x", stage.api.url()), "x")).await.unwrap();
    assert_eq!(admitted.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relative_address_goes_by_its_host_field_or_to_the_only_origin() {
    let stage = stage().await;
    let host = stage.api.url().replace("http://", "");
    let service = Recorder::default();
    let mut client = stage.layer.layer(service.clone());
    let ask = |host: Option<&str>| {
        let mut request = Request::get("/x").body(Full::<Bytes>::default()).unwrap();
        if let Some(host) = host {
            request.headers_mut().insert("host", host.parse().unwrap());
        }
        request
    };
    for (named, reaches) in [(None, true), (Some(host.as_str()), true), (Some("other.example"), false)] {
        let answer = client.call(ask(named)).await;
        assert_eq!(answer.is_ok(), reaches, "{named:?}");
    }
    let seen = service.0.lock().unwrap().clone();
    assert_eq!(seen, ["DPoP", "DPoP"], "the scheme of each request that went on");
    let mut two = stage.layer.clone().also_to("https://other.example".parse().unwrap()).layer(service);
    assert!(matches!(two.call(ask(None)).await, Err(LayerError::Foreign { .. })));
    assert!(two.call(ask(Some("other.example"))).await.is_ok());
}

/// Keeps the scheme of every request's token, and answers 200.
#[derive(Clone, Default)]
struct Recorder(Arc<std::sync::Mutex<Vec<String>>>);

impl<B> Service<Request<B>> for Recorder {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let scheme =
            request.headers()["authorization"].to_str().unwrap().split(' ').next().unwrap().to_owned();
        self.0.lock().unwrap().push(scheme);
        std::future::ready(Ok(Response::new(())))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_the_error_says_whether_somebody_must_log_in() {
    let why = NoBearer::new(Status::Unauthenticated, "login needed");
    let source = Source::new(Script::Nothing(why));
    let layer = TokenLayer::new(Watched(Arc::clone(&source)), "http://127.0.0.1:1".parse().unwrap())
        .patience(Duration::from_secs(7));
    let failed = send(&mut over(&layer), post("http://127.0.0.1:1/", "x")).await.unwrap_err();
    assert!(matches!(&failed, LayerError::NoToken(why) if why.status == Status::Unauthenticated));
    assert!(failed.to_string().contains("login needed"));
    assert_eq!(source.patience(), Some(renewd_core::Span::from_secs(7)));
}

/// A service that may be called only where it was asked whether it is ready, as those with a bound are; its clones were
/// not. It refuses the first tokens, and keeps count.
struct Strict {
    polled: bool,
    calls: Arc<std::sync::atomic::AtomicUsize>,
    refusal: &'static [(&'static str, &'static str)],
    refusals: usize,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { polled: false, calls: Arc::clone(&self.calls), ..*self }
    }
}

impl Strict {
    fn refusing(refusals: usize, refusal: &'static [(&'static str, &'static str)]) -> Self {
        Self { polled: false, calls: Arc::default(), refusal, refusals }
    }

    fn calls(&self) -> usize {
        self.calls.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        self.polled = true;
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.polled), "called without being asked whether it is ready");
        let before = self.calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut answer = Response::new(());
        if before < self.refusals {
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            for (name, value) in self.refusal {
                answer.headers_mut().append(*name, value.parse().unwrap());
            }
        }
        std::future::ready(Ok(answer))
    }
}

async fn through(stage: &Stage, service: &Strict) -> StatusCode {
    let mut client = stage.layer.layer(service.clone());
    let ready =
        |cx: &mut std::task::Context<'_>| Service::<Request<Full<Bytes>>>::poll_ready(&mut client, cx);
    std::future::poll_fn(ready).await.unwrap();
    client.call(post(&stage.api.url(), "x")).await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_that_was_ready_is_called_and_asked_again_before_a_second_call() {
    let stage = stage().await;
    let service = Strict::refusing(1, &[("www-authenticate", r#"DPoP error="invalid_token""#)]);
    assert_eq!(through(&stage, &service).await, StatusCode::OK);
    assert_eq!((service.calls(), stage.source.rejections().await), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_never_content_with_a_nonce_refuses_no_token() {
    let stage = stage().await;
    let wants = &[("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "n")];
    let service = Strict::refusing(usize::MAX, wants);
    assert_eq!(through(&stage, &service).await, StatusCode::UNAUTHORIZED);
    assert_eq!((service.calls(), stage.source.rejections().await), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_just_the_limit_is_sent_again() {
    let stage = stage().await;
    let mut client = over(&stage.layer.clone().replay_limit(4));
    stage.api.revoke_current().unwrap();
    let answer = send(&mut client, post(&format!("{}/echo", stage.api.url()), "just")).await.unwrap();
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "just"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_broke_off_is_not_sent_again_as_if_it_were_whole() {
    let stage = stage().await;
    stage.api.revoke_current().unwrap();
    let pieces = [Ok(Frame::data(Bytes::from_static(b"half"))), Err(std::io::Error::other("broke off"))];
    let body = StreamBody::new(futures_util::stream::iter(pieces));
    let request = Request::post(format!("{}/echo", stage.api.url())).body(body).unwrap();
    let service = Strict::refusing(1, &[("www-authenticate", "DPoP")]);
    let mut ready = service.clone();
    ready.polled = true;
    let mut client = stage.layer.layer(ready);
    // Ready as it is made: the body's type has no short name to ask by.
    assert_eq!(client.call(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(service.calls(), 1);
}
