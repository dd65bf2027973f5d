//! A server that answers as told, and a clock that goes with the pauses.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use renewd_core::{
    Access, AccessKey, AttemptId, BootId, Failure, FailureKind, GrantMaterial, Identity, Now, Policy,
    Profile, Registration, Sent, Settings, Stamp, Wall,
};
use renewd_driver::{NoSigner, WebAnswer};

use super::*;

/// tokio's paused clock, as the port's.
struct Paused(tokio::time::Instant);

impl Clock for Paused {
    fn now(&self) -> Now {
        let millis = u64::try_from(self.0.elapsed().as_millis()).unwrap();
        Now { boot: Boot::from_millis(millis), wall: Wall::from_unix_millis(1_700_000_000_000) }
    }

    fn boot_id(&self) -> BootId {
        BootId::default()
    }
}

struct Same;

impl Entropy for Same {
    fn attempt_id(&self) -> AttemptId {
        AttemptId(500)
    }
}

/// Answers in their order, then with 200, and remembers what was asked.
#[derive(Default)]
struct Server {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<String>>,
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Answer::Response(Response { status, headers, body: Secret::from(body), truncated: false })
}

impl Server {
    fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() }
    }

    fn next(&self, asked: String) -> Answer {
        self.asked.lock().unwrap().push(asked);
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| answer(200, &[], ""))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl TokenEndpoint for Server {
    async fn send(&self, _: AttemptId, request: TokenRequest) -> Answer {
        let body = request.body.expose_str().unwrap();
        let of = |name: &str| {
            body.split('&').find_map(|part| part.strip_prefix(&format!("{name}="))).unwrap().to_owned()
        };
        self.next(format!("{} {}", of("token_type_hint"), of("token")))
    }

    fn abort(&self, _: AttemptId) {}
}

#[async_trait]
impl Web for Server {
    async fn exchange(&self, request: WebRequest) -> WebAnswer {
        let token = request.headers.iter().find(|(name, _)| name == "Authorization").unwrap();
        assert_eq!(request.method, WebMethod::Delete);
        let asked = format!("DELETE {} {}", request.url, token.1.expose_str().unwrap());
        WebAnswer { answer: self.next(asked), peer: None, out_of_reach: false }
    }
}

fn login(refresh_token: Option<&str>, access_tokens: &[&str]) -> Record {
    let identity = Identity {
        token_endpoint: "https://as.example/token".into(),
        revocation_endpoint: Some("https://as.example/revoke".into()),
        client_id: "client".into(),
        ..Identity::default()
    };
    let access = |token: &&str| Access {
        key: AccessKey::default(),
        token: Secret::from(*token),
        token_type: "Bearer".into(),
        issued: Stamp::default(),
        lifetime: Span::from_hours(1),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant = GrantMaterial {
        refresh_token: refresh_token.map(Secret::from),
        access: access_tokens.iter().map(access).collect(),
        ..GrantMaterial::default()
    };
    Record::new(1, identity, Settings::default(), grant, Now::default())
}

/// What came of it, and how long it took.
async fn told(server: &Server, record: &Record) -> (AtServer, Span) {
    let clock = Paused(tokio::time::Instant::now());
    let ports = Ports { endpoint: server, web: server, signer: &NoSigner, clock: &clock, entropy: &Same };
    let setup = renewd_driver::system::setup(Policy::default(), Profile::generic(), Client::public("client"));
    let told = tell(&ports, record, &setup).await;
    (told, clock.now().boot.since(Boot::from_millis(0)))
}

fn lost() -> Answer {
    Answer::Failed(Failure {
        kind: FailureKind::Refused,
        sent: Sent::Nothing,
        closed: true,
        message: "connection refused".into(),
    })
}

#[tokio::test(start_paused = true)]
async fn the_refresh_token_goes_first_and_the_access_tokens_follow() {
    let server = Server::default();
    let (told, took) = told(&server, &login(Some("rt"), &["at-1", "at-2"])).await;
    assert_eq!(server.asked(), ["refresh_token rt", "access_token at-1", "access_token at-2"]);
    assert_eq!(
        (told.refresh_token, told.access_tokens, told.registration),
        (Some(Ok(())), Some(Ok(())), None)
    );
    assert!(took.is_zero());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_tried_again_a_few_times_and_a_wait_that_is_asked_for_is_kept() {
    let server = Server::answering([lost(), answer(503, &[("Retry-After", "3")], ""), answer(500, &[], "")]);
    let (told, took) = told(&server, &login(Some("rt"), &[])).await;
    assert_eq!(told.refresh_token, Some(Ok(())));
    assert_eq!(server.asked().len(), 4);
    // 400 ms and 1.6 s, and the 3 s between them.
    assert!(
        took >= Span::from_millis(3000 + 300 + 1200) && took <= Span::from_millis(3000 + 500 + 2000),
        "{took}"
    );
}

#[tokio::test(start_paused = true)]
async fn patience_ends_and_what_the_server_asks_beyond_it_is_not_waited_for() {
    let down = Server::answering((0..20).map(|_| lost()));
    let (told_down, took) = told(&down, &login(Some("rt"), &[])).await;
    assert_eq!(told_down.refresh_token, Some(Err("connection refused".into())));
    assert!(down.asked().len() == 4 && took < PATIENCE, "{took}");
    let busy = Server::answering([answer(503, &[("retry-after", "120")], "")]);
    let (told_busy, took) = told(&busy, &login(Some("rt"), &[])).await;
    assert_eq!(told_busy.refresh_token, Some(Err("HTTP 503, which asks to be left alone for 2m".into())));
    assert!(busy.asked().len() == 1 && took.is_zero());
}

#[tokio::test(start_paused = true)]
async fn all_tokens_share_one_patience() {
    let server = Server::answering((0..40).map(|_| answer(429, &[("Retry-After", "2")], "")));
    let (told, took) = told(&server, &login(Some("rt"), &["at-1", "at-2", "at-3", "at-4"])).await;
    assert!(told.refresh_token.unwrap().is_err() && told.access_tokens.unwrap().is_err());
    assert!(took <= PATIENCE, "{took}");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_does_not_revoke_is_told_and_not_tried_again() {
    let server =
        Server::answering([answer(200, &[], ""), answer(400, &[], r#"{"error":"unsupported_token_type"}"#)]);
    let (told_type, _) = told(&server, &login(Some("rt"), &["at"])).await;
    assert_eq!(told_type.refresh_token, Some(Ok(())));
    assert!(told_type.access_tokens.unwrap().unwrap_err().contains("unsupported_token_type"));
    assert_eq!(server.asked().len(), 2);
    let refusing = Server::answering([answer(401, &[], r#"{"error":"invalid_client"}"#)]);
    let (told_client, _) = told(&refusing, &login(Some("rt"), &[])).await;
    assert_eq!(told_client.refresh_token, Some(Err("HTTP 401 (invalid_client)".into())));
    let echoing = Server::answering([answer(400, &[], r#"{"error":"rt is what you sent"}"#)]);
    let (told_echo, _) = told(&echoing, &login(Some("rt"), &[])).await;
    assert_eq!(told_echo.refresh_token, Some(Err("HTTP 400".into())));
    let mut record = login(Some("rt"), &[]);
    record.identity.revocation_endpoint = None;
    let (told_none, _) = told(&Server::default(), &record).await;
    assert_eq!(told_none.refresh_token, Some(Err("no revocation endpoint is known".into())));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_was_registered_for_the_login_is_deleted_last() {
    let mut record = login(Some("rt"), &[]);
    record.settings.registration = Some(Registration {
        client_uri: Some("https://as.example/register/c".into()),
        access_token: Some(Secret::from("manage")),
        ..Registration::default()
    });
    let server = Server::default();
    let (told_deleted, _) = told(&server, &record).await;
    assert_eq!(server.asked(), ["refresh_token rt", "DELETE https://as.example/register/c Bearer manage"]);
    assert_eq!(told_deleted.registration, Some(Ok(())));
    for (status, good) in [(204, true), (404, true), (401, false), (405, false), (500, false)] {
        let server = Server::answering([answer(200, &[], ""), answer(status, &[], "")]);
        assert_eq!(told(&server, &record).await.0.registration.unwrap().is_ok(), good, "{status}");
    }
    record.settings.registration.as_mut().unwrap().access_token = None;
    assert_eq!(told(&Server::default(), &record).await.0.registration, None, "nothing manages it");
}
