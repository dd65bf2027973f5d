//! A disk that forgets, for tests of this crate, for simulations, and for hosts that try their own store against it.

#[cfg(test)]
pub(crate) use crate::fixtures::private_dir;
pub use crate::sim::{Chance, Damage, Fate, OpCounts, SimDisk, SimProcess, Snapshot};
