//! A program that ends when its test does, however that ends.
//!
//! A shell starts it, and waits for a line that never comes: the pipe closes when the test drops it or dies, even by
//! SIGKILL, and then the shell kills the program.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Started by the shell; not waited for before the end, so that its id stays its own.
const SCRIPT: &str = r#"
stdin=$1; log=$2; shift 2
"$@" <"$stdin" >"$log" 2>&1 &
program=$!
exec 2>/dev/null
echo "$program"
read -r _
kill -9 "$program"
wait "$program"
"#;

/// A program with all that it needs to be ended.
pub(super) struct Leash {
    shell: Child,
    held: Option<ChildStdin>,
    program: Pid,
    log: PathBuf,
}

impl Leash {
    /// Starts it with that file as its standard input; what it prints goes to `log`.
    pub(super) fn start(program: &Command, stdin: &Path, log: &Path) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT, "sh"]).arg(stdin).arg(log);
        shell.arg(program.get_program()).args(program.get_args());
        shell.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let held = shell.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let program = line.trim().parse().ok().and_then(Pid::from_raw);
        let program = program.ok_or_else(|| io::Error::other(format!("no process id in {line:?}")))?;
        Ok(Self { shell, held, program, log: log.to_owned() })
    }

    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.program, signal)?)
    }

    /// What it printed so far.
    pub(super) fn printed(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        drop(self.held.take());
        // The shell ends as soon as the program has.
        let _ = self.shell.wait();
    }
}
