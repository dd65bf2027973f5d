//! Finding the error code, and what each known code means.
//!
//! Status codes do not name the error: `invalid_client` comes as 400, `invalid_grant` as 401, errors come as 200. The
//! code decides, wherever it stands and however it is spelt.

use alloc::string::String;

use super::body::{Body, Format};
use super::challenge;
use super::known;
use super::places::Trust;
use super::types::Response;
use super::words::name_a_dead_token;

/// A longer text is a sentence, not a code.
const CODE_MAX_BYTES: usize = 64;

/// Authorization servers say it of a user who declined, and firewalls of everything.
const ACCESS_DENIED: &str = "access_denied";

/// What a code asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// RFC 9449 §8: send again with the nonce.
    DpopNonce,
    /// The server could not take the request now; nothing was done.
    Busy,
    /// The server failed on the way; it may have done its part.
    Failed,
    /// Too many requests.
    RateLimited,
    /// The grant is refused.
    Grant,
    /// The client, its request or its configuration is refused.
    Client,
    /// `invalid_request`: the request is refused, unless the words beside it say otherwise.
    Request,
    /// Nobody knows it.
    Unknown,
}

/// A code as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    /// Lower-case, blanks as `_`, at most 64 bytes.
    pub(super) name: String,
    pub(super) class: Class,
}

impl Code {
    /// A text as a code; `None` for a number, a sentence, or an HTTP reason phrase. A known code may have more before
    /// or behind it, as in `invalid_grant: gone` or `https://as.example/errors#invalid_grant`.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\''));
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_' | b'-' | b'.' | b':' | b'/');
        let is_code = text.len() <= CODE_MAX_BYTES
            && text.bytes().all(plain)
            && text.bytes().any(|b| b.is_ascii_alphabetic());
        let spelt =
            || text.chars().map(|c| if c == ' ' { '_' } else { c.to_ascii_lowercase() }).collect::<String>();
        match recognise(text) {
            // In so many words it is what firewalls say.
            Some((_, ACCESS_DENIED)) if text.contains(' ') => None,
            Some((class, known)) if is_code && same(known, text) => Some(Self { name: spelt(), class }),
            Some((class, known)) => Some(Self { name: String::from(known), class }),
            None if !is_code || REASON_PHRASES.iter().any(|phrase| same(phrase, text)) => None,
            None => Some(Self { name: spelt(), class: Class::Unknown }),
        }
    }

    /// Whether it could come from nobody but an authorization server: it names the grant, the refresh token or the
    /// client.
    fn is_telling(&self) -> bool {
        is_telling(&self.name)
    }
}

fn is_telling(code: &str) -> bool {
    let solid: String = solid(code).map(char::from).collect();
    ["grant", "refreshtoken", "client", "dpop"].iter().any(|word| solid.contains(word))
}

/// The code of an answer: the first place that holds a known one, else the first that holds one at all. That the
/// request is refused says less than anything else does.
pub(super) fn find(response: &Response, body: &Body) -> Option<Code> {
    let granted = (200..300).contains(&response.status) && !body.fields.tokens.access_token.is_absent();
    let places = body.fields.code_places().filter_map(|(trust, slot)| {
        let code = body.text(slot).and_then(Code::from_text)?;
        let is_known = code.class != Class::Unknown;
        let counts = match trust {
            Trust::Firm => true,
            Trust::Weak => !granted && !same(&code.name, ACCESS_DENIED),
            Trust::Loose => !granted && is_known && !same(&code.name, ACCESS_DENIED),
        };
        counts.then_some(code)
    });
    let mut best: Option<Code> = None;
    for code in places.chain(spoken(response, body)).chain(challenged(response, body)) {
        match (code.class, best.as_ref().map(|best| best.class)) {
            (Class::Request, None | Some(Class::Unknown)) | (Class::Unknown, None) => best = Some(code),
            (Class::Request | Class::Unknown, Some(_)) => {}
            _ => return Some(code),
        }
    }
    best
}

/// A code where words belong: `{"message":"TOKEN_EXPIRED"}`, or the line that is all of the text. What is written like a
/// code must be known; what is written like a sentence is left to the rules.
fn spoken(response: &Response, body: &Body) -> Option<Code> {
    if !(400..500).contains(&response.status) {
        return None;
    }
    let is_written_like_one = |text: &&str| !text.trim().contains(' ');
    let words = body.fields.words().filter_map(|slot| body.text(slot)).filter(is_written_like_one);
    let known = |code: &Code| code.class != Class::Unknown && !same(&code.name, ACCESS_DENIED);
    let line = || body.line().and_then(Code::from_text).filter(|code| known(code) && code.is_telling());
    words.filter_map(Code::from_text).find(known).or_else(line)
}

/// The code of a challenge (RFC 6750 §3). It speaks of the `Authorization` of the request itself, and a gateway that finds
/// no token of its own there says so: what it refuses is no grant, unless grant, refresh token or client are named.
fn challenged(response: &Response, body: &Body) -> Option<Code> {
    let code = challenge::parameter(response, "error").and_then(|code| Code::from_text(&code))?;
    if code.is_telling() {
        return Some(code);
    }
    let refuses = matches!(code.class, Class::Grant | Class::Client | Class::Request);
    let words = || challenge::parameter(response, "error_description");
    let is_ours = || !refuses || words().is_some_and(|words| name_a_dead_token(&words));
    (body.format == Format::Empty && is_ours()).then_some(code)
}

/// What a code means, by its letters and digits alone: `Invalid Grant`, `invalid-grant` and `InvalidGrantException`
/// are one.
pub(super) fn class(code: &str) -> Class {
    listed(code).map_or(Class::Unknown, |(class, _)| class)
}

/// A known code in a text that is one, or has one behind a name space or before a colon.
fn recognise(text: &str) -> Option<(Class, &'static str)> {
    let is_prose = text.contains(' ');
    let last =
        || text.rsplit(['/', '#', ':', '.']).next().filter(|last| !is_prose && last.len() < text.len());
    let first = || {
        let first = text.split([':', '(', ',', ';']).next().filter(|first| first.len() < text.len())?;
        // `Error: …` says nothing, `Invalid grant: …` says what it is.
        (!first.trim().contains(' ') || is_telling(first)).then_some(first)
    };
    listed(text).or_else(|| last().and_then(listed)).or_else(|| first().and_then(listed))
}

fn listed(code: &str) -> Option<(Class, &'static str)> {
    let find = |code: &str| {
        let known = |codes: &'static [&'static str]| codes.iter().find(|known| same(known, code)).copied();
        known::LISTS.iter().find_map(|(class, codes)| Some((*class, known(codes)?)))
    };
    find(code).or_else(|| find(without_ending(code)?))
}

/// `InvalidGrantException`, `invalid_grant_error`: how programs call what they throw.
fn without_ending(code: &str) -> Option<&str> {
    let ends = |ending: &str| {
        let at = code.len().checked_sub(ending.len())?;
        let (start, end) = code.split_at_checked(at)?;
        (end.eq_ignore_ascii_case(ending) && !start.is_empty()).then_some(start)
    };
    ends("exception").or_else(|| ends("error"))
}

/// What a numbered cause means that Microsoft Entra sends beside its code (`error_codes`): under `invalid_grant`
/// too, these say that the grant lives.
pub(super) const fn vendor_class(number: u32) -> Option<Class> {
    match number {
        90006 | 90012 | 90024 | 90033 | 90090 => Some(Class::Busy),
        40010 | 50033 | 50087 | 70012 => Some(Class::Failed),
        50196 | 90055 => Some(Class::RateLimited),
        _ => None,
    }
}

/// The numbered cause that a description begins with: `AADSTS90033: …`.
pub(super) fn vendor_code_in(words: &str) -> Option<u32> {
    let rest = words.trim_start().strip_prefix("AADSTS")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Equal but for case and punctuation?
pub(super) fn same(a: &str, b: &str) -> bool {
    solid(a).eq(solid(b))
}

/// Without ASCII punctuation and blanks, in lower case. Anything else stays: a code with a control character in it is
/// none.
fn solid(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().filter(|b| !b.is_ascii_punctuation() && *b != b' ').map(|b| b.to_ascii_lowercase())
}

/// RFC 9110 §15, and the older and proxies' own: frameworks put them where a code belongs.
const REASON_PHRASES: &[&str] = &[
    "bad request",
    "unauthorized",
    "unauthorised",
    "payment required",
    "forbidden",
    "not found",
    "method not allowed",
    "not acceptable",
    "proxy authentication required",
    "conflict",
    "gone",
    "length required",
    "precondition failed",
    "payload too large",
    "content too large",
    "request entity too large",
    "uri too long",
    "unsupported media type",
    "expectation failed",
    "misdirected request",
    "unprocessable entity",
    "unprocessable content",
    "locked",
    "failed dependency",
    "too early",
    "upgrade required",
    "precondition required",
    "request header fields too large",
    "not implemented",
    "bad gateway",
    "http version not supported",
    "ok",
    "error",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_spelt() {
        for text in ["invalid_grant", "Invalid Grant", " INVALID_GRANT\n", "invalid-grant", "invalidGrant"] {
            assert_eq!(Code::from_text(text).unwrap().class, Class::Grant, "{text}");
        }
        assert_eq!(Code::from_text("Invalid Grant").unwrap().name, "invalid_grant");
    }

    #[test]
    fn numbers_sentences_and_reason_phrases_are_no_codes() {
        for text in
            ["", " ", "400", "4.5", "Bad Request", "bad_request", "Unauthorized", "{}", "<b>", "a\u{202e}b"]
        {
            assert_eq!(Code::from_text(text), None, "{text}");
        }
        assert_eq!(Code::from_text(&"a".repeat(65)), None);
        assert_eq!(Code::from_text("E0000047").unwrap().class, Class::Unknown);
    }

    #[test]
    fn a_known_code_may_have_more_around_it() {
        for (text, name) in [
            ("invalid_grant: Token is expired or invalid.", "invalid_grant"),
            ("Invalid grant: refresh token is invalid", "invalid_grant"),
            ("invalid_grant (expired)", "invalid_grant"),
            ("invalid_grant; error_description=gone", "invalid_grant"),
            ("InvalidGrantException", "invalid_grant"),
            ("urn:example:oauth:invalid_grant", "invalid_grant"),
            ("https://as.example/errors#invalid-client", "invalid_client"),
            ("keymanagement.service.invalid_refresh_token", "invalid_refresh_token"),
            ("policies.ratelimit.QuotaViolation", "quota_violation"),
            ("com.example#ThrottlingException", "throttling"),
            ("\"Invalid refresh token!\"", "invalid_refresh_token"),
        ] {
            assert_eq!(Code::from_text(text).map(|code| code.name).as_deref(), Some(name), "{text}");
        }
    }

    #[test]
    fn what_only_speaks_of_a_code_is_none() {
        for text in [
            "Access Denied",
            "access denied: policy 12",
            "Request blocked. Reference: invalid_grant",
            "The grant is invalid_grant",
            "invalid_\u{202e}grant",
            "invalid_grant\u{0}",
        ] {
            assert_eq!(Code::from_text(text).filter(|code| code.class != Class::Unknown), None, "{text}");
        }
    }

    #[test]
    fn no_known_code_is_a_reason_phrase() {
        for (_, codes) in known::LISTS {
            for code in codes {
                assert!(!REASON_PHRASES.iter().any(|phrase| same(phrase, code)), "{code}");
            }
        }
    }
}
