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
