//! Opens the store that the configuration names, and the one that it remembers to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use renewd_core::{CommitFailure, StoreFault};
use renewd_driver::CredentialStore;
use renewd_driver::keyring::Keyring;
use renewd_store::{
    FileStore, FileStoreOptions, KeyChoice, KeyringStore, MemoryStore, Remembered, StoreError, StoreKind,
};

use crate::config::{Config, Origin};
use crate::exit::{Exit, Failure};
use crate::input::passphrase::Descriptors;
use crate::test_points;

/// The lock under which a store is made.
const STORE_LOCK: &str = "store.lock";

/// An open store.
pub(crate) struct OpenStore {
    /// The port.
    pub(crate) port: Arc<dyn CredentialStore>,
    /// Where it lies, for people.
    pub(crate) place: String,
}

/// Opens the store, making what is missing.
///
/// # Errors
/// Exit 5 where it cannot be used, exit 6 where the configuration contradicts it.
pub(crate) fn open(config: &Config) -> Result<OpenStore, Failure> {
    if is_memory(config) {
        return Ok(OpenStore { port: Arc::new(MemoryStore::new()), place: "memory".into() });
    }
    let options = options(config)?;
    let dir = options.dir.clone();
    let place = options.dir.display().to_string();
    let store = FileStore::open(options).map_err(|error| way_out(&dir, open_failure(error)))?;
    let port: Arc<dyn CredentialStore> = match store.kind() {
        // A keyring takes its time, and is asked on other threads than the caller's.
        StoreKind::Keyring => Arc::new(KeyringStore::new(store)),
        _ => Arc::new(store),
    };
    Ok(OpenStore { port: test_points::store(port), place })
}

/// What may lead on where a store that stands does not open. Where its key is to lie is no matter of a setting then, as a
/// keyring's own words may have it.
fn way_out(dir: &Path, failure: Failure) -> Failure {
    let Some(made) = Remembered::read(dir).ok().flatten() else { return failure };
    if failure.exit != Exit::Store {
        failure
    } else if let Some(next) = &made.next {
        failure.advise(format!(
            "a change of its key from {} to {} was begun and not ended, and both are needed until then: `renewd rekey` \
             ends it",
            made.current.setting, next.setting
        ))
    } else if made.kind == StoreKind::Keyring.name() {
        failure.advise(
            "no setting and no command takes the records of this store out of the keyring: where it does not come back, \
             begin a new store with another store.path and log in there",
        )
    } else if made.current.keyring.is_some() {
        failure.advise(
            "no setting moves the key of this store: once the store opens, `renewd rekey --key SOURCE` does",
        )
    } else {
        failure
    }
}

/// Opens the store if there is one. Whoever only looks makes nothing.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_existing(config: &Config) -> Result<Option<OpenStore>, Failure> {
    if !is_memory(config) && !is_there(config)? {
        return Ok(None);
    }
    open(config).map(Some)
}

/// Whether there is a store.
///
/// # Errors
/// Where its folder cannot be read, or is not private.
pub(crate) fn is_there(config: &Config) -> Result<bool, Failure> {
    let dir = store_folder(config)?;
    // Records without a store.toml are still a store: opening it tells what is wrong.
    Ok(remembered(config)?.is_some() || !is_bare(&dir))
}

/// What the store was made with, where there is one.
///
/// # Errors
/// Where its folder cannot be read, or is not private.
pub(crate) fn remembered(config: &Config) -> Result<Option<Remembered>, Failure> {
    Remembered::read(&store_folder(config)?).map_err(store_failure)
}

/// The kind that a setting names; none for `memory`, which nobody opens.
fn kind_of(setting: &str) -> Option<StoreKind> {
    [StoreKind::File, StoreKind::Keyring].into_iter().find(|kind| kind.name() == setting)
}

/// What records are kept in, as agents say it to each other's callers: `memory`, or the folder.
pub(crate) fn store_place(config: &Config) -> Option<String> {
    if is_memory(config) {
        return Some("memory".into());
    }
    let folder = store_folder(config).ok()?;
    Some(std::fs::canonicalize(&folder).unwrap_or(folder).display().to_string())
}

/// Whether nothing outlives the process.
pub(crate) fn is_memory(config: &Config) -> bool {
    config.text("store", "kind", None).as_deref() == Some("memory")
}

/// Nothing was ever kept there. Whoever failed to make a store left its lock, which is never removed.
fn is_bare(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |entries| {
        entries.flatten().all(|entry| entry.file_name().to_str().is_some_and(|name| name == STORE_LOCK))
    })
}

/// The folder of the records.
///
/// # Errors
/// When nothing says where the state is.
pub(crate) fn store_folder(config: &Config) -> Result<PathBuf, Failure> {
    match config.path("store", "path", None) {
        Some(path) => Ok(path),
        None => Ok(FileStoreOptions::new(config.places().state()?).dir),
    }
}

/// The system's keyring, as this process asks it.
pub(crate) fn keyring(config: &Config) -> Arc<dyn Keyring> {
    let timeout = config.span("store", "keyring_timeout", None);
    config.access().keyring(timeout.map(|span| Duration::from_millis(span.as_millis())))
}

/// What is configured for the key, with its path whole; none where nothing is.
pub(crate) fn key_setting(config: &Config) -> Option<String> {
    let found = config.lookup("store", "key", None)?;
    let text = found.value.to_string();
    let Some(path) = text.strip_prefix("file:") else { return Some(text) };
    let beside = matches!(found.origin, Origin::File { .. }).then(|| config.file()).flatten();
    Some(format!("file:{}", config.places().resolve(path, beside).display()))
}

/// How the store is opened.
///
/// # Errors
/// A configuration failure.
pub(crate) fn options(config: &Config) -> Result<FileStoreOptions, Failure> {
    let state = config.places().state()?;
    let mut options = FileStoreOptions::new(state);
    options.dir = store_folder(config)?;
    options.kind = config.text("store", "kind", None).as_deref().and_then(kind_of);
    if let Some(setting) = key_setting(config) {
        options.key = KeyChoice::from_setting(&setting, state).map_err(open_failure)?;
    }
    options.keyring = Some(keyring(config));
    let descriptor = config.lookup("store", "passphrase_fd", None).and_then(|e| e.value.as_number());
    let passphrase = descriptor.and_then(|fd| i32::try_from(fd).ok());
    options.passphrase =
        Some(config.access().passphrases(Descriptors { passphrase, ..Descriptors::default() }));
    let accepted = config.lookup("store", "accept_unshared_locks", None).and_then(|e| e.value.as_flag());
    options.accept_unshared_locks = accepted.unwrap_or(false);
    options.hook = test_points::hook();
    Ok(options)
}

/// The store could not be opened.
pub(crate) fn open_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Fault(fault) => store_failure(fault),
        StoreError::NoKeySource(message) => {
            let mut failure = Failure::new(Exit::Store, message);
            failure.about.cause = Some("store_unavailable".into());
            failure
        }
        other => Failure::configuration(other.to_string()),
    }
}

/// The store fails.
pub(crate) fn store_failure(fault: StoreFault) -> Failure {
    let mut failure = Failure::new(Exit::Store, fault.message);
    failure.about.cause = Some("store_unavailable".into());
    failure
}

/// A write to the store failed.
pub(crate) fn write_failure(failure: CommitFailure, doing: &str) -> Failure {
    match failure {
        CommitFailure::Fault(fault) => store_failure(fault),
        CommitFailure::Fenced(_) => {
            Failure::usage(format!("{doing}: another process changed the record meanwhile"))
                .advise("look at `renewd status` and try again")
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// What a person is told after a failure of a store that was made with this.
    fn advised(store_toml: &str, exit: Exit) -> String {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let file = dir.path().join("store.toml");
        let mut file =
            std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(file).unwrap();
        std::io::Write::write_all(&mut file, store_toml.as_bytes()).unwrap();
        way_out(dir.path(), Failure::new(exit, "it does not open")).advice.unwrap_or_default()
    }

    const KEY_ID: &str = "102340499b131a11988190864ffbc7ae";

    #[test]
    fn the_way_out_of_a_keyring_is_one_that_the_store_can_go() {
        let key = format!(
            "format = 1\nkind = \"file\"\nkey = \"keyring\"\nkey_id = \"{KEY_ID}\"\nkeyring = \"secret-service\"\n"
        );
        let told = advised(&key, Exit::Store);
        assert!(told.contains("once the store opens, `renewd rekey --key SOURCE`"), "{told}");

        let records = key.replace("kind = \"file\"", "kind = \"keyring\"");
        let told = advised(&records, Exit::Store);
        assert!(told.contains("another store.path") && !told.contains("rekey"), "{told}");
    }

    #[test]
    fn a_change_of_the_key_that_was_begun_is_named_where_the_store_does_not_open() {
        let begun = format!(
            "format = 2\nkind = \"file\"\nkey = \"file\"\nkey_id = \"{KEY_ID}\"\n\n[next]\nkey = \"keyring\"\n\
             key_id = \"f{}\"\nkeyring = \"secret-service\"\n",
            &KEY_ID[1..]
        );
        let told = advised(&begun, Exit::Store);
        assert!(told.contains("from file to keyring") && told.contains("`renewd rekey` ends it"), "{told}");
    }

    #[test]
    fn no_way_out_is_told_where_the_configuration_is_wrong_or_the_key_is_in_a_file() {
        let file = format!("format = 1\nkind = \"file\"\nkey = \"file\"\nkey_id = \"{KEY_ID}\"\n");
        assert_eq!(advised(&file, Exit::Store), "");
        let key = file.replace("key = \"file\"\n", "key = \"keyring\"\nkeyring = \"secret-service\"\n");
        assert_eq!(advised(&key, Exit::Configuration), "");
    }
}
