//! What there is to say of credentials and token files.

use renewd_core::{AccessKey, Cause, Health, LastAttempt, Now, OtherToken, Status, View, plain_line};
use serde::{Deserialize, Serialize};

use super::SCHEMA;
use crate::credential::Announced;
use crate::output::time::rfc3339;

/// The longest name of a host (RFC 1035 §2.3.4).
const HOST_MAX_BYTES: usize = 253;

/// `status --json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StatusDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    /// The worst of all.
    #[cfg_attr(test, schemars(schema_with = "crate::schema::health"))]
    pub(crate) health: String,
    pub(crate) credentials: Vec<CredentialStatus>,
    /// The agent's token files; none where nobody asks an agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sinks: Vec<SinkStatus>,
}

/// A token file of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SinkStatus {
    pub(crate) path: String,
    pub(crate) credential: String,
    /// `fresh`, `waiting` for a first token, `failing`, `removed` or `stale`, where no valid token is left.
    pub(crate) state: String,
    /// Since when it is so.
    #[cfg_attr(test, schemars(schema_with = "crate::schema::time"))]
    pub(crate) since: String,
    /// Until when the token in it is valid.
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) valid_until: Option<String>,
    /// Why it cannot be written.
    pub(crate) message: Option<String>,
}

/// One credential of `status --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CredentialStatus {
    pub(crate) name: String,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::status"))]
    pub(crate) status: String,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::health"))]
    pub(crate) health: String,
    pub(crate) cause: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::phase"))]
    pub(crate) phase: String,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) epoch: u64,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) generation: u64,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) token_expires_at: Option<String>,
    pub(crate) token_valid: bool,
    /// The tokens that are kept for other scopes, resources and audiences. An agent of before does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) other_tokens: Vec<OtherTokenStatus>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) next_attempt_at: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_number"))]
    pub(crate) retry_after_s: Option<u64>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) since: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) auth_retrying_since: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) ceiling_at: Option<String>,
    pub(crate) saved: bool,
    pub(crate) in_doubt: bool,
    pub(crate) last_attempt: Option<AttemptStatus>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) refreshes: u64,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) rejections: u64,
    pub(crate) advice: Option<String>,
    pub(crate) login_command: Option<String>,
    /// The login that is waited for. One for each epoch, whoever asks and however often.
    #[serde(default)]
    pub(crate) login_request: Option<LoginRequest>,
    /// An attempt of another process, where it may be under way. An agent knows its own, and says none.
    #[serde(default)]
    pub(crate) announced: Option<AnnouncedStatus>,
}

/// A token for another scope, resource or audience than the login's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OtherTokenStatus {
    pub(crate) scope: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) audience: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::time"))]
    pub(crate) expires_at: String,
    pub(crate) valid: bool,
}

impl OtherTokenStatus {
    fn new(seen: &OtherToken) -> Self {
        let AccessKey { scope, resource, audience } = seen.key.clone();
        Self { scope, resource, audience, expires_at: rfc3339(seen.expires), valid: seen.valid }
    }

    /// What it is for.
    pub(crate) fn key(&self) -> AccessKey {
        AccessKey {
            scope: self.scope.clone(),
            resource: self.resource.clone(),
            audience: self.audience.clone(),
        }
    }
}

/// A login that is waited for. It is seen in the record, so that it is the same for every process and after every start;
/// a person who logged out is asked for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LoginRequest {
    /// The login that ended; 0 where there never was one.
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) epoch: u64,
    pub(crate) cause: String,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) since: Option<String>,
    pub(crate) command: String,
}

impl LoginRequest {
    fn of(name: &str, view: &View) -> Option<Self> {
        let cause = view.cause.filter(|cause| *cause != Cause::LoggedOut);
        let cause = cause.filter(|_| view.status == Status::Unauthenticated)?;
        Some(Self {
            epoch: view.epoch,
            cause: cause.name().into(),
            since: view.since.filter(|_| cause != Cause::NoGrant).map(rfc3339),
            command: login_command(name),
        })
    }
}

/// An attempt that a process announced and did not end yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AnnouncedStatus {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::time"))]
    pub(crate) at: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    /// Whether that process lives, where that can be told.
    pub(crate) lives: Option<bool>,
}

/// One credential alone: the agent's `GET /v1/credentials/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CredentialDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    #[serde(flatten)]
    pub(crate) credential: CredentialStatus,
}

/// The last attempt of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AttemptStatus {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::time"))]
    pub(crate) at: String,
    pub(crate) verdict: String,
    pub(crate) http_status: Option<u16>,
    pub(crate) content_type: Option<String>,
    pub(crate) oauth_error: Option<String>,
    pub(crate) message: Option<String>,
    /// The rule that decided: `renewd explain --rule` tells of it. An agent of before does not say.
    #[serde(default)]
    pub(crate) rule: Option<String>,
}

/// How a person logs in, for the first time or again. What is known of the credential need not be said.
pub(crate) fn login_command(name: &str) -> String {
    format!("renewd login {name}")
}

impl CredentialStatus {
    /// What is seen of a credential, at the moment it was seen.
    pub(crate) fn new(name: &str, view: &View, now: Now) -> Self {
        let wall = |boot| now.wall_at(boot);
        let waits = view.status == Status::AuthRetrying || !view.token_valid;
        let wait = view.next_attempt.filter(|_| waits).map(|at| at.since(now.boot).as_secs_ceil().max(1));
        // The store's own failure is what a person must mend first.
        let advice = view.advice.clone().or_else(|| view.store_fault.as_ref().map(|f| f.message.clone()));
        Self {
            name: name.into(),
            status: view.status.name().into(),
            health: view.health.name().into(),
            cause: view.cause.map(|c| c.name().into()),
            phase: view.phase.name().into(),
            epoch: view.epoch,
            generation: view.generation,
            token_expires_at: view.token_expires.map(rfc3339),
            token_valid: view.token_valid,
            other_tokens: view.others.iter().map(OtherTokenStatus::new).collect(),
            next_attempt_at: view.next_attempt.map(|b| rfc3339(wall(b))),
            retry_after_s: wait,
            since: view.since.map(rfc3339),
            auth_retrying_since: view.auth_retrying_since.map(rfc3339),
            ceiling_at: view.ceiling_at.map(|b| rfc3339(wall(b))),
            saved: view.saved,
            in_doubt: view.in_doubt,
            last_attempt: view.last_attempt.as_ref().map(AttemptStatus::new),
            refreshes: view.refreshes,
            rejections: view.rejections,
            advice,
            login_command: (view.status == Status::Unauthenticated).then(|| login_command(name)),
            login_request: LoginRequest::of(name, view),
            announced: None,
        }
    }

    /// The same, where the record announces an attempt.
    #[must_use]
    pub(crate) fn announcing(mut self, announced: &Announced) -> Self {
        let owner = &announced.intent.owner;
        self.announced = Some(AnnouncedStatus {
            at: rfc3339(announced.intent.marked.wall),
            // Another container's, perhaps, and chosen by whoever runs in it.
            host: plain_line(&owner.host, HOST_MAX_BYTES),
            pid: owner.pid,
            lives: announced.lives,
        });
        if announced.is_left() {
            self.in_doubt = true;
            if self.health == Health::Healthy.name() {
                self.health = Health::Degraded.name().into();
            }
        }
        self
    }
}

impl AttemptStatus {
    fn new(last: &LastAttempt) -> Self {
        Self {
            at: rfc3339(last.at),
            verdict: last.verdict.name().into(),
            http_status: last.evidence.http_status,
            content_type: last.evidence.content_type.clone(),
            oauth_error: last.evidence.oauth_error.clone(),
            message: last.evidence.message.clone(),
            rule: Some(last.evidence.rule.clone().into_owned()).filter(|rule| !rule.is_empty()),
        }
    }
}

impl StatusDocument {
    /// Of these credentials.
    pub(crate) fn new(credentials: Vec<CredentialStatus>) -> Self {
        let rank = |health: &str| match health {
            "healthy" => 0,
            "degraded" => 1,
            // What a newer agent calls by a name unknown here is not known to be well.
            _ => 2,
        };
        let worst =
            credentials.iter().map(|c| c.health.as_str()).max_by_key(|h| rank(h)).unwrap_or("healthy");
        Self { schema: SCHEMA, health: worst.into(), credentials, sinks: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_health_is_public_and_an_unknown_one_counts_as_bad() {
        let with = |health: &str| CredentialStatus {
            name: "a".into(),
            status: "running".into(),
            health: health.into(),
            cause: None,
            phase: "fresh".into(),
            epoch: 1,
            generation: 0,
            token_expires_at: None,
            token_valid: false,
            other_tokens: Vec::new(),
            next_attempt_at: None,
            retry_after_s: None,
            since: None,
            auth_retrying_since: None,
            ceiling_at: None,
            saved: true,
            in_doubt: false,
            last_attempt: None,
            refreshes: 0,
            rejections: 0,
            advice: None,
            login_command: None,
            login_request: None,
            announced: None,
        };
        for (all, worst) in [
            (vec![], "healthy"),
            (vec!["healthy", "degraded"], "degraded"),
            (vec!["unhealthy", "healthy"], "unhealthy"),
            (vec!["healthy", "of tomorrow"], "of tomorrow"),
        ] {
            let document = StatusDocument::new(all.into_iter().map(with).collect());
            assert_eq!(document.health, worst);
        }
    }

    #[test]
    fn the_name_of_another_host_cannot_steer_the_terminal_that_shows_it() {
        use renewd_core::{AttemptId, Intent, Owner, Stamp};
        let host = format!("a\u{1b}]0;b\u{7}\u{9b}2J\u{202e}c\nfake{}", "x".repeat(1 << 16));
        let intent = Intent {
            attempt: AttemptId(1),
            generation: 0,
            owner: Owner { host, ..Owner::default() },
            marked: Stamp::default(),
            settled: false,
            doubt: false,
            orphaned: None,
        };
        let view = renewd_core::Lifecycle::new(
            renewd_driver::system::setup(
                renewd_core::Policy::default(),
                renewd_core::Profile::generic(),
                renewd_core::Client::public("c"),
            ),
            0,
        )
        .view(Now::default());
        let seen = CredentialStatus::new("a", &view, Now::default());
        let host = seen.announcing(&Announced { intent, lives: None }).announced.unwrap().host;
        assert!(host.starts_with("ac fakex") && host.len() == HOST_MAX_BYTES, "{host:?}");
    }
}
