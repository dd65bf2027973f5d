//! `kill -9` at every point of a refresh, at every class of server: whoever comes next has a token, and nothing was
//! spent twice. Only where the dead process took the rotated token with it, at a strict server, must somebody log in
//! again, and is told why.

#![cfg(unix)]

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::process::Command;
use std::time::Duration;

use renewd_e2e::testkit::{AsClass, Fault, Numbers, Tier, Totals, http_request};
use renewd_e2e::{
    Agent, CLASSES, Left, PATIENCE, Running, Scene, Served, Stopwatch, count, every_point, is_lost, left_at,
    meet, number, pause, points, report, spread,
};
use rustix::process::Signal;

/// Scenes that are played side by side: each is waiting for most of its time.
const AT_ONCE: usize = 8;

/// Points at which an agent is killed too: one of each kind.
const AGENTS_POINTS: &[&str] =
    &["claim.taken", "mark.rename", "mark.done", "send.after", "commit.rename", "commit.mark-file.rename"];

/// Where the request is while its process is killed.
const ON_THE_SERVER: &[&str] = &["server.received", "server.rotated", "server.answering"];

/// What a process leaves that is killed there.
fn left(point: &str) -> Left {
    if ON_THE_SERVER.contains(&point) { Left::Unsaved } else { left_at(point) }
}

/// Kills a process at that point, in a scene that leads there.
fn kill_at(scene: &Scene, point: &str, victim: Command) {
    let killed = meet(scene, victim, point, "kill").finish();
    scene.heard(&killed);
    assert_eq!(killed.code, None, "{point}: the process passes it: {killed:?}");
}

/// Somebody comes next and wants a token.
fn heal(scene: &Scene, point: &str, row: &mut Numbers) -> Served {
    let served = scene.heal(row);
    let totals = scene.server.totals();
    let lost = is_lost(scene.class, left(point));
    let (class, requests) = (scene.class, if left(point) == Left::Unsaved { 2 } else { 1 });
    if lost {
        assert_eq!(served, Served::LoginNeeded { told_lost: true }, "{class} {point}");
    } else {
        assert!(matches!(served, Served::Fresh(_)), "{class} {point}: {served:?}");
    }
    assert_eq!(totals.reuse_trips, u64::from(lost), "{class} {point}: {totals:?}");
    assert_eq!(totals.token_requests, requests, "{class} {point}: {totals:?}");
    served
}

fn row(class: AsClass, variant: &str) -> Numbers {
    Numbers::new(Tier::Processes, "kill-at-step", class.name(), 2).variant(variant)
}

#[test]
fn every_point_of_the_binary_is_one_at_which_it_is_killed() {
    let scene = Scene::begin(AsClass::P0);
    let mut here: Vec<&str> = every_point().map(|(_, point)| point).collect();
    // Those of a change of the key are met in keys_rekey.rs.
    let mut known = points(scene.token());
    known.retain(|point| !point.starts_with("rekey.") && !point.starts_with("open.key."));
    here.sort_unstable();
    known.sort_unstable();
    assert_eq!(here, known);
}

#[test]
fn a_command_killed_at_any_point_leaves_what_the_next_one_needs() {
    let cases: Vec<_> =
        every_point().flat_map(|(group, point)| CLASSES.map(|class| (group, point, class))).collect();
    report(spread(&cases, AT_ONCE, |&(group, point, class)| {
        let mut row = row(class, group);
        let scene = Scene::begin(class);
        kill_at(&scene, point, scene.token());
        heal(&scene, point, &mut row);
        scene.close(&mut row);
        row
    }));
}

#[test]
fn an_agent_killed_at_a_point_leaves_what_the_next_agent_needs() {
    let cases: Vec<_> = AGENTS_POINTS.iter().flat_map(|point| CLASSES.map(|class| (*point, class))).collect();
    report(spread(&cases, AT_ONCE, |&(point, class)| {
        let mut row = row(class, "an agent");
        let scene = Scene::begin(class);
        kill_at(&scene, point, scene.home.command(["agent"]));
        let agent = Agent::start(&scene.home);
        let served = heal(&scene, point, &mut row);
        let status = if matches!(served, Served::Fresh(_)) { "running" } else { "unauthenticated" };
        agent.wait_status("work", status);
        scene.heard(&agent.stop().succeeded());
        scene.close(&mut row);
        row
    }));
}

#[test]
fn a_command_killed_while_its_request_is_at_the_server_leaves_what_the_next_one_needs() {
    let cases: Vec<_> = ON_THE_SERVER.iter().flat_map(|point| CLASSES.map(|class| (*point, class))).collect();
    report(spread(&cases, AT_ONCE, |&(point, class)| {
        let mut row = row(class, point);
        let scene = Scene::begin(class);
        let server = &scene.server;
        match point {
            "server.received" => server.hold(),
            "server.rotated" => server.hold_answers(),
            _ => server.push_fault(Fault::SlowDrip { interval_ms: 200 }),
        }
        let victim = Running::start(scene.token(), b"");
        if point == "server.answering" {
            server.wait_for(|totals| totals.successes == 1, PATIENCE).unwrap();
        } else {
            server.wait_held(1, PATIENCE).unwrap();
        }
        victim.signal(Signal::KILL);
        let killed = victim.finish();
        assert_eq!(killed.code, None, "{killed:?}");
        scene.heard(&killed);
        // What was read of a dead process takes effect all the same, before its settle time is over.
        server.release();
        server.wait_for(|totals| totals.successes == 1, PATIENCE).unwrap();
        server.wait_idle(PATIENCE).unwrap();
        heal(&scene, point, &mut row);
        scene.close(&mut row);
        row
    }));
}

/// SplitMix64: a seed that is printed plays the same moments again.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) % below
    }
}

/// How long the server takes to answer: a good part of a refresh, so that many kills find the request on its way.
const ANSWER_TAKES: Duration = Duration::from_millis(20);

/// A refresh that is killed after a part of the time that one takes, or a little more.
fn kill_at_some_moment(scene: &Scene, moments: &mut Moments, whole_ms: u64) {
    let victim = Running::start(scene.home.command(["refresh", "work"]), b"");
    pause(Duration::from_micros(moments.next(1300 * whole_ms.max(1))));
    victim.signal(Signal::KILL);
    scene.heard(&victim.finish());
    // What reached the server takes effect before the settle time is over, however busy this machine is.
    http_request(scene.server.addr(), "GET", "/_control/totals", &[], b"").expect("the server answers");
    scene.server.wait_idle(PATIENCE).expect("the server comes to rest");
}

/// Somebody refreshes next. Only a strict server may want a login, and only where the dead one's answer was on its way
/// to the disk.
fn heal_after_some_moment(scene: &Scene, before: Totals, what: &str, row: &mut Numbers) {
    let watch = Stopwatch::start();
    let next = scene.run(scene.home.command(["refresh", "work", "--timeout", "60s"]));
    row.rounds += 1;
    let totals = scene.server.totals();
    if next.code == Some(0) {
        row.heal_ms = row.heal_ms.max(Some(watch.ms()));
        let served = scene.ask();
        assert!(matches!(served, Served::Fresh(_)), "{what}: {served:?}");
        assert_eq!(totals.reuse_trips, before.reuse_trips, "{what}");
        return;
    }
    let served = scene.served(&next);
    assert_eq!(served, Served::LoginNeeded { told_lost: true }, "{what}: {next:?}");
    assert_eq!(scene.class, AsClass::P2, "{what}");
    assert_eq!(totals.successes, before.successes + 1, "{what}: a rotation was lost");
    assert_eq!(totals.reuse_trips, before.reuse_trips + 1, "{what}");
    count(row, &served);
    scene.log_in_again();
}

#[test]
fn a_command_killed_at_any_moment_leaves_what_the_next_one_needs() {
    let kills = number("RENEWD_TEST_KILLS", 10);
    let seed = number("RENEWD_TEST_SEED", (RandomState::new().build_hasher().finish() >> 33) as usize);
    println!("RENEWD_TEST_SEED={seed} RENEWD_TEST_KILLS={kills}");
    report(spread(&CLASSES, CLASSES.len(), |&class| {
        let mut row = row(class, "at any moment");
        let mut moments = Moments(seed as u64);
        let scene = Scene::begin(class);
        scene.server.set_delay(ANSWER_TAKES);
        let whole = Stopwatch::start();
        scene.run(scene.home.command(["refresh", "work"])).succeeded();
        let whole_ms = whole.ms();
        for round in 0..kills {
            let before = scene.server.totals();
            kill_at_some_moment(&scene, &mut moments, whole_ms);
            heal_after_some_moment(&scene, before, &format!("{class}, round {round}"), &mut row);
        }
        scene.close(&mut row);
        row
    }));
}
