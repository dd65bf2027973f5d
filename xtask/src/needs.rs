//! What the tests need from the machine besides cargo.

use crate::shell::{self, Failure};
use crate::steps::Outcome;

/// A program, where Debian keeps it, and what it is for.
struct Need {
    program: &'static str,
    packages: &'static [&'static str],
    why: &'static str,
}

/// Everything the tests run that cargo does not bring.
const NEEDS: &[Need] = &[Need {
    program: "cc",
    packages: &["gcc", "libc6-dev"],
    why: "links every program, and compiles the C and assembly parts of ring (TLS)",
}];

/// Checks them; on Debian as root installs what is missing, otherwise names it precisely.
pub(crate) fn provide() -> Result<Outcome, Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped(
            "only Linux is checked; elsewhere the toolchain's own linker serves".into(),
        ));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let present = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing = missing(NEEDS, present);
    if missing.is_empty() {
        return Ok(Outcome::Passed);
    }
    let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages).copied().collect();
    if !(present("apt-get") && is_root()) {
        return Err(complaint(&missing, &packages).into());
    }
    let apt = |args: &[&str]| {
        let mut command = shell::command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        shell::run(command)
    };
    apt(&["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install)?;
    Ok(Outcome::Passed)
}

fn missing(needs: &'static [Need], present: impl Fn(&str) -> bool) -> Vec<&'static Need> {
    needs.iter().filter(|n| !present(n.program)).collect()
}

fn complaint(missing: &[&Need], packages: &[&str]) -> String {
    let mut text = String::from("this machine lacks what the tests need:\n");
    for need in missing {
        text += &format!("  {} ({})\n", need.program, need.why);
    }
    text + &format!("as root on Debian: apt-get install {}", packages.join(" "))
}

fn is_root() -> bool {
    let mut id = shell::command("id");
    id.arg("-u");
    shell::output(id).is_ok_and(|uid| uid.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_compiler_is_told_the_program_its_purpose_and_the_package() {
        let missing = missing(NEEDS, |program| program != "cc");
        let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages).copied().collect();
        let text = complaint(&missing, &packages);
        for part in ["cc (links every program", "apt-get install gcc libc6-dev"] {
            assert!(text.contains(part), "{part:?} not in {text}");
        }
    }

    #[test]
    fn nothing_is_missing_where_everything_is_present() {
        assert!(missing(NEEDS, |_| true).is_empty());
    }
}
