//! Where the key of a store comes from.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex};

use renewd_core::{Secret, StoreFault, StoreFaultKind};
use renewd_driver::Expect;
use renewd_driver::keyring::{ItemName, Keyring, KeyringError, KeyringErrorKind};
use renewd_driver::testing::{FakeKeyring, KeyringCall, KeyringFate};
use renewd_store::{
    FileStore, FileStoreOptions, KeyChoice, PassphraseAsk, PassphraseCost, PassphrasePurpose,
    PassphraseSource, Remembered, StoreError, StoreKind,
};
use zeroize::Zeroizing;

use crate::contract::{name, record_of};
use crate::home::{Home, assert_kind, chmod, put};
use crate::records::login;

/// As many bytes as Windows' keyring holds.
const ITEM_BYTES_MAX: usize = 2560;

pub(crate) fn keyring() -> FakeKeyring {
    FakeKeyring::new(ITEM_BYTES_MAX)
}

/// Somebody who knows passphrases, and remembers what was asked.
pub(crate) struct Knows {
    answers: Mutex<Vec<(PassphrasePurpose, String)>>,
    pub(crate) asked: Mutex<Vec<(PassphrasePurpose, u32)>>,
    person: bool,
}

impl Knows {
    /// Answers by purpose: of several for one, the last for ever.
    pub(crate) fn these(answers: &[(PassphrasePurpose, &str)], person: bool) -> Arc<Self> {
        let answers = answers.iter().map(|(purpose, text)| (*purpose, (*text).to_owned())).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::new(Vec::new()), person })
    }

    pub(crate) fn one(text: &str) -> Arc<Self> {
        use PassphrasePurpose::{Former, New, Open};
        Self::these(&[(Open, text), (New, text), (Former, text)], false)
    }
}

impl PassphraseSource for Knows {
    fn passphrase(&self, ask: &PassphraseAsk) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        self.asked.lock().unwrap().push((ask.purpose, ask.attempt));
        let mut answers = self.answers.lock().unwrap();
        let at = answers.iter().position(|(purpose, _)| *purpose == ask.purpose);
        let more = answers.iter().filter(|(purpose, _)| *purpose == ask.purpose).count() > 1;
        match at {
            Some(at) if more => Ok(Zeroizing::new(answers.remove(at).1.into_bytes())),
            Some(at) => Ok(Zeroizing::new(answers.get(at).unwrap().1.clone().into_bytes())),
            None => Err(StoreFault {
                kind: StoreFaultKind::KeyUnavailable,
                message: format!("nobody knows a passphrase for {:?}", ask.purpose),
            }),
        }
    }

    fn asks_a_person(&self) -> bool {
        self.person
    }
}

/// Cheap enough to try often.
pub(crate) fn cheap() -> PassphraseCost {
    PassphraseCost::new(64, 1, 1).unwrap()
}

/// Nothing is configured; this is what the program brings.
fn bare(home: &Home, keyring: Option<&FakeKeyring>) -> FileStoreOptions {
    let mut options = FileStoreOptions::new(home.state());
    options.keyring = keyring.map(|keyring| Arc::new(keyring.clone()) as Arc<dyn Keyring>);
    options.passphrase_cost = cheap();
    options.credentials_dir = None;
    options
}

fn with(mut options: FileStoreOptions, setting: &str) -> FileStoreOptions {
    options.key = KeyChoice::from_setting(setting, &options.state_dir).unwrap();
    options
}

#[track_caller]
fn fault_of(options: FileStoreOptions) -> StoreFault {
    match FileStore::open(options) {
        Err(StoreError::Fault(fault)) => fault,
        Err(other) => panic!("not a fault: {other}"),
        Ok(_) => panic!("it opened"),
    }
}

fn folder(home: &Home) -> std::path::PathBuf {
    home.state().join("credentials")
}

fn reads(options: FileStoreOptions) {
    let store = FileStore::open(options).unwrap();
    assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (1, 0));
}

#[test]
fn with_a_keyring_and_no_word_of_anybody_the_key_is_made_there_silently() {
    let (home, keyring) = (Home::new(), keyring());
    let store = FileStore::open(bare(&home, Some(&keyring))).unwrap();
    put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
    reads(bare(&home, Some(&keyring)));

    let remembered = Remembered::read(&folder(&home)).unwrap().unwrap();
    assert_eq!(
        (remembered.current.setting.as_str(), remembered.current.keyring.as_deref()),
        ("keyring", Some("fake"))
    );
    assert!(!home.state().join("key").exists());
    let items = keyring.items();
    let (item, key) = items.first_key_value().unwrap();
    assert_eq!(items.len(), 1);
    let opaque = item.as_str().strip_prefix("renewd/key/").unwrap();
    assert!(opaque.len() == 32 && opaque.bytes().all(|b| b.is_ascii_hexdigit()), "{item}");
    let text = fs::read(home.file("store.toml")).unwrap();
    assert!(!text.windows(key.len()).any(|part| key.same_as(part)));
}

#[test]
fn without_a_keyring_and_without_a_word_nothing_is_made_and_the_ways_out_are_named() {
    let home = Home::new();
    let locked = keyring();
    locked.plan(|_, call, _| match call {
        KeyringCall::Probe => KeyringFate::Fails(KeyringErrorKind::Locked),
        _ => KeyringFate::Done,
    });
    for (options, why) in [(bare(&home, None), "there is none"), (bare(&home, Some(&locked)), "locked")] {
        let error = FileStore::open(options).err().unwrap();
        let told = error.to_string();
        assert!(matches!(error, StoreError::NoKeySource(_)), "{told}");
        for words in [why, "renewd init", "store.key", "RENEWD_STORE_KEY", "passphrase", "systemd:NAME"] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    assert!(!home.file("store.toml").exists() && !home.state().join("key").exists());
    assert!(locked.items().is_empty());
}

#[test]
fn a_key_file_of_an_earlier_version_wins_over_the_default() {
    let (home, keyring) = (Home::new(), keyring());
    put(&home.open(), &name("x"), &login(1, "rt-1"), Expect::Absent);
    reads(bare(&home, Some(&keyring)));
    fs::remove_file(home.file("store.toml")).unwrap();
    reads(bare(&home, Some(&keyring)));
    assert!(keyring.items().is_empty());
}

#[test]
fn what_is_written_in_a_keyring_that_is_gone_is_asked_for_and_not_replaced() {
    struct Another(FakeKeyring);
    impl Keyring for Another {
        fn backend(&self) -> &'static str {
            "another"
        }
        fn place(&self) -> String {
            "another keyring".into()
        }
        fn item_bytes_max(&self) -> usize {
            ITEM_BYTES_MAX
        }
        fn get(&self, item: &ItemName) -> Result<Option<Secret>, KeyringError> {
            self.0.get(item)
        }
        fn set(&self, item: &ItemName, value: &Secret) -> Result<(), KeyringError> {
            self.0.set(item, value)
        }
        fn delete(&self, item: &ItemName) -> Result<bool, KeyringError> {
            self.0.delete(item)
        }
        fn probe(&self) -> Result<(), KeyringError> {
            self.0.probe()
        }
    }
    let (home, keyring) = (Home::new(), keyring());
    put(
        &FileStore::open(bare(&home, Some(&keyring))).unwrap(),
        &name("x"),
        &login(1, "rt-1"),
        Expect::Absent,
    );
    let before = keyring.items();

    assert_kind(&fault_of(bare(&home, None)), StoreFaultKind::KeyUnavailable, &["was given none to ask"]);
    let mut other = bare(&home, None);
    other.keyring = Some(Arc::new(Another(keyring.clone())));
    assert_kind(&fault_of(other), StoreFaultKind::KeyUnavailable, &["`fake`", "`another`", "store.path"]);
    for kind in KeyringErrorKind::ALL {
        keyring.plan(move |_, _, _| KeyringFate::Fails(kind));
        assert_eq!(
            fault_of(bare(&home, Some(&keyring))).kind,
            StoreFault::from(KeyringError::new(kind, "")).kind
        );
    }
    keyring.heal();
    assert_eq!(keyring.items().len(), before.len());
    reads(bare(&home, Some(&keyring)));

    let item = before.first_key_value().unwrap().0.clone();
    keyring.meddle(&item, Some(Secret::from("another key that is long enough to be one")));
    let fault = fault_of(bare(&home, Some(&keyring)));
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["not the one that sealed"]);
    keyring.meddle(&item, Some(Secret::from("short")));
    assert_kind(&fault_of(bare(&home, Some(&keyring))), StoreFaultKind::KeyUnavailable, &["holds no key"]);
    keyring.meddle(&item, None);
    let fault = fault_of(bare(&home, Some(&keyring)));
    assert_kind(
        &fault,
        StoreFaultKind::KeyUnavailable,
        &["is gone", item.as_str(), "restore it from a backup"],
    );
    assert!(keyring.items().is_empty());
}

#[test]
fn many_first_processes_make_one_key_in_a_keyring() {
    let (home, keyring) = (Home::new(), keyring());
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (options, start) = (bare(&home, Some(&keyring)), &start);
            scope.spawn(move || {
                start.wait();
                let store = FileStore::open(options).unwrap();
                put(&store, &name(&format!("c{n}")), &login(1, &format!("rt-{n}")), Expect::Absent);
            });
        }
    });
    assert_eq!(keyring.items().len(), 1);
    let store = FileStore::open(bare(&home, Some(&keyring))).unwrap();
    for n in 0..8 {
        assert_eq!(record_of(store.load_blocking(&name(&format!("c{n}")))).version(), (1, 0));
    }
}

#[test]
fn whichever_call_of_a_keyring_fails_at_first_use_the_next_one_makes_one_store_with_one_key() {
    let calls = {
        let (home, keyring) = (Home::new(), keyring());
        FileStore::open(bare(&home, Some(&keyring))).unwrap();
        keyring.calls()
    };
    assert!(calls >= 3, "a probe, a write, and reading it back: only {calls} calls");
    for n in 1..=calls {
        for kind in KeyringErrorKind::ALL {
            for fate in [KeyringFate::Fails(kind), KeyringFate::DoneButFails(kind)] {
                let (home, keyring) = (Home::new(), keyring());
                keyring.plan(move |number, _, _| if number == n { fate } else { KeyringFate::Done });
                let told = format!("call {n}, {fate:?}");
                assert!(FileStore::open(bare(&home, Some(&keyring))).is_err(), "{told}");
                assert!(keyring.items().is_empty(), "{told}: a key is left that nothing is sealed with");
                assert!(!home.file("store.toml").exists() && !home.state().join("key").exists(), "{told}");
                let store = FileStore::open(bare(&home, Some(&keyring))).unwrap();
                put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
                reads(bare(&home, Some(&keyring)));
                assert_eq!(keyring.items().len(), 1, "{told}");
            }
        }
    }
}

#[test]
fn records_find_their_key_in_the_keyring_where_store_toml_was_lost() {
    let (home, keyring) = (Home::new(), keyring());
    put(
        &FileStore::open(bare(&home, Some(&keyring))).unwrap(),
        &name("x"),
        &login(1, "rt-1"),
        Expect::Absent,
    );
    fs::remove_file(home.file("store.toml")).unwrap();
    reads(bare(&home, Some(&keyring)));
    assert_eq!(keyring.items().len(), 1);

    fs::remove_file(home.file("store.toml")).unwrap();
    let item = keyring.items().first_key_value().unwrap().0.clone();
    keyring.meddle(&item, None);
    let fault = fault_of(bare(&home, Some(&keyring)));
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["neither store.toml nor the key"]);
    assert!(keyring.items().is_empty() && !home.file("store.toml").exists());
}

#[test]
fn a_passphrase_opens_what_was_sealed_with_it_and_lies_nowhere() {
    let home = Home::new();
    let mut options = with(bare(&home, None), "passphrase");
    assert_kind(
        &fault_of(options.clone()),
        StoreFaultKind::KeyUnavailable,
        &["nobody here can be asked", "RENEWD_STORE_PASSPHRASE_FD"],
    );
    let knows = Knows::one("four words of chance");
    options.passphrase = Some(knows.clone());
    put(&FileStore::open(options.clone()).unwrap(), &name("x"), &login(1, "rt-1"), Expect::Absent);
    assert_eq!(*knows.asked.lock().unwrap(), [(PassphrasePurpose::New, 1)]);
    reads(options.clone());
    // Nothing configured: store.toml remembers.
    options.key = KeyChoice::Remembered;
    reads(options.clone());
    assert_eq!(knows.asked.lock().unwrap().get(1), Some(&(PassphrasePurpose::Open, 1)));

    let text = fs::read_to_string(home.file("store.toml")).unwrap();
    for line in
        ["key = \"passphrase\"", "[argon2id]", "memory_kib = 64", "passes = 1", "lanes = 1", "salt = "]
    {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("words"), "{text}");
    assert!(!home.state().join("key").exists());
}

#[test]
fn a_wrong_passphrase_is_told_as_one_and_touches_nothing() {
    let home = Home::new();
    let mut options = with(bare(&home, None), "passphrase");
    options.passphrase = Some(Knows::one("four words of chance"));
    put(&FileStore::open(options.clone()).unwrap(), &name("x"), &login(1, "rt-1"), Expect::Absent);
    let before = (home.files(), fs::read(home.file("x.record")).unwrap());

    let too_long = "x".repeat(2000);
    for wrong in ["four words of chanc", "", &too_long] {
        let descriptor = Knows::one(wrong);
        options.passphrase = Some(descriptor.clone());
        let fault = fault_of(options.clone());
        assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["not the passphrase", "nothing was read"]);
        assert!(wrong.is_empty() || !fault.message.contains(wrong));
        assert_eq!(descriptor.asked.lock().unwrap().len(), 1, "who answers the same for ever is asked once");
    }
    assert_eq!((home.files(), fs::read(home.file("x.record")).unwrap()), before);

    // A person may mistype.
    let open = PassphrasePurpose::Open;
    let person =
        Knows::these(&[(open, "for words"), (open, "four word"), (open, "four words of chance")], true);
    options.passphrase = Some(person.clone());
    reads(options.clone());
    assert_eq!(*person.asked.lock().unwrap(), [(open, 1), (open, 2), (open, 3)]);
    let forgetful = Knows::these(&[(open, "I forgot it")], true);
    options.passphrase = Some(forgetful.clone());
    fault_of(options);
    assert_eq!(forgetful.asked.lock().unwrap().len(), 3);
}

#[test]
fn a_passphrase_that_is_too_short_to_be_one_makes_no_store() {
    let home = Home::new();
    let mut options = with(bare(&home, None), "passphrase");
    options.passphrase = Some(Knows::one("seven b"));
    assert_kind(&fault_of(options), StoreFaultKind::KeyUnavailable, &["8 to 1024 bytes"]);
    assert!(!home.file("store.toml").exists());
}

#[test]
fn records_without_the_salt_are_not_sealed_over_with_another_one() {
    let home = Home::new();
    let mut options = with(bare(&home, None), "passphrase");
    options.passphrase = Some(Knows::one("four words of chance"));
    put(&FileStore::open(options.clone()).unwrap(), &name("x"), &login(1, "rt-1"), Expect::Absent);
    fs::remove_file(home.file("store.toml")).unwrap();
    assert_kind(
        &fault_of(options),
        StoreFaultKind::KeyUnavailable,
        &["the salt", "restore it from a backup"],
    );
    assert!(!home.file("store.toml").exists());
}

#[test]
fn a_planted_cost_is_refused_before_it_is_paid() {
    let home = Home::new();
    let mut options = with(bare(&home, None), "passphrase");
    let knows = Knows::one("four words of chance");
    options.passphrase = Some(knows.clone());
    FileStore::open(options.clone()).unwrap();
    let text = fs::read_to_string(home.file("store.toml")).unwrap();
    for (line, planted) in [
        ("memory_kib = 64", "memory_kib = 4294967295"),
        ("passes = 1", "passes = 4000000000"),
        ("lanes = 1", "lanes = 16777215"),
    ] {
        fs::write(home.file("store.toml"), text.replace(line, planted)).unwrap();
        knows.asked.lock().unwrap().clear();
        assert_kind(&fault_of(options.clone()), StoreFaultKind::Damaged, &["store.toml", "argon2id"]);
        assert!(knows.asked.lock().unwrap().is_empty(), "{planted}");
    }
}

/// A folder as systemd makes it.
fn credentials(key: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("renewd-key"), key).unwrap();
    chmod(&dir.path().join("renewd-key"), 0o400);
    chmod(dir.path(), 0o500);
    dir
}

#[test]
fn a_systemd_credential_is_read_and_never_made() {
    let home = Home::new();
    let mut options = with(bare(&home, None), "systemd:renewd-key");
    let fault = fault_of(options.clone());
    assert_kind(
        &fault,
        StoreFaultKind::KeyUnavailable,
        &["CREDENTIALS_DIRECTORY", "LoadCredential=renewd-key"],
    );

    let given = credentials("a key that a service manager brought along\n");
    options.credentials_dir = Some(given.path().to_owned());
    put(&FileStore::open(options.clone()).unwrap(), &name("x"), &login(1, "rt-1"), Expect::Absent);
    reads(options.clone());

    options.credentials_dir =
        Some(credentials("another key that a service manager brought\n").path().to_owned());
    assert_kind(&fault_of(options.clone()), StoreFaultKind::KeyUnavailable, &["no systemd credential"]);
    let other = credentials("another key that a service manager brought\n");
    options.credentials_dir = Some(other.path().to_owned());
    assert_kind(&fault_of(options.clone()), StoreFaultKind::KeyUnavailable, &["not the one that sealed"]);
    options.credentials_dir = Some(Path::new("relative").to_owned());
    assert_kind(&fault_of(options), StoreFaultKind::KeyUnavailable, &["CREDENTIALS_DIRECTORY"]);
}

#[test]
fn a_systemd_credential_that_others_can_write_or_everybody_read_is_refused() {
    let home = Home::new();
    let given = credentials("a key that a service manager brought along\n");
    let mut options = with(bare(&home, None), "systemd:renewd-key");
    options.credentials_dir = Some(given.path().to_owned());
    for loose in [0o420, 0o404, 0o402] {
        chmod(&given.path().join("renewd-key"), loose);
        assert_kind(&fault_of(options.clone()), StoreFaultKind::Denied, &["renewd-key", "chmod 600"]);
    }
    chmod(&given.path().join("renewd-key"), 0o400);
    chmod(given.path(), 0o777);
    assert_kind(&fault_of(options.clone()), StoreFaultKind::Denied, &["no safe place"]);
    chmod(given.path(), 0o500);
    // The group may read it: so it is where a unit has a group of its own.
    chmod(&given.path().join("renewd-key"), 0o440);
    FileStore::open(options.clone()).unwrap();
    // As a link, as other credential stores make them.
    chmod(given.path(), 0o700);
    fs::rename(given.path().join("renewd-key"), given.path().join("kept")).unwrap();
    symlink("kept", given.path().join("renewd-key")).unwrap();
    assert!(FileStore::open(options).is_ok());
}

#[test]
fn records_in_a_keyring_have_their_key_there_too() {
    let (home, keyring) = (Home::new(), keyring());
    let mut options = with(bare(&home, Some(&keyring)), "file");
    options.kind = Some(StoreKind::Keyring);
    let error = FileStore::open(options.clone()).err().unwrap();
    assert!(matches!(&error, StoreError::Setting(told) if told.contains("store.kind")), "{error}");
    assert!(keyring.items().is_empty());
    options.key = KeyChoice::Remembered;
    FileStore::open(options).unwrap();
    let remembered = Remembered::read(&folder(&home)).unwrap().unwrap();
    assert_eq!((remembered.kind.as_str(), remembered.current.setting.as_str()), ("keyring", "keyring"));
    assert_eq!(remembered.store_id.unwrap().len(), 32);

    // Its number is what its records are found by: a new one would hide them.
    let store = FileStore::open(bare(&home, Some(&keyring))).unwrap();
    put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
    fs::remove_file(home.file("store.toml")).unwrap();
    let mut options = bare(&home, Some(&keyring));
    options.kind = Some(StoreKind::Keyring);
    assert_kind(&fault_of(options), StoreFaultKind::KeyUnavailable, &["no store.toml", "restore it"]);
    assert!(!home.file("store.toml").exists());
}

#[test]
fn a_configured_source_that_differs_names_the_command_that_seals_anew() {
    let (home, keyring) = (Home::new(), keyring());
    home.open();
    let error = FileStore::open(with(bare(&home, Some(&keyring)), "keyring")).err().unwrap();
    assert!(matches!(&error, StoreError::Contradiction(c) if c.setting == "store.key"), "{error}");
    assert!(error.to_string().contains("`renewd rekey --key keyring`"), "{error}");
    assert!(keyring.items().is_empty(), "no key was made for it");
}
