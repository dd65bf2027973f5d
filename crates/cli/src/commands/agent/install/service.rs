//! What is to be started: the program, its arguments, and the little of the environment that says where its files are.

use std::path::Path;

use super::program;
use crate::app::App;
use crate::environment::Environment;
use crate::exit::Failure;

/// Variables that say where renewd's files are. A shell's start-up file may set them where the service manager does not
/// look.
const CARRIED: [&str; 2] = ["XDG_CONFIG_HOME", "XDG_STATE_HOME"];

/// Seconds between being told to end and being killed: what is under way is finished and saved meanwhile, which takes as
/// long as `shutdown.grace`. launchd would give 20.
pub(super) const STOP_S: u32 = 90;

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// The program's own path, absolute.
    pub(super) program: String,
    /// Global flags of this call, as they stand before the command.
    pub(super) flags: Vec<String>,
    /// Names and values.
    pub(super) environment: Vec<(String, String)>,
    /// The agent's socket, where the configuration names one.
    pub(super) socket: Option<String>,
}

impl Service {
    /// Of this program, with the flags of this call.
    ///
    /// # Errors
    /// Where the program cannot be found or a path is no text; a configuration failure.
    pub(super) fn of(app: &App) -> Result<Self, Failure> {
        let places = app.places()?;
        let mut flags = Vec::new();
        if let Some((path, true)) = places.config() {
            flags.extend(["--config".to_owned(), text(path)?]);
        }
        if app.global.state_dir.is_some() {
            flags.extend(["--state-dir".to_owned(), text(places.state()?)?]);
        }
        for file in places.profile_files() {
            flags.extend(["--profile-file".to_owned(), text(file)?]);
        }
        if app.global.passphrase_fd.is_some() {
            return Err(Failure::usage("a service has nobody who opens a descriptor for --passphrase-fd")
                .advise("choose another key source: renewd rekey --key keyring"));
        }
        let socket = app.config()?.path("agent", "socket", None);
        Ok(Self {
            program: text(&program::stable()?)?,
            flags,
            environment: carried(&app.env),
            socket: socket.as_deref().map(text).transpose()?,
        })
    }

    /// The words of a command of this program.
    pub(super) fn command(&self, words: &[&str]) -> Vec<String> {
        let all = std::iter::once(&self.program).chain(&self.flags).cloned();
        all.chain(words.iter().map(|w| (*w).to_owned())).collect()
    }
}

/// A path as the files of a service manager can hold it.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        _ => Err(Failure::usage(format!(
            "{} holds bytes that no service manager's file can: it must be UTF-8 without control characters",
            path.display()
        ))
        .advise("name it by another path")),
    }
}

fn carried(env: &Environment) -> Vec<(String, String)> {
    let value = |name: &str| env.folder(name).and_then(|folder| text(&folder).ok());
    CARRIED.iter().filter_map(|name| value(name).map(|value| ((*name).to_owned(), value))).collect()
}

/// Variables of ours that are set here. None is written into a service's file: each has a key in the configuration.
pub(super) fn variables_left_out(env: &Environment) -> Vec<String> {
    env.names_beginning("RENEWD_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_where_files_are_is_carried_over() {
        let env = Environment::of(&[
            ("HOME", "/h"),
            ("XDG_STATE_HOME", "/s"),
            ("XDG_CONFIG_HOME", "relative"),
            ("RENEWD_STORE_KEY", "file:/k"),
        ]);
        assert_eq!(carried(&env), [("XDG_STATE_HOME".to_owned(), "/s".to_owned())]);
        assert_eq!(variables_left_out(&env), ["RENEWD_STORE_KEY"]);
    }

    #[test]
    fn nobody_is_killed_who_takes_the_usual_grace() {
        let usual = renewd_core::Policy::default().shutdown_grace;
        assert!(usual < renewd_core::Span::from_secs(u64::from(STOP_S)), "{usual:?}");
    }

    #[test]
    fn a_path_that_would_break_a_line_is_refused() {
        assert!(text(Path::new("/a\nExecStartPre=/bin/true")).unwrap_err().message.contains("UTF-8"));
        assert_eq!(text(Path::new("/a b")).unwrap(), "/a b");
    }
}
