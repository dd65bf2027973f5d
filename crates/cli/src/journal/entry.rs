//! One line of the journal. `sentence` tells it to a person.

use renewd_core::{Access, Now, Record, Report};
use renewd_driver::Event;
use serde::{Deserialize, Serialize};

use crate::json::SCHEMA;
use crate::output::evidence::looked_like;
use crate::output::time::rfc3339;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Entry {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    /// When, RFC 3339 UTC.
    #[cfg_attr(test, schemars(schema_with = "crate::schema::time"))]
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What happened. A reader passes over events that it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum What {
    Status {
        from: String,
        to: String,
        cause: Option<String>,
    },
    Refreshed {
        reason: String,
        epoch: u64,
        generation: u64,
        expires_at: String,
        rotated: bool,
        took_ms: u64,
        /// What it was made for, where that is not what the login was made for.
        #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    AudienceRefused {
        #[serde(rename = "for")]
        key: String,
        evidence: String,
        #[serde(default)]
        http_status: Option<u16>,
        #[serde(default)]
        oauth_error: Option<String>,
        #[serde(default)]
        message: Option<String>,
    },
    AttemptFailed {
        verdict: String,
        evidence: String,
        rule: String,
        #[serde(default)]
        http_status: Option<u16>,
        #[serde(default)]
        content_type: Option<String>,
        oauth_error: Option<String>,
        #[serde(default)]
        message: Option<String>,
        next_attempt_at: Option<String>,
    },
    Recovered {
        after_s: u64,
        attempts: u32,
    },
    Adopted {
        epoch: u64,
        generation: u64,
    },
    RolledBack {
        found_epoch: u64,
        found_generation: u64,
        epoch: u64,
        generation: u64,
    },
    /// A resource server refused a token: once for each token.
    Rejected {
        epoch: u64,
        generation: u64,
        /// What it was made for, where that is not what the login was made for.
        #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    RejectionPassed {
        generation: u64,
    },
    LateAnswer,
    Advice {
        text: String,
    },
    StoreFailed {
        kind: String,
        message: String,
    },
    StoreHealed,
    /// A login took the place of what stood, or was the first.
    LoggedIn {
        epoch: u64,
        /// `device`, `browser`, ….
        #[serde(default)]
        way: Option<String>,
        /// When the token that came with it expires, where one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<String>,
    },
    Imported {
        epoch: u64,
    },
    LoggedOut,
    /// What the server was told of the end of a login, and what it was not.
    AtServer {
        good: bool,
        text: String,
    },
    Rekeyed {
        /// The key source.
        key: String,
    },
    SinkFailed {
        path: String,
        message: String,
    },
    SinkHealed {
        path: String,
    },
    SinkRemoved {
        path: String,
    },
    AgentStarted {
        pid: u32,
        version: String,
    },
    AgentStopped {
        pid: u32,
    },
    Reloaded,
    ReloadFailed {
        message: String,
    },
    #[serde(other)]
    Unknown,
}

impl Entry {
    /// The line for an event; none where it is nobody's business afterwards.
    pub(crate) fn of(now: Now, event: &Event) -> Option<Self> {
        let what = match event {
            Event::Changed { from, to, cause } => What::Status {
                from: from.name().into(),
                to: to.name().into(),
                cause: cause.map(|c| c.name().into()),
            },
            Event::Advise(hint) => What::Advice { text: hint.text() },
            Event::Report(report) => What::of(now, report)?,
            _ => return None,
        };
        Some(Self { schema: SCHEMA, at: rfc3339(now.wall), what })
    }

    /// The line for what no loop tells of: a login, the agent's start, a token file.
    pub(crate) fn new(now: Now, what: What) -> Self {
        Self { schema: SCHEMA, at: rfc3339(now.wall), what }
    }
}

impl What {
    /// The line for a login that is kept from now on.
    pub(crate) fn logged_in(kept: &Record, way: Option<&str>) -> Self {
        Self::LoggedIn {
            epoch: kept.epoch,
            way: way.map(Into::into),
            expires_at: kept.access().map(Access::expires_wall).map(rfc3339),
        }
    }

    fn of(now: Now, report: &Report) -> Option<Self> {
        Some(match report {
            Report::AudienceRefused { key, attempt } => Self::AudienceRefused {
                key: key.to_string(),
                evidence: looked_like(attempt),
                http_status: attempt.evidence.http_status,
                oauth_error: attempt.evidence.oauth_error.clone(),
                message: attempt.evidence.message.clone(),
            },
            Report::Refreshed { reason, key, epoch, generation, expires, rotated, took } => Self::Refreshed {
                reason: reason.name().into(),
                epoch: *epoch,
                generation: *generation,
                expires_at: rfc3339(*expires),
                rotated: *rotated,
                took_ms: took.as_millis(),
                key: key.as_ref().map(ToString::to_string),
            },
            Report::AttemptFailed { attempt, next } => Self::AttemptFailed {
                verdict: attempt.verdict.name().into(),
                evidence: looked_like(attempt),
                rule: attempt.evidence.rule.clone().into_owned(),
                http_status: attempt.evidence.http_status,
                content_type: attempt.evidence.content_type.clone(),
                oauth_error: attempt.evidence.oauth_error.clone(),
                message: attempt.evidence.message.clone(),
                next_attempt_at: next.map(|at| rfc3339(now.wall_at(at))),
            },
            Report::Recovered { after, attempts } => {
                Self::Recovered { after_s: after.as_secs(), attempts: *attempts }
            }
            Report::Adopted { epoch, generation } => Self::Adopted { epoch: *epoch, generation: *generation },
            Report::RolledBack { found, greatest } => Self::RolledBack {
                found_epoch: found.0,
                found_generation: found.1,
                epoch: greatest.0,
                generation: greatest.1,
            },
            Report::Rejected { key, epoch, generation } => Self::Rejected {
                epoch: *epoch,
                generation: *generation,
                key: key.as_ref().map(ToString::to_string),
            },
            Report::RejectionPassed { generation } => Self::RejectionPassed { generation: *generation },
            Report::LateAnswer => Self::LateAnswer,
            Report::StoreFailed(fault) => {
                Self::StoreFailed { kind: fault.kind.name().into(), message: fault.message.clone() }
            }
            Report::StoreHealed => Self::StoreHealed,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Boot, RefreshReason, Span, Status, Wall};

    const NOW: Now = Now { boot: Boot::from_millis(1000), wall: Wall::from_unix_millis(1_795_338_000_000) };

    #[test]
    fn a_line_survives_the_file_and_an_event_of_tomorrow_is_no_error() {
        let event = Event::Report(Report::Refreshed {
            reason: RefreshReason::Proactive,
            epoch: 1,
            generation: 42,
            expires: NOW.wall + Span::from_hours(1),
            rotated: true,
            took: Span::from_millis(120),
            key: None,
        });
        let entry = Entry::of(NOW, &event).unwrap();
        let text = serde_json::to_string(&entry).unwrap();
        assert!(text.contains(r#""event":"refreshed""#), "{text}");
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
        let tomorrow = r#"{"schema":1,"at":"2026-11-22T09:00:00Z","event":"teleported","where":"mars"}"#;
        assert_eq!(serde_json::from_str::<Entry>(tomorrow).unwrap().what, What::Unknown);
    }

    #[test]
    fn a_lost_login_reads_as_one() {
        let status = Event::Changed { from: Status::Running, to: Status::Unauthenticated, cause: None };
        assert_eq!(Entry::of(NOW, &status).unwrap().sentence(), "login needed");
    }
}
