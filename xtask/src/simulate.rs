//! `cargo xtask simulate`: plays scenario files in virtual time.

use std::path::{Path, PathBuf};

use renewd_core::Span;
use renewd_sim::{Outcome, Scenario};

use crate::shell::{self, Failure};

/// Exit code for a file that cannot be run, as page "Scenario files" of the book says.
const BAD_FILE: u8 = 2;

/// Plays the named files with their timelines, or all of the repository's with a line each.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let (files, show) = if args.is_empty() { (all()?, false) } else { (named(args)?, true) };
    let mut broken = 0;
    let mut simulated = Span::ZERO;
    let began = stopwatch();
    for path in &files {
        let scenario = read(path)?;
        let outcome = renewd_sim::run(&scenario);
        simulated = simulated + scenario.end;
        print(path, &scenario, &outcome, show);
        broken += usize::from(!outcome.broken.is_empty());
    }
    let seconds = began.elapsed().as_secs_f64().max(1e-9);
    let hours = simulated.as_millis() as f64 / 3_600_000.0;
    println!("\n{hours:.0} simulated hours in {seconds:.1} s: {:.0} hours a second", hours / seconds);
    println!("{} passed, {broken} failed", files.len() - broken);
    if broken > 0 {
        return Err(format!("{broken} of {} scenarios do not hold", files.len()).into());
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how fast the simulator is can only be told by a real clock")]
fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

fn bad_file(message: String) -> Failure {
    Failure { message, code: BAD_FILE }
}

fn all() -> Result<Vec<PathBuf>, Failure> {
    let folder = shell::root().join("tests/scenarios");
    let listing = std::fs::read_dir(&folder)
        .map_err(|e| bad_file(format!("{}: {e}; run this inside the repository", folder.display())))?;
    let mut files: Vec<PathBuf> = listing
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(bad_file(format!("{}: no scenario files", folder.display())));
    }
    Ok(files)
}

fn named(args: &[String]) -> Result<Vec<PathBuf>, Failure> {
    match args.iter().find(|a| a.starts_with('-')) {
        Some(flag) => {
            Err(Failure::usage(format!("simulate takes scenario files; it has no option {flag:?}")))
        }
        None => Ok(args.iter().map(PathBuf::from).collect()),
    }
}

fn read(path: &Path) -> Result<Scenario, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| bad_file(format!("{}: {e}", path.display())))?;
    Scenario::parse(&text).map_err(|e| bad_file(format!("{}: {e}", path.display())))
}

fn print(path: &Path, scenario: &Scenario, outcome: &Outcome, show: bool) {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    let sign = if outcome.broken.is_empty() { "✓" } else { "✗" };
    println!("{sign} {file}: {} (seed {}, {})", scenario.name, scenario.seed, scenario.end);
    if show || !outcome.broken.is_empty() {
        for line in &outcome.timeline {
            println!("    {line}");
        }
        println!("    {}", outcome.totals);
    }
    for broken in &outcome.broken {
        println!("  ✗ {broken}");
    }
}
