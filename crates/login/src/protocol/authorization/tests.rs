use proptest::prelude::*;
use renewd_core::Wall;

use super::*;
use crate::protocol::HANDSHAKE_ENTROPY_BYTES;

fn handshake() -> Handshake {
    Handshake::new(&[0x5a; HANDSHAKE_ENTROPY_BYTES])
}

fn request(endpoint: &Address) -> AuthorizationRequest<'_> {
    AuthorizationRequest {
        endpoint,
        client_id: "cli ent",
        redirect_uri: "http://127.0.0.1:4711/callback",
        scope: Some("openid a/b"),
        resource: Some("https://mcp.example/mcp"),
        audience: None,
        pkce: true,
        dpop_jkt: None,
        extra: &[],
        names: &[],
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn query_of(url: &str) -> Vec<(String, String)> {
    read(url.split_once('?').unwrap().1)
}

fn read(query: &str) -> Vec<(String, String)> {
    let parameters = form::decode(query).unwrap().into_iter();
    parameters.map(|(name, value)| (name, value.as_str().to_owned())).collect()
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

// rfc-test: 6749-3.1 6749-3.1.2.3 6749-4.1.1 7636-4.3 8252-6 9700-2.1.1
#[test]
fn the_address_keeps_the_endpoints_query_and_carries_what_the_protocols_want() {
    let endpoint = Address::parse("https://as.example/a?tenant=x%20y").unwrap();
    let handshake = handshake();
    let url = request(&endpoint).url(&handshake).unwrap();
    assert!(
        url.starts_with("https://as.example/a?tenant=x%20y&response_type=code&client_id=cli%20ent&"),
        "{url}"
    );
    let query = query_of(&url);
    assert_eq!(value(&query, "redirect_uri"), Some("http://127.0.0.1:4711/callback"));
    assert_eq!(value(&query, "code_challenge"), Some(handshake.challenge().as_str()));
    assert_eq!(value(&query, "code_challenge_method"), Some("S256"));
    assert_eq!(value(&query, "state"), handshake.state().expose_str());
    assert_eq!(value(&query, "nonce"), handshake.nonce().expose_str());
    assert_eq!(value(&query, "resource"), Some("https://mcp.example/mcp"));
    assert!(
        !url.contains(handshake.verifier().expose_str().unwrap())
            || handshake.state().same_as(handshake.verifier().expose())
    );
}

#[test]
fn the_verifier_never_stands_in_the_address() {
    let endpoint = Address::parse("https://as.example/a").unwrap();
    let mut entropy = [1; HANDSHAKE_ENTROPY_BYTES];
    entropy[32..64].fill(2);
    let handshake = Handshake::new(&entropy);
    let url = request(&endpoint).url(&handshake).unwrap();
    assert!(!url.contains(handshake.verifier().expose_str().unwrap()));
}

// rfc-test: 6749-3.1-2
#[test]
fn nothing_overrides_what_the_protocol_sets_and_nothing_stands_there_twice() {
    let plain = Address::parse("https://as.example/a").unwrap();
    for name in [
        "state",
        "STATE",
        "redirect_uri",
        "code_challenge",
        "response_mode",
        "request_uri",
        "client_id",
        "nonce",
    ] {
        let extra = pairs(&[(name, "evil")]);
        let refusal =
            AuthorizationRequest { extra: &extra, ..request(&plain) }.url(&handshake()).unwrap_err();
        assert_eq!(refusal.reason, Reason::Reserved, "{name}");
        let endpoint = Address::parse(&format!("https://as.example/a?{name}=evil")).unwrap();
        assert_eq!(request(&endpoint).url(&handshake()).unwrap_err().reason, Reason::Reserved, "{name}");
    }
    let endpoint = Address::parse("https://as.example/a?%73tate=evil").unwrap();
    assert_eq!(request(&endpoint).url(&handshake()).unwrap_err().reason, Reason::Reserved);
    let endpoint = Address::parse("https://as.example/a?login_hint=x").unwrap();
    let extra = pairs(&[("login_hint", "y")]);
    let twice = AuthorizationRequest { extra: &extra, ..request(&endpoint) }.url(&handshake());
    assert_eq!(twice.unwrap_err().reason, Reason::Reserved);

    let extra = pairs(&[
        ("login_hint", "user"),
        ("login_hint", "profile"),
        ("resource", "https://other.example"),
        ("x", ""),
    ]);
    let query =
        query_of(&AuthorizationRequest { extra: &extra, ..request(&plain) }.url(&handshake()).unwrap());
    assert_eq!(value(&query, "login_hint"), Some("user"));
    assert_eq!(value(&query, "resource"), Some("https://mcp.example/mcp"));
    assert_eq!(value(&query, "x"), None);
    let names: std::collections::BTreeSet<_> = query.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), query.len());
}

#[test]
fn offline_access_asks_for_consent_unless_somebody_says_otherwise() {
    let endpoint = Address::parse("https://as.example/a").unwrap();
    let prompt = |scope, extra: &[(String, String)]| {
        let url = AuthorizationRequest { scope: Some(scope), extra, ..request(&endpoint) }
            .url(&handshake())
            .unwrap();
        value(&query_of(&url), "prompt").map(str::to_owned)
    };
    assert_eq!(prompt("openid offline_access", &[]).as_deref(), Some("consent"));
    assert_eq!(prompt("openid offline_access", &pairs(&[("prompt", "login")])).as_deref(), Some("login"));
    assert_eq!(prompt("openid offline_access", &pairs(&[("prompt", "")])), None);
    assert_eq!(
        prompt("read offline_access", &[]).as_deref(),
        Some("consent"),
        "servers of APIs want it as well"
    );
    assert_eq!(prompt("openid", &[]), None);
}

#[test]
fn a_provider_gets_its_own_names_and_no_challenge_where_it_refuses_one() {
    let endpoint = Address::parse("https://as.example/a").unwrap();
    let names = pairs(&[("client_id", "client_key")]);
    let ours = AuthorizationRequest { names: &names, pkce: false, scope: None, ..request(&endpoint) };
    let query = query_of(&ours.url(&handshake()).unwrap());
    assert_eq!(value(&query, "client_key"), Some("cli ent"));
    for absent in ["client_id", "code_challenge", "code_challenge_method", "scope", "nonce"] {
        assert_eq!(value(&query, absent), None, "{absent}");
    }
    let extra = pairs(&[("client_key", "evil")]);
    assert_eq!(
        AuthorizationRequest { extra: &extra, ..ours }.url(&handshake()).unwrap_err().reason,
        Reason::Reserved
    );
}

// rfc-test: 6749-3.1.2
#[test]
fn a_redirect_address_is_absolute_and_has_no_fragment() {
    let endpoint = Address::parse("https://as.example/a").unwrap();
    for redirect_uri in
        ["", "/callback", "http://127.0.0.1/#x", "app:", "http://127.0.0.1/ x", "http://127.0.0.1/\u{7}"]
    {
        let refusal =
            AuthorizationRequest { redirect_uri, ..request(&endpoint) }.url(&handshake()).unwrap_err();
        assert_eq!((refusal.reason, refusal.at.as_str()), (Reason::Value, "redirect_uri"), "{redirect_uri}");
    }
    assert!(AuthorizationRequest { redirect_uri: "app:/x", ..request(&endpoint) }.url(&handshake()).is_ok());
}

#[test]
fn a_pushed_request_says_the_same_and_the_browser_sees_none_of_it() {
    let endpoint = Address::parse("https://as.example/a?t=1").unwrap();
    let par = Address::parse("https://as.example/par").unwrap();
    let (ours, handshake) = (request(&endpoint), handshake());
    let client = Client::public("cli ent");
    let identity = Identity { client_id: "cli ent".into(), ..Identity::default() };
    let policy = RequestPolicy::default();
    let at = Proving::at(Wall::from_unix_millis(0));
    let pushed = ours.pushed(&handshake, &par, &identity, &client, at, &policy).unwrap();
    assert_eq!(pushed.url, "https://as.example/par");
    let sent = read(pushed.body.expose_str().unwrap());
    assert_eq!(sent, ours.parameters(&handshake).unwrap());

    let answer = PushedRequest::read(201, br#"{"request_uri":"urn:x:1","expires_in":60}"#).unwrap();
    assert_eq!(
        ours.url_of_pushed(&answer).unwrap(),
        "https://as.example/a?t=1&client_id=cli%20ent&request_uri=urn%3Ax%3A1"
    );
    for (status, body, why) in [
        (400, r#"{"error":"invalid_request"}"#, Reason::Server),
        (500, "", Reason::Status),
        (201, "{}", Reason::Missing),
        (201, r#"{"request_uri":"a b"}"#, Reason::Value),
        (200, "<html>", Reason::NotJson),
    ] {
        assert_eq!(PushedRequest::read(status, body.as_bytes()).unwrap_err().reason, why, "{body}");
    }
}

proptest! {
    // rfc-test: 6749-3.1-2
    #[test]
    fn whatever_is_added_the_request_stays_that_of_this_login(
        extra in prop::collection::vec(("(state|iss|a|b|prompt|resource|%73tate|&state|x y|\\PC{1,6})", "\\PC{0,9}"), 0..6),
        query in "(|\\?|\\?a=1&b=2|\\?st%61te=x|\\?x)",
    ) {
        let endpoint = Address::parse(&format!("https://as.example/a{query}")).unwrap();
        let handshake = handshake();
        match (AuthorizationRequest { extra: &extra, ..request(&endpoint) }).url(&handshake) {
            Err(refusal) => prop_assert!(matches!(refusal.reason, Reason::Reserved), "{}", refusal),
            Ok(url) => {
                prop_assert!(url.starts_with("https://as.example/a?"));
                prop_assert!(Address::parse(&url).is_ok(), "{}", url);
                let sent = query_of(&url);
                prop_assert_eq!(value(&sent, "state"), handshake.state().expose_str());
                prop_assert_eq!(value(&sent, "redirect_uri"), Some("http://127.0.0.1:4711/callback"));
                let names: std::collections::BTreeSet<_> = sent.iter().map(|(name, _)| name).collect();
                prop_assert_eq!(names.len(), sent.len(), "{}", url);
            }
        }
    }
}
