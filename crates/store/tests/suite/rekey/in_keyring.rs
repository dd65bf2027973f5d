//! Another key for records that lie in a keyring.

use super::*;

/// A store whose records lie in its keyring.
fn in_keyring(keyed: &Keyed) -> FileStore {
    let mut options = keyed.options();
    options.kind = Some(StoreKind::Keyring);
    FileStore::open(options).unwrap()
}

/// The ids of the keys that a keyring holds, as their items' names say.
fn keys_in(keyring: &FakeKeyring) -> Vec<Vec<u8>> {
    let byte = |text: &[u8]| u8::from_str_radix(std::str::from_utf8(text).unwrap(), 16).unwrap();
    let items = keyring.items();
    let keys = items.keys().filter_map(|item| item.as_str().strip_prefix("renewd/key/"));
    keys.map(|hex| hex.as_bytes().chunks(2).map(byte).collect()).collect()
}

fn is_sealed_with(keyed: &Keyed, id: &[u8]) -> bool {
    let holds = |bytes: &[u8]| bytes.windows(id.len()).any(|part| part == id);
    keyed.keyring.items().values().any(|value| holds(value.expose()))
        || sealing_keys(&keyed.home.state().join("credentials")).contains(id)
}

#[test]
fn records_in_a_keyring_get_a_new_key_there_and_nowhere_else() {
    let keyed = Keyed::new();
    fill(&in_keyring(&keyed));
    let before = contents(&keyed.open());
    for elsewhere in ["file", "passphrase", "systemd:one"] {
        let error = keyed.rekey(Some(elsewhere)).err().unwrap();
        assert!(matches!(&error, StoreError::Setting(told) if told.contains("kept in a keyring")), "{error}");
    }
    let [old] = &keys_in(&keyed.keyring)[..] else { panic!("one key") };
    assert!(is_sealed_with(&keyed, old));
    let done = keyed.rekey(None).unwrap();
    assert!(done.is_finished() && done.sealed == 5 && done.left.is_empty(), "{done:?}");
    let [new] = &keys_in(&keyed.keyring)[..] else { panic!("one key") };
    assert!(old != new && is_sealed_with(&keyed, new) && !is_sealed_with(&keyed, old));
    assert_eq!(contents(&keyed.open()), before);
    let found = keyed.open().holder_of_blocking(&Secret::from("rt-1"), None).unwrap();
    assert_eq!(found, Some(name("refreshed")));
}

#[test]
fn whichever_call_fails_while_records_in_a_keyring_get_a_new_key_none_is_lost() {
    let calls = {
        let keyed = Keyed::new();
        fill(&in_keyring(&keyed));
        let before = keyed.keyring.calls();
        assert!(keyed.rekey(None).unwrap().is_finished());
        keyed.keyring.calls() - before
    };
    for n in 1..=calls {
        let kind = KeyringErrorKind::TimedOut;
        for fate in [KeyringFate::Fails(kind), KeyringFate::DoneButFails(kind)] {
            let keyed = Keyed::new();
            fill(&in_keyring(&keyed));
            let before = contents(&keyed.open());
            let at = keyed.keyring.calls() + n;
            keyed.keyring.plan(move |number, _, _| if number == at { fate } else { KeyringFate::Done });
            let done = keyed.rekey(None);
            keyed.keyring.heal();
            let told = format!("call {n} of {calls}, {fate:?}: {:?}", done.as_ref().err());
            assert_eq!(contents(&keyed.open()), before, "{told}");
            assert!(keyed.rekey(None).unwrap().is_finished(), "{told}");
            assert!(keyed.remembered().next.is_none(), "{told}");
            assert_eq!(contents(&keyed.open()), before, "{told}");
            let keys = keys_in(&keyed.keyring);
            assert!(keys.len() == 1 && keys.iter().all(|key| is_sealed_with(&keyed, key)), "{told}");
        }
    }
}
