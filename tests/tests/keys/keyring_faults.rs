//! The keyring is locked, missing, hangs, its prompt is dismissed, or it answers with an old value, at a server that
//! takes a spent refresh token for theft: nothing is spent twice, nobody has to log in again, and an agent that has a
//! token goes on serving it.

#![cfg(target_os = "linux")]

use renewd_e2e::testkit::{AsClass, AsConfig, AuthorizationServer, Numbers, Tier};
use renewd_e2e::{
    Agent, PATIENCE, Ran, Running, Served, Session, Stopwatch, Terminal, count, disclosure, report, wait_for,
};
use renewd_keyring::testing::{Behaviour, Desktop, FakeService, Prompted, Provider};
use serde_json::json;

/// How long one call may take where it does not end by itself.
const SHORT: &str = "1s";

/// The session, and what provides its keyring.
enum Desk {
    Real(Desktop),
    Fake(Desktop, FakeService),
}

impl Desk {
    fn desktop(&self) -> &Desktop {
        match self {
            Self::Real(desktop) | Self::Fake(desktop, _) => desktop,
        }
    }

    fn real() -> Option<Self> {
        Desktop::start().map(Self::Real)
    }

    fn fake() -> Option<Self> {
        let desktop = Desktop::start_with(Provider::None)?;
        let fake = desktop.fake();
        Some(Self::Fake(desktop, fake))
    }

    fn behave(&self, behaviour: Behaviour) {
        match self {
            Self::Fake(_, fake) => fake.behave(behaviour),
            Self::Real(_) => panic!("a real keyring behaves as it wants"),
        }
    }
}

/// What goes wrong, and how it ends.
struct Fault {
    name: &'static str,
    desk: fn() -> Option<Desk>,
    strike: fn(&Desk),
    end: fn(&Desk),
}

const FAULTS: [Fault; 6] = [
    Fault { name: "locked", desk: Desk::real, strike: |d| d.desktop().lock(), end: |d| d.desktop().unlock() },
    Fault {
        name: "missing",
        desk: Desk::real,
        strike: |d| d.desktop().kill_provider(),
        end: |d| d.desktop().start_provider(),
    },
    Fault {
        name: "hangs",
        desk: Desk::real,
        strike: |d| d.desktop().freeze_provider(),
        end: |d| d.desktop().thaw_provider(),
    },
    Fault {
        name: "prompt dismissed",
        desk: Desk::fake,
        strike: |d| d.behave(Behaviour::Locked(Prompted::Dismisses)),
        end: |d| d.behave(Behaviour::Sound),
    },
    Fault {
        name: "old value after a write",
        desk: Desk::fake,
        strike: |d| d.behave(Behaviour::AnswersOld(u32::MAX)),
        end: |d| d.behave(Behaviour::Sound),
    },
    Fault {
        name: "write lost",
        desk: Desk::fake,
        strike: |d| d.behave(Behaviour::LosesWrites),
        end: |d| d.behave(Behaviour::Sound),
    },
];

struct Round {
    desk: Desk,
    server: AuthorizationServer,
    session: Session,
    agent: Agent,
    row: Numbers,
}

impl Round {
    /// A login, and an agent that keeps it.
    fn begin(kind: &str, fault: &Fault) -> Option<Self> {
        let desk = (fault.desk)()?;
        let config = AsConfig { class: AsClass::P2, ..AsConfig::default() };
        let server = AuthorizationServer::start(config).expect("a server can be started");
        let mut session = Session::new(kind, "keyring").on_bus(&desk.desktop().address());
        session.import(&server).succeeded();
        session.token().succeeded();
        session.set("RENEWD_STORE_KEYRING_TIMEOUT", SHORT);
        let agent = Agent::start_at(session.command(["agent"]), &session.home.socket());
        agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
        let place = if kind == "file" { "key" } else { "record" };
        let row =
            Numbers::new(Tier::Processes, "keyring", "P2", 3).variant(&format!("{place}: {}", fault.name));
        Some(Self { desk, server, session, agent, row })
    }

    /// Somebody who wants something while it lasts, or afterwards.
    fn ask(&mut self, args: &[&str]) -> Served {
        let ran = Running::start(self.session.alone(args), b"").finish();
        self.note(&ran)
    }

    fn note(&mut self, ran: &Ran) -> Served {
        for (place, text) in [("stderr", &ran.stderr), ("stdout of renewd token", &ran.stdout)] {
            let leaks = disclosure::leaks_in(&[place], text.as_bytes());
            leaks.iter().for_each(|leak| println!("a secret in {place}: {leak}"));
            self.row.leaks += leaks.len() as u64;
        }
        let served = match ran.code {
            Some(0) => {
                let check = self.server.with_model(|model, now_ms| model.check_access(now_ms, ran.line()));
                if check.is_valid() {
                    Served::Fresh(ran.line().to_owned())
                } else {
                    Served::Spoilt(check.name())
                }
            }
            Some(3) => Served::LoginNeeded { told_lost: ran.stderr.contains("rotation_lost") },
            other => Served::Nothing(other),
        };
        count(&mut self.row, &served);
        served
    }

    fn close(mut self) -> Numbers {
        self.agent.stop().succeeded();
        let totals = self.server.totals();
        self.row.token_requests = totals.token_requests;
        self.row.reuse_trips = totals.reuse_trips;
        for folder in [self.session.home.path().to_owned(), self.desk.desktop().folder()] {
            let leaks = disclosure::leaks_below(&folder);
            leaks.iter().for_each(|leak| println!("a secret in {leak}"));
            self.row.leaks += leaks.len() as u64;
        }
        self.row
    }
}

/// The agent's token is one that the server takes.
fn agent_serves(round: &Round) {
    let answer = round.agent.socket().post("/v1/credentials/work/token", &json!({}));
    assert_eq!(answer.status, 200, "{}: {}", round.row.variant, answer.text());
    let token = answer.json()["access_token"].as_str().expect("a token is text").to_owned();
    let check = round.server.with_model(|model, now_ms| model.check_access(now_ms, &token));
    assert!(check.is_valid(), "{}: {}", round.row.variant, check.name());
}

fn agent_refreshes(agent: &Agent) -> bool {
    agent.socket().post("/v1/credentials/work/refresh", &json!({})).status == 200
}

fn play(kind: &str, fault: &Fault) -> Option<Numbers> {
    let mut round = Round::begin(kind, fault)?;
    (fault.strike)(&round.desk);
    agent_serves(&round);
    let renewed = agent_refreshes(&round.agent);
    assert!(
        renewed || kind == "keyring",
        "{}: an agent that has its key needs no keyring",
        round.row.variant
    );
    for command in ["token", "refresh"] {
        let ran = Running::start(round.session.alone([command, "work"]), b"").finish();
        assert_ne!(ran.code, Some(3), "{}: no failure of a keyring is a logout: {ran:?}", round.row.variant);
        if command == "token" {
            round.note(&ran);
        }
    }
    if fault.name == "prompt dismissed" {
        let (code, screen) = Terminal::start(&round.session.alone(["token", "work"])).finish();
        assert_eq!(code, Some(5), "{screen}");
        assert!(screen.contains("dismissed"), "{screen}");
    }
    agent_serves(&round);
    (fault.end)(&round.desk);
    let watch = Stopwatch::start();
    let served = wait_for("a token once it is over", || {
        let served = round.ask(&["token", "work"]);
        matches!(served, Served::Fresh(_)).then_some(served)
    });
    round.row.heal_ms = Some(watch.ms());
    round.row.rounds = 1;
    assert!(matches!(served, Served::Fresh(_)));
    wait_for("the agent to refresh again", || agent_refreshes(&round.agent).then_some(()));
    agent_serves(&round);
    Some(round.close())
}

fn hold(kind: &str) {
    let Some(rows) = FAULTS.iter().map(|fault| play(kind, fault)).collect::<Option<Vec<_>>>() else { return };
    for row in &rows {
        assert_eq!((row.reuse_trips, row.forced_logins, row.leaks), (0, 0, 0), "{row}");
    }
    report(rows);
}

#[test]
fn a_failing_keyring_that_holds_the_key_costs_no_login() {
    hold("file");
}

#[test]
fn a_failing_keyring_that_holds_the_record_costs_no_login() {
    hold("keyring");
}

/// The refresh token is spent, its successor is on its way, and then the keyring is locked: the agent serves the new
/// token from its memory, and saves it as soon as it can.
fn locked_over_an_answer(kind: &str) -> Option<Numbers> {
    const FAULT: Fault = Fault { name: "locked while the answer is on its way", ..FAULTS[0] };
    let mut round = Round::begin(kind, &FAULT)?;
    round.server.hold_answers();
    std::thread::scope(|scope| {
        scope.spawn(|| agent_refreshes(&round.agent));
        round.server.wait_held(1, PATIENCE).expect("a request is there");
        (FAULT.strike)(&round.desk);
        round.server.release();
    });
    wait_for("the agent to have the new token", || (round.server.totals().successes == 2).then_some(()));
    agent_serves(&round);
    (FAULT.end)(&round.desk);
    let watch = Stopwatch::start();
    let served = wait_for("a token for a command", || {
        let served = round.ask(&["token", "work"]);
        matches!(served, Served::Fresh(_)).then_some(served)
    });
    round.row.heal_ms = Some(watch.ms());
    round.row.rounds = 1;
    assert!(matches!(served, Served::Fresh(_)));
    wait_for("a command to refresh again", || {
        let ran = Running::start(round.session.alone(["refresh", "work"]), b"").finish();
        (ran.code == Some(0)).then_some(())
    });
    Some(round.close())
}

#[test]
fn a_keyring_that_is_locked_over_an_answer_loses_no_rotation() {
    let rows = ["file", "keyring"].map(locked_over_an_answer);
    for row in rows.into_iter().flatten() {
        assert_eq!((row.reuse_trips, row.forced_logins, row.leaks), (0, 0, 0), "{row}");
        report([row]);
    }
}
