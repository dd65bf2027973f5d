//! Records in a keyring: what lies there, and what becomes of a keyring that loses, mixes or forgets.

use renewd_core::{CommitFailure, Loaded, Now, Record, Secret, StoreFault, StoreFaultKind};
use renewd_driver::keyring::KeyringErrorKind;
use renewd_driver::testing::{KeyringCall, KeyringFate};
use renewd_driver::{CredentialStore as _, Expect};
use renewd_store::{FileStore, KeyChoice, KeyFile, KeySource, StoreError, StoreKind};

use crate::contract::{fence, intending, kind_of, name, now, record_of, refreshed, version};
use crate::keyring_home::{BIG, KeyringHome, SMALL, TINY};
use crate::records::login;

const SIZES: [usize; 3] = [BIG, SMALL, TINY];

fn fault_of(loaded: Loaded) -> StoreFault {
    match loaded {
        Loaded::Fault(fault) => fault,
        other => panic!("no fault but {}", kind_of(&other)),
    }
}

fn write_fault(outcome: Result<(), CommitFailure>) -> StoreFault {
    match outcome {
        Err(CommitFailure::Fault(fault)) => fault,
        Err(CommitFailure::Fenced(loaded)) => panic!("fenced by {}", kind_of(&loaded)),
        Ok(()) => panic!("written"),
    }
}

/// A record of several thousand bytes.
fn large(epoch: u64, refresh_token: &str) -> Record {
    let mut record = login(epoch, refresh_token);
    record.grant.id_token = Some("i".repeat(9_000).into());
    record
}

fn put(store: &FileStore, record: &Record, expect: Expect) {
    assert!(store.put_blocking(&name("x"), record, expect).is_ok());
}

/// One refresh, as the loop makes it.
fn refresh(store: &FileStore, attempt: u128) -> Result<Record, CommitFailure> {
    let x = name("x");
    let claim = store.try_claim_blocking(&x).map_err(CommitFailure::Fault)?;
    assert!(claim.is_some());
    let before = record_of(store.load_blocking(&x));
    store.mark_blocking(&x, &intending(&before, attempt), &fence(&before, None))?;
    let after = refreshed(&before, &format!("rt-{attempt}"));
    store.commit_blocking(&x, &after, &fence(&before, Some(attempt)))?;
    Ok(after)
}

// rfc-test: 6749-10.3 6749-10.4
#[test]
fn what_a_keyring_shows_names_nobody_and_what_it_holds_is_sealed() {
    for size in SIZES {
        let home = KeyringHome::new(size);
        let store = home.open();
        let mut record = large(1, "rt-of-somebody");
        record.identity.issuer = Some("https://issuer.example".into());
        assert!(store.put_blocking(&name("work-of-somebody"), &record, Expect::Absent).is_ok());
        assert_eq!(home.parts().is_empty(), size == BIG, "{size}");
        for (item, value) in home.keyring.items() {
            for told in ["somebody", "issuer", "example", "client"] {
                assert!(!item.as_str().contains(told), "{item}");
                let held = value.expose().windows(told.len()).any(|window| window == told.as_bytes());
                assert!(!held || told == "somebody", "{item} holds {told:?}");
            }
            assert!(!value.expose().windows(5).any(|window| window == b"rt-of"), "{item}");
        }
        assert!(!home.files().iter().any(|file| file.ends_with(".record")), "{:?}", home.files());
    }
}

#[test]
fn a_record_that_fits_takes_one_write_and_a_larger_one_switches_between_two_sets_of_parts() {
    let home = KeyringHome::new(BIG);
    let store = home.open();
    put(&store, &large(1, "rt-0"), Expect::Absent);
    refresh(&store, 1).unwrap_or_else(|_| panic!("a good keyring"));
    assert_eq!((home.items().len(), home.parts().len()), (1, 0));

    let home = KeyringHome::new(SMALL);
    let store = home.open();
    put(&store, &large(1, "rt-0"), Expect::Absent);
    let sets = |home: &KeyringHome| {
        let last =
            |part: &renewd_driver::keyring::ItemName| part.as_str().rsplit('/').next().unwrap().to_owned();
        home.parts().iter().map(last).collect::<Vec<_>>()
    };
    assert_eq!(sets(&home), ["a0", "a1", "a2", "a3", "a4", "a5"]);
    assert!(
        store
            .mark_blocking(&name("x"), &intending(&large(1, "rt-0"), 7), &fence(&large(1, "rt-0"), None))
            .is_ok()
    );
    assert_eq!(sets(&home), ["b0", "b1", "b2", "b3", "b4", "b5"], "the old parts are gone");
    // A logout leaves what fits into one item, and nothing of the tokens.
    let stands = record_of(store.load_blocking(&name("x")));
    put(&store, &stands.tombstone(Now::default()), version(&stands));
    assert_eq!(sets(&home), Vec::<String>::new());
}

#[test]
fn parts_that_are_missing_swapped_or_changed_are_damage_that_is_set_aside_whole() {
    let x = name("x");
    for broken in ["missing", "swapped", "changed", "longer", "index", "index cut"] {
        let home = KeyringHome::new(SMALL);
        let store = home.open();
        put(&store, &large(1, "rt-0"), Expect::Absent);
        let (parts, index) = (home.parts(), home.index());
        let held = home.keyring.items();
        let changed = |item: &renewd_driver::keyring::ItemName, at: usize| {
            let mut bytes = held[item].expose().to_vec();
            bytes[at] ^= 1;
            Some(Secret::new(bytes))
        };
        match broken {
            "missing" => home.keyring.meddle(&parts[1], None),
            "swapped" => {
                home.keyring.meddle(&parts[1], Some(held[&parts[2]].clone()));
                home.keyring.meddle(&parts[2], Some(held[&parts[1]].clone()));
            }
            "changed" => home.keyring.meddle(&parts[2], changed(&parts[2], 100)),
            "longer" => home.keyring.meddle(&parts[2], Some(Secret::new(vec![7; 100_000]))),
            "index" => home.keyring.meddle(&index, changed(&index, 20)),
            _ => home.keyring.meddle(&index, Some(Secret::new(held[&index].expose()[..40].to_vec()))),
        }
        let first = fault_of(store.load_blocking(&x));
        assert_eq!(first.kind, StoreFaultKind::Damaged, "{broken}: {}", first.message);
        assert!(first.message.contains("x.damaged-1"), "{broken}: {}", first.message);
        // Whoever comes later, here or elsewhere, learns as much.
        for reader in [&store, &home.open()] {
            assert_eq!(fault_of(reader.load_blocking(&x)), first, "{broken}");
            assert_eq!(reader.list_blocking().unwrap(), std::slice::from_ref(&x), "{broken}");
        }
        // All that was there is in the file, and nothing is left in the keyring.
        let aside = std::fs::read(home.file("x.damaged-1")).unwrap();
        for part in parts.iter().filter(|part| broken != "missing" || **part != parts[1]) {
            let value = held[part].expose();
            let kept = aside.windows(value.len()).any(|window| window == value);
            let meddled_with = matches!(broken, "changed" | "longer") && *part == parts[2];
            assert!(kept || meddled_with, "{broken}: {part}");
        }
        assert_eq!(home.items().len(), 0, "{broken}");
        // A login heals it, above everything that was ever there.
        put(&store, &login(1, "rt-new"), Expect::Absent);
        assert_eq!(record_of(home.open().load_blocking(&x)).version(), (2, 0), "{broken}");
        assert_eq!(home.files().iter().filter(|file| file.contains("damaged")).count(), 1);
    }
}

#[test]
fn another_credentials_record_under_this_ones_name_is_damage() {
    let home = KeyringHome::new(BIG);
    let store = home.open();
    put(&store, &login(1, "rt-x"), Expect::Absent);
    let index = home.index();
    assert!(store.put_blocking(&name("y"), &login(1, "rt-y"), Expect::Absent).is_ok());
    let other = home.items().into_iter().find(|(item, _)| *item != index).unwrap();
    home.keyring.meddle(&index, Some(other.1));
    let fault = fault_of(store.load_blocking(&name("x")));
    assert_eq!(fault.kind, StoreFaultKind::Damaged);
    assert!(fault.message.contains("it is the record of \"y\""), "{}", fault.message);
    assert_eq!(fault_of(store.load_blocking(&name("x"))).kind, StoreFaultKind::Damaged);
    assert_eq!(record_of(store.load_blocking(&name("y"))).version(), (1, 0));
}

#[test]
fn a_keyring_from_which_nothing_can_be_removed_gets_one_file_for_its_damage_not_one_for_each_reader() {
    let home = KeyringHome::new(SMALL);
    let store = home.open();
    put(&store, &large(1, "rt-0"), Expect::Absent);
    home.keyring.meddle(&home.parts()[0], None);
    home.keyring.plan(|_, call, _| match call {
        KeyringCall::Delete => KeyringFate::Fails(KeyringErrorKind::Denied),
        _ => KeyringFate::Done,
    });
    for _ in 0..3 {
        assert_eq!(fault_of(store.load_blocking(&name("x"))).kind, StoreFaultKind::Damaged);
    }
    assert_eq!(home.files().iter().filter(|file| file.contains("damaged")).count(), 1, "{:?}", home.files());
    assert!(!home.items().is_empty());
    home.keyring.heal();
    assert_eq!(fault_of(store.load_blocking(&name("x"))).kind, StoreFaultKind::Damaged);
    assert_eq!(home.items().len(), 0);
}

#[test]
fn an_index_that_vanished_is_not_a_credential_that_nobody_ever_had() {
    for size in SIZES {
        let home = KeyringHome::new(size);
        let store = home.open();
        put(&store, &large(1, "rt-0"), Expect::Absent);
        home.keyring.meddle(&home.index(), None);
        let fault = fault_of(store.load_blocking(&name("x")));
        assert_eq!(fault.kind, StoreFaultKind::Damaged);
        assert!(fault.message.contains("is gone") && fault.message.contains("x.mark"), "{}", fault.message);
        assert_eq!(home.open().list_blocking().unwrap(), [name("x")]);
        // The login that follows leaves no part of what stood there.
        put(&store, &login(1, "rt-1"), Expect::Absent);
        let stands = record_of(store.load_blocking(&name("x")));
        assert_eq!(stands.version(), (2, 0));
        put(&store, &stands.tombstone(Now::default()), version(&stands));
        let few = home.parts().len();
        assert!(few == 0 || size == TINY, "{few} parts are left");
    }
}

#[test]
fn a_keyring_that_answers_with_an_older_record_is_noticed_and_nothing_is_spent_over_it() {
    let x = name("x");
    for size in SIZES {
        let home = KeyringHome::new(size);
        let store = home.open();
        put(&store, &large(1, "rt-0"), Expect::Absent);
        let old = home.keyring.items();
        let second = refresh(&store, 1).unwrap_or_else(|_| panic!("a good keyring"));
        let new = home.keyring.items();
        let restore = |items: &std::collections::BTreeMap<_, Secret>| {
            for item in home.keyring.items().keys() {
                home.keyring.meddle(item, None);
            }
            for (item, value) in items {
                home.keyring.meddle(item, Some(value.clone()));
            }
        };
        restore(&old);
        match store.load_blocking(&x) {
            Loaded::RolledBack { record, greatest } => {
                assert_eq!((record.version(), greatest), ((1, 0), (1, 1)), "{size}");
            }
            other => panic!("{size}: {}", kind_of(&other)),
        }
        let claim = store.try_claim_blocking(&x).unwrap();
        let first = large(1, "rt-0");
        let fault = write_fault(store.mark_blocking(&x, &intending(&first, 2), &fence(&first, None)));
        assert!(fault.message.contains("nothing is spent over it"), "{}", fault.message);
        drop(claim);
        // It answers with the newest again: all goes on.
        restore(&new);
        assert_eq!(record_of(store.load_blocking(&x)).version(), second.version());
        let third = refresh(&store, 3).unwrap_or_else(|_| panic!("{size}: it goes on"));
        // A living process that holds the newest writes it again over an older one; a login replaces it, too.
        restore(&old);
        assert!(store.commit_blocking(&x, &third, &fence(&first, None)).is_ok());
        assert_eq!(record_of(home.open().load_blocking(&x)).version(), third.version());
        restore(&old);
        put(&store, &login(9, "rt-login"), version(&first));
        assert_eq!(record_of(home.open().load_blocking(&x)).version(), (9, 0));
    }
}

#[test]
fn whoever_reads_an_older_record_with_an_intent_of_a_dead_process_does_not_date_it_over_the_newest() {
    let x = name("x");
    let home = KeyringHome::new(BIG);
    let store = home.open();
    let first = login(1, "rt-0");
    put(&store, &first, Expect::Absent);
    let claim = store.try_claim_blocking(&x).unwrap();
    let marked = intending(&first, 7);
    assert!(store.mark_blocking(&x, &marked, &fence(&first, None)).is_ok());
    let index = home.index();
    let old = home.keyring.items()[&index].clone();
    let second = refreshed(&first, "rt-1");
    assert!(store.commit_blocking(&x, &second, &fence(&first, Some(7))).is_ok());
    drop(claim);
    let new = home.keyring.items()[&index].clone();
    home.keyring.meddle(&index, Some(old));
    let other = home.open();
    let Loaded::RolledBack { record, .. } = other.load_blocking(&x) else {
        panic!("an older one was taken for new")
    };
    let mut dated = *record;
    dated.intent.as_mut().unwrap().orphaned = Some(renewd_core::Orphaned {
        boot_id: renewd_core::BootId(1),
        boot: renewd_core::Boot::from_millis(1),
    });
    let fault = write_fault(other.commit_blocking(&x, &dated, &fence(&first, Some(7))));
    assert!(fault.message.contains("nothing is spent over it"), "{}", fault.message);
    // The keyring answers with the newest again, and nothing was written over it.
    home.keyring.meddle(&index, Some(new));
    let stands = record_of(other.load_blocking(&x));
    assert_eq!(stands.version(), (1, 1));
    assert!(stands.grant.refresh_token.unwrap().same_as(b"rt-1"));
}

#[test]
fn an_intent_that_the_keyring_forgot_is_noticed_though_the_version_is_the_same() {
    let x = name("x");
    let home = KeyringHome::new(BIG);
    let store = home.open();
    let first = login(1, "rt-0");
    put(&store, &first, Expect::Absent);
    let without = home.keyring.items();
    let claim = store.try_claim_blocking(&x).unwrap();
    assert!(store.mark_blocking(&x, &intending(&first, 1), &fence(&first, None)).is_ok());
    drop(claim);
    let index = home.index();
    home.keyring.meddle(&index, Some(without[&index].clone()));
    // Another process would spend the refresh token that may be on the wire.
    let other = home.open();
    assert!(matches!(other.load_blocking(&x), Loaded::RolledBack { .. }));
    let fault = write_fault(other.mark_blocking(&x, &intending(&first, 2), &fence(&first, None)));
    assert!(fault.message.contains("older record"), "{}", fault.message);
}

#[test]
fn each_failure_of_a_keyring_is_a_fault_of_the_store_at_every_call_and_never_an_absence() {
    let x = name("x");
    let first = login(1, "rt-0");
    for kind in KeyringErrorKind::ALL {
        let home = KeyringHome::new(SMALL);
        let store = home.open();
        put(&store, &first, Expect::Absent);
        let before = home.keyring.items().len();
        home.keyring.plan(move |_, _, _| KeyringFate::Fails(kind));
        let expected = StoreFault::from(renewd_driver::keyring::KeyringError::new(kind, "")).kind;
        let unknown = name("never-there");
        let faults = [
            fault_of(store.load_blocking(&x)),
            fault_of(store.load_blocking(&unknown)),
            write_fault(store.mark_blocking(&x, &intending(&first, 1), &fence(&first, None))),
            write_fault(store.commit_blocking(&x, &refreshed(&first, "rt-1"), &fence(&first, None))),
            write_fault(store.put_blocking(&x, &first.tombstone(Now::default()), version(&first))),
            write_fault(store.put_blocking(&unknown, &first, Expect::Absent)),
            store.holder_of_blocking(&Secret::from("rt-0"), None).unwrap_err(),
        ];
        for fault in faults {
            assert_eq!(fault.kind, expected, "{}", fault.message);
            assert!(fault.message.contains(kind.name()), "{}", fault.message);
        }
        // What is known from the folder stays known.
        assert!(store.list_blocking().unwrap().contains(&x));
        home.keyring.heal();
        assert_eq!(home.keyring.items().len(), before);
        assert_eq!(record_of(store.load_blocking(&x)).version(), (1, 0), "{kind:?}");
        assert!(matches!(store.load_blocking(&unknown), Loaded::Absent));
        let names = store.list_blocking().unwrap();
        assert_eq!(names, std::slice::from_ref(&x), "a login that failed leaves no name");
    }
}

#[test]
fn a_record_or_its_outcome_that_no_item_could_hold_is_refused_before_anything_is_spent() {
    // 32 bytes: not even the index fits.
    let home = KeyringHome::new(32);
    let Ok(store) = home.try_open() else { return };
    let fault = write_fault(store.put_blocking(&name("x"), &login(1, "rt"), Expect::Absent));
    assert_eq!(fault.kind, StoreFaultKind::Full);
    assert!(fault.message.contains("store.kind = \"file\""), "{}", fault.message);
    assert!(home.items().is_empty());
}

#[test]
fn a_crash_right_after_the_first_write_is_found_by_whoever_lists() {
    for size in SIZES {
        let home = KeyringHome::new(size);
        let store = home.open();
        put(&store, &large(1, "rt-0"), Expect::Absent);
        // As if the process had died before it wrote the mark.
        std::fs::remove_file(home.file("x.mark")).unwrap();
        let next = home.open();
        assert_eq!(next.list_blocking().unwrap(), [name("x")], "{size}");
        assert_eq!(next.holder_of_blocking(&Secret::from("rt-0"), None).unwrap(), Some(name("x")));
        // A reader ends what the dead one began.
        assert_eq!(record_of(next.load_blocking(&name("x"))).version(), (1, 0));
        assert!(home.file("x.mark").exists());
    }
}

#[test]
fn what_a_dead_process_left_of_a_set_is_removed_by_the_next_write_or_reader() {
    let x = name("x");
    for next_is_a_writer in [true, false] {
        let home = KeyringHome::new(TINY);
        let store = home.open();
        let first = login(1, "rt-0");
        put(&store, &first, Expect::Absent);
        let whole = home.parts().len();
        // It dies after seven parts of a larger record, before the index.
        let mut sets = 0;
        home.keyring.plan(move |_, call, _| {
            sets += u32::from(call == KeyringCall::Set);
            if sets > 7 { KeyringFate::Fails(KeyringErrorKind::Failed) } else { KeyringFate::Done }
        });
        assert!(store.commit_blocking(&x, &large(1, "rt-0"), &fence(&first, None)).is_err());
        assert_eq!(home.parts().len(), whole + 7);
        home.keyring.heal();
        let other = home.open();
        let stands = record_of(other.load_blocking(&x));
        assert_eq!(stands.version(), (1, 0));
        if next_is_a_writer {
            assert!(other.put_blocking(&x, &login(2, "rt-1"), version(&stands)).is_ok());
            assert!(home.parts().len() <= whole + 1, "{} parts", home.parts().len());
        } else {
            // The mark is behind: somebody died while he wrote.
            std::fs::remove_file(home.file("x.mark")).unwrap();
            assert_eq!(record_of(other.load_blocking(&x)).version(), (1, 0));
            assert_eq!(home.parts().len(), whole);
        }
    }
}

#[test]
fn a_logout_whose_parts_cannot_be_removed_says_so_and_the_same_call_again_removes_them() {
    let x = name("x");
    let home = KeyringHome::new(SMALL);
    let store = home.open();
    let first = large(1, "rt-0");
    put(&store, &first, Expect::Absent);
    let tombstone = first.tombstone(Now::default());
    home.keyring.plan(|_, call, _| match call {
        KeyringCall::Delete => KeyringFate::Fails(KeyringErrorKind::Locked),
        _ => KeyringFate::Done,
    });
    let fault = write_fault(store.put_blocking(&x, &tombstone, version(&first)));
    assert_eq!(fault.kind, StoreFaultKind::KeyUnavailable);
    assert!(!home.parts().is_empty());
    home.keyring.heal();
    assert!(store.put_blocking(&x, &tombstone, version(&first)).is_ok());
    assert_eq!(home.parts().len(), 0);
    assert_eq!(record_of(store.load_blocking(&x)).version(), (2, 0));
}

#[test]
fn a_reader_beside_a_writer_gets_whole_records_and_never_an_older_one() {
    let x = name("x");
    for size in [SMALL, TINY] {
        let home = KeyringHome::new(size);
        let store = home.open();
        put(&store, &large(1, "rt-0"), Expect::Absent);
        let reader = home.open();
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let until = std::sync::Arc::clone(&done);
        let reading = std::thread::spawn(move || {
            let (mut newest, mut reads) = ((0, 0), 0);
            while !until.load(std::sync::atomic::Ordering::SeqCst) || reads < 5 {
                let seen = record_of(reader.load_blocking(&name("x"))).version();
                assert!(seen >= newest, "{seen:?} after {newest:?}");
                assert_eq!(reader.holder_of_blocking(&Secret::from("never"), None).unwrap(), None);
                (newest, reads) = (seen, reads + 1);
            }
            newest
        });
        for attempt in 0..10 {
            refresh(&store, attempt).unwrap_or_else(|_| panic!("a good keyring"));
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(reading.join().unwrap() <= (1, 10));
        assert_eq!(record_of(store.load_blocking(&x)).version(), (1, 10));
        assert!(!home.files().iter().any(|file| file.contains("damaged")), "{:?}", home.files());
    }
}

#[test]
fn another_process_hears_of_a_record_that_was_written_to_the_keyring() {
    let x = name("x");
    let home = KeyringHome::new(SMALL);
    let (a, b) = (home.open_for_a_loop(), home.open_for_a_loop());
    assert!(now(a.put(&x, &large(1, "rt-0"), Expect::Absent)).is_ok());
    let before = b.fingerprint(&x);
    let Some(mut watch) = b.watch().unwrap() else {
        println!("skipped: this system has no way to watch a folder");
        return;
    };
    let first = record_of(now(b.load(&x)));
    assert!(now(a.commit(&x, &refreshed(&first, "rt-1"), &fence(&first, None))).is_ok());
    let heard = now(std::future::poll_fn(|cx| watch.poll_change(cx)));
    assert!(heard.is_ok());
    assert_ne!(b.fingerprint(&x), before);
    assert!(record_of(now(b.load(&x))).grant.refresh_token.unwrap().same_as(b"rt-1"));
}

#[test]
fn where_case_makes_no_difference_to_files_a_name_of_another_case_is_refused() {
    let home = KeyringHome::new(BIG);
    let store = home.open();
    assert!(store.put_blocking(&name("Work"), &login(1, "rt-1"), Expect::Absent).is_ok());
    // What such a file system does: one file under both names. Where the tests run on one, that is so already.
    if !home.file("work.mark").exists() {
        std::fs::copy(home.file("Work.mark"), home.file("work.mark")).unwrap();
    }
    let fault = fault_of(store.load_blocking(&name("work")));
    assert_eq!(fault.kind, StoreFaultKind::Denied);
    assert!(fault.message.contains("upper and lower case"), "{}", fault.message);
    assert_eq!(write_fault(store.put_blocking(&name("work"), &login(1, "rt-2"), Expect::Absent)), fault);
    assert_eq!(record_of(store.load_blocking(&name("Work"))).version(), (1, 0));
}

/// The cost of a record in a keyring. A change of these numbers is a change of what every refresh waits for.
#[test]
fn a_refresh_costs_these_calls_of_the_keyring() {
    let calls = |size, record: &Record| {
        let home = KeyringHome::new(size);
        let store = home.open();
        put(&store, record, Expect::Absent);
        refresh(&store, 1).unwrap_or_else(|_| panic!("a good keyring"));
        let counts = std::sync::Arc::new(std::sync::Mutex::new((0, 0, 0)));
        let told = std::sync::Arc::clone(&counts);
        home.keyring.plan(move |_, call, _| {
            let mut counts = told.lock().unwrap();
            match call {
                KeyringCall::Get => counts.0 += 1,
                KeyringCall::Set => counts.1 += 1,
                KeyringCall::Delete => counts.2 += 1,
                _ => {}
            }
            KeyringFate::Done
        });
        refresh(&store, 2).unwrap_or_else(|_| panic!("a good keyring"));
        let (gets, sets, deletes) = *counts.lock().unwrap();
        (gets, sets, deletes)
    };
    // Read under the claim, and before the intent and the outcome are written; each of them written.
    assert_eq!(calls(BIG, &login(1, "rt-0")), (3, 2, 0));
    // The same where a larger record would have parts: a look at both sets after each write.
    assert_eq!(calls(64 * 1024, &login(1, "rt-0")), (3 + 4, 2, 0));
    // Six parts: read three times, written twice, and twice those before them removed.
    let six = large(1, "rt-0");
    assert_eq!(calls(SMALL, &six), (3 * 7 + 4, 2 * 7, 2 * 6));
}

#[test]
fn a_store_toml_that_vanished_is_no_reason_to_look_for_the_records_in_files() {
    let home = KeyringHome::new(SMALL);
    put(&home.open(), &large(1, "rt-0"), Expect::Absent);
    let store_toml = home.file("store.toml");
    let backup = store_toml.with_extension("backup");
    std::fs::rename(&store_toml, &backup).unwrap();
    let mut options = home.options();
    options.kind = None;
    let error = FileStore::open(options.clone()).err().unwrap();
    assert!(
        matches!(&error, StoreError::Fault(fault) if fault.message.contains("may lie in a keyring")),
        "{error}"
    );
    assert!(!store_toml.exists(), "nothing was made up");

    std::fs::rename(&backup, &store_toml).unwrap();
    let found = FileStore::open(options.clone()).unwrap().load_blocking(&name("x"));
    assert_eq!(record_of(found).version(), (1, 0));

    // Who gives the logins up says so.
    std::fs::remove_file(&store_toml).unwrap();
    options.kind = Some(StoreKind::File);
    assert!(FileStore::open(options).is_ok());
}

#[test]
fn a_setting_that_has_the_key_of_records_in_a_keyring_elsewhere_is_not_told_to_seal_them_anew() {
    let home = KeyringHome::new(SMALL);
    drop(home.open());
    let mut options = home.options();
    options.key = KeyChoice::Source(KeySource::File(KeyFile::in_state_dir(&options.state_dir)));
    let error = FileStore::open(options).err().unwrap();
    assert!(matches!(&error, StoreError::Setting(_)), "{error}");
    assert!(
        error.to_string().contains("remove store.key") && !error.to_string().contains("rekey"),
        "{error}"
    );
}
