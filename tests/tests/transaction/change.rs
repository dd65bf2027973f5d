//! The configuration is read anew, or somebody logs out or in, while a refresh is on its way: the answer of the login
//! before never becomes durable afterwards, and what a reload finds under way is finished.
//!
//! Whoever has the answer in hand then hands its tokens back. Whoever hears of the other login before closes the
//! connection: it has nothing to hand back.

#![cfg(unix)]

use renewd_e2e::testkit::{AsClass, Numbers, Tier};
use renewd_e2e::{
    Agent, CLASSES, PATIENCE, Ran, Running, Scene, Served, Stopwatch, at_point, report, spread, wait_for,
    wait_stopped,
};
use rustix::process::Signal;

/// Another way to the server: the agent gives the credential to another loop.
const ANOTHER_WAY: &str = "[request]\nconnect_timeout = \"7s\"\ntimeout = \"40s\"\n";

fn close(scene: Scene, mut row: Numbers) {
    scene.close(&mut row);
    report([row]);
}

#[test]
fn a_reload_in_the_middle_of_a_refresh_drops_no_rotation() {
    let ways = ["the same way", "another way", "by a signal"];
    let cases: Vec<_> = ways.iter().flat_map(|way| CLASSES.map(|class| (*way, class))).collect();
    spread(&cases, 8, |&(way, class)| {
        let mut row = Numbers::new(Tier::Processes, "reload", class.name(), 1).variant(way);
        let scene = Scene::begin(class);
        let agent = Agent::start(&scene.home);
        // It has a first token, and somebody asks for another.
        agent.wait_credential("work", "a token", |seen| seen["generation"] == 1);
        scene.server.hold_answers();
        let refresh = Running::start(scene.home.command(["refresh", "work"]), b"");
        scene.server.wait_held(1, PATIENCE).expect("a request is there");
        let configuration = std::fs::read_to_string(scene.home.configuration()).expect("there is one");
        let more = if way == "another way" { ANOTHER_WAY } else { "[lifetime]\ndefault = \"2h\"\n" };
        scene.home.configure(&format!("{more}{configuration}"));
        if way == "by a signal" {
            agent.signal(Signal::HUP);
        } else {
            let answer = agent.socket().request("POST", "/v1/reload", &[], b"").expect("an answer");
            assert_eq!(answer.status, 200);
        }
        agent.wait_said("was read anew");
        scene.server.release();
        scene.heard(&refresh.finish());
        agent.wait_credential("work", "the rotation, saved", |seen| {
            seen["generation"] == 2 && seen["saved"] == true && seen["in_doubt"] == false
        });
        let served = scene.heal(&mut row);
        assert!(matches!(served, Served::Fresh(_)), "{class} {way}: {served:?}");
        let totals = scene.server.totals();
        assert_eq!((totals.token_requests, totals.reuse_trips), (2, 0), "{class} {way}: {totals:?}");
        scene.heard(&agent.stop().succeeded());
        close(scene, row);
    });
}

/// Who refreshes while somebody else logs out or in.
#[derive(Clone, Copy, Debug)]
enum Who {
    /// A command whose answer is on its way.
    Command,
    /// One that has it in its hands.
    WithAnswer,
    /// An agent whose answer is on its way.
    Agent,
}

enum Refreshing {
    Command(Running),
    Agent(Agent),
}

impl Refreshing {
    fn begin(scene: &Scene, who: Who) -> Self {
        if let Who::WithAnswer = who {
            let mut command = Running::start(at_point(scene.token(), "send.after=stop"), b"");
            wait_stopped(&mut command);
            return Self::Command(command);
        }
        scene.server.hold_answers();
        let refreshing = match who {
            Who::Command | Who::WithAnswer => Self::Command(Running::start(scene.token(), b"")),
            Who::Agent => Self::Agent(Agent::start(&scene.home)),
        };
        scene.server.wait_held(1, PATIENCE).expect("a request is there");
        refreshing
    }

    /// What was held back comes.
    fn go_on(&self, scene: &Scene) {
        scene.server.release();
        if let Self::Command(command) = self {
            command.signal(Signal::CONT);
        }
    }
}

/// Rounds until one hands back what it has in hand. Each hears of the change in the same moment in which it goes on with
/// its answer: most take the answer first, and a round that does not says nothing about handing back.
const ROUNDS_MAX: usize = 10;

/// Plays rounds for each case until one hands back what it was to hand back.
fn play(round: impl Fn(Who, AsClass) -> bool + Sync) {
    spread(&cases(), 10, |&(who, class)| {
        let handed_back = (0..ROUNDS_MAX).any(|_| round(who, class));
        assert!(handed_back, "{class} {who:?}: in none of {ROUNDS_MAX} rounds were tokens handed back");
    });
}

fn cases() -> Vec<(Who, AsClass)> {
    [Who::Command, Who::WithAnswer, Who::Agent]
        .iter()
        .flat_map(|who| CLASSES.map(|class| (*who, class)))
        .collect()
}

#[test]
fn an_answer_that_comes_after_a_logout_is_not_kept_and_is_handed_back() {
    play(|who, class| {
        let what = format!("{class} {who:?}");
        let variant = format!("logout, {who:?}");
        let mut row = Numbers::new(Tier::Processes, "logout-or-login", class.name(), 2).variant(&variant);
        let scene = Scene::begin(class);
        let refreshing = Refreshing::begin(&scene, who);
        scene.run(scene.home.command(["logout", "work"])).succeeded();
        let by_logout = scene.server.totals().revocations;
        refreshing.go_on(&scene);
        let watch = Stopwatch::start();
        let mut handed_back = true;
        match refreshing {
            Refreshing::Command(command) => {
                let ran = command.finish();
                scene.heard(&ran);
                assert_eq!(scene.served(&ran), Served::LoginNeeded { told_lost: false }, "{what}: {ran:?}");
                if let Who::WithAnswer = who {
                    // The process is over, and with it whatever it sends.
                    handed_back = scene.server.totals().revocations > by_logout;
                }
            }
            Refreshing::Agent(agent) => {
                agent.wait_status("work", "unauthenticated");
                scene.heard(&agent.stop().succeeded());
            }
        }
        assert_eq!(
            scene.server.totals().families_revoked,
            1,
            "{what}: the logout ended the login at the server too"
        );
        row.heal_ms = Some(watch.ms());
        row.rounds = 1;
        let status = scene.status();
        assert_eq!(
            (&status["status"], &status["cause"]),
            (&"unauthenticated".into(), &"logged_out".into()),
            "{status}"
        );
        assert_eq!(status["epoch"], 2, "{what}: {status}");
        let ran: Ran = scene.run(scene.token());
        assert_eq!(
            scene.served(&ran),
            Served::LoginNeeded { told_lost: false },
            "{what}: it stays logged out"
        );
        let totals = scene.server.totals();
        assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0), "{what}: {totals:?}");
        close(scene, row);
        handed_back
    });
}

#[test]
fn an_answer_that_comes_after_another_login_is_not_kept_and_is_handed_back() {
    play(|who, class| {
        let what = format!("{class} {who:?}");
        let variant = format!("login, {who:?}");
        let mut row = Numbers::new(Tier::Processes, "logout-or-login", class.name(), 2).variant(&variant);
        let scene = Scene::begin(class);
        let refreshing = Refreshing::begin(&scene, who);
        scene.log_in_again();
        refreshing.go_on(&scene);
        let mut handed_back = true;
        match refreshing {
            Refreshing::Command(command) => {
                let ran = command.finish();
                scene.heard(&ran);
                // It asked for a token of `work`, and there is a newer login: either its token or none.
                let served = scene.served(&ran);
                assert!(
                    matches!(served, Served::Fresh(_) | Served::Nothing(Some(4))),
                    "{what}: {served:?} {ran:?}"
                );
                if let Who::WithAnswer = who {
                    handed_back = scene.server.totals().revocations > 0;
                }
            }
            Refreshing::Agent(agent) => {
                let seen = agent.wait_credential("work", "a token of the new login", |seen| {
                    seen["epoch"] == 2 && seen["token_valid"] == true
                });
                assert_eq!(seen["status"], "running", "{what}: {seen}");
                scene.heard(&agent.stop().succeeded());
            }
        }
        let served = scene.heal(&mut row);
        let Served::Fresh(token) = &served else { panic!("{what}: {served:?}") };
        let check = scene.server.with_model(|model, now_ms| model.check_access(now_ms, token));
        let grants = scene.server.totals().grants_minted;
        let of_the_new = wait_for("the token's grant", || check.ordinal()).grant;
        let log = scene.server.log();
        let first =
            log.first().and_then(|entry| entry.presented).expect("a refresh token was presented").grant;
        assert_ne!(of_the_new, first, "{what}: the token is the new login's");
        assert_eq!((grants, &scene.status()["epoch"]), (2, &2.into()), "{what}");
        let totals = scene.server.totals();
        assert_eq!((totals.token_requests, totals.reuse_trips), (2, 0), "{what}: {totals:?}");
        close(scene, row);
        handed_back
    });
}
