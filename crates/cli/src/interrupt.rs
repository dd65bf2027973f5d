//! A signal that would end a command in the middle of a refresh waits for the refresh.
//!
//! At a server that rotates, the answer on the wire holds the only refresh token that still works: whoever presses
//! Ctrl-C, or starts a command under `timeout`, must not lose the login by it. The first SIGINT, SIGTERM or SIGHUP ends
//! the caller's wait; what is under way is finished and saved, for at most `shutdown.grace`; then the signal has its
//! way. A second one has it at once. What whoever started us had ignored stays ignored.

use std::io;
use std::sync::mpsc;
use std::thread;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// What ends a command.
const FATAL: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// Listens for as long as it lives. Made once, by a command that ends soon after: a signal that comes later still is
/// not heeded.
pub(crate) struct Interrupts {
    heard: watch::Receiver<Option<Signal>>,
}

impl Interrupts {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system gives no thread or no handler.
    pub(crate) fn begin() -> io::Result<Self> {
        let (told, heard) = watch::channel(None);
        let (ready, listening) = mpsc::channel();
        thread::Builder::new().name("signals".into()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(listen(&told, &ready));
        })?;
        listening.recv().unwrap_or_else(|_| Err(io::Error::other("its thread ended")))?;
        Ok(Self { heard })
    }

    /// Ends with the first signal.
    pub(crate) async fn first(&self) {
        // An error means that the listener is gone: nothing comes any more.
        if self.heard.clone().wait_for(Option::is_some).await.is_err() {
            std::future::pending().await
        }
    }

    /// Whether there was one.
    pub(crate) fn came(&self) -> bool {
        self.heard.borrow().is_some()
    }

    /// Lets the first signal have its way, if there was one: it then ends the process.
    pub(crate) fn have_their_way(&self) {
        if let Some(first) = *self.heard.borrow() {
            die_of(first);
        }
    }
}

async fn listen(told: &watch::Sender<Option<Signal>>, ready: &mpsc::Sender<io::Result<()>>) {
    let (hear, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let local = tokio::task::LocalSet::new();
    for number in FATAL.into_iter().filter(|number| !is_ignored(*number)) {
        let mut stream = match signal(SignalKind::from_raw(number.as_raw())) {
            Ok(stream) => stream,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let hear = hear.clone();
        local.spawn_local(async move { while stream.recv().await.is_some() && hear.send(number).is_ok() {} });
    }
    // Whoever waits for this is there until it comes.
    let _ = ready.send(Ok(()));
    let heed = async {
        while let Some(number) = heard.recv().await {
            if told.borrow().is_some() {
                die_of(number);
            }
            told.send_replace(Some(number));
        }
    };
    tokio::select! {
        () = local.run_until(heed) => {}
        () = told.closed() => {}
    }
}

/// Ends this process as the signal would have without a handler, so that whoever waits for it sees why.
fn die_of(number: Signal) {
    #[expect(unsafe_code, reason = "the default action can be had in no other way")]
    // SAFETY: neither call touches memory of ours; after the first, no handler of ours runs for this signal.
    unsafe {
        libc::signal(number.as_raw(), libc::SIG_DFL);
        libc::raise(number.as_raw());
    }
}

/// Whether whoever started us had it ignored.
#[expect(unsafe_code, reason = "the disposition of a signal can be asked for in no other way")]
pub(crate) fn is_ignored(number: Signal) -> bool {
    // SAFETY: an all-zero `sigaction` is a valid value of it; the call only writes to it, since no new action is given.
    let (asked, old) = unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        (libc::sigaction(number.as_raw(), std::ptr::null(), &mut old), old)
    };
    asked == 0 && old.sa_sigaction == libc::SIG_IGN
}
