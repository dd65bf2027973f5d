//! A disk that forgets, under the real [`FileStore`](crate::FileStore): for tests and simulations.

pub use crate::sim::{Chance, Damage, Fate, OpCounts, SimDisk, SimProcess, Snapshot};
