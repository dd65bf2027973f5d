//! The process's environment, captured once.
//!
//! Everything that reads a variable reads it here, so that tests can hand in their own and nothing depends on the
//! moment of reading.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// This process's.
    pub(crate) fn capture() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// A variable as text. An empty one counts as unset; one that is no UTF-8 is given with replacement characters,
    /// and fails where it is read.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.raw(name).map(|v| v.to_string_lossy().into_owned())
    }

    /// A variable as an absolute path. The XDG rules say that a relative one is to be ignored.
    pub(crate) fn folder(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from).filter(|p| p.is_absolute())
    }

    /// Names that begin so, for whoever looks for misspelt ones.
    pub(crate) fn names_beginning(&self, prefix: &str) -> Vec<String> {
        self.0.keys().filter_map(|k| k.to_str()).filter(|k| k.starts_with(prefix)).map(String::from).collect()
    }

    fn raw(&self, name: &str) -> Option<&OsString> {
        self.0.get(&OsString::from(name)).filter(|v| !v.is_empty())
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl Environment {
    /// An environment of these variables.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(k, v)| (OsString::from(*k), OsString::from(*v))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset_and_a_relative_folder_is_ignored() {
        let absolute = if cfg!(windows) { r"C:\abs" } else { "/abs" };
        let env = Environment::of(&[("A", ""), ("B", "rel"), ("C", absolute)]);
        assert_eq!(env.text("A"), None);
        assert_eq!(env.folder("B"), None);
        assert_eq!(env.folder("C"), Some(absolute.into()));
    }
}
