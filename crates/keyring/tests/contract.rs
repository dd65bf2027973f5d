//! What every keyring has to pass, for those that run here: in memory, a real GNOME Keyring, a fake provider.

use renewd_keyring::keyring_contract;
use renewd_keyring::testing::contract::Subject;

keyring_contract!(in_memory, || {
    let keyring = renewd_driver::testing::FakeKeyring::new(4096);
    Some(Subject::new(move || std::sync::Arc::new(keyring.clone())))
});

#[cfg(target_os = "linux")]
mod on_a_bus {
    use std::sync::Arc;
    use std::time::Duration;

    use renewd_keyring::testing::{Desktop, Provider};
    use renewd_keyring::{Interaction, KeyringOptions};

    use super::*;

    /// Of a call that has to succeed, on a machine that does much else.
    const PATIENT: KeyringOptions = KeyringOptions::new(Duration::from_secs(60), Interaction::Never);

    fn gnome_keyring() -> Option<Subject> {
        let desktop = Arc::new(Desktop::start()?);
        Some(Subject::new(move || desktop.keyring(PATIENT)))
    }

    /// It makes and removes items after a prompt only, even where it asks nobody then.
    fn keepassxc() -> Option<Subject> {
        let desktop = Arc::new(Desktop::start_with(Provider::KeePassXc)?);
        let asking = KeyringOptions::new(PATIENT.deadline, Interaction::Allowed);
        Some(Subject::new(move || desktop.keyring(asking)))
    }

    fn fake_provider() -> Option<Subject> {
        let desktop = Desktop::start_with(Provider::None)?;
        let fake = desktop.fake();
        Some(Subject::keeping(fake, move || desktop.keyring(PATIENT)))
    }

    keyring_contract!(real, gnome_keyring);
    keyring_contract!(other_real, keepassxc);
    keyring_contract!(fake, fake_provider);
}
