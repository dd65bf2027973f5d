//! The processes that this benchmark is made of, beside those of others: the upstream, the bare proxy, and ours. Each
//! prints its address when it serves.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use renewd_core::{Secret, Span};
use renewd_proxy::{Access, BearerToken, Listen, NoBearer, Proxy, ProxyConfig, Rejected, TokenSource};
use tokio::net::{TcpListener, TcpStream};

/// As long as tokens are.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// # Panics
/// Where the role is not known or cannot be played: then there is nothing to measure.
pub(crate) fn run(args: &[String]) {
    let upstream = || args[1].parse::<SocketAddr>().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match args[0].as_str() {
            "upstream" => serve(|request| async { echo(request).await }).await,
            "hyper" => {
                let bare = Arc::new(Bare { upstream: upstream(), idle: Mutex::default() });
                serve(move |request| Arc::clone(&bare).forward(request)).await;
            }
            "renewd" => renewd(upstream()).await,
            role => panic!("no role is called {role}"),
        }
    });
}

async fn serve<F, Fut, B>(answer: F)
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<B>> + Send + 'static,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    println!("{}", listener.local_addr().expect("an address"));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(request);
                async { Ok::<_, Infallible>(answer.await) }
            });
            let server = hyper::server::conn::http1::Builder::new();
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// As many bytes as came, or two.
async fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    assert!(request.headers().contains_key(AUTHORIZATION) || request.headers()[HOST] == "localhost");
    if request.method() == Method::GET {
        return Response::new(Full::new(Bytes::from_static(b"ok")));
    }
    let bytes = request.into_body().collect().await.expect("a body").to_bytes();
    Response::new(Full::new(bytes))
}

/// A proxy that adds the token and nothing else: no checks, no copy for a replay, no timeouts.
struct Bare {
    upstream: SocketAddr,
    idle: Mutex<Vec<SendRequest<Incoming>>>,
}

impl Bare {
    async fn forward(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Incoming> {
        let token = HeaderValue::from_static(
            "Bearer 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        );
        request.headers_mut().insert(AUTHORIZATION, token);
        let idle = self.idle.lock().expect("the lock").pop();
        let mut sender = match idle {
            Some(sender) => sender,
            None => {
                let stream = TcpStream::connect(self.upstream).await.expect("the upstream");
                stream.set_nodelay(true).expect("an option");
                let (sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
                tokio::spawn(connection);
                sender
            }
        };
        sender.ready().await.expect("a connection");
        let response = sender.send_request(request).await.expect("an answer");
        self.idle.lock().expect("the lock").push(sender);
        response
    }
}

async fn renewd(upstream: SocketAddr) {
    let listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
    let url = format!("http://{upstream}").parse().expect("an upstream");
    let mut config = ProxyConfig::new(listen, url, "bench".parse().expect("a name"));
    if !cfg!(target_os = "linux") {
        config.access = Access::AnyLocalUser;
    }
    let proxy = Proxy::bind(config, Arc::new(OneToken)).await.expect("a proxy");
    println!("{}", proxy.addr().expect("an address"));
    std::future::pending::<()>().await;
}

struct OneToken;

#[async_trait]
impl TokenSource for OneToken {
    fn at_hand(&self) -> Option<BearerToken> {
        Some(BearerToken::new(Secret::from(TOKEN), 1, 1))
    }

    async fn token(&self, _patience: Span) -> Result<BearerToken, NoBearer> {
        Ok(BearerToken::new(Secret::from(TOKEN), 1, 1))
    }

    async fn rejected(&self, _epoch: u64, _generation: u64, _patience: Span) -> Result<Rejected, NoBearer> {
        Ok(Rejected::Passed)
    }
}
