//! Every step of writing the store fails once, or for good: before the request nothing is spent, after it nothing is
//! lost that can be saved.
//!
//! The failures come from the test points of a debug build, in the place of the system call.

#![cfg(target_os = "linux")]

use renewd_e2e::disk::login::{Login, NAME, passed};
use renewd_e2e::testkit::AsClass;

/// The steps of writing the intent that a command passes every time, with the passing that is let fail.
const MARK: [&str; 8] = [
    "mark.create-temp",
    "mark.create-temp#2",
    "mark.preallocate",
    "mark.write",
    "mark.sync-file",
    "mark.rename",
    "mark.sync-dir",
    "mark.read-back",
];

/// Those of writing the outcome.
const COMMIT: [&str; 5] =
    ["commit.write", "commit.sync-file", "commit.rename", "commit.sync-dir", "commit.read-back"];

/// Those of writing the mark beside the record: of no weight, they are made up for by whoever comes next.
const MARK_FILE: [&str; 6] = [
    "commit.mark-file.create-temp",
    "commit.mark-file.write",
    "commit.mark-file.sync-file",
    "commit.mark-file.rename",
    "commit.mark-file.sync-dir",
    "commit.mark-file.read-back",
];

fn key(step: &str) -> &'static str {
    if step.contains("sync") { "fsync-once" } else { "disk-eio" }
}

/// As the log of points writes a step of a plan.
fn passing(step: &str) -> String {
    match step.split_once('#') {
        Some((point, n)) => format!("{point} {n}"),
        None => format!("{step} 1"),
    }
}

/// A command meets an input/output error once at each of those steps that `key` is about. `fails` says whether it has
/// to give up, before anything was spent.
fn command_meets(class: AsClass, steps: &[&str], fault: &str, variant: &str, fails: bool) {
    let login = Login::at(class);
    login.token().succeeded();
    let mut rounds = 0;
    for step in steps.iter().filter(|step| key(step) == fault) {
        let before = login.server.totals().token_requests;
        let (ran, points) = login.run_failing(&format!("{step}=fail:EIO"), &["refresh", NAME]);
        assert!(points.contains(&passing(step)), "{step} was never passed: {points:?}");
        let sent = login.server.totals().token_requests - before;
        if fails {
            let ran = ran.failed(5);
            assert!(ran.stderr.contains("nput/output error"), "{step}: {ran:?}");
            assert_eq!(sent, 0, "{class}, {step}: nothing is spent");
        } else {
            ran.succeeded();
            assert_eq!(sent, 1, "{class}, {step}: one request, saved in the end");
        }
        login.mended();
        login.wait_refreshed();
        let seen = login.status();
        assert_eq!(
            (&seen["health"], &seen["in_doubt"]),
            (&"healthy".into(), &false.into()),
            "{step}: {seen}"
        );
        rounds += 1;
    }
    let row = login.numbers(fault, variant, 1, rounds);
    assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
}

#[test]
fn an_error_at_any_step_of_the_mark_costs_no_request() {
    for class in [AsClass::P1, AsClass::P2] {
        for fault in ["disk-eio", "fsync-once"] {
            command_meets(class, &MARK, fault, "once, at the mark", true);
        }
    }
}

#[test]
fn an_error_at_any_step_of_the_commit_is_made_up_for_by_a_second_try() {
    for class in [AsClass::P1, AsClass::P2, AsClass::P4] {
        for fault in ["disk-eio", "fsync-once"] {
            command_meets(class, &COMMIT, fault, "once, at the commit", false);
        }
    }
}

#[test]
fn an_error_at_any_step_of_the_file_beside_the_record_is_of_no_weight() {
    for fault in ["disk-eio", "fsync-once"] {
        command_meets(AsClass::P2, &MARK_FILE, fault, "once, at the mark file", false);
    }
}

/// The agent's own second try, not the shutdown's.
#[test]
fn an_agent_meets_an_error_at_each_step_once_and_heals_by_itself() {
    let class = AsClass::P2;
    for fault in ["disk-eio", "fsync-once"] {
        let login = Login::at(class);
        login.token().succeeded();
        let steps: Vec<_> = MARK.iter().chain(&COMMIT).filter(|step| key(step) == fault).collect();
        let mut rounds = 0;
        for step in steps {
            let (agent, log) = login.agent_failing(&format!("{step}=fail:EIO"));
            agent.wait_credential(NAME, "its record", |seen| seen["generation"] != 0);
            let before = login.server.totals().token_requests;
            let ran = login.run(&["refresh", NAME]);
            if step.starts_with("mark") {
                ran.failed(5);
                assert_eq!(login.server.totals().token_requests, before, "{class}, {step}");
                login.mended();
                login.wait_refreshed();
            } else {
                ran.succeeded();
                login.mended();
            }
            agent.wait_credential(NAME, "saved", |seen| {
                seen["saved"] == true && seen["health"] == "healthy" && seen["in_doubt"] == false
            });
            login.healed();
            assert!(passed(&log).contains(&passing(step)), "{step} was never passed");
            login.heard(agent.stop().succeeded());
            rounds += 1;
        }
        let row = login.numbers(fault, "once, agent", 1, rounds);
        assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
    }
}

/// An error that does not go away: every command gives its token and names what it could not save.
#[test]
fn an_error_that_stays_at_the_commit_is_told_with_the_loss() {
    let login = Login::at(AsClass::P1);
    let mut rounds = 0;
    for step in COMMIT {
        let (ran, _) = login.run_failing(&format!("{step}#1+=fail:EIO"), &["refresh", NAME]);
        let ran = ran.failed(5);
        assert!(ran.stderr.contains("could not be saved"), "{step}: {ran:?}");
        login.mended();
        login.wait_refreshed();
        rounds += 1;
    }
    let row = login.numbers("disk-eio", "for good, at the commit", 1, rounds);
    assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
}

/// A dead process's intent has to be written down as orphaned before the wait for it can begin.
#[test]
fn an_error_while_a_dead_process_is_written_down_costs_no_request() {
    let steps = ["create-temp", "write", "sync-file", "rename", "sync-dir", "read-back"]
        .map(|s| format!("orphan.{s}"));
    for class in [AsClass::P1, AsClass::P2] {
        let login = Login::at(class);
        login.token().succeeded();
        let mut rounds = 0;
        for step in &steps {
            // Dead before it sent: nothing is lost at any server, and nobody can know.
            let (ran, _) = login.run_failing("send.before=kill", &["refresh", NAME]);
            assert_eq!(ran.code, None, "it was killed");
            let before = login.server.totals().token_requests;
            let (ran, points) = login.run_failing(&format!("{step}=fail:EIO"), &["refresh", NAME]);
            assert!(points.contains(&passing(step)), "{step} was never passed: {points:?}");
            ran.failed(5);
            assert_eq!(login.server.totals().token_requests, before, "{class}, {step}");
            login.mended();
            login.wait_refreshed();
            rounds += 1;
        }
        let row = login.numbers("disk-eio", "once, at a dead process's intent", 2, rounds);
        assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
    }
}
