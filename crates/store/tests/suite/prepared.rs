//! What is kept for a login before there is a grant: what every crash, every failing step and every damage leaves of it.

use std::path::Path;

use renewd_core::{Loaded, Registration, Secret, SigningKey, StoreFaultKind, Wall};
use renewd_driver::{Expect, Prepared, PreparedClient, PreparedFor};
use renewd_store::testing::{Fate, SimDisk};
use renewd_store::{Effect, Faulty, FileStore, MemoryStore, StoreCall};

use crate::contract::{name, now, record_of, version};
use crate::records::login;

const FOLDER: &str = "/state/credentials";

/// A server.
pub(crate) fn at(server: &str) -> PreparedFor {
    PreparedFor {
        issuer: Some(format!("https://{server}.example")),
        token_endpoint: format!("https://{server}.example/token"),
    }
}

/// Nothing prepared for it yet.
fn empty(server: &str) -> Prepared {
    Prepared::new(at(server), Wall::from_unix_millis(1_700_000_000_000))
}

/// A key that tokens will be bound to.
pub(crate) fn key_of(server: &str, key: &str) -> Prepared {
    let mut prepared = empty(server);
    prepared.dpop_key = Some(Secret::from(key));
    prepared
}

/// A client that was registered there.
pub(crate) fn client_of(server: &str, id: &str) -> Prepared {
    let registration = Registration {
        endpoint: format!("https://{server}.example/register"),
        at: Wall::from_unix_millis(1_700_000_000_001),
        secret_expires: Some(Wall::from_unix_millis(1_800_000_000_000)),
        client_uri: Some(format!("https://{server}.example/register/{id}")),
        access_token: Some(Secret::from(format!("manage-{id}"))),
    };
    let mut client = PreparedClient::new(id, registration);
    client.secret = Some(Secret::from(format!("secret-of-{id}")));
    client.auth = Some("basic".into());
    client.redirect_uris = vec!["http://127.0.0.1/callback".into()];
    let mut prepared = empty(server);
    prepared.client = Some(client);
    prepared
}

/// With every field set.
pub(crate) fn whole(server: &str) -> Prepared {
    let mut prepared = client_of(server, "c-1");
    prepared.dpop_key = Some(Secret::from("dpop-\u{1F600}\"\\"));
    prepared.client_key = Some(SigningKey {
        material: Secret::new(vec![0, 255, 10]),
        key_id: Some("kid".into()),
        algorithm: Some("ES256".into()),
    });
    prepared
}

/// All of it, secrets included, to compare.
pub(crate) fn described(prepared: &Prepared) -> String {
    let bytes = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_vec());
    let key = prepared
        .client_key
        .as_ref()
        .map(|key| (key.material.expose().to_vec(), key.key_id.clone(), key.algorithm.clone()));
    let client = prepared.client.as_ref().map(|client| {
        let Registration { endpoint, at, secret_expires, client_uri, access_token } = &client.registration;
        let registration = (endpoint, at, secret_expires, client_uri, bytes(access_token));
        format!(
            "{:?}",
            (&client.id, bytes(&client.secret), &client.auth, &client.redirect_uris, registration)
        )
    });
    format!("{:?}", (&prepared.server, prepared.at, bytes(&prepared.dpop_key), key, client))
}

fn key_in(store: &FileStore, at: &PreparedFor) -> Option<String> {
    let found = store.prepared_blocking(&name("x"), at).unwrap_or_else(|fault| panic!("{}", fault.message));
    found.and_then(|found| found.dpop_key).map(|key| key.expose_str().unwrap().to_owned())
}

/// Two things are prepared and a login is saved; how far that came.
fn go_through(store: &FileStore) -> u32 {
    let x = name("x");
    let steps: [&dyn Fn() -> bool; 3] = [
        &|| store.prepare_blocking(&x, &key_of("one", "k-1")).is_ok(),
        &|| store.prepare_blocking(&x, &client_of("one", "c-1")).is_ok(),
        &|| store.put_blocking(&x, &login(1, "rt-1"), Expect::Absent).is_ok(),
    ];
    steps.iter().take_while(|step| step()).map(|_| 1).sum()
}

fn operations() -> u64 {
    let disk = SimDisk::new(0);
    let store = disk.process().open().unwrap();
    let before = disk.counts();
    assert_eq!(go_through(&store), 3);
    disk.counts().since(&before).all()
}

/// What stands after so many acknowledged steps; the step that was under way may stand or not.
fn judge(disk: &SimDisk, reached: u32, told: &str) {
    let store = disk.process().open().unwrap_or_else(|error| panic!("{told}: {error}"));
    let found = store.prepared_blocking(&name("x"), &at("one"));
    let found = found.unwrap_or_else(|fault| panic!("{told}: {}", fault.message));
    let has_key = found.as_ref().is_some_and(|found| found.dpop_key.is_some());
    let has_client = found.is_some_and(|found| found.client.is_some());
    let logged_in = matches!(store.load_blocking(&name("x")), Loaded::Record(_));
    assert!(reached < 1 || has_key || logged_in, "{told}: the key is gone");
    assert!(reached < 2 || has_client || logged_in, "{told}: the registration is gone");
    assert!(reached < 3 || logged_in, "{told}: the login is gone");
    // A login goes on from there, and takes everything with it.
    let expect = match store.load_blocking(&name("x")) {
        Loaded::Record(record) => version(&record),
        _ => Expect::Absent,
    };
    assert!(store.put_blocking(&name("x"), &login(2, "rt-2"), expect).is_ok(), "{told}");
    let left: Vec<_> =
        disk.names(Path::new(FOLDER)).into_iter().filter(|file| file.contains("prepared")).collect();
    assert!(left.is_empty(), "{told}: {left:?}");
}

#[test]
fn killed_or_cut_off_at_any_operation_what_was_acknowledged_is_kept_until_the_login_is() {
    let all = operations();
    assert!(all > 40, "only {all} operations");
    for n in 1..=all {
        for fate in 0..4 {
            let disk = SimDisk::new(n);
            let process = disk.process();
            let store = process.open().unwrap();
            process.at_operation(n, if fate == 0 { Fate::Kill } else { Fate::PowerCut(fate) });
            let reached = go_through(&store);
            assert!(!process.is_alive(), "operation {n} of {all} was not reached");
            judge(&disk, reached, &format!("operation {n}, fate {fate}"));
        }
    }
}

#[test]
fn killed_at_any_operation_of_a_logout_nothing_prepared_lies_behind_the_tombstone() {
    let mut ended = 0;
    for n in 1.. {
        let disk = SimDisk::new(n);
        let process = disk.process();
        let store = process.open().unwrap();
        assert!(store.put_blocking(&name("x"), &login(1, "rt-1"), Expect::Absent).is_ok());
        store.prepare_blocking(&name("x"), &whole("one")).unwrap();
        let first = record_of(store.load_blocking(&name("x")));
        let over = version(&first);
        process.at_operation(n, Fate::PowerCut(n));
        let tombstone = first.tombstone(renewd_core::Now::default());
        let _ = store.put_blocking(&name("x"), &tombstone, over);
        let lived = process.is_alive();
        let store = disk.process().open().unwrap();
        if record_of(store.load_blocking(&name("x"))).epoch == 2 {
            ended += 1;
            let left = store.prepared_blocking(&name("x"), &at("one")).unwrap();
            assert!(left.is_none(), "operation {n}: it lies behind a tombstone");
        }
        if lived {
            break;
        }
    }
    assert!(ended > 3, "only {ended} tombstones stood");
}

#[test]
fn a_step_that_fails_leaves_what_was_kept_before() {
    let disk = SimDisk::new(1);
    let store = disk.process().open().unwrap();
    store.prepare_blocking(&name("x"), &key_of("one", "k-1")).unwrap();
    disk.fail_syncs(1);
    assert!(store.prepare_blocking(&name("x"), &client_of("one", "c-1")).is_err());
    assert_eq!(key_in(&store, &at("one")).as_deref(), Some("k-1"));
    assert!(store.prepare_blocking(&name("x"), &client_of("one", "c-1")).is_ok());
    assert_eq!(key_in(&store, &at("one")).as_deref(), Some("k-1"));
}

#[test]
fn a_faulty_store_fails_these_calls_too_with_and_without_their_effect() {
    use renewd_driver::CredentialStore as _;
    let store = Faulty::new(MemoryStore::new());
    let x = name("x");
    store.fail_nth(Some(StoreCall::Prepare), 1, StoreFaultKind::Full, Effect::None);
    assert_eq!(now(store.prepare(&x, &key_of("one", "k"))).err().unwrap().kind, StoreFaultKind::Full);
    assert!(now(store.prepared(&x, &at("one"))).unwrap().is_none());
    store.fail_nth(Some(StoreCall::Prepare), 1, StoreFaultKind::Io, Effect::Done);
    assert!(now(store.prepare(&x, &key_of("one", "k"))).is_err());
    store.fail_nth(Some(StoreCall::Prepared), 1, StoreFaultKind::Damaged, Effect::None);
    assert!(now(store.prepared(&x, &at("one"))).is_err());
    assert!(now(store.prepared(&x, &at("one"))).unwrap().is_some());
    store.fail_nth(Some(StoreCall::ForgetPrepared), 1, StoreFaultKind::Io, Effect::None);
    assert!(now(store.forget_prepared(&x, None)).is_err());
    assert!(now(store.forget_prepared(&x, None)).is_ok() && store.waiting() == 0);
}

#[cfg(unix)]
mod on_a_real_disk {
    use super::*;
    use crate::home::{Home, mode_of, put};

    #[test]
    fn it_lies_sealed_in_a_file_of_its_owners_alone_and_leaves_nothing_when_it_is_gone() {
        let home = Home::new();
        let store = home.open();
        store.prepare_blocking(&name("x"), &whole("one")).unwrap();
        let file = home.file("x.prepared");
        assert_eq!(mode_of(&file), 0o600);
        let bytes = std::fs::read(&file).unwrap();
        for secret in ["dpop-", "secret-of-c-1", "manage-c-1", "c-1", "one.example"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
        }
        put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
        assert!(!home.files().iter().any(|file| file.contains("prepared")), "{:?}", home.files());
        assert!(home.temporary_files().is_empty());
    }

    /// Puts bytes where a file of the store's is, as its owner.
    fn plant(home: &Home, file: &str, bytes: &[u8]) {
        std::fs::write(home.file(file), bytes).unwrap();
        crate::home::chmod(&home.file(file), 0o600);
    }

    #[test]
    fn what_is_damaged_is_told_once_set_aside_and_keeps_nobody_from_a_login() {
        let home = Home::new();
        let store = home.open();
        store.prepare_blocking(&name("x"), &whole("one")).unwrap();
        let good = std::fs::read(home.file("x.prepared")).unwrap();
        let flipped = |place: usize| {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            bytes
        };
        // Byte 13 is of the key's id, whose check then fails; so is what another key sealed.
        let other = Home::new();
        other.open().prepare_blocking(&name("x"), &whole("one")).unwrap();
        let of_another_key = std::fs::read(other.file("x.prepared")).unwrap();
        for bytes in [
            flipped(0),
            flipped(13),
            flipped(40),
            flipped(good.len() - 1),
            good[..50].to_vec(),
            Vec::new(),
            of_another_key,
        ] {
            plant(&home, "x.prepared", &bytes);
            let fault = store.prepared_blocking(&name("x"), &at("one")).err().unwrap();
            crate::home::assert_kind(
                &fault,
                StoreFaultKind::Damaged,
                &["x.prepared-damaged", "log in again"],
            );
            assert!(std::fs::read(home.file("x.prepared-damaged")).unwrap() == bytes);
            assert!(store.prepared_blocking(&name("x"), &at("one")).unwrap().is_none(), "met again");
            // Whoever writes does not even hear of it.
            plant(&home, "x.prepared", &bytes);
            store.prepare_blocking(&name("x"), &key_of("one", "k-2")).unwrap();
            assert_eq!(key_in(&store, &at("one")).as_deref(), Some("k-2"));
            assert!(matches!(store.load_blocking(&name("x")), Loaded::Absent));
        }
        put(&store, &name("x"), &login(1, "rt-1"), Expect::Absent);
        assert!(!home.files().iter().any(|file| file.contains("prepared")), "{:?}", home.files());
    }

    #[test]
    fn what_a_newer_version_prepared_is_left_alone_until_somebody_prepares_anew() {
        let home = Home::new();
        let store = home.open();
        store.prepare_blocking(&name("x"), &whole("one")).unwrap();
        let newer = crate::damage::newer_of(&std::fs::read(home.file("x.prepared")).unwrap());
        plant(&home, "x.prepared", &newer);
        for _ in 0..2 {
            let fault = store.prepared_blocking(&name("x"), &at("one")).err().unwrap();
            crate::home::assert_kind(&fault, StoreFaultKind::NewerFormat, &["x.prepared", "format"]);
        }
        store.prepare_blocking(&name("x"), &key_of("one", "k-2")).unwrap();
        assert_eq!(key_in(&store, &at("one")).as_deref(), Some("k-2"));
        assert!(std::fs::read(home.file("x.prepared-damaged")).unwrap() == newer);
    }

    #[test]
    fn one_file_is_neither_taken_for_another_credentials_nor_for_a_record() {
        let home = Home::new();
        let store = home.open();
        store.prepare_blocking(&name("x"), &whole("one")).unwrap();
        put(&store, &name("y"), &login(1, "rt-1"), Expect::Absent);
        let read = |file: &str| std::fs::read(home.file(file)).unwrap();
        let (prepared, record) = (read("x.prepared"), read("y.record"));
        plant(&home, "y.prepared", &prepared);
        let fault = store.prepared_blocking(&name("y"), &at("one")).err().unwrap();
        crate::home::assert_kind(&fault, StoreFaultKind::Damaged, &["it is \"x\"'s"]);
        plant(&home, "y.prepared", &record);
        let fault = store.prepared_blocking(&name("y"), &at("one")).err().unwrap();
        crate::home::assert_kind(&fault, StoreFaultKind::Damaged, &["does not begin as it must"]);
        plant(&home, "y.record", &prepared);
        let fault = crate::home::fault_of(store.load_blocking(&name("y")));
        crate::home::assert_kind(&fault, StoreFaultKind::Damaged, &["does not begin as it must"]);
        // Another letter case is another credential, whose file stays where it is.
        plant(&home, "X.prepared", &prepared);
        let fault = store.prepared_blocking(&name("X"), &at("one")).err().unwrap();
        crate::home::assert_kind(&fault, StoreFaultKind::Denied, &["upper and lower case"]);
        assert!(home.file("X.prepared").exists());
    }

    #[test]
    fn a_planted_link_or_an_open_mode_is_refused_and_left() {
        let home = Home::new();
        let store = home.open();
        store.prepare_blocking(&name("x"), &whole("one")).unwrap();
        crate::home::chmod(&home.file("x.prepared"), 0o644);
        let fault = store.prepared_blocking(&name("x"), &at("one")).err().unwrap();
        crate::home::assert_kind(&fault, StoreFaultKind::Denied, &["x.prepared"]);
        std::fs::remove_file(home.file("x.prepared")).unwrap();
        std::os::unix::fs::symlink("x.write", home.file("x.prepared")).unwrap();
        assert!(store.prepare_blocking(&name("x"), &whole("one")).is_err());
        assert!(home.file("x.prepared").is_symlink());
    }

    #[test]
    fn a_logout_takes_everything_of_the_login_from_the_folder() {
        let home = Home::new();
        let store = home.open();
        let x = name("x");
        put(&store, &x, &login(1, "rt-1"), Expect::Absent);
        let whole_file = std::fs::read(home.file("x.record")).unwrap();
        // A damaged one that was set aside, one more under another name, and what a dead process left.
        let mut damaged = whole_file.clone();
        *damaged.last_mut().unwrap() ^= 1;
        std::fs::write(home.file("x.record"), damaged).unwrap();
        assert!(matches!(store.load_blocking(&x), Loaded::Fault(_)));
        put(&store, &x, &login(2, "rt-2"), Expect::Absent);
        store.prepare_blocking(&x, &whole("one")).unwrap();
        for left in ["x.damaged-7", "x.prepared-damaged", ".x.tmp-0123456789abcdef"] {
            std::fs::write(home.file(left), &whole_file).unwrap();
            crate::home::chmod(&home.file(left), 0o600);
        }
        std::fs::write(home.file("x.damaged-by-hand"), b"somebody's own").unwrap();
        put(&store, &name("x2"), &login(1, "rt-of-x2"), Expect::Absent);
        let stands = record_of(store.load_blocking(&x));
        put(&store, &x, &stands.tombstone(renewd_core::Now::default()), version(&stands));
        let files: Vec<_> = home.files().into_iter().filter(|file| !file.starts_with("store.")).collect();
        assert_eq!(
            files,
            ["x.damaged-by-hand", "x.mark", "x.record", "x.write", "x2.mark", "x2.record", "x2.write"]
        );
        let stands = record_of(store.load_blocking(&x));
        assert!(stands.grant.refresh_token.is_none() && stands.grant.access.is_empty());
        // The same again clears away what came since, and changes nothing.
        std::fs::write(home.file("x.damaged-9"), &whole_file).unwrap();
        put(&store, &x, &stands, version(&stands));
        assert!(!home.file("x.damaged-9").exists());
        assert_eq!(record_of(store.load_blocking(&x)).version(), stands.version());
    }
}
