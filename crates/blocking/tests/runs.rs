//! The loop on plain threads and real clocks. Nothing here asserts how long anything takes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use renewd_blocking::*;
use renewd_core::*;
use renewd_driver::testing::MemoryStore;
use renewd_driver::{Clock, CredentialStore, Event, Expect, Timer, TokenEndpoint, system};

/// Long enough on any machine.
const PATIENCE: Span = Span::from_secs(60);

#[derive(Default)]
struct Endpoint {
    requests: AtomicU64,
    refuses: AtomicBool,
    lifetime: u64,
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    async fn send(&self, _: AttemptId, _: TokenRequest) -> Answer {
        let n = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let (status, body) = if self.refuses.load(Ordering::SeqCst) {
            (400, r#"{"error":"invalid_grant"}"#.to_owned())
        } else {
            let rt = format!(r#""refresh_token":"rt-{n}""#);
            let at =
                format!(r#""access_token":"at-{n}","token_type":"Bearer","expires_in":{}"#, self.lifetime);
            (200, format!("{{{at},{rt}}}"))
        };
        Answer::Response(Response {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: Secret::from_string(body),
            truncated: false,
        })
    }

    fn abort(&self, _: AttemptId) {}
}

fn world(lifetime: u64) -> (Arc<Endpoint>, Arc<MemoryStore>) {
    let store = MemoryStore::new();
    let identity = Identity { token_endpoint: "https://as.example/token".into(), ..Identity::default() };
    let grant = GrantMaterial { refresh_token: Some(Secret::from("rt-0")), ..GrantMaterial::default() };
    let login = Record::new(1, identity, Settings::default(), grant, system::SystemClock.now());
    let name = "work".parse().expect("a good name");
    assert!(block_on(store.put(&name, &login, Expect::Absent)).is_ok());
    (Arc::new(Endpoint { lifetime, ..Endpoint::default() }), Arc::new(store))
}

fn keep(renewd: &Renewd) -> BlockingKeeper {
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("app"));
    renewd.keep("work".parse().expect("a good name"), setup)
}

#[test]
fn many_threads_share_one_refresh() {
    let (endpoint, store) = world(3600);
    let renewd = Renewd::builder(endpoint.clone(), store).spawn().unwrap();
    let keeper = keep(&renewd);
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let keeper = keeper.clone();
            thread::spawn(move || keeper.token(PATIENCE).map(|t| t.generation()))
        })
        .collect();
    for t in threads {
        assert_eq!(t.join().unwrap(), Ok(1));
    }
    assert_eq!(endpoint.requests.load(Ordering::SeqCst), 1);
    assert!(keeper.try_token().is_some());
    assert!(renewd.shutdown().lost.is_empty());
    assert_eq!(keeper.token(PATIENCE).map(|t| t.generation()), Err(TokenError::Stopped));
}

#[test]
fn a_complaint_a_refresh_and_a_view_block_until_they_are_answered() {
    let (endpoint, store) = world(3600);
    let renewd = Renewd::builder(endpoint.clone(), store).spawn().unwrap();
    let keeper = keep(&renewd);
    let first = keeper.token(PATIENCE).unwrap();
    let Ok(Rejection::Renewed(second)) = keeper.rejected(first.epoch(), first.generation(), PATIENCE) else {
        panic!("the first complaint about a token is answered by a newer one");
    };
    assert_eq!(second.generation(), first.generation() + 1);
    let third = keeper.refresh(PATIENCE).unwrap();
    assert_eq!(third.generation(), second.generation() + 1);
    assert_eq!(keeper.view().unwrap().view.generation, third.generation());
    endpoint.refuses.store(true, Ordering::SeqCst);
    let refused = keeper.refresh(PATIENCE).unwrap_err();
    assert_eq!(refused.state().map(|s| s.cause), Some(Some(Cause::GrantRefused)), "{refused}");
    renewd.shutdown();
}

#[test]
fn threads_that_want_several_audiences_share_one_refresh_for_each() {
    let (endpoint, store) = world(3600);
    let renewd = Renewd::builder(endpoint.clone(), store).spawn().unwrap();
    let keeper = keep(&renewd);
    let key =
        |n: usize| AccessKey { resource: Some(format!("https://{}.example", n % 3)), ..AccessKey::default() };
    let patient = TokenRequestOptions { timeout: Some(PATIENCE), ..TokenRequestOptions::default() };
    keeper.token(PATIENCE).unwrap();
    let threads: Vec<_> = (0..12)
        .map(|n| {
            let keeper = keeper.clone();
            thread::spawn(move || {
                keeper.token_for(&key(n), patient).map(|t| t.resource() == key(n).resource.as_deref())
            })
        })
        .collect();
    for t in threads {
        assert_eq!(t.join().unwrap(), Ok(true));
    }
    assert_eq!(endpoint.requests.load(Ordering::SeqCst), 4, "the login's own, and one for each");
    let first = keeper.token_for(&key(0), patient).unwrap();
    let renewed = keeper.rejected_for(&key(0), first.epoch(), first.generation(), PATIENCE);
    let Ok(Rejection::Renewed(second)) = renewed else { panic!("a newer one") };
    assert!(second.generation() > first.generation());
    renewd.shutdown();
}

#[test]
fn the_timer_wakes_the_loop_for_a_refresh_that_nobody_asked_for() {
    let (endpoint, store) = world(4);
    let renewd = Renewd::builder(endpoint.clone(), store).spawn().unwrap();
    let keeper = keep(&renewd);
    keeper.token(PATIENCE).unwrap();
    let mut events = keeper.keeper().subscribe();
    let timer = ThreadTimer::new(Arc::new(system::SystemClock)).unwrap();
    let proactive = async {
        while let Some(event) = events.next().await {
            if let Event::Report(Report::Refreshed { reason: RefreshReason::Proactive, .. }) = event {
                return true;
            }
        }
        false
    };
    let deadline = timer.sleep_until(system::SystemClock.now().boot + PATIENCE);
    match block_on(select(pin!(proactive), deadline)) {
        Either::Left((renewed, _)) => assert!(renewed),
        Either::Right(_) => panic!("within a minute a token of four seconds is renewed by itself"),
    }
    renewd.shutdown();
}
