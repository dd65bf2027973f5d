//! The command itself: started with our terminal, our standard streams and our process group, so that to it and to
//! the shell nothing is different from a call without renewd.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
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

/// Starts the command with these variables added, without those that say where our secrets come from, without the
/// descriptor of the passphrase, and with the user's own limit on core files.
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
    if let Some(fd) = config.lookup("store", "passphrase_fd", None).and_then(|e| e.value.as_number()) {
        i32::try_from(fd).into_iter().for_each(crate::input::passphrase::keep_from_children);
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
    if config.text("store", "key", None).is_some_and(|key| is_systemds(&key)) {
        return true;
    }
    store_folder(config).is_ok_and(|folder| opens_with_systemds(&folder))
}

/// Whether one of a store's keys is a systemd credential: while its records are sealed anew it has two.
fn opens_with_systemds(folder: &Path) -> bool {
    // What cannot be read here could not be opened either, and then there is no child.
    let Ok(Some(remembered)) = Remembered::read(folder) else { return false };
    let keys = [Some(&remembered.current), remembered.next.as_ref(), remembered.retired.as_ref()];
    keys.into_iter().flatten().any(|key| is_systemds(&key.setting))
}

fn is_systemds(setting: &str) -> bool {
    setting.starts_with("systemd:")
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

    #[test]
    fn a_store_opens_with_a_credential_of_systemd_while_one_of_its_keys_is_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(folder.path(), 0o700);
        let file = folder.path().join("store.toml");
        let opens = |keys: &str| {
            std::fs::write(&file, format!("format = 2\nkind = \"file\"\n{keys}")).unwrap();
            mode(&file, 0o600);
            assert!(Remembered::read(folder.path()).unwrap().is_some(), "{keys}");
            opens_with_systemds(folder.path())
        };
        let key = |setting: &str| format!("key = \"{setting}\"\nkey_id = \"{}\"\n", "0a".repeat(16));
        let (file, systemd) = (key("file"), key("systemd:x"));
        assert!(opens(&systemd) && !opens(&file));
        for part in ["next", "retired"] {
            assert!(opens(&format!("{file}[{part}]\n{systemd}")), "{part}");
            assert!(!opens(&format!("{file}[{part}]\n{file}")), "{part}");
        }
    }
}
