//! A store that is made now: the first process makes it, and whatever stands already is asked first.

use renewd_core::StoreFaultKind;
use renewd_driver::CredentialName;

use super::leftovers::clear_key_folder;
use super::names;
use super::open::{FileStoreOptions, STORE_LOCK, key_elsewhere, known_keys};
use crate::crypt::{KEY_ID_BYTES, Keys, Purpose};
use crate::envelope::{self, FILE_BYTES_MAX};
use crate::error::{SETTING_KEY, SETTING_KIND, StoreError};
use crate::fault::{fault, shown};
use crate::fs::Dir;
use crate::key::{KeyAccess, KeyChoice, KeyFile, KeySource, Made};
use crate::keyset::KeySet;
use crate::lock::Lock;
use crate::remembered::{Remembered, StoreKind, fresh_store_id};

/// Makes the store, under a lock: of two that come first, the second finds the first's work.
pub(super) fn first_use(
    options: &FileStoreOptions,
    dir: &Dir,
    access: &KeyAccess,
) -> Result<(KeySet, Remembered), StoreError> {
    let disk = &access.disk;
    let _lock = Lock::take_patiently(disk.machine.as_ref(), dir, STORE_LOCK)?;
    let stamp = dir.stamp(Remembered::FILE);
    if let Some(remembered) = Remembered::read_in(dir)? {
        return Ok((known_keys(options, dir, access, stamp, &remembered)?, remembered));
    }
    let evidence: Vec<_> = dir.entries()?.iter().filter_map(|file| names::evident(file)).collect();
    let kind = options.kind.unwrap_or(StoreKind::File);
    if kind == StoreKind::Keyring && !evidence.is_empty() {
        let message = format!(
            "there are records of {} in the keyring, but no store.toml that says under which number: restore it from a \
             backup",
            shown(dir.path())
        );
        return Err(fault(StoreFaultKind::KeyUnavailable, message).into());
    }
    if options.kind.is_none()
        && !evidence.is_empty()
        && !dir.entries()?.iter().any(|file| names::recorded(file).is_some())
    {
        let message = format!(
            "{} has marks of records, but neither a record nor a store.toml: the records may lie in a keyring, and only \
             that store.toml says under which number. Restore it from a backup; to give the logins up and begin anew \
             here, set {SETTING_KIND} to \"file\"",
            shown(dir.path())
        );
        return Err(fault(StoreFaultKind::KeyUnavailable, message).into());
    }
    let source = first_source(options, kind, access, !evidence.is_empty())?;
    // Another process may have made the folders or the key, and died before they were durable.
    for folder in [&options.state_dir, &options.dir] {
        disk.machine.sync_parent(folder)?;
    }
    clear_key_folder(options, disk);
    let made = first_key(dir, access, &source, &evidence)?;
    let remembered = Remembered {
        kind: kind.name().into(),
        store_id: Some(fresh_store_id(disk)?),
        current: made.key,
        next: None,
        retired: None,
    };
    access.note_use(dir, &remembered)?;
    remembered.write_in(dir, disk)?;
    Ok((KeySet::of(made.keys, dir), remembered))
}

/// The source of a store that is made now: the configured one, else a key that this state folder has already, else the
/// keyring. Never a weaker one because a stronger one does not answer.
fn first_source(
    options: &FileStoreOptions,
    kind: StoreKind,
    access: &KeyAccess,
    records: bool,
) -> Result<KeySource, StoreError> {
    match (&options.key, kind) {
        (KeyChoice::Source(KeySource::Keyring), _) => return Ok(KeySource::Keyring),
        (KeyChoice::Source(source), StoreKind::Keyring) => {
            return Err(key_elsewhere(source, ", or set store.kind to \"file\""));
        }
        (KeyChoice::Source(source), _) => return Ok(source.clone()),
        (KeyChoice::Remembered, StoreKind::Keyring) => {}
        (KeyChoice::Remembered, StoreKind::File) => {
            let own = KeyFile::in_state_dir(&options.state_dir);
            if (access.own_state || records) && own.stands_on(access.disk.machine.as_ref())? {
                return Ok(KeySource::File(own));
            }
        }
    }
    let why = match options.keyring.as_ref().map(|keyring| keyring.probe()) {
        Some(Ok(())) => return Ok(KeySource::Keyring),
        Some(Err(error)) => error.message,
        None => "there is none for this program".to_owned(),
    };
    let place = shown(&options.dir).to_string();
    Err(StoreError::NoKeySource(format!(
        "the store at {place} has no key yet, and no keyring to keep one in ({why}): choose where the key shall be kept \
         with `renewd init`, or with {SETTING_KEY} (RENEWD_STORE_KEY), one of keyring, file, file:PATH, passphrase, \
         systemd:NAME"
    )))
}

/// The key of a store that has no `store.toml`.
fn first_key(
    dir: &Dir,
    access: &KeyAccess,
    source: &KeySource,
    evidence: &[CredentialName],
) -> Result<Made, StoreError> {
    let made = match access.existing(source, &key_ids(dir, evidence))? {
        Some(made) => made,
        None if evidence.is_empty() => access.make(dir, source)?,
        None if *source == KeySource::Passphrase => {
            let message = format!(
                "there are records in {}, but no store.toml, and no passphrase opens them without the salt in it: restore \
                 it from a backup",
                shown(dir.path())
            );
            return Err(fault(StoreFaultKind::KeyUnavailable, message).into());
        }
        None => {
            let message = format!(
                "there are records in {}, but neither store.toml nor the key ({}): restore the key from a backup, or \
                 name it with store.key (RENEWD_STORE_KEY)",
                shown(dir.path()),
                access.place(source)
            );
            return Err(fault(StoreFaultKind::KeyUnavailable, message).into());
        }
    };
    if !evidence.is_empty() && !opens_any(dir, &made.keys, evidence) {
        return Err(access.other_key(dir, source).into());
    }
    Ok(made)
}

/// The keys that the files of the folder name.
pub(super) fn key_ids(dir: &Dir, evidence: &[CredentialName]) -> Vec<[u8; KEY_ID_BYTES]> {
    let files = evidence.iter().flat_map(|name| [names::record(name), names::mark(name)]);
    let mut ids: Vec<_> =
        files.filter_map(|file| envelope::key_id(&dir.read(&file, FILE_BYTES_MAX).ok().flatten()?)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Whether the key opens a record or a mark of the folder.
fn opens_any(dir: &Dir, keys: &Keys, evidence: &[CredentialName]) -> bool {
    let opens = |purpose, name: &CredentialName, file: &str| {
        let read = dir.read(file, FILE_BYTES_MAX).ok().flatten();
        read.is_some_and(|bytes| envelope::open(keys, purpose, name.as_str(), &bytes).is_ok())
    };
    evidence.iter().any(|name| {
        opens(Purpose::Record, name, &names::record(name)) || opens(Purpose::Mark, name, &names::mark(name))
    })
}
