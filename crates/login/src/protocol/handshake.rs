//! What makes an answer the answer to this login: `state`, the PKCE verifier (RFC 7636), OpenID's `nonce`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use renewd_core::Secret;
use sha2::{Digest as _, Sha256};

/// Bytes of entropy in each of the three: RFC 7636 §7.1 asks the verifier for 256 bits.
const PART_BYTES: usize = 32;

/// What [`Handshake::new`] takes.
pub const HANDSHAKE_ENTROPY_BYTES: usize = 3 * PART_BYTES;

/// The three values of one login. They serve one authorization request and no other.
#[derive(Clone)]
pub struct Handshake {
    state: Secret,
    verifier: Secret,
    nonce: Secret,
}

impl Handshake {
    /// Of fresh entropy, which the caller must not use again.
    pub fn new(entropy: &[u8; HANDSHAKE_ENTROPY_BYTES]) -> Self {
        let part = |at: usize| {
            let bytes = &entropy[at * PART_BYTES..(at + 1) * PART_BYTES];
            Secret::from_string(URL_SAFE_NO_PAD.encode(bytes))
        };
        // rfc: 7636-4.1 7636-7.1 43 unreserved characters out of 256 bits, new for each request
        // rfc: 9700-2.1.1-2 each transaction has a verifier of its own
        // rfc: 6749-10.12 8252-8.9 9700-2.1 9700-4.7.1 a state that cannot be guessed
        Self { state: part(0), verifier: part(1), nonce: part(2) }
    }

    /// `state` (RFC 6749 §4.1.1).
    pub const fn state(&self) -> &Secret {
        &self.state
    }

    /// `code_verifier` (RFC 7636 §4.1): goes with the code, to the token endpoint.
    pub const fn verifier(&self) -> &Secret {
        &self.verifier
    }

    /// `nonce` (OpenID Connect Core §3.1.2.1).
    pub const fn nonce(&self) -> &Secret {
        &self.nonce
    }

    /// `code_challenge` by `S256` (RFC 7636 §4.2): no secret.
    pub fn challenge(&self) -> String {
        // rfc: 7636-4.2 S256 and nothing else
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // rfc-test: 7636-4.1 7636-4.2 7636-7.1 9700-2.1.1-2
    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let octets = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
            214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let mut entropy = [7; HANDSHAKE_ENTROPY_BYTES];
        entropy[32..64].copy_from_slice(&octets);
        let handshake = Handshake::new(&entropy);
        assert!(handshake.verifier().same_as(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert_eq!(handshake.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        for value in [handshake.state(), handshake.verifier(), handshake.nonce()] {
            assert_eq!(value.len(), 43);
            assert!(value.expose().iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)));
        }
        assert!(!handshake.state().same_as(handshake.verifier().expose()));
    }
}
