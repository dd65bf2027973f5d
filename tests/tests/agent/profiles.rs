//! A provider of the user's own kind: the profile that describes it decides what its answers mean, from the request to
//! the journal. Beside it, the same answers without the profile.

#![cfg(unix)]

use renewd_e2e::{Agent, Home, Posted, Provider, QUICK_RETRY, Ran, Running, wait_for};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Tokens two levels down, errors under names of its own with 200, JSON where others take a form.
const ACME: &str = r#"
title = "Acme"
as_class = "P0"
client_auth = ["none", "post"]
lifetime = "2h"

[refresh]
encoding = "json"
parameters = { audience = "acme", version = "1" }
headers = { X-Acme = "of the profile", X-Kept = "kept" }

[fields]
access_token = ["answer.secrets[0].value"]
refresh_token = ["answer.secrets[1].value"]

[[override]]
name = "session-over"
verdict = "permanent_grant"
when = { status = [200], members = { outcome = ["E1701"] } }
message = "the session is over"

[[override]]
name = "busy"
verdict = "transient"
when = { status = [400], code = ["invalid_grant"], words = ["another request"] }
"#;

/// A good answer of that provider's.
fn granted(access: &str, refresh: &str) -> String {
    json!({"outcome": "OK", "answer": {"secrets": [{"value": access}, {"value": refresh}]}}).to_string()
}

const SESSION_OVER: &str = r#"{"outcome":"E1701","text":"no"}"#;
const BUSY: &str = r#"{"error":"invalid_grant","error_description":"Another request is in progress"}"#;

/// A home where the profile is known as `acme`.
fn home(more: &str) -> Home {
    let home = Home::with(&format!("{QUICK_RETRY}{more}"));
    home.private_file("acme.toml", ACME);
    home
}

fn file(home: &Home) -> String {
    home.path().join("config/renewd/acme.toml").display().to_string()
}

/// The configuration that holds the same profile.
fn as_table(profile: &str) -> String {
    profile
        .replace("[[override]]", "[[profile.acme.override]]")
        .replace("\n[refresh]", "\n[profile.acme.refresh]")
        .replace("\n[fields]", "\n[profile.acme.fields]")
        .replace("\ntitle", "\n[profile.acme]\ntitle")
}

#[track_caller]
fn import(home: &Home, provider: &Provider, more: &[&str]) -> Ran {
    let url = provider.token_url();
    let args = ["import", "work", "--token-endpoint", &url, "--client-id", "c1"];
    let args: Vec<&str> = args.into_iter().chain(more.iter().copied()).collect();
    Running::start(home.command(args), b"rt-first").finish()
}

/// A token, by a command that may be told of the profile's file.
fn token(home: &Home, with: bool) -> Ran {
    let file = file(home);
    let flags: &[&str] = if with { &["--profile-file", &file] } else { &[] };
    home.run([&["token", "work", "--timeout", "5s"], flags].concat())
}

fn last_attempt(home: &Home) -> Value {
    home.status("work")["last_attempt"].clone()
}

/// All that the journal tells.
fn history(home: &Home) -> String {
    home.run(["history", "work", "--json"]).succeeded().stdout
}

#[test]
fn tokens_are_found_where_the_profile_says_and_the_rotated_one_is_sent_next() {
    let (provider, home) = (Provider::start(), home(""));
    import(&home, &provider, &["--profile", "acme", "--profile-file", &file(&home)]).succeeded();
    provider.answer(200, &granted("at-1", "rt-second"));
    provider.answer(200, &granted("at-2", "rt-third"));
    assert_eq!(token(&home, true).succeeded().line(), "at-1");
    home.run(["refresh", "work", "--profile-file", &file(&home)]).succeeded();
    let sent: Vec<Value> = provider.posted().iter().map(|p| p.json()["refresh_token"].clone()).collect();
    assert_eq!(sent, ["rt-first", "rt-second"]);
    assert_eq!(token(&home, true).succeeded().line(), "at-2");
    // Two hours, as the profile says where the answer does not.
    let shown = home.run(["config", "show", "work", "--profile-file", &file(&home)]).succeeded().stdout;
    assert!(has_row(&shown, "lifetime.default", "2h", "profile acme"), "{shown}");
    let expires = home.status("work")["token_expires_at"].as_str().map(renewd_e2e::unix_seconds_of);
    let left = expires.expect("there is a token") - renewd_e2e::unix_seconds();
    assert!((3700.0..=7200.0).contains(&left), "{left}");
}

#[test]
fn without_the_profile_the_same_answer_holds_no_token() {
    let (provider, home) = (Provider::start(), home(""));
    import(&home, &provider, &[]).succeeded();
    provider.always(200, r#"{"outcome":"OK","answer":{"secrets":[{"value":"at-1"},{"value":"rt-2"}]}}"#);
    let ran = token(&home, false);
    assert!(matches!(ran.code, Some(4 | 124)) && ran.line().is_empty(), "{ran:?}");
    assert_eq!(last_attempt(&home)["verdict"], "protocol_error_transient");
    assert_eq!(provider.last().json(), Value::Null, "a form, as everybody else takes");
}

#[test]
fn an_error_as_200_under_a_name_of_its_own_ends_the_login_and_says_why() {
    let (provider, home) = (Provider::start(), home(""));
    import(&home, &provider, &["--profile", "acme", "--profile-file", &file(&home)]).succeeded();
    provider.always(200, SESSION_OVER);
    token(&home, true).failed(3);
    let seen = home.status("work");
    assert_eq!((&seen["status"], &seen["cause"]), (&json!("unauthenticated"), &json!("grant_refused")));
    assert_eq!(seen["last_attempt"]["verdict"], "permanent_grant");
    let told = history(&home);
    assert!(told.contains("the session is over"), "{told}");
    assert_eq!(provider.posted().len(), 1, "a refusal is not tried again");
}

#[test]
fn without_the_profile_the_same_error_is_weather() {
    let (provider, home) = (Provider::start(), home(""));
    import(&home, &provider, &[]).succeeded();
    provider.always(200, SESSION_OVER);
    assert!(matches!(token(&home, false).code, Some(4 | 124)));
    let seen = home.status("work");
    assert_ne!(seen["status"], "unauthenticated");
    assert_eq!(seen["last_attempt"]["verdict"], "protocol_error_transient");
}

#[test]
fn a_refusal_that_the_profile_knows_better_keeps_the_login() {
    let (provider, home) = (Provider::start(), home(""));
    import(&home, &provider, &["--profile", "acme", "--profile-file", &file(&home)]).succeeded();
    provider.always(400, BUSY);
    assert!(matches!(token(&home, true).code, Some(4 | 124)));
    assert_eq!(last_attempt(&home)["verdict"], "transient");
    provider.always(200, &granted("at-1", "rt-second"));
    home.run(["refresh", "work", "--profile-file", &file(&home)]).succeeded();

    let (provider, home) = (Provider::start(), self::home(""));
    import(&home, &provider, &[]).succeeded();
    provider.always(400, BUSY);
    token(&home, false).failed(3);
    assert_eq!(last_attempt(&home)["verdict"], "permanent_grant");
}

#[test]
fn a_refresh_carries_what_the_profile_says_and_the_configuration_goes_before_it() {
    let own = "[credential.work]\nprofile = \"acme\"\n[credential.work.parameters]\naudience = \"ours\"\n\
               [credential.work.headers]\nx-acme = \"of the user\"\n";
    let (provider, home) = (Provider::start(), home(&format!("{own}{}", as_table(ACME))));
    import(&home, &provider, &[]).succeeded();
    provider.always(200, &granted("at-1", "rt-second"));
    token(&home, false).succeeded();
    let posted = provider.last();
    assert_eq!(posted.header("content-type"), Some("application/json"));
    let expected = json!({"grant_type": "refresh_token", "refresh_token": "rt-first", "client_id": "c1",
                          "audience": "ours", "version": "1"});
    assert_eq!(posted.json(), expected, "{}", posted.body);
    let acme: Vec<&str> = headers(&posted, "x-acme");
    assert_eq!((acme, posted.header("x-kept")), (vec!["of the user"], Some("kept")));
    let shown = home.run(["config", "show", "work"]).succeeded().stdout;
    for (key, value, origin) in [
        ("parameters.audience", "ours", "config.toml"),
        ("parameters.version", "1", "profile acme"),
        ("headers.x-acme", "of the user", "config.toml"),
        ("headers.X-Kept", "kept", "profile acme"),
    ] {
        assert!(has_row(&shown, key, value, origin), "{key}: {shown}");
    }
    assert!(!shown.contains("headers.X-Acme"), "{shown}");
}

fn headers<'p>(posted: &'p Posted, name: &str) -> Vec<&'p str> {
    posted.headers().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

/// Whether `config show` has that row.
fn has_row(shown: &str, key: &str, value: &str, origin: &str) -> bool {
    shown.lines().any(|line| {
        let (left, from) = line.split_once('#').unwrap_or((line, ""));
        left.split_once('=').is_some_and(|(k, v)| k.trim() == key && v.trim() == value)
            && from.contains(origin)
    })
}

#[test]
fn what_is_said_nearer_to_the_login_goes_before_the_profile() {
    let profile = as_table(ACME).replace("lifetime = \"2h\"", "lifetime = \"2h\"\nmin_interval = \"7m\"");
    let rows = |more: &str, flags: &[&str]| {
        let (provider, home) = (Provider::start(), Home::with(&format!("{profile}{more}")));
        import(&home, &provider, &[&["--profile", "acme"], flags].concat()).succeeded();
        home.run(["config", "show", "work"]).succeeded().stdout
    };
    let plain = rows("", &[]);
    for (key, value, origin) in [
        ("profile", "acme", "login"),
        ("as_class", "P0", "profile acme"),
        ("client_auth", "none", "profile acme"),
        ("refresh.min_interval", "7m", "profile acme"),
        ("lifetime.default", "2h", "profile acme"),
        ("refresh.window", "min(15m, 25% of the lifetime)", "default"),
    ] {
        assert!(has_row(&plain, key, value, origin), "{key}: {plain}");
    }
    let told = rows("", &["--as-class", "P1"]);
    assert!(has_row(&told, "as_class", "P1", "login"), "{told}");
    let top = rows("[lifetime]\ndefault = \"30m\"\n", &[]);
    assert!(has_row(&top, "lifetime.default", "30m", "config.toml"), "{top}");
    let own = "[credential.work]\nas_class = \"P2\"\n[credential.work.refresh]\nmin_interval = \"0s\"\n";
    let own = rows(own, &["--as-class", "P1"]);
    assert!(has_row(&own, "as_class", "P2", "config.toml"), "{own}");
    assert!(has_row(&own, "refresh.min_interval", "off", "config.toml"), "{own}");
}

#[test]
fn a_login_from_before_goes_by_the_profile_that_claims_its_server() {
    let (provider, home) = (Provider::start(), Home::new());
    import(&home, &provider, &[]).succeeded();
    let claim = "[profile.acme.endpoints]\nhosts = [\"127.0.0.1\"]\n";
    home.configure(&format!("{QUICK_RETRY}{}{claim}", as_table(ACME)));
    provider.always(200, &granted("at-1", "rt-second"));
    assert_eq!(token(&home, false).succeeded().line(), "at-1");
    let shown = home.run(["config", "show", "work"]).succeeded().stdout;
    assert!(has_row(&shown, "profile", "acme", "the server's host"), "{shown}");
    // Unless somebody asked for none in so many words.
    let again = import(&home, &provider, &["--replace", "--profile", "generic"]).succeeded();
    assert!(!again.stderr.contains("acme"), "{again:?}");
    let shown = home.run(["config", "show", "work"]).succeeded().stdout;
    assert!(has_row(&shown, "profile", "generic", "login"), "{shown}");
}

#[test]
fn a_running_agent_takes_up_a_profile_that_changed() {
    let (provider, home) = (Provider::start(), home("[auth_retrying]\ninterval = \"200ms\"\n"));
    import(&home, &provider, &["--profile", "acme", "--profile-file", &file(&home)]).succeeded();
    provider.always(400, r#"{"error":"odd"}"#);
    let agent = Agent::start_at(home.command(["agent", "--profile-file", &file(&home)]), &home.socket());
    let weather = |seen: &Value| seen["last_attempt"]["verdict"] == "transient";
    agent.wait_credential("work", "an answer that nobody knows", weather);
    let more = "\n[[override]]\nname = \"odd\"\nverdict = \"permanent_grant\"\nwhen = { code = [\"odd\"] }\n";
    home.private_file("acme.toml", &format!("{ACME}{more}"));
    agent.signal(Signal::HUP);
    agent.wait_said("the configuration was read anew");
    agent.wait_status("work", "unauthenticated");
    // One that is broken changes nothing, and is told by its line.
    home.private_file("acme.toml", "\nas_clas = \"P0\"\n");
    agent.signal(Signal::HUP);
    let said = agent.wait_said("acme.toml:2: ");
    assert!(said.contains("as_class"), "{said}");
    agent.wait_said("stays in force");
    agent.stop().succeeded();
}

#[test]
fn a_login_under_another_profile_holds_in_a_running_agent_at_once() {
    let (provider, home) = (Provider::start(), Home::with(&format!("{QUICK_RETRY}{}", as_table(ACME))));
    import(&home, &provider, &["--profile", "generic"]).succeeded();
    provider.always(400, r#"{"error":"invalid_grant"}"#);
    let agent = Agent::start(&home);
    token(&home, false).failed(3);
    provider.always(200, &granted("at-1", "rt-second"));
    import(&home, &provider, &["--replace", "--profile", "acme"]).succeeded();
    let served = wait_for("a token of the new login", || {
        let ran = token(&home, false);
        (ran.code == Some(0)).then(|| ran.line().to_owned())
    });
    assert_eq!(served, "at-1");
    assert_eq!(provider.last().json()["audience"], "acme");
    agent.stop().succeeded();
}

#[test]
fn a_login_whose_profile_is_gone_is_shown_and_its_answers_are_not_misread() {
    let (provider, home) = (Provider::start(), home(""));
    import(&home, &provider, &["--profile", "acme", "--profile-file", &file(&home)]).succeeded();
    let ran = token(&home, false).failed(6);
    assert!(ran.stderr.contains("profile acme, which is not there"), "{ran:?}");
    assert!(ran.stderr.contains("--profile-file acme.toml"), "{ran:?}");
    assert_eq!(provider.posted().len(), 0, "nothing was spent");
    assert_eq!(home.status("work")["status"], "running");
    provider.always(200, &granted("at-1", "rt-second"));
    token(&home, true).succeeded();
    assert_eq!(token(&home, false).succeeded().line(), "at-1", "a valid token needs no profile");
}

#[test]
fn a_client_proves_itself_as_the_profile_says_unless_the_user_says_otherwise() {
    let configuration = as_table(ACME).replace("[\"none\", \"post\"]", "[\"basic\", \"post\"]");
    for (flags, in_header) in [(&[][..], true), (&["--client-auth", "post"][..], false)] {
        let (provider, home) = (Provider::start(), Home::with(&configuration));
        let secret = home.private_file("secret", "cs-1\n").display().to_string();
        let with = [&["--profile", "acme", "--client-secret-file", &secret], flags].concat();
        import(&home, &provider, &with).succeeded();
        provider.always(200, &granted("at-1", "rt-second"));
        token(&home, false).succeeded();
        let posted = provider.last();
        // c1:cs-1
        let header = posted.header("authorization").map(str::to_owned);
        assert_eq!(header.as_deref(), in_header.then_some("Basic YzE6Y3MtMQ=="), "{flags:?}");
        assert_eq!(posted.json()["client_secret"], if in_header { Value::Null } else { json!("cs-1") });
    }
}

#[test]
fn a_provider_gets_the_client_and_its_secret_by_the_names_it_takes() {
    let names = "names = { client_id = \"client_key\", client_secret = \"app_secret\" }";
    for (encoding, expected) in [
        (
            "json",
            "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"rt-first\",\"client_key\":\"c1\",\"app_secret\":\"cs-1\"}",
        ),
        ("form", "grant_type=refresh_token&refresh_token=rt-first&client_key=c1&app_secret=cs-1"),
    ] {
        let home = Home::with(&format!("[profile.acme.refresh]\nencoding = \"{encoding}\"\n{names}\n"));
        let provider = Provider::start();
        let secret = home.private_file("secret", "cs-1\n").display().to_string();
        let revocation = format!("{}/revoke", provider.token_url());
        let with =
            ["--profile", "acme", "--client-secret-file", &secret, "--revocation-endpoint", &revocation];
        import(&home, &provider, &with).succeeded();
        provider.always(200, &json!({"access_token": "at-1", "refresh_token": "rt-second"}).to_string());
        token(&home, false).succeeded();
        assert_eq!(provider.last().body, expected);
        assert_eq!(provider.last().header("authorization"), None);
        home.run(["logout", "work"]).succeeded();
        // The refresh token first: what ends the login at most servers.
        let posted: Vec<String> = provider.posted().into_iter().map(|one| one.body).collect();
        let revoked = &posted[posted.len() - 2..];
        assert_eq!(
            revoked,
            [
                "token=rt-second&token_type_hint=refresh_token&client_key=c1&app_secret=cs-1",
                "token=at-1&token_type_hint=access_token&client_key=c1&app_secret=cs-1",
            ]
        );
    }
}

#[test]
fn the_scope_that_was_granted_is_named_again_where_the_provider_wants_that() {
    let answer =
        json!({"access_token": "at-1", "refresh_token": "rt-second", "expires_in": 3600, "scope": "a b"});
    for (wanted, second) in [(true, Some("scope=a+b")), (false, None)] {
        let home = Home::with(&format!("[profile.acme.refresh]\nscope = {wanted}\n"));
        let provider = Provider::start();
        import(&home, &provider, &["--profile", "acme"]).succeeded();
        provider.always(200, &answer.to_string());
        token(&home, false).succeeded();
        home.run(["refresh", "work"]).succeeded();
        let scopes: Vec<Option<String>> = provider
            .posted()
            .iter()
            .map(|p| p.body.split('&').find(|pair| pair.starts_with("scope=")).map(str::to_owned))
            .collect();
        assert_eq!(scopes, [None, second.map(str::to_owned)], "{wanted}");
    }
}

#[test]
fn a_seed_needs_no_endpoint_where_the_profile_knows_it() {
    let (provider, home) = (Provider::start(), Home::new());
    let seed = home.private_file("seed", "rt-seed\n").display().to_string();
    let (url, table) = (provider.token_url(), as_table(ACME));
    home.configure(&format!(
        "{table}[profile.acme.endpoints]\ntoken = \"{url}\"\n\
         [credential.work]\nprofile = \"acme\"\nclient_id = \"c1\"\nseed_file = \"{seed}\"\n"
    ));
    provider.always(200, &granted("at-1", "rt-second"));
    assert_eq!(token(&home, false).succeeded().line(), "at-1");
    assert_eq!(provider.last().json()["refresh_token"], "rt-seed");
}
