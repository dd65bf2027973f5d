//! A deterministic world in virtual time: for tests of this crate, for simulations, and for hosts that want to test
//! their own ports against the real loop.
//!
//! Nothing here waits. [`VirtualExecutor`] runs every task that can run and then jumps the [`VirtualClock`] to the next
//! deadline, so that a night passes in milliseconds, the same way each time.

mod clock;
mod endpoint;
mod executor;
mod keyring;
mod observer;
mod store;

pub use clock::{VirtualClock, VirtualSleep, VirtualTimer};
pub use endpoint::{Reply, ScriptedEndpoint};
pub use executor::VirtualExecutor;
pub use keyring::{FakeKeyring, KeyringCall, KeyringFate};
pub use observer::{CountedEntropy, RecordingObserver};
pub use store::{FaultAt, MemoryStore, StoreCall};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A test that failed while it held a lock should say so itself, not through the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
