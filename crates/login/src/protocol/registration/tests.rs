use super::*;

fn endpoint() -> Address {
    Address::parse("https://as.example/register").unwrap()
}

const NATIVE: RegistrationRequest<'static> = RegistrationRequest {
    redirect_uris: &["http://127.0.0.1/callback"],
    grant_types: &["authorization_code", "refresh_token"],
    auth_method: "none",
    signing_alg: None,
    jwks: None,
    dpop_bound: false,
    scope: Some("a b"),
};

fn read(asked: &RegistrationRequest<'_>, body: &str) -> Result<Registered, Refusal> {
    Registered::read(201, body.as_bytes(), asked, &endpoint(), Wall::from_unix_millis(5))
}

#[test]
fn a_native_client_says_what_it_is() {
    let request = NATIVE.build(&endpoint(), Some(&Secret::from("iat")), &RequestPolicy::default()).unwrap();
    assert_eq!(request.url, "https://as.example/register");
    let body: Value = serde_json::from_slice(request.body.expose()).unwrap();
    assert_eq!(body["client_name"], "renewd");
    assert_eq!(body["application_type"], "native");
    assert_eq!(body["response_types"], json!(["code"]));
    assert_eq!(body["redirect_uris"], json!(["http://127.0.0.1/callback"]));
    assert_eq!(body["token_endpoint_auth_method"], "none");
    assert!(body.get("jwks").is_none() && body.get("dpop_bound_access_tokens").is_none());
    let header =
        |name: &str| request.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
    assert!(header("Authorization").unwrap().same_as(b"Bearer iat"));

    let keyed = RegistrationRequest {
        auth_method: "private_key_jwt",
        signing_alg: Some("ES256"),
        jwks: Some(r#"{"keys":[]}"#),
        dpop_bound: true,
        grant_types: &["urn:ietf:params:oauth:grant-type:device_code"],
        redirect_uris: &[],
        ..NATIVE
    };
    let request = keyed.build(&endpoint(), None, &RequestPolicy::default()).unwrap();
    let body: Value = serde_json::from_slice(request.body.expose()).unwrap();
    assert_eq!(body["jwks"], json!({"keys": []}));
    assert_eq!(body["dpop_bound_access_tokens"], true);
    assert_eq!(body["response_types"], json!([]));
    assert!(body.get("redirect_uris").is_none());
    let broken = RegistrationRequest { jwks: Some("[]"), ..keyed };
    assert_eq!(
        broken.build(&endpoint(), None, &RequestPolicy::default()).err().unwrap().reason,
        Reason::NotJson
    );
}

#[test]
fn what_the_server_gave_is_kept() {
    let whole = read(
        &NATIVE,
        r#"{"client_id":"c1","client_secret":"cs","client_secret_expires_at":1700000000,"token_endpoint_auth_method":"client_secret_post",
        "registration_client_uri":"https://as.example/register/c1","registration_access_token":"rat",
        "redirect_uris":["http://127.0.0.1/callback"],"grant_types":["authorization_code"],"dpop_bound_access_tokens":true}"#,
    )
    .unwrap();
    assert_eq!((whole.client_id.as_str(), whole.auth_method), ("c1", "post"));
    assert!(whole.client_secret.unwrap().same_as(b"cs"));
    assert!(!whole.may_refresh && whole.dpop_bound);
    let kept = whole.registration;
    assert_eq!((kept.endpoint.as_str(), kept.at), ("https://as.example/register", Wall::from_unix_millis(5)));
    assert_eq!(kept.secret_expires, Some(Wall::from_unix_millis(1_700_000_000_000)));
    assert_eq!(kept.client_uri.as_deref(), Some("https://as.example/register/c1"));
    assert!(kept.access_token.unwrap().same_as(b"rat"));

    let bare = read(&NATIVE, r#"{"client_id":"c1","client_secret_expires_at":0}"#).unwrap();
    assert!(bare.client_secret.is_none() && bare.may_refresh && bare.registration.secret_expires.is_none());
    assert_eq!(bare.auth_method, "none");
    let unsaid = read(&NATIVE, r#"{"client_id":"c1","client_secret":"cs"}"#).unwrap();
    assert_eq!(unsaid.auth_method, "basic");
}

#[test]
fn a_registration_that_would_not_work_is_refused() {
    let keyed = RegistrationRequest { auth_method: "private_key_jwt", ..NATIVE };
    for (asked, body, why) in [
        (
            &NATIVE,
            r#"{"error":"invalid_redirect_uri","error_description":"no \u001b[2Jloopback"}"#,
            Reason::Server,
        ),
        (&NATIVE, "{}", Reason::Missing),
        (&NATIVE, r#"{"client_id":""}"#, Reason::Value),
        (&NATIVE, r#"{"client_id":"a\u202eb"}"#, Reason::Value),
        (&NATIVE, r#"{"client_id":7}"#, Reason::WrongType),
        (&NATIVE, r#"{"client_id":"c","client_id":"d"}"#, Reason::Duplicate),
        (&NATIVE, r#"{"client_id":"c","token_endpoint_auth_method":"client_secret_basic"}"#, Reason::Missing),
        (&NATIVE, r#"{"client_id":"c","token_endpoint_auth_method":"tls_client_auth"}"#, Reason::ClientAuth),
        (
            &keyed,
            r#"{"client_id":"c","client_secret":"s","token_endpoint_auth_method":"client_secret_basic"}"#,
            Reason::ClientAuth,
        ),
        (&NATIVE, r#"{"client_id":"c","redirect_uris":["https://evil.example/"]}"#, Reason::Registration),
        (&NATIVE, r#"{"client_id":"c","grant_types":["implicit"]}"#, Reason::Registration),
        (&NATIVE, r#"{"client_id":"c","registration_client_uri":"file:///x"}"#, Reason::Scheme),
        (&NATIVE, r#"{"client_id":"c","registration_client_uri":"https://10.0.0.1/x"}"#, Reason::PrivateHost),
        (&NATIVE, r#"{"client_id":"c","client_secret_expires_at":-1}"#, Reason::Value),
    ] {
        let refusal = read(asked, body).err().unwrap();
        assert_eq!(refusal.reason, why, "{body}");
        assert!(!refusal.to_string().contains('\u{1b}'));
    }
    let html = Registered::read(404, b"<html>", &NATIVE, &endpoint(), Wall::from_unix_millis(0));
    assert_eq!(html.err().unwrap().reason, Reason::Status);
}

#[test]
fn a_client_id_that_is_an_address_keeps_more_rules() {
    assert!(check_client_id("https://me.example/renewd.json").is_ok());
    assert!(check_client_id("https://me.example:8443/a/b?v=1").is_ok());
    for (text, why) in [
        ("https://me.example", Reason::ClientId),
        ("http://127.0.0.1/renewd.json", Reason::ClientId),
        ("https://me.example/a/../b", Reason::ClientId),
        ("https://me.example/./b", Reason::ClientId),
        ("https://me.example/%2E%2e/b", Reason::ClientId),
        ("https://me.example/x#y", Reason::Fragment),
        ("https://u:p@me.example/x", Reason::UserInfo),
        ("http://me.example/x", Reason::Scheme),
    ] {
        assert_eq!(check_client_id(text).unwrap_err().reason, why, "{text}");
    }
}

#[test]
fn the_document_to_host_is_one_that_passes_the_check() {
    let id = check_client_id("https://me.example/renewd.json").unwrap();
    let document = client_document(&id, &NATIVE).unwrap();
    let check = |document: &str, uri| {
        check_client_document(document.as_bytes(), &id, uri).map_err(|refusal| refusal.reason)
    };
    assert_eq!(check(&document, Some("http://127.0.0.1:4711/callback")), Ok(()));
    assert_eq!(check(&document, Some("http://127.0.0.1:4711/other")), Err(Reason::Registration));
    assert_eq!(check(&document.replace("renewd.json", "other.json"), None), Err(Reason::Value));
    assert_eq!(
        check(&document.replace("\"none\"", "\"client_secret_basic\""), None),
        Err(Reason::ClientAuth)
    );
    assert_eq!(check(&document.replacen('{', "{\"client_secret\":\"x\",", 1), None), Err(Reason::Value));
    let secret = RegistrationRequest { auth_method: "post", ..NATIVE };
    assert_eq!(client_document(&id, &secret).unwrap_err().reason, Reason::ClientAuth);
}
