//! Several processes' worth of loops and stores over one folder of real files. What one writes reaches the others by
//! the system's word: the polls below it are an hour, or five minutes, away. Nothing here asserts how long anything
//! takes.
#![cfg(any(target_os = "linux", target_vendor = "apple", windows))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use renewd_blocking::*;
use renewd_core::*;
use renewd_driver::{Clock, CredentialName, CredentialStore, Expect, TokenEndpoint, system};
use renewd_store::{FileStore, FileStoreOptions, KeyChoice};

/// Long enough on any machine, and shorter than any poll here.
const PATIENCE: Span = Span::from_secs(60);

/// Gives tokens; counts how often it was asked.
#[derive(Default)]
struct Endpoint {
    requests: AtomicU64,
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    async fn send(&self, _: AttemptId, _: TokenRequest) -> Answer {
        let n = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let body = format!(
            r#"{{"access_token":"at-{n}","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-{n}"}}"#
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

/// One process: its own loop, its own store over the shared folder, its own connection.
struct Process {
    renewd: Renewd,
    keeper: BlockingKeeper,
    endpoint: Arc<Endpoint>,
}

impl Process {
    fn over(home: &Path) -> Self {
        let endpoint = Arc::new(Endpoint::default());
        let mut options = DriverOptions::default();
        options.store_poll = Span::from_hours(1);
        let renewd =
            Renewd::builder(endpoint.clone(), Arc::new(store(home))).options(options).spawn().unwrap();
        let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("app"));
        let keeper = renewd.keep(work(), setup);
        Self { renewd, keeper, endpoint }
    }

    fn requests(&self) -> u64 {
        self.endpoint.requests.load(Ordering::SeqCst)
    }

    /// Until it serves a token of that epoch and generation.
    fn serves(&self, version: (u64, u64)) {
        until(|| self.keeper.try_token().is_some_and(|t| (t.epoch(), t.generation()) == version));
    }
}

fn store(home: &Path) -> FileStore {
    let state = home.join("state");
    let mut options = FileStoreOptions::new(&state);
    options.key = KeyChoice::key_file(&state);
    FileStore::open(options).unwrap()
}

fn work() -> CredentialName {
    "work".parse().unwrap()
}

/// A login whose access token lives so long from now; over already for zero.
fn login(epoch: u64, seconds: u64) -> Record {
    let now = system::SystemClock.now();
    let identity = Identity { token_endpoint: "https://as.example/token".into(), ..Identity::default() };
    let access = Access {
        key: AccessKey::default(),
        token: Secret::from("at-0"),
        token_type: "Bearer".into(),
        issued: Stamp::new(now, system::SystemClock.boot_id()),
        lifetime: Span::from_secs(seconds),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant = GrantMaterial {
        refresh_token: Some(Secret::from(format!("rt-of-{epoch}").as_str())),
        access: vec![access],
        ..GrantMaterial::default()
    };
    Record::new(epoch, identity, Settings::default(), grant, now)
}

fn put(store: &FileStore, record: &Record, expect: Expect) {
    assert!(block_on(store.put(&work(), record, expect)).is_ok(), "the login is written");
}

fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 20 {
        if condition() {
            return;
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    panic!("it did not happen");
}

fn status(process: &Process) -> Status {
    process.keeper.view().unwrap().view.status
}

#[test]
fn a_sibling_serves_the_token_of_another_without_a_request() {
    let home = tempfile::tempdir().unwrap();
    put(&store(home.path()), &login(1, 3600), Expect::Absent);
    let (first, second) = (Process::over(home.path()), Process::over(home.path()));
    second.serves((1, 0));

    for generation in 1..=3 {
        assert_eq!(first.keeper.refresh(PATIENCE).unwrap().generation(), generation);
        second.serves((1, generation));
    }
    assert_eq!((first.requests(), second.requests()), (3, 0));
    assert!(first.renewd.shutdown().lost.is_empty() && second.renewd.shutdown().lost.is_empty());
}

#[test]
fn unauthenticated_heals_when_somebody_logs_in_elsewhere_and_logout_is_heard() {
    let home = tempfile::tempdir().unwrap();
    let process = Process::over(home.path());
    until(|| status(&process) == Status::Unauthenticated);

    let elsewhere = store(home.path());
    put(&elsewhere, &login(1, 3600), Expect::Absent);
    process.serves((1, 0));
    assert_eq!(status(&process), Status::Running);

    let tombstone = login(1, 3600).tombstone(system::SystemClock.now());
    put(&elsewhere, &tombstone, Expect::Version { epoch: 1, generation: 0 });
    until(|| status(&process) == Status::Unauthenticated);
    assert!(process.keeper.try_token().is_none());

    put(&elsewhere, &login(3, 3600), Expect::Version { epoch: 2, generation: 0 });
    process.serves((3, 0));
    assert_eq!(process.requests(), 0);
    assert!(process.renewd.shutdown().lost.is_empty());
}

#[test]
fn who_waits_for_the_claim_gets_the_holders_token_and_sends_nothing() {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = store(home.path());
    let standing = login(1, 0);
    put(&elsewhere, &standing, Expect::Absent);
    let claim = block_on(elsewhere.try_claim(&work())).unwrap().expect("nobody else is there");

    let process = Process::over(home.path());
    let waiting = process.keeper.clone();
    let caller = thread::spawn(move || waiting.token(PATIENCE).map(|t| t.generation()));
    until(|| process.keeper.view().unwrap().view.phase == Phase::Claiming);

    let mut renewed = login(1, 3600);
    renewed.generation = 1;
    let fence = Fence { epoch: 1, generation: 0, attempt: None };
    assert!(block_on(elsewhere.commit(&work(), &renewed, &fence)).is_ok());
    assert_eq!(caller.join().unwrap(), Ok(1), "while the claim is still held");
    drop(claim);
    assert_eq!(process.requests(), 0);
    assert!(process.renewd.shutdown().lost.is_empty());
}
