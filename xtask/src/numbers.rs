//! The table of six numbers: what each fault, at each class of server, led to.
//!
//! Rows come from proofs of three depths (the simulated world, real processes, servers written elsewhere) in one shape,
//! [`Numbers`]. What may never happen is judged here, in one place, and not in each test.

mod table;

use std::path::{Path, PathBuf};

use renewd_testkit::{NUMBERS_ENV, Numbers};

use crate::faults::{self, Fault};
use crate::shell::{self, Failure};
use crate::simulate;
use crate::steps::Outcome;
use crate::{disclosure, needs, peers, test};

/// Rows of tests that met a server of class P3 after its grace carry these words; all others of P3 count as inside.
const AFTER_THE_GRACE: &str = "after the grace";

/// Rows of tests that used an access token at class P4 whose refresh token could never be saved: that use is what retires
/// the old one (decision 0024).
const USED_UNSAVED: &str = "used unsaved";

/// Rows of tests that restored a whole folder carry these words: nothing in it says that it is old, so the refusal cannot
/// be told as a lost rotation (`docs/storage.md`, the limits of the promise).
const WHOLE_FOLDER: &str = "whole folder";

/// Rows of tests whose login was refused before the fault came, as part of the scene: that one is not the fault's.
const BEGINS_REFUSED: &str = "while unauthenticated";

/// A faulty class: after a replay it hands out an older refresh token, and refuses that one later, when no outcome is
/// unknown any more. It is told as the plain refusal that it is.
const FAULTY: &str = "P5";

/// Where rows are kept in a run; emptied before the next.
pub(crate) fn folder() -> PathBuf {
    shell::root().join("target").join("numbers")
}

/// Empties the folder: a row of an earlier run would be taken for one of this.
pub(crate) fn fresh() -> Result<PathBuf, Failure> {
    let folder = folder();
    let fail = |e: std::io::Error| Failure::from(format!("{}: {e}", folder.display()));
    match std::fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(e)),
        _ => {}
    }
    std::fs::create_dir_all(&folder).map_err(fail)?;
    Ok(folder)
}

/// Plays every fault in the world, with real processes and with servers of others, and prints the table.
pub(crate) fn run() -> Result<(), Failure> {
    let folder = fresh()?;
    needs::provide()?;
    world(&folder)?;
    let modules = tests_with_numbers()?;
    let mut args = vec!["--package", "renewd-e2e", "--no-fail-fast"];
    let filter = disclosure::any_of(&modules);
    if shell::has_cargo_tool("nextest") {
        args.splice(0..0, ["nextest", "run", "--filterset", &filter]);
    } else {
        args.insert(0, "test");
        args.push("--");
        args.extend(modules.iter().map(String::as_str));
    }
    let mut tests = shell::cargo(&args);
    tests.env("RENEWD_BIN", test::build_binary()?).env(NUMBERS_ENV, &folder);
    if let Outcome::Skipped(why) = peers::provide()? {
        println!("without the rows of some servers of others: {why}");
    }
    peers::tell(&mut tests);
    needs::tell(&mut tests);
    let ran = shell::run(tests);
    let judged = report();
    ran.and(judged.map(|_| ()))
}

/// Plays every scenario that shows a fault, and keeps its row.
pub(crate) fn world(folder: &Path) -> Result<(), Failure> {
    simulate::run(&["--numbers".to_owned(), folder.display().to_string()])
}

/// The modules of end-to-end tests that report rows.
fn tests_with_numbers() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for path in disclosure::modules()? {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        if text.contains("Numbers") || text.contains(".numbers(") {
            names.extend(path.file_stem().map(|stem| format!("{}::", stem.to_string_lossy())));
        }
    }
    names.sort();
    Ok(names)
}

/// Prints the table of the rows in the folder and judges it.
pub(crate) fn report() -> Result<Outcome, Failure> {
    let faults = faults::list()?;
    let rows = read(&folder(), &faults)?;
    let whole = shell::root().join("target").join("numbers.txt");
    std::fs::write(&whole, table::of(&rows) + "\n").map_err(|e| format!("{}: {e}", whole.display()))?;
    println!("{}\n\nby class:\n{}", table::of(&table::by_fault(&rows)), table::of(&table::by_class(&rows)));
    println!("\n{} rows; target/numbers.txt has each by itself", rows.len());
    let missing: Vec<&str> =
        faults.iter().map(|f| f.key.as_str()).filter(|key| !rows.iter().any(|r| r.fault == *key)).collect();
    if !missing.is_empty() {
        println!(
            "\nwithout a row (docs/faults.md says what shows them, or that they are open): {}",
            missing.join(", ")
        );
    }
    println!("\n{}", verdict(&rows)?);
    Ok(Outcome::Passed)
}

/// The rows in the order of the list of faults.
fn read(folder: &Path, faults: &[Fault]) -> Result<Vec<Numbers>, Failure> {
    let fail = |path: &Path, why: String| Failure::from(format!("{}: {why}", path.display()));
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| fail(folder, e.to_string()))? {
        let path = entry.map_err(|e| fail(folder, e.to_string()))?.path();
        let text = std::fs::read_to_string(&path).map_err(|e| fail(&path, e.to_string()))?;
        let row = serde_json::from_str(&text).ok().as_ref().and_then(Numbers::from_json);
        let row = row.ok_or_else(|| fail(&path, "is no row of numbers".into()))?;
        if !faults::is_known(faults, &row.fault) {
            return Err(fail(&path, format!("tests/faults.toml has no fault {:?}", row.fault)));
        }
        rows.push(row);
    }
    let place = |row: &Numbers| faults.iter().position(|fault| fault.key == row.fault);
    rows.sort_by_cached_key(|r| (place(r), r.tier.name(), r.variant.clone(), r.class.clone(), r.processes));
    Ok(rows)
}

/// What the class of a row's server lets us promise.
struct Promise {
    /// No login is ever lost, and no spent refresh token seen again as theft. Else a login is lost only where the
    /// rotated token was, and is told as that.
    nothing_lost: bool,
    /// The words that take the row out of what its class promises.
    apart: Option<&'static str>,
}

fn promise(row: &Numbers) -> Promise {
    let (nothing_lost, exception) = match row.class.as_str() {
        "P0" | "P1" => (true, None),
        "P3" => (true, Some(AFTER_THE_GRACE)),
        "P4" => (true, Some(USED_UNSAVED)),
        _ => (false, None),
    };
    let apart = exception.filter(|words| row.variant.contains(words));
    Promise { nothing_lost: nothing_lost && apart.is_none(), apart }
}

/// What of a row may not be.
fn broken(row: &Numbers) -> Vec<&'static str> {
    let safe = promise(row).nothing_lost;
    let untold =
        row.class == FAULTY || [WHOLE_FOLDER, BEGINS_REFUSED].iter().any(|w| row.variant.contains(w));
    [
        (row.rounds == 0, "no round was played"),
        (safe && row.reuse_trips > 0, "a spent refresh token was seen again, at a class where none may be"),
        (safe && row.forced_logins > 0, "somebody had to log in, at a class where nobody may have to"),
        (
            row.forced_logins > row.told_lost && !untold,
            "a login was needed that was not told as a lost rotation",
        ),
        (row.expired_served > 0, "an expired token was served"),
        (row.leaks > 0, "a secret was found where none may be"),
        (row.heal_ms.is_none() && row.forced_logins == 0, "it never healed, though no login was needed"),
    ]
    .into_iter()
    .filter_map(|(is, what)| is.then_some(what))
    .collect()
}

/// The closing line, or what broke.
fn verdict(rows: &[Numbers]) -> Result<String, Failure> {
    if rows.is_empty() {
        return Err("no proof reported a row".to_owned().into());
    }
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|row| broken(row).into_iter().map(move |what| format!("{what}: {row}")))
        .collect();
    if !wrong.is_empty() {
        return Err(format!("{} broken promises:\n  {}", wrong.len(), wrong.join("\n  ")).into());
    }
    let sum = |number: fn(&Numbers) -> u64| rows.iter().map(number).sum::<u64>();
    Ok(format!(
        "verdict: holds · {} rows, {} rounds, {} token requests · no reuse trip and no forced login at P0, P1, P4 (tokens \
         used unsaved apart) or inside a grace · {} forced logins elsewhere, every one told as a lost rotation (P5, whole \
         folders restored and logins refused before the fault apart) · no expired token served · no leak",
        rows.len(),
        sum(|r| r.rounds),
        sum(|r| r.token_requests),
        sum(|r| r.forced_logins),
    ))
}

#[cfg(test)]
mod tests {
    use renewd_testkit::Tier;

    use super::*;

    pub(super) fn row(class: &str) -> Numbers {
        let mut row = Numbers::new(Tier::World, "race", class, 2);
        (row.rounds, row.token_requests, row.heal_ms) = (3, 5, Some(1_500));
        row
    }

    #[test]
    fn each_number_that_may_not_be_fails_the_verdict_and_names_its_row() {
        type Change = fn(&mut Numbers);
        let cases: [(Change, &str); 6] = [
            (|r| r.rounds = 0, "no round"),
            (|r| r.expired_served = 1, "expired token"),
            (|r| r.leaks = 1, "a secret"),
            (|r| r.heal_ms = None, "never healed"),
            (|r| r.forced_logins = 1, "not told as a lost rotation"),
            (|r| (r.forced_logins, r.told_lost) = (2, 1), "not told as a lost rotation"),
        ];
        for (change, what) in cases {
            let mut bad = row("P2");
            change(&mut bad);
            let failure = verdict(&[row("P0"), bad]).unwrap_err();
            assert!(
                failure.message.contains(what) && failure.message.contains("race · P2"),
                "{}",
                failure.message
            );
        }
    }

    #[test]
    fn a_lost_rotation_is_borne_by_a_strict_server_and_by_no_other() {
        let mut lost = row("P2");
        (lost.reuse_trips, lost.forced_logins, lost.told_lost, lost.heal_ms) = (1, 1, 1, None);
        assert!(verdict(&[lost.clone()]).unwrap().contains("1 forced logins elsewhere"));
        for class in ["P0", "P1", "P3", "P4"] {
            lost.class = class.to_owned();
            assert_eq!(broken(&lost).len(), 2, "{class}");
        }
        lost.class = "P3".to_owned();
        assert!(broken(&lost.clone().variant("pause, recovered after the grace")).is_empty());
        lost.class = "P4".to_owned();
        assert!(broken(&lost.variant("its token used unsaved")).is_empty());
    }

    #[test]
    fn a_whole_folder_that_was_restored_cannot_be_told_as_lost_and_excuses_nothing_else() {
        let mut restored = row("P2").variant("the whole folder");
        (restored.reuse_trips, restored.forced_logins, restored.heal_ms) = (1, 1, None);
        assert!(broken(&restored).is_empty());
        restored.class = "P1".to_owned();
        assert_eq!(broken(&restored).len(), 2);
    }

    #[test]
    fn a_refusal_that_the_fault_did_not_cause_need_not_be_told_as_a_lost_rotation() {
        let mut refused = row("P2").variant("while unauthenticated 8h");
        (refused.forced_logins, refused.heal_ms) = (1, None);
        assert!(broken(&refused).is_empty());
        refused.class = FAULTY.to_owned();
        assert!(broken(&refused.clone().variant("drop-after-rotate")).is_empty());
        refused.class = "P0".to_owned();
        assert!(!broken(&refused).is_empty());
    }

    #[test]
    fn a_run_without_rows_is_no_proof() {
        assert!(verdict(&[]).is_err());
    }
}
