//! The proxy in front of the testkit's protected API, with tokens that its authorization server really issues,
//! rotates and revokes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use renewd_core::{Secret, Span};
use renewd_proxy::{BearerToken, NoBearer, Proxy, ProxyHandle, Rejected, TokenSource};
use renewd_testkit::{AsConfig, AuthorizationServer, HttpAnswer, ProtectedApi, checksum, http_request};
use tokio::sync::Mutex;

use crate::world::config;

const DEADLINE: Duration = Duration::from_secs(60);

/// Spends a refresh token for each rejection of the newest generation: one at a time, as a keeper does.
struct Refresher {
    token_endpoint: std::net::SocketAddr,
    state: Mutex<(u64, String, String)>,
}

#[async_trait]
impl TokenSource for Refresher {
    fn at_hand(&self) -> Option<BearerToken> {
        let state = self.state.try_lock().ok()?;
        Some(BearerToken::new(Secret::from(state.1.as_str()), 1, state.0))
    }

    async fn token(&self, _patience: Span) -> Result<BearerToken, NoBearer> {
        let state = self.state.lock().await;
        Ok(BearerToken::new(Secret::from(state.1.as_str()), 1, state.0))
    }

    async fn rejected(&self, _epoch: u64, generation: u64, _patience: Span) -> Result<Rejected, NoBearer> {
        let mut state = self.state.lock().await;
        if state.0 == generation {
            let form = format!("grant_type=refresh_token&client_id=testkit-client&refresh_token={}", state.2);
            let endpoint = self.token_endpoint;
            let answer = tokio::task::spawn_blocking(move || {
                let kind = [("content-type", "application/x-www-form-urlencoded")];
                http_request(endpoint, "POST", "/token", &kind, form.as_bytes()).unwrap()
            });
            let grant = answer.await.unwrap().json();
            let text = |name: &str| grant[name].as_str().unwrap().to_owned();
            *state = (generation + 1, text("access_token"), text("refresh_token"));
        }
        Ok(Rejected::Renewed(BearerToken::new(Secret::from(state.1.as_str()), 1, state.0)))
    }
}

struct Stage {
    server: AuthorizationServer,
    api: ProtectedApi,
    proxy: ProxyHandle,
}

async fn stage() -> Stage {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let minted = server.mint_grant();
    let state = Mutex::new((1, minted.access_token, minted.refresh_token));
    let source = Refresher { token_endpoint: server.addr(), state };
    let proxy = Proxy::bind(config(&api.url()), Arc::new(source)).await.unwrap();
    Stage { server, api, proxy }
}

async fn ask(stage: &Stage, method: &'static str, target: &'static str, body: Vec<u8>) -> HttpAnswer {
    let address = stage.proxy.addr().unwrap();
    tokio::task::spawn_blocking(move || {
        http_request(address, method, target, &[("te", "trailers")], &body).unwrap()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_costs_one_refresh_and_the_posted_megabyte_arrives_once_whole() {
    let stage = stage().await;
    let body: Vec<u8> = (0..1024 * 1024u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    stage.api.revoke_current().unwrap();
    let answer = ask(&stage, "POST", "/echo", body.clone()).await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert!(answer.body == body);
    let totals = stage.api.totals();
    assert_eq!((totals.requests, totals.authorized, totals.unauthorized), (2, 1, 1));
    assert!(stage.api.log().iter().all(|entry| entry.checksum == checksum(&body)), "both bodies whole");
    assert_eq!(stage.server.totals().token_requests, 1);
    assert_eq!(stage.proxy.metrics().replays(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_of_a_revoked_token_cost_one_refresh() {
    let stage = Arc::new(stage().await);
    stage.api.revoke_current().unwrap();
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move { ask(&stage, "POST", "/echo", b"hello".to_vec()).await.status })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 200);
    }
    assert_eq!(stage.server.totals().token_requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_refuses_every_token_is_asked_twice_and_no_more() {
    let stage = stage().await;
    stage.api.answer_401_always(true);
    let answer = ask(&stage, "POST", "/echo", b"hello".to_vec()).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    assert_eq!(stage.api.totals().requests, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_large_answers_and_trailers_of_another_server_pass() {
    let stage = stage().await;
    let events = ask(&stage, "GET", "/sse?n=5&interval_ms=1", Vec::new()).await;
    assert_eq!(events.text().matches("data: ").count(), 5);
    let large = ask(&stage, "GET", "/large?bytes=3000000", Vec::new()).await;
    assert_eq!((large.body.len(), large.complete), (3_000_000, true));
    let trailers = ask(&stage, "GET", "/trailers", Vec::new()).await;
    assert!(trailers.complete);
    for status in [204, 304, 404, 503] {
        let target: &'static str = match status {
            204 => "/status/204",
            304 => "/status/304",
            404 => "/status/404",
            _ => "/status/503",
        };
        assert_eq!(ask(&stage, "GET", target, Vec::new()).await.status, status);
    }
    stage.api.wait_for(|totals| totals.finished == 7, DEADLINE).unwrap();
}
