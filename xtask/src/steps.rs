//! A chore in named steps: all of them run, whatever one of them says, but for those that need it. At the end stands
//! what ran, how long it took, what was skipped and what failed: one run tells all that there is to mend.

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
    done: Vec<(String, Result<Outcome, Failure>, Duration)>,
}

impl Steps {
    /// Runs one step. Its failure is kept for the end: the others run all the same.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<Outcome, Failure>) {
        println!("── {name}");
        let began = now();
        let outcome = step();
        match &outcome {
            Ok(Outcome::Passed) => {}
            Ok(Outcome::Skipped(why)) => println!("skipped: {why}"),
            Err(failure) => eprintln!("{name} failed: {}", failure.message),
        }
        self.done.push((name.to_owned(), outcome, began.elapsed()));
    }

    /// Runs one step that those after it need, and says whether they can run.
    #[must_use]
    pub(crate) fn provide(&mut self, name: &str, step: impl FnOnce() -> Result<Outcome, Failure>) -> bool {
        self.run(name, step);
        self.done.last().is_some_and(|(_, outcome, _)| outcome.is_ok())
    }

    /// Prints the summary. Its last line is in the plain form that build services read.
    ///
    /// # Errors
    /// When a step failed: which, and of the first of them why.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        println!();
        let (mut passed, mut skipped) = (0, 0);
        let mut failed: Vec<(String, Failure)> = Vec::new();
        for (name, outcome, took) in self.done {
            match outcome {
                Ok(Outcome::Passed) => {
                    passed += 1;
                    println!("  ok       {name:<28} {:>6.1} s", took.as_secs_f64());
                }
                Ok(Outcome::Skipped(why)) => {
                    skipped += 1;
                    println!("  skipped  {name:<28} {why}");
                }
                Err(failure) => {
                    println!("  FAILED   {name:<28} {:>6.1} s", took.as_secs_f64());
                    failed.push((name, failure));
                }
            }
        }
        println!("\nsteps: {passed} passed, {} failed, {skipped} skipped", failed.len());
        let each: Vec<String> =
            failed.iter().map(|(name, failure)| format!("{name}: {}", failure.message)).collect();
        match failed.into_iter().next() {
            None => Ok(()),
            Some((_, first)) => Err(Failure { message: each.join("\n"), ..first }),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "shows a person how long a build step took; decides nothing")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_does_not_keep_the_others_from_running_and_fails_the_whole() {
        let mut steps = Steps::default();
        let mut ran = Vec::new();
        steps.run("first", || Err(Failure::usage("not this way")));
        steps.run("second", || {
            ran.push("second");
            Ok(Outcome::Passed)
        });
        assert!(!steps.provide("third", || Err("nothing to build".to_owned().into())));
        assert!(steps.provide("fourth", || Ok(Outcome::Skipped("not here".to_owned()))));
        assert_eq!(ran, ["second"]);
        let failure = steps.finish().unwrap_err();
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (2, "first: not this way\nthird: nothing to build")
        );
    }

    #[test]
    fn steps_that_ran_or_could_not_run_are_no_failure() {
        let mut steps = Steps::default();
        steps.run("first", || Ok(Outcome::Passed));
        steps.run("second", || Ok(Outcome::Skipped("not here".to_owned())));
        assert!(steps.finish().is_ok());
    }
}
