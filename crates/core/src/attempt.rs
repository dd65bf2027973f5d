//! Names for attempts, boots and processes, and the fence that a commit must pass.

use alloc::string::String;
use core::fmt;

/// 128 bits that name one attempt. Drawn by the driver from real entropy, never from the jitter seed: two processes
/// with the same seed must not share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct AttemptId(pub u128);

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Names one boot of one machine. Boot-clock times of different boots cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct BootId(pub u128);

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The process that wrote an intent. For people: the kernel's lock alone decides who lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Host name. Whoever has a host chooses it: it is for people only as [`plain_line`](crate::plain_line) shows it.
    pub host: String,
    /// Boot of that host.
    pub boot_id: BootId,
    /// Process id.
    pub pid: u32,
    /// When the process started, in the platform's own unit.
    pub start_time: u64,
}

/// What a write must find in the store, or else it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The epoch it began from.
    pub epoch: u64,
    /// The generation it began from.
    pub generation: u64,
    /// The attempt whose intent must stand there; `None` where no intent of ours can stand (a first mark).
    pub attempt: Option<AttemptId>,
}
