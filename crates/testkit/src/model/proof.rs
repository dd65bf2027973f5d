//! DPoP proofs, as a server checks them (RFC 9449 section 4.3).

use super::jose::{self, Jws};
use std::collections::BTreeSet;

/// How far a proof's `iat` may be from the server's clock, in milliseconds, both ways.
pub(crate) const PROOF_AGE_MAX_MS: i64 = 60_000;

/// How many `jti` are remembered; then all are forgotten, so that a run of days stays bounded.
const REMEMBERED_IDS: usize = 100_000;

/// What a proof is checked against.
pub(crate) struct Expected<'a> {
    pub(crate) method: &'a str,
    /// `None`: not checked.
    pub(crate) url: Option<&'a str>,
    /// `None`: not checked.
    pub(crate) unix_ms: Option<u64>,
    /// The access token that it is for, at resources.
    pub(crate) token: Option<&'a str>,
    /// Those that are accepted; empty: none is asked for.
    pub(crate) nonces: &'a [&'a str],
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofFault {
    /// `invalid_dpop_proof`, and why.
    Invalid(&'static str),
    /// `use_dpop_nonce` (section 8).
    Nonce,
}

/// The `jti` that were seen.
#[derive(Default)]
pub(crate) struct SeenIds(BTreeSet<String>);

impl SeenIds {
    /// False when it was seen before.
    pub(crate) fn is_new(&mut self, id: &str) -> bool {
        if self.0.len() >= REMEMBERED_IDS {
            self.0.clear();
        }
        self.0.insert(id.to_owned())
    }
}

/// Checks the one proof of a request; its key's thumbprint where it holds.
pub(crate) fn check(
    proofs: &[String],
    expected: &Expected<'_>,
    seen: &mut SeenIds,
) -> Result<String, ProofFault> {
    let [proof] = proofs else { return Err(ProofFault::Invalid("there must be one DPoP header")) };
    let proof = Jws::read(proof).ok_or(ProofFault::Invalid("it is no JWS"))?;
    let must = |holds: bool, why: &'static str| if holds { Ok(()) } else { Err(ProofFault::Invalid(why)) };
    must(proof.header["typ"] == "dpop+jwt", "typ is not dpop+jwt")?;
    let jwk = &proof.header["jwk"];
    let thumbprint = jose::thumbprint(jwk).ok_or(ProofFault::Invalid("jwk is no public key"))?;
    must(proof.is_signed_by(jwk), "the signature is not of the key in jwk")?;
    must(proof.text("htm") == Some(expected.method), "htm is not the request's method")?;
    if let Some(url) = expected.url {
        must(proof.text("htu") == Some(url), "htu is not the request's address without query and fragment")?;
    }
    let issued = proof.time_ms("iat").ok_or(ProofFault::Invalid("iat is missing"))?;
    if let Some(now) = expected.unix_ms {
        let age = issued.abs_diff(i64::try_from(now).unwrap_or(i64::MAX));
        must(age <= PROOF_AGE_MAX_MS.unsigned_abs(), "iat is not now")?;
    }
    let hash = expected.token.map(jose::hash);
    must(proof.text("ath") == hash.as_deref(), "ath is not the hash of the access token")?;
    if !expected.nonces.is_empty()
        && !proof.text("nonce").is_some_and(|nonce| expected.nonces.contains(&nonce))
    {
        return Err(ProofFault::Nonce);
    }
    let id = proof.text("jti").ok_or(ProofFault::Invalid("jti is missing"))?;
    must(seen.is_new(id), "jti was seen before")?;
    Ok(thumbprint)
}
