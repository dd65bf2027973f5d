//! The store that all processes share: one record, two locks. Each command is one step, as the *write* lock makes it.

use renewd_core::*;

/// Records and locks of one credential.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) record: Option<Record>,
    /// The greatest version ever written.
    pub(crate) greatest: (u64, u64),
    /// Which process holds the claim.
    pub(crate) claim: Option<usize>,
    pub(crate) reads_fail: bool,
    pub(crate) writes_fail: bool,
    /// The next write lands and is reported as failed.
    pub(crate) lies_once: bool,
}

impl Disk {
    fn fault() -> StoreFault {
        StoreFault { kind: StoreFaultKind::Io, message: "the disk fails by the test".into() }
    }

    pub(crate) fn load(&self) -> Loaded {
        match &self.record {
            _ if self.reads_fail => Loaded::Fault(Self::fault()),
            None => Loaded::Absent,
            Some(r) => Loaded::Record(Box::new(r.clone())),
        }
    }

    pub(crate) fn try_claim(&mut self, process: usize, attempt: AttemptId) -> Input {
        if self.reads_fail {
            return Input::ClaimDenied(Some(Self::fault()));
        }
        if self.claim.is_some() {
            return Input::ClaimDenied(None);
        }
        self.claim = Some(process);
        Input::ClaimGranted { loaded: self.load(), attempt }
    }

    /// A mark or a commit.
    pub(crate) fn write(&mut self, record: Record, fence: Fence) -> Result<(), CommitFailure> {
        if self.writes_fail {
            return Err(CommitFailure::Fault(Self::fault()));
        }
        if !self.holds(&record, fence) {
            return Err(CommitFailure::Fenced(self.load()));
        }
        self.put(record);
        if std::mem::take(&mut self.lies_once) {
            return Err(CommitFailure::Fault(Self::fault()));
        }
        Ok(())
    }

    fn holds(&self, next: &Record, fence: Fence) -> bool {
        let Some(stands) = &self.record else {
            // What was removed may be replaced by what is newer than all that ever stood there.
            return next.version() > (fence.epoch, fence.generation) && next.version() >= self.greatest;
        };
        let attempt = stands.intent.as_ref().map(|i| i.attempt);
        stands.version() == (fence.epoch, fence.generation)
            && (fence.attempt.is_none() || fence.attempt == attempt)
    }

    /// A login, a logout, or a write that was let through.
    pub(crate) fn put(&mut self, record: Record) {
        // 5, 17: an older record never replaces a newer one; in particular no answer of an old login becomes durable.
        assert!(
            record.version() >= self.greatest,
            "5: {:?} written after {:?}",
            record.version(),
            self.greatest
        );
        self.greatest = record.version();
        self.record = Some(record);
    }
}
