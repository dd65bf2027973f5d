//! Running a command to its end, whatever it prints meanwhile, and never for ever.

use std::fmt;
use std::io::{Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::disclosure::{self, Watch};
use crate::wait::{deadline, wait_for};

/// What became of a command.
#[derive(Clone)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed for programs.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
}

/// Standard output may hold a token: it is not shown.
impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {:?}, {} bytes on stdout, stderr:\n{}", self.code, self.stdout.len(), self.stderr)
    }
}

impl Ran {
    /// Its output, after it succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Its output, after it ended with that exit code.
    ///
    /// # Panics
    /// When it ended otherwise.
    #[track_caller]
    pub fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Its standard output without the newline at the end.
    pub fn line(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }

    /// Its standard output as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        json(&self.stdout)
    }
}

/// A text as JSON.
///
/// # Panics
/// When it is none.
#[track_caller]
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}), {} bytes", text.len()))
}

/// A running command whose output is collected. Dropping it ends it.
pub struct Running {
    watch: Watch,
    child: Child,
    stdout: Tap,
    stderr: Tap,
}

impl Running {
    /// Starts it and gives it that standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command, stdin: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut watch = Watch::of(&command);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        watch.look(child.id());
        let mut input = child.stdin.take().expect("standard input is a pipe");
        // A command that ends without reading it is none of our business.
        let _ = input.write_all(stdin);
        drop(input);
        let stdout = Tap::on(child.stdout.take().expect("standard output is a pipe"));
        let stderr = Tap::on(child.stderr.take().expect("standard error is a pipe"));
        Self { watch, child, stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed for people so far.
    pub fn stderr(&self) -> String {
        without_log(self.stderr.so_far())
    }

    /// What it printed for programs so far.
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// Looks at the arguments and the environment of everything that it has started, for a test that knows when to.
    pub fn overhear(&mut self) {
        self.watch.look_now(self.child.id());
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it is gone.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the process lives");
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("its own child can be waited for")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn finish(mut self) -> Ran {
        let deadline = deadline();
        while self.is_running() {
            if deadline.passed() {
                let _ = self.child.kill();
                panic!("pid {} did not end; it said:\n{}", self.child.id(), self.stderr());
            }
            self.watch.look(self.child.id());
            crate::pause(std::time::Duration::from_millis(5));
        }
        let code = wait_for("the end of a process that ended", || self.ended()).code();
        let (stdout, stderr) = (self.stdout.whole(), self.stderr.whole());
        Ran { code, stdout, stderr: without_log(stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that ended already cannot be killed, and needs not.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.watch.check(self.stdout.so_far().as_bytes(), self.stderr.so_far().as_bytes());
    }
}

/// What a process says to people, without the lines of a log that the search for leaks made it write: those begin with
/// a time to the microsecond, `2026-11-22T09:00:00.000000Z`. Tests read the rest as ever.
fn without_log(said: String) -> String {
    if !disclosure::is_on() {
        return said;
    }
    let is_logged = |line: &str| {
        let bytes = line.as_bytes();
        bytes.len() > 27 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[19] == b'.' && bytes[26] == b'Z'
    };
    said.split_inclusive('\n').filter(|line| !is_logged(line)).collect()
}

/// Collects a stream on a thread, so that the process never waits for its reader.
struct Tap {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    fn on(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(1..) = stream.read(&mut piece).inspect(|n| {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..*n]);
            }) {}
        });
        Self { bytes, thread: Some(thread) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Everything, once the process and all that inherited the stream are gone.
    fn whole(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            // It cannot panic: it only reads and appends.
            let _ = thread.join();
        }
        self.so_far()
    }
}
