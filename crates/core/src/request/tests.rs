extern crate std;

mod grants;

use super::*;
use crate::client::{Client, ClientAuth};
use crate::policy::RequestPolicy;
use crate::profile::{BodyEncoding, Profile, RefreshRequest};
use crate::record::Identity;
use alloc::string::ToString;
use alloc::vec;

const NOW: Proving<'_> = Proving::at(Wall::from_unix_millis(1_750_000_000_000));

fn identity() -> Identity {
    Identity {
        token_endpoint: "https://as.example/token".to_string(),
        revocation_endpoint: Some("https://as.example/revoke".to_string()),
        client_id: "app".to_string(),
        ..Identity::default()
    }
}

fn refresh(client: &Client, refresh_token: &str) -> TokenRequest {
    TokenRequest::refresh(&identity(), client, &Secret::from(refresh_token), NOW, &RequestPolicy::default())
}

fn body(request: &TokenRequest) -> &str {
    request.body.expose_str().unwrap()
}

fn header<'a>(request: &'a TokenRequest, name: &str) -> Vec<&'a str> {
    request
        .headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .filter_map(|(_, v)| v.expose_str())
        .collect()
}

// rfc-test: 6749-3.2.1
#[test]
fn a_public_client_names_itself_in_the_body() {
    let request = refresh(&Client::public("app"), "rt-1");
    assert_eq!(request.url, "https://as.example/token");
    assert_eq!(body(&request), "grant_type=refresh_token&refresh_token=rt-1&client_id=app");
    assert_eq!(header(&request, "accept"), ["application/json"]);
    assert_eq!(header(&request, "content-type"), ["application/x-www-form-urlencoded"]);
    assert!(header(&request, "authorization").is_empty());
    assert!(request.proofs.is_empty());
    assert_eq!((request.timeout, request.connect_timeout), (Span::from_secs(30), Span::from_secs(10)));
}

#[test]
fn a_client_without_an_id_sends_none() {
    assert_eq!(body(&refresh(&Client::public(""), "rt")), "grant_type=refresh_token&refresh_token=rt");
}

// rfc-test: 6749-B
#[test]
fn hostile_characters_stay_inside_their_field() {
    let request = refresh(&Client::public("a&client_secret=x"), "+ /=&?%\r\n\u{0}\u{e9}\u{1f511}~*\"");
    assert_eq!(
        body(&request),
        "grant_type=refresh_token&refresh_token=%2B+%2F%3D%26%3F%25%0D%0A%00%C3%A9%F0%9F%94%91~%2A%22\
         &client_id=a%26client_secret%3Dx"
    );
}

// rfc-test: 6749-2.3
// rfc-test: 6749-2.3.1-2
// rfc-test: 6749-3.2.1-2
// rfc-test: 9700-4.3.2
#[test]
fn post_puts_the_secret_into_the_body_and_nowhere_else() {
    let client = Client { auth: ClientAuth::Post(Secret::from("s&3cr t")), ..Client::public("app") };
    let request = refresh(&client, "rt");
    assert_eq!(
        body(&request),
        "grant_type=refresh_token&refresh_token=rt&client_id=app&client_secret=s%263cr+t"
    );
    assert!(header(&request, "authorization").is_empty());
    assert_eq!(request.url, "https://as.example/token");
}

// rfc-test: 6749-2.3.1
// rfc-test: 6749-3.2.1-2
#[test]
fn basic_form_encodes_both_parts_before_joining_them() {
    // RFC 6749 §2.3.1's own example, then a colon in the id and a percent and a blank in the secret.
    for (id, secret, value) in [
        ("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw", "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"),
        ("a:b", "p% q", "Basic YSUzQWI6cCUyNStx"),
    ] {
        let client = Client { auth: ClientAuth::Basic(Secret::from(secret)), ..Client::public(id) };
        let request = refresh(&client, "rt");
        assert_eq!(header(&request, "authorization"), [value]);
        assert_eq!(body(&request), "grant_type=refresh_token&refresh_token=rt");
    }
}

#[test]
fn scope_resource_and_extra_parameters_follow_in_that_order() {
    let identity = Identity { resource: Some("https://api.example/".to_string()), ..identity() };
    let client = Client {
        scope: Some("read write".to_string()),
        extra_parameters: vec![
            ("audience".to_string(), "x/y".to_string()),
            ("resource".to_string(), "urn:b".to_string()),
        ],
        ..Client::public("app")
    };
    let request =
        TokenRequest::refresh(&identity, &client, &Secret::from("rt"), NOW, &RequestPolicy::default());
    assert_eq!(
        body(&request),
        "grant_type=refresh_token&refresh_token=rt&client_id=app&scope=read+write&resource=https%3A%2F%2Fapi.example%2F\
         &audience=x%2Fy&resource=urn%3Ab"
    );
}

// rfc-test: 6749-3.2-2
#[test]
fn an_extra_parameter_cannot_repeat_what_is_already_there() {
    let extra = |pairs: &[(&str, &str)]| Client {
        auth: ClientAuth::Basic(Secret::from("s")),
        extra_parameters: pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
        ..Client::public("app")
    };
    let client =
        extra(&[("refresh_token", "evil"), ("grant_type", "password"), ("", "x"), ("a", "1"), ("a", "2")]);
    assert_eq!(body(&refresh(&client, "rt")), "grant_type=refresh_token&refresh_token=rt&a=1");
    // With Basic the id is not in the body, and a provider may want it there all the same.
    let client = extra(&[("client_id", "app")]);
    assert_eq!(body(&refresh(&client, "rt")), "grant_type=refresh_token&refresh_token=rt&client_id=app");
}

#[test]
fn extra_headers_replace_accept_but_none_of_the_cores_own_and_cannot_break_out() {
    let client = Client {
        auth: ClientAuth::Basic(Secret::from("s")),
        extra_headers: [
            ("accept", "application/vnd.x+json"),
            ("Content-type", "text/plain"),
            ("AUTHORIZATION", "Bearer evil"),
            ("Host", "evil.example"),
            ("content-length", "0"),
            ("Transfer-Encoding", "chunked"),
            ("X-Api-Version", "2"),
            ("X-Split", "a\r\nX-Evil: 1"),
            ("X Bad", "1"),
            ("", "1"),
        ]
        .iter()
        .map(|(n, v)| (n.to_string(), v.to_string()))
        .collect(),
        ..Client::public("app")
    };
    let request = refresh(&client, "rt");
    let names: Vec<&str> = request.headers.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["Accept", "Content-Type", "Authorization", "X-Api-Version"]);
    assert_eq!(header(&request, "accept"), ["application/vnd.x+json"]);
    assert_eq!(header(&request, "content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(header(&request, "authorization"), ["Basic YXBwOnM="]);
}

#[test]
fn a_revocation_names_the_token_its_kind_and_the_client() {
    let client = Client {
        auth: ClientAuth::Post(Secret::from("s")),
        scope: Some("x".to_string()),
        ..Client::public("app")
    };
    let policy = RequestPolicy::default();
    let of = |identity: &Identity, hint| {
        TokenRequest::revocation(identity, &client, &Secret::from("rt/1"), hint, NOW, &policy)
    };
    let request = of(&identity(), TokenTypeHint::RefreshToken).unwrap();
    assert_eq!(request.url, "https://as.example/revoke");
    assert_eq!(body(&request), "token=rt%2F1&token_type_hint=refresh_token&client_id=app&client_secret=s");
    let request = of(&identity(), TokenTypeHint::AccessToken).unwrap();
    assert_eq!(body(&request), "token=rt%2F1&token_type_hint=access_token&client_id=app&client_secret=s");
    assert!(of(&Identity { revocation_endpoint: None, ..identity() }, TokenTypeHint::RefreshToken).is_none());
}

#[test]
fn a_body_of_json_holds_the_same_fields_and_a_revocation_stays_a_form() {
    let identity = Identity { resource: Some("urn:a".to_string()), ..identity() };
    let client = Client {
        auth: ClientAuth::Post(Secret::from("s\"3\\cr\n")),
        extra_parameters: vec![("resource".to_string(), "urn:b".to_string())],
        extra_headers: vec![("Content-Type".to_string(), "text/plain".to_string())],
        encoding: BodyEncoding::Json,
        ..Client::public("app")
    };
    let policy = RequestPolicy::default();
    let request = TokenRequest::refresh(&identity, &client, &Secret::from("r/t"), NOW, &policy);
    assert_eq!(
        body(&request),
        r#"{"grant_type":"refresh_token","refresh_token":"r/t","client_id":"app","client_secret":"s\"3\\cr\u000a","resource":["urn:a","urn:b"]}"#
    );
    assert_eq!(header(&request, "content-type"), ["application/json"]);
    let hint = TokenTypeHint::RefreshToken;
    let revocation =
        TokenRequest::revocation(&identity, &client, &Secret::from("r"), hint, NOW, &policy).unwrap();
    assert_eq!(header(&revocation, "content-type"), ["application/x-www-form-urlencoded"]);
    assert!(body(&revocation).starts_with("token=r&"));
}

/// A provider with its own names for nearly everything.
fn with_names(names: &[(&'static str, &'static str)]) -> Profile {
    let names: Vec<_> = names.iter().map(|(usual, name)| ((*usual).into(), (*name).into())).collect();
    Profile { refresh: RefreshRequest { names: names.into(), ..RefreshRequest::PLAIN }, ..Profile::GENERIC }
}

#[test]
fn parameters_have_the_names_that_the_provider_takes_in_a_form_in_json_and_in_a_revocation() {
    let profile = with_names(&[("client_id", "appid"), ("client_secret", "secret"), ("grant_type", "type")]);
    let client = Client {
        auth: ClientAuth::Post(Secret::from("s&3")),
        // Once is enough, and the old name is free.
        extra_parameters: vec![
            ("appid".to_string(), "evil".to_string()),
            ("grant_type".to_string(), "own".to_string()),
        ],
        ..Client::public("app")
    };
    let client = client.for_profile(&profile).for_profile(&profile);
    assert_eq!(
        body(&refresh(&client, "rt")),
        "type=refresh_token&refresh_token=rt&appid=app&secret=s%263&grant_type=own"
    );
    let json = Client { encoding: BodyEncoding::Json, ..client.clone() };
    assert_eq!(
        body(&refresh(&json, "rt")),
        r#"{"type":"refresh_token","refresh_token":"rt","appid":"app","secret":"s&3","grant_type":"own"}"#
    );
    let hint = TokenTypeHint::RefreshToken;
    let policy = RequestPolicy::default();
    let revocation =
        TokenRequest::revocation(&identity(), &client, &Secret::from("rt"), hint, NOW, &policy).unwrap();
    assert_eq!(body(&revocation), "token=rt&token_type_hint=refresh_token&appid=app&secret=s%263");
}

#[test]
fn basic_authentication_has_no_names_to_change() {
    let profile = with_names(&[("client_id", "appid"), ("client_secret", "secret")]);
    let client = Client { auth: ClientAuth::Basic(Secret::from("s")), ..Client::public("app") };
    let request = refresh(&client.for_profile(&profile), "rt");
    assert_eq!(header(&request, "authorization"), ["Basic YXBwOnM="]);
    assert_eq!(body(&request), "grant_type=refresh_token&refresh_token=rt");
}

#[test]
fn a_name_that_is_taken_or_empty_leaves_the_usual_one() {
    let profile = with_names(&[("client_id", "refresh_token"), ("refresh_token", ""), ("no_such", "x")]);
    assert_eq!(
        body(&refresh(&Client::public("app").for_profile(&profile), "rt")),
        "grant_type=refresh_token&refresh_token=rt&client_id=app"
    );
}

#[test]
fn the_clients_own_name_goes_before_the_profiles() {
    let own = vec![("client_id".to_string(), "mine".to_string())];
    let client = Client { parameter_names: own, ..Client::public("app") };
    let client = client.for_profile(&with_names(&[("client_id", "theirs"), ("refresh_token", "token")]));
    assert_eq!(body(&refresh(&client, "rt")), "grant_type=refresh_token&token=rt&mine=app");
}

#[test]
fn what_a_profile_wants_is_added_once_and_never_in_place_of_the_clients_own() {
    let profile = Profile {
        refresh: RefreshRequest {
            parameters: vec![("a".into(), "1".into()), ("b".into(), "2".into())].into(),
            headers: vec![("accept".into(), "x/y".into()), ("X-Version".into(), "3".into())].into(),
            encoding: BodyEncoding::Json,
            ..RefreshRequest::PLAIN
        },
        ..Profile::GENERIC
    };
    let own = Client {
        extra_parameters: vec![("b".to_string(), "own".to_string())],
        extra_headers: vec![("Accept".to_string(), "own/own".to_string())],
        ..Client::public("app")
    };
    let client = own.for_profile(&profile).for_profile(&profile);
    let request = refresh(&client, "rt");
    assert_eq!(
        body(&request),
        r#"{"grant_type":"refresh_token","refresh_token":"rt","client_id":"app","b":"own","a":"1"}"#
    );
    assert_eq!(header(&request, "accept"), ["own/own"]);
    assert_eq!(header(&request, "x-version"), ["3"]);
}
