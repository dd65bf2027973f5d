//! The end-to-end tests once more, each a test of non-disclosure: everything is logged, and everything that comes out is
//! searched for every secret. What is looked for and what is meant to be shown stands in `tests/src/disclosure.rs`.

use std::fs;

use crate::peers;
use crate::shell::{self, Failure};
use crate::steps::Outcome;
use crate::workspace;

/// Whose tests they are.
const PACKAGE: &str = "renewd-e2e";

/// Turns the search on.
const ON_ENV: &str = "RENEWD_TEST_DISCLOSURE";

/// Names the file that is told each leak: one that a second try does not show again is a leak all the same.
const LEAKS_ENV: &str = "RENEWD_TEST_LEAKS";

/// Test programs that are not run again, each with its reason. All others are.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "heartbeats",
        "counts beats over thirty lifetimes on the real clock; what it writes, the tests of the proxy write too",
    ),
    ("peers_facts", "asks other people's servers directly: nothing of ours runs"),
    ("peers_race", "many equal processes at a stranger's server; the races at our own server run again"),
    (
        "transaction_pause",
        "every point again, stopped rather than killed: the same writing as transaction_kill, with waits",
    ),
];

/// Runs them.
///
/// # Errors
/// When a test fails, or a secret was seen where none may be.
pub(crate) fn run(binary: &str) -> Result<Outcome, Failure> {
    for (name, why) in LEFT_OUT {
        println!("not again: {name}: {why}");
    }
    let leaks = shell::root().join("target/leaks.txt");
    // There is one of an earlier run, perhaps.
    let _ = fs::remove_file(&leaks);
    let mut runner = if shell::has_cargo_tool("nextest") {
        let mut runner = shell::cargo(&["nextest", "run", "--package", PACKAGE, "--no-fail-fast"]);
        runner.args(["--filterset", &filter()]);
        runner
    } else {
        let mut runner = shell::cargo(&["test", "--package", PACKAGE, "--no-fail-fast"]);
        let again = |test: &&String| LEFT_OUT.iter().all(|(name, _)| name != test);
        for test in programs()?.iter().filter(again) {
            runner.args(["--test", test]);
        }
        runner
    };
    runner.env("RENEWD_BIN", binary).env(ON_ENV, "1").env(LEAKS_ENV, &leaks);
    peers::tell(&mut runner);
    let ran = shell::run(runner);
    let told = fs::read_to_string(&leaks).unwrap_or_default();
    if !told.is_empty() {
        return Err(format!("a secret was seen where none may be ({}):\n{told}", leaks.display()).into());
    }
    ran.map(|()| Outcome::Passed)
}

/// The test programs there are.
fn programs() -> Result<Vec<String>, Failure> {
    let packages = workspace::packages()?;
    let ours = packages.into_iter().find(|package| package.name == PACKAGE);
    Ok(ours.map(|package| package.tests).unwrap_or_default())
}

fn filter() -> String {
    let names: Vec<String> = LEFT_OUT.iter().map(|(name, _)| format!("binary(={name})")).collect();
    format!("not ({})", names.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_a_test_program_that_there_is_and_has_a_reason() {
        let all = programs().unwrap();
        for (name, why) in LEFT_OUT {
            assert!(all.iter().any(|test| test == name), "{name} is no test program");
            assert!(why.len() > 20, "{name}");
        }
        assert!(all.len() > 5 * LEFT_OUT.len(), "most of them run again");
        assert!(filter().contains("binary(=heartbeats) or "), "{}", filter());
    }
}
