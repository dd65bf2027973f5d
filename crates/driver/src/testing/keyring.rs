//! A keyring in memory that fails as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use renewd_core::Secret;

use crate::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};

/// A call of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringCall {
    /// [`Keyring::get`].
    Get,
    /// [`Keyring::set`].
    Set,
    /// [`Keyring::delete`].
    Delete,
    /// [`Keyring::probe`].
    Probe,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyringFate {
    /// It is done.
    Done,
    /// It fails, and nothing was changed.
    Fails(KeyringErrorKind),
    /// It is done, and yet the caller is told of a failure.
    DoneButFails(KeyringErrorKind),
}

type Plan = Box<dyn FnMut(u64, KeyringCall, Option<&ItemName>) -> KeyringFate + Send>;

/// A keyring in memory. A clone is the same keyring, as another process would see it.
#[derive(Clone)]
pub struct FakeKeyring {
    inner: Arc<Mutex<Inner>>,
    item_bytes_max: usize,
}

struct Inner {
    items: BTreeMap<ItemName, Secret>,
    calls: u64,
    plan: Plan,
}

impl FakeKeyring {
    /// An empty keyring whose items hold so many bytes.
    pub fn new(item_bytes_max: usize) -> Self {
        let inner = Inner { items: BTreeMap::new(), calls: 0, plan: Box::new(|_, _, _| KeyringFate::Done) };
        Self { inner: Arc::new(Mutex::new(inner)), item_bytes_max }
    }

    /// From now on every call (numbered from 1, over all clones, since the keyring was made) meets the fate that the plan
    /// gives it.
    pub fn plan(
        &self,
        plan: impl FnMut(u64, KeyringCall, Option<&ItemName>) -> KeyringFate + Send + 'static,
    ) {
        self.inner().plan = Box::new(plan);
    }

    /// Every call is done again.
    pub fn heal(&self) {
        self.plan(|_, _, _| KeyringFate::Done);
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.inner().calls
    }

    /// The items, by name.
    pub fn items(&self) -> BTreeMap<ItemName, Secret> {
        self.inner().items.clone()
    }

    /// Puts an item there, or takes it away, as another program would: no plan is asked.
    pub fn meddle(&self, item: &ItemName, value: Option<Secret>) {
        let items = &mut self.inner().items;
        match value {
            Some(value) => drop(items.insert(item.clone(), value)),
            None => drop(items.remove(item)),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        super::lock(&self.inner)
    }

    fn call<T>(
        &self,
        call: KeyringCall,
        item: Option<&ItemName>,
        done: impl FnOnce(&mut BTreeMap<ItemName, Secret>) -> T,
    ) -> Result<T, KeyringError> {
        let mut inner = self.inner();
        inner.calls += 1;
        let number = inner.calls;
        match (inner.plan)(number, call, item) {
            KeyringFate::Done => Ok(done(&mut inner.items)),
            KeyringFate::Fails(kind) => Err(failure(kind)),
            KeyringFate::DoneButFails(kind) => {
                done(&mut inner.items);
                Err(failure(kind))
            }
        }
    }
}

fn failure(kind: KeyringErrorKind) -> KeyringError {
    KeyringError::new(kind, format!("the fake keyring was told to fail ({})", kind.name()))
}

impl Keyring for FakeKeyring {
    fn backend(&self) -> &'static str {
        "fake"
    }

    fn place(&self) -> String {
        "the fake keyring".into()
    }

    fn item_bytes_max(&self) -> usize {
        self.item_bytes_max
    }

    fn get(&self, item: &ItemName) -> Result<Option<Secret>, KeyringError> {
        self.call(KeyringCall::Get, Some(item), |items| items.get(item).cloned())
    }

    fn set(&self, item: &ItemName, value: &Secret) -> Result<(), KeyringError> {
        if value.len() > self.item_bytes_max {
            return Err(failure(KeyringErrorKind::TooLarge));
        }
        self.call(KeyringCall::Set, Some(item), |items| drop(items.insert(item.clone(), value.clone())))
    }

    fn delete(&self, item: &ItemName) -> Result<bool, KeyringError> {
        self.call(KeyringCall::Delete, Some(item), |items| items.remove(item).is_some())
    }

    fn probe(&self) -> Result<(), KeyringError> {
        self.call(KeyringCall::Probe, None, |_| ())
    }
}
