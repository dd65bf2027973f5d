//! A proxy between a client and an upstream, with tokens that a test hands out.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use renewd_core::{Secret, Span, Status};
use renewd_proxy::{BearerToken, Listen, NoBearer, Proxy, ProxyConfig, ProxyHandle, Rejected, TokenSource};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::wire::{Head, Payload, Wire, within};

/// An upstream: each connection is handled by a function of the test.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start<F, Fut>(handle: F) -> Self
    where
        F: Fn(Wire) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle(Wire::over(stream)));
            }
        });
        Self { address, task }
    }

    /// Answers each request, once its body was read, with these bytes.
    pub(crate) async fn answering<F>(answer: F) -> (Self, mpsc::UnboundedReceiver<(Head, Payload)>)
    where
        F: Fn(&Head, &Payload) -> String + Send + Sync + 'static,
    {
        let (seen, requests) = mpsc::unbounded_channel();
        let answer = Arc::new(answer);
        let upstream = Self::start(move |mut wire| {
            let (seen, answer) = (seen.clone(), Arc::clone(&answer));
            async move {
                while let Some(head) = wire.head().await {
                    let Ok(payload) = wire.body(&head).await else { break };
                    let bytes = answer(&head, &payload);
                    let _ = seen.send((head, payload));
                    if wire.try_write(bytes).await.is_err() {
                        break;
                    }
                }
            }
        })
        .await;
        (upstream, requests)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) fn unauthorized() -> String {
    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer\r\ncontent-length: 2\r\n\r\nno".to_owned()
}

/// Accepts `token-N` from this generation on.
pub(crate) fn from_generation(head: &Head, least: u64) -> bool {
    let generation = head.token().and_then(|token| token.strip_prefix("token-")?.parse::<u64>().ok());
    generation.is_some_and(|generation| generation >= least)
}

/// What the test wants the proxy to be told.
#[derive(Clone)]
pub(crate) enum Script {
    /// Tokens as long as anybody asks, each rejection answered by the next generation.
    Tokens,
    /// A token, but a rejection is passed.
    NoRenewal,
    /// A token, but a rejection ends without another one.
    RenewalFails(NoBearer),
    /// None.
    Nothing(NoBearer),
}

/// A source that counts.
pub(crate) struct Source {
    state: Mutex<State>,
}

struct State {
    script: Script,
    generation: u64,
    text: Option<String>,
    asked: u64,
    rejections: Vec<(u64, u64)>,
    patience: Option<Span>,
}

impl Source {
    pub(crate) fn new(script: Script) -> Arc<Self> {
        let state = State { script, generation: 1, text: None, asked: 0, rejections: vec![], patience: None };
        Arc::new(Self { state: Mutex::new(state) })
    }

    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Script) -> R) -> R {
        act(&mut self.state.lock().unwrap().script)
    }

    pub(crate) fn say(&self, token: &str) {
        self.state.lock().unwrap().text = Some(token.to_owned());
    }

    /// Every `(epoch, generation)` that was complained about.
    pub(crate) fn rejections(&self) -> Vec<(u64, u64)> {
        self.state.lock().unwrap().rejections.clone()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn asked(&self) -> u64 {
        self.state.lock().unwrap().asked
    }

    pub(crate) fn patience(&self) -> Option<Span> {
        self.state.lock().unwrap().patience
    }
}

impl State {
    fn bearer(&self) -> BearerToken {
        let text = self.text.clone().unwrap_or_else(|| format!("token-{}", self.generation));
        BearerToken::new(Secret::from_string(text), 7, self.generation)
    }
}

#[async_trait]
impl TokenSource for Source {
    fn at_hand(&self) -> Option<BearerToken> {
        let mut state = self.state.lock().unwrap();
        state.asked += 1;
        (!matches!(state.script, Script::Nothing(_))).then(|| state.bearer())
    }

    async fn token(&self, patience: Span) -> Result<BearerToken, NoBearer> {
        let mut state = self.state.lock().unwrap();
        state.patience = Some(patience);
        match &state.script {
            Script::Nothing(why) => Err(why.clone()),
            _ => Ok(state.bearer()),
        }
    }

    async fn rejected(&self, epoch: u64, generation: u64, patience: Span) -> Result<Rejected, NoBearer> {
        let mut state = self.state.lock().unwrap();
        state.patience = Some(patience);
        state.rejections.push((epoch, generation));
        match &state.script {
            Script::Tokens => {
                // As the real thing: N complaints about one generation bring one newer.
                state.generation = state.generation.max(generation + 1);
                Ok(Rejected::Renewed(state.bearer()))
            }
            Script::NoRenewal => Ok(Rejected::Passed),
            Script::RenewalFails(why) | Script::Nothing(why) => Err(why.clone()),
        }
    }
}

pub(crate) fn retrying() -> NoBearer {
    NoBearer::new(Status::AuthRetrying, "HTTP 403 text/html")
}

pub(crate) fn config(upstream: &str) -> ProxyConfig {
    let listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
    let mut config = ProxyConfig::new(listen, upstream.parse().unwrap(), "github".parse().unwrap());
    if !cfg!(target_os = "linux") {
        // The default there is a path secret, which would stand in every target here.
        config.access = renewd_proxy::Access::AnyLocalUser;
    }
    config
}

/// A running proxy and the source behind it.
pub(crate) struct World {
    pub(crate) proxy: ProxyHandle,
    pub(crate) source: Arc<Source>,
}

impl World {
    pub(crate) async fn new(upstream: &str) -> Self {
        Self::with(config(upstream), Script::Tokens).await
    }

    pub(crate) async fn with(config: ProxyConfig, script: Script) -> Self {
        let source = Source::new(script);
        let proxy = Proxy::bind(config, Arc::clone(&source) as _).await.unwrap();
        Self { proxy, source }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.proxy.addr().unwrap()
    }

    pub(crate) async fn client(&self) -> Wire {
        Wire::connect(self.address()).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> (Head, Payload) {
        let method = String::from_utf8_lossy(request.as_ref()).split(' ').next().unwrap().to_owned();
        let mut client = self.client().await;
        client.write(request).await;
        client.answer_to(&method).await
    }
}

/// Waits for something that will become true, however long this machine takes.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    within(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
