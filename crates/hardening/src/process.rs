//! No core file, no debugger of the same user.
//!
//! On Linux a process that is not dumpable writes no core file, also not into a pipe, and only root may look into its
//! memory or its `/proc` folder. Everywhere on Unix the limit on core files goes to nothing. On Apple's systems a
//! debugger is refused. Windows has no such switch against programs of the same user; what it has is leaving the heap
//! out of error reports.

#[cfg(unix)]
#[path = "process/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "process/windows.rs"]
mod system;
#[cfg(not(any(unix, windows)))]
#[path = "process/absent.rs"]
mod system;

pub use system::start_as_the_user_would;

/// What stands against core files and debuggers.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessState {
    /// Whether other programs of the user may read this process and core files of it may be written; unknown where
    /// the system has no such switch or does not tell.
    pub dumpable: Option<bool>,
    /// The largest core file that may be written, in bytes; `u64::MAX` stands for no limit. Unknown where the system
    /// has no such limit.
    pub core_bytes_max: Option<u64>,
}

/// Does what can be done, best before the first secret is read. The limit on core files goes to nothing in a way that
/// a program started with [`start_as_the_user_would`] has its own again.
pub fn harden() {
    system::harden();
}

/// Lowers the limit on core files so that nothing of this process can raise it again, and nothing that it starts.
pub fn forbid_core_files_for_good() {
    system::forbid_core_files_for_good();
}

/// How it stands.
pub fn state() -> ProcessState {
    system::state()
}
