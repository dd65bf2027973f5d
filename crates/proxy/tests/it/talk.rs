//! Clients and upstreams of either version of HTTP, for what is the same in both.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use renewd_proxy::{ProxyConfig, UpstreamHttp2};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::wire::{Duplex, within};
use crate::world::config;

pub(crate) type AnyBody = BoxBody<Bytes, Infallible>;

pub(crate) fn full(bytes: impl Into<Bytes>) -> AnyBody {
    Full::new(bytes.into()).boxed()
}

/// A body of these frames, without a length.
pub(crate) fn frames(all: impl IntoIterator<Item = Frame<Bytes>>) -> AnyBody {
    let all: Vec<_> = all.into_iter().map(Ok).collect();
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter(all)))
}

pub(crate) fn data(bytes: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(bytes.as_bytes()))
}

pub(crate) fn trailers(name: &'static str, value: &'static str) -> Frame<Bytes> {
    Frame::trailers([(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect())
}

/// A body that the test writes frame by frame, and ends by dropping its end of it.
pub(crate) fn piped() -> (mpsc::UnboundedSender<Frame<Bytes>>, AnyBody) {
    let (frames, rest) = mpsc::unbounded_channel();
    let stream = futures_util::stream::unfold(rest, |mut rest| async {
        rest.recv().await.map(|frame: Frame<Bytes>| (Ok::<_, Infallible>(frame), rest))
    });
    (frames, BodyExt::boxed(StreamBody::new(Box::pin(stream) as std::pin::Pin<Box<dyn SyncStream>>)))
}

pub(crate) trait SyncStream:
    futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync
{
}
impl<T: futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync> SyncStream for T {}

/// The body to its end: bytes and trailers.
pub(crate) async fn whole<B: Body<Data = Bytes>>(body: B) -> Result<(Vec<u8>, HeaderMap), B::Error> {
    let collected = within("the end of a body", body.collect()).await?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok((collected.to_bytes().to_vec(), trailers))
}

/// What an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    /// HTTP/2 without TLS, known beforehand.
    H2c,
    /// HTTP/2 by ALPN.
    H2Tls,
}

impl Speaks {
    pub(crate) const ALL: [Self; 3] = [Self::Http1, Self::H2c, Self::H2Tls];
}

/// An upstream whose answers are made by a function of the test.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    speaks: Speaks,
    ca: Option<(PathBuf, tempfile::TempDir)>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Api {
    pub(crate) async fn start<F, Fut>(speaks: Speaks, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<AnyBody>> + Send + 'static,
    {
        Self::with_streams(speaks, 200, answer).await
    }

    /// One that allows so many streams on a connection.
    pub(crate) async fn with_streams<F, Fut>(speaks: Speaks, streams_max: u32, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Response<AnyBody>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, connections) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&connections);
        let (acceptor, ca) = match speaks {
            Speaks::H2Tls => {
                let (acceptor, ca) = tls();
                (Some(acceptor), Some(ca))
            }
            _ => (None, None),
        };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).unwrap();
                let (answer, acceptor) = (Arc::clone(&answer), acceptor.clone());
                tokio::spawn(async move {
                    let stream: Box<dyn Duplex> = match acceptor {
                        Some(acceptor) => Box::new(acceptor.accept(stream).await.unwrap()),
                        None => Box::new(stream),
                    };
                    let service = hyper::service::service_fn(move |request| {
                        let answer = answer(request);
                        async { Ok::<_, Infallible>(answer.await) }
                    });
                    let io = TokioIo::new(stream);
                    let _ = match speaks {
                        Speaks::Http1 => {
                            hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
                        }
                        _ => {
                            let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                            server.max_concurrent_streams(streams_max).serve_connection(io, service).await
                        }
                    };
                });
            }
        });
        Self { address, speaks, ca, connections, task }
    }

    /// A proxy for it.
    pub(crate) fn config(&self) -> ProxyConfig {
        let scheme = if self.speaks == Speaks::H2Tls { "https" } else { "http" };
        let mut config = config(&format!("{scheme}://localhost:{}", self.address.port()));
        if self.speaks == Speaks::H2c {
            config.upstream_http2 = UpstreamHttp2::PriorKnowledge;
        }
        config.ca_file = self.ca.as_ref().map(|(file, _)| file.clone());
        config
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn tls() -> (TlsAcceptor, (PathBuf, tempfile::TempDir)) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(server)), (ca_file, dir))
}

/// A client's connection.
pub(crate) enum Client {
    Http1(http1::SendRequest<AnyBody>),
    Http2(http2::SendRequest<AnyBody>, SocketAddr),
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, is_http2: bool) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let io = TokioIo::new(stream);
        if is_http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            return Self::Http2(sender, address);
        }
        let (sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(sender)
    }

    /// Sends a request whose target is a path, and waits for the head of its answer.
    pub(crate) async fn try_send(
        &mut self,
        mut request: Request<AnyBody>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        match self {
            Self::Http1(sender) => {
                request.headers_mut().entry("host").or_insert("localhost".parse().unwrap());
                within("an answer", sender.send_request(request)).await
            }
            Self::Http2(sender, address) => {
                let target = request.uri().to_string();
                *request.uri_mut() = format!("http://{address}{target}").parse().unwrap();
                within("an answer", sender.send_request(request)).await
            }
        }
    }

    pub(crate) async fn send(&mut self, request: Request<AnyBody>) -> Response<Incoming> {
        self.try_send(request).await.unwrap()
    }
}

/// A token like `token-N` from this generation on.
pub(crate) fn is_from_generation(headers: &HeaderMap, least: u64) -> bool {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let generation = token.and_then(|token| token.strip_prefix("Bearer token-")?.parse::<u64>().ok());
    generation.is_some_and(|generation| generation >= least)
}
