//! The token in a request's fields, and beside it the proof of one that is bound to a key (RFC 9449 §7), in ureq's types:
//! what a proof holds and what is kept of servers for the next one is [`renewd_driver::Prover`]'s.

use std::sync::Arc;

use renewd_core::NextProof;
use renewd_driver::{Lease, NoSigner, ProofAddress, Signer, Unfit, next_proof};
use ureq::http::header::AUTHORIZATION;
use ureq::http::request::Parts;
use ureq::http::{HeaderName, HeaderValue, Response, StatusCode};

use super::TokenMiddlewareError;

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Adds tokens to requests, with proofs where they need them.
pub(super) struct Prover(renewd_driver::Prover);

impl Default for Prover {
    fn default() -> Self {
        Self::by(NoSigner)
    }
}

impl Prover {
    pub(super) fn by(signer: impl Signer) -> Self {
        Self(renewd_driver::Prover::new(Arc::new(signer)))
    }

    /// Puts the token, and its proof, in the place of whatever stood there.
    pub(super) fn authorize(
        &self,
        head: &mut Parts,
        token: &Lease,
        origin: &str,
    ) -> Result<(), TokenMiddlewareError> {
        head.headers.remove(DPOP);
        let to = ProofAddress { method: head.method.as_str(), origin, path: head.uri.path() };
        let headers = self.0.authorize(token.access_token(), token.proof_key(), to)?;
        let value = hidden(headers.authorization.expose()).ok_or(TokenMiddlewareError::TokenUnusable)?;
        head.headers.insert(AUTHORIZATION, value);
        if let Some(proof) = headers.proof {
            let value = hidden(proof.expose());
            head.headers.insert(
                DPOP,
                value.ok_or_else(|| TokenMiddlewareError::NoProof("the proof fits no header".into()))?,
            );
        }
        Ok(())
    }

    /// Keeps what an answer to a bound token said for the next proof (RFC 9449 §8.2, §9).
    pub(super) fn hear<B>(&self, origin: &str, answer: &Response<B>) {
        self.0.hear(origin, said(answer));
    }
}

impl From<Unfit> for TokenMiddlewareError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Token => Self::TokenUnusable,
            Unfit::Proof(why) => Self::NoProof(why),
        }
    }
}

/// Whether the server refuses the proof only for want of its nonce, and gave one (RFC 9449 §9). The token is as good as
/// it was.
pub(super) fn wants_nonce<B>(token: &Lease, answer: &Response<B>) -> bool {
    token.proof_key().is_some() && answer.status() == StatusCode::UNAUTHORIZED && said(answer).wants_nonce
}

fn said<B>(answer: &Response<B>) -> NextProof {
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    next_proof(answer.status().as_u16(), headers)
}

/// A value that no log shows.
fn hidden(bytes: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}
