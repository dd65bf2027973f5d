//! What holds for every helper: ten seconds, one line, and no token where it would be of no use.

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault};
use renewd_e2e::{Home, PATIENCE, QUICK_RETRY, disclosure, wait_for};

#[test]
fn a_server_that_hangs_keeps_a_helper_ten_seconds_and_the_refresh_is_saved_all_the_same() {
    if disclosure::is_on() {
        println!(
            "skipped: what goes on behind a helper logs to the same stream, whose end is waited for here"
        );
        return;
    }
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    server.hold();
    let ran = home.run(["helper", "api-key", "work"]).failed(124);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("work"), "{ran:?}");
    // It gave up, and its request lives: the answer comes now.
    assert_eq!(server.held(), 1, "the request is still there");
    server.release();
    wait_for("the token to be saved", || (home.status("work")["token_valid"] == true).then_some(()));
    home.run(["helper", "api-key", "work"]).succeeded();
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0), "{totals:?}");
    server.wait_idle(PATIENCE).unwrap();
}

#[test]
fn every_helper_takes_what_the_token_is_for() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    for (helper, flag, value) in [
        ("api-key", "--audience", "my-api"),
        ("headers", "--resource", "https://api.example/"),
        ("kubectl", "--scope", "a"),
    ] {
        let text = home.run(["helper", helper, "work", flag, value]).succeeded().stdout;
        let token = text.trim().trim_end_matches("\"}").rsplit([' ', '"']).find(|part| part.len() > 20);
        let token = match helper {
            "kubectl" => renewd_e2e::json(&text)["status"]["token"].as_str().unwrap().to_owned(),
            _ => token.unwrap().to_owned(),
        };
        let facts = server.access_facts(&token).expect("a token of this server");
        let got = match flag {
            "--audience" => facts.audience,
            "--resource" => facts.resource.first().cloned(),
            _ => facts.scope,
        };
        assert_eq!(got.as_deref(), Some(value), "{helper}");
    }
    let wrong = home.run(["helper", "headers", "work", "--resource", "api.example"]).failed(2);
    assert!(wrong.stderr.contains("absolute URI"), "{wrong:?}");
}

#[test]
fn in_an_outage_the_words_go_to_stderr_and_the_exit_code_is_the_contracts() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    server.set_fault(Fault::WafBlock);
    for args in
        [&["helper", "api-key", "work"][..], &["helper", "headers", "work"], &["helper", "kubectl", "work"]]
    {
        let ran = home.run(args).failed(4);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains("auth_retrying") && ran.stderr.contains("next attempt"), "{ran:?}");
    }
    home.run(["logout", "work"]).succeeded();
    let ran = home.run(["helper", "api-key", "work"]).failed(3);
    assert!(ran.stderr.contains("renewd login work"), "{ran:?}");
}
