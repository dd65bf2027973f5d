//! The order in which an answer is judged: the first rule that fits decides.
//!
//! Each rule has a stable name, which `explain`, the journal and bug reports show. What a provider's profile says
//! outranks everything here but a missing answer: it is asked before the first of [`STEPS`].

use alloc::borrow::Cow;

use super::body::{Body, Format};
use super::code::{Class, Code, class, vendor_class, vendor_code_in};
use super::evidence::says;
use super::grant::Missing;
use super::overrides;
use super::types::{Failure, FailureKind, Response, Sent};
use super::words::{name_a_dead_token, name_a_refused_client, tell_of_a_success};
use crate::profile::Profile;
use crate::time::Span;
use crate::verdict::Verdict;

/// A rule: when it decides, this is what it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Stable, kebab-case; a profile's own has the profile's name and a slash before it.
    pub(super) name: Cow<'static, str>,
    pub(super) verdict: Verdict,
    /// The server may have rotated the refresh token all the same.
    pub(super) may_have_rotated: bool,
    /// For people, where the server says nothing itself.
    pub(super) words: Cow<'static, str>,
    /// How long to leave the server alone, where it does not say.
    pub(super) wait: Option<Span>,
}

/// What the rules look at.
pub(super) struct Reading<'a> {
    pub(super) response: &'a Response,
    pub(super) body: &'a Body,
    pub(super) code: Option<&'a Code>,
    /// A usable nonce came.
    pub(super) has_nonce: bool,
    /// A readable `Retry-After` came.
    pub(super) has_retry_after: bool,
    /// What a 2xx lacks; none when it lacks nothing.
    pub(super) missing: Option<Missing>,
}

type Step = fn(&Reading<'_>) -> Option<&'static Rule>;

/// The steps for a response, in order.
const STEPS: [Step; 8] = [
    by_status,
    by_nonce,
    by_vendor_code,
    by_retryable_code,
    by_words,
    by_permanent_code,
    by_words_alone,
    by_outcome,
];

/// The rule for a response.
pub(super) fn decide(reading: &Reading<'_>, profile: &Profile) -> Cow<'static, Rule> {
    let general = || STEPS.iter().find_map(|step| step(reading)).unwrap_or(&UNEXPECTED_STATUS);
    overrides::decide(reading, profile).map_or_else(|| Cow::Borrowed(general()), Cow::Owned)
}

/// The rule where no complete response came.
pub(super) const fn decide_failure(failure: &Failure) -> &'static Rule {
    match (failure.kind, failure.sent) {
        (FailureKind::Tls, Sent::Nothing) => &TLS_FAILED,
        (FailureKind::Configuration, Sent::Nothing) => &TRANSPORT_MISCONFIGURED,
        (_, Sent::Nothing) => &NEVER_SENT,
        (FailureKind::Body, Sent::Bytes) => &ANSWER_BROKEN_OFF,
        (FailureKind::Protocol, Sent::Bytes) => &ANSWER_NOT_HTTP,
        (_, Sent::Bytes) => &NO_ANSWER,
    }
}

/// 421, 425, 429, 5xx and 3xx speak for themselves, whatever the body says.
fn by_status(reading: &Reading<'_>) -> Option<&'static Rule> {
    match reading.response.status {
        0..=199 => Some(&UNEXPECTED_STATUS),
        421 => Some(&MISDIRECTED),
        425 => Some(&TOO_EARLY),
        429 => Some(&TOO_MANY_REQUESTS),
        300..=399 => Some(&REDIRECT),
        511 => Some(&NETWORK_SIGN_IN),
        500.. => Some(&SERVER_ERROR),
        _ => None,
    }
}

/// RFC 9449 §8. Without a nonce the demand cannot be met.
fn by_nonce(reading: &Reading<'_>) -> Option<&'static Rule> {
    match reading.code?.class {
        Class::DpopNonce if reading.has_nonce => Some(&DPOP_NONCE),
        Class::DpopNonce => Some(&DPOP_NONCE_MISSING),
        Class::Busy
        | Class::Failed
        | Class::RateLimited
        | Class::Grant
        | Class::Client
        | Class::Request
        | Class::Unknown => None,
    }
}

/// A numbered cause is more precise than the code beside it. The numbers are one vendor's, and stand here all the same:
/// its servers answer on hosts of their customers' own, where no profile is chosen, `error_codes` is a member that nobody
/// else uses, and what the numbers say only ever keeps a grant.
fn by_vendor_code(reading: &Reading<'_>) -> Option<&'static Rule> {
    let listed = reading.body.fields.vendor_codes.iter().copied();
    let described = reading.body.words().and_then(vendor_code_in);
    let classes = listed.chain(described).filter_map(vendor_class);
    classes.filter_map(|class| retryable(class, &BUSY_CAUSE, &FAILED_CAUSE, &RATE_LIMIT_CAUSE)).next()
}

/// A code that asks for another try does so on any status; it may also be all that the description says.
fn by_retryable_code(reading: &Reading<'_>) -> Option<&'static Rule> {
    let described = reading.code.and(reading.body.words()).map(|words| class(words.trim()));
    let classes = reading.code.map(|code| code.class).into_iter().chain(described);
    classes.filter_map(|class| retryable(class, &BUSY_CODE, &FAILED_CODE, &RATE_LIMIT_CODE)).next()
}

const fn retryable(
    class: Class,
    busy: &'static Rule,
    failed: &'static Rule,
    limited: &'static Rule,
) -> Option<&'static Rule> {
    match class {
        Class::Busy => Some(busy),
        Class::Failed => Some(failed),
        Class::RateLimited => Some(limited),
        Class::DpopNonce | Class::Grant | Class::Client | Class::Request | Class::Unknown => None,
    }
}

/// Words are believed only where they keep the grant from harm: a throttle or a lost race dressed up as a refusal, and
/// a refused request that the server itself wants repeated.
fn by_words(reading: &Reading<'_>) -> Option<&'static Rule> {
    let refused = reading.code.is_some() || (400..500).contains(&reading.response.status);
    let words = reading.body.words().filter(|_| refused || is_bare_success(reading))?;
    if says(words, &["rate limit", "too many requests", "throttl", "rate exceeded", "request limit"]) {
        return Some(&RATE_LIMIT_IN_WORDS);
    }
    if says(words, &["concurrent request", "concurrent update", "already being processed"]) {
        return Some(&RACE_IN_WORDS);
    }
    let vague = reading.code.is_none_or(|code| matches!(code.class, Class::Request | Class::Unknown));
    (vague && refused && says(words, &["retry the request", "please retry", "try again later"]))
        .then_some(&RETRY_IN_WORDS)
}

/// What is refused for good. Servers say `invalid_request` and `unauthorized_client` of a dead refresh token too; the
/// words beside it tell, and then a login helps where mending the client would not.
fn by_permanent_code(reading: &Reading<'_>) -> Option<&'static Rule> {
    let code = reading.code?;
    match code.class {
        Class::Grant => Some(&GRANT_REFUSED),
        Class::Request if any_words(reading.body, name_a_dead_token) => Some(&GRANT_REFUSED_IN_WORDS),
        Class::Client if code.name == "unauthorized_client" && any_words(reading.body, name_a_dead_token) => {
            Some(&GRANT_REFUSED_IN_WORDS)
        }
        Class::Client | Class::Request => Some(&CLIENT_REFUSED),
        Class::DpopNonce | Class::Busy | Class::Failed | Class::RateLimited | Class::Unknown => None,
    }
}

/// A success that holds words where a token belongs: some servers tell every error so. Where a refresh token came it is
/// none.
fn is_bare_success(reading: &Reading<'_>) -> bool {
    let fields = &reading.body.fields;
    (200..300).contains(&reading.response.status)
        && reading.missing == Some(Missing::AccessToken)
        && fields.tokens.refresh_token.is_absent()
        && fields.stray_refresh_token.is_absent()
}

/// Where no code says anything, words may: `{"message":"Invalid refresh token"}`.
fn by_words_alone(reading: &Reading<'_>) -> Option<&'static Rule> {
    // Tokens that go by names nobody knows look like none at all: then words may tell of the old one.
    let is_no = || is_bare_success(reading) && !any_words(reading.body, tell_of_a_success);
    if !matches!(reading.response.status, 400 | 401 | 403) && !is_no() {
        return None;
    }
    if any_words(reading.body, name_a_dead_token) {
        return Some(&GRANT_REFUSED_IN_WORDS);
    }
    any_words(reading.body, name_a_refused_client).then_some(&CLIENT_REFUSED_IN_WORDS)
}

fn any_words(body: &Body, say: fn(&str) -> bool) -> bool {
    body.fields.words().filter_map(|slot| body.text(slot)).any(say)
}

/// No code decided: what is left is a middlebox, or a success.
fn by_outcome(reading: &Reading<'_>) -> Option<&'static Rule> {
    Some(match reading.response.status {
        200..=299 => match reading.missing {
            None => &TOKEN_GRANTED,
            Some(Missing::Usable) => &UNUSABLE_TOKEN,
            Some(Missing::AccessToken) => &NO_TOKEN,
            Some(Missing::Readable) if reading.body.format == Format::Empty => &EMPTY_SUCCESS,
            Some(Missing::Readable) => &UNREADABLE_SUCCESS,
        },
        400..=499 if reading.has_retry_after => &CLIENT_ERROR_RETRY_AFTER,
        409 => &CONFLICT,
        400..=499 if reading.code.is_some() => &CLIENT_ERROR_UNKNOWN_CODE,
        400..=499 => &CLIENT_ERROR_NO_CODE,
        _ => return None,
    })
}

macro_rules! rules {
    ($($id:ident $name:literal $verdict:ident $rotated:literal $words:literal;)*) => {
        $(static $id: Rule = Rule {
            name: Cow::Borrowed($name),
            verdict: Verdict::$verdict,
            may_have_rotated: $rotated,
            words: Cow::Borrowed($words),
            wait: None,
        };)*
        /// Every rule, for tests and for whoever explains them.
        pub(super) const ALL: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    NEVER_SENT "never-sent" Transient false "the request never left this machine";
    TLS_FAILED "tls-failed" Transient false "no trusted connection to the server";
    TRANSPORT_MISCONFIGURED "transport-misconfigured" Transient false
        "the configured proxy or CA file cannot be used";
    NO_ANSWER "no-answer" Transient true "the request was sent and no answer came";
    ANSWER_BROKEN_OFF "answer-broken-off" ProtocolErrorTransient true "the answer broke off";
    ANSWER_NOT_HTTP "answer-not-http" ProtocolErrorTransient true "the answer is not HTTP";

    MISDIRECTED "misdirected" RetryImmediately false "the server wants another connection";
    TOO_EARLY "too-early" RetryImmediately false "the server wants the request again, not as early data";
    TOO_MANY_REQUESTS "too-many-requests" RateLimited false "too many requests";
    REDIRECT "redirect" ProtocolErrorTransient false
        "the server redirects token requests, which is never followed: check the token endpoint";
    // Whoever answers so is not the server, but it had the request in its hands: the doubt stays.
    NETWORK_SIGN_IN "network-sign-in" Transient true "the network wants somebody to sign in to it";
    SERVER_ERROR "server-error" Transient true "the server failed";

    DPOP_NONCE "dpop-nonce" RetryImmediately false "the server wants its nonce in the proof";
    DPOP_NONCE_MISSING "dpop-nonce-missing" PermanentClient false "the server wants a nonce and gives none";

    BUSY_CAUSE "busy-cause" Transient false "the server cannot answer now";
    FAILED_CAUSE "failed-cause" Transient true "the server failed";
    RATE_LIMIT_CAUSE "rate-limit-cause" RateLimited false "too many requests";
    BUSY_CODE "busy-code" Transient false "the server cannot answer now";
    FAILED_CODE "failed-code" Transient true "the server failed";
    RATE_LIMIT_CODE "rate-limit-code" RateLimited false "too many requests";
    RATE_LIMIT_IN_WORDS "rate-limit-in-words" RateLimited false "too many requests";
    RETRY_IN_WORDS "retry-in-words" Transient false "the server wants the request again";
    RACE_IN_WORDS "race-in-words" Transient true "another request with the same refresh token is under way";

    GRANT_REFUSED "grant-refused" PermanentGrant false "the grant is refused";
    GRANT_REFUSED_IN_WORDS "grant-refused-in-words" PermanentGrant false "the grant is refused";
    CLIENT_REFUSED "client-refused" PermanentClient false "the client or its request is refused";
    CLIENT_REFUSED_IN_WORDS "client-refused-in-words" PermanentClient false "the client is refused";

    TOKEN_GRANTED "token-granted" Success false "an access token came";
    UNUSABLE_TOKEN "unusable-token" ProtocolErrorTransient true "the access token cannot stand in a header";
    NO_TOKEN "success-without-token" ProtocolErrorTransient true "a success without an access token";
    EMPTY_SUCCESS "empty-success" ProtocolErrorTransient true "a success without a body";
    UNREADABLE_SUCCESS "unreadable-success" ProtocolErrorTransient true
        "a success that is neither complete JSON nor a form";

    CLIENT_ERROR_RETRY_AFTER "client-error-with-retry-after" RateLimited false "refused for now";
    CONFLICT "conflict" Transient true "another request with the same refresh token may be under way";
    CLIENT_ERROR_UNKNOWN_CODE "client-error-with-unknown-code" Transient false "refused with an unknown error code";
    CLIENT_ERROR_NO_CODE "client-error-without-oauth-code" Transient false "refused without an OAuth error code";
    UNEXPECTED_STATUS "unexpected-status" ProtocolErrorTransient true "a status that no answer should have";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_names_are_unique_and_kebab_case() {
        for (at, rule) in ALL.iter().enumerate() {
            assert!(rule.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.name);
            assert!(ALL[at + 1..].iter().all(|other| other.name != rule.name), "{}", rule.name);
            assert!(!rule.words.is_empty() && rule.words.len() < 100, "{}", rule.name);
        }
    }

    #[test]
    fn only_what_may_have_reached_the_servers_work_is_in_doubt() {
        for rule in ALL {
            match rule.verdict {
                Verdict::Success
                | Verdict::RateLimited
                | Verdict::PermanentGrant
                | Verdict::PermanentClient
                | Verdict::RetryImmediately => assert!(!rule.may_have_rotated, "{}", rule.name),
                Verdict::Transient => {}
                Verdict::ProtocolErrorTransient => {
                    assert_eq!(rule.may_have_rotated, rule.name != "redirect", "{}", rule.name);
                }
            }
        }
    }
}
