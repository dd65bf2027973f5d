//! A chore in named steps: the first that fails ends it; at the end stands what ran, how long, and what was skipped.

use std::time::{Duration, Instant};

use crate::shell::Failure;

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    /// It ran.
    Passed,
    /// It could not run here; why.
    Skipped(String),
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Outcome, Duration)>,
}

impl Steps {
    /// Runs one step.
    pub(crate) fn run(
        &mut self,
        name: &str,
        step: impl FnOnce() -> Result<Outcome, Failure>,
    ) -> Result<(), Failure> {
        println!("── {name}");
        let began = now();
        let outcome = step().map_err(|f| Failure { message: format!("{name}: {}", f.message), ..f })?;
        if let Outcome::Skipped(why) = &outcome {
            println!("skipped: {why}");
        }
        self.done.push((name.to_owned(), outcome, began.elapsed()));
        Ok(())
    }

    /// Prints the summary. Its last line is in the plain form that build services read.
    pub(crate) fn finish(self) {
        println!();
        let (mut passed, mut skipped) = (0, 0);
        for (name, outcome, took) in &self.done {
            match outcome {
                Outcome::Passed => {
                    passed += 1;
                    println!("  ok       {name:<28} {:>6.1} s", took.as_secs_f64());
                }
                Outcome::Skipped(why) => {
                    skipped += 1;
                    println!("  skipped  {name:<28} {why}");
                }
            }
        }
        println!("\nsteps: {passed} passed, 0 failed, {skipped} skipped");
    }
}

#[expect(clippy::disallowed_methods, reason = "shows a person how long a build step took; decides nothing")]
fn now() -> Instant {
    Instant::now()
}
