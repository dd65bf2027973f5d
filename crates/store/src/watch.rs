//! Hearing that a record was written, by anybody: the system tells of changes in the records' folder.
//!
//! A thread of its own waits for the system, sleeps while nothing happens, and ends with the watch. What it hears is
//! only a hint; the reader compares fingerprints. So it may hear too much (macOS and Windows are asked about the
//! folder only, and tell of no names), and what gets lost is met by the poll.
//!
//! Lock files are not listened to: everyone who tries a held claim opens and closes its file, and would wake all
//! others to do the same.

#[cfg_attr(target_os = "linux", path = "watch/linux.rs")]
#[cfg_attr(target_vendor = "apple", path = "watch/apple.rs")]
#[cfg_attr(windows, path = "watch/windows.rs")]
#[cfg_attr(not(any(target_os = "linux", target_vendor = "apple", windows)), path = "watch/none.rs")]
mod source;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::{CredentialName, StoreChange, StoreWatch};

use crate::fault::{fault, io_fault, shown};
use source::Source;

/// Names that wait to be asked for. Of more than these nobody needs to know which they are.
const NAMES_MAX: usize = 1024;

/// The thread's stack: it reads events into a buffer of 4 KiB, and locks and wakes.
const STACK_BYTES: usize = 128 * 1024;

/// Which credential's record a file is.
pub(crate) type Recorded = fn(&str) -> Option<CredentialName>;

/// Begins to hear of changes in the folder; none where this system has no way to.
pub(crate) fn begin(dir: &Path, recorded: Recorded) -> Result<Option<Box<dyn StoreWatch>>, StoreFault> {
    Ok(folder(dir, recorded)?.map(|watch| Box::new(watch) as Box<dyn StoreWatch>))
}

fn folder(dir: &Path, recorded: Recorded) -> Result<Option<FolderWatch>, StoreFault> {
    let Some(source) = Source::open(dir).map_err(|error| cannot(dir, &error))? else { return Ok(None) };
    let (source, heard) = (Arc::new(source), Arc::new(Heard::default()));
    let theirs = (Arc::clone(&source), Arc::clone(&heard));
    let place = shown(dir).to_string();
    std::thread::Builder::new()
        .name("renewd-watch".into())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let (source, heard) = theirs;
            let why = source.listen(&heard, recorded);
            heard.end(fault(StoreFaultKind::Io, format!("{place} is no longer watched: {why}")));
        })
        .map_err(|error| io_fault("begin a thread that watches", dir, &error))?;
    Ok(Some(FolderWatch { source, heard, pid: std::process::id() }))
}

fn cannot(dir: &Path, error: &std::io::Error) -> StoreFault {
    let mut fault = io_fault("watch", dir, error);
    if let Some(way_out) = source::way_out(error) {
        fault.message.push_str(way_out);
    }
    fault
}

/// What was heard and not yet asked for.
#[derive(Default)]
pub(crate) struct Heard {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: BTreeSet<CredentialName>,
    /// Something changed, and nobody knows what.
    unknown: bool,
    /// Why nothing more will come.
    ended: Option<StoreFault>,
    /// Nobody asks any more.
    closed: bool,
    waker: Option<Waker>,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each holder makes one change: a panic cannot leave it half made.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This record was written or removed.
    #[cfg_attr(
        all(not(target_os = "linux"), not(test)),
        expect(dead_code, reason = "only Linux tells names")
    )]
    fn record(&self, name: CredentialName) {
        self.change(|state| {
            if state.names.len() < NAMES_MAX {
                state.names.insert(name);
            } else {
                state.names.clear();
                state.unknown = true;
            }
        });
    }

    /// Some records may have been.
    fn unknown(&self) {
        self.change(|state| state.unknown = true);
    }

    fn end(&self, why: StoreFault) {
        self.change(|state| state.ended = Some(why));
    }

    fn close(&self) {
        self.lock().closed = true;
    }

    /// Whether the thread should end.
    fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.lock();
            change(&mut state);
            state.waker.take()
        };
        // Not under the lock: a waker may poll at once.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A watch over one folder. Dropping it ends its thread.
struct FolderWatch {
    source: Arc<Source>,
    heard: Arc<Heard>,
    pid: u32,
}

impl StoreWatch for FolderWatch {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Result<StoreChange, StoreFault>> {
        let mut state = self.heard.lock();
        if let Some(name) = state.names.pop_first() {
            return Poll::Ready(Ok(StoreChange::Record(name)));
        }
        if std::mem::take(&mut state.unknown) {
            return Poll::Ready(Ok(StoreChange::Unknown));
        }
        if let Some(why) = &state.ended {
            return Poll::Ready(Err(why.clone()));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for FolderWatch {
    fn drop(&mut self) {
        // A fork shares the system's watch with its parent and has no such thread: it must not end the parent's.
        if self.pid == std::process::id() {
            self.heard.close();
            self.source.wake();
        }
    }
}

#[cfg(test)]
mod tests;
