//! A program whose own HTTP client is reqwest: one token for all its tasks, and one replay after a 401.
//!
//! `cargo run -p renewd-e2e --example reqwest_client`. The authorization server and the API are test servers inside this
//! program, on real sockets; everything else is what a program of yours would write. A client that hyper drives can have a
//! layer instead (`crates/proxy/examples/tower_layer.rs`); reqwest builds its requests itself, and a few lines do.

use std::error::Error;
use std::sync::Arc;

use renewd_core::{Client, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings, Span};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialStore, Expect, Snapshot};
use renewd_store::{FileStore, FileStoreOptions, KeyChoice};
use renewd_testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_tokio::{CredentialName, Keeper, Rejection, Renewd, TokenError};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, Response, StatusCode};

type Failure = Box<dyn Error + Send + Sync>;

/// A client whose requests carry tokens. It is for one API: no other address ever gets one.
struct Carrying {
    client: reqwest::Client,
    keeper: Keeper,
    api: String,
}

impl Carrying {
    /// Sends a request with the token, and once more, with its whole body, where the token was refused.
    async fn send(&self, mut request: Request) -> Result<Response, Failure> {
        if request.url().origin().ascii_serialization() != self.api {
            return Err("this address is not the API's".into());
        }
        // A body that streams cannot be sent twice; reqwest says so by giving no copy.
        let again = request.try_clone();
        let token = self.keeper.token().await?.to_owned();
        request.headers_mut().insert(AUTHORIZATION, bearer(&token)?);
        let answer = self.client.execute(request).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match (self.keeper.rejected(token.epoch(), token.generation()).await?, again) {
            (Rejection::Renewed(newer), Some(mut again)) => {
                again.headers_mut().insert(AUTHORIZATION, bearer(&newer)?);
                Ok(self.client.execute(again).await?)
            }
            _ => Ok(answer),
        }
    }

    async fn echo(&self, body: &'static str) -> Result<String, Failure> {
        let request = self.client.post(format!("{}/echo", self.api)).body(body).build()?;
        Ok(self.send(request).await?.error_for_status()?.text().await?)
    }
}

fn bearer(token: &Snapshot) -> Result<HeaderValue, Failure> {
    let whole = Secret::new([b"Bearer ", token.access_token().expose()].concat());
    let mut value = HeaderValue::from_bytes(whole.expose())?;
    // No log of the client's shows it.
    value.set_sensitive(true);
    Ok(value)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = AuthorizationServer::start(AsConfig::default())?;
    let api = ProtectedApi::start(&server)?;
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let mut options = FileStoreOptions::new(&state);
    // Where nothing is said, the key lies in the machine's keyring: an example leaves that alone.
    options.key = KeyChoice::key_file(&state);
    let store = Arc::new(FileStore::open(options)?);
    let name: CredentialName = "example".parse()?;
    let kept = store.put(&name, &login(&server), Expect::Absent).await;
    kept.map_err(|_| "the store did not take the login")?;
    let endpoint = UreqEndpoint::new(UreqOptions::default(), Workers::default(), Arc::new(SystemClock));
    let renewd = Renewd::builder(Arc::new(endpoint), store).spawn();
    let mut policy = Policy::default();
    policy.retry.tries = 0; // an outage is told at once
    let setup = renewd.setup(policy, Profile::generic(), Client::public("testkit-client"));
    let keeper = renewd.keep(name, setup);

    // Redirects are followed by nobody: each would have to be looked at anew.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let carrying = Carrying { client, keeper, api: api.url() };

    // An outage: the error says when to come back, which is what your own callers are told.
    server.set_fault(Fault::WafBlock);
    let refused = carrying.echo("an outage").await.err().ok_or("an answer without a token")?;
    let wait = refused.downcast_ref::<TokenError>().and_then(TokenError::retry_after);
    let wait = wait.ok_or("the error does not say when to come back")?;
    println!("an outage: Retry-After: {}", wait.as_secs_ceil().max(1));

    // It is over, and somebody asks for a refresh rather than wait for the next attempt.
    server.set_fault(Fault::Ok);
    carrying.keeper.refresh(Span::from_secs(10)).await?;
    let first = carrying.echo("after the outage").await?;
    api.revoke_current();
    let second = carrying.echo("the token revoked").await?;
    println!("{first}; {second}: {} tokens were issued", server.totals().successes);

    let issued = server.totals().successes;
    renewd.shutdown().await;
    let as_promised =
        (first.as_str(), second.as_str()) == ("after the outage", "the token revoked") && issued == 2;
    if as_promised { Ok(()) } else { Err("this is not what was promised".into()) }
}

fn login(server: &AuthorizationServer) -> Record {
    let identity = Identity {
        token_endpoint: server.token_url(),
        client_id: "testkit-client".into(),
        ..Identity::default()
    };
    let refresh_token = Some(Secret::from(server.mint_grant().refresh_token));
    let grant = GrantMaterial { refresh_token, ..GrantMaterial::default() };
    Record::new(1, identity, Settings::default(), grant, SystemClock.now())
}
