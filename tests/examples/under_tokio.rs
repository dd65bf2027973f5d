//! An async program whose tasks share one credential.
//!
//! `cargo run -p renewd-e2e --example under_tokio`. The authorization server and the API are test servers inside this
//! program, on real sockets; everything else is what a program of yours would write.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use renewd_core::{Client, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock, CredentialStore, Expect, Snapshot};
use renewd_store::{FileStore, FileStoreOptions, KeyChoice};
use renewd_testkit::{AsConfig, AuthorizationServer, ProtectedApi, read_answer};
use renewd_tokio::{CredentialName, Keeper, Rejection, Renewd};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const TASKS: usize = 50;

/// How long to wait for what must come; machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // The world outside: refresh tokens work once, and one that is seen again ends the login.
    let server = AuthorizationServer::start(AsConfig::default())?;
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
    store.put(&name, &login, Expect::Absent).await.map_err(|_| "the store did not take the login")?;

    // Keep it. The loop is a task of this runtime.
    let clock = Arc::new(SystemClock);
    let endpoint = Arc::new(UreqEndpoint::new(UreqOptions::default(), Workers::default(), clock));
    let renewd = Renewd::builder(endpoint, store).spawn();
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("testkit-client"));
    let keeper = renewd.keep(name, setup);

    // A task asks for the first token and is aborted in the middle of the refresh. It takes nothing with it: the
    // refresh belongs to the loop, and serves the fifty tasks that come then.
    server.hold();
    let impatient = tokio::spawn({
        let keeper = keeper.clone();
        async move { keeper.token().await.is_ok() }
    });
    let server =
        tokio::task::spawn_blocking(move || server.wait_held(1, PATIENCE).map(|()| server)).await??;
    impatient.abort();
    server.release();
    crowd(&keeper, api.addr()).await?;
    let first = server.totals().token_requests;
    println!("{TASKS} tasks after one that was aborted, no token at first: {first} token request");

    // The token is revoked: fifty answers 401 cost one refresh, and every task sends its request once more.
    api.revoke_current();
    crowd(&keeper, api.addr()).await?;
    let second = server.totals().token_requests - first;
    let refused = api.totals().unauthorized;
    println!("{TASKS} tasks at once, the token revoked: {refused} answers 401, {second} token request");

    // What is under way is finished and saved before this ends.
    let drained = renewd.shutdown().await;
    let as_promised =
        (first, second) == (1, 1) && server.totals().reuse_trips == 0 && drained.lost.is_empty();
    if !as_promised {
        return Err("this is not what was promised".into());
    }
    println!("shut down, nothing lost");
    Ok(())
}

/// Every task calls the API once and must succeed.
async fn crowd(keeper: &Keeper, api: SocketAddr) -> Result<(), Failure> {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let keeper = keeper.clone();
        tasks.spawn(async move { call(&keeper, api).await });
    }
    while let Some(ended) = tasks.join_next().await {
        let status = ended??;
        if status != 200 {
            return Err(format!("the API answered {status}").into());
        }
    }
    Ok(())
}

/// One call. A 401 is reported; with a newer token the call is made once more.
async fn call(keeper: &Keeper, api: SocketAddr) -> Result<u16, Failure> {
    let token = keeper.token().await?.to_owned();
    let status = send(api, &token).await?;
    if status == 401
        && let Rejection::Renewed(newer) = keeper.rejected(token.epoch(), token.generation()).await?
    {
        return send(api, &newer).await;
    }
    Ok(status)
}

/// The request itself, in the place of an HTTP client of your choice.
async fn send(api: SocketAddr, token: &Snapshot) -> Result<u16, Failure> {
    let mut tcp = TcpStream::connect(api).await?;
    let head = format!("POST /echo HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: 4\r\n");
    let bearer = String::from_utf8_lossy(token.access_token().expose());
    tcp.write_all(format!("{head}Authorization: Bearer {bearer}\r\n\r\nwork").as_bytes()).await?;
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await?;
    Ok(read_answer(&mut answer.as_slice(), false)?.status)
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
