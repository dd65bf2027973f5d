//! Where the store's key lies, and whether the keyring does what it promises: an item is written, read back and removed.

use renewd_core::Secret;
use renewd_driver::Entropy as _;
use renewd_driver::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};
use renewd_driver::system::SystemEntropy;
use renewd_store::Remembered;

use super::Finding;
use crate::config::Config;
use crate::credential::{key_setting, keyring, remembered};
use crate::exit::{Exit, Failure};

/// Looks at both.
pub(super) fn look(config: &Config, findings: &mut Vec<Finding>) {
    // Where that fails, opening the store says the same with what follows from it.
    let made = remembered(config).unwrap_or_default();
    if let Some(made) = &made {
        findings.push(Finding::Good(format!("store: {}", told(made))));
        if made.next.is_some() || made.retired.is_some() {
            findings.push(Finding::Note(
                "store: a change of its key was begun and not ended; `renewd rekey` goes on with it".into(),
            ));
        }
    }
    let need = need(config, made.as_ref());
    findings.push(keyring_finding(keyring(config).as_ref(), made.as_ref(), need));
}

/// What the store makes of the keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Its key or its records lie there.
    Needed,
    /// They lie elsewhere.
    Not,
    /// There is no store yet, and nothing says where its key is to lie.
    Open,
}

/// What `store.toml` remembers, in words.
fn told(made: &Remembered) -> String {
    let records = match made.kind.as_str() {
        "keyring" => "its records lie in the keyring",
        _ => "its records are sealed files",
    };
    let key = match made.current.setting.as_str() {
        "file" => "a key file beside them".to_owned(),
        "passphrase" => "a passphrase".to_owned(),
        "keyring" => match &made.current.keyring {
            Some(backend) => format!("in the keyring ({backend})"),
            None => "in the keyring".to_owned(),
        },
        other => other.to_owned(),
    };
    format!("{records}; its key: {key}")
}

fn need(config: &Config, made: Option<&Remembered>) -> Need {
    let needed = match made {
        Some(made) => {
            let keys = [Some(&made.current), made.next.as_ref()];
            made.kind == "keyring" || keys.into_iter().flatten().any(|key| key.setting == "keyring")
        }
        None => match (key_setting(config).as_deref(), config.text("store", "kind", None).as_deref()) {
            (Some("keyring"), _) | (_, Some("keyring")) => true,
            (None, None) => return Need::Open,
            _ => false,
        },
    };
    if needed { Need::Needed } else { Need::Not }
}

fn keyring_finding(keyring: &dyn Keyring, made: Option<&Remembered>, need: Need) -> Finding {
    let (place, backend) = (keyring.place(), keyring.backend());
    let other = made.and_then(|made| made.current.keyring.as_deref()).filter(|before| *before != backend);
    if let Some(before) = other {
        return Finding::Bad(
            Failure::new(
                Exit::Store,
                format!(
                    "keyring: the key of this store was put into {before}, and this system has {backend}"
                ),
            )
            .advise("use the store where it was made; renewd rekey --key SOURCE takes it along from there"),
        );
    }
    match keyring.probe().and_then(|()| round_trip(keyring)) {
        Ok(()) => Finding::Good(format!(
            "keyring: {place} ({backend}) is open; an item was written, read back and removed"
        )),
        Err(error) if need == Need::Needed => {
            let words = format!("keyring ({backend}): {}: {error}", error.kind.name());
            Finding::Bad(Failure::new(Exit::Store, words).advise(advice(error.kind)))
        }
        Err(error) => {
            let words = format!("keyring ({backend}): {}: {error}", error.kind.name());
            match (error.kind, need) {
                (KeyringErrorKind::Absent | KeyringErrorKind::Locked, Need::Not) => Finding::Good(format!(
                    "keyring ({backend}): {}; this store does not need it",
                    error.kind.name()
                )),
                (_, Need::Open) => {
                    Finding::Note(format!("{words}; `renewd init` chooses where the key lies instead"))
                }
                _ => Finding::Note(words),
            }
        }
    }
}

/// What to do, where the keyring's own words do not say it.
fn advice(kind: KeyringErrorKind) -> &'static str {
    match kind {
        KeyringErrorKind::Absent => {
            "log in to the desktop session that has it; for use without one: `renewd rekey --key SOURCE` from there"
        }
        KeyringErrorKind::Locked => {
            "unlock it: log in to the desktop, or run `renewd token NAME` at a terminal there"
        }
        KeyringErrorKind::Denied => "allow renewd in the keyring's own settings",
        KeyringErrorKind::Dismissed => "run it again, and answer the prompt",
        KeyringErrorKind::TimedOut => {
            "the keyring's service hangs, or waits for somebody; store.keyring_timeout is how long it is waited for"
        }
        _ => "look at the keyring with its own program (seahorse, Keychain Access, Credential Manager)",
    }
}

/// Writes an item, reads it and removes it.
fn round_trip(keyring: &dyn Keyring) -> Result<(), KeyringError> {
    let number = SystemEntropy.attempt_id().0;
    let failed = |why: String| KeyringError::new(KeyringErrorKind::Failed, why);
    let item: ItemName =
        format!("renewd/probe/{number:x}").parse().map_err(|_| failed("no item can be named".into()))?;
    let value = Secret::from_string(format!("probe {number:x}"));
    let written = keyring.set(&item, &value);
    let read = written.and_then(|()| keyring.get(&item));
    // Whatever came of it, nothing is to stay behind.
    let removed = keyring.delete(&item);
    match read? {
        Some(found) if found.same_as(value.expose()) => {}
        Some(_) => {
            return Err(KeyringError::new(
                KeyringErrorKind::Changed,
                format!("{}: an item was read back as another", keyring.place()),
            ));
        }
        None => {
            return Err(KeyringError::new(
                KeyringErrorKind::Changed,
                format!("{}: an item that was written is not there", keyring.place()),
            ));
        }
    }
    match removed {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(failed(format!("{}: an item that was read is not there to be removed", keyring.place())))
        }
        Err(error) => Err(KeyringError::new(error.kind, format!("{error} (the item {item} stays behind)"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_driver::testing::{FakeKeyring, KeyringCall, KeyringFate};

    #[test]
    fn a_keyring_is_shown_to_work_and_nothing_stays_in_it() {
        let keyring = FakeKeyring::new(2_560);
        assert!(
            matches!(keyring_finding(&keyring, None, Need::Needed), Finding::Good(words) if words.contains("read back"))
        );
        assert!(keyring.items().is_empty());
    }

    #[test]
    fn what_fails_is_bad_where_the_store_needs_it_and_else_a_word() {
        for kind in KeyringErrorKind::ALL {
            let keyring = FakeKeyring::new(2_560);
            keyring.plan(move |_, call, _| match call {
                KeyringCall::Probe | KeyringCall::Delete => KeyringFate::Done,
                _ => KeyringFate::Fails(kind),
            });
            let Finding::Bad(failure) = keyring_finding(&keyring, None, Need::Needed) else {
                panic!("{kind:?}")
            };
            assert_eq!(failure.exit, Exit::Store);
            assert!(failure.advice.is_some());
            assert!(
                matches!(keyring_finding(&keyring, None, Need::Open), Finding::Note(words) if words.contains(kind.name()))
            );
        }
    }

    #[test]
    fn an_item_that_is_lost_or_stays_behind_is_told() {
        let keyring = FakeKeyring::new(2_560);
        let meddler = keyring.clone();
        keyring.plan(move |_, call, item| {
            if let (KeyringCall::Delete, Some(_)) = (call, item) {
                return KeyringFate::Fails(KeyringErrorKind::Denied);
            }
            KeyringFate::Done
        });
        let error = round_trip(&keyring).unwrap_err();
        assert_eq!(error.kind, KeyringErrorKind::Denied);
        let left = meddler.items();
        assert!(left.keys().all(|item| error.message.contains(item.as_str())) && left.len() == 1, "{error}");
    }
}
