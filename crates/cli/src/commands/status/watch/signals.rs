//! Signals while the screen is ours: it is given back before they have their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::signal::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;

/// What ends a process.
const FATAL: [i32; 4] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT];

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end, by that signal.
    End(i32),
    Suspend,
    /// It was stopped in a way that nobody is asked about, and goes on.
    Resumed,
}

/// Listens from its making on, to the end of the process.
pub(super) struct Signals {
    fatal: Vec<(i32, Arc<AtomicBool>)>,
    suspend: Arc<AtomicBool>,
    resumed: Arc<AtomicBool>,
}

impl Signals {
    /// Begins.
    ///
    /// # Errors
    /// When the system takes no handler.
    pub(super) fn begin() -> std::io::Result<Self> {
        let on = |number: i32| {
            let came = Arc::new(AtomicBool::new(false));
            flag::register(number, Arc::clone(&came)).map(|_| came)
        };
        let mut fatal = Vec::new();
        for number in FATAL {
            fatal.push((number, on(number)?));
        }
        Ok(Self { fatal, suspend: on(SIGTSTP)?, resumed: on(SIGCONT)? })
    }

    /// What came since the last time.
    pub(super) fn asked(&self) -> Option<Asked> {
        let fatal = self.fatal.iter().find(|(_, came)| came.swap(false, Ordering::Relaxed));
        if let Some((number, _)) = fatal {
            return Some(Asked::End(*number));
        }
        if self.suspend.swap(false, Ordering::Relaxed) {
            return Some(Asked::Suspend);
        }
        self.resumed.swap(false, Ordering::Relaxed).then_some(Asked::Resumed)
    }

    /// Stops, as SIGTSTP does to whoever does not listen. Returns when it goes on.
    pub(super) fn suspend(&self) -> std::io::Result<()> {
        emulate_default_handler(SIGTSTP)?;
        // It goes on, which is what the signal would tell.
        self.resumed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the process by that signal.
    pub(super) fn end(number: i32) -> std::io::Result<()> {
        emulate_default_handler(number)
    }
}
