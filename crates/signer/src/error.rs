//! Why a key cannot be used: what is wrong with it, and what to do. No text here repeats a byte of the key.

use std::fmt;

use crate::algorithm::Algorithm;

/// Why a key cannot be used. Shown, it is one sentence for people.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Nothing in it.
    Empty,
    /// Neither PEM nor JWK.
    Unknown,
    /// Longer than any key.
    TooLong,
    /// Encrypted with a passphrase.
    Encrypted,
    /// In the format of OpenSSH.
    OpenSsh,
    /// Only a public key.
    PublicOnly,
    /// More than one private key.
    Several,
    /// Of a kind that is not supported, by its name.
    Kind(&'static str),
    /// RSA of too few bits.
    RsaTooShort(usize),
    /// RSA of too many bits.
    RsaTooLong(usize),
    /// An RSA key with an exponent below 65537.
    RsaExponent,
    /// An RSA key without its primes.
    RsaPartsMissing,
    /// A P-256 key in PEM that does not hold its public half.
    PublicHalfMissing,
    /// Cut off, or changed: what does not fit.
    Damaged(&'static str),
    /// A sound key, but for another algorithm.
    Unfit {
        /// What the key is for.
        key: Algorithm,
    },
    /// An algorithm was named that nothing here can make.
    UnknownAlgorithm,
    /// No key of this algorithm is made here.
    NotGenerated(Algorithm),
    /// The system gives no entropy.
    NoEntropy,
    /// Signing failed.
    NotSigned,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the key is empty"),
            Self::Unknown => f.write_str(
                "this is no private key in PEM or JWK form; a binary (DER) key becomes PEM by \
                 `openssl pkey -inform DER -in KEY -out key.pem`",
            ),
            Self::TooLong => f.write_str("this is longer than a private key can be"),
            Self::Encrypted => f.write_str(
                "the key is encrypted with a passphrase, which nobody can type in the background; \
                 `openssl pkey -in KEY -out key.pem` writes it without one, and `chmod 600 key.pem` keeps it private",
            ),
            Self::OpenSsh => f.write_str(
                "the key is in the format of OpenSSH; `ssh-keygen -p -m PKCS8 -f KEY` writes it as PEM (an Ed25519 \
                 key has to be made anew: `openssl genpkey -algorithm ed25519 -out key.pem`)",
            ),
            Self::PublicOnly => f.write_str(
                "this is a public key; signing needs the private one, which is the one the server does not have",
            ),
            Self::Several => f.write_str("this holds several private keys; leave one"),
            Self::Kind(kind) => write!(
                f,
                "this is {kind}, which is not supported; use P-256 (ES256), Ed25519 (EdDSA) or RSA (RS256)"
            ),
            Self::RsaTooShort(bits) => {
                write!(f, "this RSA key has {bits} bits; below 2048 (RFC 7518 §3.3) none is used")
            }
            Self::RsaTooLong(bits) => write!(f, "this RSA key has {bits} bits; above 4096 none is supported"),
            Self::RsaExponent => f.write_str("this RSA key has an exponent below 65537, which is not supported"),
            Self::RsaPartsMissing => {
                f.write_str("this RSA key has no p, q, dp, dq and qi, which signing needs; export it with them")
            }
            Self::PublicHalfMissing => f.write_str(
                "this P-256 key does not hold its public half; `openssl ec -in KEY -out key.pem` adds it",
            ),
            Self::Damaged(what) => write!(f, "the key is damaged: {what}"),
            Self::Unfit { key } => write!(
                f,
                "this is {}, which signs {} and nothing else; another algorithm is configured for it",
                key.key_kind(),
                key.name()
            ),
            Self::UnknownAlgorithm => f.write_str("the algorithm must be ES256, RS256 or EdDSA"),
            Self::NotGenerated(algorithm) => write!(
                f,
                "keys for {} are not made here; use ES256 or EdDSA, or bring one of your own",
                algorithm.name()
            ),
            Self::NoEntropy => f.write_str("the system gives no entropy"),
            Self::NotSigned => f.write_str("signing failed: the private half of the key does not fit its public half"),
        }
    }
}

impl std::error::Error for KeyError {}
