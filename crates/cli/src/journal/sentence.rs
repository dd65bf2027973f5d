//! What a person reads of a line: a sign for how it stands, and a sentence.

use renewd_core::{Span, Wall};
use serde::Serialize;

use super::entry::{Entry, What};
use crate::output::time::{brief, local, parse_rfc3339};

/// How a line is to be taken. A page or a terminal gives it a colour; the sentence says it in words all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tone {
    /// Something works, or works again.
    Good,
    /// Something does not, and is being seen to.
    Trouble,
    /// A person must do something.
    Bad,
    /// Worth knowing.
    Plain,
}

impl Tone {
    /// In front of a line of text.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Trouble => "!",
            Self::Bad => "✗",
            Self::Plain => "·",
        }
    }
}

/// A line as it is shown to readers of JSON: what the file holds, and the sentence, which it does not hold.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Shown {
    #[serde(flatten)]
    pub(crate) entry: Entry,
    tone: Tone,
    sentence: String,
}

impl Entry {
    /// With its sentence, whose times are those of this machine's zone, near the time of the line itself.
    pub(crate) fn shown(self) -> Shown {
        Shown { tone: self.what.tone(), sentence: self.sentence(), entry: self }
    }

    /// Its sentence, without a sign. A time on the day of the line is told without its date.
    pub(crate) fn sentence(&self) -> String {
        match parse_rfc3339(&self.at) {
            Some(near) => self.what.sentence_at(near),
            None => self.what.told(&str::to_owned),
        }
    }
}

fn because(cause: Option<&String>) -> String {
    cause.map_or(String::new(), |c| format!(" ({c})"))
}

/// So many attempts, in words.
pub(super) fn times(n: u32) -> String {
    if n == 1 { "1 attempt".into() } else { format!("{n} attempts") }
}

impl What {
    /// How it is to be taken.
    pub(crate) fn tone(&self) -> Tone {
        match self {
            Self::Status { to, .. } => match to.as_str() {
                "unauthenticated" => Tone::Bad,
                "auth_retrying" => Tone::Trouble,
                "running" => Tone::Good,
                _ => Tone::Plain,
            },
            Self::Refreshed { .. }
            | Self::Recovered { .. }
            | Self::StoreHealed
            | Self::SinkHealed { .. }
            | Self::LoggedIn { .. }
            | Self::Imported { .. }
            | Self::AtServer { good: true, .. } => Tone::Good,
            Self::AudienceRefused { .. }
            | Self::AttemptFailed { .. }
            | Self::RolledBack { .. }
            | Self::Rejected { .. }
            | Self::RejectionPassed { .. }
            | Self::Advice { .. }
            | Self::StoreFailed { .. }
            | Self::SinkFailed { .. }
            | Self::SinkRemoved { .. }
            | Self::ReloadFailed { .. }
            | Self::AtServer { .. } => Tone::Trouble,
            Self::Adopted { .. }
            | Self::LateAnswer
            | Self::LoggedOut
            | Self::Rekeyed { .. }
            | Self::AgentStarted { .. }
            | Self::AgentStopped { .. }
            | Self::Reloaded
            | Self::Unknown => Tone::Plain,
        }
    }

    /// The sentence, without a sign, its times as near ones of this place.
    pub(crate) fn sentence_at(&self, near: Wall) -> String {
        self.told(&|at| parse_rfc3339(at).map_or_else(|| at.to_owned(), |at| local(at, near)))
    }

    fn told(&self, time: &dyn Fn(&str) -> String) -> String {
        match self {
            Self::Status { to, cause, .. } if to == "unauthenticated" => {
                format!("login needed{}", because(cause.as_ref()))
            }
            Self::Status { from, to, cause } => format!("{from} → {to}{}", because(cause.as_ref())),
            Self::Refreshed { reason, generation, expires_at, key, .. } => {
                let key = key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
                format!(
                    "token{key} refreshed ({reason}), generation {generation}, valid until {}",
                    time(expires_at)
                )
            }
            Self::AudienceRefused { key, evidence, .. } => {
                format!("the server gives no token for {key}: {evidence}")
            }
            Self::AttemptFailed { evidence, rule, next_attempt_at, .. } => {
                let next = next_attempt_at.as_ref();
                let next = next.map_or(String::new(), |at| format!("; next attempt {}", time(at)));
                // `renewd explain --rule` tells of it.
                let rule = if rule.is_empty() { String::new() } else { format!("; rule {rule}") };
                format!("attempt failed: {evidence}{next}{rule}")
            }
            Self::Recovered { after_s, attempts } => {
                format!("recovered after {}, {}", brief(Span::from_secs(*after_s)), times(*attempts))
            }
            Self::Adopted { epoch, generation } => {
                format!("took over epoch {epoch}, generation {generation} from another process or login")
            }
            Self::RolledBack { found_epoch, found_generation, epoch, generation } => format!(
                "the record is older than one written before: epoch {found_epoch}, generation {found_generation} \
                 after epoch {epoch}, generation {generation}; a backup was restored, and one attempt will show \
                 whether it still works"
            ),
            Self::Rejected { generation, key, .. } => {
                let key = key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
                format!("a resource server refused the token{key} of generation {generation}")
            }
            Self::RejectionPassed { generation } => {
                format!(
                    "a resource server refused the fresh token of generation {generation}; passed through"
                )
            }
            Self::LateAnswer => "an answer came that nobody waited for; ignored".into(),
            Self::Advice { text } => text.clone(),
            Self::StoreFailed { kind, message } => format!("the store fails ({kind}): {message}"),
            Self::StoreHealed => "the store works again".into(),
            Self::LoggedIn { epoch, way, .. } => {
                let way = way.as_ref().map_or(String::new(), |way| format!(" ({way})"));
                format!("logged in{way}, epoch {epoch}")
            }
            Self::Imported { epoch } => format!("a refresh token was imported, epoch {epoch}"),
            Self::LoggedOut => "logged out".into(),
            Self::AtServer { text, .. } => text.clone(),
            Self::Rekeyed { key } => format!("the store was sealed anew; its key: {key}"),
            Self::SinkFailed { path, message } => {
                format!("the token file {path} cannot be written: {message}")
            }
            Self::SinkHealed { path } => format!("the token file {path} is written again"),
            Self::SinkRemoved { path } => {
                format!("the token file {path} was removed: no valid token is left")
            }
            Self::AgentStarted { pid, version } => {
                format!("the agent started (process {pid}, version {version})")
            }
            Self::AgentStopped { pid } => format!("the agent stopped (process {pid})"),
            Self::Reloaded => "the configuration was read anew".into(),
            Self::ReloadFailed { message } => {
                format!("the configuration could not be read anew, the one before stays in force: {message}")
            }
            Self::Unknown => "something that this version does not know".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Entry {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_failed_attempt_ends_with_the_rule_that_decided() {
        let line = |rule: &str, next: &str| {
            read(&format!(
                r#"{{"schema":1,"at":"2026-11-22T09:00:00Z","event":"attempt_failed","verdict":"transient",
                "evidence":"HTTP 502","rule":"{rule}","oauth_error":null,"next_attempt_at":{next}}}"#
            ))
            .sentence()
        };
        assert_eq!(
            line("server-error", "\"soon\""),
            "attempt failed: HTTP 502; next attempt soon; rule server-error"
        );
        assert_eq!(line("acme/dead", "null"), "attempt failed: HTTP 502; rule acme/dead");
        assert_eq!(line("", "null"), "attempt failed: HTTP 502");
    }

    #[test]
    fn what_is_shown_is_the_line_with_its_sentence_and_the_file_holds_none() {
        let entry = read(
            r#"{"schema":1,"at":"2026-11-22T09:00:00Z","event":"status","from":"running","to":"unauthenticated","cause":"grant_refused"}"#,
        );
        assert!(!serde_json::to_string(&entry).unwrap().contains("sentence"));
        let shown = serde_json::to_value(entry.shown()).unwrap();
        assert_eq!(shown["sentence"], "login needed (grant_refused)");
        assert_eq!((&shown["tone"], &shown["event"]), (&"bad".into(), &"status".into()));
    }
}
