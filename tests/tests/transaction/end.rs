//! SIGTERM in the middle of a refresh, and a disk that takes nothing: an answer that came is saved before the process
//! ends, or its loss is named.

#![cfg(unix)]

use renewd_e2e::testkit::{AsClass, Numbers, Tier};
use renewd_e2e::{
    Agent, CLASSES, PATIENCE, Ran, Running, Scene, Served, TEST_POINT_LOG, at_point, passings, report,
    spread, wait_for,
};
use rustix::process::Signal;

/// How long a process tries to save what it has before it gives up.
const SHORT_GRACE: &str = "[shutdown]\ngrace = \"700ms\"\n";

/// A disk that is full from the first commit on.
const STAYS_FULL: &str = "commit.write#1+=fail:ENOSPC,commit.create-temp#1+=fail:ENOSPC";

fn close(scene: Scene, mut row: Numbers) {
    scene.close(&mut row);
    report([row]);
}

#[test]
fn a_command_told_to_end_while_its_request_is_on_the_wire_saves_the_answer_first() {
    let cases: Vec<_> =
        [Signal::TERM, Signal::INT].iter().flat_map(|signal| CLASSES.map(|class| (*signal, class))).collect();
    spread(&cases, 10, |&(signal, class)| {
        let variant = if signal == Signal::TERM { "a command" } else { "a command, from the terminal" };
        let mut row = Numbers::new(Tier::Processes, "sigterm", class.name(), 2).variant(variant);
        let scene = Scene::begin(class);
        scene.server.hold_answers();
        let mut command = Running::start(scene.token(), b"");
        scene.server.wait_held(1, PATIENCE).unwrap();
        command.signal(signal);
        wait_for("it to say what it waits for", || {
            command.stderr().contains("so that it is not lost").then_some(())
        });
        assert!(command.is_running(), "{class}: it waits for the answer");
        scene.server.release();
        let ran = command.finish();
        scene.heard(&ran);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (None, ""),
            "{class}: in the end the signal has its way: {ran:?}"
        );
        let served = scene.heal(&mut row);
        assert!(matches!(served, Served::Fresh(_)), "{class}: {served:?}");
        let totals = scene.server.totals();
        assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0), "{class}: {totals:?}");
        close(scene, row);
    });
}

#[test]
fn a_command_told_twice_ends_at_once_and_leaves_its_intent() {
    let mut row = Numbers::new(Tier::Processes, "sigterm", "P4", 2).variant("a command, told twice");
    let scene = Scene::begin(AsClass::P4);
    scene.server.hold_answers();
    let command = Running::start(scene.token(), b"");
    scene.server.wait_held(1, PATIENCE).unwrap();
    command.signal(Signal::TERM);
    wait_for("the first to be heard", || command.stderr().contains("so that it is not lost").then_some(()));
    command.signal(Signal::TERM);
    let ran = command.finish();
    scene.heard(&ran);
    assert_eq!(ran.code, None, "{ran:?}");
    scene.server.release();
    scene.server.wait_idle(PATIENCE).unwrap();
    let served = scene.heal(&mut row);
    assert!(matches!(served, Served::Fresh(_)), "{served:?}");
    let totals = scene.server.totals();
    assert_eq!((totals.token_requests, totals.replays, totals.reuse_trips), (2, 1, 0), "{totals:?}");
    close(scene, row);
}

#[test]
fn an_agent_told_to_end_while_its_request_is_on_the_wire_saves_the_answer_and_closes_the_store_last() {
    spread(&CLASSES, CLASSES.len(), |&class| {
        let mut row = Numbers::new(Tier::Processes, "sigterm", class.name(), 2).variant("an agent");
        let scene = Scene::begin(class);
        let log = scene.home.path().join("points");
        scene.server.hold_answers();
        let mut command = scene.home.command(["agent"]);
        command.env(TEST_POINT_LOG, &log);
        let mut agent = Agent::start_at(command, &scene.home.socket());
        scene.server.wait_held(1, PATIENCE).unwrap();
        agent.signal(Signal::TERM);
        wait_for("it to stop listening", || scene.home.socket().symlink_metadata().is_err().then_some(()));
        assert!(agent.is_running(), "{class}: it waits for the answer");
        scene.server.release();
        scene.heard(&agent.finish().succeeded());
        let text = std::fs::read_to_string(&log).expect("the points were logged");
        let last = text.lines().last().unwrap_or_default();
        assert!(
            last.contains(" claim.released "),
            "{class}: the claim goes back after the last write: {last}"
        );
        assert_eq!(passings(&log, "commit.done"), 1, "{class}");
        let served = scene.heal(&mut row);
        assert!(matches!(served, Served::Fresh(_)), "{class}: {served:?}");
        assert_eq!(scene.server.totals().token_requests, 1, "{class}");
        close(scene, row);
    });
}

#[test]
fn a_command_whose_disk_stays_full_prints_its_token_and_names_the_loss() {
    spread(&CLASSES, CLASSES.len(), |&class| {
        let mut row =
            Numbers::new(Tier::Processes, "disk-full", class.name(), 2).variant("unsaved, a command");
        let scene = Scene::with(class, SHORT_GRACE);
        let ran = scene.run(at_point(scene.token(), STAYS_FULL));
        assert_eq!(ran.code, Some(5), "{class}: {ran:?}");
        assert!(ran.stderr.contains("not saved") && ran.stderr.contains("work"), "{class}: {ran:?}");
        // At P4 the use of a token retires the refresh token before it: that is another test.
        let used = class != AsClass::P4;
        let given = Ran { code: Some(0), ..ran.clone() };
        let fresh = || matches!(scene.served(&given), Served::Fresh(_));
        assert!(!used || fresh(), "{class}: the caller has its token all the same: {ran:?}");
        let status = scene.status();
        assert_eq!(status["in_doubt"], true, "{class}: the intent stays: {status}");
        // The disk works again.
        let served = scene.heal(&mut row);
        if class == AsClass::P2 {
            assert_eq!(served, Served::LoginNeeded { told_lost: true });
        } else {
            assert!(matches!(served, Served::Fresh(_)), "{class}: {served:?}");
        }
        assert_eq!(scene.server.totals().reuse_trips, u64::from(class == AsClass::P2), "{class}");
        close(scene, row);
    });
}

/// What cannot be had at P4: the caller's token acknowledges the rotation that was never saved.
#[test]
fn a_token_that_was_used_and_not_saved_retires_the_one_before_it_at_p4_and_the_loss_is_told() {
    let mut row = Numbers::new(Tier::Processes, "disk-full", "P4", 2).variant("a command, used unsaved");
    let scene = Scene::with(AsClass::P4, SHORT_GRACE);
    let ran = scene.run(at_point(scene.token(), STAYS_FULL)).failed(5);
    let given = Ran { code: Some(0), ..ran };
    assert!(matches!(scene.served(&given), Served::Fresh(_)), "{given:?}");
    let served = scene.heal(&mut row);
    assert_eq!(served, Served::LoginNeeded { told_lost: true });
    close(scene, row);
}

#[test]
fn an_agent_whose_disk_stays_full_serves_its_token_and_names_the_loss_at_its_end() {
    let mut row = Numbers::new(Tier::Processes, "disk-full", "P3", 2).variant("unsaved, an agent");
    let scene = Scene::with(AsClass::P3, SHORT_GRACE);
    let agent = Agent::start_at(at_point(scene.home.command(["agent"]), STAYS_FULL), &scene.home.socket());
    let seen = agent.wait_credential("work", "a token that is not saved", |seen| seen["saved"] == false);
    assert_eq!((&seen["health"], &seen["token_valid"]), (&"degraded".into(), &true.into()), "{seen}");
    let served = scene.ask();
    assert!(matches!(served, Served::Fresh(_)), "{served:?}");
    assert_eq!(scene.server.totals().token_requests, 1, "nothing more is refreshed");
    let ended = agent.stop().failed(5);
    scene.heard(&ended);
    assert!(ended.stderr.contains("work"), "{ended:?}");
    let served = scene.heal(&mut row);
    assert!(matches!(served, Served::Fresh(_)), "{served:?}");
    close(scene, row);
}

#[test]
fn a_disk_that_is_full_for_less_than_the_grace_loses_nothing() {
    spread(&CLASSES, CLASSES.len(), |&class| {
        let mut row = Numbers::new(Tier::Processes, "disk-full", class.name(), 2).variant("for a moment");
        let scene = Scene::begin(class);
        let ran =
            scene.run(at_point(scene.token(), "commit.write#1=fail:ENOSPC,commit.sync-file#1=fail:EIO"));
        let served = scene.served(&ran);
        assert!(matches!(served, Served::Fresh(_)), "{class}: {ran:?}");
        let again = scene.heal(&mut row);
        assert_eq!(served, again, "{class}: what was saved is what was printed");
        assert_eq!(scene.server.totals().token_requests, 1, "{class}");
        close(scene, row);
    });
}
