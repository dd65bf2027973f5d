//! `cargo xtask pictures`: the pictures of the documentation, made anew by the product itself.
//!
//! They are made by end-to-end tests (`tests/tests/agent/pictures`), which run real credentials and look: as tests they prove
//! that the pictures can be made, and here they write them where the documentation has them.

use crate::shell::{self, Failure};
use crate::test::build_binary;

/// Where the documentation has them.
const FOLDER: &str = "docs/pictures";

/// Without names all of them.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let folder = shell::root().join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names: Vec<&str> = if args.is_empty() { vec![""] } else { args.iter().map(String::as_str).collect() };
    let mut runner = shell::cargo(&["test", "--package", "renewd-e2e", "--test", "agent", "--"]);
    // A test's name begins with its modules'.
    runner.args(names.iter().map(|name| format!("pictures::{}", name.replace('-', "_")))).arg("--nocapture");
    // What draws them must be there: an old picture would pass for a new one.
    runner
        .env("RENEWD_BIN", build_binary()?)
        .env("RENEWD_CHROMIUM_REQUIRED", "1")
        .env("RENEWD_PICTURES", &folder);
    shell::run(runner)?;
    println!("the pictures stand in {FOLDER}: look at them");
    Ok(())
}
