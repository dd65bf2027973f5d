//! A reader for one thread.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::cache::Cache;

use crate::cell::Cell;
use crate::keeper::{Keeper, Shared};
use crate::snapshot::{Lease, Snapshot};

/// Reads one credential from one thread. It keeps the last snapshot it saw, so that a read is a compare of pointers
/// and one of times. It keeps that snapshot alive: drop readers that are no longer used.
pub struct Reader {
    cache: Cache<Slot, Arc<Snapshot>>,
    shared: Arc<Shared>,
}

struct Slot(Arc<Cell>);

impl Deref for Slot {
    type Target = ArcSwap<Snapshot>;

    fn deref(&self) -> &ArcSwap<Snapshot> {
        &self.0.published
    }
}

impl Reader {
    pub(crate) fn new(keeper: &Keeper) -> Self {
        Self { cache: Cache::new(Slot(Arc::clone(&keeper.cell))), shared: Arc::clone(&keeper.shared) }
    }

    /// The token, if a valid one is at hand.
    #[inline]
    pub fn try_token(&mut self) -> Option<&Snapshot> {
        let wall = self.shared.clock.coarse_wall();
        let snapshot = self.cache.load();
        snapshot.holds_at(wall).then_some(&**snapshot)
    }

    /// The token, if a valid one is at hand, to be kept.
    pub fn try_lease(&mut self) -> Option<Lease> {
        let wall = self.shared.clock.coarse_wall();
        let snapshot = self.cache.load();
        snapshot.holds_at(wall).then(|| Lease::new(Arc::clone(snapshot)))
    }
}
