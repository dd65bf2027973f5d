//! The command itself: started with our terminal, our standard streams and our process group, so that to it and to
//! the shell nothing is different from a call without renewd.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::ExitStatus;

use renewd_store::Remembered;
use tokio::process::{Child, Command};

use super::signals::Signals;
use crate::config::Config;
use crate::credential::store_folder;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::file::plain;

/// Exit codes of POSIX shells and `env` where nothing could be started.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// A shell tells of a death by signal so.
const BY_SIGNAL: i32 = 128;

/// How it ended.
pub(super) enum Ended {
    /// It never began.
    NotStarted { code: u8, why: String },
    /// It ran.
    Ran(ExitStatus),
}

impl Ended {
    /// The exit code to pass on: the child's, or 128 + n after a signal.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::NotStarted { code, .. } => *code,
            Self::Ran(status) => {
                let code = status.code().or_else(|| status.signal().map(|n| BY_SIGNAL + n));
                // The system gives eight bits; anything else would be a wait status that is neither.
                code.and_then(|c| u8::try_from(c).ok()).unwrap_or(u8::MAX)
            }
        }
    }
}

/// Starts the command with these variables added, without those that say where our secrets come from, and with the
/// user's own limit on core files.
///
/// # Errors
/// How it ended before it began.
pub(super) fn start<'v>(
    command: &[OsString],
    variables: impl IntoIterator<Item = (&'v str, &'v OsStr)>,
    env: &Environment,
    config: &Config,
) -> Result<Child, Ended> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Ended::NotStarted { code: NOT_FOUND, why: "there is no command to run".into() });
    };
    let mut command = Command::new(program);
    command.args(arguments);
    for name in env.kept_from_children(key_is_systemds(config)) {
        command.env_remove(name);
    }
    command.envs(variables);
    renewd_hardening::process::start_as_the_user_would(command.as_std_mut());
    command.spawn().map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let code = if missing { NOT_FOUND } else { NOT_EXECUTABLE };
        let why = format!("{} cannot be run: {}", shown(program), plain(&error));
        Ended::NotStarted { code, why }
    })
}

/// Whether the key of the store is a systemd credential: then the folder of credentials leads to it.
fn key_is_systemds(config: &Config) -> bool {
    let is_systemds = |setting: &str| setting.starts_with("systemd:");
    if config.text("store", "key", None).is_some_and(|key| is_systemds(&key)) {
        return true;
    }
    // What cannot be read here could not be opened either, and then there is no child.
    let remembered = store_folder(config).ok().and_then(|folder| Remembered::read(&folder).ok()?);
    remembered.is_some_and(|remembered| is_systemds(&remembered.current.setting))
}

/// The program's name on one line.
fn shown(program: &OsStr) -> String {
    program.to_string_lossy().chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Waits for the child's end, passing signals on meanwhile. `beside` runs along and is dropped at the end.
///
/// # Errors
/// When the system does not say how it ended.
pub(super) async fn wait(
    mut child: Child,
    signals: &mut Signals,
    beside: impl Future<Output = ()>,
) -> Result<Ended, Failure> {
    let pid = child.id();
    let mut beside = pin!(beside);
    let mut told = false;
    loop {
        tokio::select! {
            ended = child.wait() => {
                return ended.map(Ended::Ran).map_err(|e| {
                    Failure::internal(format!("the command's end cannot be heard of: {}", plain(&e)))
                });
            }
            signal = signals.meant_for_the_child() => super::signals::send(pid, signal),
            () = beside.as_mut(), if !told => told = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_the_childs_or_128_and_the_signal() {
        for (raw, code) in [(0, 0), (7 << 8, 7), (255 << 8, 255), (15, 143), (9, 137)] {
            assert_eq!(Ended::Ran(ExitStatus::from_raw(raw)).code(), code, "{raw:#x}");
        }
    }
}
