//! The format itself: every key is read, known to the schema and explained in the book.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

#[path = "schema/check.rs"]
mod check;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use renewd_core::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile,
    Redirect, RefreshRequest, Span, StatusRange, Verdict, When,
};
use renewd_profiles::{Rules, documented, parse, parse_file, schema};
use serde_json::Value;

/// A profile that has every key.
const WHOLE: &str = r#"
name = "whole"
title = "Whole"
as_class = "P3"
grace = "30s"
client_auth = ["post", "basic", "none", "private_key_jwt"]
lifetime = "1h30m"
min_interval = "500ms"
sources = ["https://docs.example/a", "https://docs.example/b#c"]

[endpoints]
issuer = "https://{tenant}.example"
token = "https://{tenant}.example/token"
authorization = "https://as.example/authorize"
device_authorization = "https://as.example/device"
revocation = "https://as.example/revoke"
hosts = ["as.example", "*.as.example"]

[login]
scope = ["openid", "offline_access"]
scope_separator = ","
parameters = { prompt = "consent" }
redirect = "registered"
pkce = false
client = "https://as.example/apps"

[refresh]
scope = true
encoding = "json"
parameters = { audience = "api", "x.y" = "" }
headers = { Accept = "application/json", X-Version = "2" }
names = { client_id = "appid", scope = "scopes" }

[fields]
access_token = ["a.t", "b"]
refresh_token = ["c"]
id_token = ["d"]
token_type = ["e"]
scope = ["f[*]"]
expires_in = ["g"]
expires_at = ["h"]
issued_at = ["i"]
refresh_token_expires_in = ["j"]
error = ["errors[0].code"]
error_description = ["errors[0].text"]

[[override]]
name = "all-of-it"
verdict = "rate_limited"
may_have_rotated = true
retry_after = "10m"
message = "too often"
source = "https://docs.example/errors"
unsure = "seen once"

[override.when]
status = [400, "401-403"]
code = ["x", "y"]
words = ["some words"]
page = ["a page"]
members = { "errors[0].n" = ["X", 7, true], there = [] }

[unsure]
grace = "measured"
endpoints.token = "guessed"
"#;

fn whole() -> Profile {
    let paths = |all: &[&'static str]| all.iter().map(|path| (*path).into()).collect();
    Profile {
        name: "whole".into(),
        title: "Whole".into(),
        as_class: AsClass::P3,
        grace: Span::from_secs(30),
        endpoints: Endpoints {
            issuer: Some("https://{tenant}.example".into()),
            token: Some("https://{tenant}.example/token".into()),
            authorization: Some("https://as.example/authorize".into()),
            device_authorization: Some("https://as.example/device".into()),
            revocation: Some("https://as.example/revoke".into()),
            hosts: paths(&["as.example", "*.as.example"]),
        },
        client_auth: vec![
            ClientAuthMethod::Post,
            ClientAuthMethod::Basic,
            ClientAuthMethod::None,
            ClientAuthMethod::PrivateKeyJwt,
        ]
        .into(),
        lifetime: Some(Span::from_mins(90)),
        min_interval: Some(Span::from_millis(500)),
        login: Login {
            scope: paths(&["openid", "offline_access"]),
            scope_separator: Some(",".into()),
            parameters: vec![("prompt".into(), "consent".into())].into(),
            redirect: Redirect::Registered,
            pkce: false,
            client: Some("https://as.example/apps".into()),
        },
        refresh: RefreshRequest {
            scope: true,
            parameters: vec![("audience".into(), "api".into()), ("x.y".into(), "".into())].into(),
            headers: vec![("Accept".into(), "application/json".into()), ("X-Version".into(), "2".into())]
                .into(),
            encoding: BodyEncoding::Json,
            names: vec![("client_id".into(), "appid".into()), ("scope".into(), "scopes".into())].into(),
        },
        fields: FieldMap {
            access_token: paths(&["a.t", "b"]),
            refresh_token: paths(&["c"]),
            id_token: paths(&["d"]),
            token_type: paths(&["e"]),
            scope: paths(&["f[*]"]),
            expires_in: paths(&["g"]),
            expires_at: paths(&["h"]),
            issued_at: paths(&["i"]),
            refresh_token_expires_in: paths(&["j"]),
            error: paths(&["errors[0].code"]),
            error_description: paths(&["errors[0].text"]),
        },
        overrides: vec![Override {
            name: "all-of-it".into(),
            when: When {
                status: vec![StatusRange { from: 400, to: 400 }, StatusRange { from: 401, to: 403 }].into(),
                code: paths(&["x", "y"]),
                words: paths(&["some words"]),
                members: vec![
                    MemberIs { path: "errors[0].n".into(), equals: paths(&["X", "7", "true"]) },
                    MemberIs { path: "there".into(), equals: paths(&[]) },
                ]
                .into(),
                page: paths(&["a page"]),
            },
            verdict: Verdict::RateLimited,
            may_have_rotated: true,
            retry_after: Some(Span::from_mins(10)),
            message: "too often".into(),
            source: Some("https://docs.example/errors".into()),
        }]
        .into(),
        sources: paths(&["https://docs.example/a", "https://docs.example/b#c"]),
        unsure: vec![
            ("grace".into(), "measured".into()),
            ("endpoints.token".into(), "guessed".into()),
            ("override.all-of-it".into(), "seen once".into()),
        ]
        .into(),
    }
}

fn docs(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page)
}

/// A TOML text as JSON, to be held against the schema.
fn as_json(toml: &str) -> Value {
    serde_json::to_value(toml.parse::<toml::Table>().unwrap()).unwrap()
}

/// Every key of a value, by its path without numbers.
fn keys_of(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = format!("{at}.{name}");
                keys_of(value, &path, into);
                into.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys_of(item, at, into)),
        _ => {}
    }
}

/// Every property that a schema names, by the same paths.
fn properties_of(schema: &Value, at: &str, into: &mut BTreeSet<String>) {
    if let Some(items) = schema.get("items") {
        properties_of(items, at, into);
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{at}.{name}");
        properties_of(property, &path, into);
        into.insert(path);
    }
}

#[test]
fn every_key_is_read() {
    assert_eq!(parse("whole", Path::new("whole.toml"), WHOLE, Rules::BuiltIn), Ok(whole()));
}

#[test]
fn the_schema_knows_the_keys_that_are_read_and_no_others() {
    let (mut written, mut known) = (BTreeSet::new(), BTreeSet::new());
    keys_of(&as_json(WHOLE), "", &mut written);
    properties_of(&serde_json::from_str(&schema()).unwrap(), "", &mut known);
    // What stands below these are not keys of the format.
    for free in [
        ".login.parameters.",
        ".refresh.parameters.",
        ".refresh.headers.",
        ".refresh.names.",
        ".unsure.",
        ".override.when.members.",
    ] {
        written.retain(|path| !path.starts_with(free));
    }
    assert_eq!(written, known);
    let mut explained: BTreeSet<String> = BTreeSet::new();
    for key in documented() {
        let table = match key.table.trim_matches(['[', ']']) {
            "" => String::new(),
            "when" => ".override.when".into(),
            name => format!(".{name}"),
        };
        explained.insert(format!("{table}.{}", key.name));
    }
    assert_eq!(explained, known);
}

#[test]
fn the_schema_takes_every_good_profile() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/profiles");
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    assert!(!all.is_empty());
    all.push(("a profile with every key".into(), WHOLE.into()));
    for (name, text) in all {
        let wrong = check::check(&schema, &as_json(&text));
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses_of_a_key_alone() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    for text in [
        "colour = 1",
        "title = \"\"",
        "title = 7",
        "as_class = \"P7\"",
        "grace = 30",
        "grace = \"30\"",
        "client_auth = [\"jwt\"]",
        "client_auth = [\"post\", \"post\"]",
        "sources = [\"docs.example\"]",
        "endpoints.token = \"http://as.example/token\"",
        "endpoints.hosts = [\"As.example\"]",
        "endpoints.hosts = [\"https://as.example\"]",
        "refresh.scope = \"yes\"",
        "refresh.encoding = \"xml\"",
        "refresh.headers = { a = 1 }",
        "refresh.names = { client_id = \"a b\" }",
        "refresh.names = { audience = \"a\" }",
        "fields.error = [\"a..b\"]",
        "fields.error = [\"a[x]\"]",
        "fields.colour = []",
        "override = [{ name = \"a\", verdict = \"transient\" }]",
        "override = [{ name = \"a\", verdict = \"success\", when = { code = [\"x\"] } }]",
        "override = [{ name = \"A\", verdict = \"transient\", when = { code = [\"x\"] } }]",
        "override = [{ name = \"a\", verdict = \"transient\", when = { status = [99] } }]",
        "override = [{ name = \"a\", verdict = \"transient\", when = { status = [\"400\"] } }]",
        "override = [{ name = \"a\", verdict = \"transient\", when = { words = [\"ab\"] } }]",
        "override = [{ name = \"a\", verdict = \"transient\", when = { members = { \"a.\" = [] } } }]",
        "override = [{ name = \"a\", verdict = \"transient\", when = { members = { a = [1.5] } } }]",
        "unsure = { grace = 1 }",
    ] {
        assert!(parse("x", Path::new("x.toml"), text, Rules::Own).is_err(), "the reader takes {text}");
        assert!(!check::check(&schema, &as_json(text)).is_empty(), "the schema takes {text}");
    }
}

#[test]
fn the_schema_in_the_book_is_of_today() {
    let found = std::fs::read_to_string(docs("profile.schema.json")).unwrap();
    assert!(found == schema(), "cargo xtask profiles writes docs/profile.schema.json anew");
}

#[test]
fn the_example_in_the_book_is_a_good_profile() {
    let page = std::fs::read_to_string(docs("profiles.md")).unwrap();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let profile = parse_file(Path::new("acme-login.toml"), example).map_err(|e| e.to_string()).unwrap();
    assert_eq!(profile.name, "acme-login");
    assert_eq!(profile.overrides.len(), 2);
    assert!(profile.claims(None, "https://eu.login.acme.example/token"));
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    assert_eq!(check::check(&schema, &as_json(example)), Vec::<String>::new());
    // It is good enough for everybody.
    let strict = parse("acme-login", Path::new("acme-login.toml"), example, Rules::BuiltIn);
    assert_eq!(strict.map_err(|e| e.to_string()), Ok(profile));
}
