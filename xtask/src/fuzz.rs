//! `cargo xtask fuzz`: libFuzzer on what renewd reads, each target for a while, from the seeds that are kept and from
//! what earlier runs found.
//!
//! The same properties are drawn by proptest in the ordinary tests; this goes deeper where cargo-fuzz is at hand.

use std::path::Path;
use std::process::Command;

use crate::shell::{self, Failure};
use crate::steps::Outcome;

/// The targets' own workspace.
const FOLDER: &str = "fuzz";

/// How long each target runs where nothing else is said.
const SECONDS: u64 = 60;

/// How long in `ci`: enough for the seeds and what lies near them.
const SECONDS_IN_CI: u64 = 8;

/// A target that needs more for one input has a leak or a loop.
const MEMORY_MIB_MAX: u64 = 1024;

/// Longest input: some header fields, a page of configuration.
const INPUT_BYTES_MAX: u64 = 4096;

/// Reads the command line and fuzzes.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let (seconds, targets) = read(args, &targets()?)?;
    if !at_hand() {
        return Err("cargo-fuzz is not at hand: cargo install --locked cargo-fuzz".to_owned().into());
    }
    targets.iter().try_for_each(|target| fuzz(target, seconds))
}

/// A bounded run of every target, where cargo-fuzz is at hand.
pub(crate) fn check() -> Result<Outcome, Failure> {
    if !at_hand() {
        return Ok(Outcome::Skipped(
            "cargo-fuzz is not at hand: cargo install --locked cargo-fuzz; the tests draw the same properties".into(),
        ));
    }
    for target in targets()? {
        fuzz(&target, SECONDS_IN_CI)?;
    }
    Ok(Outcome::Passed)
}

fn at_hand() -> bool {
    cfg!(unix) && shell::has_cargo_tool("fuzz")
}

/// Every file of `fuzz/fuzz_targets` is one.
fn targets() -> Result<Vec<String>, Failure> {
    let folder = shell::root().join(FOLDER).join("fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.path());
    let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut targets: Vec<String> = names.filter_map(stem).collect();
    targets.sort_unstable();
    Ok(targets)
}

fn read(args: &[String], known: &[String]) -> Result<(u64, Vec<String>), Failure> {
    let (mut seconds, mut chosen) = (SECONDS, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let number = args.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
            seconds = number.ok_or_else(|| Failure::usage("--seconds takes a whole number over 0"))?;
        } else if known.contains(arg) {
            chosen.push(arg.clone());
        } else {
            return Err(Failure::usage(format!(
                "there is no fuzz target {arg:?}; there are {}",
                known.join(", ")
            )));
        }
    }
    Ok((seconds, if chosen.is_empty() { known.to_vec() } else { chosen }))
}

fn fuzz(target: &str, seconds: u64) -> Result<(), Failure> {
    let corpus = shell::root().join("target").join("fuzz-corpus").join(target);
    std::fs::create_dir_all(&corpus).map_err(|e| format!("{}: {e}", corpus.display()))?;
    println!("fuzz target {target}, {seconds} s");
    shell::run(command(target, seconds, &corpus))
}

/// Without a sanitizer, which only nightly knows: what is looked for are panics, and the code has no unsafe to speak of.
fn command(target: &str, seconds: u64, corpus: &Path) -> Command {
    let mut command =
        shell::cargo(&["fuzz", "run", target, "--sanitizer", "none", "--target-dir", "target/fuzz"]);
    command.arg(corpus).arg(Path::new(FOLDER).join("seeds").join(target)).arg("--");
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        "-verbosity=0".into(),
        "-print_final_stats=1".into(),
    ]);
    // Coverage flags are for nightly; this lets the stable compiler take them.
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(args: &[&str]) -> Vec<String> {
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }

    #[test]
    fn targets_are_chosen_by_name_and_an_unknown_one_is_told_what_there_is() {
        let known = args(&["a", "b"]);
        assert_eq!(read(&[], &known).unwrap(), (SECONDS, known.clone()));
        assert_eq!(read(&args(&["b", "--seconds", "5"]), &known).unwrap(), (5, args(&["b"])));
        assert!(read(&args(&["c"]), &known).unwrap_err().message.contains("there are a, b"));
        assert_eq!(read(&args(&["--seconds", "0"]), &known).unwrap_err().code, 2);
    }

    #[test]
    fn every_target_is_declared_and_has_seeds() {
        let manifest = std::fs::read_to_string(shell::root().join(FOLDER).join("Cargo.toml")).unwrap();
        let targets = targets().unwrap();
        assert!(targets.len() >= 5, "{targets:?}");
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not declared");
            let seeds = shell::root().join(FOLDER).join("seeds").join(&target);
            assert!(
                std::fs::read_dir(&seeds).is_ok_and(|mut seeds| seeds.next().is_some()),
                "{target} has no seeds"
            );
        }
    }
}
