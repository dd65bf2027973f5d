//! The static program: one file that needs nothing of the system, for an image without one.

use std::path::{Path, PathBuf};

use super::alone;
use crate::shell::{self, Failure};
use crate::standard_library::{self, StandardLibrary};

/// The target, by this machine.
fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Compiles the C of ring against musl's headers (Debian: musl-tools).
const COMPILER: &str = "musl-gcc";

/// Builds it, and sees that it works where nothing else is. Says why, where this machine has not what it takes.
pub(super) fn build(out: &Path) -> Result<Result<PathBuf, String>, Failure> {
    let out = std::path::absolute(out).map_err(|e| Failure::usage(format!("{}: {e}", out.display())))?;
    let target = target();
    let Some(library) = StandardLibrary::of(&target)? else {
        return Ok(Err(format!(
            "no standard library for {target}: {}",
            standard_library::how_to_get(&target)
        )));
    };
    let mut probe = shell::command(COMPILER);
    probe.arg("--version");
    if !shell::succeeds(probe) {
        return Ok(Err(format!(
            "{COMPILER} is not at hand, which compiles ring for {target}: apt-get install musl-tools"
        )));
    }
    let mut build = shell::cargo(&["build", "--locked", "--package", "renewd", "--bin", "renewd"]);
    build.args(["--profile", "dist", "--target", &target]);
    build.env(format!("CC_{}", target.replace('-', "_")), COMPILER);
    library.add_to(&mut build, &[]);
    let folder = build.get_envs().find(|(key, _)| *key == "CARGO_TARGET_DIR").and_then(|(_, value)| value);
    let folder =
        folder.map(PathBuf::from).or_else(|| std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from));
    let folder = folder.unwrap_or_else(|| shell::root().join("target"));
    shell::run(build)?;
    let built = folder.join(&target).join("dist/renewd");
    let made = out.join(&target).join("renewd");
    std::fs::create_dir_all(out.join(&target)).map_err(|e| format!("{}: {e}", out.display()))?;
    std::fs::copy(&built, &made).map_err(|e| format!("{}: {e}", built.display()))?;
    alone::works(&made)?;
    Ok(Ok(made))
}
