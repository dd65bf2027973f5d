//! Several processes over one store: random interleavings against the invariants that concern all of them, and
//! whether everybody is well again once the faults stop.
//!
//! `RENEWD_TOGETHER_CASES` asks for more histories than the default.

mod action;
mod checks;
mod disk;
mod network;
mod world;

use proptest::prelude::*;
use proptest::test_runner::Config;
use renewd_core::*;
use renewd_testkit::{AsConfig, RefreshStanding};

use action::{Action, actions};
use network::Fate;
use world::World;

/// Histories per property.
const CASES: u32 = 128;

fn config() -> Config {
    let asked = std::env::var("RENEWD_TOGETHER_CASES").ok().and_then(|n| n.parse().ok());
    Config {
        cases: asked.unwrap_or(CASES),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    }
}

/// Access tokens of ten minutes: a history of hours sees many refreshes.
const LIFETIME_MS: u64 = 600_000;

/// Longer than two settle waits and a backoff: who recovers at once recovers inside it.
const GRACE_MS: u64 = 120_000;

/// So short that the wait for an unsettled request is cut to half of it, below what a request may linger.
const SHORT_GRACE_MS: u64 = 40_000;

fn world(class: AsClass, grace_ms: u64, processes: usize) -> World {
    let named = renewd_testkit::AsClass::ALL
        .into_iter()
        .find(|c| c.name() == class.name())
        .expect("the same classes");
    let config = AsConfig {
        class: named,
        lifetime_ms: LIFETIME_MS,
        grace_ms,
        client_id: "cli".into(),
        ..AsConfig::default()
    };
    let grace = if class == AsClass::P3 { Span::from_millis(grace_ms) } else { Span::ZERO };
    World::new(processes, config, Profile { as_class: class, grace, ..Profile::generic() })
}

fn act(w: &mut World, action: &Action) {
    let own = |p: &usize| p % w.processes.len();
    match action {
        Action::Pass(span) => w.pass(*span),
        Action::NextRequest(fate) => w.fates.push_back(*fate),
        Action::Network(fate) => w.network_is = *fate,
        Action::Refresh(p) => w.tell(own(p), Input::Refresh),
        Action::Impatience(p) => {
            let p = own(p);
            for _ in 0..30 {
                w.tell(p, Input::Refresh);
                w.pass(Span::from_secs(2));
            }
        }
        Action::Demand(p) => w.tell(own(p), Input::Demand { min_validity: Span::ZERO }),
        Action::Reject(p) => {
            let p = own(p);
            let seen = w.processes[p].machine.as_ref().map(|m| m.view(w.now));
            if let Some(View { epoch, generation, .. }) = seen {
                w.tell(p, Input::Rejected { epoch, generation });
            }
        }
        Action::Tell(p) => w.tell(own(p), Input::StoreChanged),
        Action::Crash(p) => w.crash(own(p)),
        Action::Start(p) => w.start(own(p)),
        Action::Shutdown(p) => w.tell(own(p), Input::Shutdown),
        Action::Pause(p) => {
            let p = own(p);
            w.processes[p].paused = true;
        }
        Action::Continue(p) => {
            let p = own(p);
            w.processes[p].paused = false;
        }
        Action::Suspend(span) => suspend(w, *span),
        Action::Reboot => w.reboot(),
        Action::Slow(p, slow) => {
            let p = own(p);
            w.processes[p].slow = *slow;
        }
        Action::Step(p) => {
            w.step(own(p));
        }
        Action::LogIn => w.log_in(),
        Action::LogOut => w.log_out(),
        Action::WritesFail(fail) => w.disk.writes_fail = *fail,
        Action::ReadsFail(fail) => w.disk.reads_fail = *fail,
        Action::Lie => w.disk.lies_once = true,
        Action::StepWall(millis) => {
            w.now.wall = Wall::from_unix_millis(w.now.wall.as_unix_millis() + millis);
            (0..w.processes.len()).for_each(|p| w.tell(p, Input::Tick));
        }
    }
    w.run_ready();
}

/// Time passes for nobody but the clocks, the network and the server; then everybody is told.
fn suspend(w: &mut World, span: Span) {
    let paused: Vec<bool> = w.processes.iter().map(|p| p.paused).collect();
    w.processes.iter_mut().for_each(|p| p.paused = true);
    w.pass(span);
    for (p, paused) in paused.into_iter().enumerate() {
        w.processes[p].paused = paused;
        w.tell(p, Input::Resumed);
    }
}

/// The faults stop, everybody runs, and time passes: long enough for a settle wait, one capped backoff, an exhausted
/// budget, and the wait between two attempts.
fn heal(w: &mut World) {
    (w.disk.reads_fail, w.disk.writes_fail, w.disk.lies_once) = (false, false, false);
    w.fates.clear();
    w.network_is = Fate::Answered(200);
    for p in 0..w.processes.len() {
        w.start(p);
        (w.processes[p].paused, w.processes[p].slow) = (false, false);
    }
    for _ in 0..40 {
        for p in 0..w.processes.len() {
            // A shutdown that was under way has ended.
            w.start(p);
            w.tell(p, Input::StoreChanged);
            w.tell(p, Input::Demand { min_validity: Span::ZERO });
        }
        w.pass(Span::from_mins(1));
    }
    // Not in the middle of a refresh: the server may have rotated already.
    while w.wires.iter().any(|wire| wire.is_open()) {
        w.pass(Span::from_millis(100));
    }
    (0..w.processes.len()).for_each(|p| w.tell(p, Input::StoreChanged));
    w.run_ready();
}

/// 14: everybody serves the newest token, or all agree that a login is needed and why.
fn all_is_well(w: &mut World, class: AsClass, trips: usize) {
    let record = w.disk.record.clone().expect("a record");
    let now_ms = w.true_ms;
    for p in 0..w.processes.len() {
        let machine = w.processes[p].machine.as_mut().expect("it was started");
        machine.handle(w.now, Input::Demand { min_validity: Span::ZERO });
        let served = match machine.serve(w.now, Span::ZERO) {
            Serve::Token { access, epoch, generation, .. } => {
                let token = access.token.expose_str().expect("text").to_owned();
                Ok(((epoch, generation), token))
            }
            Serve::Wait => Err((Status::Running, None)),
            Serve::Unavailable(u) => Err((u.status, u.cause)),
        };
        match record.state {
            RecordState::Active => {
                let (version, token) =
                    served.unwrap_or_else(|why| panic!("14: process {p} serves nothing: {why:?}"));
                assert_eq!(version, record.version(), "14: process {p} serves an old token");
                assert!(w.server.check_access(now_ms, &token).is_valid(), "8: the token is not valid");
            }
            RecordState::Tombstone { .. } => {
                assert_eq!(served, Err((Status::Unauthenticated, Some(Cause::LoggedOut))));
            }
            RecordState::Refused { cause, .. } => {
                assert_eq!(cause, RefusedCause::RotationLost, "a lost login is called by its name");
                assert!(trips > 0, "9: a login was given up, and the server had not refused it");
                assert!(
                    !matches!(class, AsClass::P0 | AsClass::P1 | AsClass::P4),
                    "no login is ever lost at {}",
                    class.name()
                );
            }
        }
    }
}

fn history(class: AsClass, grace_ms: u64, processes: usize, actions: &[Action]) {
    let mut w = world(class, grace_ms, processes);
    for action in actions {
        act(&mut w, action);
    }
    heal(&mut w);
    let trips = w.checks.trips(&w.server, |token| w.server.ordinal(token).map(|o| (o.grant.0, o.ordinal)));
    w.checks.nothing_was_dropped();
    if matches!(class, AsClass::P0 | AsClass::P1 | AsClass::P4) {
        assert_eq!(trips, 0, "nothing trips reuse detection at {}", class.name());
    }
    all_is_well(&mut w, class, trips);
    if let Some(token) = w.disk.record.as_ref().and_then(|r| r.grant.refresh_token.as_ref())
        && w.disk.record.as_ref().is_some_and(|r| r.state == RecordState::Active)
    {
        let standing = w.server.standing(w.true_ms, token.expose_str().expect("text"));
        assert_eq!(standing, RefreshStanding::Current, "what is kept is what the server takes");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_processes_keep_one_login_that_rotates_strictly(actions in actions()) {
        history(AsClass::P2, GRACE_MS, 2, &actions);
    }

    #[test]
    fn three_processes_keep_one_login_that_rotates_strictly(actions in actions()) {
        history(AsClass::P2, GRACE_MS, 3, &actions);
    }

    #[test]
    fn where_old_tokens_live_on_no_login_is_ever_lost(
        class in prop_oneof![Just(AsClass::P0), Just(AsClass::P1), Just(AsClass::P4)],
        processes in 2usize..4,
        actions in actions(),
    ) {
        history(class, GRACE_MS, processes, &actions);
    }

    #[test]
    fn a_grace_is_used_and_not_relied_upon(
        grace_ms in prop_oneof![Just(GRACE_MS), Just(SHORT_GRACE_MS)],
        processes in 2usize..4,
        actions in actions(),
    ) {
        history(AsClass::P3, grace_ms, processes, &actions);
    }
}
