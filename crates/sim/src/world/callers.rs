//! Callers: programs that want a token and use it.

use std::cell::RefCell;
use std::rc::Rc;

use renewd_core::Span;
use renewd_driver::testing::VirtualClock;
use renewd_driver::{Keeper, Lease, Rejection, TokenRequestOptions};
use renewd_testkit::{AccessCheck, ExpiresIn};

use super::journal::Journal;
use super::server::Outside;

/// The keeper of the process that runs at the moment, if one does.
pub(super) type Current = Rc<RefCell<Option<Keeper>>>;

#[derive(Clone)]
pub(super) struct Caller {
    pub(super) current: Current,
    pub(super) outside: Outside,
    pub(super) journal: Journal,
}

impl Caller {
    /// Asks again and again.
    pub(super) async fn every(self, interval: Span, clock: VirtualClock) {
        loop {
            self.ask().await;
            clock.sleep(interval).await;
        }
    }

    /// Asks once, uses the token once, and complains once when it is refused.
    pub(super) async fn ask(&self) {
        let Some(keeper) = self.current.borrow().clone() else { return };
        match keeper.token_with(TokenRequestOptions::default()).await {
            Ok(lease) => {
                if self.accepted(&lease) {
                    self.journal.count(|t| t.served += 1);
                } else {
                    self.complain(&keeper, &lease).await;
                }
            }
            Err(_) => self.journal.count(|t| t.refused += 1),
        }
    }

    async fn complain(&self, keeper: &Keeper, lease: &Lease) {
        match keeper.rejected(lease.epoch(), lease.generation()).await {
            Ok(Rejection::Renewed(newer)) if self.accepted(&newer) => self.journal.count(|t| t.served += 1),
            // The second answer goes back to the program as it is.
            Ok(Rejection::Renewed(_) | Rejection::Passed) | Err(_) => self.journal.count(|t| t.refused += 1),
        }
    }

    /// What the resource server says.
    fn accepted(&self, lease: &Lease) -> bool {
        let now_ms = self.outside.now_ms();
        let mut state = self.outside.lock();
        let Some(token) = lease.access_token().expose_str() else { return false };
        let check = state.model.check_access(now_ms, token);
        // A server that lies about lifetimes makes expired tokens that nobody could have known of.
        let truthful =
            matches!(state.model.config().expires_in, ExpiresIn::Number | ExpiresIn::Text | ExpiresIn::Float);
        if matches!(check, AccessCheck::Expired { .. }) && truthful {
            self.journal.count(|t| t.expired_served += 1);
        }
        check.is_valid() && !state.reject_all
    }
}
