//! The asynchronous port. The work is short and bounded, and is done in place; a host that minds calls the `_blocking`
//! methods on a thread of its own.
//!
//! But for the one time after the key was replaced: a keyring may hang until its deadline, and deriving a key from a
//! passphrase takes what it shall take. That is done on another thread, as by a [`KeyringStore`].

use async_trait::async_trait;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, StoreFault};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor, StoreWatch};

use super::FileStore;
use crate::keyring_store::KeyringStore;

impl FileStore {
    /// The same store on a thread of its own, where a new key may have to be fetched.
    fn aside(&self) -> Option<KeyringStore> {
        let long = self.inner.keys.may_take_long(|| self.inner.open_dir().ok());
        (long && self.inner.check_process().is_ok()).then(|| KeyringStore::new(self.clone()))
    }
}

#[async_trait]
impl CredentialStore for FileStore {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.list_blocking()
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        match self.aside() {
            Some(aside) => aside.load(name).await,
            None => self.load_blocking(name),
        }
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.try_claim_blocking(name)
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        match self.aside() {
            Some(aside) => aside.mark(name, record, fence).await,
            None => self.mark_blocking(name, record, fence),
        }
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        match self.aside() {
            Some(aside) => aside.commit(name, record, fence).await,
            None => self.commit_blocking(name, record, fence),
        }
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        match self.aside() {
            Some(aside) => aside.put(name, record, expect).await,
            None => self.put_blocking(name, record, expect),
        }
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        match self.aside() {
            Some(aside) => aside.holder_of(refresh_token, except).await,
            None => self.holder_of_blocking(refresh_token, except),
        }
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        match self.aside() {
            Some(aside) => aside.prepared(name, server).await,
            None => self.prepared_blocking(name, server),
        }
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        match self.aside() {
            Some(aside) => aside.prepare(name, prepared).await,
            None => self.prepare_blocking(name, prepared),
        }
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        match self.aside() {
            Some(aside) => aside.forget_prepared(name, server).await,
            None => self.forget_prepared_blocking(name, server),
        }
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        Some(self.fingerprint_blocking(name))
    }

    /// None where the file system may have users elsewhere: of what they write nobody here is told.
    fn watch(&self) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        if self.inner.open_dir()?.unshared_locks()?.is_some() {
            return Ok(None);
        }
        self.inner.disk.machine.watch(&self.inner.dir, self.inner.place.signalled())
    }
}
