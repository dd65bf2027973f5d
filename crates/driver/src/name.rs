//! The local name of a credential.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest name, in bytes: it becomes a file name with a suffix.
const NAME_BYTES_MAX: usize = 64;

/// The local name of a credential: 1 to 64 of `A–Z a–z 0–9 . _ -`, beginning with a letter or digit. It becomes a
/// file name and an environment variable's prefix, hence the narrow alphabet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialName(Arc<str>);

impl CredentialName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As much of a bad name is repeated in an error.
const SHOWN_CHARS_MAX: usize = 20;

/// Why a name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError(String);

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NameError {}

impl FromStr for CredentialName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let problem = if text.is_empty() {
            "is empty"
        } else if text.len() > NAME_BYTES_MAX {
            "is longer than 64 bytes"
        } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            "must begin with a letter or digit"
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            "may hold only letters, digits, '.', '_' and '-'"
        } else {
            return Ok(Self(text.into()));
        };
        // Something that long is no name: a token, perhaps, that was pasted in the wrong place.
        let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
        let rest = if shown.len() < text.len() { "…" } else { "" };
        Err(NameError(format!("credential name {shown:?}{rest} {problem}")))
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for CredentialName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "is empty"),
            ("../x", "must begin"),
            (".hidden", "must begin"),
            ("a/b", "may hold only"),
            ("a\0b", "may hold only"),
        ] {
            let error = text.parse::<CredentialName>().unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        let long = "a".repeat(65).parse::<CredentialName>().unwrap_err().to_string();
        assert_eq!(
            long,
            format!("credential name {:?}… is longer than 64 bytes", "a".repeat(SHOWN_CHARS_MAX))
        );
        assert_eq!("git-hub_1.x".parse::<CredentialName>().unwrap().as_str(), "git-hub_1.x");
    }
}
