//! A change of the key that somebody else wrote into `store.toml`.

use super::*;

/// Whoever can write the folder, in a backup say, names a key of his own as the one to seal with, and puts it there.
/// The key of before he lets stand, or names one that nobody has.
fn plant(keyed: &Keyed, spoil_current: bool) {
    let his = Keyed::new();
    his.open_with("file");
    fs::copy(his.home.state().join("key"), keyed.home.state().join("key")).unwrap();
    let id = |text: &str| text.lines().find(|line| line.starts_with("key_id")).unwrap().to_owned();
    let planted = id(&fs::read_to_string(his.home.file("store.toml")).unwrap());
    let own = fs::read_to_string(keyed.home.file("store.toml")).unwrap();
    let nobodys = format!("key_id = \"{}\"", "0".repeat(32));
    let own = if spoil_current { own.replace(&id(&own), &nobodys) } else { own };
    let own = own.replace("format = 1", "format = 2");
    fs::write(keyed.home.file("store.toml"), format!("{own}\n[next]\nkey = \"file\"\n{planted}\n")).unwrap();
}

#[test]
fn nothing_is_sealed_with_a_new_key_that_nobody_made_who_had_the_old_one() {
    let keyed = Keyed::new();
    let running = keyed.open_with("keyring");
    fill(&running);
    let folder = keyed.home.state().join("credentials");
    let (sound, before) = (fs::read(keyed.home.file("store.toml")).unwrap(), sealing_keys(&folder));
    plant(&keyed, false);
    let mut configured = keyed.options();
    configured.key = KeyChoice::Source(keyed.source("keyring"));
    for options in [keyed.options(), configured] {
        let Err(StoreError::Fault(fault)) = FileStore::open(options) else { panic!("it opened") };
        assert_kind(
            &fault,
            StoreFaultKind::Damaged,
            &["the new key in it (file) was not made by this store"],
        );
    }
    assert!(keyed.rekey(None).is_err() && keyed.rekey(Some("file")).is_err());
    assert!(running.put_blocking(&name("new"), &login(1, "rt-7"), Expect::Absent).is_err());
    assert_eq!(sealing_keys(&folder), before);
    fs::write(keyed.home.file("store.toml"), sound).unwrap();
    assert_eq!(contents(&keyed.open_with("keyring")), contents(&running));
}

#[test]
fn a_configured_key_that_cannot_be_had_lets_no_other_take_its_place() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("keyring"));
    plant(&keyed, true);
    let mut configured = keyed.options();
    configured.key = KeyChoice::Source(keyed.source("keyring"));
    let Err(StoreError::Fault(fault)) = FileStore::open(configured) else { panic!("it opened") };
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["is gone"]);
}

/// Names a key as one that is to be taken away, as the last step of a rotation does.
fn name_retired(keyed: &Keyed, key: &str) {
    let path = keyed.home.file("store.toml");
    let own = fs::read_to_string(&path).unwrap().replace("format = 1", "format = 2");
    fs::write(path, format!("{own}\n[retired]\n{key}")).unwrap();
}

/// The lines of `store.toml` that name a store's only key.
fn key_lines(keyed: &Keyed) -> String {
    let text = fs::read_to_string(keyed.home.file("store.toml")).unwrap();
    let named = |line: &&str| line.starts_with("key") || line.starts_with("digest_key");
    text.lines().filter(named).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_key_in_the_keyring_that_is_another_stores_is_not_taken_away_as_an_old_one_of_this() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("keyring"));
    let mut victim = Keyed::new();
    victim.keyring = keyed.keyring.clone();
    fill(&victim.open_with("keyring"));
    let before = contents(&victim.open());
    // A store that was sealed anew once has a digest key that is not its newest key's own.
    for _ in 0..2 {
        name_retired(&keyed, &key_lines(&victim));
        let told = contents(&keyed.open());
        assert!(keyed.remembered().retired.is_none(), "nobody comes back to it");
        assert_eq!(contents(&victim.open()), before);
        name_retired(&keyed, &key_lines(&victim));
        assert!(keyed.rekey(None).unwrap().is_finished());
        assert_eq!((contents(&keyed.open()), contents(&victim.open())), (told, before.clone()));
        assert!(victim.rekey(None).unwrap().is_finished());
    }
    let keys = keyed.keyring.items().keys().filter(|item| item.as_str().starts_with("renewd/key/")).count();
    assert_eq!(keys, 2, "each store's own old keys are gone");
}

#[test]
fn a_key_file_that_is_another_stores_is_not_taken_away_as_an_old_one_of_this() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("keyring"));
    let victim = Keyed::new();
    fill(&victim.open_with("file"));
    let (theirs, here) = (victim.home.state().join("key"), keyed.home.state().join("key"));
    fs::copy(&theirs, &here).unwrap();
    name_retired(&keyed, &key_lines(&victim));
    let running = keyed.open();
    assert!(keyed.remembered().retired.is_none());
    assert_eq!(fs::read(&here).unwrap(), fs::read(&theirs).unwrap());
    assert_eq!(contents(&running), contents(&keyed.open()));
}
