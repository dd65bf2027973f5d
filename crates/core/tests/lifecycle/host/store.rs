//! A store in memory, with the faults that a file system has.

use renewd_core::*;

#[derive(Default)]
pub(crate) struct Store {
    /// What stands there.
    pub(crate) record: Option<Record>,
    /// While set, every write fails with it.
    pub(crate) writes_fail: Option<StoreFaultKind>,
    /// While set, every read and claim fails with it.
    pub(crate) reads_fail: Option<StoreFaultKind>,
    /// The next write lands and is reported as failed, as after a failed fsync.
    pub(crate) lies_once: bool,
    /// Another process holds the claim.
    pub(crate) claim_taken: bool,
    /// The greatest version ever written.
    pub(crate) greatest: (u64, u64),
}

impl Store {
    pub(crate) fn new(record: Option<Record>) -> Self {
        let greatest = record.as_ref().map(|r| r.version()).unwrap_or_default();
        Self { record, greatest, ..Self::default() }
    }

    pub(crate) fn fault(kind: StoreFaultKind) -> StoreFault {
        StoreFault { kind, message: format!("{} by the test", kind.name()) }
    }

    pub(crate) fn load(&self) -> Loaded {
        if let Some(kind) = self.reads_fail {
            return Loaded::Fault(Self::fault(kind));
        }
        match &self.record {
            None => Loaded::Absent,
            Some(r) if r.version() < self.greatest => {
                Loaded::RolledBack { record: Box::new(r.clone()), greatest: self.greatest }
            }
            Some(r) => Loaded::Record(Box::new(r.clone())),
        }
    }

    /// Writes, if the fence holds.
    pub(crate) fn write(&mut self, record: Record, fence: Fence) -> Result<(), CommitFailure> {
        if let Some(kind) = self.writes_fail {
            return Err(CommitFailure::Fault(Self::fault(kind)));
        }
        let stands = self.record.as_ref().map(|r| (r.version(), r.intent.as_ref().map(|i| i.attempt)));
        let holds = match stands {
            Some((version, attempt)) => {
                version == (fence.epoch, fence.generation)
                    && (fence.attempt.is_none() || fence.attempt == attempt)
            }
            // A record that was removed is restored by what is newer than all that stood there.
            None => record.version() > (fence.epoch, fence.generation) && record.version() >= self.greatest,
        };
        if !holds {
            return Err(CommitFailure::Fenced(self.load()));
        }
        self.put(record);
        if std::mem::take(&mut self.lies_once) {
            return Err(CommitFailure::Fault(Self::fault(StoreFaultKind::Io)));
        }
        Ok(())
    }

    /// Writes as another process, a login or a logout does.
    pub(crate) fn put(&mut self, record: Record) {
        self.greatest = self.greatest.max(record.version());
        self.record = Some(record);
    }
}
