//! A program whose own HTTP client carries tokens that are bound to a key (RFC 9449).
//!
//! `cargo run -p renewd-proxy --features tower --example tower_layer`. The authorization server and the API are test
//! servers inside this program, on real sockets; everything else is what a program of yours would write.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use renewd_core::{Client, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings};
use renewd_driver::system::SystemClock;
use renewd_driver::testing::MemoryStore;
use renewd_driver::{Clock as _, CredentialStore as _, Expect};
use renewd_proxy::ProofSigner;
use renewd_proxy::layer::{LayerBody, TokenLayer, TokenService};
use renewd_signer::{Algorithm, KeySigner, generate};
use renewd_testkit::{AsConfig, AuthorizationServer, Dpop, LoginConfig, ProtectedApi};
use renewd_tokio::Renewd;
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};
use tower_layer::Layer as _;
use tower_service::Service as _;

type Failure = Box<dyn Error + Send + Sync>;
type Carrying = TokenService<HttpClient<HttpConnector, LayerBody<Full<Bytes>>>>;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Failure> {
    // The world outside: no token without a proof, and no proof without the server's nonce.
    let login = LoginConfig { dpop: Dpop::Required, dpop_nonce: true, ..LoginConfig::default() };
    let server = AuthorizationServer::start(AsConfig { login, ..AsConfig::default() })?;
    let api = ProtectedApi::start(&server)?;

    // A login with a key, as `renewd login --dpop` leaves it, and the loop that keeps it.
    let (name, store) = ("example".parse()?, Arc::new(MemoryStore::new()));
    let kept = store.put(&name, &a_login(&server)?, Expect::Absent).await;
    kept.map_err(|_| "the store did not take the login")?;
    let endpoint = UreqEndpoint::new(UreqOptions::default(), Workers::default(), Arc::new(SystemClock));
    let renewd = Renewd::builder(Arc::new(endpoint), store).signer(Arc::new(KeySigner::new())).spawn();
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("testkit-client"));
    let keeper = renewd.keep(name, setup);

    // The layer, over hyper's client. Tokens go to the API and nowhere else.
    let layer = TokenLayer::new(keeper, api.url().parse()?).signed_by(ProofSigner::new(KeySigner::new()));
    let client = HttpClient::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let mut client = layer.layer(client);

    post(&mut client, &api, "no token at first").await?;
    api.revoke_current();
    post(&mut client, &api, "the token revoked").await?;
    api.rotate_dpop_nonce();
    post(&mut client, &api, "a nonce wanted").await?;

    let (asked, renewed) = (api.totals(), server.totals());
    println!("{} requests reached the API, {} tokens were issued", asked.requests, renewed.successes);
    let drained = renewd.shutdown().await;
    let as_promised = asked.authorized == 3 && renewed.successes == 2 && drained.lost.is_empty();
    if as_promised { Ok(()) } else { Err("this is not what was promised".into()) }
}

/// One request with a body; it must arrive whole.
async fn post(client: &mut Carrying, api: &ProtectedApi, body: &'static str) -> Result<(), Failure> {
    let request = Request::post(format!("{}/echo", api.url())).body(Full::from(body))?;
    std::future::poll_fn(|cx| client.poll_ready(cx)).await?;
    let answer = client.call(request).await?;
    let status = answer.status();
    let echoed = answer.into_body().collect().await?.to_bytes();
    println!("{body}: {status}");
    let whole = status == StatusCode::OK && echoed == body;
    if whole { Ok(()) } else { Err(format!("{body}: {status}, {} bytes", echoed.len()).into()) }
}

fn a_login(server: &AuthorizationServer) -> Result<Record, Failure> {
    let identity = Identity {
        token_endpoint: server.token_url(),
        client_id: "testkit-client".into(),
        ..Identity::default()
    };
    let settings = Settings { dpop_key: Some(generate(Algorithm::Es256)?), ..Settings::default() };
    let refresh_token = Some(Secret::from(server.mint_grant().refresh_token));
    let grant = GrantMaterial { refresh_token, ..GrantMaterial::default() };
    Ok(Record::new(1, identity, settings, grant, SystemClock.now()))
}
