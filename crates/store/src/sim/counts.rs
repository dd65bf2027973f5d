//! What the store asks of a disk, counted: the cost of safety.

/// An operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Open,
    OpenToWrite,
    Create,
    Read,
    List,
    Look,
    Write,
    Preallocate,
    SyncFile,
    SyncFolder,
    Rename,
    Remove,
    Lock,
    Unlock,
}

impl Op {
    /// Whether a read-only file system refuses it.
    pub(super) fn changes(self) -> bool {
        matches!(
            self,
            Self::OpenToWrite | Self::Create | Self::Write | Self::Preallocate | Self::Rename | Self::Remove
        )
    }

    pub(super) fn syncs(self) -> bool {
        matches!(self, Self::SyncFile | Self::SyncFolder)
    }

    pub(super) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::List)
    }
}

/// How many operations of each kind were asked of a [`SimDisk`](super::SimDisk).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpCounts {
    /// Folders and files opened.
    pub opens: u64,
    /// Files and folders created.
    pub creates: u64,
    /// Files read.
    pub reads: u64,
    /// Folders listed.
    pub lists: u64,
    /// Looks at a name or an open file without reading it.
    pub looks: u64,
    /// Files written.
    pub writes: u64,
    /// Room taken.
    pub preallocations: u64,
    /// Syncs of files.
    pub file_syncs: u64,
    /// Syncs of folders.
    pub folder_syncs: u64,
    /// Renames.
    pub renames: u64,
    /// Removals.
    pub removes: u64,
    /// Locks tried.
    pub locks: u64,
    /// Locks given back.
    pub unlocks: u64,
}

impl OpCounts {
    pub(super) fn add(&mut self, op: Op) {
        *match op {
            Op::Open | Op::OpenToWrite => &mut self.opens,
            Op::Create => &mut self.creates,
            Op::Read => &mut self.reads,
            Op::List => &mut self.lists,
            Op::Look => &mut self.looks,
            Op::Write => &mut self.writes,
            Op::Preallocate => &mut self.preallocations,
            Op::SyncFile => &mut self.file_syncs,
            Op::SyncFolder => &mut self.folder_syncs,
            Op::Rename => &mut self.renames,
            Op::Remove => &mut self.removes,
            Op::Lock => &mut self.locks,
            Op::Unlock => &mut self.unlocks,
        } += 1;
    }

    /// Syncs of files and folders: what a refresh waits for.
    pub fn syncs(&self) -> u64 {
        self.file_syncs + self.folder_syncs
    }

    /// All operations.
    pub fn all(&self) -> u64 {
        let Self { opens, creates, reads, lists, looks, writes, preallocations, .. } = *self;
        let Self { renames, removes, locks, unlocks, .. } = *self;
        let looking = opens + reads + lists + looks + locks + unlocks;
        looking + creates + writes + preallocations + self.syncs() + renames + removes
    }

    /// What came since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            opens: self.opens - before.opens,
            creates: self.creates - before.creates,
            reads: self.reads - before.reads,
            lists: self.lists - before.lists,
            looks: self.looks - before.looks,
            writes: self.writes - before.writes,
            preallocations: self.preallocations - before.preallocations,
            file_syncs: self.file_syncs - before.file_syncs,
            folder_syncs: self.folder_syncs - before.folder_syncs,
            renames: self.renames - before.renames,
            removes: self.removes - before.removes,
            locks: self.locks - before.locks,
            unlocks: self.unlocks - before.unlocks,
        }
    }
}
