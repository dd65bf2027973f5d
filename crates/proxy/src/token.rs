//! Where the proxy gets its tokens from, and what it must be told when there is none.
//!
//! The proxy knows neither stores nor authorization servers: it asks a [`TokenSource`] for each request, and tells it
//! of each 401. [`renewd_driver::Keeper`] is one; a program may bring its own.

use async_trait::async_trait;
use renewd_core::{Cause, LastAttempt, Secret, Span, Status, Wall};

/// An access token as the proxy sends it (RFC 6750 §2.1, RFC 9449 §7.1), and what it takes to complain about it.
#[derive(Clone)]
pub struct BearerToken {
    token: Secret,
    epoch: u64,
    generation: u64,
    proof_key: Option<Secret>,
}

impl BearerToken {
    /// The token with its login count and refresh count.
    pub fn new(token: Secret, epoch: u64, generation: u64) -> Self {
        Self { token, epoch, generation, proof_key: None }
    }

    /// The same token, bound to this key: it is sent under the scheme `DPoP`, with a proof for each request
    /// (RFC 9449 §7.1).
    #[must_use]
    pub fn bound_to(self, key: Secret) -> Self {
        Self { proof_key: Some(key), ..self }
    }

    /// The key that it is bound to.
    pub fn proof_key(&self) -> Option<&Secret> {
        self.proof_key.as_ref()
    }

    /// The access token.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// Counts logins.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Counts the refreshes of this login.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// Why there is no token: what the body of the 503 is made of. It holds no secret.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoBearer {
    /// `unauthenticated` asks for a login; everything else asks to come back.
    pub status: Status,
    /// Why.
    pub cause: Option<Cause>,
    /// Since when the status is what it is.
    pub since: Option<Wall>,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Wall>,
    /// The same as a span from now. It becomes `Retry-After`, rounded up.
    pub retry_after: Option<Span>,
    /// One sentence for people, without a secret.
    pub detail: String,
    /// The last attempt that failed, and what it looked like.
    pub last_attempt: Option<Box<LastAttempt>>,
}

impl NoBearer {
    /// Of this status, with this sentence for people; everything else unknown.
    pub fn new(status: Status, detail: impl Into<String>) -> Self {
        Self {
            status,
            cause: None,
            since: None,
            next_attempt_at: None,
            retry_after: None,
            detail: detail.into(),
            last_attempt: None,
        }
    }

    /// The last attempt that failed.
    #[must_use]
    pub fn after(mut self, attempt: LastAttempt) -> Self {
        self.last_attempt = Some(Box::new(attempt));
        self
    }

    /// Why.
    #[must_use]
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Since when.
    #[must_use]
    pub fn since(mut self, since: Wall) -> Self {
        self.since = Some(since);
        self
    }

    /// When the next attempt is due, and how long that is from now.
    #[must_use]
    pub fn next_attempt(mut self, at: Wall, in_: Span) -> Self {
        self.next_attempt_at = Some(at);
        self.retry_after = Some(in_);
        self
    }
}

/// What became of a token that the upstream refused.
#[expect(clippy::exhaustive_enums, reason = "a newer token is there, or the refusal stands")]
#[derive(Clone)]
pub enum Rejected {
    /// Try again, once, with this newer token.
    Renewed(BearerToken),
    /// Another token would be refused just so: pass the 401 through.
    Passed,
}

/// Gives tokens to the proxy. Dropping a future of it must cancel the wait only, never a refresh.
#[async_trait]
pub trait TokenSource: Send + Sync + 'static {
    /// The token, if a valid one is at hand; asked first, for each request. It must not block.
    fn at_hand(&self) -> Option<BearerToken>;

    /// The token, waiting for one at most `patience`.
    async fn token(&self, patience: Span) -> Result<BearerToken, NoBearer>;

    /// The upstream answered 401 to the token of this epoch and generation. Waits for a newer one at most `patience`.
    async fn rejected(&self, epoch: u64, generation: u64, patience: Span) -> Result<Rejected, NoBearer>;
}
