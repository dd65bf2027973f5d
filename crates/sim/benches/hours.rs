//! How fast virtual time passes: simulated hours for each second of a real one.
//!
//! `cargo bench -p renewd-sim --bench hours`. Each hour runs the real core and the real driver against the simulated
//! server, with callers who ask for tokens. Rounds are repeated and the fastest counts, because a busy machine only
//! ever makes a round slower.

use std::path::Path;
use std::time::Instant;

use renewd_core::Span;
use renewd_sim::{Scenario, run};

const ROUNDS: usize = 5;

const QUIET: &str = "
    name = 'a quiet month'
    end = '30d'
    callers = '1m'
";

const OUTAGES: &str = "
    name = 'a month in which every second hour is an outage'
    end = '30d'
    callers = '1m'
";

fn main() {
    let rounds = if std::env::args().any(|a| a == "--bench") { ROUNDS } else { 1 };
    println!("{:<52}{:>12}{:>22}", "", "simulated", "hours per second");
    measure("a quiet month, a caller a minute", &[scenario(QUIET)], rounds);
    measure("a month, every second hour an outage", &[scenario(&with_outages())], rounds);
    measure("every scenario file of the repository", &files(), rounds);
}

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text).expect("a scenario")
}

fn with_outages() -> String {
    let mut text = OUTAGES.to_owned();
    for hour in 0..30 * 24 {
        let server = if hour % 2 == 1 { "waf-block" } else { "ok" };
        text += &format!("[[at]]\nt = '{}m'\nserver = '{server}'\n", hour * 60 + 1);
    }
    text
}

fn files() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let entries = std::fs::read_dir(folder).expect("the scenario folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    paths.sort();
    paths.iter().map(|path| scenario(&std::fs::read_to_string(path).expect("a readable file"))).collect()
}

fn measure(name: &str, scenarios: &[Scenario], rounds: usize) {
    let simulated = scenarios.iter().fold(Span::ZERO, |all, s| all + s.end);
    let hours = simulated.as_secs() as f64 / 3600.0;
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let watch = stopwatch();
        for scenario in scenarios {
            let broken = run(scenario).broken;
            assert!(broken.is_empty(), "{}: {}", scenario.name, broken.join("; "));
        }
        best = best.min(watch.elapsed().as_secs_f64());
    }
    println!("{name:<52}{hours:>10.0} h{:>22.0}", hours / best);
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
fn stopwatch() -> Instant {
    Instant::now()
}
