//! What must fit together of a credential's grant and of its client's key.

use renewd_driver::CredentialName;

use super::super::document::CredentialEntry;
use super::super::problem::Problem;
use super::{line_of, text};

/// Keys that mean something with one grant only.
const OF_GRANTS: [(&str, &[&str]); 2] = [
    (
        "token_exchange",
        &[
            "subject_token_file",
            "subject_token_type",
            "actor_token_file",
            "actor_token_type",
            "requested_token_type",
        ],
    ),
    (
        "jwt_bearer",
        &[
            "assertion_file",
            "assertion_key_file",
            "assertion_key_id",
            "assertion_key_algorithm",
            "assertion_issuer",
            "assertion_subject",
            "assertion_audience",
            "assertion_lifetime",
        ],
    ),
];

/// Keys of an assertion that is signed here.
const OF_SIGNED: [&str; 6] = [
    "assertion_key_id",
    "assertion_key_algorithm",
    "assertion_issuer",
    "assertion_subject",
    "assertion_audience",
    "assertion_lifetime",
];

/// Checks one credential.
pub(super) fn check(name: &CredentialName, entry: &CredentialEntry, problems: &mut Vec<Problem>) {
    let has = |key| entry.settings.contains_key(&("credential", key));
    let line = |key| line_of(&entry.settings, "credential", key, entry.line);
    let grant = text(&entry.settings, "credential", "grant");
    let mut problem = |key, what: String| problems.push(Problem::new(line(key), what));
    for (of, keys) in OF_GRANTS.iter().filter(|(of, _)| grant != Some(of)) {
        for key in keys.iter().filter(|key| has(key)) {
            problem(key, format!("credential.{name}.{key} means something only with grant = \"{of}\""));
        }
    }
    if !entry.assertion_claims.is_empty() && grant != Some("jwt_bearer") {
        problem(
            "grant",
            format!("credential.{name}.assertion_claims means something only with grant = \"jwt_bearer\""),
        );
    }
    if grant == Some("token_exchange") && !has("subject_token_file") {
        problem(
            "grant",
            format!("credential.{name}.grant = \"token_exchange\" needs subject_token_file beside it"),
        );
    }
    if has("actor_token_type") && !has("actor_token_file") {
        problem(
            "actor_token_type",
            format!("credential.{name}.actor_token_type needs actor_token_file beside it"),
        );
    }
    if grant == Some("jwt_bearer") && has("assertion_file") == has("assertion_key_file") {
        problem(
            "grant",
            format!(
                "credential.{name}.grant = \"jwt_bearer\" needs one of assertion_file and assertion_key_file beside it"
            ),
        );
    }
    for key in OF_SIGNED.iter().filter(|key| has("assertion_file") && has(key)) {
        problem(
            key,
            format!(
                "credential.{name}.{key} is for an assertion that is signed here: with assertion_key_file"
            ),
        );
    }
    if has("client_key_file") && has("client_key_keyring") {
        problem(
            "client_key_keyring",
            format!("credential.{name} has a client_key_file and a client_key_keyring; it needs one"),
        );
    }
    if let Some(key) = grant.and(Some("seed_file")).filter(|key| has(key)) {
        problem(
            key,
            format!(
                "credential.{name}.seed_file is a refresh token, and its grant has none; take one of them back"
            ),
        );
    }
}
