//! The handle of one credential for threads that block.

use renewd_core::{AccessKey, Setup, Span};
use renewd_driver::{
    CredentialName, Keeper, Lease, Reader, Rejection, Seen, TokenError, TokenGuard, TokenRequestOptions,
};

use crate::block_on;

/// Keeps one credential. Cheap to clone; all clones are the same credential. Do not call what blocks from a task of
/// an async runtime: use [`BlockingKeeper::keeper`] there.
#[derive(Clone, Debug)]
pub struct BlockingKeeper {
    keeper: Keeper,
}

impl From<Keeper> for BlockingKeeper {
    fn from(keeper: Keeper) -> Self {
        Self { keeper }
    }
}

impl BlockingKeeper {
    /// Which credential.
    pub fn name(&self) -> &CredentialName {
        self.keeper.name()
    }

    /// The token, if a valid one is at hand. Never blocks.
    #[inline]
    pub fn try_token(&self) -> Option<TokenGuard<'_>> {
        self.keeper.try_token()
    }

    /// A reader of its own for one thread: the last nanoseconds.
    pub fn reader(&self) -> Reader {
        self.keeper.reader()
    }

    /// The token: at once when a valid one is at hand, else as soon as one comes.
    ///
    /// # Errors
    /// [`TokenError`], at the latest when the time is over.
    pub fn token(&self, timeout: Span) -> Result<Lease, TokenError> {
        if let Some(token) = self.keeper.try_token() {
            return Ok(token.to_owned());
        }
        self.token_with(TokenRequestOptions { timeout: Some(timeout), ..TokenRequestOptions::default() })
    }

    /// A token under the caller's own terms.
    ///
    /// # Errors
    /// [`TokenError`], at the latest when the time is over. A valid token that lives shorter than asked is served
    /// rather than refused; [`Lease::short`] tells.
    pub fn token_with(&self, options: TokenRequestOptions) -> Result<Lease, TokenError> {
        block_on(self.keeper.token_with(options))
    }

    /// A token for another scope, resource or audience than the login's own ([`Keeper::token_for`]).
    ///
    /// # Errors
    /// [`TokenError`], at the latest when the time is over.
    pub fn token_for(&self, key: &AccessKey, options: TokenRequestOptions) -> Result<Lease, TokenError> {
        block_on(self.keeper.token_for(key, options))
    }

    /// A resource server answered 401 to the token that [`token_for`](Self::token_for) gave for this key.
    ///
    /// # Errors
    /// [`TokenError`] when no newer token for this key could be had in that time.
    pub fn rejected_for(
        &self,
        key: &AccessKey,
        epoch: u64,
        generation: u64,
        timeout: Span,
    ) -> Result<Rejection, TokenError> {
        block_on(self.keeper.rejected_for(key, epoch, generation, timeout))
    }

    /// A resource server answered 401 to the login's own token of this epoch and generation (RFC 6750 §3.1).
    ///
    /// # Errors
    /// [`TokenError`] when no newer token could be had in that time.
    pub fn rejected(&self, epoch: u64, generation: u64, timeout: Span) -> Result<Rejection, TokenError> {
        block_on(self.keeper.rejected_within(epoch, generation, timeout))
    }

    /// A person asks for a refresh now. Waits for the outcome of that attempt.
    ///
    /// # Errors
    /// [`TokenError`] with that attempt's failure, or when none ended in time.
    pub fn refresh(&self, timeout: Span) -> Result<Lease, TokenError> {
        block_on(self.keeper.refresh(timeout))
    }

    /// What can be seen, after everything said before.
    ///
    /// # Errors
    /// [`TokenError::Stopped`]; [`TokenError::Overloaded`] when hundreds ask at once.
    pub fn view(&self) -> Result<Seen, TokenError> {
        block_on(self.keeper.view())
    }

    /// The configuration of this credential was read anew.
    pub fn policy_changed(&self, setup: Setup) {
        self.keeper.policy_changed(setup);
    }

    /// The same credential for async code.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }
}
