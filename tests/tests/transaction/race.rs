//! Twenty processes want a token at the same moment: one of them asks the server, and all of them have the new token.

#![cfg(unix)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use renewd_blocking::{BlockingKeeper, CredentialName, Renewd};
use renewd_core::{Client, Policy, Profile, Span};
use renewd_driver::system::SystemClock;
use renewd_e2e::disclosure::intend;
use renewd_e2e::testkit::SecretKind;
use renewd_e2e::testkit::{AsClass, Numbers, Tier};
use renewd_e2e::{
    Agent, PATIENCE, Running, Scene, Served, Stopwatch, TEST_POINT_LOG, count, finish_all, number, passings,
    stampede, wait_for,
};
use renewd_store::{FileStore, FileStoreOptions};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};

/// Processes that want a token at once.
const PROCESSES: usize = 20;

/// The shortest lifetime that an answer can name, in milliseconds.
const SHORTEST_MS: u64 = 1000;

/// Good for as long as a test can take, in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// Long enough for the agents to come first: they refresh at three quarters of it.
const AGENTS_MS: u64 = 2000;

/// Leaves a record whose access token is over.
fn expire(scene: &Scene) {
    scene.server.configure(|config| config.lifetime_ms = SHORTEST_MS);
    scene.run(scene.home.command(["refresh", "work"])).succeeded();
    scene.server.configure(|config| config.lifetime_ms = HOUR_MS);
    // The server's clock began later than that of whoever asked it.
    let issued = scene.server.now_ms();
    wait_for("the token to be over", || (scene.server.now_ms() > issued + SHORTEST_MS).then_some(()));
}

/// Everybody has a token of the server's, and it is one.
fn assert_one_token(row: &mut Numbers, what: &str, all: &[Served]) {
    all.iter().for_each(|served| count(row, served));
    let fresh = |served: &Served| matches!(served, Served::Fresh(_));
    assert!(all.iter().all(fresh), "{what}: {all:?}");
    let others: Vec<usize> = (0..all.len()).filter(|i| all[*i] != all[0]).collect();
    assert!(others.is_empty(), "{what}: everybody has the same, but for {others:?} of {}", all.len());
}

/// All that are started wait for the claim, or hold it, at the same time.
fn held_together(scene: &Scene, round: usize) -> Vec<Running> {
    let log = scene.home.path().join(format!("points-{round}"));
    scene.server.hold();
    let command = || {
        let mut command = scene.token();
        command.env(TEST_POINT_LOG, &log);
        command
    };
    let all: Vec<_> = (0..PROCESSES).map(|_| Running::start(command(), b"")).collect();
    scene.server.wait_held(1, PATIENCE).expect("a request is there");
    wait_for("everybody to want the claim", || (passings(&log, "claim.before") >= PROCESSES).then_some(()));
    assert_eq!((scene.server.held(), scene.server.in_flight()), (1, 1), "nobody else asks");
    scene.server.release();
    all
}

/// Round after round: a token is over, and all want the next one. Released together in front of the claim; held back
/// by the server until all of them wait; and as they come.
fn rounds(class: AsClass) {
    let rounds = number("RENEWD_TEST_ROUNDS", 3);
    let mut row = Numbers::new(Tier::Processes, "race", class.name(), PROCESSES as u32).variant("commands");
    let scene = Scene::begin(class);
    for round in 0..rounds {
        let what = format!("{class}, round {round}");
        if round > 0 {
            expire(&scene);
        }
        let before = scene.server.totals();
        let watch = Stopwatch::start();
        let all = match round % 3 {
            0 => stampede(PROCESSES, "claim.before", || scene.token()),
            1 => held_together(&scene, round),
            _ => (0..PROCESSES).map(|_| Running::start(scene.token(), b"")).collect(),
        };
        let served: Vec<_> = finish_all(all)
            .iter()
            .map(|ran| {
                scene.heard(ran);
                scene.served(ran)
            })
            .collect();
        row.heal_ms = row.heal_ms.max(Some(watch.ms()));
        row.rounds += 1;
        assert_one_token(&mut row, &what, &served);
        let totals = scene.server.totals();
        assert_eq!(totals.token_requests, before.token_requests + 1, "{what}: {totals:?}");
        assert_eq!((totals.reuse_trips, totals.replays), (0, 0), "{what}: {totals:?}");
        assert_eq!(scene.server.max_in_flight(), 1, "{what}");
    }
    scene.close(&mut row);
    row.report().expect("a row can be kept");
    assert_eq!((row.leaks, row.forced_logins, row.expired_served), (0, 0, 0), "{row}");
}

#[test]
fn twenty_commands_want_a_token_at_the_same_moment_at_p0() {
    rounds(AsClass::P0);
}

#[test]
fn twenty_commands_want_a_token_at_the_same_moment_at_p1() {
    rounds(AsClass::P1);
}

#[test]
fn twenty_commands_want_a_token_at_the_same_moment_at_p2() {
    rounds(AsClass::P2);
}

#[test]
fn twenty_commands_want_a_token_at_the_same_moment_at_p3() {
    rounds(AsClass::P3);
}

#[test]
fn twenty_commands_want_a_token_at_the_same_moment_at_p4() {
    rounds(AsClass::P4);
}

/// A command that finds its agent, or none, in a runtime folder of that name.
fn under(scene: &Scene, runtime: &str, args: &[&str]) -> Command {
    let mut command = scene.home.command(args);
    command.env("XDG_RUNTIME_DIR", runtime_folder(scene, runtime));
    command
}

fn runtime_folder(scene: &Scene, name: &str) -> PathBuf {
    let folder = scene.home.path().join("runtime").join(name);
    if !folder.exists() {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().mode(0o700).create(&folder).expect("a folder can be made");
    }
    folder
}

fn agent(scene: &Scene, runtime: &str) -> Agent {
    let socket = runtime_folder(scene, runtime).join("renewd/agent.sock");
    Agent::start_at(under(scene, runtime, &["agent"]), &socket)
}

/// A program that uses the library over the same records.
fn library_user(scene: &Scene) -> (Renewd, BlockingKeeper) {
    let store = FileStore::open(FileStoreOptions::new(scene.home.state())).expect("the store is there");
    let endpoint = UreqEndpoint::new(UreqOptions::default(), Workers::default(), Arc::new(SystemClock));
    let renewd =
        Renewd::builder(Arc::new(endpoint), Arc::new(store)).spawn().expect("a thread can be started");
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("testkit-client"));
    let name: CredentialName = "work".parse().expect("a name");
    let keeper = renewd.keep(name, setup);
    (renewd, keeper)
}

/// Two agents, a library user, `renewd run`, callers of the agents and commands of their own: all over one record.
fn mixed_rounds(class: AsClass) {
    /// Commands that find no agent.
    const DIRECT: usize = 12;
    /// Runs of a command that prints its token.
    const RUNS: usize = 2;
    intend(
        "stdout of renewd run",
        SecretKind::AccessToken,
        "its command is a shell that prints the variable",
    );
    let rounds = number("RENEWD_TEST_ROUNDS", 2);
    let mut row = Numbers::new(Tier::Processes, "race", class.name(), PROCESSES as u32)
        .variant("two agents, library, run, commands");
    let scene = Scene::begin(class);
    scene.run(under(&scene, "none", &["token", "work"])).succeeded();
    let agents = [agent(&scene, "one"), agent(&scene, "two")];
    let (renewd, keeper) = library_user(&scene);
    for round in 0..rounds {
        let what = format!("{class}, round {round}");
        scene.server.configure(|config| config.lifetime_ms = AGENTS_MS);
        scene.run(under(&scene, "none", &["refresh", "work"])).succeeded();
        // Whoever comes first is held; the token is over meanwhile, and everybody else wants one too.
        scene.server.hold();
        let issued = scene.server.now_ms();
        scene.server.configure(|config| config.lifetime_ms = HOUR_MS);
        scene.server.wait_held(1, PATIENCE).expect("a request is there");
        wait_for("the token to be over", || (scene.server.now_ms() > issued + AGENTS_MS).then_some(()));
        let before = scene.server.totals().token_requests;
        let log = scene.home.path().join(format!("points-{round}"));
        let logged = |mut command: Command| {
            command.env(TEST_POINT_LOG, &log);
            command
        };
        let mut all: Vec<_> = (0..DIRECT)
            .map(|_| logged(under(&scene, "none", &["token", "work", "--timeout", "60s"])))
            .chain((0..RUNS).map(|_| {
                let shell = ["run", "work", "--env", "T", "--", "sh", "-c", "printf '%s\\n' \"$T\""];
                logged(under(&scene, "none", &shell))
            }))
            .map(|command| Running::start(command, b""))
            .collect();
        for runtime in ["one", "two"] {
            all.push(Running::start(under(&scene, runtime, &["token", "work", "--timeout", "60s"]), b""));
        }
        let in_process = {
            let keeper = keeper.clone();
            thread::spawn(move || keeper.token(Span::from_secs(60)))
        };
        wait_for("everybody to want the claim", || {
            (passings(&log, "claim.before") >= DIRECT + RUNS).then_some(())
        });
        assert_eq!(scene.server.held(), 1, "{what}: nobody else asks");
        let watch = Stopwatch::start();
        scene.server.release();
        let mut served: Vec<_> = finish_all(all)
            .iter()
            .map(|ran| {
                scene.heard(ran);
                scene.served(ran)
            })
            .collect();
        let lease = in_process.join().expect("it does not panic").expect("the library has a token");
        served.push(Served::Fresh(String::from_utf8_lossy(lease.access_token().expose()).into_owned()));
        row.heal_ms = row.heal_ms.max(Some(watch.ms()));
        row.rounds += 1;
        assert_one_token(&mut row, &what, &served);
        let totals = scene.server.totals();
        assert_eq!(totals.token_requests, before + 1, "{what}: {totals:?}");
        assert_eq!((totals.reuse_trips, totals.replays), (0, 0), "{what}: {totals:?}");
        for agent in &agents {
            agent.wait_credential("work", "the others' token", |seen| {
                seen["generation"] == scene.server.totals().successes
            });
        }
    }
    assert_eq!(scene.server.max_in_flight(), 1, "{class}");
    assert!(renewd.shutdown().lost.is_empty());
    for agent in agents {
        scene.heard(&agent.stop().succeeded());
    }
    scene.close(&mut row);
    row.report().expect("a row can be kept");
    assert_eq!((row.leaks, row.forced_logins, row.expired_served), (0, 0, 0), "{row}");
}

#[test]
fn agents_a_library_and_commands_share_one_record_at_a_strict_server() {
    mixed_rounds(AsClass::P2);
}

#[test]
fn agents_a_library_and_commands_share_one_record_at_a_server_that_retires_on_acknowledgement() {
    mixed_rounds(AsClass::P4);
}

#[test]
fn a_waiter_whose_time_is_over_leaves_with_124_and_a_patient_one_has_the_winners_token() {
    let mut row = Numbers::new(Tier::Processes, "caller-cancels", "P2", 5);
    let scene = Scene::begin(AsClass::P2);
    scene.server.hold();
    let winner = Running::start(scene.token(), b"");
    scene.server.wait_held(1, PATIENCE).expect("a request is there");
    let patient = Running::start(scene.token(), b"");
    for _ in 0..3 {
        let ran = scene.run(scene.home.command(["token", "work", "--timeout", "300ms"]));
        assert_eq!(scene.served(&ran), Served::TimedOut, "{ran:?}");
        row.rounds += 1;
    }
    assert_eq!((scene.server.totals().token_requests, scene.server.in_flight()), (0, 1), "no second request");
    let watch = Stopwatch::start();
    scene.server.release();
    let served: Vec<_> =
        finish_all(vec![winner, patient]).iter().map(|ran| (scene.heard(ran), scene.served(ran)).1).collect();
    row.heal_ms = Some(watch.ms());
    assert_one_token(&mut row, "the winner and the patient one", &served);
    assert_eq!((scene.server.totals().token_requests, scene.server.max_in_flight()), (1, 1));
    scene.close(&mut row);
    row.report().expect("a row can be kept");
    assert_eq!(row.leaks, 0);
}

#[test]
fn an_impatient_winners_answer_is_saved_and_serves_the_next_one() {
    let mut row = Numbers::new(Tier::Processes, "caller-cancels", "P2", 2).variant("the one that sent");
    let scene = Scene::begin(AsClass::P2);
    scene.server.hold_answers();
    let impatient = Running::start(scene.home.command(["token", "work", "--timeout", "200ms"]), b"");
    scene.server.wait_held(1, PATIENCE).expect("a request is there");
    wait_for("its time to be over", || impatient.stderr().contains("the time is over").then_some(()));
    scene.server.release();
    let ran = impatient.finish();
    scene.heard(&ran);
    assert_eq!(scene.served(&ran), Served::TimedOut, "{ran:?}");
    let watch = Stopwatch::start();
    let served = scene.ask();
    row.heal_ms = Some(watch.ms());
    row.rounds = 1;
    assert_one_token(&mut row, "the next one", &[served]);
    assert_eq!(scene.server.totals().token_requests, 1, "it took what the impatient one left");
    scene.close(&mut row);
    row.report().expect("a row can be kept");
    assert_eq!(row.leaks, 0);
}
