//! Grants that no person takes part in, clients that prove themselves with keys, clients that are made on the spot.

use renewd_blocking::block_on;
use renewd_core::{
    AssertionClaims, ClientAuth, GrantType, JwtBearer, Policy, Secret, SigningKey, Span, TokenExchange,
    TokenSource,
};
use renewd_login::protocol::RegistrationRequest;
use renewd_login::{LoginErrorKind, NullUi, by_grant, register};
use renewd_signer::{Algorithm, PrivateKey, generate};
use renewd_testkit::{AsConfig, AuthorizationServer, Fault, LoginConfig, Registration};

use crate::support::{found, issuer, log_in, obedient, plan, ports, record, signing_ports};

fn key() -> (SigningKey, String) {
    let material = generate(Algorithm::Es256).unwrap();
    let jwks = PrivateKey::parse(&material).unwrap().public_jwks();
    (SigningKey { material, key_id: None, algorithm: None }, jwks)
}

#[test]
fn client_credentials_become_a_record_that_is_renewed_by_running_them_again() {
    let config = AsConfig {
        client_secret: Some("a-secret".into()),
        login: LoginConfig { needless_refresh_token: true, ..LoginConfig::default() },
        ..AsConfig::default()
    };
    let server = AuthorizationServer::start(config).unwrap();
    let ports = ports();
    let mut plan = plan(&ports, &server);
    plan.client.auth = ClientAuth::Post(Secret::from("a-secret"));
    plan.client.grant_type = GrantType::ClientCredentials;
    plan.client.audience = Some("https://api.example".into());
    let granted = block_on(by_grant(&ports, &plan, &NullUi)).unwrap();
    assert!(granted.is_renewable(&plan));
    let record = record(&granted, &plan);
    assert!(matches!(record.settings.grant_type, GrantType::ClientCredentials));
    assert_eq!(record.settings.audience.as_deref(), Some("https://api.example"));
    assert!(record.grant.refresh_token.is_none(), "one that is not needed is not kept");
}

#[test]
fn another_token_is_exchanged_and_an_assertion_is_a_grant() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let ports = signing_ports();
    let exchange = TokenExchange {
        subject: TokenSource::Kept(Secret::from("subject-token")),
        subject_type: "urn:ietf:params:oauth:token-type:access_token".into(),
        actor: None,
        requested_type: None,
    };
    let (signing, _) = key();
    let claims = AssertionClaims {
        key: signing,
        issuer: "me".into(),
        subject: Some("me".into()),
        audience: server.token_url(),
        claims: Vec::new(),
        lifetime: Span::from_mins(5),
    };
    for grant_type in [GrantType::TokenExchange(exchange), GrantType::JwtBearer(JwtBearer::Signed(claims))] {
        let mut plan = plan(&ports, &server);
        plan.client.grant_type = grant_type;
        let granted = block_on(by_grant(&ports, &plan, &NullUi)).unwrap();
        let record = record(&granted, &plan);
        let token = record.access().unwrap().token.expose_str().unwrap().to_owned();
        assert_eq!(server.access_facts(&token).unwrap().grant_type.unwrap(), plan.client.grant_type.name());
    }
}

// rfc-test: 6749-4.4
#[test]
fn client_credentials_of_a_client_without_any_are_refused_before_a_request() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let ports = ports();
    let mut plan = plan(&ports, &server);
    plan.client.grant_type = GrantType::ClientCredentials;
    let error = block_on(by_grant(&ports, &plan, &NullUi)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Configuration);
    assert!(error.to_string().contains("--client-secret-file"), "{error}");
    assert!(server.log().is_empty());
}

// rfc-test: 6749-7.1
#[test]
fn a_token_of_a_type_that_wants_more_than_to_be_shown_is_refused() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let ports = ports();
    let exchange = TokenExchange {
        subject: TokenSource::Kept(Secret::from("subject-token")),
        subject_type: "urn:ietf:params:oauth:token-type:access_token".into(),
        actor: None,
        requested_type: Some("urn:ietf:params:oauth:token-type:saml2".into()),
    };
    let mut plan = plan(&ports, &server);
    plan.client.grant_type = GrantType::TokenExchange(exchange);
    for token_type in ["N_A", "mac", "PoP"] {
        let body = format!(r#"{{"access_token":"at-canary","token_type":"{token_type}","expires_in":60}}"#);
        server.push_fault(Fault::Status { code: 200, retry_after: None, body });
        let error = block_on(by_grant(&ports, &plan, &NullUi)).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), LoginErrorKind::Refused);
        assert!(error.to_string().contains(token_type) && !error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_grant_that_needs_a_person_is_not_run_without_one() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let ports = ports();
    let plan = plan(&ports, &server);
    let error = block_on(by_grant(&ports, &plan, &NullUi)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Configuration);
}

#[test]
fn a_clock_that_is_wrong_is_put_right_by_the_servers() {
    let (signing, jwks) = key();
    let login =
        LoginConfig { client_keys: Some(jwks), clock_offset_ms: 40 * 60 * 1000, ..LoginConfig::default() };
    let server = AuthorizationServer::start(AsConfig { login, ..AsConfig::default() }).unwrap();
    let ports = signing_ports();
    let mut plan = plan(&ports, &server);
    plan.client.auth = ClientAuth::PrivateKeyJwt { key: signing, audience: None };
    plan.client.grant_type = GrantType::ClientCredentials;
    let granted = block_on(by_grant(&ports, &plan, &NullUi)).unwrap();
    assert!(granted.is_renewable(&plan));
    assert!(server.log().len() <= 2, "the first refusal taught the time");
}

#[test]
fn a_client_that_is_registered_on_the_spot_can_log_in() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let ports = ports();
    let discovered = found(&ports, &issuer(&server.issuer())).unwrap();
    let request = RegistrationRequest {
        redirect_uris: &["http://127.0.0.1/callback"],
        grant_types: &["authorization_code", "refresh_token"],
        auth_method: "none",
        signing_alg: None,
        jwks: None,
        dpop_bound: false,
        scope: None,
    };
    let policy = Policy::default().request;
    let registered = block_on(register(&ports, &discovered, &request, None, &policy)).unwrap();
    assert_eq!(registered.registration.endpoint, server.registration_url());
    assert_eq!(server.registered_clients().len(), 1);
    let mut plan = plan(&ports, &server);
    plan.client.id.clone_from(&registered.client_id);
    let granted = log_in(&ports, &plan, obedient()).unwrap();
    assert_eq!(record(&granted, &plan).identity.client_id, registered.client_id);
}

#[test]
fn a_server_that_registers_nobody_is_told_with_what_to_do() {
    let login = LoginConfig { registration: Registration::Closed, ..LoginConfig::default() };
    let server = AuthorizationServer::start(AsConfig { login, ..AsConfig::default() }).unwrap();
    let ports = ports();
    let discovered = found(&ports, &issuer(&server.issuer())).unwrap();
    let request = RegistrationRequest {
        redirect_uris: &[],
        grant_types: &["urn:ietf:params:oauth:grant-type:device_code"],
        auth_method: "none",
        signing_alg: None,
        jwks: None,
        dpop_bound: false,
        scope: None,
    };
    let policy = Policy::default().request;
    let error = block_on(register(&ports, &discovered, &request, None, &policy)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Configuration);
    assert!(error.to_string().contains("--client-id"), "{error}");
}
