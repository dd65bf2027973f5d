//! SIGSTOP at every point of a refresh until every deadline has passed, while another process comes by: it waits its
//! own time for the one that holds the claim, and sends nothing. Then SIGCONT, or `kill -9` after all.

#![cfg(unix)]

use renewd_e2e::testkit::{AsClass, Numbers, Tier};
use renewd_e2e::{
    CLASSES, Left, PATIENCE, Ran, Running, Scene, Served, count, every_point, is_lost, left_at, meet, number,
    report, spread, wait_stopped,
};
use rustix::process::Signal;

/// Scenes that are played side by side: each is waiting for most of its time.
const AT_ONCE: usize = 12;

/// A request's time, shorter than any pause here: the other process waits longer than that.
const SHORT_REQUESTS: &str = "[request]\ntimeout = \"1s\"\nconnect_timeout = \"1s\"\n";

/// How long the one waits that is then stopped: enough to come to the point.
const VICTIMS_PATIENCE: &str = "2s";

/// How long the other one waits: longer than the request's time, the settle time and the victim's patience.
const OTHERS_PATIENCE: &str = "3500ms";

/// How long one waits that will get its token: as long as a slow machine takes.
const SERVED_PATIENCE: &str = "60s";

/// The strictest and the one that retires on acknowledgement first: a usual run takes these two to every point, and
/// `RENEWD_TEST_PAUSE_CLASSES=5` all.
const BY_STRICTNESS: [AsClass; 5] = [AsClass::P2, AsClass::P4, AsClass::P3, AsClass::P1, AsClass::P0];

/// Points that are killed after a pause: one of each kind.
const KILLED: &[&str] = &["mark.done", "send.before", "send.after", "commit.rename", "commit.sync-dir"];

fn begin(class: AsClass) -> Scene {
    Scene::with(class, SHORT_REQUESTS)
}

fn token(scene: &Scene, patience: &str) -> std::process::Command {
    scene.home.command(["token", "work", "--timeout", patience])
}

/// A process that is stopped at that point.
fn stopped_at(scene: &Scene, point: &str) -> Running {
    // Where it is stopped twice, it needs more.
    let patience = if point.contains("mark-file") { SERVED_PATIENCE } else { VICTIMS_PATIENCE };
    let mut victim = meet(scene, token(scene, patience), point, "stop");
    wait_stopped(&mut victim);
    victim
}

/// Another process comes meanwhile. Whoever holds the claim keeps it for as long as it lives.
fn meanwhile(scene: &Scene, point: &str) -> Served {
    let before = scene.server.totals().token_requests;
    let free = point == "claim.before" || left_at(point) == Left::Saved;
    let ran = scene.run(token(scene, if free { SERVED_PATIENCE } else { OTHERS_PATIENCE }));
    let served = scene.served(&ran);
    if free {
        assert!(matches!(served, Served::Fresh(_)), "{} {point}: {ran:?}", scene.class);
    } else {
        assert_eq!(served, Served::TimedOut, "{} {point}: {ran:?}", scene.class);
        assert_eq!(
            scene.server.totals().token_requests,
            before,
            "{} {point}: not a second request",
            scene.class
        );
    }
    served
}

/// What the one that was stopped may have come to: a token, or the end of its own patience (124, or 4 where it knows
/// when it would try next).
fn assert_in_order(scene: &Scene, point: &str, ran: &Ran) {
    scene.heard(ran);
    let served = scene.served(ran);
    let in_order = matches!(served, Served::Fresh(_) | Served::TimedOut | Served::Nothing(Some(4)));
    assert!(in_order, "{} {point}: {served:?} {ran:?}", scene.class);
}

#[test]
fn a_command_stopped_at_any_point_past_every_deadline_spends_nothing_twice_when_it_goes_on() {
    let classes = &BY_STRICTNESS[..number("RENEWD_TEST_PAUSE_CLASSES", 2).min(BY_STRICTNESS.len())];
    let cases: Vec<_> = every_point()
        .flat_map(|(group, point)| classes.iter().map(move |class| (group, point, *class)))
        .collect();
    report(spread(&cases, AT_ONCE, |&(group, point, class)| {
        let mut row = Numbers::new(Tier::Processes, "pause", class.name(), 2).variant(group);
        let scene = begin(class);
        let victim = stopped_at(&scene, point);
        count(&mut row, &meanwhile(&scene, point));
        victim.signal(Signal::CONT);
        assert_in_order(&scene, point, &victim.finish());
        let served = scene.heal(&mut row);
        assert!(matches!(served, Served::Fresh(_)), "{class} {point}: {served:?}");
        let totals = scene.server.totals();
        assert_eq!((totals.reuse_trips, totals.replays), (0, 0), "{class} {point}: {totals:?}");
        assert_eq!(totals.successes, 1, "{class} {point}: one refresh was enough: {totals:?}");
        scene.close(&mut row);
        row
    }));
}

#[test]
fn a_command_killed_after_a_pause_leaves_what_the_next_one_needs() {
    let cases: Vec<_> = KILLED.iter().flat_map(|point| CLASSES.map(|class| (*point, class))).collect();
    report(spread(&cases, AT_ONCE, |&(point, class)| {
        let mut row = Numbers::new(Tier::Processes, "kill-after-pause", class.name(), 2);
        let scene = begin(class);
        let victim = stopped_at(&scene, point);
        count(&mut row, &meanwhile(&scene, point));
        victim.signal(Signal::KILL);
        scene.heard(&victim.finish());
        let served = scene.heal(&mut row);
        let lost = is_lost(class, left_at(point));
        if lost {
            assert_eq!(served, Served::LoginNeeded { told_lost: true }, "{class} {point}");
        } else {
            assert!(matches!(served, Served::Fresh(_)), "{class} {point}: {served:?}");
        }
        assert_eq!(scene.server.totals().reuse_trips, u64::from(lost), "{class} {point}");
        scene.close(&mut row);
        row
    }));
}

#[test]
fn a_command_stopped_while_its_request_is_at_the_server_takes_the_answer_when_it_goes_on() {
    let places = ["server.received", "server.rotated"];
    let cases: Vec<_> = places.iter().flat_map(|place| CLASSES.map(|class| (*place, class))).collect();
    report(spread(&cases, AT_ONCE, |&(place, class)| {
        let mut row = Numbers::new(Tier::Processes, "pause", class.name(), 2).variant(place);
        let scene = begin(class);
        if place == "server.received" {
            scene.server.hold()
        } else {
            scene.server.hold_answers()
        }
        let mut victim = Running::start(token(&scene, VICTIMS_PATIENCE), b"");
        scene.server.wait_held(1, PATIENCE).unwrap();
        victim.signal(Signal::STOP);
        wait_stopped(&mut victim);
        let other = scene.run(token(&scene, OTHERS_PATIENCE));
        assert_eq!(scene.served(&other), Served::TimedOut, "{class} {place}: {other:?}");
        assert_eq!(
            scene.server.totals().token_requests,
            u64::from(place == "server.rotated"),
            "{class} {place}"
        );
        // The answer arrives at a process that cannot take it yet.
        scene.server.release();
        scene.server.wait_idle(PATIENCE).unwrap();
        victim.signal(Signal::CONT);
        assert_in_order(&scene, place, &victim.finish());
        let served = scene.heal(&mut row);
        assert!(matches!(served, Served::Fresh(_)), "{class} {place}: {served:?}");
        let totals = scene.server.totals();
        assert_eq!((totals.reuse_trips, totals.successes), (0, 1), "{class} {place}: {totals:?}");
        scene.close(&mut row);
        row
    }));
}
