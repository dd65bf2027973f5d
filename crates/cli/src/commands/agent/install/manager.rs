//! The service managers: which files each reads, and what is to be said to it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use super::service::Service;
use super::{File, launchd, systemd};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};

/// A service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ServiceManager {
    /// Units of a user, on Linux.
    Systemd,
    /// Launch agents, on macOS.
    Launchd,
}

/// A command, word by word.
pub(super) type Words = Vec<String>;

impl ServiceManager {
    /// The one of this system, where it has one that is known.
    pub(super) const fn of_this_system() -> Option<Self> {
        if cfg!(target_os = "linux") {
            Some(Self::Systemd)
        } else if cfg!(target_os = "macos") {
            Some(Self::Launchd)
        } else {
            None
        }
    }

    /// What it is to read.
    ///
    /// # Errors
    /// Where nothing says in which folder.
    pub(super) fn files(self, service: &Service, env: &Environment) -> Result<Vec<File>, Failure> {
        let home = || {
            env.folder("HOME").ok_or_else(|| {
                Failure::configuration(
                    "nothing says where the files of the service manager are: HOME is unset",
                )
                .advise("set HOME to an absolute path")
            })
        };
        Ok(match self {
            Self::Systemd => {
                systemd::check(service)?;
                let config = match env.folder("XDG_CONFIG_HOME") {
                    Some(folder) => folder,
                    None => home()?.join(".config"),
                };
                let folder = config.join("systemd/user");
                vec![
                    File { path: folder.join(systemd::SOCKET), text: systemd::socket(service) },
                    File { path: folder.join(systemd::SERVICE), text: systemd::service(service) },
                ]
            }
            Self::Launchd => {
                let home = home()?;
                let log = home.join("Library/Logs/renewd.log");
                let path = home.join(format!("Library/LaunchAgents/{}.plist", launchd::LABEL));
                vec![File { path, text: launchd::plist(service, &super::service::text(&log)?) }]
            }
        })
    }

    /// Starts it now and at each login.
    pub(super) fn start(self, files: &[File]) -> Vec<Words> {
        match self {
            Self::Systemd => vec![
                words(&["systemctl", "--user", "daemon-reload"]),
                words(&["systemctl", "--user", "enable", "--now", systemd::SOCKET, systemd::SERVICE]),
            ],
            Self::Launchd => vec![words(&["launchctl", "load", "-w", &shown(files)])],
        }
    }

    /// Ends it, now and at each login.
    pub(super) fn stop(self, files: &[File]) -> Vec<Words> {
        match self {
            Self::Systemd => {
                vec![words(&["systemctl", "--user", "disable", "--now", systemd::SOCKET, systemd::SERVICE])]
            }
            Self::Launchd => vec![words(&["launchctl", "unload", "-w", &shown(files)])],
        }
    }

    /// Has it see that the files are gone.
    pub(super) fn forget(self) -> Vec<Words> {
        match self {
            Self::Systemd => vec![words(&["systemctl", "--user", "daemon-reload"])],
            Self::Launchd => Vec::new(),
        }
    }
}

fn shown(files: &[File]) -> String {
    let path: PathBuf = files.first().map(|file| file.path.clone()).unwrap_or_default();
    path.to_string_lossy().into_owned()
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// The commands as a person types them.
pub(super) fn line(commands: &[Words]) -> String {
    let quoted = |word: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.:@".contains(c);
        if word.chars().all(plain) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    let line = |words: &Words| words.iter().map(quoted).collect::<Vec<_>>().join(" ");
    commands.iter().map(line).collect::<Vec<_>>().join(" && ")
}

/// Runs them in turn.
///
/// # Errors
/// The first that does not succeed.
pub(super) fn run_all(commands: &[Words], env: &Environment) -> Result<(), Failure> {
    for words in commands {
        let shown = line(std::slice::from_ref(words));
        let Some((program, rest)) = words.split_first() else { continue };
        let mut command = Command::new(program);
        // Its words are for a person; our standard output is for programs.
        command.args(rest).stdin(Stdio::null()).stdout(Stdio::null());
        for name in env.kept_from_children(true) {
            command.env_remove(name);
        }
        let failed = match command.status() {
            Ok(status) if status.success() => continue,
            Ok(status) => format!("{shown}: {status}"),
            Err(error) => format!("{shown}: {}", crate::input::file::plain(&error)),
        };
        return Err(Failure::new(Exit::Configuration, failed).advise(
            "the files are written; this command, run by hand in the session of the user, says more",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_whatever_its_path_holds() {
        let commands = [words(&["launchctl", "load", "/Users/a b/it's.plist"]), words(&["true"])];
        assert_eq!(line(&commands), r"launchctl load '/Users/a b/it'\''s.plist' && true");
    }

    #[test]
    fn a_command_that_fails_or_is_not_there_is_named() {
        let env = Environment::of(&[]);
        let run = |program: &str| run_all(&[words(&[program, "x"])], &env);
        run("true").unwrap();
        assert!(run("false").unwrap_err().message.starts_with("false x: exit status"));
        assert!(
            run("no-such-program-of-anyone")
                .unwrap_err()
                .message
                .starts_with("no-such-program-of-anyone x: ")
        );
    }

    #[test]
    fn without_a_home_it_is_said_what_to_set() {
        let service = Service { program: "/r".into(), flags: vec![], environment: vec![], socket: None };
        let env = Environment::of(&[("XDG_CONFIG_HOME", "/c")]);
        let files = ServiceManager::Systemd.files(&service, &env).unwrap();
        let paths: Vec<_> = files.iter().map(|f| f.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/c/systemd/user/renewd.socket", "/c/systemd/user/renewd.service"]);
        let Err(failure) = ServiceManager::Launchd.files(&service, &env) else { panic!("no home") };
        assert!(failure.to_string().contains("HOME"));
    }
}
