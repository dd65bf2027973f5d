//! Opens the store that the configuration names.

use std::path::PathBuf;
use std::sync::Arc;

use renewd_core::{CommitFailure, StoreFault};
use renewd_driver::CredentialStore;
use renewd_store::{FileStore, FileStoreOptions, KeyChoice, MemoryStore, Remembered, StoreError};

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::test_points;

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
    if config.text("store", "kind", None).as_deref() == Some("memory") {
        return Ok(OpenStore { port: Arc::new(MemoryStore::new()), place: "memory".into() });
    }
    let mut options = options(config)?;
    options.hook = test_points::hook();
    let place = options.dir.display().to_string();
    let store = FileStore::open(options).map_err(open_failure)?;
    Ok(OpenStore { port: test_points::store(Arc::new(store)), place })
}

/// Opens the store if there is one. Whoever only looks makes nothing.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_existing(config: &Config) -> Result<Option<OpenStore>, Failure> {
    if config.text("store", "kind", None).as_deref() != Some("memory") {
        let dir = options(config)?.dir;
        // Records without a store.toml are still a store: opening it tells what is wrong.
        let bare = Remembered::read(&dir).map_err(store_failure)?.is_none() && is_empty(&dir);
        if bare {
            return Ok(None);
        }
    }
    open(config).map(Some)
}

fn is_empty(dir: &std::path::Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none())
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

fn options(config: &Config) -> Result<FileStoreOptions, Failure> {
    let state = config.places().state()?;
    let mut options = FileStoreOptions::new(state);
    options.dir = store_folder(config)?;
    if let Some(key) = config.text("store", "key", None) {
        let setting = match key.strip_prefix("file:") {
            Some(path) => format!("file:{}", resolved(config, path).display()),
            None => key,
        };
        options.key = KeyChoice::from_setting(&setting, state).map_err(open_failure)?;
    }
    let accepted = config.lookup("store", "accept_unshared_locks", None).and_then(|e| e.value.as_flag());
    options.accept_unshared_locks = accepted.unwrap_or(false);
    Ok(options)
}

fn resolved(config: &Config, path: &str) -> PathBuf {
    config.places().resolve(path, config.file())
}

fn open_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Fault(fault) => store_failure(fault),
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
