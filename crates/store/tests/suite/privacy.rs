//! Modes, owners, planted links: what another user could have done is refused, with the command that mends it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use renewd_core::{StoreFault, StoreFaultKind};
use renewd_driver::{CredentialName, Expect};
use renewd_store::{FileStore, KeyChoice, PrivateFolder, StoreError, loose_way, make_shared_folder};

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
fn no_key_is_made_in_a_folder_in_which_another_user_could_put_another() {
    let (home, loose) = (Home::new(), tempfile::tempdir().unwrap());
    chmod(loose.path(), 0o777);
    let mut options = home.options();
    let setting = format!("file:{}", loose.path().join("key").display());
    options.key = KeyChoice::from_setting(&setting, &home.state()).unwrap();
    let Err(StoreError::Fault(fault)) = FileStore::open(options) else { panic!("it opened") };
    assert_kind(&fault, StoreFaultKind::Denied, &["is in no safe place", "chmod go-w"]);
    assert_eq!(fs::read_dir(loose.path()).unwrap().count(), 0, "a key lies there");
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

/// A store two folders below one that a test makes loose.
struct Below {
    home: Home,
    above: PathBuf,
}

impl Below {
    fn new() -> Self {
        let home = Home::new();
        let above = home.state().join("above");
        fs::create_dir_all(&above).unwrap();
        Self { home, above }
    }

    fn open(&self) -> Result<FileStore, StoreError> {
        let mut options = self.home.options();
        options.state_dir = self.above.join("state");
        options.dir = self.above.join("state/credentials");
        options.key = KeyChoice::key_file(&options.state_dir);
        FileStore::open(options)
    }

    #[track_caller]
    fn refused(&self, words: &[&str]) {
        match self.open() {
            Err(StoreError::Fault(fault)) => assert_kind(&fault, StoreFaultKind::Denied, words),
            other => panic!("opened, or refused otherwise: {:?}", other.err()),
        }
    }
}

#[test]
fn no_store_is_made_or_opened_where_another_user_could_put_another_in_its_place() {
    let below = Below::new();
    let above = &below.above;
    let chmod_above = |takes: &str| format!("chmod {takes} {}", above.display());
    chmod(above, 0o777);
    below.refused(&["every user can write to", &chmod_above("go-w")]);
    chmod(above, 0o757);
    below.refused(&["every user can write to", &chmod_above("o-w")]);
    assert!(!above.join("state").exists(), "nothing was made there");
    // As /tmp is.
    chmod(above, 0o1777);
    put(&below.open().unwrap(), &x(), &login(1, "rt-1"), Expect::Absent);
    // What stands already can be taken away as well.
    chmod(above, 0o777);
    below.refused(&["every user can write to", &chmod_above("go-w")]);
    chmod(above, 0o755);
    assert_eq!(record_of(below.open().unwrap().load_blocking(&x())).version(), (1, 0));
}

#[test]
fn a_group_may_write_above_a_store_only_where_it_is_the_user_alone() {
    let below = Below::new();
    let me = fs::metadata(&below.above).unwrap().uid();
    if std::os::unix::fs::chown(&below.above, None, Some(me)).is_err() {
        eprintln!("skipped: this user has no group of its own number");
        return;
    }
    chmod(&below.above, 0o775);
    below.open().unwrap();
    if std::os::unix::fs::chown(&below.above, None, Some(12345)).is_err() {
        eprintln!("skipped: only root can give a folder to any group");
        return;
    }
    chmod(&below.above, 0o775);
    below.refused(&["its group (gid 12345) can write to", "chmod g-w"]);
    chmod(&below.above, 0o755);
    below.open().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn an_access_list_above_a_store_may_let_nobody_else_write() {
    let below = Below::new();
    let me = fs::metadata(&below.above).unwrap().uid();
    // acl(5) in the form of the extended attribute: version 2; the owner, uid 12345, the group, the mask, all others.
    let list = [
        2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 57, 48, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255,
        16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 5, 0, 255, 255, 255, 255,
    ];
    let given = std::os::unix::fs::chown(&below.above, None, Some(me)).is_ok()
        && set_access_list(&below.above, &list);
    if !given {
        eprintln!("skipped: no access lists here, or no group of this user's own number");
        return;
    }
    below.refused(&["access list", "setfacl -b"]);
}

#[cfg(target_os = "linux")]
fn set_access_list(path: &Path, list: &[u8]) -> bool {
    rustix::fs::setxattr(path, "system.posix_acl_access", list, rustix::fs::XattrFlags::empty()).is_ok()
}

#[test]
fn a_link_on_the_way_may_be_the_users_or_roots_and_nobody_elses() {
    let below = Below::new();
    let real = below.above.with_file_name("real");
    fs::rename(&below.above, &real).unwrap();
    symlink("real", &below.above).unwrap();
    let store = below.open().unwrap();
    put(&store, &x(), &login(1, "rt-1"), Expect::Absent);
    assert!(real.join("state/credentials/x.record").exists());
    // What it leads to is looked at as well.
    chmod(&real, 0o777);
    below.refused(&["every user can write to", &real.to_string_lossy()]);
    chmod(&real, 0o755);
    if std::os::unix::fs::lchown(&below.above, Some(12345), None).is_err() {
        eprintln!("skipped: only root can give a link away");
        return;
    }
    below.refused(&["the link", "belongs to uid 12345", "remove the link"]);
}

#[test]
fn a_link_that_leads_to_itself_is_an_error_and_no_endless_walk() {
    let below = Below::new();
    fs::remove_dir(&below.above).unwrap();
    symlink("above", &below.above).unwrap();
    match below.open() {
        Err(StoreError::Fault(fault)) => {
            assert_kind(&fault, StoreFaultKind::Io, &["more than 40 links"]);
        }
        other => panic!("opened, or refused otherwise: {:?}", other.err()),
    }
}

#[test]
fn a_folder_of_another_user_above_a_store_is_refused() {
    let below = Below::new();
    if give_away(&below.above).is_err() {
        eprintln!("skipped: only root can give a folder to another user");
        return;
    }
    below.refused(&["belongs to uid 12345", "choose a folder of your own"]);
    assert!(!below.above.join("state").exists());
    // Its own owner is not kept from his own names by the bit that /tmp has.
    chmod(&below.above, 0o1777);
    below.refused(&["belongs to uid 12345"]);
}

#[test]
fn a_private_folder_for_other_files_is_looked_at_like_a_store() {
    let home = Home::new();
    let path = home.state().join("other");
    assert!(PrivateFolder::open(&path).unwrap().is_none());
    let folder = PrivateFolder::create(&path).unwrap();
    assert!(folder.read("lines").unwrap().is_none());
    folder.append("lines").unwrap().write_all(b"a\n").unwrap();
    folder.append("lines").unwrap().write_all(b"b\n").unwrap();
    folder.rename("lines", "old").unwrap();
    assert_eq!(std::io::read_to_string(folder.read("old").unwrap().unwrap()).unwrap(), "a\nb\n");
    assert_eq!((mode_of(&path), mode_of(&path.join("old"))), (0o700, 0o600));

    fs::hard_link(path.join("old"), path.join("second")).unwrap();
    assert_kind(&folder.append("old").unwrap_err(), StoreFaultKind::Denied, &["hard link"]);
    symlink("second", path.join("link")).unwrap();
    assert_kind(&folder.read("link").unwrap_err(), StoreFaultKind::Denied, &["symbolic link"]);
    chmod(&path, 0o755);
    let loose = PrivateFolder::open(&path).err().unwrap();
    assert_kind(&loose, StoreFaultKind::Denied, &["chmod 700"]);
}

#[test]
fn a_named_file_may_be_a_link_and_its_way_is_looked_at_to_its_end() {
    let below = Below::new();
    let (link, target) = (below.above.join("link"), below.above.join("real/target"));
    fs::create_dir(below.above.join("real")).unwrap();
    fs::write(&target, "x").unwrap();
    symlink("real/../real/target", &link).unwrap();
    assert_eq!(loose_way(&link), None);
    assert_eq!(loose_way(Path::new("/dev/fd/0")), None, "what a process has open is in no folder");
    chmod(&below.above.join("real"), 0o777);
    let why = loose_way(&link).unwrap();
    assert!(why.contains("every user can write to") && why.contains("chmod go-w"), "{why}");
    chmod(&below.above.join("real"), 0o755);
    if std::os::unix::fs::lchown(&link, Some(12345), None).is_ok() {
        let why = loose_way(&link).unwrap();
        assert!(why.contains("the link") && why.contains("remove the link"), "{why}");
    }
}

#[test]
fn a_shared_folder_is_one_in_which_only_owners_move_names() {
    let home = Home::new();
    let path = home.state().join("run/renewd");
    make_shared_folder(&path).unwrap();
    assert_eq!(mode_of(&path), 0o700);
    for (mode, good) in [(0o755, true), (0o1777, true), (0o777, false)] {
        chmod(&path, mode);
        let made = make_shared_folder(&path);
        assert_eq!(made.is_ok(), good, "{mode:o}: {made:?}");
    }
}

fn give_away(path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::chown(path, Some(12345), None)
}
