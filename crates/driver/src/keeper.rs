//! The handle of one credential.
//!
//! With a valid token nothing here waits, locks or allocates. Without one, a caller becomes a waiter of the loop; what
//! the loop does for it is detached from it, and dropping a future here only takes the caller out of the queue.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_channel::{mpsc, oneshot};
use renewd_core::{AccessKey, Boot, Now, Record, Setup, Span, View, Wall};

use crate::CredentialName;
use crate::cell::{Cell, Counter, Permit};
use crate::driver::DriverOptions;
use crate::error::TokenError;
use crate::events::{EVENTS_MAX, Events};
use crate::message::{Message, Waiter, Want};
use crate::ports::Clock;
use crate::reader::Reader;
use crate::snapshot::{Lease, TokenGuard};

/// What every handle of one driver shares.
pub(crate) struct Shared {
    pub(crate) messages: mpsc::UnboundedSender<Message>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: DriverOptions,
    pub(crate) waiter_ids: AtomicU64,
}

impl Shared {
    /// False when the loop is gone.
    pub(crate) fn say(&self, message: Message) -> bool {
        self.messages.unbounded_send(message).is_ok()
    }
}

/// Keeps one credential. Cheap to clone; all clones are the same credential.
#[derive(Clone)]
pub struct Keeper {
    pub(crate) cell: Arc<Cell>,
    pub(crate) shared: Arc<Shared>,
}

/// What a caller of [`Keeper::token_with`] asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenRequestOptions {
    /// The token should live at least so long.
    pub min_validity: Span,
    /// How long to wait at most; none is [`DriverOptions::demand_timeout`].
    pub timeout: Option<Span>,
}

/// What became of a token that a resource server refused.
#[expect(clippy::exhaustive_enums, reason = "a newer token is there, or the refusal stands")]
#[derive(Clone, Debug)]
pub enum Rejection {
    /// Try again, once, with this newer token.
    Renewed(Lease),
    /// The token was minted just now: another would be refused just so. Pass the 401 through.
    Passed,
}

/// What can be seen of a credential, and when it was seen: boot-clock times in the view become wall-clock times by
/// [`Seen::wall_at`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The view.
    pub view: View,
    /// When.
    pub now: Now,
}

impl Seen {
    /// A boot-clock time of the view on the wall clock.
    pub fn wall_at(&self, boot: Boot) -> Wall {
        self.now.wall_at(boot)
    }
}

impl Keeper {
    /// Which credential.
    pub fn name(&self) -> &CredentialName {
        &self.cell.name
    }

    /// Whether both are handles of the same machine, and not of two that were begun for one name.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }

    /// The token, if a valid one is at hand: no lock, no I/O, no allocation, no shared reference count.
    #[inline]
    pub fn try_token(&self) -> Option<TokenGuard<'_>> {
        let guard = self.cell.published.load();
        guard.holds_at(self.shared.clock.coarse_wall()).then(|| TokenGuard::new(guard))
    }

    /// The token: at once when a valid one is at hand, else as soon as one comes, within
    /// [`DriverOptions::demand_timeout`].
    #[inline]
    pub fn token(&self) -> TokenFuture<'_> {
        TokenFuture { keeper: self, pending: None }
    }

    /// A token that may be kept, under the caller's own terms.
    ///
    /// # Errors
    /// [`TokenError`], at the latest when the time is over. A valid token that lives shorter than asked is served
    /// rather than refused; [`Lease::short`] tells.
    pub async fn token_with(&self, options: TokenRequestOptions) -> Result<Lease, TokenError> {
        {
            let guard = self.cell.published.load();
            if guard.holds_for(self.shared.clock.coarse_wall(), options.min_validity) {
                return Ok(Lease::new(Arc::clone(&guard)));
            }
        }
        let want = Want::Token { min_validity: options.min_validity };
        self.wait_for(want, None, options.timeout.unwrap_or(self.shared.options.demand_timeout)).await
    }

    /// A token for another scope, resource or audience than the login's own (RFC 8707 §2.2): the one that is kept for
    /// it, else one that the same grant gives. What the key does not name is the login's; a key that names nothing else
    /// than the login does is the login's own. Each use renews it ahead of its expiry; one that nobody uses runs out.
    ///
    /// It always asks the loop, where [`token`](Self::token) does not: some microseconds.
    ///
    /// # Errors
    /// [`TokenError`], at the latest when the time is over. Where the server gives no token for this key, the cause is
    /// [`Cause::AudienceRefused`](renewd_core::Cause::AudienceRefused), and the credential goes on.
    pub async fn token_for(
        &self,
        key: &AccessKey,
        options: TokenRequestOptions,
    ) -> Result<Lease, TokenError> {
        if key.is_own() {
            return self.token_with(options).await;
        }
        let want = Want::Token { min_validity: options.min_validity };
        let timeout = options.timeout.unwrap_or(self.shared.options.demand_timeout);
        self.wait_for(want, Some(key.clone()), timeout).await
    }

    /// A reader of its own for one thread: the last nanoseconds.
    pub fn reader(&self) -> Reader {
        Reader::new(self)
    }

    /// A resource server answered 401 to the login's own token of this epoch and generation (RFC 6750 §3.1). When a newer one is
    /// at hand the answer comes at once; else one refresh is made, whoever else complains meanwhile.
    ///
    /// # Errors
    /// [`TokenError`] when no newer token could be had within [`DriverOptions::demand_timeout`], and at once
    /// ([`TokenError::NeverGiven`]) when there was no such token.
    pub async fn rejected(&self, epoch: u64, generation: u64) -> Result<Rejection, TokenError> {
        self.rejected_within(epoch, generation, self.shared.options.demand_timeout).await
    }

    /// Like [`rejected`](Self::rejected), with the caller's own patience.
    ///
    /// # Errors
    /// [`TokenError`] when no newer token could be had in that time; at once when there was no such token.
    pub async fn rejected_within(
        &self,
        epoch: u64,
        generation: u64,
        timeout: Span,
    ) -> Result<Rejection, TokenError> {
        {
            let guard = self.cell.published.load();
            if guard.version() > (epoch, generation) && guard.holds_at(self.shared.clock.coarse_wall()) {
                return Ok(Rejection::Renewed(Lease::new(Arc::clone(&guard))));
            }
        }
        Pending::begin(self, Want::Newer { epoch, generation }, None, timeout)?.await
    }

    /// Like [`rejected_within`](Self::rejected_within), of a token that [`token_for`](Self::token_for) gave for this
    /// key: that one is renewed, and no other.
    ///
    /// # Errors
    /// [`TokenError`] when no newer token for this key could be had in that time, and at once
    /// ([`TokenError::NeverGiven`]) when there was no such token for it.
    pub async fn rejected_for(
        &self,
        key: &AccessKey,
        epoch: u64,
        generation: u64,
        timeout: Span,
    ) -> Result<Rejection, TokenError> {
        if key.is_own() {
            return self.rejected_within(epoch, generation, timeout).await;
        }
        Pending::begin(self, Want::Newer { epoch, generation }, Some(key.clone()), timeout)?.await
    }

    /// A person asks for a refresh now. Waits for the outcome of that attempt, in `auth_retrying` too.
    ///
    /// # Errors
    /// [`TokenError`] with that attempt's failure, or when none ended in time.
    pub async fn refresh(&self, timeout: Span) -> Result<Lease, TokenError> {
        self.wait_for(Want::Attempt, None, timeout).await
    }

    /// What can be seen, after everything said before.
    ///
    /// # Errors
    /// [`TokenError::Stopped`]; [`TokenError::Overloaded`] when hundreds ask at once.
    pub async fn view(&self) -> Result<Seen, TokenError> {
        let permit =
            Permit::take(&self.cell, Counter::Views).map_err(|waiters| TokenError::Overloaded { waiters })?;
        let (reply, answer) = oneshot::channel();
        self.shared.say(Message::View { cell: Arc::clone(&self.cell), reply, permit });
        answer.await.map_err(|_| TokenError::Stopped)
    }

    /// The configuration of this credential was read anew.
    pub fn policy_changed(&self, setup: Setup) {
        self.shared.say(Message::PolicyChanged { cell: Arc::clone(&self.cell), setup: Box::new(setup) });
    }

    /// A login was written to the store.
    pub fn logged_in(&self, record: Box<Record>) {
        self.shared.say(Message::LoggedIn { cell: Arc::clone(&self.cell), record });
    }

    /// A tombstone was written to the store.
    pub fn logged_out(&self, record: Box<Record>) {
        self.shared.say(Message::LoggedOut { cell: Arc::clone(&self.cell), record });
    }

    /// Somebody wrote the record. A storm of these is one.
    pub fn store_changed(&self) {
        if self.cell.note_store_change() {
            self.shared.say(Message::StoreChanged { cell: Arc::clone(&self.cell) });
        }
    }

    /// What happens to this credential from now on. A reader that falls far behind misses events.
    pub fn subscribe(&self) -> Events {
        let (events, stream) = mpsc::channel(EVENTS_MAX);
        self.shared.say(Message::Subscribe { cell: Arc::clone(&self.cell), events });
        Events::new(stream)
    }

    async fn wait_for(&self, want: Want, key: Option<AccessKey>, timeout: Span) -> Result<Lease, TokenError> {
        match Pending::begin(self, want, key, timeout)?.await? {
            Rejection::Renewed(lease) => Ok(lease),
            // The loop answers `Passed` to complaints only.
            Rejection::Passed => Err(TokenError::Stopped),
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("name", self.name()).finish_non_exhaustive()
    }
}

/// The future of [`Keeper::token`]. Ready at the first poll, without allocation, while a valid token is at hand.
/// Dropping it cancels nothing but the wait.
#[must_use = "futures do nothing unless polled"]
pub struct TokenFuture<'a> {
    keeper: &'a Keeper,
    pending: Option<Pending>,
}

impl<'a> Future for TokenFuture<'a> {
    type Output = Result<TokenGuard<'a>, TokenError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending.is_none()
            && let Some(token) = self.keeper.try_token()
        {
            return Poll::Ready(Ok(token));
        }
        self.poll_slow(cx)
    }
}

impl<'a> TokenFuture<'a> {
    #[cold]
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<Result<TokenGuard<'a>, TokenError>> {
        let keeper = self.keeper;
        let pending = match &mut self.pending {
            Some(pending) => pending,
            vacant => {
                let want = Want::Token { min_validity: Span::ZERO };
                match Pending::begin(keeper, want, None, keeper.shared.options.demand_timeout) {
                    Ok(pending) => vacant.insert(pending),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        };
        Pin::new(pending).poll(cx).map(|outcome| match outcome? {
            Rejection::Renewed(lease) => {
                Ok(TokenGuard::new(arc_swap::Guard::from_inner(lease.into_snapshot())))
            }
            Rejection::Passed => Err(TokenError::Stopped),
        })
    }
}

/// A caller in the queue of a credential.
struct Pending {
    cell: Arc<Cell>,
    shared: Arc<Shared>,
    id: u64,
    answer: oneshot::Receiver<Result<Rejection, TokenError>>,
    ended: bool,
}

impl Pending {
    fn begin(keeper: &Keeper, want: Want, key: Option<AccessKey>, timeout: Span) -> Result<Self, TokenError> {
        let permit = Permit::take(&keeper.cell, Counter::Waiters)
            .map_err(|waiters| TokenError::Overloaded { waiters })?;
        let shared = Arc::clone(&keeper.shared);
        let cell = Arc::clone(&keeper.cell);
        let (reply, answer) = oneshot::channel();
        let id = shared.waiter_ids.fetch_add(1, Ordering::Relaxed);
        let begun = shared.clock.now().boot;
        let waiter = Waiter { id, want, key, unseen: false, begun, deadline: begun + timeout, reply, permit };
        if !shared.say(Message::Wait { cell: Arc::clone(&cell), waiter }) {
            return Err(TokenError::Stopped);
        }
        Ok(Self { cell, shared, id, answer, ended: false })
    }
}

impl Future for Pending {
    type Output = Result<Rejection, TokenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(cx).map(|answer| {
            self.ended = true;
            // The loop dropped the question: it has ended.
            answer.unwrap_or(Err(TokenError::Stopped))
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.say(Message::Forget { cell: Arc::clone(&self.cell), waiter: self.id });
        }
    }
}
