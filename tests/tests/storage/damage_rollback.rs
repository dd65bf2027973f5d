//! A backup is restored: the record is older than what was committed. It is not spent while a living process knows
//! better; where nobody does, one attempt shows whether it still works, and says what it was.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use renewd_e2e::disclosure::intend;
use renewd_e2e::disk::login::{Login, NAME};
use renewd_e2e::disk::record::Patient;
use renewd_e2e::testkit::AsClass;
use renewd_e2e::testkit::SecretKind;
use renewd_e2e::{CLASSES, wait_for};

/// A login whose record of the first generation was kept while two more came.
fn with_backup(class: AsClass) -> (Login, Patient) {
    let login = Login::at(class);
    login.token().succeeded();
    let backup = Patient::of(login.file("work.record"));
    login.wait_refreshed();
    (login, backup)
}

/// What a replay of a superseded refresh token costs there: two rotations lie between.
fn is_lost(class: AsClass) -> bool {
    matches!(class, AsClass::P2)
}

#[test]
fn a_record_restored_while_nobody_runs_is_told_and_probed_once() {
    for class in CLASSES {
        let (login, backup) = with_backup(class);
        let before = login.server.totals().token_requests;
        backup.restore();
        let seen = login.status();
        assert_eq!(
            (&seen["in_doubt"], &seen["health"]),
            (&true.into(), &"degraded".into()),
            "{class}: {seen}"
        );
        assert_eq!(seen["status"], "running", "an old record is no logout: {seen}");
        let advice = seen["advice"].as_str().unwrap_or_default();
        assert!(advice.contains("older than one written before (epoch 1, generation 2)"), "{advice}");
        login.mended();
        let ran = login.run(&["refresh", NAME]);
        assert_eq!(login.server.totals().token_requests, before + 1, "{class}: one probe");
        let seen = login.status();
        if is_lost(class) {
            ran.failed(3);
            assert_eq!(seen["cause"], "rotation_lost", "{seen}");
            // And no more: nothing is sent by itself, nor for whoever asks.
            login.run(&["refresh", NAME]).failed(3);
            login.run(&["token", NAME, "--min-validity", "2h"]);
        } else {
            ran.succeeded();
            login.healed();
            assert_eq!((&seen["in_doubt"], &seen["health"]), (&false.into(), &"healthy".into()), "{seen}");
            assert!(seen["generation"].as_u64() > Some(2), "generations never go back: {seen}");
        }
        assert_eq!(login.server.totals().token_requests, before + 1, "{class}");
        let history = login.run(&["history", NAME]).succeeded();
        assert!(history.stdout.contains("the record is older than one written before"), "{}", history.stdout);
        let row = login.numbers("rollback", "the record, nobody running", 1, 1);
        let lost = u64::from(is_lost(class));
        assert_eq!((row.reuse_trips, row.forced_logins, row.told_lost), (lost, lost, lost), "{row}");
    }
}

#[test]
fn a_record_restored_under_a_living_agent_is_written_again_from_its_memory() {
    for class in CLASSES {
        let (login, backup) = with_backup(class);
        let agent = login.agent();
        agent.wait_credential(NAME, "its record", |seen| seen["generation"] == 2);
        backup.restore();
        login.mended();
        // Whether or not the agent has seen it yet.
        login.run(&["refresh", NAME]).succeeded();
        login.healed();
        let seen = agent.wait_credential(NAME, "the new one", |seen| seen["saved"] == true);
        assert_eq!((&seen["generation"], &seen["health"]), (&3.into(), &"healthy".into()), "{class}: {seen}");
        login.heard(agent.stop().succeeded());
        assert_eq!(login.status()["generation"], 3);
        login.run(&["refresh", NAME]).succeeded();
        let row = login.numbers("rollback", "the record, under an agent", 2, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (4, 0, 0), "{row}");
    }
}

/// The only one who knows the newest refresh token is told to stop before it was due to refresh.
#[test]
fn an_agent_that_ends_after_a_restore_leaves_the_newest_record_behind() {
    for class in [AsClass::P1, AsClass::P2] {
        let (login, backup) = with_backup(class);
        let agent = login.agent();
        agent.wait_credential(NAME, "its record", |seen| seen["generation"] == 2);
        backup.restore();
        wait_for("the newest record to be written again", || (backup.now()? != backup.sound()).then_some(()));
        assert_eq!(login.server.totals().token_requests, 2, "nothing was sent for that");
        login.heard(agent.stop().succeeded());
        login.mended();
        login.wait_refreshed();
        let row = login.numbers("rollback", "the record, agent stopped after it", 2, 1);
        assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp can be run");
    assert!(copied.success());
}

/// Key, marks and all: from inside nothing is old. What a user of a strict server sees is a refused grant.
#[test]
fn a_whole_folder_restored_cannot_be_told_and_costs_one_request_and_no_more() {
    intend("file backup/key", SecretKind::StoreKey, "the whole folder is what is backed up here");
    for class in CLASSES {
        let login = Login::at(class);
        login.token().succeeded();
        let backup = login.home.path().join("backup");
        copy(&login.state(), &backup);
        login.wait_refreshed();
        fs::remove_dir_all(login.state()).unwrap();
        copy(&backup, &login.state());
        assert_eq!(login.status()["in_doubt"], false, "nothing in it tells that it is old");
        login.mended();
        let ran = login.run(&["refresh", NAME]);
        let seen = login.status();
        if is_lost(class) {
            let ran = ran.failed(3);
            assert!(ran.stderr.contains("login needed (grant_refused)"), "{ran:?}");
            assert_eq!(seen["cause"], "grant_refused", "{seen}");
            login.run(&["refresh", NAME]).failed(3);
        } else {
            ran.succeeded();
            login.healed();
            assert_eq!(seen["health"], "healthy", "{seen}");
        }
        let row = login.numbers("rollback", "the whole folder", 1, 1);
        let lost = u64::from(is_lost(class));
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (3, lost, lost), "{row}");
    }
}
