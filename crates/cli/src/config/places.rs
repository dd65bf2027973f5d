//! Where things stand: the configuration, the state, the agent's socket (XDG base directories).

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::exit::Failure;

/// Folder and file names of ours.
const OWN: &str = "renewd";

/// Where things stand. What cannot be known is an error only for whoever needs it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    config: Option<PathBuf>,
    config_named: bool,
    /// `--profile-file`, in the order given.
    profile_files: Vec<PathBuf>,
    state: Option<PathBuf>,
    state_from: &'static str,
    runtime: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl Places {
    /// From the flags and the environment. Relative flags count from the current directory.
    ///
    /// # Errors
    /// A usage failure when the current directory is needed and gone.
    pub(crate) fn find(
        env: &Environment,
        config: Option<&Path>,
        state: Option<&Path>,
    ) -> Result<Self, Failure> {
        let home = env.folder("HOME").or_else(|| env.folder("USERPROFILE"));
        let beside = |xdg: &str, windows: &str, under: &str| {
            env.folder(xdg)
                .or_else(|| env.folder(windows).filter(|_| cfg!(windows)))
                .or_else(|| home.as_ref().map(|h| h.join(under)))
                .map(|d| d.join(OWN))
        };
        let state_from = match state {
            Some(_) => "flag --state-dir",
            None if env.folder("XDG_STATE_HOME").is_some() => "environment XDG_STATE_HOME",
            None => "default",
        };
        Ok(Self {
            config: match config {
                Some(path) => Some(absolute(path, "--config")?),
                None => beside("XDG_CONFIG_HOME", "APPDATA", ".config").map(|d| d.join("config.toml")),
            },
            config_named: config.is_some(),
            profile_files: Vec::new(),
            state: match state {
                Some(path) => Some(absolute(path, "--state-dir")?),
                None => beside("XDG_STATE_HOME", "LOCALAPPDATA", ".local/state"),
            },
            state_from,
            runtime: env.folder("XDG_RUNTIME_DIR").map(|d| d.join(OWN)),
            home,
        })
    }

    /// The same, with the profile files that flags of this call name. Relative ones count from the current directory.
    ///
    /// # Errors
    /// A usage failure when the current directory is needed and gone.
    pub(crate) fn with_profile_files(mut self, files: &[PathBuf]) -> Result<Self, Failure> {
        self.profile_files =
            files.iter().map(|f| absolute(f, "--profile-file")).collect::<Result<Vec<_>, _>>()?;
        Ok(self)
    }

    /// The profile files that flags of this call name.
    pub(crate) fn profile_files(&self) -> &[PathBuf] {
        &self.profile_files
    }

    /// The configuration file, and whether the user named it: then it must exist.
    pub(crate) fn config(&self) -> Option<(&Path, bool)> {
        self.config.as_deref().map(|p| (p, self.config_named))
    }

    /// The state folder.
    ///
    /// # Errors
    /// A configuration failure when nothing says where it is.
    pub(crate) fn state(&self) -> Result<&Path, Failure> {
        self.state.as_deref().ok_or_else(|| {
            Failure::configuration(
                "nothing says where renewd keeps its state: HOME and XDG_STATE_HOME are unset",
            )
            .advise("set HOME to an absolute path, or give --state-dir DIR")
        })
    }

    /// Where the state folder's place comes from.
    pub(crate) fn state_from(&self) -> &'static str {
        self.state_from
    }

    /// The agent's socket where the configuration names none.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub(crate) fn socket(&self) -> Result<PathBuf, Failure> {
        match &self.runtime {
            Some(dir) => Ok(dir.join("agent.sock")),
            None => Ok(self.state()?.join("run").join("agent.sock")),
        }
    }

    /// A path of the configuration: `~/` is the home folder, a relative one stands beside the file (or, from the
    /// environment, in the current directory).
    pub(crate) fn resolve(&self, text: &str, beside: Option<&Path>) -> PathBuf {
        if let (Some(rest), Some(home)) = (text.strip_prefix("~/"), &self.home) {
            return home.join(rest);
        }
        match beside.and_then(Path::parent) {
            Some(folder) => folder.join(text),
            None => std::path::absolute(text).unwrap_or_else(|_| text.into()),
        }
    }
}

fn absolute(path: &Path, flag: &str) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|e| {
        Failure::usage(format!("{flag} {}: {e}", path.display())).advise("give an absolute path")
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn places(pairs: &[(&str, &str)], config: Option<&str>, state: Option<&str>) -> Places {
        Places::find(&Environment::of(pairs), config.map(Path::new), state.map(Path::new)).unwrap()
    }

    #[test]
    fn flag_then_xdg_then_home() {
        let home = places(&[("HOME", "/h")], None, None);
        assert_eq!(home.state().unwrap(), Path::new("/h/.local/state/renewd"));
        assert_eq!(home.config().unwrap(), (Path::new("/h/.config/renewd/config.toml"), false));
        assert_eq!(home.socket().unwrap(), Path::new("/h/.local/state/renewd/run/agent.sock"));
        let all = [
            ("HOME", "/h"),
            ("XDG_STATE_HOME", "/s"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_RUNTIME_DIR", "/run/user/1"),
        ];
        let xdg = places(&all, None, None);
        assert_eq!(xdg.state().unwrap(), Path::new("/s/renewd"));
        assert_eq!(xdg.config().unwrap(), (Path::new("/c/renewd/config.toml"), false));
        assert_eq!(xdg.socket().unwrap(), Path::new("/run/user/1/renewd/agent.sock"));
        let flags = places(&all, Some("/x.toml"), Some("/y"));
        assert_eq!(flags.state().unwrap(), Path::new("/y"));
        assert_eq!(flags.config().unwrap(), (Path::new("/x.toml"), true));
    }

    #[test]
    fn without_a_home_the_state_is_an_error_that_says_what_to_set() {
        let bare = places(&[], None, None);
        let error = bare.state().unwrap_err();
        assert_eq!(error.exit, crate::exit::Exit::Configuration);
        assert!(error.to_string().contains("HOME") && error.to_string().contains("--state-dir"), "{error}");
        assert!(bare.config().is_none());
    }

    #[test]
    fn paths_of_the_file_stand_beside_it() {
        let p = places(&[("HOME", "/h")], None, None);
        let file = Some(Path::new("/etc/renewd/config.toml"));
        assert_eq!(p.resolve("ca.pem", file), Path::new("/etc/renewd/ca.pem"));
        assert_eq!(p.resolve("/ca.pem", file), Path::new("/ca.pem"));
        assert_eq!(p.resolve("~/ca.pem", file), Path::new("/h/ca.pem"));
    }
}
