//! `cargo xtask simulate`: plays scenario files in virtual time, and random ones from a seed.

mod swarm;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use renewd_core::Span;
use renewd_sim::{Outcome, Scenario};

use crate::shell::{self, Failure};

/// Exit code for a file that cannot be run, as page "Scenario files" of the book says.
const BAD_FILE: u8 = 2;

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    files: Vec<PathBuf>,
    numbers: Option<PathBuf>,
    swarm: Option<u64>,
    seed: Option<u64>,
    seconds: Option<u64>,
    batches: bool,
}

/// Plays the named files with their timelines, or all of the repository's with a line each; or a swarm.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let wish = wish(args)?;
    if let Some(runs) = wish.swarm {
        return swarm::run(runs, wish.seed.unwrap_or(swarm::FIXED_SEED), wish.seconds);
    }
    let numbers = wish.numbers.as_deref();
    if numbers.is_some() && !wish.batches {
        return play(&faults(&wish.files)?, &How { show: false, numbers });
    }
    let show = !wish.files.is_empty();
    let files = if show { wish.files } else { all()? };
    play(&files, &How { show, numbers })?;
    if wish.batches { swarm::batches() } else { Ok(()) }
}

fn wish(args: &[String]) -> Result<Wish, Failure> {
    let mut wish = Wish::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value =
            |what: &str| args.next().cloned().ok_or_else(|| Failure::usage(format!("{arg} takes {what}")));
        match arg.as_str() {
            "--numbers" => wish.numbers = Some(value("a FOLDER")?.into()),
            "--swarm" => wish.swarm = Some(number(arg, &value("a number of runs")?)?),
            "--seed" => wish.seed = Some(number(arg, &value("a number")?)?),
            "--seconds" => wish.seconds = Some(number(arg, &value("a number of seconds")?)?),
            "--batches" => wish.batches = true,
            flag if flag.starts_with('-') => {
                return Err(Failure::usage(format!(
                    "simulate takes scenario files, --numbers FOLDER, or --swarm RUNS; it has no option {flag:?}"
                )));
            }
            file => wish.files.push(file.into()),
        }
    }
    if wish.swarm.is_none() && (wish.seed.is_some() || wish.seconds.is_some()) {
        return Err(Failure::usage("--seed and --seconds go with --swarm RUNS".to_owned()));
    }
    if wish.swarm.is_some() && (!wish.files.is_empty() || wish.numbers.is_some()) {
        return Err(Failure::usage("--swarm draws its scenarios: name no files with it".to_owned()));
    }
    Ok(wish)
}

fn number(flag: &str, text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| Failure::usage(format!("{flag} {text:?} is not a number")))
}

/// How files are played.
struct How<'a> {
    /// With their timelines.
    show: bool,
    /// Keeping the six numbers of each run there.
    numbers: Option<&'a Path>,
}

fn play(files: &[PathBuf], how: &How<'_>) -> Result<(), Failure> {
    let mut cells = Vec::new();
    for path in files {
        cells.extend(read(path)?.into_iter().map(|scenario| (path, scenario)));
    }
    let began = stopwatch();
    let next = AtomicUsize::new(0);
    let outcomes = on_every_core(|done: &mut Vec<(usize, Outcome)>| {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some((_, scenario)) = cells.get(n) else { return false };
        let mut outcome = renewd_sim::run(scenario);
        if !how.show && outcome.broken.is_empty() {
            outcome.timeline = Vec::new();
        }
        done.push((n, outcome));
        true
    });
    let seconds = began.elapsed().as_secs_f64();
    if outcomes.len() != cells.len() {
        return Err("a run panicked; its words stand above".to_owned().into());
    }
    let (runs, mut broken, mut simulated, mut last) = (cells.len(), 0, Span::ZERO, None);
    for ((path, scenario), outcome) in cells.iter().zip(outcomes) {
        simulated = simulated + scenario.end;
        broken += usize::from(!outcome.broken.is_empty());
        if how.show || !outcome.broken.is_empty() {
            print(path, scenario, &outcome);
        } else if last.replace(*path) != Some(*path) {
            println!("✓ {}", path.file_stem().unwrap_or_default().to_string_lossy());
        }
        if let (Some(folder), Some(row)) = (how.numbers, outcome.numbers(scenario)) {
            row.keep(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
    }
    print_speed(simulated, seconds);
    println!("{} passed, {broken} failed", runs - broken);
    if broken > 0 {
        return Err(format!("{broken} of {runs} scenarios do not hold").into());
    }
    Ok(())
}

/// Does pieces of work on every core until a piece says that there was none left; gives what was done, in the order of
/// its numbers.
fn on_every_core<T: Send>(piece: impl Fn(&mut Vec<(usize, T)>) -> bool + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut all = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while piece(&mut done) {}
            done
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        // A worker that panicked has said so; what it had done is missing, and the count tells.
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, done)| done).collect()
}

fn print_speed(simulated: Span, seconds: f64) {
    let hours = simulated.as_millis() as f64 / 3_600_000.0;
    println!(
        "\n{hours:.0} simulated hours in {seconds:.1} s: {:.0} scenario-hours a second",
        hours / seconds.max(1e-9)
    );
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

/// Those of the files that show a fault; of all where none is named.
fn faults(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let files = if named.is_empty() { all()? } else { named.to_vec() };
    let mut shown = Vec::new();
    for path in files {
        if read(&path)?.iter().any(|s| s.fault.is_some()) {
            shown.push(path);
        }
    }
    Ok(shown)
}

fn read(path: &Path) -> Result<Vec<Scenario>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| bad_file(format!("{}: {e}", path.display())))?;
    Scenario::each(&text).map_err(|e| bad_file(format!("{}: {e}", path.display())))
}

fn print(path: &Path, scenario: &Scenario, outcome: &Outcome) {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    let sign = if outcome.broken.is_empty() { "✓" } else { "✗" };
    println!(
        "{sign} {file}: {} (seed {}, {}, {} processes, {}{}{})",
        scenario.name,
        scenario.seed,
        scenario.server.class,
        scenario.processes,
        scenario.end,
        if scenario.variant.is_empty() { "" } else { ", " },
        scenario.variant,
    );
    for line in &outcome.timeline {
        println!("    {line}");
    }
    println!("    {}", outcome.totals);
    for broken in &outcome.broken {
        println!("  ✗ {broken}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str]) -> Result<Wish, String> {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        wish(&args).map_err(|failure| failure.message)
    }

    #[test]
    fn options_that_do_not_go_together_are_told() {
        for (args, needle) in [
            (&["--fast"][..], "no option \"--fast\""),
            (&["--swarm"], "--swarm takes a number of runs"),
            (&["--swarm", "many"], "\"many\" is not a number"),
            (&["--seed", "1"], "go with --swarm"),
            (&["--swarm", "1", "x.toml"], "name no files"),
            (&["--numbers"], "--numbers takes a FOLDER"),
        ] {
            let said = asked(args).unwrap_err();
            assert!(said.contains(needle), "{args:?}: {said}");
        }
        let wish = asked(&["--swarm", "5", "--seed", "7", "--seconds", "9"]).unwrap();
        assert_eq!((wish.swarm, wish.seed, wish.seconds), (Some(5), Some(7), Some(9)));
    }
}
