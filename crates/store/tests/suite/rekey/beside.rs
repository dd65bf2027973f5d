//! Another key while other processes have the store open.

use super::*;

#[test]
fn a_process_that_has_the_store_open_seals_with_the_new_key_from_then_on() {
    let keyed = Keyed::new();
    let running = keyed.open_with("file");
    fill(&running);
    assert!(keyed.rekey(Some("keyring")).unwrap().is_finished());
    // It has read nothing since.
    let open = record_of(running.load_blocking(&name("open")));
    let after = refreshed(&open, "rt-5");
    assert!(running.commit_blocking(&name("open"), &after, &fence(&open, Some(8))).is_ok());
    put(&running, &name("new"), &login(1, "rt-6"), Expect::Absent);
    assert_eq!(sealing_keys(&keyed.home.state().join("credentials")).len(), 1);
    let found = keyed.open().holder_of_blocking(&Secret::from("rt-4"), None).unwrap();
    assert_eq!(found, Some(name("open")), "what it spent is known by the digests of before");
}

#[test]
fn the_new_key_is_fetched_from_the_keyring_off_the_event_loop() {
    let keyed = Keyed::new();
    let running = keyed.open_with("file");
    fill(&running);
    assert!(keyed.rekey(Some("keyring")).unwrap().is_finished());
    let event_loop = std::thread::current().id();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    keyed.keyring.plan(move |_, _, _| {
        told.lock().unwrap().push(std::thread::current().id());
        KeyringFate::Done
    });
    let loaded = crate::contract::now(renewd_driver::CredentialStore::load(&running, &name("refreshed")));
    assert_eq!(record_of(loaded).version(), (1, 1));
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty() && !asked.contains(&event_loop), "{asked:?}");
}

#[test]
fn a_process_that_cannot_get_the_new_key_fails_before_it_spends_and_says_why() {
    let keyed = Keyed::new();
    let mut options = keyed.options();
    options.key = KeyChoice::Source(keyed.source("file"));
    options.keyring = None;
    let running = FileStore::open(options).unwrap();
    fill(&running);
    let open = record_of(running.load_blocking(&name("refreshed")));
    assert!(keyed.rekey(Some("keyring")).unwrap().is_finished());
    let claim = running.try_claim_blocking(&name("refreshed")).unwrap();
    let marked = running.mark_blocking(&name("refreshed"), &intending(&open, 9), &fence(&open, None));
    let Err(CommitFailure::Fault(fault)) = marked else { panic!("it announced a request") };
    let words = ["sealed with a new key (keyring)", "start it anew", "nothing was sent"];
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &words);
    let Loaded::Fault(fault) = running.load_blocking(&name("refreshed")) else { panic!("it read on") };
    assert_kind(&fault, StoreFaultKind::KeyUnavailable, &["sealed with a new key (keyring)"]);
    assert!(running.put_blocking(&name("new"), &login(1, "rt-7"), Expect::Absent).is_err());
    drop(claim);
    assert_eq!(record_of(keyed.open().load_blocking(&name("refreshed"))).version(), open.version());
}

#[test]
fn an_answer_that_is_on_its_way_is_waited_for_and_saved_even_by_a_process_without_the_new_key() {
    let keyed = Keyed::new();
    let mut options = keyed.options();
    options.key = KeyChoice::Source(keyed.source("file"));
    options.keyring = None;
    let running = FileStore::open(options).unwrap();
    fill(&running);
    let open = record_of(running.load_blocking(&name("refreshed")));
    let claim = running.try_claim_blocking(&name("refreshed")).unwrap();
    assert!(running.mark_blocking(&name("refreshed"), &intending(&open, 9), &fence(&open, None)).is_ok());

    let mut request = RekeyRequest::new(Some(keyed.source("keyring")));
    request.patience = std::time::Duration::ZERO;
    let done = rekey(keyed.options(), &request).unwrap();
    assert!(
        matches!(&done.waiting[..], [w] if w.name == name("refreshed") && w.why.contains("refreshing")),
        "{done:?}"
    );
    // The answer is here. Its token exists nowhere else.
    let after = refreshed(&open, "rt-9");
    assert!(running.commit_blocking(&name("refreshed"), &after, &fence(&open, Some(9))).is_ok());
    drop(claim);
    // The next request is not announced any more.
    let claim = running.try_claim_blocking(&name("refreshed")).unwrap();
    let marked = running.mark_blocking(&name("refreshed"), &intending(&after, 10), &fence(&after, None));
    assert!(matches!(marked, Err(CommitFailure::Fault(_))));
    drop(claim);
    assert!(keyed.rekey(None).unwrap().is_finished());
    assert_eq!(record_of(keyed.open().load_blocking(&name("refreshed"))).version(), (1, 2));
}

#[test]
fn of_two_at_once_one_is_told_to_wait() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    let told = Arc::new(Mutex::new(None));
    let mut request = RekeyRequest::new(Some(keyed.source("keyring")));
    let (options, second) = (keyed.options(), Arc::clone(&told));
    request.progress = Some(Arc::new(move |done, _| {
        if done == 2 {
            *second.lock().unwrap() = rekey(options.clone(), &RekeyRequest::new(None)).err();
        }
    }));
    assert!(rekey(keyed.options(), &request).unwrap().is_finished());
    let told = told.lock().unwrap().take().unwrap();
    assert!(told.to_string().contains("another process seals"), "{told}");
    assert_eq!(keyed.remembered().current.setting, "keyring");
}

#[test]
fn refreshes_go_on_while_the_key_is_replaced_again_and_again() {
    let keyed = Keyed::new();
    fill(&keyed.open_with("file"));
    put(&keyed.open(), &name("busy"), &login(1, "rt-0"), Expect::Absent);
    let stop = AtomicBool::new(false);
    let refreshes = std::thread::scope(|scope| {
        let refresher = scope.spawn(|| {
            let store = keyed.open();
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) || n < 20 {
                let Some(claim) = store.try_claim_blocking(&name("busy")).unwrap() else {
                    std::thread::yield_now();
                    continue;
                };
                let before = record_of(store.load_blocking(&name("busy")));
                assert_eq!(before.generation, n, "a refresh was lost");
                n += 1;
                let attempt = u128::from(n);
                let marked =
                    store.mark_blocking(&name("busy"), &intending(&before, attempt), &fence(&before, None));
                assert!(marked.is_ok(), "refresh {n}");
                let after = refreshed(&before, &format!("rt-{n}"));
                let saved = store.commit_blocking(&name("busy"), &after, &fence(&before, Some(attempt)));
                assert!(saved.is_ok(), "refresh {n}");
                drop(claim);
                // Nobody refreshes without a pause, and whoever waits for the claim gets it in one.
                std::thread::park_timeout(std::time::Duration::from_millis(30));
            }
            n
        });
        for to in ["keyring", "file", "file", "passphrase", "keyring", "keyring"] {
            let done = keyed.rekey(Some(to)).unwrap();
            assert!(done.is_finished(), "{to}: {done:?}");
        }
        stop.store(true, Ordering::Relaxed);
        refresher.join().unwrap()
    });
    let store = keyed.open();
    assert_eq!(record_of(store.load_blocking(&name("busy"))).generation, refreshes);
    assert_eq!(sealing_keys(&keyed.home.state().join("credentials")).len(), 1);
}
