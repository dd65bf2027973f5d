//! The disk that the processes share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use renewd_core::{CommitFailure, Fence, Loaded, RECORD_FORMAT, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect};
use renewd_store::{MemoryBackup, MemoryStore};

use super::life::Life;
use super::triggers::Triggers;
use crate::points::STEPS;
use crate::scenario::StoreMode;

/// Clones are the same disk.
#[derive(Clone)]
pub(super) struct Disk {
    inner: MemoryStore,
    name: CredentialName,
    state: Arc<Mutex<State>>,
}

struct State {
    mode: StoreMode,
    doing: &'static str,
    damaged: bool,
    newer: bool,
    backup: Option<MemoryBackup>,
}

impl Disk {
    pub(super) fn new(name: &CredentialName) -> Self {
        let state =
            State { mode: StoreMode::Ok, doing: "put", damaged: false, newer: false, backup: None };
        Self { inner: MemoryStore::new(), name: name.clone(), state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store as this process opens it.
    pub(super) fn handle(&self, life: &Life, triggers: &Triggers) -> Arc<dyn CredentialStore> {
        Arc::new(Handle { disk: self.clone(), life: life.clone(), triggers: triggers.clone() })
    }

    /// What the write that comes is for: the first part of its points' names.
    pub(super) fn doing(&self, doing: &'static str) {
        self.lock().doing = doing;
    }

    /// Changes how it behaves, or what lies on it. True where what lies on it is not what was written.
    pub(super) fn set(&self, mode: StoreMode) -> bool {
        let mut state = self.lock();
        match mode {
            StoreMode::Backup => state.backup = Some(self.inner.backup()),
            StoreMode::Restore => {
                if let Some(backup) = &state.backup {
                    self.inner.restore(backup);
                }
                return true;
            }
            StoreMode::Damage(_) => {
                state.damaged = true;
                return true;
            }
            StoreMode::Newer => state.newer = true,
            StoreMode::Ok | StoreMode::Full | StoreMode::ReadOnly | StoreMode::Io | StoreMode::FsyncOnce => {
                state.mode = mode;
            }
        }
        false
    }

    /// The power fails.
    pub(super) fn power_cut(&self, _seed: u64) {}

    /// What anybody would read now.
    pub(super) fn visible(&self) -> Loaded {
        match futures_util::FutureExt::now_or_never(self.inner.load(&self.name)) {
            Some(loaded) => self.as_read(loaded),
            None => Loaded::Absent,
        }
    }

    /// What would be read after a power cut now.
    pub(super) fn durable(&self) -> Loaded {
        self.visible()
    }

    fn as_read(&self, loaded: Loaded) -> Loaded {
        let state = self.lock();
        if state.damaged {
            return Loaded::Fault(fault(StoreFaultKind::Damaged, "the simulated record is damaged"));
        }
        match loaded {
            Loaded::Record(mut record) if state.newer => {
                record.format = RECORD_FORMAT + 1;
                Loaded::Record(record)
            }
            other => other,
        }
    }

    fn fault(&self, writing: bool) -> Result<(), StoreFault> {
        let mut state = self.lock();
        match state.mode {
            StoreMode::Full if writing => Err(fault(StoreFaultKind::Full, "no space left on the simulated disk")),
            StoreMode::ReadOnly if writing => {
                Err(fault(StoreFaultKind::ReadOnly, "the simulated disk is read-only"))
            }
            StoreMode::Io => Err(fault(StoreFaultKind::Io, "the simulated disk fails")),
            StoreMode::FsyncOnce if writing => {
                state.mode = StoreMode::Ok;
                Err(fault(StoreFaultKind::Io, "the simulated disk fails to sync"))
            }
            _ => Ok(()),
        }
    }
}

fn fault(kind: StoreFaultKind, message: &str) -> StoreFault {
    StoreFault { kind, message: message.into() }
}

struct Handle {
    disk: Disk,
    life: Life,
    triggers: Triggers,
}

impl Handle {
    fn step(&self, steps: &[&str]) -> Result<(), CommitFailure> {
        let doing = self.disk.lock().doing;
        for step in steps.iter().filter(|s| **s != "preallocate" || doing == "mark") {
            if self.triggers.reach(&self.life, &format!("{doing}.{step}")) {
                return Err(CommitFailure::Fault(fault(StoreFaultKind::Io, "the process is dead")));
            }
        }
        Ok(())
    }

    fn before(&self) -> Result<(), CommitFailure> {
        self.step(&STEPS[..5])?;
        self.disk.fault(true).map_err(CommitFailure::Fault)
    }
}

#[async_trait]
impl CredentialStore for Handle {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.disk.fault(false)?;
        self.disk.inner.list().await
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        match self.disk.fault(false) {
            Ok(()) => {
                let loaded = self.disk.inner.load(name).await;
                self.disk.as_read(loaded)
            }
            Err(fault) => Loaded::Fault(fault),
        }
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.disk.fault(false)?;
        self.disk.inner.try_claim(name).await
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        self.before()?;
        self.disk.inner.mark(name, record, fence).await?;
        self.step(&STEPS[5..])
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        self.before()?;
        self.disk.inner.commit(name, record, fence).await?;
        self.step(&STEPS[5..])
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.disk.fault(true).map_err(CommitFailure::Fault)?;
        self.disk.lock().damaged = false;
        self.disk.inner.put(name, record, expect).await
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        self.disk.fault(false)?;
        self.disk.inner.holder_of(refresh_token, except).await
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        self.disk.inner.fingerprint(name)
    }
}
