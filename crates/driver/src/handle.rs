//! The handle of the whole driver.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_channel::oneshot;
use renewd_core::Setup;

use crate::CredentialName;
use crate::cell::Cell;
use crate::keeper::{Keeper, Shared};
use crate::message::Message;
use crate::snapshot::Snapshot;

/// The credentials by name. Locked to add, remove and look up; never on a token's way.
pub(crate) struct Registry {
    cells: Mutex<HashMap<CredentialName, Arc<Cell>>>,
    pub(crate) vacant: Arc<Snapshot>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { cells: Mutex::new(HashMap::new()), vacant: Arc::new(Snapshot::vacant()) }
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CredentialName, Arc<Cell>>> {
        // A panic while it was held cannot leave the map half changed: each holder makes one change.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds and removes credentials, and tells the driver what the host knows. Cheap to clone. When the last handle and
/// keeper are gone, the driver shuts down by itself.
#[derive(Clone)]
pub struct DriverHandle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) registry: Arc<Registry>,
}

impl DriverHandle {
    /// Begins to keep a credential. The keeper that stands, when there is one of that name already (`setup` is then
    /// ignored; see [`Keeper::policy_changed`]). `seed` spreads its jitter: give each process its own.
    pub fn add(&self, name: CredentialName, setup: Setup, seed: u64) -> Keeper {
        let mut cells = self.registry.lock();
        if let Some(cell) = cells.get(&name) {
            return self.keeper_of(cell);
        }
        let cell = Arc::new(Cell::new(name.clone(), Arc::clone(&self.registry.vacant)));
        cells.insert(name, Arc::clone(&cell));
        // Said under the lock, so that the loop hears of additions and removals of one name in their order.
        self.shared.say(Message::Add { cell: Arc::clone(&cell), setup, seed });
        self.keeper_of(&cell)
    }

    /// The keeper of that name.
    pub fn keeper(&self, name: &CredentialName) -> Option<Keeper> {
        self.registry.lock().get(name).map(|cell| self.keeper_of(cell))
    }

    /// All keepers, sorted by name.
    pub fn keepers(&self) -> Vec<Keeper> {
        let mut all: Vec<Keeper> = self.registry.lock().values().map(|cell| self.keeper_of(cell)).collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Finishes what is under way for a credential, saves it, and stops keeping it. This begins at once; the future
    /// tells when it is done, and what could not be saved, if anything. The name is free again at once: one of the
    /// same name that is added meanwhile begins when the old one has ended.
    pub fn remove(&self, name: &CredentialName) -> Removal {
        let mut cells = self.registry.lock();
        let Some(cell) = cells.remove(name) else { return Removal { done: None } };
        let (done, wait) = oneshot::channel();
        self.shared.say(Message::Remove { cell, done });
        Removal { done: Some(wait) }
    }

    /// Routes or addresses changed: what waits for its next attempt makes it soon.
    pub fn network_changed(&self) {
        self.shared.say(Message::NetworkChanged);
    }

    /// The machine was suspended and runs again. The loop notices by itself within half a minute; a host that is told
    /// by its system says so at once.
    pub fn resumed(&self) {
        self.shared.say(Message::Resumed);
    }

    /// Finishes what is under way, saves it, and ends the loop. This begins at once; callers get
    /// [`TokenError::Stopped`](crate::TokenError::Stopped). The future tells what could not be saved.
    pub fn shutdown(&self) -> Shutdown {
        let (done, wait) = oneshot::channel();
        self.shared.say(Message::Shutdown { done });
        Shutdown { done: wait }
    }

    fn keeper_of(&self, cell: &Arc<Cell>) -> Keeper {
        Keeper { cell: Arc::clone(cell), shared: Arc::clone(&self.shared) }
    }
}

impl std::fmt::Debug for DriverHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DriverHandle").finish_non_exhaustive()
    }
}

/// The end of a driver.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Credentials whose newest tokens could not be saved, and what that means, in a sentence for people.
    pub lost: Vec<(CredentialName, String)>,
}

/// The future of [`DriverHandle::shutdown`]. It may be dropped; the shutdown goes on.
pub struct Shutdown {
    done: oneshot::Receiver<Drained>,
}

impl Future for Shutdown {
    type Output = Drained;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Drained> {
        // A loop that is gone already has nothing left to lose.
        Pin::new(&mut self.done).poll(cx).map(Result::unwrap_or_default)
    }
}

/// The future of [`DriverHandle::remove`]: what could not be saved, in a sentence for people. It may be dropped; the
/// removal goes on.
pub struct Removal {
    done: Option<oneshot::Receiver<Option<String>>>,
}

impl Future for Removal {
    type Output = Option<String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<String>> {
        match &mut self.done {
            None => Poll::Ready(None),
            Some(done) => Pin::new(done).poll(cx).map(Result::unwrap_or_default),
        }
    }
}
