//! `cargo xtask bench`: every figure of `docs/measurements.md`, in one run.

use crate::shell::{self, Failure};

/// A benchmark: the crate's folder and package, its name.
type Bench = (&'static str, &'static str, &'static str);

/// All of them. They print their figures themselves.
const BENCHES: &[Bench] = &[
    ("core", "renewd-core", "answers"),
    ("core", "renewd-core", "events"),
    ("driver", "renewd-driver", "hot_path"),
    ("driver", "renewd-driver", "million"),
    ("hardening", "renewd-hardening", "secrets"),
    ("proxy", "renewd-proxy", "proxy"),
    ("signer", "renewd-signer", "signatures"),
    ("sim", "renewd-sim", "hours"),
    ("tests", "renewd-e2e", "agent"),
    ("tests", "renewd-e2e", "keyring"),
    ("tests", "renewd-e2e", "safety"),
];

/// Builds them optimised and runs one after the other; with names, those alone. One call of cargo, so that what they
/// share is built once.
pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    let (mut args, chosen) = (vec!["bench", "--locked"], chosen(names)?);
    for (_, package, name) in &chosen {
        args.extend(["--package", package, "--bench", name]);
    }
    let mut benches = shell::cargo(&args);
    // It measures the program as people have it.
    if chosen.iter().any(|(_, _, name)| *name == "agent") {
        benches.env("RENEWD_BIN", crate::test::build_optimised()?);
    }
    shell::run(benches)
}

fn chosen(names: &[String]) -> Result<Vec<Bench>, Failure> {
    if names.is_empty() {
        return Ok(BENCHES.to_vec());
    }
    let find = |name: &String| {
        BENCHES.iter().copied().find(|(_, _, n)| n == name).ok_or_else(|| {
            let known: Vec<&str> = BENCHES.iter().map(|(_, _, n)| *n).collect();
            Failure::usage(format!("there is no benchmark {name:?}; there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_benchmark_of_the_repository_is_in_the_run() {
        let mut found = Vec::new();
        let crates =
            std::fs::read_dir(shell::root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
        for folder in crates.chain([shell::root().join("tests")]) {
            let Ok(benches) = std::fs::read_dir(folder.join("benches")) else { continue };
            for file in benches.map(|entry| entry.unwrap().path()) {
                if file.extension().is_some_and(|e| e == "rs") {
                    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
                    found.push((name(&folder), name(&file)));
                }
            }
        }
        found.sort();
        let listed: Vec<_> = BENCHES.iter().map(|(f, _, n)| ((*f).to_owned(), (*n).to_owned())).collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn benchmarks_can_be_chosen_by_name_and_an_unknown_one_is_told_what_there_is() {
        assert_eq!(chosen(&["million".into()]).unwrap(), [("driver", "renewd-driver", "million")]);
        let failure = chosen(&["millions".into()]).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains("there are answers, events, hot_path"), "{}", failure.message);
    }
}
