//! Records that somebody else wrote: another process refreshed, a person logged in.
//!
//! A fingerprint costs about a `stat`. Credentials that wait for somebody else are looked at every `store_poll`; the
//! others twice a minute, because the claim re-reads the record anyway and nothing is lost by hearing late. While the
//! store tells of writes by itself ([`listen`](super::listen)), this is only the net below it, and both periods are
//! long. However many there are, one look takes at most a batch: with a million the period grows, the work per second
//! does not.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use renewd_core::{Boot, Input, Span, Status};

use crate::CredentialName;
use crate::ports::CredentialStore;

use super::listen::Told;
use super::machine::Machine;
use super::{EventLoop, Slot};

/// Fingerprints read in one go: about 2 ms of `stat`.
const BATCH: usize = 1024;

/// Entries of another kind passed over in one go.
const PASSED_OVER_MAX: usize = 16 * BATCH;

/// How often credentials that wait for nobody are looked at.
const CALM_PERIOD: Span = Span::from_secs(30);

/// How often anything is looked at while the store tells of writes by itself: for the event that was lost, and the
/// file system that tells of local writes only.
const EAGER_NET_PERIOD: Span = Span::from_secs(30);

/// The same, for credentials that wait for nobody.
const CALM_NET_PERIOD: Span = Span::from_mins(5);

/// Between two batches of a long line.
const BATCH_PERIOD_MIN: Span = Span::from_secs(1);

/// What is known of one record's fingerprint.
pub(super) struct Watched {
    last: u64,
    /// The store gives fingerprints for it.
    watched: bool,
    /// Its status waits for somebody else.
    waiting: bool,
    /// Another holds the claim.
    contended: bool,
    queued_eager: bool,
    queued_calm: bool,
    /// What the store tells about this record.
    pub(super) told: Told,
}

impl Watched {
    /// Whether others may write this record at all.
    pub(super) fn by_others(&self) -> bool {
        self.watched
    }

    fn eager(&self) -> bool {
        self.waiting || self.contended
    }
}

type Line = VecDeque<(Slot, u32)>;

pub(super) struct Watch {
    /// As configured.
    period: Span,
    /// The store tells of writes by itself.
    told: bool,
    eager: Line,
    calm: Line,
    next_eager: Boot,
    next_calm: Boot,
    watched: usize,
}

impl Watch {
    pub(super) fn new(now: Boot, period: Span) -> Self {
        let period = period.max(Span::from_millis(100));
        Self {
            period,
            told: false,
            eager: Line::new(),
            calm: Line::new(),
            next_eager: now + period,
            next_calm: now + CALM_PERIOD,
            watched: 0,
        }
    }

    /// A new machine's watch. The fingerprint is read before the record is, so that no change falls in between.
    pub(super) fn begin(
        &mut self,
        store: &dyn CredentialStore,
        name: &CredentialName,
        slot: Slot,
        birth: u32,
    ) -> Watched {
        let first = fingerprint(store, name);
        let watched = first.is_some();
        if watched {
            self.watched += 1;
            self.calm.push_back((slot, birth));
        }
        Watched {
            last: first.unwrap_or_default(),
            watched,
            waiting: false,
            contended: false,
            queued_eager: false,
            queued_calm: watched,
            told: Told::default(),
        }
    }

    /// Whether there is a record that others may write.
    pub(super) fn is_needed(&self) -> bool {
        self.watched > 0
    }

    /// From now on the store tells of writes by itself, or no more.
    pub(super) fn store_tells(&mut self, told: bool) {
        self.told = told;
    }

    /// Every record is looked at as soon as may be.
    pub(super) fn look_at_all(&mut self, now: Boot) {
        self.next_eager = now;
        self.next_calm = now;
    }

    fn periods(&self) -> (Span, Span) {
        if self.told {
            (self.period.max(EAGER_NET_PERIOD), CALM_NET_PERIOD)
        } else {
            (self.period, CALM_PERIOD)
        }
    }

    pub(super) fn forgotten(&mut self, machine: &Watched) {
        self.watched = self.watched.saturating_sub(usize::from(machine.watched));
    }

    pub(super) fn status_changed(&mut self, slot: Slot, birth: u32, machine: &mut Watched, to: Status) {
        machine.waiting = matches!(to, Status::AuthRetrying | Status::Unauthenticated);
        self.enqueue(slot, birth, machine);
    }

    pub(super) fn contended(&mut self, slot: Slot, birth: u32, machine: &mut Watched, contended: bool) {
        machine.contended = contended;
        self.enqueue(slot, birth, machine);
    }

    /// Stands in exactly one line that matters; an entry in the other is passed over when its turn comes.
    fn enqueue(&mut self, slot: Slot, birth: u32, machine: &mut Watched) {
        if !machine.watched {
            return;
        }
        let (line, queued) = if machine.eager() {
            (&mut self.eager, &mut machine.queued_eager)
        } else {
            (&mut self.calm, &mut machine.queued_calm)
        };
        if !*queued {
            *queued = true;
            line.push_back((slot, birth));
        }
    }

    /// When to look again.
    pub(super) fn next(&self) -> Option<Boot> {
        if self.watched == 0 {
            return None;
        }
        let eager = (!self.eager.is_empty()).then_some(self.next_eager);
        let calm = (!self.calm.is_empty()).then_some(self.next_calm);
        eager.into_iter().chain(calm).min()
    }

    /// Takes what is due out of one line, a batch at most.
    fn take_due(&mut self, now: Boot, eager: bool, mut turn: impl FnMut(Slot, u32) -> Turn) -> Vec<Slot> {
        let (eager_period, calm_period) = self.periods();
        let (line, other, next, whole) = if eager {
            (&mut self.eager, &mut self.calm, &mut self.next_eager, eager_period)
        } else {
            (&mut self.calm, &mut self.eager, &mut self.next_calm, calm_period)
        };
        if *next > now {
            return Vec::new();
        }
        let mut due = Vec::new();
        for _ in 0..line.len().min(PASSED_OVER_MAX) {
            if due.len() == BATCH {
                break;
            }
            let Some((slot, birth)) = line.pop_front() else { break };
            match turn(slot, birth) {
                Turn::Look => due.push(slot),
                Turn::ToOtherLine => other.push_back((slot, birth)),
                Turn::Drop => {}
            }
        }
        // The whole line within the period where a batch holds it; else batch after batch.
        let batches = line.len().div_ceil(BATCH).max(1) as u64;
        *next = now + whole.fraction(1, batches).max(BATCH_PERIOD_MIN.min(whole));
        due
    }
}

/// What to do about an entry whose turn has come.
enum Turn {
    Look,
    ToOtherLine,
    Drop,
}

impl Watched {
    /// Its entry in a line came up and is taken out.
    fn turn(&mut self, eager: bool) -> Turn {
        let (here, other) = if eager {
            (&mut self.queued_eager, &mut self.queued_calm)
        } else {
            (&mut self.queued_calm, &mut self.queued_eager)
        };
        *here = false;
        let other_before = std::mem::replace(other, *other || (self.waiting || self.contended) != eager);
        if self.eager() == eager {
            Turn::Look
        } else if other_before {
            Turn::Drop
        } else {
            Turn::ToOtherLine
        }
    }
}

impl EventLoop {
    /// Looks at the records whose turn it is.
    pub(super) fn look_at_records(&mut self) {
        for eager in [true, false] {
            let Self { machines, world, .. } = self;
            let turn = |slot: Slot, birth: u32| match machines.get_mut(slot as usize) {
                Some(machine) if machine.birth == birth => machine.watched.turn(eager),
                _ => Turn::Drop,
            };
            for slot in world.watch.take_due(world.now.boot, eager, turn) {
                self.look_at_record(slot);
            }
        }
    }

    pub(super) fn look_at_record(&mut self, slot: Slot) {
        let Self { machines, world, .. } = self;
        let Some(Machine { cell, birth, watched, .. }) = machines.get_mut(slot as usize) else { return };
        world.watch.enqueue(slot, *birth, watched);
        let Some(seen) = fingerprint(&*world.ports.store, &cell.name) else { return };
        if std::mem::replace(&mut watched.last, seen) != seen {
            self.feed(slot, Input::StoreChanged);
        }
    }
}

fn fingerprint(store: &dyn CredentialStore, name: &CredentialName) -> Option<u64> {
    catch_unwind(AssertUnwindSafe(|| store.fingerprint(name))).unwrap_or_else(|_| {
        tracing::error!(credential = %name, "the store panicked in fingerprint");
        None
    })
}
