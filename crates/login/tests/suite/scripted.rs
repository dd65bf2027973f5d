//! Logins over a network that answers as a test says: hosts with public names, a proxy that hides addresses, and servers
//! that never give in.

use std::sync::{Arc, Mutex};

use renewd_blocking::block_on;
use renewd_core::{
    Answer, Client, ClientAuth, GrantType, Now, Policy, Profile, Record, Response, Secret, Span, Wall,
};
use renewd_driver::testing::VirtualClock;
use renewd_driver::{Reach, Web, WebAnswer, WebRequest};
use renewd_login::protocol::METADATA_MAX_BYTES;
use renewd_login::{
    Granted, LoginError, LoginErrorKind, NullUi, Origin, Plan, Ports, Start, by_grant, discover,
};
use renewd_signer::{Algorithm, generate};

use crate::support::{CLIENT, found, record, resource, signing_ports};

const API: &str = "https://api.example/mcp";
const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource";
const TOKEN: &str = "https://as.example/token";

type Said = (u16, Vec<(&'static str, String)>, String);

/// Answers by address, and notes what was asked for and how far it might go. As behind a proxy: nobody's address is known.
struct Script<F> {
    says: F,
    asked: Arc<Mutex<Vec<Asked>>>,
}

struct Asked {
    url: String,
    bounded: bool,
    body_max_bytes: usize,
}

#[async_trait::async_trait]
impl<F: Fn(&str, usize) -> Said + Send + Sync + 'static> Web for Script<F> {
    async fn exchange(&self, request: WebRequest) -> WebAnswer {
        let mut asked = self.asked.lock().unwrap();
        let (status, headers, body) = (self.says)(&request.url, asked.len());
        asked.push(Asked {
            bounded: matches!(request.reach, Reach::Only(_)),
            body_max_bytes: request.body_max_bytes,
            url: request.url,
        });
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let response = Response { status, headers, body: Secret::from(body.as_str()), truncated: false };
        WebAnswer { answer: Answer::Response(response), peer: None, out_of_reach: false }
    }
}

fn scripted(says: impl Fn(&str, usize) -> Said + Send + Sync + 'static) -> (Ports, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::default();
    let web = Script { says, asked: Arc::clone(&asked) };
    (Ports { web: Arc::new(web), ..signing_ports() }, asked)
}

fn plain(status: u16, body: &str) -> Said {
    (status, Vec::new(), body.to_owned())
}

/// A resource whose metadata say this, and name that server.
fn api_of(issuer: &'static str, more: &'static str) -> impl Fn(&str, usize) -> Said + Send + Sync + 'static {
    move |url, _| {
        if url == API {
            return plain(401, "");
        }
        if url.starts_with(METADATA) {
            return plain(200, &format!(r#"{{"authorization_servers":["{issuer}"],{more}}}"#));
        }
        let text =
            format!(r#"{{"issuer":"{issuer}","token_endpoint":"{TOKEN}","response_types_supported":[]}}"#);
        plain(200, &text)
    }
}

#[test]
fn what_a_resource_says_of_its_tokens_is_taken_with_the_name_that_it_gives_itself() {
    let says = r#""resource":"https://api.example","dpop_bound_access_tokens_required":true,"scopes_supported":["a"]"#;
    let (ports, asked) = scripted(api_of("https://as.example", says));
    let server = found(&ports, &resource(API)).unwrap();
    let named = server.resource.unwrap();
    assert_eq!(named.value, "https://api.example");
    assert!(matches!(named.origin, Origin::ResourceMetadata(_)));
    assert!(server.dpop_bound);
    assert_eq!(server.scopes.unwrap(), ["a"]);
    assert!(
        server.remarks.iter().any(|remark| remark.contains("https://api.example")),
        "{:?}",
        server.remarks
    );
    for asked in asked.lock().unwrap().iter() {
        assert_eq!(asked.body_max_bytes, METADATA_MAX_BYTES);
        // The user's own address may be anywhere; what it leads to may not, though nobody's address is known here.
        assert_eq!(asked.bounded, asked.url != API, "{}", asked.url);
    }
}

#[test]
fn a_server_inside_that_a_public_resource_names_is_not_even_asked() {
    for issuer in ["https://10.0.0.1", "https://127.0.0.1", "https://localhost"] {
        let (ports, asked) = scripted(api_of(issuer, r#""resource":"https://api.example/mcp""#));
        let error = found(&ports, &resource(API)).unwrap_err();
        assert_eq!(
            (error.kind(), error.reason()),
            (LoginErrorKind::Refused, Some("private-host")),
            "{error}"
        );
        assert!(asked.lock().unwrap().iter().all(|asked| !asked.url.starts_with(issuer)), "{issuer}");
    }
}

#[test]
fn a_resource_in_trouble_is_no_resource_that_says_nothing() {
    let (ports, _) = scripted(|url, _| plain(if url == API { 503 } else { 404 }, ""));
    assert_eq!(found(&ports, &resource(API)).unwrap_err().kind(), LoginErrorKind::Temporary);
}

#[test]
fn a_resource_beside_a_profile_that_knows_its_server_is_asked_for_nothing() {
    let (ports, asked) = scripted(|_, _| plain(500, ""));
    let mut profile = Profile::generic();
    profile.endpoints.token = Some(TOKEN.into());
    profile.endpoints.authorization = Some("https://as.example/authorize".into());
    let start: Start = resource(API);
    let server = block_on(discover(&ports, &start, &profile, &Policy::default().request)).unwrap();
    assert_eq!(server.resource.unwrap().value, API);
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn a_profile_that_knows_its_issuer_alone_goes_before_what_the_resource_would_say() {
    let (ports, asked) = scripted(|url, _| match url {
        "https://as.example/.well-known/openid-configuration" => {
            plain(200, &format!(r#"{{"issuer":"https://as.example","token_endpoint":"{TOKEN}"}}"#))
        }
        _ => plain(404, ""),
    });
    let mut profile = Profile::generic();
    profile.endpoints.issuer = Some("https://as.example".into());
    let server = block_on(discover(&ports, &resource(API), &profile, &Policy::default().request)).unwrap();
    assert_eq!(server.issuer.as_ref().unwrap().origin, Origin::Profile);
    assert_eq!(server.token_endpoint().unwrap().value.as_str(), TOKEN);
    assert_eq!(server.resource.unwrap().value, API);
    assert!(asked.lock().unwrap().iter().all(|asked| asked.url.starts_with("https://as.example/")));
}

/// Client credentials at a token endpoint that answers so, with or without a key of the tokens.
fn run(ports: &Ports, bound: bool) -> (Plan, Result<Granted, LoginError>) {
    let mut start = Start::default();
    start.endpoints.token = Some(TOKEN.into());
    let server = found(ports, &start).unwrap();
    let mut client = Client::public(CLIENT);
    client.auth = ClientAuth::Post(Secret::from("a-secret"));
    client.grant_type = GrantType::ClientCredentials;
    client.scope = Some("asked".into());
    client.dpop_key = bound.then(|| generate(Algorithm::Es256).unwrap());
    let plan = Plan {
        server,
        client,
        profile: Profile::generic(),
        policy: Policy::default(),
        parameters: Vec::new(),
        dpop_thumbprint: None,
    };
    let granted = block_on(by_grant(ports, &plan, &NullUi));
    (plan, granted)
}

const WANTS_NONCE: &str = r#"{"error":"use_dpop_nonce"}"#;

#[test]
fn a_server_that_wants_a_nonce_again_and_again_is_asked_three_times() {
    let (ports, asked) =
        scripted(|_, number| (400, vec![("DPoP-Nonce", format!("n-{number}"))], WANTS_NONCE.into()));
    assert!(run(&ports, true).1.is_err());
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[test]
fn a_nonce_that_was_tried_is_not_tried_again() {
    let (ports, asked) = scripted(|_, _| (400, vec![("DPoP-Nonce", "n".into())], WANTS_NONCE.into()));
    assert!(run(&ports, true).1.is_err());
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[test]
fn a_refusal_of_what_was_not_signed_is_no_matter_of_time() {
    let (date, date_seconds) = ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777);
    let ours = Wall::from_unix_millis(date_seconds * 1000) + Span::from_mins(40);
    for (bound, requests) in [(false, 1), (true, 2)] {
        let (ports, asked) =
            scripted(move |_, _| (401, vec![("Date", date.into())], r#"{"error":"invalid_client"}"#.into()));
        let clock = VirtualClock::new(Now { wall: ours, ..Now::default() });
        let ports = Ports { clock: Arc::new(clock), ..ports };
        assert!(run(&ports, bound).1.is_err());
        assert_eq!(asked.lock().unwrap().len(), requests, "bound: {bound}");
    }
}

fn recorded(body: &'static str) -> Record {
    let (ports, _) = scripted(move |_, _| plain(200, body));
    let (plan, granted) = run(&ports, false);
    record(&granted.unwrap(), &plan)
}

#[test]
fn a_record_says_what_was_granted_and_believes_no_lifetime_beyond_a_year() {
    let record = recorded(
        r#"{"access_token":"at","token_type":"Bearer","expires_in":999999999,"scope":"granted",
            "refresh_token":"rt","refresh_token_expires_in":60}"#,
    );
    let access = record.access().unwrap();
    assert_eq!(access.key.scope.as_deref(), Some("granted"));
    assert_eq!(access.lifetime, Span::from_hours(24 * 365));
    assert!(record.grant.refresh_token.is_none(), "this grant needs none");
    assert!(record.grant.rt_expiry.is_none(), "what is not kept does not run out");
}

#[test]
fn a_bound_token_where_no_key_was_shown_is_refused() {
    let (ports, _) =
        scripted(|_, _| plain(200, r#"{"access_token":"at","token_type":"DPoP","expires_in":60}"#));
    let error = run(&ports, false).1.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Refused);
    assert!(error.to_string().contains("--dpop"), "{error}");
}
