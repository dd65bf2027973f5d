//! The request that spends a refresh token (RFC 6749 §6). Built here, sent elsewhere.

use alloc::string::String;
use alloc::vec::Vec;

use crate::secret::Secret;
use crate::time::Span;

/// A token request, complete but for its proofs.
#[derive(Clone)]
pub struct TokenRequest {
    /// The pinned token endpoint. The method is always POST.
    pub url: String,
    /// All headers but `Host` and `Content-Length`. Values may hold the client's secret.
    pub headers: Vec<(String, Secret)>,
    /// The form.
    pub body: Secret,
    /// What the driver's signer must still add; core holds no keys.
    pub proofs: Vec<ProofSpec>,
    /// From DNS to the last byte of the answer.
    pub timeout: Span,
    /// Until the connection stands.
    pub connect_timeout: Span,
}

/// A proof that the driver's signer adds.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofSpec {
    /// A signed client assertion as form parameters (RFC 7523 §2.2).
    ClientAssertion {
        /// Its audience.
        audience: String,
    },
    /// A `DPoP` header (RFC 9449 §4).
    Dpop {
        /// The nonce the server gave, if it did.
        nonce: Option<String>,
    },
}
