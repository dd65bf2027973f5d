//! `cargo xtask ci`: what must hold before a change lands. What fails fastest comes first.

use crate::shell::{self, Failure};
use crate::steps::{Outcome, Steps};
use crate::{docs, faults, fuzz, layers, needs, profiles, purity, rfc, test};

/// A check: its name, and how it is made.
type Check = (&'static str, fn() -> Result<Outcome, Failure>);

/// All of them, in their order; the tests follow.
const CHECKS: &[Check] = &[
    ("format", || cargo(&["fmt", "--all", "--", "--check"], None)),
    ("faults", faults::check),
    ("rfc", rfc::check),
    ("profiles", profiles::check),
    ("pages", docs::check),
    ("dependency-rule", layers::check),
    ("licences", deny),
    ("needs", needs::provide),
    ("pure-core", purity::check),
    ("clippy", || {
        cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"], None)
    }),
    ("fuzz", fuzz::check),
    ("rustdoc", || cargo(&["doc", "--locked", "--workspace", "--no-deps"], Some("--deny warnings"))),
];

/// Makes them all and runs every test; with names, makes those checks alone.
pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    let mut steps = Steps::default();
    for (name, check) in chosen(names)? {
        steps.run(name, check);
    }
    if names.is_empty() {
        test::add_steps(&mut steps, &[]);
    }
    steps.finish()
}

fn chosen(names: &[String]) -> Result<Vec<Check>, Failure> {
    if names.is_empty() {
        return Ok(CHECKS.to_vec());
    }
    let find = |name: &String| {
        CHECKS.iter().copied().find(|(n, _)| n == name).ok_or_else(|| {
            let known: Vec<&str> = CHECKS.iter().map(|(n, _)| *n).collect();
            Failure::usage(format!("there is no check {name:?}; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

fn cargo(args: &[&str], rustdoc_flags: Option<&str>) -> Result<Outcome, Failure> {
    let mut command = shell::cargo(args);
    if let Some(flags) = rustdoc_flags {
        command.env("RUSTDOCFLAGS", flags);
    }
    shell::run(command).map(|()| Outcome::Passed)
}

/// Bans, licences and sources need no network; advisories do, and are left to the public workflow.
fn deny() -> Result<Outcome, Failure> {
    if !shell::has_cargo_tool("deny") {
        return Ok(Outcome::Skipped("cargo-deny is not at hand: cargo install --locked cargo-deny".into()));
    }
    cargo(&["deny", "check", "bans", "licenses", "sources"], None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Result<Vec<&'static str>, Failure> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        chosen(&names).map(|checks| checks.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn checks_can_be_chosen_by_name_and_an_unknown_one_is_told_what_there_is() {
        assert_eq!(names(&["pages", "format"]).unwrap(), ["pages", "format"]);
        assert_eq!(names(&[]).unwrap().len(), CHECKS.len());
        let failure = names(&["formats"]).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains("there are format, faults, rfc, profiles, "), "{}", failure.message);
    }
}
