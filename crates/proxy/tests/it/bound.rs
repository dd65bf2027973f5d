//! Tokens that are bound to a key (RFC 9449), in front of the testkit's protected API: it verifies each proof by code of
//! its own, takes none twice, and asks for nonces.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use renewd_core::{ProofSpec, Secret, Span, TokenRequest, Wall};
use renewd_driver::Signer as _;
use renewd_proxy::{BearerToken, NoBearer, ProofSigner, Proxy, ProxyHandle, Rejected, TokenSource};
use renewd_signer::{Algorithm, KeySigner, PrivateKey, generate};
use renewd_testkit::{AsConfig, AuthorizationServer, HttpAnswer, LoginConfig, ProtectedApi, http_request};
use tokio::sync::Mutex;

use crate::world::config;

/// Spends a refresh token with a proof for each rejection of the newest generation, as a keeper does.
pub(crate) struct BoundTokens {
    token_url: String,
    address: std::net::SocketAddr,
    key: Secret,
    /// How far the server's clock is known to be ahead.
    ahead_ms: AtomicI64,
    state: Mutex<Held>,
}

struct Held {
    generation: u64,
    access: String,
    refresh: String,
    rejections: u64,
}

impl BoundTokens {
    pub(crate) async fn of(server: &AuthorizationServer) -> Arc<Self> {
        let minted = server.mint_grant();
        let held =
            Held { generation: 1, access: minted.access_token, refresh: minted.refresh_token, rejections: 0 };
        let source = Self {
            token_url: server.token_url(),
            address: server.addr(),
            key: generate(Algorithm::Es256).unwrap(),
            ahead_ms: AtomicI64::new(0),
            state: Mutex::new(held),
        };
        // What is minted without a login is bound to no key; what the first refresh brings is.
        source.refresh(&mut *source.state.lock().await).await;
        Arc::new(source)
    }

    async fn refresh(&self, held: &mut Held) {
        let form =
            format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={}", held.refresh);
        let at = now(self.ahead_ms.load(Ordering::Relaxed));
        let mut request = TokenRequest {
            url: self.token_url.clone(),
            headers: Vec::new(),
            body: Secret::from(form),
            proofs: vec![ProofSpec::Dpop { key: self.key.clone(), nonce: None, at }],
            timeout: Span::from_secs(30),
            connect_timeout: Span::from_secs(30),
        };
        KeySigner::new().prove(&mut request).await.unwrap();
        let address = self.address;
        let answer = tokio::task::spawn_blocking(move || {
            let proof = request.headers[0].1.expose_str().unwrap();
            let headers = [("content-type", "application/x-www-form-urlencoded"), ("dpop", proof)];
            http_request(address, "POST", "/token", &headers, request.body.expose()).unwrap()
        });
        let grant = answer.await.unwrap().json();
        assert_eq!(grant["token_type"], "DPoP", "{grant}");
        held.generation += 1;
        held.access = grant["access_token"].as_str().unwrap().to_owned();
        held.refresh = grant["refresh_token"].as_str().unwrap().to_owned();
    }

    fn bearer(&self, held: &Held) -> BearerToken {
        BearerToken::new(Secret::from(held.access.as_str()), 1, held.generation).bound_to(self.key.clone())
    }

    /// How often it was told that its token was refused.
    pub(crate) async fn rejections(&self) -> u64 {
        self.state.lock().await.rejections
    }

    fn jkt(&self) -> String {
        PrivateKey::parse(&self.key).unwrap().thumbprint()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test server checks proofs against the real time")]
fn now(ahead_ms: i64) -> Wall {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    Wall::from_unix_millis(i64::try_from(since.as_millis()).unwrap() + ahead_ms)
}

#[async_trait]
impl TokenSource for BoundTokens {
    fn at_hand(&self) -> Option<BearerToken> {
        let held = self.state.try_lock().ok()?;
        Some(self.bearer(&held))
    }

    async fn token(&self, _patience: Span) -> Result<BearerToken, NoBearer> {
        let held = self.state.lock().await;
        Ok(self.bearer(&held))
    }

    async fn rejected(&self, _epoch: u64, generation: u64, _patience: Span) -> Result<Rejected, NoBearer> {
        let mut held = self.state.lock().await;
        held.rejections += 1;
        if held.generation == generation {
            self.refresh(&mut held).await;
        }
        Ok(Rejected::Renewed(self.bearer(&held)))
    }
}

struct Stage {
    server: AuthorizationServer,
    api: ProtectedApi,
    source: Arc<BoundTokens>,
    proxy: ProxyHandle,
}

async fn stage_with(signer: ProofSigner, replay_limit: usize) -> Stage {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let source = BoundTokens::of(&server).await;
    let mut config = config(&api.url());
    config.signer = signer;
    config.replay_limit = replay_limit;
    let proxy = Proxy::bind(config, Arc::clone(&source) as _).await.unwrap();
    Stage { server, api, source, proxy }
}

async fn stage() -> Stage {
    stage_with(ProofSigner::new(KeySigner::new()), 1 << 20).await
}

impl Stage {
    async fn ask(&self, method: &'static str, target: &'static str, body: &'static [u8]) -> HttpAnswer {
        let address = self.proxy.addr().unwrap();
        let asking = move || {
            // What a client sends of its own is for another token.
            let own = [("authorization", "DPoP of-the-client"), ("dpop", "proof-of-the-client")];
            http_request(address, method, target, &own, body).unwrap()
        };
        tokio::task::spawn_blocking(asking).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_carries_the_token_under_its_scheme_and_a_proof_of_its_own() {
    let stage = stage().await;
    for target in ["/a?query=1", "/a?query=1", "/b"] {
        let answer = stage.ask("GET", target, b"").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let totals = stage.api.totals();
    assert_eq!((totals.requests, totals.proofs, totals.proofs_refused), (3, 3, 0));
    for entry in stage.api.log() {
        assert_eq!((entry.scheme.as_deref(), entry.jkt), (Some("dpop"), Some(stage.source.jkt())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wanted_nonce_costs_one_repetition_with_the_whole_body_and_no_refresh() {
    let stage = stage().await;
    stage.api.rotate_dpop_nonce();
    let answer = stage.ask("POST", "/echo", b"posted once").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "posted once"));
    assert_eq!(stage.ask("POST", "/echo", b"again").await.status, 200);
    let totals = stage.api.totals();
    assert_eq!((totals.requests, totals.nonces_asked, totals.authorized), (3, 1, 2));
    assert_eq!(stage.source.rejections().await, 0, "the token is as good as it was");
    assert_eq!((stage.proxy.metrics().nonce_repeats(), stage.proxy.metrics().replays()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_renewed_and_replayed_with_a_new_proof_even_where_the_nonce_changed_too() {
    let stage = stage().await;
    assert_eq!(stage.ask("GET", "/", b"").await.status, 200);
    stage.api.rotate_dpop_nonce();
    stage.api.revoke_current().unwrap();
    let answer = stage.ask("POST", "/echo", b"whole").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "whole"));
    assert_eq!(stage.source.rejections().await, 1);
    assert_eq!((stage.proxy.metrics().nonce_repeats(), stage.proxy.metrics().replays()), (1, 1));
    assert_eq!(stage.server.totals().token_requests, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_too_long_to_repeat_passes_the_challenge_on_and_the_next_request_has_the_nonce() {
    let stage = stage_with(ProofSigner::new(KeySigner::new()), 4).await;
    stage.api.rotate_dpop_nonce();
    let refused = stage.ask("POST", "/echo", b"too long to keep").await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").unwrap().contains("use_dpop_nonce"));
    assert_eq!(stage.ask("POST", "/echo", b"too long to keep").await.status, 200);
    assert_eq!(stage.source.rejections().await, 0);
    assert_eq!(stage.proxy.metrics().nonce_repeats(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_of_a_server_that_is_minutes_off_is_learned_from_its_refusal() {
    let stage = stage().await;
    let ahead_ms = 600_000;
    let login = LoginConfig { clock_offset_ms: ahead_ms, ..LoginConfig::default() };
    stage.server.configure(|config| config.login = login);
    // Whoever refreshes knows the server's clock already; the proxy has to learn it.
    stage.source.ahead_ms.store(ahead_ms, Ordering::Relaxed);
    assert_eq!(stage.ask("GET", "/", b"").await.status, 200);
    assert_eq!(stage.ask("GET", "/", b"").await.status, 200);
    let totals = stage.api.totals();
    assert_eq!((totals.requests, totals.proofs_refused, totals.authorized), (3, 1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_signer_a_bound_token_goes_nowhere_and_the_answer_says_why() {
    let stage = stage_with(ProofSigner::default(), 1 << 20).await;
    let answer = stage.ask("GET", "/", b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("application/problem+json")));
    assert!(answer.json()["detail"].as_str().unwrap().contains("bound to a key"), "{}", answer.text());
    assert_eq!(stage.api.totals().requests, 0);
}
