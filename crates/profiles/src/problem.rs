//! What is wrong with a profile or a configuration: the place, the key, the reason, the way out.

use std::fmt;
use std::path::{Path, PathBuf};

/// Longest value that a message repeats, in bytes: enough to recognise it, too short for a token.
const SHOWN_BYTES_MAX: usize = 40;

/// Longest name for which a nearer one is looked for, in bytes: no key is longer, and the search is quadratic.
const NAME_BYTES_MAX: usize = 100;

/// So many things are told of one file: whoever mends these first sees the rest then.
const TOLD_MAX: usize = 50;

/// So many unknown names get a nearer one; whoever has more has no slip of the pen, and each costs a search.
pub const ADVISED_MAX: usize = 1000;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1; none where it is about no line.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Problem {
    /// This is wrong in that line.
    pub fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into(), advice: None }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Everything that is wrong with one file, in the order of its lines. Written as `FILE:LINE: WHAT; ADVICE`, a line
/// for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// At least one.
    pub all: Vec<Problem>,
}

impl Problems {
    /// Sorted by line.
    pub fn new(file: &Path, mut all: Vec<Problem>) -> Self {
        all.sort_by_key(|p| p.line);
        Self { file: file.to_owned(), all }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.all.iter().take(TOLD_MAX).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": {}", problem.what)?;
            if let Some(advice) = &problem.advice {
                write!(f, "; {advice}")?;
            }
        }
        let more = self.all.len().saturating_sub(TOLD_MAX);
        if more > 0 {
            write!(f, "\n{}: and {more} more", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value as a message may repeat it: on one line, and cut where it could be a secret.
pub fn shown(value: &str) -> String {
    format!("\"{}\"", cut(value))
}

/// The same of a key's name, which needs no quotes: a token that was pasted in the wrong place stands there.
pub fn cut(value: &str) -> String {
    let mut text: String = value.chars().flat_map(char::escape_debug).collect();
    if text.len() > SHOWN_BYTES_MAX {
        let cut = (0..=SHOWN_BYTES_MAX / 2).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// The nearest of `known`, where one is near enough to have been meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
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
    fn problems_are_told_by_file_and_line() {
        let problems = Problems::new(
            Path::new("p.toml"),
            vec![Problem::new(9, "later"), Problem::new(2, "first").advise("mend it")],
        );
        assert_eq!(problems.to_string(), "p.toml:2: first; mend it\np.toml:9: later");
    }

    #[test]
    fn a_long_value_is_not_repeated_and_a_hostile_one_stays_on_its_line() {
        assert!(shown(&"a".repeat(200)).len() < 60);
        assert_eq!(shown("a\nb\x1b"), "\"a\\nb\\u{1b}\"");
    }

    #[test]
    fn the_nearest_key_is_named_only_when_it_is_near() {
        let known = ["as_class", "grace", "interval", "ceiling"];
        for (name, found) in [
            ("as-class", Some("as_class")),
            ("Grace", Some("grace")),
            ("graec", Some("grace")),
            ("intervall", Some("interval")),
            ("inteval", Some("interval")),
            ("cieling", Some("ceiling")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, known), found, "{name}");
        }
        assert_eq!(nearest(&"grace".repeat(100), known), None);
    }
}
