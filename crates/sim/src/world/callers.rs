//! Callers: programs that want a token from one process and use it.

use futures_util::future::{Either, select};
use renewd_core::{Boot, Span};
use renewd_driver::{Keeper, Lease, Rejection, TokenRequestOptions};
use renewd_testkit::{AccessCheck, ExpiresIn};

use super::journal::Journal;
use super::life::Life;
use super::machine::Machine;
use super::oracle::Oracle;
use super::wire::Outside;

/// How long a caller waits for its token at most: the driver's own default.
const PATIENCE: Span = Span::from_secs(10);
/// By how much an answer may come later than a caller's deadline.
const LATE_MAX: Span = Span::from_millis(1_500);

/// A caller of one process. Clones call the same one.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) keeper: Keeper,
    pub(super) life: Life,
    pub(super) machine: Machine,
    pub(super) outside: Outside,
    pub(super) oracle: Oracle,
    pub(super) journal: Journal,
}

impl Caller {
    /// Asks again and again.
    pub(super) async fn every(self, interval: Span) {
        loop {
            self.ask().await;
            self.machine.sleep(interval).await;
        }
    }

    /// Asks once, and goes away after a while without an answer.
    pub(super) async fn ask_for(self, patience: Span) {
        let asking = std::pin::pin!(self.ask());
        let leaving = std::pin::pin!(self.machine.sleep(patience));
        if let Either::Right(_) = select(asking, leaving).await {
            self.journal.count(|t| t.refused += 1);
        }
    }

    /// Asks once, uses the token once, and complains once when it is refused.
    pub(super) async fn ask(&self) {
        let began = self.machine.true_time();
        let answer = self
            .keeper
            .token_with(TokenRequestOptions { timeout: Some(PATIENCE), ..Default::default() })
            .await;
        let took = self.machine.true_time().since(began);
        if took > PATIENCE + LATE_MAX && !self.life.stood_still_since(began) {
            self.oracle.broken(15, &format!("a caller of process {} waited {took}", self.life.number));
        }
        match answer {
            Ok(lease) => {
                if self.accepted(&lease, began) {
                    self.journal.count(|t| t.served += 1);
                } else {
                    self.complain(&lease, began).await;
                }
            }
            Err(_) => self.journal.count(|t| t.refused += 1),
        }
    }

    async fn complain(&self, lease: &Lease, began: Boot) {
        match self.keeper.rejected(lease.epoch(), lease.generation()).await {
            Ok(Rejection::Renewed(newer)) if self.accepted(&newer, began) => {
                self.journal.count(|t| t.served += 1)
            }
            // The second answer goes back to the program as it is.
            Ok(Rejection::Renewed(_) | Rejection::Passed) | Err(_) => self.journal.count(|t| t.refused += 1),
        }
    }

    /// What the resource server says. `began` is when the caller asked.
    fn accepted(&self, lease: &Lease, began: Boot) -> bool {
        self.oracle.served(&self.life, (lease.epoch(), lease.generation()));
        let now_ms = self.outside.now_ms();
        let Some(token) = lease.access_token().expose_str() else { return false };
        let (check, truthful, reject_all) = {
            let mut state = self.outside.lock();
            let check = state.model.check_access(now_ms, token);
            // A server that lies about lifetimes makes expired tokens that nobody could have known of.
            let shape = &state.model.config().expires_in;
            let truthful = matches!(shape, ExpiresIn::Number | ExpiresIn::Text | ExpiresIn::Float);
            (check, truthful, state.reject_all)
        };
        // A process that stood still between its own answer and the caller's next step could not know better.
        let stood_still = self.life.stood_still_since(began);
        if matches!(check, AccessCheck::Expired { .. }) && truthful && !stood_still {
            self.journal.count(|t| t.expired_served += 1);
            // Over a reboot only the wall clock can be asked, and somebody had set it.
            if !self.machine.lost_its_time() {
                self.oracle.served_expired(&self.life);
            }
        }
        check.is_valid() && !reject_all
    }
}
