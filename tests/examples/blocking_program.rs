//! A program of plain threads that calls an API for longer than its tokens live. No async runtime anywhere.
//!
//! `cargo run -p renewd-e2e --example blocking_program`. The authorization server and the API are test servers inside
//! this program, on real sockets; everything else is what a program of yours would write.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use renewd_blocking::{BlockingKeeper, CredentialName, Lease, Rejection, Renewd, block_on};
use renewd_core::{Client, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings, Span};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock, CredentialStore, Expect};
use renewd_store::{FileStore, FileStoreOptions, KeyChoice};
use renewd_testkit::{AsConfig, AuthorizationServer, HttpAnswer, ProtectedApi, http_request};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};

/// How long a thread waits for a token when there is none.
const PATIENCE: Span = Span::from_secs(60);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // The world outside: access tokens live three seconds, refresh tokens work once.
    let server = AuthorizationServer::start(AsConfig { lifetime_ms: 3_000, ..AsConfig::default() })?;
    let api = ProtectedApi::start(&server)?;

    // A login in a sealed store, as `renewd import` would leave it.
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let mut options = FileStoreOptions::new(&state);
    // Where nothing is said, the key lies in the machine's keyring: an example leaves that alone.
    options.key = KeyChoice::key_file(&state);
    let store = Arc::new(FileStore::open(options)?);
    let name: CredentialName = "example".parse()?;
    let login = login(&server.token_url(), server.mint_grant().refresh_token);
    block_on(store.put(&name, &login, Expect::Absent)).map_err(|_| "the store did not take the login")?;

    // Keep it.
    let clock = Arc::new(SystemClock);
    let endpoint = Arc::new(UreqEndpoint::new(UreqOptions::default(), Workers::default(), clock));
    let renewd = Renewd::builder(endpoint, store).spawn()?;
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("testkit-client"));
    let keeper = renewd.keep(name, setup);

    // Four threads call the API until the tokens have been renewed three times.
    let enough = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (keeper, enough, api) = (keeper.clone(), Arc::clone(&enough), api.addr());
            thread::spawn(move || work(&keeper, api, &enough))
        })
        .collect();
    server.wait_for(|seen| seen.rotations >= 4, Duration::from_secs(60))?;
    enough.store(true, Ordering::Relaxed);
    let mut calls = 0;
    for worker in workers {
        calls += worker.join().map_err(|_| "a thread panicked")??;
    }
    println!("{calls} calls by four threads over four access tokens, none failed");

    // The API stops taking the token, long before it ends.
    api.revoke_current();
    let status = call(&keeper, api.addr())?.status;
    println!("a call with a revoked token: refreshed, sent again, {status}");

    // What stands in memory is on disk when this returns.
    let drained = renewd.shutdown();
    let seen = server.totals();
    if status != 200 || !drained.lost.is_empty() || seen.reuse_trips != 0 {
        return Err("this is not what was promised".into());
    }
    println!("{} refreshes in all, each with a refresh token that was spent once", seen.rotations);
    Ok(())
}

/// Calls the API until told that it is enough; says how often.
fn work(keeper: &BlockingKeeper, api: SocketAddr, enough: &AtomicBool) -> Result<u32, Failure> {
    let mut calls = 0;
    while !enough.load(Ordering::Relaxed) {
        let answer = call(keeper, api)?;
        if answer.status != 200 {
            return Err(format!("the API answered {}", answer.status).into());
        }
        calls += 1;
    }
    Ok(calls)
}

/// One call. A 401 is reported; with a newer token the call is made once more.
fn call(keeper: &BlockingKeeper, api: SocketAddr) -> Result<HttpAnswer, Failure> {
    let token = keeper.token(PATIENCE)?;
    let answer = post(api, &token)?;
    if answer.status == 401
        && let Rejection::Renewed(newer) = keeper.rejected(token.epoch(), token.generation(), PATIENCE)?
    {
        return post(api, &newer);
    }
    Ok(answer)
}

/// The request itself; this API takes a fifth of a second for it.
fn post(api: SocketAddr, token: &Lease) -> Result<HttpAnswer, Failure> {
    let bearer = format!("Bearer {}", String::from_utf8_lossy(token.access_token().expose()));
    Ok(http_request(api, "POST", "/slow?ms=200", &[("Authorization", &bearer)], b"work")?)
}

fn login(token_endpoint: &str, refresh_token: String) -> Record {
    let identity = Identity {
        token_endpoint: token_endpoint.into(),
        client_id: "testkit-client".into(),
        ..Identity::default()
    };
    let grant = GrantMaterial {
        refresh_token: Some(Secret::new(refresh_token.into_bytes())),
        ..GrantMaterial::default()
    };
    Record::new(1, identity, Settings::default(), grant, SystemClock.now())
}
