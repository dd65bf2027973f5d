//! First use, the key, and what `store.toml` remembers.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Barrier};

use renewd_core::StoreFaultKind;
use renewd_driver::Expect;
use renewd_store::{FileStore, FileStoreOptions, KeyChoice, Remembered, StoreError, StoreKind};

use crate::contract::{name, record_of};
use crate::home::{Home, assert_kind, chmod, fault_of, put};
use crate::records::login;

fn with_key(home: &Home, setting: &str) -> FileStoreOptions {
    let mut options = home.options();
    options.key = KeyChoice::from_setting(setting, &home.state()).unwrap();
    options
}

fn error_of(options: FileStoreOptions) -> StoreError {
    FileStore::open(options).err().unwrap()
}

#[test]
fn the_first_use_makes_a_store_and_says_what_it_was_made_with() {
    let home = Home::new();
    assert_eq!(Remembered::read(&home.state().join("credentials")).unwrap(), None);
    home.open();
    let remembered = Remembered::read(&home.state().join("credentials")).unwrap().unwrap();
    assert_eq!((remembered.kind.as_str(), remembered.current.setting.as_str()), ("file", "file"));
    let text = fs::read_to_string(home.file("store.toml")).unwrap();
    assert!(text.starts_with('#') && text.contains("format = 1"), "{text}");
    let key = fs::read_to_string(home.state().join("key")).unwrap();
    assert!(!text.contains(key.trim_end()));
}

#[test]
fn a_process_that_died_between_naming_a_file_and_taking_its_temporary_name_away_is_in_nobodys_way() {
    let home = Home::new();
    put(&home.open(), &name("x"), &login(1, "rt-1"), Expect::Absent);
    // So it is on systems that cannot rename without replacing: a second name first, the first taken away afterwards.
    fs::hard_link(home.file("store.toml"), home.file(".store.toml.tmp-0123456789abcdef")).unwrap();
    let store = home.open();
    assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (1, 0));
    assert_eq!(home.temporary_files(), Vec::<String>::new());
}

#[test]
fn many_first_processes_make_one_store() {
    let home = Arc::new(Home::new());
    let start = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|n| {
            let (home, start) = (Arc::clone(&home), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let store = home.open();
                put(&store, &name(&format!("c{n}")), &login(1, &format!("rt-{n}")), Expect::Absent);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let store = home.open();
    for n in 0..16 {
        assert_eq!(record_of(store.load_blocking(&name(&format!("c{n}")))).version(), (1, 0));
    }
    assert_eq!(home.temporary_files(), Vec::<String>::new());
}

#[test]
fn a_key_that_is_gone_is_asked_for_and_not_replaced() {
    let home = Home::new();
    let store = home.open();
    fs::remove_file(home.state().join("key")).unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::KeyUnavailable, &["is gone", "remove", "store.toml"]);

    put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
    assert_kind(&home.open_fault(), StoreFaultKind::KeyUnavailable, &["is gone", "restore it from a backup"]);

    fs::remove_file(home.file("store.toml")).unwrap();
    let fault = home.open_fault();
    assert_kind(
        &fault,
        StoreFaultKind::KeyUnavailable,
        &["neither store.toml nor the key", "RENEWD_STORE_KEY"],
    );
    assert!(!home.state().join("key").exists());
    assert!(!home.file("store.toml").exists());
}

#[test]
fn another_key_is_refused_before_a_record_is_touched() {
    let home = Home::new();
    let store = home.open();
    put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
    let key = home.state().join("key");
    let right = fs::read(&key).unwrap();
    fs::write(&key, "another key that is long enough to be one\n").unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::KeyUnavailable, &["not the one that sealed"]);
    fs::remove_file(home.file("store.toml")).unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::KeyUnavailable, &["not the one that sealed"]);
    assert!(home.file("x.record").exists());

    // With the right key the lost store.toml is written anew.
    fs::write(&key, right).unwrap();
    assert_eq!(record_of(home.open().load_blocking(&name("x"))).version(), (1, 0));
    assert!(home.file("store.toml").exists());
}

#[test]
fn a_record_that_another_key_sealed_is_left_alone() {
    let (home, other) = (Home::new(), Home::new());
    put(&home.open(), &name("x"), &login(1, "rt-1"), Expect::Absent);
    let store = other.open();
    fs::copy(home.file("x.record"), other.file("x.record")).unwrap();
    let fault = fault_of(store.load_blocking(&name("x")));
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["another key", "x.record"]);
    assert!(other.file("x.record").exists());
}

#[test]
fn a_configuration_that_contradicts_the_store_names_what_differs() {
    let home = Home::new();
    home.open();
    let elsewhere = format!("file:{}", home.state().join("other").display());
    let error = error_of(with_key(&home, &elsewhere));
    let StoreError::Contradiction(contradiction) = &error else { panic!("{error}") };
    assert_eq!(contradiction.setting, "store.key");
    assert_eq!((contradiction.configured.as_str(), contradiction.remembered.as_str()), (&*elsewhere, "file"));
    assert!(error.to_string().contains("store.toml"), "{error}");
    assert!(!home.state().join("other").exists(), "no key was made for it");

    // The same file under its long name is no contradiction, nor is its short name.
    for same in ["file".to_owned(), format!("file:{}", home.state().join("key").display())] {
        assert!(FileStore::open(with_key(&home, &same)).is_ok(), "{same}");
    }
}

#[test]
fn another_kind_of_store_in_the_folder_is_a_contradiction() {
    let home = Home::new();
    home.open();
    let text = fs::read_to_string(home.file("store.toml")).unwrap();
    fs::write(home.file("store.toml"), text.replace("kind = \"file\"", "kind = \"keyring\"")).unwrap();
    let mut options = home.options();
    options.kind = Some(StoreKind::File);
    let error = error_of(options);
    assert!(matches!(&error, StoreError::Contradiction(c) if c.setting == "store.kind"), "{error}");

    fs::write(home.file("store.toml"), text.replace("kind = \"file\"", "kind = \"cloud\"")).unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::NewerFormat, &["\"cloud\"", "upgrade"]);
}

#[test]
fn a_key_source_of_a_later_version_is_named() {
    let home = Home::new();
    home.open();
    let text = fs::read_to_string(home.file("store.toml")).unwrap();
    fs::write(home.file("store.toml"), text.replace("key = \"file\"", "key = \"tpm\"")).unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::KeyUnavailable, &["\"tpm\"", "upgrade"]);
}

#[test]
fn a_key_elsewhere_is_made_at_first_use_and_remembered() {
    let home = Home::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("own-key");
    let store = FileStore::open(with_key(&home, &format!("file:{}", path.display()))).unwrap();
    put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
    assert_eq!(crate::home::mode_of(&path), 0o600);
    assert!(!home.state().join("key").exists());
    // Nothing configured: the store remembers.
    let remembering = FileStore::open(FileStoreOptions::new(home.state())).unwrap();
    assert_eq!(record_of(remembering.load_blocking(&name("x"))).version(), (1, 0));
}

#[test]
fn a_mounted_secret_may_be_a_link_and_group_readable_but_nobody_else_s_to_write() {
    let home = Home::new();
    let mount = tempfile::tempdir().unwrap();
    let data = mount.path().join("..data");
    fs::write(&data, "a mounted secret, as long as a key must be\n").unwrap();
    chmod(&data, 0o440);
    symlink("..data", mount.path().join("key")).unwrap();
    let setting = format!("file:{}", mount.path().join("key").display());
    assert!(FileStore::open(with_key(&home, &setting)).is_ok());
    for loose in [0o460, 0o444, 0o402] {
        chmod(&data, loose);
        let error = error_of(with_key(&home, &setting));
        assert!(
            matches!(&error, StoreError::Fault(f) if f.kind == StoreFaultKind::Denied),
            "{loose:o}: {error}"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_a_fault_that_names_it() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("file"), "").unwrap();
    let error = error_of(FileStoreOptions::new(temp.path().join("file").join("state")));
    assert!(matches!(&error, StoreError::Fault(f) if f.message.contains("file/state")), "{error}");
}
