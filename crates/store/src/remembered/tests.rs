use proptest::prelude::*;

use super::*;
use crate::fixtures::private_dir;
use crate::key::{Derivation, PassphraseCost};

fn key(setting: &str, id: u8) -> KeyRef {
    KeyRef { setting: setting.into(), keyring: None, id: [id; 16], derivation: None, digest_key: None }
}

fn plain() -> Remembered {
    Remembered {
        kind: StoreKind::File.name().into(),
        store_id: None,
        current: key("file:/a \"b\"", 0xa5),
        next: None,
        retired: None,
    }
}

fn in_transit() -> Remembered {
    let derivation = Derivation { cost: PassphraseCost::default(), salt: [7; 16] };
    let next =
        KeyRef { derivation: Some(derivation), digest_key: Some(vec![1; 72]), ..key("passphrase", 0x5a) };
    let old = KeyRef { keyring: Some("secret-service".into()), ..key("keyring", 1) };
    Remembered { store_id: Some("0f".repeat(16)), next: Some(next), retired: Some(old), ..plain() }
}

#[test]
fn what_is_written_is_read_and_the_first_to_write_wins() {
    let temp = private_dir();
    assert_eq!(Remembered::read(temp.path()).unwrap(), None);
    let dir = System.open_folder(temp.path()).unwrap();
    let disk = Disk { machine: System::machine(), hook: None };
    plain().write_in(dir.as_ref(), &disk).unwrap();
    in_transit().write_in(dir.as_ref(), &disk).unwrap();
    assert_eq!(Remembered::read(temp.path()).unwrap(), Some(plain()));
    in_transit().replace_in(dir.as_ref(), &disk).unwrap();
    assert_eq!(Remembered::read(temp.path()).unwrap(), Some(in_transit()));
    assert_eq!(Remembered::read(&temp.path().join("nowhere")).unwrap(), None);
}

#[test]
fn the_layout_of_earlier_versions_is_read_and_written_where_it_says_enough() {
    let earlier =
        "format = 1\nkind = \"file\"\nkey = \"file\"\nkey_id = \"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\"\n";
    let path = Path::new("/s/store.toml");
    let read = layout::parse(earlier.as_bytes(), path).unwrap();
    assert_eq!(read, Remembered { current: key("file", 0xa5), ..plain() });
    assert!(layout::text_of(&read).unwrap().ends_with(earlier));
    // Two keys are nothing for a version that knows of one.
    assert!(layout::text_of(&in_transit()).unwrap().contains("format = 2\n"));
}

#[test]
fn a_newer_layout_is_told_apart_from_a_damaged_one() {
    let sound = |more: &str| {
        format!("format = 2\nkind = \"file\"\nkey = \"file\"\nkey_id = \"{}\"\n{more}", "a5".repeat(16))
    };
    let costly = "[argon2id]\nmemory_kib = 4294967295\npasses = 3\nlanes = 4\nsalt = \"00000000000000000000000000000000\"\n";
    for (text, kind) in [
        ("format = 3\nnew = true\n".to_owned(), StoreFaultKind::NewerFormat),
        ("format = 1\n".into(), StoreFaultKind::Damaged),
        ("form".into(), StoreFaultKind::Damaged),
        (String::new(), StoreFaultKind::Damaged),
        ("format = 1\nkind = \"file\"\nkey = \"file\"\nkey_id = \"+123\"\n".into(), StoreFaultKind::Damaged),
        (sound("store_id = \"../../x\"\n"), StoreFaultKind::Damaged),
        (sound("digest_key = \"?\"\n"), StoreFaultKind::Damaged),
        (sound(&format!("digest_key = \"{}\"\n", "A".repeat(260))), StoreFaultKind::Damaged),
        (sound(costly), StoreFaultKind::Damaged),
        (
            sound(&costly.replace("4294967295", "65536").replace("= 3", "= 4000000000")),
            StoreFaultKind::Damaged,
        ),
        (sound("[next]\nkey = \"file\"\n"), StoreFaultKind::Damaged),
    ] {
        let temp = private_dir();
        std::fs::write(temp.path().join(Remembered::FILE), &text).unwrap();
        crate::fixtures::set_mode(&temp.path().join(Remembered::FILE), 0o600);
        let fault = Remembered::read(temp.path()).unwrap_err();
        assert_eq!(fault.kind, kind, "{text}: {}", fault.message);
        assert!(fault.message.contains(Remembered::FILE));
        check_total(text.as_bytes());
    }
}

/// Lines that are nearly those of a `store.toml`.
fn nearly() -> impl Strategy<Value = String> {
    let names = [
        "format",
        "kind",
        "store_id",
        "key",
        "key_id",
        "keyring",
        "digest_key",
        "memory_kib",
        "passes",
        "lanes",
        "salt",
    ];
    let values = [
        "1",
        "2",
        "0",
        "-1",
        "65536",
        "4294967295",
        "1e3",
        "\"\"",
        "\"file\"",
        "\"passphrase\"",
        "\"keyring\"",
        "[]",
        "{}",
        "\"00000000000000000000000000000000\"",
        "\"+0000000000000000000000000000000\"",
        "\"AAAA\"",
        "\"a\\nb\"",
        "true",
    ];
    let line = prop_oneof![
        8 => (prop::sample::select(names.to_vec()), prop::sample::select(values.to_vec()))
            .prop_map(|(name, value)| format!("{name} = {value}\n")),
        1 => prop::sample::select(vec!["[next]\n", "[retired]\n", "[argon2id]\n", "[next.argon2id]\n"])
            .prop_map(str::to_owned),
    ];
    let sound = format!("format = 2\nkind = \"file\"\nkey = \"file\"\nkey_id = \"{}\"\n", "0a".repeat(16));
    (any::<bool>(), prop::collection::vec(line, 0..12))
        .prop_map(move |(begun, lines)| format!("{}{}", if begun { &sound } else { "" }, lines.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_soundly_or_refused(text in nearly()) {
        check_total(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_soundly_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_total(&bytes);
    }
}
