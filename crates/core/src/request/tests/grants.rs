//! The other grants, and the proofs that every one of them asks for.

use super::*;
use crate::grant_type::{GrantType, JwtBearer, TokenExchange};

fn grant(grant_type: GrantType, client: Client) -> TokenRequest {
    let identity = Identity { resource: Some("https://api.example/".to_string()), ..identity() };
    let client = Client { grant_type, ..client };
    TokenRequest::grant(&identity, &client, NOW, &RequestPolicy::default()).unwrap()
}

fn key() -> SigningKey {
    SigningKey { material: Secret::from("{\"kty\":\"EC\"}"), key_id: Some("k1".into()), algorithm: None }
}

fn signing() -> Client {
    Client { auth: ClientAuth::PrivateKeyJwt { key: key(), audience: None }, ..Client::public("app") }
}

#[test]
fn a_client_asks_for_itself_with_its_scope_resource_and_audience() {
    let client = Client {
        auth: ClientAuth::Basic(Secret::from("s")),
        scope: Some("read write".into()),
        audience: Some("api".into()),
        extra_parameters: vec![("team".into(), "7".into()), ("scope".into(), "other".into())],
        ..Client::public("app")
    };
    let request = grant(GrantType::ClientCredentials, client);
    assert_eq!(
        body(&request),
        "grant_type=client_credentials&scope=read+write&resource=https%3A%2F%2Fapi.example%2F&audience=api&team=7"
    );
    assert_eq!(request.url, "https://as.example/token");
    assert_eq!(header(&request, "authorization"), ["Basic YXBwOnM="]);
}

// rfc-test: 9700-2.4
#[test]
fn there_is_no_password_grant() {
    let types = [GrantType::RefreshToken, GrantType::ClientCredentials];
    assert!(types.iter().all(|one| one.name() != "password"));
    let client =
        Client { extra_parameters: vec![("grant_type".into(), "password".into())], ..Client::public("app") };
    assert_eq!(body(&refresh(&client, "rt")), "grant_type=refresh_token&refresh_token=rt&client_id=app");
}

#[test]
fn a_client_that_is_renewed_by_a_refresh_token_has_no_other_grant() {
    assert!(
        TokenRequest::grant(&identity(), &Client::public("app"), NOW, &RequestPolicy::default()).is_none()
    );
}

#[test]
fn an_exchange_names_what_is_exchanged_and_reads_a_file_only_when_it_leaves() {
    let exchange = TokenExchange {
        subject: TokenSource::File("/run/token".into()),
        subject_type: "urn:ietf:params:oauth:token-type:jwt".into(),
        actor: Some((TokenSource::Kept(Secret::from("act")), "urn:x:actor".into())),
        requested_type: Some("urn:x:wanted".into()),
    };
    let request = grant(GrantType::TokenExchange(exchange), Client::public("app"));
    assert_eq!(
        body(&request),
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&requested_token_type=urn%3Ax%3Awanted\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&actor_token=act\
         &actor_token_type=urn%3Ax%3Aactor&client_id=app&resource=https%3A%2F%2Fapi.example%2F"
    );
    let [ProofSpec::Token { parameter: "subject_token", source: TokenSource::File(path) }] =
        &request.proofs[..]
    else {
        panic!("one file is read");
    };
    assert_eq!(path, "/run/token");
}

#[test]
fn an_assertion_is_given_or_signed_for_the_time_it_is_sent_at() {
    let given = GrantType::JwtBearer(JwtBearer::Given(TokenSource::Kept(Secret::from("jwt"))));
    assert_eq!(
        body(&grant(given, Client::public(""))),
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=jwt\
         &resource=https%3A%2F%2Fapi.example%2F"
    );
    let claims = AssertionClaims {
        key: key(),
        issuer: "robot".into(),
        subject: None,
        audience: "https://as.example/token".into(),
        claims: vec![],
        lifetime: Span::from_mins(5),
    };
    let client = Client { extra_parameters: vec![("assertion".into(), "mine".into())], ..Client::public("") };
    let request = grant(GrantType::JwtBearer(JwtBearer::Signed(claims)), client);
    let [ProofSpec::Assertion { claims, at }] = &request.proofs[..] else { panic!("one assertion") };
    assert_eq!((claims.issuer.as_str(), *at), ("robot", NOW.at));
    assert!(!body(&request).contains("assertion="), "filled in by the signer alone: {}", body(&request));
}

// rfc-test: 6749-3.2.1-2
#[test]
fn a_client_that_signs_does_so_for_the_token_endpoint_wherever_it_asks() {
    let audience = |request: &TokenRequest| {
        let found = request.proofs.iter().find_map(|proof| {
            let ProofSpec::ClientAssertion { audience, client_id, at, .. } = proof else { return None };
            assert_eq!((client_id.as_str(), *at), ("app", NOW.at));
            Some(audience.clone())
        });
        found.expect("a client assertion")
    };
    let policy = RequestPolicy::default();
    let token = Secret::from("t");
    let revoke = |client: &Client| {
        let hint = TokenTypeHint::AccessToken;
        TokenRequest::revocation(&identity(), client, &token, hint, NOW, &policy).unwrap()
    };
    assert_eq!(audience(&refresh(&signing(), "rt")), "https://as.example/token");
    assert_eq!(audience(&revoke(&signing())), "https://as.example/token");
    let auth = ClientAuth::PrivateKeyJwt { key: key(), audience: Some("https://as.example".into()) };
    let told = Client { auth, ..Client::public("app") };
    assert_eq!(audience(&refresh(&told, "rt")), "https://as.example");
    assert_eq!(audience(&revoke(&told)), "https://as.example");
    assert_eq!(body(&refresh(&signing(), "rt")), "grant_type=refresh_token&refresh_token=rt&client_id=app");
}

// Audience injection: an assertion for somebody else's token endpoint would be good there.
#[test]
fn what_a_client_signs_for_an_address_of_another_origin_is_for_the_issuer_alone() {
    let identity = Identity { issuer: Some("https://as.example/tenant".into()), ..identity() };
    let policy = RequestPolicy::default();
    for (url, audience) in [
        ("https://as.example/device", "https://as.example/token"),
        ("https://as.example?device", "https://as.example/token"),
        ("https://as.example:8443/device", "https://as.example/tenant"),
        ("https://evil.example/device", "https://as.example/tenant"),
        ("https://as.example.evil.example/device", "https://as.example/tenant"),
        ("https://as.example@evil.example/device", "https://as.example/tenant"),
        ("https://evil.example?https://as.example/", "https://as.example/tenant"),
    ] {
        let request = TokenRequest::form_to(url, &identity, &signing(), &[], NOW, &policy);
        let [ProofSpec::ClientAssertion { audience: signed, .. }] = &request.proofs[..] else {
            panic!("one assertion")
        };
        assert_eq!(signed, audience, "{url}");
    }
}

#[test]
fn a_bound_client_proves_possession_at_the_token_endpoint_with_the_nonce_it_was_given() {
    let client = Client { dpop_key: Some(Secret::from("{}")), ..signing() };
    let proving = Proving { nonce: Some("n-1"), ..NOW };
    let policy = RequestPolicy::default();
    let request = TokenRequest::refresh(&identity(), &client, &Secret::from("rt"), proving, &policy);
    let [ProofSpec::ClientAssertion { .. }, ProofSpec::Dpop { nonce: Some(nonce), at, .. }] =
        &request.proofs[..]
    else {
        panic!("the client's proof, then that of possession");
    };
    assert_eq!((nonce.as_str(), *at), ("n-1", NOW.at));
    let hint = TokenTypeHint::RefreshToken;
    let revocation =
        TokenRequest::revocation(&identity(), &client, &Secret::from("rt"), hint, proving, &policy).unwrap();
    assert!(!revocation.proofs.iter().any(|proof| matches!(proof, ProofSpec::Dpop { .. })));
}

// rfc-test: 6749-4.1.3
// rfc-test: 7636-4.5
#[test]
fn a_code_goes_out_with_its_redirect_address_and_verifier_and_neither_scope_nor_audience() {
    let client = Client {
        scope: Some("read".into()),
        audience: Some("api".into()),
        auth: ClientAuth::Post(Secret::from("s")),
        ..Client::public("app")
    };
    let (code, verifier) = (Secret::from("c/1"), Secret::from("v~1"));
    let code =
        AuthorizationCode { code: &code, redirect_uri: "http://127.0.0.1:7/callback", verifier: &verifier };
    let identity = Identity { resource: Some("https://api.example/".to_string()), ..identity() };
    let request = TokenRequest::authorization_code(&identity, &client, &code, NOW, &RequestPolicy::default());
    assert_eq!(
        body(&request),
        "grant_type=authorization_code&code=c%2F1&redirect_uri=http%3A%2F%2F127.0.0.1%3A7%2Fcallback&code_verifier=v~1\
         &client_id=app&client_secret=s&resource=https%3A%2F%2Fapi.example%2F"
    );
}

// rfc-test: 8628-3.4
#[test]
fn a_device_code_is_polled_with_in_the_providers_own_words() {
    let refresh = RefreshRequest {
        names: vec![("client_id".into(), "client_key".into())].into(),
        parameters: vec![("type".into(), "refresh".into())].into(),
        headers: vec![("X-Version".into(), "1".into())].into(),
        encoding: BodyEncoding::Json,
        ..RefreshRequest::PLAIN
    };
    let client = Client::public("app").for_login(&Profile { refresh, ..Profile::GENERIC });
    let request =
        TokenRequest::device_code(&identity(), &client, &Secret::from("d-1"), NOW, &RequestPolicy::default());
    assert_eq!(
        body(&request),
        r#"{"grant_type":"urn:ietf:params:oauth:grant-type:device_code","device_code":"d-1","client_key":"app"}"#
    );
    assert_eq!(header(&request, "x-version"), ["1"]);
}

#[test]
fn any_other_form_names_the_client_once_and_is_never_bound() {
    let client = Client {
        auth: ClientAuth::Post(Secret::from("s")),
        dpop_key: Some(Secret::from("{}")),
        extra_parameters: vec![("team".into(), "7".into())],
        ..Client::public("app")
    };
    let policy = RequestPolicy::default();
    let url = "https://as.example/device";
    let form =
        |fields: &[(&str, &[u8])]| TokenRequest::form_to(url, &identity(), &client, fields, NOW, &policy);
    let request = form(&[("scope", b"a b")]);
    assert_eq!((request.url.as_str(), body(&request)), (url, "scope=a+b&client_id=app&client_secret=s"));
    assert_eq!(body(&form(&[("client_id", b"app")])), "client_id=app&client_secret=s");
    assert!(request.proofs.is_empty());
}

#[test]
fn a_request_tells_its_secrets_whoever_put_them_in_and_nothing_else() {
    let form =
        "grant_type=x&client_id=app&client_assertion=a%2Eb+c&subject_token=s%zz&scope=read&code_verifier=";
    let json = r#"{"grant_type":"x","resource":["https://a","https://b"],"client_assertion":"a.b c","subject_token" : "s\u0025z\"z\\","code":"n"}"#;
    let of = |text: &str| {
        let mut request = refresh(&Client::public("app"), "rt");
        request.body = Secret::from(text);
        request.headers.push(("DPoP".into(), Secret::from("e30.e30.x")));
        request.secrets().iter().map(|s| s.expose_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of(form), ["a.b c", "s%zz", "", "e30.e30.x"]);
    assert_eq!(of(json), ["a.b c", "s%z\"z\\", "n", "e30.e30.x"]);
    for broken in [
        "",
        "{",
        "{\"",
        "{\"code\"",
        "{\"code\":\"",
        "{\"code\":\"\\",
        "{\"code\":\"\\u00",
        "&&=&",
        "%",
        "code=%1",
    ] {
        assert!(of(broken).contains(&"e30.e30.x".to_string()), "{broken}");
    }
}

#[test]
fn reserved_headers_are_ignored_whoever_asks_for_them() {
    let extra_headers = RESERVED_HEADERS.iter().map(|name| (name.to_uppercase(), "x".to_string())).collect();
    let plain = refresh(&Client::public("app"), "rt");
    let request = refresh(&Client { extra_headers, ..Client::public("app") }, "rt");
    assert_eq!(request.headers.len(), plain.headers.len());
    assert!(is_reserved_header("DPoP") && !is_reserved_header("Accept"));
}
