//! The loop on a real runtime and real clocks. Nothing here asserts how long anything takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use renewd_core::*;
use renewd_driver::testing::MemoryStore;
use renewd_driver::{Clock, CredentialStore, Expect, TokenEndpoint, system};
use renewd_tokio::*;

#[derive(Default)]
struct Endpoint {
    requests: AtomicU64,
    lifetime: u64,
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    async fn send(&self, _: AttemptId, _: TokenRequest) -> Answer {
        let n = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::task::yield_now().await;
        let body = format!(
            r#"{{"access_token":"at-{n}","token_type":"Bearer","expires_in":{},"refresh_token":"rt-{n}"}}"#,
            self.lifetime
        );
        Answer::Response(Response {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: Secret::from_string(body),
            truncated: false,
        })
    }

    fn abort(&self, _: AttemptId) {}
}

async fn world(lifetime: u64) -> (Arc<Endpoint>, Arc<MemoryStore>) {
    let store = MemoryStore::new();
    let identity = Identity { token_endpoint: "https://as.example/token".into(), ..Identity::default() };
    let grant = GrantMaterial { refresh_token: Some(Secret::from("rt-0")), ..GrantMaterial::default() };
    let login = Record::new(1, identity, Settings::default(), grant, system::SystemClock.now());
    let name = "work".parse().expect("a good name");
    assert!(store.put(&name, &login, Expect::Absent).await.is_ok());
    (Arc::new(Endpoint { requests: AtomicU64::new(0), lifetime }), Arc::new(store))
}

fn keep(renewd: &Renewd) -> Keeper {
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("app"));
    renewd.keep("work".parse().expect("a good name"), setup)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_one_refresh_on_a_runtime_of_several_threads() {
    let (endpoint, store) = world(3600).await;
    let renewd = Renewd::builder(endpoint.clone(), store.clone()).spawn();
    let keeper = keep(&renewd);
    let tasks = (0..500).map(|_| {
        let keeper = keeper.clone();
        tokio::spawn(async move { keeper.token().await.map(|t| t.generation()) })
    });
    for task in join_all(tasks).await {
        assert_eq!(task.unwrap().unwrap(), 1);
    }
    assert_eq!(endpoint.requests.load(Ordering::SeqCst), 1);
    let drained = renewd.shutdown().await;
    assert!(drained.lost.is_empty());
    assert_eq!(store.read(keeper.name()).map(|r| r.generation), Some(1));
    assert!(matches!(keeper.token().await, Err(TokenError::Stopped)));
}

#[tokio::test]
async fn a_loop_on_its_own_thread_serves_tasks_of_any_runtime() {
    let (endpoint, store) = world(3600).await;
    let renewd = Renewd::builder(endpoint, store).spawn_thread().unwrap();
    let keeper = keep(&renewd);
    assert!(keeper.token().await.is_ok());
    assert!(keeper.view().await.unwrap().view.token_valid);
    assert!(renewd.shutdown().await.lost.is_empty());
}

#[tokio::test]
async fn the_timer_wakes_the_loop_for_a_refresh_that_nobody_asked_for() {
    let (endpoint, store) = world(4).await;
    let renewd = Renewd::builder(endpoint.clone(), store).spawn();
    let keeper = keep(&renewd);
    assert!(keeper.token().await.is_ok());
    let mut events = keeper.subscribe();
    let renewed = async {
        while let Some(event) = futures_util::StreamExt::next(&mut events).await {
            if let renewd_driver::Event::Report(Report::Refreshed {
                reason: RefreshReason::Proactive, ..
            }) = event
            {
                return true;
            }
        }
        false
    };
    let renewed = tokio::time::timeout(std::time::Duration::from_secs(60), renewed).await;
    assert_eq!(renewed.ok(), Some(true), "within a minute a token of four seconds is renewed by itself");
    renewd.shutdown().await;
}
