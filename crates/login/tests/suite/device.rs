//! The device grant: at a server, and in virtual time against answers that were written down.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use renewd_blocking::block_on;
use renewd_core::{
    Answer, Client, Failure, FailureKind, Now, Policy, Profile, Response, Secret, Sent, Span, Wall,
};
use renewd_driver::testing::{VirtualClock, VirtualExecutor, VirtualTimer};
use renewd_driver::{Clock, NoSigner, Web, WebAnswer, WebRequest};
use renewd_login::{
    Granted, LoginError, LoginErrorKind, LoginEvent, Plan, Ports, Start, Ui, by_device, discover,
};
use renewd_testkit::{AsConfig, AuthorizationServer, LoginConfig};

use crate::support::{CLIENT, Noting, plan, ports, record};

#[test]
fn a_code_that_a_person_enters_becomes_a_record() {
    struct Entering<'a>(&'a AuthorizationServer);
    impl Ui for Entering<'_> {
        fn tell(&self, event: &LoginEvent<'_>) {
            if let LoginEvent::DeviceCode { user_code, .. } = event {
                assert!(self.0.approve_device(user_code));
            }
        }
    }
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let ports = ports();
    let plan = plan(&ports, &server);
    let granted = block_on(by_device(&ports, &plan, &Entering(&server))).unwrap();
    let record = record(&granted, &plan);
    let token = record.access().unwrap().token.expose_str().unwrap().to_owned();
    let facts = server.access_facts(&token).unwrap();
    assert!(facts.grant_type.unwrap().ends_with("device_code"));
    assert!(record.grant.refresh_token.is_some());
}

#[test]
fn a_person_who_says_no_ends_the_login() {
    struct Refusing<'a>(&'a AuthorizationServer);
    impl Ui for Refusing<'_> {
        fn tell(&self, event: &LoginEvent<'_>) {
            if let LoginEvent::DeviceCode { user_code, .. } = event {
                assert!(self.0.deny_device(user_code));
            }
        }
    }
    let server =
        AuthorizationServer::start(AsConfig { login: LoginConfig::default(), ..AsConfig::default() })
            .unwrap();
    let ports = ports();
    let plan = plan(&ports, &server);
    let error = block_on(by_device(&ports, &plan, &Refusing(&server))).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Denied);
    assert!(error.to_string().contains("access_denied"), "{error}");
}

/// Answers in order, and notes when each request came.
struct Script {
    clock: VirtualClock,
    answers: Mutex<VecDeque<Answer>>,
    at: Mutex<Vec<u64>>,
}

#[async_trait::async_trait]
impl Web for Script {
    async fn exchange(&self, _request: WebRequest) -> WebAnswer {
        self.at.lock().unwrap().push(self.clock.now().boot.as_millis() / 1000);
        let answer = self.answers.lock().unwrap().pop_front().expect("one request too many");
        WebAnswer { answer, peer: None, out_of_reach: false }
    }
}

fn response(status: u16, body: &str) -> Answer {
    Answer::Response(Response {
        status,
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: Secret::from(body),
        truncated: false,
    })
}

fn begun(expires_in: u32) -> Answer {
    let body = format!(
        r#"{{"device_code":"dc-canary","user_code":"WDJB-MJHT","verification_uri":"https://as.example/device","verification_uri_complete":"https://as.example/device?user_code=WDJB-MJHT","expires_in":{expires_in},"interval":5}}"#
    );
    response(200, &body)
}

fn error(code: &str) -> Answer {
    response(400, &format!(r#"{{"error":"{code}"}}"#))
}

fn no_answer() -> Answer {
    let message = "connection refused".into();
    Answer::Failed(Failure { kind: FailureKind::Refused, sent: Sent::Nothing, closed: true, message })
}

fn tokens() -> Answer {
    response(200, r#"{"access_token":"at-1","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-1"}"#)
}

/// How a login with these answers ends, when its requests came, and what was shown.
fn played(answers: Vec<Answer>) -> (Result<Granted, LoginError>, Vec<u64>, Vec<String>) {
    let clock = VirtualClock::new(Now { wall: Wall::from_unix_millis(1_800_000_000_000), ..Now::default() });
    let script =
        Arc::new(Script { clock: clock.clone(), answers: Mutex::new(answers.into()), at: Mutex::default() });
    let timer = Arc::new(VirtualTimer::new(&clock));
    let ports = Ports::new(script.clone(), Arc::new(NoSigner), Arc::new(clock.clone()), timer);
    let mut start = Start::default();
    start.endpoints.token = Some("https://as.example/token".into());
    start.endpoints.device_authorization = Some("https://as.example/device_authorization".into());
    let policy = Policy::default();
    let server = block_on(discover(&ports, &start, &Profile::generic(), &policy.request)).unwrap();
    let plan = Plan {
        server,
        client: Client::public(CLIENT),
        profile: Profile::generic(),
        policy,
        parameters: Vec::new(),
        dpop_thumbprint: None,
    };
    let ui = Noting::default();
    let mut executor = VirtualExecutor::new(&clock);
    let outcome = executor.run_until(Span::from_hours(24), by_device(&ports, &plan, &ui)).unwrap();
    let at = script.at.lock().unwrap().clone();
    (outcome, at, ui.lines())
}

// rfc-test: 8628-3.5 8628-3.5-3 8628-3.3.1
#[test]
fn the_server_is_asked_at_its_interval_and_more_seldom_when_it_says_so() {
    let pending = || error("authorization_pending");
    let (granted, at, shown) =
        played(vec![begun(600), pending(), pending(), error("slow_down"), pending(), tokens()]);
    assert!(granted.is_ok());
    assert_eq!(at, [0, 5, 10, 15, 25, 35]);
    let code = shown.iter().find(|line| line.starts_with("DeviceCode")).unwrap();
    assert!(code.contains("user_code: \"WDJB-MJHT\"") && code.contains("/device?user_code="), "{code}");
    assert!(shown.iter().any(|line| line.starts_with("SlowedDown")), "{shown:?}");
    assert!(shown.iter().all(|line| !line.contains("dc-canary")));
}

// rfc-test: 8628-3.5-2
#[test]
fn a_network_that_fails_slows_the_asking_down_and_ends_nothing() {
    let (granted, at, shown) = played(vec![begun(600), no_answer(), no_answer(), tokens()]);
    assert!(granted.is_ok());
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[2] > gaps[1] && gaps[1] > gaps[0], "{at:?}");
    assert!(shown.iter().any(|line| line.starts_with("Retrying")), "{shown:?}");
}

#[test]
fn a_code_that_nobody_enters_expires_without_a_request_afterwards() {
    let (outcome, at, _) =
        played(vec![begun(12), error("authorization_pending"), error("authorization_pending")]);
    assert_eq!(outcome.map(|_| ()).unwrap_err().kind(), LoginErrorKind::TimedOut);
    assert_eq!(at, [0, 5, 10]);
}

#[test]
fn a_server_that_says_slow_down_without_end_is_asked_ever_more_seldom_and_no_longer_than_the_code_lives() {
    let answers = std::iter::once(begun(600)).chain(std::iter::repeat_with(|| error("slow_down")).take(100));
    let (outcome, at, _) = played(answers.collect());
    assert_eq!(outcome.map(|_| ()).unwrap_err().kind(), LoginErrorKind::TimedOut);
    assert_eq!(at, [0, 5, 15, 30, 50, 75, 105, 140, 180, 225, 275, 330, 390, 455, 525]);

    let thirty_years = response(400, r#"{"error":"slow_down","interval":1000000000}"#);
    let (outcome, at, _) = played(vec![begun(600), thirty_years]);
    let error = outcome.map(|_| ()).unwrap_err();
    assert_eq!((error.kind(), at), (LoginErrorKind::TimedOut, vec![0, 5]));
    assert!(error.to_string().contains("before the server said"), "{error}");
}

// rfc-test: 8628-3.5-4
#[test]
fn any_other_error_ends_it() {
    for (code, kind) in [
        ("expired_token", LoginErrorKind::TimedOut),
        ("access_denied", LoginErrorKind::Denied),
        ("invalid_client", LoginErrorKind::Denied),
        ("invalid_grant", LoginErrorKind::Denied),
    ] {
        let (outcome, at, _) = played(vec![begun(600), error(code)]);
        assert_eq!(outcome.map(|_| ()).unwrap_err().kind(), kind, "{code}");
        assert_eq!(at.len(), 2);
    }
}

#[test]
fn a_refusal_to_begin_is_told() {
    let (outcome, at, _) = played(vec![error("unauthorized_client")]);
    let text = outcome.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("unauthorized_client"), "{text}");
    assert_eq!(at.len(), 1);
}
