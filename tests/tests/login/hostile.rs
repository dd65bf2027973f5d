//! Servers that lie, strangers at the listener, addresses that are no addresses: each is refused with a reason, nothing is
//! opened, nothing is sent on, and nothing is stored.

#![cfg(unix)]

use renewd_e2e::{Desktop, Home, Impostor, Person, Ran, Running, Says, percent};
use serde_json::{Value, json};

use crate::world::has_nothing;

/// The exit code of a login that was refused, here or there.
const REFUSED: i32 = 3;

/// An impostor, and somebody who logs in there.
struct Trap {
    server: Impostor,
    home: Home,
    desktop: Desktop,
}

impl Trap {
    fn new() -> Self {
        // A document that drips is given up after this, rather than after what a slow network may need.
        let home = Home::with("[request]\ntimeout = \"2s\"\n");
        Self { server: Impostor::start(), home, desktop: Desktop::without_browser() }
    }

    /// A server that is what it says, but for these values.
    fn announcing(changes: Value) -> Self {
        let trap = Self::new();
        let mut metadata = trap.server.metadata();
        for (name, value) in changes.as_object().expect("an object") {
            metadata[name] = value.clone();
        }
        trap.server.announce(Says::Json(metadata));
        trap
    }

    fn start(&self, more: &[&str]) -> Running {
        let url = self.server.url();
        let mut args = vec!["login", "work", "--issuer", &url, "--client-id", "victim", "--browser"];
        args.extend(more);
        self.start_as(&args)
    }

    fn start_as(&self, args: &[&str]) -> Running {
        let mut command = self.home.command(args);
        self.desktop.give_to(&mut command);
        Running::start(command, b"")
    }

    /// It ended with that code and that word, and left no trace.
    #[track_caller]
    fn refused(&self, ran: &Ran, code: i32, word: &str) {
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.stderr.contains(word), "{word:?} not in {ran:?}");
        assert!(!ran.stderr.contains('\u{1b}'), "no escape of a stranger's reaches the terminal: {ran:?}");
        has_nothing(&self.home);
    }

    /// The same, and no address was opened.
    #[track_caller]
    fn refused_unopened(&self, ran: &Ran, code: i32, word: &str) {
        self.refused(ran, code, word);
        assert_eq!(self.desktop.opened(), Vec::<String>::new());
        assert!(!self.server.was_asked_for("/token"), "nothing was sent to its token endpoint");
    }
}

// rfc-test: 8414-3.3
// rfc-test: 8414-6.2
// rfc-test: 7636-7.2
// rfc-test: 9700-4.7.1
#[test]
fn metadata_that_must_not_be_believed_ends_the_login_before_anything_is_opened() {
    for (changes, word) in [
        (json!({ "issuer": "https://accounts.example" }), "issuer"),
        (json!({ "issuer": null }), "issuer"),
        (
            json!({ "authorization_endpoint": "javascript:alert(document.domain)//" }),
            "authorization_endpoint",
        ),
        (json!({ "authorization_endpoint": "file:///etc/passwd" }), "authorization_endpoint"),
        (
            json!({ "authorization_endpoint": "https://x.example/$(touch owned)`touch owned`;touch owned" }),
            "authorization_endpoint",
        ),
        (json!({ "authorization_endpoint": "--renderer-cmd-prefix=sh" }), "authorization_endpoint"),
        (json!({ "authorization_endpoint": "http://login.example/authorize" }), "authorization_endpoint"),
        (
            json!({ "authorization_endpoint": "https://user:secret@login.example/authorize" }),
            "authorization_endpoint",
        ),
        (json!({ "token_endpoint": "http://tokens.example/token" }), "token_endpoint"),
        (json!({ "token_endpoint": ["https://a.example", "https://b.example"] }), "token_endpoint"),
        (json!({ "code_challenge_methods_supported": ["plain"] }), "S256"),
        (json!({ "response_types_supported": ["token"] }), "response"),
    ] {
        let trap = Trap::announcing(changes.clone());
        let ran = trap.start(&[]).finish();
        trap.refused_unopened(&ran, REFUSED, word);
        assert!(!trap.home.path().join("home/owned").exists());
    }
}

#[test]
fn metadata_without_an_end_is_given_up() {
    let begun = || "{\"issuer\":\"".to_owned();
    // What comes too slowly may come faster another time.
    for (says, code, word) in [
        (Says::Endless(begun()), REFUSED, "longer than"),
        (Says::Drip(begun()), 4, "no complete answer within 2s"),
    ] {
        let trap = Trap::new();
        trap.server.announce(says);
        let ran = trap.start(&[]).finish();
        trap.refused_unopened(&ran, code, word);
    }
}

#[test]
fn metadata_that_leads_elsewhere_is_not_followed_into_the_network_or_round_in_circles() {
    let inside = Impostor::start();
    inside.announce(Says::Json(inside.metadata()));
    let scheme = "must begin with https://";
    for (to, word) in [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), scheme),
        ("http://10.0.0.1/.well-known/openid-configuration".to_owned(), scheme),
        ("http://[fd00::1]/".to_owned(), scheme),
        ("file:///etc/passwd".to_owned(), scheme),
        ("javascript:alert(1)".to_owned(), scheme),
        ("/.well-known/openid-configuration".to_owned(), "from one address to the next"),
        // Another server of this machine: its metadata is not that of the issuer.
        (format!("{}/.well-known/openid-configuration", inside.url()), "issuer"),
    ] {
        let trap = Trap::new();
        trap.server.announce(Says::Redirect(to));
        let ran = trap.start(&[]).finish();
        trap.refused_unopened(&ran, REFUSED, word);
        assert!(!inside.was_asked_for("/token"));
    }
}

#[test]
fn an_api_that_names_a_strange_server_is_refused() {
    let trap = Trap::new();
    let api = format!("{}/mcp", trap.server.url());
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", trap.server.url());
    let here = format!("Bearer resource_metadata=\"{metadata}\"");
    let naming =
        |resource: &str, servers: &[&str]| json!({ "resource": resource, "authorization_servers": servers });
    for (challenge, document, word) in [
        ("Bearer resource_metadata=\"javascript:alert(1)\"", Value::Null, "resource_metadata"),
        ("Bearer resource_metadata=\"http://169.254.169.254/\"", Value::Null, "resource_metadata"),
        (&here, naming("https://bank.example/", &[&trap.server.url()]), "another resource"),
        (&here, naming(&api, &["http://login.example"]), "authorization_servers"),
        (&here, naming(&api, &[]), "authorization_servers"),
    ] {
        trap.server.say("/mcp", Says::Challenge(challenge.to_owned()));
        trap.server.say("/.well-known/oauth-protected-resource/mcp", Says::Json(document));
        let ran = trap
            .start_as(&["login", "work", "--resource", &api, "--client-id", "victim", "--browser"])
            .finish();
        trap.refused_unopened(&ran, REFUSED, word);
    }
}

/// A resource whose metadata lead to a server of its own.
fn luring() -> (Trap, String) {
    let trap = Trap::announcing(json!({ "revocation_endpoint": null }));
    let (url, api) = (trap.server.url(), format!("{}/mcp", trap.server.url()));
    let metadata = format!("{url}/.well-known/oauth-protected-resource/mcp");
    trap.server.say("/mcp", Says::Challenge(format!("Bearer resource_metadata=\"{metadata}\"")));
    let document = json!({
        "resource": api, "authorization_servers": [url], "dpop_bound_access_tokens_required": true,
    });
    trap.server.say("/.well-known/oauth-protected-resource/mcp", Says::Json(document));
    for path in ["/token", "/device", "/register"] {
        trap.server.say(path, tokens());
    }
    (trap, api)
}

// RFC 9728 section 7: a resource may be an attacker's, and name a server of his.
#[test]
fn what_was_given_for_one_server_is_not_shown_to_another_that_only_the_resource_names() {
    let grant = |grant, flag| vec!["--client-id", "victim", "--grant", grant, flag, "secret"];
    for (given, word) in [
        (vec!["--client-id", "victim", "--device", "--client-secret-file", "secret"], "the client's secret"),
        (vec!["--client-id", "victim", "--browser", "--client-secret-file", "secret"], "the client's secret"),
        (grant("client-credentials", "--client-secret-file"), "--client-secret-file"),
        (grant("token-exchange", "--subject-token-file"), "--subject-token-file"),
        (grant("jwt-bearer", "--assertion-file"), "the assertion"),
        (vec!["--browser", "--register", "--registration-token-file", "secret"], "--registration-token-file"),
    ] {
        let (trap, api) = luring();
        let file = trap.home.private_file("secret", "a-secret-of-another-server").display().to_string();
        let given: Vec<&str> =
            given.into_iter().map(|word| if word == "secret" { &*file } else { word }).collect();
        let ran = trap.start_as(&[&["login", "work", "--resource", &api][..], &given].concat()).finish();
        trap.refused_unopened(&ran, 2, word);
        assert!(ran.stderr.contains(&format!("--issuer {}", trap.server.url())), "what to do: {ran:?}");
        assert!(ran.stderr.contains("--dpop asks for such"), "what else the resource wants is told: {ran:?}");
        let asked = trap.server.asked();
        assert!(asked.iter().all(|(line, _)| line.starts_with("GET ")), "{given:?}: {asked:?}");
    }
}

#[test]
fn a_secret_of_the_configuration_needs_a_word_of_whose_it_is_too() {
    let (trap, api) = luring();
    let file = trap.home.private_file("secret", "a-secret-of-another-server").display().to_string();
    let entry = |more: &str| {
        format!(
            "[credential.work]\nclient_id = \"victim\"\nclient_secret_file = \"{file}\"\nresource = \"{api}\"\n\
             grant = \"client_credentials\"\n{more}"
        )
    };
    trap.home.configure(&entry(""));
    let ran = trap.start_as(&["login", "work"]).finish();
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("credential.work.client_secret_file"), "{ran:?}");
    assert!(
        trap.server.asked().iter().all(|(line, _)| line.starts_with("GET ")),
        "{:?}",
        trap.server.asked()
    );
    // Somebody said it: the server is the one that was meant, and the login goes on.
    trap.home.configure(&entry(&format!("issuer = \"{}\"\n", trap.server.url())));
    trap.start_as(&["login", "work"]).finish().succeeded();
    assert!(trap.server.asked().iter().any(|(_, body)| body.contains("a-secret-of-another-server")));
}

// RFC 9700 section 4.4: what one server gave must not be spent at another. Here the person named where the login begins.
#[test]
fn a_code_of_the_server_that_was_named_is_not_shown_to_one_that_only_the_resource_names() {
    for (way, flag) in
        [("--device", "--device-authorization-endpoint"), ("--browser", "--authorization-endpoint")]
    {
        let (trap, api) = luring();
        let honest = Impostor::start();
        let begins = format!("{}/device", honest.url());
        let args = ["login", "work", "--resource", &api, "--client-id", "victim", way, flag, &begins];
        let ran = trap.start_as(&args).finish();
        trap.refused_unopened(&ran, 2, flag);
        assert_eq!(honest.asked(), Vec::new(), "{flag}: no code was asked for");
    }
}

// A gateway's key stands in a header as often as not.
#[test]
fn headers_and_parameters_of_the_configuration_need_a_word_of_whose_they_are_too() {
    for table in ["headers", "parameters"] {
        let (trap, api) = luring();
        let entry = |more: &str| {
            format!(
                "[credential.work]\nclient_id = \"victim\"\nresource = \"{api}\"\n\
                 {table} = {{ Gateway-Key = \"a-secret-of-another-server\" }}\n{more}"
            )
        };
        trap.home.configure(&entry(""));
        let ran = trap.start_as(&["login", "work", "--device"]).finish();
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(&format!("credential.work.{table}")), "{ran:?}");
        let asked = trap.server.asked();
        assert!(asked.iter().all(|(line, _)| line.starts_with("GET ")), "{table}: {asked:?}");
        // Somebody said it: the server is the one that was meant, and it is asked.
        trap.home.configure(&entry(&format!("issuer = \"{}\"\n", trap.server.url())));
        trap.start_as(&["login", "work", "--device"]).finish();
        assert!(trap.server.asked().iter().any(|(line, _)| line.starts_with("POST /device")), "{table}");
    }
}

/// The redirect address and the state of the address that was opened.
fn asked_of(opened: &str) -> (String, String) {
    let query = opened.split_once('?').expect("a query").1;
    let value = |name: &str| {
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name);
        found.unwrap_or_else(|| panic!("no {name}")).1.to_owned()
    };
    let redirect = value("redirect_uri").replace("%3A", ":").replace("%2F", "/");
    (redirect, value("state"))
}

/// Tokens for whoever asks.
fn tokens() -> Says {
    Says::Json(json!({
        "access_token": "an-access-token-of-the-impostor", "token_type": "Bearer", "expires_in": 3600,
        "refresh_token": "a-refresh-token-of-the-impostor",
    }))
}

// rfc-test: 6749-4.1.2
// rfc-test: 6749-10.12
// rfc-test: 9700-2.1
#[test]
fn strangers_at_the_listener_get_nothing_and_the_login_goes_on() {
    let trap = Trap::announcing(json!({}));
    trap.server.say("/token", tokens());
    let mut login = trap.start(&[]);
    let (redirect, state) = asked_of(&trap.desktop.wait_opened());
    let issuer = percent(&trap.server.url());
    let mut person = Person::new();
    for (query, why) in [
        (String::new(), "nothing"),
        ("?code=stolen".to_owned(), "no state"),
        (format!("?code=stolen&iss={issuer}&state={}", "x".repeat(state.len())), "another state"),
        (format!("?code=stolen&iss={issuer}&state={state}x"), "a longer state"),
        (format!("?code=stolen&iss={issuer}&state={state}&state=x"), "two states"),
        (format!("?error=access_denied&iss={issuer}&state=x"), "a refusal for another"),
    ] {
        let page = person.open(&format!("{redirect}{query}"));
        assert!((400..500).contains(&page.status), "{why}: {} {}", page.status, page.text());
        assert!(login.is_running(), "{why}");
    }
    let origin = redirect.trim_end_matches("/callback");
    assert_eq!(person.open(&format!("{origin}/favicon.ico")).status, 404);
    // A page of somewhere else that found the port has another name for it (DNS rebinding).
    let door = renewd_e2e::Door::of_url(origin).expect("an address");
    let target = format!("/callback?code=stolen&iss={issuer}&state={state}");
    let rebound = door.request("GET", &target, &[("Host", "attacker.example")], b"").expect("an answer");
    assert!((400..500).contains(&rebound.status), "{}", rebound.text());
    let posted = door.request("POST", &target, &[], b"").expect("an answer");
    assert!((400..500).contains(&posted.status), "{}", posted.text());
    assert!(login.is_running() && !trap.server.was_asked_for("/token"));

    let arrived = person.open(&format!("{redirect}?code=real&iss={issuer}&state={state}"));
    assert_eq!(arrived.status, 200, "{}", arrived.text());
    login.finish().succeeded();
    let sent: Vec<String> = trap
        .server
        .asked()
        .into_iter()
        .filter(|(line, _)| line == "POST /token")
        .map(|(_, body)| body)
        .collect();
    assert_eq!(sent.len(), 1, "one code, and that once");
    assert!(sent[0].contains("code=real") && !sent[0].contains("stolen"));
    // The listener was for that one answer.
    assert!(
        renewd_e2e::testkit::http_request(renewd_e2e::Place::of(&redirect).address, "GET", &target, &[], b"")
            .is_err()
    );
}

// rfc-test: 9207-2.4
// rfc-test: 9207-2.4-2
// rfc-test: 9207-2.4-3
// rfc-test: 9700-2.1-3
// rfc-test: 9700-4.4.2
#[test]
fn an_answer_of_another_server_is_refused_before_its_code_is_sent_anywhere() {
    for (iss, what) in [
        (String::new(), "no iss, where one was promised"),
        (format!("&iss={}", percent("https://accounts.example")), "another iss"),
        ("&iss=ISSUER%2F".to_owned(), "nearly the same iss"),
        ("&iss=ISSUER&iss=ISSUER".to_owned(), "two of them"),
    ] {
        let trap = Trap::announcing(json!({}));
        trap.server.say("/token", tokens());
        let login = trap.start(&[]);
        let (redirect, state) = asked_of(&trap.desktop.wait_opened());
        let iss = iss.replace("ISSUER", &percent(&trap.server.url()));
        let page = Person::new().open(&format!("{redirect}?code=mixed-up&state={state}{iss}"));
        assert!((400..500).contains(&page.status), "{what}: {}", page.text());
        let ran = login.finish();
        trap.refused(&ran, REFUSED, "iss");
        assert!(!trap.server.was_asked_for("/token"), "{what}");
    }
}

// rfc-test: 6749-10.14
#[test]
fn a_refusal_shows_the_servers_words_and_not_its_escapes_or_markup() {
    let trap = Trap::announcing(json!({}));
    let login = trap.start(&[]);
    let (redirect, state) = asked_of(&trap.desktop.wait_opened());
    let words = percent("no \u{1b}]0;owned\u{7}<script>alert(1)</script>");
    let issuer = percent(&trap.server.url());
    let page = Person::new().open(&format!(
        "{redirect}?error=access_denied&error_description={words}&iss={issuer}&state={state}"
    ));
    assert!(!page.text().contains("<script"), "{}", page.text());
    let ran = login.finish();
    trap.refused(&ran, REFUSED, "access_denied");
}

// rfc-test: 6749-10.3
// rfc-test: 9700-4.4.2-2
#[test]
fn a_token_endpoint_that_sends_the_code_elsewhere_is_not_followed() {
    let other = Impostor::start();
    other.say("/token", tokens());
    let trap = Trap::announcing(json!({}));
    trap.server.say("/token", Says::Again(format!("{}/token", other.url())));
    let login = trap.start(&[]);
    let (redirect, state) = asked_of(&trap.desktop.wait_opened());
    let issuer = percent(&trap.server.url());
    Person::new().open(&format!("{redirect}?code=real&iss={issuer}&state={state}"));
    let ran = login.finish();
    trap.refused(&ran, REFUSED, "");
    assert_eq!(other.asked(), Vec::new(), "neither code nor verifier went there");
}

#[test]
fn a_device_code_page_that_is_no_page_is_not_shown_as_one() {
    for (changes, word) in [
        (json!({ "verification_uri": "javascript:alert(1)" }), "verification_uri"),
        (json!({ "verification_uri": "http://login.example/device" }), "verification_uri"),
        (json!({ "verification_uri_complete": "file:///etc/passwd" }), "verification_uri_complete"),
        (json!({ "device_code": "" }), "device_code"),
        (json!({ "user_code": "\u{1b}[2J\u{1b}]52;c;b3duZWQ=\u{7}" }), "user_code"),
    ] {
        let trap = Trap::announcing(json!({}));
        let mut answer = json!({
            "device_code": "a-device-code-of-the-impostor", "user_code": "ABCD-EFGH",
            "verification_uri": format!("{}/go", trap.server.url()), "expires_in": 600, "interval": 1,
        });
        for (name, value) in changes.as_object().expect("an object") {
            answer[name] = value.clone();
        }
        trap.server.say("/device", Says::Json(answer));
        trap.server.say("/token", Says::Status(400, json!({ "error": "access_denied" })));
        let url = trap.server.url();
        let ran =
            trap.start_as(&["login", "work", "--issuer", &url, "--client-id", "victim", "--device"]).finish();
        trap.refused(&ran, REFUSED, word);
        assert_eq!(trap.desktop.opened(), Vec::<String>::new());
    }
}

#[test]
fn an_issuer_on_the_command_line_that_is_no_address_is_a_mistake_of_usage() {
    let trap = Trap::new();
    for issuer in [
        "javascript:alert(1)",
        "http://login.example",
        "https://user@login.example",
        "file:///etc/passwd",
        "x",
    ] {
        let ran = trap
            .start_as(&["login", "work", "--issuer", issuer, "--client-id", "victim", "--browser"])
            .finish();
        trap.refused_unopened(&ran, 2, "issuer");
    }
}
