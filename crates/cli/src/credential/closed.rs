//! A store that does not open. What its folder shows without the key is told all the same: which logins there are.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor};

use super::store::{OpenStore, store_folder};
use crate::config::Config;
use crate::exit::Failure;

/// Files that stand beside a record of any kind, by their ends.
const BESIDE: [&str; 2] = [".record", ".mark"];

/// What can be seen of the store of this configuration, which does not open for this reason.
///
/// # Errors
/// When nothing says where it is.
pub(crate) fn closed_store(config: &Config, why: &Failure) -> Result<OpenStore, Failure> {
    let place = store_folder(config)?;
    let fault = StoreFault { kind: StoreFaultKind::KeyUnavailable, message: why.message.clone() };
    Ok(OpenStore { port: Arc::new(Closed::at(&place, fault)), place: place.display().to_string() })
}

/// The names that can be seen without the key: those of a store of files, and of a keyring's where they were marked.
///
/// # Errors
/// When nothing says where the store is.
pub(crate) fn names_in_folder(config: &Config) -> Result<Vec<CredentialName>, Failure> {
    Ok(seen_in(&store_folder(config)?))
}

fn seen_in(folder: &Path) -> Vec<CredentialName> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let name = |file: String| BESIDE.iter().find_map(|end| file.strip_suffix(end)?.parse().ok());
    let mut names: Vec<CredentialName> = files.filter_map(name).collect();
    names.sort();
    names.dedup();
    names
}

/// A store that does not open, and why.
struct Closed {
    names: Vec<CredentialName>,
    why: StoreFault,
}

impl Closed {
    fn at(folder: &Path, why: StoreFault) -> Self {
        Self { names: seen_in(folder), why }
    }
}

#[async_trait]
impl CredentialStore for Closed {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        Ok(self.names.clone())
    }

    async fn load(&self, _name: &CredentialName) -> Loaded {
        Loaded::Fault(self.why.clone())
    }

    async fn try_claim(&self, _name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        Err(self.why.clone())
    }

    async fn mark(&self, _: &CredentialName, _: &Record, _: &Fence) -> Result<(), CommitFailure> {
        Err(CommitFailure::Fault(self.why.clone()))
    }

    async fn commit(&self, _: &CredentialName, _: &Record, _: &Fence) -> Result<(), CommitFailure> {
        Err(CommitFailure::Fault(self.why.clone()))
    }

    async fn put(&self, _: &CredentialName, _: &Record, _: Expect) -> Result<(), CommitFailure> {
        Err(CommitFailure::Fault(self.why.clone()))
    }

    async fn holder_of(
        &self,
        _: &Secret,
        _: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        Err(self.why.clone())
    }

    async fn prepared(&self, _: &CredentialName, _: &PreparedFor) -> Result<Option<Prepared>, StoreFault> {
        Err(self.why.clone())
    }

    async fn prepare(&self, _: &CredentialName, _: &Prepared) -> Result<Prepared, StoreFault> {
        Err(self.why.clone())
    }

    async fn forget_prepared(&self, _: &CredentialName, _: Option<&PreparedFor>) -> Result<(), StoreFault> {
        Err(self.why.clone())
    }

    fn fingerprint(&self, _: &CredentialName) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_blocking::block_on;

    #[test]
    fn the_names_are_seen_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["work.record", "work.mark", "wiki.mark", "store.toml", "work.claim", ".work.tmp-1"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let why = StoreFault { kind: StoreFaultKind::KeyUnavailable, message: "locked".into() };
        let closed = Closed::at(folder.path(), why.clone());
        let names = block_on(closed.list()).unwrap();
        assert_eq!(names.iter().map(CredentialName::as_str).collect::<Vec<_>>(), ["wiki", "work"]);
        assert!(matches!(block_on(closed.load(&names[0])), Loaded::Fault(fault) if fault == why));
        assert!(block_on(closed.try_claim(&names[0])).is_err());
    }
}
