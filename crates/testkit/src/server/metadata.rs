//! What the server says of itself (RFC 8414 section 2, OpenID Connect Discovery 1.0 section 3), as it is configured.

use crate::model::{AsConfig, AsReply, Dpop, GRANT_TYPES, Iss, Registration};
use serde_json::json;

pub(super) fn of_server(issuer: &str, config: &AsConfig) -> AsReply {
    let login = &config.login;
    let at = |path: &str| format!("{issuer}{path}");
    let methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
    let algorithms = ["ES256", "RS256", "EdDSA"];
    let grants: Vec<&str> = match login.grant_types.as_slice() {
        [] => GRANT_TYPES.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "revocation_endpoint": at("/revoke"),
        "device_authorization_endpoint": at("/device_authorization"),
        "pushed_authorization_request_endpoint": at("/par"),
        "jwks_uri": at("/jwks"),
        "grant_types_supported": grants,
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": login.redirect_issuer != Iss::Absent,
    });
    if login.registration != Registration::Closed {
        document["registration_endpoint"] = at("/register").into();
    }
    if login.dpop != Dpop::Ignored {
        document["dpop_signing_alg_values_supported"] = algorithms.as_slice().into();
    }
    if let Some(scopes) = &login.scopes {
        document["scopes_supported"] = scopes.as_slice().into();
    }
    AsReply::new(200, "application/json", document.to_string())
}
