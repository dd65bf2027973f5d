//! Why something was not done, for programs that are no command: the exit code becomes a number to look at.

use std::fmt;

use renewd_core::Span;

use crate::exit::Failure;
use crate::output::time::rfc3339;
use crate::output::without_controls;

/// Why something was not done. It never holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// The command's exit code: 1 internal, 2 usage, 3 login needed, 4 temporarily unavailable, 5 store unavailable,
    /// 6 configuration, 124 the time is over.
    pub exit: u8,
    /// More exactly, as the `code` of a JSON error: `auth_retrying`, `unauthenticated`, `no_grant`, ….
    pub code: String,
    /// What is wrong and where: one sentence for people.
    pub message: String,
    /// What to do about it, where anything can be done.
    pub advice: Option<String>,
    /// What is known of the credential.
    pub about: Box<About>,
}

/// What an error knows of the credential that it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Which credential, where it is about one.
    pub credential: Option<String>,
    /// The cause of its status, in snake_case.
    pub cause: Option<String>,
    /// In how many seconds the next attempt is due, rounded up, where one is.
    pub retry_after_s: Option<u64>,
    /// When that is, in RFC 3339.
    pub next_attempt_at: Option<String>,
    /// What a person types where a login is needed.
    pub login_command: Option<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.advice {
            Some(advice) => write!(f, " ({advice})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let about = failure.about;
        Self {
            exit: failure.exit.code(),
            code: failure.code.into_owned(),
            message: without_controls(&failure.message),
            advice: failure.advice.as_deref().map(without_controls),
            about: Box::new(About {
                credential: about.credential,
                cause: about.cause,
                retry_after_s: about.retry_after.map(Span::as_secs_ceil),
                next_attempt_at: about.next_attempt_at.map(rfc3339),
                login_command: about.login_command,
            }),
        }
    }
}
