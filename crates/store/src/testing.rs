//! A disk that forgets, for tests of this crate, for simulations, and for hosts that try their own store against it.

pub use crate::sim::{Chance, Damage, Fate, OpCounts, SimDisk, SimProcess, Snapshot};
