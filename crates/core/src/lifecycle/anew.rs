//! A login or logout in a store that lost its past.
//!
//! Where every file of a credential was removed, or a whole folder was restored, the store cannot tell any more what
//! was committed before. A login begins again at the first epoch then, below what a living process knows. It looks
//! like a restored backup and is none: written over with what is known here, it would be lost. So a record that was
//! made after all that is known here is taken over, and written again above it, since no consumer may see a version
//! go back.

use alloc::boxed::Box;

use crate::input::Loaded;
use crate::lifecycle::commit::Pending;
use crate::lifecycle::machine::{Claim, Cx, Machine};
use crate::lifecycle::state::{Out, to};
use crate::record::{Record, RecordState};

impl Machine {
    /// Whether a record of a lower version was made later than everything that is known here. In doubt it was not:
    /// an attempt that somebody made with a backup makes it no younger, nor does a clock that stood in the future.
    pub(crate) fn began_anew(&self, record: &Record) -> bool {
        // An epoch above there must be, or it could not be written again.
        let below = self.version().is_some_and(|mine| record.version() < mine && mine.0 < u64::MAX);
        let untried = record.intent.is_none() && record.last_attempt.is_none();
        let made = match record.last_refresh {
            Some(success) => Some(success.wall),
            None if untried => Some(record.max_wall_seen),
            None => None,
        };
        below && made.is_some_and(|made| made > self.wall_seen && made <= self.now.wall)
    }

    /// The claim came, and what was read under it began anew. None where it did not.
    pub(crate) fn raise_when_granted(&mut self, loaded: &Loaded, cx: &mut Cx<'_>) -> Option<Out> {
        let Loaded::Record(record) = loaded else { return None };
        let below =
            self.claim == Claim::Pending && self.version().is_some_and(|mine| record.version() < mine);
        let over = self.record.as_ref().is_some_and(|mine| mine.state != RecordState::Active);
        let anew = self.began_anew(record);
        if !below || !(anew || over) {
            return None;
        }
        self.claim = Claim::Held;
        self.claim_poll = None;
        self.writing_again = false;
        self.store_reads(cx);
        if anew {
            return Some(self.raise(record, cx));
        }
        // Somebody tried it meanwhile, or it is a backup: what is over here must not be written over it.
        self.release(cx);
        Some(to(self.resting()))
    }

    /// Writes it again, above everything that is known here. Under the claim; nothing is sent.
    pub(crate) fn raise(&mut self, record: &Record, cx: &mut Cx<'_>) -> Out {
        let raised = Box::new(self.raised(record));
        self.commit(raised, record.version(), Pending::Raised, cx)
    }

    /// The same login in an epoch of its own.
    pub(crate) fn raised(&self, record: &Record) -> Record {
        let epoch = self.version().map_or(record.epoch, |(epoch, _)| epoch.saturating_add(1));
        Record { epoch, ..record.clone() }
    }
}
