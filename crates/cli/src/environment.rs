//! The process's environment, captured once.
//!
//! Everything that reads a variable reads it here, so that tests can hand in their own and nothing depends on the
//! moment of reading. No variable carries a secret of ours; some say where one comes from, and those are kept from the
//! programs that we start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// Variables of ours. They steer renewd, some of them name what its secrets come from, and they are nobody else's
/// business.
#[cfg(unix)]
const OWN_PREFIX: &str = "RENEWD_";

/// The folder in which systemd hands secrets to a service.
#[cfg(unix)]
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

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

    /// Variables that no program that we start inherits. The folder of systemd's credentials is among them
    /// where the store's key lies in it; otherwise what lies there is the program's own.
    #[cfg(unix)]
    pub(crate) fn kept_from_children(&self, key_is_systemds: bool) -> impl Iterator<Item = &OsString> {
        self.0.keys().filter(move |name| {
            let bytes = name.as_encoded_bytes();
            bytes.starts_with(OWN_PREFIX.as_bytes())
                || (key_is_systemds && bytes == CREDENTIALS_DIRECTORY.as_bytes())
        })
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

    #[cfg(unix)]
    #[test]
    fn what_leads_to_a_secret_is_kept_from_children_and_the_rest_is_theirs() {
        let env = Environment::of(&[
            ("RENEWD_STORE_PASSPHRASE_FD", "3"),
            ("RENEWD_STORE_KEY", ""),
            ("CREDENTIALS_DIRECTORY", "/run/credentials/x.service"),
            ("PATH", "/bin"),
            ("MY_RENEWD_X", "1"),
        ]);
        let kept = |systemd| env.kept_from_children(systemd).map(|n| n.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(kept(false), ["RENEWD_STORE_KEY", "RENEWD_STORE_PASSPHRASE_FD"]);
        assert_eq!(kept(true), ["CREDENTIALS_DIRECTORY", "RENEWD_STORE_KEY", "RENEWD_STORE_PASSPHRASE_FD"]);
    }
}
