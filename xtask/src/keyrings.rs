//! `cargo xtask keyrings`: plays every failure of every place for keys and records, and writes what a person sees to
//! `docs/keyrings.md`, and what `docs/storage.md` shows of the product. The same tests, run without this, hold the pages to
//! what they see.

use crate::shell::{self, Failure};
use crate::test;

/// Where this is 1, the test writes the page.
const WRITE_ENV: &str = "RENEWD_WRITE_PAGES";
const PAGES: &str = "docs/keyrings.md and docs/storage.md";

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if !args.is_empty() {
        return Err(Failure::usage("keyrings takes nothing"));
    }
    let binary = test::build_binary()?;
    let mut play = shell::cargo(&["test", "--package", "renewd-e2e"]);
    play.args(["--test", "keyring_matrix", "--test", "storage_page", "--", "--nocapture"]);
    // A page of which half is missing would be no page: what it needs must be there.
    play.env("RENEWD_BIN", binary).env(WRITE_ENV, "1").env("RENEWD_DESKTOP_REQUIRED", "1");
    shell::run(play)?;
    println!("wrote {PAGES}");
    Ok(())
}
