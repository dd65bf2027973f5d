//! How this process gets at the store's key: whether somebody can be asked, and what was asked already.
//!
//! One process has one of these, so that a passphrase is asked for once and the keyring has one connection.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use renewd_driver::keyring::Keyring;
use renewd_keyring::{Interaction, KeyringOptions, platform};
use renewd_store::PassphraseSource;

use super::attended::Attended;
use crate::input::passphrase::{Descriptors, Entered};

/// A keyring that asks nobody answers within this, or hangs. Helpers have ten seconds in all.
const QUIET: Duration = Duration::from_secs(5);

/// A person who is asked to unlock the keyring looks for the password for so long.
const ASKING: Duration = Duration::from_secs(120);

/// A descriptor leads to a program that may ask a person for the passphrase, or fetch it from far away.
const DESCRIPTOR: Duration = Duration::from_secs(120);

/// Whoever asks a helper waits ten seconds, in which it must say what is wrong.
const DESCRIPTOR_OF_HELPER: Duration = Duration::from_secs(5);

/// How this process gets at the store's key.
#[derive(Default)]
pub(crate) struct Access {
    /// Somebody sits before this command and may be asked.
    person: bool,
    /// The command is a helper, which has little time.
    helper: bool,
    keyring: OnceLock<Arc<dyn Keyring>>,
    /// What was entered, once.
    entered: Entered,
}

/// What was entered is not shown.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("person", &self.person).finish_non_exhaustive()
    }
}

impl Access {
    /// For a command before which somebody sits, or not.
    pub(crate) fn new(person: bool) -> Self {
        Self { person, ..Self::default() }
    }

    /// The same for a helper, or not.
    #[must_use]
    pub(crate) fn of_helper(self, helper: bool) -> Self {
        Self { helper, ..self }
    }

    /// Whether somebody can be asked.
    pub(crate) fn person(&self) -> bool {
        self.person
    }

    /// The system's keyring, where each call may take so long. Nobody is called by making it.
    pub(crate) fn keyring(&self, timeout: Option<Duration>) -> Arc<dyn Keyring> {
        let made = self.keyring.get_or_init(|| {
            let quiet = platform(KeyringOptions::new(timeout.unwrap_or(QUIET), Interaction::Never));
            if !self.person {
                return quiet;
            }
            let asking = KeyringOptions::new(timeout.unwrap_or(ASKING), Interaction::Allowed);
            Arc::new(Attended::new(quiet, Box::new(move || platform(asking))))
        });
        Arc::clone(made)
    }

    /// The passphrase, from these descriptors or from the person.
    pub(crate) fn passphrases(&self, descriptors: Descriptors) -> Arc<dyn PassphraseSource> {
        let patience = if self.helper { DESCRIPTOR_OF_HELPER } else { DESCRIPTOR };
        Arc::new(self.entered.clone().with(descriptors, self.person, patience))
    }
}
