//! Two loops over one folder of real files: what one writes reaches the other by the system's word. Nothing here
//! asserts how long anything takes.
#![cfg(any(target_os = "linux", target_vendor = "apple", windows))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use renewd_core::*;
use renewd_driver::{Clock, CredentialStore, Expect, TokenEndpoint, system};
use renewd_store::{FileStore, FileStoreOptions, KeyChoice};
use renewd_tokio::*;

/// Long enough on any machine, and shorter than the poll of a credential that waits for nobody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gives a token when it may; else it would be a second request.
struct Endpoint {
    may: bool,
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    async fn send(&self, _: AttemptId, _: TokenRequest) -> Answer {
        assert!(self.may, "the sibling's token was there");
        let body =
            r#"{"access_token":"at-1","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-1"}"#;
        Answer::Response(Response {
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: Secret::from(body),
            truncated: false,
        })
    }

    fn abort(&self, _: AttemptId) {}
}

fn options(home: &Path) -> FileStoreOptions {
    let state = home.join("state");
    let mut options = FileStoreOptions::new(&state);
    options.key = KeyChoice::key_file(&state);
    options
}

fn keep(home: &Path, may: bool) -> (Renewd, Keeper) {
    let store = Arc::new(FileStore::open(options(home)).unwrap());
    let renewd = Renewd::builder(Arc::new(Endpoint { may }), store).spawn();
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("app"));
    let keeper = renewd.keep("work".parse().unwrap(), setup);
    (renewd, keeper)
}

#[tokio::test]
async fn a_sibling_serves_the_token_of_another_without_a_request() {
    let home = tempfile::tempdir().unwrap();
    let now = system::SystemClock.now();
    let access = Access {
        key: AccessKey::default(),
        token: Secret::from("at-0"),
        token_type: "Bearer".into(),
        issued: Stamp::new(now, system::SystemClock.boot_id()),
        lifetime: Span::from_hours(1),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant = GrantMaterial {
        refresh_token: Some(Secret::from("rt-0")),
        access: vec![access],
        ..GrantMaterial::default()
    };
    let identity = Identity { token_endpoint: "https://as.example/token".into(), ..Identity::default() };
    let login = Record::new(1, identity, Settings::default(), grant, now);
    let store = FileStore::open(options(home.path())).unwrap();
    assert!(store.put(&"work".parse().unwrap(), &login, Expect::Absent).await.is_ok());

    let ((first, asking), (second, hearing)) = (keep(home.path(), true), keep(home.path(), false));
    assert_eq!(hearing.token().await.unwrap().generation(), 0);
    assert_eq!(asking.refresh(Span::from_secs(60)).await.unwrap().generation(), 1);
    let heard = async {
        while hearing.token().await.is_ok_and(|t| t.generation() == 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the sibling hears of it");
    assert_eq!(hearing.try_token().map(|t| t.generation()), Some(1));
    assert!(first.shutdown().await.lost.is_empty());
    assert!(second.shutdown().await.lost.is_empty());
}
