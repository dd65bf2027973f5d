//! A [`Keeper`] as the proxy's token source.

use async_trait::async_trait;
use renewd_core::{AccessKey, Cause, Span, Status};
use renewd_driver::{Keeper, NoToken, Rejection, Snapshot, TokenError, TokenRequestOptions};

use crate::token::{BearerToken, NoBearer, Rejected, TokenSource};

#[async_trait]
impl TokenSource for Keeper {
    fn at_hand(&self) -> Option<BearerToken> {
        self.try_token().map(|token| bearer(&token))
    }

    async fn token(&self, patience: Span) -> Result<BearerToken, NoBearer> {
        let options = TokenRequestOptions { timeout: Some(patience), ..TokenRequestOptions::default() };
        self.token_with(options).await.map(|lease| bearer(&lease)).map_err(|error| no_bearer(&error))
    }

    async fn rejected(&self, epoch: u64, generation: u64, patience: Span) -> Result<Rejected, NoBearer> {
        match self.rejected_within(epoch, generation, patience).await {
            Ok(Rejection::Renewed(lease)) => Ok(Rejected::Renewed(bearer(&lease))),
            Ok(Rejection::Passed) => Ok(Rejected::Passed),
            Err(error) => Err(no_bearer(&error)),
        }
    }
}

/// A [`Keeper`]'s tokens for another scope, resource or audience than the login's own: two proxies of one login may
/// each have theirs. Every request asks the keeper's loop, which renews what is in use.
#[derive(Clone, Debug)]
pub struct KeeperFor {
    keeper: Keeper,
    key: AccessKey,
}

impl KeeperFor {
    /// The tokens of this credential for that.
    pub fn new(keeper: Keeper, key: AccessKey) -> Self {
        Self { keeper, key }
    }
}

#[async_trait]
impl TokenSource for KeeperFor {
    fn at_hand(&self) -> Option<BearerToken> {
        None
    }

    async fn token(&self, patience: Span) -> Result<BearerToken, NoBearer> {
        let options = TokenRequestOptions { timeout: Some(patience), ..TokenRequestOptions::default() };
        let lease = self.keeper.token_for(&self.key, options).await;
        lease.map(|lease| bearer(&lease)).map_err(|error| no_bearer(&error))
    }

    async fn rejected(&self, epoch: u64, generation: u64, patience: Span) -> Result<Rejected, NoBearer> {
        match self.keeper.rejected_for(&self.key, epoch, generation, patience).await {
            Ok(Rejection::Renewed(lease)) => Ok(Rejected::Renewed(bearer(&lease))),
            Ok(Rejection::Passed) => Ok(Rejected::Passed),
            Err(error) => Err(no_bearer(&error)),
        }
    }
}

fn bearer(token: &Snapshot) -> BearerToken {
    let bearer = BearerToken::new(token.access_token().clone(), token.epoch(), token.generation());
    match token.proof_key() {
        Some(key) => bearer.bound_to(key.clone()),
        None => bearer,
    }
}

fn no_bearer(error: &TokenError) -> NoBearer {
    let detail = error.to_string();
    match error {
        TokenError::Unavailable(state) | TokenError::Timeout { state, .. } => from_state(state, detail),
        TokenError::Store { state, .. } => {
            let told = from_state(state, detail);
            // A failing store is no lost login, whatever the status said before.
            NoBearer { status: Status::AuthRetrying, ..told }.because(Cause::StoreUnavailable)
        }
        TokenError::Stopped => NoBearer::new(Status::Stopped, detail),
        // Overloaded, and whatever is added later: come back.
        _ => NoBearer::new(Status::Running, detail),
    }
}

fn from_state(state: &NoToken, detail: String) -> NoBearer {
    NoBearer {
        cause: state.cause,
        since: state.since,
        next_attempt_at: state.next_attempt_at,
        retry_after: state.retry_after,
        last_attempt: state.last_attempt.clone().map(Box::new),
        ..NoBearer::new(state.status, detail)
    }
}
