//! Tokens that are bound to a key (RFC 9449 §7), in this crate's HTTP types: what a proof holds and what is kept of
//! servers for the next one is [`renewd_driver::Prover`]'s.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use renewd_core::{NextProof, Secret};
use renewd_driver::{NoSigner, ProofAddress, Signer, Unfit, next_proof};

use crate::token::BearerToken;

/// The header of a proof.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Makes the proofs of tokens that are bound to a key. The default makes none, and says so.
#[derive(Clone)]
pub struct ProofSigner(Arc<dyn Signer>);

impl ProofSigner {
    /// By this signer.
    pub fn new(signer: impl Signer) -> Self {
        Self(Arc::new(signer))
    }
}

impl From<Arc<dyn Signer>> for ProofSigner {
    fn from(signer: Arc<dyn Signer>) -> Self {
        Self(signer)
    }
}

impl Default for ProofSigner {
    fn default() -> Self {
        Self::new(NoSigner)
    }
}

impl fmt::Debug for ProofSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofSigner")
    }
}

/// Adds tokens to requests, with proofs where they need them.
pub(crate) struct Prover(renewd_driver::Prover);

impl Prover {
    pub(crate) fn new(signer: ProofSigner) -> Self {
        Self(renewd_driver::Prover::new(signer.0))
    }

    /// Puts the token into the request's fields, and the proof where the token is bound. What a client put there
    /// itself is replaced: it was for another token. `path` is the request's, without its query.
    pub(crate) fn authorize(
        &self,
        fields: &mut HeaderMap,
        token: &BearerToken,
        method: &Method,
        origin: &str,
        path: &str,
    ) -> Result<(), Unfit> {
        fields.remove(DPOP);
        let to = ProofAddress { method: method.as_str(), origin, path };
        let headers = self.0.authorize(token.token(), token.proof_key(), to)?;
        fields.insert(AUTHORIZATION, lent(headers.authorization).ok_or(Unfit::Token)?);
        if let Some(proof) = headers.proof {
            fields.insert(DPOP, lent(proof).ok_or_else(|| Unfit::Proof("the proof fits no header".into()))?);
        }
        Ok(())
    }

    /// Keeps what an answer to a bound token said for the next proof (RFC 9449 §8.2, §9).
    pub(crate) fn hear<B>(&self, origin: &str, answer: &Response<B>) {
        self.0.hear(origin, said(answer));
    }
}

/// Whether the server refuses the proof only for want of its nonce, and gave one (RFC 9449 §9). The token is as good as
/// it was.
pub(crate) fn wants_nonce<B>(token: &BearerToken, answer: &Response<B>) -> bool {
    token.proof_key().is_some() && answer.status() == StatusCode::UNAUTHORIZED && said(answer).wants_nonce
}

fn said<B>(answer: &Response<B>) -> NextProof {
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    next_proof(answer.status().as_u16(), headers)
}

/// Lends a secret's bytes to the HTTP library.
struct Lent(Secret);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// Lent, and overwritten when the last try is over. What the HTTP library writes it into is its own.
fn lent(value: Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Lent(value))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            all
        })
    }

    #[test]
    fn a_nonce_is_wanted_for_a_token_that_is_bound() {
        let challenge = ("www-authenticate", r#"DPoP error="use_dpop_nonce""#);
        let bound = BearerToken::new(Secret::from("t"), 1, 1).bound_to(Secret::from("a key"));
        let unbound = BearerToken::new(Secret::from("t"), 1, 1);
        let wanted = |token: &BearerToken, status, lines: &[(&'static str, &'static str)]| {
            let mut answer = Response::new(());
            (*answer.status_mut(), *answer.headers_mut()) = (status, fields(lines));
            wants_nonce(token, &answer)
        };
        let (both, refused) = ([challenge, ("dpop-nonce", "n")], StatusCode::UNAUTHORIZED);
        assert!(wanted(&bound, refused, &both));
        assert!(!wanted(&unbound, refused, &both));
        assert!(!wanted(&bound, refused, &both[..1]));
        assert!(!wanted(&bound, refused, &both[1..]));
        assert!(!wanted(&bound, StatusCode::FORBIDDEN, &both));
    }

    #[test]
    fn a_clients_own_proof_goes_nowhere_and_the_token_is_shown_by_no_debug_output() {
        let prover = Prover::new(ProofSigner::default());
        let token = BearerToken::new(Secret::from("t-canary"), 1, 1);
        let mut fields = fields(&[("dpop", "a proof of the client's"), ("authorization", "Basic eDp5")]);
        prover.authorize(&mut fields, &token, &Method::GET, "https://a.example", "/").unwrap();
        assert_eq!(fields.get(DPOP), None);
        assert_eq!(fields.get(AUTHORIZATION).unwrap(), "Bearer t-canary");
        assert!(!format!("{fields:?}").contains("canary"));
    }
}
