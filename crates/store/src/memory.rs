//! A store without a disk, under the same rules.
//!
//! For tests, for the simulator, and for `store.kind = "memory"`. It is deterministic: the same calls give the same
//! results, the digests included.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, StoreFault};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor};

use crate::crypt::{Keys, same_digest};
use crate::fencing::{Standing, Write, admit, keep};
use crate::payload::Version;

/// Digests only ever meet digests of the same memory, beside the tokens themselves: a fixed key keeps a replay
/// identical and gives nothing away.
const DIGEST_KEY: &[u8; 32] = b"renewd-store memory digests only";

/// Records in memory. A clone is the same store: hand one to each machine that shares the credentials.
#[derive(Clone)]
pub struct MemoryStore {
    cells: Arc<Mutex<BTreeMap<CredentialName, Cell>>>,
    keys: Arc<Keys>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { cells: Arc::default(), keys: Arc::new(Keys::derive(DIGEST_KEY)) }
    }
}

#[derive(Clone, Default)]
struct Cell {
    record: Option<Record>,
    greatest: Option<Version>,
    claimed: bool,
    writes: u64,
    prepared: Vec<Prepared>,
}

/// The records of a [`MemoryStore`] at one moment, as a backup keeps them.
#[derive(Clone, Default)]
pub struct MemoryBackup(BTreeMap<CredentialName, Option<Record>>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps what stands in the records now.
    pub fn backup(&self) -> MemoryBackup {
        MemoryBackup(self.cells().iter().map(|(name, cell)| (name.clone(), cell.record.clone())).collect())
    }

    /// Puts kept records back over the present ones, as restoring a backup of record files does: what was the greatest
    /// version stays known, so an older record counts as rolled back.
    pub fn restore(&self, backup: &MemoryBackup) {
        let mut cells = self.cells();
        for (name, record) in &backup.0 {
            let cell = cells.entry(name.clone()).or_default();
            cell.record.clone_from(record);
            cell.writes += 1;
        }
    }

    fn cells(&self) -> MutexGuard<'_, BTreeMap<CredentialName, Cell>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, name: &CredentialName, record: &Record, write: Write<'_>) -> Result<(), CommitFailure> {
        let mut cells = self.cells();
        let standing = cells.get(name).map_or_else(|| Cell::default().standing(), Cell::standing);
        let next = admit(&standing, write, record, |token| self.keys.token_digest(token))?;
        let cell = cells.entry(name.clone()).or_default();
        cell.greatest = cell.greatest.max(Some(next.version()));
        cell.record = Some(next);
        cell.writes += 1;
        if let Write::Put(_) = write {
            cell.prepared.clear();
        }
        Ok(())
    }
}

impl Cell {
    fn standing(&self) -> Standing {
        let loaded = match (&self.record, self.greatest) {
            (None, _) => Loaded::Absent,
            (Some(record), Some(greatest)) if record.version() < greatest => {
                Loaded::RolledBack { record: Box::new(record.clone()), greatest }
            }
            (Some(record), _) => Loaded::Record(Box::new(record.clone())),
        };
        Standing { loaded, greatest: self.greatest, vacant: self.record.is_none() }
    }
}

#[async_trait]
impl CredentialStore for MemoryStore {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        let recorded = |(name, cell): (&CredentialName, &Cell)| cell.record.as_ref().map(|_| name.clone());
        Ok(self.cells().iter().filter_map(recorded).collect())
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        self.cells().get(name).map_or(Loaded::Absent, |cell| cell.standing().loaded)
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        let mut cells = self.cells();
        let cell = cells.entry(name.clone()).or_default();
        if std::mem::replace(&mut cell.claimed, true) {
            return Ok(None);
        }
        drop(cells);
        Ok(Some(Box::new(MemoryClaim { store: self.clone(), name: name.clone() })))
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        self.write(name, record, Write::Mark(fence))
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        self.write(name, record, Write::Commit(fence))
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.write(name, record, Write::Put(expect))
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        let wanted = self.keys.token_digest(refresh_token);
        let holds = |record: &Record| {
            let current = record.grant.refresh_token.as_ref().map(|token| self.keys.token_digest(token));
            [current, record.previous_digest].iter().flatten().any(|digest| same_digest(digest, &wanted))
        };
        let cells = self.cells();
        let mut others = cells.iter().filter(|(name, _)| except != Some(name));
        Ok(others.find(|(_, cell)| cell.record.as_ref().is_some_and(holds)).map(|(name, _)| name.clone()))
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        let cells = self.cells();
        let all = cells.get(name).map(|cell| cell.prepared.as_slice()).unwrap_or_default();
        Ok(all.iter().find(|stands| stands.server == *server).cloned())
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        let mut cells = self.cells();
        Ok(keep(&mut cells.entry(name.clone()).or_default().prepared, prepared))
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        if let Some(cell) = self.cells().get_mut(name) {
            cell.prepared.retain(|stands| server.is_some_and(|server| stands.server != *server));
        }
        Ok(())
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        Some(self.cells().get(name).map_or(0, |cell| cell.writes))
    }
}

struct MemoryClaim {
    store: MemoryStore,
    name: CredentialName,
}

impl Claim for MemoryClaim {}

impl Drop for MemoryClaim {
    fn drop(&mut self) {
        if let Some(cell) = self.store.cells().get_mut(&self.name) {
            cell.claimed = false;
        }
    }
}
