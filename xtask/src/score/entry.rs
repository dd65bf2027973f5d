//! Files of token endpoint answers, each with what is right about it.
//!
//! JSON: an array of objects. TOML: `[[answer]]` with the same members, where `"none"` in `expect` stands for JSON's
//! null. `tests/corpus/README.md` describes them.

use std::path::Path;

use renewd_core::{Answer, Failure, FailureKind, Response, Secret, Sent, Verdict};
use serde_json::Value;

/// An answer and what is right about it.
pub(crate) struct Entry {
    /// Its name; its place where it has none.
    pub(crate) id: String,
    /// What happened, for people.
    pub(crate) situation: String,
    /// The profile of the provider.
    pub(crate) slug: String,
    pub(crate) answer: Answer,
    pub(crate) verdict: Verdict,
    /// Seconds to be left alone; none where nothing is said about it.
    pub(crate) retry_after_s: Option<f64>,
    /// What the answer grants, by name; null for "none".
    pub(crate) expect: Vec<(String, Value)>,
    /// Whether it is in doubt if the refresh token was rotated; none where nothing is said about it.
    pub(crate) rotation_uncertain: Option<bool>,
    /// It cannot be read without knowing the provider.
    pub(crate) needs_profile: bool,
    /// What ToolHive's rule says of it: `success`, `transient` or `permanent`.
    pub(crate) toolhive: Option<String>,
    /// Why renewd judges otherwise, on purpose.
    pub(crate) otherwise: Option<String>,
}

/// In a folder: the files that are not part of it.
const HELD_OUT_FILES: [&str; 3] = ["unseen.toml", "unseen-2.toml", "unseen-3.toml"];

/// The entries of a file, or of every TOML file in a folder but those held out. An error names the file, the entry, what is wrong.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    if path.is_dir() {
        let mut files = Vec::new();
        for file in std::fs::read_dir(path).map_err(|error| named(&error))? {
            files.push(file.map_err(|error| named(&error))?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.retain(|file| {
            file.file_name().is_none_or(|name| HELD_OUT_FILES.iter().all(|held| name != *held))
        });
        files.sort();
        let lists = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>();
        return lists.map(|lists| lists.into_iter().flatten().collect());
    }
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    let entries = if is_toml { from_toml(&text) } else { from_json(&text) };
    entries.map_err(|error| named(&error))
}

/// The entries of a JSON text.
pub(crate) fn from_json(text: &str) -> Result<Vec<Entry>, String> {
    let entries: Vec<Value> =
        serde_json::from_str(text).map_err(|error| format!("not a JSON array: {error}"))?;
    entries.iter().enumerate().map(|(at, value)| entry(at, value)).collect()
}

/// The entries of a TOML text.
pub(crate) fn from_toml(text: &str) -> Result<Vec<Entry>, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    if let Some(key) = table.keys().find(|key| *key != "answer") {
        return Err(format!("{key:?} is not known; each entry begins with [[answer]]"));
    }
    let mut value = serde_json::to_value(table).map_err(|error| error.to_string())?;
    let entries = value["answer"].as_array_mut().ok_or("there is no [[answer]]")?;
    for member in entries.iter_mut().filter_map(|entry| entry["expect"].as_object_mut()).flatten() {
        if member.1 == "none" {
            *member.1 = Value::Null;
        }
    }
    entries.iter().enumerate().map(|(at, value)| entry(at, value)).collect()
}

fn entry(at: usize, value: &Value) -> Result<Entry, String> {
    let id = value["id"].as_str().map_or_else(|| format!("entry {at}"), String::from);
    let read = || {
        let text = |name: &str| value[name].as_str().map(String::from);
        let class = text("classification").ok_or("`classification` is missing")?;
        // Anything else is no verdict of that rule; the entry is scored all the same.
        let toolhive =
            text("toolhive").filter(|t| ["success", "transient", "permanent"].contains(&t.as_str()));
        Ok(Entry {
            id: id.clone(),
            situation: text("situation").unwrap_or_default(),
            slug: text("provider_slug").unwrap_or_default(),
            answer: answer(value)?,
            verdict: Verdict::from_name(&class).ok_or_else(|| format!("unknown classification `{class}`"))?,
            retry_after_s: value["retry_after_s"].as_f64(),
            expect: value["expect"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            rotation_uncertain: value["rotation_uncertain"].as_bool(),
            needs_profile: value["needs_profile"].as_bool().unwrap_or(false),
            toolhive,
            otherwise: text("otherwise"),
        })
    };
    read().map_err(|error: String| format!("{id}: {error}"))
}

fn answer(entry: &Value) -> Result<Answer, String> {
    if let Some(transport) = entry["transport"].as_str() {
        return Ok(Answer::Failed(failure(transport)));
    }
    let status = entry["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let headers = entry["headers"].as_object().into_iter().flatten();
    let body = match entry["body_b64"].as_str() {
        Some(coded) => base64(coded).ok_or("`body_b64` is not base64")?,
        None => entry["body"].as_str().unwrap_or_default().as_bytes().to_vec(),
    };
    Ok(Answer::Response(Response {
        status: status.ok_or("`status` is missing")?,
        headers: headers.flat_map(|(name, value)| lines(name, value)).collect(),
        body: Secret::new(body),
        truncated: false,
    }))
}

/// A header; given as a list, it came more than once.
fn lines(name: &str, value: &Value) -> Vec<(String, String)> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    match value.as_array() {
        Some(values) => values.iter().map(|value| (String::from(name), plain(value))).collect(),
        None => vec![(String::from(name), plain(value))],
    }
}

/// A transport failure from the words that describe it.
fn failure(words: &str) -> Failure {
    let says = |part: &str| words.contains(part);
    let kind = if says("dns") || says("resolve") {
        FailureKind::Dns
    } else if says("tls") || says("cert") {
        FailureKind::Tls
    } else if ["body", "chunk", "content_length", "incomplete"].into_iter().any(says) {
        FailureKind::Body
    } else if ["malformed", "protocol", "not_http"].into_iter().any(says) {
        FailureKind::Protocol
    } else if says("refused") {
        FailureKind::Refused
    } else if says("unreachable") || says("route") {
        FailureKind::Unreachable
    } else if says("connect_timeout") {
        FailureKind::ConnectTimeout
    } else if says("timeout") {
        FailureKind::Timeout
    } else if says("reset") {
        FailureKind::Reset
    } else if says("closed") || says("eof") {
        FailureKind::Closed
    } else {
        FailureKind::Other
    };
    let before_sending = matches!(
        kind,
        FailureKind::Dns
            | FailureKind::Tls
            | FailureKind::Refused
            | FailureKind::Unreachable
            | FailureKind::ConnectTimeout
    ) || says("before_send");
    let sent = if before_sending { Sent::Nothing } else { Sent::Bytes };
    Failure { kind, sent, closed: true, message: String::from(words) }
}

/// Standard base64 (RFC 4648 §4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_toml_read_alike() {
        let json = from_json(
            r#"[{"id":"a","status":200,"headers":{"X":["1","2"],"Y":3},"body_b64":"e30=","classification":"success",
                "expect":{"expires_in":null,"rotated":false},"provider_slug":"p","toolhive":"permanent"}]"#,
        )
        .unwrap();
        let toml = from_toml(
            "[[answer]]\nid = \"a\"\nstatus = 200\nheaders = { X = [\"1\", \"2\"], Y = 3 }\nbody = '{}'\n\
             classification = \"success\"\nexpect = { expires_in = \"none\", rotated = false }\n\
             provider_slug = \"p\"\ntoolhive = \"permanent\"\n",
        )
        .unwrap();
        for entries in [json, toml] {
            let [entry] = entries.as_slice() else { panic!("one entry") };
            let Answer::Response(response) = &entry.answer else { panic!("a response") };
            assert_eq!(response.headers.len(), 3);
            assert_eq!(response.header("y"), Some("3"));
            assert_eq!(response.body.expose(), b"{}");
            assert_eq!(entry.expect[0], (String::from("expires_in"), Value::Null));
            assert_eq!((entry.slug.as_str(), entry.toolhive.as_deref()), ("p", Some("permanent")));
        }
    }

    #[test]
    fn what_toolhive_does_not_say_is_left_out() {
        let entries = from_json(r#"[{"classification":"success","status":200,"toolhive":"n/a"}]"#).unwrap();
        assert!(entries[0].toolhive.is_none());
    }

    #[test]
    fn a_transport_failure_is_told_by_its_words() {
        for (words, kind) in [
            ("dns_error", FailureKind::Dns),
            ("tls_certificate_error", FailureKind::Tls),
            ("connect_refused", FailureKind::Refused),
            ("connect_timeout", FailureKind::ConnectTimeout),
            ("read_timeout_after_send", FailureKind::Timeout),
            ("body_read_error", FailureKind::Body),
            ("connection_closed_before_headers", FailureKind::Closed),
            ("connection_reset", FailureKind::Reset),
            ("malformed_http", FailureKind::Protocol),
            ("gremlins", FailureKind::Other),
        ] {
            assert_eq!(failure(words).kind, kind, "{words}");
        }
    }

    #[test]
    fn a_bad_file_is_said_to_be_bad_and_where() {
        let error = |text: &str| from_json(text).err().unwrap();
        assert!(error("{}").starts_with("not a JSON array"));
        assert_eq!(
            error(r#"[{"id":"a","classification":"fine","status":200}]"#),
            "a: unknown classification `fine`"
        );
        assert_eq!(error(r#"[{"classification":"success"}]"#), "entry 0: `status` is missing");
        assert_eq!(
            from_toml("x = 1").err().as_deref(),
            Some("\"x\" is not known; each entry begins with [[answer]]")
        );
        assert_eq!(from_toml("").err().as_deref(), Some("there is no [[answer]]"));
    }
}
