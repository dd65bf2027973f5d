//! What each place for the key, or for the whole record, costs: a call, an opening of the store, a refresh.
//!
//! `cargo xtask bench keyring` prints medians and ratios. The keyring is a real GNOME Keyring on a session bus of its own;
//! where it is not installed its rows are left out, and that is said. The rows of a table are measured in turn.

#[cfg(target_os = "linux")]
mod measured;

#[cfg(target_os = "linux")]
fn main() -> Result<(), measured::Failure> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the keyring that is measured is the Secret Service, on Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::sync::Arc;

    use renewd_core::{Secret, StoreFault};
    use renewd_driver::CredentialStore;
    use renewd_driver::keyring::{ItemName, Keyring};
    use renewd_keyring::KeyringOptions;
    use renewd_keyring::testing::Desktop;
    use renewd_store::{
        FileStore, FileStoreOptions, KeyChoice, KeySource, KeyringStore, MemoryStore, PassphraseAsk,
        PassphraseSource, PrivateFolder, StoreKind,
    };
    use renewd_testkit::{AsClass, AsConfig, AuthorizationServer};
    use zeroize::Zeroizing;

    use crate::measured::{Failure, Row, bare, durable_write, kept, measure, rounds, show};

    /// A record with two tokens of usual length, and a key.
    const RECORD_BYTES: usize = 2048;
    const KEY_BYTES: usize = 44;

    pub(super) fn main() -> Result<(), Failure> {
        let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let desktop = Desktop::start();
        let keyring = desktop.as_ref().map(|desktop| desktop.keyring(KeyringOptions::default()));

        let mut calls =
            vec![durable_write("a durable write of 1 KiB on the disk", disk.path()), key_file(disk.path())?];
        if let Some(keyring) = &keyring {
            calls.extend(items(keyring)?);
        }
        measure(&mut calls, rounds())?;
        show("one call", &mut calls);

        println!();
        let mut opened = vec![opening("open, key file", disk.path(), "opened-file", |_| {})?];
        opened.push(opening("open, systemd credential", disk.path(), "opened-systemd", systemd)?);
        if let Some(keyring) = &keyring {
            let keyring = Arc::clone(keyring);
            opened.push(opening(
                "open, key in the keyring",
                disk.path(),
                "opened-keyring",
                move |options| {
                    options.key = KeyChoice::Source(KeySource::Keyring);
                    options.keyring = Some(Arc::clone(&keyring));
                },
            )?);
        }
        opened.push(opening("open, passphrase", disk.path(), "opened-passphrase", |options| {
            options.key = KeyChoice::Source(KeySource::Passphrase);
            options.passphrase = Some(Arc::new(Words));
        })?);
        // Half a second each, on purpose: what guesses at a passphrase pays it too.
        measure(&mut opened, rounds().div_ceil(10))?;
        show("one opening of a store that stands", &mut opened);

        println!();
        // Class P0: the bare request can be repeated as it is, and the server's work is the same for every row.
        let server = AuthorizationServer::start(AsConfig { class: AsClass::P0, ..AsConfig::default() })?;
        let mut refreshes =
            vec![bare(&server), kept("store in memory", &server, Arc::new(MemoryStore::new()))?];
        refreshes.push(kept("files, key file", &server, files(disk.path(), "kept-file", |_| {})?)?);
        if let Some(keyring) = &keyring {
            let (sealing, holding) = (Arc::clone(keyring), Arc::clone(keyring));
            let store = files(disk.path(), "kept-key", move |options| {
                options.key = KeyChoice::Source(KeySource::Keyring);
                options.keyring = Some(Arc::clone(&sealing));
            })?;
            refreshes.push(kept("files, key in the keyring", &server, store)?);
            let mut options = options(disk.path(), "kept-record");
            options.key = KeyChoice::Source(KeySource::Keyring);
            options.kind = Some(StoreKind::Keyring);
            options.keyring = Some(holding);
            let store = Arc::new(KeyringStore::new(FileStore::open(options)?));
            refreshes.push(kept("the record in the keyring", &server, store)?);
        }
        measure(&mut refreshes, rounds())?;
        show("one refresh", &mut refreshes);
        Ok(())
    }

    fn options(disk: &Path, name: &str) -> FileStoreOptions {
        let state = disk.join(name);
        let mut options = FileStoreOptions::new(&state);
        options.key = KeyChoice::key_file(&state);
        options
    }

    fn files(
        disk: &Path,
        name: &str,
        choose: impl Fn(&mut FileStoreOptions),
    ) -> Result<Arc<dyn CredentialStore>, Failure> {
        let mut options = options(disk, name);
        choose(&mut options);
        Ok(Arc::new(FileStore::open(options)?))
    }

    /// As a command pays it, each time.
    fn opening(
        title: &'static str,
        disk: &Path,
        name: &str,
        choose: impl Fn(&mut FileStoreOptions) + 'static,
    ) -> Result<Row, Failure> {
        let mut options = options(disk, name);
        choose(&mut options);
        FileStore::open(options.clone())?;
        Ok(Row::new(title, move || Ok(FileStore::open(options.clone()).map(drop)?)))
    }

    fn systemd(options: &mut FileStoreOptions) {
        let folder = options.state_dir.with_extension("credentials");
        let made = fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join("key"), [b'k'; KEY_BYTES]))
            .and_then(|()| fs::set_permissions(folder.join("key"), fs::Permissions::from_mode(0o600)));
        // Where that failed the opening says so.
        drop(made);
        options.key = KeyChoice::Source(KeySource::Systemd("key".into()));
        options.credentials_dir = Some(folder);
    }

    /// A program that holds the passphrase.
    struct Words;

    impl PassphraseSource for Words {
        fn passphrase(&self, _: &PassphraseAsk) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
            Ok(Zeroizing::new(b"a passphrase of some length".to_vec()))
        }

        fn asks_a_person(&self) -> bool {
            false
        }
    }

    /// What reading a key from a file costs, looked at as renewd does.
    fn key_file(disk: &Path) -> Result<Row, Failure> {
        let said = |fault: StoreFault| fault.message;
        let path = disk.join("private");
        let folder = PrivateFolder::create(&path).map_err(said)?;
        folder.append("key").map_err(said)?.write_all(&[b'k'; KEY_BYTES])?;
        Ok(Row::new("a key file, read and looked at", move || {
            let folder = PrivateFolder::open(&path).map_err(said)?.ok_or("the folder is gone")?;
            let file = folder.read("key").map_err(said)?.ok_or("the key is gone")?;
            let read = std::io::read_to_string(file)?;
            if read.len() == KEY_BYTES { Ok(()) } else { Err("another key was read".into()) }
        }))
    }

    /// Reading and replacing items of a key's and a record's size.
    fn items(keyring: &Arc<dyn Keyring>) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for (bytes, get, set) in [
            (KEY_BYTES, "keyring: get of a key", "keyring: set of a key, read back"),
            (RECORD_BYTES, "keyring: get of 2 KiB", "keyring: set of 2 KiB, read back"),
        ] {
            let item: ItemName = format!("renewd-bench/{bytes}").parse()?;
            let value = Secret::new(vec![7; bytes]);
            keyring.set(&item, &value)?;
            let (asked, read) = (Arc::clone(keyring), item.clone());
            rows.push(Row::new(get, move || {
                let found = asked.get(&read)?.ok_or("the item is gone")?;
                if found.len() == bytes { Ok(()) } else { Err("another value was read".into()) }
            }));
            let told = Arc::clone(keyring);
            rows.push(Row::new(set, move || Ok(told.set(&item, &value)?)));
        }
        Ok(rows)
    }
}
