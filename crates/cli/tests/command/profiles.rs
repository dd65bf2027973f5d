//! Provider profiles, as the command shows them and as an import goes by them.

use std::path::Path;

use renewd_core::Profile;
use renewd_profiles::parse_file;

use crate::world::{CANARY, Ended, World};

/// One of the user's own, with all that can be told of one.
const ACME: &str = r#"
title = "Acme"
as_class = "P3"
grace = "40s"
client_auth = ["basic"]
lifetime = "2h"
sources = ["https://acme.example/docs"]

[endpoints]
token = "https://{region}.acme.example/oauth/token"
revocation = "https://{region}.acme.example/oauth/revoke"
hosts = ["*.acme.example"]

[refresh]
scope = true
encoding = "json"
parameters = { audience = "acme" }
headers = { Acme-Version = "3" }
names = { client_id = "appid" }

[fields]
access_token = ["data.token"]

[[override]]
name = "session-over"
verdict = "permanent_grant"
when = { status = [400, "401-403"], code = ["kicked_out"], words = ["has ended"] }
message = "the session is over"
source = "https://acme.example/errors"

[unsure]
grace = "measured once"
"#;

/// A world with the profile in a file.
fn world() -> World {
    let world = World::new();
    world.file("acme.toml", ACME);
    world
}

fn with_file<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--profile-file", "acme.toml"]].concat()
}

#[test]
fn the_list_shows_all_by_name_and_marks_the_users_own() {
    let world = world();
    let out = world.run(&with_file(&["profiles"])).expect(0, &["renewd profiles show"]).out;
    let row =
        |name: &str| out.lines().find(|l| l.split_whitespace().next() == Some(name)).unwrap_or_default();
    let acme = row("acme*");
    for word in ["Acme", "P3 40s", "basic", "2h", "rotates, old works 40s"] {
        assert!(acme.contains(word), "{word}: {acme}");
    }
    assert!(row("google").contains("does not rotate"), "{out}");
    assert!(out.contains("* yours"));
    let plain = world.run(&["profiles"]).expect(0, &[]).out;
    assert!(!plain.contains("acme") && !plain.contains("yours"));
    // What stands between is no provider: apart, behind all of them.
    let (providers, between) = plain.split_once("BETWEEN YOU AND A SERVER").unwrap();
    assert!(!providers.contains("intermediary-") && between.contains("intermediary-cloudflare"));
    assert!(!providers.contains("\ntransport ") && between.contains("\ntransport "));
    let names: Vec<&str> = providers.lines().skip(2).filter_map(|l| l.split_whitespace().next()).collect();
    assert!(names.is_sorted() && names.len() > 30, "{names:?}");
}

#[test]
fn the_list_for_programs_has_every_profile_with_the_same_fields() {
    let document = world().run(&with_file(&["profiles", "--json"])).expect(0, &[]).json();
    assert_eq!(document["schema"], 1);
    let all = document["profiles"].as_array().unwrap();
    let acme = all.iter().find(|p| p["name"] == "acme").unwrap();
    assert_eq!((&acme["own"], &acme["as_class"]), (&true.into(), &"P3".into()));
    assert_eq!((&acme["grace_s"], &acme["lifetime_s"]), (&40.into(), &7200.into()));
    assert!(acme["from"].as_str().unwrap().ends_with("/acme.toml"));
    for profile in all {
        assert!(profile["name"].is_string() && profile["client_auth"].is_array(), "{profile}");
    }
    assert!(all.iter().any(|p| p["name"] == "generic" && p["own"] == false));
}

#[test]
fn one_is_explained_with_all_that_it_changes() {
    let world = world();
    let out = world.run(&with_file(&["profiles", "show", "acme"])).expect(0, &[]).out;
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "acme (Acme)",
        "https://{region}.acme.example/oauth/token",
        "chosen for *.acme.example, where no profile is named",
        "basic (secret in the Authorization header)",
        "P3 40s: Each refresh gives a new refresh token. A spent one that is used again within 40s gives another",
        "it waits 20s",
        "lifetime 2h, where the answer does not say",
        "names the scope again",
        "is sent as JSON, not as a form",
        "carries audience=acme",
        "calls client_id appid",
        "carries the header Acme-Version: 3",
        "has its access_token at data.token, else at access_token",
        "400 or 401 to 403 with code kicked_out saying \"has ended\" → permanent_grant the session is over",
        "(rule acme/session-over, known from https://acme.example/errors)",
        "known from https://acme.example/docs",
        "not sure grace: measured once",
    ] {
        assert!(flat.contains(words), "{words}\n{out}");
    }
    let document = world.run(&with_file(&["profiles", "show", "acme", "--json"])).expect(0, &[]).json();
    assert_eq!(document["overrides"][0]["rule"], "acme/session-over");
    assert_eq!(document["overrides"][0]["when"]["status"], serde_json::json!([[400, 400], [401, 403]]));
    assert_eq!(document["refresh"]["encoding"], "json");
    assert_eq!(document["refresh"]["names"], serde_json::json!({"client_id": "appid"}));
    assert_eq!(document["fields"]["access_token"], serde_json::json!(["data.token"]));
    assert_eq!(document["endpoints"]["token"], "https://{region}.acme.example/oauth/token");
}

#[test]
fn every_built_in_profile_can_be_explained() {
    let world = World::new();
    let document = world.run(&["profiles", "--json"]).expect(0, &[]).json();
    // Each call is a process: one of each kind, and the longest.
    for name in ["generic", "google", "microsoft-entra-id", "shopify", "slack", "intermediary-cloudflare"] {
        assert!(document["profiles"].as_array().unwrap().iter().any(|p| p["name"] == name), "{name}");
        let out = world.run(&["profiles", "show", name]).expect(0, &[]).out;
        assert!(out.starts_with(&format!("profile         {name} (")), "{out}");
        assert!(out.contains("so renewd"), "{out}");
    }
}

#[test]
fn every_built_in_profile_is_printed_as_a_file_that_reads_back_equal() {
    let world = World::new();
    for profile in Profile::built_in() {
        let out = world.run(&["profiles", "show", &profile.name, "--toml"]).expect(0, &[]).out;
        let again = parse_file(Path::new("mine.toml"), &out).map_err(|problems| problems.to_string());
        assert_eq!(again.as_ref(), Ok(profile), "{out}");
    }
}

#[test]
fn what_is_printed_as_a_file_is_taken_as_one() {
    let world = world();
    let shown = |args: &[&str]| {
        let mut document = world.run(args).expect(0, &[]).json();
        (document["own"].take(), document["from"].take(), document)
    };
    for (name, from) in [("shopify", &[][..]), ("acme", &["--profile-file", "acme.toml"])] {
        let printed = world.run(&[&["profiles", "show", name, "--toml"], from].concat()).expect(0, &[]).out;
        let file = format!("{name}.toml");
        world.file(&file, printed);
        let before = shown(&[&["profiles", "show", name, "--json"], from].concat());
        let after = shown(&["profiles", "show", name, "--json", "--profile-file", &file]);
        assert_eq!(after.2, before.2);
        assert_eq!(after.0, true, "{}", after.1);
    }
    world.run(&["profiles", "show", "shopify", "--toml", "--json"]).expect(2, &["leave one of them out"]);
}

#[test]
fn a_name_that_nobody_has_is_told_with_those_that_were_meant() {
    let world = World::new();
    for (name, meant) in
        [("githb", "github"), ("entra", "microsoft-entra-id"), ("aws_cognito", "aws-cognito")]
    {
        world.run(&["profiles", "show", name]).expect(2, &["no provider profile is called", meant]);
    }
    let failed = world.run(&["profiles", "show", "githb", "--json"]).expect(2, &[]);
    assert_eq!(failed.json()["error"]["code"], "usage");
    let token = format!("{CANARY}-{}", "x".repeat(60));
    world.run(&["profiles", "show", &token]).expect(2, &["not repeated"]);
}

fn import(world: &World, args: &[&str]) -> Ended {
    world.feed(&[&["import", "work"], args].concat(), CANARY.as_bytes())
}

fn shown(world: &World, key: &str) -> String {
    let out = world.run(&["config", "show", "work"]).expect(0, &[]).out;
    let row = out.lines().find(|l| l.split_whitespace().next() == Some(key)).unwrap_or_default();
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_import_by_profile_needs_no_endpoint_where_that_is_the_same_for_everybody() {
    let world = World::new();
    import(&world, &["--profile", "google", "--client-id", "c"]).expect(0, &["imported"]);
    assert_eq!(
        shown(&world, "token_endpoint"),
        "token_endpoint = https://oauth2.googleapis.com/token # login"
    );
    assert_eq!(shown(&world, "profile"), "profile = google # login");
    assert_eq!(shown(&world, "as_class"), "as_class = P0 # profile google");
    assert_eq!(
        shown(&world, "revocation_endpoint"),
        "revocation_endpoint = https://oauth2.googleapis.com/revoke # login"
    );
    // What is missing is asked for in the words of the profile.
    import(&World::new(), &["--profile", "google"])
        .expect(2, &["--client-id", "--profile google --client-id ID"]);
}

#[test]
fn an_endpoint_that_is_known_in_part_says_which_part_is_the_users() {
    let world = World::new();
    let template = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token";
    let words = ["--token-endpoint", template, "your own tenant in place of {tenant}"];
    import(&world, &["--profile", "microsoft-entra-id", "--client-id", "c"]).expect(2, &words);
    let filled = "https://eu.acme.example/oauth/token";
    world.configure(&ACME_TABLE.replace("#region", ""));
    import(&world, &["--profile", "acme", "--client-id", "c", "--token-endpoint", filled]).expect(0, &[]);
    assert_eq!(
        shown(&world, "revocation_endpoint"),
        "revocation_endpoint = https://eu.acme.example/oauth/revoke # login"
    );
}

/// The same profile, shorter, in the configuration.
const ACME_TABLE: &str = "[profile.acme]\nclient_auth = [\"basic\"]\n[profile.acme.refresh]\nscope = true\n\
                          [profile.acme.endpoints]\n\
                          token = \"https://{region}.acme.example/oauth/token\"\n\
                          revocation = \"https://{region}.acme.example/oauth/revoke\"\n\
                          hosts = [\"*.acme.example\"]\n";

#[test]
fn a_host_that_belongs_to_one_provider_chooses_its_profile_and_says_so() {
    let world = World::new();
    let endpoint = "https://oauth2.googleapis.com/token";
    import(&world, &["--token-endpoint", endpoint, "--client-id", "c"])
        .expect(0, &["the server is Google's, so the profile google holds"]);
    assert_eq!(shown(&world, "profile"), "profile = google # login");
    import(&world, &["--replace", "--profile", "generic"]).expect(0, &[]);
    assert_eq!(shown(&world, "profile"), "profile = generic # login");
    // So it stays when the login is renewed.
    let again = import(&world, &["--replace"]).expect(0, &[]);
    assert!(!again.err.contains("Google"), "{}", again.err);
    assert_eq!(shown(&world, "profile"), "profile = generic # login");
}

#[test]
fn what_does_not_fit_to_the_profile_is_told_and_goes_on() {
    let world = World::new();
    world.configure(ACME_TABLE);
    let said = import(
        &world,
        &["--profile", "acme", "--client-id", "c", "--token-endpoint", "https://oauth2.googleapis.com/token"],
    );
    let said = said.expect(
        0,
        &[
            "the profile acme holds, but the server is Google's (profile google)",
            "no client secret is given, but acme's clients prove themselves by basic",
            "acme wants the scope named on each refresh, and none is known yet",
        ],
    );
    assert!(said.err.contains("imported"), "{}", said.err);
    world.run(&["config", "check"]).expect(0, &["is right", "but the server is Google's"]);
    // With --replace and another provider's profile the server is that one's.
    import(&world, &["--replace", "--profile", "github", "--client-id", "c"]).expect(0, &[]);
    assert_eq!(
        shown(&world, "token_endpoint"),
        "token_endpoint = https://github.com/login/oauth/access_token # login"
    );
}

#[test]
fn a_profile_is_not_carried_over_to_another_server() {
    let world = World::new();
    import(&world, &["--profile", "github", "--client-id", "c"]).expect(0, &[]);
    let said =
        import(&world, &["--replace", "--token-endpoint", "https://other.example/t", "--client-id", "c"]);
    assert!(!said.expect(0, &[]).err.contains("GitHub"));
    assert_eq!(shown(&world, "profile"), "profile = generic # default");
    let google = "https://oauth2.googleapis.com/token";
    import(&world, &["--replace", "--token-endpoint", google, "--client-id", "c"])
        .expect(0, &["so the profile google holds"]);
    assert_eq!(shown(&world, "profile"), "profile = google # login");
}

#[test]
fn two_profiles_that_claim_one_host_are_told_of() {
    let world = World::new();
    let claims = |name: &str| format!("[profile.{name}.endpoints]\nhosts = [\"id.acme.example\"]\n");
    world.configure(&format!("{}{}", claims("one"), claims("two")));
    world.run(&["config", "check"]).expect(0, &["the profiles one and two both claim id.acme.example"]);
    import(&world, &["--token-endpoint", "https://id.acme.example/t", "--client-id", "c"]).expect(0, &[]);
    assert_eq!(shown(&world, "as_class"), "as_class = P2 # default");
}

#[test]
fn a_profile_that_is_wrong_is_told_by_file_and_line() {
    let world = World::new();
    world.file("bad.toml", "\nas_clas = \"P2\"\n");
    world
        .run(&["profiles", "--profile-file", "bad.toml"])
        .expect(6, &["bad.toml:2: ", "did you mean as_class?"]);
    world.run(&["profiles", "--profile-file", "none.toml"]).expect(6, &["none.toml does not exist"]);
    world.configure("[credential.a]\nprofile = \"githb\"\n");
    world.run(&["config", "check"]).expect(6, &["config.toml:2: ", "\"githb\"", "did you mean github?"]);
    world.configure("[profile.acme]\n[[profile.acme.override]]\nname = \"x\"\n");
    world.run(&["status"]).expect(6, &["config.toml:", "verdict"]);
}

#[test]
fn explain_reads_an_answer_by_the_users_own_profile() {
    let world = world();
    let body = world.file("body", r#"{"error":"kicked_out","error_description":"The session has ended."}"#);
    let args = ["explain", "--status", "400", "--body", body.to_str().unwrap(), "--json"];
    let judged = world.run(&with_file(&[&args[..], &["--profile", "acme"]].concat())).expect(0, &[]).json();
    assert_eq!(
        (&judged["verdict"], &judged["rule"]),
        (&"permanent_grant".into(), &"acme/session-over".into())
    );
    let plain = world.run(&args).expect(0, &[]).json();
    assert_eq!(plain["verdict"], "transient", "{plain}");
}

#[test]
fn an_issuer_fills_in_the_token_endpoint_that_its_profile_knows_in_part() {
    let world = World::new();
    let import = |name: &str, more: &[&str]| {
        let args = [&["import", name, "--client-id", "x"], more].concat();
        world.feed(&args, format!("{CANARY}-{name}\n").as_bytes())
    };
    let entra = ["--profile", "microsoft-entra-id"];
    let issuer = |url: &'static str| [&entra[..], &["--issuer", url]].concat();
    let endpoint = "https://login.microsoftonline.com/common/oauth2/v2.0/token";
    import("a", &issuer("https://login.microsoftonline.com/common/v2.0"))
        .expect(0, &["the token endpoint is", endpoint]);
    let shown = world.run(&["config", "show", "a"]).expect(0, &[]).out;
    assert!(shown.contains(endpoint), "{shown}");
    // What is written down goes before it, and nothing is guessed.
    let own = "https://login.microsoftonline.com/mine/oauth2/v2.0/token";
    let given = [issuer("https://login.microsoftonline.com/common/v2.0"), vec!["--token-endpoint", own]];
    let ended = import("b", &given.concat()).expect(0, &[]);
    assert!(!ended.err.contains("the token endpoint is"), "{}", ended.err);
    import("c", &issuer("https://login.example/common/v2.0")).expect(2, &["needs --token-endpoint"]);
    import("c", &entra).expect(2, &["needs --token-endpoint", "or --issuer as https://"]);
    // Another provider than that of the login before.
    let keycloak = ["--replace", "--profile", "keycloak", "--issuer", "https://sso.example/realms/main"];
    import("a", &keycloak).expect(0, &["https://sso.example/realms/main/protocol/openid-connect/token"]);
}
