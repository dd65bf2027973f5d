//! Every scenario file of the repository holds, and holds the same way twice.

use std::collections::BTreeSet;
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

fn read(path: &Path) -> Vec<Scenario> {
    let text = std::fs::read_to_string(path).expect("a readable file");
    Scenario::each(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The stories of one process. `cargo xtask simulate` plays those of the list of faults too, in every combination, and
/// every test run does that.
#[test]
fn every_scenario_file_is_one_and_those_that_show_no_fault_of_the_list_hold() {
    let mut failures = Vec::new();
    let files = files();
    assert!(files.len() >= 60, "only {} scenarios", files.len());
    for path in files {
        let scenarios = read(&path);
        if scenarios[0].fault.is_some() {
            continue;
        }
        let outcome = run(&scenarios[0]);
        for broken in &outcome.broken {
            failures.push(format!("{}: {broken}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    assert!(failures.is_empty(), "{} broken:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn no_two_runs_of_a_fault_have_the_same_name() {
    let mut names = BTreeSet::new();
    for path in files() {
        for s in read(&path) {
            let Some(fault) = s.fault else { continue };
            let name = (fault, s.variant, s.server.class.name(), s.processes);
            assert!(
                names.insert(name.clone()),
                "{}: {name:?} is another's: give it a variant",
                path.display()
            );
        }
    }
    assert!(names.len() >= 300, "only {} runs", names.len());
}

#[test]
fn the_same_scenario_plays_the_same_to_the_millisecond() {
    for path in files().iter().step_by(9) {
        let scenario = &read(path)[0];
        assert_eq!(run(scenario), run(scenario), "{}", path.display());
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

#[test]
fn what_an_ordinary_program_leaves_in_its_socket_arrives_after_its_death_and_is_seen() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios/bytes-left-in-a-dead-socket.toml");
    let text = std::fs::read_to_string(path).expect("a readable file");
    let careful = Scenario::parse(&text).expect("a scenario");
    assert_eq!(run(&careful).broken, Vec::<String>::new());
    let ordinary = Scenario::parse(&format!("sockets = \"linger\"\n{text}")).expect("a scenario");
    let broken = run(&ordinary).broken;
    assert!(broken.iter().any(|b| b.contains("token requests are 1, expected at most 0")), "{broken:?}");
}
