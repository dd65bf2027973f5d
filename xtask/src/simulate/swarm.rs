//! Random scenarios from a seed: what fails is told with its seed, made small, and kept as a file.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use renewd_core::Span;
use renewd_sim::swarm::{self, Drawn};

use super::{on_every_core, print_speed, stopwatch};
use crate::shell::{self, Failure};

/// Where the fixed batch begins: the same scenarios every time, so that a change that breaks one is known by it.
pub(crate) const FIXED_SEED: u64 = 1;
/// Each of the two batches of a whole test run takes about so long.
const BATCH_SECONDS: u64 = 20;
/// More than can be played in that time.
const BATCH_RUNS: u64 = 100_000;
/// Failures that are told; the first ones are enough to begin with.
const TOLD_MAX: usize = 5;

/// A fixed and a fresh batch.
pub(super) fn batches() -> Result<(), Failure> {
    println!("\nrandom scenarios, the same every time:");
    run(BATCH_RUNS, FIXED_SEED, Some(BATCH_SECONDS))?;
    println!("\nrandom scenarios, others every time:");
    run(BATCH_RUNS, fresh_seed(), Some(BATCH_SECONDS))
}

#[expect(clippy::disallowed_methods, reason = "a seed that nobody has tried comes from the time")]
fn fresh_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(FIXED_SEED, |d| d.as_secs() << 20)
}

/// Plays so many scenarios, at most for so long.
pub(super) fn run(runs: u64, seed: u64, seconds: Option<u64>) -> Result<(), Failure> {
    let began = stopwatch();
    let limit = seconds.map(Duration::from_secs);
    let next = AtomicUsize::new(0);
    let drawn = on_every_core(|done: &mut Vec<(usize, Result<Drawn, String>)>| {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n as u64 >= runs || limit.is_some_and(|limit| began.elapsed() >= limit) {
            return false;
        }
        let seed = seed.wrapping_add(n as u64);
        let mut drawn = swarm::play(seed).map_err(|e| format!("seed {seed}: {e}"));
        if let Ok(drawn) = &mut drawn {
            drawn.outcome.timeline = Vec::new();
        }
        done.push((n, drawn));
        true
    });
    let seconds = began.elapsed().as_secs_f64();
    let drawn = drawn.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (played, simulated) = (drawn.len(), drawn.iter().fold(Span::ZERO, |all, d| all + d.simulated));
    println!("{played} random scenarios from seed {seed}");
    print_speed(simulated, seconds);
    let broken: Vec<&Drawn> = drawn.iter().filter(|d| !d.outcome.broken.is_empty()).collect();
    for drawn in broken.iter().take(TOLD_MAX) {
        tell(drawn)?;
    }
    let failed: Vec<u64> = broken.iter().map(|d| d.seed).collect();
    println!("{} passed, {} failed", played - failed.len(), failed.len());
    match failed.first() {
        None => Ok(()),
        Some(first) => {
            let seeds: Vec<String> = failed.iter().take(50).map(u64::to_string).collect();
            println!("seeds that failed: {}", seeds.join(" "));
            Err(format!(
                "{} of {played} random scenarios do not hold; the first: cargo xtask simulate --swarm 1 --seed {first}",
                failed.len()
            )
            .into())
        }
    }
}

/// Says what failed and how to see it again, with the smallest scenario that still does.
fn tell(drawn: &Drawn) -> Result<(), Failure> {
    println!("✗ seed {}:", drawn.seed);
    for broken in &drawn.outcome.broken {
        println!("  ✗ {broken}");
    }
    println!("  drawn:");
    for line in drawn.text.lines() {
        println!("    {line}");
    }
    let Some(kind) = drawn.outcome.broken.first().map(|b| swarm::kind(b)) else { return Ok(()) };
    let small = swarm::shrink(&drawn.text, |text| swarm::fails(text, &kind));
    let path = keep(drawn.seed, &drawn.outcome.broken[0], &small)?;
    println!("  the smallest that still fails, in {}:", path.display());
    for line in small.lines() {
        println!("    {line}");
    }
    println!("  replay: cargo xtask simulate {}", path.display());
    println!("  when it holds again, it belongs in tests/scenarios, under a name that says what it shows");
    Ok(())
}

fn keep(seed: u64, broken: &str, text: &str) -> Result<PathBuf, Failure> {
    let folder = shell::root().join("target/swarm");
    let path = folder.join(format!("seed-{seed}.toml"));
    let written = std::fs::create_dir_all(&folder).and_then(|()| {
        std::fs::write(&path, format!("# Found by seed {seed}, made small. {broken}\n{text}"))
    });
    written.map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}
