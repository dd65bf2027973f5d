//! `cargo xtask score [FILE]`: how well token endpoint answers are read, by class, without profiles and with them,
//! beside ToolHive's rule. Without a FILE: the project's own corpus, `tests/corpus`, without the answers that are held
//! out of it.
//!
//! An entry is right when the verdict is, and, where the entry gives them, the lifetime, the rotation and the token
//! type, and the wait to a second.

mod entry;
mod page;
mod tally;

use std::path::Path;

use crate::shell::{self, Failure};
use tally::Score;

const CORPUS: &str = "tests/corpus";

/// Answers whose verdicts were given before the rules were looked at. No part of the corpus: scored by itself.
const HELD_OUT: &str = "tests/corpus/unseen.toml";

const PAGE: &str = "docs/answers.md";

/// Scores a file or the corpus and prints the result; with `--page` writes the corpus's into the page.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => show(&shell::root().join(CORPUS)),
        ["--page"] => write_page(),
        [file] if !file.starts_with("--") => show(Path::new(file)),
        _ => Err(Failure::usage("score takes one FILE, or --page, or nothing")),
    }
}

fn show(path: &Path) -> Result<(), Failure> {
    let entries = entry::read(path).map_err(Failure::usage)?;
    print!("{}", page::terminal(&Score::of(&entries)));
    Ok(())
}

fn write_page() -> Result<(), Failure> {
    let score = Score::of(&entry::read(&shell::root().join(CORPUS))?);
    let held_out = Score::of(&entry::read(&shell::root().join(HELD_OUT))?);
    let path = shell::root().join(PAGE);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{PAGE}: {e}"))?;
    let text = page::renewed(&text, &score, &held_out)
        .ok_or_else(|| format!("{PAGE} has no marks for the score"))?;
    std::fs::write(path, text).map_err(|e| format!("{PAGE}: {e}"))?;
    println!("wrote the score into {PAGE}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use entry::Entry;
    use std::collections::BTreeSet;

    /// What of the entries that need no profile must be right without one.
    const FLOOR_NEEDLESS: f64 = 0.98;
    /// What of all must be right with the profiles of their providers.
    const FLOOR_WITH_PROFILES: f64 = 0.99;
    /// The same of the held-out answers, of which some providers have no profile.
    const FLOOR_HELD_OUT: f64 = 0.98;
    const FLOOR_HELD_OUT_LATER: f64 = 0.96;
    const FLOOR_HELD_OUT_LAST: f64 = 0.98;

    fn corpus() -> Vec<Entry> {
        entry::read(&shell::root().join(CORPUS)).unwrap()
    }

    /// Written after the first, with some of the rules known.
    const HELD_OUT_LATER: &str = "tests/corpus/unseen-2.toml";

    fn held_out() -> Vec<Entry> {
        entry::read(&shell::root().join(HELD_OUT)).unwrap()
    }

    /// Sixty of 480 that were judged by the principles alone: the new kinds, and what was missed.
    const HELD_OUT_LAST: &str = "tests/corpus/unseen-3.toml";

    fn held_out_later() -> Vec<Entry> {
        entry::read(&shell::root().join(HELD_OUT_LATER)).unwrap()
    }

    fn held_out_last() -> Vec<Entry> {
        entry::read(&shell::root().join(HELD_OUT_LAST)).unwrap()
    }

    #[test]
    fn what_was_judged_before_it_was_run_is_read_as_well_as_promised() {
        for (entries, count, floor) in [
            (held_out(), 480, FLOOR_HELD_OUT),
            (held_out_later(), 132, FLOOR_HELD_OUT_LATER),
            (held_out_last(), 60, FLOOR_HELD_OUT_LAST),
        ] {
            assert!(entries.len() >= count, "only {} entries", entries.len());
            let score = Score::of(&entries);
            let total = score.total();
            assert!(total.needless.share() >= FLOOR_NEEDLESS, "{:?}", total.needless);
            assert!(total.with.share() >= floor, "{:?}", total.with);
            assert_eq!(score.doubted_otherwise, [""; 0]);
        }
    }

    #[test]
    fn the_held_out_answers_are_no_part_of_the_corpus() {
        let known: BTreeSet<String> = corpus().into_iter().map(|entry| entry.id).collect();
        let entries: Vec<Entry> =
            held_out().into_iter().chain(held_out_later()).chain(held_out_last()).collect();
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(names.len(), entries.len());
        assert!(names.iter().all(|name| !known.contains(*name)));
    }

    #[test]
    fn the_corpus_is_read_as_well_as_promised() {
        let entries = corpus();
        assert!(entries.len() >= 298, "only {} entries", entries.len());
        let total = Score::of(&entries).total();
        assert!(total.needless.all >= 269, "{:?}", total.needless);
        assert!(total.needless.share() >= FLOOR_NEEDLESS, "{:?}", total.needless);
        assert!(total.with.share() >= FLOOR_WITH_PROFILES, "{:?}", total.with);
    }

    #[test]
    fn nothing_is_wrong_but_on_purpose_or_for_want_of_a_profile() {
        for wrong in Score::of(&corpus()).wrong {
            let only_without = wrong.needs_profile && wrong.with.is_empty();
            assert!(only_without || wrong.otherwise.is_some(), "{}: {:?}", wrong.id, wrong.with);
        }
    }

    #[test]
    fn every_provider_of_the_corpus_has_its_profile() {
        assert_eq!(Score::of(&corpus()).unknown_slugs, [""; 0]);
    }

    #[test]
    fn no_login_is_given_up_and_no_answer_thrown_away_with_profiles() {
        let [.., with] = Score::of(&corpus()).three_way;
        assert_eq!((with.given_up, with.hidden, with.thrown_away), (0, 0, 0));
    }

    #[test]
    fn what_is_judged_otherwise_on_purpose_still_is() {
        let entries = corpus();
        let wrong = Score::of(&entries).wrong;
        for entry in entries.iter().filter(|entry| entry.otherwise.is_some()) {
            assert!(
                wrong.iter().any(|w| w.id == entry.id && !w.with.is_empty()),
                "{} is right now",
                entry.id
            );
        }
    }

    #[test]
    fn doubt_about_a_rotation_is_where_the_corpus_sees_it() {
        let entries = corpus();
        assert!(entries.iter().filter(|entry| entry.rotation_uncertain.is_some()).count() >= 6);
        assert_eq!(Score::of(&entries).doubted_otherwise, [""; 0]);
    }

    #[test]
    fn every_entry_has_a_name_of_its_own_and_says_what_happened() {
        let entries = corpus();
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(names.len(), entries.len());
        assert!(entries.iter().all(|entry| entry.situation.len() > 8 && entry.toolhive.is_some()));
    }

    #[test]
    fn the_page_shows_the_score_of_today() {
        let text = std::fs::read_to_string(shell::root().join(PAGE)).unwrap();
        let made = page::renewed(&text, &Score::of(&corpus()), &Score::of(&held_out()));
        assert_eq!(made.as_deref(), Some(text.as_str()), "cargo xtask score --page writes it");
    }
}
