//! How a request to a resource server carries its token: the scheme, and beside a token that is bound to a key the proof
//! of that (RFC 9449 §7).
//!
//! A proof is for one request: its method, its address, this moment. So one is made for every try, and none is kept.
//! What is kept, per origin and in memory only, is the nonce that the server gave last (§9), and its clock where that
//! is off from ours: a proof of the wrong minute is refused. Here for all who send requests, whatever HTTP library they
//! send them by: a header is its name and its bytes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use renewd_core::{Boot, NextProof, Response, Secret, ServerClock};

use crate::ports::{Clock, ResourceProof, Signer};
use crate::system::SystemClock;

/// Origins of which something is kept. A program names a handful; a proxy's clients may name as many as they like.
const ORIGINS_MAX: usize = 64;

/// The headers of an answer that say something of the next proof, in small letters.
const TELLING: [&str; 4] = ["dpop-nonce", "www-authenticate", "date", "age"];

/// Adds tokens to requests, with proofs where they need them, and hears what servers want of the next.
pub struct Prover {
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of an origin.
struct Known {
    nonce: Option<String>,
    clock: ServerClock,
    /// When it last said something.
    heard: Boot,
}

/// A request's address, as a proof names it.
#[derive(Clone, Copy, Debug)]
pub struct ProofAddress<'a> {
    /// The method.
    pub method: &'a str,
    /// `scheme://host[:port]`.
    pub origin: &'a str,
    /// The path, without its query.
    pub path: &'a str,
}

/// The headers that a request carries its token by. No other `DPoP` header may go with it.
#[expect(clippy::exhaustive_structs, reason = "a token and its proof are all there is (RFC 9449 §7.1)")]
pub struct TokenHeaders {
    /// The value of `Authorization`.
    pub authorization: Secret,
    /// The value of `DPoP`, for a token that is bound to a key.
    pub proof: Option<Secret>,
}

/// Why a request cannot be given its token.
#[expect(clippy::exhaustive_enums, reason = "it is the token or the proof")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The token holds bytes that no header can carry.
    Token,
    /// No proof could be made; a sentence for people.
    Proof(String),
}

impl Prover {
    /// By this signer and this machine's clock.
    pub fn new(signer: Arc<dyn Signer>) -> Self {
        Self::with_clock(signer, Arc::new(SystemClock))
    }

    /// By this clock.
    pub fn with_clock(signer: Arc<dyn Signer>, clock: Arc<dyn Clock>) -> Self {
        Self { signer, clock, known: Mutex::default() }
    }

    /// What carries this token, which is bound to `key` where there is one, on a request to that address
    /// (RFC 6750 §2.1, RFC 9449 §7.1).
    ///
    /// # Errors
    /// [`Unfit`]; the request is then not sent.
    pub fn authorize(
        &self,
        token: &Secret,
        key: Option<&Secret>,
        to: ProofAddress<'_>,
    ) -> Result<TokenHeaders, Unfit> {
        let scheme: &[u8] = if key.is_some() { b"DPoP " } else { b"Bearer " };
        let bytes = token.expose();
        // Other bytes could end the header and begin another.
        if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(Unfit::Token);
        }
        let authorization = Secret::new([scheme, bytes].concat());
        let proof = key.map(|key| self.proof(key, token, to)).transpose().map_err(Unfit::Proof)?;
        Ok(TokenHeaders { authorization, proof })
    }

    fn proof(&self, key: &Secret, token: &Secret, to: ProofAddress<'_>) -> Result<Secret, String> {
        let now = self.clock.now();
        let (nonce, at) = match self.lock().get(to.origin) {
            Some(known) => (known.nonce.clone(), known.clock.at(now)),
            None => (None, now.wall),
        };
        let url = format!("{}{}", to.origin, to.path);
        let (method, nonce) = (to.method, nonce.as_deref());
        self.signer.resource_proof(&ResourceProof { key, token, method, url: &url, nonce, at })
    }

    /// Keeps what an answer to a bound token said for the next proof (RFC 9449 §8.2, §9). It must be that origin's own
    /// answer, and not of where a redirect led.
    pub fn hear(&self, origin: &str, said: NextProof) {
        if said.nonce.is_none() && said.server_time.is_none() {
            return;
        }
        let now = self.clock.now();
        let mut known = self.lock();
        if known.len() >= ORIGINS_MAX && !known.contains_key(origin) {
            forget_one(&mut known);
        }
        let about = known.entry(origin.to_owned()).or_insert_with(|| Known {
            nonce: None,
            clock: ServerClock::default(),
            heard: now.boot,
        });
        about.heard = now.boot;
        if said.nonce.is_some() {
            about.nonce = said.nonce;
        }
        if let Some(date) = said.server_time {
            about.clock.hear(date, now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one that has been silent for longest. It costs its next request one repetition.
fn forget_one(known: &mut HashMap<String, Known>) {
    let silent = known.iter().min_by_key(|(_, about)| about.heard).map(|(origin, _)| origin.clone());
    if let Some(origin) = silent {
        known.remove(&origin);
    }
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prover")
    }
}

/// What an answer with this status and these headers says of the next proof for the server that gave it.
pub fn next_proof<'h>(status: u16, headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> NextProof {
    let telling = headers.into_iter().filter_map(|(name, value)| {
        let name = TELLING.into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
        Some((name.to_owned(), str::from_utf8(value).ok()?.to_owned()))
    });
    let (headers, body) = (telling.collect(), Secret::new(Vec::new()));
    NextProof::from_answer(&Response { status, headers, body, truncated: false })
}
