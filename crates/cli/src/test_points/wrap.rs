//! The ports with points around them, and the hook that names the steps within.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use renewd_core::{
    Answer, AttemptId, CommitFailure, Fence, Loaded, Record, Secret, StoreFault, TokenRequest,
};
use renewd_driver::{
    Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor, StoreWatch, TokenEndpoint,
};
use renewd_store::{IoAct, IoHook, IoPoint};

use super::Points;

/// Passes the steps of writing files, by the names that the store gives them.
pub(super) struct Steps(pub(super) Arc<Points>);

impl IoHook for Steps {
    fn before(&self, point: &IoPoint<'_>) -> io::Result<()> {
        match point.act {
            IoAct::Mark | IoAct::Orphan | IoAct::Commit | IoAct::Rekey => self.0.pass(&point.to_string()),
            IoAct::Open if point.part == Some("key") => self.0.pass(&point.to_string()),
            // A login, an import, a repair or a new store is no part of a refresh, nor of a change of the key.
            _ => Ok(()),
        }
    }
}

/// A store with points around its calls.
pub(super) struct Store {
    inner: Arc<dyn CredentialStore>,
    points: Arc<Points>,
    /// A claim was taken, and the record not read yet.
    fresh_claim: AtomicBool,
    /// The intent of ours stands under this claim: what is committed is an outcome, not an orphan's mark.
    marked: AtomicBool,
}

impl Store {
    pub(super) fn around(inner: Arc<dyn CredentialStore>, points: Arc<Points>) -> Self {
        Self { inner, points, fresh_claim: AtomicBool::new(false), marked: AtomicBool::new(false) }
    }

    /// A commit that writes down that somebody else's intent has lost its owner.
    fn is_orphans(&self, record: &Record) -> bool {
        let orphaned = record.intent.as_ref().is_some_and(|intent| intent.orphaned.is_some());
        orphaned && !self.marked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl CredentialStore for Store {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.inner.list().await
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        let loaded = self.inner.load(name).await;
        if self.fresh_claim.swap(false, Ordering::SeqCst) {
            self.points.pass_by("claim.taken");
        }
        loaded
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.points.pass_by("claim.before");
        let Some(claim) = self.inner.try_claim(name).await? else { return Ok(None) };
        self.fresh_claim.store(true, Ordering::SeqCst);
        self.marked.store(false, Ordering::SeqCst);
        Ok(Some(Box::new(Held { claim: Some(claim), points: Arc::clone(&self.points) })))
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        let marked = self.inner.mark(name, record, fence).await;
        if marked.is_ok() {
            self.marked.store(true, Ordering::SeqCst);
            self.points.pass_by("mark.done");
        }
        marked
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        let committed = self.inner.commit(name, record, fence).await;
        if committed.is_ok() && !self.is_orphans(record) {
            self.points.pass_by("commit.done");
        }
        committed
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.inner.put(name, record, expect).await
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        self.inner.holder_of(refresh_token, except).await
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        self.inner.prepared(name, server).await
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        self.inner.prepare(name, prepared).await
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        self.inner.forget_prepared(name, server).await
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        self.inner.fingerprint(name)
    }

    fn watch(&self) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        self.inner.watch()
    }
}

/// A claim that tells when it is given back.
struct Held {
    claim: Option<Box<dyn Claim>>,
    points: Arc<Points>,
}

impl Claim for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.claim.take());
        self.points.pass_by("claim.released");
    }
}

/// An endpoint with points around its call.
pub(super) struct Endpoint {
    inner: Arc<dyn TokenEndpoint>,
    points: Arc<Points>,
}

impl Endpoint {
    pub(super) fn around(inner: Arc<dyn TokenEndpoint>, points: Arc<Points>) -> Self {
        Self { inner, points }
    }
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    async fn send(&self, attempt: AttemptId, request: TokenRequest) -> Answer {
        self.points.pass_by("send.before");
        let answer = self.inner.send(attempt, request).await;
        let at_hand = || match &answer {
            Answer::Response(response) => response.body.expose_str().unwrap_or_default().to_owned(),
            Answer::Failed(_) => String::new(),
        };
        // As in `pass_by`: no failure can be asked for here.
        let _ = self.points.pass_with("send.after", &at_hand);
        answer
    }

    fn abort(&self, attempt: AttemptId) {
        self.inner.abort(attempt);
    }
}
