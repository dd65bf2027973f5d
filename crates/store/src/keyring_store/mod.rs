//! The asynchronous port over records in a keyring.
//!
//! A keyring may hang until its deadline, or ask a person. So nothing of it is done in place: each call becomes a job
//! on a thread of its own kind (`lanes`), and the future only waits for the outcome, under any runtime or none.
//! Whatever touches the folder alone, the fingerprint and the watch, is done at once.

mod lanes;

use async_trait::async_trait;
use futures_channel::oneshot;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor, StoreWatch};
use std::sync::Arc;

use crate::fault::fault;
use crate::file::FileStore;
use lanes::Lanes;

/// A store whose records lie in a keyring ([`StoreKind::Keyring`](crate::StoreKind)), for an event loop. A clone is the
/// same store.
///
/// Calls about one credential are made in the order in which they were asked for. A call whose future is dropped is
/// made all the same, and a claim that is dropped before is given back after it. When too many wait, because the keyring hangs, the next one fails at once.
#[derive(Clone)]
pub struct KeyringStore {
    store: FileStore,
    lanes: Arc<Lanes>,
}

impl KeyringStore {
    /// Makes the calls of an open store on threads of their own. They begin when there is something to do and end
    /// soon after there is nothing.
    pub fn new(store: FileStore) -> Self {
        Self { store, lanes: Arc::default() }
    }

    /// The store itself, for whoever may block.
    pub fn blocking(&self) -> &FileStore {
        &self.store
    }

    /// Makes a call when its turn comes and waits for its outcome.
    async fn call<T: Send + 'static>(
        &self,
        name: Option<&CredentialName>,
        call: impl FnOnce(&FileStore) -> T + Send + 'static,
    ) -> Result<T, StoreFault> {
        // A fork has neither these threads nor the keyring's.
        self.store.check_process()?;
        let (tell, told) = oneshot::channel();
        let store = self.store.clone();
        let job = Box::new(move || drop(tell.send(call(&store))));
        self.lanes.submit(name, job).map_err(|why| {
            let message = format!(
                "the keyring store takes no call now: {why}; the keyring may hang, or wait for a person"
            );
            fault(StoreFaultKind::KeyUnavailable, message)
        })?;
        told.await
            .map_err(|_| fault(StoreFaultKind::Io, "a call of the keyring store ended without an answer"))
    }

    async fn write(
        &self,
        name: &CredentialName,
        write: impl FnOnce(&FileStore) -> Result<(), CommitFailure> + Send + 'static,
    ) -> Result<(), CommitFailure> {
        // Given back when the write is made, whoever gave it back before: nobody else may spend what this write is about.
        let claim = self.store.held_claim(name);
        let job = move |store: &FileStore| {
            let outcome = write(store);
            drop(claim);
            outcome
        };
        self.call(Some(name), job).await.map_err(CommitFailure::Fault)?
    }
}

#[async_trait]
impl CredentialStore for KeyringStore {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.call(None, FileStore::list_blocking).await?
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        let at = name.clone();
        self.call(Some(name), move |store| store.load_blocking(&at)).await.unwrap_or_else(Loaded::Fault)
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        // A lock file is taken or not: the keyring has no part in it. Behind the calls that came before, all the same.
        let at = name.clone();
        self.call(Some(name), move |store| store.try_claim_blocking(&at)).await?
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        let (at, record, fence) = (name.clone(), record.clone(), *fence);
        self.write(name, move |store| store.mark_blocking(&at, &record, &fence)).await
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        let (at, record, fence) = (name.clone(), record.clone(), *fence);
        self.write(name, move |store| store.commit_blocking(&at, &record, &fence)).await
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        let (at, record) = (name.clone(), record.clone());
        self.write(name, move |store| store.put_blocking(&at, &record, expect)).await
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        let (token, except) = (refresh_token.clone(), except.cloned());
        self.call(None, move |store| store.holder_of_blocking(&token, except.as_ref())).await?
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        let (at, server) = (name.clone(), server.clone());
        self.call(Some(name), move |store| store.prepared_blocking(&at, &server)).await?
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        let (at, prepared) = (name.clone(), prepared.clone());
        self.call(Some(name), move |store| store.prepare_blocking(&at, &prepared)).await?
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        let (at, server) = (name.clone(), server.cloned());
        self.call(Some(name), move |store| store.forget_prepared_blocking(&at, server.as_ref())).await?
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        Some(self.store.fingerprint_blocking(name))
    }

    fn watch(&self) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        self.store.watch()
    }
}
