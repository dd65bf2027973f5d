//! Tools that others wrote, which read what our packages hold.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that names the folder of what `cargo xtask peers` installed.
const FOLDER_ENV: &str = "RENEWD_PEERS";

/// Where this is 1, they must be there.
const PEERS_REQUIRED_ENV: &str = "RENEWD_PEERS_REQUIRED";

/// Where this is 1, programs of the system must be there.
const REQUIRED_ENV: &str = "RENEWD_PACKAGING_REQUIRED";

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    // Asked at run time first: a build folder may be shared between two checkouts.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&here).parent().expect("the tests lie in the repository").to_owned();
    root.join(path)
}

/// `tests/peers/validators/validate.py`, as a command that waits for its arguments; none where it is not installed.
pub(crate) fn validator() -> Option<Command> {
    let folder = std::env::var_os(FOLDER_ENV).map(|folder| PathBuf::from(folder).join("validators"));
    match folder.filter(|folder| folder.join("installed").is_file()) {
        Some(folder) => {
            let mut command = Command::new(folder.join("bin/python"));
            command.arg(repository("tests/peers/validators/validate.py"));
            Some(command)
        }
        None => {
            skipped(PEERS_REQUIRED_ENV, "the validators are not installed: `cargo xtask peers` installs them")
        }
    }
}

/// A program of the system; none where it is not there.
pub(crate) fn program(name: &str) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        return Some(Command::new(name));
    }
    skipped(REQUIRED_ENV, &format!("{name} is not at hand: `cargo xtask test` installs it as root on Debian"))
}

/// Says it, and gives nothing.
pub(crate) fn skipped<T>(required: &str, why: &str) -> Option<T> {
    assert!(std::env::var_os(required).is_none_or(|value| value != "1"), "required ({required}=1): {why}");
    println!("SKIPPED, nothing was tested: {why}");
    None
}

/// Runs it; what it printed, both streams together.
#[track_caller]
pub(crate) fn printed(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {}\n{text}", out.status);
    text
}
