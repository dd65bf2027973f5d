//! The static program: one file that needs nothing of the system, for an image without one.

use std::path::{Path, PathBuf};

use super::depends;
use crate::shell::{self, Failure};
use crate::standard_library::{self, StandardLibrary};

/// The target, by this machine.
fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Compiles the C of ring against musl's headers (Debian: musl-tools).
const COMPILER: &str = "musl-gcc";

/// Builds it, and sees that it runs where nothing else is. Says why, where this machine has not what it takes.
pub(super) fn build(out: &Path) -> Result<Result<PathBuf, String>, Failure> {
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
    let needs = depends::of(&built)?;
    if !needs.is_empty() {
        return Err(format!("{} is not static: it needs {needs}", built.display()).into());
    }
    let made = out.join(&target).join("renewd");
    std::fs::create_dir_all(out.join(&target)).map_err(|e| format!("{}: {e}", out.display()))?;
    std::fs::copy(&built, &made).map_err(|e| format!("{}: {e}", built.display()))?;
    alone(&made)?;
    Ok(Ok(made))
}

/// Runs it as root of a folder in which nothing else is.
fn alone(program: &Path) -> Result<(), Failure> {
    let folder = program.with_file_name("root");
    let about = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(&folder).map_err(about)?;
    std::fs::copy(program, folder.join("renewd")).map_err(about)?;
    let mut chroot = shell::command("unshare");
    chroot.args(["--map-root-user", "--root"]).arg(&folder).args(["/renewd", "--version"]);
    let said = shell::output(chroot)?;
    std::fs::remove_dir_all(&folder).map_err(about)?;
    println!("in an empty root it says: {}", said.trim());
    Ok(())
}
