//! What is asked for, and what is given.

use std::time::Duration;

use renewd_core::{AccessKey, Span};
use renewd_driver::CredentialName;
use zeroize::Zeroizing;

use crate::commands::token::{Format, authorization, write};
use crate::exit::Failure;
use crate::obtain::Obtained;
use crate::target::Target;

use super::named;

/// What is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wanted {
    /// The credential's name.
    pub name: String,
    /// Another scope than the login's, words with blanks between them.
    pub scope: Option<String>,
    /// Another resource than the login's (RFC 8707).
    pub resource: Option<String>,
    /// Another audience than the login's.
    pub audience: Option<String>,
    /// The token should live at least so long; one that lives shorter is given where nothing longer can be had, and says
    /// so ([`Token::short`]).
    pub min_validity: Duration,
    /// How long to wait; none: the configuration's, or a minute.
    pub timeout: Option<Duration>,
}

impl Wanted {
    /// The login's own token, on the configuration's terms.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            scope: None,
            resource: None,
            audience: None,
            min_validity: Duration::ZERO,
            timeout: None,
        }
    }

    pub(super) fn asked(&self) -> Result<Asked, Failure> {
        let words = self.scope.iter().flat_map(|scope| scope.split_ascii_whitespace());
        let target = Target {
            scope: words.map(String::from).collect(),
            resource: self.resource.clone(),
            audience: self.audience.clone(),
        };
        target.check()?;
        let timeout = self.timeout.map(span);
        if timeout.is_some_and(Span::is_zero) {
            return Err(Failure::usage("the timeout is zero; it must be longer"));
        }
        let key = target.key();
        Ok(Asked { name: named(&self.name)?, target, key, min_validity: span(self.min_validity), timeout })
    }
}

fn span(duration: Duration) -> Span {
    Span::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// The same, checked.
pub(super) struct Asked {
    pub(super) name: CredentialName,
    pub(super) target: Target,
    pub(super) key: AccessKey,
    pub(super) min_validity: Span,
    pub(super) timeout: Option<Span>,
}

/// What became of a rejection.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a 401 is answered with a newer token or passed on")]
pub enum Renewal {
    /// Try again, once, with this newer token.
    Renewed(Token),
    /// The token was made just now, and another would be refused just so: pass the 401 on.
    Passed,
}

/// A valid token. Its bytes are overwritten when it is dropped.
pub struct Token {
    bytes: Zeroizing<Vec<u8>>,
    authorization: Zeroizing<Vec<u8>>,
    obtained: Obtained,
}

/// Without the token.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Token {
    /// # Errors
    /// An internal failure where no header can carry it.
    pub(super) fn of(name: &CredentialName, obtained: Obtained) -> Result<Self, Failure> {
        let mut bytes = write(name, &obtained, Format::Raw)?;
        bytes.pop();
        Ok(Self { bytes, authorization: authorization(&obtained), obtained })
    }

    /// The token: letters, digits and signs of ASCII, no blank.
    pub fn access_token(&self) -> &str {
        ascii(&self.bytes)
    }

    /// The value of an `Authorization` header: `Bearer …`, or the scheme that the token's type is.
    pub fn authorization(&self) -> &str {
        ascii(&self.authorization)
    }

    /// The type that the server gave, as it wrote it.
    pub fn token_type(&self) -> &str {
        &self.obtained.token_type
    }

    /// When it expires, in milliseconds since 1970 in UTC, where known.
    pub fn expires_at_ms(&self) -> Option<i64> {
        self.obtained.expires.map(renewd_core::Wall::as_unix_millis)
    }

    /// Which login and which of its tokens: what a rejection names.
    pub fn version(&self) -> (u64, u64) {
        (self.obtained.epoch, self.obtained.generation)
    }

    /// The scope, where the server said one.
    pub fn scope(&self) -> Option<&str> {
        self.obtained.scope.as_deref()
    }

    /// Whether it lives shorter than was asked for.
    pub fn short(&self) -> bool {
        self.obtained.short
    }
}

/// What [`write`] lets pass is ASCII.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
