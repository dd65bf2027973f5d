//! The disk is full, or read-only: before the claim, while an answer is on its way, and where nothing can be saved at
//! all. Nothing is spent that could not be saved, what was spent is saved as soon as it can be, and what is lost is
//! said to be lost.

#![cfg(target_os = "linux")]

use renewd_e2e::CLASSES;
use renewd_e2e::disk::chmod;
use renewd_e2e::disk::login::{Login, NAME};
use renewd_e2e::testkit::AsClass;

/// Enough for a store with room for two commits and some.
const DISK_BYTES: u64 = 512 << 10;

/// Less than the room that a commit is promised before anything is spent, and more than a record takes.
const LESS_THAN_A_COMMIT_BYTES: u64 = 40 << 10;

/// The classes in which a fault of the disk could make a difference.
const ROTATING: [AsClass; 2] = [AsClass::P1, AsClass::P2];

/// A disk with that much room left meets a command that has to refresh.
fn full_before_the_claim(class: AsClass, left: u64, variant: &str) {
    let Some(login) = Login::on_small_disk(class, DISK_BYTES) else { return };
    let disk = login.disk.as_ref().expect("it was mounted");
    login.token().succeeded();
    disk.fill_but(left);
    let ran = login.run(&["refresh", NAME, "--timeout", "30s"]).failed(5);
    assert!(ran.stderr.contains("disk is full") || ran.stderr.contains("No space left"), "{ran:?}");
    assert!(ran.stderr.contains(NAME), "{ran:?}");
    assert_eq!(login.server.totals().token_requests, 1, "{class}: nothing is spent that cannot be saved");
    let seen = login.status();
    assert_eq!((&seen["status"], &seen["token_valid"]), (&"running".into(), &true.into()), "{seen}");
    login.token().succeeded();
    disk.free();
    login.mended();
    login.wait_refreshed();
    let row = login.numbers("disk-full", variant, 1, 1);
    assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
}

#[test]
fn a_disk_that_is_full_before_the_claim_costs_no_request() {
    for class in CLASSES {
        full_before_the_claim(class, 0, "before the claim");
    }
}

#[test]
fn a_disk_without_room_for_the_commit_costs_no_request_although_the_mark_would_fit() {
    for class in ROTATING {
        full_before_the_claim(class, LESS_THAN_A_COMMIT_BYTES, "no room for the commit");
    }
}

/// The disk fills up while the answer is on its way: room was taken before.
#[test]
fn a_disk_that_fills_up_between_mark_and_commit_takes_the_commit_all_the_same() {
    for class in CLASSES {
        let Some(login) = Login::on_small_disk(class, DISK_BYTES) else { return };
        let disk = login.disk.as_ref().expect("it was mounted");
        login.server.hold_answers();
        let command = login.start(&["token", NAME]);
        login.wait_held();
        disk.fill_but(0);
        login.server.release();
        let ran = login.heard(command.finish()).succeeded();
        login.given(&ran);
        let seen = login.status();
        assert_eq!((&seen["generation"], &seen["saved"]), (&1.into(), &true.into()), "{class}: {seen}");
        // Another process finds it there: the token is served, and nothing more is spent on the full disk.
        assert_eq!(login.token().succeeded().line(), ran.line());
        login.run(&["refresh", NAME, "--timeout", "30s"]).failed(5);
        assert_eq!(login.server.totals().token_requests, 1);
        disk.free();
        login.mended();
        login.wait_refreshed();
        let row = login.numbers("disk-full", "between mark and commit", 1, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

#[test]
fn an_agent_on_a_full_disk_serves_on_spends_nothing_and_heals_by_itself() {
    for class in ROTATING {
        let Some(login) = Login::on_small_disk(class, DISK_BYTES) else { return };
        let disk = login.disk.as_ref().expect("it was mounted");
        let agent = login.agent();
        agent.wait_credential(NAME, "a token", |seen| seen["token_valid"] == true);
        disk.fill_but(0);
        login.run(&["refresh", NAME, "--timeout", "30s"]).failed(5);
        let seen = agent.credential(NAME);
        assert_eq!((&seen["status"], &seen["health"]), (&"running".into(), &"degraded".into()), "{seen}");
        login.token().succeeded();
        assert_eq!(login.server.totals().token_requests, 1, "{class}: nothing is spent that cannot be saved");
        // A refresh that is under way when the disk fills up has its room.
        disk.free();
        login.mended();
        login.wait_refreshed();
        login.server.hold_answers();
        let command = login.start(&["refresh", NAME]);
        login.wait_held();
        disk.fill_but(0);
        login.server.release();
        login.heard(command.finish()).succeeded();
        let seen = agent.credential(NAME);
        assert_eq!((&seen["generation"], &seen["saved"]), (&3.into(), &true.into()), "{seen}");
        disk.free();
        login.mended();
        login.wait_refreshed();
        agent.wait_credential(NAME, "health", |seen| seen["health"] == "healthy");
        login.heard(agent.stop().succeeded());
        let row = login.numbers("disk-full", "agent", 1, 2);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (4, 0, 0), "{row}");
    }
}

#[test]
fn a_disk_that_is_read_only_from_the_beginning_costs_no_request_and_serves_what_it_holds() {
    for class in ROTATING {
        let Some(login) = Login::on_small_disk(class, DISK_BYTES) else { return };
        let disk = login.disk.as_ref().expect("it was mounted");
        let first = login.token().succeeded();
        disk.freeze();
        assert_eq!(login.token().succeeded().line(), first.line(), "a valid token needs no writing");
        let ran = login.run(&["refresh", NAME, "--timeout", "30s"]).failed(5);
        assert!(ran.stderr.contains("ead-only"), "{ran:?}");
        let agent = login.agent();
        agent.wait_credential(NAME, "a token", |seen| seen["token_valid"] == true);
        login.run(&["refresh", NAME, "--timeout", "30s"]).failed(5);
        assert_eq!(login.server.totals().token_requests, 1, "{class}: nothing is spent that cannot be saved");
        let seen = agent.credential(NAME);
        assert_eq!((&seen["status"], &seen["health"]), (&"running".into(), &"degraded".into()), "{seen}");
        disk.thaw();
        login.mended();
        login.wait_refreshed();
        agent.wait_credential(NAME, "health", |seen| seen["health"] == "healthy");
        login.heard(agent.stop().succeeded());
        let row = login.numbers("disk-read-only", "before", 2, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

/// What a replay of the old refresh token costs. A server that retires it on acknowledgement (P4) takes the use of the
/// access token for one.
const REPLAYS: [(AsClass, bool, bool); 6] = [
    (AsClass::P0, true, false),
    (AsClass::P1, true, false),
    (AsClass::P2, true, true),
    (AsClass::P3, true, false),
    (AsClass::P4, false, false),
    (AsClass::P4, true, true),
];

/// The rotated token cannot be saved: a command gives its token all the same, tries for `shutdown.grace`, and says
/// what is lost.
#[test]
fn a_command_that_cannot_save_gives_its_token_and_ends_by_naming_the_loss() {
    for (class, used, lost) in REPLAYS {
        let Some(login) = Login::on_small_disk(class, DISK_BYTES) else { return };
        let disk = login.disk.as_ref().expect("it was mounted");
        login.server.hold_answers();
        let command = login.start(&["token", NAME]);
        login.wait_held();
        disk.freeze();
        login.server.release();
        let ran = login.heard(command.finish()).failed(5);
        assert!(!ran.line().is_empty(), "{class}: the token that the server gave is not kept back");
        if used {
            login.given(&ran);
        }
        assert!(ran.stderr.contains("generation 1 could not be saved"), "{ran:?}");
        assert!(ran.stderr.contains("ead-only"), "why: {ran:?}");
        disk.thaw();
        login.mended();
        // The old refresh token is all there is: where that was not yet the end of it, all is well again.
        let next = login.run(&["refresh", NAME, "--timeout", "10s"]);
        let seen = login.status();
        if lost {
            next.failed(3);
            assert_eq!(seen["cause"], "rotation_lost", "{seen}");
        } else {
            next.succeeded();
            login.healed();
            assert_eq!((&seen["status"], &seen["in_doubt"]), (&"running".into(), &false.into()), "{seen}");
        }
        let variant = match (class, used) {
            // The caller's use of the token is what retires the old refresh token there.
            (AsClass::P4, true) => "command cannot save, its token used unsaved",
            (_, true) => "command cannot save",
            (_, false) => "command cannot save, token unused",
        };
        let row = login.numbers("disk-read-only", variant, 1, 1);
        let lost = u64::from(lost);
        assert_eq!((row.token_requests, row.reuse_trips), (2, lost), "{row}");
        assert_eq!((row.forced_logins, row.told_lost), (lost, lost), "{row}");
    }
}

#[test]
fn an_agent_that_cannot_save_serves_from_memory_and_saves_when_it_can() {
    for class in [AsClass::P1, AsClass::P2, AsClass::P4] {
        let Some(login) = Login::on_small_disk(class, DISK_BYTES) else { return };
        let disk = login.disk.as_ref().expect("it was mounted");
        login.server.hold_answers();
        let agent = login.agent();
        login.wait_held();
        disk.freeze();
        login.server.release();
        let seen = agent.wait_credential(NAME, "unsaved", |seen| seen["saved"] == false);
        assert_eq!((&seen["phase"], &seen["health"]), (&"unsaved".into(), &"degraded".into()), "{seen}");
        assert_eq!((&seen["status"], &seen["token_valid"]), (&"running".into(), &true.into()), "{seen}");
        login.token().succeeded();
        // Nothing more is refreshed on top, whoever asks for it.
        let ran = login.run(&["refresh", NAME, "--timeout", "30s"]).failed(5);
        assert!(ran.stderr.contains("ead-only"), "{ran:?}");
        assert_eq!(login.server.totals().token_requests, 1, "{class}");
        disk.thaw();
        login.mended();
        agent.wait_credential(NAME, "saved", |seen| seen["saved"] == true && seen["health"] == "healthy");
        login.healed();
        login.heard(agent.stop().succeeded());
        assert_eq!(login.status()["generation"], 1);
        login.run(&["refresh", NAME]).succeeded();
        let row = login.numbers("disk-read-only", "agent cannot save for a while", 1, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

#[test]
fn an_agent_that_is_stopped_before_it_could_save_ends_by_naming_the_loss() {
    let Some(login) = Login::on_small_disk(AsClass::P1, DISK_BYTES) else { return };
    let disk = login.disk.as_ref().expect("it was mounted");
    login.server.hold_answers();
    let agent = login.agent();
    login.wait_held();
    disk.freeze();
    login.server.release();
    agent.wait_credential(NAME, "unsaved", |seen| seen["saved"] == false);
    let ran = login.heard(agent.stop().failed(5));
    assert!(ran.stderr.contains("generation 1 could not be saved"), "{ran:?}");
    disk.thaw();
    login.mended();
    login.wait_refreshed();
    login.numbers("disk-read-only", "agent stopped unsaved", 1, 1);
}

/// File modes hold back whoever is not root.
#[test]
fn a_folder_that_one_may_not_write_costs_no_request_and_one_that_one_may_not_enter_is_no_logout() {
    for class in ROTATING {
        let login = Login::of_plain_user(class);
        login.token().succeeded();
        let folder = login.state().join("credentials");
        for (mode, refresh, status) in [(0o500, 5, Some("running")), (0o000, 5, None)] {
            chmod(&folder, mode);
            let ran = login.run(&["refresh", NAME, "--timeout", "30s"]).failed(refresh);
            assert!(ran.stderr.contains("ermission denied"), "{mode:o}: {ran:?}");
            assert!(ran.stderr.contains("credentials"), "{mode:o}: {ran:?}");
            if let Some(status) = status {
                assert_eq!(login.status()["status"], status);
            } else {
                login.run(&["status", "--check"]).failed(5);
                login.token().failed(5);
            }
            chmod(&folder, 0o700);
            login.token().succeeded();
        }
        chmod(&login.file("work.record"), 0o000);
        let ran = login.token().failed(5);
        assert!(ran.stderr.contains("work.record") && ran.stderr.contains("ermission denied"), "{ran:?}");
        chmod(&login.file("work.record"), 0o600);
        assert_eq!(login.server.totals().token_requests, 1, "{class}");
        login.mended();
        login.wait_refreshed();
        let row = login.numbers("disk-read-only", "modes, before", 1, 3);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

#[test]
fn a_folder_that_loses_its_write_mode_while_an_answer_is_on_its_way_is_named_with_the_loss() {
    for class in ROTATING {
        let login = Login::of_plain_user(class);
        let folder = login.state().join("credentials");
        login.server.hold_answers();
        let command = login.start(&["token", NAME]);
        login.wait_held();
        chmod(&folder, 0o500);
        login.server.release();
        let ran = login.heard(command.finish()).failed(5);
        login.given(&ran);
        assert!(!ran.line().is_empty(), "{ran:?}");
        assert!(ran.stderr.contains("generation 1 could not be saved"), "{ran:?}");
        assert!(ran.stderr.contains("ermission denied"), "{ran:?}");
        chmod(&folder, 0o700);
        login.mended();
        let lost = class == AsClass::P2;
        if lost {
            login.run(&["refresh", NAME, "--timeout", "10s"]).failed(3);
        } else {
            login.wait_refreshed();
        }
        let row = login.numbers("disk-read-only", "modes, between mark and commit", 1, 1);
        assert_eq!((row.forced_logins, row.told_lost), (u64::from(lost), u64::from(lost)), "{row}");
    }
}
