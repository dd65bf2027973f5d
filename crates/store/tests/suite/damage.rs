//! Damaged, swapped, newer and rolled-back records: told apart, kept, and never taken for "logged out".

use std::fs;

use renewd_core::{Loaded, Now, RECORD_FORMAT, StoreFaultKind};
use renewd_driver::Expect;

use crate::contract::{fence, intending, kind_of, name, record_of, refreshed, version};
use crate::home::{Home, assert_kind, fault_of, put, write_fault};
use crate::records::{full, login};

/// Ways to damage a record file.
fn damages(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut flipped = good.to_vec();
    flipped[good.len() / 2] ^= 4;
    let mut longer = good.to_vec();
    longer.extend_from_slice(b"tail");
    let torn = [&good[..good.len() / 2], &vec![0; good.len().div_ceil(2)]].concat();
    vec![
        ("empty", Vec::new()),
        ("truncated", good[..good.len() - 1].to_vec()),
        ("torn", torn),
        ("flipped", flipped),
        ("longer", longer),
        ("zeros", vec![0; 4096]),
        ("text", b"not a record at all, and long enough to hold a header".to_vec()),
    ]
}

#[test]
fn a_damaged_record_is_set_aside_whole_and_stays_a_fault() {
    const KINDS: usize = 7;
    for kind in 0..KINDS {
        let home = Home::new();
        let store = home.open();
        put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
        let mut damages = damages(&fs::read(home.file("x.record")).unwrap());
        assert_eq!(damages.len(), KINDS);
        let (what, bytes) = damages.swap_remove(kind);
        fs::write(home.file("x.record"), &bytes).unwrap();

        let fault = fault_of(store.load_blocking(&name("x")));
        assert_kind(&fault, StoreFaultKind::Damaged, &["x.damaged-1", "log in again"]);
        assert_eq!(fs::read(home.file("x.damaged-1")).unwrap(), bytes, "{what}");
        assert!(!home.file("x.record").exists(), "{what}");

        for again in [&store, &home.open()] {
            assert_kind(
                &fault_of(again.load_blocking(&name("x"))),
                StoreFaultKind::Damaged,
                &["x.damaged-1"],
            );
        }
        assert_eq!(store.list_blocking().unwrap(), [name("x")], "{what}");
    }
}

#[test]
fn a_login_heals_a_damaged_record_with_an_epoch_above_all_that_were() {
    let home = Home::new();
    let store = home.open();
    put(&store, &name("x"), &login(7, "rt-1"), Expect::Absent);
    fs::write(home.file("x.record"), b"").unwrap();
    // The one who logs in cannot know which epoch there was.
    put(&store, &name("x"), &login(1, "rt-new"), Expect::Absent);
    assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (8, 0));
    assert!(home.file("x.damaged-1").exists(), "kept for a person");

    fs::write(home.file("x.record"), b"x").unwrap();
    assert_kind(&fault_of(store.load_blocking(&name("x"))), StoreFaultKind::Damaged, &["x.damaged-2"]);
    put(&store, &name("x"), &login(1, "rt-newer"), Expect::Absent);
    assert_eq!(record_of(home.open().load_blocking(&name("x"))).version(), (9, 0));
    assert_eq!(fs::read(home.file("x.damaged-1")).unwrap(), b"");
    assert_eq!(fs::read(home.file("x.damaged-2")).unwrap(), b"x");
}

#[test]
fn nothing_but_a_login_or_newer_tokens_is_written_where_a_damaged_record_stood() {
    let home = Home::new();
    let store = home.open();
    let first = login(1, "rt-1");
    put(&store, &name("x"), &first, Expect::Absent);
    fs::write(home.file("x.record"), b"damage").unwrap();
    let next = refreshed(&first, "rt-2");
    for fault in [
        write_fault(store.mark_blocking(&name("x"), &intending(&first, 7), &fence(&first, None))),
        write_fault(store.commit_blocking(&name("x"), &first, &fence(&first, None))),
        write_fault(store.put_blocking(&name("x"), &next, version(&first))),
    ] {
        assert_eq!(fault.kind, StoreFaultKind::Damaged);
    }
    assert!(!home.file("x.record").exists());

    // The tokens of a refresh that had begun before exist nowhere else.
    assert!(store.commit_blocking(&name("x"), &next, &fence(&first, Some(7))).is_ok());
    assert_eq!(record_of(home.open().load_blocking(&name("x"))).version(), (1, 1));
    assert_eq!(fs::read(home.file("x.damaged-1")).unwrap(), b"damage", "kept for a person");
}

#[test]
fn tokens_come_back_to_a_removed_record_unless_newer_ones_stood_there() {
    let home = Home::new();
    let store = home.open();
    let first = login(1, "rt-1");
    let second = refreshed(&first, "rt-2");
    put(&store, &name("x"), &first, Expect::Absent);
    assert!(store.commit_blocking(&name("x"), &second, &fence(&first, None)).is_ok());
    put(&store, &name("x"), &login(2, "rt-new"), version(&second));
    fs::remove_file(home.file("x.record")).unwrap();

    // Of the first login: it was replaced before the record was removed.
    let third = refreshed(&second, "rt-3");
    let fault = write_fault(store.commit_blocking(&name("x"), &third, &fence(&second, None)));
    assert_kind(&fault, StoreFaultKind::Damaged, &["x.record is gone"]);
    // Of the second.
    let after = refreshed(&login(2, "rt-new"), "rt-newer");
    assert!(store.commit_blocking(&name("x"), &after, &fence(&login(2, "rt-new"), None)).is_ok());
    assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (2, 1));
}

#[test]
fn a_record_file_that_vanished_is_not_a_logout() {
    let home = Home::new();
    let store = home.open();
    put(&store, &name("x"), &login(2, "rt-1"), Expect::Absent);
    fs::remove_file(home.file("x.record")).unwrap();
    assert_kind(
        &fault_of(store.load_blocking(&name("x"))),
        StoreFaultKind::Damaged,
        &["x.record is gone", "x.mark"],
    );
    assert_eq!(store.list_blocking().unwrap(), [name("x")]);
    put(&store, &name("x"), &login(1, "rt-new"), Expect::Absent);
    assert_eq!(record_of(store.load_blocking(&name("x"))).version(), (3, 0));
}

#[test]
fn a_folder_that_vanished_is_a_fault() {
    let home = Home::new();
    let store = home.open();
    put(&store, &name("x"), &login(2, "rt-1"), Expect::Absent);
    fs::remove_dir_all(home.state()).unwrap();
    assert_kind(&fault_of(store.load_blocking(&name("x"))), StoreFaultKind::Io, &["credentials"]);
    assert!(store.list_blocking().is_err());
}

#[test]
fn a_record_of_another_name_is_set_aside_and_both_credentials_stay_apart() {
    let home = Home::new();
    let store = home.open();
    put(&store, &name("x"), &login(1, "rt-x"), Expect::Absent);
    put(&store, &name("y"), &login(1, "rt-y"), Expect::Absent);
    fs::copy(home.file("y.record"), home.file("x.record")).unwrap();
    let fault = fault_of(store.load_blocking(&name("x")));
    assert_kind(&fault, StoreFaultKind::Damaged, &["it is the record of \"y\"", "x.damaged-1"]);
    assert!(record_of(store.load_blocking(&name("y"))).grant.refresh_token.unwrap().same_as(b"rt-y"));
}

#[test]
fn a_name_that_differs_in_case_only_is_refused_and_nothing_is_moved() {
    // As on a file system that makes no difference between the two.
    let home = Home::new();
    let store = home.open();
    put(&store, &name("x"), &login(1, "rt-x"), Expect::Absent);
    fs::copy(home.file("x.record"), home.file("X.record")).unwrap();
    assert_kind(
        &fault_of(store.load_blocking(&name("X"))),
        StoreFaultKind::Denied,
        &["upper and lower case"],
    );
    assert!(home.file("X.record").exists());
}

#[test]
fn a_newer_record_is_left_alone_by_every_call() {
    let home = Home::new();
    let store = home.open();
    let record = login(1, "rt-1");
    put(&store, &name("x"), &record, Expect::Absent);
    let newer = newer_of(&fs::read(home.file("x.record")).unwrap());
    fs::write(home.file("x.record"), &newer).unwrap();

    let x = name("x");
    let what = format!("format {}", RECORD_FORMAT + 1);
    assert_kind(&fault_of(store.load_blocking(&x)), StoreFaultKind::NewerFormat, &[&what, "upgrade"]);
    for fault in [
        write_fault(store.mark_blocking(&x, &record, &fence(&record, None))),
        write_fault(store.commit_blocking(&x, &record, &fence(&record, None))),
        write_fault(store.put_blocking(&x, &record, Expect::Absent)),
        write_fault(store.put_blocking(&x, &record, version(&record))),
    ] {
        assert_eq!(fault.kind, StoreFaultKind::NewerFormat);
    }
    assert_eq!(fs::read(home.file("x.record")).unwrap(), newer);
    let nobody = store.holder_of_blocking(&"rt-1".into(), None).unwrap();
    assert_eq!(nobody, None, "it cannot be asked, and does not stop an import");
}

#[test]
fn what_the_first_layout_says_is_written_in_it_and_what_it_cannot_say_is_not() {
    type Change = fn(&mut renewd_core::Record);
    let changes: [(u8, Change); 9] = [
        (1, |_| {}),
        (1, |r| r.settings.client_secret = Some("s".into())),
        (1, |r| r.grant.access[0].key.resource = Some("https://api.example".into())),
        (2, |r| r.settings.grant_type = renewd_core::GrantType::ClientCredentials),
        (2, |r| r.settings.dpop_key = Some("{}".into())),
        (2, |r| r.settings.client_key = full().settings.client_key),
        (2, |r| r.settings.audience = Some("api".into())),
        (2, |r| r.settings.registration = full().settings.registration),
        (2, |r| r.grant.access[0].key.audience = Some("api".into())),
    ];
    for (at, (format, change)) in changes.into_iter().enumerate() {
        let home = Home::new();
        let store = home.open();
        let x = name("x");
        let mut record = login(1, "rt-1");
        change(&mut record);
        record.format = 1;
        store.put_blocking(&x, &record, Expect::Absent).ok().expect("a first record is written");
        let file = fs::read(home.file("x.record")).unwrap();
        assert_eq!(file[8..12], [format, 0, 0, 0], "change {at}");
        let Loaded::Record(read) = store.load_blocking(&x) else { panic!("change {at} is not read") };
        assert_eq!((read.format, read.layout()), (u32::from(format), u32::from(format)), "change {at}");
    }
}

/// What a later version may write: the first 32 bytes keep their meaning, nothing else need.
pub(crate) fn newer_of(file: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let mut newer = file[..32].to_vec();
    newer[8..12].copy_from_slice(&(RECORD_FORMAT + 1).to_le_bytes());
    let check = sha2::Sha256::digest(&newer[..28]);
    newer[28..].copy_from_slice(&check[..4]);
    newer.extend_from_slice(b"a body of another time");
    newer
}

#[test]
fn a_restored_backup_is_recognised_until_it_proved_itself() {
    let home = Home::new();
    let store = home.open();
    let x = name("x");
    let first = login(1, "rt-1");
    put(&store, &x, &first, Expect::Absent);
    let backup = fs::read(home.file("x.record")).unwrap();
    let second = refreshed(&first, "rt-2");
    store.commit_blocking(&x, &second, &fence(&first, None)).ok().unwrap();
    fs::write(home.file("x.record"), backup).unwrap();

    for store in [&store, &home.open()] {
        match store.load_blocking(&x) {
            Loaded::RolledBack { record, greatest } => {
                assert_eq!((record.version(), greatest), ((1, 0), (1, 1)));
            }
            other => panic!("{}", kind_of(&other)),
        }
    }
    // An intent over it proves nothing.
    store.mark_blocking(&x, &intending(&first, 7), &fence(&first, None)).ok().unwrap();
    assert!(matches!(store.load_blocking(&x), Loaded::RolledBack { .. }));
    // A success does; the core counts from the greatest on.
    let mut proved = refreshed(&first, "rt-3");
    proved.generation = 2;
    store.commit_blocking(&x, &proved, &fence(&first, Some(7))).ok().unwrap();
    assert_eq!(record_of(store.load_blocking(&x)).version(), (1, 2));
}

#[test]
fn a_process_that_still_holds_the_newest_may_write_it_over_a_restored_backup() {
    let home = Home::new();
    let store = home.open();
    let x = name("x");
    let first = login(1, "rt-1");
    put(&store, &x, &first, Expect::Absent);
    let backup = fs::read(home.file("x.record")).unwrap();
    let second = refreshed(&first, "rt-2");
    store.commit_blocking(&x, &second, &fence(&first, None)).ok().unwrap();
    fs::write(home.file("x.record"), backup).unwrap();
    store.commit_blocking(&x, &second, &fence(&first, None)).ok().unwrap();
    assert_eq!(record_of(store.load_blocking(&x)).version(), (1, 1));
}

#[test]
fn a_login_over_a_restored_backup_begins_above_what_was_lost() {
    let home = Home::new();
    let store = home.open();
    let x = name("x");
    let first = login(1, "rt-1");
    put(&store, &x, &first, Expect::Absent);
    let backup = fs::read(home.file("x.record")).unwrap();
    put(&store, &x, &login(5, "rt-5"), version(&first));
    fs::write(home.file("x.record"), backup).unwrap();
    put(&store, &x, &login(2, "rt-2"), version(&first));
    assert_eq!(record_of(store.load_blocking(&x)).version(), (6, 0));
}

#[test]
fn a_mark_that_is_missing_or_damaged_is_written_anew_and_never_lowered() {
    let home = Home::new();
    let store = home.open();
    let x = name("x");
    let first = login(3, "rt-1");
    put(&store, &x, &first, Expect::Absent);
    let good = fs::read(home.file("x.mark")).unwrap();
    let same_version = |bytes: Vec<u8>| bytes[..64] == good[..64];

    fs::remove_file(home.file("x.mark")).unwrap();
    assert_eq!(record_of(store.load_blocking(&x)).version(), (3, 0));
    assert!(same_version(fs::read(home.file("x.mark")).unwrap()));

    fs::write(home.file("x.mark"), b"damage").unwrap();
    assert_eq!(record_of(store.load_blocking(&x)).version(), (3, 0));
    assert!(same_version(fs::read(home.file("x.mark")).unwrap()));

    // An older mark, as a crash between record and mark leaves it.
    put(&store, &x, &first.tombstone(Now::default()), version(&first));
    fs::write(home.file("x.mark"), &good).unwrap();
    assert_eq!(record_of(store.load_blocking(&x)).version(), (4, 0));
    assert!(!same_version(fs::read(home.file("x.mark")).unwrap()), "raised");

    // A damaged mark says at least that there was a record.
    fs::write(home.file("x.mark"), b"damage").unwrap();
    fs::remove_file(home.file("x.record")).unwrap();
    assert_eq!(fault_of(store.load_blocking(&x)).kind, StoreFaultKind::Damaged);
}

#[test]
fn a_record_that_cannot_be_set_aside_is_damaged_all_the_same() {
    let home = Home::new();
    let store = home.open();
    let x = name("x");
    put(&store, &x, &login(1, "rt-1"), Expect::Absent);
    fs::write(home.file("x.record"), b"damage").unwrap();
    // Another process is writing: the record is left to it.
    let held = fs::File::options().read(true).write(true).open(home.file("x.write")).unwrap();
    held.try_lock().unwrap();
    assert_kind(&fault_of(store.load_blocking(&x)), StoreFaultKind::Damaged, &["x.record"]);
    assert!(home.file("x.record").exists());
    drop(held);
    assert_kind(&fault_of(store.load_blocking(&x)), StoreFaultKind::Damaged, &["x.damaged-1"]);
}
