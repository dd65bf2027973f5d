//! A keyring before which somebody sits.
//!
//! It is asked quietly first, with a short deadline: one that hangs is told from one that is locked, and only that is
//! worth a prompt and the time a person takes.

use std::sync::{Arc, OnceLock};

use renewd_core::Secret;
use renewd_driver::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};

use crate::input::terminal::say;

/// Makes the keyring that may prompt.
type Make = Box<dyn Fn() -> Arc<dyn Keyring> + Send + Sync>;

/// Quiet where it can be, asking where it must.
pub(super) struct Attended {
    quiet: Arc<dyn Keyring>,
    asking: OnceLock<Arc<dyn Keyring>>,
    make: Make,
}

impl Attended {
    /// Of one that never asks, and a way to one that does.
    pub(super) fn new(quiet: Arc<dyn Keyring>, make: Make) -> Self {
        Self { quiet, asking: OnceLock::new(), make }
    }

    fn call<T>(&self, call: impl Fn(&dyn Keyring) -> Result<T, KeyringError>) -> Result<T, KeyringError> {
        match call(self.quiet.as_ref()) {
            Err(error) if error.kind == KeyringErrorKind::Locked => {
                let asking = self.asking.get_or_init(|| {
                    let place = self.quiet.place();
                    say(&format!(
                        "renewd: {place} is locked; unlock it in the window that asks for its password"
                    ));
                    (self.make)()
                });
                call(asking.as_ref())
            }
            other => other,
        }
    }
}

impl Keyring for Attended {
    fn backend(&self) -> &'static str {
        self.quiet.backend()
    }

    fn place(&self) -> String {
        self.quiet.place()
    }

    fn item_bytes_max(&self) -> usize {
        self.quiet.item_bytes_max()
    }

    fn get(&self, item: &ItemName) -> Result<Option<Secret>, KeyringError> {
        self.call(|keyring| keyring.get(item))
    }

    fn set(&self, item: &ItemName, value: &Secret) -> Result<(), KeyringError> {
        self.call(|keyring| keyring.set(item, value))
    }

    fn delete(&self, item: &ItemName) -> Result<bool, KeyringError> {
        self.call(|keyring| keyring.delete(item))
    }

    /// Asks nobody, as the port says.
    fn probe(&self) -> Result<(), KeyringError> {
        self.quiet.probe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_driver::testing::{FakeKeyring, KeyringFate};

    const ITEM_BYTES_MAX: usize = 1024;

    /// One that fails so, before one that a person unlocks; and how often somebody was asked.
    fn attended(quiet: KeyringErrorKind) -> (Attended, FakeKeyring) {
        let (never, asking) = (FakeKeyring::new(ITEM_BYTES_MAX), FakeKeyring::new(ITEM_BYTES_MAX));
        never.plan(move |_, _, _| KeyringFate::Fails(quiet));
        let made = asking.clone();
        (Attended::new(Arc::new(never), Box::new(move || Arc::new(made.clone()))), asking)
    }

    #[test]
    fn only_a_locked_keyring_is_worth_a_prompt() {
        let item: ItemName = "key".parse().unwrap();
        for kind in KeyringErrorKind::ALL {
            let (keyring, asking) = attended(kind);
            let set = keyring.set(&item, &Secret::new(b"value".to_vec()));
            if kind == KeyringErrorKind::Locked {
                assert!(set.is_ok());
                assert!(keyring.get(&item).unwrap().is_some_and(|value| value.same_as(b"value")));
                assert!(keyring.delete(&item).unwrap());
                assert_eq!(asking.calls(), 3);
            } else {
                assert_eq!(set.unwrap_err().kind, kind);
                assert_eq!(asking.calls(), 0);
            }
        }
    }

    #[test]
    fn a_look_asks_nobody_and_an_open_keyring_is_not_asked_twice() {
        let (locked, asking) = attended(KeyringErrorKind::Locked);
        assert_eq!(locked.probe().unwrap_err().kind, KeyringErrorKind::Locked);
        assert_eq!(asking.calls(), 0);
        let quiet = FakeKeyring::new(ITEM_BYTES_MAX);
        let open = Attended::new(Arc::new(quiet.clone()), Box::new(|| panic!("nobody is to be asked")));
        assert!(open.get(&"key".parse().unwrap()).unwrap().is_none());
        assert_eq!(quiet.calls(), 1);
    }
}
