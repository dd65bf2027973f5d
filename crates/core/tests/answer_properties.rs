//! What holds for every answer, real or not: judging is total, deterministic and bounded, loses no refresh token, shows
//! no secret, and ends no login without a code that says so.
#![expect(clippy::unwrap_used, reason = "a broken case must fail the test")]

use proptest::collection::vec;
use proptest::prelude::*;
use renewd_core::{
    Answer, Failure, FailureKind, Grant, Judgement, Profile, RequestContext, Response, Secret, Sent, Verdict,
    Wall, judge,
};
use serde_json::{Map, Value, json};

const OLD_REFRESH_TOKEN: &str = "stale-7c1d9e2b";
const CLIENT_SECRET: &str = "s3cr3t/of+the=client";

fn judged(answer: &Answer) -> Judgement {
    judged_with(answer, OLD_REFRESH_TOKEN)
}

fn judged_with(answer: &Answer, sent: &str) -> Judgement {
    let (sent, client_secret) = (Secret::from(sent), Secret::from(CLIENT_SECRET));
    let context = RequestContext {
        sent_refresh_token: Some(&sent),
        client_secret: Some(&client_secret),
        now: Wall::from_unix_millis(1_772_532_000_000),
        profile: &Profile::generic(),
    };
    judge(answer, &context)
}

fn response(
    status: u16,
    headers: Vec<(String, String)>,
    body: impl Into<Vec<u8>>,
    truncated: bool,
) -> Answer {
    Answer::Response(Response { status, headers, body: Secret::new(body.into()), truncated })
}

fn plain(status: u16, body: &str) -> Answer {
    response(status, vec![("Content-Type".into(), "application/json".into())], body, false)
}

fn exposed(secret: Option<&Secret>) -> Option<Vec<u8>> {
    secret.map(|secret| secret.expose().to_vec())
}

/// A judgement as something that can be compared.
fn digest(judgement: &Judgement) -> impl PartialEq + std::fmt::Debug + use<> {
    let grant = judgement.grant.as_ref().map(|g| {
        (
            exposed(Some(&g.access_token)),
            g.token_type.clone(),
            (g.expires_in, g.refresh_token_expires_in, g.scope.clone()),
            exposed(g.id_token.as_ref()),
        )
    });
    (
        (judgement.verdict, judgement.evidence.clone(), judgement.retry_after, judgement.may_have_rotated),
        (exposed(judgement.refresh_token.as_ref()), grant, judgement.dpop_nonce.clone()),
    )
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "access_token", "refresh_token", "id_token", "token_type", "expires_in", "expires_at", "scope", "error",
            "error_description", "error_code", "error_codes", "errors", "code", "type", "message", "errorType", "data",
            "retry_after", "refresh_expires_in",
        ])
        .prop_map(String::from),
        1 => any::<String>(),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => any::<String>(),
        2 => "[!-~]{0,40}",
        1 => prop::sample::select(vec![
            "invalid_grant", "invalid_client", "slow_down", "server_error", "use_dpop_nonce", "Bad Request", "Bearer",
            "3600", OLD_REFRESH_TOKEN, "too many requests",
        ])
        .prop_map(String::from),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_i64..100_000).prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![vec(inner.clone(), 0..5).prop_map(Value::from), objects(inner).prop_map(Value::from)]
    })
}

fn objects(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    vec((names(), inner), 0..8).prop_map(|pairs| pairs.into_iter().collect())
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        5 => prop::sample::select(vec![
            "Retry-After", "Date", "RateLimit", "X-RateLimit-Reset", "X-RateLimit-Remaining", "Content-Type",
            "WWW-Authenticate", "DPoP-Nonce", "Content-Encoding", "retry-after-ms",
        ])
        .prop_map(String::from),
        1 => "[A-Za-z-]{1,12}",
    ];
    let value = prop_oneof![
        any::<String>(),
        any::<i128>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        "\"[a-z]\";r=[0-9];t=[0-9]{1,20}",
        "(Bearer|DPoP) error=\"[a-z_]{0,20}\"?",
    ];
    vec((name, value), 0..5)
}

/// Bodies near enough to real ones that every path is taken: JSON, broken JSON, forms, pages, noise, compressed noise.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let text = || values().prop_map(|value| value.to_string().into_bytes());
    prop_oneof![
        2 => vec(any::<u8>(), 0..300),
        4 => objects(values()).prop_map(|object| Value::from(object).to_string().into_bytes()),
        2 => (text(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut text, at, byte)| {
            if !text.is_empty() {
                let at = at.index(text.len());
                text[at] = byte;
            }
            text
        }),
        2 => (text(), any::<prop::sample::Index>()).prop_map(|(mut text, at)| {
            text.truncate(at.index(text.len() + 1));
            text
        }),
        1 => vec((names(), "[ -~]{0,20}"), 0..6).prop_map(|pairs| {
            pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&").into_bytes()
        }),
        1 => text().prop_map(|text| {
            let payload = miniz_oxide::deflate::compress_to_vec(&text, 6);
            [&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &payload].concat()
        }),
        1 => vec(any::<u8>(), 0..200).prop_map(|noise| [&b"\x1f\x8b\x08\x1f\0\0\0\0\0\xff"[..], &noise].concat()),
        1 => text().prop_map(|text| {
            String::from_utf8_lossy(&text).encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
    ]
}

fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![Just(200), Just(400), Just(401), Just(403), 200_u16..600, any::<u16>()]
}

/// What holds of any judgement.
fn check_bounds(judgement: &Judgement, status: Option<u16>) -> Result<(), TestCaseError> {
    let evidence = &judgement.evidence;
    for (text, limit) in [
        (&evidence.message, 200),
        (&evidence.content_type, 64),
        (&evidence.oauth_error, 64),
        (&judgement.dpop_nonce, 1024),
    ] {
        let text = text.as_deref().unwrap_or_default();
        prop_assert!(text.len() <= limit, "{text:?} is too long");
        prop_assert!(!text.chars().any(char::is_control), "{text:?} is more than one line");
        prop_assert!(
            !text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}']),
            "{text:?} hides something"
        );
    }
    let is_2xx = status.is_some_and(|status| (200..300).contains(&status));
    prop_assert!(is_2xx || judgement.refresh_token.is_none());
    prop_assert_eq!(judgement.verdict == Verdict::Success, judgement.grant.is_some());
    if let Some(grant) = &judgement.grant {
        prop_assert!(is_2xx && !grant.access_token.is_empty());
        prop_assert!(grant.access_token.expose().iter().all(u8::is_ascii_graphic));
        prop_assert!(grant.token_type.len() <= 64);
    }
    if matches!(judgement.verdict, Verdict::PermanentGrant | Verdict::PermanentClient) {
        prop_assert!(status.is_some_and(|status| (200..500).contains(&status)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn judging_is_total_deterministic_and_bounded(
        status in statuses(), headers in headers(), body in bodies(), cut: bool,
    ) {
        let answer = response(status, headers, body, cut);
        let judgement = judged(&answer);
        check_bounds(&judgement, Some(status))?;
        prop_assert_eq!(digest(&judgement), digest(&judged(&answer)));
    }

    #[test]
    fn no_refresh_token_is_lost_that_a_strict_reader_sees(object in objects(values()), status in 200_u16..300) {
        let value = Value::from(object);
        let judgement = judged(&plain(status, &value.to_string()));
        if let Some(seen) = value["refresh_token"].as_str().filter(|seen| !seen.is_empty()) {
            let kept = judgement.refresh_token.as_ref().and_then(Secret::expose_str);
            prop_assert_eq!(kept, Some(seen).filter(|seen| *seen != OLD_REFRESH_TOKEN));
        }
    }

    #[test]
    fn valid_json_is_read_as_a_strict_reader_reads_it(
        access_token in "[!-~]{1,60}", refresh_token: String, token_type in "[!-~]{1,20}", scope: String,
        expires_in: i64, further in vec((any::<String>().prop_map(|name| format!("x{name}")), values()), 0..4),
        pretty: bool,
    ) {
        let mut value = json!({
            "access_token": access_token, "refresh_token": refresh_token, "token_type": token_type, "scope": scope,
            "expires_in": expires_in,
        });
        for (name, inner) in further {
            value[name] = inner;
        }
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        for text in [text.clone(), escaped(&text)] {
            let judgement = judged(&plain(200, &text));
            let grant = judgement.grant.as_ref().ok_or_else(|| TestCaseError::fail("no grant"))?;
            prop_assert_eq!(grant.access_token.expose_str(), Some(access_token.as_str()));
            prop_assert_eq!(&grant.token_type, &token_type);
            prop_assert_eq!(grant.expires_in, Some(expires_in));
            prop_assert_eq!(grant.scope.as_deref().unwrap_or_default(), scope.as_str());
            let kept = judgement.refresh_token.as_ref().and_then(Secret::expose_str).unwrap_or_default();
            prop_assert_eq!(kept, if refresh_token == OLD_REFRESH_TOKEN { "" } else { refresh_token.as_str() });
        }
    }

    #[test]
    fn a_lifetime_that_is_a_number_is_its_whole_part(seconds in -1e9_f64..1e12) {
        for text in [format!("{seconds}"), format!("\"{seconds}\""), format!("{seconds:e}")] {
            let judgement = judged(&plain(200, &format!("{{\"access_token\":\"a\",\"expires_in\":{text}}}")));
            prop_assert_eq!(judgement.grant.as_ref().and_then(|g| g.expires_in), Some(seconds.trunc() as i64));
        }
    }

    #[test]
    fn no_login_ends_without_a_code(status in 100_u16..600, text in "[^{\\[=\"]{0,200}", html: bool) {
        let body = if html { format!("<!DOCTYPE html><p>{text} invalid_grant</p><a href='/?a=1&error=invalid_grant&access_token=x&b'>") } else { text };
        let verdict = judged(&plain(status, &body)).verdict;
        prop_assert!(!matches!(verdict, Verdict::PermanentGrant | Verdict::PermanentClient | Verdict::Success));
    }

    #[test]
    fn no_echo_of_a_secret_is_shown(
        sent in "[A-Za-z0-9_./+~=-]{12,120}", before in "[a-z ]{0,30}", after in "[a-z ]{0,30}", place in 0_usize..5,
        from in 0_usize..4, status in prop::sample::select(vec![200_u16, 400, 401, 500]),
    ) {
        let echo = &sent[from..];
        let words = format!("{before}{echo}{after}");
        let body = match place {
            0 => json!({"error": "invalid_grant", "error_description": words}).to_string(),
            1 => json!({"error": words}).to_string(),
            2 => json!({"error": {"code": echo, "message": words}}).to_string(),
            3 => format!("<title>{words}</title>"),
            _ => json!({"access_token": sent, "refresh_token": sent, "id_token": sent, "message": words}).to_string(),
        };
        let headers = vec![("Content-Type".into(), format!("text/{echo}")), ("X".into(), words)];
        let shown = format!("{:?}", judged_with(&response(status, headers, body, false), &sent).evidence);
        let (shown, echo) = (shown.to_ascii_lowercase(), echo.to_ascii_lowercase());
        for part in echo.as_bytes().windows(10) {
            let part = std::str::from_utf8(part).unwrap();
            prop_assert!(!shown.contains(part), "{shown} shows {part}");
        }
    }

    #[test]
    fn a_failure_is_never_a_verdict_on_grant_or_client(
        kind in prop::sample::select(vec![
            FailureKind::Dns, FailureKind::Refused, FailureKind::Tls, FailureKind::Timeout, FailureKind::Reset,
            FailureKind::Closed, FailureKind::Body, FailureKind::Protocol, FailureKind::Configuration, FailureKind::Other,
        ]),
        bytes: bool, closed: bool, message: String,
    ) {
        let sent = if bytes { Sent::Bytes } else { Sent::Nothing };
        let judgement = judged(&Answer::Failed(Failure { kind, sent, closed, message }));
        check_bounds(&judgement, None)?;
        prop_assert!(matches!(judgement.verdict, Verdict::Transient | Verdict::ProtocolErrorTransient));
        prop_assert_eq!(judgement.may_have_rotated, bytes);
        prop_assert!(judgement.evidence.message.is_some());
    }
}

/// The same JSON with every character of every string escaped.
fn escaped(json: &str) -> String {
    fn text(text: &str) -> String {
        format!("\"{}\"", text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>())
    }
    fn write(value: &Value) -> String {
        match value {
            Value::String(string) => text(string),
            Value::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(" , ")),
            Value::Object(members) => {
                let members =
                    members.iter().map(|(name, value)| format!("{} : {}", text(name), write(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(",\n"))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        }
    }
    write(&serde_json::from_str(json).unwrap())
}

#[test]
fn the_largest_answers_stay_within_their_limits() {
    let long = "x".repeat(70 * 1024);
    // Beyond the wire limit nothing is read; what was complete before it counts.
    let body =
        format!("{{\"refresh_token\":\"kept\",\"access_token\":\"a\",\"error_description\":\"{long}\"}}");
    let judgement = judged(&plain(200, &body));
    assert_eq!(judgement.verdict, Verdict::ProtocolErrorTransient);
    assert_eq!(judgement.refresh_token.as_ref().and_then(Secret::expose_str), Some("kept"));

    let deep = format!("{{\"a\":{}{},\"error\":\"invalid_grant\"}}", "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(judged(&plain(400, &deep)).verdict, Verdict::Transient);

    let many = format!("{{{}\"refresh_token\":\"kept\"}}", "\"k\":1,".repeat(9_000));
    assert_eq!(judged(&plain(200, &many)).refresh_token.as_ref().and_then(Secret::expose_str), Some("kept"));

    let huge_tokens = json!({"access_token": "a".repeat(20_000), "refresh_token": "r".repeat(20_000), "message": long[..20_000]});
    let judgement = judged(&plain(200, &huge_tokens.to_string()));
    assert_eq!(judgement.grant.as_ref().map(|g| g.access_token.len()), Some(20_000));
    assert_eq!(judgement.grant.as_ref().and_then(Grant::lifetime), None);
}
