//! Answers near enough to real ones that every path is taken: JSON, broken JSON, forms, pages, noise, compressed noise.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use crate::promises::exchange::Exchange;
use renewd_core::{Answer, Response, Secret};

pub(crate) const OLD_REFRESH_TOKEN: &str = "stale-7c1d9e2b-40f8a6";
pub(crate) const CLIENT_SECRET: &str = "s3cr3t/of+the=client";

/// In the context of a confidential client that sent its refresh token.
pub(crate) fn sent(mut exchange: Exchange) -> Exchange {
    exchange.sent_refresh_token = Some(Secret::from(OLD_REFRESH_TOKEN));
    exchange.client_secret = Some(Secret::from(CLIENT_SECRET));
    exchange
}

/// JSON that says it is.
pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Exchange {
    let headers = vec![("Content-Type".into(), "application/json".into())];
    sent(Exchange::plain(status, headers, body.into(), false))
}

/// The same answer, cut at the body limit.
pub(crate) fn cut(mut exchange: Exchange) -> Exchange {
    if let Answer::Response(Response { truncated, .. }) = &mut exchange.answer {
        *truncated = true;
    }
    exchange
}

pub(crate) fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec![
            "access_token", "refresh_token", "id_token", "token_type", "expires_in", "expires_at", "scope", "error",
            "error_description", "error_code", "error_codes", "errors", "code", "type", "message", "errorType", "data",
            "retry_after", "refresh_expires_in",
        ])
        .prop_map(String::from),
        1 => any::<String>(),
    ]
}

pub(crate) fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => any::<String>(),
        2 => "[!-~]{0,40}",
        1 => select(vec![
            "invalid_grant", "invalid_client", "slow_down", "server_error", "use_dpop_nonce", "Bad Request", "Bearer",
            "3600", OLD_REFRESH_TOKEN, "too many requests", "AADSTS70008: expired", "try again later",
        ])
        .prop_map(String::from),
    ]
}

pub(crate) fn values() -> impl Strategy<Value = Value> {
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

pub(crate) fn objects(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    vec((names(), inner), 0..8).prop_map(|pairs| pairs.into_iter().collect())
}

pub(crate) fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        5 => select(vec![
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

/// Bodies of every kind, most of them wrong somewhere.
pub(crate) fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let text = || values().prop_map(|value| value.to_string().into_bytes());
    prop_oneof![
        2 => vec(any::<u8>(), 0..300),
        4 => objects(values()).prop_map(|object| Value::from(object).to_string().into_bytes()),
        2 => (text(), any::<Index>(), any::<u8>()).prop_map(|(mut text, at, byte)| {
            if !text.is_empty() {
                let at = at.index(text.len());
                text[at] = byte;
            }
            text
        }),
        2 => (text(), any::<Index>()).prop_map(|(mut text, at)| {
            text.truncate(at.index(text.len() + 1));
            text
        }),
        1 => vec((names(), "[ -~]{0,20}"), 0..6).prop_map(|pairs| {
            pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&").into_bytes()
        }),
        1 => text().prop_map(|text| gzip(&text)),
        1 => vec(any::<u8>(), 0..200).prop_map(|noise| [&b"\x1f\x8b\x08\x1f\0\0\0\0\0\xff"[..], &noise].concat()),
        1 => text().prop_map(|text| {
            String::from_utf8_lossy(&text).encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
        2 => granted().prop_map(|granted| granted.text.into_bytes()),
    ]
}

pub(crate) fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![Just(200), Just(400), Just(401), Just(403), 200_u16..600, any::<u16>()]
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let payload = miniz_oxide::deflate::compress_to_vec(text, 6);
    [&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &payload, &[0; 8]].concat()
}

/// A success as servers write it: members in any order, some twice, some that mean nothing, on one line or many.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) text: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

pub(crate) fn tokens() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z0-9_~.+/=-]{1,60}",
        1 => "[!-~]{1,40}",
        1 => "[!-~]{600,900}",
    ]
    .prop_filter("the old one is no new one", |token| token != OLD_REFRESH_TOKEN)
}

pub(crate) fn granted() -> impl Strategy<Value = Granted> {
    // Further members that neither refuse nor hold a refresh token of their own.
    let further = vec(("x[a-z_]{0,10}", values().prop_map(harmless)), 0..4);
    let twice = select(vec!["", "refresh_token", "access_token"]);
    (tokens(), tokens(), further, twice, any::<u64>(), 0_u8..4).prop_map(
        |(access_token, refresh_token, further, twice, seed, style)| {
            let mut members: Vec<(String, Value)> = vec![
                ("access_token".into(), access_token.as_str().into()),
                ("refresh_token".into(), refresh_token.as_str().into()),
                ("token_type".into(), "Bearer".into()),
                ("expires_in".into(), 3600.into()),
                ("scope".into(), "read write".into()),
            ];
            members.extend(further);
            let order = |at: usize| seed.rotate_left(at as u32 * 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut placed: Vec<_> = members.into_iter().enumerate().collect();
            placed.sort_by_key(|(at, _)| order(*at));
            let mut members: Vec<_> = placed.into_iter().map(|(_, member)| member).collect();
            if !twice.is_empty() {
                // The later one is the newer; nothing never displaces something.
                members.insert(0, (twice.into(), "earlier".into()));
                members.push((twice.into(), Value::Null));
            }
            Granted { text: object(&members, style), access_token, refresh_token }
        },
    )
}

/// Renames what would be a refresh token further in.
fn harmless(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let rename = |name: String| if name == "refresh_token" { "refreshed".to_owned() } else { name };
            Value::Object(members.into_iter().map(|(n, v)| (rename(n), harmless(v))).collect())
        }
        Value::Array(items) => items.into_iter().map(harmless).collect(),
        other => other,
    }
}

/// An object with its members in this order, duplicates and all.
pub(crate) fn object(members: &[(String, Value)], style: u8) -> String {
    let (open, colon, comma, close) = match style {
        0 => ("{", ":", ",", "}"),
        1 => ("{\n  ", ": ", ",\n  ", "\n}\n"),
        2 => (" \r\n{ ", " :\t", " , ", " }"),
        _ => ("{", ":", ",", ",}"),
    };
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}{colon}{value}", Value::from(name.as_str()))).collect();
    format!("{open}{}{close}", members.join(comma))
}

/// What servers put around an answer.
pub(crate) fn wrapped(inner: &str, wrapper: &str) -> String {
    match wrapper {
        "data" => format!("{{\"code\":0,\"data\":{inner},\"message\":\"ok\"}}"),
        "result" => format!("{{\"result\":{inner}}}"),
        "list" => format!("[{inner}]"),
        "items" => format!("{{\"items\":[{{}},{inner}]}}"),
        other => unreachable!("no wrapper {other}"),
    }
}

/// The same JSON with every character of every string escaped.
pub(crate) fn escaped(json: &str) -> String {
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
