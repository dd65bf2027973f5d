//! What a strict reader finds in valid JSON, core finds too: the members by the rules of the page on reading answers,
//! taken from what `serde_json` says stands there.

use std::fmt;

use renewd_core::{Judgement, Verdict};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::exchange::Exchange;
use super::hold;

/// The members of an object in order, duplicates included; none for any other value.
#[derive(Debug, Default)]
pub struct Members {
    pub is_object: bool,
    pub is_array: bool,
    pub list: Vec<(String, Value)>,
}

impl Members {
    /// All values of that name.
    fn all<'a, 'n>(&'a self, name: &'n str) -> impl DoubleEndedIterator<Item = &'a Value> + use<'a, 'n> {
        self.list.iter().filter(move |(n, _)| n == name).map(|(_, value)| value)
    }

    /// The last one that says something else than this.
    pub fn last_text(&self, name: &str, but: Option<&str>) -> Option<&str> {
        if self.has_odd(name) {
            return None;
        }
        let telling = |text: &&str| !text.is_empty() && Some(*text) != but;
        self.all(name).rev().find_map(|value| value.as_str().filter(telling))
    }

    /// Some value that says something.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).any(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// Some value that is neither a text nor nothing.
    pub fn has_odd(&self, name: &str) -> bool {
        self.all(name).any(|value| !value.is_null() && !value.is_string())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = map.next_entry()? {
            list.push(member);
        }
        Ok(Members { is_object: true, is_array: false, list })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Members, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Members { is_array: true, ..Members::default() })
    }

    fn visit_unit<E>(self) -> Result<Members, E> {
        Ok(Members::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Members, E> {
        Ok(Members::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Members, E> {
        Ok(Members::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Members, E> {
        Ok(Members::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Members, E> {
        Ok(Members::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Members, E> {
        Ok(Members::default())
    }
}

/// No lifetime, but a date, may be as large as this: 2001-09-09 in seconds since the Unix epoch.
const DATES_FROM_SECONDS: f64 = 1e9;

/// Names that may hold a code or words: with one of them there, the verdict depends on what it says.
const SPEAKING: &[&str] = &[
    "error",
    "errors",
    "error_code",
    "error_codes",
    "code",
    "errorCode",
    "error_description",
    "error_message",
    "message",
    "msg",
    "error_summary",
    "errorSummary",
    "detail",
    "reason",
];

/// Reads the text as JSON and as an answer, and checks that both say the same. Text that is no JSON says nothing.
///
/// # Panics
/// Where they differ.
pub fn as_a_strict_reader(text: &str) {
    let Ok(members) = serde_json::from_str::<Members>(text) else { return };
    if text.len() > 60 * 1024 || text.starts_with('\0') {
        return;
    }
    let json = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    let judgement = hold(&Exchange::plain(200, json.clone(), text.into(), false));
    if !members.is_object {
        assert!(judgement.grant.is_none(), "a grant from no object");
        return;
    }
    let refused = hold(&Exchange::plain(400, json, text.into(), false));
    error_is_read(&members, &refused);
    let Some(access_token) = members.last_text("access_token", None) else {
        let somewhere =
            |value: &Value| value.to_string().to_ascii_lowercase().replace('_', "").contains("accesstoken");
        let inside = members
            .list
            .iter()
            .any(|(name, value)| somewhere(&Value::from(name.as_str())) || somewhere(value));
        assert!(inside || judgement.verdict != Verdict::Success, "a grant from no access token");
        return;
    };
    let usable = access_token.bytes().all(|b| b.is_ascii_graphic());
    if !usable {
        assert_ne!(judgement.verdict, Verdict::Success, "an access token that fits no header");
    } else if !SPEAKING.iter().any(|name| members.has(name)) {
        assert_eq!(judgement.verdict, Verdict::Success, "an access token, and nothing against it");
        grant_is_read(&members, access_token, &judgement);
    }
}

fn grant_is_read(members: &Members, access_token: &str, judgement: &Judgement) {
    let Some(grant) = &judgement.grant else { panic!("a success without a grant") };
    assert_eq!(grant.access_token.expose_str(), Some(access_token));
    if !members.has_odd("scope") {
        assert_eq!(grant.scope.as_deref(), members.last_text("scope", None));
    }
    if !members.has_odd("id_token") {
        let id_token = grant.id_token.as_ref().and_then(|token| token.expose_str());
        assert_eq!(id_token, members.last_text("id_token", None));
    }
    if let Some(kind) = members.last_text("token_type", None) {
        let words = kind.bytes().all(|b| b.is_ascii_graphic() || b == b' ') && !kind.trim().is_empty();
        let fits = words && kind.len() <= 64;
        assert_eq!(grant.token_type, if fits { kind } else { "Bearer" });
    }
    let last = members.all("expires_in").next_back();
    // From there on a number may be a date.
    let span = last.and_then(Value::as_f64).filter(|seconds| *seconds < DATES_FROM_SECONDS);
    if let Some(seconds) = span {
        let exact = last.and_then(Value::as_i64).unwrap_or(seconds as i64);
        assert_eq!(grant.expires_in, Some(exact), "{seconds}");
    }
}

/// A code that everybody knows, in the place where RFC 6749 §5.2 puts it.
fn error_is_read(members: &Members, judgement: &Judgement) {
    let known = ["invalid_grant", "invalid_client", "invalid_scope", "server_error", "slow_down"];
    let Some(code) = members.last_text("error", None).filter(|code| known.contains(code)) else { return };
    assert_eq!(judgement.evidence.oauth_error.as_deref(), Some(code));
}
