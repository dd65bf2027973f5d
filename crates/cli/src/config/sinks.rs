//! `[[sink]]`, typed for whoever writes the files.

use std::path::PathBuf;

use renewd_driver::CredentialName;

use super::Config;
use super::document::Entry;
use crate::commands::token::Format;
use crate::target::Target;

/// What a file without `mode` gets: nobody else's.
const MODE_DEFAULT: u32 = 0o600;

/// One `[[sink]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SinkEntry {
    /// Line in the file, for messages.
    pub(crate) line: usize,
    /// Whose token.
    pub(crate) credential: CredentialName,
    /// Where the file stands.
    pub(crate) path: PathBuf,
    /// How the token is written.
    pub(crate) format: Format,
    /// Who may read it.
    pub(crate) mode: u32,
    /// Whether the file stays once no valid token is left.
    pub(crate) keeps: bool,
    /// Whether its folder may be one that others can write.
    pub(crate) any_folder: bool,
    /// What the token is for, where that is not what the login was made for.
    pub(crate) target: Target,
}

impl SinkEntry {
    /// Why nothing may be written there: others could put something else in its place.
    #[cfg(unix)]
    pub(crate) fn loose(&self) -> Option<String> {
        renewd_store::loose_way(&self.path)
    }
}

impl Config {
    /// Every `[[sink]]`. Parsing made sure that all are complete.
    pub(crate) fn sinks(&self) -> Vec<SinkEntry> {
        self.document.sinks.iter().filter_map(|entry| self.sink(entry)).collect()
    }

    fn sink(&self, entry: &Entry) -> Option<SinkEntry> {
        let get = |name| entry.settings.get(&("sink", name)).map(|at| &at.value);
        let text = |name| get(name).and_then(|v| v.as_text());
        Some(SinkEntry {
            line: entry.line,
            credential: text("credential")?.parse().ok()?,
            path: self.places.resolve(text("path")?, Some(&self.document.path)),
            format: match text("format") {
                Some("header") => Format::Header,
                Some("json") => Format::Json,
                Some("env") => Format::Env,
                _ => Format::Raw,
            },
            mode: get("mode")
                .and_then(|v| v.as_number())
                .and_then(|mode| u32::try_from(mode).ok())
                .unwrap_or(MODE_DEFAULT),
            keeps: text("on_unavailable") == Some("keep"),
            any_folder: text("folder") == Some("any"),
            target: Target {
                scope: get("scope").and_then(|v| v.as_words()).map(<[_]>::to_vec).unwrap_or_default(),
                resource: text("resource").map(String::from),
                audience: text("audience").map(String::from),
            },
        })
    }
}
