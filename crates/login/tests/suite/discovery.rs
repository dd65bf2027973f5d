//! Finding the server among documents that nobody vouched for.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use renewd_blocking::block_on;
use renewd_core::{Client, GrantType, JwtBearer, Policy, Profile, RequestPolicy, Secret, Span, TokenSource};
use renewd_driver::{Reach, Web, WebAnswer, WebRequest};
use renewd_login::{
    LoginError, LoginErrorKind, NullUi, Origin, Plan, Ports, Server, Start, by_grant, discover, register,
};
use renewd_testkit::{AsConfig, AuthorizationServer, ProtectedApi};

use crate::support::{CLIENT, Stub, answer, found, issuer, ports, ports_outside, resource};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// Minimal metadata.
fn metadata(issuer: &str, token_endpoint: &str) -> String {
    format!(
        r#"{{"issuer":"{issuer}","authorization_endpoint":"{issuer}/authorize","token_endpoint":"{token_endpoint}","response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}}"#
    )
}

fn origin(stream: &TcpStream) -> String {
    format!("http://{}", stream.local_addr().unwrap())
}

fn refused(error: &LoginError, reason: &str) {
    assert_eq!((error.kind(), error.reason()), (LoginErrorKind::Refused, Some(reason)), "{error}");
}

// rfc-test: 8414-3 8414-3.1
#[test]
fn an_issuer_is_asked_at_each_address_in_turn_and_the_endpoints_say_where_they_come_from() {
    let stub = Stub::new(|target, stream| match target {
        OAUTH => {
            let issuer = origin(stream);
            answer(stream, 200, "", &metadata(&issuer, &format!("{issuer}/token")));
        }
        _ => answer(stream, 404, "", "{}"),
    });
    let server = found(&ports(), &issuer(&stub.url(""))).unwrap();
    let token = server.token_endpoint().unwrap();
    assert_eq!(token.value.as_str(), stub.url("/token"));
    assert!(matches!(&token.origin, Origin::ServerMetadata(from) if from.as_str() == stub.url(OAUTH)));
    assert_eq!(server.issuer.unwrap().origin, Origin::User);
    assert!(stub.asked().contains(&OAUTH.to_owned()));
}

#[test]
fn an_issuer_without_metadata_says_where_it_was_looked_for() {
    let stub = Stub::new(|_, stream| answer(stream, 404, "", ""));
    let error = found(&ports(), &issuer(&stub.url(""))).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), LoginErrorKind::Refused);
    assert!(text.contains(OPENID) && text.contains(OAUTH) && text.contains("404"), "{text}");
}

#[test]
fn a_server_in_trouble_is_no_server_without_metadata() {
    for status in [500, 503, 429] {
        let stub = Stub::new(move |_, stream| answer(stream, status, "", ""));
        let error = found(&ports(), &issuer(&stub.url(""))).unwrap_err();
        assert_eq!(error.kind(), LoginErrorKind::Temporary, "{error}");
    }
}

// rfc-test: 8414-3.3 8414-6.2
#[test]
fn the_metadata_of_another_issuer_are_not_used_and_no_other_place_is_tried() {
    let stub = Stub::new(|_, stream| {
        answer(stream, 200, "", &metadata("https://other.example", "https://other.example/token"));
    });
    refused(&found(&ports(), &issuer(&stub.url(""))).unwrap_err(), "issuer-mismatch");
    assert_eq!(stub.asked().len(), 1);
}

#[test]
fn huge_metadata_are_cut_off_and_refused() {
    let stub = Stub::new(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n";
        let _gone = stream.write_all(head.as_bytes());
        let piece = [b' '; 64 * 1024];
        while stream.write_all(&piece).is_ok() {}
    });
    let error = found(&ports(), &issuer(&stub.url(""))).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Refused);
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[test]
fn metadata_that_drip_end_with_the_time_for_the_whole_document() {
    let stub = Stub::new(|_, stream| {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        let (_keep, never) = std::sync::mpsc::channel::<()>();
        while stream.write_all(b" ").is_ok() {
            let _a_pause = never.recv_timeout(Duration::from_millis(10));
        }
    });
    let policy = RequestPolicy { timeout: Span::from_millis(300), connect_timeout: Span::from_millis(300) };
    let start = issuer(&stub.url(""));
    let error = block_on(discover(&ports(), &start, &Profile::generic(), &policy)).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Temporary, "{error}");
}

#[test]
fn redirects_are_followed_within_the_rules_and_not_without_end() {
    let stub = Stub::new(|target, stream| match target {
        OPENID => answer(stream, 302, "Location: /moved\r\n", ""),
        "/moved" => {
            let issuer = origin(stream);
            answer(stream, 200, "", &metadata(&issuer, &format!("{issuer}/token")));
        }
        _ => answer(stream, 404, "", ""),
    });
    let server = found(&ports(), &issuer(&stub.url(""))).unwrap();
    assert_eq!(server.token_endpoint().unwrap().value.as_str(), stub.url("/token"));

    let maze = Stub::new(|target, stream| answer(stream, 307, &format!("Location: {target}x\r\n"), ""));
    let error = found(&ports(), &issuer(&maze.url(""))).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Refused);
    assert!(error.to_string().contains("more than 3 times"), "{error}");
    assert_eq!(maze.asked().len(), 4);
}

#[test]
fn a_redirect_from_outside_to_the_inside_is_refused_before_a_byte_is_sent() {
    let Some(inside) = Stub::inside(|_, stream| answer(stream, 200, "", "{}")) else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let to = inside.url("/secret");
    let outside = Stub::new(move |_, stream| answer(stream, 302, &format!("Location: {to}\r\n"), ""));
    let ports = ports_outside();
    refused(&found(&ports, &issuer(&outside.url(""))).unwrap_err(), "private-host");
    assert_eq!(inside.asked(), Vec::<String>::new());
}

#[test]
fn whoever_is_at_home_inside_may_be_sent_inside() {
    let inside = Stub::new(|_, stream| {
        let issuer = origin(stream);
        answer(stream, 200, "", &metadata(&issuer, &format!("{issuer}/token")));
    });
    let to = inside.url("/moved");
    let start = Stub::new(move |_, stream| answer(stream, 302, &format!("Location: {to}\r\n"), ""));
    // The document then names another issuer, which is what it is refused for: it was fetched.
    refused(&found(&ports(), &issuer(&start.url(""))).unwrap_err(), "issuer-mismatch");
    assert_eq!(inside.asked(), ["/moved"]);
}

#[test]
fn a_redirect_to_what_is_no_web_address_is_refused_with_a_reason() {
    for (location, reason) in [
        ("javascript:alert(1)", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("http://192.168.0.1/", "scheme"),
        ("https://user:pass@as.example/", "user-info"),
        ("https://as.example/$(reboot)`x`", "character"),
    ] {
        let stub = Stub::new(move |_, stream| answer(stream, 302, &format!("Location: {location}\r\n"), ""));
        refused(&found(&ports(), &issuer(&stub.url(""))).unwrap_err(), reason);
    }
}

#[test]
fn a_token_endpoint_inside_that_a_document_from_outside_names_gets_nothing() {
    let Some(inside) = Stub::inside(|_, stream| answer(stream, 200, "", "{}")) else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let token = inside.url("/token");
    let outside = Stub::new(move |_, stream| {
        let text = metadata(&origin(stream), &token).replace(
            "\"response_types_supported\"",
            &format!("\"registration_endpoint\":\"{token}\",\"response_types_supported\""),
        );
        answer(stream, 200, "", &text);
    });
    let ports = ports_outside();
    let server = found(&ports, &issuer(&outside.url(""))).unwrap();
    let request = renewd_login::protocol::RegistrationRequest {
        redirect_uris: &["http://127.0.0.1/callback"],
        grant_types: &["authorization_code"],
        auth_method: "none",
        signing_alg: None,
        jwks: None,
        dpop_bound: false,
        scope: None,
    };
    let registered = block_on(register(&ports, &server, &request, None, &Policy::default().request));
    refused(&registered.map(|_| ()).unwrap_err(), "private-host");
    refused(&run(&ports, server).unwrap_err(), "private-host");
    assert_eq!(inside.asked(), Vec::<String>::new());
}

/// Shows an assertion there.
fn run(ports: &Ports, server: Server) -> Result<(), LoginError> {
    let mut client = Client::public(CLIENT);
    let assertion = TokenSource::Kept(Secret::from("assertion-canary"));
    client.grant_type = GrantType::JwtBearer(JwtBearer::Given(assertion));
    let plan = Plan {
        server,
        client,
        profile: Profile::generic(),
        policy: Policy::default(),
        parameters: Vec::new(),
        dpop_thumbprint: None,
    };
    block_on(by_grant(ports, &plan, &NullUi)).map(|_| ())
}

#[test]
fn endpoints_that_the_user_names_need_no_discovery_and_may_be_inside() {
    struct NoWeb;
    #[async_trait::async_trait]
    impl Web for NoWeb {
        async fn exchange(&self, request: WebRequest) -> WebAnswer {
            assert!(matches!(request.reach, Reach::Anywhere));
            panic!("{} was asked for", request.url)
        }
    }
    let ports = Ports { web: Arc::new(NoWeb), ..ports() };
    let mut start = Start { resource: Some("https://api.example/v1".into()), ..Start::default() };
    start.endpoints.token = Some("https://10.0.0.1/token".into());
    start.endpoints.authorization = Some("https://as.example/authorize?tenant=a".into());
    let server = found(&ports, &start).unwrap();
    assert_eq!(server.token_endpoint().unwrap().origin, Origin::User);
    assert_eq!(server.resource.unwrap().value, "https://api.example/v1");
    assert!(server.issuer.is_none());
}

#[test]
fn a_profile_that_knows_its_endpoints_is_not_asked_for_more() {
    let mut profile = Profile::generic();
    profile.endpoints.token = Some("https://as.example/token".into());
    profile.endpoints.device_authorization = Some("https://as.example/device".into());
    profile.endpoints.authorization = Some("https://{tenant}.as.example/authorize".into());
    profile.endpoints.issuer = Some("https://as.example".into());
    let policy = Policy::default().request;
    let server = block_on(discover(&ports(), &Start::default(), &profile, &policy)).unwrap();
    assert_eq!(server.token_endpoint().unwrap().origin, Origin::Profile);
    assert_eq!(server.issuer.unwrap().value.as_str(), "https://as.example");
    assert!(server.authorization_endpoint.is_none(), "a template is no address");
    assert!(server.device_authorization_endpoint.is_some());
}

#[test]
fn a_profile_fills_in_only_where_it_means_the_same_server() {
    let mut profile = Profile::generic();
    profile.endpoints.revocation = Some("https://as.example/revoke".into());
    profile.endpoints.token = Some("https://as.example/token".into());
    let mut start = Start::default();
    start.endpoints.token = Some("https://other.example/token".into());
    start.endpoints.authorization = Some("https://other.example/authorize".into());
    let policy = Policy::default().request;
    let server = block_on(discover(&ports(), &start, &profile, &policy)).unwrap();
    assert!(server.revocation_endpoint.is_none());
    start.endpoints.token = Some("https://as.example/token".into());
    let server = block_on(discover(&ports(), &start, &profile, &policy)).unwrap();
    assert_eq!(server.revocation_endpoint.unwrap().origin, Origin::Profile);
}

#[test]
fn without_a_word_of_where_the_user_is_told_what_to_say() {
    let error = found(&ports(), &Start::default()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Configuration);
    assert!(error.to_string().contains("--issuer"), "{error}");
    let mut profile = Profile::generic();
    profile.endpoints.issuer = Some("https://{domain}/".into());
    let policy = Policy::default().request;
    let error = block_on(discover(&ports(), &Start::default(), &profile, &policy)).unwrap_err();
    assert!(error.to_string().contains("https://{domain}/"), "{error}");
    // Without an issuer there are no metadata: that word would lead nowhere.
    profile.endpoints.issuer = None;
    profile.endpoints.token = Some("https://{domain}/oauth/tokens".into());
    profile.endpoints.authorization = Some("https://{domain}/oauth/new".into());
    let error = block_on(discover(&ports(), &Start::default(), &profile, &policy)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("--token-endpoint") && text.contains("(https://{domain}/oauth/new)"), "{text}");
    assert!(!text.contains("--issuer"), "{text}");
}

#[test]
fn a_resource_leads_to_its_server_by_the_challenge_or_by_the_well_known_address() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    for announces in [true, false] {
        api.announce_metadata(announces);
        let found = found(&ports(), &resource(&api.url())).unwrap();
        assert_eq!(found.issuer.as_ref().unwrap().value.as_str(), server.issuer());
        assert!(matches!(found.issuer.as_ref().unwrap().origin, Origin::ResourceMetadata(_)));
        assert_eq!(found.token_endpoint().unwrap().value.as_str(), server.token_url());
        let named = found.resource.unwrap();
        assert!(api.url().starts_with(&named.value), "{}", named.value);
    }
}

#[test]
fn a_resource_with_several_servers_leaves_the_choice_to_the_user() {
    let stub = Stub::new(|target, stream| {
        if !target.starts_with(RESOURCE) {
            return answer(stream, 401, "WWW-Authenticate: Bearer\r\n", "");
        }
        let text = format!(
            r#"{{"resource":"{}/mcp","authorization_servers":["https://a.example","https://b.example"]}}"#,
            origin(stream)
        );
        answer(stream, 200, "", &text);
    });
    let error = found(&ports(), &resource(&stub.url("/mcp"))).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Ambiguous);
    let text = error.to_string();
    assert!(text.contains("https://a.example") && text.contains("https://b.example"), "{text}");
    assert!(text.contains("--issuer"), "{text}");
}

#[test]
fn the_metadata_of_another_resource_are_not_used() {
    let stub = Stub::new(|target, stream| {
        if !target.starts_with("/meta") {
            let challenge =
                format!("WWW-Authenticate: Bearer resource_metadata=\"{}/meta\"\r\n", origin(stream));
            return answer(stream, 401, &challenge, "");
        }
        let text = r#"{"resource":"https://bank.example/","authorization_servers":["https://evil.example"]}"#;
        answer(stream, 200, "", text);
    });
    refused(&found(&ports(), &resource(&stub.url("/mcp"))).unwrap_err(), "resource-mismatch");
}

#[test]
fn a_resource_from_outside_does_not_lead_inside() {
    let Some(inside) = Stub::inside(|_, stream| answer(stream, 200, "", "{}")) else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let at = inside.url("/meta");
    let outside = Stub::new(move |_, stream| {
        let challenge = format!("WWW-Authenticate: Bearer resource_metadata=\"{at}\"\r\n");
        answer(stream, 401, &challenge, "");
    });
    refused(&found(&ports_outside(), &resource(&outside.url("/mcp"))).unwrap_err(), "private-host");
    assert_eq!(inside.asked(), Vec::<String>::new());
}

#[test]
fn a_resource_that_says_nothing_is_told_with_what_to_do() {
    let stub = Stub::new(|_, stream| answer(stream, 404, "", ""));
    let error = found(&ports(), &resource(&stub.url("/mcp"))).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Refused);
    assert!(error.to_string().contains("--issuer"), "{error}");
}
