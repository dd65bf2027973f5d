//! A failure, as a script reads it, and as one process of ours reads it from another.

use renewd_core::Span;
use serde::{Deserialize, Serialize};

use super::SCHEMA;
use crate::exit::{Exit, Failure};
use crate::output::time::rfc3339;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::login_command;
    use renewd_core::Wall;

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
