//! Every situation of `answers/*.toml`, judged. The table is described in `answers/README.md`.
#![expect(clippy::unwrap_used, reason = "a broken table must fail the test, with its line")]

use std::path::{Path, PathBuf};

use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use renewd_core::{
    Answer, Failure, FailureKind, Grant, Judgement, Profile, RequestContext, Response, Secret, Sent, Verdict,
    Wall, judge,
};
use toml::{Table, Value};

const ACCESS_TOKEN: &str = "acc-4f.Vq~x";
const NEW_REFRESH_TOKEN: &str = "fresh/8~Zk";
const OLD_REFRESH_TOKEN: &str = "stale-7c1d9e";

/// 2026-03-03T10:00:00Z: our clock, where an answer has none of its own.
const NOW: Wall = Wall::from_unix_millis(1_772_532_000_000);

#[test]
fn every_situation_gets_its_verdict() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, case) in cases() {
        count += 1;
        let judgement = judge_case(&case);
        let name = format!("{file}: {}", text(&case, "it").unwrap_or("?"));
        wrong.extend(
            differences(&case, &judgement).into_iter().map(|difference| format!("{name}: {difference}")),
        );
        let shown = format!("{:?}", judgement.evidence);
        for secret in [OLD_REFRESH_TOKEN, ACCESS_TOKEN, NEW_REFRESH_TOKEN] {
            assert!(!shown.contains(secret), "{name}: evidence shows a token");
        }
    }
    assert!(count > 150, "only {count} cases were found");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_profile_takes_a_middlebox_or_a_missing_answer_for_a_dead_login() {
    let from_others = ["middlebox.toml", "no_answer.toml"];
    let mut count = 0;
    for (file, case) in cases().into_iter().filter(|(file, _)| from_others.contains(&file.as_str())) {
        for profile in Profile::built_in() {
            count += 1;
            let judgement = judge_by(&case, profile);
            let name = text(&case, "it").unwrap();
            let (verdict, rule) = (judgement.verdict, judgement.evidence.rule);
            assert_ne!(verdict, Verdict::PermanentGrant, "{file}: {name}, read by {}: {rule}", profile.name);
        }
    }
    assert!(count > 1000, "only {count} answers were read");
}

#[test]
fn no_profile_throws_a_plain_grant_or_its_refresh_token_away() {
    let mut wrong = Vec::new();
    let plain = |case: &Table| !case.contains_key("own") && !case.contains_key("profile");
    let granting = |case: &Table| text(case, "is") == Some("success") && plain(case);
    // Those are about grants in places where a profile may expect another.
    let odd = ["shapes.toml", "wrapped.toml"];
    let cases: Vec<_> =
        cases().into_iter().filter(|(file, case)| granting(case) && !odd.contains(&file.as_str())).collect();
    assert!(cases.len() > 30, "only {} grants were found", cases.len());
    for (file, case) in cases {
        let by_none = judge_by(&case, &Profile::GENERIC);
        for profile in Profile::built_in() {
            let judgement = judge_by(&case, profile);
            let token = |judgement: &Judgement| judgement.refresh_token.as_ref().map(|t| t.expose().to_vec());
            if judgement.verdict != Verdict::Success || token(&judgement) != token(&by_none) {
                let (name, rule) = (text(&case, "it").unwrap(), &judgement.evidence.rule);
                wrong.push(format!("{file}: {name}, read by {}: {rule}", profile.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_well_formed() {
    const KEYS: [&str; 22] = [
        "it",
        "own",
        "profile",
        "status",
        "type",
        "head",
        "body",
        "wire",
        "cut",
        "no_answer",
        "sent",
        "is",
        "rule",
        "code",
        "says",
        "wait",
        "lives",
        "kind",
        "scope",
        "new",
        "new_lives",
        "doubt",
    ];
    let mut names = Vec::new();
    for (file, case) in cases() {
        let name = format!("{file}: {}", text(&case, "it").expect("every case says what it is"));
        assert!(case.keys().all(|key| KEYS.contains(&key.as_str())), "{name} has an unknown key");
        assert!(text(&case, "is").is_some(), "{name} has no verdict");
        assert!(
            case.contains_key("status") != case.contains_key("no_answer"),
            "{name} is no answer and no failure"
        );
        assert!(!names.contains(&name), "{name} stands there twice");
        names.push(name);
    }
}

fn cases() -> Vec<(String, Table)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let table: Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
            for case in table["case"].as_array().unwrap() {
                cases.push((file.clone(), case.as_table().unwrap().clone()));
            }
        }
    }
    cases
}

fn judge_case(case: &Table) -> Judgement {
    if let Some(toml) = text(case, "own") {
        let own = renewd_profiles::parse("own", Path::new("own.toml"), toml, renewd_profiles::Rules::Own);
        let own = own.unwrap_or_else(|problems| panic!("{}: {problems}", text(case, "it").unwrap()));
        return judge_by(case, &own);
    }
    let by_name = |name| Profile::by_name(name).unwrap_or_else(|| panic!("no profile is called {name}"));
    judge_by(case, text(case, "profile").map_or(&Profile::GENERIC, by_name))
}

fn judge_by(case: &Table, profile: &Profile) -> Judgement {
    let sent = Secret::from(OLD_REFRESH_TOKEN);
    let context =
        RequestContext { sent_refresh_token: Some(&sent), client_secret: None, sent: &[], now: NOW, profile };
    judge(&answer(case), &context)
}

fn answer(case: &Table) -> Answer {
    if let Some(kind) = text(case, "no_answer") {
        let sent = if case["sent"].as_bool().unwrap() { Sent::Bytes } else { Sent::Nothing };
        let message = "as the transport says it".to_string();
        return Answer::Failed(Failure { kind: failure_kind(kind), sent, closed: true, message });
    }
    let kind = text(case, "type").map(|kind| ("Content-Type".to_string(), kind.to_string()));
    let further = case.get("head").and_then(Value::as_array).into_iter().flatten().map(|line| {
        let (name, value) = line.as_str().unwrap().split_once(": ").unwrap();
        (name.to_string(), value.to_string())
    });
    Answer::Response(Response {
        status: case["status"].as_integer().unwrap().try_into().unwrap(),
        headers: kind.into_iter().chain(further).collect(),
        body: Secret::new(wire(&with_tokens(text(case, "body").unwrap()), text(case, "wire"))),
        truncated: case.get("cut").is_some(),
    })
}

/// The body as it travels.
fn wire(body: &str, how: Option<&str>) -> Vec<u8> {
    let utf16 = |order: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
        mark.then_some(0xfeff).into_iter().chain(body.encode_utf16()).flat_map(order).collect()
    };
    let utf32 = |order: fn(u32) -> [u8; 4], mark: bool| -> Vec<u8> {
        mark.then_some('\u{feff}').into_iter().chain(body.chars()).map(u32::from).flat_map(order).collect()
    };
    let gzip =
        |bytes: &[u8]| [&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &compress_to_vec(bytes, 6), &[0; 8]].concat();
    match how {
        None => body.as_bytes().to_vec(),
        Some("gzip") => gzip(body.as_bytes()),
        Some("gzip+gzip") => gzip(&gzip(body.as_bytes())),
        Some("deflate") => compress_to_vec(body.as_bytes(), 6),
        Some("chunked") => format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes(),
        Some("base64") => base64(body.as_bytes()),
        Some("zlib") => compress_to_vec_zlib(body.as_bytes(), 6),
        Some("bom") => [b"\xef\xbb\xbf", body.as_bytes()].concat(),
        Some("utf-16le") => utf16(u16::to_le_bytes, true),
        Some("utf-16be") => utf16(u16::to_be_bytes, true),
        Some("utf-16le+bare") => utf16(u16::to_le_bytes, false),
        Some("utf-16be+bare") => utf16(u16::to_be_bytes, false),
        Some("utf-32le") => utf32(u32::to_le_bytes, true),
        Some("utf-32be+bare") => utf32(u32::to_be_bytes, false),
        Some("latin-1") => body.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
        Some(other) => panic!("no such wire: {other}"),
    }
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(*chunk.get(at).unwrap_or(&0)));
            let digit =
                move |at: usize| if at > chunk.len() { b'=' } else { DIGITS[bits >> (18 - 6 * at) & 63] };
            (0..4).map(digit)
        })
        .collect()
}

fn failure_kind(name: &str) -> FailureKind {
    use FailureKind as K;
    let kinds = [
        K::Dns,
        K::Refused,
        K::Unreachable,
        K::ConnectTimeout,
        K::Tls,
        K::Timeout,
        K::Reset,
        K::Closed,
        K::Body,
        K::Protocol,
        K::Aborted,
        K::Overloaded,
        K::Configuration,
        K::Other,
    ];
    kinds.into_iter().find(|kind| kind.name() == name).unwrap()
}

fn differences(case: &Table, judgement: &Judgement) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |key: &str, got: String| {
        let wanted = case.get(key).map(|value| match value {
            Value::String(text) => with_tokens(text),
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => value.to_string(),
            Value::Datetime(_) | Value::Array(_) | Value::Table(_) => panic!("{key} is no scalar"),
        });
        if let Some(wanted) = wanted.filter(|wanted| *wanted != got) {
            differences.push(format!("{key} should be {wanted:?}, is {got:?}"));
        }
    };
    let evidence = &judgement.evidence;
    let grant = judgement.grant.as_ref();
    compare("is", judgement.verdict.name().to_string());
    compare("rule", evidence.rule.to_string());
    compare("code", evidence.oauth_error.clone().unwrap_or_default());
    compare("doubt", judgement.may_have_rotated.to_string());
    compare(
        "wait",
        judgement.retry_after.map_or("-1".to_string(), |wait| (wait.as_millis() as f64 / 1000.0).to_string()),
    );
    compare(
        "lives",
        grant.and_then(Grant::lifetime).map_or("-1".to_string(), |life| life.as_secs().to_string()),
    );
    compare("kind", grant.filter(|g| g.token_type_given).map_or(String::new(), |g| g.token_type.clone()));
    compare("scope", grant.and_then(|grant| grant.scope.clone()).unwrap_or_default());
    let new = judgement.refresh_token.as_ref().map(|token| token.expose_str().unwrap_or_default());
    compare("new", new.unwrap_or_default().to_string());
    let new_lives = grant.and_then(|grant| grant.refresh_token_expires_in);
    compare("new_lives", new_lives.unwrap_or(-1).to_string());
    let message = evidence.message.clone().unwrap_or_default();
    if let Some(part) = text(case, "says").filter(|part| !message.contains(part)) {
        differences.push(format!("message should say {part:?}, is {message:?}"));
    }
    differences
}

fn with_tokens(text: &str) -> String {
    text.replace("$AT", ACCESS_TOKEN).replace("$NEW", NEW_REFRESH_TOKEN).replace("$OLD", OLD_REFRESH_TOKEN)
}

fn text<'a>(case: &'a Table, key: &str) -> Option<&'a str> {
    case.get(key).and_then(Value::as_str)
}

// rfc-test: 6749-5.1
#[test]
fn members_that_nobody_knows_change_nothing() {
    let read = |more: &str| {
        let body = format!(r#"{{"access_token":"at","token_type":"Bearer","expires_in":60{more}}}"#);
        let response = Response {
            status: 200,
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: Secret::from(body),
            truncated: false,
        };
        let context = RequestContext {
            sent_refresh_token: None,
            client_secret: None,
            sent: &[],
            now: NOW,
            profile: &Profile::GENERIC,
        };
        let judged = judge(&Answer::Response(response), &context);
        let grant = judged.grant.expect("a grant");
        (
            judged.verdict,
            grant.access_token.expose().to_vec(),
            grant.expires_in,
            judged.refresh_token.is_some(),
        )
    };
    let plain = read("");
    assert_eq!(plain, (Verdict::Success, b"at".to_vec(), Some(60), false));
    for more in
        [r#","foo":"bar""#, r#","x":{"y":[1,{"z":null}]}"#, r#","Access-Token-Hint":"other","lives":1"#]
    {
        assert_eq!(read(more), plain, "{more}");
    }
}
