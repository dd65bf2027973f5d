//! A signed token in its compact form (RFC 7515 §7.1).

use renewd_core::{Secret, Wall};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;

use crate::encoding::{encode, encoded_len, push_encoded};
use crate::error::KeyError;
use crate::key::PrivateKey;

/// Bits of a `jti` are these bytes times eight: two of 128 bits never meet.
const JTI_BYTES: usize = 16;

/// Header and claims, signed. Whoever holds the result may use it until it expires, so it is a secret.
pub(crate) fn signed(key: &PrivateKey, header: &Value, claims: &Value) -> Result<Secret, KeyError> {
    let (header, claims) = (header.to_string(), claims.to_string());
    let room = encoded_len(header.len()) + encoded_len(claims.len()) + encoded_len(key.signature_len()) + 2;
    let mut out = Vec::with_capacity(room);
    push_encoded(&mut out, header.as_bytes());
    out.push(b'.');
    push_encoded(&mut out, claims.as_bytes());
    let signature = key.sign(&out)?;
    out.push(b'.');
    push_encoded(&mut out, &signature);
    Ok(Secret::new(out))
}

/// A name that no other token has (RFC 7519 §4.1.7).
pub(crate) fn fresh_id() -> Result<String, KeyError> {
    let mut bytes = [0; JTI_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::NoEntropy)?;
    Ok(encode(&bytes))
}

/// As RFC 7519 §2 writes dates.
pub(crate) fn numeric_date(at: Wall) -> i64 {
    at.as_unix_millis().div_euclid(1000)
}
