//! `cargo xtask cross`: does everything compile for the systems that we are not on?
//!
//! Lints and type-checks. What runs there only a machine of that system can tell (the public workflow has one of
//! each); with `--run` the parts that are made for Windows run under [Wine](wine). Not part of `ci`: it needs more than a
//! bare machine has, and a standard library per target takes its time.

mod wine;

use std::path::PathBuf;
use std::process::Command;

use crate::shell::{self, Failure};
use crate::standard_library::{StandardLibrary, how_to_get};
use crate::steps::{Outcome, Steps};

/// A target and what is checked for it.
struct Target {
    triple: &'static str,
    /// What cargo checks.
    checked: &'static [&'static str],
    /// The crates of the standard library that this takes; all for none.
    std_crates: &'static [&'static str],
    c: CCompiler,
}

/// What compiles the C and assembly parts of ring (TLS) for a target.
#[derive(Clone, Copy)]
enum CCompiler {
    /// There are none in what is checked.
    None,
    /// A program with a name of its own, and its Debian packages.
    Cross { program: &'static str, packages: &'static str },
    /// No distribution has one. On its own system `cc`; elsewhere zig's, as its Python package brings it.
    Zig { zig_target: &'static str },
}

/// All of ours: tests, examples and benchmarks too.
const EVERYTHING: &[&str] = &["--workspace", "--all-targets", "--all-features"];

/// All of them; the quickest first.
const TARGETS: &[Target] = &[
    Target {
        triple: "wasm32-unknown-unknown",
        checked: &["--package", "renewd-core"],
        std_crates: &["core", "alloc"],
        c: CCompiler::None,
    },
    Target {
        triple: "x86_64-pc-windows-gnu",
        checked: EVERYTHING,
        std_crates: &[],
        c: CCompiler::Cross { program: "x86_64-w64-mingw32-gcc", packages: "gcc-mingw-w64-x86-64" },
    },
    Target {
        triple: "aarch64-apple-darwin",
        checked: EVERYTHING,
        std_crates: &[],
        c: CCompiler::Zig { zig_target: "aarch64-macos" },
    },
    Target {
        triple: "aarch64-unknown-linux-gnu",
        checked: EVERYTHING,
        std_crates: &[],
        c: CCompiler::Cross {
            program: "aarch64-linux-gnu-gcc",
            packages: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
        },
    },
];

/// Python, with zig's compiler as a module of it.
const ZIG: &str = "python3 -m ziglang";

/// Checks them all; with triples, those alone; with `--run`, runs tests under Wine instead. Where something is missing, all of it is told before anything is built.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    match args.split_first() {
        Some((first, packages)) if first == "--run" => wine::run(packages, &target_folder()),
        _ => check_all(args),
    }
}

fn check_all(triples: &[String]) -> Result<(), Failure> {
    let mut ready = Vec::new();
    let mut missing = Vec::new();
    for target in chosen(triples)? {
        match StandardLibrary::of(target.triple)? {
            Some(library) => ready.push((target, library)),
            None => {
                let how = how_to_get(target.triple);
                missing.push(format!("{}: its standard library: {how}", target.triple));
            }
        }
        missing.extend(lacks(target, works).map(|what| format!("{}: {what}", target.triple)));
    }
    if !missing.is_empty() {
        return Err(complaint(&missing).into());
    }
    let mut steps = Steps::default();
    for (target, library) in ready {
        steps.run(target.triple, || check(target, &library));
    }
    steps.finish()?;
    println!("type-checked and linted; nothing was linked or run");
    Ok(())
}

fn chosen(triples: &[String]) -> Result<Vec<&'static Target>, Failure> {
    if triples.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    let find = |triple: &String| {
        TARGETS.iter().find(|t| t.triple == triple).ok_or_else(|| {
            let known: Vec<&str> = TARGETS.iter().map(|t| t.triple).collect();
            Failure::usage(format!("{triple:?} is not checked; the targets are {}", known.join(", ")))
        })
    };
    triples.iter().map(find).collect()
}

/// Which C compiler is missing, and how it is had; nothing when none is.
fn lacks(target: &Target, works: impl Fn(&str) -> bool) -> Option<String> {
    match target.c {
        CCompiler::Cross { program, packages } if !works(&format!("{program} --version")) => {
            Some(format!("the C compiler {program}; on Debian: apt-get install {packages}"))
        }
        CCompiler::Zig { .. } if !has_own_compiler(target) && !works(&format!("{ZIG} version")) => {
            let variable = cc_variable(target);
            Some(format!("a C compiler: pip install ziglang; or name another in {variable}"))
        }
        _ => None,
    }
}

fn complaint(missing: &[String]) -> String {
    format!("this machine lacks what the checks need:\n  {}", missing.join("\n  "))
}

/// Whether a command runs.
fn works(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let Some(mut command) = words.next().map(shell::command) else { return false };
    command.args(words);
    shell::succeeds(command)
}

/// We are on that system, or the environment names a compiler for it.
fn has_own_compiler(target: &Target) -> bool {
    cfg!(target_vendor = "apple") || std::env::var_os(cc_variable(target)).is_some()
}

/// What the builds of C parts read.
fn cc_variable(target: &Target) -> String {
    format!("CC_{}", target.triple.replace('-', "_"))
}

fn check(target: &Target, library: &StandardLibrary) -> Result<Outcome, Failure> {
    let mut clippy = shell::cargo(&["clippy", "--locked", "--target", target.triple]);
    clippy.args(target.checked);
    // A folder of its own: the switches of the standard library would have everything else built anew each time.
    clippy.arg("--target-dir").arg(target_folder());
    library.add_to(&mut clippy, target.std_crates);
    name_compiler(target, &mut clippy);
    clippy.args(["--", "--deny", "warnings"]);
    shell::run(clippy).map(|()| Outcome::Passed)
}

fn target_folder() -> PathBuf {
    let built = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    shell::root().join(built).join("cross")
}

fn name_compiler(target: &Target, command: &mut Command) {
    let CCompiler::Zig { zig_target } = target.c else { return };
    if has_own_compiler(target) {
        return;
    }
    command
        .env(cc_variable(target), format!("{ZIG} cc -target {zig_target}"))
        .env(cc_variable(target).replacen("CC", "AR", 1), format!("{ZIG} ar"))
        // They would name the target in words that zig does not know.
        .env("CRATE_CC_NO_DEFAULTS", "1");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_can_be_chosen_and_an_unknown_one_is_told_what_there_is() {
        assert_eq!(chosen(&[]).unwrap().len(), TARGETS.len());
        let one = chosen(&["aarch64-apple-darwin".into()]).unwrap();
        assert_eq!(one.iter().map(|t| t.triple).collect::<Vec<_>>(), ["aarch64-apple-darwin"]);
        let failure = chosen(&["sparc-sun-solaris".into()]).err().unwrap();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains("the targets are wasm32-unknown-unknown, "), "{}", failure.message);
    }

    #[test]
    fn each_target_without_its_c_compiler_is_told_what_to_install() {
        let told: Vec<String> = TARGETS.iter().filter_map(|t| lacks(t, |_| false)).collect();
        let text = complaint(&told);
        for part in ["apt-get install gcc-mingw-w64-x86-64", "apt-get install gcc-aarch64-linux-gnu"] {
            assert!(text.contains(part), "{part:?} not in {text}");
        }
        let mac = TARGETS.iter().find(|t| matches!(t.c, CCompiler::Zig { .. })).unwrap();
        assert!(has_own_compiler(mac) || text.contains("pip install ziglang"), "{text}");
        assert!(TARGETS.iter().all(|t| lacks(t, |_| true).is_none()));
    }

    #[test]
    fn a_command_that_is_not_there_does_not_work() {
        assert!(works("cargo --version"));
        assert!(!works("no-such-program-of-anyone --version"));
        assert!(!works(""));
    }
}
