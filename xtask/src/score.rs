//! `cargo xtask score FILE`: how well the generic rules read a file of token endpoint answers.
//!
//! The file is a JSON array of entries: `id`, `status`, `headers`, `body` or `body_b64`, `transport` where no answer
//! came, and what is right: `classification`, `retry_after_s`, `expect {expires_in, rotated, token_type}`. An entry
//! with `needs_profile` cannot be read without knowing the provider; the score is given with and without those.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use renewd_core::{
    Answer, Failure, FailureKind, Grant, Judgement, Profile, RequestContext, Response, Secret, Sent, Verdict,
    Wall, judge,
};
use serde_json::Value;

/// What stands for the refresh token that was sent.
const SENT_REFRESH_TOKEN: &str = "<RT_OLD>";

/// When answers were made that carry no `Date`: 2026-01-09T01:17:40Z, the moment of those that do.
const ANSWERED_AT: Wall = Wall::from_unix_millis(1_767_921_460_000);

/// How far a wait may be off.
const WAIT_TOLERANCE_S: f64 = 1.0;

/// Scores a file and prints the result. An error names the file, the entry and what is wrong with it.
pub(crate) fn run(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let score = score(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    print!("{}", score.table());
    Ok(())
}

/// Right and all.
#[derive(Clone, Copy, Default)]
struct Tally {
    right: u32,
    all: u32,
}

impl Tally {
    fn add(&mut self, right: bool) {
        self.right += u32::from(right);
        self.all += 1;
    }

    fn cell(self) -> String {
        if self.all == 0 {
            return String::from("-");
        }
        format!("{:>3}/{:<3} {:.3}", self.right, self.all, f64::from(self.right) / f64::from(self.all))
    }
}

/// The whole result.
#[derive(Default)]
struct Score {
    /// By class: entries that need no profile, and all.
    classes: BTreeMap<String, (Tally, Tally)>,
    wrong: Vec<String>,
}

impl Score {
    fn total(&self) -> (Tally, Tally) {
        let sum = |sum: Tally, part: Tally| Tally { right: sum.right + part.right, all: sum.all + part.all };
        self.classes.values().fold(<(Tally, Tally)>::default(), |(a, b), (c, d)| (sum(a, *c), sum(b, *d)))
    }

    fn table(&self) -> String {
        let mut out = format!("{:<26} {:<15} {:<15}\n", "class", "no profile", "all");
        let rows = self.classes.iter().map(|(class, tallies)| (class.as_str(), *tallies));
        for (class, (generic, all)) in rows.chain([("total", self.total())]) {
            let _ = writeln!(out, "{class:<26} {:<15} {:<15}", generic.cell(), all.cell());
        }
        for wrong in &self.wrong {
            let _ = writeln!(out, "{wrong}");
        }
        out
    }
}

fn score(text: &str) -> Result<Score, String> {
    let entries: Vec<Value> =
        serde_json::from_str(text).map_err(|error| format!("not a JSON array: {error}"))?;
    let mut score = Score::default();
    for (at, entry) in entries.iter().enumerate() {
        let id = entry["id"].as_str().map_or_else(|| format!("entry {at}"), String::from);
        let differences = differences(entry).map_err(|error| format!("{id}: {error}"))?;
        let class = entry["classification"].as_str().unwrap_or_default();
        let needs_profile = entry["needs_profile"].as_bool().unwrap_or(false);
        let (generic, all) = score.classes.entry(String::from(class)).or_default();
        all.add(differences.is_empty());
        if !needs_profile {
            generic.add(differences.is_empty());
        }
        if !differences.is_empty() {
            let mark = if needs_profile { "wrong (needs a profile)" } else { "wrong" };
            score.wrong.push(format!("{mark} {id}: {}", differences.join("; ")));
        }
    }
    Ok(score)
}

/// What the judgement on an entry has different; nothing when it is right. A value given as null means "none".
fn differences(entry: &Value) -> Result<Vec<String>, String> {
    let wanted = entry["classification"].as_str().ok_or("`classification` is missing")?;
    let wanted = Verdict::from_name(wanted).ok_or_else(|| format!("unknown classification `{wanted}`"))?;
    let sent = Secret::from(SENT_REFRESH_TOKEN);
    let context = RequestContext {
        sent_refresh_token: Some(&sent),
        client_secret: None,
        now: ANSWERED_AT,
        profile: &Profile::generic(),
    };
    let judgement = judge(&answer(entry)?, &context);

    let mut differences = Vec::new();
    let mut compare = |what: &str, wanted: String, got: String| {
        if wanted != got {
            differences.push(format!("{what} should be {wanted}, is {got}"));
        }
    };
    let verdict = format!("{} by rule {}", judgement.verdict.name(), judgement.evidence.rule);
    compare("verdict", String::from(wanted.name()), String::from(judgement.verdict.name()));
    for (name, value) in entry["expect"].as_object().into_iter().flatten() {
        compare(name, value.to_string(), expected(name, &judgement).to_string());
    }
    if let Some(wait) = entry["retry_after_s"].as_f64() {
        let got = judgement.retry_after.map(|span| span.as_millis() as f64 / 1000.0);
        if !got.is_some_and(|got| (got - wait).abs() <= WAIT_TOLERANCE_S) {
            compare("retry_after_s", wait.to_string(), format!("{got:?}"));
        }
    }
    if !differences.is_empty() {
        differences.push(verdict);
    }
    Ok(differences)
}

/// What a judgement has to say to a name in `expect`.
fn expected(name: &str, judgement: &Judgement) -> Value {
    let grant = judgement.grant.as_ref();
    match name {
        "expires_in" => grant.and_then(Grant::lifetime).map(|span| span.as_secs()).into(),
        "rotated" => judgement.refresh_token.is_some().into(),
        "token_type" => grant.filter(|g| g.token_type_given).map(|g| g.token_type.as_str()).into(),
        _ => Value::Null,
    }
}

fn answer(entry: &Value) -> Result<Answer, String> {
    if let Some(transport) = entry["transport"].as_str() {
        return Ok(Answer::Failed(failure(transport)));
    }
    let status = entry["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .ok_or("`status` is missing")?;
    let headers = entry["headers"].as_object().into_iter().flatten();
    let body = match entry["body_b64"].as_str() {
        Some(coded) => base64(coded).ok_or("`body_b64` is not base64")?,
        None => entry["body"].as_str().unwrap_or_default().as_bytes().to_vec(),
    };
    Ok(Answer::Response(Response {
        status,
        headers: headers.map(|(name, value)| (name.clone(), plain(value))).collect(),
        body: Secret::new(body),
        truncated: false,
    }))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
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

    const ENTRIES: &str = r#"[
        {"id":"a","status":200,"headers":{},"body":"{\"access_token\":\"x\",\"expires_in\":0}",
         "classification":"success","expect":{"expires_in":null,"rotated":false,"token_type":null}},
        {"id":"b","status":429,"headers":{"Retry-After":"64.57"},"body":"",
         "classification":"rate_limited","retry_after_s":65},
        {"id":"c","transport":"body_read_error","classification":"protocol_error_transient"},
        {"id":"d","status":200,"headers":{},"body_b64":"e30=","classification":"success","needs_profile":true}
    ]"#;

    #[test]
    fn entries_are_counted_by_class_and_the_wrong_ones_are_named() {
        let score = score(ENTRIES).unwrap();
        let (generic, all) = score.total();
        assert_eq!((generic.right, generic.all, all.right, all.all), (3, 3, 3, 4));
        assert_eq!(score.wrong.len(), 1);
        assert!(score.wrong[0].starts_with("wrong (needs a profile) d: verdict should be success"));
        let table = score.table();
        let total = table.lines().find(|line| line.starts_with("total")).unwrap();
        assert_eq!(total.split_whitespace().collect::<Vec<_>>(), ["total", "3/3", "1.000", "3/4", "0.750"]);
    }

    #[test]
    fn a_bad_file_is_said_to_be_bad_and_where() {
        assert!(score("{}").is_err_and(|error| error.starts_with("not a JSON array")));
        let error = score(r#"[{"id":"a","classification":"fine","status":200}]"#).err();
        assert_eq!(error.as_deref(), Some("a: unknown classification `fine`"));
    }
}
