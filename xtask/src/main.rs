//! The project's own chores, as `cargo xtask CHORE`. In Rust rather than shell, so that they run wherever the project
//! does and are tested like it.

mod bench;
mod ci;
mod cross;
mod day;
mod disclosure;
mod docs;
mod faults;
mod fuzz;
mod graph;
mod keyrings;
mod layers;
mod libraries;
mod markdown;
mod needs;
mod numbers;
mod package;
mod peers;
mod pictures;
mod profiles;
mod purity;
mod release;
mod rfc;
mod sbom;
mod score;
mod shell;
mod simulate;
mod standard_library;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use shell::Failure;

/// A chore: what is typed, what it does, and how.
struct Chore {
    name: &'static str,
    /// As shown after the name; empty for a chore that takes no arguments.
    args: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

/// All of them. One that does not work yet is not here.
const CHORES: &[Chore] = &[
    Chore {
        name: "test",
        args: "[RUNNER-ARGS…]",
        about: "run every test; with arguments, the test runner alone with those",
        run: test::run,
    },
    Chore {
        name: "disclosure",
        args: "",
        about: "run the end-to-end tests at trace level and search everything that comes out for every secret",
        run: |_| disclosure::run(&test::build_binary()?).map(|_| ()),
    },
    Chore {
        name: "ci",
        args: "[CHECKS…]",
        about: "everything that must hold before a change lands; with names, those checks alone",
        run: ci::run,
    },
    Chore {
        name: "libraries",
        args: "",
        about: "build the C library and the Python package for their tests, and say how to run those by hand",
        run: |_| libraries::run(),
    },
    Chore {
        name: "docs",
        args: "",
        about: "check that every page is reachable and no link is dead; build the book with mdbook",
        run: |_| docs::check().map(|_| ()),
    },
    Chore {
        name: "pictures",
        args: "[NAMES…]",
        about: "make the pictures of the documentation anew, from real credentials in a real browser and terminal",
        run: pictures::run,
    },
    Chore {
        name: "score",
        args: "[FILE|--page]",
        about: "how well token endpoint answers are read, by class: those of a FILE, or our own corpus",
        run: score::run,
    },
    Chore {
        name: "simulate",
        args: "[FILES…] | --swarm RUNS",
        about: "play scenario files in virtual time; without names, all of tests/scenarios; or random ones",
        run: simulate::run,
    },
    Chore {
        name: "faults",
        args: "[--check|--numbers|--table]",
        about: "write docs/faults.md, what shows each fault; or play them all and print six numbers for each",
        run: faults::run,
    },
    Chore {
        name: "profiles",
        args: "[--check]",
        about: "write core's constants, docs/providers.md and the schema from crates/core/profiles",
        run: profiles::run,
    },
    Chore {
        name: "rfc",
        args: "[--check]",
        about: "write docs/rfc-coverage.md, where each demand of a standard is met and shown, from comments at the code",
        run: rfc::run,
    },
    Chore {
        name: "day",
        args: "[--speed N] [--seed N] [--hours N]",
        about: "live a day of faults and restarts, made short; exit 1 where a request failed that could have been served",
        run: day::run,
    },
    Chore {
        name: "keyrings",
        args: "",
        about: "play every failure of every keyring and key, and write docs/keyrings.md, what a person sees of each",
        run: keyrings::run,
    },
    Chore {
        name: "fuzz",
        args: "[--seconds N] [TARGETS…]",
        about: "fuzz what is read from files, sockets and servers; with names, those targets alone",
        run: fuzz::run,
    },
    Chore {
        name: "peers",
        args: "",
        about: "install the servers that were written elsewhere, for the tests that meet them; `test` does it too",
        run: |_| peers::run(),
    },
    Chore {
        name: "cross",
        args: "[TARGETS…] | --run [PACKAGES…]",
        about: "type-check and lint for other systems; or run the tests of what Windows does under Wine",
        run: cross::run,
    },
    Chore {
        name: "package",
        args: "deb|musl [--binary FILE] [--out DIR] [--quick]",
        about: "build a Debian package, or the static program for an image that holds nothing else",
        run: package::run,
    },
    Chore {
        name: "sbom",
        args: "[--target TRIPLE]",
        about: "print what the program is built of, in CycloneDX",
        run: sbom::run,
    },
    Chore {
        name: "release",
        args: "[--verify]",
        about: "build from the last commit what is published; twice, to see that it is the same bytes",
        run: release::run,
    },
    Chore {
        name: "bench",
        args: "[BENCHES…]",
        about: "measure what a token, an event, a credential cost; with names, those benchmarks alone",
        run: bench::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = args.split_first() else {
        return Err(Failure::usage(format!("no chore named\n{}", help())));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        println!("{}", help());
        return Ok(());
    }
    let Some(chore) = CHORES.iter().find(|c| c.name == name) else {
        return Err(Failure::usage(format!("there is no chore {name:?}\n{}", help())));
    };
    if let ("", Some(extra)) = (chore.args, rest.first()) {
        return Err(Failure::usage(format!("{name} takes no arguments, but {extra:?} was given")));
    }
    (chore.run)(rest)
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask CHORE\n");
    for chore in CHORES {
        text += &format!("\n  {:<34} {}", format!("{} {}", chore.name, chore.args), chore.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &[&str]) -> Failure {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        dispatch(&args).unwrap_err()
    }

    #[test]
    fn a_wrong_command_line_is_exit_2_and_says_what_there_is() {
        for (args, expect) in [
            (&[][..], "no chore named"),
            (&["tests"], "there is no chore \"tests\""),
            (&["score", "a", "b"], "score takes one FILE"),
            (&["score", "no/such/file"], "no/such/file: "),
            (&["ci", "--fast"], "there is no check \"--fast\""),
            (&["bench", "--fast"], "there is no benchmark \"--fast\""),
            (&["cross", "here"], "\"here\" is not checked"),
            (&["cross", "--run", "all"], "\"all\" is not run under Wine"),
            (&["profiles", "--all"], "profiles takes --check"),
            (&["faults", "--all"], "faults takes --check, --numbers or --table"),
            (&["package", "rpm"], "package takes deb or musl"),
            (&["release", "--fast"], "release takes --verify"),
            (&["sbom", "--fast"], "sbom takes --target TRIPLE"),
            (&["docs", "--fix"], "docs takes no arguments, but \"--fix\" was given"),
        ] {
            let failure = refused(args);
            assert_eq!(failure.code, 2);
            assert!(failure.message.starts_with(expect), "{}", failure.message);
        }
        assert!(refused(&[]).message.contains("run every test"));
    }

    #[test]
    fn every_chore_is_named_once() {
        let mut names: Vec<&str> = CHORES.iter().map(|c| c.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHORES.len());
    }
}
