//! Takes events off the loop: a queue and a thread. A full queue drops, because the loop must not wait for a disk or
//! a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use renewd_core::Now;
use renewd_driver::{CredentialName, Event, Observer};

use super::entry::Entry;
use super::repeats::Repeats;

/// Events that wait for a slow disk or terminal.
const QUEUE_MAX: usize = 4096;

/// Something that events are written to.
pub(crate) trait Sink: Send {
    /// One event, in order. It may block.
    fn take(&mut self, name: &CredentialName, now: Now, event: &Event);

    /// What no loop tells of: a login, a token file; without a name, of the process itself. It may block.
    fn note(&mut self, _name: Option<&CredentialName>, _entry: &Entry) {}
}

enum Item {
    Event(CredentialName, Now, Event),
    #[cfg_attr(not(unix), expect(dead_code, reason = "the agent's alone, and there is none"))]
    Note(Option<CredentialName>, Entry),
}

/// Hands events to sinks on a thread of its own. Clones are the same scribe.
#[derive(Clone)]
pub(crate) struct Scribe {
    queue: Arc<Mutex<Option<SyncSender<Item>>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    dropped: Arc<AtomicU64>,
    repeats: Arc<Repeats>,
}

impl Scribe {
    /// Begins to write.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn begin(sinks: Vec<Box<dyn Sink>>) -> std::io::Result<Self> {
        let (queue, items) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || write(items, sinks))?;
        Ok(Self {
            queue: Arc::new(Mutex::new(Some(queue))),
            thread: Arc::new(Mutex::new(Some(thread))),
            dropped: Arc::default(),
            repeats: Arc::default(),
        })
    }

    /// Writes a line that no loop tells of.
    #[cfg(unix)]
    pub(crate) fn note(&self, name: Option<&CredentialName>, entry: Entry) {
        self.send(Item::Note(name.cloned(), entry));
    }

    /// Lines that were lost because the queue was full.
    #[cfg(unix)]
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn send(&self, item: Item) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queue.as_ref()
            && queue.try_send(item).is_err()
        {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::warn!(dropped, "the journal cannot keep up");
        }
    }

    /// Writes what is queued and ends. Later events go nowhere.
    pub(crate) fn end(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A sink that panicked has lost its lines, nothing else.
            let _ = thread.join();
        }
    }
}

fn write(items: Receiver<Item>, mut sinks: Vec<Box<dyn Sink>>) {
    for item in items {
        for sink in &mut sinks {
            match &item {
                Item::Event(name, now, event) => sink.take(name, *now, event),
                Item::Note(name, entry) => sink.note(name.as_ref(), entry),
            }
        }
    }
}

impl Observer for Scribe {
    fn observe(&self, name: &CredentialName, now: Now, event: &Event) {
        // Publications carry tokens: they have no business in a queue.
        if matches!(event, Event::Published(_)) || self.repeats.again(name, event) {
            return;
        }
        self.send(Item::Event(name.clone(), now, event.clone()));
    }
}
