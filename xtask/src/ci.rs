//! `cargo xtask ci`: what must hold before a change lands. What fails fastest comes first.

use crate::shell::{self, Failure};
use crate::steps::{Outcome, Steps};
use crate::{docs, layers, needs, purity, test};

/// Runs it all.
pub(crate) fn run(_args: &[String]) -> Result<(), Failure> {
    let mut steps = Steps::default();
    steps.run("format", || cargo(&["fmt", "--all", "--", "--check"], None))?;
    steps.run("pages", docs::check)?;
    steps.run("dependency rule", layers::check)?;
    steps.run("dependency licences", deny)?;
    steps.run("needs", needs::provide)?;
    steps.run("core is pure", purity::check)?;
    steps.run("clippy", || {
        cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"], None)
    })?;
    steps.run("rustdoc", || {
        cargo(&["doc", "--locked", "--workspace", "--no-deps"], Some("--deny warnings"))
    })?;
    test::add_steps(&mut steps, &[])?;
    steps.finish();
    Ok(())
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
