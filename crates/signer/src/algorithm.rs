//! Which signatures can be made (RFC 7518 §3.1, RFC 8037 §3.1).

/// A signature algorithm of JOSE. A key's kind leaves no choice between them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them: the ones to prefer for a new key first.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// Its name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one of this name. `Ed25519` (RFC 9864) is the newer name of what `EdDSA` means here.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "Ed25519" => Some(Self::EdDsa),
            _ => Self::ALL.into_iter().find(|algorithm| algorithm.name() == name),
        }
    }

    /// What a key for it is called, for people.
    pub(crate) const fn key_kind(self) -> &'static str {
        match self {
            Self::Es256 => "a P-256 key",
            Self::Rs256 => "an RSA key",
            Self::EdDsa => "an Ed25519 key",
        }
    }
}
