//! What the configuration can already say and this version cannot do yet.
//!
//! All of it is refused in this one place, by name: a setting that is silently ignored is worse than none. Whoever
//! builds a feature removes its line here.

use crate::exit::Failure;

use super::Config;
use super::keys;
use super::problem::{Problem, Problems};

/// Why a value cannot be had yet; none where it can.
fn refused(table: &str, name: &str) -> Option<String> {
    (table == "hooks").then(|| {
        format!(
            "hooks.{name} is not supported yet; watch `renewd status --check` or the agent's events instead"
        )
    })
}

/// Refuses what is not supported yet.
pub(super) fn check(config: &mut Config) -> Result<(), Failure> {
    config.environment.retain(|(table, name), _| match refused(table, name) {
        None => true,
        Some(why) => {
            let variable = keys::find(table, name).map(keys::Key::variable).unwrap_or_default();
            config.warnings.push(format!("{variable}: {why}; it is ignored"));
            false
        }
    });
    let document = &config.document;
    let own = document.credentials.values().flat_map(|entry| &entry.settings);
    let mut problems: Vec<Problem> = document
        .top
        .iter()
        .chain(own)
        .filter_map(|((table, name), at)| refused(table, name).map(|why| Problem::new(at.line, why)))
        .collect();
    for sink in &document.sinks {
        let what = "[[sink]] is not supported yet";
        problems.push(Problem::new(sink.line, what).advise("use `renewd run --file VAR -- COMMAND`"));
    }
    if problems.is_empty() { Ok(()) } else { Err(Problems::new(&document.path, problems).into()) }
}
