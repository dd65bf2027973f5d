//! What is wrong with a configuration: the place, the key, the reason, the way out.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Longest value that a message repeats, in bytes: enough to recognise it, too short for a token.
const SHOWN_BYTES_MAX: usize = 40;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Line in the file, from 1; none where it is about no line.
    pub(crate) line: Option<usize>,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) advice: Option<String>,
}

impl Problem {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into(), advice: None }
    }

    #[must_use]
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl From<renewd_profiles::Problem> for Problem {
    fn from(problem: renewd_profiles::Problem) -> Self {
        let renewd_profiles::Problem { line, what, advice, .. } = problem;
        Self { line, what, advice }
    }
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Clone, Debug)]
pub(crate) struct Problems {
    pub(crate) path: PathBuf,
    pub(crate) all: Vec<Problem>,
}

impl Problems {
    /// Sorted by line.
    pub(crate) fn new(path: &Path, mut all: Vec<Problem>) -> Self {
        all.sort_by_key(|p| p.line);
        Self { path: path.to_owned(), all }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.all.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.path.display())?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": {}", problem.what)?;
            if let Some(advice) = &problem.advice {
                write!(f, "; {advice}")?;
            }
        }
        Ok(())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::configuration(problems.to_string())
    }
}

/// A value as a message may repeat it: on one line, and cut where it could be a secret.
pub(crate) fn shown(value: &str) -> String {
    format!("\"{}\"", cut(value))
}

/// The same of a key's name, which needs no quotes: a token that was pasted in the wrong place stands there.
pub(crate) fn cut(value: &str) -> String {
    let mut text: String = value.chars().flat_map(char::escape_debug).collect();
    if text.len() > SHOWN_BYTES_MAX {
        let cut = (0..=SHOWN_BYTES_MAX / 2).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// The nearest of `known`, where one is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&lower, k), k))
        .filter(|(distance, k)| *distance <= (k.len().max(lower.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named_only_when_it_is_near() {
        let known = ["interval", "ceiling"];
        for (name, found) in [
            ("intervall", Some("interval")),
            ("inteval", Some("interval")),
            ("Interval", Some("interval")),
            ("cieling", Some("ceiling")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, known), found, "{name}");
        }
        assert_eq!(nearest("client-id", ["client_id"]), Some("client_id"));
    }

    #[test]
    fn a_long_value_is_not_repeated_and_a_hostile_one_stays_on_its_line() {
        assert!(shown(&"a".repeat(200)).len() < 60);
        assert_eq!(shown("a\nb\x1b"), "\"a\\nb\\u{1b}\"");
    }

    #[test]
    fn problems_are_told_by_file_and_line() {
        let problems = Problems::new(
            Path::new("c.toml"),
            vec![Problem::new(9, "later"), Problem::new(2, "first").advise("mend it")],
        );
        assert_eq!(problems.to_string(), "c.toml:2: first; mend it\nc.toml:9: later");
    }
}
