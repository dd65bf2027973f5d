//! What a server says in words, where its code says nothing or too little.
//!
//! A firewall says `Access denied` and `Session expired`; none speaks of a refresh token or a client secret. So only
//! sentences that name one of these are taken for a verdict, and only those that cannot mean a fault in the request.

use super::code::{Class, class, same};
use super::evidence::says;

/// How servers call what was sent.
const TOKEN: [&str; 4] = ["refresh token", "refresh_token", "refreshtoken", "refresh-token"];

/// What they say of one that will never work again.
const DEAD: [&str; 20] = [
    "invalid",
    "not valid",
    "expired",
    "revoked",
    "reused",
    "already used",
    "been used",
    "was used",
    "token used",
    "claimed",
    "consumed",
    "rotated",
    "unknown",
    "not found",
    "not exist",
    "no longer",
    "inactive",
    "not active",
    "an active refresh",
    "unable to parse",
];

/// So many of [`DEAD`] are said of a member of the wrong form too.
const MALFORMED: usize = 2;

/// What they say of a request that lacks something, that could be sent again, or that somebody in between did not let
/// through: what checks the members of a body names them too.
const FAULTY_REQUEST: [&str; 22] = [
    "missing",
    "required",
    "parameter",
    "must ",
    "supported",
    "empty",
    "grant type",
    "grant_type",
    "retry",
    "try again",
    "field",
    "argument",
    "property",
    "character",
    "json",
    "schema",
    "block",
    "firewall",
    "injection",
    "policy",
    "api key",
    // A request that is given back.
    "refresh_token=",
];

/// What is said with a success: a refresh token died there because another took its place.
const OF_A_SUCCESS: [&str; 5] = ["rotat", "success", "issued", "previous", "old "];

/// Could these words go with a success?
pub(super) fn tell_of_a_success(words: &str) -> bool {
    says(words, &OF_A_SUCCESS)
}

/// Do these words say that the refresh token is dead? `Refresh token is invalid or has already been claimed`, but not
/// `Missing "refresh_token" in request`.
pub(super) fn name_a_dead_token(words: &str) -> bool {
    let at_member = name_a_member_first(words);
    let dead = if at_member { &DEAD[MALFORMED..] } else { &DEAD[..] };
    (says(words, &TOKEN) && says(words, dead) && !says(words, &FAULTY_REQUEST))
        || (!at_member && is_code_of(words, Class::Grant))
}

/// `refresh_token: invalid`: what checks the members of a request writes so of one that has the wrong form.
fn name_a_member_first(words: &str) -> bool {
    let Some((member, _)) = words.split_once(':') else { return false };
    let member = member.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    ["refresh_token", "refreshtoken"].iter().any(|name| member.eq_ignore_ascii_case(name))
}

/// Are these words nothing but the refusal of the client? `Invalid client secret`, `Client authentication failed.`
pub(super) fn name_a_refused_client(words: &str) -> bool {
    is_code_of(words, Class::Client) || same(words.trim(), "client authentication failed")
}

/// Are all of these words a known code that names the refresh token, the grant or the client?
fn is_code_of(words: &str, wanted: Class) -> bool {
    class(words.trim()) == wanted && says(words, &["refresh", "grant", "client"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_token_is_named_in_many_ways() {
        for words in [
            "Invalid Refresh Token",
            "Refresh token is invalid or has already been claimed by another client.",
            "Refresh token (ID x) is invalid or has already been claimed by another client.",
            "refresh_token is invalid",
            "Old refresh token used.",
            "unable to parse refresh token",
            "Refresh token expired.",
            "Invalid \"refresh_token\" in request.",
            "The refresh token is invalid.",
            "The refreshToken has been revoked",
            "This request requires an active refresh_token",
            "refresh_token: revoked",
            "Invalid refresh_token: abc",
            "Refresh token: invalid",
            "invalid_grant",
        ] {
            assert!(name_a_dead_token(words), "{words}");
        }
    }

    #[test]
    fn a_faulty_request_and_what_a_firewall_says_are_no_dead_token() {
        for words in [
            "Missing \"refresh_token\" in request.",
            "No refresh token is found in request.",
            "A required parameter \"refresh_token\" is missing",
            "The request includes an invalid parameter: refresh_token",
            "refresh_token is required",
            "Grant type refresh_token is not supported.",
            "The refresh token must not be empty; it was invalid",
            "The refresh token was issued to another client",
            "Refresh token not found, please try again",
            "json: unknown field \"refresh_token\"",
            "invalid character 'r' looking for beginning of value: refresh_token=x",
            "Property refresh_token is invalid: expected object",
            "refresh_token: invalid",
            "\"refreshToken\": not a valid string",
            "['refresh_token']: is invalid",
            "#/refresh_token: not valid under schema",
            "Request blocked: invalid value of refresh_token",
            "Denied by policy 12: refresh_token not found in allow-list",
            "No API key found in request; invalid refresh_token",
            "400: POST /token?refresh_token=x is not valid here",
            "Access denied",
            "Unauthorized",
            "Session expired",
            "Token expired",
            "Invalid token",
            "",
        ] {
            assert!(!name_a_dead_token(words), "{words}");
        }
    }

    #[test]
    fn a_client_is_refused_in_so_many_words_or_not_at_all() {
        for words in [
            "Invalid client secret",
            "invalid_client",
            "Client authentication failed.",
            "Unauthorized client",
        ] {
            assert!(name_a_refused_client(words), "{words}");
        }
        for words in
            ["Bad credentials", "Client error", "Invalid client request", "client certificate required", ""]
        {
            assert!(!name_a_refused_client(words), "{words}");
        }
    }
}
