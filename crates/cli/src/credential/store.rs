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
    let store = FileStore::open(options).map_err(|error| kept_in_keyring(&dir, open_failure(error)))?;
    let port: Arc<dyn CredentialStore> = match store.kind() {
        // A keyring takes its time, and is asked on other threads than the caller's.
        StoreKind::Keyring => Arc::new(KeyringStore::new(store)),
        _ => Arc::new(store),
    };
    Ok(OpenStore { port: test_points::store(port), place })
}

/// A store whose key is in a keyring that does not open: where else the key is to lie is no matter of a setting then,
/// as the keyring's own words may have it.
fn kept_in_keyring(dir: &Path, failure: Failure) -> Failure {
    let made = Remembered::read(dir).ok().flatten();
    let there =
        made.is_some_and(|made| made.current.keyring.is_some() || made.kind == StoreKind::Keyring.name());
    if failure.exit != Exit::Store || !there {
        return failure;
    }
    failure.advise(
        "no setting moves the key of this store out of the keyring: `renewd rekey --key SOURCE` does, where the \
         keyring opens",
    )
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
fn is_there(config: &Config) -> Result<bool, Failure> {
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

fn is_memory(config: &Config) -> bool {
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
