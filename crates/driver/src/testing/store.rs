//! A store in memory that remembers its calls and fails when told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_channel::mpsc;
use futures_util::StreamExt;
use renewd_core::{CommitFailure, Fence, Loaded, Record, Secret, Span, StoreFault, StoreFaultKind};

use super::{VirtualClock, lock};
use crate::CredentialName;
use crate::ports::{Claim, CredentialStore, Expect, StoreChange, StoreWatch};
use crate::prepared::{Prepared, PreparedFor};

/// A call that a [`MemoryStore`] got.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCall {
    /// A record was read.
    Load,
    /// The claim was tried; whether it was granted.
    Claim(bool),
    /// An intent was written.
    Mark,
    /// An outcome was written.
    Commit,
    /// The claim was given back.
    Release,
}

/// Which calls fail.
#[expect(clippy::exhaustive_enums, reason = "a test chooses among them")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultAt {
    /// None.
    #[default]
    Nowhere,
    /// Reads.
    Load,
    /// Claims.
    Claim,
    /// Intents.
    Mark,
    /// Outcomes.
    Commit,
    /// Reads panic: the port has a bug.
    LoadPanics,
}

/// Records in memory. Clones are the same store, as if seen by several processes.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    /// How long each call takes, where it takes time.
    latency: Option<(VirtualClock, Span)>,
}

#[derive(Default)]
struct State {
    records: BTreeMap<CredentialName, Record>,
    prepared: BTreeMap<CredentialName, Vec<Prepared>>,
    writes: BTreeMap<CredentialName, u64>,
    claims: BTreeSet<CredentialName>,
    /// Counts how often all claims were lost.
    claims_era: u64,
    calls: Vec<(CredentialName, StoreCall)>,
    remember: bool,
    fault: FaultAt,
    fingerprints: bool,
    fingerprints_asked: u64,
    /// Whether the store tells of writes by itself.
    tells: bool,
    /// Why watching does not begin.
    watch_fault: Option<StoreFault>,
    watches: Vec<mpsc::UnboundedSender<Heard>>,
}

type Heard = Result<StoreChange, StoreFault>;

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that remembers its calls and gives fingerprints.
    pub fn new() -> Self {
        let state = State { remember: true, fingerprints: true, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), latency: None }
    }

    /// The same store, for nobody but this process: no calls are remembered, no fingerprints given.
    #[must_use]
    pub fn private(self) -> Self {
        {
            let mut state = lock(&self.state);
            state.remember = false;
            state.fingerprints = false;
        }
        self
    }

    /// The same store, which tells whoever watches it of every write.
    #[must_use]
    pub fn telling(self) -> Self {
        lock(&self.state).tells = true;
        self
    }

    /// Tells the watches this, whatever is true.
    pub fn tell(&self, change: StoreChange) {
        lock(&self.state).tell(Ok(change));
    }

    /// Ends every watch with this fault, and lets none begin until [`mend_watch`](Self::mend_watch).
    pub fn break_watch(&self, fault: StoreFault) {
        let mut state = lock(&self.state);
        state.tell(Err(fault.clone()));
        state.watches.clear();
        state.watch_fault = Some(fault);
    }

    /// Watches can begin again.
    pub fn mend_watch(&self) {
        lock(&self.state).watch_fault = None;
    }

    /// How many watch it.
    pub fn watches(&self) -> usize {
        let mut state = lock(&self.state);
        state.watches.retain(|watch| !watch.is_closed());
        state.watches.len()
    }

    /// How many fingerprints were asked for since this was last asked.
    pub fn take_fingerprints_asked(&self) -> u64 {
        std::mem::take(&mut lock(&self.state).fingerprints_asked)
    }

    /// The same store, but each call takes so long.
    #[must_use]
    pub fn with_latency(mut self, clock: &VirtualClock, latency: Span) -> Self {
        self.latency = Some((clock.clone(), latency));
        self
    }

    /// Another process writes a record.
    pub fn write(&self, name: &CredentialName, record: Record) {
        let mut state = lock(&self.state);
        state.put(name, record);
    }

    /// Somebody removes a record's file.
    pub fn remove(&self, name: &CredentialName) {
        let mut state = lock(&self.state);
        state.records.remove(name);
        state.written(name);
    }

    /// What stands there.
    pub fn read(&self, name: &CredentialName) -> Option<Record> {
        lock(&self.state).records.get(name).cloned()
    }

    /// From now on such calls fail.
    pub fn fail(&self, at: FaultAt) {
        lock(&self.state).fault = at;
    }

    /// Another process takes the claim, if it is free.
    pub fn claim_elsewhere(&self, name: &CredentialName) -> Option<Box<dyn Claim>> {
        self.take_claim(name)
    }

    /// Somebody removes the lock files: whoever holds a claim holds it in vain, and others can take it.
    pub fn lose_claims(&self) {
        let mut state = lock(&self.state);
        state.claims.clear();
        state.claims_era += 1;
    }

    /// The calls since this was last asked.
    pub fn take_calls(&self) -> Vec<(CredentialName, StoreCall)> {
        std::mem::take(&mut lock(&self.state).calls)
    }

    fn take_claim(&self, name: &CredentialName) -> Option<Box<dyn Claim>> {
        let mut state = lock(&self.state);
        let (granted, era) = (state.claims.insert(name.clone()), state.claims_era);
        granted.then(|| {
            let state = Arc::downgrade(&self.state);
            Box::new(MemoryClaim { state, name: name.clone(), era }) as Box<dyn Claim>
        })
    }

    async fn pause(&self) {
        if let Some((clock, latency)) = &self.latency {
            clock.sleep(*latency).await;
        }
    }

    fn note(&self, name: &CredentialName, call: StoreCall) {
        let mut state = lock(&self.state);
        if state.remember {
            state.calls.push((name.clone(), call));
        }
    }

    fn check(&self, at: FaultAt) -> Result<(), StoreFault> {
        if lock(&self.state).fault != at {
            return Ok(());
        }
        Err(StoreFault { kind: StoreFaultKind::Io, message: format!("the test's store fails at {at:?}") })
    }

    fn write_fenced(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        let mut state = lock(&self.state);
        let standing = state.records.get(name);
        let holds = match standing {
            Some(r) => {
                r.version() == (fence.epoch, fence.generation)
                    && fence.attempt.is_none_or(|id| r.intent.as_ref().is_some_and(|i| i.attempt == id))
            }
            // A record that was removed is restored by what is newer, and by nothing else.
            None => record.version() > (fence.epoch, fence.generation),
        };
        if !holds {
            let standing = standing.map_or(Loaded::Absent, |r| Loaded::Record(Box::new(r.clone())));
            return Err(CommitFailure::Fenced(standing));
        }
        state.put(name, record.clone());
        Ok(())
    }
}

impl State {
    fn put(&mut self, name: &CredentialName, record: Record) {
        self.records.insert(name.clone(), record);
        self.written(name);
    }

    fn written(&mut self, name: &CredentialName) {
        if self.fingerprints {
            *self.writes.entry(name.clone()).or_default() += 1;
        }
        self.tell(Ok(StoreChange::Record(name.clone())));
    }

    fn tell(&mut self, heard: Heard) {
        self.watches.retain(|watch| watch.unbounded_send(heard.clone()).is_ok());
    }
}

#[async_trait]
impl CredentialStore for MemoryStore {
    async fn list(&self) -> Result<Vec<CredentialName>, StoreFault> {
        Ok(lock(&self.state).records.keys().cloned().collect())
    }

    async fn load(&self, name: &CredentialName) -> Loaded {
        self.pause().await;
        self.note(name, StoreCall::Load);
        assert!(lock(&self.state).fault != FaultAt::LoadPanics, "the test's store panics");
        match self.check(FaultAt::Load) {
            Err(fault) => Loaded::Fault(fault),
            Ok(()) => self.read(name).map_or(Loaded::Absent, |r| Loaded::Record(Box::new(r))),
        }
    }

    async fn try_claim(&self, name: &CredentialName) -> Result<Option<Box<dyn Claim>>, StoreFault> {
        self.pause().await;
        self.check(FaultAt::Claim)?;
        let claim = self.take_claim(name);
        self.note(name, StoreCall::Claim(claim.is_some()));
        Ok(claim)
    }

    async fn mark(&self, name: &CredentialName, record: &Record, fence: &Fence) -> Result<(), CommitFailure> {
        self.pause().await;
        self.note(name, StoreCall::Mark);
        self.check(FaultAt::Mark).map_err(CommitFailure::Fault)?;
        self.write_fenced(name, record, fence)
    }

    async fn commit(
        &self,
        name: &CredentialName,
        record: &Record,
        fence: &Fence,
    ) -> Result<(), CommitFailure> {
        self.pause().await;
        self.note(name, StoreCall::Commit);
        self.check(FaultAt::Commit).map_err(CommitFailure::Fault)?;
        self.write_fenced(name, record, fence)
    }

    async fn put(&self, name: &CredentialName, record: &Record, expect: Expect) -> Result<(), CommitFailure> {
        self.pause().await;
        let standing = self.read(name);
        let holds = match (&standing, expect) {
            (None, Expect::Absent) => true,
            (Some(r), Expect::Version { epoch, generation }) => r.version() == (epoch, generation),
            (None, Expect::Version { .. }) | (Some(_), Expect::Absent) => false,
        };
        if !holds {
            let standing = standing.map_or(Loaded::Absent, |r| Loaded::Record(Box::new(r)));
            return Err(CommitFailure::Fenced(standing));
        }
        self.write(name, record.clone());
        lock(&self.state).prepared.remove(name);
        Ok(())
    }

    async fn prepared(
        &self,
        name: &CredentialName,
        server: &PreparedFor,
    ) -> Result<Option<Prepared>, StoreFault> {
        let state = lock(&self.state);
        let all = state.prepared.get(name).map(Vec::as_slice).unwrap_or_default();
        Ok(all.iter().find(|stands| stands.server == *server).cloned())
    }

    async fn prepare(&self, name: &CredentialName, prepared: &Prepared) -> Result<Prepared, StoreFault> {
        let mut state = lock(&self.state);
        let all = state.prepared.entry(name.clone()).or_default();
        let stands = all.iter().position(|stands| stands.server == prepared.server).map(|at| all.remove(at));
        let next = stands.map_or(prepared.clone(), |stands| stands.or(prepared.clone()));
        all.push(next.clone());
        Ok(next)
    }

    async fn forget_prepared(
        &self,
        name: &CredentialName,
        server: Option<&PreparedFor>,
    ) -> Result<(), StoreFault> {
        let mut state = lock(&self.state);
        if let Some(all) = state.prepared.get_mut(name) {
            all.retain(|stands| server.is_some_and(|server| stands.server != *server));
        }
        Ok(())
    }

    async fn holder_of(
        &self,
        refresh_token: &Secret,
        except: Option<&CredentialName>,
    ) -> Result<Option<CredentialName>, StoreFault> {
        let state = lock(&self.state);
        let holds =
            |r: &Record| r.grant.refresh_token.as_ref().is_some_and(|rt| rt.same_as(refresh_token.expose()));
        Ok(state
            .records
            .iter()
            .find(|(name, record)| Some(*name) != except && holds(record))
            .map(|(name, _)| name.clone()))
    }

    fn fingerprint(&self, name: &CredentialName) -> Option<u64> {
        let mut state = lock(&self.state);
        state.fingerprints_asked += 1;
        state.fingerprints.then(|| state.writes.get(name).copied().unwrap_or_default())
    }

    fn watch(&self) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
        let mut state = lock(&self.state);
        if let Some(fault) = &state.watch_fault {
            return Err(fault.clone());
        }
        if !state.tells {
            return Ok(None);
        }
        let (tell, hear) = mpsc::unbounded();
        state.watches.push(tell);
        Ok(Some(Box::new(MemoryWatch { hear })))
    }
}

struct MemoryWatch {
    hear: mpsc::UnboundedReceiver<Heard>,
}

impl StoreWatch for MemoryWatch {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        // The store lives as long as somebody could tell something.
        self.hear.poll_next_unpin(cx).map(|heard| heard.unwrap_or(Ok(StoreChange::Unknown)))
    }
}

struct MemoryClaim {
    state: Weak<Mutex<State>>,
    name: CredentialName,
    era: u64,
}

impl Claim for MemoryClaim {
    fn is_current(&self) -> bool {
        self.state.upgrade().is_some_and(|state| lock(&state).claims_era == self.era)
    }
}

impl Drop for MemoryClaim {
    fn drop(&mut self) {
        if let Some(state) = self.state.upgrade() {
            let mut state = lock(&state);
            if state.claims_era == self.era {
                state.claims.remove(&self.name);
            }
            if state.remember {
                state.calls.push((self.name.clone(), StoreCall::Release));
            }
        }
    }
}
