//! What callers and the loop share of one credential: a slot for the published token, and a few counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arc_swap::ArcSwap;

use crate::CredentialName;
use crate::snapshot::Snapshot;

/// Callers that may wait for one credential at a time. A proxy with thousands of open requests fits; a caller that
/// loops without waiting is stopped here (invariant 19) at about 1 MiB.
pub(crate) const WAITERS_MAX: u32 = 4096;

/// Views that may be asked for at a time. Apart from the waiters, so that a status can be had while callers pile up.
pub(crate) const VIEWS_MAX: u32 = 256;

/// The slot of a machine that is not, or no longer, in the slab.
pub(crate) const NO_SLOT: u32 = u32::MAX;

pub(crate) struct Cell {
    pub(crate) name: CredentialName,
    pub(crate) published: ArcSwap<Snapshot>,
    /// Where the loop keeps the machine. Written and read by the loop alone.
    slot: AtomicU32,
    waiters: AtomicU32,
    views: AtomicU32,
    store_changed: AtomicBool,
}

impl Cell {
    pub(crate) fn new(name: CredentialName, vacant: Arc<Snapshot>) -> Self {
        Self {
            name,
            published: ArcSwap::new(vacant),
            slot: AtomicU32::new(NO_SLOT),
            waiters: AtomicU32::new(0),
            views: AtomicU32::new(0),
            store_changed: AtomicBool::new(false),
        }
    }

    pub(crate) fn slot(&self) -> Option<usize> {
        match self.slot.load(Ordering::Relaxed) {
            NO_SLOT => None,
            slot => Some(slot as usize),
        }
    }

    pub(crate) fn set_slot(&self, slot: Option<u32>) {
        self.slot.store(slot.unwrap_or(NO_SLOT), Ordering::Relaxed);
    }

    /// True for the first report of a change since the loop last looked: a storm of them is one message.
    pub(crate) fn note_store_change(&self) -> bool {
        !self.store_changed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn take_store_change(&self) {
        self.store_changed.store(false, Ordering::Release);
    }
}

/// The right to stand in a credential's queue. It goes with the message and is given back when the loop drops the
/// waiter, so that what is queued is bounded, not only what waits.
pub(crate) struct Permit {
    cell: Arc<Cell>,
    counter: Counter,
}

#[derive(Clone, Copy)]
pub(crate) enum Counter {
    Waiters,
    Views,
}

impl Counter {
    fn of(self, cell: &Cell) -> &AtomicU32 {
        match self {
            Self::Waiters => &cell.waiters,
            Self::Views => &cell.views,
        }
    }

    const fn max(self) -> u32 {
        match self {
            Self::Waiters => WAITERS_MAX,
            Self::Views => VIEWS_MAX,
        }
    }
}

impl Permit {
    /// A place in the queue, or how many stand there already.
    pub(crate) fn take(cell: &Arc<Cell>, counter: Counter) -> Result<Self, u32> {
        let max = counter.max();
        counter
            .of(cell)
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < max).then_some(n + 1))
            .map(|_| Self { cell: Arc::clone(cell), counter })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.counter.of(&self.cell).fetch_sub(1, Ordering::AcqRel);
    }
}
