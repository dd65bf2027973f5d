//! Core stays pure: no standard library, no clock, no thread, no file, no network, no entropy.

use std::path::{Path, PathBuf};

use crate::shell::{self, Failure};
use crate::standard_library::{StandardLibrary, how_to_get};
use crate::steps::Outcome;

/// A target without an operating system: what builds for it asks nothing of one.
const TARGET: &str = "wasm32-unknown-unknown";
/// Core's root file.
const LIB: &str = "crates/core/src/lib.rs";
/// Lines that it must hold. The compiler then refuses everything else that is impure.
const PROMISES: &[&str] = &["#![no_std]", "#![forbid(unsafe_code)]"];

/// Checks that core promises purity and, where the target or the standard library's sources are at hand, that it builds
/// for a target without an operating system.
pub(crate) fn check() -> Result<Outcome, Failure> {
    let mut broken = Vec::new();
    let root = shell::root();
    let lib = read(&root.join(LIB))?;
    broken.extend(
        PROMISES
            .iter()
            .filter(|p| !lib.lines().any(|l| l == **p))
            .map(|p| format!("{LIB}: lacks the line {p}")),
    );
    for file in rust_files(&root.join("crates/core/src"))? {
        if uses_std(&read(&file)?) {
            broken.push(format!("{}: brings in the standard library outside of tests", file.display()));
        }
    }
    if broken.is_empty() { build() } else { Err(broken.join("\n").into()) }
}

fn build() -> Result<Outcome, Failure> {
    let Some(library) = StandardLibrary::of(TARGET)? else {
        return Ok(Outcome::Skipped(format!(
            "core's lines were checked, but it was not built for {TARGET}, whose standard library is not at hand: {}",
            how_to_get(TARGET)
        )));
    };
    let mut build = shell::cargo(&["build", "--locked", "--package", "renewd-core", "--target", TARGET]);
    library.add_to(&mut build, &["core", "alloc"]);
    shell::run(build).map(|()| Outcome::Passed)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()).into())
}

/// The source files of a folder and those below it, but for those that hold tests alone.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?.flatten() {
        let path = entry.path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Tests stand last in a file and may use what they like. `#![no_std]` alone does not suffice: the target has a
/// standard library too, of which every call fails.
fn uses_std(text: &str) -> bool {
    let code = text.lines().map(str::trim_start).take_while(|l| !l.starts_with("#[cfg(test)]"));
    code.into_iter()
        .any(|line| line.starts_with("extern crate std") || line.starts_with("pub extern crate std"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_is_for_tests_only() {
        for (text, expect) in [
            ("#![no_std]\nextern crate alloc;\n", false),
            ("//! extern crate std\n", false),
            ("#[cfg(test)]\nextern crate std;\n", false),
            ("fn a() {}\n#[cfg(test)]\nmod tests {\n    extern crate std;\n}\n", false),
            ("extern crate std;\n#[cfg(test)]\nmod tests {}\n", true),
            ("mod inner {\n    extern crate std as s;\n}\n", true),
        ] {
            assert_eq!(uses_std(text), expect, "{text}");
        }
    }
}
