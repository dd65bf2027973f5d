//! The JSON that scripts rely on. Every document carries `"schema":1`; fields are added, never changed.
//!
//! The same types are read back where one process of ours asks another, hence texts rather than enums: a reader of
//! tomorrow's answer must not fail over a status it does not know.

use std::io;

use renewd_core::{Cause, Health, LastAttempt, Now, Secret, Span, Status, View, plain_line};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credential::Announced;
use crate::exit::{Exit, Failure};
use crate::output::time::rfc3339;

/// The longest name of a host (RFC 1035 §2.3.4).
const HOST_MAX_BYTES: usize = 253;

/// The schema of every document here.
pub(crate) const SCHEMA: u32 = 1;

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

/// `token --format json`, and the answer of the agent's `POST …/token`. It holds the token: it is written where it
/// was asked for, and nowhere else.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TokenDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    #[serde(with = "exposed")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub(crate) access_token: Secret,
    pub(crate) token_type: String,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) expires_at: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) epoch: u64,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::number"))]
    pub(crate) generation: u64,
    pub(crate) scope: Option<String>,
    /// What it is for, where the login or the caller named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<String>,
    /// It lives shorter than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) short: Option<bool>,
}

/// A failure, where a JSON format was asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ErrorDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    pub(crate) error: ErrorBody,
}

/// What failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ErrorBody {
    pub(crate) code: String,
    pub(crate) exit: u8,
    pub(crate) credential: Option<String>,
    pub(crate) message: String,
    pub(crate) cause: Option<String>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_number"))]
    pub(crate) retry_after_s: Option<u64>,
    #[cfg_attr(test, schemars(schema_with = "crate::schema::maybe_time"))]
    pub(crate) next_attempt_at: Option<String>,
    pub(crate) login_command: Option<String>,
}

impl ErrorDocument {
    /// Of a failure.
    pub(crate) fn new(failure: &Failure) -> Self {
        let about = &failure.about;
        Self {
            schema: SCHEMA,
            error: ErrorBody {
                code: failure.code.to_string(),
                exit: failure.exit.code(),
                credential: about.credential.clone(),
                message: failure.message.clone(),
                cause: about.cause.clone(),
                retry_after_s: about.retry_after.map(Span::as_secs_ceil),
                next_attempt_at: about.next_attempt_at.map(rfc3339),
                login_command: about.login_command.clone(),
            },
        }
    }
}

impl ErrorBody {
    /// The failure that an agent reports.
    pub(crate) fn into_failure(self) -> Failure {
        let exit = [
            Exit::Internal,
            Exit::Usage,
            Exit::LoginNeeded,
            Exit::Unavailable,
            Exit::Store,
            Exit::Configuration,
            Exit::Timeout,
        ];
        let exit = exit.into_iter().find(|e| e.code() == self.exit).unwrap_or(Exit::Internal);
        let mut failure = Failure::new(exit, self.message);
        failure.code = self.code.into();
        failure.about.credential = self.credential;
        failure.about.cause = self.cause;
        failure.about.retry_after = self.retry_after_s.map(Span::from_secs);
        failure.about.next_attempt_at =
            self.next_attempt_at.as_deref().and_then(crate::output::time::parse_rfc3339);
        // A person reads the same sentence with an agent and without one.
        failure.advice.clone_from(&self.login_command);
        failure.about.login_command = self.login_command;
        failure
    }
}

/// `explain --json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExplainDocument {
    pub(crate) schema: u32,
    pub(crate) verdict: &'static str,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) may_have_rotated: bool,
    pub(crate) expires_in: Option<u64>,
    pub(crate) rotated: Option<bool>,
    pub(crate) token_type: Option<String>,
    pub(crate) oauth_error: Option<String>,
    pub(crate) rule: String,
    pub(crate) message: Option<String>,
}

/// One line of JSON. It is measured before it is written, so that a token in it leaves no copy in a buffer that grew.
///
/// # Errors
/// Never for the types here; an internal failure otherwise.
pub(crate) fn line(document: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut length = Length(0);
    write(document, &mut length)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0.saturating_add(1)));
    write(document, &mut *bytes)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write(document: &impl Serialize, to: &mut impl io::Write) -> Result<(), Failure> {
    let mut serializer = serde_json::Serializer::with_formatter(to, ControlsEscaped);
    document.serialize(&mut serializer).map_err(|e| Failure::internal(format!("JSON: {e}")))
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A secret in a document that is there to carry it. Its type cannot be serialised; a field that says so can.
///
/// Reading copies it from the (overwritten) buffer to its place. Only where JSON had to escape something in it does the
/// reader hold a copy of its own.
pub(crate) mod exposed {
    use renewd_core::Secret;
    use serde::de::Visitor;
    use serde::ser::Error as _;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        let text = secret.expose_str().ok_or_else(|| S::Error::custom("a secret is not text"))?;
        serializer.serialize_str(text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_str(Copying)
    }

    struct Copying;

    impl Visitor<'_> for Copying {
        type Value = Secret;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
            Ok(Secret::copy_of(text.as_bytes()))
        }
    }
}

/// JSON in which every control character is escaped. RFC 8259 §7 asks for that up to U+001F only, and a terminal obeys
/// U+0080 to U+009F too: a scope that a server chose stands in what a person may print.
struct ControlsEscaped;

impl serde_json::ser::Formatter for ControlsEscaped {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for piece in fragment.split_inclusive(char::is_control) {
            let mut rest = piece.chars();
            match rest.next_back() {
                Some(control) if control.is_control() => {
                    write!(writer, "{}\\u{:04x}", rest.as_str(), u32::from(control))?;
                }
                _ => writer.write_all(piece.as_bytes())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::Wall;

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
    fn what_a_terminal_obeys_is_escaped_and_survives() {
        let told = ["\u{1b}[31m\"\\\n", "a\u{9b}2J\u{7f}\u{85}b", "\u{e9}\u{2713}", ""];
        let bytes = line(&told).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap().trim_end();
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.contains(r"a\u009b2J\u007f\u0085b"), "{text}");
        assert_eq!(serde_json::from_str::<[String; 4]>(text).unwrap(), told);
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

    #[test]
    fn a_failure_survives_the_way_through_an_agent() {
        let mut failure = Failure::new(Exit::Unavailable, "no token").about("github");
        failure.about.retry_after = Some(Span::from_millis(311_001));
        failure.about.next_attempt_at = Some(Wall::from_unix_millis(1_795_338_000_000));
        failure.about.cause = Some("outage".into());
        let text = serde_json::to_string(&ErrorDocument::new(&failure)).unwrap();
        assert!(text.contains("\"retry_after_s\":312"), "{text}");
        assert!(text.contains("\"next_attempt_at\":\"2026-11-22T09:00:00Z\""), "{text}");
        let back: ErrorDocument = serde_json::from_str(&text).unwrap();
        let back = back.error.into_failure();
        assert_eq!((back.exit, back.code.as_ref()), (Exit::Unavailable, "auth_retrying"));
        assert_eq!((back.about.credential.as_deref(), back.advice), (Some("github"), None));
    }

    #[test]
    fn a_login_that_an_agent_asks_for_is_advised_as_without_one() {
        let mut failure = Failure::new(Exit::LoginNeeded, "github: login needed");
        failure.about.login_command = Some(login_command("github"));
        let back = ErrorDocument::new(&failure).error.into_failure();
        assert_eq!(back.advice.as_deref(), Some("renewd login github"));
    }
}
