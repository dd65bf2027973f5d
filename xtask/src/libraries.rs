//! The libraries for programs in other languages, built for their tests: from the same compiled command as its own tests
//! use, since building it twice would take as long as all of these.
//!
//! The C library needs nothing more than the rest. The Python package is built by maturin, which `peers` installs beside
//! httpx; where that cannot be had, its tests say by name that they were skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::peers;
use crate::shell::{self, Failure};
use crate::steps::Outcome;

/// The variable that tells the tests in which folder the C library lies.
const FFI_ENV: &str = "RENEWD_FFI";

/// The variable that tells them which interpreter has the Python package.
const PYTHON_ENV: &str = "RENEWD_PYTHON";

/// The peer that the Python package is built by and installed into.
const PYTHON: &str = "python";

/// What was built, for the tests.
#[derive(Default)]
pub(crate) struct Libraries {
    ffi: Option<PathBuf>,
    python: Option<PathBuf>,
}

/// `cargo xtask libraries`: builds them and says how to run their tests by hand.
pub(crate) fn run() -> Result<(), Failure> {
    peers::provide()?;
    let mut libraries = Libraries::default();
    if let Outcome::Skipped(why) = libraries.provide()? {
        println!("{why}");
    }
    for (variable, path) in [(FFI_ENV, &libraries.ffi), (PYTHON_ENV, &libraries.python)] {
        if let Some(path) = path {
            println!("tests by hand find them with {variable}={}", path.display());
        }
    }
    Ok(())
}

impl Libraries {
    /// Builds them.
    pub(crate) fn provide(&mut self) -> Result<Outcome, Failure> {
        if !cfg!(unix) {
            return Ok(Outcome::Skipped("their tests run on Unix".into()));
        }
        let build = shell::cargo(&[
            "build",
            "--package=renewd",
            "--package=renewd-ffi",
            "--lib",
            "--message-format=json-render-diagnostics",
        ]);
        let messages = shell::output(build)?;
        self.ffi = Some(folder_of(&messages, "librenewd.a").ok_or("cargo built no librenewd.a".to_owned())?);
        let Some(folder) = peers::installed(PYTHON) else {
            return Ok(Outcome::Skipped("the Python package is not built: maturin is not at hand".into()));
        };
        self.python = Some(python(&folder)?);
        Ok(Outcome::Passed)
    }

    /// Tells a test runner where they are.
    pub(crate) fn tell(&self, runner: &mut Command) {
        for (variable, path) in [(FFI_ENV, &self.ffi), (PYTHON_ENV, &self.python)] {
            if let Some(path) = path {
                runner.env(variable, path);
            }
        }
    }
}

/// The folder of a file that cargo says it made.
fn folder_of(messages: &str, file: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let files = messages.filter_map(|message| message["filenames"].as_array().cloned()).flatten();
    let paths = files.filter_map(|found| found.as_str().map(PathBuf::from));
    let mut found = paths.filter(|path| path.file_name().is_some_and(|name| name == file));
    found.find_map(|path| path.parent().map(Path::to_owned))
}

/// Builds the wheel and installs it; gives the interpreter that has it.
fn python(folder: &Path) -> Result<PathBuf, Failure> {
    let interpreter = folder.join("bin/python");
    let wheels = folder.join("wheels");
    // What an earlier version left would be installed too.
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))?;
    }
    let mut build = shell::command(folder.join("bin/maturin"));
    build.args(["build", "--quiet", "--profile=dev", "--features=demo", "--compatibility=linux"]);
    build.arg("--manifest-path").arg(shell::root().join("crates/python/Cargo.toml"));
    build.arg("--interpreter").arg(&interpreter).arg("--out").arg(&wheels);
    shell::run(build)?;
    let mut install = shell::command(&interpreter);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ]);
    install.args(["--force-reinstall", "--find-links"]).arg(&wheels).arg("renewd");
    shell::run(install)?;
    Ok(interpreter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_where_cargo_says_that_it_made_it() {
        let messages = r#"
            {"reason":"compiler-artifact","filenames":["/t/debug/librenewd_command.rlib"]}
            {"reason":"compiler-artifact","filenames":["/t/debug/librenewd.so","/t/debug/librenewd.a"]}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(folder_of(messages, "librenewd.a"), Some(PathBuf::from("/t/debug")));
        assert_eq!(folder_of(messages, "librenewd.dylib"), None);
        assert_eq!(folder_of("no json\n", "librenewd.a"), None);
    }
}
