//! An agent that is killed again and again, at any moment: what it may ask of the server is bounded by a budget that
//! outlives it.

#![cfg(target_os = "linux")]

use std::time::Duration;

use renewd_e2e::disk::login::{Login, NAME, QUICK};
use renewd_e2e::pause;
use renewd_e2e::testkit::{AsClass, Fault};

/// Deaths.
const CRASHES: u64 = 30;

/// Attempts that may be made in a row; none grows back while the test runs.
const BUDGET: u64 = 8;

/// No life of the first row of deaths is longer. A machine on which nobody comes to a request in it gets another row,
/// of longer lives.
const LIFE_MILLIS_MAX: u64 = 150;

/// Rows of deaths, of which one must have come to a request.
const ROWS_MAX: u64 = 20;

/// Chosen once: a test that fails must fail again.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The next of a row of numbers that look like chance (xorshift).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn configuration(budget: &str) -> String {
    QUICK
        .replace("budget = 1000\nbudget_refill = \"1s\"\n", budget)
        .replace("settle = \"300ms\"", "settle = \"20ms\"")
}

#[test]
fn an_agent_in_a_crash_loop_asks_no_more_than_its_budget() {
    for class in [AsClass::P1, AsClass::P2] {
        let login = Login::at(class);
        login.home.configure(&configuration(&format!("budget = {BUDGET}\nbudget_refill = \"1h\"\n")));
        login.server.set_fault(Fault::parse("503").expect("a fault"));
        let mut chance = SEED;
        let (mut crashes, mut asked) = (0, 0);
        for row in 1..=ROWS_MAX {
            for _ in 0..CRASHES {
                let life = Duration::from_millis(next(&mut chance) % (row * LIFE_MILLIS_MAX));
                let agent = login.start(&["agent"]);
                pause(life);
                // It ends here, by SIGKILL.
                drop(agent);
            }
            crashes += CRASHES;
            asked = login.server.totals().token_requests;
            if asked > 0 {
                break;
            }
        }
        assert!(
            (1..=BUDGET).contains(&asked),
            "{class}: {asked} requests in {crashes} lives, {BUDGET} allowed"
        );
        // One that lives may spend the rest and no more: an attempt that died before it was sent has cost as much.
        let agent = login.agent();
        for _ in 0..BUDGET + 2 {
            login.run(&["refresh", NAME, "--timeout", "100ms"]);
        }
        let asked = login.server.totals().token_requests;
        assert!(asked <= BUDGET, "{class}: {asked} requests, {BUDGET} allowed");
        login.heard(agent.stop().succeeded());
        login.server.set_fault(Fault::Ok);
        login.home.configure(&configuration("budget = 1000\nbudget_refill = \"10ms\"\n"));
        login.mended();
        login.wait_refreshed();
        let row = login.numbers("crash-loop", "", 1, crashes);
        assert_eq!((row.reuse_trips, row.forced_logins), (0, 0), "{row}");
    }
}
