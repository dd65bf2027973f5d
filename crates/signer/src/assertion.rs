//! Assertions: of the client about itself (RFC 7523 §2.2), and as a grant (RFC 7523 §2.1).

use renewd_core::{AssertionClaims, Secret, SigningKey, Span, Wall};
use serde_json::{Map, Value, json};

use crate::error::KeyError;
use crate::jws::{fresh_id, numeric_date, signed};
use crate::key::PrivateKey;

/// The value of `client_assertion_type` (RFC 7523 §2.2).
pub(crate) const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long a client assertion is valid: it is made for one request, which may take its time-out of 30 s, at a server
/// whose clock is known to some seconds. Some servers refuse more than three minutes.
const CLIENT_ASSERTION_LIFETIME: Span = Span::from_secs(120);

/// An assertion of the client about itself. It has no `nbf`: `iat` says as much, and a server whose clock is behind would
/// refuse it.
pub(crate) fn client_assertion(
    key: &SigningKey,
    client_id: &str,
    audience: &str,
    at: Wall,
) -> Result<Secret, KeyError> {
    let key = PrivateKey::of(key)?;
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": fresh_id()?,
        "iat": numeric_date(at),
        "exp": numeric_date(at + CLIENT_ASSERTION_LIFETIME),
    });
    signed(&key, &header(&key), &claims)
}

/// An assertion that is a grant. What the claims are is told by the user; times and `jti` are ours.
pub(crate) fn grant_assertion(wanted: &AssertionClaims, at: Wall) -> Result<Secret, KeyError> {
    let key = PrivateKey::of(&wanted.key)?;
    let mut claims: Map<String, Value> =
        wanted.claims.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    claims.insert("iss".into(), wanted.issuer.as_str().into());
    if let Some(subject) = &wanted.subject {
        claims.insert("sub".into(), subject.as_str().into());
    }
    claims.insert("aud".into(), wanted.audience.as_str().into());
    claims.insert("jti".into(), fresh_id()?.into());
    claims.insert("iat".into(), numeric_date(at).into());
    claims.insert("exp".into(), numeric_date(at + wanted.lifetime).into());
    signed(&key, &header(&key), &Value::Object(claims))
}

fn header(key: &PrivateKey) -> Value {
    let mut header = json!({ "alg": key.algorithm().name(), "typ": "JWT" });
    if let Some(key_id) = key.key_id() {
        header["kid"] = key_id.into();
    }
    header
}
