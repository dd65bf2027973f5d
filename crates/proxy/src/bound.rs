//! Tokens that are bound to a key (RFC 9449 §7): the proof beside each request, and what resource servers said that the
//! next proof must carry.
//!
//! A proof is for one request: its method, its address, this moment. So one is made for every try, and none is kept.
//! What is kept, per origin and in memory only, is the nonce that the server gave last (§9), and its clock where that
//! is off from ours: a proof of the wrong minute is refused.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Response, StatusCode};
use renewd_core::{Secret, ServerClock, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, NoSigner, ResourceProof, Signer};

use crate::token::BearerToken;

/// The header of a proof.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");
/// The header of the nonce for the next one.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Longest nonce that is kept; the ones seen are below a tenth of it.
const NONCE_BYTES_MAX: usize = 1024;

/// Origins whose nonce is kept. One more forgets them all: each costs its next request one repetition.
const ORIGINS_MAX: usize = 64;

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

/// Why a request cannot be given its token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The token holds bytes that no header can carry.
    Token,
    /// No proof could be made; a sentence for people.
    Proof(String),
}

/// Adds tokens to requests, with proofs where they need them.
pub(crate) struct Prover {
    signer: ProofSigner,
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of an origin.
#[derive(Default)]
struct Known {
    nonce: Option<String>,
    clock: ServerClock,
}

impl Prover {
    pub(crate) fn new(signer: ProofSigner) -> Self {
        Self { signer, known: Mutex::default() }
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
        fields.insert(AUTHORIZATION, authorization(token).ok_or(Unfit::Token)?);
        if let Some(key) = token.proof_key() {
            let proof = self.proof(key, token.token(), method, origin, path).map_err(Unfit::Proof)?;
            fields.insert(DPOP, lent(proof).ok_or_else(|| Unfit::Proof("the proof fits no header".into()))?);
        }
        Ok(())
    }

    fn proof(
        &self,
        key: &Secret,
        token: &Secret,
        method: &Method,
        origin: &str,
        path: &str,
    ) -> Result<Secret, String> {
        let now = SystemClock.now();
        let (nonce, at) = match self.lock().get(origin) {
            Some(known) => (known.nonce.clone(), known.clock.at(now)),
            None => (None, now.wall),
        };
        let url = format!("{origin}{path}");
        let proof =
            ResourceProof { key, token, method: method.as_str(), url: &url, nonce: nonce.as_deref(), at };
        self.signer.0.resource_proof(&proof)
    }

    /// Keeps what an answer to a bound token said for the next proof (RFC 9449 §8.2, §9).
    pub(crate) fn hear(&self, origin: &str, fields: &HeaderMap) {
        let (nonce, date) = (nonce(fields), date(fields));
        if nonce.is_none() && date.is_none() {
            return;
        }
        let mut known = self.lock();
        if known.len() >= ORIGINS_MAX && !known.contains_key(origin) {
            known.clear();
        }
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
pub(crate) fn wants_nonce<B>(token: &BearerToken, answer: &Response<B>) -> bool {
    let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
    token.proof_key().is_some()
        && answer.status() == StatusCode::UNAUTHORIZED
        && nonce(answer.headers()).is_some()
        && challenges.iter().any(|value| value.to_str().is_ok_and(asks_for_nonce))
}

/// RFC 9449 §9: `DPoP error="use_dpop_nonce"`, alone or among other challenges.
fn asks_for_nonce(challenges: &str) -> bool {
    let lower = challenges.to_ascii_lowercase();
    let dpop = lower.match_indices("dpop ").find(|(at, _)| {
        let before = lower[..*at].trim_end();
        before.is_empty() || before.ends_with(',')
    });
    let Some((at, _)) = dpop else { return false };
    lower[at..].split([',', ' ']).any(|part| {
        part.split_once('=').is_some_and(|(name, value)| {
            name.trim() == "error" && value.trim().trim_matches('"') == "use_dpop_nonce"
        })
    })
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

/// RFC 6750 §2.1 and RFC 9449 §7.1. `None` for a token with bytes that are not visible ASCII: it could end the header and
/// begin another.
fn authorization(token: &BearerToken) -> Option<HeaderValue> {
    let scheme: &[u8] = if token.proof_key().is_some() { b"DPoP " } else { b"Bearer " };
    let token = token.token().expose();
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut value = Vec::with_capacity(scheme.len() + token.len());
    value.extend_from_slice(scheme);
    value.extend_from_slice(token);
    lent(Secret::new(value))
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
    fn only_a_dpop_challenge_with_that_error_asks_for_a_nonce() {
        for (challenge, asks) in [
            (r#"DPoP error="use_dpop_nonce", error_description="x""#, true),
            (r#"DPoP realm="a", error=use_dpop_nonce"#, true),
            (r#"Bearer realm="a", dpop error="use_dpop_nonce""#, true),
            (r#"Bearer error="use_dpop_nonce""#, false),
            (r#"DPoP error="invalid_token", error_description="use_dpop_nonce""#, false),
            (r#"Bearer realm="xdpop error=use_dpop_nonce""#, false),
            ("DPoP", false),
            ("", false),
        ] {
            assert_eq!(asks_for_nonce(challenge), asks, "{challenge}");
        }
    }

    #[test]
    fn a_nonce_is_one_word_of_sensible_length() {
        assert_eq!(nonce(&fields(&[("dpop-nonce", "a.b-c~1")])).as_deref(), Some("a.b-c~1"));
        for lines in [
            &[("dpop-nonce", "")][..],
            &[("dpop-nonce", "a b")],
            &[("dpop-nonce", "a\"b")],
            &[("dpop-nonce", "a"), ("dpop-nonce", "b")],
            &[],
        ] {
            assert_eq!(nonce(&fields(lines)), None, "{lines:?}");
        }
    }

    #[test]
    fn a_stranger_among_the_origins_does_not_let_them_grow_without_end() {
        let prover = Prover::new(ProofSigner::default());
        for number in 0..3 * ORIGINS_MAX {
            prover.hear(&format!("https://{number}.example"), &fields(&[("dpop-nonce", "n")]));
        }
        assert!(prover.lock().len() <= ORIGINS_MAX);
    }

    #[test]
    fn what_is_known_of_an_origin_outlives_an_answer_that_says_less() {
        let prover = Prover::new(ProofSigner::default());
        let nonce_of = |origin: &str| prover.lock().get(origin).and_then(|known| known.nonce.clone());
        for number in 0..ORIGINS_MAX {
            prover.hear(&format!("https://{number}.example"), &fields(&[("dpop-nonce", "n")]));
        }
        prover.hear("https://1.example", &fields(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT")]));
        assert_eq!(nonce_of("https://1.example").as_deref(), Some("n"));
        prover.hear("https://1.example", &fields(&[("dpop-nonce", "m")]));
        assert_eq!(nonce_of("https://1.example").as_deref(), Some("m"));
        assert_eq!(nonce_of("https://2.example").as_deref(), Some("n"), "one that is known displaces nobody");
    }

    #[test]
    fn only_a_nonce_that_is_there_for_a_token_that_is_bound_is_wanted() {
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

    #[test]
    fn a_bound_token_without_a_signer_is_sent_nowhere() {
        let prover = Prover::new(ProofSigner::default());
        let token = BearerToken::new(Secret::from("t"), 1, 1);
        let mut fields = HeaderMap::new();
        let unbound = prover.authorize(&mut fields, &token, &Method::GET, "https://a.example", "/");
        assert_eq!(unbound, Ok(()));
        let token = token.bound_to(Secret::from("a key"));
        let bound = prover.authorize(&mut fields, &token, &Method::GET, "https://a.example", "/");
        assert!(matches!(bound, Err(Unfit::Proof(why)) if why.contains("nothing here can sign")));
    }
}
