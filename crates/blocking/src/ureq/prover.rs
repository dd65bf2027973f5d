//! The token in a request's fields, and beside it the proof of one that is bound to a key (RFC 9449 §7).
//!
//! A proof is for one request: its method, its address, this moment. So one is made for every try. What is kept, for each
//! origin and in memory only, is the nonce that the server gave last (§9), and its clock where that is off from ours.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use renewd_core::{Secret, ServerClock, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, Lease, NoSigner, ResourceProof, Signer};
use ureq::http::header::{AUTHORIZATION, DATE, WWW_AUTHENTICATE};
use ureq::http::request::Parts;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::TokenMiddlewareError;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Longest nonce that is kept; the ones seen are below a tenth of it.
const NONCE_BYTES_MAX: usize = 1024;

/// Adds tokens to requests, with proofs where they need them.
pub(super) struct Prover {
    signer: Arc<dyn Signer>,
    /// By origin. There are as many as a program names.
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of an origin.
#[derive(Default)]
struct Known {
    nonce: Option<String>,
    clock: ServerClock,
}

impl Default for Prover {
    fn default() -> Self {
        Self::by(NoSigner)
    }
}

impl Prover {
    pub(super) fn by(signer: impl Signer) -> Self {
        Self { signer: Arc::new(signer), known: Mutex::default() }
    }

    /// Puts the token, and its proof, in the place of whatever stood there.
    pub(super) fn authorize(
        &self,
        head: &mut Parts,
        token: &Lease,
        origin: &str,
    ) -> Result<(), TokenMiddlewareError> {
        head.headers.remove(DPOP);
        let value = authorization(token).ok_or(TokenMiddlewareError::TokenUnusable)?;
        head.headers.insert(AUTHORIZATION, value);
        if let Some(key) = token.proof_key() {
            let url = format!("{origin}{}", head.uri.path());
            let proof = self.proof(key, token.access_token(), head.method.as_str(), &url, origin);
            let proof = proof.map_err(TokenMiddlewareError::NoProof)?;
            let value = hidden(proof.expose());
            head.headers.insert(
                DPOP,
                value.ok_or_else(|| TokenMiddlewareError::NoProof("the proof fits no header".into()))?,
            );
        }
        Ok(())
    }

    fn proof(
        &self,
        key: &Secret,
        token: &Secret,
        method: &str,
        url: &str,
        origin: &str,
    ) -> Result<Secret, String> {
        let now = SystemClock.now();
        let (nonce, at) = match self.lock().get(origin) {
            Some(known) => (known.nonce.clone(), known.clock.at(now)),
            None => (None, now.wall),
        };
        self.signer.resource_proof(&ResourceProof { key, token, method, url, nonce: nonce.as_deref(), at })
    }

    /// Keeps what an answer to a bound token said for the next proof (RFC 9449 §8.2, §9).
    pub(super) fn hear(&self, origin: &str, fields: &HeaderMap) {
        let (nonce, date) = (nonce(fields), date(fields));
        let mut known = self.lock();
        let about = known.entry(origin.to_owned()).or_default();
        if nonce.is_some() {
            about.nonce = nonce;
        }
        if let Some(date) = date {
            about.clock.hear(date, SystemClock.now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server refuses the proof only for want of its nonce, and gave one (RFC 9449 §9). The token is as good as
/// it was.
pub(super) fn wants_nonce<B>(token: &Lease, answer: &Response<B>) -> bool {
    let asks = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("use_dpop_nonce"));
    token.proof_key().is_some()
        && answer.status() == StatusCode::UNAUTHORIZED
        && nonce(answer.headers()).is_some()
        && answer.headers().get_all(WWW_AUTHENTICATE).iter().any(asks)
}

/// The one nonce of an answer (RFC 9449 §8.1: `NQCHAR`s).
fn nonce(fields: &HeaderMap) -> Option<String> {
    let mut values = fields.get_all(DPOP_NONCE).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let text = value.to_str().ok()?;
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (!text.is_empty() && text.len() <= NONCE_BYTES_MAX && text.bytes().all(fits)).then(|| text.to_owned())
}

fn date(fields: &HeaderMap) -> Option<Wall> {
    let date = httpdate::parse_http_date(fields.get(DATE)?.to_str().ok()?).ok()?;
    let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(Wall::from_unix_millis)
}

/// RFC 6750 §2.1 and RFC 9449 §7.1. `None` for a token with bytes that are not visible ASCII: it could end the header and
/// begin another.
fn authorization(token: &Lease) -> Option<HeaderValue> {
    let scheme: &[u8] = if token.proof_key().is_some() { b"DPoP " } else { b"Bearer " };
    let bytes = token.access_token().expose();
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let whole = Secret::new([scheme, bytes].concat());
    hidden(whole.expose())
}

/// A value that no log shows.
fn hidden(bytes: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}
