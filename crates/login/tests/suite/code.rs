//! Logging in with a browser, at a server that checks everything.

use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use renewd_blocking::block_on;
use renewd_core::{Answer, ClientAuth, GrantType, Response, Secret, Span};
use renewd_driver::{Web, WebAnswer, WebRequest};
use renewd_login::{CodeOptions, LoginErrorKind, Ports, Redirect, by_code};
use renewd_signer::{Algorithm, PrivateKey, generate};
use renewd_testkit::{AsConfig, AuthorizationServer, Consent, Dpop, Iss, LoginConfig};

use crate::support::{
    Doing, Noting, address_parameter, get, log_in, obedient, parameter, plan, ports, record, redirect_of,
    signing_ports, with,
};

fn server(login: LoginConfig) -> AuthorizationServer {
    AuthorizationServer::start(AsConfig { login, ..AsConfig::default() }).unwrap()
}

// rfc-test: 8252-6 7636-4.1 6749-4.1.3 9700-4.4.2-2
#[test]
fn a_login_becomes_a_record_with_tokens_that_the_server_knows() {
    let server = server(LoginConfig { echo_scope: true, ..LoginConfig::default() });
    let ports = ports();
    let mut plan = plan(&ports, &server);
    plan.client.scope = Some("read write".into());
    let granted = log_in(&ports, &plan, obedient()).unwrap();
    assert_eq!(granted.remarks, Vec::<String>::new());
    assert!(granted.is_renewable(&plan));

    let record = record(&granted, &plan);
    assert_eq!(record.identity.issuer, Some(server.issuer()));
    assert_eq!(record.identity.token_endpoint, server.token_url());
    assert_eq!(record.identity.revocation_endpoint, Some(server.revocation_url()));
    assert_eq!(record.settings.scope.as_deref(), Some("read write"));
    assert!(matches!(record.settings.grant_type, GrantType::RefreshToken));
    assert!(record.grant.refresh_token.is_some());
    let access = record.access().unwrap();
    assert!(access.lifetime_given);
    let facts = server.access_facts(access.token.expose_str().unwrap()).unwrap();
    assert_eq!(
        (facts.grant_type.as_deref().unwrap(), facts.scope.as_deref()),
        ("authorization_code", Some("read write"))
    );
}

#[test]
fn who_logged_in_is_told_from_the_id_token_which_is_checked_against_this_login() {
    let server = server(LoginConfig::default());
    let ports = ports();
    let mut plan = plan(&ports, &server);
    plan.client.scope = Some("openid".into());
    let granted = log_in(&ports, &plan, obedient()).unwrap();
    assert!(!granted.identified.as_ref().unwrap().subject.is_empty());
    assert!(record(&granted, &plan).grant.id_token.is_some());
}

// rfc-test: 6749-10.12 8252-8.9 9700-2.1 9700-4.7.1
#[test]
fn another_state_is_refused_and_the_login_goes_on() {
    let server = server(LoginConfig::default());
    let ports = ports();
    let plan = plan(&ports, &server);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pages = Arc::clone(&seen);
    let browser = Doing(move |url: String| {
        let redirect = address_parameter(&url, "redirect_uri");
        for query in [
            "",
            "?code=evil",
            "?code=evil&state=evil",
            "?state=a&state=b",
            "?code=%zz",
            "?error=access_denied&state=x",
        ] {
            pages.lock().unwrap().push(get(&format!("{redirect}{query}")));
        }
        get(&redirect_of(&url));
    });
    let ui = Noting::default();
    let granted = block_on(by_code(&ports, &plan, with(browser), &ui)).unwrap();
    assert!(granted.is_renewable(&plan));
    let pages = seen.lock().unwrap();
    assert_eq!(pages.len(), 6);
    assert!(
        pages.iter().all(|page| page.starts_with("HTTP/1.1 400 ") && page.contains("still waits")),
        "{pages:?}"
    );
    assert_eq!(ui.lines().iter().filter(|line| line.starts_with("Strange")).count(), 6);
    assert!(ui.lines().iter().all(|line| !line.contains("evil")), "{:?}", ui.lines());
}

// rfc-test: 6749-4.1.2 9700-2.1-2
#[test]
fn the_answer_is_taken_once_and_a_second_is_told_so() {
    let server = server(LoginConfig::default());
    server.hold_answers();
    let ports = ports();
    let plan = plan(&ports, &server);
    let (tell, told) = std::sync::mpsc::channel();
    let browser = Doing(move |url: String| {
        let back = redirect_of(&url);
        let pages = [get(&back), get(&back)];
        tell.send(pages).unwrap();
    });
    let options = with(browser);
    let login = std::thread::spawn(move || {
        block_on(by_code(&ports, &plan, options, &renewd_login::NullUi)).map(|_| ())
    });
    // The token request is held, so the listener still stands when the second one comes.
    let [first, second] = told.recv_timeout(crate::support::PATIENCE).unwrap();
    server.release();
    login.join().unwrap().unwrap();
    assert!(first.starts_with("HTTP/1.1 200 ") && first.contains("close this tab"), "{first}");
    assert!(second.starts_with("HTTP/1.1 410 "), "{second}");
    let sends_on = |page: &str| page.to_ascii_lowercase().contains("\nlocation:");
    assert!(!sends_on(&first) && !sends_on(&second), "the listener sends nobody anywhere");
    assert_eq!(server.log().len(), 1, "the code was spent once");
}

// rfc-test: 9207-2.4 9207-2.4-2 9207-2.4-3 9700-4.4.2 9700-2.1-3
#[test]
fn a_code_of_another_issuer_or_of_nobody_never_leaves() {
    for (iss, reason) in
        [(Iss::Wrong("https://evil.example".into()), "issuer-mismatch"), (Iss::Withheld, "issuer-missing")]
    {
        let server = server(LoginConfig { redirect_issuer: iss, ..LoginConfig::default() });
        let ports = ports();
        let plan = plan(&ports, &server);
        let error = log_in(&ports, &plan, obedient()).map(|_| ()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (LoginErrorKind::Refused, Some(reason)), "{error}");
        assert_eq!(server.log().len(), 0, "no token request was sent");
    }
}

#[test]
fn a_person_who_says_no_ends_the_login_with_the_servers_words() {
    let server =
        server(LoginConfig { consent: Consent::Deny("access_denied".into()), ..LoginConfig::default() });
    let ports = ports();
    let plan = plan(&ports, &server);
    let error = log_in(&ports, &plan, obedient()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Denied);
    assert!(error.to_string().contains("access_denied"), "{error}");
}

#[test]
fn without_anybody_who_comes_back_the_login_ends_in_time() {
    let server = server(LoginConfig::default());
    let ports = ports();
    let plan = plan(&ports, &server);
    let options = CodeOptions { wait: Span::from_millis(10), ..CodeOptions::default() };
    let ui = Noting::default();
    let error = block_on(by_code(&ports, &plan, options, &ui)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::TimedOut);
    assert!(ui.lines().iter().any(|line| line.starts_with("Visit") && line.contains("opened: false")));
}

#[test]
fn the_address_at_which_a_browser_elsewhere_ended_may_be_pasted() {
    let server = server(LoginConfig::default());
    let ports = ports();
    let plan = plan(&ports, &server);
    // The browser is on another machine: it never reaches the listener, and its person copies what it shows.
    let (paste, hand) = std::io::pipe().unwrap();
    let hand = Arc::new(Mutex::new(hand));
    let browser = Doing(move |url: String| {
        let mut hand = hand.lock().unwrap();
        let back = redirect_of(&url);
        let wrong = back.replace(parameter(&back, "state"), "forged");
        write!(hand, "\nyes\nhttps://evil.example/?code=a\n{wrong}\n  {back}#x \n").unwrap();
    });
    let paste: Box<dyn BufRead + Send> = Box::new(BufReader::new(paste));
    let ui = Noting::default();
    let options = CodeOptions { paste: Some(paste), ..with(browser) };
    let granted = block_on(by_code(&ports, &plan, options, &ui)).unwrap();
    assert!(granted.is_renewable(&plan));
    assert_eq!(ui.lines().iter().filter(|line| line.starts_with("Strange")).count(), 3, "{:?}", ui.lines());
}

#[test]
fn a_redirect_that_nothing_here_can_listen_on_needs_somebody_who_pastes() {
    let server = server(LoginConfig::default());
    let ports = ports();
    let plan = plan(&ports, &server);
    let redirect = || Redirect::parse("https://app.example/cb").unwrap();
    let options = CodeOptions { redirect: redirect(), ..CodeOptions::default() };
    let error = block_on(by_code(&ports, &plan, options, &Noting::default())).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Configuration);
    let empty: Box<dyn BufRead + Send> = Box::new(BufReader::new(std::io::empty()));
    let options = CodeOptions { redirect: redirect(), paste: Some(empty), ..CodeOptions::default() };
    let error = block_on(by_code(&ports, &plan, options, &Noting::default())).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::TimedOut);
    assert!(error.to_string().contains("pasted"), "{error}");
}

#[test]
fn a_fixed_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/cb", taken.local_addr().unwrap());
    let server = server(LoginConfig::default());
    let ports = ports();
    let plan = plan(&ports, &server);
    let options = CodeOptions { redirect: Redirect::parse(&uri).unwrap(), ..CodeOptions::default() };
    let error = block_on(by_code(&ports, &plan, options, &Noting::default())).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::System);
    assert!(error.to_string().contains(&taken.local_addr().unwrap().to_string()), "{error}");
}

#[test]
fn a_server_that_wants_its_request_pushed_gets_it_pushed() {
    let server = server(LoginConfig::default());
    announce(&server, r#""require_pushed_authorization_requests":true"#);
    let ports = ports();
    let plan = plan(&ports, &server);
    let seen = Arc::new(Mutex::new(String::new()));
    let address = Arc::clone(&seen);
    let browser = Doing(move |url: String| {
        url.clone_into(&mut address.lock().unwrap());
        get(&redirect_of(&url));
    });
    log_in(&ports, &plan, browser).unwrap();
    let url = seen.lock().unwrap().clone();
    assert!(!parameter(&url, "request_uri").is_empty());
    assert!(!url.contains("code_challenge") && !url.contains("state="), "{url}");
    assert_eq!(server.visits("POST /par"), 1);
}

#[test]
fn a_bound_token_comes_by_a_nonce_that_is_asked_for_once() {
    let server = server(LoginConfig { dpop: Dpop::Required, dpop_nonce: true, ..LoginConfig::default() });
    let ports = signing_ports();
    let mut plan = plan(&ports, &server);
    let key = generate(Algorithm::Es256).unwrap();
    let thumbprint = PrivateKey::parse(&key).unwrap().thumbprint();
    plan.dpop_thumbprint = Some(thumbprint.clone());
    plan.client.dpop_key = Some(key);
    let granted = log_in(&ports, &plan, obedient()).unwrap();
    let record = record(&granted, &plan);
    let access = record.access().unwrap();
    assert_eq!(access.token_type, "DPoP");
    let facts = server.access_facts(access.token.expose_str().unwrap()).unwrap();
    assert_eq!(facts.jkt, Some(thumbprint));
    assert_eq!(server.totals().nonces_asked, 1);
    assert!(record.settings.dpop_key.is_some());
}

// rfc-test: 6749-7.1
#[test]
fn a_token_that_is_not_bound_although_a_key_was_shown_is_refused() {
    let server = server(LoginConfig { dpop: Dpop::Ignored, ..LoginConfig::default() });
    let ports = signing_ports();
    let mut plan = plan(&ports, &server);
    plan.client.dpop_key = Some(generate(Algorithm::Es256).unwrap());
    let error = log_in(&ports, &plan, obedient()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Refused);
    assert!(error.to_string().contains("DPoP"), "{error}");
}

#[test]
fn a_wrong_secret_is_told_as_the_servers_refusal_and_never_shown() {
    let config = AsConfig { client_secret: Some("right-secret".into()), ..AsConfig::default() };
    let server = AuthorizationServer::start(config).unwrap();
    let ports = ports();
    let mut plan = plan(&ports, &server);
    plan.client.auth = ClientAuth::Basic(Secret::from("wrong-secret"));
    let error = log_in(&ports, &plan, obedient()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::Denied);
    assert!(error.to_string().contains("invalid_client"), "{error}");
    assert!(!error.to_string().contains("wrong-secret"));
}

/// Adds a member to the metadata of this server.
fn announce(server: &AuthorizationServer, member: &str) {
    let metadata = get(&format!("{}/.well-known/openid-configuration", server.issuer()));
    let body = metadata.split_once("\r\n\r\n").unwrap().1.replacen('{', &format!("{{{member},"), 1);
    let page = renewd_testkit::AsReply::new(200, "application/json", body);
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        server.set_page(path, Some(page.clone()));
    }
}

// rfc-test: 9700-4.7.1
#[test]
fn a_server_that_says_nothing_of_pkce_is_told_of_and_one_that_lacks_it_gets_no_login() {
    for (members, kind, told) in [
        (None, LoginErrorKind::TimedOut, false),
        (Some(""), LoginErrorKind::TimedOut, true),
        (Some(r#","code_challenge_methods_supported":["plain"]"#), LoginErrorKind::Refused, false),
    ] {
        let server = server(LoginConfig::default());
        if let Some(members) = members {
            let (own, token) = (server.issuer(), server.token_url());
            let body = format!(
                r#"{{"issuer":"{own}","authorization_endpoint":"{own}/a","token_endpoint":"{token}"{members}}}"#
            );
            let page = renewd_testkit::AsReply::new(200, "application/json", body);
            for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
                server.set_page(path, Some(page.clone()));
            }
        }
        let ports = ports();
        let plan = plan(&ports, &server);
        let ui = Noting::default();
        let options = CodeOptions { wait: Span::from_millis(10), ..CodeOptions::default() };
        let error = block_on(by_code(&ports, &plan, options, &ui)).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{members:?}: {error}");
        assert_eq!(
            ui.lines().iter().any(|line| line.contains("PKCE")),
            told,
            "{members:?}: {:?}",
            ui.lines()
        );
    }
}

// rfc-test: 7636-4.1 8252-8.9 8252-8.10 9700-2.1.1-2
#[test]
fn each_login_has_a_state_a_challenge_and_a_redirect_address_of_its_own() {
    let server = server(LoginConfig::default());
    let ports = ports();
    let plan = plan(&ports, &server);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let addresses = Arc::clone(&seen);
    // The first listener's port is held while the second login runs: a system may give out a free port twice.
    let inner = (Arc::new(ports), Arc::new(plan));
    let (again, place) = (inner.clone(), Arc::clone(&seen));
    let browser = Doing(move |url: String| {
        let (first, (ports, plan), place) = (url.clone(), again.clone(), Arc::clone(&place));
        addresses.lock().unwrap().push(url);
        let second = Doing(move |url: String| {
            place.lock().unwrap().push(url.clone());
            get(&redirect_of(&url));
        });
        log_in(&ports, &plan, second).map(|_| ()).unwrap();
        get(&redirect_of(&first));
    });
    log_in(&inner.0, &inner.1, browser).unwrap();
    let urls = seen.lock().unwrap().clone();
    let [first, second] = &urls[..] else { panic!("{urls:?}") };
    for name in ["state", "code_challenge", "redirect_uri"] {
        assert_ne!(parameter(first, name), parameter(second, name), "{name}");
    }
}

// rfc-test: 8252-6 9700-2.1.1
#[test]
fn who_cannot_prove_itself_does_not_log_in_without_pkce_and_who_can_does() {
    let server = server(LoginConfig::default());
    let ports = ports();
    for (auth, kind) in [
        (ClientAuth::None, LoginErrorKind::Configuration),
        (ClientAuth::Basic(Secret::from("s")), LoginErrorKind::TimedOut),
    ] {
        let mut plan = plan(&ports, &server);
        plan.profile.login.pkce = false;
        plan.client.auth = auth;
        let ui = Noting::default();
        let options = CodeOptions { wait: Span::from_millis(10), ..CodeOptions::default() };
        let error = block_on(by_code(&ports, &plan, options, &ui)).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let shown = ui.lines().iter().any(|line| line.starts_with("Visit"));
        assert_eq!(shown, kind == LoginErrorKind::TimedOut, "{:?}", ui.lines());
    }
}

/// The web, with some addresses that are somebody's own.
struct With {
    documents: Vec<(&'static str, &'static str)>,
    web: Arc<dyn Web>,
}

#[async_trait::async_trait]
impl Web for With {
    async fn exchange(&self, request: WebRequest) -> WebAnswer {
        let Some((_, document)) = self.documents.iter().find(|(url, _)| *url == request.url) else {
            return self.web.exchange(request).await;
        };
        let response =
            Response { status: 200, headers: Vec::new(), body: Secret::from(*document), truncated: false };
        WebAnswer { answer: Answer::Response(response), peer: None, out_of_reach: false }
    }
}

#[test]
fn a_client_whose_id_is_its_description_is_looked_at_where_the_server_does_so_too() {
    const MINE: &str = "https://client.example/mine";
    const THEIRS: &str = "https://client.example/theirs";
    let good = r#"{"client_id":"https://client.example/mine","redirect_uris":["http://127.0.0.1/callback"]}"#;
    let server = server(LoginConfig::default());
    announce(&server, r#""client_id_metadata_document_supported":true"#);
    let ports = ports();
    let web = With { documents: vec![(MINE, good), (THEIRS, good)], web: Arc::clone(&ports.web) };
    let ports = Ports { web: Arc::new(web), ..ports };
    let mut plan = plan(&ports, &server);
    for (id, kind) in [
        (THEIRS, LoginErrorKind::Configuration),
        ("https://client.example/a/../b", LoginErrorKind::Configuration),
        ("http://127.0.0.1/client", LoginErrorKind::Configuration),
        (MINE, LoginErrorKind::TimedOut),
    ] {
        plan.client.id = id.into();
        let options = CodeOptions { wait: Span::from_millis(10), ..CodeOptions::default() };
        let error = block_on(by_code(&ports, &plan, options, &Noting::default())).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{id}: {error}");
    }
}

/// What the browser's command line shows every user of the machine is enough to bring a code that is bound to our
/// challenge: `state` is no protection from them.
#[test]
fn another_user_at_the_listener_is_sent_away_unread_even_with_the_state_of_this_login() {
    static STRANGERS: AtomicBool = AtomicBool::new(true);
    let server = server(LoginConfig::default());
    let ports = ports();
    let plan = plan(&ports, &server);
    let (tell, told) = std::sync::mpsc::channel();
    let browser = Doing(move |url: String| {
        let redirect = address_parameter(&url, "redirect_uri");
        let state = address_parameter(&url, "state");
        tell.send(get(&format!("{redirect}?code=evil&state={state}"))).unwrap();
        tell.send(get(&format!("{redirect}?error=access_denied&state={state}"))).unwrap();
        STRANGERS.store(false, Ordering::SeqCst);
        get(&redirect_of(&url));
    });
    let options = CodeOptions { is_strangers: Some(|_| STRANGERS.load(Ordering::SeqCst)), ..with(browser) };
    let ui = Noting::default();
    let granted = block_on(by_code(&ports, &plan, options, &ui)).unwrap();
    assert!(granted.is_renewable(&plan));
    assert_eq!([told.recv().unwrap(), told.recv().unwrap()], ["", ""], "closed without a word");
    assert_eq!(server.log().len(), 1, "no code of theirs was sent");
    assert!(ui.lines().iter().any(|line| line.starts_with("Strange") && line.contains("another user")));
}

#[test]
fn a_public_server_that_names_a_client_with_a_private_address_has_nothing_asked_there() {
    let Ok(private) = std::net::TcpListener::bind("[::1]:0") else { return };
    private.set_nonblocking(true).unwrap();
    let server = server(LoginConfig::default());
    announce(&server, r#""client_id_metadata_document_supported":true"#);
    let ports = crate::support::ports_outside();
    let mut plan = plan(&ports, &server);
    plan.client.id = format!("https://{}/client", private.local_addr().unwrap());
    let options = CodeOptions { wait: Span::from_millis(10), ..CodeOptions::default() };
    let ui = Noting::default();
    let error = block_on(by_code(&ports, &plan, options, &ui)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), LoginErrorKind::TimedOut, "{error}");
    assert!(ui.lines().iter().any(|line| line.contains("could not be looked at")), "{:?}", ui.lines());
    assert_eq!(private.accept().map(|_| ()).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
