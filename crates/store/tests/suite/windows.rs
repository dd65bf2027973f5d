//! What Windows does differently: a file that somebody has open is in the way.

use std::os::windows::fs::OpenOptionsExt as _;
use std::sync::mpsc;
use std::time::Duration;

use renewd_driver::Expect;
use renewd_store::FileStore;

use crate::contract::{fence, name, record_of, refreshed};
use crate::records::login;

#[test]
fn a_program_that_has_the_record_open_for_a_moment_holds_up_the_commit_and_does_not_fail_it() {
    let temp = tempfile::tempdir().unwrap();
    let store = FileStore::open(crate::contract::with_key_file(temp.path().join("state"))).unwrap();
    let (x, first) = (name("x"), login(1, "rt-1"));
    assert!(store.put_blocking(&x, &first, Expect::Absent).is_ok());
    let record = temp.path().join("state").join("credentials").join("x.record");
    // As a virus scanner does: nothing is shared, not even renaming.
    let scanner = std::fs::OpenOptions::new().read(true).share_mode(0).open(record).unwrap();
    let (done, told) = mpsc::channel::<()>();
    let scanning = std::thread::spawn(move || {
        let _ = told.recv_timeout(Duration::from_millis(400));
        drop(scanner);
    });
    let second = refreshed(&first, "rt-2");
    assert!(store.commit_blocking(&x, &second, &fence(&first, None)).is_ok());
    drop(done);
    scanning.join().unwrap();
    assert_eq!(record_of(store.load_blocking(&x)).version(), (1, 1));
}

#[test]
fn a_claim_whose_file_was_replaced_is_not_taken_for_the_claim() {
    let temp = tempfile::tempdir().unwrap();
    let store = FileStore::open(crate::contract::with_key_file(temp.path().join("state"))).unwrap();
    let (x, first) = (name("x"), login(1, "rt-1"));
    assert!(store.put_blocking(&x, &first, Expect::Absent).is_ok());
    let held = store.try_claim_blocking(&x).unwrap();
    assert!(held.is_some());
    assert!(store.mark_blocking(&x, &first, &fence(&first, None)).is_ok());
    let folder = temp.path().join("state").join("credentials");
    std::fs::rename(folder.join("x.claim"), folder.join("moved")).unwrap();
    std::fs::write(folder.join("x.claim"), "").unwrap();
    assert!(store.mark_blocking(&x, &first, &fence(&first, None)).is_err());
}
