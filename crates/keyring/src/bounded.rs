//! What every backend is given and none has by itself: deadlines, one call at a time, a size check, reading back.
//!
//! The system's functions have no deadlines of their own, and a provider whose prompt nobody answers never returns. So
//! calls are made on a thread of the keyring's own, and a caller who has waited long enough leaves: the thread is left
//! to its call and ends with it, and the next call gets a new one. So many threads may be left behind and no more; then
//! calls end at once, until one of those threads has come back.

use std::io;
use std::process;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};

use crate::KeyringOptions;
use crate::backend::{Backend, Call, Description, now};

/// Most threads that hang in a call at the same time. Each holds a stack and a connection; four show that the keyring
/// hangs and not one call.
const HUNG_MAX: usize = 4;

/// So long after its last call the connection is closed. A credential is read a few times in a row, then not for minutes.
const IDLE: Duration = Duration::from_secs(10);

/// Before a value that was read back wrong is read once more: providers that write behind are through with it by then.
const READ_BACK_PAUSE: Duration = Duration::from_millis(200);

type Job = Box<dyn FnOnce(&mut dyn Backend) + Send>;
type Open = dyn Fn() -> Box<dyn Backend> + Send + Sync;

/// A backend with all that the port promises.
pub(crate) struct Bounded {
    description: Description,
    options: KeyringOptions,
    open: Arc<Open>,
    turn: Mutex<Turn>,
    free: Condvar,
}

/// Whose turn it is. Calls wait here rather than behind a hanging one.
struct Turn {
    taken: bool,
    worker: Option<Worker>,
    /// Held by each thread: their number is how often it is held besides here.
    threads: Arc<()>,
    /// Threads do not follow a process into its fork.
    process: u32,
}

struct Worker {
    jobs: Sender<Job>,
}

impl Bounded {
    pub(crate) fn new(
        description: Description,
        options: KeyringOptions,
        open: impl Fn() -> Box<dyn Backend> + Send + Sync + 'static,
    ) -> Self {
        let turn = Turn { taken: false, worker: None, threads: Arc::new(()), process: process::id() };
        Self { description, options, open: Arc::new(open), turn: Mutex::new(turn), free: Condvar::new() }
    }

    fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut dyn Backend, &Call) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let until = now() + self.options.deadline;
        let outcome = self.begin(until).and_then(|worker| self.run(worker, until, work));
        match &outcome {
            Ok(_) => tracing::trace!(backend = self.description.name, call = name, "keyring call done"),
            Err(error) => tracing::debug!(
                backend = self.description.name,
                call = name,
                kind = error.kind.name(),
                "keyring call failed"
            ),
        }
        outcome
    }

    /// Waits for its turn, and takes the thread.
    fn begin(&self, until: Instant) -> Result<Worker, KeyringError> {
        let waited = self.free.wait_timeout_while(self.turn(), self.options.deadline, |turn| turn.taken);
        let (mut turn, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if turn.taken || now() >= until {
            if !turn.taken {
                self.free.notify_one();
            }
            return Err(self.timed_out());
        }
        if turn.process != process::id() {
            (turn.worker, turn.threads, turn.process) = (None, Arc::new(()), process::id());
        }
        let worker = match turn.worker.take() {
            Some(worker) => worker,
            None if Arc::strong_count(&turn.threads) > HUNG_MAX => {
                self.free.notify_one();
                return Err(self.hanging());
            }
            None => Worker::start(Arc::clone(&self.open), Arc::clone(&turn.threads))
                .map_err(|e| self.no_thread(&e))?,
        };
        turn.taken = true;
        Ok(worker)
    }

    fn run<T: Send + 'static>(
        &self,
        worker: Worker,
        until: Instant,
        work: impl FnOnce(&mut dyn Backend, &Call) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let interaction = self.options.interaction;
        let (answer, answered) = channel();
        // Dropped on the way out of here: that tells the thread that nobody waits any more.
        let (_caller, caller_waits) = channel();
        let job: Job = Box::new(move |backend| {
            let call = Call::new(until, interaction, caller_waits);
            // Where nobody waits any more, nobody is to be told.
            let _ = answer.send(work(backend, &call));
        });
        let waited = match worker.jobs.send(job) {
            Ok(()) => answered.recv_timeout(until.saturating_duration_since(now())),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        match waited {
            Ok(outcome) => {
                self.end(Some(worker));
                outcome
            }
            Err(RecvTimeoutError::Timeout) => {
                self.end(None);
                Err(self.timed_out())
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.end(None);
                Err(self.broken())
            }
        }
    }

    /// Gives the turn to the next, with the thread or without.
    fn end(&self, worker: Option<Worker>) {
        let mut turn = self.turn();
        turn.worker = worker;
        turn.taken = false;
        self.free.notify_one();
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timed_out(&self) -> KeyringError {
        let (place, deadline) = (self.description.place, self.options.deadline);
        let message = format!(
            "{place} did not answer within {deadline:?}: a prompt may be open on the desktop, or the keyring's program \
             hangs; answer it or restart that program"
        );
        KeyringError::new(KeyringErrorKind::TimedOut, message)
    }

    fn hanging(&self) -> KeyringError {
        let place = self.description.place;
        let message = format!(
            "{place} hangs: {HUNG_MAX} earlier calls have not come back yet, so it is not asked again before one does; \
             restart the keyring's program"
        );
        KeyringError::new(KeyringErrorKind::TimedOut, message)
    }

    fn no_thread(&self, error: &io::Error) -> KeyringError {
        let message = format!(
            "no thread could be started to ask {}: {error}; look at the limits on threads and memory",
            self.description.place
        );
        KeyringError::new(KeyringErrorKind::Failed, message)
    }

    fn broken(&self) -> KeyringError {
        let message = format!(
            "the thread that asks {} broke down: this is a bug, report it with what was written on stderr",
            self.description.place
        );
        KeyringError::new(KeyringErrorKind::Failed, message)
    }

    fn fits(&self, value: &Secret) -> Result<(), KeyringError> {
        let (len, max) = (value.len(), self.description.item_bytes_max);
        if len <= max {
            return Ok(());
        }
        let message = format!(
            "a value of {len} bytes does not fit into one item of {} ({max} bytes): nothing was sent; keep records in \
             sealed files, with store.kind = \"file\"",
            self.description.place
        );
        Err(KeyringError::new(KeyringErrorKind::TooLarge, message))
    }
}

impl Keyring for Bounded {
    fn backend(&self) -> &'static str {
        self.description.name
    }

    fn place(&self) -> String {
        self.description.place.into()
    }

    fn item_bytes_max(&self) -> usize {
        self.description.item_bytes_max
    }

    fn get(&self, item: &ItemName) -> Result<Option<Secret>, KeyringError> {
        let item = item.clone();
        self.call("get", move |backend, call| backend.get(&item, call))
    }

    fn set(&self, item: &ItemName, value: &Secret) -> Result<(), KeyringError> {
        self.fits(value)?;
        let (item, value, place) = (item.clone(), value.clone(), self.description.place);
        self.call("set", move |backend, call| {
            backend.set(&item, &value, call)?;
            holds(backend, &item, Some(&value), place, call)
        })
    }

    fn delete(&self, item: &ItemName) -> Result<bool, KeyringError> {
        let (item, place) = (item.clone(), self.description.place);
        self.call("delete", move |backend, call| {
            let was = backend.delete(&item, call)?;
            holds(backend, &item, None, place, call)?;
            Ok(was)
        })
    }

    fn probe(&self) -> Result<(), KeyringError> {
        self.call("probe", |backend, call| backend.probe(call))
    }
}

/// Reads back what was written; once more after a pause where it is something else.
fn holds(
    backend: &mut dyn Backend,
    item: &ItemName,
    wanted: Option<&Secret>,
    place: &str,
    call: &Call,
) -> Result<(), KeyringError> {
    for pause in [Duration::ZERO, READ_BACK_PAUSE] {
        call.pause(pause)?;
        let found = backend.get(item, call)?;
        match (wanted, &found) {
            (None, None) => return Ok(()),
            (Some(wanted), Some(found)) if wanted.same_as(found.expose()) => return Ok(()),
            _ => {}
        }
    }
    let message = format!(
        "{place} took item {item} and then answered with something else: another program writes to it, or the keyring \
         loses what it is given; look for the item in the desktop's password program, and try again"
    );
    Err(KeyringError::new(KeyringErrorKind::Changed, message))
}

impl Worker {
    fn start(open: Arc<Open>, alive: Arc<()>) -> io::Result<Self> {
        let (jobs, taken) = channel();
        thread::Builder::new().name("renewd-keyring".into()).spawn(move || {
            work(&*open, &taken, IDLE);
            drop(alive);
        })?;
        Ok(Self { jobs })
    }
}

/// Does one job after another, until there is nobody who could give one. The backend is closed when there was none for so
/// long.
fn work(open: &Open, jobs: &Receiver<Job>, idle: Duration) {
    let mut backend = None;
    loop {
        let job = match &backend {
            Some(_) => jobs.recv_timeout(idle),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match job {
            Ok(job) => job(backend.get_or_insert_with(open).as_mut()),
            Err(RecvTimeoutError::Timeout) => backend = None,
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests;
