//! `cargo xtask test`: everything, in one command.

use std::path::{Path, PathBuf};

use renewd_testkit::NUMBERS_ENV;
use serde_json::Value;

use crate::disclosure;
use crate::libraries::Libraries;
use crate::needs;
use crate::numbers;
use crate::peers;
use crate::shell::{self, Failure};
use crate::simulate;
use crate::steps::{Outcome, Steps};
use crate::workspace;

/// Runs every test. With arguments only the test runner runs, and they are its own.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let mut steps = Steps::default();
    add_steps(&mut steps, args);
    steps.finish()
}

/// The steps, for `ci` too.
pub(crate) fn add_steps(steps: &mut Steps, args: &[String]) {
    if !steps.provide("needs", needs::provide) {
        return;
    }
    let mut binary = String::new();
    let built = steps.provide("binary", || {
        binary = build_binary()?;
        Ok(Outcome::Passed)
    });
    if !built {
        return;
    }
    // A choice of other tests needs no network.
    let concerns = |words: &[&str]| {
        args.is_empty() || args.iter().any(|arg| words.iter().any(|word| arg.contains(word)))
    };
    if concerns(&["peer", "login", "tools", "python"]) && !steps.provide("peers", peers::provide) {
        return;
    }
    let mut libraries = Libraries::default();
    if concerns(&["tools", "python", "c::"]) && !steps.provide("libraries", || libraries.provide()) {
        return;
    }
    if !args.is_empty() {
        steps.run("tests", || run_tests(&binary, args, &libraries, None));
        return;
    }
    let mut rows = PathBuf::new();
    steps.run("tests", || {
        rows = numbers::fresh()?;
        run_tests(&binary, args, &libraries, Some(&rows))
    });
    steps.run("non-disclosure", || disclosure::run(&binary));
    steps.run("scenarios", || {
        let folder = rows.display().to_string();
        passed(simulate::run(&["--batches".to_owned(), "--numbers".to_owned(), folder]))
    });
    steps.run("examples", run_examples);
    steps.run("doctests", || passed(shell::run(shell::cargo(&["test", "--workspace", "--doc"]))));
    steps.run("numbers", numbers::report);
}

fn passed(result: Result<(), Failure>) -> Result<Outcome, Failure> {
    result.map(|()| Outcome::Passed)
}

/// Builds the command itself and says where it lies: cargo knows, whatever target folder or triple is configured.
pub(crate) fn build_binary() -> Result<String, Failure> {
    build(&[])
}

/// The same as people have it.
pub(crate) fn build_optimised() -> Result<String, Failure> {
    build(&["--release"])
}

fn build(more: &[&str]) -> Result<String, Failure> {
    let fixed =
        ["build", "--package", "renewd", "--bin", "renewd", "--message-format=json-render-diagnostics"];
    let build = shell::cargo(&[&fixed, more].concat());
    let messages = shell::output(build)?;
    executable(&messages)
        .ok_or_else(|| Failure::from("cargo built renewd but named no executable".to_owned()))
}

fn executable(messages: &str) -> Option<String> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found =
        messages.filter(|m| m["target"]["name"] == "renewd" && m["reason"] == "compiler-artifact");
    found.find_map(|m| m["executable"].as_str().map(str::to_owned))
}

/// With a folder, the six numbers of every fault are kept there.
fn run_tests(
    binary: &str,
    args: &[String],
    libraries: &Libraries,
    rows: Option<&Path>,
) -> Result<Outcome, Failure> {
    let mut runner = if shell::has_cargo_tool("nextest") {
        shell::cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        println!("cargo-nextest is not at hand: cargo's own runner serves");
        shell::cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
    };
    runner.env("RENEWD_BIN", binary).args(args);
    // Tests of packages have one made.
    if let Ok(own) = std::env::current_exe() {
        runner.env("RENEWD_XTASK", own);
    }
    peers::tell(&mut runner);
    needs::tell(&mut runner);
    libraries.tell(&mut runner);
    if let Some(folder) = rows {
        runner.env(NUMBERS_ENV, folder);
    }
    passed(shell::run(runner))
}

/// Runs each example to its end; each ends by itself and fails where what it shows does not hold.
fn run_examples() -> Result<Outcome, Failure> {
    let mut count = 0;
    for package in workspace::packages()? {
        for example in &package.examples {
            let mut run =
                shell::cargo(&["run", "--quiet", "--package", &package.name, "--example", &example.name]);
            if !example.features.is_empty() {
                run.args(["--features", &example.features.join(",")]);
            }
            println!("example {} of {}", example.name, package.name);
            shell::run(run)?;
            count += 1;
        }
    }
    Ok(if count == 0 { Outcome::Skipped("there is none yet".into()) } else { Outcome::Passed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_where_cargo_says_that_it_built_it() {
        let messages = r#"
            {"reason":"compiler-artifact","target":{"name":"renewd_core"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"renewd"},"executable":null}
            {"reason":"compiler-artifact","target":{"name":"renewd"},"executable":"/elsewhere/debug/renewd"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages).as_deref(), Some("/elsewhere/debug/renewd"));
        assert_eq!(executable("no json\n"), None);
    }
}
