//! Private keys as JWK (RFC 7517, RFC 7518 §6, RFC 8037 §2), alone or as the only one of a set.
//!
//! The members are borrowed from the text: a copy of `d` would have to be overwritten, and base64url needs no escapes.

use std::borrow::Cow;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::encoding::decode;
use crate::error::KeyError;
use crate::key::{Pair, RsaParts};

/// What is read of a JWK; `x5c`, `key_ops` and the like are passed over.
#[derive(Deserialize)]
struct Jwk<'a> {
    #[serde(borrow)]
    kty: Cow<'a, str>,
    #[serde(borrow)]
    crv: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    alg: Option<Cow<'a, str>>,
    #[serde(rename = "use", borrow)]
    usage: Option<Cow<'a, str>>,
    x: Option<&'a str>,
    y: Option<&'a str>,
    d: Option<&'a str>,
    n: Option<&'a str>,
    e: Option<&'a str>,
    p: Option<&'a str>,
    q: Option<&'a str>,
    dp: Option<&'a str>,
    dq: Option<&'a str>,
    qi: Option<&'a str>,
}

#[derive(Deserialize)]
struct JwkSet<'a> {
    #[serde(borrow)]
    keys: Vec<Jwk<'a>>,
}

/// A key, and what it is known by.
pub(crate) struct Named {
    pub(crate) pair: Pair,
    pub(crate) key_id: Option<String>,
}

/// Whether this is JSON at all.
pub(crate) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The key, or the one private key of a set.
pub(crate) fn parse(text: &str) -> Result<Named, KeyError> {
    if let Ok(set) = serde_json::from_str::<JwkSet<'_>>(text) {
        let mut private = set.keys.iter().filter(|jwk| jwk.d.is_some());
        return match (private.next(), private.next()) {
            (Some(jwk), None) => jwk.named(),
            (Some(_), Some(_)) => Err(KeyError::Several),
            (None, _) if set.keys.is_empty() => Err(KeyError::Empty),
            (None, _) => Err(KeyError::PublicOnly),
        };
    }
    // What serde says of a broken text may repeat a piece of it.
    let jwk: Jwk<'_> = serde_json::from_str(text)
        .map_err(|_| KeyError::Damaged("it is no JWK: broken JSON, or a member of the wrong form"))?;
    jwk.named()
}

impl Jwk<'_> {
    fn named(&self) -> Result<Named, KeyError> {
        let pair = self.pair()?;
        match self.alg.as_deref().map(Algorithm::named) {
            Some(said) if said != Some(pair.algorithm()) => {
                return Err(KeyError::Unfit { key: pair.algorithm() });
            }
            _ => {}
        }
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(KeyError::Kind("a key for encryption (\"use\")"));
        }
        Ok(Named { pair, key_id: self.key_id() })
    }

    fn key_id(&self) -> Option<String> {
        self.kid.as_deref().filter(|kid| !kid.is_empty()).map(str::to_owned)
    }

    fn pair(&self) -> Result<Pair, KeyError> {
        match (&*self.kty, self.crv.as_deref()) {
            ("EC", Some("P-256")) => {
                let d = private(self.d)?;
                let (x, y) = (public(self.x)?, public(self.y)?);
                let mut point = Vec::with_capacity(65);
                point.push(4); // SEC 1 §2.3.3: uncompressed
                point.extend_from_slice(&x);
                point.extend_from_slice(&y);
                Pair::p256(&d, &point)
            }
            ("OKP", Some("Ed25519")) => Pair::ed25519(&private(self.d)?, Some(&public(self.x)?)),
            ("RSA", _) => self.rsa(),
            ("EC", Some("P-384")) => Err(KeyError::Kind("a P-384 key")),
            ("EC", Some("P-521")) => Err(KeyError::Kind("a P-521 key")),
            ("EC", Some("secp256k1")) => Err(KeyError::Kind("a secp256k1 key")),
            ("OKP", Some("X25519")) => Err(KeyError::Kind("an X25519 key")),
            ("OKP", Some("Ed448")) => Err(KeyError::Kind("an Ed448 key")),
            ("EC" | "OKP", None) => Err(KeyError::Damaged("it has no \"crv\"")),
            ("EC" | "OKP", Some(_)) => Err(KeyError::Kind("a key on a curve that is not known here")),
            ("oct", _) => Err(KeyError::Kind("a symmetric key (\"oct\"), a kind of client secret")),
            _ => Err(KeyError::Kind("a key of a kind that is not known here (\"kty\")")),
        }
    }

    fn rsa(&self) -> Result<Pair, KeyError> {
        let d = private(self.d)?;
        let part = |text: Option<&str>| match text {
            None => Err(KeyError::RsaPartsMissing),
            Some(_) => private(text),
        };
        let (p, q, dp, dq, qi) =
            (part(self.p)?, part(self.q)?, part(self.dp)?, part(self.dq)?, part(self.qi)?);
        let (n, e) = (public(self.n)?, public(self.e)?);
        Pair::rsa(&RsaParts {
            n: trimmed(&n),
            e: trimmed(&e),
            d: trimmed(&d),
            p: trimmed(&p),
            q: trimmed(&q),
            dp: trimmed(&dp),
            dq: trimmed(&dq),
            qi: trimmed(&qi),
        })
    }
}

fn private(text: Option<&str>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    decode(text.ok_or(KeyError::PublicOnly)?).ok_or(KeyError::Damaged("a private member is no base64url"))
}

fn public(text: Option<&str>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    decode(text.ok_or(KeyError::Damaged("a public member is missing"))?)
        .ok_or(KeyError::Damaged("a public member is no base64url"))
}

/// Some writers leave the zero of a signed number in front.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}
