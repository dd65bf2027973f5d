//! Grants that need no person: client credentials, an exchanged token, an assertion. A configuration that names one says
//! all that a login needs.

use std::path::Path;

use renewd_core::{AssertionClaims, GrantType, JwtBearer, SigningKey, Span, TokenExchange, TokenSource};
use renewd_driver::CredentialName;

use crate::config::Config;
use crate::exit::Failure;
use crate::input::secret::read_key_file;

/// How a token is called where nobody says (RFC 8693 §3).
pub(crate) const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// From `iat` to `exp` of an assertion, where nobody says: servers refuse long ones.
pub(crate) const ASSERTION_LIFETIME: Span = Span::from_mins(5);

/// As `grant` has it in the configuration; `refresh_token` for the logins of people.
pub(crate) fn name_of(grant: &GrantType) -> &'static str {
    match grant {
        GrantType::ClientCredentials => "client_credentials",
        GrantType::TokenExchange(_) => "token_exchange",
        GrantType::JwtBearer(_) => "jwt_bearer",
        _ => "refresh_token",
    }
}

/// The grant that the configuration names for a credential; none where a person logs in.
///
/// # Errors
/// A configuration failure where the key of an assertion cannot be read.
pub(crate) fn configured(
    config: &Config,
    name: &CredentialName,
    client_id: &str,
    token_endpoint: &str,
) -> Result<Option<GrantType>, Failure> {
    let text = |key| config.text("credential", key, Some(name));
    let file = |key| config.path("credential", key, Some(name)).map(|path| source(&path));
    let typed = |key| text(key).unwrap_or_else(|| TOKEN_TYPE.into());
    let Some(grant) = text("grant") else { return Ok(None) };
    Ok(match grant.as_str() {
        "client_credentials" => Some(GrantType::ClientCredentials),
        "token_exchange" => file("subject_token_file").map(|subject| {
            GrantType::TokenExchange(TokenExchange {
                subject,
                subject_type: typed("subject_token_type"),
                actor: file("actor_token_file").map(|actor| (actor, typed("actor_token_type"))),
                requested_type: text("requested_token_type"),
            })
        }),
        _ => match (file("assertion_file"), config.path("credential", "assertion_key_file", Some(name))) {
            (Some(given), _) => Some(GrantType::JwtBearer(JwtBearer::Given(given))),
            (None, Some(key)) => {
                let material = read_key_file(&key, "the assertion's key")
                    .map_err(|why| Failure::configuration(why).about(name))?;
                let claims = config.credential(name).map(|e| e.assertion_claims.clone()).unwrap_or_default();
                Some(GrantType::JwtBearer(JwtBearer::Signed(AssertionClaims {
                    key: SigningKey {
                        material,
                        key_id: text("assertion_key_id"),
                        algorithm: text("assertion_key_algorithm"),
                    },
                    issuer: text("assertion_issuer").unwrap_or_else(|| client_id.into()),
                    subject: text("assertion_subject"),
                    audience: text("assertion_audience").unwrap_or_else(|| token_endpoint.into()),
                    claims,
                    lifetime: config
                        .span("credential", "assertion_lifetime", Some(name))
                        .unwrap_or(ASSERTION_LIFETIME),
                })))
            }
            (None, None) => None,
        },
    })
}

/// A file that is read anew for each request.
pub(crate) fn source(path: &Path) -> TokenSource {
    TokenSource::File(path.display().to_string())
}
