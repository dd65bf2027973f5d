//! The end-to-end tests once more, each a test of non-disclosure: everything is logged, and everything that comes out is
//! searched for every secret. What is looked for and what is meant to be shown stands in `tests/src/disclosure.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::peers;
use crate::shell::{self, Failure};
use crate::steps::Outcome;

/// Whose tests they are.
const PACKAGE: &str = "renewd-e2e";

/// Turns the search on.
const ON_ENV: &str = "RENEWD_TEST_DISCLOSURE";

/// Names the file that is told each leak: one that a second try does not show again is a leak all the same.
const LEAKS_ENV: &str = "RENEWD_TEST_LEAKS";

/// Modules of tests that are not run again, each with its reason. All others are.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "heartbeats",
        "counts beats over thirty lifetimes on the real clock; what it writes, the tests of the proxy write too",
    ),
    ("peers_facts", "asks other people's servers directly: nothing of ours runs"),
    (
        "c",
        "a C program shows its tokens to the test; what the library writes, the command's own tests write too",
    ),
    (
        "python",
        "Python shows its tokens to the test; what the library writes, the command's own tests write too",
    ),
    ("sinks", "its files hold tokens for neighbours: what is written there on purpose would be found"),
    ("sidecar", "the same: a neighbour's file, and a seed that the pod was given"),
    ("reload", "the same: token files are exchanged under load"),
    ("day", "the same: two token files among all that lives through a day"),
    ("driver", "the instruments of the login tests: nothing of ours runs"),
    ("peers_race", "many equal processes at a stranger's server; the races at our own server run again"),
    (
        "pause",
        "every point again, stopped rather than killed: the same writing as the module `kill`, with waits",
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
        let mut runner = shell::cargo(&["test", "--package", PACKAGE, "--tests", "--no-fail-fast", "--"]);
        for (name, _) in LEFT_OUT {
            runner.args(["--skip", &format!("{name}::")]);
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

/// The files of end-to-end tests, each a module of the test program that its folder is.
pub(crate) fn modules() -> Result<Vec<PathBuf>, Failure> {
    let mut modules = Vec::new();
    for program in entries(&shell::root().join("tests/tests"))? {
        if program.is_dir() {
            let files = entries(&program)?;
            modules.extend(files.into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs")));
        }
    }
    modules.retain(|file| file.file_stem().is_some_and(|stem| stem != "main"));
    Ok(modules)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |e: std::io::Error| Failure::from(format!("{}: {e}", folder.display()));
    let entries = fs::read_dir(folder).map_err(fail)?;
    entries.map(|entry| entry.map(|e| e.path()).map_err(fail)).collect()
}

/// The test runner's filter for the tests of these modules, each named as `module::`.
pub(crate) fn any_of(modules: &[String]) -> String {
    let each: Vec<String> = modules.iter().map(|module| format!("test(/^{module}/)")).collect();
    each.join(" or ")
}

fn filter() -> String {
    let names: Vec<String> = LEFT_OUT.iter().map(|(name, _)| format!("{name}::")).collect();
    format!("not ({})", any_of(&names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_a_module_of_tests_that_there_is_and_has_a_reason() {
        let all = modules().unwrap();
        for (name, why) in LEFT_OUT {
            let named = all.iter().filter(|file| file.file_stem().is_some_and(|stem| stem == *name));
            assert_eq!(named.count(), 1, "{name} is no module, or several");
            assert!(why.len() > 20, "{name}");
        }
        assert!(all.len() > 5 * LEFT_OUT.len(), "most of them run again");
        assert!(filter().starts_with("not (test(/^heartbeats::/) or "), "{}", filter());
    }
}
