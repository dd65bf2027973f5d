//! Private keys in PEM (RFC 7468): which block it is, and what stands in it.
//!
//! Files hold more than keys: parameters of a curve, certificates, words for people. All that is passed over; what counts
//! is that one private key stands in it.

use zeroize::Zeroizing;

use crate::der::{self, Reader};
use crate::encoding::decode_standard;
use crate::error::KeyError;
use crate::key::{Pair, RsaParts};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// 1.2.840.10045.2.1, id-ecPublicKey.
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7, P-256.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.2.840.113549.1.1.1, rsaEncryption.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.3.101.112, Ed25519.
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// Curves and kinds that are known only to be named.
const OTHERS: [(&[u8], &str); 7] = [
    (&[0x2b, 0x81, 0x04, 0x00, 0x22], "a P-384 key"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "a P-521 key"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "a secp256k1 key"),
    (&[0x2b, 0x65, 0x6e], "an X25519 key"),
    (&[0x2b, 0x65, 0x6f], "an X448 key"),
    (&[0x2b, 0x65, 0x71], "an Ed448 key"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "an RSA-PSS key"),
];

/// Whether this is PEM at all.
pub(crate) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The one private key in it.
pub(crate) fn parse(text: &str) -> Result<Pair, KeyError> {
    let (mut found, mut public) = (None, false);
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once(DASHES).ok_or(KeyError::Damaged("a BEGIN line has no end"))?;
        public |= label.ends_with("PUBLIC KEY") || label == "CERTIFICATE";
        if !label.ends_with("PRIVATE KEY") {
            rest = after;
            continue;
        }
        let (body, after) = after.split_once(END).ok_or(KeyError::Damaged("its END line is missing"))?;
        rest = after;
        if found.replace((label, body)).is_some() {
            return Err(KeyError::Several);
        }
    }
    match found {
        Some((label, body)) => block(label, body),
        None if public => Err(KeyError::PublicOnly),
        None => Err(KeyError::Unknown),
    }
}

fn block(label: &str, body: &str) -> Result<Pair, KeyError> {
    let read: fn(&[u8]) -> Result<Pair, KeyError> = match label {
        "PRIVATE KEY" => pkcs8,
        "EC PRIVATE KEY" => |der| sec1(der, None),
        "RSA PRIVATE KEY" => pkcs1,
        "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
        "OPENSSH PRIVATE KEY" => return Err(KeyError::OpenSsh),
        "DSA PRIVATE KEY" => return Err(KeyError::Kind("a DSA key")),
        _ => return Err(KeyError::Unknown),
    };
    // RFC 1421 §4.6.1.1, as OpenSSL writes it above the body.
    if body.contains("ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    base64.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let der = decode_standard(&base64).ok_or(KeyError::Damaged("its base64 is broken"))?;
    read(&der)
}

/// RFC 5958 §2.
fn pkcs8(bytes: &[u8]) -> Result<Pair, KeyError> {
    const CUT: KeyError = KeyError::Damaged("it is no PKCS #8 structure");
    let mut info = Reader::new(bytes).inside(der::SEQUENCE).ok_or(CUT)?;
    info.small().filter(|version| *version <= 1).ok_or(CUT)?;
    let mut algorithm = info.inside(der::SEQUENCE).ok_or(CUT)?;
    let kind = algorithm.value(der::OID).ok_or(CUT)?;
    let key = info.value(der::OCTET_STRING).ok_or(CUT)?;
    info.value(der::CONTEXT_0); // attributes
    let public = info.bits(der::IMPLICIT_1);
    match kind {
        EC => sec1(key, algorithm.value(der::OID)),
        RSA => pkcs1(key),
        ED25519 => {
            let seed = Reader::new(key).value(der::OCTET_STRING).ok_or(CUT)?;
            Pair::ed25519(seed, public)
        }
        other => Err(of_another_kind(other)),
    }
}

/// RFC 5915 §3. Within PKCS #8 the curve stands outside.
fn sec1(bytes: &[u8], curve: Option<&[u8]>) -> Result<Pair, KeyError> {
    const CUT: KeyError = KeyError::Damaged("it is no SEC 1 structure");
    let mut key = Reader::new(bytes).inside(der::SEQUENCE).ok_or(CUT)?;
    key.small().filter(|version| *version == 1).ok_or(CUT)?;
    let private = key.value(der::OCTET_STRING).ok_or(CUT)?;
    let own_curve = key.inside(der::CONTEXT_0).and_then(|mut parameters| parameters.value(der::OID));
    match own_curve.or(curve) {
        Some(P256) => {}
        Some(other) => return Err(of_another_kind(other)),
        None => return Err(KeyError::Kind("a key on a curve without a name")),
    }
    let public = key.inside(der::CONTEXT_1).and_then(|mut public| public.bits(der::BIT_STRING));
    Pair::p256(private, public.ok_or(KeyError::PublicHalfMissing)?)
}

/// RFC 8017 appendix A.1.2.
fn pkcs1(bytes: &[u8]) -> Result<Pair, KeyError> {
    const CUT: KeyError = KeyError::Damaged("it is no PKCS #1 structure");
    let mut key = Reader::new(bytes).inside(der::SEQUENCE).ok_or(CUT)?;
    match key.small().ok_or(CUT)? {
        0 => {}
        1 => return Err(KeyError::Kind("an RSA key of more than two primes")),
        _ => return Err(CUT),
    }
    let mut part = || key.unsigned().ok_or(CUT);
    Pair::rsa(&RsaParts {
        n: part()?,
        e: part()?,
        d: part()?,
        p: part()?,
        q: part()?,
        dp: part()?,
        dq: part()?,
        qi: part()?,
    })
}

fn of_another_kind(oid: &[u8]) -> KeyError {
    let known = OTHERS.iter().find(|(other, _)| *other == oid);
    KeyError::Kind(known.map_or("a key of a kind or curve that is not known here", |(_, name)| name))
}
