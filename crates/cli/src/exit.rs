//! How a command ends: the exit codes that scripts rely on, and failures in plain words.
//!
//! A failure says what is wrong, where, and what to do about it. It never holds a token: everything that could carry
//! one is dropped before it becomes text.

use std::borrow::Cow;
use std::fmt;

use renewd_core::{Span, Wall};

/// The exit codes of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As asked.
    Done = 0,
    /// A bug in renewd, or a machine that gives no entropy.
    Internal = 1,
    /// The call itself is wrong.
    Usage = 2,
    /// Nobody is logged in, or the grant is gone.
    LoginNeeded = 3,
    /// No token now; the next attempt is known.
    Unavailable = 4,
    /// The store or its key cannot be used.
    Store = 5,
    /// The configuration is wrong.
    Configuration = 6,
    /// The time given by `--timeout` passed.
    Timeout = 124,
}

impl Exit {
    /// As the process's exit code.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// What another process of ours ended with.
    pub(crate) fn of_code(code: i32) -> Option<Self> {
        let all = [
            Self::Done,
            Self::Internal,
            Self::Usage,
            Self::LoginNeeded,
            Self::Unavailable,
            Self::Store,
            Self::Configuration,
            Self::Timeout,
        ];
        all.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

    /// The `code` of a JSON error where nothing more exact is known.
    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::LoginNeeded => "unauthenticated",
            Self::Unavailable => "auth_retrying",
            Self::Store => "store_unavailable",
            Self::Configuration => "configuration",
            Self::Timeout => "timeout",
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// The `code` of the JSON error.
    pub(crate) code: Cow<'static, str>,
    /// What is wrong and where.
    pub(crate) message: String,
    /// What to do.
    pub(crate) advice: Option<String>,
    /// What is known of the credential it is about.
    pub(crate) about: Box<About>,
    /// Nothing more is to be said: whoever failed has said it, or `--check` wants silence.
    pub(crate) silent: bool,
}

/// What a failure knows of its credential.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) credential: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) retry_after: Option<Span>,
    pub(crate) next_attempt_at: Option<Wall>,
    pub(crate) login_command: Option<String>,
}

impl Failure {
    /// A failure of that kind.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: exit.name().into(),
            message: message.into(),
            advice: None,
            about: Box::default(),
            silent: false,
        }
    }

    /// The call itself is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The configuration is wrong.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(Exit::Configuration, message)
    }

    /// Something that should not happen did.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, message)
    }

    /// Ends with that code and says nothing.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self { silent: true, ..Self::new(exit, "") }
    }

    /// What to do about it.
    #[must_use]
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// A more exact `code` for the JSON error.
    #[must_use]
    pub(crate) fn coded(mut self, code: &'static str) -> Self {
        self.code = code.into();
        self
    }

    /// The credential it is about.
    #[must_use]
    pub(crate) fn about(mut self, name: impl fmt::Display) -> Self {
        self.about.credential = Some(name.to_string());
        self
    }
}

/// One sentence for what is wrong, one line for what to do.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(advice) = &self.advice {
            write!(f, "\n  {advice}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_codes_are_those_of_the_contract() {
        for (exit, code) in [
            (Exit::Done, 0),
            (Exit::Internal, 1),
            (Exit::Usage, 2),
            (Exit::LoginNeeded, 3),
            (Exit::Unavailable, 4),
            (Exit::Store, 5),
            (Exit::Configuration, 6),
            (Exit::Timeout, 124),
        ] {
            assert_eq!(exit.code(), code);
            assert_eq!(Exit::of_code(code.into()), Some(exit));
        }
    }

    #[test]
    fn a_failure_says_what_is_wrong_and_what_to_do() {
        let failure = Failure::usage("no credential is called x").advise("see `renewd status`").about("x");
        assert_eq!(failure.to_string(), "no credential is called x\n  see `renewd status`");
        assert_eq!(failure.code, "usage");
        assert_eq!(failure.about.credential.as_deref(), Some("x"));
    }
}
