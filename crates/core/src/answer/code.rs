//! Finding the error code, and what each known code means.
//!
//! Status codes do not name the error: `invalid_client` comes as 400, `invalid_grant` as 401, errors come as 200. The
//! code decides, wherever it stands and however it is spelt.

use alloc::string::String;

use super::body::{Body, Format};
use super::challenge;
use super::types::Response;

/// A longer text is a sentence, not a code.
const CODE_MAX_BYTES: usize = 64;

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
    /// A text as a code; `None` for a number, a sentence, or an HTTP reason phrase.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_' | b'-' | b'.' | b':' | b'/');
        let is_code = text.len() <= CODE_MAX_BYTES
            && text.bytes().all(plain)
            && text.bytes().any(|b| b.is_ascii_alphabetic());
        let class = class(text);
        if !is_code || (class == Class::Unknown && REASON_PHRASES.iter().any(|phrase| same(phrase, text))) {
            return None;
        }
        let name = text.chars().map(|c| if c == ' ' { '_' } else { c.to_ascii_lowercase() }).collect();
        Some(Self { name, class })
    }
}

/// The code of an answer: the first place that holds a known one, else the first that holds one at all. The
/// `WWW-Authenticate` header is asked only where there is no body.
pub(super) fn find(response: &Response, body: &Body) -> Option<Code> {
    let mut found = None;
    let slots = body.fields.codes().filter_map(|slot| body.text(slot));
    let header = (body.format == Format::Empty).then(|| challenge::parameter(response, "error")).flatten();
    for code in slots.chain(header.as_deref()).filter_map(Code::from_text) {
        if code.class != Class::Unknown {
            return Some(code);
        }
        found.get_or_insert(code);
    }
    found
}

/// What a code means, by its letters and digits alone: `Invalid Grant`, `invalid-grant` and `InvalidGrant` are one.
pub(super) fn class(code: &str) -> Class {
    let lists: [(Class, &[&str]); 7] = [
        (Class::DpopNonce, &["use_dpop_nonce"]),
        (Class::Busy, BUSY),
        (Class::Failed, FAILED),
        (Class::RateLimited, RATE_LIMITED),
        (Class::Grant, GRANT),
        (Class::Client, CLIENT),
        (Class::Request, &["invalid_request"]),
    ];
    let listed = lists.iter().find(|(_, codes)| codes.iter().any(|known| same(known, code)));
    listed.map_or(Class::Unknown, |(class, _)| *class)
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

/// Equal but for case and separators?
fn same(a: &str, b: &str) -> bool {
    fn solid(text: &str) -> impl Iterator<Item = u8> + '_ {
        text.bytes().filter(|b| !matches!(b, b'_' | b'-' | b' ')).map(|b| b.to_ascii_lowercase())
    }
    solid(a).eq(solid(b))
}

const BUSY: &[&str] = &[
    "temporarily_unavailable",
    "temporary_unavailable",
    "service_unavailable",
    "unavailable",
    "server_busy",
    "overloaded",
    "request_timeout",
    "try_again",
    "try_again_later",
    "transient_error",
    "maintenance",
    "authorization_pending",
];

const FAILED: &[&str] = &[
    "server_error",
    "internal_error",
    "internal_failure",
    "internal_server_error",
    "internal_service_error",
    "backend_error",
    "fatal_error",
    "unknown_error",
    "unexpected_error",
    "timeout",
    "gateway_timeout",
];

const RATE_LIMITED: &[&str] = &[
    "slow_down",
    "rate_limit",
    "rate_limited",
    "rate_limit_exceeded",
    "rate_limit_error",
    "user_rate_limit_exceeded",
    "too_many_requests",
    "request_limit_exceeded",
    "limit_exceeded",
    "quota_exceeded",
    "over_quota",
    "resource_exhausted",
    "throttled",
    "throttling",
    "throttling_exception",
];

const GRANT: &[&str] = &[
    // RFC 6749 §5.2, RFC 6750 §3.1, RFC 8628 §3.5
    "invalid_grant",
    "invalid_token",
    "expired_token",
    "access_denied",
    // OpenID Connect Core §3.1.2.6, RFC 9470 §3: the user has to act
    "interaction_required",
    "login_required",
    "consent_required",
    "account_selection_required",
    "insufficient_user_authentication",
    "unmet_authentication_requirements",
    "mfa_required",
    "reauth_required",
    "invalid_rapt",
    "rapt_required",
    // Providers' own
    "invalid_code",
    "invalid_refresh_token",
    "bad_refresh_token",
    "bad_verification_code",
    "refresh_token_not_found",
    "refresh_token_already_used",
    "refresh_token_reused",
    "refresh_token_expired",
    "refresh_token_revoked",
    "token_expired",
    "token_revoked",
    "token_not_found",
    "revoked_token",
    "expired_refresh_token",
    "revoked_refresh_token",
    "expired_grant",
    "grant_expired",
    "grant_revoked",
    "session_expired",
    "session_not_found",
    "invalid_session",
    "inactive_user",
    "user_inactive",
    "user_disabled",
    "user_banned",
    "user_not_found",
    "account_inactive",
    "account_disabled",
    "account_locked",
    "admin_policy_enforced",
    "org_login_required",
];

const CLIENT: &[&str] = &[
    // RFC 6749 §5.2, RFC 8707 §2, RFC 9449 §5, RFC 7591 §3.2.2, RFC 9126, RFC 9396 §5
    "invalid_client",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "invalid_dpop_proof",
    "invalid_client_metadata",
    "invalid_software_statement",
    "unapproved_software_statement",
    "invalid_authorization_details",
    "invalid_request_object",
    "unsupported_response_type",
    "unsupported_token_type",
    "invalid_redirect_uri",
    // Providers' own
    "invalid_client_id",
    "invalid_client_secret",
    "invalid_client_credentials",
    "invalid_client_assertion",
    "invalid_grant_type",
    "invalid_resource",
    "invalid_audience",
    "bad_client_id",
    "bad_client_secret",
    "bad_redirect_uri",
    "incorrect_client_credentials",
    "redirect_uri_mismatch",
    "client_not_found",
    "unknown_client",
    "deleted_client",
    "disabled_client",
    "restricted_client",
    "client_disabled",
    "expired_client_secret",
    "application_suspended",
    "app_not_found",
    "org_internal",
    "missing_parameter",
    "invalid_parameter",
    "missing_client_id",
    "missing_client_secret",
    "mtls_required",
];

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
    fn no_code_stands_in_two_lists_and_none_is_a_reason_phrase() {
        let lists = [BUSY, FAILED, RATE_LIMITED, GRANT, CLIENT];
        for (at, list) in lists.iter().enumerate() {
            for code in *list {
                for other in &lists[at + 1..] {
                    assert!(!other.iter().any(|o| same(o, code)), "{code}");
                }
                assert!(list.iter().filter(|o| same(o, code)).count() == 1, "{code}");
                assert!(!REASON_PHRASES.iter().any(|phrase| same(phrase, code)), "{code}");
            }
        }
    }
}
