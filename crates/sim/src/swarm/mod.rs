//! Random scenarios. Each run draws its own mix of faults, so that rare combinations are not drowned by common ones
//! (swarm testing: Groce et al., ISSTA 2012). What fails is shrunk to a file that a person can read and replay.
//!
//! A drawn scenario is the text of a scenario file. What runs is that text: replaying the file replays the run.

mod draw;
mod random;
mod shrink;

use std::panic::{AssertUnwindSafe, catch_unwind};

use renewd_core::Span;

use crate::{Outcome, Scenario, ScenarioError, run};

pub use draw::draw;
pub use shrink::shrink;

/// What one drawn scenario showed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Drawn {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// The scenario file.
    pub text: String,
    /// How much virtual time passed.
    pub simulated: Span,
    /// What it showed.
    pub outcome: Outcome,
}

/// Draws the scenario of this seed and plays it.
///
/// # Errors
/// The text that was drawn is no scenario file: a mistake in the drawing.
pub fn play(seed: u64) -> Result<Drawn, ScenarioError> {
    play_text(seed, draw(seed))
}

/// Plays a text as if it had been drawn from this seed.
///
/// # Errors
/// It is no scenario file.
pub fn play_text(seed: u64, text: String) -> Result<Drawn, ScenarioError> {
    let scenario = Scenario::parse(&text)?;
    let outcome = run_whatever_comes(&scenario);
    let simulated = outcome.timeline.last().map_or(scenario.end, |line| line.at.max(scenario.end));
    Ok(Drawn { seed, text, simulated, outcome })
}

/// What tells one kind of failure from another: its words, without its numbers.
pub fn kind(broken: &str) -> String {
    let mut kind = String::new();
    let mut in_number = false;
    for c in broken.chars() {
        // A duration such as 16m40s is one number.
        in_number = c.is_ascii_digit() || (in_number && "hmsd".contains(c));
        if !in_number {
            kind.push(c);
        } else if !kind.ends_with('#') {
            kind.push('#');
        }
    }
    kind
}

/// Whether this text, played, fails in this way.
pub fn fails(text: &str, wanted: &str) -> bool {
    let Ok(scenario) = Scenario::parse(text) else { return false };
    run_whatever_comes(&scenario).broken.iter().any(|b| kind(b) == wanted)
}

/// A panic of what is simulated is a failure like another.
fn run_whatever_comes(scenario: &Scenario) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| run(scenario))).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        let broken = vec![format!("panicked: {}", words.unwrap_or_default())];
        Outcome { broken, ..Outcome::default() }
    })
}
