//! The middleware of ureq, against real servers.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::sync::Arc;

use renewd_blocking::ureq::TokenMiddleware;
use renewd_blocking::ureq::TokenMiddlewareError;
use renewd_blocking::{BlockingKeeper, Renewd, block_on};
use renewd_core::{Client, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings, Span, Status};
use renewd_driver::system::SystemClock;
use renewd_driver::testing::MemoryStore;
use renewd_driver::{Clock as _, CredentialStore as _, Expect, TokenError};
use renewd_signer::{Algorithm, KeySigner, generate};
use renewd_testkit::{AsConfig, AuthorizationServer, Dpop, Fault, LoginConfig, ProtectedApi};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};
use ureq::Agent;

struct World {
    server: AuthorizationServer,
    api: ProtectedApi,
    _renewd: Renewd,
    keeper: BlockingKeeper,
}

fn world(bound: bool) -> World {
    let dpop = if bound { Dpop::Required } else { Dpop::default() };
    let login = LoginConfig { dpop, dpop_nonce: bound, ..LoginConfig::default() };
    let server = AuthorizationServer::start(AsConfig { login, ..AsConfig::default() }).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let identity = Identity {
        token_endpoint: server.token_url(),
        client_id: "testkit-client".into(),
        ..Identity::default()
    };
    let dpop_key = bound.then(|| generate(Algorithm::Es256).unwrap());
    let settings = Settings { dpop_key, ..Settings::default() };
    let refresh_token = Some(Secret::from(server.mint_grant().refresh_token));
    let grant = GrantMaterial { refresh_token, ..GrantMaterial::default() };
    let record = Record::new(1, identity, settings, grant, SystemClock.now());
    let (name, store) = ("api".parse().unwrap(), Arc::new(MemoryStore::new()));
    assert!(block_on(store.put(&name, &record, Expect::Absent)).is_ok(), "it is new");
    let endpoint = UreqEndpoint::new(UreqOptions::default(), Workers::default(), Arc::new(SystemClock));
    let renewd =
        Renewd::builder(Arc::new(endpoint), store).signer(Arc::new(KeySigner::new())).spawn().unwrap();
    // What fails is told at once.
    let mut policy = Policy::default();
    policy.retry.tries = 0;
    let setup = renewd.setup(policy, Profile::generic(), Client::public("testkit-client"));
    let keeper = renewd.keep(name, setup);
    World { server, api, _renewd: renewd, keeper }
}

impl World {
    fn agent(&self, more: impl FnOnce(TokenMiddleware) -> TokenMiddleware) -> Agent {
        let plain = Agent::config_builder().build().into();
        let carrying = TokenMiddleware::new(self.keeper.clone(), &self.api.url(), plain).unwrap();
        Agent::config_builder().middleware(more(carrying)).build().into()
    }

    fn echo(&self, agent: &Agent, body: &str) -> Result<String, ureq::Error> {
        agent.post(format!("{}/echo", self.api.url())).send(body)?.body_mut().read_to_string()
    }
}

#[test]
fn a_refused_token_is_replaced_and_the_request_sent_once_more_with_its_whole_body() {
    let world = world(false);
    let agent = world.agent(|carrying| carrying);
    assert_eq!(world.echo(&agent, "first").unwrap(), "first");
    world.api.revoke_current();
    assert_eq!(world.echo(&agent, "second").unwrap(), "second");
    let mut answer = agent.get(format!("{}/thing", world.api.url())).call().unwrap();
    assert!(answer.body_mut().read_to_string().unwrap().contains("\"method\":\"GET\""));
    let (asked, renewed) = (world.api.totals(), world.server.totals());
    assert_eq!((asked.requests, asked.authorized, renewed.successes), (4, 3, 2));
}

#[test]
fn an_api_that_refuses_every_token_is_asked_twice_and_its_answer_handed_on() {
    let world = world(false);
    let agent = world.agent(|carrying| carrying);
    world.api.answer_401_always(true);
    let error = world.echo(&agent, "x").unwrap_err();
    assert!(matches!(error, ureq::Error::StatusCode(401)), "{error}");
    assert_eq!(world.api.totals().requests, 2);
    assert!(world.server.totals().successes <= 2);
}

#[test]
fn a_body_over_the_limit_is_sent_once_and_the_token_is_replaced_all_the_same() {
    let world = world(false);
    let agent = world.agent(|carrying| carrying.replay_limit(8));
    assert_eq!(world.echo(&agent, "123456789 and more").unwrap(), "123456789 and more");
    world.api.revoke_current();
    let error = world.echo(&agent, "123456789").unwrap_err();
    assert!(matches!(error, ureq::Error::StatusCode(401)), "{error}");
    assert_eq!(world.echo(&agent, "123456789").unwrap(), "123456789");
    assert_eq!(world.api.totals().requests, 3);
}

#[test]
fn in_an_outage_the_error_says_when_to_come_back() {
    let world = world(false);
    world.server.set_fault(Fault::WafBlock);
    let agent = world.agent(|carrying| carrying.patience(Span::from_secs(60)));
    let error = world.echo(&agent, "x").unwrap_err();
    let why = TokenMiddlewareError::of(&error).expect("an error of the middleware's");
    assert!(
        matches!(why, TokenMiddlewareError::NoToken(TokenError::Unavailable(state)) if state.status == Status::AuthRetrying)
    );
    assert!(why.retry_after().is_some_and(|span| !span.is_zero()), "{why}");
    assert_eq!(world.api.totals().requests, 0, "nothing is sent without a token");
}

#[test]
fn another_origin_is_refused_before_anything_leaves() {
    let world = world(false);
    let other = ProtectedApi::start(&world.server).unwrap();
    let agent = world.agent(|carrying| carrying);
    let error = agent.get(other.url()).call().unwrap_err();
    assert!(
        matches!(TokenMiddlewareError::of(&error), Some(TokenMiddlewareError::Foreign { .. })),
        "{error}"
    );
    assert_eq!(other.totals().requests, 0);
    let agent = world.agent(|carrying| carrying.also_to(&other.url()).unwrap());
    agent.get(other.url()).call().unwrap();
}

#[test]
fn a_bound_token_goes_with_a_proof_and_a_wanted_nonce_costs_no_refresh() {
    let world = world(true);
    let agent = world.agent(|carrying| carrying.signed_by(KeySigner::new()));
    assert_eq!(world.echo(&agent, "bound").unwrap(), "bound");
    world.api.rotate_dpop_nonce();
    assert_eq!(world.echo(&agent, "again").unwrap(), "again");
    assert_eq!(world.server.totals().successes, 1);
    world.api.revoke_current();
    assert_eq!(world.echo(&agent, "newer").unwrap(), "newer");
    let unsigned = world.agent(|carrying| carrying);
    let error = world.echo(&unsigned, "x").unwrap_err();
    assert!(matches!(TokenMiddlewareError::of(&error), Some(TokenMiddlewareError::NoProof(_))), "{error}");
}
