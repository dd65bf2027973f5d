//! Sealing records with another key: from every source to every other.

mod beside;
mod in_keyring;
mod planted;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use renewd_core::{CommitFailure, Loaded, Secret, StoreFaultKind};
use renewd_driver::Expect;
use renewd_driver::keyring::KeyringErrorKind;
use renewd_driver::testing::{FakeKeyring, KeyringFate};
use renewd_store::{
    FileStore, FileStoreOptions, KeyChoice, KeySource, OldKey, PassphrasePurpose, RekeyRequest, Rekeyed,
    Remembered, StoreError, StoreKind, rekey,
};

use crate::contract::{fence, intending, name, record_of, refreshed, version};
use crate::home::{Home, assert_kind, put};
use crate::keys::{Knows, cheap, keyring};
use crate::records::{full, login};

/// A home whose store may have its key anywhere.
struct Keyed {
    home: Home,
    keyring: FakeKeyring,
    credentials: tempfile::TempDir,
}

const MOUNTED: [&str; 2] =
    ["a key that a service manager brought along\n", "another key that it brought along\n"];

impl Keyed {
    fn new() -> Self {
        let credentials = tempfile::tempdir().unwrap();
        for (name, key) in ["one", "two"].iter().zip(MOUNTED) {
            fs::write(credentials.path().join(name), key).unwrap();
            crate::home::chmod(&credentials.path().join(name), 0o400);
        }
        Self { home: Home::new(), keyring: keyring(), credentials }
    }

    /// Nothing configured, and everything at hand.
    fn options(&self) -> FileStoreOptions {
        let mut options = FileStoreOptions::new(self.home.state());
        options.keyring = Some(Arc::new(self.keyring.clone()));
        options.passphrase = Some(Knows::one("four words of chance"));
        options.passphrase_cost = cheap();
        options.credentials_dir = Some(self.credentials.path().to_owned());
        options
    }

    fn setting(&self, text: &str) -> String {
        match text.strip_prefix("file:") {
            Some(name) => format!("file:{}", self.home.state().join(name).display()),
            None => text.to_owned(),
        }
    }

    fn source(&self, text: &str) -> KeySource {
        KeySource::from_setting(&self.setting(text), &self.home.state()).unwrap()
    }

    fn open(&self) -> FileStore {
        FileStore::open(self.options()).unwrap()
    }

    fn open_with(&self, source: &str) -> FileStore {
        let mut options = self.options();
        options.key = KeyChoice::Source(self.source(source));
        FileStore::open(options).unwrap()
    }

    fn rekey(&self, to: Option<&str>) -> Result<Rekeyed, StoreError> {
        rekey(self.options(), &RekeyRequest::new(to.map(|to| self.source(to))))
    }

    fn remembered(&self) -> Remembered {
        Remembered::read(&self.home.state().join("credentials")).unwrap().unwrap()
    }
}

/// A record that was refreshed once, one with everything in it, a tombstone, and one in the middle of a request.
fn fill(store: &FileStore) {
    let first = login(1, "rt-1");
    put(store, &name("refreshed"), &first, Expect::Absent);
    let claim = store.try_claim_blocking(&name("refreshed")).unwrap();
    assert!(store.mark_blocking(&name("refreshed"), &intending(&first, 7), &fence(&first, None)).is_ok());
    let second = refreshed(&first, "rt-2");
    assert!(store.commit_blocking(&name("refreshed"), &second, &fence(&first, Some(7))).is_ok());
    drop(claim);
    // For the next login of one that is there.
    store.prepare_blocking(&name("refreshed"), &crate::prepared::whole("one")).unwrap();
    put(store, &name("full"), &full(), Expect::Absent);
    put(store, &name("gone"), &login(1, "rt-3"), Expect::Absent);
    let tombstone = login(1, "rt-3").tombstone(renewd_core::Now::default());
    put(store, &name("gone"), &tombstone, Expect::Version { epoch: 1, generation: 0 });
    let open = login(1, "rt-4");
    put(store, &name("open"), &open, Expect::Absent);
    assert!(store.mark_blocking(&name("open"), &intending(&open, 8), &fence(&open, None)).is_ok());
}

const NAMES: [&str; 4] = ["full", "gone", "open", "refreshed"];

fn contents(store: &FileStore) -> Vec<String> {
    let records =
        NAMES.iter().map(|text| crate::records::described(&record_of(store.load_blocking(&name(text)))));
    let prepared = store.prepared_blocking(&name("refreshed"), &crate::prepared::at("one")).unwrap();
    records.chain(prepared.as_ref().map(crate::prepared::described)).collect()
}

/// Which keys seal the files of a folder, as their prefix says.
fn sealing_keys(folder: &Path) -> BTreeSet<Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sealed = files.filter(|path| {
        path.extension().is_some_and(|ext| ["record", "mark", "prepared"].iter().any(|sealed| ext == *sealed))
    });
    sealed.map(|path| fs::read(path).unwrap().get(12..28).unwrap().to_vec()).collect()
}

const SOURCES: [&str; 5] = ["keyring", "file", "file:own", "passphrase", "systemd:one"];

#[test]
fn records_go_from_every_source_to_every_other_and_lose_nothing() {
    for from in SOURCES {
        for to in SOURCES.iter().copied().chain(["file:other", "systemd:two"]) {
            let replaces_itself = !matches!(to, "file:own" | "systemd:one");
            if from == to && !replaces_itself {
                continue;
            }
            let keyed = Keyed::new();
            fill(&keyed.open_with(from));
            let (before, keys) =
                (contents(&keyed.open()), sealing_keys(&keyed.home.state().join("credentials")));
            let done = keyed.rekey(Some(to)).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
            assert!(done.is_finished() && done.left.is_empty() && !done.resumed, "{from} to {to}: {done:?}");
            assert_eq!((done.sealed, done.setting.clone()), (9, keyed.setting(to)), "{from} to {to}");

            let store = keyed.open();
            assert_eq!(contents(&store), before, "{from} to {to}");
            // The refresh token that was spent is still recognised, and so are the living ones.
            for (token, holder) in [("rt-1", "refreshed"), ("rt-2", "refreshed"), ("rt-4", "open")] {
                let found = store.holder_of_blocking(&Secret::from(token), None).unwrap();
                assert_eq!(found, Some(name(holder)), "{from} to {to}: {token}");
            }
            let after = sealing_keys(&keyed.home.state().join("credentials"));
            assert!(after.len() == 1 && after.is_disjoint(&keys), "{from} to {to}");
            let remembered = keyed.remembered();
            assert_eq!(remembered.current.setting, keyed.setting(to), "{from} to {to}");
            assert!(remembered.next.is_none() && remembered.retired.is_none(), "{from} to {to}");
            check_old_key(&keyed, from, to, &done.old_key);
            assert_eq!(keyed.home.temporary_files(), Vec::<String>::new());
        }
    }
}

/// What renewd put somewhere is gone from there; what others put there stays.
fn check_old_key(keyed: &Keyed, from: &str, to: &str, told: &OldKey) {
    let own = match from {
        "file:own" => Some(keyed.home.state().join("own")),
        "systemd:one" => Some(keyed.credentials.path().join("one")),
        _ => None,
    };
    match own {
        Some(path) => {
            assert_eq!(*told, OldKey::Left(path.display().to_string()), "{from} to {to}");
            assert!(path.exists(), "{from} to {to}");
        }
        None => assert_eq!(*told, OldKey::Removed, "{from} to {to}"),
    }
    assert_eq!(keyed.home.state().join("key").exists(), to == "file", "{from} to {to}");
    assert!(!keyed.home.state().join("key.next").exists(), "{from} to {to}");
    assert_eq!(keyed.keyring.items().len(), usize::from(to == "keyring"), "{from} to {to}");
}

#[test]
fn a_key_is_replaced_again_and_again_and_old_tokens_stay_known() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    for to in [None, Some("keyring"), None, Some("passphrase"), None, Some("file"), None] {
        assert!(keyed.rekey(to).unwrap().is_finished(), "{to:?}");
        let found = keyed.open().holder_of_blocking(&Secret::from("rt-1"), None).unwrap();
        assert_eq!(found, Some(name("refreshed")), "{to:?}");
    }
    // A version that knows of one key only, or would make digests with the wrong one, must not open it.
    assert!(fs::read_to_string(keyed.home.file("store.toml")).unwrap().contains("format = 2\n"));
}

#[test]
fn a_new_passphrase_takes_the_place_of_the_old_one() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("passphrase"));
    let mut options = keyed.options();
    let (open, new) = (PassphrasePurpose::Open, PassphrasePurpose::New);
    options.passphrase =
        Some(Knows::these(&[(open, "four words of chance"), (new, "four other words")], true));
    assert!(rekey(options.clone(), &RekeyRequest::new(None)).unwrap().is_finished());
    let StoreError::Fault(fault) = FileStore::open(keyed.options()).err().unwrap() else { panic!() };
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["not the passphrase"]);
    options.passphrase = Some(Knows::one("four other words"));
    assert_eq!(
        record_of(FileStore::open(options).unwrap().load_blocking(&name("refreshed"))).version(),
        (1, 1)
    );
}

#[test]
fn a_key_that_is_not_renewds_to_replace_is_not_replaced_in_its_place() {
    for source in ["file:own", "systemd:one"] {
        let keyed = Keyed::new();
        fill(&keyed.open_with(source));
        let before = contents(&keyed.open());
        for to in [None, Some(source)] {
            let error = keyed.rekey(to).err().unwrap();
            assert!(
                matches!(&error, StoreError::Setting(told) if told.contains("--key file:PATH")),
                "{error}"
            );
        }
        assert_eq!(contents(&keyed.open()), before);
        assert!(keyed.remembered().next.is_none());
    }
}

#[test]
fn a_store_elsewhere_leaves_the_key_file_of_the_state_folder_to_the_others_that_use_it() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    let mut elsewhere = keyed.options();
    elsewhere.dir = keyed.home.state().join("elsewhere");
    elsewhere.key = KeyChoice::Source(keyed.source("file"));
    fill(&FileStore::open(elsewhere.clone()).unwrap());
    let error = rekey(elsewhere.clone(), &RekeyRequest::new(None)).err().unwrap();
    assert!(error.to_string().contains("--key file:PATH"), "{error}");
    let done = rekey(elsewhere.clone(), &RekeyRequest::new(Some(keyed.source("keyring")))).unwrap();
    assert!(matches!(done.old_key, OldKey::Left(_)), "{done:?}");
    elsewhere.key = KeyChoice::Remembered;
    assert_eq!(contents(&FileStore::open(elsewhere).unwrap()), contents(&keyed.open()));
}

#[test]
fn where_there_is_no_store_none_is_made() {
    let keyed = Keyed::new();
    fs::create_dir_all(keyed.home.state().join("credentials")).unwrap();
    for folder in ["", "credentials"] {
        crate::home::chmod(&keyed.home.state().join(folder), 0o700);
    }
    let error = keyed.rekey(Some("keyring")).err().unwrap();
    assert!(error.to_string().contains("renewd init"), "{error}");
    assert!(keyed.keyring.items().is_empty() && !keyed.home.file("store.toml").exists());
}

#[test]
fn a_new_key_that_cannot_be_made_leaves_the_store_as_it_was() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    let (before, files) = (contents(&keyed.open()), keyed.home.files());
    keyed.keyring.plan(|_, _, _| KeyringFate::Fails(KeyringErrorKind::Dismissed));
    assert!(keyed.rekey(Some("keyring")).is_err());
    assert!(keyed.rekey(Some("systemd:three")).is_err());
    assert_eq!((contents(&keyed.open()), keyed.home.files()), (before, files));
    assert_eq!(keyed.remembered().current.setting, "file");
}

#[test]
fn what_cannot_be_opened_is_left_as_it_is_and_told() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    let stranger = Keyed::new();
    fill(&stranger.open_with("file"));
    fs::copy(stranger.home.file("full.record"), keyed.home.file("full.record")).unwrap();
    let mut damaged = fs::read(keyed.home.file("gone.record")).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(keyed.home.file("gone.record"), &damaged).unwrap();
    let mut spoilt = fs::read(keyed.home.file("refreshed.prepared")).unwrap();
    *spoilt.last_mut().unwrap() ^= 1;
    fs::write(keyed.home.file("refreshed.prepared"), &spoilt).unwrap();
    fs::write(keyed.home.file("refreshed.damaged-1"), "the remains of something").unwrap();
    crate::home::chmod(&keyed.home.file("refreshed.damaged-1"), 0o600);

    let done = keyed.rekey(Some("keyring")).unwrap();
    assert!(done.is_finished());
    let left: Vec<_> = done.left.iter().map(|left| (left.name.to_string(), left.why.clone())).collect();
    assert!(
        matches!(&left[..], [(a, b), (c, d), (e, f)] if a == "full" && b.contains("another key")
        && c == "gone" && d.contains("damaged") && e == "refreshed" && f.contains("refreshed.prepared-damaged")),
        "{left:?}"
    );
    assert_eq!(fs::read(keyed.home.file("gone.damaged-1")).unwrap(), damaged, "set aside, as by any reader");
    assert_eq!(
        fs::read(keyed.home.file("full.record")).unwrap(),
        fs::read(stranger.home.file("full.record")).unwrap()
    );
    assert_eq!(fs::read(keyed.home.file("refreshed.damaged-1")).unwrap(), b"the remains of something");
    let store = keyed.open();
    assert_eq!(record_of(store.load_blocking(&name("refreshed"))).version(), (1, 1));
    let Loaded::Fault(fault) = store.load_blocking(&name("gone")) else {
        panic!("a damaged record was read")
    };
    assert_eq!(fault.kind, StoreFaultKind::Damaged);
    put(&store, &name("gone"), &login(9, "rt-9"), Expect::Absent);
}

#[test]
fn a_damaged_mark_is_repaired_as_by_any_write() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    let mark = keyed.home.file("refreshed.mark");
    let mut bytes = fs::read(&mark).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&mark, bytes).unwrap();
    assert!(keyed.rekey(Some("keyring")).unwrap().is_finished());
    assert_eq!(sealing_keys(&keyed.home.state().join("credentials")).len(), 1);
    let record = fs::read(keyed.home.file("refreshed.record")).unwrap();
    let store = keyed.open();
    let stands = record_of(store.load_blocking(&name("refreshed")));
    put(&store, &name("refreshed"), &login(2, "rt-8"), version(&stands));
    fs::write(keyed.home.file("refreshed.record"), record).unwrap();
    assert!(matches!(store.load_blocking(&name("refreshed")), Loaded::RolledBack { .. }));
}

#[test]
fn a_rolled_back_record_stays_one() {
    let keyed = Keyed::new();
    let store = keyed.open_with("file");
    let first = login(1, "rt-1");
    put(&store, &name("x"), &first, Expect::Absent);
    let old = fs::read(keyed.home.file("x.record")).unwrap();
    put(&store, &name("x"), &login(2, "rt-2"), version(&first));
    fs::write(keyed.home.file("x.record"), old).unwrap();
    assert!(keyed.rekey(Some("keyring")).unwrap().is_finished());
    let Loaded::RolledBack { record, greatest } = keyed.open().load_blocking(&name("x")) else { panic!() };
    assert_eq!((record.version(), greatest), ((1, 0), (2, 0)));
}

#[test]
fn what_can_be_opened_and_not_sealed_keeps_the_old_key_until_it_is() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    let before = contents(&keyed.open());
    crate::home::chmod(&keyed.home.file("open.record"), 0o644);
    let done = keyed.rekey(Some("keyring")).unwrap();
    assert!(!done.is_finished() && done.old_key == OldKey::Needed);
    assert!(
        matches!(&done.waiting[..], [w] if w.name == name("open") && w.why.contains("chmod 600")),
        "{done:?}"
    );
    assert!(keyed.home.state().join("key").exists());
    assert!(keyed.remembered().next.is_some());
    // Either of the two settings may be configured meanwhile, and no third.
    keyed.open_with("file");
    keyed.open_with("keyring");
    let mut options = keyed.options();
    options.key = KeyChoice::Source(keyed.source("passphrase"));
    assert!(matches!(FileStore::open(options), Err(StoreError::Contradiction(_))));

    crate::home::chmod(&keyed.home.file("open.record"), 0o600);
    let done = keyed.rekey(None).unwrap();
    assert!(done.is_finished() && done.resumed && done.sealed == 2, "{done:?}");
    assert_eq!(contents(&keyed.open()), before);
    assert!(!keyed.home.state().join("key").exists());
}

#[test]
fn an_unfinished_change_is_finished_before_another_begins() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    let before = contents(&keyed.open());
    crate::home::chmod(&keyed.home.file("open.record"), 0o644);
    assert!(!keyed.rekey(Some("keyring")).unwrap().is_finished());
    crate::home::chmod(&keyed.home.file("open.record"), 0o600);
    let done = keyed.rekey(Some("passphrase")).unwrap();
    assert!(done.is_finished() && done.resumed && done.setting == "passphrase", "{done:?}");
    assert_eq!(contents(&keyed.open()), before);
    assert!(keyed.keyring.items().is_empty() && !keyed.home.state().join("key").exists());
}

#[test]
fn a_file_in_the_middle_of_the_change_that_lost_its_old_key_says_so() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    crate::home::chmod(&keyed.home.file("open.record"), 0o644);
    assert!(!keyed.rekey(Some("keyring")).unwrap().is_finished());
    crate::home::chmod(&keyed.home.file("open.record"), 0o600);
    fs::remove_file(keyed.home.state().join("key")).unwrap();
    let store = keyed.open();
    assert_eq!(record_of(store.load_blocking(&name("refreshed"))).version(), (1, 1));
    let Loaded::Fault(fault) = store.load_blocking(&name("open")) else {
        panic!("it was read without its key")
    };
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["is gone", "restore it from a backup"]);
    let done = keyed.rekey(None).unwrap();
    assert!(
        matches!(&done.waiting[..], [w] if w.name == name("open")),
        "a readable record is not given up: {done:?}"
    );
}
