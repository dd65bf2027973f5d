//! A private key that can sign, and what others may know of it.

use renewd_core::{Secret, SigningKey};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{digest, signature};

use crate::algorithm::Algorithm;
use crate::encoding::encode;
use crate::error::KeyError;
use crate::{jwk, pem};

/// No private key is longer: RSA of 4096 bits is 3.2 KiB in PEM and 4 KiB as a JWK, certificates beside it not counted.
const KEY_BYTES_MAX: usize = 64 << 10;
const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 4096;

/// A private key, read and checked. It has no `Debug` that could show it.
pub struct PrivateKey {
    pair: Pair,
    key_id: Option<String>,
}

/// One key of `ring`'s.
pub(crate) enum Pair {
    Es256(Box<EcdsaKeyPair>),
    Rs256(Box<RsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

/// RFC 8017 §3.2, without leading zeros.
pub(crate) struct RsaParts<'a> {
    pub(crate) n: &'a [u8],
    pub(crate) e: &'a [u8],
    pub(crate) d: &'a [u8],
    pub(crate) p: &'a [u8],
    pub(crate) q: &'a [u8],
    pub(crate) dp: &'a [u8],
    pub(crate) dq: &'a [u8],
    pub(crate) qi: &'a [u8],
}

impl PrivateKey {
    /// Reads a PEM block (PKCS #8, PKCS #1, SEC 1) or a private JWK.
    ///
    /// # Errors
    /// [`KeyError`]: what is wrong, and what to do.
    pub fn parse(material: &Secret) -> Result<Self, KeyError> {
        if material.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        let text = material.expose_str().ok_or(KeyError::Unknown)?;
        if text.trim().is_empty() {
            return Err(KeyError::Empty);
        }
        if pem::is_pem(text) {
            return Ok(Self { pair: pem::parse(text)?, key_id: None });
        }
        if jwk::is_json(text) {
            let jwk::Named { pair, key_id } = jwk::parse(text)?;
            return Ok(Self { pair, key_id });
        }
        Err(KeyError::Unknown)
    }

    /// Reads the key of a client: its `kid` is the one that is configured, else the JWK's own.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when the key is not for the algorithm that is configured.
    pub fn of(key: &SigningKey) -> Result<Self, KeyError> {
        let mut read = Self::parse(&key.material)?;
        if let Some(name) = &key.algorithm {
            let wanted = Algorithm::named(name).ok_or(KeyError::UnknownAlgorithm)?;
            if wanted != read.algorithm() {
                return Err(KeyError::Unfit { key: read.algorithm() });
            }
        }
        if key.key_id.is_some() {
            read.key_id.clone_from(&key.key_id);
        }
        Ok(read)
    }

    /// What it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.pair.algorithm()
    }

    /// `kid`, where it has one.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The SHA-256 thumbprint of RFC 7638 in base64url: what DPoP calls `jkt` (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.public_members())
    }

    /// The public half for a registration: a JWK with `use`, `alg` and `kid`, which is the thumbprint where the key has no other.
    pub fn public_jwk(&self) -> String {
        let members = self.public_members();
        let key_id = self.key_id.clone().unwrap_or_else(|| self.thumbprint());
        let rest =
            serde_json::json!({ "alg": self.algorithm().name(), "kid": key_id, "use": "sig" }).to_string();
        format!("{},{}", members.trim_end_matches('}'), rest.trim_start_matches('{'))
    }

    /// [`public_jwk`](Self::public_jwk) as a set of one (RFC 7517 §5): the `jwks` of RFC 7591 §2.
    pub fn public_jwks(&self) -> String {
        format!(r#"{{"keys":[{}]}}"#, self.public_jwk())
    }

    /// The required members and no others, in the order of RFC 7638 §3.2.
    pub(crate) fn public_members(&self) -> String {
        match &self.pair {
            Pair::Es256(pair) => {
                // SEC 1 §2.3.3: 4, then both halves of 32 bytes.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
            }
            Pair::Rs256(pair) => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(&e), encode(&n))
            }
            Pair::EdDsa(pair) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(pair.public_key().as_ref()))
            }
        }
    }

    /// How long its signatures are.
    pub(crate) fn signature_len(&self) -> usize {
        match &self.pair {
            Pair::Es256(_) | Pair::EdDsa(_) => 64,
            Pair::Rs256(pair) => pair.public().modulus_len(),
        }
    }

    /// Signs (RFC 7515 §5.1 step 5).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => signed(pair.sign(&random, message)),
            Pair::EdDsa(pair) => signed(Ok(pair.sign(message))),
            Pair::Rs256(pair) => {
                let mut out = vec![0; self.signature_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut out).map_err(|_| KeyError::NotSigned)?;
                Ok(out)
            }
        }
    }
}

/// Of the required members in their order, without space (RFC 7638 §3).
pub(crate) fn thumbprint(members: &str) -> String {
    encode(digest::digest(&digest::SHA256, members.as_bytes()).as_ref())
}

fn signed(outcome: Result<signature::Signature, ring::error::Unspecified>) -> Result<Vec<u8>, KeyError> {
    Ok(outcome.map_err(|_| KeyError::NotSigned)?.as_ref().to_vec())
}

impl Pair {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256(_) => Algorithm::Es256,
            Self::Rs256(_) => Algorithm::Rs256,
            Self::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// `public` is an uncompressed point. ring checks that the halves belong together.
    pub(crate) fn p256(private: &[u8], public: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            private,
            public,
            &SystemRandom::new(),
        );
        let pair = pair.map_err(|_| KeyError::Damaged("its halves are not those of one P-256 key"))?;
        Ok(Self::Es256(Box::new(pair)))
    }

    pub(crate) fn ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<Self, KeyError> {
        let pair = match public {
            Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => Ed25519KeyPair::from_seed_unchecked(seed),
        };
        let pair = pair.map_err(|_| KeyError::Damaged("its halves are not those of one Ed25519 key"))?;
        Ok(Self::EdDsa(Box::new(pair)))
    }

    pub(crate) fn rsa(parts: &RsaParts<'_>) -> Result<Self, KeyError> {
        let bits = bits_of(parts.n);
        if bits < RSA_BITS_MIN {
            return Err(KeyError::RsaTooShort(bits));
        }
        if bits > RSA_BITS_MAX {
            return Err(KeyError::RsaTooLong(bits));
        }
        if bits_of(parts.e) < 17 {
            return Err(KeyError::RsaExponent);
        }
        let &RsaParts { n, e, d, p, q, dp, dq, qi } = parts;
        let public_key = PublicKeyComponents { n, e };
        let components = KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi };
        let pair = RsaKeyPair::from_components(&components)
            .map_err(|_| KeyError::Damaged("its numbers are not those of one RSA key"))?;
        Ok(Self::Rs256(Box::new(pair)))
    }
}

fn bits_of(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}
