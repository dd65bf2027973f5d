//! The grants of logins over the wire, and what a strict server refuses.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use renewd_testkit::{
    AsConfig, AsReply, AuthorizationServer, ClientAuth, Consent, Dpop, Fault, HttpAnswer, Iss, LoginConfig,
    ProtectedApi, Registration, checksum, http_request,
};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const CLIENT: &str = "client_id=testkit-client";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more-0";

fn server(login: LoginConfig) -> AuthorizationServer {
    AuthorizationServer::start(AsConfig { login, ..AsConfig::default() }).unwrap()
}

/// With a client that has a secret.
fn confidential(login: LoginConfig) -> AuthorizationServer {
    let client_secret = Some("a-secret-of-this-client".to_owned());
    AuthorizationServer::start(AsConfig { login, client_secret, ..AsConfig::default() }).unwrap()
}

const SECRET: &str = "client_id=testkit-client&client_secret=a-secret-of-this-client";

fn post(server: &AuthorizationServer, path: &str, form: &str) -> HttpAnswer {
    http_request(server.addr(), "POST", path, &[FORM], form.as_bytes()).unwrap()
}

fn error(answer: &HttpAnswer) -> String {
    answer.json()["error"].as_str().unwrap_or_default().to_owned()
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

/// Opens the authorization endpoint, and gives the parameters of the redirect.
fn authorize(server: &AuthorizationServer, further: &str) -> Vec<(String, String)> {
    let query = format!(
        "response_type=code&{CLIENT}&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcb&state=st%20ate&\
         code_challenge_method=S256&code_challenge={}{further}",
        hash(VERIFIER)
    );
    let answer = http_request(server.addr(), "GET", &format!("/authorize?{query}"), &[], b"").unwrap();
    assert_eq!(answer.status, 302, "{}", answer.text());
    let location = answer.header("location").unwrap().to_owned();
    let (uri, query) = location.split_once('?').unwrap();
    assert_eq!(uri, "http://127.0.0.1:1234/cb");
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%2F", "/"))).collect()
}

fn value(redirect: &[(String, String)], name: &str) -> Option<String> {
    redirect.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
}

fn code_form(code: &str, verifier: &str) -> String {
    format!(
        "grant_type=authorization_code&{CLIENT}&code={code}&code_verifier={verifier}&\
         redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcb"
    )
}

/// A key pair that signs with EdDSA, and its public JWK.
struct Signer {
    pair: Ed25519KeyPair,
    jwk: Value,
}

impl Signer {
    fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        Self { pair, jwk: json!({ "kty": "OKP", "crv": "Ed25519", "x": x }) }
    }

    fn sign(&self, mut header: Value, claims: &Value) -> String {
        header["alg"] = "EdDSA".into();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes())))
    }

    fn jkt(&self) -> String {
        hash(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":{}}}"#, self.jwk["x"]))
    }

    /// A proof, with whatever a test wants otherwise.
    fn proof(&self, method: &str, url: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({ "jti": unique(), "htm": method, "htu": url, "iat": now() });
        change(&mut claims);
        self.sign(json!({ "typ": "dpop+jwt", "jwk": self.jwk }), &claims)
    }
}

fn unique() -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    format!("id-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "proofs are dated by the real time")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_code_is_exchanged_once_with_its_verifier_and_brings_an_id_token() {
    let server = server(LoginConfig { echo_scope: true, ..LoginConfig::default() });
    let redirect = authorize(&server, "&scope=openid%20a&nonce=n-1&resource=https%3A%2F%2Fapi.example");
    assert_eq!(value(&redirect, "state").as_deref(), Some("st%20ate"));
    assert_eq!(value(&redirect, "iss"), Some(server.issuer()));
    let code = value(&redirect, "code").unwrap();
    let tokens = post(&server, "/token", &code_form(&code, VERIFIER));
    assert_eq!((tokens.status, tokens.json()["scope"].as_str()), (200, Some("openid a")));
    let claims = tokens.json()["id_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!((&claims["iss"], &claims["nonce"]), (&server.issuer().into(), &"n-1".into()));
    let facts = server.access_facts(tokens.json()["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(facts.resource, ["https://api.example"]);
    assert_eq!(facts.grant_type.as_deref(), Some("authorization_code"));

    let again = post(&server, "/token", &code_form(&code, VERIFIER));
    assert_eq!(error(&again), "invalid_grant");
    let refresh = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
    let ended =
        post(&server, "/token", &format!("grant_type=refresh_token&{CLIENT}&refresh_token={refresh}"));
    assert_eq!(error(&ended), "invalid_grant", "a code that comes twice ends what it brought");
}

#[test]
fn a_code_is_refused_with_another_verifier_redirect_or_too_late() {
    let server = server(LoginConfig::default());
    let code = || value(&authorize(&server, ""), "code").unwrap();
    let wrong = VERIFIER.replace('a', "b");
    assert_eq!(error(&post(&server, "/token", &code_form(&code(), &wrong))), "invalid_grant");
    let elsewhere = code_form(&code(), VERIFIER).replace("%2Fcb", "%2Fother");
    assert_eq!(error(&post(&server, "/token", &elsewhere)), "invalid_grant");
    let late = code();
    server.advance(Duration::from_secs(61));
    assert_eq!(error(&post(&server, "/token", &code_form(&late, VERIFIER))), "invalid_grant");
    assert_eq!(server.totals().invalid_grants, 3);
}

#[test]
fn the_authorization_endpoint_lies_and_refuses_as_it_is_told() {
    let configured = server(LoginConfig::default());
    let with = |login: LoginConfig| {
        configured.configure(|config| config.login = login);
        authorize(&configured, "")
    };
    let denied =
        with(LoginConfig { consent: Consent::Deny("access_denied".into()), ..LoginConfig::default() });
    assert_eq!((value(&denied, "error").as_deref(), value(&denied, "code")), (Some("access_denied"), None));
    let other = Iss::Wrong("https://other.example".into());
    let wrong = with(LoginConfig { redirect_issuer: other, ..LoginConfig::default() });
    assert_eq!(value(&wrong, "iss").as_deref(), Some("https://other.example"));
    let withheld = with(LoginConfig { redirect_issuer: Iss::Withheld, ..LoginConfig::default() });
    assert_eq!(value(&withheld, "iss"), None);
    let scoped = LoginConfig { scopes: Some(vec!["a".into()]), ..LoginConfig::default() };
    configured.configure(|config| config.login = scoped);
    assert_eq!(value(&authorize(&configured, "&scope=b"), "error").as_deref(), Some("invalid_scope"));

    let plain = |query: &str| {
        http_request(configured.addr(), "GET", &format!("/authorize?{query}"), &[], b"").unwrap().status
    };
    assert_eq!(plain("client_id=stranger&redirect_uri=http://127.0.0.1/"), 400, "nobody to send back to");
    assert_eq!(plain(&format!("{CLIENT}&redirect_uri=https://evil.example/")), 400);
    assert_eq!(configured.visits("GET /authorize"), 6);
}

#[test]
fn a_pushed_request_is_used_once_by_its_client() {
    let server = server(LoginConfig::default());
    let form = format!(
        "{CLIENT}&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&state=s&\
         code_challenge_method=S256&code_challenge={}",
        hash(VERIFIER)
    );
    let pushed = post(&server, "/par", &form);
    assert_eq!(pushed.status, 201);
    let target =
        format!("/authorize?{CLIENT}&request_uri={}", pushed.json()["request_uri"].as_str().unwrap());
    let open = || http_request(server.addr(), "GET", &target, &[], b"").unwrap();
    assert!(open().header("location").unwrap().starts_with("http://127.0.0.1:1/?code="));
    assert_eq!(open().status, 400);
}

#[test]
fn a_device_waits_is_slowed_down_and_gets_its_tokens_when_a_person_approves() {
    let server = server(LoginConfig { device_interval_s: Some(5), ..LoginConfig::default() });
    let begun = post(&server, "/device_authorization", &format!("{CLIENT}&scope=a")).json();
    let poll = || {
        let form = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&{CLIENT}&device_code={}",
            begun["device_code"].as_str().unwrap()
        );
        post(&server, "/token", &form)
    };
    assert_eq!(begun["interval"], 5);
    assert_eq!(error(&poll()), "authorization_pending");
    assert_eq!(error(&poll()), "slow_down", "before its time");
    server.advance(Duration::from_secs(11));
    assert_eq!(error(&poll()), "authorization_pending");
    let complete = begun["verification_uri_complete"].as_str().unwrap().replace(&server.issuer(), "");
    assert_eq!(http_request(server.addr(), "GET", &complete, &[], b"").unwrap().status, 200);
    assert!(server.waiting_devices().is_empty());
    server.advance(Duration::from_secs(11));
    assert!(poll().json()["refresh_token"].is_string());
    assert_eq!(error(&poll()), "invalid_grant", "it works once");
    assert_eq!((server.totals().pending, server.totals().grants_run), (3, 1));

    let denied = post(&server, "/device_authorization", CLIENT).json();
    assert!(server.deny_device(&denied["user_code"].as_str().unwrap().to_lowercase().replace('-', " ")));
    let form = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&{CLIENT}&device_code={}",
        denied["device_code"].as_str().unwrap()
    );
    assert_eq!(error(&post(&server, "/token", &form)), "access_denied");
}

#[test]
fn grants_without_a_person_answer_what_each_request_asked_for() {
    let server = confidential(LoginConfig {
        echo_scope: true,
        targets: Some(vec!["https://api.example".into(), "aud-1".into()]),
        ..LoginConfig::default()
    });
    let own =
        post(&server, "/token", &format!("grant_type=client_credentials&{SECRET}&scope=a+b&audience=aud-1"));
    assert_eq!((own.json()["scope"].as_str(), own.json()["refresh_token"].is_null()), (Some("a b"), true));
    let facts = server.access_facts(own.json()["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(
        (facts.subject.as_deref(), facts.audience.as_deref()),
        (Some("testkit-client"), Some("aud-1"))
    );
    let unknown = post(
        &server,
        "/token",
        &format!("grant_type=client_credentials&{SECRET}&resource=https://x.example"),
    );
    assert_eq!(error(&unknown), "invalid_target");

    let exchange = |token: &str| {
        let form = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&{SECRET}&subject_token={token}&\
             subject_token_type=urn:ietf:params:oauth:token-type:jwt"
        );
        post(&server, "/token", &form)
    };
    let exchanged = exchange("subject-1").json();
    assert_eq!(exchanged["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(server.log().last().unwrap().subject, Some(checksum(b"subject-1")));
    server.refuse_subject("subject-1");
    assert_eq!(error(&exchange("subject-1")), "invalid_grant");
    assert_eq!(exchange("subject-2").status, 200);

    let public = AuthorizationServer::start(AsConfig::default()).unwrap();
    let refused = post(&public, "/token", &format!("grant_type=client_credentials&{CLIENT}"));
    assert_eq!(error(&refused), "unauthorized_client");
}

#[test]
fn a_client_assertion_is_taken_once_and_only_while_it_holds() {
    let signer = Signer::new();
    let client_keys = Some(json!({ "keys": [signer.jwk] }).to_string());
    let server = server(LoginConfig { client_keys, ..LoginConfig::default() });
    let claims = || {
        json!({ "iss": "testkit-client", "sub": "testkit-client", "aud": server.token_url(),
            "jti": unique(), "iat": now(), "exp": now() + 60 })
    };
    let send = |token: &str| {
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let form =
            format!("grant_type=client_credentials&client_assertion_type={kind}&client_assertion={token}");
        post(&server, "/token", &form)
    };
    let good = signer.sign(json!({ "typ": "JWT" }), &claims());
    assert_eq!(send(&good).status, 200);
    assert_eq!(error(&send(&good)), "invalid_client", "jti is used once");
    let changes: [(&str, Value); 6] = [
        ("aud", "https://other.example".into()),
        ("iss", "another".into()),
        ("sub", "another".into()),
        ("exp", (now() - 60).into()),
        ("exp", (now() + 3600).into()),
        ("iat", (now() + 600).into()),
    ];
    for (claim, wrong) in changes {
        let mut changed = claims();
        changed[claim] = wrong;
        assert_eq!(error(&send(&signer.sign(json!({}), &changed))), "invalid_client", "{claim}");
    }
    assert_eq!(error(&send(&Signer::new().sign(json!({}), &claims()))), "invalid_client", "another's key");
    let plain = post(&server, "/token", &format!("grant_type=client_credentials&{CLIENT}"));
    assert_eq!(error(&plain), "invalid_client", "a client with a key is no public one");
    // A server whose clock is ten minutes ahead finds the same assertion old, and says what time it is.
    server.configure(|config| config.login.clock_offset_ms = 600_000);
    let refused = send(&signer.sign(json!({}), &claims()));
    assert_eq!(error(&refused), "invalid_client");
    assert!(refused.header("date").is_some_and(|date| date.ends_with("GMT")));
}

#[test]
fn a_proof_binds_the_token_and_the_api_takes_it_with_a_proof_and_in_no_other_way() {
    let server = server(LoginConfig { dpop: Dpop::Required, dpop_nonce: true, ..LoginConfig::default() });
    let api = ProtectedApi::start(&server).unwrap();
    let signer = Signer::new();
    let login = server.mint_grant();
    let form = format!("grant_type=refresh_token&{CLIENT}&refresh_token={}", login.refresh_token);
    let refresh = |proof: &str| {
        http_request(server.addr(), "POST", "/token", &[FORM, ("dpop", proof)], form.as_bytes()).unwrap()
    };
    assert_eq!(error(&post(&server, "/token", &form)), "invalid_dpop_proof");
    let asked = refresh(&signer.proof("POST", &server.token_url(), |_| ()));
    assert_eq!((asked.status, error(&asked).as_str()), (400, "use_dpop_nonce"));
    let nonce = asked.header("dpop-nonce").unwrap().to_owned();
    let bound = refresh(&signer.proof("POST", &server.token_url(), |claims| claims["nonce"] = nonce.into()));
    assert_eq!((bound.status, bound.json()["token_type"].as_str()), (200, Some("DPoP")));
    let token = bound.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(server.access_facts(&token).unwrap().jkt, Some(signer.jkt()));
    assert_eq!((server.totals().proofs_refused, server.totals().nonces_asked), (2, 1));

    let url = format!("{}/things", api.url());
    let ask = |scheme: &str, proof: &str| {
        let authorization = format!("{scheme} {token}");
        let fields = [("authorization", authorization.as_str()), ("dpop", proof)];
        http_request(api.addr(), "GET", "/things?x=1", &fields, b"").unwrap()
    };
    let ath = hash(&token);
    let proof = |change: &dyn Fn(&mut Value)| {
        signer.proof("GET", &url, |claims| {
            claims["ath"] = ath.clone().into();
            change(claims);
        })
    };
    let good = proof(&|_| ());
    assert_eq!(ask("DPoP", &good).status, 200);
    assert_eq!(api.log()[0].jkt, Some(signer.jkt()));
    let again = ask("DPoP", &good);
    assert!(again.header("www-authenticate").unwrap().contains("invalid_dpop_proof"), "a proof works once");
    assert_eq!(ask("Bearer", &proof(&|_| ())).status, 401, "bound tokens are no bearer tokens");
    let changes: [&dyn Fn(&mut Value); 5] = [
        &|claims| claims["htm"] = "POST".into(),
        &|claims| claims["htu"] = "https://other.example/things".into(),
        &|claims| claims["ath"] = "AAAA".into(),
        &|claims| claims["iat"] = (now() - 600).into(),
        &|claims| claims["jti"] = Value::Null,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(ask("DPoP", &proof(change)).status, 401, "change {number}");
    }
    let anothers = Signer::new().proof("GET", &url, |claims| claims["ath"] = ath.clone().into());
    assert_eq!(ask("DPoP", &anothers).status, 401, "the key is not the token's");

    api.rotate_dpop_nonce();
    let asked = ask("DPoP", &proof(&|_| ()));
    assert!(asked.header("www-authenticate").unwrap().starts_with("DPoP "));
    let nonce = asked.header("dpop-nonce").unwrap().to_owned();
    assert_eq!(ask("DPoP", &proof(&|claims| claims["nonce"] = nonce.clone().into())).status, 200);
}

#[test]
fn a_client_registers_is_known_by_its_method_and_can_be_forgotten() {
    let registering = server(LoginConfig::default());
    let register = |server: &AuthorizationServer, body: &Value, bearer: Option<&str>| {
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let mut fields = vec![("content-type", "application/json")];
        fields.extend(bearer.as_deref().map(|value| ("authorization", value)));
        http_request(server.addr(), "POST", "/register", &fields, body.to_string().as_bytes()).unwrap()
    };
    let wanted = json!({ "redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "client_credentials"] });
    let made = register(&registering, &wanted, None);
    assert_eq!(made.status, 201);
    let (id, secret) = (made.json()["client_id"].clone(), made.json()["client_secret"].clone());
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        id.as_str().unwrap(),
        secret.as_str().unwrap()
    );
    assert_eq!(post(&registering, "/token", &form).status, 200);
    assert!(!format!("{:?}", registering.registered_clients()).contains(secret.as_str().unwrap()));
    assert!(registering.forget_client(id.as_str().unwrap()));
    assert_eq!(error(&post(&registering, "/token", &form)), "invalid_client");

    let without = register(&registering, &json!({}), None);
    assert_eq!(error(&without), "invalid_redirect_uri");
    let guarded =
        server(LoginConfig { registration: Registration::Token("let-me".into()), ..LoginConfig::default() });
    assert_eq!(register(&guarded, &wanted, None).status, 401);
    let made = register(&guarded, &wanted, Some("let-me")).json();
    let own = format!("Bearer {}", made["registration_access_token"].as_str().unwrap());
    let path = made["registration_client_uri"].as_str().unwrap().replace(&guarded.issuer(), "");
    let manage =
        |method| http_request(guarded.addr(), method, &path, &[("authorization", &own)], b"").unwrap().status;
    assert_eq!((manage("GET"), manage("DELETE"), manage("GET")), (200, 204, 401));
    let closed = server(LoginConfig { registration: Registration::Closed, ..LoginConfig::default() });
    assert_eq!(register(&closed, &wanted, None).status, 404);
}

#[test]
fn metadata_says_what_is_served_and_any_page_can_be_a_lie() {
    let server = server(LoginConfig { dpop: Dpop::Ignored, ..LoginConfig::default() });
    let get = |path: &str| http_request(server.addr(), "GET", path, &[], b"").unwrap();
    let document = get("/.well-known/openid-configuration").json();
    assert_eq!(document["authorization_endpoint"], server.authorization_url());
    assert_eq!(document["registration_endpoint"], server.registration_url());
    assert!(document["dpop_signing_alg_values_supported"].is_null());
    let lie = AsReply::new(200, "application/json", r#"{"issuer":"https://evil.example"}"#);
    server.set_page("/.well-known/openid-configuration", Some(lie));
    assert_eq!(get("/.well-known/openid-configuration").json()["issuer"], "https://evil.example");
    server.set_page("/.well-known/openid-configuration", None);
    assert_eq!(get("/.well-known/openid-configuration").json()["issuer"], server.issuer());

    let api = ProtectedApi::start(&server).unwrap();
    api.announce_metadata(true);
    let ask = |path: &str| http_request(api.addr(), "GET", path, &[], b"").unwrap();
    let challenge = ask("/mcp").header("www-authenticate").unwrap().to_owned();
    let place = format!("{}/.well-known/oauth-protected-resource/mcp", api.url());
    assert!(challenge.contains(&format!("resource_metadata=\"{place}\"")), "{challenge}");
    let document = ask("/.well-known/oauth-protected-resource/mcp").json();
    assert_eq!(document["resource"], format!("{}/mcp", api.url()));
    assert_eq!(document["authorization_servers"], json!([server.issuer()]));
}

#[test]
fn revocations_are_logged_and_can_fail_on_their_own() {
    let server = server(LoginConfig::default());
    let login = server.mint_grant();
    let form = format!("{CLIENT}&token={}&token_type_hint=refresh_token", login.refresh_token);
    server.push_revocation_fault(Fault::status(503));
    assert_eq!(post(&server, "/revoke", &form).status, 503);
    assert!(server.revocations().is_empty() && server.with_model(|model, _| model.grant_alive(login.grant)));
    assert_eq!(post(&server, "/revoke", &form).status, 200);
    let revoked = server.revocations();
    assert_eq!(revoked[0].hint.as_deref(), Some("refresh_token"));
    assert_eq!(revoked[0].refresh.unwrap().grant, login.grant);
    assert_eq!(server.totals().token_requests, 0, "faults of revocations are their own");
}

#[test]
fn a_client_with_a_secret_may_choose_no_other_way_than_its_own() {
    let server = confidential(LoginConfig::default());
    server.configure(|config| config.client_auth = ClientAuth::Basic);
    assert_eq!(
        error(&post(&server, "/token", &format!("grant_type=client_credentials&{SECRET}"))),
        "invalid_client"
    );
    assert_eq!(error(&post(&server, "/par", SECRET)), "invalid_client");
    assert_eq!(error(&post(&server, "/device_authorization", SECRET)), "invalid_client");
}
