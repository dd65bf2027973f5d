//! Signed tokens, read and verified without a line of the code that makes them: what a client signs must hold before
//! somebody else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Value, json};

/// A compact JWS (RFC 7515 section 7.1), taken apart.
pub(crate) struct Jws {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    /// Takes it apart; `None` where it is none.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed: signed.to_owned(),
            signature: decode(signature)?,
        })
    }

    /// Whether this public JWK's other half signed it. The key must be of the kind that the header's `alg` is for.
    pub(crate) fn is_signed_by(&self, jwk: &Value) -> bool {
        self.verify(jwk).unwrap_or(false)
    }

    fn verify(&self, jwk: &Value) -> Option<bool> {
        let member = |name: &str| decode(jwk.get(name)?.as_str()?);
        let message = self.signed.as_bytes();
        let outcome = match (self.header.get("alg")?.as_str()?, jwk.get("kty")?.as_str()?) {
            ("ES256", "EC") => {
                let point = [vec![4], member("x")?, member("y")?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &self.signature)
            }
            ("EdDSA", "OKP") => {
                UnparsedPublicKey::new(&ED25519, member("x")?).verify(message, &self.signature)
            }
            ("RS256", "RSA") => {
                let key = RsaPublicKeyComponents { n: member("n")?, e: member("e")? };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, &self.signature)
            }
            _ => return None,
        };
        Some(outcome.is_ok())
    }

    /// A claim that is text.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim that is a point in time, in milliseconds.
    pub(crate) fn time_ms(&self, claim: &str) -> Option<i64> {
        let seconds = self.claims.get(claim)?.as_f64()?;
        Some((seconds * 1000.0) as i64)
    }

    /// Whether `aud` is or holds one of these.
    pub(crate) fn is_for(&self, names: &[&str]) -> bool {
        let is_one = |value: &Value| value.as_str().is_some_and(|name| names.contains(&name));
        match self.claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(is_one),
            Some(one) => is_one(one),
            None => false,
        }
    }
}

/// Whether one of the keys of a set (RFC 7517 section 5) signed it; where the header names a key, only that one.
pub(crate) fn signed_by_one_of(token: &Jws, keys: &str) -> bool {
    let Ok(set) = serde_json::from_str::<Value>(keys) else { return false };
    let keys = set.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![set]);
    let named = token.header.get("kid");
    let fits = |jwk: &&Value| named.is_none() || jwk.get("kid").is_none() || jwk.get("kid") == named;
    keys.iter().filter(fits).any(|jwk| token.is_signed_by(jwk))
}

/// RFC 7638 section 3; `None` for a key of another kind, and for one with a private half.
pub(crate) fn thumbprint(jwk: &Value) -> Option<String> {
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    if jwk.get("d").is_some() {
        return None;
    }
    let members: Option<Vec<String>> =
        names.iter().map(|name| Some(format!("\"{name}\":{}", jwk.get(*name)?))).collect();
    Some(hash(&format!("{{{}}}", members?.join(","))))
}

/// SHA-256 in base64url: `ath` (RFC 9449 section 4.2) and S256 (RFC 7636 section 4.2).
pub(crate) fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The key that signs ID tokens, from a seed: the same seed signs the same.
pub(crate) struct IdTokenKey(Ed25519KeyPair);

impl IdTokenKey {
    /// `None` cannot happen: every 32 bytes are a seed.
    pub(crate) fn from_seed(seed: &str) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(digest(&SHA256, seed.as_bytes()).as_ref()).ok().map(Self)
    }

    /// The set that a client would verify with (`jwks_uri`).
    pub(crate) fn jwks(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "id", "x": x }] })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": "id", "typ": "JWT" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 appendix A.3.
    #[test]
    fn the_token_of_the_rfc_verifies_and_a_changed_one_does_not() {
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
        let token = concat!(
            "eyJhbGciOiJFUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        );
        let read = Jws::read(token).unwrap();
        assert!(read.is_signed_by(&jwk));
        assert_eq!(read.time_ms("exp"), Some(1_300_819_380_000));
        let changed = Jws::read(&token.replace("DtEh", "DtEg")).unwrap();
        assert!(!changed.is_signed_by(&jwk));
        assert!(Jws::read("a.b").is_none());
    }

    /// RFC 9449 section 6.1.
    #[test]
    fn a_thumbprint_is_that_of_the_rfc_and_a_private_key_has_none() {
        let mut jwk = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" });
        assert_eq!(thumbprint(&jwk).as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
        jwk["d"] = "AA".into();
        assert_eq!(thumbprint(&jwk), None);
    }

    #[test]
    fn an_id_token_verifies_with_the_published_key() {
        let key = IdTokenKey::from_seed("1").unwrap();
        let token = Jws::read(&key.sign(&json!({ "sub": "a" }))).unwrap();
        assert!(signed_by_one_of(&token, &key.jwks().to_string()));
    }
}
