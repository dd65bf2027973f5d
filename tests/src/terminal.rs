//! A person at a terminal: the command's controlling terminal is a pseudo terminal, and the test reads and types.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::wait::wait_for;

/// Makes a session with that terminal, and becomes the command: util-linux's.
const NEW_SESSION: &str = "setsid";

/// A command with a terminal of its own. Dropping it ends it.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    /// What was waited for already.
    seen: usize,
}

impl Terminal {
    /// Starts the command at a terminal: standard input, output and error are it.
    ///
    /// # Panics
    /// When there is no terminal to be had, or the command cannot be started.
    pub fn start(of: &Command) -> Self {
        Self::on(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal can be had"), of)
    }

    fn on(ours: OwnedFd, of: &Command) -> Self {
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("one's own terminal can be opened");
        let name = ptsname(&ours, Vec::new()).expect("a terminal has a name");
        let open = || -> OwnedFd {
            let path = name.to_str().expect("the name is text");
            File::options().read(true).write(true).open(path).expect("the terminal can be opened").into()
        };
        let mut command = Command::new(NEW_SESSION);
        command.arg("--ctty").arg(of.get_program()).args(of.get_args());
        command.env_clear().envs(of.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if of.get_envs().all(|(name, _)| name != "PATH") {
            // For the program that makes the session to be found.
            command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        }
        if let Some(folder) = of.get_current_dir() {
            command.current_dir(folder);
        }
        let child = command.stdin(open()).stdout(open()).stderr(open()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{NEW_SESSION}: {error}"));
        // The command's copies are closed with it, so that the screen ends when its last process does.
        drop(command);
        let keyboard = File::from(ours);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) =
            (keyboard.try_clone().expect("a descriptor can be doubled"), Arc::clone(&screen));
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 1024];
            // A terminal whose other end is closed fails to be read; so it ends.
            while let Ok(1..) = from.read(&mut piece).inspect(|n| {
                to.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..*n]);
            }) {}
        });
        Self { child, keyboard, screen, reader, seen: 0 }
    }

    /// The same on a terminal of that size, for what draws on it.
    ///
    /// # Panics
    /// As [`start`](Self::start) does; or when the terminal takes no size.
    pub fn sized(of: &Command, columns: u16, rows: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo terminal can be had");
        resize(&ours, columns, rows);
        Self::on(ours, of)
    }

    /// Changes its size, as a person does who pulls at the window's corner.
    ///
    /// # Panics
    /// When the terminal takes no size.
    pub fn resize(&self, columns: u16, rows: u16) {
        resize(&self.keyboard, columns, rows);
    }

    /// Sends a signal to the command.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the command is there to hear a signal");
    }

    /// Whether a signal stopped the command, and nothing made it go on.
    ///
    /// # Panics
    /// When it is gone.
    pub fn is_stopped(&self) -> bool {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("the command is there");
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    }

    /// Everything that stood on the screen.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until the screen shows this, after what was waited for before.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        let from = self.seen;
        let what = format!("{text:?} on the screen");
        self.seen = wait_for(&what, || {
            let screen = self.screen();
            if let Some(at) = screen.get(from..).and_then(|rest| rest.find(text)) {
                return Some(from + at + text.len());
            }
            let ended = self.child.try_wait().expect("its own child can be waited for");
            assert!(ended.is_none(), "it ended ({ended:?}) before {text:?}: {screen}");
            None
        });
    }

    /// Types a line.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn type_line(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\n").as_bytes()).expect("the terminal takes what is typed");
    }

    /// Types keys, one after the other.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn type_keys(&self, keys: &str) {
        (&self.keyboard).write_all(keys.as_bytes()).expect("the terminal takes what is typed");
    }

    /// Types one key.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&mut self, key: u8) {
        self.keyboard.write_all(&[key]).expect("the terminal takes what is typed");
    }

    /// Waits for the command's end: its exit code, and everything that stood on the screen.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn finish(mut self) -> (Option<i32>, String) {
        let status = wait_for("the end of a command at a terminal", || {
            self.child.try_wait().expect("its own child can be waited for")
        });
        // What it said last may be on its way still.
        wait_for("the whole screen", || self.reader.is_finished().then_some(()));
        (status.code(), self.screen())
    }
}

fn resize(terminal: impl AsFd, columns: u16, rows: u16) {
    let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("a terminal takes a size");
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that ended already cannot be killed, and needs not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
