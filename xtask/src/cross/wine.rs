//! `cargo xtask cross --run`: the tests of what is made for Windows, run under Wine.
//!
//! Wine is not Windows: the public workflow has the real one. It is what a Linux machine can run before a change is
//! pushed, and it has a Credential Manager and locks of files that behave as theirs do. It keeps what it needs under
//! `target/cross/wine`; the user's own Wine is not touched.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::needs::{self, Need};
use crate::shell::{self, Failure};
use crate::standard_library::{StandardLibrary, how_to_get};
use crate::steps::{Outcome, Steps};

const TRIPLE: &str = "x86_64-pc-windows-gnu";

/// The C compiler for it, which links too.
const CC: &str = "x86_64-w64-mingw32-gcc";

const NEEDS: &[Need] = &[Need {
    program: CC,
    probe: &[],
    packages: &["gcc-mingw-w64-x86-64"],
    why: "links programs for Windows, and compiles the C parts of ring (TLS) and what Wine lacks",
}];

/// Where Wine may be; Debian keeps the program that takes 64-bit programs alone out of the path.
const WINES: &[&str] = &["wine64", "/usr/lib/wine/wine64", "wine"];

const WINE: Need = Need {
    program: "/usr/lib/wine/wine64",
    probe: &[],
    packages: &["wine64"],
    why: "runs programs for Windows",
};

/// The tests of a package that are worth running there.
struct Suite {
    package: &'static str,
    features: &'static [&'static str],
    /// Which of its test programs; empty for all of them.
    tests: &'static [&'static str],
    /// Tests that meet nothing of Windows, and take long.
    skipped: &'static [&'static str],
}

const SUITES: &[Suite] = &[
    Suite { package: "renewd-keyring", features: &["testing"], tests: &[], skipped: &[] },
    Suite { package: "renewd-hardening", features: &[], tests: &[], skipped: &[] },
    Suite {
        package: "renewd-store",
        features: &[],
        tests: &[],
        skipped: &["simulated::", "crash::", "together::"],
    },
    Suite { package: "renewd-driver", features: &[], tests: &[], skipped: &[] },
    // Processes of the command at the Credential Manager.
    Suite { package: "renewd", features: &[], tests: &["system_keyring"], skipped: &[] },
];

/// A function of Windows that Wine 8 lacks and every program of ours calls: where it lies, and a stand-in for it.
struct StandIn {
    /// The library that a program asks for.
    library: &'static str,
    /// What it is called here. Wine takes names that begin with `api-` for its own, whatever lies there.
    stored_as: &'static str,
    source: &'static str,
    links: &'static [&'static str],
}

const STAND_INS: &[StandIn] = &[
    StandIn {
        library: "bcryptprimitives.dll",
        stored_as: "bcryptprimitives.dll",
        source: "\
__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *to, unsigned long bytes);
__declspec(dllexport) int __stdcall ProcessPrng(void *to, unsigned long long bytes) {
    return SystemFunction036(to, (unsigned long)bytes);
}
",
        links: &["-ladvapi32"],
    },
    StandIn {
        library: "api-ms-win-core-realtime-l1-1-1.dll",
        stored_as: "own-ms-win-core-realtime-l1-1-1.dll",
        source: "\
__declspec(dllimport) unsigned long long __stdcall GetTickCount64(void);
static void now(unsigned long long *ticks) { *ticks = GetTickCount64() * 10000; }
__declspec(dllexport) void __stdcall QueryInterruptTime(unsigned long long *ticks) { now(ticks); }
__declspec(dllexport) void __stdcall QueryInterruptTimePrecise(unsigned long long *ticks) { now(ticks); }
__declspec(dllexport) void __stdcall QueryUnbiasedInterruptTimePrecise(unsigned long long *ticks) { now(ticks); }
",
        links: &[],
    },
];

/// Builds and runs the suites; with packages, those alone.
pub(super) fn run(packages: &[String], target_folder: &Path) -> Result<(), Failure> {
    let suites = chosen(packages)?;
    if !cfg!(target_os = "linux") {
        return Err(Failure::usage("--run runs Wine on Linux; on Windows `cargo xtask test` runs all of it"));
    }
    let Some(library) = StandardLibrary::of(TRIPLE)? else {
        return Err(format!("this machine lacks {TRIPLE}'s standard library: {}", how_to_get(TRIPLE)).into());
    };
    needs::install(NEEDS)?;
    let wine = Wine::provide(target_folder.join("wine"))?;
    let mut steps = Steps::default();
    let suites =
        if steps.provide("wine", || wine.prepare().map(|()| Outcome::Passed)) { suites } else { Vec::new() };
    for suite in suites {
        steps.run(suite.package, || {
            let built = build(suite, &library, target_folder)?;
            let command = built.command.map(|program| wine.adopt(&program)).transpose()?;
            for program in &built.tests {
                wine.test(program, command.as_deref(), suite)?;
            }
            Ok(Outcome::Passed)
        });
    }
    steps.finish()?;
    println!("ran under Wine, which is not Windows: the public workflow runs the tests there");
    Ok(())
}

fn chosen(packages: &[String]) -> Result<Vec<&'static Suite>, Failure> {
    if packages.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let find = |name: &String| {
        SUITES.iter().find(|s| s.package == name).ok_or_else(|| {
            let known: Vec<&str> = SUITES.iter().map(|s| s.package).collect();
            Failure::usage(format!("{name:?} is not run under Wine; there are {}", known.join(", ")))
        })
    };
    packages.iter().map(find).collect()
}

/// What cargo built of a package.
#[derive(Debug, Default, PartialEq, Eq)]
struct Built {
    tests: Vec<PathBuf>,
    /// The command itself, where a test runs it.
    command: Option<PathBuf>,
}

/// Builds the tests of a package, and says where they lie.
fn build(suite: &Suite, library: &StandardLibrary, target_folder: &Path) -> Result<Built, Failure> {
    let mut cargo =
        shell::cargo(&["test", "--locked", "--no-run", "--message-format=json-render-diagnostics"]);
    cargo.args(["--package", suite.package, "--target", TRIPLE]);
    if suite.tests.is_empty() {
        cargo.args(["--lib", "--tests"]);
    }
    for test in suite.tests {
        cargo.args(["--test", test]);
    }
    if !suite.features.is_empty() {
        cargo.args(["--features", &suite.features.join(",")]);
    }
    cargo.arg("--target-dir").arg(target_folder);
    library.add_to(&mut cargo, &[]);
    let built = executables(&shell::output(cargo)?);
    if built.tests.is_empty() {
        return Err(format!("cargo built no test of {}", suite.package).into());
    }
    Ok(built)
}

/// The programs that cargo's messages name.
fn executables(messages: &str) -> Built {
    let mut built = Built::default();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let Some(program) = message["executable"].as_str().map(PathBuf::from) else { continue };
        if message["profile"]["test"] == true {
            built.tests.push(program);
        } else if message["target"]["name"] == "renewd" {
            built.command = Some(program);
        }
    }
    built
}

/// A Wine, and the folder that holds its drive, its registry and its credentials.
struct Wine {
    program: OsString,
    folder: PathBuf,
}

impl Wine {
    /// The one that is here; as root on Debian it is installed.
    fn provide(folder: PathBuf) -> Result<Self, Failure> {
        let answers = |program: &&&str| {
            let mut version = shell::command(**program);
            version.arg("--version");
            shell::succeeds(version)
        };
        let program = match WINES.iter().find(answers) {
            Some(program) => program,
            None => {
                needs::install(std::slice::from_ref(const { &WINE }))?;
                WINE.program
            }
        };
        Ok(Self { program: program.into(), folder })
    }

    /// Makes the drive, and puts there what this Wine lacks.
    fn prepare(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.folder).map_err(|e| about(&self.folder, &e))?;
        let libraries = self.drive().join("windows/system32");
        if !libraries.join("kernel32.dll").exists() {
            let mut boot = self.command();
            boot.args(["wineboot", "--init"]);
            shell::run(boot)?;
        }
        for stand_in in STAND_INS {
            let to = libraries.join(stand_in.stored_as);
            if !to.exists() {
                stand_in.build(&self.folder, &to)?;
            }
        }
        Ok(())
    }

    /// A copy of a program that asks for the stand-ins by their names.
    fn adopt(&self, program: &Path) -> Result<PathBuf, Failure> {
        let copy = self.folder.join(program.file_name().unwrap_or_default());
        let mut bytes = fs::read(program).map_err(|e| about(program, &e))?;
        for stand_in in STAND_INS {
            stand_in.be_asked_for_by(&mut bytes);
        }
        fs::write(&copy, bytes).map_err(|e| about(&copy, &e))?;
        Ok(copy)
    }

    /// Runs the tests of one program, in the folder of its package as cargo would.
    fn test(&self, program: &Path, command: Option<&Path>, suite: &Suite) -> Result<(), Failure> {
        let mut tests = self.command();
        // The Credential Manager in there is nobody's own.
        tests.arg(self.adopt(program)?).env("RENEWD_SYSTEM_KEYRING", "1");
        if let Some(command) = command {
            // Wine's drive Z is the root folder of this machine.
            tests.env("RENEWD_BIN", format!("Z:{}", command.display()));
        }
        for name in suite.skipped {
            tests.args(["--skip", name]);
        }
        if let Some(package) = suite.package.strip_prefix("renewd-") {
            tests.current_dir(shell::root().join("crates").join(package));
        }
        shell::run(tests)
    }

    fn drive(&self) -> PathBuf {
        self.folder.join("prefix/drive_c")
    }

    fn command(&self) -> Command {
        let mut command = shell::command(&self.program);
        command
            .env("WINEPREFIX", self.folder.join("prefix"))
            .env("WINEDEBUG", "-all")
            // It would offer to download .NET and a browser, in windows that nobody sees.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env_remove("DISPLAY");
        command
    }
}

impl StandIn {
    fn build(&self, folder: &Path, to: &Path) -> Result<(), Failure> {
        let source = folder.join(self.stored_as).with_extension("c");
        fs::write(&source, self.source).map_err(|e| about(&source, &e))?;
        let mut compile = shell::command(CC);
        compile.args(["-shared", "-O1", "-o"]).arg(to).arg(source).args(self.links);
        shell::run(compile)
    }

    /// Has a program ask for it by the name under which it is stored.
    fn be_asked_for_by(&self, program: &mut [u8]) {
        let (from, to) = (self.library.as_bytes(), self.stored_as.as_bytes());
        if from == to {
            return;
        }
        let found: Vec<usize> =
            program.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(at, _)| at).collect();
        for at in found {
            program[at..at + to.len()].copy_from_slice(to);
        }
    }
}

fn about(path: &Path, error: &std::io::Error) -> Failure {
    format!("{}: {error}", path.display()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_can_be_chosen_and_an_unknown_one_is_told_what_there_is() {
        assert_eq!(chosen(&[]).unwrap().len(), SUITES.len());
        assert_eq!(chosen(&["renewd-store".into()]).unwrap()[0].package, "renewd-store");
        let failure = chosen(&["renewd-core".into()]).err().unwrap();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains("there are renewd-keyring, "), "{}", failure.message);
    }

    #[test]
    fn the_programs_are_where_cargo_says_that_it_built_them() {
        let messages = r#"
            {"target":{"name":"demo"},"profile":{"test":false},"executable":"/t/demo.exe"}
            {"target":{"name":"renewd"},"profile":{"test":false},"executable":"/t/renewd.exe"}
            {"target":{"name":"renewd"},"profile":{"test":true},"executable":"/t/renewd-1.exe"}
            {"target":{"name":"suite"},"profile":{"test":true},"executable":"/t/suite-1.exe"}
            {"target":{"name":"renewd"},"profile":{"test":true},"executable":null}
            {"reason":"build-finished","success":true}"#;
        let tests = vec!["/t/renewd-1.exe".into(), "/t/suite-1.exe".into()];
        assert_eq!(executables(messages), Built { tests, command: Some("/t/renewd.exe".into()) });
    }

    #[test]
    fn a_program_asks_for_a_stand_in_by_the_name_under_which_it_is_stored_and_keeps_its_length() {
        let mut program = b"..api-ms-win-core-realtime-l1-1-1.dll\0..bcryptprimitives.dll\0".to_vec();
        for stand_in in STAND_INS {
            assert_eq!(stand_in.library.len(), stand_in.stored_as.len());
            stand_in.be_asked_for_by(&mut program);
        }
        assert_eq!(program, b"..own-ms-win-core-realtime-l1-1-1.dll\0..bcryptprimitives.dll\0");
    }
}
