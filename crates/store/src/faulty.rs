//! Makes any store fail on purpose, so that what stands over it can be tried against every failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::{Claim, CredentialName, CredentialStore, Expect, Prepared, PreparedFor};

/// A call of a store.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreCall {
    /// `list`
    List,
    /// `load`
    Load,
    /// `try_claim`
    TryClaim,
    /// `mark`
    Mark,
    /// `commit`
    Commit,
    /// `put`
    Put,
    /// `holder_of`
    HolderOf,
    /// `prepared`
    Prepared,
    /// `prepare`
    Prepare,
    /// `forget_prepared`
    ForgetPrepared,
}

impl StoreCall {
    /// The method's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Load => "load",
            Self::TryClaim => "try_claim",
            Self::Mark => "mark",
            Self::Commit => "commit",
            Self::Put => "put",
            Self::HolderOf => "holder_of",
            Self::Prepared => "prepared",
            Self::Prepare => "prepare",
            Self::ForgetPrepared => "forget_prepared",
        }
    }
}

/// What a failing call does before it fails.
#[expect(clippy::exhaustive_enums, reason = "a call was made or it was not")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: a full disk.
    #[default]
    None,
    /// Everything: the sync of the folder failed after the rename.
    Done,
}

/// A store that fails when it is told to. A clone shares the plan.
#[derive(Clone)]
pub struct Faulty<S> {
    store: S,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    calls: u64,
    once: Vec<(Option<StoreCall>, u64, StoreFaultKind, Effect)>,
    always: Vec<(Option<StoreCall>, StoreFaultKind)>,
}

impl<S> Faulty<S> {
    /// Wraps a store. It fails nowhere yet.
    pub fn new(store: S) -> Self {
        Self { store, plan: Arc::default() }
    }

    /// The store inside.
    pub fn inner(&self) -> &S {
        &self.store
    }

    /// The n-th call from now on (1 is the next) of that method, or of any, fails once.
    pub fn fail_nth(&self, call: Option<StoreCall>, n: u64, kind: StoreFaultKind, effect: Effect) {
        self.plan().once.push((call, n, kind, effect));
    }

    /// Every call of that method, or of any, fails until [`heal`](Self::heal).
    pub fn fail_always(&self, call: Option<StoreCall>, kind: StoreFaultKind) {
        self.plan().always.push((call, kind));
    }

    /// No call fails any more.
    pub fn heal(&self) {
        let mut plan = self.plan();
        plan.once.clear();
        plan.always.clear();
    }

    /// How many of the failures that [`fail_nth`](Self::fail_nth) planned have not come yet.
    pub fn waiting(&self) -> usize {
        self.plan().once.len()
    }

    /// How many calls were made so far.
    pub fn calls(&self) -> u64 {
        self.plan().calls
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; says how it fails, if it does.
    fn fault(&self, call: StoreCall) -> Option<(StoreFault, Effect)> {
        let mut plan = self.plan();
        plan.calls += 1;
        let mut hit = None;
        plan.once.retain_mut(|(which, n, kind, effect)| {
            if which.is_some_and(|which| which != call) {
                return true;
            }
            *n = n.saturating_sub(1);
            if *n == 0 {
                hit = Some((*kind, *effect));
            }
            *n > 0
        });
        let always = plan.always.iter().find(|(which, _)| which.is_none_or(|which| which == call));
        let (kind, effect) = hit.or_else(|| always.map(|(_, kind)| (*kind, Effect::None)))?;
        let message = format!("{} failed on purpose ({})", call.name(), kind.name());
        Some((StoreFault { kind, message }, effect))
    }

    /// Runs a call, or what is left of it.
    async fn run<T, E>(
        &self,
        call: StoreCall,
        work: impl Future<Output = Result<T, E>> + Send,
        failed: impl Fn(StoreFault) -> E + Send,
    ) -> Result<T, E>
    where
        S: Sync,
        T: Send,
        E: Send,
    {
        match self.fault(call) {
            None => work.await,
            Some((fault, Effect::None)) => Err(failed(fault)),
            Some((fault, Effect::Done)) => work.await.and(Err(failed(fault))),
        }
    }
}

#[async_trait]
impl<S: CredentialStore> CredentialStore for Faulty<S> {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        self.run(StoreCall::List, self.store.list(), |fault| fault).await
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        match self.fault(StoreCall::Load) {
            None => self.store.load(name).await,
            Some((fault, _)) => Loaded::Fault(fault),
        }
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.run(StoreCall::TryClaim, self.store.try_claim(name), |fault| fault).await
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        self.run(StoreCall::Mark, self.store.mark(name, record, fence), CommitFailure::Fault).await
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        self.run(StoreCall::Commit, self.store.commit(name, record, fence), CommitFailure::Fault).await
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.run(StoreCall::Put, self.store.put(name, record, expect), CommitFailure::Fault).await
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        self.run(StoreCall::HolderOf, self.store.holder_of(refresh_token, except), |fault| fault).await
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        self.run(StoreCall::Prepared, self.store.prepared(name, server), |fault| fault).await
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        self.run(StoreCall::Prepare, self.store.prepare(name, prepared), |fault| fault).await
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        self.run(StoreCall::ForgetPrepared, self.store.forget_prepared(name, server), |fault| fault).await
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        self.store.fingerprint(name)
    }
}
