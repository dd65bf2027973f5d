//! A published token, and the three ways to hold one.
//!
//! The loop writes a [`Snapshot`]; callers read it without a lock. Its deadline is one number on the wall clock, into
//! which the loop has folded both clocks: a caller compares it with one coarse clock read and is done.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use renewd_core::{Access, Boot, BootId, Now, PublishedToken, Secret, Span, Wall};

/// An access token as it was published, with what a caller needs to use it and to complain about it.
///
/// It has no `Debug` that shows the token.
pub struct Snapshot {
    access: Access,
    epoch: u64,
    generation: u64,
    proof_key: Option<Secret>,
    until_boot: Boot,
    until_wall: Wall,
    /// Both deadlines as one, on the wall clock. The loop rewrites it when the wall clock was set.
    deadline: AtomicI64,
}

impl Snapshot {
    /// What stands in a slot that has no token: its deadline has always passed.
    pub(crate) fn vacant() -> Self {
        Self {
            access: Access {
                key: renewd_core::AccessKey::default(),
                token: Secret::new(Vec::new()),
                token_type: String::new(),
                issued: renewd_core::Stamp::default(),
                lifetime: Span::ZERO,
                lifetime_given: false,
                granted: None,
                brought_by: None,
            },
            epoch: 0,
            generation: 0,
            proof_key: None,
            until_boot: Boot::default(),
            until_wall: Wall::from_unix_millis(i64::MIN),
            deadline: AtomicI64::new(i64::MIN),
        }
    }

    pub(crate) fn published(token: PublishedToken, now: Now, boot_id: BootId) -> Self {
        // A boot-clock time of another boot says nothing here: what the wall clock leaves is counted from now on.
        let of_this_boot = token.access.issued.boot_id == boot_id;
        let until_boot =
            if of_this_boot { token.until_boot } else { now.boot + token.until_wall.since(now.wall) };
        let snapshot = Self {
            access: token.access,
            epoch: token.epoch,
            generation: token.generation,
            proof_key: token.proof_key,
            until_boot,
            until_wall: token.until_wall,
            deadline: AtomicI64::new(i64::MIN),
        };
        snapshot.fold_clocks(now);
        snapshot
    }

    /// A token outside the fast path: handed to one caller, never published.
    pub(crate) fn served(access: Access, (epoch, generation): (u64, u64), proof_key: Option<Secret>) -> Self {
        Self { access, epoch, generation, proof_key, ..Self::vacant() }
    }

    /// Folds both deadlines into one on the wall clock as it stands now.
    pub(crate) fn fold_clocks(&self, now: Now) {
        if self.is_vacant() {
            return;
        }
        let by_boot = if self.until_boot > now.boot {
            now.wall + self.until_boot.since(now.boot)
        } else {
            Wall::from_unix_millis(i64::MIN)
        };
        self.deadline.store(by_boot.min(self.until_wall).as_unix_millis(), Ordering::Relaxed);
    }

    /// When the boot clock ends it for the fast path; none when that is past. The loop must fold the clocks then: a
    /// deadline on the wall clock comes back to life when somebody sets that clock back.
    pub(crate) fn ends(&self) -> Option<Boot> {
        (self.deadline.load(Ordering::Relaxed) != i64::MIN).then_some(self.until_boot)
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.access.token.is_empty()
    }

    /// Whether the fast path may still hand it out when the wall clock shows `wall`.
    #[inline]
    pub(crate) fn holds_at(&self, wall: Wall) -> bool {
        wall.as_unix_millis() < self.deadline.load(Ordering::Relaxed)
    }

    /// Whether the fast path may hand it out to a caller that wants it to live so long.
    pub(crate) fn holds_for(&self, wall: Wall, min_validity: Span) -> bool {
        self.holds_at(wall + min_validity)
    }

    /// What is really left of it, margin included, by both clocks.
    pub(crate) fn remaining(&self, now: Now, boot_id: BootId) -> Span {
        if self.is_vacant() { Span::ZERO } else { self.access.remaining(now, boot_id) }
    }

    /// How long before its expiry the fast path stops handing it out.
    pub(crate) fn margin(&self) -> Span {
        self.access.expires_wall().since(self.until_wall)
    }

    pub(crate) fn version(&self) -> (u64, u64) {
        (self.epoch, self.generation)
    }

    /// The access token. Goes into `Authorization` and nowhere else.
    pub fn access_token(&self) -> &Secret {
        &self.access.token
    }

    /// `Bearer`, as the server wrote it.
    pub fn token_type(&self) -> &str {
        &self.access.token_type
    }

    /// Counts logins.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Which of the successful refreshes of this login brought it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When it expires, on the wall clock.
    pub fn expires(&self) -> Wall {
        self.access.expires_wall()
    }

    /// The scope it was granted for, space-separated, where known.
    pub fn scope(&self) -> Option<&str> {
        self.access.scope()
    }

    /// The resource it is for (RFC 8707), where known.
    pub fn resource(&self) -> Option<&str> {
        self.access.key.resource.as_deref()
    }

    /// The audience it is for, where the server knows resources by names of its own.
    pub fn audience(&self) -> Option<&str> {
        self.access.key.audience.as_deref()
    }

    /// The private key that it is bound to (RFC 9449); none: a bearer token.
    pub fn proof_key(&self) -> Option<&Secret> {
        self.proof_key.as_ref()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("epoch", &self.epoch)
            .field("generation", &self.generation)
            .field("expires", &self.expires())
            .finish_non_exhaustive()
    }
}

/// A valid token, borrowed from its [`Keeper`](crate::Keeper) for the time of one request. Holding it touches no
/// shared reference count; hold it briefly, and make a [`Lease`] of what must live longer.
pub struct TokenGuard<'a> {
    guard: arc_swap::Guard<Arc<Snapshot>>,
    keeper: PhantomData<&'a ()>,
}

impl TokenGuard<'_> {
    pub(crate) fn new(guard: arc_swap::Guard<Arc<Snapshot>>) -> Self {
        Self { guard, keeper: PhantomData }
    }

    /// A copy of its own that may be kept.
    pub fn to_owned(&self) -> Lease {
        Lease::new(Arc::clone(&self.guard))
    }
}

impl Deref for TokenGuard<'_> {
    type Target = Snapshot;

    #[inline]
    fn deref(&self) -> &Snapshot {
        &self.guard
    }
}

impl fmt::Debug for TokenGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A token that is owned: cheap to clone, valid until its [expiry](Snapshot::expires).
#[derive(Clone)]
pub struct Lease {
    snapshot: Arc<Snapshot>,
    short: bool,
}

impl Lease {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, short: false }
    }

    pub(crate) fn shortened(snapshot: Arc<Snapshot>, short: bool) -> Self {
        Self { snapshot, short }
    }

    pub(crate) fn into_snapshot(self) -> Arc<Snapshot> {
        self.snapshot
    }

    /// True when it lives shorter than was asked for, and nothing longer could be had in time.
    pub fn short(&self) -> bool {
        self.short
    }
}

impl Deref for Lease {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
