//! What a failure looked like, fit for people, logs and terminals.

use alloc::format;
use alloc::string::String;

use super::body::{Body, Format};
use super::challenge;
use super::code::{Class, Code};
use super::http_date;
use super::plain::{boundary, plain_text};
use super::redact::Redactor;
use super::rules::Rule;
use super::types::{RequestContext, Response};
use crate::time::Wall;
use crate::verdict::{Evidence, Verdict};

/// One line on a terminal, and a fraction of a journal line.
const MESSAGE_MAX_BYTES: usize = 200;

/// So much of a message is searched for echoes before it is cut, so that a cut cannot hide one.
const SEARCHED_MAX_BYTES: usize = 512;

/// The longest media types in use are about so long.
const CONTENT_TYPE_MAX_BYTES: usize = 64;

/// A longer nonce is not worth carrying (RFC 9449 §8.1 leaves the length open).
const NONCE_MAX_BYTES: usize = 1024;

/// Evidence from a response.
pub(super) fn of_response(
    response: &Response,
    body: &Body,
    code: Option<&Code>,
    rule: &Rule,
    redactor: &Redactor<'_>,
) -> Evidence {
    let message = (rule.verdict != Verdict::Success).then(|| words_of(response, body, rule, redactor));
    let said = message.as_deref().unwrap_or_default();
    // The halves of a token in two places give it away as well as the whole in one.
    let gives_away = |part: &str, beside: &str| {
        redactor.finds_in(part) || redactor.finds_across(part, said) || redactor.finds_across(part, beside)
    };
    // Words that everybody knows are no secret, whatever secrets there are.
    let is_public = |code: &&Code| code.class != Class::Unknown;
    let name =
        code.filter(|code| is_public(code) || !gives_away(&code.name, "")).map(|code| code.name.clone());
    let beside = name.as_deref().unwrap_or_default();
    let media_type = response.header("content-type").and_then(media_type);
    Evidence {
        http_status: Some(response.status),
        content_type: media_type.filter(|t| {
            is_common(t) || !t.split('/').chain([t.as_str()]).any(|part| gives_away(part, beside))
        }),
        oauth_error: name,
        message,
        rule: rule.name.clone(),
    }
}

/// Evidence where no response came; `said` is the transport's own line.
pub(super) fn of_failure(said: &str, rule: &Rule, redactor: &Redactor<'_>) -> Evidence {
    let said = one_line(said, redactor);
    let message = if said.is_empty() { String::from(&*rule.words) } else { said };
    Evidence { message: Some(message), rule: rule.name.clone(), ..Evidence::default() }
}

/// Knows every secret that the answer could echo, those that it brought itself included.
pub(super) fn redactor<'a>(context: &RequestContext<'a>, body: Option<&'a Body>) -> Redactor<'a> {
    let mut redactor = Redactor::default();
    for secret in
        [context.sent_refresh_token, context.client_secret].into_iter().flatten().chain(context.sent)
    {
        redactor.add(secret.expose());
    }
    let brought = body.into_iter().flat_map(|body| body.fields.secrets().map(|slot| body.bytes(slot)));
    brought.flatten().for_each(|secret| redactor.add(secret));
    redactor
}

/// The `DPoP-Nonce` of a response, where it is one (RFC 9449 §8.1).
pub(super) fn dpop_nonce(response: &Response) -> Option<String> {
    let nonce = response.header("dpop-nonce")?.trim();
    let valid = nonce.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    (valid && !nonce.is_empty() && nonce.len() <= NONCE_MAX_BYTES).then(|| String::from(nonce))
}

/// The `Date` of a response that came from the server itself (RFC 9110 §6.6.1); an older one, kept by a cache, says
/// nothing of what time it is there.
pub(super) fn server_time(response: &Response) -> Option<Wall> {
    let date =
        response.header("date").filter(|date| date.contains(':') && response.header("age").is_none())?;
    http_date::parse(date).map(|seconds| Wall::from_unix_millis(seconds.saturating_mul(1000)))
}

/// Does the answer's text say one of these? In any case.
pub(super) fn says(words: &str, phrases: &[&str]) -> bool {
    let words = words.as_bytes();
    let words = &words[..words.len().min(SEARCHED_MAX_BYTES)];
    phrases
        .iter()
        .any(|phrase| words.windows(phrase.len()).any(|w| w.eq_ignore_ascii_case(phrase.as_bytes())))
}

/// The server's own words; else the title of its page; else ours.
fn words_of(response: &Response, body: &Body, rule: &Rule, redactor: &Redactor<'_>) -> String {
    let from_header = || match body.format {
        Format::Empty => challenge::parameter(response, "error_description"),
        Format::Json | Format::Form | Format::Other => None,
    };
    let said = body
        .words()
        .map(|words| one_line(words, redactor))
        .or_else(|| Some(one_line(&from_header()?, redactor)));
    if let Some(said) = said.filter(|said| !said.is_empty()) {
        return said;
    }
    match body.page_title().map(|title| one_line(title, redactor)) {
        Some(title) => cut(format!("{}: a page titled \u{201c}{title}\u{201d}", rule.words)),
        None => String::from(&*rule.words),
    }
}

fn one_line(text: &str, redactor: &Redactor<'_>) -> String {
    let plain = plain_text(text, SEARCHED_MAX_BYTES);
    cut(redactor.clean(core::str::from_utf8(&plain).unwrap_or_default()))
}

/// At most [`MESSAGE_MAX_BYTES`], the ellipsis included.
fn cut(text: String) -> String {
    const ELLIPSIS: char = '\u{2026}';
    if text.len() <= MESSAGE_MAX_BYTES {
        return text;
    }
    let end = boundary(&text, MESSAGE_MAX_BYTES - ELLIPSIS.len_utf8());
    let mut short = String::from(text[..end].trim_end());
    short.push(ELLIPSIS);
    short
}

/// Types that cannot be an echo, whatever the secret.
fn is_common(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/json"
            | "text/html"
            | "text/plain"
            | "application/x-www-form-urlencoded"
            | "application/problem+json"
    )
}

/// The media type alone, lower-case (RFC 9110 §8.3.1).
fn media_type(value: &str) -> Option<String> {
    let essence = value.split(';').next().unwrap_or_default().trim();
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-/".contains(&b);
    let fits = !essence.is_empty() && essence.len() <= CONTENT_TYPE_MAX_BYTES && essence.bytes().all(valid);
    fits.then(|| essence.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_message_is_one_bounded_line_without_tricks() {
        let none = Redactor::default();
        assert_eq!(one_line(" a\r\n\tb\u{0}\u{1b}[31mc \u{202e}d\u{200b}e\u{85}f ", &none), "a b c de f");
        let long = one_line(&"\u{e9}".repeat(1000), &none);
        assert!(long.len() <= MESSAGE_MAX_BYTES && long.ends_with('\u{2026}'));
        assert_eq!(one_line("\u{202e}\r\n", &none), "");
    }

    #[test]
    fn an_echo_is_found_before_the_line_is_cut() {
        let mut redactor = Redactor::default();
        redactor.add(b"secret-refresh-token");
        let text = format!("{}secret-refresh-token", "x ".repeat(95));
        assert!(!one_line(&text, &redactor).contains("secret"));
    }

    #[test]
    fn a_token_in_halves_is_shown_in_none_of_its_places() {
        let sent = Secret::from("Qm7zKp2WvX4sLd9TfR");
        let context = RequestContext {
            sent_refresh_token: Some(&sent),
            client_secret: None,
            sent: &[],
            now: Wall::from_unix_millis(0),
            profile: &crate::profile::Profile::GENERIC,
        };
        let judged = |kind: &str, code: &str, words: &str| {
            let body = format!("{{\"error\":\"{code}\",\"error_description\":\"{words}\"}}");
            let response = Response {
                status: 400,
                headers: alloc::vec![(String::from("Content-Type"), String::from(kind))],
                body: Secret::from_string(body),
                truncated: false,
            };
            crate::answer::judge(&crate::answer::Answer::Response(response), &context).evidence
        };
        for (kind, code, words) in [
            ("application/json", "qm7zkp2", "wvx4sld"),
            ("application/json", "wvx4sld", "is no end of Qm7zKp2"),
            ("text/qm7zkp2", "wvx4sld", "no such thing"),
            ("text/wvx4sld", "invalid_grant", "no such Qm7zKp2"),
        ] {
            let evidence = judged(kind, code, words);
            let shown =
                format!("{:?} {:?} {:?}", evidence.content_type, evidence.oauth_error, evidence.message);
            let shown = shown.to_lowercase();
            assert!(!(shown.contains("qm7zkp2") && shown.contains("wvx4sld")), "{shown}");
        }
        let evidence = judged("application/json", "invalid_grant", "over");
        assert_eq!(evidence.oauth_error.as_deref(), Some("invalid_grant"));
    }

    #[test]
    fn a_code_that_everybody_knows_is_shown_whatever_the_secret() {
        let secret = Secret::from("invalid_grant_42");
        let response = Response {
            status: 400,
            headers: alloc::vec![],
            body: Secret::from("{\"error\":\"invalid_grant\"}"),
            truncated: false,
        };
        let context = RequestContext {
            sent_refresh_token: Some(&secret),
            client_secret: None,
            sent: &[],
            now: Wall::from_unix_millis(0),
            profile: &crate::profile::Profile::GENERIC,
        };
        let judgement = crate::answer::judge(&crate::answer::Answer::Response(response), &context);
        assert_eq!(judgement.evidence.oauth_error.as_deref(), Some("invalid_grant"));
    }

    #[test]
    fn a_nonce_is_what_the_rfc_allows_and_no_longer_than_worth_carrying() {
        let of = |value: &str| {
            dpop_nonce(&Response {
                status: 400,
                headers: alloc::vec![(String::from("DPoP-nonce"), String::from(value))],
                body: Secret::new(alloc::vec::Vec::new()),
                truncated: false,
            })
        };
        assert_eq!(of(" eyJ7S_zG.eyJH0-Z ").as_deref(), Some("eyJ7S_zG.eyJH0-Z"));
        assert_eq!(of(&"n".repeat(NONCE_MAX_BYTES)).map(|nonce| nonce.len()), Some(NONCE_MAX_BYTES));
        for value in ["", "a b", "a\"b", "a\\b", "\u{e9}", "n\r\nX: 1", &"n".repeat(NONCE_MAX_BYTES + 1)] {
            assert_eq!(of(value), None, "{value}");
        }
    }

    #[test]
    fn a_media_type_is_lower_case_and_bare() {
        assert_eq!(media_type("Text/HTML; charset=utf-8").as_deref(), Some("text/html"));
        assert_eq!(media_type("text/html\u{202e}"), None);
        assert_eq!(media_type(&"a".repeat(65)), None);
        assert_eq!(media_type(";"), None);
    }
}
