//! Running other programs: each failure names the command line, so that it can be repeated by hand.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Why a chore failed, and the exit code that says so.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1: something is wrong with the project; 2: with the command line or an input file.
    pub(crate) code: u8,
    /// What, where, and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { code: 1, message }
    }
}

/// The workspace's root folder. Asked at run time first: a build folder may be shared between two checkouts.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(here);
    root.pop();
    root
}

/// A command in the root folder, without stdin: nothing here may ever wait for a person.
pub(crate) fn command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// A cargo command. What `cargo run` told *this* process about xtask itself is not passed on: build scripts watch
/// those variables, and would run anew each time a chore and a plain `cargo build` take turns.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (key, _) in std::env::vars_os() {
        let key = key.to_string_lossy().into_owned();
        let about_xtask = key.starts_with("CARGO_PKG_")
            || key.starts_with("CARGO_MANIFEST_")
            || matches!(key.as_str(), "CARGO_PRIMARY_PACKAGE" | "CARGO_BIN_NAME" | "CARGO_CRATE_NAME");
        if about_xtask {
            command.env_remove(&key);
        }
    }
    command.args(args);
    command
}

/// The command line, for people.
pub(crate) fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    if let Some(name) = std::path::Path::new(&words[0]).file_name() {
        words[0] = name.to_string_lossy().into_owned();
    }
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs it with our own stdout and stderr: its closing lines are ours.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    let line = line(&command);
    let status = command.status().map_err(|e| format!("{line}: cannot be started: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{line}: {status}").into()) }
}

/// Runs it and takes its stdout; stderr stays ours.
pub(crate) fn output(mut command: Command) -> Result<String, Failure> {
    let line = line(&command);
    let out =
        command.stderr(Stdio::inherit()).output().map_err(|e| format!("{line}: cannot be started: {e}"))?;
    if !out.status.success() {
        return Err(format!("{line}: {}", out.status).into());
    }
    String::from_utf8(out.stdout).map_err(|_| format!("{line}: printed something that is not UTF-8").into())
}

/// Whether it runs and succeeds, silently.
pub(crate) fn succeeds(mut command: Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Whether a cargo subcommand is at hand.
pub(crate) fn has_cargo_tool(name: &str) -> bool {
    succeeds(cargo(&[name, "--version"]))
}
