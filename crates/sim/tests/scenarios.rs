//! Every scenario file of the repository holds, and holds the same way twice.

use std::path::{Path, PathBuf};

use renewd_sim::{Scenario, run};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the scenario folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_scenario_holds() {
    let mut failures = Vec::new();
    let files = files();
    assert!(files.len() >= 20, "only {} scenarios", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let scenario = Scenario::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let outcome = run(&scenario);
        for broken in &outcome.broken {
            failures.push(format!("{}: {broken}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    assert!(failures.is_empty(), "{} broken:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_same_scenario_plays_the_same_to_the_millisecond() {
    for path in files().iter().take(12) {
        let text = std::fs::read_to_string(path).expect("a readable file");
        let scenario = Scenario::parse(&text).expect("a scenario");
        assert_eq!(run(&scenario), run(&scenario), "{}", path.display());
    }
}

#[test]
fn a_broken_expectation_is_told_with_its_time() {
    let scenario = Scenario::parse(
        "name = 'x'\n[[at]]\nt = '1m'\nserver = 'invalid_grant'\n[[expect]]\nt = '50m'\nstatus = 'auth_retrying'\n\
         [expect_totals]\nhints = 7",
    )
    .expect("a scenario");
    let outcome = run(&scenario);
    assert_eq!(outcome.broken.len(), 2, "{:?}", outcome.broken);
    assert!(outcome.broken[0].starts_with("at 50m"), "{}", outcome.broken[0]);
    assert!(outcome.broken[1].contains("hints is 1, expected 7"), "{}", outcome.broken[1]);
}
