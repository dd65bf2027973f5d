//! A verifier of its own: it reads a compact JWS and the public JWK with `serde_json` and `base64`, and asks `ring`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

/// Header and claims of a token.
pub(crate) struct Token {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(crate) fn member(jwk: &Value, name: &str) -> Vec<u8> {
    bytes(jwk[name].as_str().unwrap_or_else(|| panic!("{name}")))
}

/// The token's parts, if the signature is this key's.
pub(crate) fn verified(token: &str, jwk: &Value) -> Option<Token> {
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = bytes(signature);
    let (header, claims) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&bytes(header)).unwrap();
    let claims: Value = serde_json::from_slice(&bytes(claims)).unwrap();
    let signed = signed.as_bytes();
    let outcome = match (header["alg"].as_str()?, jwk["kty"].as_str()?) {
        ("ES256", "EC") => {
            let point = [vec![4], member(jwk, "x"), member(jwk, "y")].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, &signature)
        }
        ("EdDSA", "OKP") => UnparsedPublicKey::new(&ED25519, member(jwk, "x")).verify(signed, &signature),
        ("RS256", "RSA") => RsaPublicKeyComponents { n: member(jwk, "n"), e: member(jwk, "e") }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            signed,
            &signature,
        ),
        other => panic!("{other:?}"),
    };
    outcome.ok().map(|()| Token { header, claims })
}
