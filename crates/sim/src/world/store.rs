//! The store as one process reaches it: the points of its calls, the time they take, and the oracle who watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, Span, StoreFault};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor, StoreWatch};

use super::life::Life;
use super::machine::Machine;
use super::oracle::{Oracle, Wrote};
use super::triggers::Triggers;

pub(super) use super::disk::Disk;

/// The store of one process.
pub(super) struct ProcessStore {
    pub(super) disk: Disk,
    pub(super) store: Arc<dyn CredentialStore>,
    pub(super) life: Life,
    pub(super) machine: Machine,
    pub(super) oracle: Oracle,
    pub(super) triggers: Triggers,
    pub(super) latency: Span,
    /// The claim was granted, and what stands under it was not read yet.
    claimed: AtomicBool,
}

impl ProcessStore {
    pub(super) fn new(
        disk: &Disk,
        life: &Life,
        machine: &Machine,
        oracle: &Oracle,
        triggers: &Triggers,
    ) -> Self {
        Self {
            disk: disk.clone(),
            store: disk.handle(life, triggers),
            life: life.clone(),
            machine: machine.clone(),
            oracle: oracle.clone(),
            triggers: triggers.clone(),
            latency: Span::ZERO,
            claimed: AtomicBool::new(false),
        }
    }

    /// A call begins. It never ends where the process is dead.
    async fn begin(&self) {
        if !self.latency.is_zero() {
            self.machine.sleep(self.latency).await;
        }
        self.alive().await;
    }

    async fn alive(&self) {
        if self.life.is_over() {
            std::future::pending::<()>().await;
        }
    }

    async fn pass(&self, point: &str) {
        self.triggers.reach(&self.life, point);
        self.alive().await;
    }

    async fn write(
        &self,
        name: &CredentialName,
        record: &Record,
        write: Wrote<'_>,
        doing: &'static str,
    ) -> Result<(), CommitFailure> {
        self.begin().await;
        let before = self.disk.visible();
        self.oracle.will_write(record);
        let done = match write {
            Wrote::Mark(fence) => self.store.mark(name, record, fence).await,
            Wrote::Commit(fence) => self.store.commit(name, record, fence).await,
            Wrote::Put(expect) => self.store.put(name, record, expect).await,
        };
        self.alive().await;
        if done.is_ok() {
            self.oracle.wrote(write, &before, record);
        }
        self.pass(&format!("{doing}.done")).await;
        done
    }
}

#[async_trait]
impl CredentialStore for ProcessStore {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.begin().await;
        self.store.list().await
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        self.begin().await;
        let loaded = self.store.load(name).await;
        self.alive().await;
        self.oracle.loaded(&loaded);
        if self.claimed.swap(false, Ordering::Relaxed) {
            self.pass("claim.taken").await;
        }
        loaded
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.begin().await;
        self.pass("claim.before").await;
        let Some(claim) = self.store.try_claim(name).await? else { return Ok(None) };
        self.claimed.store(true, Ordering::Relaxed);
        let (life, triggers) = (self.life.clone(), self.triggers.clone());
        Ok(Some(Box::new(Held { claim: Some(claim), life, triggers })))
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        self.write(name, record, Wrote::Mark(fence), "mark").await
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        let orphan = fence.attempt.is_none() && record.intent.as_ref().is_some_and(|i| i.orphaned.is_some());
        self.write(name, record, Wrote::Commit(fence), if orphan { "orphan" } else { "commit" }).await
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.write(name, record, Wrote::Put(expect), "put").await
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        self.begin().await;
        self.store.holder_of(refresh_token, except).await
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        self.begin().await;
        self.store.prepared(name, server).await
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        self.begin().await;
        self.store.prepare(name, prepared).await
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        self.begin().await;
        self.store.forget_prepared(name, server).await
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        self.store.fingerprint(name)
    }

    fn watch(&self) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        self.store.watch()
    }
}

/// A claim that says when it is given back.
struct Held {
    claim: Option<Box<dyn Claim>>,
    life: Life,
    triggers: Triggers,
}

impl Claim for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.claim = None;
        if !self.life.is_over() {
            self.triggers.reach(&self.life, "claim.released");
        }
    }
}
