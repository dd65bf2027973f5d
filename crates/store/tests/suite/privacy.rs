//! Modes, owners, planted links: what another user could have done is refused, with the command that mends it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::{CredentialName, Expect};
use renewd_store::FileStore;

use crate::contract::{fence, name, record_of, refreshed};
use crate::home::{Home, assert_kind, chmod, fault_of, mode_of, put, write_fault};
use crate::records::login;

fn x() -> CredentialName {
    name("x")
}

/// A home with one record.
fn lived_in() -> (Home, FileStore) {
    let home = Home::new();
    let store = home.open();
    put(&store, &x(), &login(1, "rt-1"), Expect::Absent);
    (home, store)
}

fn claim_fault(store: &FileStore) -> StoreFault {
    match store.try_claim_blocking(&x()) {
        Err(fault) => fault,
        Ok(claim) => panic!("claimed: {}", claim.is_some()),
    }
}

#[test]
fn folders_are_made_with_0700_and_files_with_0600() {
    let (home, store) = lived_in();
    assert!(store.try_claim_blocking(&x()).unwrap().is_some());
    for folder in [home.state(), home.state().join("credentials")] {
        assert_eq!(mode_of(&folder), 0o700, "{}", folder.display());
    }
    assert_eq!(mode_of(&home.state().join("key")), 0o600);
    let files = home.files();
    for expected in ["store.toml", "store.lock", "x.claim", "x.mark", "x.record", "x.write"] {
        assert!(files.iter().any(|file| file == expected), "{expected} in {files:?}");
    }
    for file in files {
        assert_eq!(mode_of(&home.file(&file)), 0o600, "{file}");
    }
}

#[test]
fn nothing_readable_lives_in_a_lock_file_and_no_secret_in_any_file() {
    let (home, store) = lived_in();
    assert!(store.try_claim_blocking(&x()).unwrap().is_some());
    let key = fs::read(home.state().join("key")).unwrap();
    for file in home.files() {
        let bytes = fs::read(home.file(&file)).unwrap();
        if file.ends_with(".claim") || file.ends_with(".write") || file.ends_with(".lock") {
            assert!(bytes.is_empty(), "{file}");
        }
        for secret in [&b"rt-1"[..], b"at-for-rt-1", b"cnQtMQ", key.trim_ascii_end()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file}");
        }
    }
}

#[test]
fn a_folder_that_others_may_enter_is_refused() {
    let (home, store) = lived_in();
    for folder in [home.state(), home.state().join("credentials")] {
        for mode in [0o750, 0o701, 0o777] {
            chmod(&folder, mode);
            assert_kind(
                &home.open_fault(),
                StoreFaultKind::Denied,
                &["chmod 700", &folder.to_string_lossy()],
            );
            chmod(&folder, 0o700);
        }
    }
    chmod(&home.state().join("credentials"), 0o755);
    assert_kind(&fault_of(store.load_blocking(&x())), StoreFaultKind::Denied, &["chmod 700"]);
}

#[test]
fn a_file_that_others_may_open_is_refused_and_left_where_it_is() {
    let (home, store) = lived_in();
    chmod(&home.file("x.record"), 0o640);
    assert_kind(&fault_of(store.load_blocking(&x())), StoreFaultKind::Denied, &["chmod 600", "x.record"]);
    let record = login(1, "rt-1");
    let outcome = store.commit_blocking(&x(), &refreshed(&record, "rt-2"), &fence(&record, None));
    assert_kind(&write_fault(outcome), StoreFaultKind::Denied, &["chmod 600"]);
    chmod(&home.file("x.record"), 0o600);
    assert_eq!(record_of(store.load_blocking(&x())).version(), (1, 0));

    assert!(store.try_claim_blocking(&x()).unwrap().is_some());
    chmod(&home.file("x.claim"), 0o666);
    assert_kind(&claim_fault(&store), StoreFaultKind::Denied, &["chmod 600", "x.claim"]);
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let (home, _store) = lived_in();
    chmod(&home.state().join("key"), 0o644);
    assert_kind(&home.open_fault(), StoreFaultKind::Denied, &["chmod 600", "key"]);
    chmod(&home.state().join("key"), 0o600);
    chmod(&home.file("store.toml"), 0o606);
    assert_kind(&home.open_fault(), StoreFaultKind::Denied, &["chmod 600", "store.toml"]);
}

#[test]
fn a_planted_link_is_refused_and_what_it_leads_to_is_untouched() {
    for file in ["x.record", "x.claim", "x.write"] {
        let (home, store) = lived_in();
        let target = home.state().join("target");
        fs::write(&target, "precious").unwrap();
        chmod(&target, 0o600);
        let planted = home.file(file);
        let _ = fs::remove_file(&planted);
        symlink(&target, &planted).unwrap();

        let fault = match file {
            "x.claim" => claim_fault(&store),
            "x.record" => fault_of(store.load_blocking(&x())),
            _ => write_fault(store.put_blocking(&x(), &login(2, "rt-2"), Expect::Absent)),
        };
        assert_kind(&fault, StoreFaultKind::Denied, &["symbolic link", file]);
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert!(planted.is_symlink(), "{file} is left for a person to look at");
    }
}

#[test]
fn a_planted_folder_link_is_refused() {
    let home = Home::new();
    let elsewhere = tempfile::tempdir().unwrap();
    home.open();
    fs::rename(home.state().join("credentials"), elsewhere.path().join("real")).unwrap();
    symlink(elsewhere.path().join("real"), home.state().join("credentials")).unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::Denied, &["symbolic link", "store.path"]);
}

#[test]
fn a_second_name_of_a_record_is_refused() {
    let (home, store) = lived_in();
    fs::hard_link(home.file("x.record"), home.state().join("second")).unwrap();
    assert_kind(&fault_of(store.load_blocking(&x())), StoreFaultKind::Denied, &["hard link"]);
    fs::remove_file(home.state().join("second")).unwrap();
    assert_eq!(record_of(store.load_blocking(&x())).version(), (1, 0));
}

#[test]
fn a_folder_or_pipe_in_the_place_of_a_record_is_refused_without_hanging() {
    let (home, store) = lived_in();
    fs::remove_file(home.file("x.record")).unwrap();
    fs::create_dir(home.file("x.record")).unwrap();
    assert_kind(&fault_of(store.load_blocking(&x())), StoreFaultKind::Denied, &["no regular file"]);
    fs::remove_dir(home.file("x.record")).unwrap();
    let made = std::process::Command::new("mkfifo").arg("-m").arg("600").arg(home.file("x.record")).status();
    assert!(made.is_ok_and(|status| status.success()));
    assert_kind(&fault_of(store.load_blocking(&x())), StoreFaultKind::Denied, &["no regular file"]);
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    let (home, store) = lived_in();
    if give_away(&home.file("x.record")).is_err() {
        eprintln!("skipped: only root can give a file to another user");
        return;
    }
    assert_kind(
        &fault_of(store.load_blocking(&x())),
        StoreFaultKind::Denied,
        &["belongs to uid 12345", "chown"],
    );
    give_away(&home.state().join("key")).unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::Denied, &["belongs to uid 12345", "key"]);
    give_away(&home.state()).unwrap();
    assert_kind(&home.open_fault(), StoreFaultKind::Denied, &["belongs to uid 12345"]);
}

#[test]
fn no_store_is_made_where_another_user_could_put_another_in_its_place() {
    let home = Home::new();
    let above = home.state().join("above");
    let options = || {
        let mut options = home.options();
        options.state_dir = above.join("state");
        options.dir = above.join("state/credentials");
        options
    };
    let refused = |words: &str| match FileStore::open(options()) {
        Err(renewd_store::StoreError::Fault(fault)) => {
            assert_kind(&fault, StoreFaultKind::Denied, &[words, "above"]);
            assert!(!above.join("state").exists());
        }
        other => panic!("opened, or refused otherwise: {:?}", other.err()),
    };
    fs::create_dir_all(&above).unwrap();
    chmod(&above, 0o777);
    refused("every user can write");
    if give_away(&above).is_ok() {
        chmod(&above, 0o755);
        refused("belongs to uid 12345");
        std::os::unix::fs::chown(&above, Some(0), None).unwrap();
        // His link, in a folder where he may make some, can lead elsewhere tomorrow.
        fs::rename(&above, home.state().join("real")).unwrap();
        symlink(home.state().join("real"), &above).unwrap();
        std::os::unix::fs::lchown(&above, Some(12345), None).unwrap();
        refused("belongs to uid 12345");
        fs::remove_file(&above).unwrap();
        fs::rename(home.state().join("real"), &above).unwrap();
    }
    // As /tmp is.
    chmod(&above, 0o1777);
    let store = FileStore::open(options()).unwrap();
    put(&store, &x(), &login(1, "rt-1"), Expect::Absent);
    // What stands is its owner's matter.
    chmod(&above, 0o777);
    assert_eq!(record_of(FileStore::open(options()).unwrap().load_blocking(&x())).version(), (1, 0));
}

fn give_away(path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::chown(path, Some(12345), None)
}
