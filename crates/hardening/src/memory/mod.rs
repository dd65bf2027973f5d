//! Locked memory for secrets.
//!
//! Whatever [`renewd_core::Secret`] is made after [`lock_secrets`] lies in pages that are not swapped out, not in core
//! files, and between pages that cannot be touched. Where the system locks no more (`RLIMIT_MEMLOCK`, the working set
//! on Windows), or all of our own share is in use, the heap serves, overwritten on release as ever.
//!
//! Pages are *not* wiped in a forked child (`MADV_WIPEONFORK`): a host that forks and goes on would hold tokens of
//! zeroes and spend a login's last chance on them. Such a child's pages are not locked, and as with every lock of a
//! program with threads it may find the arena's taken by a thread that it does not have: who forks so should not ask
//! for locked memory. What `renewd` starts executes another program at once, which ends all of it.

mod arena;
#[cfg(unix)]
#[path = "pages_unix.rs"]
mod pages;
#[cfg(windows)]
#[path = "pages_windows.rs"]
mod pages;
#[cfg(not(any(unix, windows)))]
#[path = "pages_absent.rs"]
mod pages;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use renewd_core::{Held, Keeping, keep_secrets};

use arena::Arena;

/// One arena for the process: pages, once locked, stay.
static ARENA: Arena = Arena::new(pages::map);
static INSTALLED: AtomicBool = AtomicBool::new(false);
/// Secrets that the heap had to take, ever.
static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);

static LOCKED: Keeping = Keeping { keep };

/// How secrets are kept.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryState {
    /// Whether [`lock_secrets`] was called, and was the first to say where secrets lie.
    pub installed: bool,
    /// Bytes of pages that are locked.
    pub locked_bytes: usize,
    /// Why no further page was locked; none where every one asked for was.
    pub refused: Option<String>,
    /// Secrets that lay in ordinary memory instead, since the start.
    pub elsewhere: usize,
}

/// From now on secrets are made in locked memory, as far as there is any. A second call changes nothing.
pub fn lock_secrets() {
    if keep_secrets(&LOCKED) {
        INSTALLED.store(true, Ordering::Relaxed);
    }
}

/// How it stands. Makes a first page where there is none yet, so that the answer is not about nothing.
pub fn state() -> MemoryState {
    drop(ARENA.keep(&[0]));
    MemoryState {
        installed: INSTALLED.load(Ordering::Relaxed),
        locked_bytes: ARENA.locked_bytes(),
        refused: ARENA.refused(),
        elsewhere: ELSEWHERE.load(Ordering::Relaxed),
    }
}

fn keep(bytes: &[u8]) -> Option<Held> {
    // An empty secret keeps nothing.
    let kept = (!bytes.is_empty()).then(|| ARENA.keep(bytes))?;
    if kept.is_none() && ELSEWHERE.fetch_add(1, Ordering::Relaxed) == 0 {
        let why = ARENA.refused().unwrap_or_else(|| "all of it is in use".into());
        tracing::debug!(%why, "a secret lies in memory that is not locked");
    }
    Some(Arc::new(kept?))
}
