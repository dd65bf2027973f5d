//! Signs for OAuth 2.0 clients: client assertions and JWT grants (RFC 7523), DPoP proofs (RFC 9449).
//!
//! Core decides which proofs a request needs and carries the keys as bytes that it never looks into; this crate reads
//! those bytes and signs. It keeps nothing: no key, no nonce, no clock. Each proof carries its own key and time, so one
//! signer serves every credential of a process, and when a record is scrubbed no key stays behind here.
//!
//! ```
//! use renewd_signer::{Algorithm, PrivateKey, generate};
//! # fn main() -> Result<(), renewd_signer::KeyError> {
//! // A new key, for DPoP or for a registration. It goes into the sealed record, before it is first used.
//! let key = generate(Algorithm::Es256)?;
//! let read = PrivateKey::parse(&key)?;
//! assert_eq!(read.algorithm(), Algorithm::Es256);
//! assert!(!read.public_jwks().contains("\"d\""), "what the server is told");
//! # Ok(()) }
//! ```
//!
//! # What it signs with
//! ES256 (P-256), RS256 (RSA from 2048 to 4096 bits) and EdDSA (Ed25519), by `ring`, which TLS brings along in any
//! case. Keys are PEM (PKCS #8, PKCS #1, SEC 1) or private JWKs.
//!
//! Buffers of ours that held a key are overwritten. `ring` does not overwrite what it holds: its key pairs live for
//! one signature and are freed.

mod algorithm;
mod assertion;
mod body;
mod der;
mod dpop;
mod encoding;
mod error;
mod generate;
mod jwk;
mod jws;
mod key;
mod pem;
mod signer;
mod token_file;
#[cfg(test)]
mod vectors;

pub use algorithm::Algorithm;
pub use error::KeyError;
pub use generate::generate;
pub use key::PrivateKey;
pub use signer::KeySigner;
