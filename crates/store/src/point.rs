//! The steps of writing a file, by name, and who may hear of them.
//!
//! What a crash or a failing disk does to a login depends on the step at which it comes. So each step asks first, and
//! has a name that the model, the simulator and the tests of the built program share.

use std::fmt;
use std::io;

/// A step of writing a file, in the order in which they come.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IoStep {
    /// The temporary file is created.
    CreateTemp,
    /// Room is taken for a commit to come.
    Preallocate,
    /// The bytes are written.
    Write,
    /// The temporary file is synced.
    SyncFile,
    /// It is renamed over the old one.
    Rename,
    /// The folder is synced.
    SyncDir,
    /// The file is read back and compared.
    ReadBack,
}

impl IoStep {
    /// All steps.
    pub const ALL: [Self; 7] = [
        Self::CreateTemp,
        Self::Preallocate,
        Self::Write,
        Self::SyncFile,
        Self::Rename,
        Self::SyncDir,
        Self::ReadBack,
    ];

    /// Its name, as in `commit.sync-file`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateTemp => "create-temp",
            Self::Preallocate => "preallocate",
            Self::Write => "write",
            Self::SyncFile => "sync-file",
            Self::Rename => "rename",
            Self::SyncDir => "sync-dir",
            Self::ReadBack => "read-back",
        }
    }
}

/// What a store is doing when it writes a file.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IoAct {
    /// An intent is announced.
    Mark,
    /// An intent whose owner is gone is dated.
    Orphan,
    /// An outcome is saved.
    Commit,
    /// A login, logout or import is saved.
    Put,
    /// A reader repairs the mark beside the record.
    Load,
    /// The store is made.
    Open,
    /// A record is sealed with a new key.
    Rekey,
    /// What a login needs before there is a grant is kept.
    Prepare,
}

impl IoAct {
    /// Its name, as in `commit.sync-file`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Orphan => "orphan",
            Self::Commit => "commit",
            Self::Put => "put",
            Self::Load => "load",
            Self::Open => "open",
            Self::Rekey => "rekey",
            Self::Prepare => "prepare",
        }
    }
}

/// A step, and what it is a step of. Shown, it is the name of a point of the refresh transaction: `commit.rename` for
/// the record's file, `commit.mark-file.rename` for the mark beside it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoPoint<'a> {
    /// What the store is doing.
    pub act: IoAct,
    /// Which file is written, where it is not the record: `mark-file`, `prepared-file`, `key`, `store.toml`.
    pub part: Option<&'a str>,
    /// The step.
    pub step: IoStep,
    /// The file (a name without its folder); for the steps on a temporary file the name of the credential.
    pub file: &'a str,
}

impl fmt::Display for IoPoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.act.name())?;
        if let Some(part) = self.part {
            write!(f, ".{part}")?;
        }
        write!(f, ".{}", self.step.name())
    }
}

/// Hears of every step of writing before it is made. For tests: an error takes the place of the step, and a hook that
/// ends the process is a crash at that step.
pub trait IoHook: Send + Sync + 'static {
    /// The step is about to be made.
    ///
    /// # Errors
    /// What the step shall fail with.
    fn before(&self, point: &IoPoint<'_>) -> io::Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_shown_by_the_name_that_everybody_knows_it_by() {
        let record = IoPoint { act: IoAct::Commit, part: None, step: IoStep::SyncDir, file: "x.record" };
        assert_eq!(record.to_string(), "commit.sync-dir");
        let mark = IoPoint { part: Some("mark-file"), ..record };
        assert_eq!(mark.to_string(), "commit.mark-file.sync-dir");
    }
}
