//! What the configuration can already say and this version cannot do yet.
//!
//! All of it is refused in this one place, by name: a setting that is silently ignored is worse than none. Whoever
//! builds a feature removes its line here.

use crate::exit::Failure;

use super::Config;
use super::problem::{Problem, Problems};

/// Refuses what is not supported yet.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let document = &config.document;
    let refused = |line| {
        let what = "[[sink]] is not supported yet";
        Problem::new(line, what).advise("use `renewd run --file VAR -- COMMAND`")
    };
    let problems: Vec<Problem> = document.sinks.iter().map(|sink| refused(sink.line)).collect();
    if problems.is_empty() { Ok(()) } else { Err(Problems::new(&document.path, problems).into()) }
}
