//! The store's own word that a record was written.
//!
//! What it tells is taken for a hint to look at the fingerprint, now rather than at the next round of
//! [`watch`](super::watch): an event too many costs a `stat`, and one that never comes costs the wait for that round.
//! A watch that ends, or cannot be had, leaves the rounds at their short periods until it is back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use renewd_core::{Boot, Span, StoreFault, StoreFaultKind};

use crate::ports::{CredentialStore, StoreChange, StoreWatch};

use super::agenda::Agenda;
use super::machine::Machine;
use super::{EventLoop, Slot};

/// Events taken in one turn.
const BATCH: usize = 256;

/// Between two looks at one record because of events: somebody who writes it all the time costs ten readings a second.
const LOOK_SPACING: Span = Span::from_millis(100);

/// Between two looks at everything because of events.
const LOOK_AT_ALL_SPACING: Span = Span::from_secs(1);

/// A watch that was lost is tried again after this, doubling…
const RETRY_MIN: Span = Span::from_mins(1);
/// …up to this.
const RETRY_MAX: Span = Span::from_hours(1);

/// What the store told about one record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Not looked at again before this.
    not_before: Boot,
    /// A look is on the agenda.
    queued: bool,
    /// Told while this process held the claim, and so most likely its own write: looked at when the claim is given
    /// back, so that a refresh costs one reading and not one for each of its writes. A login or logout that comes
    /// meanwhile is met by the commit's fence.
    while_claimed: bool,
}

enum Ear {
    /// Not asked for yet, or nobody needs it.
    Off,
    /// The store has none.
    Deaf,
    On(Box<dyn StoreWatch>),
    /// Tried again then, and after this wait the next time.
    Lost {
        retry: Boot,
        pause: Span,
    },
}

pub(super) struct Listener {
    ear: Ear,
    /// Records that are looked at later, with the machine's birth.
    looks: Agenda<u32>,
    /// Everything is looked at then.
    all_at: Option<Boot>,
    all_not_before: Boot,
    /// The loss was told, and the return was not.
    told_loss: bool,
}

impl Listener {
    pub(super) fn new() -> Self {
        Self {
            ear: Ear::Off,
            looks: Agenda::new(),
            all_at: None,
            all_not_before: Boot::default(),
            told_loss: false,
        }
    }

    /// When to come back.
    pub(super) fn next(&self) -> Option<Boot> {
        let retry = match self.ear {
            Ear::Lost { retry, .. } => Some(retry),
            Ear::Off | Ear::Deaf | Ear::On(_) => None,
        };
        [retry, self.looks.next(), self.all_at].into_iter().flatten().min()
    }

    /// The claim is free again: what was told meanwhile is looked at.
    pub(super) fn claim_given_back(&mut self, now: Boot, slot: Slot, birth: u32, told: &mut Told) {
        if std::mem::take(&mut told.while_claimed) && !std::mem::replace(&mut told.queued, true) {
            self.looks.push(now, slot, birth);
        }
    }

    /// True when the store begins to tell.
    fn start(&mut self, now: Boot, store: &dyn CredentialStore) -> bool {
        match catch_unwind(AssertUnwindSafe(|| store.watch())) {
            Ok(Ok(Some(watch))) => {
                if std::mem::take(&mut self.told_loss) {
                    tracing::info!("the store is watched again");
                }
                self.ear = Ear::On(watch);
            }
            Ok(Ok(None)) => self.ear = Ear::Deaf,
            Ok(Err(fault)) => self.lost(now, &fault),
            Err(_) => self.lost(now, &panicked()),
        }
        matches!(self.ear, Ear::On(_))
    }

    fn lost(&mut self, now: Boot, fault: &StoreFault) {
        if !std::mem::replace(&mut self.told_loss, true) {
            tracing::warn!(problem = %fault.message, "the store cannot be watched; looking at it now and then instead");
        }
        let pause = match self.ear {
            Ear::Lost { pause, .. } => pause.times(2).min(RETRY_MAX),
            Ear::Off | Ear::Deaf | Ear::On(_) => RETRY_MIN,
        };
        self.ear = Ear::Lost { retry: now + pause, pause };
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<StoreChange, StoreFault>> {
        let Ear::On(watch) = &mut self.ear else { return Poll::Pending };
        catch_unwind(AssertUnwindSafe(|| watch.poll_change(cx)))
            .unwrap_or_else(|_| Poll::Ready(Err(panicked())))
    }

    fn notice_all(&mut self, now: Boot) {
        self.all_at.get_or_insert(self.all_not_before.max(now));
    }
}

impl EventLoop {
    /// Hears what the store tells. True when there may be more.
    pub(super) fn listen(&mut self, cx: &mut Context<'_>) -> bool {
        self.mind_ear();
        let mut more = true;
        for _ in 0..BATCH {
            match self.world.listener.poll(cx) {
                Poll::Ready(Ok(StoreChange::Record(name))) => {
                    let cell = self.world.registry.lock().get(&name).cloned();
                    if let Some(slot) =
                        cell.and_then(|cell| cell.slot()).and_then(|slot| Slot::try_from(slot).ok())
                    {
                        self.notice(slot);
                    }
                }
                Poll::Ready(Ok(StoreChange::Unknown)) => self.world.listener.notice_all(self.world.now.boot),
                Poll::Ready(Err(fault)) => {
                    let world = &mut self.world;
                    world.listener.lost(world.now.boot, &fault);
                    world.watch.store_tells(false);
                    // What happened since the last event was told to nobody.
                    world.watch.look_at_all(world.now.boot);
                    more = false;
                    break;
                }
                Poll::Pending => {
                    more = false;
                    break;
                }
            }
        }
        self.look_where_told();
        more
    }

    /// Begins to listen when there is something to hear, and ends when there is not.
    fn mind_ear(&mut self) {
        let world = &mut self.world;
        let now = world.now.boot;
        if !world.watch.is_needed() {
            if !matches!(world.listener.ear, Ear::Off) {
                world.listener = Listener { told_loss: world.listener.told_loss, ..Listener::new() };
                world.watch.store_tells(false);
            }
            return;
        }
        let due = match world.listener.ear {
            Ear::Off => true,
            Ear::Lost { retry, .. } => retry <= now,
            Ear::Deaf | Ear::On(_) => false,
        };
        if due && world.listener.start(now, &*world.ports.store) {
            world.watch.store_tells(true);
            // For what was written before there was anybody to tell.
            world.watch.look_at_all(now);
        }
    }

    /// The store told that this record was written.
    fn notice(&mut self, slot: Slot) {
        let Self { machines, world, .. } = self;
        let Some(Machine { birth, watched, busy, .. }) = machines.get_mut(slot as usize) else { return };
        if !watched.by_others() || watched.told.queued {
            return;
        }
        if busy.as_ref().is_some_and(|busy| busy.claim.is_some()) {
            watched.told.while_claimed = true;
            return;
        }
        watched.told.queued = true;
        world.listener.looks.push(watched.told.not_before.max(world.now.boot), slot, *birth);
    }

    fn look_where_told(&mut self) {
        let now = self.world.now.boot;
        let listener = &mut self.world.listener;
        if listener.all_at.take_if(|at| *at <= now).is_some() {
            listener.all_not_before = now + LOOK_AT_ALL_SPACING;
            self.world.watch.look_at_all(now);
        }
        while let Some((_, slot, birth)) = self.world.listener.looks.pop_due(now) {
            let Some(machine) = self.machines.get_mut(slot as usize).filter(|m| m.birth == birth) else {
                continue;
            };
            machine.watched.told = Told { not_before: now + LOOK_SPACING, ..Told::default() };
            self.look_at_record(slot);
        }
    }
}

fn panicked() -> StoreFault {
    StoreFault {
        kind: StoreFaultKind::Io,
        message: "the store's watch panicked; this is a bug of the store".into(),
    }
}
