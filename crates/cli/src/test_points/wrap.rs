//! The ports with points around them, and the hook that names the steps within.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use renewd_core::{
    Answer, AttemptId, CommitFailure, Fence, Loaded, Record, Secret, StoreFault, TokenRequest,
};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect, StoreWatch, TokenEndpoint};
use renewd_store::{IoHook, IoStep};

use super::Points;
use super::names::{MARK_FILE, step};

/// Which write is under way. One for the process: the tests keep one credential, and its writes come one at a time.
#[derive(Clone, Copy, Default)]
pub(super) struct Stage {
    /// `orphan`, `mark` or `commit`; none while a login, logout or import is written, or a room is made.
    name: Option<&'static str>,
    /// The record was read back: what is written now is its mark.
    record_stands: bool,
}

impl Points {
    fn begin(&self, name: &'static str) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) =
            Stage { name: Some(name), record_stands: false };
    }

    fn end(&self) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage::default();
    }

    /// The point that a step is now, if it is one.
    fn at_step(&self, at: IoStep) -> Option<String> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let name = stage.name?;
        let last_of_record = at == IoStep::ReadBack && !stage.record_stands;
        let point = if stage.record_stands {
            format!("{name}.{MARK_FILE}.{}", step(at))
        } else {
            format!("{name}.{}", step(at))
        };
        stage.record_stands |= last_of_record;
        Some(point)
    }
}

/// Passes the steps of writing files.
pub(super) struct Steps(pub(super) Arc<Points>);

impl IoHook for Steps {
    fn before(&self, at: IoStep, _file: &str) -> io::Result<()> {
        match self.0.at_step(at) {
            Some(point) => self.0.pass(&point),
            None => Ok(()),
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
        self.points.begin("mark");
        let marked = self.inner.mark(name, record, fence).await;
        self.points.end();
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
        let orphans = self.is_orphans(record);
        self.points.begin(if orphans { "orphan" } else { "commit" });
        let committed = self.inner.commit(name, record, fence).await;
        self.points.end();
        if committed.is_ok() && !orphans {
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
        self.points.pass_by("send.after");
        answer
    }

    fn abort(&self, attempt: AttemptId) {
        self.inner.abort(attempt);
    }
}
