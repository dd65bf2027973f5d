//! What an authorization server does with a refresh token that was already used once.
//!
//! Real servers fall into a few classes, and a client must survive all of them. The class decides whether a replayed
//! request is harmless or costs the user the login, so it is the first thing a test chooses.

use std::fmt;
use std::str::FromStr;

/// How an authorization server rotates refresh tokens (RFC 6749 section 6, RFC 9700 section 4.14).
///
/// In all classes a revoked, expired or unknown refresh token is answered with `invalid_grant`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the seven classes are the whole taxonomy; tests match all of them"
)]
pub enum AsClass {
    /// Does not rotate: each answer carries an access token only, the refresh token stays.
    P0,
    /// Rotates, and every older refresh token of the grant stays valid.
    P1,
    /// Strict: a refresh token works once. Presenting it again is reuse and revokes the whole family, the newest
    /// refresh and access tokens included.
    #[default]
    P2,
    /// Grace: within `grace_ms` after its first use, replaying the refresh token of the newest superseded
    /// generation mints a sibling, which is valid beside the first successor. After the grace, or for an older
    /// generation, it is reuse as in [`AsClass::P2`].
    P3,
    /// Retires on acknowledgement: a used refresh token answers with the *same* successor again (and a new access
    /// token) until that successor, or an access token that came with it, is used. After that it is reuse as in
    /// [`AsClass::P2`].
    P4,
    /// Buggy: within `grace_ms` a replay is answered with success, but the refresh token in the answer is an *older*
    /// one than the one presented (the presented one itself where there is none older). It is superseded, so it only
    /// works as another replay. After the grace it is reuse as in [`AsClass::P2`].
    P5,
    /// Rotates like [`AsClass::P1`] and keeps at most `cap` live refresh tokens and `cap` live access tokens over all
    /// grants; issuing one more kills the oldest without a word.
    P6,
}

impl AsClass {
    /// All classes in order, for tests that go through every one.
    pub const ALL: [Self; 7] = [Self::P0, Self::P1, Self::P2, Self::P3, Self::P4, Self::P5, Self::P6];

    /// The name as written in configuration and scenario files: `P0` to `P6`.
    pub fn name(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
            Self::P6 => "P6",
        }
    }

    /// Whether a successful refresh answers with a new refresh token.
    pub fn rotates(self) -> bool {
        self != Self::P0
    }
}

impl fmt::Display for AsClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of an [`AsClass`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownClass(String);

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown authorization server class {:?}: use one of P0, P1, P2, P3, P4, P5, P6", self.0)
    }
}

impl std::error::Error for UnknownClass {}

impl FromStr for AsClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::ALL
            .into_iter()
            .find(|class| class.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownClass(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_back_from_its_name() {
        for class in AsClass::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
            assert_eq!(class.name().to_lowercase().parse(), Ok(class));
        }
    }

    #[test]
    fn an_unknown_class_is_an_error_that_lists_the_known_ones() {
        let error = "P9".parse::<AsClass>().unwrap_err().to_string();
        assert!(error.contains("\"P9\"") && error.contains("P6"), "{error}");
    }
}
