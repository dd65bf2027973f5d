//! New keys, as private JWKs.

use renewd_core::Secret;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::der::{self, Reader};
use crate::encoding::{encode, encoded_len, push_encoded};
use crate::error::KeyError;
use crate::key::PrivateKey;

/// Bytes of a private key on either curve.
const PRIVATE_BYTES: usize = 32;

/// A fresh key: a private JWK of one line, whose `kid` is its thumbprint. RSA keys are not made: they take seconds, and
/// whoever needs one brings it.
///
/// # Errors
/// When the system gives no entropy, and for [`Algorithm::Rs256`].
pub fn generate(algorithm: Algorithm) -> Result<Secret, KeyError> {
    match algorithm {
        Algorithm::Es256 => p256(),
        Algorithm::EdDsa => ed25519(),
        Algorithm::Rs256 => Err(KeyError::NotGenerated(algorithm)),
    }
}

fn p256() -> Result<Secret, KeyError> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyError::NoEntropy)?;
    let (private, public) = halves(document.as_ref()).ok_or(KeyError::NotSigned)?;
    let (x, y) = public.split_first_chunk::<1>().map_or((&[][..], &[][..]), |(_, point)| point.split_at(32));
    let members =
        format!(r#""kty":"EC","crv":"P-256","alg":"ES256","x":"{}","y":"{}""#, encode(x), encode(y));
    finished(&members, private)
}

fn ed25519() -> Result<Secret, KeyError> {
    let mut seed = Zeroizing::new([0; PRIVATE_BYTES]);
    SystemRandom::new().fill(&mut *seed).map_err(|_| KeyError::NoEntropy)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| KeyError::NotSigned)?;
    let x = encode(pair.public_key().as_ref());
    finished(&format!(r#""kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"{x}""#), &*seed)
}

/// The private scalar and the public point of a P-256 key as `ring` writes it (RFC 5915 §3 within RFC 5958 §2).
fn halves(pkcs8: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info = Reader::new(pkcs8).inside(der::SEQUENCE)?;
    info.small()?;
    info.value(der::SEQUENCE)?;
    let mut key = info.inside(der::OCTET_STRING)?.inside(der::SEQUENCE)?;
    key.small()?;
    let private = key.value(der::OCTET_STRING)?;
    key.value(der::CONTEXT_0);
    let public = key.inside(der::CONTEXT_1)?.bits(der::BIT_STRING)?;
    (public.len() == 65).then_some((private, public))
}

/// Adds the private half and, read back, the key's own thumbprint as its name.
fn finished(members: &str, private: &[u8]) -> Result<Secret, KeyError> {
    let without_name = written(members, private, "");
    let thumbprint = PrivateKey::parse(&without_name)?.thumbprint();
    Ok(written(members, private, &format!(r#","kid":"{thumbprint}""#)))
}

fn written(members: &str, private: &[u8], name: &str) -> Secret {
    let room = members.len() + name.len() + encoded_len(private.len()) + 16;
    let mut out = Vec::with_capacity(room);
    out.push(b'{');
    out.extend_from_slice(members.as_bytes());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(br#","d":""#);
    push_encoded(&mut out, private);
    out.extend_from_slice(br#""}"#);
    Secret::new(out)
}
