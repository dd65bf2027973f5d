//! The standard library of another target: as rustup installed it, or built from the sources of this very toolchain.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failure};

/// Names the `library` folder of the sources.
const SOURCES: &str = "RENEWD_RUST_SRC";

/// Where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StandardLibrary {
    /// rustup installed the target.
    Installed,
    /// Cargo builds it from this folder.
    Sources(PathBuf),
}

impl StandardLibrary {
    /// The one for a target, where there is one.
    pub(crate) fn of(target: &str) -> Result<Option<Self>, Failure> {
        let installed = PathBuf::from(rustc(&["--print", "target-libdir", "--target", target])?.trim());
        if has_file(&installed, |name| name.starts_with("libcore-")) {
            return Ok(Some(Self::Installed));
        }
        Ok(sources()?.map(Self::Sources))
    }

    /// Has a cargo command use it; of the sources it then builds `crates` (all for none).
    pub(crate) fn add_to(&self, command: &mut Command, crates: &[&str]) {
        let Self::Sources(folder) = self else { return };
        // The toolchain's own switch for a library folder that does not lie where rustup would have put it.
        command.env("__CARGO_TESTS_ONLY_SRC_ROOT", folder).env("RUSTC_BOOTSTRAP", "1").arg(match crates {
            [] => "-Zbuild-std".to_owned(),
            some => format!("-Zbuild-std={}", some.join(",")),
        });
    }
}

/// How a target's standard library is had, for people.
pub(crate) fn how_to_get(target: &str) -> String {
    format!(
        "`rustup target add {target}`; or the toolchain's own sources: `rustup component add rust-src`, or {SOURCES}=…/library"
    )
}

/// The sources: where the environment says, else where rustup puts them.
fn sources() -> Result<Option<PathBuf>, Failure> {
    let Some(folder) = std::env::var_os(SOURCES).map(PathBuf::from) else {
        let folder = Path::new(rustc(&["--print", "sysroot"])?.trim()).join("lib/rustlib/src/rust/library");
        return Ok(folder.join("Cargo.toml").is_file().then_some(folder));
    };
    let shown = folder.display();
    if !folder.join("Cargo.toml").is_file() {
        return Err(format!("{SOURCES}={shown}: holds no Cargo.toml; name the `library` folder").into());
    }
    // The standard library compiles with its own compiler only; any other fails in a hundred places.
    let release = release(&rustc(&["--version"])?);
    match std::fs::read_to_string(folder.with_file_name("src").join("version")) {
        Ok(version) if version.trim() != release => Err(format!(
            "{SOURCES}={shown}: these are the sources of {}, but the compiler is {release}; both must be of one version",
            version.trim()
        )
        .into()),
        _ => Ok(Some(folder)),
    }
}

/// `1.95.0` of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn release(version: &str) -> String {
    version.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

fn rustc(args: &[&str]) -> Result<String, Failure> {
    let mut command = shell::command(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(args);
    shell::output(command)
}

fn has_file(folder: &Path, wanted: impl Fn(&str) -> bool) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|e| e.file_name()).any(|name| name.to_str().is_some_and(&wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_target_is_used_as_it_is_and_sources_are_built() {
        let mut plain = shell::command("cargo");
        StandardLibrary::Installed.add_to(&mut plain, &["core"]);
        assert_eq!(shell::line(&plain), "cargo");
        for (crates, line) in
            [(&[][..], "cargo -Zbuild-std"), (&["core", "alloc"], "cargo -Zbuild-std=core,alloc")]
        {
            let mut command = shell::command("cargo");
            StandardLibrary::Sources("src/library".into()).add_to(&mut command, crates);
            assert_eq!(shell::line(&command), line);
            assert!(command.get_envs().any(|(key, _)| key == "RUSTC_BOOTSTRAP"));
        }
    }

    #[test]
    fn the_compilers_release_is_its_second_word() {
        assert_eq!(release("rustc 1.95.0 (59807616e 2026-04-14)\n"), "1.95.0");
        assert_eq!(release(""), "");
    }
}
