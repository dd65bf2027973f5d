//! Signals that somebody sends to `renewd run` are meant for the command it runs.
//!
//! What the terminal sends (Ctrl-C, Ctrl-\, a new window size, its end) reaches the child without us: it is in the
//! same process group, and would get the signal twice if we passed it on. The kernel says who sent a signal (`si_code`
//! of POSIX `siginfo_t`), so only what another process sent is passed on. A signal that was ignored when we were
//! started (`nohup`) stays ignored, for us and so for the child.

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::exit::Failure;
use crate::interrupt::is_ignored;

/// What is passed on.
const PASSED_ON: [Signal; 7] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2, Signal::WINCH];

/// How often each was sent by a process and not taken up yet. Counted in the handler, which may do no more than that.
static SENT_BY_PROCESS: [AtomicU32; PASSED_ON.len()] = [const { AtomicU32::new(0) }; PASSED_ON.len()];

/// The signals that come in.
pub(super) struct Signals {
    heard: mpsc::UnboundedReceiver<Heard>,
}

struct Heard {
    signal: Signal,
    by_process: bool,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(super) fn begin() -> Result<Self, Failure> {
        let (hear, heard) = mpsc::unbounded_channel();
        let failed = |e| Failure::internal(format!("signals cannot be heard: {e}"));
        for (number, count) in PASSED_ON.into_iter().zip(&SENT_BY_PROCESS) {
            if is_ignored(number) {
                continue;
            }
            // Before the stream: its wake-up must find the count.
            count_senders(number, count).map_err(failed)?;
            let mut stream = signal(SignalKind::from_raw(number.as_raw())).map_err(failed)?;
            let hear = hear.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    let by_process = count.swap(0, Ordering::AcqRel) > 0;
                    if hear.send(Heard { signal: number, by_process }).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { heard })
    }

    /// The next one that the child has not got already.
    pub(super) async fn meant_for_the_child(&mut self) -> Signal {
        loop {
            match self.heard.recv().await {
                Some(Heard { signal, by_process: true }) => return signal,
                Some(Heard { by_process: false, .. }) => {}
                // Every signal is ignored: nothing comes.
                None => std::future::pending().await,
            }
        }
    }

    /// The next one that ends a program, whoever sent it: while there is no child yet, it is meant for us.
    pub(super) async fn fatal(&mut self) -> Signal {
        loop {
            match self.heard.recv().await {
                Some(Heard { signal: Signal::WINCH, .. }) => {}
                Some(Heard { signal, .. }) => return signal,
                None => std::future::pending().await,
            }
        }
    }
}

/// As a shell tells of it.
pub(super) fn exit_code(signal: Signal) -> u8 {
    u8::try_from(128 + signal.as_raw()).unwrap_or(u8::MAX)
}

/// Passes it on. A child that is gone needs none.
pub(super) fn send(child: Option<u32>, signal: Signal) {
    let pid = child.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = kill_process(pid, signal)
    {
        tracing::debug!(%error, signal = signal.as_raw(), "a signal could not be passed on");
    }
}

#[expect(unsafe_code, reason = "tokio's signals do not say who sent them; a handler can ask")]
fn count_senders(number: Signal, count: &'static AtomicU32) -> std::io::Result<()> {
    // SAFETY: the action adds to an atomic, which is async-signal-safe; it allocates, locks and panics nowhere.
    let registered = unsafe {
        signal_hook_registry::register_sigaction(number.as_raw(), move |info| {
            if sent_by_process(info.si_code) {
                count.fetch_add(1, Ordering::AcqRel);
            }
        })
    };
    registered.map(drop)
}

/// `kill`, `sigqueue` and their like rather than the kernel.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn sent_by_process(code: libc::c_int) -> bool {
    // `SI_FROMUSER` of the kernel: every code that a process can cause is zero or negative.
    code <= 0
}

/// As Darwin and FreeBSD number `SI_USER` and `SI_QUEUE`; libc does not name them there.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn sent_by_process(code: libc::c_int) -> bool {
    matches!(code, 0x1_0001 | 0x1_0002)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_us_with_the_code_a_shell_gives_it() {
        assert_eq!((exit_code(Signal::INT), exit_code(Signal::TERM)), (130, 143));
    }
}
