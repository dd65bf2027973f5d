//! What this machine and this process have to keep a key in: looked at, never changed, and nobody asked.

use std::path::Path;
use std::sync::Arc;

use renewd_driver::keyring::{Keyring, KeyringError, KeyringErrorKind};

use crate::config::Config;
use crate::credential::keyring;
use crate::environment::Environment;

/// Where systemd puts the credentials of a unit.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What is here.
pub(super) struct Here {
    /// The keyring and what it says.
    keyring: Arc<dyn Keyring>,
    answer: Result<(), KeyringError>,
    /// The credentials that systemd handed to this process.
    pub(super) credentials: Vec<String>,
    /// Somebody can be asked.
    pub(super) person: bool,
}

impl Here {
    /// Looks.
    pub(super) fn look(config: &Config, env: &Environment) -> Self {
        let keyring = keyring(config);
        let answer = keyring.probe();
        let credentials = env.folder(CREDENTIALS).map(|folder| names_in(&folder)).unwrap_or_default();
        Self { keyring, answer, credentials, person: config.access().person() }
    }

    /// Where the keyring is, for people.
    pub(super) fn keyring(&self) -> String {
        self.keyring.place()
    }

    /// Whether a key can be kept in the keyring by this command: it is open, or somebody is here to unlock it.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn keyring_serves(&self) -> Result<(), &KeyringError> {
        match &self.answer {
            Err(error) if error.kind == KeyringErrorKind::Locked && self.person => Ok(()),
            Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What else is to be known of a source here; none where there is nothing to say.
    pub(super) fn remark(&self, setting: &str) -> Option<String> {
        match setting {
            "keyring" => match &self.answer {
                Ok(()) => Some(format!("{} is open", self.keyring())),
                Err(error) if error.kind == KeyringErrorKind::Locked && self.person => {
                    Some("it is locked: you will be asked to unlock it".to_owned())
                }
                Err(error) => Some(format!("not usable now: {error}")),
            },
            "systemd:NAME" if self.credentials.is_empty() => Some("this process was given none".to_owned()),
            "systemd:NAME" => Some(format!("here: {}", self.credentials.join(", "))),
            _ => None,
        }
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
