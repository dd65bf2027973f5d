//! `cargo xtask keyrings`: plays every failure of every place for keys and records, and writes what a person sees to
//! `docs/keyrings.md`. The same test, run without this, holds the page to what it sees.

use crate::shell::{self, Failure};
use crate::test;

/// Where this is 1, the test writes the page.
const WRITE_ENV: &str = "RENEWD_WRITE_PAGES";
const PAGE: &str = "docs/keyrings.md";

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if !args.is_empty() {
        return Err(Failure::usage("keyrings takes nothing"));
    }
    let binary = test::build_binary()?;
    let mut play =
        shell::cargo(&["test", "--package", "renewd-e2e", "--test", "keyring_matrix", "--", "--nocapture"]);
    // A page of which half is missing would be no page: what it needs must be there.
    play.env("RENEWD_BIN", binary).env(WRITE_ENV, "1").env("RENEWD_DESKTOP_REQUIRED", "1");
    shell::run(play)?;
    println!("wrote {PAGE}");
    Ok(())
}
