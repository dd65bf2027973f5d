//! A damaged record is a typed error with its path and the way out: never a logout, never overwritten, and nothing is
//! sent on its account. Put right, it works again.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::chown;

use renewd_e2e::CLASSES;
use renewd_e2e::disk::chmod;
use renewd_e2e::disk::login::{Login, NAME, SOMEBODY};
use renewd_e2e::disk::record::{Patient, REGIONS, Where};
use renewd_e2e::testkit::AsClass;

/// What becomes of a file that is found damaged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It is set aside as it was found.
    SetAside,
    /// It is left where it is: it is not damage, or nobody knows whose it is.
    Left,
}

/// Spoils a file beside the record.
type Spoil<'a> = Box<dyn Fn() + 'a>;

/// One way to damage a record, and what is then said.
struct Damage {
    what: String,
    make: Box<dyn Fn(&Patient)>,
    then: Then,
    /// Each has to stand in the message.
    said: &'static [&'static str],
}

fn damage(
    what: impl Into<String>,
    then: Then,
    said: &'static [&'static str],
    make: impl Fn(&Patient) + 'static,
) -> Damage {
    Damage { what: what.into(), make: Box::new(make), then, said }
}

const RESTORE: &[&str] = &["is damaged", "work.damaged-", "restore it from a backup, or log in again"];

/// A login that was refreshed once, and one of another name beside it.
fn patient(class: AsClass) -> (Login, Patient) {
    let login = Login::at(class);
    login.token().succeeded();
    let patient = Patient::of(login.file("work.record"));
    (login, patient)
}

/// Lets a command and an agent meet each damage, and puts the record right again after each.
fn meet(login: &Login, patient: &Patient, fault: &str, variant: &str, all: &[Damage]) {
    for one in all {
        let aside_before = set_aside(login);
        (one.make)(patient);
        let found = patient.now();
        command_meets(login, one);
        agent_meets(login, one);
        let aside = set_aside(login);
        match one.then {
            Then::SetAside => {
                assert_eq!(aside.len(), aside_before.len() + 1, "{}: set aside once", one.what);
                let newest = aside.iter().find(|bytes| !aside_before.contains(bytes));
                assert_eq!(newest, found.as_ref(), "{}: as it was found", one.what);
            }
            Then::Left => {
                assert_eq!(aside.len(), aside_before.len(), "{}: nothing to set aside", one.what);
                assert_eq!(patient.now(), found, "{}: nobody touched it", one.what);
            }
        }
        patient.unlink();
        patient.restore();
        login.mended();
        login.token().succeeded();
        login.healed();
        remove_set_aside(login);
    }
    assert_eq!(sent(login), 1, "nothing was ever sent on account of a damaged record");
    // And the restored one is good for a refresh.
    login.run(&["refresh", NAME]).succeeded();
    let row = login.numbers(fault, variant, 2, all.len() as u64);
    assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
}

/// The requests of the login that is damaged; one of another name beside it is none of its business.
fn sent(login: &Login) -> usize {
    let grants: Vec<_> =
        login.server.log().iter().map(|entry| entry.presented.map(|token| token.grant)).collect();
    grants.iter().filter(|grant| **grant == grants[0]).count()
}

#[track_caller]
fn command_meets(login: &Login, one: &Damage) {
    for args in [&["token", NAME][..], &["refresh", NAME]] {
        let ran = login.run(args).failed(5);
        assert!(ran.stdout.is_empty(), "{}: {ran:?}", one.what);
        assert!(
            ran.stderr.contains(&login.home.state().display().to_string()),
            "{}: where: {ran:?}",
            one.what
        );
        for said in one.said {
            assert!(ran.stderr.contains(said), "{}: {said:?} in {ran:?}", one.what);
        }
    }
    login.run(&["status", "--check"]).failed(5);
    let seen = login.status();
    assert_ne!(seen["status"], "unauthenticated", "{}: {seen}", one.what);
    assert_eq!(
        (&seen["health"], &seen["login_command"]),
        (&"degraded".into(), &().into()),
        "{}: {seen}",
        one.what
    );
}

#[track_caller]
fn agent_meets(login: &Login, one: &Damage) {
    let agent = login.agent();
    let seen = agent.wait_credential(NAME, &one.what, |seen| seen["advice"] != serde_json::Value::Null);
    let advice = seen["advice"].as_str().unwrap_or_default().to_owned();
    for said in one.said {
        assert!(advice.contains(said), "{}: {said:?} in {advice}", one.what);
    }
    assert_ne!(seen["status"], "unauthenticated", "{}: {seen}", one.what);
    assert_eq!(seen["health"], "degraded", "{}: {seen}", one.what);
    login.token().failed(5);
    login.heard(agent.stop().succeeded());
}

fn asides(login: &Login) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(login.state().join("credentials")).expect("the folder can be read");
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.to_string_lossy().contains(".damaged-")).collect()
}

fn set_aside(login: &Login) -> Vec<Vec<u8>> {
    asides(login).iter().map(|path| fs::read(path).expect("it can be read")).collect()
}

fn remove_set_aside(login: &Login) {
    for path in asides(login) {
        fs::remove_file(path).expect("it can be removed");
    }
}

#[test]
fn a_record_with_a_flipped_bit_is_set_aside_whatever_bit_it_is() {
    for class in [AsClass::P1, AsClass::P2] {
        let (login, patient) = patient(class);
        let all = REGIONS.map(|(region, at)| {
            damage(format!("a bit of its {region}"), Then::SetAside, RESTORE, move |patient| {
                patient.flip(at);
            })
        });
        meet(&login, &patient, "record-flipped", "", &all);
    }
}

#[test]
fn a_record_that_is_cut_short_is_set_aside_wherever_it_is_cut() {
    for class in [AsClass::P1, AsClass::P2] {
        let (login, patient) = patient(class);
        let last = patient.sound().len() - 1;
        let all = [1, 20, 32, 60, 90, 100, last].map(|length| {
            damage(format!("its first {length} bytes"), Then::SetAside, RESTORE, move |patient| {
                patient.truncate(length);
            })
        });
        meet(&login, &patient, "record-truncated", "", &all);
    }
}

#[test]
fn an_empty_record_and_a_torn_one_are_set_aside() {
    for class in [AsClass::P1, AsClass::P2] {
        let (login, patient) = patient(class);
        let empty = [damage("nothing", Then::SetAside, RESTORE, |patient| {
            patient.truncate(0);
        })];
        meet(&login, &patient, "record-empty", "", &empty);
        let (login, patient) = self::patient(class);
        let torn = [damage("half of it", Then::SetAside, RESTORE, |patient| {
            patient.tear();
        })];
        meet(&login, &patient, "record-torn", "", &torn);
    }
}

#[test]
fn the_record_of_another_credential_is_set_aside() {
    for class in [AsClass::P1, AsClass::P2] {
        let (login, patient) = patient(class);
        login.import("other", &[]).succeeded();
        let others = fs::read(login.file("other.record")).unwrap();
        let said: &[&str] = &["it is the record of \"other\"", "work.damaged-", "or log in again"];
        let all = [damage("the other's", Then::SetAside, said, move |patient| {
            patient.put(&others);
        })];
        meet(&login, &patient, "record-swapped", "another credential's", &all);
    }
}

#[test]
fn what_is_planted_in_the_place_of_a_record_is_refused_and_left() {
    let (login, patient) = patient(AsClass::P2);
    let mut all = vec![
        damage("a symbolic link", Then::Left, &["work.record is a symbolic link; put the file"], |patient| {
            patient.link_symbolically();
        }),
        damage("a folder", Then::Left, &["work.record is no regular file; remove it"], |patient| {
            patient.become_folder();
        }),
        damage("a pipe", Then::Left, &["work.record is no regular file; remove it"], |patient| {
            patient.become_pipe();
        }),
        damage("open to all", Then::Left, &["is open to other users (mode 644): `chmod 600 "], |patient| {
            chmod(patient.path(), 0o644);
        }),
        damage("known twice", Then::Left, &["also known under another name"], Patient::link_hard),
    ];
    if rustix::process::geteuid().is_root() {
        all.push(damage("another user's", Then::Left, &["belongs to uid 65534", "chown"], |patient| {
            chown(patient.path(), Some(SOMEBODY), None).expect("root gives away what it likes");
        }));
    } else {
        println!("only root can give a file to another user: that one was left out");
    }
    meet(&login, &patient, "record-swapped", "planted", &all);
}

#[test]
fn a_record_of_a_newer_version_is_never_spent_and_never_touched() {
    for class in CLASSES {
        let (login, patient) = patient(class);
        let said: &[&str] = &["work.record was written by another version (format ", "upgrade renewd"];
        let all = [damage("a newer format", Then::Left, said, |patient| {
            patient.newer();
        })];
        meet(&login, &patient, "newer-format", "", &all);
    }
}

/// The agent has it in memory: it goes on with it, and says what is wrong.
#[test]
fn an_agent_that_knows_the_record_serves_on_while_the_file_is_damaged() {
    for class in [AsClass::P1, AsClass::P2] {
        let (login, patient) = patient(class);
        let agent = login.agent();
        let token = login.token().succeeded();
        patient.flip(Where::Middle);
        let ran = login.run(&["refresh", NAME]).failed(5);
        assert!(ran.stderr.contains("work.damaged-1"), "{ran:?}");
        assert_eq!(login.token().succeeded().line(), token.line());
        let seen = agent.credential(NAME);
        assert_eq!((&seen["status"], &seen["health"]), (&"running".into(), &"degraded".into()), "{seen}");
        assert_eq!(login.server.totals().token_requests, 1);
        patient.restore();
        login.mended();
        login.wait_refreshed();
        agent.wait_credential(NAME, "health", |seen| seen["health"] == "healthy");
        login.heard(agent.stop().succeeded());
        let row = login.numbers("record-flipped", "under an agent that knows it", 2, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

/// The record is damaged while the answer is on its way: the new tokens stand nowhere else, so they are saved, and what
/// was damaged is kept beside them.
#[test]
fn a_record_that_is_damaged_while_an_answer_is_on_its_way_costs_no_login() {
    for class in [AsClass::P1, AsClass::P2] {
        let (login, _) = patient(class);
        login.server.hold_answers();
        let agent = login.agent();
        let command = login.start(&["refresh", NAME]);
        login.wait_held();
        let marked = Patient::of(login.file("work.record"));
        let damaged = marked.flip(Where::Last);
        login.server.release();
        login.mended();
        login.heard(command.finish()).succeeded();
        agent.wait_credential(NAME, "saved", |seen| seen["saved"] == true && seen["generation"] == 2);
        login.healed();
        login.heard(agent.stop().succeeded());
        assert_eq!(set_aside(&login), [damaged]);
        let seen = login.status();
        assert_eq!((&seen["generation"], &seen["health"]), (&2.into(), &"healthy".into()), "{seen}");
        login.run(&["refresh", NAME]).succeeded();
        let row = login.numbers("record-flipped", "between mark and commit", 1, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (3, 0, 0), "{row}");
    }
}

/// The mark only helps to tell an old record from a new one: without it the record counts, and it is made again.
#[test]
fn a_mark_that_is_damaged_gone_or_anothers_is_written_anew() {
    let (login, record) = patient(AsClass::P2);
    login.import("other", &[]).succeeded();
    let others = fs::read(login.file("other.mark")).unwrap();
    let mark = Patient::of(login.file("work.mark"));
    let spoil: [(&str, Spoil<'_>); 5] = [
        ("flipped", Box::new(|| drop(mark.flip(Where::Last)))),
        ("empty", Box::new(|| drop(mark.truncate(0)))),
        ("gone", Box::new(|| mark.remove())),
        ("another's", Box::new(|| drop(mark.put(&others)))),
        ("older", Box::new(|| drop(mark.put(mark.sound())))),
    ];
    let rounds = spoil.len() as u64;
    for (what, spoil) in spoil {
        spoil();
        login.mended();
        login.token().succeeded();
        login.wait_refreshed();
        let seen = login.status();
        assert_eq!(
            (&seen["health"], &seen["in_doubt"]),
            (&"healthy".into(), &false.into()),
            "{what}: {seen}"
        );
        // It tells an older record again.
        let current = Patient::of(login.file("work.record"));
        record.restore();
        assert_eq!(login.status()["in_doubt"], true, "{what}: the record of before is known for old");
        current.restore();
    }
    assert_eq!(asides(&login).len(), 0, "a mark is nothing to keep");
    let row = login.numbers("record-swapped", "the mark", 1, rounds);
    assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
}

/// A file of a newer version, or one sealed with another key, must not be replaced by this one's.
#[test]
fn a_mark_of_a_newer_version_is_left_alone() {
    let (login, _) = patient(AsClass::P2);
    let mark = Patient::of(login.file("work.mark"));
    let newer = mark.newer();
    login.wait_refreshed();
    assert_eq!(mark.now(), Some(newer));
    let row = login.numbers("newer-format", "the mark", 1, 1);
    assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
}

/// Without the key, or with another one, the records are no damage: they are out of reach until the key is back.
#[test]
fn a_store_without_its_key_or_with_another_one_is_exit_5_and_works_again_with_the_right_one() {
    let (login, record) = patient(AsClass::P2);
    let key = Patient::of(login.state().join("key"));
    let toml = Patient::of(login.file("store.toml"));
    let other = Login::at(AsClass::P2);
    let other_key = fs::read(other.state().join("key")).unwrap();
    let spoil: [(&str, &[&str], Spoil<'_>); 7] = [
        ("no key", &["key", "is gone", "restore it from a backup"], Box::new(|| key.remove())),
        ("an empty key", &["holds no key", "restore it"], Box::new(|| drop(key.truncate(0)))),
        ("another key", &["is not the one that sealed", "restore"], Box::new(|| drop(key.put(&other_key)))),
        ("an open key", &["key is open to other users", "chmod 600"], Box::new(|| chmod(key.path(), 0o644))),
        ("a torn store.toml", &["store.toml is damaged", "restore it"], Box::new(|| drop(toml.truncate(9)))),
        ("an empty store.toml", &["store.toml is damaged", "restore"], Box::new(|| drop(toml.truncate(0)))),
        (
            "neither",
            &["neither store.toml nor the key", "restore the key"],
            Box::new(|| {
                toml.remove();
                key.remove();
            }),
        ),
    ];
    let rounds = spoil.len() as u64;
    for (what, said, spoil) in spoil {
        spoil();
        for args in [&["token", NAME][..], &["refresh", NAME], &["status"], &["agent"]] {
            let ran = login.run(args).failed(5);
            assert!(ran.stderr.contains(&login.home.state().display().to_string()), "{what}: {ran:?}");
            for said in said {
                assert!(ran.stderr.contains(said), "{what}, {args:?}: {said:?} in {ran:?}");
            }
        }
        login.import("third", &[]).failed(5);
        assert_eq!(record.now().as_deref(), Some(record.sound()), "{what}: the record was not touched");
        key.restore();
        toml.restore();
        login.mended();
        login.token().succeeded();
        login.healed();
    }
    // A lost store.toml alone is made again where the key opens the records.
    toml.remove();
    login.token().succeeded();
    // But for the number that every store draws for itself.
    let essence = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().filter(|line| !line.starts_with("store_id")).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(toml.now().map(|now| essence(&now)), Some(essence(toml.sound())));
    assert_eq!(login.server.totals().token_requests, 1);
    let row = login.numbers("record-swapped", "the key and store.toml", 1, rounds);
    assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
}

/// A new login is the other way out of a damaged record, and the only thing that takes its place.
#[test]
fn a_login_over_a_damaged_record_starts_above_everything_that_was_and_keeps_the_remains() {
    let (login, patient) = patient(AsClass::P2);
    let damaged = patient.flip(Where::Middle);
    login.token().failed(5);
    login.import(NAME, &["--replace"]).succeeded();
    login.mended();
    login.token().succeeded();
    login.healed();
    let seen = login.status();
    assert_eq!((&seen["epoch"], &seen["health"]), (&2.into(), &"healthy".into()), "{seen}");
    assert_eq!(set_aside(&login), [damaged]);
    let row = login.numbers("record-flipped", "healed by a login", 1, 1);
    assert_eq!((row.token_requests, row.reuse_trips), (2, 0), "{row}");
}
