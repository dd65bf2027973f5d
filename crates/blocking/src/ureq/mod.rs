//! Tokens for a program that speaks HTTP by [ureq](https://docs.rs/ureq), as a [`Middleware`].
//!
//! It adds the token to each request, with a proof where the token is bound to a key (RFC 9449), and sends a request once
//! more, with its whole body, when the token was refused. Tokens go to the origins that it was told and nowhere else:
//! another address is an error, and nothing leaves.
//!
//! ```no_run
//! # fn example(keeper: renewd_blocking::BlockingKeeper) -> Result<(), Box<dyn std::error::Error>> {
//! use renewd_blocking::ureq::TokenMiddleware;
//! use ureq::Agent;
//!
//! // However the program sets its client up; twice, because the middleware sends by one of its own.
//! let settings = || Agent::config_builder().max_redirects(3);
//! let carrying = TokenMiddleware::new(keeper, "https://api.example/v1", settings().build().into())?;
//! let agent: Agent = settings().middleware(carrying).build().into();
//!
//! let things = agent.post("https://api.example/v1/things").send("{}")?;
//! # drop(things);
//! # Ok(()) }
//! ```
//!
//! # Why it sends by a client of its own
//! ureq lets a middleware pass a request on once, and a replay is a second request. So every try goes through the agent
//! that [`TokenMiddleware::new`] was given, with that agent's own middleware; what stands behind this one in the outer
//! agent is not called.
//!
//! # What it changes
//! - An answer of 4xx or 5xx is an error where the *inner* agent is told so (ureq's default), whatever a single request
//!   says of `http_status_as_error`.
//! - A body longer than the replay limit is sent once, in chunks, unless the request has a `Content-Length` of its own.
//! - A redirect is followed without the token (ureq's default). A 401 from another origin is no refusal of it.

mod error;
mod origin;
mod prover;

use std::io::{self, Cursor, Read};

use renewd_core::Span;
use renewd_driver::{Lease, Rejection, Signer};
use ureq::http::request::Parts;
use ureq::http::{Method, Request, Response, StatusCode, Uri};
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::{Agent, AsSendBody, Body, ResponseExt as _, SendBody};

use crate::BlockingKeeper;

pub use error::{NoOrigin, TokenMiddlewareError};

use origin::Origin;
use prover::{Prover, wants_nonce};

/// How long a request without a valid token waits for one, unless told otherwise: as in the proxy.
const PATIENCE: Span = Span::from_secs(10);

/// Bytes of a request body that are kept for one replay, unless told otherwise: as in the proxy.
const REPLAY_LIMIT_BYTES: usize = 1 << 20;

/// Gives the requests of an agent their tokens.
pub struct TokenMiddleware {
    keeper: BlockingKeeper,
    origins: Vec<Origin>,
    client: Agent,
    prover: Prover,
    patience: Span,
    replay_limit: usize,
}

impl TokenMiddleware {
    /// Tokens of this credential for requests to this origin, sent by this agent. With a base path (`https://host/v1`)
    /// only for those below it.
    ///
    /// # Errors
    /// Where it is no `https://` URL, nor `http://` on loopback.
    pub fn new(keeper: BlockingKeeper, origin: &str, client: Agent) -> Result<Self, NoOrigin> {
        Ok(Self {
            keeper,
            origins: vec![Origin::parse(origin)?],
            client,
            prover: Prover::default(),
            patience: PATIENCE,
            replay_limit: REPLAY_LIMIT_BYTES,
        })
    }

    /// Requests to this origin get the token too.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn also_to(mut self, origin: &str) -> Result<Self, NoOrigin> {
        self.origins.push(Origin::parse(origin)?);
        Ok(self)
    }

    /// Who makes the proofs of tokens that are bound to a key; without one such a token goes nowhere.
    #[must_use]
    pub fn signed_by(self, signer: impl Signer) -> Self {
        Self { prover: Prover::by(signer), ..self }
    }

    /// How long a request without a valid token waits for one. Default: 10 s.
    #[must_use]
    pub fn patience(self, patience: Span) -> Self {
        Self { patience, ..self }
    }

    /// Bytes of a request body that are kept for one replay; a longer one is sent once. Default: 1 MiB.
    #[must_use]
    pub fn replay_limit(self, bytes: usize) -> Self {
        Self { replay_limit: bytes, ..self }
    }

    fn origin_of(&self, uri: &Uri) -> Option<String> {
        let origin = Origin::of(uri)?;
        self.origins.iter().any(|ours| ours.takes(&origin, uri.path())).then_some(origin)
    }

    fn send(
        &self,
        head: &Parts,
        origin: &str,
        token: &Lease,
        body: &mut Kept<'_>,
    ) -> Result<Response<Body>, ureq::Error> {
        match body {
            // Methods that go with a body have an empty one, and say so (RFC 9110 §8.6).
            Kept::Absent if matches!(head.method, Method::POST | Method::PUT | Method::PATCH) => {
                self.send_one(head, origin, token, &[][..])
            }
            Kept::Absent => self.send_one(head, origin, token, ()),
            Kept::Whole(bytes) => self.send_one(head, origin, token, bytes.as_slice()),
            Kept::Begun(stream) => self.send_one(head, origin, token, SendBody::from_reader(stream)),
        }
    }

    fn send_one(
        &self,
        head: &Parts,
        origin: &str,
        token: &Lease,
        body: impl AsSendBody,
    ) -> Result<Response<Body>, ureq::Error> {
        let mut head = head.clone();
        self.prover.authorize(&mut head, token, origin)?;
        let request = self.client.configure_request(Request::from_parts(head, body));
        // A refusal is looked at before it is an error, and where it came from is remembered.
        let answer =
            self.client.run(request.http_status_as_error(false).save_redirect_history(true).build())?;
        if token.proof_key().is_some() && self.is_from(&answer, origin) {
            self.prover.hear(origin, &answer);
        }
        Ok(answer)
    }

    /// Whether an answer is that origin's own, and not of where a redirect led.
    fn is_from(&self, answer: &Response<Body>, origin: &str) -> bool {
        let last = answer.get_redirect_history().and_then(|all| all.last());
        last.is_none_or(|uri| Origin::of(uri).as_deref() == Some(origin))
    }

    fn exchange(&self, head: &Parts, body: SendBody<'_>) -> Result<Response<Body>, ureq::Error> {
        let origin = self.origin_of(&head.uri).ok_or_else(|| TokenMiddlewareError::foreign(&head.uri))?;
        let token = self.keeper.token(self.patience).map_err(TokenMiddlewareError::NoToken)?;
        let mut body = Kept::of(body, self.replay_limit)?;
        let mut answer = self.send(head, &origin, &token, &mut body)?;
        if wants_nonce(&token, &answer) && body.is_whole() {
            answer = self.send(head, &origin, &token, &mut body)?;
        }
        let refused = answer.status() == StatusCode::UNAUTHORIZED && self.is_from(&answer, &origin);
        if !refused || wants_nonce(&token, &answer) {
            return Ok(answer);
        }
        let told = self.keeper.rejected(token.epoch(), token.generation(), self.patience);
        match told.map_err(TokenMiddlewareError::NoToken)? {
            Rejection::Renewed(newer) if body.is_whole() => self.send(head, &origin, &newer, &mut body),
            Rejection::Renewed(_) | Rejection::Passed => Ok(answer),
        }
    }
}

impl Middleware for TokenMiddleware {
    fn handle(
        &self,
        request: Request<SendBody<'_>>,
        _next: MiddlewareNext<'_>,
    ) -> Result<Response<Body>, ureq::Error> {
        let (head, body) = request.into_parts();
        let answer = self.exchange(&head, body)?;
        let status = answer.status();
        if self.client.config().http_status_as_error()
            && (status.is_client_error() || status.is_server_error())
        {
            return Err(ureq::Error::StatusCode(status.as_u16()));
        }
        Ok(answer)
    }
}

impl std::fmt::Debug for TokenMiddleware {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenMiddleware").field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// A body that was read as far as it may be kept, and what is left of it.
enum Kept<'b> {
    /// There is none, which is not the same as an empty one: it has no length.
    Absent,
    /// All of it.
    Whole(Vec<u8>),
    /// Its beginning, and the rest.
    Begun(io::Chain<Cursor<Vec<u8>>, Box<dyn Read + 'b>>),
}

impl<'b> Kept<'b> {
    fn of(body: SendBody<'b>, limit: usize) -> io::Result<Self> {
        let mut reader = body.into_reader();
        let mut begun = Vec::new();
        (&mut reader).take(limit as u64 + 1).read_to_end(&mut begun)?;
        Ok(match begun.len() {
            0 => Self::Absent,
            length if length <= limit => Self::Whole(begun),
            _ => Self::Begun(Cursor::new(begun).chain(Box::new(reader))),
        })
    }

    fn is_whole(&self) -> bool {
        !matches!(self, Self::Begun(_))
    }
}
