//! The store: the real in-memory one, behind a disk that can fill up.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect};
use renewd_store::MemoryStore;

use crate::scenario::StoreMode;

#[derive(Clone)]
pub(super) struct Disk {
    inner: MemoryStore,
    mode: Arc<Mutex<StoreMode>>,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self { inner: MemoryStore::new(), mode: Arc::new(Mutex::new(StoreMode::Ok)) }
    }

    pub(super) fn set(&self, mode: StoreMode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    fn fault(&self, writing: bool) -> Result<(), StoreFault> {
        let mode = *self.mode.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, message) = match mode {
            StoreMode::Ok => return Ok(()),
            StoreMode::Full if writing => (StoreFaultKind::Full, "no space left on the simulated disk"),
            StoreMode::ReadOnly if writing => (StoreFaultKind::ReadOnly, "the simulated disk is read-only"),
            StoreMode::Full | StoreMode::ReadOnly => return Ok(()),
            StoreMode::Io => (StoreFaultKind::Io, "the simulated disk fails"),
        };
        Err(StoreFault { kind, message: message.into() })
    }
}

#[async_trait]
impl CredentialStore for Disk {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.fault(false)?;
        self.inner.list().await
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        match self.fault(false) {
            Ok(()) => self.inner.load(name).await,
            Err(fault) => Loaded::Fault(fault),
        }
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.fault(false)?;
        self.inner.try_claim(name).await
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        self.fault(true).map_err(CommitFailure::Fault)?;
        self.inner.mark(name, record, fence).await
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        self.fault(true).map_err(CommitFailure::Fault)?;
        self.inner.commit(name, record, fence).await
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.fault(true).map_err(CommitFailure::Fault)?;
        self.inner.put(name, record, expect).await
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        self.fault(false)?;
        self.inner.holder_of(refresh_token, except).await
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        self.inner.fingerprint(name)
    }
}
